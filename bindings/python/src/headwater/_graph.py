"""Attribution graphs: nodes as a pandas frame, edges as a scipy matrix over the engine's own memory."""

from __future__ import annotations

import atexit
import json
import os
import re
import subprocess
import tempfile
from ctypes import byref, c_char_p, c_double
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._heads import KINDS, Heads, find
from ._library import HeadwaterError, Memory, Progress, call, home, made
from ._tensor import Tensor

if TYPE_CHECKING:
    import pandas
    import scipy.sparse

    from ._model import Model

#: Arrays of a graph by name; ``headwater.h`` says what each holds.
ARRAYS = {
    "tokens": 1,
    "node_kind": 10,
    "node_layer": 11,
    "node_position": 12,
    "node_number": 13,
    "node_activation": 14,
    "node_influence": 15,
    "edge_start": 20,
    "edge_source": 21,
    "edge_weight": 22,
    "logit_tokens": 30,
    "logit_weights": 31,
    "active_features": 40,
    "activations": 41,
    "selected": 42,
}


class Graph:
    """The direct effects between everything that takes part in a model's prediction. n nodes: features by layer, position and number,
    errors, tokens, logits. Arrays are views of the engine's memory, which they keep alive; they are read-only."""

    def __init__(self, memory: Memory, model: Memory | None = None) -> None:
        """``model`` is given where pruning is to find the heads of edges, too."""
        self._memory, self._model = memory, model

    def array(self, name: str) -> np.ndarray:
        """One of :data:`ARRAYS`, where it lies."""
        return self._memory.array(ARRAYS[name])

    def tensor(self, name: str) -> Tensor:
        """The same for ``torch.from_dlpack`` and others."""
        return Tensor(self._memory, ARRAYS[name])

    @cached_property
    def info(self) -> dict[str, Any]:
        """Where it comes from: model, transcoders, versions, settings, times."""
        return json.loads(self._memory.texts(105)[0])

    @property
    def text(self) -> str:
        """The prompt, special tokens included."""
        return self._memory.texts(101)[0]

    @property
    def tokens(self) -> np.ndarray:
        return self.array("tokens")

    @property
    def token_texts(self) -> list[str]:
        return self._memory.texts(100)

    @property
    def logits(self) -> list[tuple[str, float]]:
        """What it explains, with probabilities."""
        return list(zip(self._memory.texts(102), self.array("logit_weights").tolist()))

    def __len__(self) -> int:
        return len(self.array("node_kind"))

    def __repr__(self) -> str:
        return f"headwater.Graph({self.text!r}: {len(self)} nodes, {len(self.array('edge_weight'))} stored edges)"

    @cached_property
    def scores(self) -> tuple[float, float]:
        """How much of the prediction features explain: replacement and completeness, from 0 to 1."""
        both = c_double(), c_double()
        call("hw_scores", self._memory.handle, byref(both[0]), byref(both[1]))
        return both[0].value, both[1].value

    @cached_property
    def nodes(self) -> "pandas.DataFrame":
        """A row for each node: kind, layer, position, number, activation, influence, the token at its position, and of tokens and
        logits the text."""
        import pandas

        kind = self.array("node_kind")
        position = self.array("node_position")
        texts = np.array(self.token_texts, dtype=object)
        text = np.full(len(kind), "", dtype=object)
        text[kind == 2] = texts
        text[kind == 3] = self._memory.texts(102)
        return pandas.DataFrame(
            {
                "kind": pandas.Categorical.from_codes(kind, categories=KINDS),
                "layer": self.array("node_layer"),
                "position": position,
                "number": self.array("node_number"),
                "activation": self.array("node_activation"),
                "influence": self.array("node_influence"),
                "token": texts[position],
                "text": text,
            }
        ).rename_axis("node")

    @cached_property
    def edges(self) -> "scipy.sparse.csr_matrix":
        """float32 [n, n], rows are targets and columns sources; its values are the engine's memory."""
        import scipy.sparse

        start = self.array("edge_start")
        if start[-1] < 2**31:
            start = start.astype(np.int32)
        return scipy.sparse.csr_matrix(
            (self.array("edge_weight"), self.array("edge_source"), start), shape=(len(self), len(self)), copy=False
        )

    def rows(self, first: int, count: int) -> Tensor:
        """Rows of the edge matrix with their zeros, float32 [count, n]."""
        return Tensor(made("hw_edge_rows", self._memory.handle, first, count), 70)

    def prune(self, node_share: float = 0.8, edge_share: float = 0.98) -> "Pruned":
        """The nodes, then the edges, that carry these shares of the influence."""
        pruned = Pruned(made("hw_prune", self._memory.handle, node_share, edge_share), self, node_share, edge_share)
        if self._model is not None:
            pruned.heads = find(self._model, pruned._memory, 0.8, 0, None)
        return pruned

    def save(self, file: str | os.PathLike[str]) -> Path:
        """Writes the whole graph (``*.safetensors``), or pruned as usual the file of front ends (``*.json``) with its entry in the
        directory's index."""
        path = Path(file)
        if path.suffix == ".json":
            return self.prune().save(path)
        call("hw_write_graph", self._memory.handle, os.fsencode(path))
        return path

    def show(self, width: str = "100%", height: int = 800, node_share: float = 0.8, edge_share: float = 0.98) -> Any:
        """The explorer in a frame of a notebook."""
        return self.prune(node_share, edge_share).show(width, height)


