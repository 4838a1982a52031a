"""MaterialX pattern nodes (as USD shader ids, ``ND_*``) that reduce to a signal."""

from __future__ import annotations

import math
from dataclasses import replace

from pxr import Usd

from .preview_nodes import authored_space, primvar_signal, read_wrap, transform_2d
from .shader_inputs import input_attribute, shader_id
from .shading_networks import UV_NODES, Floats, NetworkReader, Signal, UvTransform, node, scaled, shifted
from .surface import blended
from .textures import encoding_of

__all__: list[str] = []

_COMPONENTS = {"float": 1, "vector2": 2, "color3": 3, "vector3": 3, "color4": 4, "vector4": 4}
_CHANNELS = {"r": 0, "g": 1, "b": 2, "a": 3, "x": 0, "y": 1, "z": 2, "w": 3}


def _type(identifier: str) -> str:
    """Value type at the end of a node definition's name: ``ND_multiply_color3FA`` is a color3."""
    for part in reversed(identifier.split("_")):
        for kind in _COMPONENTS:
            if part.startswith(kind):
                return kind
    return "float"


def _default(shader: Usd.Prim, value: float = 0.0) -> Floats:
    return (value,) * _COMPONENTS[_type(shader_id(shader))]


@node("ND_image_", "ND_tiledimage_", prefix=True)
def _image(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    kind = _type(shader_id(shader))
    attribute = reader.value_attribute(shader, "file")
    fallback = None
    if input_attribute(shader, "default") is not None:
        fallback = reader.constant(shader, "default", (0.0,) * _COMPONENTS[kind])
    index = -1
    if attribute is not None:
        space = authored_space(attribute)
        # Only colours are ever encoded; without a colour space the file's own kind decides, as in Storm.
        is_color = kind.startswith("color") or encoding_of(space) == "sRGB"
        index = reader.textures.load(attribute, space if is_color else "raw")
    if index < 0:
        return Signal(fallback) if fallback is not None else None
    uv = reader.uv(shader, "texcoord")
    if shader_id(shader).startswith("ND_tiledimage_"):
        offset = reader.constant(shader, "uvoffset", (0.0, 0.0))
        uv = transform_2d(uv, reader.constant(shader, "uvtiling", (1.0, 1.0)), translation=(-offset[0], -offset[1]))
        image, tile = (reader.constant(shader, f"realworld{what}size", (1.0, 1.0)) for what in ("image", "tile"))
        uv = transform_2d(uv, tuple(t / i if i else 1.0 for i, t in zip(image, tile, strict=True)))
    return reader.texture(
        index,
        uv,
        components=_COMPONENTS[kind],
        wrap_s=read_wrap(reader, shader, "uaddressmode"),
        wrap_t=read_wrap(reader, shader, "vaddressmode"),
    )


@node("ND_geompropvalue_", prefix=True)
def _geometry_property(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    name = str(reader.raw(shader, "geomprop") or "")
    return primvar_signal(reader, name, reader.signal(shader, "default", _default(shader)).value)


@node("ND_geomcolor_", prefix=True)
def _geometry_color(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    return primvar_signal(reader, "displayColor", _default(shader, 1.0))


@node("ND_constant_", prefix=True)
def _constant(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    return reader.signal(shader, "value", _default(shader))


@node("ND_dot_", "ND_convert_", prefix=True)
def _passed_on(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    components = _COMPONENTS[_type(shader_id(shader))]
    return reader.signal(shader, "in", (0.0,) * components)


@node("ND_multiply_", "ND_add_", "ND_subtract_", "ND_divide_", prefix=True)
def _arithmetic(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    operation = shader_id(shader).split("_")[1]
    neutral = 1.0 if operation in ("multiply", "divide") else 0.0
    first = reader.signal(shader, "in1", _default(shader))
    second = reader.signal(shader, "in2", _default(shader, neutral))
    if not second.constant and first.constant and operation in ("multiply", "add"):
        first, second = second, first
    if not second.constant:
        reader.report(
            "shader-node-approximated",
            "warning",
            shader.GetPath(),
            f"{operation} of two varying inputs is not supported; the mean {second.value} of one is used. Bake it",
        )
    if operation in ("add", "subtract"):
        sign = 1.0 if operation == "add" else -1.0
        return shifted(first, tuple(sign * component for component in second.value))
    if operation == "multiply":
        return scaled(first, second.value)
    return scaled(first, tuple(1.0 / component if component else 0.0 for component in second.value))


@node("ND_mix_", prefix=True)
def _mix(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    front = reader.signal(shader, "fg", _default(shader))
    back = reader.signal(shader, "bg", _default(shader))
    return blended(reader, shader, back, front, reader.constant(shader, "mix", (0.0,)))


@node("ND_invert_", prefix=True)
def _invert(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    signal = reader.signal(shader, "in", _default(shader))
    return shifted(scaled(signal, (-1.0,)), reader.constant(shader, "amount", _default(shader, 1.0)))


@node("ND_remap_", prefix=True)
def _remap(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    signal = reader.signal(shader, "in", _default(shader))
    names = (("inlow", 0.0), ("inhigh", 1.0), ("outlow", 0.0), ("outhigh", 1.0))
    low, high, to, up = (reader.constant(shader, name, _default(shader, value)) for name, value in names)
    factor = tuple((d - c) / (b - a) if b != a else 0.0 for a, b, c, d in zip(low, high, to, up, strict=True))
    return shifted(scaled(shifted(signal, tuple(-component for component in low)), factor), to)


@node("ND_clamp_", prefix=True)
def _clamp(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    signal = reader.signal(shader, "in", _default(shader))
    low, high = reader.constant(shader, "low", _default(shader)), reader.constant(shader, "high", _default(shader, 1.0))
    inside = _range(reader, signal)
    if not signal.constant:
        if inside is None or inside[0] < max(low) or inside[1] > min(high):
            reader.report(
                "shader-node-approximated",
                "warning",
                shader.GetPath(),
                f"a texture is not clamped to {_text(low)}..{_text(high)}: its values are used as they are. Bake it",
            )
        return signal
    bounds = zip(signal.value, low, high, strict=True)
    return Signal(tuple(min(max(component, least), most) for component, least, most in bounds))


def _range(reader: NetworkReader, signal: Signal) -> tuple[float, float] | None:
    """Least and largest value that a texture can have; None where that is not known."""
    reference = signal.texture
    if reference is None or reader.textures.textures[reference.texture].data.dtype != "uint8":
        return None
    ends = [*reference.bias[:3], *(s + b for s, b in zip(reference.scale[:3], reference.bias[:3], strict=True))]
    return min(ends), max(ends)


def _text(bound: Floats) -> str:
    return f"{bound[0]:g}" if len(set(bound)) == 1 else str(bound)


@node("ND_extract_", prefix=True)
def _extract(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    components = _COMPONENTS[_type(shader_id(shader))]
    index = int(reader.number(shader, "index", 0.0))
    return _channel(reader.signal(shader, "in", (0.0,) * components), index)


@node("ND_separate", prefix=True)
def _separate(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    components = _COMPONENTS[_type(shader_id(shader))]
    return _channel(reader.signal(shader, "in", (0.0,) * components), _CHANNELS.get(output[-1:], 0))


@node("ND_combine", prefix=True)
def _combine(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    values: list[float] = []
    for name in ("in1", "in2", "in3", "in4"):
        if input_attribute(shader, name) is not None:
            values.extend(reader.constant(shader, name, (0.0,)))
    return Signal(tuple(values[:4]) or (0.0,))


def _channel(signal: Signal, index: int) -> Signal:
    """One channel of a signal."""
    index = min(max(index, 0), len(signal.value) - 1)
    texture = signal.texture
    if texture is not None:
        texture = replace(texture, channel=min(texture.channel + index, 3))
    return replace(signal, value=(signal.value[index],), texture=texture)


@node("ND_normalmap", "ND_normalmap_float", "ND_normalmap_vector2")
def _normal_map(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    encoded = reader.signal(shader, "in", (0.5, 0.5, 1.0))
    strength = reader.constant(shader, "scale", (1.0,))
    x, y = strength[0], strength[-1]
    return shifted(scaled(encoded, (2.0 * x, 2.0 * y, 2.0)), (-x, -y, -1.0))


def _texcoord(reader: NetworkReader, shader: Usd.Prim) -> UvTransform:
    index = int(reader.number(shader, "index", 0.0))
    if index <= 0:
        return reader.default_uv()
    # USD names its sets; numbers are those of the names that exporters give.
    found = next((n for n in (f"st{index}", f"st_{index}", f"UVMap{index}") if reader.primvars.find(n)), None)
    if found is None:
        reader.report(
            "shader-node-approximated",
            "warning",
            shader.GetPath(),
            f"the node reads set {index} of the texture coordinates, but what shows the material has no "
            f"primvars:st{index}; its first set is used. Name the set so, or read it with ND_geompropvalue_vector2",
        )
        return reader.default_uv()
    return UvTransform(found)


def _place_2d(reader: NetworkReader, shader: Usd.Prim) -> UvTransform:
    """Scale, rotate and offset about a pivot; MaterialX divides by the scale and turns the other way round."""
    pivot = reader.constant(shader, "pivot", (0.0, 0.0))
    scale = tuple(1.0 / component if component else 1.0 for component in reader.constant(shader, "scale", (1.0, 1.0)))
    angle = math.radians(reader.number(shader, "rotate", 0.0))
    offset = reader.constant(shader, "offset", (0.0, 0.0))
    cos, sin = math.cos(angle), math.sin(angle)
    uv = reader.uv(shader, "texcoord").then((1.0, 0.0), (0.0, 1.0), (-pivot[0], -pivot[1]))
    if reader.number(shader, "operationorder", 0.0) == 1.0:  # translate, rotate, scale
        uv = uv.then((cos, -sin), (sin, cos), (-offset[0] * cos - offset[1] * sin, offset[0] * sin - offset[1] * cos))
        return uv.then((scale[0], 0.0), (0.0, scale[1]), pivot)
    uv = uv.then((scale[0] * cos, -scale[0] * sin), (scale[1] * sin, scale[1] * cos), (0.0, 0.0))
    return uv.then((1.0, 0.0), (0.0, 1.0), (pivot[0] - offset[0], pivot[1] - offset[1]))


def _uv_arithmetic(reader: NetworkReader, shader: Usd.Prim) -> UvTransform:
    operation = shader_id(shader).split("_")[1]
    uv = reader.uv(shader, "in1")
    value = reader.constant(shader, "in2", (1.0, 1.0) if operation == "multiply" else (0.0, 0.0))
    if operation == "multiply":
        return uv.then((value[0], 0.0), (0.0, value[-1]), (0.0, 0.0))
    sign = 1.0 if operation == "add" else -1.0
    return uv.then((1.0, 0.0), (0.0, 1.0), (sign * value[0], sign * value[-1]))


UV_NODES["ND_texcoord_vector2"] = _texcoord
UV_NODES["ND_place2d_vector2"] = _place_2d
UV_NODES.update(
    dict.fromkeys(
        (f"ND_{operation}_vector2{kind}" for operation in ("multiply", "add", "subtract") for kind in ("", "FA")),
        _uv_arithmetic,
    )
)
