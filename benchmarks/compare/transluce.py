"""Runs the neuron tracing of TransluceAI/circuits (circuits/core, CPU) and writes what it measured, for `benchmarks/run compare-neurons`.

usage: transluce.py --checkpoint FILE --ids FILE --json OUT [--graph OUT] [--neurons N] [--threads N] [--cold]
The clone must be on PYTHONPATH; its circuits/core is used as it is. What that imports from the rest of the repository (a wrapper around
nnsight, chat formats, figures of graphics cards) is replaced here by the few lines of it that are needed, so that torch and transformers
will do. A checkpoint is a folder or a GGUF file, which transformers dequantises (that needs the package gguf).

Three things are set so that both sides compute the same; none of them makes circuits/core slower:
- attention patterns carry no gradient, which is the rule of arXiv 2508.21258 (circuits/core lets gradients through them), and are causal
  without a mask from outside;
- neurons of the first position are not chosen (its own list of positions to keep fails unless they are all);
- the mean of the unembedding is taken off it beforehand, as a target of a graph is a logit less the mean of all.
"""
import argparse
import json
import resource
import sys
import time
import types
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

parser = argparse.ArgumentParser()
for name in ("--checkpoint", "--ids", "--json"):
    parser.add_argument(name, type=Path, required=True)
parser.add_argument("--graph", type=Path)
parser.add_argument("--neurons", type=int, default=1000)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--cold", action="store_true")
a = parser.parse_args()

import torch  # noqa: E402

torch.set_num_threads(a.threads)


class TensorDict(dict):
    def to(self, device):
        return TensorDict({k: v.to(device) for k, v in self.items()})


class Samples(list):
    def to_list(self):
        return list(self)


def construct_dataset(subject, samples, **_):
    return Samples(dict(input_ids=p.tokenize(subject), attention_mask=[1] * len(p.tokenize(subject))) for p, _ in samples)


class IdsInput:
    def __init__(self, input_ids):
        self.input_ids = input_ids

    def tokenize(self, subject):
        return self.input_ids


def stand_in(name, **content):
    module = sys.modules[name] = types.ModuleType(name)
    module.__dict__.update(content)


stand_in("util")
stand_in("util.chat_input", IdsInput=IdsInput, ModelInput=object)
stand_in("util.subject", Subject=object, construct_dataset=construct_dataset)
stand_in("util.gpu", gpu_mem_str=lambda: "")
stand_in("util.parallel", TensorDict=TensorDict)
try:
    import opt_einsum  # noqa: F401
except ImportError:
    stand_in("opt_einsum", contract=torch.einsum)

from circuits.core import grad, jvp  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS  # noqa: E402


def attention(module, query, key, value, attention_mask, scaling, dropout=0.0, use_shapley_qk=False, **_):
    key, value = (grad.repeat_kv(t, module.num_key_value_groups) for t in (key, value))
    with torch.no_grad():
        scores = query @ key.transpose(2, 3) * scaling
        later = torch.ones(scores.shape[-2:]).triu(1).bool()
        pattern = scores.masked_fill(later, float("-inf")).softmax(-1)
    return (pattern @ value).transpose(1, 2).contiguous(), pattern


ALL_ATTENTION_FUNCTIONS["shapley"] = attention


strongest = jvp._get_global_important_neurons_mask
jvp._get_global_important_neurons_mask = lambda keep_tokens, **others: strongest(keep_tokens=keep_tokens[1:], **others)


class Subject:
    """What circuits/core asks of the repository's wrapper around a model."""

    def __init__(self, model):
        self.model = types.SimpleNamespace(_model=model, model=model.model)
        self.L, self.D = model.config.num_hidden_layers, model.config.hidden_size
        self.unembed, self.unembed_norm = model.lm_head, model.model.norm
        self.layernorm_fn = grad._llama3_layernorm_fn

    def collect_acts(self, inputs, layers, include, attention_masks):
        found = {l: types.SimpleNamespace() for l in layers}
        handles = []
        for l in layers:
            layer = self.model.model.layers[l]
            handles.append(layer.register_forward_hook(
                lambda _m, _i, out, l=l: setattr(found[l], "resid_BTD", out[0] if isinstance(out, tuple) else out)))
            handles.append(layer.mlp.down_proj.register_forward_hook(lambda _m, i, _o, l=l: setattr(found[l], "neurons_BTI", i[0])))
        self.model._model(torch.tensor([i.tokenize(self) for i in inputs]))
        for handle in handles:
            handle.remove()

        class Acts(dict):
            def to(self, device):
                return self

        return Acts(found)


place = dict(pretrained_model_name_or_path=a.checkpoint)
if a.checkpoint.is_file():
    place = dict(pretrained_model_name_or_path=a.checkpoint.parent, gguf_file=a.checkpoint.name)
start = time.time()
model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32, attn_implementation="eager").eval()
loaded = time.time() - start
for parameter in model.parameters():
    parameter.requires_grad_(False)
with torch.no_grad():
    unembedding = model.lm_head.weight
    model.lm_head.weight = torch.nn.Parameter(unembedding - unembedding.mean(0), requires_grad=False)
subject = Subject(model)


def trace(ids, neurons):
    last = len(ids) - 1
    with torch.no_grad():
        target = int(model(torch.tensor([ids])).logits[0, -1].argmax())
    config = jvp.ADAGConfig(device="cpu", use_relp_grad=True, use_stop_grad_on_mlps=True, node_attribution_threshold=None, topk_neurons=neurons)
    nodes, edges = jvp.get_all_pairs_cl_ja_effects_with_attributions(
        subject, [IdsInput(ids)], config, src_tokens=list(range(len(ids))), tgt_tokens=[last], focus_logits=[[target]])
    return target, nodes, edges


ids = [int(x) for x in a.ids.read_text().split()]
if not a.cold:
    trace(ids[:8], 16)
start, busy = time.time(), time.process_time()
target, nodes, edges = trace(ids, a.neurons)
total, busy = time.time() - start, time.process_time() - busy
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

L, P = subject.L, len(ids)
features = sorted((n.layer, n.token, n.neuron) for n in nodes if 0 <= n.layer < L)
a.json.write_text(json.dumps(dict(load=loaded, total=total, cpu=busy, phases={}, positions=P, active=len(features), selected=len(features), peak=peak)))
if a.graph:
    from safetensors.torch import save_file
    N = len(features)
    number = {key: i for i, key in enumerate(features)}
    n = N + L * P + P + 1
    matrix = torch.zeros(n, n)
    matrix[:, N:N + L * P] = float("nan")                           # it has no error nodes
    activation = {(v.layer, v.token, v.neuron): float(v.activation) for v in nodes}

    def row(key):
        return n - 1 if key.layer == L else N + L * P + key.token if key.layer < 0 else number[tuple(key)]

    # A weight is a share of the target's activation, plus a millionth of the mean of those that were computed with it.
    for edge in edges:
        matrix[row(edge.tgt), row(edge.src)] = float(edge.weight) * activation[tuple(edge.tgt)]
    save_file(dict(input_tokens=torch.tensor(ids), active_features=torch.tensor(features), selected_features=torch.arange(N),
                   adjacency_matrix=matrix, logit_tokens=torch.tensor([target])), a.graph)
