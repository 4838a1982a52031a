"""Taking arrays from callers: numpy, Warp, torch or anything that speaks DLPack, checked, without a needless copy."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import warp as wp

from .errors import InputError

__all__ = ["as_device_array", "as_device_quaternions", "reinterpret"]


def reinterpret(array: wp.array, dtype: Any, shape: tuple[int, ...]) -> wp.array:
    """The same memory as another dtype and shape; the result keeps ``array`` alive."""
    if array.ptr is None:
        return wp.empty(shape, dtype=dtype, device=array.device)
    view: Any = wp.array(ptr=array.ptr, dtype=dtype, shape=shape, device=array.device, copy=False)
    view._owner = array
    return view


def as_device_array(name: str, value: Any, dtype: Any, shape: tuple[int, ...], device: wp.Device) -> wp.array:
    """Bring an array of float32 to the device as ``dtype`` (float32, or a Warp vector or matrix of it).

    Arrays that already lie on the device are used in place; host numpy arrays and nested lists are converted and
    copied. An array on another device, or a device array of another dtype, is refused: a silent copy every step is
    what this package exists to avoid.

    Args:
        name: Name of the argument, for messages.
        value: numpy, Warp or DLPack array (torch, jax, cupy), or a nested sequence.
        dtype: Element type wanted, e.g. ``wp.vec3``.
        shape: Scalar shape expected, e.g. ``(N, 3)``.

    Raises:
        InputError: Wrong shape, dtype or device, or values that are not finite (checked on the CPU).
    """
    array: Any
    if isinstance(value, wp.array):
        array = value
    elif hasattr(value, "__dlpack__") and not isinstance(value, np.ndarray):
        value = value.detach() if getattr(value, "requires_grad", False) else value
        dtype_name = str(value.dtype).rpartition(".")[2]
        if dtype_name != "float32":
            raise InputError(f"{name} has dtype {dtype_name}; expected float32 (convert it once, e.g. x.float())")
        try:
            array = wp.from_dlpack(value)
        except (RuntimeError, TypeError, BufferError) as error:
            raise InputError(f"{name} cannot be taken through DLPack: {error}") from error
    else:
        try:
            host = np.asarray(value)
            if host.dtype.kind not in "fiub":
                raise TypeError(f"its dtype is {host.dtype}")
            host = host.astype(np.float32, copy=False)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} is not an array of numbers: {error}; expected shape {shape}") from error
        if host.shape != shape:
            raise InputError(f"{name} has shape {host.shape}; expected {shape}")
        _check_finite(name, host)
        inner = getattr(dtype, "_shape_", ())
        return wp.array(np.ascontiguousarray(host), dtype=dtype, shape=shape[: len(shape) - len(inner)], device=device)

    inner = tuple(getattr(array.dtype, "_shape_", ()))
    scalar = getattr(array.dtype, "_wp_scalar_type_", array.dtype)
    if tuple(array.shape) + inner != shape:
        raise InputError(f"{name} has shape {tuple(array.shape) + inner}; expected {shape}")
    if scalar is not wp.float32:
        raise InputError(f"{name} has dtype {scalar.__name__}; expected float32")
    if array.device != device:
        raise InputError(f"{name} is on {array.device}; expected {device} (create it there, or move it once)")
    if not array.is_contiguous:
        array = array.contiguous()
    if device.is_cpu:
        _check_finite(name, array.numpy())
    wanted = tuple(getattr(dtype, "_shape_", ()))
    return reinterpret(array, dtype, shape[: len(shape) - len(wanted)])


def as_device_quaternions(name: str, value: Any, count: int, device: wp.Device) -> wp.array:
    """Bring (count, 4) float32 quaternions to the device; they need not be normalised.

    Raises:
        InputError: As :func:`as_device_array`, or a quaternion of length zero (checked where the host can see them).
    """
    array = as_device_array(name, value, wp.vec4, (count, 4), device)
    host = array.numpy() if device.is_cpu else None if isinstance(value, wp.array) else _host_view(value)
    if host is not None and count:
        zero = np.flatnonzero(np.einsum("ij,ij->i", host, host) < 1.0e-12)
        if len(zero):
            problem = "has length zero; expected a rotation (identity has a real part of 1)"
            _refuse(int(zero[0]), f"{name}[{zero[0]}] {problem}")
    return array


def _host_view(value: Any) -> np.ndarray | None:
    """The value as numpy if it lies on the host already; a device array is not read back for a check."""
    if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__"):
        return np.asarray(value, np.float32)
    return None


def _check_finite(name: str, host: np.ndarray) -> None:
    if not np.isfinite(host).all():
        row = tuple(np.argwhere(~np.isfinite(host))[0])
        _refuse(int(row[0]), f"{name}[{', '.join(map(str, row))}] is {host[row]}; expected finite numbers")


def _refuse(row: int, message: str) -> NoReturn:
    error = InputError(message)
    error.row = row
    raise error
