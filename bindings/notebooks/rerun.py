"""Runs notebooks and compares what comes out with what they keep.

Text has to be the same word for word, numbers in it within a tolerance; of pictures, that they are there: the numbers that a figure shows
are printed beside it, or asserted.
"""

import argparse
import base64
import io
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

HERE = Path(__file__).parent
NUMBER = re.compile(r"(\d+)(\.\d+)?(e[-+]?\d+)?")
RELATIVE = 0.005
LAST_DIGITS = 1.5
KEPT = ("text/plain", "text/html", "image/png")


def near(one: str, other: str) -> bool:
    """Whether two words are the same but for what float32 sums differ in from one processor to another."""
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    for ours, theirs in zip(NUMBER.finditer(one), NUMBER.finditer(other)):
        digits = len(ours.group(2) or ".") - 1
        slack = RELATIVE * abs(float(ours.group())) + (LAST_DIGITS * 10.0**-digits if digits else 0)
        if abs(float(ours.group()) - float(theirs.group())) > slack:
            return False
    return True


def said(cell) -> tuple[list[str], list[str]]:
    """The words that a cell put out, and the kinds of its pictures."""
    words, pictures = [], []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            words += output.text.split()
        elif output.output_type == "error":
            words += [output.ename, *output.evalue.split()]
        else:
            pictures += [kind for kind in output.data if kind.startswith("image/")]
            if not pictures:
                words += output.data.get("text/plain", "").split()
    return words, pictures


def difference(kept, now) -> str | None:
    """What is not as it was in a cell."""
    (before, pictures), (after, new) = said(kept), said(now)
    if pictures != new:
        return f"pictures {new} and not {pictures}"
    for one, other in zip(before, after):
        if not near(one, other):
            return f"{other!r} and not {one!r}"
    if len(before) != len(after):
        return f"{len(after)} words and not {len(before)}"
    return None


def tidy(notebook) -> None:
    """Takes out what differs from run to run, so that a rewritten notebook differs from the one before where its results do."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        streams = []
        for output in cell.get("outputs", []):
            output.pop("metadata", None)
            if output.output_type in ("display_data", "execute_result"):
                output.metadata = {}
                output.data = {kind: output.data[kind] for kind in KEPT if kind in output.data}
                if "image/png" in output.data:
                    output.data.pop("text/plain", None)
                    output.data["image/png"] = smaller(output.data["image/png"])
            if output.output_type == "stream" and streams and streams[-1].get("name") == output.name:
                streams[-1].text += output.text
            else:
                streams.append(output)
        if cell.cell_type == "code":
            cell.outputs = streams


def smaller(png: str) -> str:
    """A drawing in few colours, so that a repository can keep it."""
    small = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").quantize(64).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def run(file: Path, write: bool) -> bool:
    started = time.monotonic()
    kept = nbformat.read(file, 4)
    needed = kept.metadata.get("headwater", {}).get("needs")
    if needed and not os.environ.get(needed):
        print(f"{file.name}: skipped, {needed} is not set")
        return True
    now = nbformat.reads(nbformat.writes(kept), 4)
    for cell in now.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    quiet = ["--IPKernelApp.log_level=ERROR"] if kept.metadata.kernelspec.name == "python3" else []
    try:
        NotebookClient(now, timeout=300, resources={"metadata": {"path": str(file.parent)}}, extra_arguments=quiet).execute()
    except CellExecutionError as failure:
        print(f"{file.name}: {failure}")
        return False
    now.metadata = kept.metadata
    tidy(now)
    if write:
        nbformat.write(now, file)
        large = [f"{size // 1000} kB" for cell in now.cells for size in pictures(cell) if size > 60_000]
        print(f"{file.name}: kept, {file.stat().st_size // 1000} kB {' '.join(large)}, {time.monotonic() - started:.1f} s")
        return True
    wrong = 0
    for number, (before, after) in enumerate(zip(kept.cells, now.cells)):
        found = difference(before, after)
        if found:
            wrong += 1
            print(f"{file.name}, cell {number}: {found}")
    cells = sum(cell.cell_type == "code" for cell in now.cells)
    print(f"{file.name}: {cells} cells, {wrong} not as kept, {time.monotonic() - started:.1f} s")
    return wrong == 0


def pictures(cell):
    for output in cell.get("outputs", []):
        if output.output_type != "stream" and "image/png" in output.get("data", {}):
            yield len(base64.b64decode(output.data["image/png"]))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--write", action="store_true", help="keep what comes out")
    asked.add_argument("notebooks", nargs="*", type=Path, default=sorted(HERE.glob("*.ipynb")))
    given = asked.parse_args()
    with ThreadPoolExecutor(2) as two:
        good = list(two.map(lambda file: run(file, given.write), given.notebooks))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
