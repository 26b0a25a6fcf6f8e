"""Attention heads: what passed them, and why they look where they look."""

from __future__ import annotations

from ctypes import byref
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from . import _library as lib
from ._library import Listener, Memory, Progress, made, options

if TYPE_CHECKING:
    import pandas

KINDS = np.array(["feature", "error", "token", "logit"])


class Heads:
    """Which attention heads the edges of a pruned graph passed. Keeps the model, frozen at the graph's prompt, for :meth:`explain`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def influence(self) -> np.ndarray:
        """The share of the graph's influence that passes each head, float64 [layers, heads]."""
        return self._memory.array(80)

    @cached_property
    def ranking(self) -> "pandas.DataFrame":
        """A row for each head that influence passes: layer, head, influence; the most influential first."""
        import pandas

        layer, head = np.nonzero(self.influence)
        frame = pandas.DataFrame({"layer": layer, "head": head, "influence": self.influence[layer, head]})
        return frame.sort_values("influence", ascending=False, kind="stable", ignore_index=True)

    @cached_property
    def edges(self) -> "pandas.DataFrame":
        """A row for each edge and head that it passed: target and source (nodes of the graph), layer, head, loading; the strongest of an
        edge first."""
        import pandas

        counts = np.diff(self._memory.array(83))
        return pandas.DataFrame(
            {
                "target": np.repeat(self._memory.array(81), counts),
                "source": np.repeat(self._memory.array(82), counts),
                "layer": self._memory.array(84),
                "head": self._memory.array(85),
                "loading": self._memory.array(86),
            }
        )

    @cached_property
    def sources(self) -> "pandas.DataFrame":
        """What scores are sums over: kind, layer, position, number of all that is active."""
        import pandas

        numbers = self._memory.array(88)
        frame = pandas.DataFrame(numbers[:, 1:], columns=["layer", "position", "number"])
        frame.insert(0, "kind", pandas.Categorical.from_codes(numbers[:, 0], categories=KINDS))
        return frame

    def explain(self, layer: int, head: int, query: int, key: int, pairs: int = 12) -> "Score":
        """Why a head looks from position ``query`` to position ``key``; both count from the end if negative."""
        return Score(made("hw_explain_score", self._memory.handle, layer, head, query, key, pairs), self)


class Score:
    """A head's score, before soft-cap and softmax, as sums over :attr:`Heads.sources`."""

    def __init__(self, memory: Memory, heads: Heads) -> None:
        self._memory, self.heads = memory, heads
        summary = memory.array(90).tolist()
        #: the score, the attention after the softmax, and the mean score of all positions that the head sees from there
        self.score, self.attention, self.mean = summary[:3]
        #: what has no source, of query, key and relative
        self.query_rest, self.key_rest, self.relative_rest = summary[3:]

    @property
    def query(self) -> np.ndarray:
        """Of what makes the query, float32 [sources]; with ``query_rest`` they sum up to the score."""
        return self._memory.array(91)

    @property
    def key(self) -> np.ndarray:
        """Of what makes the key, float32 [sources]; with ``key_rest`` they sum up to the score."""
        return self._memory.array(92)

    @property
    def relative(self) -> np.ndarray:
        """Why there rather than elsewhere, float32 [sources]; with ``relative_rest`` they sum up to the score less the mean."""
        return self._memory.array(93)

    @cached_property
    def pairs(self) -> "pandas.DataFrame":
        """Terms of the score, the strongest first: query and key (rows of the sources), value."""
        import pandas

        ends = self._memory.array(94)
        return pandas.DataFrame({"query": ends[:, 0], "key": ends[:, 1], "value": self._memory.array(95)})

    def __repr__(self) -> str:
        return f"headwater.Score({self.score:.4f}, attention {self.attention:.4f})"


def find(model: Memory, pruned: Memory, share: float, explained: int, progress: Progress | None) -> Heads:
    """The heads of a pruned graph's edges."""
    asked = options("hw_heads_options_init")
    asked.share, asked.explained = share, explained
    with Listener(progress) as listener:
        asked.progress = listener.function
        try:
            memory = made("hw_find_heads", model.handle, pruned.handle, byref(asked))
        except lib.Cancelled:
            if listener.raised is None:
                raise
            memory = None
    assert memory is not None
    return Heads(memory)
