"""UsdLux lights to :class:`~.data.Light`.

Dome orientation: a dome's texture is a latitude-longitude map whose pole is its local +Y and whose centre column is
its local +Z, seen from inside. For a world direction ``d``, with ``(x, y, z)`` its image under the inverse of the
light's transform, normalised, the texture coordinates (u to the right, v up, row 0 of the image at v = 1) are::

    u = 0.5 - atan2(x, z) / (2 pi)        (+Z: 0.5, +X: 0.25, -X: 0.75, -Z: 0 and 1)
    v = 1 - acos(y) / pi                  (+Y: 1, -Y: 0)

This is the OpenEXR convention that UsdLux names (latitude +pi/2 and longitude +pi at the first pixel, longitude 0 at
+Z, pi/2 at +X), and what Storm's shader computes (``u = (atan(z, x) + pi/2) / 2 pi``, ``acos(y) / pi`` from the top).
A DomeLight_1 whose pole axis is Z (or the stage's, if that is Z) is turned by +90 degrees about X first; that turn is
folded into :attr:`Light.transform`. A plain DomeLight has its pole at +Y on Z-up stages, too, as UsdLux says.

Rect textures: seen from the lit side (looking along local +Z), u runs to the right, that is along -X, and v along +Y.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import Usd, UsdGeom, UsdLux

from ..config import RendererCfg
from .data import Finding, Light, LightKind
from .materials import MaterialReader
from .report import Report
from .shader_inputs import as_floats, attribute_value, follow
from .surface import BRIGHTEST

__all__ = ["dome_texture_coordinates", "is_light", "light_radiance", "read_light"]

_KINDS = {
    "DistantLight": LightKind.DISTANT,
    "SphereLight": LightKind.SPHERE,
    "RectLight": LightKind.RECT,
    "DiskLight": LightKind.DISK,
    "CylinderLight": LightKind.CYLINDER,
    "DomeLight": LightKind.DOME,
    "DomeLight_1": LightKind.DOME,
}
_UNSUPPORTED = {"PortalLight", "GeometryLight", "PluginLight", "VolumeLight"}
_Z_POLE = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""Row-vector rotation by +90 degrees about X: +Y goes to +Z, +Z goes to -Y."""


def is_light(prim: Usd.Prim) -> bool:
    """Whether a prim is a light of any kind, supported or not.

    A gprim that also has the LightAPI (a mesh light) is no light here but a thing to draw; the material reader tells
    that its light is missing.
    """
    if prim.GetTypeName() in _KINDS or prim.GetTypeName() in _UNSUPPORTED:
        return True
    return prim.HasAPI(UsdLux.LightAPI) and not prim.IsA(UsdGeom.Gprim)


def light_radiance(
    color: tuple[float, ...], intensity: float, exposure: float, temperature: float | None
) -> tuple[float, float, float]:
    """Linear RGB of a light: colour x blackbody colour x intensity x 2^exposure.

    Args:
        color: Linear RGB.
        intensity: UsdLux intensity.
        exposure: Stops.
        temperature: Colour temperature [K], or None if it does not count.
    """
    tint = UsdLux.BlackbodyTemperatureAsRgb(temperature) if temperature is not None else (1.0, 1.0, 1.0)
    power = intensity * 2.0 ** min(max(exposure, -126.0), 126.0)
    red, green, blue = (min(max(float(c * t * power), 0.0), BRIGHTEST) for c, t in zip(color, tint, strict=True))
    return red, green, blue


def dome_texture_coordinates(directions: np.ndarray) -> np.ndarray:
    """Where a dome's texture is read, the formula in the module's docstring; the reference for backends.

    Args:
        directions: (..., 3) unit directions away from the viewer, in the dome's local frame.

    Returns:
        (..., 2) u and v in [0, 1], v = 1 at +Y.
    """
    x, y, z = np.moveaxis(np.asarray(directions, np.float64), -1, 0)
    u = 0.5 - np.arctan2(x, z) / (2.0 * np.pi)
    v = 1.0 - np.arccos(np.clip(y, -1.0, 1.0)) / np.pi
    return np.stack([u, v], axis=-1)


