"""Runs the checks. Every prim that stands for others is checked once, for all environments in which it is the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from pxr import Sdf, Usd

from ..config import RendererCfg
from ..scene.data import Camera, Light, Material
from ..scene.data import Finding as SceneFinding
from ..scene.material_bindings import BindingResolver
from ..scene.prim_kinds import NETWORK
from ..scene.records import is_below
from ..scene.stage_reader import StageReader
from .bindings import Binding, all_subsets, binds_material, resolve
from .checks import bindings as binding_checks
from .checks import composition, looks, shapes, stages, uvs
from .checks.cameras import check_cameras, check_lens
from .checks.lights import check_lights
from .checks.prims import check_own
from .clones import OUTSIDE, Clones, Envs, Representative, minus, plus
from .finding import Told
from .placed import Piece, Placed
from .refine import refine
from .rereading import Shapes
from .store import Store
from .versions import Versions
from .walk import Shown, Visit, visit_below, visit_one

__all__ = ["LOOK_CODES", "RETOLD_CODES", "SAID", "Engine", "Look", "MaterialOf"]

MaterialOf = Callable[[Usd.Prim, Binding], "Material | None"]
"""What the binding of a prim or GeomSubset became."""

LOOK_CODES = frozenset({"display-color-type", "display-opacity-unsupported", "light-unsupported"})
"""What the scene reader says of a prim itself when it reads its look."""
RETOLD_CODES = frozenset({"stage-empty", "material-missing"})
"""What the scene reader says, too, and the checks here say in a way that edits can follow."""

SAID = frozenset({"binding", "children", "type", "own", "environment", "lens"})
"""Aspects that do not depend on whether a prim is shown."""


@dataclass(frozen=True, eq=False)
class Look:
    """Bindings of a drawn prim and its subsets, with a placeholder for the environment. There is one for each check:
    prims that are bound alike may differ in what the material asks of them.
    """

    bindings: tuple[Binding, ...]


class Engine:
    """What the checks know of a stage.

    Args:
        stage: The stage.
        cfg: Configuration of the renderer that will draw it.
        outputs: Names of the outputs that will be asked for.

    Attributes:
        clones: Which environments are the same.
        told: What was told.
        looks: Looks of each drawn prim, by its name.
        users: Names of the drawn prims that show a material, or would if it was there, by its name.
        kinds: Names of the prims that are drawn, of those with hidden geometry, of lights and of cameras, with their
            environments.
        lights: Lights by path.
        cameras: Cameras by path.
        placed: What is drawn, and where.
        networks: What was told of the networks of materials since this was cleared: many prims may show one.
        resolver: Resolves bindings as the stage is now.
        foreign: What is brought in with other units.
        inside_out: Paths of single-sided meshes that are turned inside out, rooms included.
        shapes: Reads geometry again after edits.
    """

    def __init__(self, stage: Usd.Stage, cfg: RendererCfg, outputs: Collection[str] = ()) -> None:
        self.stage, self.cfg, self.outputs = stage, cfg, outputs
        self._facts: dict[int, tuple[object, shapes.MeshFacts]] = {}
        self.shapes = Shapes(cfg)
        self.check_all()

    def check_all(self) -> None:
        """Check everything."""
        self.reader, self.resolver = StageReader(self.stage, self.cfg), BindingResolver()
        scene = self.reader.read(self.resolver)
        self.meters_per_unit, self.labelled = scene.meters_per_unit, len(scene.labels) > 1
        self.clones = Clones(scene.env_paths, self.reader.groups)
        self.told = Store(self.clones)
        self.looks: dict[str, Versions[Look]] = defaultdict(Versions)
        self.users: dict[str, set[str]] = defaultdict(set)
        self.kinds: dict[str, dict[str, Envs]] = {kind: {} for kind in ("drawn", "hidden", "light", "camera")}
        self.lights: dict[str, Light] = {light.path: light for light in scene.lights}
        self.cameras: dict[str, Camera] = {camera.path: camera for camera in scene.cameras}
        self.placed = Placed(scene)
        self.foreign: list[composition.ForeignUnits] = []
        self._composed: set[str] = set()
        self.inside_out: set[str] = set()
        self.networks: dict[str, list[Told]] = {}
        entries: dict[str, list[int]] = defaultdict(list)
        for index, sources in enumerate(self.reader.material_sources()):
            for source in sources:
                entries[source].append(index)

        def material_at(path: str, binding: Binding) -> Material | None:
            shown = scene.instances.material[self.placed.rows_of(path)]
            found = entries.get(binding.material, []) if binding.material else shown[:1].tolist()
            best = [index for index in found if index in shown] or found
            return scene.materials[best[0]] if best else None

        self._first = True
        self._check_prims(material_at)
        self._first = False
        for path in self.placed.squashed():
            self.check_place(path, self._own(path), self.placed.pieces_of(path))
        self._check_left_out()
        self.take_findings(scene.findings)
        self.check_composition()
        self.check_rooms()
        self.check_cameras(list(self.cameras.values()))
        self.check_stage()

    def _check_prims(self, material_at: Callable[[str, Binding], Material | None]) -> None:
        """Check what is outside of the environments, then one of each set of clones."""

        def material_of(prim: Usd.Prim, binding: Binding) -> Material | None:
            return material_at(str(prim.GetPath()), binding)

        shown: Shown = {}
        for visit in visit_below(self.stage.GetPseudoRoot(), OUTSIDE, self.clones.env_paths, shown=shown):
            self.check_prim(visit, material_of)
        drawn: dict[str, dict[str, Look]] = {}
        for one in self.clones.representatives():
            if not one.first:
                visits = visit_one(self.stage, one, shown)
                found = ((visit.path, self.check_prim(visit, material_of)) for visit in visits)
                drawn[one.path] = {path: look for path, look in found if look is not None}
                continue
            first = one.first + one.path[len(one.root) :]
            for path, look in drawn[first].items():
                own = one.root + path[len(one.first) :] if is_below(path, one.first) else path
                if one.colored and not any(binding.relationship for binding in look.bindings):
                    self._check_colors(own, look, one, material_at)
                else:
                    self.check_look(self.stage.GetPrimAtPath(own), own, one.envs, material_of)

    def _check_colors(
        self, path: str, look: Look, one: Representative, material_at: Callable[[str, Binding], Material | None]
    ) -> None:
        """Check what shows no material and differs from what was checked in its colours alone."""
        env, name = self.clones.locate(path)
        self.looks[name].widen(look, one.envs)
        bindings = [binding.renamed(partial(self.clones.place, env=env)) for binding in look.bindings]
        told = list(binding_checks.check_shown(bindings[0], bindings[1:]))
        material = material_at(path, bindings[0])
        if material is not None:
            told += looks.check_opacity(path, material)
        self.told.put(path, "look", told, one.envs)

    # -- one prim ----------------------------------------------------------------------------------------------------

    def check_prim(self, visit: Visit, material_of: MaterialOf) -> Look | None:
        """Check one prim; returns its look if it is drawn."""
        self.check_said(visit)
        return self.check_shown(visit, material_of)

    def check_said(self, visit: Visit) -> None:
        """Check what a prim says itself, be it shown or hidden: see :data:`SAID`."""
        prim, path, envs = visit.prim, visit.path, visit.alike
        env = self.clones.locate(path)[0]
        self.check_own_binding(prim, path, envs)
        self.check_children(prim, path, envs)
        self.told.put(path, "type", composition.check_untyped(prim), envs)
        self.check_own(prim, path, envs)
        if env >= 0:
            told = list(stages.check_partition(prim, self.clones.env_paths[env]))
            if len(self.clones.env_paths) > 1:
                told += stages.check_instancing(prim)
            self.told.put(path, "environment", told, envs)
        if visit.kind == "camera":
            self.told.put(path, "lens", check_lens(prim), envs)

    def check_shown(self, visit: Visit, material_of: MaterialOf) -> Look | None:
        """Note what a prim is, and check what it shows if it is drawn; returns its look then."""
        self.note_kind(self.clones.locate(visit.path)[1], visit.kind, visit.alike)
        if visit.kind != "drawn":
            return None
        self.check_shape(visit.path, visit.alike, self.placed.pieces_of(visit.path))
        return self.check_look(visit.prim, visit.path, visit.envs, material_of)

    def check_own(self, prim: Usd.Prim, path: str, envs: frozenset[int]) -> None:
        """Check what a prim says in vain."""
        self.told.put(path, "own", check_own(prim), envs)

    def check_own_binding(self, prim: Usd.Prim, path: str, envs: frozenset[int], aspect: str = "binding") -> None:
        """Check the bindings that are authored on a prim itself."""
        own = self.resolver.authored_at(prim)
        self.told.put(path, aspect, binding_checks.check_own_bindings(prim, own) if own else (), envs)

    def check_look(self, prim: Usd.Prim, path: str, envs: frozenset[int], material_of: MaterialOf) -> Look:
        """Check the bindings of a drawn prim and its subsets, and what they bind; returns these."""
        env, name = self.clones.locate(path)
        subsets = all_subsets(prim)
        for subset in subsets:
            self.check_own_binding(subset, str(subset.GetPath()), envs, "binding of a subset")
        subsets = [subset for subset in subsets if binds_material(subset)]
        bindings = tuple(resolve(each, resolver=self.resolver) for each in (prim, *subsets))
        told = list(binding_checks.check_shown(bindings[0], bindings[1:]))
        for each, binding in zip((prim, *subsets), bindings, strict=True):
            material = material_of(each, binding)
            if binding.missing:
                self.users[self.clones.locate(binding.missing)[1]].add(name)
            if not binding.material:
                if each == prim and material is not None:
                    told += looks.check_opacity(path, material)
                continue
            self.users[self.clones.locate(binding.material)[1]].add(name)
            self.check_network(binding.material, prim, envs, material)
        self.told.put(path, "look", dict.fromkeys(told), envs)
        # The first time nothing was there before; to look for it in every version of thousands would be quadratic.
        before = set() if self._first else self.shown_in(name, envs)
        if env >= 0:
            bindings = tuple(binding.renamed(partial(self._abstract, env=env)) for binding in bindings)
        look = Look(bindings)
        if self._first:
            self.looks[name].widen(look, envs)
        else:
            self.looks[name].replace(look, envs)
        for gone in before - {binding.material for binding in bindings}:
            self.told.put(path, f"uvs of {gone}", (), envs)
        return look

    def check_shape(self, path: str, envs: frozenset[int], pieces: list[Piece]) -> None:
        """Check the geometry of a drawn prim, and whether its transform leaves any of it."""
        told: list[Told] = []
        for piece in pieces:
            if piece.mesh is not None:
                told += shapes.check_mesh(path, self._facts_of(piece), piece.double_sided)
        inverted = any(p.mesh is not None and not p.double_sided and self._facts_of(p).inverted for p in pieces)
        name = self.clones.locate(path)[1]
        if inverted or not self._first:
            for env in envs:
                (self.inside_out.add if inverted else self.inside_out.discard)(self.clones.place(name, env))
        if not inverted:
            self.told.put(path, "solid", (), envs)
        self.told.put(path, "shape", dict.fromkeys(told), envs)
        if not self._first:  # clones are moved, each on its own
            self.check_place(path, envs, pieces)

    def check_place(self, path: str, envs: frozenset[int], pieces: list[Piece]) -> None:
        """Check whether the transform of a drawn prim leaves any of it."""
        told = shapes.check_transform(path, pieces[0].transform) if pieces else ()
        self.told.put(path, "place", told, envs)

    def check_children(self, prim: Usd.Prim, path: str, envs: frozenset[int]) -> None:
        """Check which children of a prim are left out of the picture."""
        self.told.put(path, "children", composition.check_children(prim), envs)

    def _check_left_out(self) -> None:
        """Check the parents of what is left out in some environments, and not in others, in each of these."""
        members: dict[str, set[int]] = defaultdict(set)
        left_out = set()
        for one in self.clones.representatives():
            name = self.clones.locate(one.path)[1]
            members[name] |= one.envs
            if not composition.is_visited(self.stage.GetPrimAtPath(one.path)):
                left_out.add(name)
        for name in left_out:
            for env in members[name]:
                self.check_left_out(self.clones.place(name, env))

    def check_left_out(self, path: str) -> None:
        """Check the children of the nearest prim above a path that a walk comes to."""
        above = self.stage.GetPseudoRoot()
        for prefix in Sdf.Path(path).GetParentPath().GetPrefixes():
            prim = self.stage.GetPrimAtPath(prefix)
            if not composition.is_visited(prim):
                break
            above = prim
        self.check_children(above, str(above.GetPath()), self._own(str(above.GetPath())))

    def check_composition(self) -> None:
        """Check what composition brought in, and what it could not."""
        told: dict[str, list[Told]] = {path: [] for path in self._composed}
        for one in composition.check_composition(self.stage):
            told.setdefault(one.path, []).append(one)
        for path, found in told.items():
            self.told.put(path, "composition", dict.fromkeys(found), self._own(path))
        self._composed = {path for path, found in told.items() if found}
        before = {one.path for one in self.foreign}
        self.foreign = composition.foreign_units(self.stage)
        for path in before - {one.path for one in self.foreign}:
            self.told.put(path, "units", (), self._own(path))
        self.check_units()

    def check_units(self) -> None:
        """Check whether transforms make up for what is brought in with other units."""
        told: dict[str, list[Told]] = {one.path: [] for one in self.foreign}
        for one in self.foreign:
            told[one.path] += composition.check_units(self.stage, one)
        for path, found in told.items():
            self.told.put(path, "units", found, self._own(path))

    def check_rooms(self, envs: Collection[int] | None = None) -> None:
        """Check whether meshes that are turned inside out are rooms, in some environments (None: in all)."""
        if not self.inside_out:
            return
        eyes = np.array([camera.transform[3, :3] for camera in self.cameras.values()]).reshape(-1, 3)
        seats = np.array([camera.env for camera in self.cameras.values()], np.int32)
        for path in self.inside_out:
            env = self.clones.locate(path)[0]
            if envs is None or env in envs or env < 0 or -1 in envs:
                near = eyes[(seats == env) | (seats < 0) | (env < 0)]
                rooms = [self.placed.share_inside(int(row), near) > 0.0 for row in self.placed.rows_of(path)]
                told = () if any(rooms) else (shapes.inside_out(path),)
                self.told.put(path, "solid", told, frozenset((env,)))

    def check_cameras(self, cameras: list[Camera]) -> None:
        """Check where cameras are and what they cut away."""
        told: dict[str, list[Told]] = {camera.path: [] for camera in cameras}
        for camera, one in check_cameras(cameras, self.placed):
            told[camera.path].append(one)
        for camera in cameras:
            self.told.put(camera.path, "view", told[camera.path], frozenset((camera.env,)))

    def check_stage(self) -> None:
        """Check what concerns the stage as a whole."""
        drawn, hidden = (sum(len(envs) for envs in self.kinds[kind].values()) for kind in ("drawn", "hidden"))
        middle = self.placed.center[self.placed.env <= 0]
        middle = middle[np.isfinite(middle).all(axis=1)]
        center = np.median(middle, axis=0) if len(middle) else np.zeros(3)
        lights = list(self.lights.values())
        told = list(check_lights(lights, len(self.cameras), center, self.meters_per_unit, self.cfg))
        told += stages.check_hidden(self.placed.count, drawn, hidden)
        told += stages.check_semantics(self.outputs, drawn, int(self.labelled))
        self.told.put("/", "stage", [one for one in told if one.path not in self.lights], OUTSIDE)
        for path, light in self.lights.items():
            own = [one for one in told if one.path == path]
            self.told.put(path, "light", own, frozenset((light.env,)))

    def take_findings(self, findings: Iterable[SceneFinding]) -> None:
        """Take over what the scene reader found, each as told of the prim or material that it belongs to."""
        by_subject: dict[tuple[str, str, frozenset[int]], list[Told]] = defaultdict(list)
        for finding in findings:
            if finding.code in RETOLD_CODES:
                continue
            prim = self.stage.GetPrimAtPath(finding.path)
            subject, aspect = finding.path, "read look" if finding.code in LOOK_CODES else "read"
            envs = self.clones.members(subject)
            if prim and prim.GetTypeName() in NETWORK:
                while prim and prim.GetTypeName() != "Material":
                    prim = prim.GetParent()
                subject = str(prim.GetPath()) if prim else finding.path
                aspect, envs = "read network", self._envs_showing(subject) or envs
            by_subject[subject, aspect, envs].append(refine(self.stage, finding))
        for (subject, aspect, envs), told in by_subject.items():
            self.told.put(subject, aspect, told, envs)

    # -- details -----------------------------------------------------------------------------------------------------

    def shown_in(self, name: str, envs: frozenset[int]) -> set[str]:
        """Names of the materials that a prim shows in some environments; ``{-1}`` asks for any."""
        if name not in self.looks:
            return set()
        versions = self.looks[name]
        looks = [look for look, _ in versions.items()] if envs == OUTSIDE else versions.within(envs)
        return {binding.material for look in looks for binding in look.bindings if binding.material}

    def check_network(self, path: str, user: Usd.Prim, envs: frozenset[int], became: Material | None) -> None:
        """Check a material prim that a drawn prim shows in some environments, and whether it has what that needs."""
        env, name = self.clones.locate(path)
        needs = uvs.check_uvs(user, path, became) if became is not None else ()
        self.told.put(str(user.GetPath()), f"uvs of {name}", needs, envs)
        if env < 0:
            envs = OUTSIDE
        told = self.networks.get(path)
        if told is None:
            prim = self.stage.GetPrimAtPath(path)
            told = self.networks[path] = list(looks.check_look(prim)) if prim else []
        if became is not None:
            told = [*told, *looks.check_opacity(path, became)]
        self.told.put(path, "network", dict.fromkeys(told), envs)

    def _envs_showing(self, material: str) -> frozenset[int]:
        """Environments in which a material of an environment is shown by prims that are the same."""
        env, name = self.clones.locate(material)
        if env < 0:
            return frozenset()
        here = frozenset((env,))
        users = [user for user in self.users.get(name, ()) if name in self.shown_in(user, here)]
        return frozenset().union(*(self.clones.members(self.clones.place(user, env)) for user in users))

    def _facts_of(self, piece: Piece) -> shapes.MeshFacts:
        assert piece.mesh is not None
        known = self._facts.get(id(piece.mesh))
        if known is None or known[0] is not piece.mesh:
            known = self._facts[id(piece.mesh)] = (piece.mesh, shapes.mesh_facts(piece.mesh))
        return known[1]

    def _own(self, path: str) -> frozenset[int]:
        return frozenset((self.clones.locate(path)[0],))

    def _abstract(self, path: str, env: int) -> str:
        """A path with a placeholder for its environment."""
        return self.clones.abstract(f"{path}/", env)[:-1] if path else path

    def note_kind(self, name: str, kind: str, envs: frozenset[int]) -> None:
        """Note what a prim is in some environments; nothing that counts if the kind is none of :attr:`kinds`."""
        for each, names in self.kinds.items():
            held = names.get(name, frozenset())
            held = plus(held, envs) if each == kind else minus(held, envs)
            if held:
                names[name] = held
            else:
                names.pop(name, None)
