"""Which prims are looked at, and which of them are drawn."""

from __future__ import annotations

from .openusd import Usd

__all__ = ["DRAWN", "NETWORK", "NOT_WALKED", "PROTOTYPES"]

DRAWN = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
"""Prims that may be drawn."""

PROTOTYPES = Usd.TraverseInstanceProxies(Usd.PrimIsActive & Usd.PrimIsLoaded)
"""Prims that point instancers may draw: theirs often hang below an "over" or a "class", which DRAWN leaves out."""

NETWORK = frozenset({"Material", "Shader", "NodeGraph"})
"""Types of the prims that materials are made of."""

NOT_WALKED = NETWORK | {"GeomSubset", "Skeleton", "SkelAnimation"}
"""Types of prims below which nothing is drawn."""
