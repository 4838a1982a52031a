"""Bindings that composition, cloning or another loader drops, and prims without any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pxr import Usd, UsdGeom, UsdShade

from ..bindings import Binding, binds_material, dropped_targets
from ..finding import Told

__all__ = ["check_own_bindings", "check_shown"]


def check_own_bindings(prim: Usd.Prim, own: Sequence[Usd.Relationship]) -> Iterator[Told]:
    """What is wrong with the binding relationships that are authored on a prim; at least one is."""
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
    if prim.IsA(UsdGeom.Subset) and not binds_material(prim):
        yield Told(
            "subset-not-bound",
            path,
            "the GeomSubset has a binding but is not one of faces in the family materialBind, so its faces show the "
            "material of the mesh. Set its familyName to materialBind",
            "familyName",
        )
    if not prim.HasAPI(UsdShade.MaterialBindingAPI):
        yield Told(
            "binding-api-missing",
            path,
            "the prim has a material binding without the MaterialBindingAPI; strict renderers ignore it. Apply the API",
            own[0].GetName(),
        )


def check_shown(binding: Binding, subsets: Sequence[Binding]) -> Iterator[Told]:
    """What is wrong with the bindings that decide what a prim and its subsets show."""
    for each in (binding, *subsets):
        if each.missing:
            yield Told(
                "material-missing",
                each.bound_at,
                f"{each.relationship} points to {each.missing}, which is not a material on this stage; what is bound "
                "so shows none. Bind an existing material or load the layer that defines it",
                each.relationship,
            )
        elif each.material and each.purpose == "preview":
            yield Told(
                "binding-preview-only",
                each.bound_at,
                f"{each.relationship} is the only binding, and for previews: its material is shown here, but not by "
                "RTX, which asks for the purpose full. Bind a material for all purposes",
                each.relationship,
            )
    nothing = not binding.material and not binding.missing and binding.fallback == "grey"
    if nothing and not any(subset.material or subset.missing for subset in subsets):
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
