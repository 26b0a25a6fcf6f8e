"""circuit-tracer's names and shapes over Headwater, so that code that used it runs: README.md has a table of what differs.

Arrays are numpy's; ``torch.from_dlpack`` or ``torch.as_tensor`` makes tensors of them.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, NamedTuple, Sequence

import numpy as np

from . import _graph, _model
from ._library import UsageError


class LogitTarget(NamedTuple):
    token_str: str
    vocab_idx: int


class PruneResult(NamedTuple):
    node_mask: np.ndarray  # bool [n]
    edge_mask: np.ndarray  # bool [n, n]
    cumulative_scores: np.ndarray  # float64 [n]


class _Config(NamedTuple):
    n_layers: int
    d_vocab: int


class Graph:
    """A graph under circuit-tracer's names."""

    def __init__(self, graph: _graph.Graph) -> None:
        self.headwater = graph
        self.input_string: str = graph.text
        self.input_tokens = graph.tokens.astype(np.int64)
        self.active_features = graph.array("active_features").astype(np.int64)
        self.activation_values = graph.array("activations")
        self.selected_features = graph.array("selected").astype(np.int64)
        self.logit_probabilities = graph.array("logit_weights")
        self.logit_token_ids = graph.array("logit_tokens").astype(np.int64)
        self.logit_targets = [
            LogitTarget(text, int(token)) for (text, _), token in zip(graph.logits, self.logit_token_ids)
        ]
        self.scan: str | None = graph.info["scan"] or None
        self.vocab_size: int = graph.info["vocabulary"]
        self.cfg = _Config(graph.info["layers"], self.vocab_size)
        self.n_pos = len(self.input_tokens)

    @property
    def logit_tokens(self) -> np.ndarray:
        return self.logit_token_ids

    @property
    def adjacency_matrix(self) -> np.ndarray:
        """float32 [n, n], dense; made anew each time."""
        return np.asarray(self.headwater.rows(0, len(self.headwater)))

    def to(self, device: Any) -> None:
        """Nothing: arrays are in the processor's memory."""

    def to_pt(self, path: str) -> None:
        """Writes safetensors, never a pickle; :meth:`from_pt` reads both."""
        if str(path).endswith(".pt"):
            raise UsageError(f"{path}: graphs are written as *.safetensors, since reading a pickle can run code")
        self.headwater.save(path)

    @staticmethod
    def from_pt(path: str, map_location: Any = "cpu") -> "Graph":
        """Reads ``*.pt`` (nothing of it is run) and ``*.safetensors``."""
        return Graph(_graph.read(path))


