"""Which material is bound to a prim, and why, by the rules of UsdShade; what ancestors say is remembered.

The answer is that of ``ComputeBoundMaterial`` for the purpose ``full``: of the bindings for ``full`` the nearest one
counts, unless one above is stronger than its descendants; without any, those for all purposes are asked in the same
way. Of the bindings at one prim a collection that holds the prim is stronger than a direct one. A binding to something
that is no material leaves the prim without a material; it hands nothing on to weaker ones.

Where there is neither, a binding for ``preview`` is used: the one look that its author gave the prim.
"""

from __future__ import annotations

from dataclasses import dataclass

from pxr import Sdf, Usd, UsdShade

__all__ = ["BindingResolver", "Bound", "authored_bindings"]

_NAMESPACE = "material:binding"
_COLLECTION = f"{_NAMESPACE}:collection:"
_PURPOSES = ("full", "", "preview")
_DIRECT = {f"{_NAMESPACE}:{purpose}".rstrip(":"): row for row, purpose in enumerate(_PURPOSES)}


@dataclass(frozen=True)
class Bound:
    """The binding that wins at a prim.

    Attributes:
        relationship: The relationship.
        target: What it points to.
        material: The material prim there; None if that is no material.
        purpose: ``full``, ``preview``, or empty for all purposes.
        strong: Stronger than what is bound below.
    """

    relationship: Usd.Relationship
    target: Sdf.Path
    material: Usd.Prim | None
    purpose: str
    strong: bool

    @property
    def by_collection(self) -> bool:
        """Whether a collection binds it."""
        return bool(self.relationship.GetName().startswith(_COLLECTION))


_Row = tuple[Bound | None, ...]
"""A binding for each purpose of ``_PURPOSES``."""


@dataclass(frozen=True)
class _Chain:
    """What a prim and its ancestors bind.

    Attributes:
        direct: The direct bindings that win at the prim.
        own: Direct bindings at the prim itself.
        collections: Bindings of collections at the prim itself, each with the path of its collection.
        authored: Binding relationships at the prim itself, those that bind nothing included.
        any_collections: Whether the prim or an ancestor binds a collection.
    """

    direct: _Row = (None, None, None)
    own: _Row = (None, None, None)
    collections: tuple[tuple[Bound, Sdf.Path], ...] = ()
    authored: tuple[Usd.Relationship, ...] = ()
    any_collections: bool = False


class BindingResolver:
    """Resolves material bindings of a stage that does not change meanwhile."""

    def __init__(self) -> None:
        self._chains: dict[Sdf.Path, _Chain] = {}
        self._members: dict[Sdf.Path, Usd.CollectionMembershipQuery | None] = {}

    def material_of(self, prim: Usd.Prim) -> Usd.Prim | None:
        """The material prim bound to a prim, or None if it is unbound."""
        bound = self.resolve(prim)
        return None if bound is None else bound.material

    def resolve(self, prim: Usd.Prim) -> Bound | None:
        """The binding that wins at a prim; None if nothing binds anything to it."""
        chain = self._chain(prim)
        row = self._with_collections(prim) if chain.any_collections else chain.direct
        return row[0] or row[1] or row[2]

    def authored_at(self, prim: Usd.Prim) -> tuple[Usd.Relationship, ...]:
        """See :func:`authored_bindings`."""
        return self._chain(prim).authored

    def _chain(self, prim: Usd.Prim) -> _Chain:
        links: list[Usd.Prim] = []
        found = _Chain()
        while prim and not prim.IsPseudoRoot():
            cached = self._chains.get(prim.GetPath())
            if cached is not None:
                found = cached
                break
            links.append(prim)
            prim = prim.GetParent()
        for link in reversed(links):
            found = self._chains[link.GetPath()] = _linked(found, link)
        return found

    def _with_collections(self, prim: Usd.Prim) -> _Row:
        winners: list[Bound | None] = [None, None, None]
        path, link = prim.GetPath(), prim
        while link and not link.IsPseudoRoot():
            chain = self._chain(link)
            for row, purpose in enumerate(_PURPOSES):
                own, winner = chain.own[row], winners[row]
                if own is not None and (winner is None or own.strong):
                    winner = own
                for bound, collection in chain.collections:
                    if bound.purpose != purpose:
                        continue
                    beaten = winner is None or bound.strong or winner is own
                    if beaten and self._holds(link.GetStage(), collection, path):
                        winner = bound
                        break
                winners[row] = winner
            link = link.GetParent()
        return tuple(winners)

    def _holds(self, stage: Usd.Stage, collection: Sdf.Path, path: Sdf.Path) -> bool:
        if collection not in self._members:
            found = Usd.CollectionAPI.GetCollection(stage, collection)
            self._members[collection] = found.ComputeMembershipQuery() if found else None
        query = self._members[collection]
        return query is not None and query.IsPathIncluded(path)


def authored_bindings(prim: Usd.Prim) -> tuple[Usd.Relationship, ...]:
    """Binding relationships that are authored on a prim itself; the plain one is the last."""
    found = prim.GetAuthoredRelationships()
    own = [(name, each) for each in found if (name := each.GetName()).startswith(_NAMESPACE)]
    plain = [each for name, each in own if name == _NAMESPACE]
    return (*(each for name, each in own if name.startswith(f"{_NAMESPACE}:")), *plain) if own else ()


def _linked(above: _Chain, prim: Usd.Prim) -> _Chain:
    """What a prim binds, on top of what is bound above it."""
    relationships = authored_bindings(prim)
    if not relationships:
        if not above.authored:
            return above
        return _Chain(above.direct, any_collections=above.any_collections)
    own: list[Bound | None] = [None, None, None]
    collections: list[tuple[Bound, Sdf.Path]] = []
    for relationship in relationships:
        name = relationship.GetName()
        targets = relationship.GetTargets()
        if name.startswith(_COLLECTION):
            pair = sorted(targets, key=lambda target: not target.IsPropertyPath())
            if len(pair) == 2 and pair[0].IsPropertyPath() and pair[1].IsPrimPath():
                collections.append((_bound(relationship, pair[1], _collection_purpose(name)), pair[0]))
        elif name in _DIRECT and targets:
            row = _DIRECT[name]
            own[row] = _bound(relationship, targets[0], _PURPOSES[row])
    winning = [
        over if over is not None and over.strong else mine or over for over, mine in zip(above.direct, own, strict=True)
    ]
    any_collections = above.any_collections or bool(collections)
    return _Chain(tuple(winning), tuple(own), tuple(collections), relationships, any_collections)


def _bound(relationship: Usd.Relationship, target: Sdf.Path, purpose: str) -> Bound:
    material = relationship.GetStage().GetPrimAtPath(target)
    strong = relationship.GetMetadata("bindMaterialAs") == UsdShade.Tokens.strongerThanDescendants
    return Bound(relationship, target, material if UsdShade.Material(material) else None, purpose, strong)


def _collection_purpose(name: str) -> str:
    """Purpose in ``material:binding:collection[:purpose]:name``."""
    parts = name.split(":")
    return parts[3] if len(parts) == 5 else ""
