"""Element types and arrays at the border: DLPack in, checked as the Python layer of the real library checks it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._enums import DLDataTypeCode, DLDeviceType, Semantic
from ._settings import OPTIONS

_NAMES = {
    **{f"float{bits}": (2, bits) for bits in (16, 32, 64)},
    **{f"int{bits}": (0, bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (1, bits) for bits in (8, 16, 32, 64)},
    "bool": (6, 8),
    "token": (1, 64),
    "path": (1, 64),
}
_KINDS = {"f": 2, "i": 0, "u": 1, "b": 6}


@dataclass(frozen=True)
class DLDataType:
    code: int
    bits: int
    lanes: int = 1

    @classmethod
    def from_str(cls, type_name: str, lanes: int | None = None) -> DLDataType:
        if type_name not in _NAMES:
            raise ValueError(f"unknown type name {type_name!r}")
        if lanes is not None and not 1 <= lanes <= 65535:
            raise ValueError(f"lanes must be in 1..65535, got {lanes}")
        return cls(*_NAMES[type_name], lanes or 1)

    def __str__(self) -> str:
        return f"(code={self.code}, bits={self.bits}, components={self.lanes})"


@dataclass(frozen=True)
class DLDevice:
    device_type: int
    device_id: int


def type_of(dtype: np.dtype) -> DLDataType:
    return DLDataType(_KINDS[dtype.kind], dtype.itemsize * 8)


def check_fence(what: str, stream: int | None, event: int | None) -> None:
    """Refuse what the library would take, and read or free too early.

    Raises:
        RuntimeError: There is nothing to wait for.
    """
    if event:
        return
    if stream is None and not OPTIONS.synchronised:
        raise RuntimeError(f"{what} with neither a stream nor an event: right only if the caller waited for the device")
    if stream == 0:
        raise RuntimeError(f"{what} on stream 0, which is no synchronisation at all; the default stream is 1")
    if stream is not None and OPTIONS.streams and stream not in OPTIONS.streams:
        raise RuntimeError(f"{what} on stream {stream}, which does not exist")


class Tensor:
    """An array of the caller: its type at once, its contents when it is asked for them.

    Args:
        source: Anything that speaks DLPack.
        stream: The stream given with it, in the library's counting (0 or None: none).
    """

    def __init__(self, source: Any, stream: int | None = None) -> None:
        if not hasattr(source, "__dlpack__"):
            raise TypeError(f"Object of type {type(source).__name__} does not support DLPack protocol")
        device = int(source.__dlpack_device__()[0])
        self._on_gpu = device in (DLDeviceType.kDLCUDA, DLDeviceType.kDLCUDAManaged)
        self.on_cuda = self._on_gpu or (OPTIONS.fake_cuda and type(source).__module__.startswith("warp"))
        self._stream = stream
        if self._on_gpu:
            import warp as wp

            self._array: Any = wp.from_dlpack(source)
            inner = tuple(getattr(self._array.dtype, "_shape_", ()))
            scalar = getattr(self._array.dtype, "_wp_scalar_type_", self._array.dtype)
            self.shape = tuple(self._array.shape) + inner
            self.dtype = np.dtype(wp.dtype_to_numpy(scalar))
        else:
            self._array = np.from_dlpack(source)
            self.shape, self.dtype = self._array.shape, self._array.dtype
        self.element = type_of(self.dtype)
        self.lanes = math.prod(self.shape[1:])

    def read(self) -> np.ndarray:
        """The contents as they are now. A CUDA array is read on its stream; without one it is read as it lies."""
        if not self._on_gpu:
            return self._array.copy()
        import warp as wp

        device = self._array.device
        stream = device.null_stream if self._stream in (None, 0, 1) else wp.Stream(device, cuda_stream=self._stream)
        host = wp.empty_like(self._array, device="cpu", pinned=True)
        wp.copy(host, self._array, stream=stream)
        wp.synchronize_stream(stream)
        return host.numpy().reshape(self.shape).copy()


def strings_of(entry: Any) -> bool:
    return isinstance(entry, list) and all(isinstance(item, str) for item in entry)


def check_xform(tensor: Tensor, who: str) -> None:
    """The rules of ``Semantic.XFORM_MAT4x4``: (N, 4, 4) float64."""
    wanted = DLDataType(DLDataTypeCode.Float, 64)
    if (tensor.element.code, tensor.element.bits) != (wanted.code, wanted.bits):
        raise ValueError(
            f"{who}: provided dtype {tensor.element} must match scalar type for {Semantic.XFORM_MAT4x4!r} "
            f"(code={wanted.code}, bits={wanted.bits}); component count may differ for layout-compatible input "
            "(e.g. shape (N, 4, 4) with 1 component)."
        )
    if len(tensor.shape) != 3 or tensor.shape[1:] != (4, 4):
        raise ValueError(
            f"{who}: tensor shape {tensor.shape} does not match expected shape (N, 4, 4) for this semantic. "
            "Provide a tensor with the correct shape."
        )


def resolve_dtype(who: str, dtype: Any) -> DLDataType:
    """A binding's element type from any of the accepted forms."""
    if isinstance(dtype, DLDataType):
        return dtype
    if dtype is None:
        raise ValueError(f"{who}: dtype is required. Use e.g. dtype='float32', shape=(3,)")
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", None)
    if name in ("float", "int"):
        name = f"{name}64"
    if name in _NAMES:
        return DLDataType(*_NAMES[name])
    try:
        kind, size = dtype.kind, dtype.itemsize
    except AttributeError:
        raise ValueError(
            f"{who}: unrecognized dtype={dtype!r}. Use a numpy dtype, Python built-in (float, int), or a string name "
            "('float32', 'int32', 'token', 'path', etc.)."
        ) from None
    if kind not in _KINDS:
        raise ValueError(f"{who}: {dtype!r} is not a supported numeric type.")
    return DLDataType(_KINDS[kind], size * 8)