def read_light(
    prim: Usd.Prim,
    env: int,
    transform: np.ndarray,
    reader: MaterialReader,
    findings: list[Finding],
    cfg: RendererCfg,
) -> Light | None:
    """Read a light prim.

    Args:
        prim: A prim for which :func:`is_light` holds.
        env: Environment id or SHARED.
        transform: (4, 4) local to world, row-vector, stage units.
        reader: Loads the light's texture.
        findings: Problems are appended to it.
        cfg: Configuration.

    Returns:
        The light, or None if it is invisible or of a kind that is not supported (with a finding).
    """
    report = reader.report if reader.report.findings is findings else Report(findings)
    kind = _KINDS.get(str(prim.GetTypeName()))
    if kind is None:
        report(
            "light-unsupported",
            "warning",
            prim.GetPath(),
            f"a light of type '{prim.GetTypeName()}' does not light the scene. Use a sphere, rect, disk, cylinder, "
            "distant or dome light, or an emissive material for its looks",
        )
        return None
    if UsdGeom.Imageable(prim).ComputeVisibility(Usd.TimeCode.EarliestTime()) == UsdGeom.Tokens.invisible:
        return None
    _report_ignored(prim, report)

    def number(name: str, default: float) -> float:
        value = as_floats(_value(prim, name))
        return value[0] if value else default

    def flag(name: str, default: bool) -> bool:
        return number(name, float(default)) != 0.0

    color = as_floats(_value(prim, "color"))
    temperature = number("colorTemperature", 6500.0) if flag("enableColorTemperature", False) else None
    intensity = number("intensity", 50000.0 if kind == LightKind.DISTANT else 1.0)
    matrix = np.array(transform, np.float64)
    if kind == LightKind.DOME and _pole_axis(prim) == "Z":
        matrix = _Z_POLE @ matrix
    return Light(
        kind,
        light_radiance(
            color if color and len(color) == 3 else (1.0, 1.0, 1.0), intensity, number("exposure", 0.0), temperature
        ),
        matrix,
        radius=max(number("radius", 0.5), 0.0),
        width=max(number("width", 1.0), 0.0),
        height=max(number("height", 1.0), 0.0),
        length=max(number("length", 1.0), 0.0),
        angle=max(number("angle", 0.53), 0.0),
        normalize=flag("normalize", False),
        treat_as_point=flag("treatAsPoint", False),
        cone_angle=number("shaping:cone:angle", 180.0),
        cone_softness=min(max(number("shaping:cone:softness", 0.0), 0.0), 1.0),
        focus=max(number("shaping:focus", 0.0), 0.0),
        cast_shadows=flag("shadow:enable", True),
        diffuse=max(number("diffuse", 1.0), 0.0),
        specular=max(number("specular", 1.0), 0.0),
        texture=_texture(prim, kind, reader, report),
        env=env,
        path=str(prim.GetPath()),
    )


def _attribute(prim: Usd.Prim, name: str) -> Usd.Attribute | None:
    """An input of a light, under its name of today or the one without ``inputs:`` that older files have.

    An input that a node computes is that input itself.

    ``treatAsPoint`` never had the prefix and is found by its plain name.
    """
    for full_name in (f"inputs:{name}", name):
        attribute = prim.GetAttribute(full_name)
        if attribute and (attribute.HasAuthoredValue() or attribute.HasAuthoredConnections()):
            source = follow(attribute)
            return source.attribute if source.node is None else attribute
    return prim.GetAttribute(f"inputs:{name}") or None


def _value(prim: Usd.Prim, name: str) -> Any:
    return attribute_value(_attribute(prim, name))


def _pole_axis(prim: Usd.Prim) -> str:
    if prim.GetTypeName() != "DomeLight_1":
        return "Y"
    axis = str(attribute_value(prim.GetAttribute("poleAxis")) or "scene")
    return str(UsdGeom.GetStageUpAxis(prim.GetStage())) if axis == "scene" else axis


def _texture(prim: Usd.Prim, kind: LightKind, reader: MaterialReader, report: Report) -> int:
    attribute = _attribute(prim, "texture:file")
    if attribute is None or kind not in (LightKind.DOME, LightKind.RECT):
        return -1
    texture_format = str(_value(prim, "texture:format") or "automatic")
    if kind == LightKind.DOME and texture_format not in ("automatic", "latlong"):
        report(
            "dome-texture-format",
            "warning",
            prim.GetPath(),
            f"the texture format '{texture_format}' is read as latlong and looks distorted. Convert it to latlong",
        )
    return reader.texture(attribute)


def _report_ignored(prim: Usd.Prim, report: Report) -> None:
    for name in ("lightLink", "shadowLink"):
        include_root = prim.GetAttribute(f"collection:{name}:includeRoot")
        includes = prim.GetRelationship(f"collection:{name}:includes")
        excludes = prim.GetRelationship(f"collection:{name}:excludes")
        if (
            (include_root and attribute_value(include_root) is False)
            or (includes and includes.GetTargets())
            or (excludes and excludes.GetTargets())
        ):
            report("light-linking-ignored", "warning", prim.GetPath(), f"collection:{name} is ignored; all is lit")
    for attribute in prim.GetAuthoredAttributes():
        node = follow(attribute).node if attribute.HasAuthoredConnections() else None
        if node is not None:
            report(
                "shader-node-unsupported",
                "warning",
                prim.GetPath(),
                f"{attribute.GetName()} is connected to {node.GetPath()}, and no nodes are evaluated for lights: the "
                "light's own value is used. Author the value",
            )
    profile = _value(prim, "shaping:ies:file")
    if getattr(profile, "path", ""):
        report("ies-ignored", "warning", prim.GetPath(), f"the IES profile {profile.path} is ignored")
    filters = prim.GetRelationship("light:filters")
    if filters and filters.GetTargets():
        report("light-filters-ignored", "warning", prim.GetPath(), "light filters are ignored")
