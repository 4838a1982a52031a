"""Which material a prim shows, and why: the reason of a binding in one record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pxr import Pcp, Sdf, Usd, UsdGeom, UsdShade

from ..scene.material_bindings import BindingResolver
from ..scene.openusd import TIME
from .finding import Site
from .sites import SiteFinder

__all__ = ["Binding", "all_subsets", "binds_material", "bound_subsets", "dropped_targets", "resolve"]


@dataclass(frozen=True)
class Binding:
    """What decides the look of a prim or GeomSubset.

    Attributes:
        path: The prim.
        material: Path of the bound material; empty if there is none.
        reason: ``direct``, ``inherited`` (bound at an ancestor), ``collection`` or ``none``.
        bound_at: Prim that has the binding.
        relationship: Name of the relationship that won.
        purpose: ``full``, ``preview`` or ``allPurpose``.
        strength: ``weakerThanDescendants`` or ``strongerThanDescendants``.
        instance: Path of the native instance that the prim is inside of, or an empty string.
        fallback: What is shown without a material: ``displayColor`` or ``grey``.
        missing: What the binding that won points to, if that is no material.
        site: Where the binding was authored.
        envs: Environments in which the same prim is bound in the same way; empty outside of all.
    """

    path: str
    material: str = ""
    reason: str = "none"
    bound_at: str = ""
    relationship: str = ""
    purpose: str = "allPurpose"
    strength: str = "weakerThanDescendants"
    instance: str = ""
    fallback: str = ""
    missing: str = ""
    site: Site | None = None
    envs: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.material:
            return f"{self.path}: no material, shown by its {self.fallback}"
        where = "" if self.reason == "direct" else f" at {self.bound_at}"
        strong = ", stronger than what is below" if self.strength == "strongerThanDescendants" else ""
        return f"{self.path}: {self.material}, {self.reason} binding{where} ({self.purpose}{strong})"

    def renamed(self, rename: Callable[[str], str]) -> Binding:
        """The same with other names of prims."""
        return Binding(
            rename(self.path),
            rename(self.material),
            self.reason,
            rename(self.bound_at),
            self.relationship,
            self.purpose,
            self.strength,
            rename(self.instance),
            self.fallback,
            rename(self.missing),
            self.site,
            self.envs,
        )


def resolve(
    prim: Usd.Prim,
    sites: SiteFinder | None = None,
    resolver: BindingResolver | None = None,
) -> Binding:
    """Resolve the binding of a gprim or GeomSubset, instance proxies included.

    Args:
        prim: The prim.
        sites: Finds where the binding was authored; None leaves that out.
        resolver: Remembers what ancestors bind; None is one of its own.
    """
    path = str(prim.GetPath())
    instance = ""
    if prim.IsInstanceProxy():
        above = prim
        while above and above.IsInstanceProxy():
            above = above.GetParent()
        instance = str(above.GetPath())
    subset = prim.IsA(UsdGeom.Subset)
    # Faces that are in no family for materials show what their mesh does.
    at = prim.GetParent() if subset and not binds_material(prim) else prim
    bound = (resolver or BindingResolver()).resolve(at)
    fallback = ""
    if bound is None or bound.material is None:
        mesh = prim.GetParent() if subset else prim
        color = UsdGeom.PrimvarsAPI(mesh).FindPrimvarWithInheritance("displayColor")
        fallback = "displayColor" if color and color.HasValue() else "grey"
    if bound is None:
        return Binding(path, instance=instance, fallback=fallback)
    name = bound.relationship.GetName()
    bound_at = str(bound.relationship.GetPrim().GetPath())
    reason = "none"
    if bound.material is not None:
        reason = "collection" if bound.by_collection else "direct" if bound_at == path else "inherited"
    return Binding(
        path,
        "" if bound.material is None else str(bound.material.GetPath()),
        reason,
        bound_at,
        name,
        bound.purpose or "allPurpose",
        "strongerThanDescendants" if bound.strong else "weakerThanDescendants",
        instance,
        fallback,
        str(bound.target) if bound.material is None else "",
        sites.find(prim.GetStage(), bound_at, name) if sites else None,
    )


def binds_material(subset: Usd.Prim) -> bool:
    """Whether a GeomSubset is of faces, in the family whose materials are shown."""
    api = UsdGeom.Subset(subset)
    faces = api.GetElementTypeAttr().Get(TIME) == UsdGeom.Tokens.face
    return bool(faces and api.GetFamilyNameAttr().Get(TIME) == UsdShade.Tokens.materialBind)


def all_subsets(prim: Usd.Prim) -> list[Usd.Prim]:
    """GeomSubsets of a mesh."""
    if not prim.IsA(UsdGeom.Mesh):
        return []
    children = prim.GetFilteredChildren(Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
    return [child for child in children if child.IsA(UsdGeom.Subset)]


def bound_subsets(prim: Usd.Prim) -> list[Usd.Prim]:
    """GeomSubsets of a mesh that may have materials of their own."""
    return [subset for subset in all_subsets(prim) if binds_material(subset)]


def dropped_targets(prim: Usd.Prim, name: str) -> Iterator[tuple[Sdf.RelationshipSpec, Sdf.Path]]:
    """Targets of a relationship that composition drops, because they point outside of what an arc brings in.

    Yields:
        The spec that authored the target, and the target as written there.
    """
    nodes = [prim.GetPrimIndex().rootNode]
    while nodes:
        node = nodes.pop()
        nodes += node.children
        if node.arcType == Pcp.ArcTypeRoot:
            continue
        path = node.path.AppendProperty(name)
        for layer in node.layerStack.layers:
            spec = layer.GetRelationshipAtPath(path)
            for target in spec.targetPathList.GetAddedOrExplicitItems() if spec else ():
                if node.mapToRoot.MapSourceToTarget(target.MakeAbsolutePath(path.GetPrimPath())).isEmpty:
                    yield spec, target
