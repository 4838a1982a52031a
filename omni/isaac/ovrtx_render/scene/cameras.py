"""USD camera prims to :class:`~.data.Camera`."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import Usd, UsdGeom

from .data import Camera
from .shader_inputs import as_floats, attribute_value

__all__ = ["is_camera", "read_camera"]


def is_camera(prim: Usd.Prim) -> bool:
    """Whether a prim is a camera."""
    return prim.IsA(UsdGeom.Camera)


def read_camera(prim: Usd.Prim, env: int, transform: np.ndarray) -> Camera:
    """Read a camera prim.

    Values that no lens can have (not finite, apertures or focal lengths of zero and less, a far plane before the near
    one) are replaced by the schema's defaults.

    Args:
        prim: The camera prim.
        env: Environment id or SHARED.
        transform: (4, 4) local to world, row-vector, stage units; its scale is kept.
    """
    default = Camera(str(prim.GetPath()), env, np.asarray(transform, np.float64))
    fields: dict[str, Any] = {}
    for field, name in (
        ("focal_length", "focalLength"),
        ("horizontal_aperture", "horizontalAperture"),
        ("vertical_aperture", "verticalAperture"),
        ("horizontal_offset", "horizontalApertureOffset"),
        ("vertical_offset", "verticalApertureOffset"),
    ):
        number = as_floats(attribute_value(prim.GetAttribute(name)))
        if number and (number[0] > 0.0 or field.endswith("offset")):
            fields[field] = number[0]
    clipping = as_floats(attribute_value(prim.GetAttribute("clippingRange")))
    if clipping and len(clipping) == 2 and 0.0 <= clipping[0] < clipping[1]:
        fields["clipping_range"] = clipping
    projection = attribute_value(prim.GetAttribute("projection"))
    return Camera(
        default.path, env, default.transform, orthographic=projection == UsdGeom.Tokens.orthographic, **fields
    )
