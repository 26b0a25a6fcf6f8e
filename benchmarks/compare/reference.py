"""Runs circuit-tracer (TransformerLens backend, CPU) and writes what it measured, for `benchmarks/run compare` and `graph-functions`.

usage: reference.py attribute --model DIR --ids FILE --json OUT [--graph OUT] [settings]
       reference.py attribute --checkpoint FILE --transcoders DIR --ids FILE --json OUT [--graph OUT] [settings]
       reference.py functions --graph FILE --json OUT [--repeat N]
circuit_tracer and transformer_lens must be importable, from clones or from packages; nothing is downloaded. DIR of --model holds model/ and
transcoders/. A checkpoint is a folder or a GGUF file, which transformers dequantises (that needs the package gguf).
"""
import argparse
import importlib.metadata
import json
import logging
import os
import re
import resource
import sys
import tempfile
import time
import types
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")


def make_importable():
    """What TransformerLens and circuit-tracer import but do not need here, and versions that they do not expect."""
    try:
        import better_abc  # noqa: F401
    except ImportError:
        stand_in = types.ModuleType("better_abc")
        stand_in.abstract_attribute = lambda x=None: x
        sys.modules["better_abc"] = stand_in
    real = importlib.metadata.version
    # transformers 4 refuses huggingface_hub 1, with which it works for local files.
    importlib.metadata.version = lambda name: "0.99.0" if name in ("huggingface-hub", "huggingface_hub") and int(real(name).split(".")[0]) >= 1 else real(name)
    import transformers  # noqa: F401
    importlib.metadata.version = real
    import huggingface_hub.constants as constants
    if not hasattr(constants, "HF_HUB_ENABLE_HF_TRANSFER"):
        constants.HF_HUB_ENABLE_HF_TRANSFER = False


def load(checkpoint, transcoders):
    """circuit-tracer's model from a local Llama checkpoint: TransformerLens opens official names only, so build its configuration here."""
    import inspect

    import torch
    import yaml
    from circuit_tracer.replacement_model.replacement_model_transformerlens import TransformerLensReplacementModel
    from circuit_tracer.transcoder.single_layer_transcoder import load_transcoder_set
    from transformer_lens import HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_llama_weights
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = dict(pretrained_model_name_or_path=checkpoint)
    if checkpoint.is_file():
        place = dict(pretrained_model_name_or_path=checkpoint.parent, gguf_file=checkpoint.name)
    hf = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32, attn_implementation="eager")
    c = hf.config
    settings = yaml.safe_load((transcoders / "config.yaml").read_text())
    paths = {i: str(transcoders / f"layer_{i}.safetensors") for i in range(c.num_hidden_layers)}
    named = dict(activation=settings.get("activation"))
    if "activation" not in inspect.signature(load_transcoder_set).parameters:   # the package's does not ask; it goes by the files
        named = {}
    tc = load_transcoder_set(paths, **named, lazy_encoder=False, lazy_decoder=False, scan=settings["scan"],
                             feature_input_hook=settings["feature_input_hook"], feature_output_hook=settings["feature_output_hook"],
                             device=torch.device("cpu"), dtype=torch.float32)
    cfg = dict(n_layers=c.num_hidden_layers, d_model=c.hidden_size, n_ctx=c.max_position_embeddings, d_head=c.head_dim,
               n_heads=c.num_attention_heads, d_vocab=c.vocab_size, d_mlp=c.intermediate_size, model_name=settings["model_name"],
               tokenizer_name=None, device="cpu", act_fn="silu", dtype=torch.float32, init_weights=False, normalization_type="RMS",
               eps=c.rms_norm_eps, positional_embedding_type="rotary", rotary_base=float(c.rope_theta), rotary_dim=c.head_dim,
               rotary_adjacent_pairs=False, gated_mlp=True, final_rms=True, original_architecture=type(hf).__name__)
    if c.num_key_value_heads != c.num_attention_heads:
        cfg["n_key_value_heads"] = c.num_key_value_heads
    cfg = HookedTransformerConfig.from_dict(cfg)
    model = TransformerLensReplacementModel(cfg, tokenizer=AutoTokenizer.from_pretrained(**place), default_padding_side="right")
    state = {k: v.detach().clone() for k, v in convert_llama_weights(hf, cfg).items()}
    result = model.load_state_dict(state, strict=False)
    left = [k for k in result.missing_keys if not k.endswith(("mask", "IGNORE", "rotary_sin", "rotary_cos", "b_U"))]
    assert not left and not result.unexpected_keys, (left, result.unexpected_keys)
    del hf, state
    model._configure_replacement_model(tc)
    model.cfg.tokenizer_name = str(checkpoint)
    return model


class Phases(logging.Handler):
    """Reads the times that the library logs at the end of each phase."""
    NAMES = {"Precomputation": "setup", "Forward": "setup", "Input": "setup", "Logit": "logit rows", "Feature": "feature rows"}

    def __init__(self):
        super().__init__()
        self.seconds = {}

    def emit(self, record):
        m = re.match(r"(\w+) .*in ([\d.]+)s$", record.getMessage())
        if m and m[1] in self.NAMES:
            name = self.NAMES[m[1]]
            self.seconds[name] = self.seconds.get(name, 0) + float(m[2])


