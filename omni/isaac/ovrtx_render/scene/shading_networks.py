"""Evaluates shader networks to signals: a constant, a texture lookup or a primvar, with a linear map on top.

This is all that one :class:`~.data.Material` can hold, so it is all that networks are reduced to. Nodes register by
shader id in :data:`NODES`; the node vocabularies are in ``preview_nodes``, ``materialx_nodes`` and ``mdl``. What
cannot be reduced becomes a finding and the default of the input that it feeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import add, mul
from typing import Any

import numpy as np
from pxr import Sdf, Usd, UsdGeom

from .color_spaces import color_space
from .data import TextureRef
from .openusd import TIME
from .report import Report
from .shader_inputs import as_floats, attribute_value, follow, input_attribute, shader_id
from .textures import TextureStore

__all__ = ["NODES", "NetworkReader", "Primvars", "Signal", "UvTransform", "node", "scaled", "shifted"]

MAX_DEPTH = 64
"""Longest chain of nodes that is followed."""

Floats = tuple[float, ...]


@dataclass(frozen=True)
class Signal:
    """What feeds one input.

    Attributes:
        value: One to four floats: the constant, or the stand-in where the texture or primvar cannot be had.
        texture: Texture lookup that gives the value, or None.
        uv_primvar: Primvar with the texture coordinates of the lookup.
        primvar: Primvar that varies over the surface and gives the value, or an empty string.
        altered: Something is done to the primvar's values, which cannot be drawn.
    """

    value: Floats
    texture: TextureRef | None = None
    uv_primvar: str = ""
    primvar: str = ""
    altered: bool = False

    @property
    def constant(self) -> bool:
        """Whether the value is the same everywhere."""
        return self.texture is None and not self.primvar


@dataclass(frozen=True)
class UvTransform:
    """Texture coordinates: a primvar, then ``st' = st @ matrix[:2] + matrix[2]``."""

    primvar: str
    matrix: tuple[tuple[float, float], tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0))

    def then(self, a: Floats, b: Floats, t: Floats) -> UvTransform:
        """Append another affine map with rows ``a``, ``b`` and translation ``t``."""

        def linear(row: Floats) -> tuple[float, float]:
            return (row[0] * a[0] + row[1] * b[0], row[0] * a[1] + row[1] * b[1])

        first, second, offset = (linear(row) for row in self.matrix)
        return UvTransform(self.primvar, (first, second, (offset[0] + t[0], offset[1] + t[1])))


Rgba = tuple[float, float, float, float]


def _four(factor: Floats, fill: float) -> Rgba:
    """Widen a scalar or colour to r, g, b, a; ``fill`` is the alpha of a colour."""
    if len(factor) == 1:
        factor = factor * 4
    red, green, blue, alpha = (*factor, fill, fill, fill)[:4]
    return red, green, blue, alpha


def _map(a: Rgba, b: Rgba, operation: Callable[[float, float], float]) -> Rgba:
    return (operation(a[0], b[0]), operation(a[1], b[1]), operation(a[2], b[2]), operation(a[3], b[3]))