class ReplacementModel:
    """A model under circuit-tracer's names; :meth:`from_pretrained` makes one."""

    def __init__(self, model: _model.Model) -> None:
        self.headwater = model
        self.scan = model.info["scan"]
        self.cfg = _Config(model.info["layers"], model.info["vocabulary"])

    @staticmethod
    def from_pretrained(
        model_name: str, transcoder_set: str, backend: str = "headwater", device: Any = None, dtype: Any = "float32", **_: Any
    ) -> "ReplacementModel":
        """``lazy_encoder``, ``lazy_decoder`` and the backend mean nothing: weights are mapped."""
        kind = str(dtype).removeprefix("torch.")
        where = None if device is None else str(device)
        return ReplacementModel(_model.load(model_name, transcoder_set, device=where, dtype=kind))

    def ensure_tokenized(self, prompt: Any) -> np.ndarray:
        return self.headwater.tokenize(prompt).tokens.astype(np.int64)

    def _results(self, run: _model.Run, sparse: bool, wanted: bool) -> tuple[np.ndarray, Any]:
        if sparse:
            raise UsageError("sparse activations are Run.active(layer) of headwater.Model.intervene")
        logits = run.logits[np.newaxis]
        if not wanted:
            return logits, None
        return logits, np.stack([run.activations(layer) for layer in range(self.headwater.layers)])

    def get_activations(
        self, inputs: Any, sparse: bool = False, apply_activation_function: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """logits [1, P, V] and activations [L, P, F]."""
        _applied(apply_activation_function)
        return self._results(self.headwater.run(inputs), sparse, True)

    def feature_intervention(
        self,
        inputs: Any,
        interventions: Sequence[tuple[int, Any, int, Any]],
        constrained_layers: Any = None,
        freeze_attention: bool = True,
        apply_activation_function: bool = True,
        sparse: bool = False,
        return_activations: bool = True,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """logits [1, P, V] and activations [L, P, F] with (layer, position, feature, value) set."""
        _applied(apply_activation_function)
        run = self.headwater.intervene(
            inputs, _edits(interventions, self._length(inputs)), freeze=_freeze(constrained_layers, freeze_attention)
        )
        return self._results(run, sparse, return_activations)

    def feature_intervention_generate(
        self,
        inputs: Any,
        interventions: Sequence[tuple[int, Any, int, Any]],
        constrained_layers: Any = None,
        freeze_attention: bool = True,
        max_new_tokens: int = 10,
        do_sample: bool = True,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        **_: Any,
    ) -> tuple[str, None, None]:
        """The prompt with its continuation; logits and activations of single steps are not kept (None)."""
        made = self.headwater.generate(
            inputs,
            _edits(interventions, self._length(inputs), generating=True),
            max_tokens=max_new_tokens,
            temperature=temperature if do_sample else 0.0,
            top_k=top_k or 0,
            top_p=1.0 if top_p is None else top_p,
            seed=seed,
            freeze=_freeze(constrained_layers, freeze_attention),
        )
        before = inputs if isinstance(inputs, str) else self.headwater.tokenize(inputs).text
        return before + made.text, None, None

    def _length(self, inputs: Any) -> int:
        return len(self.headwater.tokenize(inputs).tokens)


def _applied(apply_activation_function: bool) -> None:
    if not apply_activation_function:
        raise UsageError("features before their activation function: headwater intervene --pre-activations")


def _freeze(constrained_layers: Any, freeze_attention: bool) -> Any:
    if constrained_layers is not None:
        layers = list(constrained_layers)
        return layers[0], layers[-1] + 1
    return "attention" if freeze_attention else "nothing"


def _edits(interventions: Iterable[tuple[int, Any, int, Any]], length: int, generating: bool = False) -> list[_model.Edit]:
    edits = []
    for layer, position, feature, value in interventions:
        if isinstance(position, slice):
            start, stop, step = position.indices(length)
            if step != 1:
                raise UsageError(f"the positions {position} are not one stretch")
            open_end = generating and position.stop is None
            place = f"{int(layer)}/{start}:{'' if open_end else stop}/{int(feature)}"
            edits.append(_model.set(place, float(np.asarray(value).reshape(-1)[0])))
            continue
        positions = np.atleast_1d(np.asarray(position))
        values = np.broadcast_to(np.asarray(value, dtype=np.float64), positions.shape)
        edits += [_model.set((layer, at, feature), float(each)) for at, each in zip(positions, values)]
    return edits


def attribute(
    prompt: Any,
    model: ReplacementModel,
    *,
    attribution_targets: Any = None,
    max_n_logits: int = 10,
    desired_logit_prob: float = 0.95,
    batch_size: int = 512,
    max_feature_nodes: int | None = None,
    offload: Any = None,
    verbose: bool = False,
    update_interval: int = 4,
) -> Graph:
    """circuit-tracer's ``attribute``. ``offload`` means nothing; custom targets are weighted alike."""
    targets: dict[str, Any] = {}
    if attribution_targets is not None:
        listed = list(attribution_targets)
        if listed and not isinstance(listed[0], str) and isinstance(listed[0], tuple):
            targets["direction"] = np.stack([np.asarray(vector, dtype=np.float32) for _, _, vector in listed])
        else:
            targets["tokens"] = [each if isinstance(each, str) else int(each) for each in listed]
    graph = model.headwater.attribute(
        prompt,
        max_features=max_feature_nodes or 0,
        max_logits=max_n_logits,
        logit_probability=desired_logit_prob,
        batch_size=batch_size,
        update_interval=update_interval,
        progress=(lambda phase, done, total: print(phase) if done == 0 else None) if verbose else None,
        **targets,
    )
    return Graph(graph)


def prune_graph(graph: Graph, node_threshold: float = 0.8, edge_threshold: float = 0.98) -> PruneResult:
    """Masks of what is kept, and each node's share of the influence together with all before it."""
    pruned = graph.headwater.prune(node_threshold, edge_threshold)
    n = len(graph.headwater)
    nodes, edges = np.zeros(n, dtype=bool), np.zeros((n, n), dtype=bool)
    nodes[pruned.kept] = True
    edges[pruned.edges["target"], pruned.edges["source"]] = True
    influence = graph.headwater.array("node_influence")
    order = np.argsort(-influence, kind="stable")
    scores = np.empty(n)
    scores[order] = np.cumsum(influence[order]) / influence.sum()
    return PruneResult(nodes, edges, scores)


def compute_graph_scores(graph: Graph) -> tuple[float, float]:
    """Replacement and completeness."""
    return graph.headwater.scores


def create_graph_files(
    graph_or_path: Graph | str,
    slug: str,
    output_path: str | os.PathLike[str],
    scan: Any = None,
    node_threshold: float = 0.8,
    edge_threshold: float = 0.98,
) -> None:
    """Writes ``output_path/slug.json`` and the index beside it. The scan is the transcoders' own."""
    graph = Graph.from_pt(graph_or_path) if isinstance(graph_or_path, (str, os.PathLike)) else graph_or_path
    graph.headwater.prune(node_threshold, edge_threshold).save(Path(output_path) / f"{slug}.json")


def from_circuit_tracer(graph: Any) -> _graph.Graph:
    """A graph of circuit-tracer's own ``Graph``."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "graph.pt")
        graph.to_pt(file)
        return _graph.read(file)


def to_circuit_tracer(graph: _graph.Graph) -> Any:
    """circuit-tracer's own ``Graph``; needs that library. There outputs are at the prompt's last position always."""
    outputs = graph.array("node_position")[graph.array("node_kind") == 3]
    if (outputs != len(graph.tokens) - 1).any():
        raise UsageError("this graph has outputs within its text, which circuit-tracer's do not know")
    import torch
    from circuit_tracer.attribution.targets import LogitTarget as TheirTarget  # type: ignore[import-not-found]
    from circuit_tracer.graph import Graph as Theirs  # type: ignore[import-not-found]
    from circuit_tracer.utils.tl_nnsight_mapping import UnifiedConfig  # type: ignore[import-not-found]

    ours = Graph(graph)
    names = {"n_layers": ours.cfg.n_layers, "d_vocab": ours.cfg.d_vocab}
    config = UnifiedConfig(
        **{field: names.get(field, "" if field.endswith("name") else 0) for field in UnifiedConfig.__dataclass_fields__}
    )
    return Theirs(
        input_string=ours.input_string,
        input_tokens=torch.tensor(ours.input_tokens),
        active_features=torch.tensor(ours.active_features),
        adjacency_matrix=torch.tensor(ours.adjacency_matrix),
        cfg=config,
        selected_features=torch.tensor(ours.selected_features),
        activation_values=torch.tensor(np.array(ours.activation_values)),
        logit_targets=[TheirTarget(target.token_str, target.vocab_idx) for target in ours.logit_targets],
        logit_probabilities=torch.tensor(np.array(ours.logit_probabilities)),
        scan=ours.scan,
        vocab_size=ours.vocab_size,
    )
