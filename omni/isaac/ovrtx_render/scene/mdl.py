"""NVIDIA's MDL materials to :class:`~.data.Material`, by the names of their public inputs.

No MDL code is run. Covered: the OmniPBR family, OmniGlass, OmniSurface and OmniSurfaceLite (with and without Base).
Any other module that has OmniPBR's input names is read as OmniPBR, with a warning.

Where OmniPBR cannot be matched exactly: desaturation mixes a texture towards its mean luminance only for constants,
projected coordinates (``project_uvw``) use the mesh's own, and detail normals are left out. Its normal maps are in the
DirectX convention unless ``flip_tangent_v`` is switched off, as NVIDIA's manual says.
"""

from __future__ import annotations

from pxr import Usd

from .data import Material
from .preview_nodes import authored_space, transform_2d
from .preview_surface import UNRESOLVED_GREY, read_preview_surface
from .shader_inputs import follow, input_attribute, mdl_name
from .shading_networks import Floats, NetworkReader, Signal, UvTransform, node, scaled, shifted
from .surface import build_material, glass_opacity, normal_incidence_ior, with_subsurface

__all__ = ["mdl_model", "read_mdl"]

_LUMINANCE = (0.2126, 0.7152, 0.0722)
_WHITE = (1.0, 1.0, 1.0)
_PBR_HINTS = {
    "diffuse_color_constant",
    "diffuse_texture",
    "diffuse_tint",
    "reflection_roughness_constant",
    "metallic_constant",
    "normalmap_texture",
    "ORM_texture",
}


def mdl_model(shader: Usd.Prim) -> str:
    """Which reader an MDL shader needs: ``pbr``, ``glass``, ``surface``, ``preview``, or empty if none fits."""
    name = mdl_name(shader)
    if not name:
        return ""
    for prefix, model in (("OmniPBR", "pbr"), ("OmniGlass", "glass"), ("OmniSurface", "surface")):
        if name.startswith(prefix):
            # OmniPBRBase has OmniSurface's input names.
            return "surface" if name == "OmniPBRBase" else model
    if name == "UsdPreviewSurface":
        return "preview"
    authored = {a.GetName().removeprefix("inputs:") for a in shader.GetAuthoredAttributes()}
    return "pbr-like" if authored & _PBR_HINTS else ""


