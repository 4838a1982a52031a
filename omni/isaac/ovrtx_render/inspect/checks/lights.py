"""Lights, and how bright they make the scene."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ...config import RendererCfg
from ...scene.data import SHARED, Light, LightKind
from ..codes import ALL, RTX
from ..finding import Told

__all__ = ["check_lights", "illuminance"]

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
_FAINT, _GLARING = 1.0e-2, 1.0e7
"""Illuminance beyond which no usual exposure gives a picture [lux]: starlight, and a hundred suns."""
_BLACK, _WHITE = 2.0e-3, 100.0
"""Exposed radiance of a white surface that comes out black, or burnt out whatever its colour."""


def illuminance(lights: Sequence[Light], center: np.ndarray, meters_per_unit: float, unit: str = "lux") -> float:
    """Roughly how much light falls on a surface in the middle of a scene that faces all of it [lux].

    Args:
        lights: The lights that reach it.
        center: (3,) where the surface is [stage units].
        meters_per_unit: Metres in a stage unit.
        unit: ``RendererCfg.distant_light_unit``.
    """
    total = 0.0
    for light in lights:
        value = float(np.asarray(light.radiance) @ _WEIGHTS)
        if light.kind == LightKind.DOME:
            total += math.pi * value
        elif light.kind == LightKind.DISTANT:
            half = math.radians(min(light.angle, 180.0) / 2.0)
            disc = math.pi * math.sin(half) ** 2
            total += value if unit == "lux" or light.normalize or disc <= 0.0 else value * disc
        else:
            distance = float(np.linalg.norm(light.transform[3, :3] - center)) * meters_per_unit
            area = _area(light, meters_per_unit)
            flux = value * (1.0 if light.normalize or light.treat_as_point or area <= 0.0 else area)
            total += flux / max(distance**2, area, 1.0e-12)
    return total


def check_lights(
    lights: Sequence[Light], cameras: int, center: np.ndarray, meters_per_unit: float, cfg: RendererCfg
) -> Iterator[Told]:
    """Check the lights of a stage.

    Args:
        lights: All of them.
        cameras: Number of cameras; a stage without any is a part of something that will be lit.
        center: (3,) middle of what environment 0 shows [stage units].
        meters_per_unit: Metres in a stage unit.
        cfg: Configuration.
    """
    if not lights:
        yield Told(
            "no-light",
            "/",
            "the stage has no light: RTX draws black, and the others light it from the camera. Add a dome light",
            severity="warning" if cameras else "info",
            backends=RTX if cfg.headlight else ALL,
        )
        return
    dark = [light for light in lights if max(light.radiance) <= 0.0]
    for light in dark:
        all_dark = len(dark) == len(lights)
        yield Told(
            "light-dark",
            light.path,
            "the light has no intensity, or is black"
            + (", and so is every other light: the picture is black. " if all_dark else " and does not count. ")
            + "Set its intensity",
            "inputs:intensity",
            severity="warning" if all_dark else "info",
        )
    if len(dark) == len(lights):
        return
    reaching = [light for light in lights if light.env in (SHARED, 0)]
    level = illuminance(reaching, center, meters_per_unit, cfg.distant_light_unit)
    if not _FAINT < level < _GLARING and reaching:
        how = "faint" if level <= _FAINT else "strong"
        scaled = any(light.normalize for light in reaching)
        why = f"; a normalised light is per square metre and {1.0 / meters_per_unit:g} units are one" if scaled else ""
        yield Told(
            "light-level",
            "/",
            f"the lights are too {how}: about {level:.2g} lux in the middle of the scene{why}. RTX, whose exposure is "
            "fixed, shows black or white. Correct their intensities, or metersPerUnit",
            data={"lux": level},
        )
    elif cfg.exposure != "auto":
        white = level / math.pi * 2.0**cfg.exposure
        if not _BLACK < white < _WHITE:
            yield Told(
                "exposure-extreme",
                "/",
                f"with an exposure of {cfg.exposure:g} stops a white surface comes out at {white:.2g} times white. "
                f"Use about {math.log2(0.9 * math.pi / max(level, 1.0e-30)):.1f} stops, or auto",
            )


def _area(light: Light, meters_per_unit: float) -> float:
    """Emitting area [m^2], seen from one side."""
    scale = np.linalg.norm(light.transform[:3, :3], axis=1) * meters_per_unit
    if light.kind == LightKind.RECT:
        return float(light.width * scale[0] * light.height * scale[1])
    if light.kind == LightKind.CYLINDER:
        return float(light.length * scale[0] * 2.0 * light.radius * scale[1])
    return float(math.pi * light.radius**2 * scale[0] * scale[1])
