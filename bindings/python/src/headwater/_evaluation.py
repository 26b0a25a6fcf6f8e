"""How far a set of transcoders stands in for a model's MLPs."""

from __future__ import annotations

import json
import os
from ctypes import byref, c_char_p
from functools import cached_property
from typing import TYPE_CHECKING, Any, Iterable

from . import _library as lib
from ._library import Listener, Memory, Progress, made, options

if TYPE_CHECKING:
    import pandas


class Evaluation:
    """What was found of a set on a text: ``engine/docs/evaluation.md`` has the definitions."""

    def __init__(self, memory: Memory) -> None:
        #: everything, as ``headwater evaluate --json`` prints it
        self.info: dict[str, Any] = json.loads(memory.texts(105)[0])

    @property
    def fvu(self) -> float:
        """Fraction of variance unexplained, mean over layers."""
        return self.info["meanFvu"]

    @property
    def l0(self) -> float:
        """Active features of a layer at a position, mean."""
        return self.info["meanL0"]

    @property
    def losses(self) -> dict[str, float] | None:
        """Nats a token: ``model``, and ``replaced``, ``zero`` and ``mean`` with all MLPs changed, with ``recovered`` and
        ``recoveredOverMean``; None if no tokens were to be taken for them."""
        found = self.info["losses"]
        return None if found is None else {"model": found["model"], **found["all"]}

    @cached_property
    def layers(self) -> "pandas.DataFrame":
        """A row for each layer: fvu, fvuNoOutliers, outliers, fvuWithFirst, l0, dead, dense, and with ``layer_losses`` loss.replaced and
        so on."""
        import pandas

        return pandas.json_normalize(self.info["layers"]).dropna(axis=1, how="all").set_index("layer")

    def __repr__(self) -> str:
        return f"headwater.Evaluation({self.info['transcoders']!r}, FVU {self.fvu:.4f}, L0 {self.l0:.1f})"


def evaluate(
    model: Memory,
    text: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    window: int,
    tokens: int,
    loss_tokens: int,
    layer_losses: bool,
    progress: Progress | None,
) -> Evaluation:
    """Judges a model's transcoders on text files."""
    files = [text] if isinstance(text, (str, os.PathLike)) else list(text)
    names = (c_char_p * len(files))(*[os.fspath(file).encode() for file in files])
    asked = options("hw_evaluation_options_init")
    asked.window, asked.layer_losses, asked.tokens, asked.loss_tokens = window, layer_losses, tokens, loss_tokens
    with Listener(progress) as listener:
        asked.progress = listener.function
        try:
            memory = made("hw_evaluate", model.handle, names, len(files), byref(asked))
        except lib.Cancelled:
            if listener.raised is None:
                raise
            memory = None
    assert memory is not None
    return Evaluation(memory)
