"""Walks the prims that stand for all others, once each, with what they inherit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pxr import Sdf, Usd, UsdGeom

from ..scene.lights import is_light
from ..scene.openusd import TIME
from ..scene.prim_kinds import DRAWN, NOT_WALKED, PROTOTYPES
from .clones import Representative

__all__ = ["Shown", "Visit", "is_shown", "visit_below", "visit_one"]

_PURPOSES = ("default", "render")

Shown = dict[Sdf.Path, tuple[bool, str]]
"""Whether prims are visible, and their purposes, with all that they inherit."""


@dataclass(frozen=True)
class Visit:
    """One prim of a walk.

    Attributes:
        prim: The prim.
        path: Its path.
        kind: ``drawn``, ``hidden`` (geometry that is not shown), ``light``, ``camera`` or ``other``.
        envs: Environments in which it is the same; ``{-1}`` outside of all.
        alike: Those, and the ones in which it differs in its look alone.
    """

    prim: Usd.Prim
    path: str
    kind: str
    envs: frozenset[int]
    alike: frozenset[int]


def visit_one(stage: Usd.Stage, one: Representative, shown: Shown) -> Iterator[Visit]:
    """Visit what stands for other environments, for all of them."""
    prim = stage.GetPrimAtPath(one.path)
    if prim and DRAWN(prim):
        for visit in visit_below(prim, one.envs, one.stops, shown=shown):
            yield replace(visit, alike=one.alike)


def visit_below(
    prim: Usd.Prim,
    envs: frozenset[int],
    stops: Iterable[str] = (),
    predicate: Usd._PrimFlagsPredicate = DRAWN,
    shown: Shown | None = None,
) -> Iterator[Visit]:
    """Visit a prim and all below it, but for the subtrees at ``stops``; prototypes of point instancers included.

    Args:
        shown: What was found above other prims of the stage, as it is now, to take from and add to.
    """
    left_out = {Sdf.Path(stop) for stop in stops}
    visible, purpose = _inherited(prim.GetParent(), {} if shown is None else shown)
    inherited: list[tuple[bool, str]] = []
    walk = iter(Usd.PrimRange.PreAndPostVisit(prim, predicate))
    for each in walk:
        if walk.IsPostVisit():
            visible, purpose = inherited.pop()
            continue
        inherited.append((visible, purpose))
        kind = each.GetTypeName()
        if kind in NOT_WALKED or (left_out and each.GetPath() in left_out):
            walk.PruneChildren()
            continue
        if each.IsA(UsdGeom.Imageable):
            visible, purpose = _with_own(each, visible, purpose)
        path = str(each.GetPath())
        yield Visit(each, path, _kind(each, visible and (purpose or "default") in _PURPOSES, visible), envs, envs)
        if kind == "PointInstancer" and visible:
            for target in UsdGeom.PointInstancer(each).GetPrototypesRel().GetForwardedTargets():
                prototype = each.GetStage().GetPrimAtPath(target)
                # What the default predicate finds is visited where it stands.
                if prototype and not DRAWN(prototype) and not each.GetPath().HasPrefix(target):
                    yield from visit_below(prototype, envs, predicate=PROTOTYPES)


def is_shown(prim: Usd.Prim) -> bool:
    """Whether neither visibility nor purpose hides a prim."""
    visible, purpose = _inherited(prim, {})
    return visible and (purpose or "default") in _PURPOSES


def _kind(prim: Usd.Prim, shown: bool, visible: bool) -> str:
    if is_light(prim):
        return "light" if visible else "other"
    if prim.IsA(UsdGeom.Camera):
        return "camera"
    if prim.IsA(UsdGeom.Gprim):
        return "drawn" if shown else "hidden"
    return "other"


def _with_own(prim: Usd.Prim, visible: bool, purpose: str) -> tuple[bool, str]:
    shown, own = prim.GetAttribute("visibility"), prim.GetAttribute("purpose")
    if visible and shown.HasAuthoredValue() and shown.Get(TIME) == UsdGeom.Tokens.invisible:
        visible = False
    return visible, str(own.Get()) if own.HasAuthoredValue() else purpose


def _inherited(prim: Usd.Prim, known: Shown) -> tuple[bool, str]:
    """Whether a prim is visible, and its purpose, with all that it inherits."""
    if not prim or prim.IsPseudoRoot():
        return True, ""
    path = prim.GetPath()
    if path not in known:
        known[path] = _inherited(prim.GetParent(), known)
        if prim.IsA(UsdGeom.Imageable):
            known[path] = _with_own(prim, *known[path])
    return known[path]
