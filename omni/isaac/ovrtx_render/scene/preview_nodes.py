"""The UsdPreviewSurface nodes: UsdUVTexture, UsdPrimvarReader and UsdTransform2d."""

from __future__ import annotations

import math

from pxr import Usd

from .data import Wrap
from .shader_inputs import input_attribute
from .shading_networks import UV_NODES, NetworkReader, Signal, UvTransform, node

__all__ = ["authored_space", "primvar_signal", "read_wrap", "transform_2d"]

_WRAPS = {
    "repeat": Wrap.REPEAT,
    "periodic": Wrap.REPEAT,
    "clamp": Wrap.CLAMP,
    "mirror": Wrap.MIRROR,
    "black": Wrap.BLACK,
    "constant": Wrap.BLACK,
}
_CHANNELS = {"rgb": 0, "r": 0, "g": 1, "b": 2, "a": 3, "rgba": 0}


def read_wrap(reader: NetworkReader, shader: Usd.Prim, name: str) -> Wrap:
    """Wrap mode of a texture node.

    ``useMetadata`` is repeat: the formats read here carry no wrap modes, and for these the specification says black,
    but Storm and RenderMan repeat and so do the assets that rely on it.
    """
    return _WRAPS.get(str(reader.raw(shader, name) or ""), Wrap.REPEAT)


def transform_2d(
    uv: UvTransform,
    scale: tuple[float, ...] = (1.0, 1.0),
    rotation: float = 0.0,
    translation: tuple[float, ...] = (0.0, 0.0),
) -> UvTransform:
    """Append scale, then a counter-clockwise rotation [degrees], then translation, as UsdTransform2d does."""
    cos, sin = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    return uv.then((scale[0] * cos, scale[0] * sin), (-scale[1] * sin, scale[1] * cos), translation)


@node("UsdUVTexture", "ND_UsdUVTexture", "ND_UsdUVTexture_23")
def _uv_texture(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    channel = _CHANNELS.get(output, 0)
    components = {"rgb": 3, "rgba": 4}.get(output, 1)
    fallback = None
    if input_attribute(shader, "fallback") is not None:
        fallback = reader.constant(shader, "fallback", (0.0, 0.0, 0.0, 1.0))[channel : channel + components]
    attribute = reader.value_attribute(shader, "file")
    index = -1
    if attribute is not None:
        space = str(reader.raw(shader, "sourceColorSpace") or "") or authored_space(attribute)
        index = reader.textures.load(attribute, space)
    if index < 0:
        return Signal(fallback) if fallback is not None else None
    if channel == 3 and reader.textures.textures[index].data.shape[2] < 4:
        reader.report(
            "texture-channel-missing", "info", shader.GetPath(), "the HDR texture's alpha is not read; it counts as 1"
        )
        return Signal((1.0,))
    return reader.texture(
        index,
        reader.uv(shader, "st"),
        channel,
        components,
        scale=reader.constant(shader, "scale", (1.0, 1.0, 1.0, 1.0)),
        bias=reader.constant(shader, "bias", (0.0, 0.0, 0.0, 0.0)),
        wrap_s=read_wrap(reader, shader, "wrapS"),
        wrap_t=read_wrap(reader, shader, "wrapT"),
    )


def authored_space(attribute: Usd.Attribute) -> str:
    """Colour space of an asset attribute from its metadata; ``auto`` if it has none."""
    return str(attribute.GetColorSpace() or "auto")


@node("UsdPrimvarReader_", "ND_UsdPrimvarReader_", prefix=True)
def _primvar_reader(reader: NetworkReader, shader: Usd.Prim, output: str) -> Signal | None:
    name = str(reader.raw(shader, "varname") or "")
    fallback = reader.signal(shader, "fallback", (0.0, 0.0, 0.0)).value
    return primvar_signal(reader, name, fallback) if name else Signal(fallback)


def primvar_signal(reader: NetworkReader, name: str, fallback: tuple[float, ...]) -> Signal:
    """The bound prim's primvar: its value where it is constant, else a reference to it."""
    found = reader.primvars.find(name.removeprefix("primvars:"))
    if found is None or isinstance(found[1], str):
        return Signal(fallback)
    if found[0] == "constant":
        return Signal(found[1])
    return Signal(fallback, primvar=name.removeprefix("primvars:"))


def _uv_reader(reader: NetworkReader, shader: Usd.Prim) -> UvTransform:
    name = str(reader.raw(shader, "varname") or reader.raw(shader, "geomprop") or "")
    return UvTransform(name.removeprefix("primvars:")) if name else reader.default_uv()


def _uv_transform(reader: NetworkReader, shader: Usd.Prim) -> UvTransform:
    return transform_2d(
        reader.uv(shader, "in"),
        reader.constant(shader, "scale", (1.0, 1.0)),
        reader.number(shader, "rotation", 0.0),
        reader.constant(shader, "translation", (0.0, 0.0)),
    )


UV_NODES.update(
    dict.fromkeys(
        ("UsdPrimvarReader_float2", "ND_UsdPrimvarReader_vector2", "ND_geompropvalue_vector2"),
        _uv_reader,
    )
)
UV_NODES.update(dict.fromkeys(("UsdTransform2d", "ND_UsdTransform2d"), _uv_transform))
