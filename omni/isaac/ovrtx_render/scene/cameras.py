"""USD camera prims to :class:`~.data.Camera`."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import Usd, UsdGeom

from .data import Camera
from .shader_inputs import as_floats, attribute_value

__all__ = ["LENS", "distorting_lens", "is_camera", "lens_model", "read_camera"]

_PINHOLE = "pinhole"
LENS = "omni:lensdistortion"
"""Namespace of the attributes of Omniverse's lens distortion."""
_OPENCV_PINHOLE = "opencvPinhole"
_COEFFICIENTS = tuple(f"{kind}{i}" for kind, count in (("k", 6), ("p", 2), ("s", 4)) for i in range(1, count + 1))


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


def lens_model(prim: Usd.Prim) -> str:
    """Model of Omniverse's lens distortion that a camera prim has: ``opencvPinhole``, ``ftheta``...; empty: none.

    It is that of its attribute, else that of the API schema that is applied, whose name needs not be known to USD.
    """
    model = attribute_value(prim.GetAttribute(f"{LENS}:model"))
    if model:
        return str(model)
    for schema in prim.GetPrimTypeInfo().GetAppliedAPISchemas():
        if schema.startswith("OmniLensDistortion") and schema.endswith("API"):
            name = schema.removeprefix("OmniLensDistortion").removesuffix("API").replace("OpenCv", "Opencv")
            return name[:1].lower() + name[1:]
    return ""


def distorting_lens(prim: Usd.Prim) -> str:
    """What makes the lens of a camera prim one that is no pinhole, with its value; empty if nothing does.

    OpenCV's pinhole is one as long as none of its coefficients is set; all other models bend rays by themselves.
    """
    projection = attribute_value(prim.GetAttribute("cameraProjectionType"))
    if projection not in (None, "", _PINHOLE):
        return f"cameraProjectionType is {projection!r}"
    projection = attribute_value(prim.GetAttribute("projection"))
    if projection not in (None, "", UsdGeom.Tokens.perspective, UsdGeom.Tokens.orthographic):
        return f"projection is {projection!r}"
    model = lens_model(prim)
    if model not in ("", _OPENCV_PINHOLE):
        return f"{LENS}:model is {model!r}"
    for name in _COEFFICIENTS if model else ():
        attribute = f"{LENS}:{model}:{name}"
        value = attribute_value(prim.GetAttribute(attribute))
        if value:
            return f"{attribute} is {value:g}"
    return ""