def read_mdl(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    """Read an MDL shader that :func:`mdl_model` recognises."""
    model = mdl_model(shader)
    if model == "preview":
        return read_preview_surface(reader, shader, name)
    if model == "glass":
        return _read_glass(reader, shader, name)
    if model == "surface":
        return _read_surface(reader, shader, name)
    if model == "pbr-like":
        reader.report(
            "mdl-module-guessed",
            "warning",
            shader.GetPath(),
            f"the MDL material '{mdl_name(shader)}' is not known; its inputs look like OmniPBR's and are read as such",
        )
    return _read_pbr(reader, shader, name)


def _texture(
    reader: NetworkReader,
    shader: Usd.Prim,
    name: str,
    uv: UvTransform,
    components: int,
    channel: int = 0,
    alpha: bool = False,
) -> Signal | None:
    """A texture-valued input as a signal; None if it is empty or unresolved."""
    source_attribute = input_attribute(shader, name)
    if source_attribute is None:
        return None
    source = follow(source_attribute)
    if source.node is not None:
        return reader.output(source.node, source.output)
    if source.attribute is None or "asset" not in str(source.attribute.GetTypeName()):
        return None
    # Colours are sRGB where the file says so; data maps are raw unless authored otherwise.
    space = authored_space(source.attribute)
    index = reader.textures.load(source.attribute, "raw" if space == "auto" and components == 1 else space)
    if index < 0:
        return None
    if alpha:
        channel = 3 if reader.textures.textures[index].data.shape[2] == 4 else 0
    return reader.texture(index, uv, channel, components)


def _has_texture(shader: Usd.Prim, reader: NetworkReader, name: str) -> bool:
    value = reader.raw(shader, name)
    return bool(getattr(value, "path", "")) or (
        (attribute := input_attribute(shader, name)) is not None and follow(attribute).node is not None
    )


def _normal_map(
    reader: NetworkReader, shader: Usd.Prim, name: str, uv: UvTransform, strength: float, flip_u: bool, flip_v: bool
) -> Signal | None:
    source = reader.value_attribute(shader, name)
    index = reader.textures.load(source, "raw") if source is not None else -1
    if index < 0:
        return None
    x = -strength if flip_u else strength
    y = -strength if flip_v else strength
    return reader.texture(index, uv, scale=(2.0 * x, 2.0 * y, 2.0, 1.0), bias=(-x, -y, -1.0, 0.0))


def _flag(reader: NetworkReader, shader: Usd.Prim, name: str, default: bool = False) -> bool:
    return reader.number(shader, name, float(default)) != 0.0


def _mixed(constant: float, texture: Signal | None, influence: float) -> Signal:
    """The constant and the texture, blended by how much the texture counts."""
    if texture is None or influence <= 0.0:
        return Signal((constant,))
    return shifted(scaled(texture, (influence,)), (constant * (1.0 - influence),))


def _texture_space(reader: NetworkReader, shader: Usd.Prim) -> UvTransform:
    if _flag(reader, shader, "project_uvw"):
        reader.report(
            "mdl-project-uvw", "warning", shader.GetPath(), "projected textures use the mesh's own texture coordinates"
        )
    return transform_2d(
        reader.default_uv(),
        reader.constant(shader, "texture_scale", (1.0, 1.0)),
        reader.number(shader, "texture_rotate", 0.0),
        reader.constant(shader, "texture_translate", (0.0, 0.0)),
    )


def _read_pbr(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    uv = _texture_space(reader, shader)
    emission = Signal((0.0, 0.0, 0.0))
    if _flag(reader, shader, "enable_emission"):
        emission = _pbr_emission(reader, shader, uv)
    roughness, metallic, occlusion = _pbr_reflectivity(reader, shader, uv)
    opacity, threshold = _pbr_opacity(reader, shader, uv)
    coat = _flag(reader, shader, "enable_clearcoat", default="ClearCoat" in mdl_name(shader))
    signals = {
        "base_color": _pbr_albedo(reader, shader, uv),
        "emissive": emission,
        "metallic": metallic,
        "roughness": roughness,
        "occlusion": occlusion,
        "opacity": opacity,
    }
    if coat:
        signals["clearcoat"] = reader.signal(shader, "clearcoat_weight", (1.0,))
        signals["clearcoat_roughness"] = reader.signal(shader, "clearcoat_reflection_roughness", (0.0,))
    return build_material(
        reader,
        shader,
        name,
        signals,
        normal=_normal_map(
            reader,
            shader,
            "normalmap_texture",
            uv,
            reader.number(shader, "bump_factor", 1.0),
            _flag(reader, shader, "flip_tangent_u"),
            _flag(reader, shader, "flip_tangent_v", default=True),
        ),
        # OmniPBR's dielectric layer reflects 8 % at specular level 1.
        ior=normal_incidence_ior(0.08 * reader.number(shader, "specular_level", 0.5)),
        opacity_threshold=threshold,
    )


def _pbr_albedo(reader: NetworkReader, shader: Usd.Prim, uv: UvTransform) -> Signal:
    tint = reader.constant(shader, "diffuse_tint", _WHITE)
    texture = _texture(reader, shader, "diffuse_texture", uv, 3)
    if texture is None:
        missing = UNRESOLVED_GREY if _has_texture(shader, reader, "diffuse_texture") else None
        if missing is not None and input_attribute(shader, "diffuse_color_constant") is None:
            return scaled(Signal(missing), tint)
        return scaled(reader.signal(shader, "diffuse_color_constant", (0.2, 0.2, 0.2), UNRESOLVED_GREY), tint)
    brightness = reader.number(shader, "albedo_brightness", 1.0)
    added = reader.number(shader, "albedo_add", 0.0)
    desaturation = min(max(reader.number(shader, "albedo_desaturation", 0.0), 0.0), 1.0)
    color = shifted(scaled(texture, (brightness,)), (added,))
    if desaturation > 0.0:
        # Texel-wise luminance would need a colour matrix; the mean luminance keeps brightness and loses contrast.
        luminance = sum(w * c for w, c in zip(_LUMINANCE, color.value, strict=True))
        color = shifted(scaled(color, (1.0 - desaturation,)), (luminance * desaturation,))
    return scaled(color, tint)


def _pbr_reflectivity(reader: NetworkReader, shader: Usd.Prim, uv: UvTransform) -> tuple[Signal, Signal, Signal]:
    """Roughness, metallic and occlusion, from separate maps or one packed occlusion-roughness-metallic map."""
    if _flag(reader, shader, "enable_ORM_texture"):
        roughness_map = _texture(reader, shader, "ORM_texture", uv, 1, channel=1)
        metallic_map = _texture(reader, shader, "ORM_texture", uv, 1, channel=2)
        occlusion_map = _texture(reader, shader, "ORM_texture", uv, 1, channel=0)
    else:
        roughness_map = _texture(reader, shader, "reflectionroughness_texture", uv, 1)
        metallic_map = _texture(reader, shader, "metallic_texture", uv, 1)
        occlusion_map = _texture(reader, shader, "ao_texture", uv, 1)
    roughness = _mixed(
        reader.number(shader, "reflection_roughness_constant", 0.5),
        roughness_map,
        reader.number(shader, "reflection_roughness_texture_influence", 0.0),
    )
    metallic = _mixed(
        reader.number(shader, "metallic_constant", 0.0),
        metallic_map,
        reader.number(shader, "metallic_texture_influence", 0.0),
    )
    return roughness, metallic, _mixed(1.0, occlusion_map, reader.number(shader, "ao_to_diffuse", 0.0))


def _pbr_emission(reader: NetworkReader, shader: Usd.Prim, uv: UvTransform) -> Signal:
    intensity = reader.number(shader, "emissive_intensity", 40.0)
    color = reader.signal(shader, "emissive_color", (1.0, 0.1, 0.1))
    for texture_name in ("emissive_color_texture", "emissive_mask_texture"):
        texture = _texture(reader, shader, texture_name, uv, 3)
        if texture is None:
            continue
        if texture_name == "emissive_color_texture":
            # The colour map replaces the constant, a mask multiplies it.
            return scaled(texture, (intensity,))
        return scaled(scaled(texture, color.value), (intensity,))
    return scaled(color, (intensity,))


def _pbr_opacity(reader: NetworkReader, shader: Usd.Prim, uv: UvTransform) -> tuple[Signal, float]:
    if not _flag(reader, shader, "enable_opacity"):
        return Signal((1.0,)), 0.0
    threshold = reader.number(shader, "opacity_threshold", 0.0)
    constant = reader.number(shader, "opacity_constant", 1.0)
    if _flag(reader, shader, "enable_opacity_texture"):
        # opacity_mode: 0 alpha, 1 the average of the colours, 2 their luminance, 3 their largest.
        alpha = reader.number(shader, "opacity_mode", 1.0) == 0.0
        texture = _texture(reader, shader, "opacity_texture", uv, 1, alpha=alpha)
        if texture is not None:
            return scaled(texture, (constant,)), threshold
    return Signal((constant,)), threshold


def _read_glass(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    uv = _texture_space(reader, shader)
    color = _texture(reader, shader, "glass_color_texture", uv, 3) or reader.signal(shader, "glass_color", _WHITE)
    roughness = _mixed(
        reader.number(shader, "frosting_roughness", 0.0),
        _texture(reader, shader, "roughness_texture", uv, 1),
        reader.number(shader, "roughness_texture_influence", 1.0),
    )
    opacity = Signal((glass_opacity(1.0),))
    if _flag(reader, shader, "enable_opacity"):
        opacity = scaled(opacity, (reader.number(shader, "cutout_opacity", 1.0),))
    return build_material(
        reader,
        shader,
        name,
        {"base_color": color, "roughness": roughness, "opacity": opacity},
        ior=reader.number(shader, "glass_ior", 1.491),
        double_sided=_flag(reader, shader, "thin_walled"),
    )


def _read_surface(reader: NetworkReader, shader: Usd.Prim, name: str) -> Material:
    uv = transform_2d(
        reader.default_uv(),
        (reader.number(shader, "uvw_s_scale", 1.0), reader.number(shader, "uvw_t_scale", 1.0)),
        reader.number(shader, "uvw_rotation", 0.0),
        (reader.number(shader, "uvw_s_offset", 0.0), reader.number(shader, "uvw_t_offset", 0.0)),
    )

    def mapped(input_name: str, default: Floats, unresolved: Floats | None = None) -> Signal:
        texture = _texture(reader, shader, f"{input_name}_image", uv, len(default))
        return texture if texture is not None else reader.signal(shader, input_name, default, unresolved)

    # OmniPBRBase shares these names but has no weight, and its own defaults.
    pbr_base = mdl_name(shader) == "OmniPBRBase"
    weight = reader.number(shader, "diffuse_reflection_weight", 1.0 if pbr_base else 0.8)
    color = mapped("diffuse_reflection_color", (0.2, 0.2, 0.2) if pbr_base else _WHITE, UNRESOLVED_GREY)
    color, metallic = scaled(color, (weight,)), mapped("metalness", (0.0,))
    if _flag(reader, shader, "enable_diffuse_transmission"):
        # What is called the scattering colour is how far each channel gets.
        names = ("subsurface_weight", "subsurface_transmission_color")
        color = with_subsurface(reader, shader, color, metallic, names, _WHITE)
    emission_on = _flag(reader, shader, "enable_emission") if pbr_base else True
    emission_weight = reader.number(shader, "emission_weight", 1.0 if pbr_base else 0.0) if emission_on else 0.0
    emission = scaled(
        mapped("emission_color", (0.1, 0.1, 0.1) if pbr_base else _WHITE),
        (emission_weight * reader.number(shader, "emission_intensity", 40.0 if pbr_base else 1.0),),
    )
    opacity = Signal((1.0,))
    if _flag(reader, shader, "enable_opacity"):
        opacity = mapped("geometry_opacity", (1.0,))
    if _flag(reader, shader, "enable_specular_transmission"):
        opacity = scaled(opacity, (glass_opacity(reader.number(shader, "specular_transmission_weight", 0.0)),))
    ior = reader.number(shader, "specular_reflection_ior", 1.5)
    if pbr_base:
        ior = normal_incidence_ior(0.08 * reader.number(shader, "specular_level", 0.5))
    return build_material(
        reader,
        shader,
        name,
        {
            "base_color": color,
            "metallic": metallic,
            "roughness": mapped("specular_reflection_roughness", (0.0,) if pbr_base else (0.2,)),
            "clearcoat": mapped("coat_weight", (0.0,)),
            "clearcoat_roughness": mapped("coat_roughness", (0.1,)),
            "emissive": emission,
            "opacity": opacity,
        },
        normal=_normal_map(
            reader,
            shader,
            "geometry_normal_image",
            uv,
            reader.number(shader, "geometry_normal_strength", 1.0),
            _flag(reader, shader, "geometry_normal_flip_u"),
            _flag(reader, shader, "geometry_normal_flip_v"),
        ),
        ior=ior,
        opacity_threshold=reader.number(shader, "geometry_opacity_threshold", 0.0),
        double_sided=_flag(reader, shader, "thin_walled"),
    )


@node("lookup_color", "lookup_float", "lookup_float3", "file_texture", "texture_lookup")
def _lookup(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    """A texture lookup function of an MDL graph."""
    components = 1 if mdl_name(shader) == "lookup_float" else 3
    for name in ("tex", "texture"):
        texture = _texture(reader, shader, name, reader.default_uv(), components)
        if texture is not None:
            return texture
    return None
