"""What a scene needs of the shading kernel. Code for what is absent is not compiled.

Features are about kinds of things that are present, never about values: another colour, pose, output or light
intensity uses the same kernel. They reach the (inlined) shading functions as a literal, so that the compiler drops the
branches they switch off: that is what keeps registers low on CUDA.
"""

from __future__ import annotations

import numpy as np
import warp as wp

from ...config import RendererCfg
from ...scene.data import AlphaMode, GeometryKind, LightKind, Scene

__all__ = [
    "ANALYTIC",
    "COAT",
    "LAYERS",
    "LOCAL_LIGHTS",
    "MESHES",
    "NORMAL_MAPS",
    "PBR",
    "SKY",
    "SKY_MAP",
    "TEXTURES",
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

_DIFFUSE = ("base_color", "emissive", "occlusion", "opacity")
_GLOSSY = ("metallic", "roughness", "specular_color", "clearcoat", "clearcoat_roughness")


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
