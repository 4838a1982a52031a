"""What differs between a subtree of prim specs and a template: found by copying its specs over the template's.

A scratch layer holds a copy of the template. Copying another subtree onto it changes exactly what differs: arrays that
share memory cost nothing to compare, and paths inside of the subtree are made relative by the copy itself. A stage on
the scratch layer tells what changed. The copies stand below an instance, whose own children USD does not compose, so
that no reference in them is ever followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .clone_text import draws_nothing, relative_to
from .openusd import Sdf, Tf, Usd

__all__ = ["Difference", "SpecDiff"]

_COLORS = frozenset({"primvars:displayColor", "primvars:displayOpacity"})
_SCRATCH = re.compile(r"/scratch/spec_(\d+)([^.]*)(?:\.(.*))?")


@dataclass(frozen=True)
class Difference:
    """Prims that are not the template's, by their paths relative to the root; each begins with a slash.

    Attributes:
        moved: Those whose transform operations hold other values.
        different: Those that differ in anything else.
        colors: Those of the different ones that differ in the values of display colours or opacities alone; with the
            names of these and their values.
    """

    moved: list[str]
    different: set[str]
    colors: dict[str, list[tuple[str, object]]]


class SpecDiff:
    """Compares subtrees with a template; what the two root prims say themselves is not looked at.

    Args:
        specs: Specs of the template's root prim, strongest first; None where a layer has none.
        env_path: Prim path of the template's environment; paths below it count as equal to the same paths below the
            other's.
    """

    def __init__(self, specs: list[Sdf.PrimSpec | None], env_path: str) -> None:
        self._template = specs
        self._paths = ["" if spec is None else str(spec.path) for spec in specs]
        self._env_path = env_path
        self._scratch = Sdf.Layer.CreateAnonymous(".usda")
        Sdf.CreatePrimInLayer(self._scratch, "/empty").specifier = Sdf.SpecifierDef
        instance = Sdf.CreatePrimInLayer(self._scratch, "/scratch")
        instance.specifier, instance.instanceable = Sdf.SpecifierDef, True
        instance.referenceList.prependedItems = [Sdf.Reference("", "/empty")]
        self._copy(specs)
        # Changes inside of variants are not told, so prims that have any always count as different.
        self._opaque = {path for spec in specs if spec for path in _with_variants(spec, "")}
        self._stage = Usd.Stage.OpenMasked(self._scratch, Usd.StagePopulationMask(["/none"]), Usd.Stage.LoadNone)
        self._resynced: list[Sdf.Path] = []
        self._changed: list[tuple[Sdf.Path, list[str]]] = []
        self._touched = False
        self._listeners = [
            Tf.Notice.Register(Sdf.Notice.LayersDidChangeSentPerLayer, self._on_touch, self._scratch),
            Tf.Notice.Register(Usd.Notice.ObjectsChanged, self._on_change, self._stage),
        ]
        # Attributes whose value ever differed: prim, name, the template's value. And values of those that differ now.
        self._values: dict[Sdf.Path, tuple[str, str, object]] = {}
        self._differing: dict[Sdf.Path, object] = {}

    def compare(self, specs: list[Sdf.PrimSpec | None], env_path: str) -> Difference | None:
        """Compare another root's specs with the template's; None if the roots cannot be compared."""
        self._resynced, self._changed, self._touched = [], [], False
        try:
            self._copy(specs)
        except Tf.ErrorException:
            self._reset()
            return None
        if self._touched and not (self._resynced or self._changed or self._opaque):
            self._reset()
            return None
        different = {self._place(path)[1] for path in self._resynced}
        stale = bool(different)
        for path, fields in self._changed:
            if path in self._values and fields == ["default"]:
                self._note_value(path)
                continue
            index, prim, name = self._place(path)
            if draws_nothing(name) or (name and not prim):
                continue
            original = self._original(index, prim, name) if name else None
            if fields == ["default"] and original is not None:
                self._values[path] = (prim, name, original.default)
                self._note_value(path)
                continue
            # Targets outside of the root differ always, and the next ones must not be compared with these.
            stale = True
            if original is None or not self._same_targets(index, path, original, fields, env_path):
                different.add(prim)
        moved: set[str] = set()
        colors: dict[str, list[tuple[str, object]]] = {}
        for path, value in self._differing.items():
            prim, name, _ = self._values[path]
            if name.startswith("xformOp:"):
                moved.add(prim)
            elif name in _COLORS and not isinstance(value, Sdf.ValueBlock):
                colors.setdefault(prim, []).append((name, value))
            else:
                different.add(prim)
        different |= self._opaque
        colors = {prim: values for prim, values in colors.items() if prim not in different}
        different |= colors.keys()
        if stale:
            self._reset()
        return None if "" in different else Difference(sorted(moved), different, colors)

    def close(self) -> None:
        """Stop listening to the scratch layer."""
        for listener in self._listeners:
            listener.Revoke()

    def _copy(self, specs: list[Sdf.PrimSpec | None]) -> None:
        for index, spec in enumerate(specs):
            if spec is not None:
                Sdf.CopySpec(spec.layer, spec.path, self._scratch, Sdf.Path(f"/scratch/spec_{index}"))

    def _reset(self) -> None:
        """Make the copy the template's again."""
        self._copy(self._template)
        self._differing.clear()

    def _place(self, path: Sdf.Path) -> tuple[int, str, str]:
        """Number of the spec, prim path relative to the root and property name of a path in the scratch layer."""
        match = _SCRATCH.fullmatch(str(path))
        return (int(match[1]), match[2], match[3] or "") if match else (0, "", "")

    def _original(self, index: int, prim: str, name: str) -> Sdf.PropertySpec | None:
        spec = self._template[index]
        return None if spec is None else spec.layer.GetPropertyAtPath(f"{self._paths[index]}{prim}.{name}")

    def _note_value(self, path: Sdf.Path) -> None:
        """Note whether a value that changed is the template's."""
        now = self._scratch.GetAttributeAtPath(path)
        value = None if now is None else now.default
        if now is not None and value == self._values[path][2]:
            self._differing.pop(path, None)
        else:
            self._differing[path] = value

    def _same_targets(
        self, index: int, path: Sdf.Path, original: Sdf.PropertySpec, fields: list[str], env_path: str
    ) -> bool:
        """Whether targets are the same but for the environment that they are in: those outside of the root."""
        now = self._scratch.GetPropertyAtPath(path)
        if now is None or not {"targetPaths", "connectionPaths"}.issuperset(fields):
            return False
        for key in fields:
            here = relative_to(f"/scratch/spec_{index}", "#", str(now.GetInfo(key)))
            there = relative_to(self._paths[index], "#", str(original.GetInfo(key)))
            if relative_to(env_path, "@", here) != relative_to(self._env_path, "@", there):
                return False
        return True

    def _on_touch(self, notice: object, sender: object) -> None:
        self._touched = True

    def _on_change(self, notice: Usd.Notice.ObjectsChanged, sender: object) -> None:
        self._resynced += notice.GetResyncedPaths()
        self._changed += [(path, notice.GetChangedFields(path)) for path in notice.GetChangedInfoOnlyPaths()]


def _with_variants(spec: Sdf.PrimSpec, path: str) -> list[str]:
    """Relative paths of the topmost prims below a spec that have variants."""
    out: list[str] = []
    for child in spec.nameChildren:
        below = f"{path}/{child.name}"
        out += [below] if child.variantSets else _with_variants(child, below)
    return out
