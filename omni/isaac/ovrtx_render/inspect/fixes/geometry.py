"""Fixes of geometry, visibility, instancing and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, Vt

from ...scene.openusd import TIME
from ...scene.primvars import as_array
from ..checks.prims import op_kind
from ..finding import Finding
from ..walk import visit_below
from .author import Author
from .plan import Plan

__all__ = ["RULES"]

_TYPES = Sdf.ValueTypeNames


def _turn(stage: Usd.Stage, finding: Finding) -> Plan:
    """A mesh inside out: turn its orientation."""
    left = stage.GetPrimAtPath(finding.path).GetAttribute("orientation").Get(TIME) == UsdGeom.Tokens.leftHanded
    other = "rightHanded" if left else "leftHanded"
    return Plan(f"Set the orientation to {other}", lambda author, path: author.token(path, "orientation", other))


def _turn_normals(stage: Usd.Stage, finding: Finding) -> Plan | None:
    prim = stage.GetPrimAtPath(finding.path)
    primvar = prim.GetAttribute("primvars:normals")
    name = "primvars:normals" if primvar and primvar.HasValue() else "normals"
    if not prim.GetAttribute(name).HasValue():
        return None

    def author(author: Author, path: str) -> None:
        attribute = stage.GetPrimAtPath(path).GetAttribute(name)
        normals = np.ascontiguousarray(-as_array(attribute.Get(TIME), 3))
        author.value(path, name, attribute.GetTypeName(), Vt.Vec3fArray.FromNumpy(normals))

    return Plan("Turn the normals", author)


def _both_sides(stage: Usd.Stage, finding: Finding) -> Plan:
    return Plan("Make it doubleSided", lambda author, path: author.value(path, "doubleSided", _TYPES.Bool, True))


def _show_all(stage: Usd.Stage, finding: Finding) -> Plan:
    """Everything hidden: take away what hides it."""

    def author(author: Author, _: str) -> None:
        for visit in visit_below(stage.GetPseudoRoot(), frozenset()):
            if visit.prim.IsInstanceProxy() or not visit.prim.IsA(UsdGeom.Imageable):
                continue
            path, imageable = str(visit.prim.GetPath()), UsdGeom.Imageable(visit.prim)
            if imageable.GetVisibilityAttr().Get(TIME) == UsdGeom.Tokens.invisible:
                author.token(path, "visibility", "inherited")
            purpose = imageable.GetPurposeAttr()
            if purpose.HasAuthoredValue() and purpose.Get() in (UsdGeom.Tokens.guide, UsdGeom.Tokens.proxy):
                author.token(path, "purpose", "default")

    return Plan("Make all geometry visible", author)


def _unpack(stage: Usd.Stage, finding: Finding) -> Plan:
    def author(author: Author, path: str) -> None:
        author.prim(path).instanceable = False

    return Plan("Set instanceable to false", author)


def _block(stage: Usd.Stage, finding: Finding) -> Plan:
    kind = stage.GetPrimAtPath(finding.path).GetAttribute(finding.prop).GetTypeName()

    def author(author: Author, path: str) -> None:
        author.value(path, finding.prop, kind, Sdf.ValueBlock())

    return Plan(f"Block {finding.prop}", author)


def _convert(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """Other units: transform what is brought in last of all, by operations of the names that Omniverse gives them."""
    scale, axis = finding.data["scale"], finding.data["turn"]
    if not stage.GetPrimAtPath(finding.path).IsA(UsdGeom.Xformable):
        return None
    operations: list[tuple[str, Sdf.ValueTypeName, object]] = []
    if axis:
        operations.append(("xformOp:rotateX:unitsResolve", _TYPES.Double, 90.0 if axis == "Y" else -90.0))
    if scale != 1.0:
        operations.append(("xformOp:scale:unitsResolve", _TYPES.Double3, Gf.Vec3d(scale)))

    def author(author: Author, path: str) -> None:
        order = stage.GetPrimAtPath(path).GetAttribute("xformOpOrder").Get() or ()
        for name, kind, value in operations:
            author.value(path, name, kind, value)
        author.value(path, "xformOpOrder", _TYPES.TokenArray, [*order, *(name for name, _, _ in operations)])

    return Plan(f"Add {' and '.join(name for name, _, _ in operations)}", author)


def _order(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """Operations that are not in the order, or an order of operations that are not there.

    What is missing goes where it stands by custom: translation, rotation, scale. An order with suffixes, inverses or
    several operations of one kind has a reason of its own, and what an editor left behind may be meant to be away.
    """
    gone = finding.data.get("missing", ())
    if gone:
        return Plan(
            f"Take {', '.join(gone)} out of xformOpOrder",
            lambda author, path: author.value(
                path,
                "xformOpOrder",
                _TYPES.TokenArray,
                [entry for entry in _order_of(stage, path) if entry.removeprefix("!invert!") not in gone],
            ),
        )
    unlisted = finding.data.get("unlisted", ())
    if not unlisted or finding.severity == "info" or _ordered(_order_of(stage, finding.path), unlisted) is None:
        return None

    def author(author: Author, path: str) -> None:
        order = _ordered(_order_of(stage, path), unlisted)
        if order is not None:
            author.value(path, "xformOpOrder", _TYPES.TokenArray, order)

    return Plan(f"Put {', '.join(unlisted)} into xformOpOrder", author)


def _order_of(stage: Usd.Stage, path: str) -> list[str]:
    attribute = stage.GetPrimAtPath(path).GetAttribute("xformOpOrder")
    return [str(entry) for entry in (attribute.Get() if attribute else None) or ()]


def _ordered(order: list[str], more: Sequence[str]) -> list[str] | None:
    """An order with some more operations; None where their places are not a matter of custom."""
    reset = [entry for entry in order if entry == "!resetXformStack!"]
    names = [entry for entry in (*order, *more) if entry not in reset]
    if any(name.startswith("!") or name.count(":") != 1 for name in names):
        return None
    kinds = [op_kind(name) for name in names]
    if len(set(kinds)) < len(kinds) or ("transform" in kinds and len(kinds) > 1):
        return None
    custom = ("transform", "translate", "rotate", "scale")
    if not set(kinds) <= set(custom):
        return None
    return [*reset, *sorted(names, key=lambda name: custom.index(op_kind(name)))]


def _label(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """No labels: name every asset (what stands at the top, or in an environment) by its prim."""

    def author(author: Author, _: str) -> None:
        for prim in _assets(stage):
            path = str(prim.GetPath())
            author.apply(path, "SemanticsLabelsAPI:class")
            author.value(path, "semantics:labels:class", _TYPES.TokenArray, [prim.GetName().lower()])

    return Plan("Label every asset by its name", author)


def _assets(stage: Usd.Stage) -> list[Usd.Prim]:
    """The topmost prims that hold one thing: a gprim, or a group whose children are not groups of groups."""
    found, todo = [], list(stage.GetPseudoRoot().GetChildren())
    while todo:
        prim = todo.pop()
        groups = [
            child for child in prim.GetChildren() if child.IsA(UsdGeom.Xform) or child.GetTypeName() in ("", "Scope")
        ]
        if prim.IsA(UsdGeom.Gprim) or (prim.IsA(UsdGeom.Xform) and not groups and prim.GetChildren()):
            found.append(prim)
        else:
            todo += prim.GetChildren()
    return found


RULES = {
    "units-mismatch": _convert,
    "xform-op-order": _order,
    "normals-inverted": _turn,
    "normals-opposed": _turn_normals,
    "mesh-non-manifold": _both_sides,
    "everything-hidden": _show_all,
    "clone-loses-instances": _unpack,
    "partition-mismatch": _block,
    "semantics-missing": _label,
}
