"""MaterialX surface shaders (as USD shader ids) to :class:`~.data.Material`."""

from __future__ import annotations

from collections.abc import Callable

from pxr import Usd

from . import materialx_nodes as _materialx_nodes  # noqa: F401  (registers the pattern nodes)
from .data import Material
from .preview_surface import UNRESOLVED_GREY, read_preview_surface
from .shader_inputs import shader_id
from .shading_networks import NetworkReader, Signal, scaled
from .surface import build_material, glass_opacity, with_subsurface

__all__ = ["MATERIALX_SURFACES"]

_WHITE = (1.0, 1.0, 1.0)


def _weighted(reader: NetworkReader, shader: Usd.Prim, weight_name: str, default: float, color: Signal) -> Signal:
    """A colour times its scalar weight input, which cannot vary."""
    return scaled(color, (reader.number(shader, weight_name, default),))


def _transmitting(reader: NetworkReader, shader: Usd.Prim, opacity: Signal, weight_name: str) -> Signal:
    transmission = reader.number(shader, weight_name, 0.0)
    return scaled(opacity, (glass_opacity(transmission),)) if transmission > 0.0 else opacity


def _read_standard_surface(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    # The first version of the definition has the same default in its weight.
    first = shader_id(shader).endswith("_100")
    color = reader.signal(shader, "base_color", _WHITE if first else (0.8, 0.8, 0.8), UNRESOLVED_GREY)
    color = _weighted(reader, shader, "base", 0.8 if first else 1.0, color)
    metallic = reader.signal(shader, "metalness", (0.0,))
    opacity = reader.signal(shader, "opacity", _WHITE)
    return build_material(
        reader,
        shader,
        name,
        {
            "base_color": with_subsurface(reader, shader, color, metallic, ("subsurface", "subsurface_color"), _WHITE),
            "metallic": metallic,
            "roughness": reader.signal(shader, "specular_roughness", (0.2,)),
            "clearcoat": reader.signal(shader, "coat", (0.0,)),
            "clearcoat_roughness": reader.signal(shader, "coat_roughness", (0.1,)),
            "emissive": _weighted(reader, shader, "emission", 0.0, reader.signal(shader, "emission_color", _WHITE)),
            "opacity": _transmitting(reader, shader, opacity, "transmission"),
        },
        normal=reader.signal(shader, "normal", (0.0, 0.0, 1.0)),
        ior=reader.number(shader, "specular_IOR", 1.5),
        double_sided=reader.number(shader, "thin_walled", 0.0) != 0.0,
    )


def _read_open_pbr(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    grey, names = (0.8, 0.8, 0.8), ("subsurface_weight", "subsurface_color")
    color = _weighted(reader, shader, "base_weight", 1.0, reader.signal(shader, "base_color", grey, UNRESOLVED_GREY))
    metallic = reader.signal(shader, "base_metalness", (0.0,))
    emission = reader.signal(shader, "emission_color", _WHITE)
    opacity = reader.signal(shader, "geometry_opacity", (1.0,))
    return build_material(
        reader,
        shader,
        name,
        {
            "base_color": with_subsurface(reader, shader, color, metallic, names, grey),
            "metallic": metallic,
            "roughness": reader.signal(shader, "specular_roughness", (0.3,)),
            "clearcoat": reader.signal(shader, "coat_weight", (0.0,)),
            "clearcoat_roughness": reader.signal(shader, "coat_roughness", (0.0,)),
            "emissive": _weighted(reader, shader, "emission_luminance", 0.0, emission),
            "opacity": _transmitting(reader, shader, opacity, "transmission_weight"),
        },
        normal=reader.signal(shader, "geometry_normal", (0.0, 0.0, 1.0)),
        ior=reader.number(shader, "specular_ior", 1.5),
        double_sided=reader.number(shader, "geometry_thin_walled", 0.0) != 0.0,
    )


def _read_gltf(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    emission = reader.signal(shader, "emissive", (0.0, 0.0, 0.0))
    alpha_mode = int(reader.number(shader, "alpha_mode", 0.0))
    opacity = reader.signal(shader, "alpha", (1.0,)) if alpha_mode in (1, 2) else Signal((1.0,))
    return build_material(
        reader,
        shader,
        name,
        {
            "base_color": reader.signal(shader, "base_color", _WHITE, UNRESOLVED_GREY),
            "metallic": reader.signal(shader, "metallic", (1.0,)),
            "roughness": reader.signal(shader, "roughness", (1.0,)),
            "occlusion": reader.signal(shader, "occlusion", (1.0,)),
            "clearcoat": reader.signal(shader, "clearcoat", (0.0,)),
            "clearcoat_roughness": reader.signal(shader, "clearcoat_roughness", (0.0,)),
            "emissive": _weighted(reader, shader, "emissive_strength", 1.0, emission),
            "opacity": _transmitting(reader, shader, opacity, "transmission"),
        },
        normal=reader.signal(shader, "normal", (0.0, 0.0, 1.0)),
        ior=reader.number(shader, "ior", 1.5),
        opacity_threshold=reader.number(shader, "alpha_cutoff", 0.5) if alpha_mode == 1 else 0.0,
    )


def _read_unlit(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    color = reader.signal(shader, "emission_color", _WHITE, UNRESOLVED_GREY)
    return build_material(
        reader,
        shader,
        name,
        {
            "base_color": _weighted(reader, shader, "emission", 1.0, color),
            "opacity": reader.signal(shader, "opacity", (1.0,)),
        },
        unlit=True,
    )


MATERIALX_SURFACES: dict[str, Callable[[NetworkReader, Usd.Prim, str], Material]] = {
    "ND_standard_surface_surfaceshader": _read_standard_surface,
    "ND_standard_surface_surfaceshader_100": _read_standard_surface,
    "ND_open_pbr_surface_surfaceshader": _read_open_pbr,
    "ND_gltf_pbr_surfaceshader": _read_gltf,
    "ND_surface_unlit": _read_unlit,
    "ND_UsdPreviewSurface_surfaceshader": read_preview_surface,
}
"""Readers by shader id."""
