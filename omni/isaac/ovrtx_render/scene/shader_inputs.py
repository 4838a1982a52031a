"""Follows shader connections to what produces a value, and reads values with the type that is asked for.

A connection may lead through Material interface inputs and NodeGraph inputs and outputs; it ends at a shader node's
output or at an attribute that holds a value. Broken networks (dangling targets, cycles, wrong types) are normal input
here: the value authored on the last reachable attribute counts, else none.
"""

from __future__ import annotations

import math
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any

from pxr import Sdf, Usd

from .openusd import TIME

__all__ = [
    "Source",
    "as_floats",
    "attribute_value",
    "follow",
    "input_attribute",
    "mdl_name",
    "shader_id",
    "surface_source",
]


@dataclass(frozen=True)
class Source:
    """Where an input's value comes from: a shader node's output, or an attribute.

    Attributes:
        attribute: The attribute that holds the value, or None.
        node: The shader prim that computes the value, or None.
        output: Name of that shader's output, without ``outputs:``.
        broken: A connection could not be followed (dangling target or cycle).
    """

    attribute: Usd.Attribute | None = None
    node: Usd.Prim | None = None
    output: str = ""
    broken: bool = False


def follow(attribute: Usd.Attribute) -> Source:
    """Walk an attribute's connections upstream to a shader output or a value."""
    if not attribute.HasAuthoredConnections():
        return Source(attribute)
    seen: set[Sdf.Path] = set()
    broken = False
    while True:
        if attribute.GetPath() in seen:
            return Source(broken=True)
        seen.add(attribute.GetPath())
        targets = attribute.GetConnections() if attribute.HasAuthoredConnections() else ()
        if not targets:
            return Source(attribute, broken=broken)
        # Several connections mean a layered input in other renderers; the first one is the one USD itself resolves.
        target = targets[0]
        prim = attribute.GetStage().GetPrimAtPath(target.GetPrimPath())
        if not prim:
            return Source(attribute, broken=True)
        name = target.name
        if name.startswith("outputs:") and prim.GetTypeName() == "Shader":
            return Source(node=prim, output=name.removeprefix("outputs:"))
        upstream = prim.GetAttribute(name)
        if not upstream:
            return Source(attribute, broken=True)
        attribute = upstream


def input_attribute(prim: Usd.Prim, name: str) -> Usd.Attribute | None:
    """The attribute ``inputs:<name>`` of a shader if it says anything (a value or a connection), else None."""
    attribute = prim.GetAttribute(f"inputs:{name}")
    if attribute and (attribute.HasAuthoredConnections() or attribute.HasValue()):
        return attribute
    return None


def attribute_value(attribute: Usd.Attribute | None) -> Any:
    """The value at the earliest time (the default value where there are no time samples), or None."""
    return attribute.Get(TIME) if attribute else None


def as_floats(value: Any) -> tuple[float, ...] | None:
    """Turn a number or a vector of one to four components into finite floats; None if that cannot be done."""
    if isinstance(value, (bool, int, float)):
        value = (value,)
    elif isinstance(value, str) or not isinstance(value, Sized) or len(value) > 4:
        return None
    try:
        numbers = tuple(float(value[i]) for i in range(len(value)))
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    return numbers if 1 <= len(numbers) <= 4 and all(math.isfinite(number) for number in numbers) else None


def shader_id(prim: Usd.Prim) -> str:
    """``info:id`` of a shader, or the MDL material's name for an MDL source asset, or an empty string."""
    mdl = mdl_name(prim)
    if mdl:
        return mdl
    return str(attribute_value(prim.GetAttribute("info:id")) or "")


def mdl_name(prim: Usd.Prim) -> str:
    """Name of the MDL material or function that a shader instances (``OmniPBR``), or an empty string."""
    asset = attribute_value(prim.GetAttribute("info:mdl:sourceAsset"))
    if not isinstance(asset, Sdf.AssetPath) or not asset.path:
        return ""
    # The sub-identifier may carry a signature: ``lookup_color(texture_2d,float2)``.
    identifier = str(attribute_value(prim.GetAttribute("info:mdl:sourceAsset:subIdentifier")) or "")
    module = asset.path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".mdl")
    return identifier.split("(")[0].rsplit("::", 1)[-1] or module


def surface_source(material: Usd.Prim, context: str) -> Usd.Prim | None:
    """The shader connected to a material's surface output for one render context (empty text: the universal one)."""
    output = material.GetAttribute(f"outputs:{context}:surface" if context else "outputs:surface")
    return follow(output).node if output and output.HasAuthoredConnections() else None