def _broadcast(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Bring two values to one length; a scalar is repeated, else the shorter length counts."""
    if len(a) == 1 or len(b) == 1:
        length = max(len(a), len(b))
        return (a * length if len(a) == 1 else a), (b * length if len(b) == 1 else b)
    length = min(len(a), len(b))
    return a[:length], b[:length]


def scaled(signal: Signal, factor: Floats) -> Signal:
    """The signal times a constant, per channel."""
    value, by = _broadcast(signal.value, factor)
    texture = signal.texture
    if texture is not None:
        wide = _four(factor, 1.0)
        texture = replace(
            texture,
            scale=_map(texture.scale, wide, mul),
            bias=_map(texture.bias, wide, mul),
        )
    altered = signal.altered or (bool(signal.primvar) and any(f != 1.0 for f in factor))
    return replace(signal, value=tuple(v * f for v, f in zip(value, by, strict=True)), texture=texture, altered=altered)


def shifted(signal: Signal, offset: Floats) -> Signal:
    """The signal plus a constant, per channel."""
    value, by = _broadcast(signal.value, offset)
    texture = signal.texture
    if texture is not None:
        wide = _four(offset, 0.0)
        texture = replace(texture, bias=_map(texture.bias, wide, add))
    altered = signal.altered or (bool(signal.primvar) and any(o != 0.0 for o in offset))
    return replace(signal, value=tuple(v + o for v, o in zip(value, by, strict=True)), texture=texture, altered=altered)


class Primvars:
    """Primvars of the prim that a material is bound to, as far as materials look at them; remembers the questions.

    Attributes:
        asked: Every question so far; materials that asked nothing look the same on every prim.
    """

    DEFAULT_UV = ""
    """The question "which texture coordinates does this prim have"."""

    def __init__(self, prim: Usd.Prim) -> None:
        # A GeomSubset has no primvars of its own: they are its mesh's.
        self._prim = prim.GetParent() if prim.IsA(UsdGeom.Subset) else prim
        self.asked: set[str] = set()

    def find(self, name: str) -> tuple[str, Any] | None:
        """Look a primvar up.

        Returns:
            ``("constant", value)``, ``("varying", number of components)`` or None; for :attr:`DEFAULT_UV`
            ``("uv", name)``.
        """
        self.asked.add(name)
        if name == self.DEFAULT_UV:
            return ("uv", self.default_uv())
        primvar = UsdGeom.PrimvarsAPI(self._prim).FindPrimvarWithInheritance(name)
        if not primvar or not primvar.HasValue():
            return None
        value = primvar.ComputeFlattened(TIME)
        if value is None:
            return None
        if not primvar.GetTypeName().isArray:
            return ("constant", value) if isinstance(value, str) else _constant(as_floats(value))
        if len(value) == 0:
            return None
        if primvar.GetInterpolation() == UsdGeom.Tokens.constant:
            return _constant(as_floats(value[0]))
        first = as_floats(value[0])
        return ("varying", len(first)) if first else None

    def answers(self, questions: tuple[str, ...]) -> tuple[tuple[str, Any] | None, ...]:
        """Answer several questions, for comparing prims."""
        return tuple(self.find(name) for name in questions)

    def default_uv(self) -> str:
        """``st`` if the prim has it or has no texture coordinates at all, else its first ones by name."""
        self.asked.add(self.DEFAULT_UV)
        api = UsdGeom.PrimvarsAPI(self._prim)
        if api.HasPrimvar("st"):
            return "st"
        kinds = (
            Sdf.ValueTypeNames.TexCoord2fArray,
            Sdf.ValueTypeNames.TexCoord2dArray,
            Sdf.ValueTypeNames.TexCoord2hArray,
        )
        found = [p for p in api.GetPrimvarsWithValues() if p.GetTypeName() in (*kinds, Sdf.ValueTypeNames.Float2Array)]
        found.sort(key=lambda p: (p.GetTypeName() not in kinds, p.GetPrimvarName()))
        return str(found[0].GetPrimvarName()) if found else "st"


def _constant(value: Floats | None) -> tuple[str, Any] | None:
    return ("constant", value) if value else None


class NetworkReader:
    """Reads one material's network for one bound prim.

    Args:
        primvars: Primvars of the bound prim.
        textures: Where textures are loaded.
        report: Where problems are told.
    """

    def __init__(self, primvars: Primvars, textures: TextureStore, report: Report) -> None:
        self.primvars = primvars
        self.textures = textures
        self.report = report
        self._active: set[tuple[Sdf.Path, str]] = set()
        # Outputs are shared within a network, so each is evaluated once: chains of diamonds would take for ever.
        self._outputs: dict[tuple[Sdf.Path, str], Signal | None] = {}

    def signal(self, shader: Usd.Prim, name: str, default: Floats, unresolved: Floats | None = None) -> Signal:
        """Evaluate an input of a shader.

        Args:
            shader: The shader prim.
            name: The input, without ``inputs:``.
            default: Its value if nothing is authored; its length is the number of channels of the input.
            unresolved: Its value if what is connected cannot be evaluated; None: ``default``.
        """
        attribute = input_attribute(shader, name)
        if attribute is None:
            return Signal(default)
        source = follow(attribute)
        if source.broken:
            self.report(
                "shader-connection-broken",
                "warning",
                shader.GetPath(),
                f"inputs:{name} is connected to something that does not exist, or in a circle; its own value or "
                "default is used. Connect it again",
            )
        if source.node is not None:
            signal = self.output(source.node, source.output)
            if signal is None:
                return Signal(default if unresolved is None else unresolved)
            return self._fitted(signal, shader, name, len(default))
        value = attribute_value(source.attribute)
        floats = as_floats(value)
        if floats is None:
            if value is not None:
                self.report(
                    "shader-input-type",
                    "warning",
                    shader.GetPath(),
                    f"inputs:{name} holds {value!r}, but {len(default)} finite numbers are expected; {default} is used",
                )
            return Signal(default)
        return self._fitted(Signal(self._linear(floats, source.attribute, shader)), shader, name, len(default))

    def _linear(self, value: Floats, attribute: Usd.Attribute | None, shader: Usd.Prim) -> Floats:
        """A colour as linear Rec. 709. Only MaterialX converts colours from the space that is authored with them."""
        authored = attribute is not None and len(value) >= 3 and attribute.HasColorSpace()
        if not authored or not shader_id(shader).startswith("ND_"):
            return value
        name = attribute.GetColorSpace()
        space = color_space(name)
        if space is None:
            self.report(
                "texture-color-space",
                "warning",
                shader.GetPath(),
                f"the colour space '{name}' of the colour {attribute.GetName()} is not known here; it is taken as "
                "lin_rec709. Author it in that",
            )
            return value
        return (*(max(float(component), 0.0) for component in space.to_linear(np.array(value[:3]))), *value[3:])

    def constant(self, shader: Usd.Prim, name: str, default: Floats) -> Floats:
        """Evaluate an input that cannot vary over a surface here."""
        signal = self.signal(shader, name, default)
        if not signal.constant:
            self.report(
                "shader-input-varying",
                "warning",
                shader.GetPath(),
                f"inputs:{name} varies over the surface, which is not supported; its mean {signal.value} is used",
            )
        return signal.value

    def number(self, shader: Usd.Prim, name: str, default: float) -> float:
        """Evaluate a scalar input that cannot vary over a surface here."""
        return self.constant(shader, name, (default,))[0]

    def raw(self, shader: Usd.Prim, name: str) -> Any:
        """The plain value of an input that is no number (a token, string or asset), or None."""
        return attribute_value(self.value_attribute(shader, name))

    def value_attribute(self, shader: Usd.Prim, name: str) -> Usd.Attribute | None:
        """The attribute that holds an input's value, which may be on the material's interface."""
        attribute = input_attribute(shader, name)
        return follow(attribute).attribute if attribute is not None else None

    def output(self, shader: Usd.Prim, output: str) -> Signal | None:
        """Evaluate an output of a node; None (with a finding) if that cannot be done."""
        key = (shader.GetPath(), output)
        if key in self._outputs:
            return self._outputs[key]
        identifier = shader_id(shader)
        evaluate = NODES.get(identifier) or next(
            (function for prefix, function in PREFIXES.items() if identifier.startswith(prefix)), None
        )
        if evaluate is None:
            self.report(
                "shader-node-unsupported",
                "warning",
                shader.GetPath(),
                f"shader node {identifier or 'without info:id'!r} cannot be evaluated; what it feeds uses a default. "
                "Bake it to a texture",
            )
            return None
        if key in self._active or len(self._active) > MAX_DEPTH:
            self.report(
                "shader-cycle",
                "warning",
                shader.GetPath(),
                f"the node feeds itself, or more than {MAX_DEPTH} nodes are chained; a default is used",
            )
            return None
        self._active.add(key)
        try:
            self._outputs[key] = evaluate(self, shader, output)
        finally:
            self._active.discard(key)
        return self._outputs[key]

    def default_uv(self) -> UvTransform:
        """The bound prim's own texture coordinates."""
        return UvTransform(self.primvars.default_uv())

    def uv(self, shader: Usd.Prim, name: str) -> UvTransform:
        """Evaluate a texture coordinate input of a shader; unconnected means the prim's own coordinates."""
        attribute = input_attribute(shader, name)
        source = follow(attribute) if attribute is not None else None
        if source is None or source.node is None:
            return self.default_uv()
        node_prim = source.node
        identifier = shader_id(node_prim)
        evaluate = UV_NODES.get(identifier)
        key = (node_prim.GetPath(), "uv")
        if evaluate is None or key in self._active or len(self._active) > MAX_DEPTH:
            self.report(
                "shader-node-unsupported",
                "warning",
                node_prim.GetPath(),
                f"shader node {identifier or 'without info:id'!r} cannot give texture coordinates here; the prim's own "
                "are used",
            )
            return self.default_uv()
        self._active.add(key)
        try:
            return evaluate(self, node_prim)
        finally:
            self._active.discard(key)

    def texture(self, index: int, uv: UvTransform, channel: int = 0, components: int = 3, **lookup: Any) -> Signal:
        """A texture lookup whose stand-in value is the texture's mean.

        Args:
            index: Texture index in the store.
            uv: Texture coordinates.
            channel: First channel to read.
            components: Number of channels to read.
            lookup: Further fields of :class:`~.data.TextureRef`.
        """
        reference = TextureRef(index, channel=channel, uv_matrix=uv.matrix, **lookup)
        mean = self.textures.mean(index)
        value = tuple(
            mean[c] * reference.scale[c] + reference.bias[c] for c in range(channel, min(4, channel + components))
        )
        return Signal(value, reference, uv.primvar)

    def _fitted(self, signal: Signal, shader: Usd.Prim, name: str, components: int) -> Signal:
        """Bring a signal to the number of channels of the input that it feeds."""
        value = signal.value
        if len(value) == components:
            return signal
        if len(value) < components:
            # A scalar into a colour is grey; two or three channels into more are padded like r, g, b, alpha.
            value = value * components if len(value) == 1 else (*value, 0.0, 1.0)[:components]
            if signal.texture is not None and len(signal.value) == 1 and not self._is_grey(signal.texture):
                self.report(
                    "texture-channel-as-color",
                    "warning",
                    shader.GetPath(),
                    f"inputs:{name} is a colour fed by one channel of a colour texture; its r, g, b are shown instead",
                )
        return replace(signal, value=value[:components])

    def _is_grey(self, reference: TextureRef) -> bool:
        red, green, blue, _ = self.textures.mean(reference.texture)
        return reference.channel < 3 and red == green == blue


NodeFunction = Callable[[NetworkReader, Usd.Prim, str], "Signal | None"]
UvFunction = Callable[[NetworkReader, Usd.Prim], UvTransform]

NODES: dict[str, NodeFunction] = {}
"""Evaluators by shader id."""

PREFIXES: dict[str, NodeFunction] = {}
"""Evaluators by the beginning of the shader id (families such as ``ND_image_``)."""

UV_NODES: dict[str, UvFunction] = {}
"""Evaluators of texture coordinates by shader id."""


def node(*identifiers: str, prefix: bool = False) -> Callable[[NodeFunction], NodeFunction]:
    """Register the evaluator of some shader ids (or of all ids that begin so)."""

    def register(function: NodeFunction) -> NodeFunction:
        (PREFIXES if prefix else NODES).update(dict.fromkeys(identifiers, function))
        return function

    return register
