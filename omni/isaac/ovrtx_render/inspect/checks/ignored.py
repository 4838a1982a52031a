"""Inputs of surface shaders that our own reader leaves out, where they say something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pxr import Sdf, Usd

from ...scene.openusd import TIME
from ...scene.shader_inputs import as_floats, follow, input_attribute, mdl_name, shader_id
from ..finding import Told

__all__ = ["check_ignored"]

_BLACK, _WHITE = (0.0,), (1.0,)

# Neutral values are the defaults of the shading models' own definitions: MaterialX 1.39 (libraries/bxdf:
# standard_surface.mtlx, open_pbr_surface.mtlx, gltf_pbr.mtlx) and, for MDL, NVIDIA's Omniverse manual (Materials and
# Rendering: OmniSurface_Base, OmniSurface_Subsurface, OmniGlass, OmniPBR_Normals) with the defaults that Kit writes
# beside the inputs of OmniSurface. Of UsdPreviewSurface only displacement is ignored, which has a code of its own.
_STANDARD = {
    "sheen": _BLACK, "thin_film_thickness": _BLACK, "specular_anisotropy": _BLACK, "diffuse_roughness": _BLACK,
    "specular": _WHITE, "specular_color": _WHITE, "transmission_color": _WHITE, "coat_color": _WHITE,
    "coat_affect_color": _BLACK, "coat_affect_roughness": _BLACK, "coat_normal": None,
}  # fmt: skip
_OPEN_PBR = {
    "fuzz_weight": _BLACK, "thin_film_weight": _BLACK, "base_diffuse_roughness": _BLACK,
    "specular_roughness_anisotropy": _BLACK, "specular_weight": _WHITE, "specular_color": _WHITE,
    "transmission_color": _WHITE, "coat_color": _WHITE, "geometry_coat_normal": None,
}  # fmt: skip
_GLTF = {
    "sheen_color": _BLACK, "iridescence": _BLACK, "specular": _WHITE, "specular_color": _WHITE,
    "attenuation_color": _WHITE, "clearcoat_normal": None,
}  # fmt: skip
_OMNI_SURFACE = {
    "diffuse_reflection_roughness": _BLACK, "specular_retro_reflection_weight": _BLACK, "enable_thin_film": _BLACK,
    "specular_reflection_anisotropy": _BLACK, "specular_reflection_weight": _WHITE, "specular_reflection_color": _WHITE,
    "specular_transmission_color": _WHITE, "coat_color": _WHITE,
}  # fmt: skip
_OMNI_GLASS = {"reflection_color": _WHITE, "normal_map_texture": None, "reflection_color_texture": None}
_OMNI_PBR = {"detail_normalmap_texture": None}

_Table = Mapping[str, "tuple[float, ...] | None"]
_MATERIALX: dict[str, _Table] = {"ND_standard_surface": _STANDARD, "ND_open_pbr": _OPEN_PBR, "ND_gltf_pbr": _GLTF}
_MDL: dict[str, _Table] = {"OmniGlass": _OMNI_GLASS, "OmniSurface": _OMNI_SURFACE, "OmniPBR": _OMNI_PBR}

_COAT = ("coat", "coat_weight")
_NEEDS = {
    **dict.fromkeys(("coat_color", "coat_affect_color", "coat_affect_roughness", "coat_normal"), _COAT),
    "geometry_coat_normal": _COAT,
    "clearcoat_normal": ("clearcoat",),
    "transmission_color": ("transmission", "transmission_weight"),
    "attenuation_color": ("transmission",),
    "specular_transmission_color": ("specular_transmission_weight",),
}
"""Inputs that say nothing unless one of others is more than zero."""


def check_ignored(shader: Usd.Prim) -> Iterator[Told]:
    """Tell of inputs that do not count in a surface shader and are not what leaves the look as it is."""
    table = _table(shader)
    said = [
        name
        for name, neutral in table.items()
        if _says(shader, name, neutral)
        if name not in _NEEDS or any(_says(shader, needed, _BLACK) for needed in _NEEDS[name])
    ]
    if said:
        yield Told(
            "input-ignored",
            str(shader.GetPath()),
            f"{', '.join(said)}: what the shader says there is not drawn here; RTX draws it. Bake what it does into "
            "the base colour, the roughness or the normal map if it has to show",
            f"inputs:{said[0]}",
        )
    weight = next((name for name in ("subsurface", "subsurface_weight") if _says(shader, name, _BLACK)), "")
    if weight and table and (table is not _OMNI_SURFACE or _says(shader, "enable_diffuse_transmission", _BLACK)):
        yield Told(
            "input-ignored",
            str(shader.GetPath()),
            f"{weight}: the colour below the surface is mixed into the base colour; how far light is scattered there, "
            "and through thin walls, is not drawn here. RTX draws it",
            f"inputs:{weight}",
        )


def _table(shader: Usd.Prim) -> _Table:
    """The inputs that are ignored, with the value of all channels that changes nothing; None for a texture."""
    identifier = shader_id(shader)
    for prefix, table in _MATERIALX.items():
        if identifier.startswith(prefix):
            return table
    name = mdl_name(shader)
    for prefix, table in _MDL.items():
        if name.startswith(prefix) and name != "OmniPBRBase":
            return table
    return {}


def _says(shader: Usd.Prim, name: str, neutral: tuple[float, ...] | None) -> bool:
    attribute = input_attribute(shader, name)
    source = follow(attribute) if attribute is not None else None
    if source is None or source.node is not None:
        return source is not None
    value = source.attribute.Get(TIME) if source.attribute else None
    if isinstance(value, Sdf.AssetPath):
        return bool(value.path)
    numbers = as_floats(value)
    return neutral is not None and numbers is not None and any(abs(number - neutral[0]) > 1e-6 for number in numbers)
