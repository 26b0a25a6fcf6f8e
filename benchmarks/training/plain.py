"""Trains the same per-layer TopK transcoders as `headwater train` with a plain loop of PyTorch, for benchmarks/training/run.

usage: plain.py --model FOLDER_OR_GGUF --corpus FILE --json OUT [--tokens N] [--features N] [--active K] [--until FVU] [--minutes M] ...
The text is cut as Headwater cuts it, the same documents are held out, activations flow through a buffer of the same size with as many visits,
batches, rate and schedule are the same. Dense products, autograd, torch.optim.Adam (fused). Encoders begin at data too (--random: at random);
decoders at zero, as in EleutherAI's sparsify.
"""
import argparse
import gzip
import json
import random
import resource
import time
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("--model", "--corpus", "--json"):
    parser.add_argument(name, type=Path, required=True)
parser.add_argument("--tokens", type=int, default=1 << 16)
parser.add_argument("--features", type=int, default=1024)
parser.add_argument("--active", type=int, default=34)
parser.add_argument("--batch", type=int, default=2048)
parser.add_argument("--rate", type=float, default=1e-3)
parser.add_argument("--window", type=int, default=256)
parser.add_argument("--buffer", type=int, default=32768)
parser.add_argument("--visits", type=int, default=4)
parser.add_argument("--held-out", type=int, default=4096)
parser.add_argument("--until", type=float, default=0.0)
parser.add_argument("--minutes", type=float, default=0.0)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--random", action="store_true")
a = parser.parse_args()

import torch  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

torch.set_num_threads(a.threads)
torch.manual_seed(0)
begun = time.time()
gguf = {"gguf_file": a.model.name} if a.model.is_file() else {}
folder = a.model.parent if a.model.is_file() else a.model
tokenizer = AutoTokenizer.from_pretrained(folder, **gguf)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **gguf).eval()
first = tokenizer.bos_token_id
special = set(tokenizer.all_special_ids)


def windows():
    train, judge = [], []
    rooms = {id(train): [], id(judge): []}
    opened = gzip.open(a.corpus, "rt") if a.corpus.suffix == ".gz" else open(a.corpus)
    with opened as lines:
        for number, line in enumerate(line for line in lines if line.strip("\n")):
            held = number % 8 == 4 and len(judge) * a.window < a.held_out
            to = judge if held else train
            room = rooms[id(to)]
            room += tokenizer(line.strip("\n"), add_special_tokens=False)["input_ids"] + [first]
            while len(room) >= a.window - 1:
                to.append([first] + room[: a.window - 1])
                del room[: a.window - 1]
            if len(train) * a.window >= a.tokens:
                break
    del train[-(-a.tokens // a.window):]
    random.Random(0).shuffle(train)
    return train, judge


train, judge = windows()
layers = model.config.num_hidden_layers
width = model.config.hidden_size
kept = {}
for number, block in enumerate(model.model.layers):
    block.mlp.register_forward_hook(lambda _, args, out, number=number: kept.__setitem__(number, (args[0], out)))


@torch.no_grad()
def activations(some):
    """bfloat16 [layers, 2, rows, width], scaled."""
    parts = []
    for at in range(0, len(some), 8):
        ids = torch.tensor(some[at:at + 8])
        model.model(ids, use_cache=False)
        keep = torch.tensor([[i > 0 and int(t) not in special for i, t in enumerate(row)] for row in ids.tolist()]).flatten()
        parts.append(torch.stack([torch.stack([half.reshape(-1, width)[keep] for half in kept[l]]) for l in range(layers)]))
    return torch.cat(parts, 2)


raw = activations(train[:4096 // a.window])
mean = raw.mean(2, keepdim=True)
factor = 1 / raw.var(2, unbiased=False).mean(-1).sqrt()[:, :, None, None]


def scaled(some):
    return ((activations(some) - mean) * factor).to(torch.bfloat16)


held = scaled(judge)
chunk = a.buffer // a.visits // a.window
chunks = [train[i:i + chunk] for i in range(0, len(train) - chunk + 1, chunk)]
slots = [scaled(c) for c in chunks[:a.visits]]


class Transcoder(torch.nn.Module):
    def __init__(self, x):
        super().__init__()
        start = torch.randn(a.features, width) if a.random else x[torch.randperm(len(x))[:a.features]].float()
        self.encoder = torch.nn.Parameter(start / start.norm(dim=1, keepdim=True))
        self.encoder_bias = torch.nn.Parameter(torch.zeros(a.features))
        self.decoder = torch.nn.Parameter(torch.zeros(a.features, width))
        self.decoder_bias = torch.nn.Parameter(torch.zeros(width))

    def forward(self, x):
        pre = torch.nn.functional.linear(x, self.encoder, self.encoder_bias)
        value, index = pre.topk(a.active, dim=-1, sorted=False)
        return torch.zeros_like(pre).scatter(-1, index, value) @ self.decoder + self.decoder_bias


sets = [Transcoder(slots[0][l, 0]) for l in range(layers)]
optimisers = [torch.optim.Adam(s.parameters(), lr=a.rate, fused=True) for s in sets]


@torch.no_grad()
def judged():
    fvus = []
    for l in range(layers):
        x, y = held[l, 0].float(), held[l, 1].float()
        fvus.append(float(((sets[l](x) - y) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()))
    return sum(fvus) / len(fvus)


log = []
step = 0
for number in range(len(chunks)):
    if number > 0 and number + a.visits - 1 < len(chunks):
        slots[(number - 1) % a.visits] = scaled(chunks[number + a.visits - 1])
    sizes = torch.tensor([s.shape[2] for s in slots])
    order = torch.randperm(int(sizes.sum()))
    slot = torch.repeat_interleave(torch.arange(len(slots)), sizes)
    row = torch.cat([torch.arange(int(n)) for n in sizes])
    steps = len(order) // a.batch
    for s in range(steps):
        share = (number + s / steps) / len(chunks)
        rate = a.rate * min(1, (step + 1) / 30) * (1 if share < 0.3 else 1 - 0.98 * (share - 0.3) / 0.7)
        step += 1
        some = order[s * a.batch:(s + 1) * a.batch]
        for l in range(layers):
            picked = [slots[k][l][:, row[some][slot[some] == k]] for k in range(len(slots))]
            batch = torch.cat(picked, 1).float()
            loss = ((sets[l](batch[0]) - batch[1]) ** 2).mean()
            optimisers[l].zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(sets[l].parameters(), 1.0)
            for group in optimisers[l].param_groups:
                group["lr"] = rate
            optimisers[l].step()
    seconds = time.time() - begun
    last = number + 1 == len(chunks) or a.minutes and seconds > 60 * a.minutes
    if last or number % 4 == 3:
        log.append(dict(step=step, seconds=seconds, fvu=judged()))
        print(log[-1], flush=True)
        if last or log[-1]["fvu"] <= a.until:
            break
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
a.json.write_text(json.dumps(dict(log=log, peak_bytes=peak, tokens=len(train) * a.window)))
