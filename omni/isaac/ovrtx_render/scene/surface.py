"""Puts evaluated signals together into a :class:`~.data.Material`, the same way for every shading language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pxr import Usd

from .data import AlphaMode, Material, TextureRef
from .shading_networks import Floats, NetworkReader, Signal, scaled, shifted

__all__ = [
    "GLASS_OPACITY",
    "blended",
    "build_material",
    "glass_opacity",
    "is_textured",
    "normal_incidence_ior",
    "with_subsurface",
]

GLASS_OPACITY = 0.15
"""Opacity that stands for full transmission: there is no refraction here, and clear glass must not vanish."""

BRIGHTEST = 1e30
"""Colours are clamped to this, so that sums of a few of them stay finite in single precision."""

_COLORS = ("base_color", "emissive", "specular_color")
_UNIT_SCALARS = ("metallic", "roughness", "clearcoat", "clearcoat_roughness", "occlusion", "opacity")


def glass_opacity(transmission: float) -> float:
    """Opacity that stands for an amount of transmission."""
    return 1.0 - min(max(transmission, 0.0), 1.0) * (1.0 - GLASS_OPACITY)


def normal_incidence_ior(reflectance: float) -> float:
    """Index of refraction of a dielectric with this reflectance at normal incidence."""
    root = min(max(reflectance, 0.0), 0.99) ** 0.5
    return (1.0 + root) / (1.0 - root)


def blended(reader: NetworkReader, shader: Usd.Prim, back: Signal, front: Signal, amount: Floats) -> Signal:
    """``front`` by an amount over ``back``; of two that vary differently only ``front`` does here, with a finding."""
    complement = tuple(1.0 - component for component in amount)
    if all(component == 0.0 for component in amount):
        return back
    if all(component == 0.0 for component in complement):
        return front
    if front.constant:
        return shifted(scaled(back, complement), scaled(front, amount).value)
    behind = scaled(back, complement)
    if not back.constant and (added := _added(scaled(front, amount), behind)) is not None:
        return added
    if not back.constant:
        reader.report(
            "shader-node-approximated",
            "warning",
            shader.GetPath(),
            f"mix of two varying inputs is not supported; the mean {back.value} of one is used. Bake it to a texture",
        )
    return shifted(scaled(front, amount), behind.value)


def _added(first: Signal, second: Signal) -> Signal | None:
    """The sum of two signals that read the same texels; None if they do not."""
    a, b = first.texture, second.texture
    if a is None or b is None or first.uv_primvar != second.uv_primvar or first.primvar or second.primvar:
        return None
    plain = TextureRef(a.texture)
    if replace(a, scale=plain.scale, bias=plain.bias) != replace(b, scale=plain.scale, bias=plain.bias):
        return None
    if len(first.value) != len(second.value):
        return None
    scale, bias = (
        tuple(x + y for x, y in zip(getattr(a, name), getattr(b, name), strict=True)) for name in ("scale", "bias")
    )
    value = tuple(x + y for x, y in zip(first.value, second.value, strict=True))
    return replace(first, value=value, texture=replace(a, scale=scale, bias=bias))


def with_subsurface(
    reader: NetworkReader, shader: Usd.Prim, base: Signal, metallic: Signal, names: tuple[str, str], default: Floats
) -> Signal:
    """The base colour with the colour of what scatters below the surface mixed in by its weight.

    That is the diffuse part of the shading models: (1 - weight) * base + weight * subsurface. How far light gets below
    the surface, and that thin walls let it through, is not drawn. Metal has no such part.

    Args:
        reader: For the inputs, and findings.
        shader: The surface shader.
        base: The base colour, times its weight.
        metallic: How much is metal.
        names: Inputs that hold the weight and the colour.
        default: That colour, where none is authored.
    """
    weight = min(max(reader.number(shader, names[0], 0.0), 0.0), 1.0)
    weight *= 1.0 - min(max(metallic.value[0], 0.0), 1.0)
    if weight == 0.0:
        return base
    return blended(reader, shader, base, reader.signal(shader, names[1], default), (weight,))


def is_textured(material: Material) -> bool:
    """Whether any input of a material reads a texture."""
    return any(value is not None for name, value in vars(material).items() if name.endswith("_texture"))


def build_material(
    reader: NetworkReader,
    shader: Usd.Prim,
    name: str,
    signals: Mapping[str, Signal],
    *,
    normal: Signal | None = None,
    ior: float = 1.5,
    opacity_threshold: float = 0.0,
    **flags: Any,
) -> Material:
    """Make a material from signals.

    Values are clamped to their ranges. Opacity that is constantly 1 is OPAQUE, a positive threshold is MASK, all
    else BLEND.

    Args:
        reader: For findings.
        shader: The surface shader, named in findings.
        name: Material name.
        signals: By :class:`Material` field: colours (3 floats) and scalars in [0, 1]; absent fields keep defaults.
        normal: Tangent-space normal, already in [-1, 1].
        ior: Index of refraction.
        opacity_threshold: Cut-out threshold; 0 is none.
        flags: Further :class:`Material` fields, taken as they are.
    """
    fields: dict[str, Any] = {"name": name, "ior": min(max(ior, 0.0), 1e3), **flags}
    signals = {**signals, "opacity": _plain_opacity(reader, signals.get("opacity", Signal((1.0,))))}
    textured = dict(signals)
    for field in (*_COLORS, *_UNIT_SCALARS):
        signal = signals.get(field)
        if signal is None:
            continue
        if signal.primvar:
            _use_primvar(reader, shader, field, signal, fields)
            textured.pop(field)
        if field in _COLORS:
            fields[field] = tuple(min(max(component, 0.0), BRIGHTEST) for component in signal.value)
        else:
            fields[field] = min(max(signal.value[0], 0.0), 1.0)
        if signal.texture is not None:
            fields[f"{field}_texture"] = signal.texture
    if normal is not None and normal.texture is not None:
        fields["normal_texture"] = normal.texture
        textured["normal"] = normal
        _check_normal_map(reader, shader, normal)
    uv_sets = list(dict.fromkeys(s.uv_primvar for s in textured.values() if s.texture is not None))
    if uv_sets:
        base = textured.get("base_color")
        chosen = base.uv_primvar if base is not None and base.texture is not None else uv_sets[0]
        fields["uv_primvar"] = chosen
        if len(uv_sets) > 1:
            reader.report(
                "multiple-uv-sets",
                "warning",
                shader.GetPath(),
                f"the textures read the texture coordinates {', '.join(uv_sets)}; only '{chosen}' is used for all. "
                "Bake them to one set",
            )
    opacity = signals["opacity"]
    if opacity_threshold > 0.0:
        fields["opacity_threshold"] = min(opacity_threshold, 1.0)
    if opacity.texture is not None or fields.get("opacity", 1.0) < 1.0:
        fields["alpha_mode"] = AlphaMode.MASK if opacity_threshold > 0.0 else AlphaMode.BLEND
    return Material(**fields)


def _plain_opacity(reader: NetworkReader, opacity: Signal) -> Signal:
    """Make an opacity texture that says the same everywhere a constant.

    Exporters like to connect the alpha of every base colour map; most of these surfaces are opaque, and blending them
    would be slow.
    """
    reference = opacity.texture
    if reference is None:
        return opacity
    value = reader.textures.uniform(reference.texture, reference.channel)
    if value is None:
        return opacity
    return Signal((value * reference.scale[reference.channel] + reference.bias[reference.channel],))


def _use_primvar(reader: NetworkReader, shader: Usd.Prim, field: str, signal: Signal, fields: dict[str, Any]) -> None:
    found = reader.primvars.find(signal.primvar)
    if field == "base_color" and found is not None and found[0] == "varying" and found[1] == 3:
        fields["use_vertex_color"] = True
        fields["color_primvar"] = signal.primvar
        if signal.altered:
            reader.report(
                "shader-node-approximated",
                "warning",
                shader.GetPath(),
                f"the base colour is made of the primvar '{signal.primvar}', whose colours are drawn as they are: what "
                "is added to them, or multiplied by, is left out. Author the colours that should be seen",
            )
        return
    reader.report(
        "primvar-input-unsupported",
        "warning",
        shader.GetPath(),
        f"the {field.replace('_', ' ')} reads the primvar '{signal.primvar}', which varies over the surface; only a "
        f"three-component base colour can. Its fallback {signal.value} is used",
    )


def _check_normal_map(reader: NetworkReader, shader: Usd.Prim, normal: Signal) -> None:
    reference = normal.texture
    if reference is None or reader.textures.textures[reference.texture].data.dtype != "uint8":
        return
    if all(bias >= 0.0 for bias in reference.bias[:3]) and all(scale > 0.0 for scale in reference.scale[:3]):
        reader.report(
            "normal-map-no-scale-bias",
            "warning",
            shader.GetPath(),
            "the 8-bit normal map has no bias, so its normals never point to the negative side and shading is wrong in "
            "every renderer. Author scale (2, 2, 2, 1) and bias (-1, -1, -1, 0) on its texture node",
        )