def attribute(a):
    import torch
    torch.set_num_threads(a.threads)
    try:
        from circuit_tracer.attribution.attribute_transformerlens import attribute as run
    except ImportError:                                             # as the package has it
        from circuit_tracer.attribution.attribute import attribute as run
    start = time.time()
    model = load(a.checkpoint or a.model / "model", a.transcoders or a.model / "transcoders")
    loaded = time.time() - start
    ids = torch.tensor([int(x) for x in a.ids.read_text().split()])
    settings = dict(max_n_logits=10, desired_logit_prob=0.95, batch_size=a.batch_size, update_interval=a.update_interval)
    if not a.cold:
        run(ids[:8], model, **{**settings, "batch_size": min(16, a.batch_size)}, max_feature_nodes=16)
    log, phases = logging.getLogger("attribution"), Phases()
    log.addHandler(phases)
    log.setLevel(logging.INFO)
    log.setLevel = lambda level: None                               # the library would silence itself
    start, busy = time.time(), time.process_time()
    g = run(ids, model, max_feature_nodes=a.max_features or None, **settings)
    total, busy = time.time() - start, time.process_time() - busy
    a.json.write_text(json.dumps(dict(load=loaded, total=total, cpu=busy, phases=phases.seconds, positions=len(ids), active=len(g.active_features),
                                      selected=len(g.selected_features), peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                                      torch=torch.__version__)))
    if a.graph:
        from safetensors.torch import save_file
        save_file(dict(input_tokens=g.input_tokens.long(), active_features=g.active_features.long().contiguous(),
                       activation_values=g.activation_values.contiguous(), selected_features=g.selected_features.long(),
                       adjacency_matrix=g.adjacency_matrix.contiguous(), logit_probabilities=g.logit_probabilities.contiguous(),
                       logit_tokens=torch.tensor([t.vocab_idx for t in g.logit_targets])), a.graph)


def functions(a):
    """Influence, pruning, scores and files of a graph that Headwater has written, with the library's own functions."""
    import torch
    from safetensors import safe_open
    torch.set_num_threads(a.threads)
    from circuit_tracer.attribution.targets import LogitTarget
    from circuit_tracer.graph import Graph, compute_graph_scores, compute_node_influence, prune_graph
    from circuit_tracer.utils.create_graph_files import build_model, create_nodes, create_used_nodes_and_edges
    with safe_open(a.graph, "pt") as f:
        t = {k: f.get_tensor(k) for k in f.keys()}
        header = json.loads(f.metadata()["headwater_graph"])
    config = types.SimpleNamespace(n_layers=header["layers"], d_vocab=header["vocabularySize"])
    graph = Graph.__new__(Graph)                                    # its constructor wants a whole model configuration
    graph.__dict__.update(input_string=header["prompt"], input_tokens=t["input_tokens"], active_features=t["active_features"],
                          adjacency_matrix=t["adjacency_matrix"], selected_features=t["selected_features"],
                          activation_values=t["activation_values"], logit_probabilities=t["logit_probabilities"], cfg=config,
                          logit_targets=[LogitTarget(token_str=f"w{i}", vocab_idx=i) for i in t["logit_tokens"].tolist()],
                          scan="bench", vocab_size=header["vocabularySize"], n_pos=len(t["input_tokens"]))
    tokenizer = types.SimpleNamespace(decode=lambda i: f"w{int(i)}")
    weights = torch.zeros(len(graph.adjacency_matrix))
    weights[-len(graph.logit_targets):] = graph.logit_probabilities
    seconds = {"influence": [], "prune": [], "scores": [], "json": []}
    for _ in range(a.repeat):
        def timed(name, f):
            start = time.time()
            result = f()
            seconds[name].append(time.time() - start)
            return result

        timed("influence", lambda: compute_node_influence(graph.adjacency_matrix, weights))
        nodes, edges, cumulative = timed("prune", lambda: prune_graph(graph, 0.8, 0.98))
        scores = timed("scores", lambda: compute_graph_scores(graph))

        def files():
            made = create_nodes(graph, nodes, tokenizer, cumulative)
            used, links = create_used_nodes_and_edges(graph, made, edges)
            model = build_model(graph, used, links, "benchmark", "bench", 0.8, tokenizer)
            with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "benchmark.json", "w") as out:
                out.write(model.model_dump_json(indent=2))
            return len(used), len(links)

        used, links = timed("json", files)
    a.json.write_text(json.dumps(dict(seconds=seconds, nodes=used, links=links, scores=scores,
                                      peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(required=True)
p = commands.add_parser("attribute")
p.set_defaults(run=attribute)
p.add_argument("--model", type=Path)
p.add_argument("--checkpoint", type=Path)
p.add_argument("--transcoders", type=Path)
p.add_argument("--ids", type=Path, required=True)
p.add_argument("--graph", type=Path)
p.add_argument("--max-features", type=int, default=2000)
p.add_argument("--batch-size", type=int, default=256)
p.add_argument("--update-interval", type=int, default=4)
p.add_argument("--cold", action="store_true")
q = commands.add_parser("functions")
q.set_defaults(run=functions)
q.add_argument("--graph", type=Path, required=True)
q.add_argument("--repeat", type=int, default=5)
for s in (p, q):
    s.add_argument("--json", type=Path, required=True)
    s.add_argument("--threads", type=int, default=1)
arguments = parser.parse_args()
make_importable()
arguments.run(arguments)
