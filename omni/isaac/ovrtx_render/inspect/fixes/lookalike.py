"""A UsdPreviewSurface that looks like another material, whatever language that was written in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pxr import Gf, Sdf, Usd, UsdGeom

from ...config import RendererCfg
from ...scene.data import AlphaMode, Material, Texture, TextureRef, Wrap
from ...scene.material_bindings import BindingResolver
from ...scene.materials import DEFAULT_COLOR, MaterialReader
from ...scene.shader_inputs import as_floats, follow
from ...scene.shading_networks import Primvars
from ..bindings import bound_subsets
from .author import Author

__all__ = ["Look", "author_lookalike", "guessed_look", "read_look"]

_TYPES = Sdf.ValueTypeNames
_WRAPS = {Wrap.REPEAT: "repeat", Wrap.CLAMP: "clamp", Wrap.MIRROR: "mirror", Wrap.BLACK: "black"}
_OUTPUTS = ("rgb", "r", "g", "b", "a")
_INPUTS: tuple[tuple[str, str, Sdf.ValueTypeName], ...] = (
    ("base_color", "diffuseColor", _TYPES.Color3f),
    ("emissive", "emissiveColor", _TYPES.Color3f),
    ("metallic", "metallic", _TYPES.Float),
    ("roughness", "roughness", _TYPES.Float),
    ("clearcoat", "clearcoat", _TYPES.Float),
    ("clearcoat_roughness", "clearcoatRoughness", _TYPES.Float),
    ("occlusion", "occlusion", _TYPES.Float),
    ("opacity", "opacity", _TYPES.Float),
    ("specular_color", "specularColor", _TYPES.Color3f),
)
# What other renderers call the inputs, in lower case without separators.
_NAMES = {
    "base_color": ("diffusecolor", "basecolor", "color", "diffuse", "kdcolor", "albedo", "diffusecolorconstant"),
    "roughness": ("roughness", "specularroughness", "reflectionroughness", "specroughness"),
    "metallic": ("metallic", "metalness"),
    "emissive": ("emissivecolor", "emissioncolor", "glowcolor"),
    "opacity": ("opacity", "presence"),
}
_NODES = "ovrtx_render"


@dataclass(frozen=True)
class Look:
    """What a material looks like.

    Attributes:
        material: Its parameters.
        textures: What its texture references count in.
    """

    material: Material
    textures: tuple[Texture, ...] = ()


def read_look(material: Usd.Prim) -> Look:
    """What our own reader makes of a material for the first prim that shows it, whose primvars it may read."""
    reader = MaterialReader(material.GetStage(), RendererCfg(), [])
    shown_by = _first_user(material) or material
    return Look(reader.read(material, Primvars(shown_by)), tuple(reader.textures))


def _first_user(material: Usd.Prim) -> Usd.Prim | None:
    resolver = BindingResolver()
    drawn = Usd.PrimRange(material.GetStage().GetPseudoRoot(), Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
    for prim in drawn:
        for part in (prim, *bound_subsets(prim)) if prim.IsA(UsdGeom.Gprim) else ():
            bound = resolver.resolve(part)
            if bound is not None and bound.material == material:
                return part
    return None


def guessed_look(material: Usd.Prim) -> Look:
    """What the inputs of an unknown surface shader seem to say, by their names."""
    fields: dict[str, Any] = {}
    for shader in Usd.PrimRange(material):
        for attribute in shader.GetAuthoredAttributes() if shader.GetTypeName() == "Shader" else ():
            name = attribute.GetName().removeprefix("inputs:").replace("_", "").lower()
            field = next((field for field, names in _NAMES.items() if name in names), None)
            source = follow(attribute).attribute if field else None
            value = as_floats(source.Get()) if source else None
            if field and value and field not in fields:
                color = field in ("base_color", "emissive")
                if color and len(value) in (1, 3):
                    fields[field] = value * 3 if len(value) == 1 else value
                elif not color:
                    fields[field] = value[0]
    if fields.get("opacity", 1.0) < 1.0:
        fields["alpha_mode"] = AlphaMode.BLEND
    return Look(Material(str(material.GetPath()), **{"base_color": DEFAULT_COLOR, **fields}))


def author_lookalike(author: Author, path: str, look: Look) -> None:
    """Give a material prim a UsdPreviewSurface, and take its other surfaces away.

    Args:
        author: Where to.
        path: The material prim.
        look: What it shall look like.
    """
    material = look.material
    surface = f"{path}/{_NODES}_surface"
    author.prim(surface, "Shader")
    author.token(surface, "info:id", "UsdPreviewSurface")
    author.token(surface, "outputs:surface", "").ClearDefaultValue()
    author.connect(path, "outputs:surface", _TYPES.Token, f"{surface}.outputs:surface")
    for context in ("mdl", "mtlx"):
        author.connect(path, f"outputs:{context}:surface", _TYPES.Token, None)
    default = Material("")
    for field, name, kind in _INPUTS:
        value, texture = getattr(material, field), getattr(material, f"{field}_texture")
        if field == "base_color" and material.use_vertex_color:
            author.connect(surface, f"inputs:{name}", kind, _author_vertex_color(author, path, material))
        elif texture is not None:
            node, output = _author_texture(author, path, field, look, texture, kind == _TYPES.Color3f)
            author.connect(surface, f"inputs:{name}", kind, f"{node}.outputs:{output}")
        elif value != getattr(default, field) or field in ("base_color", "roughness"):
            author.value(surface, f"inputs:{name}", kind, Gf.Vec3f(*value) if kind == _TYPES.Color3f else value)
    if material.normal_texture is not None:
        node, _ = _author_texture(author, path, "normal", look, material.normal_texture, True)
        author.connect(surface, "inputs:normal", _TYPES.Normal3f, f"{node}.outputs:rgb")
    author.value(surface, "inputs:ior", _TYPES.Float, material.ior)
    if material.specular_workflow:
        author.value(surface, "inputs:useSpecularWorkflow", _TYPES.Int, 1)
    if material.alpha_mode == AlphaMode.MASK:
        author.value(surface, "inputs:opacityThreshold", _TYPES.Float, material.opacity_threshold)


def _author_vertex_color(author: Author, path: str, material: Material) -> str:
    """Author a reader of the colours that a mesh brings along; returns its output."""
    node = f"{path}/{_NODES}_color"
    author.prim(node, "Shader")
    author.token(node, "info:id", "UsdPrimvarReader_float3")
    author.value(node, "inputs:varname", _TYPES.String, material.color_primvar)
    author.value(node, "inputs:fallback", _TYPES.Float3, Gf.Vec3f(*material.base_color))
    author.value(node, "outputs:result", _TYPES.Float3, None)
    return f"{node}.outputs:result"


def _author_texture(
    author: Author, path: str, field: str, look: Look, texture: TextureRef, color: bool
) -> tuple[str, str]:
    """Author the nodes of a texture lookup; returns the texture node and the output to connect to."""
    image = look.textures[texture.texture]
    reader, node = f"{path}/{_NODES}_st", f"{path}/{_NODES}_{field}"
    author.prim(reader, "Shader")
    author.token(reader, "info:id", "UsdPrimvarReader_float2")
    author.value(reader, "inputs:varname", _TYPES.String, look.material.uv_primvar)
    author.value(reader, "outputs:result", _TYPES.Float2, None)
    source = f"{reader}.outputs:result"
    (a, b), (c, d), (tx, ty) = texture.uv_matrix
    if texture.uv_matrix != TextureRef(0).uv_matrix:
        source = _author_transform(author, f"{node}_place", source, (a, b, c, d), (tx, ty))
    author.prim(node, "Shader")
    author.token(node, "info:id", "UsdUVTexture")
    author.value(node, "inputs:file", _TYPES.Asset, Sdf.AssetPath(image.path))
    author.connect(node, "inputs:st", _TYPES.Float2, source)
    author.token(node, "inputs:sourceColorSpace", "sRGB" if image.srgb else "raw")
    author.token(node, "inputs:wrapS", _WRAPS[texture.wrap_s])
    author.token(node, "inputs:wrapT", _WRAPS[texture.wrap_t])
    author.value(node, "inputs:scale", _TYPES.Float4, Gf.Vec4f(*texture.scale))
    author.value(node, "inputs:bias", _TYPES.Float4, Gf.Vec4f(*texture.bias))
    output = "rgb" if color else _OUTPUTS[1 + texture.channel]
    author.value(node, f"outputs:{output}", _TYPES.Float3 if color else _TYPES.Float, None)
    return node, output


def _author_transform(
    author: Author, node: str, source: str, matrix: tuple[float, float, float, float], offset: tuple[float, float]
) -> str:
    """A UsdTransform2d: scale, then rotation, then translation; shear cannot be said."""
    a, b, c, d = matrix
    mirrored = -1.0 if a * d - b * c < 0.0 else 1.0
    author.prim(node, "Shader")
    author.token(node, "info:id", "UsdTransform2d")
    author.connect(node, "inputs:in", _TYPES.Float2, source)
    author.value(node, "inputs:scale", _TYPES.Float2, Gf.Vec2f(math.hypot(a, b), mirrored * math.hypot(c, d)))
    author.value(node, "inputs:rotation", _TYPES.Float, math.degrees(math.atan2(b, a)))
    author.value(node, "inputs:translation", _TYPES.Float2, Gf.Vec2f(*offset))
    author.value(node, "outputs:result", _TYPES.Float2, None)
    return f"{node}.outputs:result"
