"""The light of a Scene as far as Newton has it: one directional light, and ambient light from above and below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from ...config import RendererCfg
from ...scene.data import LightKind, Scene
from ..warp.device_scene import (
    HEADLIGHT,
    LUMINANCE,
    automatic_exposure,
    irradiance,
    pack_lights,
    scene_center,
    upload_environment,
)
from ..warp.environment import Environment, bake_environment, octahedral_directions
from ..warp.features import SKY_MAP

__all__ = ["Lighting", "read_lighting"]


@dataclass(frozen=True, eq=False)
class Lighting:
    """What lights the pictures. Colours are linear radiances of a white surface, exposure included.

    Attributes:
        color: Of a surface that faces the directional light, or None if there is none.
        direction: Unit vector the light goes along; None is Newton's own.
        shadows: Whether the light casts shadows.
        ambient_up: Of a surface that faces up, lit by the dome alone.
        ambient_down: Of one that faces down.
        sky: The dome lights as they are seen.
        sky_features: See :mod:`..warp.features`.
        has_dome: Whether there is a dome light.
        exposure: Multiplier of what is emitted.
    """

    color: tuple[float, float, float] | None
    direction: tuple[float, float, float] | None
    shadows: bool
    ambient_up: tuple[float, float, float]
    ambient_down: tuple[float, float, float]
    sky: Environment
    sky_features: int
    has_dome: bool
    exposure: float


def read_lighting(scene: Scene, cfg: RendererCfg, device: wp.Device, exposure: float | None = None) -> Lighting:
    """The strongest light in the middle of environment 0 becomes the directional one; the dome becomes ambient light.

    A stage without any light gets Newton's own light if the configuration allows a headlight.

    Args:
        scene: The scene.
        cfg: The configuration.
        device: Warp device.
        exposure: Multiplier that was chosen before; None chooses it.
    """
    baked = bake_environment(scene)
    lights, begin, _ = pack_lights(scene, cfg)
    count = int(begin[-1])
    if exposure is None:
        automatic = cfg.exposure == "auto"
        exposure = automatic_exposure(scene, lights, count, baked.mean) if automatic else 2.0**cfg.exposure
    color = direction = None
    shadows = cfg.shadows
    seen = lights[:count][lights[:count]["env"] <= 0]
    if len(seen):
        center = scene_center(scene)
        arriving = irradiance(seen, center)
        best = int(np.argmax(arriving @ LUMINANCE))
        light = seen[best]
        r, g, b = arriving[best] * (exposure / np.pi)
        color = (float(r), float(g), float(b))
        shadows = cfg.shadows and bool(light["shadows"])
        if light["kind"] != HEADLIGHT:
            away = -light["rotation"][:, 2] if light["kind"] == LightKind.DISTANT else center - light["position"]
            x, y, z = away / max(float(np.linalg.norm(away)), 1e-12)
            direction = (float(x), float(y), float(z))
    up = np.array([0.0, 1.0, 0.0] if scene.up_axis == "Y" else [0.0, 0.0, 1.0])
    toward = octahedral_directions(baked.lobes.shape[1]) if baked.lobes.shape[1] > 1 else np.zeros((1, 1, 3))
    lobe = baked.lobes[-1].reshape(-1, 3) * exposure

    def ambient(normal: np.ndarray) -> tuple[float, float, float]:
        r, g, b = lobe[np.argmax(toward.reshape(-1, 3) @ (baked.to_map @ normal))]
        return float(r), float(g), float(b)

    return Lighting(
        color=color,
        direction=direction,
        shadows=shadows,
        ambient_up=ambient(up),
        ambient_down=ambient(-up),
        sky=upload_environment(baked, device),
        sky_features=int(SKY_MAP) if baked.radiance.shape[:2] != (1, 1) else 0,
        has_dome=any(light.kind == LightKind.DOME for light in scene.lights),
        exposure=exposure,
    )
