"""Materials on the device: one parameter block each, and a run of texture references that replace inputs.

The textures of a material are walked by one loop with one fetch in it, whatever they feed: a fetch an input would make
the shading kernel several times larger, and its registers with it.
"""

from __future__ import annotations

import numpy as np
import warp as wp

from ...scene.data import Material, Scene
from .features import FEATURES, LAYERS, NORMAL_MAPS, PBR, TEXTURES, by_features
from .textures import Textures, pack_refs, pack_textures, pick_channel, sample_texture

__all__ = ["MaterialSample", "MaterialState", "pack_materials", "sample_material", "texture_inputs"]

_DIFFUSE_INPUTS = ("base_color", "emissive", "occlusion", "opacity", "normal")
_PBR_INPUTS = ("metallic", "roughness", "specular_color", "clearcoat", "clearcoat_roughness")
_INPUTS = (*_DIFFUSE_INPUTS, *_PBR_INPUTS)

BASE_COLOR = wp.constant(_INPUTS.index("base_color"))
EMISSIVE = wp.constant(_INPUTS.index("emissive"))
OCCLUSION = wp.constant(_INPUTS.index("occlusion"))
OPACITY = wp.constant(_INPUTS.index("opacity"))
NORMAL = wp.constant(_INPUTS.index("normal"))
METALLIC = wp.constant(_INPUTS.index("metallic"))
ROUGHNESS = wp.constant(_INPUTS.index("roughness"))
SPECULAR_COLOR = wp.constant(_INPUTS.index("specular_color"))
CLEARCOAT = wp.constant(_INPUTS.index("clearcoat"))
CLEARCOAT_ROUGHNESS = wp.constant(_INPUTS.index("clearcoat_roughness"))


@wp.struct
class MaterialState:
    """One metallic-roughness block; its textures are rows ``[first_texture, first_texture + num_textures)``."""

    base_color: wp.vec3
    metallic: float
    specular_color: wp.vec3
    roughness: float
    emissive: wp.vec3
    ior: float
    clearcoat: float
    clearcoat_roughness: float
    occlusion: float
    opacity: float
    opacity_threshold: float
    alpha_mode: wp.int32
    specular_workflow: wp.int32
    use_vertex_color: wp.int32
    unlit: wp.int32
    first_texture: wp.int32
    num_textures: wp.int32


@wp.struct
class MaterialSample:
    """The inputs of a material at one point; ``normal`` is in tangent space."""

    base_color: wp.vec3
    metallic: float
    specular_color: wp.vec3
    roughness: float
    emissive: wp.vec3
    occlusion: float
    opacity: float
    clearcoat: float
    clearcoat_roughness: float
    normal: wp.vec3


def texture_inputs(material: Material, pbr: bool) -> list[str]:
    """Inputs of a material that read a texture and matter to the shading model."""
    names = _INPUTS if pbr else _DIFFUSE_INPUTS
    return [name for name in names if getattr(material, f"{name}_texture") is not None]


def pack_materials(
    scene: Scene, pbr: bool, device: wp.Device, packed: Textures | None = None
) -> tuple[wp.array, Textures]:
    """Material table and texture store on the device; ``packed`` as in :func:`.textures.pack_textures`."""
    table = np.zeros(max(len(scene.materials), 1), MaterialState.numpy_dtype())
    refs, inputs = [], []
    for row, material in zip(table, scene.materials, strict=False):
        for name in MaterialState.numpy_dtype()["names"]:
            if name not in ("first_texture", "num_textures"):
                row[name] = getattr(material, name)
        names = texture_inputs(material, pbr)
        row["first_texture"], row["num_textures"] = len(refs), len(names)
        refs += [getattr(material, f"{name}_texture") for name in names]
        inputs += [_INPUTS.index(name) for name in names]
    return wp.array(table, dtype=MaterialState, device=device), pack_textures(
        scene.textures, pack_refs(refs, inputs), device, packed
    )


@by_features
def sample_material(
    materials: wp.array(dtype=MaterialState),
    row: int,
    textures: Textures,
    base_color: wp.vec3,
    uv: wp.vec2,
    footprint: wp.vec2,
    mapped: int,
) -> MaterialSample:
    """Evaluate the inputs of material ``row``.

    Args:
        base_color: Constant or vertex colour, where no texture gives one.
        footprint: How far u and v go in a pixel.
        mapped: 0: there are no texture coordinates, all inputs are constant.
    """
    s = MaterialSample()
    s.base_color = base_color
    s.emissive = materials[row].emissive
    s.occlusion = materials[row].occlusion
    s.opacity = materials[row].opacity
    s.normal = wp.vec3(0.0, 0.0, 1.0)
    if wp.static((FEATURES & PBR) != 0):
        s.metallic = materials[row].metallic
        s.roughness = materials[row].roughness
        s.specular_color = materials[row].specular_color
        s.clearcoat = materials[row].clearcoat
        s.clearcoat_roughness = materials[row].clearcoat_roughness
    if wp.static((FEATURES & (TEXTURES | NORMAL_MAPS)) != 0):
        count = materials[row].num_textures
        if mapped == 0:
            count = 0
        for k in range(count):
            which = materials[row].first_texture + k
            texel = sample_texture(textures, which, uv, footprint)
            color = wp.vec3(texel[0], texel[1], texel[2])
            to = textures.refs[which].target
            value = pick_channel(texel, textures.refs[which].channel)
            if to == BASE_COLOR:
                s.base_color = wp.max(color, wp.vec3(0.0, 0.0, 0.0))
            if to == EMISSIVE:
                s.emissive = wp.max(color, wp.vec3(0.0, 0.0, 0.0))
            if to == OCCLUSION:
                s.occlusion = value
            if wp.static((FEATURES & LAYERS) != 0):
                if to == OPACITY:
                    s.opacity = value
            if wp.static((FEATURES & NORMAL_MAPS) != 0):
                if to == NORMAL:
                    s.normal = color
            if wp.static((FEATURES & PBR) != 0):
                if to == METALLIC:
                    s.metallic = value
                if to == ROUGHNESS:
                    s.roughness = value
                if to == SPECULAR_COLOR:
                    s.specular_color = wp.max(color, wp.vec3(0.0, 0.0, 0.0))
                if to == CLEARCOAT:
                    s.clearcoat = value
                if to == CLEARCOAT_ROUGHNESS:
                    s.clearcoat_roughness = value
    return s
