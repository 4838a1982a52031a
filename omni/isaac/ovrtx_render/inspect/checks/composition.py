"""What composition could not bring in, brings in at another scale, or leaves out of the picture."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from pxr import Gf, Pcp, Sdf, Usd, UsdGeom

from ...scene.openusd import TIME
from ..finding import Told

__all__ = [
    "ForeignUnits",
    "check_children",
    "check_composition",
    "check_units",
    "check_untyped",
    "foreign_units",
    "is_visited",
]

_DRAWN = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
_ALL = Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)
_LOST = frozenset(
    {
        "InvalidAssetPath", "InvalidPrimPath", "InvalidSublayerPath", "UnresolvedPrimPath", "ArcCycle", "SublayerCycle",
        "ArcCapacityExceeded", "ArcNamespaceDepthCapacityExceeded", "IndexCapacityExceeded", "VariableExpressionError",
    }
)  # fmt: skip
"""Composition errors by which something is missing; others are about single opinions."""
_ARCS = (Pcp.ArcTypeReference, Pcp.ArcTypePayload)
_SAME_SCALE = 0.02
"""Relative difference up to which a scale counts as that which units ask for."""


def is_visited(prim: Usd.Prim) -> bool:
    """Whether a walk over the stage comes to a prim: it is active, defined and loaded, and no class."""
    return bool(prim) and bool(_DRAWN(prim))


def check_composition(stage: Usd.Stage) -> Iterator[Told]:
    """Tell of references, payloads and sublayers that cannot be opened, and of all else that composition refused."""
    for error in stage.GetCompositionErrors():
        kind = error.errorType.name.removeprefix("ErrorType_")
        # Who introduced it is where the finding is; what USD says there differs from clone to clone.
        reason = re.sub(r" introduced by @[^@]*@<[^>]*>", "", " ".join(str(error).split())).rstrip(" .")
        path = error.rootSite.path.GetPrimPath()
        lost = kind in _LOST
        end = "What it would bring is missing from the picture. Correct the path, or make the file available"
        prim = stage.GetPrimAtPath(path)
        # Of what several instances share, USD tells of the one that it took for all.
        for place in _places(prim.GetPrimInPrototype()) if prim and prim.IsInstanceProxy() else (path,):
            yield Told(
                "composition-error",
                str(place),
                f"{reason}. {end if lost else 'What was refused does not count. Correct it where it is authored'}",
                severity="" if lost else "info" if kind == "MutedAssetPath" else "warning",
            )


def check_children(prim: Usd.Prim) -> Iterator[Told]:
    """Tell of children of a prim that are not drawn though they are active: unloaded, or never defined."""
    if prim.IsInstance() or prim.IsInstanceProxy():
        if len(prim.GetFilteredChildrenNames(_ALL)) == len(prim.GetFilteredChildrenNames(_DRAWN)):
            return
    elif len(prim.GetAllChildrenNames()) == len(prim.GetChildrenNames()):
        return
    for child in prim.GetFilteredChildren(_ALL):
        if not child.IsActive() or child.IsAbstract():
            continue
        path = str(child.GetPath())
        if not child.IsLoaded() and child.HasAuthoredPayloads():
            yield Told(
                "payload-unloaded",
                path,
                "the payload of the prim is not loaded, so what it holds is missing from the picture. Load it",
            )
        elif not child.IsDefined():
            lost = next((each for each in Usd.PrimRange(child, _ALL) if _is_lost(each)), None)
            if lost is not None:
                yield Told(
                    "geometry-undefined",
                    path,
                    f"the prim is only an 'over', which defines nothing, so {lost.GetPath()} is not drawn where it "
                    "stands. Define the prim, unless it only serves as a prototype, or load the layer that defines it",
                )


def check_untyped(prim: Usd.Prim) -> Iterator[Told]:
    """Say if a prim has the arrays of a mesh, but no type that any renderer knows."""
    if prim.IsA(Usd.Typed):
        return
    names = ("points", "faceVertexCounts", "faceVertexIndices")
    if all((attribute := prim.GetAttribute(name)) and attribute.HasAuthoredValue() for name in names):
        kind = prim.GetTypeName()
        yield Told(
            "geometry-untyped",
            str(prim.GetPath()),
            f"the prim has the points and faces of a mesh, but {f'its type {kind} is not known' if kind else 'no type'}"
            ", so it is not drawn. Define it as a Mesh",
        )


@dataclass(frozen=True)
class ForeignUnits:
    """A prim that brings in a layer with other units or another up axis than what it is brought into.

    Attributes:
        path: The prim; ``/`` for a sublayer.
        layer: Display name of the layer.
        ratio: Metres per unit of the layer, of those of what it is brought into.
        axes: Up axes of the layer and of what it is brought into.
    """

    path: str
    layer: str
    ratio: float
    axes: tuple[str, str]


def foreign_units(stage: Usd.Stage) -> list[ForeignUnits]:
    """Find what is brought in with other units, whether or not a transform makes up for it."""
    root = stage.GetRootLayer()
    here = (UsdGeom.GetStageMetersPerUnit(stage), str(UsdGeom.GetStageUpAxis(stage)))
    if not any(_differ(_units(layer), here) for layer in stage.GetUsedLayers()):
        return []
    found = []
    for layer in stage.GetLayerStack(includeSessionLayers=False):
        # A sublayer that only has opinions about prims of others is in the units of these.
        defines = any(spec.specifier == Sdf.SpecifierDef for spec in layer.rootPrims)
        if layer != root and defines and _differ(_units(layer), here):
            found.append(_foreign("/", layer, _units(layer), here))
    for prim in stage.Traverse():
        found += _brought_in(prim, here)
    for prototype in stage.GetPrototypes():
        for prim in Usd.PrimRange(prototype):
            # The root of a prototype has what its instances bring in, which are looked at where they stand.
            for one in _brought_in(prim, here) if prim != prototype else ():
                found += [replace(one, path=str(place)) for place in _places(prim)]
    return [one for one in found if one.path == "/" or _has_geometry(stage.GetPrimAtPath(one.path))]


def _brought_in(prim: Usd.Prim, here: tuple[float, str]) -> list[ForeignUnits]:
    """What a prim itself brings in with other units than what it is brought into."""
    found: list[ForeignUnits] = []
    # Without an arc of its own it only has what an ancestor brings in.
    if not (prim.HasAuthoredReferences() or prim.HasAuthoredPayloads()):
        return found
    index = prim.GetPrimIndex()
    nodes = [(index.rootNode, here)]
    while nodes:
        node, above = nodes.pop()
        layer = node.layerStack.identifier.rootLayer
        own = above
        if node.arcType in _ARCS and layer != node.parent.layerStack.identifier.rootLayer:
            meters, axis = _units(layer)
            own = (meters or above[0], axis or above[1])
            if not node.IsDueToAncestor() and _differ((meters, axis), above):
                found.append(_foreign(str(prim.GetPath()), layer, (meters, axis), above))
        nodes += [(child, own) for child in node.children]
    return found


def _places(prim: Usd.Prim) -> Iterator[Sdf.Path]:
    """Where a prim of a prototype stands: its place in each instance, and in each of those that these are parts of."""
    root = prim
    while not root.IsPrototype():
        root = root.GetParent()
    for instance in root.GetInstances():
        for place in _places(instance) if instance.IsInPrototype() else (instance.GetPath(),):
            yield prim.GetPath().ReplacePrefix(root.GetPath(), place)


def check_units(stage: Usd.Stage, one: ForeignUnits) -> Iterator[Told]:
    """Say if what is brought in with other units is scaled, or turned, by nothing that makes up for it."""
    factor, turn = one.ratio, one.axes[0] != one.axes[1]
    if one.path != "/":
        scales, turned = _made_up(stage.GetPrimAtPath(one.path))
        if any(abs(scale / one.ratio - 1.0) < _SAME_SCALE for scale in scales):
            factor = 1.0
        turn &= not turned
    if factor == 1.0 and not turn:
        return
    said = []
    if factor != 1.0:
        size = f"{1.0 / factor:g} times too large" if factor < 1.0 else f"{factor:g} times too small"
        said.append(f"its metersPerUnit is {factor:g} times that of what it is brought into, and it comes out {size}")
    if turn:
        said.append(f"its up axis is {one.axes[0]} in place of {one.axes[1]}, and it comes out lying down")
    yield Told(
        "units-mismatch",
        one.path,
        f"{one.layer} has other units: {'; '.join(said)}. USD does not convert. Transform the prim, or "
        "convert the file",
        "" if one.path == "/" else "xformOpOrder",
        data={"scale": factor, "turn": one.axes[0] if turn else ""},
    )


def _is_lost(prim: Usd.Prim) -> bool:
    return prim.IsActive() and not prim.IsAbstract() and prim.IsA(UsdGeom.Gprim)


def _units(layer: Sdf.Layer) -> tuple[float, str]:
    """Metres per unit (0: none authored) and up axis (empty: none authored) of a layer."""
    top = layer.pseudoRoot
    meters = float(top.GetInfo("metersPerUnit")) if top.HasInfo("metersPerUnit") else 0.0
    axis = str(top.GetInfo("upAxis")) if top.HasInfo("upAxis") else ""
    return meters if 0.0 < meters < math.inf else 0.0, axis if axis in ("Y", "Z") else ""


def _differ(units: tuple[float, str], here: tuple[float, str]) -> bool:
    other = units[0] > 0.0 < here[0] and not UsdGeom.LinearUnitsAre(units[0], here[0])
    return other or (units[1] != "" and here[1] in ("Y", "Z") and units[1] != here[1])


def _foreign(path: str, layer: Sdf.Layer, units: tuple[float, str], here: tuple[float, str]) -> ForeignUnits:
    meters, axis = units
    same = meters <= 0.0 or here[0] <= 0.0 or UsdGeom.LinearUnitsAre(meters, here[0])
    axis = axis if here[1] in ("Y", "Z") else ""
    return ForeignUnits(path, layer.GetDisplayName(), 1.0 if same else meters / here[0], (axis or here[1], here[1]))


def _made_up(prim: Usd.Prim) -> tuple[list[float], bool]:
    """Scales from a prim up to each of its ancestors, and whether any of these turns it onto another axis."""
    scales, turned = [], False
    total = Gf.Matrix4d(1.0)
    while prim and not prim.IsPseudoRoot():
        if prim.IsA(UsdGeom.Xformable):
            total = total * UsdGeom.Xformable(prim).GetLocalTransformation(TIME)
        matrix = np.array(total)[:3, :3]
        size = float(np.cbrt(abs(np.linalg.det(matrix)))) if np.isfinite(matrix).all() else 0.0
        scales.append(size)
        # The other axis of the two comes to stand where the first one was.
        turned |= size > 0.0 and abs(matrix[2, 1]) > 0.9 * size
        prim = prim.GetParent()
    return scales, turned


def _has_geometry(prim: Usd.Prim) -> bool:
    return any(each.IsA(UsdGeom.Gprim) for each in Usd.PrimRange(prim, _DRAWN))
