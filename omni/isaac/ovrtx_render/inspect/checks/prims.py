"""What prims say of their own that does not count: transform operations out of order, and values of later times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pxr import Gf, Usd, UsdGeom

from ...scene.openusd import TIME
from ..finding import Told

__all__ = ["check_frozen", "check_own", "op_kind", "says_plainly"]

_ORDER, _OP = "xformOpOrder", "xformOp:"
_RESET, _INVERT = "!resetXformStack!", "!invert!"
_READ = ("xformOp:", "primvars:", "inputs:")
"""Beginnings of the names of properties with a namespace that renderers read."""


def check_own(prim: Usd.Prim) -> Iterator[Told]:
    """Tell of what a prim that may be drawn, or moves what is, says in vain."""
    ops: dict[str, Usd.Attribute] = {}
    others, order = [], None
    for attribute in prim.GetAuthoredAttributes():
        name = attribute.GetName()
        if name.startswith(_OP):
            ops[name] = attribute
        elif name == _ORDER:
            order = attribute
        if name.startswith(_READ) or (":" not in name and name != "extent"):
            others.append(attribute)
    if ops or order is not None:
        yield from _check_order(prim, ops, order)
    yield from check_frozen(prim, others)


def says_plainly(prim: Usd.Prim, name: str) -> bool:
    """Whether a property is an attribute of which :func:`check_own` has nothing to tell."""
    attribute = prim.GetAttribute(name)
    if not attribute or name == _ORDER or attribute.ValueMightBeTimeVarying():
        return False
    if not name.startswith(_OP):
        return True
    order = prim.GetAttribute(_ORDER)
    return bool(order) and name in (order.Get(TIME) or ()) and prim.IsA(UsdGeom.Xformable)


def check_frozen(prim: Usd.Prim, attributes: Sequence[Usd.Attribute]) -> Iterator[Told]:
    """Say which of some attributes have values of several times."""
    # Asked for their times, attributes below a timeCodesPerSecond of 0 never answer.
    moving = [each.GetName() for each in attributes if each.ValueMightBeTimeVarying()]
    if moving:
        yield Told(
            "animation-frozen",
            str(prim.GetPath()),
            f"{', '.join(moving)}: animated, but drawn as at the first of its times. Isaac Sim's own renderer follows "
            "the timeline. Author what should be seen without a time, or write poses, points, materials while it runs",
            moving[0],
        )


def op_kind(name: str) -> str:
    """``translate``, ``rotate``, ``scale`` or ``transform``: what a transform operation does."""
    kind = name.removeprefix(_INVERT).split(":")[1]
    return "rotate" if kind.startswith(("rotate", "orient")) else kind.rstrip("XYZ")


def _check_order(prim: Usd.Prim, ops: Mapping[str, Usd.Attribute], order: Usd.Attribute | None) -> Iterator[Told]:
    path = str(prim.GetPath())
    if not prim.IsA(UsdGeom.Xformable):
        saying = [name for name, op in ops.items() if not _is_neutral(op)]
        if saying:
            kind = f"is a {prim.GetTypeName()}" if prim.GetTypeName() else "has no type"
            yield Told(
                "xform-op-order",
                path,
                f"{', '.join(saying)}: only what is Xformable is moved, and the prim {kind}, so what is below stays "
                "where it would be without. Define it as an Xform",
                saying[0],
            )
        return
    listed = [str(entry) for entry in (order.Get(TIME) if order is not None else None) or ()]
    plain = [entry.removeprefix(_INVERT) for entry in listed if entry != _RESET]
    unlisted = [name for name, op in ops.items() if name not in plain and not _is_neutral(op)]
    if unlisted:
        # What another operation of the order does in its place is what an editor left behind.
        done = {op_kind(entry) for entry in plain if entry.startswith(_OP)}
        left = [name for name in unlisted if op_kind(name) in done or "transform" in done]
        yield Told(
            "xform-op-order",
            path,
            f"{', '.join(unlisted)}: not in xformOpOrder, so the prim stays where it would be without. Put that into "
            "the order, or remove it",
            unlisted[0],
            severity="info" if len(left) == len(unlisted) else "",
            data={"unlisted": tuple(unlisted)},
        )
    missing = [entry for entry in dict.fromkeys(plain) if entry not in ops and not _exists(prim, entry)]
    if missing:
        yield Told(
            "xform-op-order",
            path,
            f"xformOpOrder has {', '.join(missing)}, which the prim does not have: that step is left out. Author it, "
            "or take it out of the order",
            _ORDER,
            data={"missing": tuple(missing)},
        )


def _exists(prim: Usd.Prim, name: str) -> bool:
    attribute = prim.GetAttribute(name) if name.startswith(_OP) else None
    return bool(attribute)


def _is_neutral(op: Usd.Attribute) -> bool:
    """Whether a transform operation changes nothing, or has no value."""
    value = op.Get(TIME)
    if value is None:
        return True
    if op.ValueMightBeTimeVarying():
        return False
    if isinstance(value, (Gf.Matrix4d, Gf.Quatd, Gf.Quatf, Gf.Quath)):
        return bool(value == type(value)(1.0))
    neutral = 1.0 if op_kind(op.GetName()) == "scale" else 0.0
    return all(component == neutral for component in (value if hasattr(value, "__len__") else (value,)))
