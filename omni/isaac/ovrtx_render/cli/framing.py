"""A camera for a stage that has none: three-quarter view that fits everything."""

from __future__ import annotations

import numpy as np
from pxr import Gf, Usd, UsdGeom

from ..errors import SceneError

__all__ = ["FRAMING_CAMERA", "add_framing_camera", "has_camera"]

FRAMING_CAMERA = "/ovrtx_render_framing_camera"

_APERTURE = 20.955
_FOCAL_LENGTH = 28.0
_MARGIN = 1.04


def has_camera(stage: Usd.Stage) -> bool:
    """Whether the stage has an active camera prim, instances included."""
    return any(prim.IsA(UsdGeom.Camera) for prim in stage.Traverse(Usd.TraverseInstanceProxies()))


def add_framing_camera(stage: Usd.Stage, aspect: float) -> str:
    """Define a camera in the session layer that sees the whole stage from the front, to the right and above.

    Args:
        stage: The stage; its up axis is honoured and its files are not changed.
        aspect: Image width over height.

    Returns:
        The camera's prim path.

    Raises:
        SceneError: The stage has nothing with an extent.
    """
    purposes = [UsdGeom.Tokens.default_, UsdGeom.Tokens.render]
    bounds = UsdGeom.BBoxCache(Usd.TimeCode.EarliestTime(), purposes).ComputeWorldBound(stage.GetPseudoRoot())
    box = bounds.ComputeAlignedRange()
    if box.IsEmpty():
        raise SceneError("the stage has no camera and nothing to look at; add geometry, or a camera and its path")
    z_up = UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z
    up = np.array([0.0, 0.0, 1.0] if z_up else [0.0, 1.0, 0.0])
    backward = np.array([0.62, -0.95, 0.55] if z_up else [0.62, 0.55, 0.95])
    backward /= np.linalg.norm(backward)
    right = np.cross(up, backward)
    right /= np.linalg.norm(right)
    above = np.cross(backward, right)
    corners = np.array([box.GetCorner(i) for i in range(8)])
    center = corners.mean(0)
    x, y, z = ((corners - center) @ axis for axis in (right, above, backward))
    slope = 0.5 * _APERTURE / _FOCAL_LENGTH / _MARGIN
    distance = float(np.max(np.maximum(np.abs(x) / slope, np.abs(y) * aspect / slope) + z))
    size = float(np.linalg.norm(corners[7] - corners[0]))
    distance = max(distance, 1e-3 * size, 1e-6)
    eye = center + distance * backward
    with Usd.EditContext(stage, stage.GetSessionLayer()):
        camera = UsdGeom.Camera.Define(stage, FRAMING_CAMERA)
        rows = [[*right, 0.0], [*above, 0.0], [*backward, 0.0], [*eye, 1.0]]
        camera.MakeMatrixXform().Set(Gf.Matrix4d(rows))
        camera.CreateHorizontalApertureAttr(_APERTURE)
        camera.CreateVerticalApertureAttr(_APERTURE / aspect)
        camera.CreateFocalLengthAttr(_FOCAL_LENGTH)
        near = max(distance - size, 1e-3 * distance)
        camera.CreateClippingRangeAttr(Gf.Vec2f(near, distance + 2.0 * size))
    return FRAMING_CAMERA
