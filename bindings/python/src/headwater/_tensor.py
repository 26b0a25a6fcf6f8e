"""Arrays of the engine that PyTorch, JAX, CuPy and numpy see in place."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_uint32, c_void_p, py_object
from typing import Any

import numpy as np

from ._library import Memory, call, made

_NAME = b"dltensor_versioned"
_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = py_object, [c_void_p, c_char_p, c_void_p]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, [py_object, c_char_p]
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.argtypes = [c_void_p, c_char_p]
_rename = ctypes.pythonapi.PyCapsule_SetName
_rename.argtypes = [py_object, c_char_p]
_raw_pointer = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))


class _Managed(ctypes.Structure):
    """The beginning of DLManagedTensorVersioned."""


_DELETER = ctypes.CFUNCTYPE(None, POINTER(_Managed))
_Managed._fields_ = [("major", c_uint32), ("minor", c_uint32), ("context", c_void_p), ("deleter", _DELETER)]


@ctypes.PYFUNCTYPE(None, c_void_p)
def _unclaimed(capsule: int) -> None:
    """A capsule that nobody took gives its tensor back."""
    if _is_valid(capsule, _NAME):
        managed = ctypes.cast(_raw_pointer(capsule, _NAME), POINTER(_Managed))
        managed.contents.deleter(managed)


class Tensor:
    """A read-only array of the engine: ``numpy.asarray(t)`` and ``torch.from_dlpack(t)`` share its memory, which they keep."""

    def __init__(self, memory: Memory, what: int, index: int = 0) -> None:
        self._memory, self._what, self._index = memory, what, index
        self._array = memory.array(what, index)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> np.dtype:
        return self._array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if dtype is not None and np.dtype(dtype) != self._array.dtype:
            if copy is False:
                raise ValueError(f"a view of {self._array.dtype} can't be {dtype} without a copy")
            return self._array.astype(dtype)
        return self._array.copy() if copy else self._array

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """A capsule by DLPack 1.x; consumers that know older versions only get a copy, which those can't be told not to write to."""
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError("the tensor is in the processor's memory")
        if max_version is None or max_version[0] < 1:
            if copy is False:
                raise BufferError("DLPack before 1.0 knows no read-only tensors; ask for max_version (1, 0)")
            return self._array.copy().__dlpack__()
        if copy:
            return self._array.copy().__dlpack__(max_version=max_version)
        managed = c_void_p()
        call("hw_export_tensor", self._memory.handle, self._what, self._index, ctypes.byref(managed))
        return _new(managed, _NAME, ctypes.cast(_unclaimed, c_void_p))

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, key: Any) -> Any:
        return self._array[key]

    def __repr__(self) -> str:
        return f"headwater.Tensor({self._array!r})"


def imported(array: Any) -> Memory:
    """Somebody else's float32 matrix as the engine reads it; in place where it is offered by DLPack 1.x, dense and float32."""
    capsule = None
    if not isinstance(array, np.ndarray) and hasattr(array, "__dlpack__"):
        try:
            capsule = array.__dlpack__(max_version=(1, 0))
        except (TypeError, BufferError, RuntimeError):
            capsule = None
    if capsule is None or not _is_valid(ctypes.cast(id(capsule), c_void_p), _NAME):
        values = np.array(array, dtype=np.float32, order="C")  # one that may be written to, as every numpy can export
        capsule = _offered(values)
    memory = made("hw_import_tensor", c_void_p(_pointer(capsule, _NAME)))
    _rename(capsule, b"used_dltensor_versioned")
    return memory


class _Own(ctypes.Structure):
    _fields_ = [
        ("major", c_uint32),
        ("minor", c_uint32),
        ("context", c_void_p),
        ("deleter", _DELETER),
        ("flags", ctypes.c_uint64),
        ("data", c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", POINTER(ctypes.c_int64)),
        ("strides", POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_offers: dict[int, tuple[Any, ...]] = {}


@_DELETER
def _taken_back(managed: Any) -> None:
    _offers.pop(ctypes.addressof(managed.contents), None)


def _offered(values: np.ndarray) -> Any:
    """A numpy array as a capsule of DLPack 1.x, which numpy itself makes from 2.1 on only."""
    shape = (ctypes.c_int64 * values.ndim)(*values.shape)
    own = _Own(1, 0, None, _taken_back, 0, values.ctypes.data, 1, 0, values.ndim, 2, 32, 1, shape, None, 0)
    _offers[ctypes.addressof(own)] = (own, shape, values)
    return _new(ctypes.addressof(own), _NAME, ctypes.cast(_unclaimed, c_void_p))
