"""What a scene needs of the shading kernel. Code for what is absent is not compiled.

Features are about kinds of things that are present, never about values: another colour, pose, output or light
intensity uses the same kernel. A shading function is written once, with :func:`by_features`, and asks for features in
``wp.static``: it is made for each set of them, without the branches that they switch off. That is what keeps registers
low on CUDA, and compiling short everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
import warp as wp

from ...config import RendererCfg
from ...scene.data import AlphaMode, GeometryKind, LightKind, Scene
from .inlining import inlined

__all__ = [
    "ANALYTIC",
    "COAT",
    "FEATURES",
    "LAYERS",
    "LOCAL_LIGHTS",
    "MESHES",
    "NORMAL_MAPS",
    "PBR",
    "SKY",
    "SKY_MAP",
    "TEXTURES",
    "ByFeatures",
    "by_features",
    "scene_features",
]

TEXTURES = wp.constant(1)
NORMAL_MAPS = wp.constant(2)
PBR = wp.constant(4)
COAT = wp.constant(8)
LAYERS = wp.constant(16)
LOCAL_LIGHTS = wp.constant(32)
SKY = wp.constant(64)
SKY_MAP = wp.constant(128)
MESHES = wp.constant(256)
ANALYTIC = wp.constant(512)

FEATURES = 0
"""In a function :func:`by_features`, the set that it is compiled for."""

_DIFFUSE = ("base_color", "emissive", "occlusion", "opacity")
_GLOSSY = ("metallic", "roughness", "specular_color", "clearcoat", "clearcoat_roughness")


class ByFeatures:
    """A function of Warp for each set of features, in which ``FEATURES`` is that set; see :func:`by_features`."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self.of = cache(self._of)
        """The function for a set of features; it calls those for the same set."""

    def _of(self, features: int) -> Any:
        made = self._function
        names = {"FEATURES": features}
        for name in made.__code__.co_names:
            if isinstance(called := made.__globals__.get(name), ByFeatures):
                names[name] = called.of(features)
        copy = FunctionType(made.__code__, {**made.__globals__, **names}, made.__name__)
        copy.__annotations__, copy.__qualname__, copy.__doc__ = made.__annotations__, made.__qualname__, made.__doc__
        return inlined(copy)


def by_features(function: Callable[..., Any]) -> ByFeatures:
    """Decorate a function at the top level of a module to be made by Warp, inlined, once for each set of features."""
    assert isinstance(function, FunctionType)
    return ByFeatures(function)


def scene_features(scene: Scene, cfg: RendererCfg, sky_map: bool) -> int:
    """Bit set of what is present; ``sky_map`` says whether the baked sky is more than one colour."""
    used = [scene.materials[i] for i in np.unique(scene.instances.material)]
    kinds = {scene.geometries[i].kind for i in np.unique(scene.instances.geometry)}
    lights = {light.kind for light in scene.lights}
    domes = [light for light in scene.lights if light.kind == LightKind.DOME]
    pbr = cfg.shading == "pbr"
    inputs = _DIFFUSE + _GLOSSY if pbr else _DIFFUSE
    present = {
        TEXTURES: any(getattr(m, f"{name}_texture") for m in used for name in inputs),
        NORMAL_MAPS: any(m.normal_texture for m in used),
        PBR: pbr,
        COAT: pbr and any(m.clearcoat > 0.0 or m.clearcoat_texture for m in used),
        LAYERS: any(m.alpha_mode != AlphaMode.OPAQUE for m in used),
        LOCAL_LIGHTS: bool(lights - {LightKind.DISTANT, LightKind.DOME}),
        SKY: bool(domes),
        SKY_MAP: sky_map,
        MESHES: GeometryKind.MESH in kinds,
        ANALYTIC: bool(kinds - {GeometryKind.MESH}),
    }
    return sum(int(bit) for bit, there in present.items() if there)
