"""``libheadwater.so`` by ctypes: where it lies, its functions, and what keeps its memory alive."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import re
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

API_VERSION = 1
_OLDEST_TORCH = (2, 10)
_SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
UNTIL_ZERO = ctypes.c_size_t(-1).value


class HeadwaterError(RuntimeError):
    """What could not be done, in one sentence."""


class UsageError(HeadwaterError, ValueError):
    """A request that makes no sense."""


class ClosedError(HeadwaterError):
    """A model or graph that is closed."""


class Cancelled(HeadwaterError):
    """Work that a progress function ended."""


_ERRORS: dict[int, type[HeadwaterError]] = {1: UsageError, 3: ClosedError, 4: Cancelled}

Progress = Callable[[str, int, int], Any]
_PROGRESS = ctypes.CFUNCTYPE(c_int32, c_void_p, c_char_p, c_int64, c_int64)


class StartOptions(Structure):
    _fields_ = [("size", c_size_t), ("home", c_char_p), ("java_options", c_char_p), ("threads", c_int32)]


class ModelOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("device", c_char_p),
        ("products", c_char_p),
        ("dtype", c_int32),
        ("progress", _PROGRESS),
        ("user", c_void_p),
    ]


class PromptInput(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("text", c_char_p),
        ("text_length", c_size_t),
        ("tokens", POINTER(c_int32)),
        ("token_count", c_size_t),
        ("chat", c_int32),
        ("leading_special", c_int32),
        ("thinking", c_int32),
        ("messages", c_char_p),
        ("system", c_char_p),
        ("assistant", c_char_p),
    ]


class AttributionOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("max_features", c_int32),
        ("max_logits", c_int32),
        ("logit_probability", c_double),
        ("batch_size", c_int32),
        ("update_interval", c_int32),
        ("rank", c_int32),
        ("target_kind", c_int32),
        ("targets", POINTER(c_int32)),
        ("target_count", c_size_t),
        ("direction", c_uint64),
        ("memory", c_uint64),
        ("progress", _PROGRESS),
        ("user", c_void_p),
        ("contrast", POINTER(PromptInput)),
        ("contrast_count", c_size_t),
    ]


class HeadsOptions(Structure):
    _fields_ = [("size", c_size_t), ("share", c_double), ("explained", c_int32), ("progress", _PROGRESS), ("user", c_void_p)]


class EvaluationOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("window", c_int32),
        ("layer_losses", c_int32),
        ("tokens", c_int64),
        ("loss_tokens", c_int64),
        ("progress", _PROGRESS),
        ("user", c_void_p),
    ]


class EditStruct(Structure):
    _fields_ = [("place", c_char_p), ("other", c_char_p), ("change", c_int32), ("value", c_float)]


class InterventionOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("freeze", c_int32),
        ("first_layer", c_int32),
        ("end_layer", c_int32),
        ("max_tokens", c_int32),
        ("temperature", c_double),
        ("top_p", c_double),
        ("top_k", c_int32),
        ("seed", c_int64),
        ("progress", _PROGRESS),
        ("user", c_void_p),
    ]


class ArrayStruct(Structure):
    _fields_ = [("data", c_void_p), ("shape", c_int64 * 4), ("rank", c_int32), ("type", c_int32)]


class TextsStruct(Structure):
    _fields_ = [("text", POINTER(c_void_p)), ("length", POINTER(c_size_t)), ("count", c_size_t)]


_TYPES = {1: np.uint8, 2: np.int32, 3: np.int64, 4: np.float32, 5: np.float64}

_HANDLE, _OUT = c_uint64, POINTER(c_uint64)
_SIGNATURES: dict[str, list[Any]] = {
    "hw_start": [POINTER(StartOptions)],
    "hw_about": [POINTER(c_char_p)],
    "hw_close": [_HANDLE],
    "hw_get_array": [_HANDLE, c_int32, c_int32, POINTER(ArrayStruct)],
    "hw_get_texts": [_HANDLE, c_int32, POINTER(TextsStruct)],
    "hw_export_tensor": [_HANDLE, c_int32, c_int32, POINTER(c_void_p)],
    "hw_import_tensor": [c_void_p, _OUT],
    "hw_open_model": [c_char_p, c_char_p, POINTER(ModelOptions), _OUT],
    "hw_read_prompt": [_HANDLE, POINTER(PromptInput), _OUT],
    "hw_decoder_rows": [_HANDLE, c_int32, c_int32, POINTER(c_int32), c_size_t, _OUT],
    "hw_target_directions": [_HANDLE, POINTER(c_int32), c_size_t, _OUT],
    "hw_attribute": [_HANDLE, POINTER(PromptInput), POINTER(AttributionOptions), _OUT],
    "hw_read_graph": [c_char_p, _OUT],
    "hw_write_graph": [_HANDLE, c_char_p],
    "hw_edge_rows": [_HANDLE, c_int32, c_int32, _OUT],
    "hw_scores": [_HANDLE, POINTER(c_double), POINTER(c_double)],
    "hw_prune": [_HANDLE, c_double, c_double, _OUT],
    "hw_find_heads": [_HANDLE, _HANDLE, POINTER(HeadsOptions), _OUT],
    "hw_explain_score": [_HANDLE, c_int32, c_int32, c_int32, c_int32, c_int32, _OUT],
    "hw_evaluate": [_HANDLE, POINTER(c_char_p), c_size_t, POINTER(EvaluationOptions), _OUT],
    "hw_write_pruned": [_HANDLE, c_char_p, c_int32, c_char_p, POINTER(c_char_p)],
    "hw_intervene": [_HANDLE, POINTER(PromptInput), POINTER(EditStruct), c_size_t, POINTER(InterventionOptions), _OUT],
    "hw_generate": [_HANDLE, POINTER(PromptInput), POINTER(EditStruct), c_size_t, POINTER(InterventionOptions), _OUT],
}
_INITS = {
    "hw_start_options_init": StartOptions,
    "hw_model_options_init": ModelOptions,
    "hw_prompt_input_init": PromptInput,
    "hw_attribution_options_init": AttributionOptions,
    "hw_heads_options_init": HeadsOptions,
    "hw_evaluation_options_init": EvaluationOptions,
    "hw_intervention_options_init": InterventionOptions,
}

_loaded: ctypes.CDLL | None = None
_sentence: Any = None


def home() -> Path:
    """The release or built clone whose library is used: HEADWATER_HOME, what the wheel carries, or the clone that this lies in."""
    named = os.environ.get("HEADWATER_HOME")
    if named:
        places = [Path(named)]
    else:
        here = Path(__file__).resolve().parent
        places = [here / "release", *here.parents]
    for place in places:
        if _library_in(place) is not None:
            return place
    raise HeadwaterError(
        f"there is no libheadwater{_SUFFIX} in {named}, which HEADWATER_HOME names; name an unpacked release or a built clone"
        if named
        else "Headwater is not found: name an unpacked release, or a clone in which ./headwater doctor was run, in HEADWATER_HOME"
    )


def _library_in(place: Path) -> Path | None:
    for folder in ("native", "lib", "native/target/lib"):
        file = place / folder / f"libheadwater{_SUFFIX}"
        if file.is_file():
            return file
    return None


def _torch() -> Path | None:
    """The libtorch of an installed PyTorch that is new enough. Where PyTorch is, or may be imported later, its libtorch must be the one in
    the process: two of them share names, and break each other."""
    loaded = sys.modules.get("torch")
    if loaded is None:
        try:
            found = importlib.util.find_spec("torch")
        except (ImportError, ValueError):
            found = None
        place = Path(found.origin).parent if found is not None and found.origin else None
    else:
        place = Path(loaded.__path__[0]) if getattr(loaded, "__path__", None) else None
    if place is None or not (place / "lib" / f"libtorch_cpu{_SUFFIX}").is_file():
        return None
    try:
        version = re.search(r"__version__\s*(?::[^=]*)?=\s*['\"](\d+)\.(\d+)", (place / "version.py").read_text())
    except OSError:
        version = None
    old = version is not None and (int(version[1]), int(version[2])) < _OLDEST_TORCH
    return None if old and loaded is None else place / "lib"


def library() -> ctypes.CDLL:
    """The library, loaded when it is first asked for."""
    global _loaded, _sentence
    if _loaded is None:
        place = home()
        torch = _torch()
        if torch is not None:
            os.environ.setdefault("HEADWATER_LIBTORCH", str(torch))
        os.environ.setdefault("HEADWATER_HOME", str(place))
        loaded = ctypes.CDLL(str(_library_in(place)))
        version = loaded.hw_api_version()
        if version != API_VERSION:
            raise HeadwaterError(f"{place} has version {version} of the C interface; this package needs {API_VERSION}: take both from one release")
        for name, arguments in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.argtypes = arguments
            function.restype = c_int32
        for name, struct in _INITS.items():
            function = getattr(loaded, name)
            function.argtypes = [POINTER(struct)]
            function.restype = None
        loaded.hw_error_message.restype = c_char_p
        _sentence = loaded.hw_error_message
        _loaded = loaded
    return _loaded


def call(name: str, *arguments: Any) -> None:
    """Calls a function; what it refuses is raised."""
    status = getattr(library(), name)(*arguments)
    if status != 0:
        sentence = _sentence().decode("utf-8", "replace") or f"{name} failed with status {status}"
        raise MemoryError(sentence) if status == 5 else _ERRORS.get(status, HeadwaterError)(sentence)


def options(name: str) -> Any:
    """A struct with its defaults."""
    struct = _INITS[name]()
    getattr(library(), name)(byref(struct))
    return struct


class Memory:
    """A handle, closed when nothing that looks at its memory is left."""

    __slots__ = ("handle", "__weakref__")

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __del__(self) -> None:
        handle, self.handle = self.handle, 0
        if handle and _loaded is not None:
            _loaded.hw_close(handle)

    def array(self, what: int, index: int = 0) -> np.ndarray:
        """An array where it lies, read-only; keeps this alive."""
        found = ArrayStruct()
        call("hw_get_array", self.handle, what, index, byref(found))
        shape = tuple(found.shape[: found.rank])
        dtype = np.dtype(_TYPES[found.type])
        count = int(np.prod(shape, dtype=np.int64))
        buffer = (ctypes.c_char * (count * dtype.itemsize)).from_address(found.data)
        buffer._memory = self  # type: ignore[attr-defined]  # numpy keeps the buffer, which keeps the memory
        view: np.ndarray = np.frombuffer(buffer, dtype=dtype, count=count).reshape(shape)  # type: ignore[call-overload]
        view.flags.writeable = False
        return view

    def texts(self, what: int) -> list[str]:
        found = TextsStruct()
        call("hw_get_texts", self.handle, what, byref(found))
        return [ctypes.string_at(found.text[i], found.length[i]).decode("utf-8", "replace") for i in range(found.count)]


def made(name: str, *arguments: Any) -> Memory:
    """What a function with a handle as its last argument makes."""
    out = c_uint64()
    call(name, *arguments, byref(out))
    return Memory(out.value)


class Listener:
    """A progress function as C calls it; what it raises ends the work and is raised again."""

    def __init__(self, progress: Progress | None) -> None:
        self.raised: BaseException | None = None
        self.function = _PROGRESS() if progress is None else _PROGRESS(self._heard)
        self._progress = progress

    def _heard(self, _user: Any, phase: bytes, done: int, total: int) -> int:
        try:
            assert self._progress is not None
            return 1 if self._progress(phase.decode(), done, total) is False else 0
        except BaseException as error:  # noqa: BLE001 - an exception can't cross C
            self.raised = error
            return 1

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self.raised is not None:
            raise self.raised from None


def ints(values: Any) -> tuple[Any, int]:
    """Numbers as C takes them."""
    array = np.ascontiguousarray(values, dtype=np.int64).reshape(-1)
    if array.size and (array.min() < -(2**31) or array.max() >= 2**31):
        raise UsageError("a token or feature number does not fit into 32 bits")
    return (c_int32 * array.size)(*array.tolist()), array.size


@dataclass(frozen=True)
class Chat:
    """A conversation in the model's chat template, wherever a prompt is taken.

    ``messages`` is a list of dicts with role and content, or a dict with such a list and if wanted ``tools``, ``documents``,
    ``chat_template_kwargs``; ``user`` what the user says after them; ``system`` what is said first; ``assistant`` how the answer begins,
    which the model goes on with. ``thinking`` is for templates with a switch for it; ``leading_special`` puts a special token in front
    also where the template writes none.
    """

    user: str | None = None
    messages: Any = None
    system: str | None = None
    assistant: str | None = None
    thinking: bool | None = None
    leading_special: bool = False


def prompt_input(prompt: Any) -> PromptInput:
    """Text, token ids (a sequence, an array or a tensor of one dimension), a :class:`Chat`, or a list of messages."""
    given = options("hw_prompt_input_init")
    if isinstance(prompt, (list, tuple)) and prompt and isinstance(prompt[0], dict):
        prompt = Chat(messages=prompt)
    if isinstance(prompt, Chat):
        given.chat, given.leading_special = 1, prompt.leading_special
        given.thinking = 0 if prompt.thinking is None else 1 if prompt.thinking else 2
        given.messages = None if prompt.messages is None else json.dumps(prompt.messages).encode()
        given.system = None if prompt.system is None else prompt.system.encode()
        given.assistant = None if prompt.assistant is None else prompt.assistant.encode()
        if prompt.user is None:
            return given
        prompt = prompt.user
    if isinstance(prompt, str):
        text = prompt.encode("utf-8")
        given.text, given.text_length = text, len(text)
        return given
    tokens, count = ints(np.asarray(prompt))
    given.tokens, given.token_count = ctypes.cast(tokens, POINTER(c_int32)), count
    given._kept = tokens
    return given


def prompt_inputs(prompts: Any) -> tuple[Any, int]:
    """Several prompts behind each other."""
    inputs = [prompt_input(prompt) for prompt in prompts]
    array = (PromptInput * len(inputs))(*inputs)
    array._kept = inputs  # type: ignore[attr-defined]
    return array, len(inputs)


def about() -> dict[str, Any]:
    """Versions, and how many models, graphs and the like are open."""
    text = c_char_p()
    call("hw_about", byref(text))
    return json.loads(text.value or b"{}")
