"""Authoring on a bare layer: overs, values, targets and schemas, by path."""

from __future__ import annotations

from typing import Any

from pxr import Sdf, Usd

__all__ = ["Author"]


class Author:
    """Writes opinions about prims of a stage to a layer.

    Args:
        stage: The stage, which is only read.
        layer: The layer.
    """

    def __init__(self, stage: Usd.Stage, layer: Sdf.Layer) -> None:
        self._stage, self._layer = stage, layer

    def prim(self, path: str, kind: str = "") -> Sdf.PrimSpec:
        """The prim spec at a path; what it is instanced by is made plain, since instances take no opinions below.

        Args:
            path: Prim path.
            kind: Type name, where the prim is to be defined; empty for an opinion about one that exists.
        """
        for prefix in Sdf.Path(path).GetPrefixes()[:-1]:
            above = self._stage.GetPrimAtPath(prefix)
            if above and above.IsInstance():
                Sdf.CreatePrimInLayer(self._layer, prefix).instanceable = False
        spec = Sdf.CreatePrimInLayer(self._layer, path)
        if kind:
            spec.specifier, spec.typeName = Sdf.SpecifierDef, kind
        return spec

    def value(self, path: str, name: str, kind: Sdf.ValueTypeName, value: Any, **metadata: Any) -> Sdf.AttributeSpec:
        """Set the value of an attribute."""
        spec = self._attribute(path, name, kind)
        spec.default = value
        for key, data in metadata.items():
            spec.SetInfo(key, data)
        return spec

    def token(self, path: str, name: str, value: str) -> Sdf.AttributeSpec:
        """Set a token-valued attribute."""
        return self.value(path, name, Sdf.ValueTypeNames.Token, value)

    def connect(self, path: str, name: str, kind: Sdf.ValueTypeName, source: str | None) -> None:
        """Connect an attribute; None takes its connections away."""
        spec = self._attribute(path, name, kind)
        spec.connectionPathList.ClearEditsAndMakeExplicit()
        if source is not None:
            spec.connectionPathList.explicitItems = [Sdf.Path(source)]

    def target(self, path: str, name: str, target: str) -> None:
        """Point a relationship somewhere."""
        prim = self.prim(path)
        spec = prim.relationships.get(name) or Sdf.RelationshipSpec(prim, name, custom=False)
        spec.targetPathList.ClearEditsAndMakeExplicit()
        spec.targetPathList.explicitItems = [Sdf.Path(target)]

    def apply(self, path: str, schema: str) -> None:
        """Apply an API schema."""
        prim = self.prim(path)
        held = prim.GetInfo("apiSchemas") if prim.HasInfo("apiSchemas") else Sdf.TokenListOp()
        if schema not in held.prependedItems:
            held.prependedItems = [*held.prependedItems, schema]
            prim.SetInfo("apiSchemas", held)

    def _attribute(self, path: str, name: str, kind: Sdf.ValueTypeName) -> Sdf.AttributeSpec:
        prim = self.prim(path)
        known = prim.attributes.get(name)
        if known:
            return known
        current = self._stage.GetPrimAtPath(path)
        found = current.GetAttribute(name) if current else None
        # A weaker opinion, or the schema, says what it is; a stronger one must not say otherwise.
        variability = found.GetVariability() if found else Sdf.VariabilityVarying
        return Sdf.AttributeSpec(prim, name, found.GetTypeName() if found else kind, variability)
