"""Primvars: read from a prim, spread over the corners of its faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .openusd import TIME, Usd, UsdGeom
from .triangulate import face_starts

__all__ = ["Primvar", "as_array", "corner_faces", "first_uv_name", "previous_and_next", "read_primvar", "to_corners"]


@dataclass(frozen=True)
class Primvar:
    """Values of one primvar, indices already applied.

    Attributes:
        name: Without ``primvars:``.
        values: (n, k) float32.
        interpolation: ``constant``, ``uniform``, ``vertex``, ``varying`` or ``faceVarying``.
    """

    name: str
    values: np.ndarray
    interpolation: str


def as_array(value: object, width: int, dtype: type = np.float32) -> np.ndarray:
    """Convert an attribute value (a VtArray, a tuple, a number or None) to (n, width); unusable values give (0, width).

    A VtArray's memory is used as it is where the element type agrees.
    """
    if value is None:
        return np.zeros((0, width), dtype)
    try:
        array = np.asarray(value)
        if array.dtype == object or array.size % width:
            return np.zeros((0, width), dtype)
        return array.reshape(-1, width).astype(dtype, copy=False)
    except (TypeError, ValueError):
        return np.zeros((0, width), dtype)


def read_primvar(prim: Usd.Prim, name: str, width: int) -> Primvar | str | None:
    """Read a primvar of the prim, or a constant one that it inherits.

    Returns:
        The primvar; None if there is none; or, if there is one that cannot be used, a sentence that says why.
    """
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance(name)
    if not primvar or not primvar.HasValue():
        return None
    raw = primvar.Get(TIME)
    values = as_array(raw, width)
    if not len(values):
        return None if raw is not None and not np.size(raw) else f"primvars:{name} is not an array of {width} numbers"
    if not np.isfinite(values).all():
        return f"primvars:{name} has values that are not finite"
    if primvar.IsIndexed():
        indices = as_array(primvar.GetIndices(TIME), 1, np.int64)[:, 0]
        if len(indices) and (indices.min() < 0 or indices.max() >= len(values)):
            return f"primvars:{name}:indices point outside of its {len(values)} values"
        values = values[indices]
    return Primvar(name, values, str(primvar.GetInterpolation()))


def first_uv_name(prim: Usd.Prim) -> str | None:
    """Name of the first primvar of the prim that is typed as texture coordinates, or None."""
    for primvar in UsdGeom.PrimvarsAPI(prim).GetPrimvarsWithValues():
        if str(primvar.GetTypeName()) in ("texCoord2f[]", "texCoord2d[]", "texCoord2h[]"):
            return str(primvar.GetPrimvarName())
    return None


def to_corners(primvar: Primvar, counts: np.ndarray, indices: np.ndarray, num_points: int) -> np.ndarray | str:
    """Spread a primvar over face corners.

    Args:
        counts: (F,) vertices per face.
        indices: (C,) vertex of each corner.
        num_points: Number of vertices V.

    Returns:
        (C, k) float32, or, if the number of values does not fit the interpolation, a sentence that says so.
    """
    values, kind = primvar.values, primvar.interpolation
    expected = {
        "constant": 1,
        "uniform": len(counts),
        "vertex": num_points,
        "varying": num_points,
        "faceVarying": len(indices),
    }.get(kind)
    if expected is None:
        return f"{primvar.name} has the unknown interpolation '{kind}'"
    if len(values) != expected and kind != "constant":
        return f"{primvar.name} has {len(values)} values; '{kind}' interpolation needs {expected}"
    if kind == "constant":
        return np.broadcast_to(values[0], (len(indices), values.shape[1]))
    if kind == "uniform":
        return np.repeat(values, counts, axis=0)
    if kind == "faceVarying":
        return values
    return values[indices]


def corner_faces(counts: np.ndarray) -> np.ndarray:
    """Face of each corner: (C,) int64."""
    return np.repeat(np.arange(len(counts)), counts)


def previous_and_next(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corner before and corner after each corner, around its face: two (C,) int64 arrays."""
    starts, faces = face_starts(counts), corner_faces(counts)
    first, size = starts[faces], counts[faces]
    place = np.arange(len(faces)) - first
    return first + (place - 1) % size, first + (place + 1) % size
