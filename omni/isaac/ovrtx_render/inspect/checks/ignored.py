"""Inputs of surface shaders that our own reader leaves out, where they say something."""

from __future__ import annotations

from collections.abc import Iterator

from pxr import Sdf, Usd

from ...scene.openusd import TIME
from ...scene.shader_inputs import as_floats, follow, input_attribute, mdl_name, shader_id
from ..finding import Told

__all__ = ["check_ignored"]

_BLACK, _WHITE = (0.0,), (1.0,)
_STANDARD = {
    "subsurface": _BLACK, "sheen": _BLACK, "thin_film_thickness": _BLACK, "specular_anisotropy": _BLACK,
    "diffuse_roughness": _BLACK, "specular": _WHITE, "specular_color": _WHITE, "coat_color": _WHITE,
}  # fmt: skip
_OPEN_PBR = {
    "subsurface_weight": _BLACK, "fuzz_weight": _BLACK, "thin_film_weight": _BLACK, "base_diffuse_roughness": _BLACK,
    "specular_roughness_anisotropy": _BLACK, "specular_weight": _WHITE, "specular_color": _WHITE, "coat_color": _WHITE,
}  # fmt: skip
_OMNI_SURFACE = {
    "subsurface_weight": _BLACK, "specular_retro_reflection_weight": _BLACK, "specular_reflection_anisotropy": _BLACK,
    "specular_reflection_weight": _WHITE, "specular_reflection_color": _WHITE, "coat_color": _WHITE,
}  # fmt: skip
_OMNI_GLASS = {"reflection_color": _WHITE, "normal_map_texture": None, "reflection_color_texture": None}
_OMNI_PBR = {"detail_normalmap_texture": None}
_COATS = ("coat", "coat_weight")


def check_ignored(shader: Usd.Prim) -> Iterator[Told]:
    """Tell of inputs that do not count in a surface shader and are not what leaves the look as it is."""
    table = _table(shader)
    if not any(_says(shader, name, _BLACK) for name in _COATS):
        table.pop("coat_color", None)  # without a coat its colour says nothing
    said = [name for name, neutral in table.items() if _says(shader, name, neutral)]
    if said:
        yield Told(
            "input-ignored",
            str(shader.GetPath()),
            f"{', '.join(said)}: what the shader says there is not drawn here; RTX draws it. Bake what it does into "
            "the base colour, the roughness or the normal map if it has to show",
            f"inputs:{said[0]}",
        )


def _table(shader: Usd.Prim) -> dict[str, tuple[float, ...] | None]:
    """The inputs that are ignored, with the value of all channels that changes nothing; None for a texture."""
    identifier = shader_id(shader)
    if identifier.startswith("ND_standard_surface"):
        return dict(_STANDARD)
    if identifier.startswith("ND_open_pbr"):
        return dict(_OPEN_PBR)
    name = mdl_name(shader)
    for prefix, table in (("OmniGlass", _OMNI_GLASS), ("OmniSurface", _OMNI_SURFACE), ("OmniPBR", _OMNI_PBR)):
        if name.startswith(prefix) and name != "OmniPBRBase":
            return dict(table)
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
