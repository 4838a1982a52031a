"""Which material is bound to a prim, by the rules of UsdShade, with what ancestors say remembered.

Purposes: ``full`` over ``preview`` over all-purpose, as a final-quality renderer does. Collection bindings anywhere
above a prim send it to USD's own resolution; the common direct bindings are answered from a cache per ancestor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pxr import Sdf, Usd, UsdShade

from .report import Report

__all__ = ["BindingResolver", "binding_purpose", "resolve_binding"]

_RELATIONSHIPS = {
    "material:binding:full": 0,
    "material:binding:preview": 1,
    "material:binding": 2,
}
_COLLECTION = "material:binding:collection:"


@dataclass(frozen=True)
class _Bound:
    """The winning direct binding of each purpose at a prim (its own or an ancestor's)."""

    targets: tuple[Sdf.Path | None, ...] = (None, None, None)
    strong: tuple[bool, ...] = (False, False, False)
    collections: bool = False


class BindingResolver:
    """Resolves material bindings.

    Args:
        report: Where dangling bindings are told.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._cache: dict[Sdf.Path, _Bound] = {}

    def material_of(self, prim: Usd.Prim) -> Usd.Prim | None:
        """The material prim bound to a prim, or None if it is unbound."""
        bound = self._bound(prim)
        if bound.collections:
            return resolve_binding(prim)[0]
        for target in bound.targets:
            if target is not None:
                return prim.GetStage().GetPrimAtPath(target)
        return None

    def _bound(self, prim: Usd.Prim) -> _Bound:
        chain: list[Usd.Prim] = []
        found = _Bound()
        while prim and not prim.IsPseudoRoot():
            cached = self._cache.get(prim.GetPath())
            if cached is not None:
                found = cached
                break
            chain.append(prim)
            prim = prim.GetParent()
        for link in reversed(chain):
            properties = link.GetAuthoredPropertiesInNamespace("material:binding")
            own = [p for p in properties if isinstance(p, Usd.Relationship)]
            # The namespace query leaves out the property that is named like the namespace itself.
            plain = link.GetRelationship("material:binding")
            if plain and plain.IsAuthored():
                own.append(plain)
            if own:
                found = self._with_own(found, link, own)
            self._cache[link.GetPath()] = found
        return found

    def _with_own(self, inherited: _Bound, prim: Usd.Prim, relationships: list[Usd.Relationship]) -> _Bound:
        targets, strong = list(inherited.targets), list(inherited.strong)
        collections = inherited.collections
        for relationship in relationships:
            name = relationship.GetName()
            if name.startswith(_COLLECTION):
                collections = True
                continue
            purpose = _RELATIONSHIPS.get(name)
            if purpose is None or strong[purpose]:
                continue
            paths = relationship.GetTargets()
            if not paths:
                continue
            if not UsdShade.Material(prim.GetStage().GetPrimAtPath(paths[0])):
                self._report(
                    "material-missing",
                    "warning",
                    prim.GetPath(),
                    f"{name} points to {paths[0]}, which is not a material on this stage; the binding does not count. "
                    "Bind an existing material or load the layer that defines it",
                )
                continue
            targets[purpose] = paths[0]
            strength = UsdShade.MaterialBindingAPI.GetMaterialBindingStrength(relationship)
            strong[purpose] = strength == UsdShade.Tokens.strongerThanDescendants
        return replace(inherited, targets=tuple(targets), strong=tuple(strong), collections=collections)


def binding_purpose(name: str) -> str:
    """Purpose in a binding's name: ``material:binding[:purpose]``, ``material:binding:collection[:purpose]:name``."""
    parts = name.split(":")
    if len(parts) == 3:
        return parts[2]
    return parts[3] if len(parts) == 5 else ""


def resolve_binding(prim: Usd.Prim) -> tuple[Usd.Prim | None, Usd.Relationship | None]:
    """The material prim bound to a prim and the relationship that binds it, by USD's own resolution."""
    api = UsdShade.MaterialBindingAPI(prim)
    found: tuple[Usd.Prim | None, Usd.Relationship | None] = (None, None)
    for purpose in (UsdShade.Tokens.full, UsdShade.Tokens.preview):
        material, relationship = api.ComputeBoundMaterial(purpose)
        found = (material.GetPrim(), relationship) if material and relationship else (None, None)
        if found[1] and binding_purpose(found[1].GetName()) == purpose:
            break
    return found
