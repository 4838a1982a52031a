"""The runtime stage: prims, and the table of attributes that are written, read and bound."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from . import _population as population
from ._enums import PrimMode
from ._settings import VERSION
from ._tensors import DLDataType
from ._values import element_type, guess_type, layout, to_array, to_rows, to_values

_XFORM_NAMES = ("omni:xform", "omni:fabric:localMatrix")
_RESET = "omni:resetXformStack"
_PATH = "path"
SHOW_ALL = "omni:rtx:scenePartitioning:showAllPartitionsByDefault"
_ON_PRODUCT = {"omni:rtx:viewTile:renderHistoryReset:tileIndices": "float[]"}
_ON_PRODUCT |= {"omni:rtx:viewTile:renderHistoryReset:requestId": "int"}


class RuntimeStage:
    """What was loaded, as one flat layer, with a stage over it for reading.

    Attributes:
        generation: Grows when the stage is replaced, prims are cloned or something is removed; bindings of an earlier
            one are stale. What the library does about them is not known.
        structure: Grows when prims come or go, or an attribute changes that decides what is drawn where.
    """

    def __init__(self) -> None:
        self.generation = self.structure = 0
        self._everything = False
        self._references: dict[int, str] = {}
        self._handles = itertools.count(1)
        self._xformable: dict[str, bool] = {}
        self._replace(Sdf.Layer.CreateAnonymous("runtime.usda"))

    def _replace(self, layer: Sdf.Layer) -> None:
        self.layer = layer
        self.stage = Usd.Stage.Open(layer, Usd.Stage.LoadAll)
        self.generation += 1
        self._references.clear()
        self._restructured()

    def _restructured(self) -> None:
        self.structure += 1
        self._xformable.clear()

    # -- loading ----------------------------------------------------------------------------------------------------

    def open(self, layer: Sdf.Layer) -> None:
        self._everything = bool(layer.customLayerData.get("populateAllAuthoredAttributes"))
        flat = population.flatten(layer)
        population.populate(flat, self._everything)
        self._replace(flat)

    def reset(self) -> None:
        self._replace(Sdf.Layer.CreateAnonymous("runtime.usda"))

    def add_reference(self, layer: Sdf.Layer, prefix: str) -> int:
        if not _is_prim_path(prefix):
            raise RuntimeError(f"prefix_path must be an absolute prim path, got {prefix!r}")
        if self.stage.GetPrimAtPath(prefix):
            raise RuntimeError(f"prefix_path already exists: {prefix}")
        flat = population.reference(layer, prefix)
        population.populate(flat, self._everything)
        parent = Sdf.Path(prefix).GetParentPath()
        with Sdf.ChangeBlock():
            if parent != Sdf.Path.absoluteRootPath and not self.layer.GetPrimAtPath(parent):
                Sdf.CreatePrimInLayer(self.layer, parent).specifier = Sdf.SpecifierDef
            Sdf.CopySpec(flat, prefix, self.layer, prefix)
        self._restructured()
        handle = next(self._handles)
        self._references[handle] = prefix
        return handle

    def remove(self, handle: int) -> None:
        if handle not in self._references:
            raise RuntimeError(f"remove_usd: unknown handle {handle}")
        self.stage.RemovePrim(self._references.pop(handle))
        self.generation += 1
        self._restructured()

    def clone(self, source: str, targets: Sequence[str]) -> None:
        for path in (source, *targets):
            if not _is_prim_path(path):
                raise RuntimeError(f"clone_usd: not an absolute prim path: {path!r}")
        if not self.stage.GetPrimAtPath(source):
            raise RuntimeError(f"clone_usd: source does not exist: {source}")
        taken = [path for path in targets if self.stage.GetPrimAtPath(path)]
        if taken or len(set(targets)) != len(targets):
            raise RuntimeError(f"clone_usd: target exists: {taken[0] if taken else 'one target is named twice'}")
        population.clone(self.layer, source, list(targets))
        self.generation += 1
        self._restructured()

    def set_time(self, time: float) -> None:
        """Evaluate time samples."""
        changed = []
        for prim in self.stage.TraverseAll():
            for attribute in prim.GetAuthoredAttributes():
                if attribute.GetNumTimeSamples():
                    changed.append((attribute, attribute.Get(time)))
        for attribute, value in changed:
            self.layer.GetAttributeAtPath(attribute.GetPath()).default = value

    # -- the attribute table ----------------------------------------------------------------------------------------

    def xformable(self, path: str) -> bool:
        found = self._xformable.get(path)
        if found is None:
            prim = self.stage.GetPrimAtPath(path) if _is_prim_path(path) else None
            found = self._xformable[path] = bool(prim) and prim.IsA(UsdGeom.Xformable)
        return found

    def type_of(self, path: str, name: str) -> Sdf.ValueTypeName | str | None:
        """Type of an attribute, ``"path"`` of a relationship, None if there is none."""
        if name in _XFORM_NAMES or name == _RESET:
            kind = Sdf.ValueTypeNames.Bool if name == _RESET else Sdf.ValueTypeNames.Matrix4d
            return kind if self.xformable(path) else None
        prim = self.stage.GetPrimAtPath(path) if _is_prim_path(path) else None
        if not prim:
            return None
        attribute = prim.GetAttribute(name)
        if attribute:
            declared = prim.GetPrimDefinition().GetPropertyDefinition(name)
            tabled = self._everything or declared or not name.startswith(population.TABLED_WITH_EVERYTHING)
            return attribute.GetTypeName() if tabled else None
        relationship = prim.GetRelationship(name)
        if relationship and (name != "camera" or relationship.IsAuthored()):
            return _PATH
        if name.startswith("material:binding") and prim.IsA(UsdGeom.Imageable):
            return _PATH
        if prim.GetTypeName() == "RenderProduct" and name in _ON_PRODUCT and VERSION >= (0, 4, 1):
            return Sdf.ValueTypeNames.Find(_ON_PRODUCT[name])
        return None

    def resolve(self, paths: Sequence[str], name: str, mode: PrimMode) -> np.ndarray:
        """(N,) bool: where the attribute can be written now.

        Raises:
            RuntimeError: One is missing under ``MUST_EXIST``.
        """
        found = np.array([self.type_of(path, name) is not None for path in paths], bool)
        if mode is PrimMode.MUST_EXIST and not found.all():
            raise RuntimeError(f"attribute '{name}' does not exist on prim '{paths[int(np.argmin(found))]}'")
        return found

    def write(
        self,
        paths: Sequence[str],
        name: str,
        rows: Any,
        element: DLDataType | None,
        mode: PrimMode,
        is_array: bool = False,
        is_token: bool = False,
        only: np.ndarray | None = None,
    ) -> None:
        """Write one entry a prim: a (N, ...) array, N strings, or (arrays) N arrays or N lists of strings.

        Args:
            element: Element type of numbers; None for strings.
            only: (N,) bool rows to write; None is all.

        Raises:
            RuntimeError: A prim is missing where it must not be, or the entries do not fit.
        """
        if len(rows) != len(paths):
            raise RuntimeError(f"tensor shape[0] ({len(rows)}) must equal binding prim count ({len(paths)})")
        found = self.resolve(paths, name, mode)
        if mode is PrimMode.CREATE_NEW:
            for path in np.array(paths, object)[~found]:
                self._create(path, name, rows, element, is_array, is_token)
            found[:] = True
        if only is not None:
            found = found & only
        where = np.flatnonzero(found)
        picked = [paths[i] for i in where]
        if name in _XFORM_NAMES:
            self._write_xforms(picked, np.asarray(rows)[where])
        elif name == _RESET:
            self._write_resets(picked, np.asarray(rows)[where])
        else:
            self._write_plain(picked, name, [rows[i] for i in where], element, is_array)
        if name.lower().endswith("scenepartition") or name == SHOW_ALL:
            self.structure += 1

    def _create(self, path: str, name: str, rows: Any, element: Any, is_array: bool, is_token: bool) -> None:
        if not _is_prim_path(path):
            raise RuntimeError(f"not an absolute prim path: {path!r}")
        spec = self.layer.GetPrimAtPath(path)
        if spec is None:
            spec = Sdf.CreatePrimInLayer(self.layer, path)
            spec.specifier = Sdf.SpecifierDef
            self._restructured()
        if name in _XFORM_NAMES or name == _RESET or spec.properties.get(name):
            return
        if element is None:
            if is_array and not is_token:
                Sdf.RelationshipSpec(spec, name, custom=False)
                return
            kind = Sdf.ValueTypeNames.TokenArray if is_array else Sdf.ValueTypeNames.Token
        else:
            kind = guess_type(element, element.lanes, is_array)
        Sdf.AttributeSpec(spec, name, kind)

    def _write_xforms(self, paths: list[str], matrices: np.ndarray) -> None:
        if matrices.dtype != np.float64 or matrices[:1].size not in (0, 16):
            raise RuntimeError("omni:xform takes 16 float64 components")
        layer, values = self.layer, matrices.reshape(-1, 16).tolist()
        with Sdf.ChangeBlock():
            for path, value in zip(paths, values, strict=True):
                at = f"{path}.{population.OMNI_XFORM}"
                spec = layer.GetAttributeAtPath(at) or self._own_transform(path)
                if spec is not None:
                    spec.default = Gf.Matrix4d(*value)

    def _own_transform(self, path: str, resets: bool | None = None) -> Sdf.AttributeSpec | None:
        """Replace the operations of a prim by one matrix that holds their product."""
        prim = self.stage.GetPrimAtPath(path)
        if not prim.IsA(UsdGeom.Xformable):
            return None
        local = UsdGeom.Xformable(prim).GetLocalTransformation()
        if resets is None:
            resets = UsdGeom.Xformable(prim).GetResetXformStack()
        spec = self._spec_of(path)
        own = spec.properties.get(population.OMNI_XFORM)
        if own is None:
            own = Sdf.AttributeSpec(spec, population.OMNI_XFORM, Sdf.ValueTypeNames.Matrix4d)
            own.default = local
        order = spec.properties.get("xformOpOrder")
        if order is None:
            order = Sdf.AttributeSpec(spec, "xformOpOrder", Sdf.ValueTypeNames.TokenArray, Sdf.VariabilityUniform)
        order.default = [*(["!resetXformStack!"] if resets else []), population.OMNI_XFORM]
        return own

    def _spec_of(self, path: str) -> Sdf.PrimSpec:
        spec = self.layer.GetPrimAtPath(path)
        return spec if spec is not None else Sdf.CreatePrimInLayer(self.layer, path)

    def _write_resets(self, paths: list[str], flags: np.ndarray) -> None:
        if flags.dtype != np.bool_:
            raise RuntimeError("omni:resetXformStack takes bool")
        with Sdf.ChangeBlock():
            for path, flag in zip(paths, flags.reshape(-1).tolist(), strict=True):
                self._own_transform(path, flag)

    def _write_plain(self, paths: list[str], name: str, rows: list[Any], element: Any, is_array: bool) -> None:
        values = [self._value(path, name, row, element, is_array) for path, row in zip(paths, rows, strict=True)]
        if name.startswith("material:binding"):
            for path in paths:
                UsdShade.MaterialBindingAPI.Apply(self.stage.GetPrimAtPath(path))
        with Sdf.ChangeBlock():
            for path, (kind, value) in zip(paths, values, strict=True):
                spec = self._spec_of(path)
                prop: Any = spec.properties.get(name)
                if kind == _PATH:
                    if prop is None:
                        prop = Sdf.RelationshipSpec(spec, name, custom=False)
                    prop.targetPathList.ClearEditsAndMakeExplicit()
                    prop.targetPathList.explicitItems = value
                else:
                    if prop is None:
                        prop = Sdf.AttributeSpec(spec, name, kind)
                    prop.default = value

    def _value(self, path: str, name: str, row: Any, element: DLDataType | None, is_array: bool) -> tuple[Any, Any]:
        kind = self.type_of(path, name)
        if isinstance(kind, str):
            if element is not None or not is_array:
                raise RuntimeError(f"'{name}' of '{path}' is a relationship; it takes a list of paths")
            if name.startswith("material:binding"):
                for target in row:
                    if not UsdShade.Material(self.stage.GetPrimAtPath(target)):
                        raise RuntimeError(f"'{name}' of '{path}': there is no material '{target}'")
            return _PATH, [Sdf.Path(target) for target in row]
        assert kind is not None
        if kind.isArray != is_array:
            wanted = "an array; use write_array_attribute" if kind.isArray else "no array"
            raise RuntimeError(f"'{name}' of '{path}' is {wanted}")
        if element is None:
            if kind.scalarType not in (Sdf.ValueTypeNames.Token, Sdf.ValueTypeNames.String):
                raise RuntimeError(f"'{name}' of '{path}' is {kind}; it takes no strings")
            return kind, row
        if kind == Sdf.ValueTypeNames.StringArray or layout(kind) is None:
            raise RuntimeError(f"'{name}' of '{path}' is {kind}; it takes no numbers")
        wanted = element_type(kind)
        count = element.lanes if not is_array else max(int(np.prod(np.shape(row)[1:])), 1)
        if (element.code, element.bits, count) != (wanted.code, wanted.bits, wanted.lanes):
            given = DLDataType(element.code, element.bits, count)
            raise RuntimeError(f"'{name}' of '{path}' holds {wanted}; the tensor is {given}")
        if is_array:
            return kind, to_array(kind, np.asarray(row))
        return kind, to_values(kind, np.asarray(row).reshape(1, -1))[0]

    def read(self, path: str, name: str) -> np.ndarray | None:
        """Numbers of one attribute: (components,), or (n, components) of an array; None if it has none."""
        kind = self.type_of(path, name)
        if kind is None or isinstance(kind, str) or layout(kind) is None:
            return None
        prim = self.stage.GetPrimAtPath(path)
        if name in _XFORM_NAMES:
            return np.array(UsdGeom.Xformable(prim).GetLocalTransformation(), np.float64).reshape(16)
        if name == _RESET:
            return np.array([UsdGeom.Xformable(prim).GetResetXformStack()])
        value = prim.GetAttribute(name).Get()
        return None if value is None else to_rows(kind, value)


def _is_prim_path(text: str) -> bool:
    if not Sdf.Path.IsValidPathString(text):
        return False
    path = Sdf.Path(text)
    return path.IsAbsolutePath() and path.IsPrimPath()
