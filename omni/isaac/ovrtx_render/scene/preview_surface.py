"""UsdPreviewSurface to :class:`~.data.Material`.

``opacityMode`` (transparent or presence) is read as one: surfaces blend by opacity, highlights included.
"""

from __future__ import annotations

from pxr import Usd

from .data import Material
from .shading_networks import NetworkReader
from .surface import build_material

__all__ = ["read_preview_surface"]

UNRESOLVED_GREY = (0.5, 0.5, 0.5)
"""Base colour where the texture is missing and the network gives no fallback: never a black robot."""


def read_preview_surface(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    """Read a UsdPreviewSurface shader; the specification's defaults where nothing is authored."""
    signals = {
        "base_color": reader.signal(shader, "diffuseColor", (0.18, 0.18, 0.18), UNRESOLVED_GREY),
        "emissive": reader.signal(shader, "emissiveColor", (0.0, 0.0, 0.0)),
        "specular_color": reader.signal(shader, "specularColor", (0.0, 0.0, 0.0)),
        "metallic": reader.signal(shader, "metallic", (0.0,)),
        "roughness": reader.signal(shader, "roughness", (0.5,)),
        "clearcoat": reader.signal(shader, "clearcoat", (0.0,)),
        "clearcoat_roughness": reader.signal(shader, "clearcoatRoughness", (0.01,)),
        "occlusion": reader.signal(shader, "occlusion", (1.0,)),
        "opacity": reader.signal(shader, "opacity", (1.0,)),
    }
    if not (signal := reader.signal(shader, "displacement", (0.0,))).constant or signal.value[0] != 0.0:
        reader.report("displacement-ignored", "info", shader.GetPath(), "displacement is not drawn")
    return build_material(
        reader,
        shader,
        name,
        signals,
        normal=reader.signal(shader, "normal", (0.0, 0.0, 1.0)),
        ior=reader.number(shader, "ior", 1.5),
        opacity_threshold=reader.number(shader, "opacityThreshold", 0.0),
        specular_workflow=reader.number(shader, "useSpecularWorkflow", 0.0) != 0.0,
    )
