"""What an edit touched is checked again, and nothing else.

An edited prim is taken out of what was told of all clones, in its environment, and checked on its own. Point
instancers, prims of native prototypes and edits above the environments are checked with all else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pxr import Sdf, Usd, UsdGeom

from ..scene.cameras import read_camera
from ..scene.lights import is_light, read_light
from ..scene.live_edits import INHERITED_PREFIXES, is_unseen
from ..scene.prim_kinds import NETWORK, NOT_WALKED
from ..scene.semantics import SemanticReader
from .checks.composition import is_visited
from .checks.prims import says_plainly
from .clones import OUTSIDE
from .engine import SAID, Engine
from .renewal import Renewal
from .walk import Shown, Visit, is_shown, visit_below

__all__ = ["update"]

_COLORS = frozenset({"primvars:displayColor", "primvars:displayOpacity"})
_SHOWN = frozenset({"visibility", "purpose"})
_PARTITION = "omni:scenePartition"


def update(engine: Engine, changed: Sequence[Sdf.Path]) -> None:
    """Check again what an edit touched.

    Args:
        engine: What is known of the stage.
        changed: Prims and properties; ``/`` is everything.
    """
    edit = _Edit(engine)
    if not all(edit.sort(path) for path in changed):
        engine.check_all()
    elif edit.anything:
        edit.work_off()


class _Edit:
    """Edits by what has to be checked again."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._stage = engine, engine.stage
        self._clones = engine.clones
        self._renewal = Renewal(engine)
        self._above: Shown = {}
        self._subtrees: set[Sdf.Path] = set()
        self._toggled: set[Sdf.Path] = set()
        """Prims that are hidden or shown now, with all below; what these say themselves is as before."""
        self._moved: set[Sdf.Path] = set()
        self._said: set[Sdf.Path] = set()
        """Prims that say something else of their own."""
        self._looks: dict[str, frozenset[int]] = {}
        self._shapes: set[str] = set()
        self._colored: set[str] = set()
        """Drawn prims with another colour, which may be in the geometry."""
        self._materials: set[str] = set()
        self._networks: list[tuple[str, str]] = []
        """Materials of environments that were edited, with a prim there that shows each."""
        self._resynced: set[Sdf.Path] = set()
        """Prims whose composition changed: they, and all below, may be anything now."""
        self._labels = False
        self._touched: set[int] = set()
        """Environments in which geometry, or a camera, is somewhere else now."""

    @property
    def anything(self) -> bool:
        """Whether there is anything to check."""
        edits = (self._subtrees, self._toggled, self._moved, self._looks, self._shapes, self._materials, self._resynced)
        return self._labels or any(edits)

    # -- sorting -----------------------------------------------------------------------------------------------------

    def sort(self, path: Sdf.Path) -> bool:
        """Note what a changed prim or property asks for; False if that is everything."""
        if path == Sdf.Path.absoluteRootPath or Usd.Prim.IsPathInPrototype(path):
            return False
        prim = path.GetPrimPath()
        if path.IsPropertyPath():
            return is_unseen(path.name) or self._sort_property(prim, path.name)
        self._resynced.add(prim)
        above = self._stage.GetPrimAtPath(prim.GetParentPath())
        material = self._material_above(prim.GetParentPath())
        if material:
            self._materials.add(material)
            return True
        # A GeomSubset takes faces from the rest of its mesh.
        return self._sort_subtree(prim.GetParentPath() if above and above.IsA(UsdGeom.Mesh) else prim)

    def _sort_property(self, path: Sdf.Path, name: str) -> bool:
        prim = self._stage.GetPrimAtPath(path)
        if not prim:
            return True  # its prim is told of, too
        material = self._material_above(path)
        if prim.GetTypeName() not in NOT_WALKED and is_visited(prim):
            if not says_plainly(prim, name) or self._engine.told.has(str(path), "own"):
                self._said.add(path)
        if name.startswith("semantic"):
            self._labels = True
        elif name.startswith("xformOp"):
            self._moved.add(path)
            return self._is_local(path)
        elif name in _SHOWN:
            self._toggled.add(path)
            return self._is_local(path)
        elif name.endswith(_PARTITION):
            return self._sort_subtree(path)
        elif name.startswith(INHERITED_PREFIXES):
            if not self._is_local(path):
                return False
            self._add_looks(prim)
            if prim.IsA(UsdGeom.PointBased) and name.startswith("primvars:"):
                (self._colored if name in _COLORS else self._shapes).add(str(path))
        elif material:
            self._materials.add(material)
        elif prim.IsA(UsdGeom.Camera) or is_light(prim) or prim.IsA(UsdGeom.Subset):
            return self._sort_subtree(path.GetParentPath() if prim.IsA(UsdGeom.Subset) else path)
        elif prim.IsA(UsdGeom.Gprim):
            self._shapes.add(str(path))
            return self._is_local(path)
        elif prim.IsA(UsdGeom.PointInstancer):
            return False
        return True

    def _sort_subtree(self, path: Sdf.Path) -> bool:
        self._subtrees.add(path)
        return self._is_local(path)

    def _is_local(self, path: Sdf.Path) -> bool:
        """Whether what is at a path and below can be checked on its own."""
        if self._engine.reader.has_instancers or path == Sdf.Path.absoluteRootPath:
            return False
        prim = self._stage.GetPrimAtPath(path)
        if prim and (prim.IsA(UsdGeom.PointInstancer) or prim.IsInPrototype()):
            return False
        first = self._clones.env_paths[:1]
        # An environment that comes or goes, or what all of them hang on, concerns all.
        if first and Sdf.Path(first[0]).HasPrefix(path):
            return False
        return not first or path.GetParentPath() != Sdf.Path(first[0]).GetParentPath()

    def _material_above(self, path: Sdf.Path) -> str:
        prim = self._stage.GetPrimAtPath(path)
        while prim and prim.GetTypeName() in NETWORK:
            if prim.GetTypeName() == "Material":
                return str(prim.GetPath())
            prim = prim.GetParent()
        return ""

    def _add_looks(self, prim: Usd.Prim) -> None:
        envs = self._own(str(prim.GetPath()))
        if prim.IsA(UsdGeom.Subset):
            prim = prim.GetParent()
        for visit in visit_below(prim, envs, shown=self._above):
            if visit.kind == "drawn":  # what is hidden shows nothing, and is checked when it is shown
                self._looks[visit.path] = envs
            elif visit.prim == prim:
                self._engine.check_own_binding(prim, visit.path, envs)

    def _own(self, path: str) -> frozenset[int]:
        return frozenset((self._clones.locate(path)[0],))

    # -- checking ----------------------------------------------------------------------------------------------------

    def work_off(self) -> None:
        """Check what was noted."""
        engine, renewal, readers = self._engine, self._renewal, self._renewal.readers
        for said in self._said - self._subtrees:
            engine.check_own(self._stage.GetPrimAtPath(said), str(said), self._own(str(said)))
        self._renew(_topmost(self._subtrees | self._toggled))
        self._move(_topmost(self._moved))
        # Those that were edited themselves may show something else now, and are checked on their own.
        edited: dict[str, set[int]] = defaultdict(set)
        for path in self._looks:
            env, name = self._clones.locate(path)
            edited[name].add(env)
        self._add_rebound(edited)
        for material in self._materials:
            self._add_users(material, edited)
        self._shapes |= {path for path in self._colored & self._looks.keys() if renewal.has_colors(path)}
        self._shapes = {path for path in self._shapes if path in self._looks or self._is_drawn(path)}
        prims = {path: self._stage.GetPrimAtPath(path) for path in self._shapes}
        engine.placed.replace(
            {path: (self._clones.locate(path)[0], readers.pieces(prim)) for path, prim in prims.items()}
        )
        for path in prims:
            envs = self._own(path)
            self._touched |= envs
            engine.check_shape(path, envs, engine.placed.pieces_of(path))
            renewal.take_shape(path, envs)
            self._looks.setdefault(path, envs)
        for material, path in self._networks:
            renewal.check_network(material, self._stage.GetPrimAtPath(path), self._own(path))
        for path, envs in self._looks.items():
            renewal.check_look(self._stage.GetPrimAtPath(path), envs)
        if self._labels:
            engine.labelled = any(
                SemanticReader([], engine.cfg.semantic_filter).labels_of(prim) for prim in self._stage.Traverse()
            )
        if self._resynced:
            for path in self._resynced:
                engine.check_left_out(str(path))
            engine.check_composition()
        elif self._moved and engine.foreign:
            engine.check_units()
        if self._touched:
            engine.check_rooms(self._touched)
            seen = self._touched | OUTSIDE
            cameras = engine.cameras.values()
            engine.check_cameras([c for c in cameras if OUTSIDE <= self._touched or c.env in seen])
        engine.check_stage()

    def _is_drawn(self, path: str) -> bool:
        prim = self._stage.GetPrimAtPath(path)
        return bool(prim) and prim.IsActive() and prim.IsDefined() and prim.IsA(UsdGeom.Gprim) and is_shown(prim)

    def _renew(self, paths: Iterable[Sdf.Path]) -> None:
        """Subtrees are others now, or are not shown any more."""
        visits: list[Visit] = []
        engine, renewal, readers = self._engine, self._renewal, self._renewal.readers
        for path in paths:
            envs = self._own(str(path))
            changed = any(other.HasPrefix(path) for other in self._subtrees)
            renewal.forget(str(path), envs, frozenset() if changed else SAID)
            self._touched |= envs
            prim = self._stage.GetPrimAtPath(path)
            if prim and prim.IsActive() and prim.IsDefined() and not prim.IsAbstract():
                found = list(visit_below(prim, envs, shown=self._above))
                visits += found
                for visit in found if changed else ():
                    engine.check_said(visit)
        drawn = [visit for visit in visits if visit.kind == "drawn"]
        engine.placed.replace({visit.path: (next(iter(visit.envs)), readers.pieces(visit.prim)) for visit in drawn})
        for visit in visits:
            self._read_record(visit)
            engine.check_shown(visit, renewal.material_of(visit.path))
            if visit.kind == "drawn":
                renewal.take_shape(visit.path, visit.envs)
                renewal.take_look(visit.path, visit.envs)

    def _read_record(self, visit: Visit) -> None:
        path, (env,), readers = visit.path, visit.envs, self._renewal.readers
        if visit.kind == "camera":
            self._engine.cameras[path] = read_camera(visit.prim, env, readers.world(visit.prim))
        elif visit.kind == "light":
            light = read_light(
                visit.prim, env, readers.world(visit.prim), readers.materials, readers.findings, self._engine.cfg
            )
            if light is not None:
                self._engine.lights[path] = light
            self._renewal.take_shape(path, visit.envs)

    def _move(self, paths: Iterable[Sdf.Path]) -> None:
        engine, rows, moved = self._engine, [], []
        for path in paths:
            prim = self._stage.GetPrimAtPath(path)
            if not prim:
                continue
            envs = self._own(str(path))
            self._touched |= envs
            for visit in visit_below(prim, envs, shown=self._above):
                if visit.kind == "drawn":
                    own = engine.placed.rows_of(visit.path)
                    if len(own) and own.max() >= engine.placed.first_added:
                        self._shapes.add(visit.path)
                    elif len(own):
                        rows.append(own)
                        moved.append((visit.path, envs))
                else:
                    self._read_record(visit)
        if rows:
            together = np.concatenate(rows)
            engine.placed.move(together, engine.reader.read_rows(together))
        for each, envs in moved:
            engine.check_place(each, envs, engine.placed.pieces_of(each))

    def _add_rebound(self, edited: dict[str, set[int]]) -> None:
        """What shows a material that came, went, or is another one now, but for what was edited itself."""
        engine, clones = self._engine, self._clones
        located = [clones.locate(str(path)) for path in self._resynced]
        # Those in environments first: they part their users from the clones.
        for env, name in sorted(located, reverse=True):
            materials = [each for each in engine.users if each == name or each.startswith(f"{name}/")]
            for user in sorted({user for material in materials for user in engine.users[material]}):
                for _, held in engine.looks[user].items() if user in engine.looks else ():
                    concerned = frozenset(held if env < 0 else held & {env, -1}) - edited.get(user, set())
                    if concerned:
                        self._looks[clones.place(user, min(concerned))] = concerned
                    if env >= 0:
                        edited[user] |= concerned

    def _add_users(self, material: str, edited: Mapping[str, set[int]]) -> None:
        """Everything that shows a material that changed, one of each set of clones, but for what was edited itself."""
        env, name = self._clones.locate(material)
        for user in self._engine.users.get(name, ()):
            for look, envs in self._engine.looks[user].items():
                if not any(binding.material == name for binding in look.bindings):
                    continue
                concerned = frozenset(envs if env < 0 else envs & {env}) - edited.get(user, set())
                if concerned and env >= 0:
                    self._networks.append((material, self._clones.place(user, env)))
                elif concerned:
                    self._looks[self._clones.place(user, min(concerned))] = concerned


def _topmost(paths: Iterable[Sdf.Path]) -> list[Sdf.Path]:
    return Sdf.Path.RemoveDescendentPaths(list(paths))
