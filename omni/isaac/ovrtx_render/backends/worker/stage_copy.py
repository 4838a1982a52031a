"""A stage for another process: text of one environment of each kind, how the others come of it, and later its edits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...scene.data import Scene
from ...scene.export import AttributeValues, CloneStep, export_stage
from ...scene.openusd import TIME, Gf, Sdf, Usd

# isort: split
# Only after openusd, which says clearly when OpenUSD is missing.
from pxr import UsdShade

__all__ = ["StageCopy", "apply_edits", "copy_stage", "edits_text", "rebuild"]

_LOCAL = "xformOp:transform:worker"


@dataclass(frozen=True)
class StageCopy:
    """A stage as text, and the steps that complete it; see ``StageExport`` of :mod:`...scene.export`."""

    text: str
    clones: list[CloneStep]
    placed: list[str]
    transforms: np.ndarray
    values: list[AttributeValues]
    bindings: dict[str, str]


def copy_stage(stage: Usd.Stage, scene: Scene) -> StageCopy:
    """Prepare a stage; nothing touches a disk, and clones are written once."""
    export = export_stage(stage, scene, partitions=False)
    return StageCopy(export.text, export.clones, export.placed, export.transforms, export.values, export.bindings)


def rebuild(copy: StageCopy) -> Usd.Stage:
    """Make the stage again."""
    layer = Sdf.Layer.CreateAnonymous("worker.usda")
    layer.ImportFromString(copy.text)
    with Sdf.ChangeBlock():
        for step in copy.clones:
            for target in step.targets:
                Sdf.CopySpec(layer, step.source, layer, target)
    with Sdf.ChangeBlock():
        for path, transform in zip(copy.placed, copy.transforms, strict=True):
            _place(layer.GetPrimAtPath(path), transform)
    stage = Usd.Stage.Open(layer, Usd.Stage.LoadAll)
    for values in copy.values:
        for path, value in zip(values.paths, values.values, strict=True):
            prim = stage.OverridePrim(path)
            kind = Sdf.ValueTypeNames.Find(values.type_name)
            (prim.GetAttribute(values.name) or prim.CreateAttribute(values.name, kind)).Set(_usd_value(kind, value))
    for path, material in copy.bindings.items():
        UsdShade.MaterialBindingAPI.Apply(stage.OverridePrim(path)).Bind(
            UsdShade.Material(stage.GetPrimAtPath(material))
        )
    return stage


def _place(spec: Sdf.PrimSpec, local: np.ndarray) -> None:
    """Replace a prim's transform operations by one matrix; whether it resets the stack stays."""
    order = spec.attributes.get("xformOpOrder")
    resets = order is not None and "!resetXformStack!" in (order.default or ())
    own = spec.attributes.get(_LOCAL) or Sdf.AttributeSpec(spec, _LOCAL, Sdf.ValueTypeNames.Matrix4d)
    own.default = Gf.Matrix4d(*local.reshape(16).tolist())
    if order is None:
        order = Sdf.AttributeSpec(spec, "xformOpOrder", Sdf.ValueTypeNames.TokenArray, Sdf.VariabilityUniform)
    order.default = [*(["!resetXformStack!"] if resets else []), _LOCAL]


def _usd_value(kind: Sdf.ValueTypeName, value: Any) -> Any:
    """A numpy value of an attribute (see ``tensor_of``) as USD takes it."""
    if isinstance(value, str):
        return value
    if not kind.isArray:
        return value.item() if value.ndim == 0 else kind.type.pythonClass(*value.tolist())
    return kind.type.pythonClass.FromNumpy(np.ascontiguousarray(value))


def edits_text(stage: Usd.Stage, properties: Iterable[Sdf.Path]) -> str | None:
    """The present values of some properties, as the text of a layer that holds nothing else.

    Returns:
        The text; None if a property is gone, which a layer cannot say.
    """
    layer = Sdf.Layer.CreateAnonymous("edits.usda")
    for path in properties:
        prim = stage.GetPrimAtPath(path.GetPrimPath())
        if not prim or prim.IsInstanceProxy():
            continue
        attribute, relationship = prim.GetAttribute(path.name), prim.GetRelationship(path.name)
        spec = Sdf.CreatePrimInLayer(layer, path.GetPrimPath())
        if attribute:
            value = attribute.Get(TIME)
            if value is None:
                value = Sdf.ValueBlock()
            elif isinstance(value, Sdf.AssetPath):
                value = Sdf.AssetPath(value.resolvedPath or value.path)
            Sdf.AttributeSpec(spec, path.name, attribute.GetTypeName()).default = value
        elif relationship:
            Sdf.RelationshipSpec(spec, path.name).targetPathList.explicitItems = relationship.GetTargets()
        else:
            return None
    return str(layer.ExportToString())


def apply_edits(stage: Usd.Stage, text: str) -> None:
    """Author the properties of a layer on a stage, over what it says itself."""
    edits = Sdf.Layer.CreateAnonymous("edits.usda")
    edits.ImportFromString(text)
    layer = stage.GetRootLayer()
    found: list[Sdf.Path] = []
    edits.Traverse(Sdf.Path.absoluteRootPath, lambda path: found.append(path) if path.IsPropertyPath() else None)
    with Sdf.ChangeBlock():
        for path in found:
            if layer.GetPrimAtPath(path.GetPrimPath()) is None:
                Sdf.CreatePrimInLayer(layer, path.GetPrimPath())
            Sdf.CopySpec(edits, path, layer, path)
