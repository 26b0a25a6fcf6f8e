"""Models, prompts, runs and how models go on."""

from __future__ import annotations

import ctypes
import json
from ctypes import byref
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterable, Sequence

import numpy as np

from . import _library as lib
from ._evaluation import Evaluation
from ._evaluation import evaluate as evaluated
from ._graph import Graph
from ._library import Listener, Memory, Progress, UsageError, call, ints, made, options, prompt_input, prompt_inputs
from ._tensor import Tensor, imported

_CHANGES = {"ablate": 0, "set": 1, "scale": 2, "add": 3, "swap": 4, "knock out": 5}
_FREEZE = {"attention": 0, "nothing": 1, "everything": 2}
_RANKS = {None: 0, "influence": 1, "total": 2}


@dataclass(frozen=True)
class Edit:
    """A change of features. ``place`` is ``"LAYER/POSITION/FEATURE"`` with ranges ``a:b`` and ``*``, as on the command line, or a tuple of
    the three; of an attention head ``"LAYER/HEAD"``."""

    place: str
    change: str
    value: float = 0.0
    other: str | None = None


def _place(place: str | Sequence[int]) -> str:
    return place if isinstance(place, str) else "/".join(str(int(part)) for part in place)


def ablate(place: str | Sequence[int]) -> Edit:
    """The activation is 0."""
    return Edit(_place(place), "ablate")


def set(place: str | Sequence[int], value: float) -> Edit:  # noqa: A001 - the command line's word
    """The activation is ``value``."""
    return Edit(_place(place), "set", value)


def scale(place: str | Sequence[int], factor: float) -> Edit:
    """The activation is multiplied."""
    return Edit(_place(place), "scale", factor)


def add(place: str | Sequence[int], difference: float) -> Edit:
    """Something is added to the activation."""
    return Edit(_place(place), "add", difference)


def swap(place: str | Sequence[int], other: str, factor: float = 1.0) -> Edit:
    """The activation is the one in another prompt, times a factor."""
    return Edit(_place(place), "swap", factor, other)


def knock_out(head: str | Sequence[int]) -> Edit:
    """An attention head writes nothing."""
    return Edit(_place(head), "knock out")


@dataclass(frozen=True)
class Prompt:
    """A prompt as a model reads it: token ids, their texts, and all of it as text."""

    tokens: np.ndarray
    texts: list[str]
    text: str


@dataclass(frozen=True)
class Generation:
    """How a model goes on: the new tokens, and their text without the token that ended it. ``end`` is why it ended."""

    tokens: np.ndarray
    texts: list[str]
    text: str
    end: str


