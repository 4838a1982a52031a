"""Fixes of bindings and materials."""

from __future__ import annotations

from collections.abc import Callable

from pxr import Sdf, Usd, UsdGeom, UsdShade

from ...scene.data import Material
from ...scene.material_bindings import authored_bindings
from ..bindings import dropped_targets
from ..finding import Finding
from .author import Author
from .lookalike import Look, author_lookalike, guessed_look, read_look
from .plan import Plan

__all__ = ["RULES"]

_FEW = 256
"""Children of a prim above which materials are not searched among them: these are environments."""
_SURFACES = {
    "UsdPreviewSurface": ("outputs:surface", "surface"),
    "ND_standard_surface_surfaceshader": ("outputs:mtlx:surface", "out"),
    "ND_open_pbr_surface_surfaceshader": ("outputs:mtlx:surface", "out"),
}
_OPACITIES = ("opacity", "opacity_constant", "cutout_opacity", "geometry_opacity")
_TYPES = Sdf.ValueTypeNames


def _bring_in(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """A binding that composition dropped: bring the material in by a reference of its own, and bind that."""
    found = next(dropped_targets(stage.GetPrimAtPath(finding.path), finding.prop), None)
    if found is None or not found[0].layer.GetPrimAtPath(found[1]):
        return None
    layer, target = found[0].layer.identifier, found[1]

    def author(author: Author, path: str) -> None:
        place = f"{path.rpartition('/')[0]}/{target.name}_brought_in"
        spec = author.prim(place, "Material")
        spec.referenceList.prependedItems = [Sdf.Reference(layer, target)]
        author.apply(path, "MaterialBindingAPI")
        author.target(path, finding.prop, place)

    return Plan(f"Reference {target.name} and bind it", author)


def _rebind(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """A binding to nothing: bind the material of that name that is nearest."""
    prim = stage.GetPrimAtPath(finding.path)
    for relationship in authored_bindings(prim):
        for target in relationship.GetTargets():
            found = None if UsdShade.Material(stage.GetPrimAtPath(target)) else _nearest_material(prim, target.name)
            if found is not None:
                return _bind_plan(finding, relationship.GetName(), str(found.GetPath()))
    return None


def _bind_plan(finding: Finding, name: str, place: str) -> Plan:
    def author(author: Author, path: str) -> None:
        author.apply(path, "MaterialBindingAPI")
        author.target(path, name, _same_env(finding, path, place))

    return Plan(f"Bind {place}", author)


def _same_env(finding: Finding, path: str, place: str) -> str:
    """A place beside the first prim of a finding, moved beside another one of its prims."""
    mine, other = finding.path.split("/"), path.split("/")
    for depth, (a, b) in enumerate(zip(mine, other, strict=False)):
        if a != b:
            root = "/".join(mine[: depth + 1])
            return place.replace(root, "/".join(other[: depth + 1]), 1) if place.startswith(f"{root}/") else place
    return place


def _nearest_material(prim: Usd.Prim, name: str) -> Usd.Prim | None:
    above = prim
    while above:
        children = above.GetChildren()
        if len(children) <= _FEW:
            for child in children:
                found = child if child.GetName() == name else child.GetChild(name)
                if found and UsdShade.Material(found):
                    return found
        above = above.GetParent()
    return None


def _join_family(stage: Usd.Stage, finding: Finding) -> Plan | None:
    if stage.GetPrimAtPath(finding.path).GetAttribute("elementType").Get() != UsdGeom.Tokens.face:
        return None
    return Plan("Set familyName to materialBind", lambda author, path: author.token(path, "familyName", "materialBind"))


def _apply_api(stage: Usd.Stage, finding: Finding) -> Plan:
    return Plan("Apply the MaterialBindingAPI", lambda author, path: author.apply(path, "MaterialBindingAPI"))


def _connect(stage: Usd.Stage, finding: Finding) -> Plan:
    """A material without a surface: connect the surface shader that it has, else a grey one."""
    for shader in Usd.PrimRange(stage.GetPrimAtPath(finding.path)):
        identifier = str(shader.GetAttribute("info:id").Get() or "") if shader.GetTypeName() == "Shader" else ""
        if identifier in _SURFACES:
            return _connect_plan(str(shader.GetPath()).removeprefix(finding.path), *_SURFACES[identifier])
    grey = Look(Material(""))
    return Plan("Connect a grey UsdPreviewSurface", lambda author, path: author_lookalike(author, path, grey))


def _connect_plan(below: str, output: str, port: str) -> Plan:
    return Plan(
        f"Connect {output} to {below[1:]}",
        lambda author, path: author.connect(path, output, _TYPES.Token, f"{path}{below}.outputs:{port}"),
    )


def _replace(look: Callable[[Usd.Prim], Look]) -> Callable[[Usd.Stage, Finding], Plan | None]:
    """Replace a surface that a backend cannot read by a UsdPreviewSurface."""

    def rule(stage: Usd.Stage, finding: Finding) -> Plan | None:
        material = stage.GetPrimAtPath(finding.path)
        while material and material.GetTypeName() != "Material":
            material = material.GetParent()
        if not material:
            return None
        below = finding.path.removeprefix(str(material.GetPath()))

        def author(author: Author, path: str) -> None:
            place = path.removesuffix(below) if below else path
            author_lookalike(author, place, look(stage.GetPrimAtPath(place)))

        return Plan("Replace it by a UsdPreviewSurface look-alike", author)

    return rule


def _show(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """An opacity of 0: make it 1."""
    prim = stage.GetPrimAtPath(finding.path)
    if prim.GetTypeName() != "Material":
        return _opaque_plan("", prim.GetAttribute("primvars:displayOpacity"), [1.0])
    for shader in Usd.PrimRange(prim):
        for name in _OPACITIES:
            attribute = shader.GetAttribute(f"inputs:{name}")
            if attribute and attribute.HasAuthoredValue():
                color = attribute.GetTypeName() == _TYPES.Color3f
                below = str(shader.GetPath()).removeprefix(finding.path)
                return _opaque_plan(below, attribute, (1.0, 1.0, 1.0) if color else 1.0)
    return None


def _opaque_plan(below: str, attribute: Usd.Attribute, value: object) -> Plan | None:
    if not attribute or not attribute.HasAuthoredValue():
        return None
    name, kind, connected = attribute.GetName(), attribute.GetTypeName(), attribute.HasAuthoredConnections()

    def author(author: Author, path: str) -> None:
        if connected:
            author.connect(path + below, name, kind, None)
        author.value(path + below, name, kind, value)

    return Plan(f"Set {name.rpartition(':')[2]} to 1", author)


def _disconnect(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """A connection to nothing: take it away."""
    prim = stage.GetPrimAtPath(finding.path)
    broken = [
        (attribute.GetName(), attribute.GetTypeName())
        for attribute in prim.GetAuthoredAttributes()
        if any(not stage.GetObjectAtPath(target) for target in attribute.GetConnections())
    ]
    if not broken:
        return None

    def author(author: Author, path: str) -> None:
        for name, kind in broken:
            author.connect(path, name, kind, None)

    return Plan(f"Disconnect {', '.join(name for name, _ in broken)}", author)


RULES = {
    "binding-out-of-scope": _bring_in,
    "material-missing": _rebind,
    "binding-api-missing": _apply_api,
    "subset-not-bound": _join_family,
    "material-unconnected": _connect,
    "material-context": _replace(guessed_look),
    "material-unsupported": _replace(guessed_look),
    "shader-unknown-to-rtx": _replace(read_look),
    "mdl-module-missing": _replace(read_look),
    "mdl-module-guessed": _replace(read_look),
    "material-invisible": _show,
    "shader-connection-broken": _disconnect,
}
