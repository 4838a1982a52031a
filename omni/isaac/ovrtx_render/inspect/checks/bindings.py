"""Bindings that composition, cloning or another loader drops, and prims without any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pxr import Usd, UsdShade

from ..bindings import Binding, dropped_targets, own_bindings
from ..finding import Told

__all__ = ["check_own_bindings", "check_unbound"]


def check_own_bindings(prim: Usd.Prim) -> Iterator[Told]:
    """What is wrong with the binding relationships that are authored on a prim."""
    own = own_bindings(prim)
    if not own:
        return
    path = str(prim.GetPath())
    for relationship in own:
        name = relationship.GetName()
        for spec, target in () if relationship.GetTargets() else dropped_targets(prim, name):
            yield Told(
                "binding-out-of-scope",
                path,
                f"{name} points to {target} in {spec.layer.GetDisplayName()}, which is outside of the prim that is "
                "referenced, so composition drops it and the prim shows what it inherits, or grey. Move the material "
                "below the referenced prim, or bind it again here",
                name,
            )
        outside = _outside_default(prim, relationship)
        if outside:
            yield Told(
                "binding-leaves-default-prim",
                path,
                f"{name} points to {outside}, outside of the default prim "
                f"{prim.GetStage().GetDefaultPrim().GetPath()}: it holds while the file is opened itself, and is "
                "dropped where the file is loaded as a reference",
                name,
            )
    if not prim.HasAPI(UsdShade.MaterialBindingAPI):
        yield Told(
            "binding-api-missing",
            path,
            "the prim has a material binding without the MaterialBindingAPI; strict renderers ignore it. Apply the API",
            own[0].GetName(),
        )


def check_unbound(binding: Binding, subsets: Sequence[Binding]) -> Iterator[Told]:
    """A prim that nobody gave a look."""
    if not binding.material and binding.fallback == "grey" and not any(subset.material for subset in subsets):
        yield Told(
            "material-unbound",
            binding.path,
            "the prim has neither a material nor a displayColor and is drawn in grey. Bind a material",
        )


def _outside_default(prim: Usd.Prim, relationship: Usd.Relationship) -> str:
    """Target of a binding from inside of the default prim to outside of it."""
    default = prim.GetStage().GetDefaultPrim()
    if not default or not prim.GetPath().HasPrefix(default.GetPath()):
        return ""
    for target in relationship.GetTargets():
        if not target.HasPrefix(default.GetPath()):
            return str(target)
    return ""
