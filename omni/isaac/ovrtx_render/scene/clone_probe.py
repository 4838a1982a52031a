"""Compares an environment with a template by copying its specs over the template's: the quick comparison.

A scratch layer holds a copy of the template. Copying another environment's specs onto it changes nothing if they are
equal, arrays that share memory cost nothing to compare, and paths inside of the environment are made relative by the
copy itself; whether anything changed, the layer's own notice tells. Values of transform operations, in which clones
differ, are levelled before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .openusd import Sdf, Tf

__all__ = ["CloneProbe"]


@dataclass
class _Op:
    """One transform operation: where it is, what the template holds there, what the copy holds now, and the copy."""

    spec: int
    attribute: str
    prim: str
    value: object
    current: object
    copy: Sdf.AttributeSpec


class CloneProbe:
    """Tells whether environments equal a template but for transforms.

    Args:
        specs: The template's own root specs, strongest first.
    """

    def __init__(self, specs: list[Sdf.PrimSpec]) -> None:
        self._template = specs
        self._scratch = Sdf.Layer.CreateAnonymous(".usda")
        self._changed = False
        self._below_root = False
        self._copy(specs)
        self._ops = [op for index, spec in enumerate(specs) for op in self._operations(index, spec, "")]
        self._root_ops = [op for op in self._ops if not op.prim]
        self._listener = Tf.Notice.Register(Sdf.Notice.LayersDidChangeSentPerLayer, self._on_change, self._scratch)

    def moved(self, specs: list[Sdf.PrimSpec]) -> list[str] | None:
        """Compare an environment's own root specs with the template's.

        Returns:
            Relative paths of the prims below the root whose transform operations hold other values; None if the
            environment is no clone.
        """
        if [spec.layer for spec in specs] != [spec.layer for spec in self._template]:
            return None
        try:
            # Most clones differ at the root only; those that do not come in a row.
            if not self._below_root:
                if self._matches(specs, self._root_ops):
                    return []
                self._reset()
            if self._matches(specs, self._ops):
                moved = sorted({op.prim for op in self._ops if op.prim and op.current != op.value})
                self._below_root = bool(moved)
                return moved
        except (Tf.ErrorException, TypeError):
            # An operation that holds another type cannot be levelled: no clone.
            self._below_root = False
        self._reset()
        return None

    def close(self) -> None:
        """Stop listening to the scratch layer."""
        self._listener.Revoke()

    def _matches(self, specs: list[Sdf.PrimSpec], ops: list[_Op]) -> bool:
        """Level some operations, then copy: did it change nothing more?"""
        paths = [str(spec.path) for spec in specs]
        for op in ops:
            attribute = specs[op.spec].layer.GetAttributeAtPath(paths[op.spec] + op.attribute)
            if attribute is None:
                return False
            value = attribute.default
            if value != op.current:
                op.copy.default = op.current = value
        self._changed = False
        self._copy(specs)
        return not self._changed

    def _reset(self) -> None:
        """Make the copy the template's again."""
        self._copy(self._template)
        for op in self._ops:
            op.current = op.value

    def _copy(self, specs: list[Sdf.PrimSpec]) -> None:
        for index, spec in enumerate(specs):
            Sdf.CopySpec(spec.layer, spec.path, self._scratch, Sdf.Path(f"/spec_{index}"))

    def _operations(self, index: int, spec: Sdf.PrimSpec, path: str) -> Iterator[_Op]:
        for name in spec.properties.keys():
            if name.startswith("xformOp:"):
                attribute = f"{path}.{name}"
                copy = self._scratch.GetAttributeAtPath(f"/spec_{index}{attribute}")
                if copy is not None:
                    yield _Op(index, attribute, path, copy.default, copy.default, copy)
        for child in spec.nameChildren:
            yield from self._operations(index, child, f"{path}/{child.name}")

    def _on_change(self, notice: object, sender: object) -> None:
        self._changed = True
