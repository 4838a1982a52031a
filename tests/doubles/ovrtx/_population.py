"""USD text to the flat layer of a runtime stage, with all that the real library leaves out left out."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from pxr import Sdf, Tf, Usd, UsdUtils

from ._settings import VERSION

OMNI_XFORM = "xformOp:transform:omni"
"""The operation that holds ``omni:xform`` of a prim once it was written."""

_KNOWN_PREFIXES = ("primvars:", "xformOp", "material:", "semantic", "omni:scenePartition")
_PRODUCT = "OmniRtxSettings"
_SETTINGS = {
    "omni:rtx:minimal:": ("Minimal",),
    "omni:rtx:rt:": ("Rt", "RtAdvanced"),
    "omni:rtx:rtpt:": ("Rt", "RtAdvanced"),
    "omni:rtx:pt:": ("Pt", "PtAdvanced"),
    "omni:rtx:": ("Common", "CommonAdvanced"),
}
"""Schemas that declare the settings of render products, by the beginning of their names. Which of the two declares one
is not known, so both are wanted."""
_KNOWN_RELATIONSHIPS = ("camera", "orderedVars", "products", "proxyPrim", "prototypes", "skel:", "material:binding")
_KNOWN_RELATIONSHIPS += ("collection:", "light:", "physics:")


def open_text(text: str) -> Sdf.Layer:
    """The layer of a text. It lies nowhere, so relative asset paths in it lead nowhere either."""
    layer = Sdf.Layer.CreateAnonymous("text.usda")
    try:
        if not layer.ImportFromString(text):
            raise RuntimeError("the layer content cannot be parsed")
    except Tf.ErrorException as error:
        raise RuntimeError(f"the layer content cannot be parsed: {error}") from error
    UsdUtils.ModifyAssetPaths(layer, _absolute_or_lost)
    _drop_empty_relationships(layer)
    return layer


def open_file(path: str) -> Sdf.Layer:
    """The layer of a file, all asset paths resolved against it."""
    if not os.path.isfile(path):
        raise RuntimeError(f"file does not exist: {path}")
    try:
        layer = Sdf.Layer.OpenAsAnonymous(path)
        source = Sdf.Layer.FindOrOpen(path)
    except Tf.ErrorException as error:
        raise RuntimeError(f"file cannot be read: {path}: {error}") from error
    UsdUtils.ModifyAssetPaths(layer, lambda text: Sdf.ComputeAssetPathRelativeToLayer(source, text))
    _drop_empty_relationships(layer)
    return layer


def _drop_empty_relationships(layer: Sdf.Layer) -> None:
    """A relationship to nothing is not populated: nobody has seen that it can be written."""
    empty: list[Any] = []

    def visit(path: Sdf.Path) -> None:
        spec: Any = layer.GetPropertyAtPath(path) if path.IsPropertyPath() else None
        if isinstance(spec, Sdf.RelationshipSpec) and not spec.targetPathList.GetAddedOrExplicitItems():
            empty.append(spec)

    layer.Traverse(Sdf.Path.absoluteRootPath, visit)
    for spec in empty:
        spec.owner.RemoveProperty(spec)


def _absolute_or_lost(path: str) -> str:
    if os.path.isabs(path) or "://" in path or path.startswith("anon:"):
        return path
    is_core_material = path.endswith(".mdl") and "/" not in path
    return path if is_core_material else os.path.join(tempfile.gettempdir(), "no-anchor", os.path.basename(path))


def flatten(layer: Sdf.Layer) -> Sdf.Layer:
    """Compose a layer into one flat one."""
    stage = Usd.Stage.Open(layer, Usd.Stage.LoadAll)
    flat = stage.Flatten(addSourceFileComment=False)
    return flat


def reference(layer: Sdf.Layer, prefix: str) -> Sdf.Layer:
    """Compose a layer below ``prefix``: a true reference, so targets outside what it refers to are dropped."""
    if not layer.defaultPrim:
        raise RuntimeError("the layer that is referenced has no defaultPrim")
    root = Sdf.Layer.CreateAnonymous("reference.usda")
    holder = Sdf.CreatePrimInLayer(root, prefix)
    holder.specifier = Sdf.SpecifierDef
    holder.referenceList.Prepend(Sdf.Reference(layer.identifier))
    return flatten(root)


TABLED_WITH_EVERYTHING = ("inputs:", "outputs:")
"""What is drawn in any case, and can be written only where all authored attributes are populated."""


def is_known(prim: Usd.Prim, name: str, everything: bool, definition: set[str]) -> bool:
    """Whether an attribute that is authored is populated."""
    schemas = set(prim.GetPrimTypeInfo().GetAppliedAPISchemas())
    if prim.GetTypeName() == "RenderProduct" and name.startswith("omni:rtx:") and VERSION < (0, 5, 0):
        wanted = next(names for start, names in _SETTINGS.items() if name.startswith(start))
        return all(f"{_PRODUCT}{schema}API_1" in schemas for schema in wanted)
    if everything or name in definition or name.startswith((*_KNOWN_PREFIXES, *TABLED_WITH_EVERYTHING)):
        return True
    if name.startswith("exposure:"):
        return "OmniRtxCameraExposureAPI_1" in schemas
    if name.startswith("omni:rtx:"):
        return prim.GetTypeName() == "RenderProduct" or any(schema.startswith(_PRODUCT) for schema in schemas)
    return False


def populate(flat: Sdf.Layer, everything: bool) -> None:
    """Leave out of a flat layer what is not populated, and give values to those that are populated wrongly."""
    stage = Usd.Stage.Open(flat)
    drop: list[Sdf.Path] = []
    zero: list[Sdf.AttributeSpec] = []
    dangling: list[Sdf.RelationshipSpec] = []
    with Sdf.ChangeBlock():
        for prim in Usd.PrimRange.AllPrims(stage.GetPseudoRoot()):
            definition = set(prim.GetPrimDefinition().GetPropertyNames())
            for prop in prim.GetAuthoredProperties():
                name = prop.GetName()
                spec: Any = flat.GetPropertyAtPath(prop.GetPath())
                if spec is None:
                    continue
                if isinstance(spec, Sdf.RelationshipSpec):
                    if name not in definition and not name.startswith(_KNOWN_RELATIONSHIPS):
                        drop.append(spec.path)
                    elif VERSION >= (0, 4, 0) and prim.GetTypeName() == "RenderProduct" and name == "camera":
                        dangling.append(spec)
                    continue
                kind = spec.typeName
                unfit = (Sdf.ValueTypeNames.TimeCode, Sdf.ValueTypeNames.AssetArray)
                if kind in unfit or not is_known(prim, name, everything, definition):
                    drop.append(spec.path)
                elif kind == Sdf.ValueTypeNames.Float3 and spec.default is not None:
                    # Operations of a transform are multiplied out, not populated.
                    if name not in definition and not name.startswith("xformOp"):
                        zero.append(spec)
    with Sdf.ChangeBlock():
        for rel in dangling:
            targets = rel.targetPathList.explicitItems or rel.targetPathList.GetAddedOrExplicitItems()
            rel.targetPathList.ClearEditsAndMakeExplicit()
            rel.targetPathList.explicitItems = [t for t in targets if flat.GetPrimAtPath(t)]
        for spec in zero:
            spec.default = type(spec.default)(0.0)
        for path in drop:
            flat.GetPrimAtPath(path.GetPrimPath()).RemoveProperty(flat.GetPropertyAtPath(path))


def clone(layer: Sdf.Layer, source: str, targets: list[str]) -> None:
    """Copy a subtree. Up to 0.5.0 what is instanceable inside arrives without its contents."""
    lost: list[str] = []
    if VERSION < (0, 5, 1):

        def visit(path: Sdf.Path) -> None:
            spec = layer.GetPrimAtPath(path) if path.IsPrimPath() else None
            if spec is not None and spec.instanceable:
                lost.append(str(path)[len(source) :])

        layer.Traverse(source, visit)
    with Sdf.ChangeBlock():
        for target in targets:
            parent = Sdf.Path(target).GetParentPath()
            if not layer.GetPrimAtPath(parent):
                Sdf.CreatePrimInLayer(layer, parent).specifier = Sdf.SpecifierDef
            if not Sdf.CopySpec(layer, source, layer, target):
                raise RuntimeError(f"clone_usd: cannot copy {source} to {target}")
            for relative in lost:
                layer.GetPrimAtPath(target + relative).referenceList.ClearEdits()
