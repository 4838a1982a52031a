"""Textures that are read in the wrong colour space."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO

from pxr import Sdf, Usd

from ...scene.openusd import TIME
from ...scene.shader_inputs import follow, input_attribute, mdl_name, shader_id
from ...scene.textures import encoding_of, read_asset, resolve_asset
from ..finding import Told

__all__ = ["asset_inputs", "check_textures", "is_eight_bit_color"]

_COLORS = frozenset(
    {
        "diffuseColor", "emissiveColor", "specularColor",
        "diffuse_texture", "emissive_color_texture", "glass_color_texture",
        "diffuse_reflection_color_image", "emission_color_image",
        "base_color", "emission_color", "specular_color", "emissive",
    }
)  # fmt: skip
_DATA = frozenset(
    {
        "normal", "roughness", "metallic", "occlusion", "clearcoat", "clearcoatRoughness", "displacement",
        "normalmap_texture", "reflectionroughness_texture", "metallic_texture", "ao_texture", "ORM_texture",
        "specular_reflection_roughness_image", "metalness_image", "geometry_normal_image",
        "metalness", "specular_roughness", "base_metalness", "geometry_normal",
    }
)  # fmt: skip


def check_textures(shader: Usd.Prim) -> Iterator[Told]:
    """Compare the colour space of each texture that feeds a surface shader with what the input is."""
    uses: dict[Sdf.Path, tuple[Usd.Attribute, set[str]]] = {}
    for attribute in shader.GetAuthoredAttributes():
        name = attribute.GetName().removeprefix("inputs:")
        if name in _COLORS or name in _DATA:
            for asset in _upstream(attribute):
                uses.setdefault(asset.GetPath(), (asset, set()))[1].add(name)
    for asset, names in uses.values():
        data = names & _DATA
        if data and names - _DATA:
            continue  # one file for colour and, in its alpha, for data
        space = _space(asset)
        if data and _reads_srgb(asset, space):
            yield _told(asset, f"{', '.join(sorted(data))} reads the texture as sRGB, so its values are bent", "raw")
        elif not data and encoding_of(space) == "raw" and is_eight_bit_color(asset):
            yield _told(
                asset, f"{', '.join(sorted(names))} reads the texture as raw, so colours are too bright", "sRGB"
            )


def asset_inputs(prim: Usd.Prim) -> Iterator[Usd.Attribute]:
    """Asset-valued attributes of a prim that name a file."""
    for attribute in prim.GetAuthoredAttributes():
        if attribute.GetTypeName() == Sdf.ValueTypeNames.Asset and getattr(attribute.Get(TIME), "path", ""):
            yield attribute


def is_eight_bit_color(asset: Usd.Attribute) -> bool:
    """Whether a texture file has 8-bit channels, three or four of them."""
    location = resolve_asset(asset, asset.Get(TIME))
    return bool(location) and _probe(location)


def _told(asset: Usd.Attribute, problem: str, space: str) -> Told:
    prim = asset.GetPrim()
    on_node = shader_id(prim) == "UsdUVTexture"
    what = "inputs:sourceColorSpace" if on_node else f"the colorSpace of {asset.GetName()}"
    return Told(
        "texture-color-space",
        str(prim.GetPath()),
        f"{problem}. Set {what} to {space}",
        "inputs:sourceColorSpace" if on_node else asset.GetName(),
        data={"space": space},
    )


def _upstream(attribute: Usd.Attribute, seen: set[Sdf.Path] | None = None) -> Iterator[Usd.Attribute]:
    """Assets that an input reads, directly or through nodes."""
    seen = set() if seen is None else seen
    source = follow(attribute)
    if source.node is None:
        if source.attribute is not None and source.attribute.GetTypeName() == Sdf.ValueTypeNames.Asset:
            if getattr(source.attribute.Get(TIME), "path", ""):
                yield source.attribute
    elif source.node.GetPath() not in seen:
        seen.add(source.node.GetPath())
        for below in source.node.GetAuthoredAttributes():
            if below.GetName().startswith("inputs:"):
                yield from _upstream(below, seen)


def _space(asset: Usd.Attribute) -> str:
    node = asset.GetPrim()
    given = input_attribute(node, "sourceColorSpace")
    value = follow(given).attribute if given is not None else None
    return str((value.Get(TIME) if value else "") or asset.GetColorSpace() or "auto")


def _reads_srgb(asset: Usd.Attribute, space: str) -> bool:
    if encoding_of(space) == "sRGB":
        return True
    # For "auto", UsdUVTexture goes by the file; MDL and MaterialX go by the type of the input.
    by_file = space == "auto" and shader_id(asset.GetPrim()) == "UsdUVTexture" and not mdl_name(asset.GetPrim())
    return by_file and is_eight_bit_color(asset)


@lru_cache(maxsize=4096)
def _probe(location: str) -> bool:
    if os.path.splitext(location)[1].lower().rstrip("]") in (".exr", ".hdr"):
        return False
    try:
        from PIL import Image

        with Image.open(BytesIO(read_asset(location))) as image:
            return image.mode in ("RGB", "RGBA", "P") and "16" not in str(getattr(image, "tile", ""))
    except (ImportError, OSError, ValueError):
        return False  # the reader says what is wrong with the file