class Run:
    """A pass of a model over P tokens. Arrays are views of the engine's memory, which they keep alive."""

    def __init__(self, memory: Memory, model: "Model") -> None:
        self._memory, self.model = memory, model

    @property
    def logits(self) -> np.ndarray:
        """float32 [P, V]."""
        return self._memory.array(60)

    @property
    def logits_tensor(self) -> Tensor:
        """The same for ``torch.from_dlpack``."""
        return Tensor(self._memory, 60)

    @property
    def tokens(self) -> np.ndarray:
        return self._memory.array(1)

    @property
    def token_texts(self) -> list[str]:
        return self._memory.texts(100)

    def probabilities(self, position: int = -1) -> np.ndarray:
        """Of the token after a position, float64 [V]."""
        logits = self.logits[position].astype(np.float64)
        weights = np.exp(logits - logits.max())
        return weights / weights.sum()

    def top(self, count: int = 5, position: int = -1) -> list[tuple[str, float]]:
        """The likeliest next tokens with their probabilities."""
        probabilities = self.probabilities(position)
        best = np.argsort(-probabilities, kind="stable")[:count]
        return [(self.model.token_text(int(token)), float(probabilities[token])) for token in best]

    def active(self, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions, numbers and activations of a layer's features that fire."""
        return self._memory.array(61, layer), self._memory.array(62, layer), self._memory.array(63, layer)

    def activations(self, layer: int) -> np.ndarray:
        """The same with zeros, float32 [P, F]."""
        return self._memory.array(64, layer)

    def activations_tensor(self, layer: int) -> Tensor:
        return Tensor(self._memory, 64, layer)


class Model:
    """A language model with transcoders, or with its own neurons as features. Threads may share it."""

    def __init__(self, memory: Memory) -> None:
        self._open: Memory | None = memory

    @property
    def _memory(self) -> Memory:
        if self._open is None:
            raise lib.ClosedError("the model is closed; load it again to work with it")
        return self._open

    def close(self) -> None:
        """Frees it as soon as other threads have ended their work with it, and nobody looks at runs of it any more."""
        self._open = None

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    @cached_property
    def info(self) -> dict[str, Any]:
        """What it is: references, sizes, device, dtype."""
        return json.loads(self._memory.texts(105)[0])

    @property
    def layers(self) -> int:
        return self.info["layers"]

    @property
    def features(self) -> int:
        """Of a layer."""
        return self.info["features"]

    def __repr__(self) -> str:
        return f"headwater.Model({self.info['model']!r}, {self.info['transcoders']!r})"

    def tokenize(self, prompt: Any) -> Prompt:
        """A prompt as the model reads it: of a text with a special token in front."""
        memory = made("hw_read_prompt", self._memory.handle, byref(prompt_input(prompt)))
        return Prompt(memory.array(1), memory.texts(100), memory.texts(101)[0])

    def token_text(self, token: int) -> str:
        return self.tokenize([token]).texts[0]

    def token_id(self, text: str) -> int:
        """The one token that a text is (mind the space before a word)."""
        tokens = self.tokenize(text)
        if len(tokens.tokens) == 2 and tokens.texts[1] == text:
            return int(tokens.tokens[1])
        if len(tokens.tokens) == 1 and tokens.texts[0] == text:
            return int(tokens.tokens[0])
        raise UsageError(f"{text!r} is not one token but {tokens.texts} (mind the space before a word)")

    def _ids(self, tokens: Iterable[int | str]) -> list[int]:
        return [self.token_id(token) if isinstance(token, str) else int(token) for token in tokens]

    def evaluate(
        self,
        text: Any,
        *,
        window: int = 128,
        tokens: int = 20_000,
        loss_tokens: int = 2048,
        layer_losses: bool = False,
        progress: Progress | None = None,
    ) -> Evaluation:
        """How far the transcoders stand in for the MLPs on text that they were not trained on: a file or several, UTF-8, a document a line,
        ``*.gz`` packed."""
        return evaluated(self._memory, text, window, tokens, loss_tokens, layer_losses, progress)

    def attribute(
        self,
        prompt: Any,
        *,
        max_features: int = 7500,
        max_logits: int = 10,
        logit_probability: float = 0.95,
        batch_size: int = 256,
        update_interval: int = 4,
        rank: str | None = None,
        tokens: Iterable[int | str] | None = None,
        difference: Sequence[int | str] | None = None,
        features: Iterable[Sequence[int]] | None = None,
        direction: Any = None,
        contrast: Iterable[Any] | None = None,
        heads: bool = False,
        memory: int = 0,
        progress: Progress | None = None,
    ) -> Graph:
        """The attribution graph of a prompt: text, token ids, a :class:`Chat`, or a list of messages.

        It explains the likeliest next tokens, or what one of these names: ``tokens`` (ids or texts), the ``difference`` of two,
        ``features`` (layer, position, number), a ``direction`` of the final residual stream, float32 [width] or [count, width], an
        array or anything that speaks DLPack. With a model's own neurons as features, activations count from their mean over the prompts of
        ``contrast`` in the place of 0. With ``heads``, pruning finds the attention heads of edges, too. ``progress(phase, done, total)`` may return False to end the work, which raises
        :class:`Cancelled`.
        """
        asked = options("hw_attribution_options_init")
        asked.max_features, asked.max_logits, asked.logit_probability = max_features, max_logits, logit_probability
        asked.batch_size, asked.update_interval, asked.memory = batch_size, update_interval, memory
        if rank not in _RANKS:
            raise UsageError(f"rank is {rank!r}; it can be 'influence' or 'total'")
        asked.rank = _RANKS[rank]
        if contrast is not None:
            others, asked.contrast_count = prompt_inputs(contrast)
            if not asked.contrast_count:
                raise UsageError("a contrast needs at least one prompt")
            if heads:
                raise UsageError("heads are of effects from 0, not from a mean; leave out heads or contrast")
            asked.contrast = others
            asked._kept = others
        given = [(1, tokens), (2, difference), (3, features), (4, direction)]
        given = [(kind, value) for kind, value in given if value is not None]
        if len(given) > 1:
            raise UsageError("a graph has targets of one kind; give one of tokens, difference, features, direction")
        kept: Any = None
        for kind, value in given:
            asked.target_kind = kind
            if kind == 4:
                kept = imported(value)
                asked.direction = kept.handle
            else:
                numbers = [number for feature in value for number in feature] if kind == 3 else self._ids(value)
                kept, asked.target_count = ints(numbers)
                asked.targets = ctypes.cast(kept, ctypes.POINTER(ctypes.c_int32))
        with Listener(progress) as listener:
            asked.progress = listener.function
            try:
                graph = made("hw_attribute", self._memory.handle, byref(prompt_input(prompt)), byref(asked))
            except lib.Cancelled:
                if listener.raised is None:
                    raise
                graph = None
        del kept
        assert graph is not None
        return Graph(graph, self._memory if heads else None)

    def intervene(self, prompt: Any, edits: Iterable[Edit] = (), *, freeze: str | tuple[int, int] = "attention") -> Run:
        """The prompt's pass with edits; without any, the plain model's.

        ``freeze`` says what stays as it was: ``"attention"`` (patterns), ``"nothing"``, ``"everything"`` (direct effects only), or a
        range of layers whose MLP outputs stay too.
        """
        array, count = _edits(edits)
        asked = self._freeze(freeze)
        return Run(
            made("hw_intervene", self._memory.handle, byref(prompt_input(prompt)), array, count, byref(asked)), self
        )

    def run(self, prompt: Any) -> Run:
        """The plain model's pass."""
        return self.intervene(prompt)

    def generate(
        self,
        prompt: Any,
        edits: Iterable[Edit] = (),
        *,
        max_tokens: int = 20,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        freeze: str | tuple[int, int] = "attention",
        progress: Progress | None = None,
    ) -> Generation:
        """Goes on with the prompt while the edits hold; at temperature 0 with the likeliest token always."""
        array, count = _edits(edits)
        asked = self._freeze(freeze)
        asked.max_tokens, asked.temperature, asked.top_k, asked.top_p, asked.seed = max_tokens, temperature, top_k, top_p, seed
        with Listener(progress) as listener:
            asked.progress = listener.function
            try:
                made_text = made("hw_generate", self._memory.handle, byref(prompt_input(prompt)), array, count, byref(asked))
            except lib.Cancelled:
                if listener.raised is None:
                    raise
                made_text = None
        assert made_text is not None
        return Generation(
            made_text.array(1), made_text.texts(100), made_text.texts(104)[0], json.loads(made_text.texts(105)[0])["end"]
        )

    @staticmethod
    def _freeze(freeze: str | tuple[int, int]) -> Any:
        asked = options("hw_intervention_options_init")
        if isinstance(freeze, str):
            if freeze not in _FREEZE:
                raise UsageError(f"freeze is {freeze!r}; it can be {', '.join(_FREEZE)} or a range of layers")
            asked.freeze = _FREEZE[freeze]
        else:
            asked.freeze = 3
            asked.first_layer, asked.end_layer = int(freeze[0]), int(freeze[-1])
        return asked

    def decoder_rows(self, layer: int, features: Sequence[int], target_layer: int | None = None) -> Tensor:
        """What features of a layer write to a layer (their own, unless said otherwise), float32 [n, width]."""
        numbers, count = ints(features)
        target = layer if target_layer is None else target_layer
        return Tensor(made("hw_decoder_rows", self._memory.handle, layer, target, numbers, count), 70)

    def directions(self, tokens: Iterable[int | str]) -> Tensor:
        """What explaining these tokens explains: unembeddings less their mean over the vocabulary, float32 [n, width]."""
        numbers, count = ints(self._ids(tokens))
        return Tensor(made("hw_target_directions", self._memory.handle, numbers, count), 70)


def _edits(edits: Iterable[Edit]) -> tuple[Any, int]:
    listed = list(edits)
    array = (lib.EditStruct * len(listed))()
    for struct, edit in zip(array, listed):
        if edit.change not in _CHANGES:
            raise UsageError(f"there is no change {edit.change!r}; it can be {', '.join(_CHANGES)}")
        struct.place = edit.place.encode()
        struct.other = None if edit.other is None else edit.other.encode()
        struct.change, struct.value = _CHANGES[edit.change], edit.value
    return array, len(listed)


def load(
    model: str | None = None,
    transcoders: str | None = None,
    *,
    device: str | None = None,
    dtype: str = "float32",
    products: str | None = None,
    progress: Progress | None = None,
) -> Model:
    """Loads a model with transcoders: directories, repositories ``org/name[@revision]``, or what is bundled (``"atlas"`` with
    ``"atlas-plt"``, the default, or ``"atlas-clt"``). ``transcoders="neurons"`` takes the model's own neurons as features."""
    asked = options("hw_model_options_init")
    if dtype not in ("float32", "bfloat16"):
        raise UsageError(f"dtype is {dtype!r}; it can be 'float32' or 'bfloat16'")
    asked.dtype = 1 if dtype == "bfloat16" else 0
    asked.device = None if device is None else device.encode()
    asked.products = None if products is None else products.encode()
    with Listener(progress) as listener:
        asked.progress = listener.function
        names = [None if name is None else str(name).encode() for name in (model, transcoders)]
        try:
            memory = made("hw_open_model", *names, byref(asked))
        except lib.Cancelled:
            if listener.raised is None:
                raise
            memory = None
    assert memory is not None
    return Model(memory)


def start(*, java_options: str | None = None, threads: int = 0, home: str | None = None) -> None:
    """Starts the Java machine now, with options; without this it starts when it is first needed."""
    asked = options("hw_start_options_init")
    asked.home = None if home is None else str(home).encode()
    asked.java_options = None if java_options is None else java_options.encode()
    asked.threads = threads
    call("hw_start", byref(asked))