class Pruned:
    """The part of a graph that carries most of the influence."""

    def __init__(self, memory: Memory, graph: Graph, node_share: float, edge_share: float) -> None:
        self._memory, self.graph = memory, graph
        self.node_share, self.edge_share = node_share, edge_share
        #: what :meth:`find_heads` found last, or ``attribute(heads=True)``
        self.heads: Heads | None = None

    def find_heads(
        self, model: "Model", *, share: float = 0.8, explained: int = 0, progress: Progress | None = None
    ) -> Heads:
        """Which attention heads the edges passed, which files say from then on. ``model`` is the one that the graph was made with;
        ``share`` of an edge's loadings are listed; of so many heads as ``explained`` the files say where they look."""
        self.heads = find(model._memory, self._memory, share, explained, progress)
        return self.heads

    @property
    def kept(self) -> np.ndarray:
        """Numbers of the kept nodes, ascending."""
        return self._memory.array(50)

    @property
    def labels(self) -> list[str]:
        """Names of the kept nodes: what is known of features, texts of tokens and logits."""
        return self._memory.texts(103)

    @cached_property
    def nodes(self) -> "pandas.DataFrame":
        """The kept rows of :attr:`Graph.nodes`, with labels; the most influential first."""
        return self.graph.nodes.loc[self.kept].assign(label=self.labels).sort_values("influence", ascending=False, kind="stable")

    @cached_property
    def edges(self) -> "pandas.DataFrame":
        """A row for each kept edge: target, source, weight."""
        import pandas

        return pandas.DataFrame(
            {"target": self._memory.array(51), "source": self._memory.array(52), "weight": self._memory.array(53)}
        )

    def __repr__(self) -> str:
        return f"headwater.Pruned({len(self.kept)} nodes, {len(self._memory.array(51))} edges)"

    def save(self, file: str | os.PathLike[str]) -> Path:
        """Writes ``DIRECTORY/NAME.json`` for front ends and enters it into the directory's index. Another prompt's graph is never
        replaced."""
        path = Path(file)
        if path.suffix != ".json":
            raise ValueError(f"{path}: the file of a pruned graph is named *.json; Graph.save writes *.safetensors")
        written = c_char_p()
        call("hw_write_pruned", self._memory.handle, path.stem.encode(), 0, os.fsencode(path.parent), byref(written))
        return Path(os.fsdecode(written.value or b""))

    def show(self, width: str = "100%", height: int = 800) -> Any:
        """The explorer in a frame of a notebook; its server ends with Python."""
        folder = tempfile.mkdtemp(prefix="headwater-")
        self.save(Path(folder) / "graph.json")
        address = serve(folder)
        try:
            from IPython.display import IFrame
        except ImportError:
            return address
        return IFrame(address, width=width, height=height)


def read(file: str | os.PathLike[str]) -> Graph:
    """Reads a whole graph: ``*.safetensors``, or circuit-tracer's ``*.pt``, of which nothing is run."""
    return Graph(made("hw_read_graph", os.fsencode(file)))


def serve(directory: str | os.PathLike[str]) -> str:
    """Starts the explorer on a free port, and returns its address; it ends with Python."""
    launcher = home() / "headwater"
    if not launcher.is_file():
        raise HeadwaterError(f"there is no {launcher}, which starts the explorer; name an unpacked release or a clone in HEADWATER_HOME")
    server = subprocess.Popen(
        [str(launcher), "serve", os.fspath(directory), "--port", "0", "--no-browser"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "HEADWATER_NO_BUILD": "1"},
    )
    atexit.register(server.terminate)
    said = ""
    assert server.stdout is not None
    for line in server.stdout:
        said += line
        found = re.search(r"https?://\S+", line)
        if found:
            return found.group()
    raise HeadwaterError(f"the explorer did not start: {said.strip()}")
