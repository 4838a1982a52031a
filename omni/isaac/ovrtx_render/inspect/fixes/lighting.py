"""Fixes of lights and cameras."""

from __future__ import annotations

import math

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux

from ..finding import Finding
from .author import Author
from .plan import Plan

__all__ = ["RULES"]

_TYPES = Sdf.ValueTypeNames
_RIG = "/ovrtx_render_lights"
_DOME, _SUN = 500.0, 2000.0
"""Radiance of the default dome, and illuminance of the default sun."""
_USUAL = 3000.0
"""Illuminance of a well-lit room under studio lights, as Isaac's own scenes have it [lux]."""
_INTENSITY = {"DistantLight": _USUAL, "DomeLight": 1000.0, "DomeLight_1": 1000.0}


def _add_lights(stage: Usd.Stage, finding: Finding) -> Plan:
    def author(author: Author, _: str) -> None:
        author.prim(_RIG, "Scope")
        author.prim(f"{_RIG}/Dome", "DomeLight")
        author.value(f"{_RIG}/Dome", "inputs:intensity", _TYPES.Float, _DOME)
        sun = f"{_RIG}/Sun"
        author.prim(sun, "DistantLight")
        author.value(sun, "inputs:intensity", _TYPES.Float, _SUN)
        author.value(sun, "inputs:angle", _TYPES.Float, 1.0)
        z_up = UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z
        turn = Gf.Vec3f(35.0, 20.0, 0.0) if z_up else Gf.Vec3f(-50.0, 25.0, 0.0)
        author.value(sun, "xformOp:rotateXYZ", _TYPES.Float3, turn)
        author.value(sun, "xformOpOrder", _TYPES.TokenArray, ["xformOp:rotateXYZ"])

    return Plan("Add a dome light and a sun", author)


def _light_up(stage: Usd.Stage, finding: Finding) -> Plan | None:
    prim = stage.GetPrimAtPath(finding.path)
    color = UsdLux.LightAPI(prim).GetColorAttr().Get()
    intensity = _INTENSITY.get(str(prim.GetTypeName()), 30000.0)

    def author(author: Author, path: str) -> None:
        author.value(path, "inputs:intensity", _TYPES.Float, intensity)
        if color is not None and max(color) <= 0.0:
            author.value(path, "inputs:color", _TYPES.Color3f, Gf.Vec3f(1.0))

    return Plan(f"Set its intensity to {intensity:g}", author)


def _scale_lights(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """Too faint or too strong altogether: scale all intensities alike."""
    level = finding.data["lux"]
    if not 0.0 < level < math.inf:
        return None
    stops = round(math.log2(_USUAL / level))

    def author(author: Author, _: str) -> None:
        for prim in stage.Traverse():
            if prim.HasAPI(UsdLux.LightAPI):
                exposure = UsdLux.LightAPI(prim).GetExposureAttr().Get() or 0.0
                author.value(str(prim.GetPath()), "inputs:exposure", _TYPES.Float, exposure + stops)

    return Plan(f"Change the exposure of every light by {stops:+d} stops", author)


def _reset_exposure(stage: Usd.Stage, finding: Finding) -> Plan | None:
    if not finding.prop:
        return None
    return Plan("Set the exposure to 0", lambda author, path: author.value(path, "exposure", _TYPES.Float, 0.0))


def _widen(stage: Usd.Stage, finding: Finding) -> Plan:
    near, far = finding.data["near"], finding.data["far"]
    high = 2.0 * far if math.isfinite(far) else 1.0e4 * max(near, 1.0)
    # A quarter of the distance to what is nearest, but not so little that depth loses its precision.
    low = max(near / 4.0, high * 1.0e-5)
    clip = Gf.Vec2f(low, high)
    return Plan(
        f"Set clippingRange to ({low:.3g}, {high:.3g})",
        lambda author, path: author.value(path, "clippingRange", _TYPES.Float2, clip),
    )


RULES = {
    "no-light": _add_lights,
    "light-dark": _light_up,
    "light-level": _scale_lights,
    "exposure-extreme": _reset_exposure,
    "camera-clipped": _widen,
}
