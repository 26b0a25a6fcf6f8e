"""Traces a great many prompts, looks at each graph as a user would, and says what memory that left behind: `loop.py [ROUNDS]`.
Exit status 1 if the process grew by more than a twentieth and 30 MB after the first third."""

import gc
import os
import sys
import time
from pathlib import Path

import headwater


def resident() -> float:
    """MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def main(rounds: int) -> int:
    model = headwater.load("atlas")
    early = began = 0.0
    for i in range(rounds):
        if i == rounds // 3:
            gc.collect()
            early, began = resident(), time.monotonic()
        graph = model.attribute(f"{i % 90 + 10}+{i % 70 + 20}=", max_features=100, heads=i % 10 == 0)
        graph.edges.sum(), graph.nodes, graph.prune().nodes
        graph.tensor("edge_weight").__dlpack__(max_version=(1, 0))  # nobody takes it
        model.intervene("36+59=", [headwater.scale("0/1/*", 0.5)]).top(1)
    each = (time.monotonic() - began) / (rounds - rounds // 3)
    del graph
    gc.collect()
    late, left = resident(), headwater.about()["open"]
    print(f"{rounds} prompts: {early:.0f} MB after a third of them, {late:.0f} MB at the end, {left} handle open; {each * 1e3:.1f} ms each since then")
    return 0 if late < early * 1.05 + 30 and left == 1 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
