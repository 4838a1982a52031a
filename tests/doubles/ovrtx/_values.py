"""Rows of arrays to USD values and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pxr import Gf, Sdf, Vt

from ._tensors import DLDataType, type_of


def _vector(name: str) -> Callable[[np.ndarray], Any]:
    make = getattr(Gf, name)
    return lambda row: make(*row.tolist())


def _quaternion(name: str) -> Callable[[np.ndarray], Any]:
    """Components come as i, j, k, real."""
    make = getattr(Gf, name)
    return lambda row: make(float(row[3]), *row[:3].tolist())


# USD scalar C++ type -> numpy dtype, components, value from a flat row of numbers.
_SCALARS: dict[str, tuple[str, int, Callable[[np.ndarray], Any]]] = {
    "bool": ("bool", 1, lambda row: bool(row[0])),
    "unsigned char": ("uint8", 1, lambda row: int(row[0])),
    "int": ("int32", 1, lambda row: int(row[0])),
    "unsigned int": ("uint32", 1, lambda row: int(row[0])),
    "int64_t": ("int64", 1, lambda row: int(row[0])),
    "uint64_t": ("uint64", 1, lambda row: int(row[0])),
    "GfHalf": ("float16", 1, lambda row: float(row[0])),
    "float": ("float32", 1, lambda row: float(row[0])),
    "double": ("float64", 1, lambda row: float(row[0])),
    **{
        f"GfVec{n}{suffix}": (dtype, n, _vector(f"Vec{n}{suffix}"))
        for n in (2, 3, 4)
        for suffix, dtype in (("f", "float32"), ("d", "float64"), ("i", "int32"), ("h", "float16"))
    },
    **{
        f"GfQuat{suffix}": (dtype, 4, _quaternion(f"Quat{suffix}"))
        for suffix, dtype in (("f", "float32"), ("d", "float64"), ("h", "float16"))
    },
    "GfMatrix4d": ("float64", 16, lambda row: Gf.Matrix4d(*row.tolist())),
}


def layout(type_name: Sdf.ValueTypeName) -> tuple[np.dtype, int] | None:
    """numpy dtype and component count of a value type (of an element, if it is an array); None if there is none."""
    entry = _SCALARS.get(_cpp(type_name.scalarType))
    return (np.dtype(entry[0]), entry[1]) if entry else None


def element_type(type_name: Sdf.ValueTypeName) -> DLDataType:
    found = layout(type_name)
    if found is None:
        return DLDataType(1, 64)
    scalar = type_of(found[0])
    return DLDataType(scalar.code, scalar.bits, found[1])


def to_values(type_name: Sdf.ValueTypeName, rows: np.ndarray) -> list[Any]:
    """(N, components) numbers to N values."""
    make = _SCALARS[_cpp(type_name)][2]
    return [make(row) for row in rows]


def to_array(type_name: Sdf.ValueTypeName, data: np.ndarray) -> Any:
    """(n,) or (n, components) numbers to one array value."""
    scalar = type_name.scalarType
    dtype, count, make = _SCALARS[_cpp(scalar)]
    flat = np.ascontiguousarray(data.reshape(-1, count).astype(dtype, copy=False))
    vt: Any = getattr(Vt, _vt_name(scalar))
    if count == 1:
        return vt.FromNumpy(flat[:, 0])
    if _cpp(scalar).startswith("GfQuat"):
        return vt([make(row) for row in flat])
    return vt.FromNumpy(flat)


def to_rows(type_name: Sdf.ValueTypeName, value: Any) -> np.ndarray:
    """One value to (components,) numbers; an array value to (n, components)."""
    dtype, count, _ = _SCALARS[_cpp(type_name.scalarType)]
    if _cpp(type_name.scalarType).startswith("GfQuat"):
        quats = list(value) if type_name.isArray else [value]
        flat = np.array([[*q.GetImaginary(), q.GetReal()] for q in quats], dtype)
    else:
        flat = np.array(value, dtype).reshape(-1, count)
    return flat if type_name.isArray else flat[0]


def guess_type(element: DLDataType, lanes: int, is_array: bool) -> Sdf.ValueTypeName:
    """Type of an attribute that a write creates: the type cannot be told from numbers, so it is the plain one."""
    dtypes = {(2, 32): "float", (2, 64): "double", (0, 32): "int", (1, 32): "uint", (6, 8): "bool", (1, 8): "uchar"}
    dtypes |= {(2, 16): "half", (0, 64): "int64", (1, 64): "uint64"}
    base = dtypes.get((element.code, element.bits))
    name = "matrix4d" if (base, lanes) == ("double", 16) else f"{base}{lanes if lanes > 1 else ''}"
    found = Sdf.ValueTypeNames.Find(name + ("[]" if is_array else "")) if base else None
    if not found:
        raise RuntimeError(f"cannot create an attribute of {element} with {lanes} components without a semantic")
    return found


def _cpp(type_name: Sdf.ValueTypeName) -> str:
    return str(type_name.cppTypeName)


def _vt_name(scalar: Sdf.ValueTypeName) -> str:
    names = {"bool": "Bool", "unsigned char": "UChar", "int": "Int", "unsigned int": "UInt", "int64_t": "Int64"}
    names |= {"uint64_t": "UInt64", "GfHalf": "Half", "float": "Float", "double": "Double"}
    cpp = _cpp(scalar)
    return f"{names.get(cpp, cpp.removeprefix('Gf'))}Array"
