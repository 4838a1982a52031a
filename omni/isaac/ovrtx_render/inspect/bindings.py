"""Which material a prim shows, and why: the reason of a binding in one record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pxr import Pcp, Sdf, Usd, UsdGeom, UsdShade

from ..scene.material_bindings import binding_purpose, resolve_binding
from .finding import Site
from .sites import SiteFinder

__all__ = ["Binding", "bound_subsets", "dropped_targets", "own_bindings", "resolve"]

_NAMESPACE = "material:binding"


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
    site: Site | None = None
    envs: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.material:
            return f"{self.path}: no material, shown by its {self.fallback}"
        where = "" if self.reason == "direct" else f" at {self.bound_at}"
        strong = ", stronger than what is below" if self.strength == "strongerThanDescendants" else ""
        return f"{self.path}: {self.material}, {self.reason} binding{where} ({self.purpose}{strong})"


def resolve(prim: Usd.Prim, sites: SiteFinder | None = None, envs: tuple[int, ...] = ()) -> Binding:
    """Resolve the binding of a gprim or GeomSubset by USD's own rules, instance proxies included.

    Args:
        prim: The prim.
        sites: Finds where the binding was authored; None leaves that out.
        envs: Taken over into the result.
    """
    path = str(prim.GetPath())
    instance = ""
    if prim.IsInstanceProxy():
        above = prim
        while above and above.IsInstanceProxy():
            above = above.GetParent()
        instance = str(above.GetPath())
    material, relationship = resolve_binding(prim)
    if material is None or relationship is None:
        mesh = prim.GetParent() if prim.IsA(UsdGeom.Subset) else prim
        color = UsdGeom.PrimvarsAPI(mesh).FindPrimvarWithInheritance("displayColor")
        return Binding(path, instance=instance, fallback="displayColor" if color and color.HasValue() else "grey")
    name = relationship.GetName()
    bound_at = str(relationship.GetPrim().GetPath())
    if name.startswith(f"{_NAMESPACE}:collection"):
        reason = "collection"
    else:
        reason = "direct" if bound_at == path else "inherited"
    return Binding(
        path,
        str(material.GetPath()),
        reason,
        bound_at,
        name,
        binding_purpose(name) or "allPurpose",
        str(UsdShade.MaterialBindingAPI.GetMaterialBindingStrength(relationship)),
        instance,
        site=sites.find(prim.GetStage(), bound_at, name) if sites else None,
        envs=envs,
    )


def bound_subsets(prim: Usd.Prim) -> list[Usd.Prim]:
    """GeomSubsets of a mesh that may have materials of their own."""
    if not prim.IsA(UsdGeom.Mesh):
        return []
    children = prim.GetFilteredChildren(Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
    return [child for child in children if child.IsA(UsdGeom.Subset)]


def own_bindings(prim: Usd.Prim) -> list[Usd.Relationship]:
    """Binding relationships that are authored on a prim itself."""
    own = [p for p in prim.GetAuthoredPropertiesInNamespace(_NAMESPACE) if isinstance(p, Usd.Relationship)]
    # The namespace query leaves out the property that is named like the namespace itself.
    plain = prim.GetRelationship(_NAMESPACE)
    return [*own, plain] if plain and plain.IsAuthored() else own


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
