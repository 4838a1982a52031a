"""MaterialX pattern nodes (as USD shader ids, ``ND_*``) that reduce to a signal."""

from __future__ import annotations

import math
from dataclasses import replace

from pxr import Usd

from .preview_nodes import authored_space, primvar_signal, read_wrap, transform_2d
from .shader_inputs import input_attribute, shader_id
from .shading_networks import UV_NODES, Floats, NetworkReader, Signal, UvTransform, node, scaled, shifted

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
        index = reader.textures.load(attribute, space if kind.startswith("color") or space != "auto" else "raw")
    if index < 0:
        return Signal(fallback) if fallback is not None else None
    uv = reader.uv(shader, "texcoord")
    if shader_id(shader).startswith("ND_tiledimage_"):
        offset = reader.constant(shader, "uvoffset", (0.0, 0.0))
        uv = transform_2d(uv, reader.constant(shader, "uvtiling", (1.0, 1.0)), translation=(-offset[0], -offset[1]))
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
    amount = reader.constant(shader, "mix", (0.0,))
    front = reader.signal(shader, "fg", _default(shader))
    back = reader.signal(shader, "bg", _default(shader))
    complement = tuple(1.0 - component for component in amount)
    if not front.constant and all(component == 0.0 for component in amount):
        return back
    if front.constant:
        return shifted(scaled(back, complement), scaled(front, amount).value)
    if not back.constant and any(component != 1.0 for component in amount):
        reader.report(
            "shader-node-approximated",
            "warning",
            shader.GetPath(),
            f"mix of two varying inputs is not supported; the mean {back.value} of one is used. Bake it to a texture",
        )
    return shifted(scaled(front, amount), scaled(back, complement).value)


@node("ND_clamp_", prefix=True)
def _clamp(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    signal = reader.signal(shader, "in", _default(shader))
    if not signal.constant:
        return signal
    low, high = reader.number(shader, "low", 0.0), reader.number(shader, "high", 1.0)
    return Signal(tuple(min(max(component, low), high) for component in signal.value))


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
    return reader.default_uv()


def _place_2d(reader: NetworkReader, shader: Usd.Prim) -> UvTransform:
    """Scale, rotate and offset about a pivot; MaterialX divides by the scale and turns the other way round."""
    pivot = reader.constant(shader, "pivot", (0.0, 0.0))
    scale = tuple(1.0 / component if component else 1.0 for component in reader.constant(shader, "scale", (1.0, 1.0)))
    angle = math.radians(reader.number(shader, "rotate", 0.0))
    offset = reader.constant(shader, "offset", (0.0, 0.0))
    cos, sin = math.cos(angle), math.sin(angle)
    uv = reader.uv(shader, "texcoord").then((1.0, 0.0), (0.0, 1.0), (-pivot[0], -pivot[1]))
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
