"""A USD stage to a Scene.

Clones are read once: environments that differ in nothing but transforms (:mod:`.clones`) share the walk over the
first of them, and only their transforms are read one by one, and only where they differ.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..config import RendererCfg
from ..errors import SceneError
from .openusd import TIME, Tf, Usd, UsdGeom

# isort: split
# Only after openusd, which says clearly when OpenUSD is missing.
from . import lights
from .cameras import read_camera
from .clones import CloneGroup, group_clones
from .data import SHARED, Camera, Finding, Instances, Light, Scene
from .environments import find_environments
from .geometry import GeometryReader, GeometryStore
from .material_bindings import BindingResolver
from .materials import MaterialReader
from .own_rows import OwnMaterials, own_materials
from .prim_kinds import DRAWN, NOT_WALKED, PROTOTYPES
from .primvars import Primvar, as_array, read_primvar
from .records import PathIndex, PathTable, Subtree, is_below
from .semantics import SemanticReader
from .surface import is_textured
from .transforms import IDENTITY, RESET, ROOT, local_matrix, matrix

__all__ = ["StageReader", "TransformUpdate", "open_stage", "read_scene", "read_transforms"]

_DRAWN_PURPOSES = frozenset({"default", "render"})


def open_stage(path: str | os.PathLike[str]) -> Usd.Stage:
    """Open a stage file with all payloads loaded.

    Raises:
        SceneError: The file does not exist or cannot be read.
    """
    text = os.fspath(path)
    if "://" not in text and not os.path.isfile(text.partition("[")[0]):
        raise SceneError(f"stage file {text!r} does not exist; give the path of a .usd, .usda, .usdc or .usdz file")
    try:
        stage = Usd.Stage.Open(text, Usd.Stage.LoadAll)
    except Tf.ErrorException as error:
        reason = " ".join(str(error).split())
        raise SceneError(f"stage file {text!r} cannot be read: {reason}; check it with usdchecker") from error
    if stage is None:
        raise SceneError(f"stage file {text!r} cannot be opened; check it with usdchecker")
    return stage


def read_scene(stage: Usd.Stage | str | os.PathLike[str], cfg: RendererCfg | None = None) -> Scene:
    """Read a stage, or the file at a path, into a Scene.

    Raises:
        SceneError: The file does not exist or cannot be read.
        ConfigError: ``cfg.env_pattern`` is not a valid pattern.
    """
    if not isinstance(stage, Usd.Stage):
        stage = open_stage(stage)
    return StageReader(stage, cfg or RendererCfg()).read()


@dataclass(frozen=True)
class TransformUpdate:
    """World transforms that were read again.

    Attributes:
        instances: (K,) int64 rows of ``Scene.instances``.
        instance_transforms: (K, 4, 4) float64.
        cameras: (C,) int64 indices in ``Scene.cameras``.
        camera_transforms: (C, 4, 4) float64.
        lights: (L,) int64 indices in ``Scene.lights``.
        light_transforms: (L, 4, 4) float64.
    """

    instances: np.ndarray
    instance_transforms: np.ndarray
    cameras: np.ndarray
    camera_transforms: np.ndarray
    lights: np.ndarray
    light_transforms: np.ndarray


@dataclass(frozen=True)
class _Context:
    """What a prim inherits from its ancestors."""

    node: int = ROOT
    visible: bool = True
    purpose: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    label: int = 0
    owner: str | None = None
    predicate: object = DRAWN
    instancers: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Needs:
    """What of a material is more than the look of what it is bound to.

    Attributes:
        uv, color: Primvars that the mesh has for it.
        textured: Whether there is something to tell of what is no mesh.
    """

    uv: str
    color: str | None
    textured: bool


class StageReader:
    """Reads one stage, again and again if it is live.

    Args:
        stage: The stage.
        cfg: Configuration; ``env_pattern`` and what materials, textures and lights need is read from it.
        reuse_clones: Read environments that are clones once. Off, every prim is read: slow, and equal.

    Attributes:
        has_instancers: Whether the stage that was read has point instancers that are drawn.
        groups: Which environments of the stage that was read are clones.
    """

    def __init__(self, stage: Usd.Stage, cfg: RendererCfg, reuse_clones: bool = True) -> None:
        self._stage = stage
        self._cfg = cfg
        self._reuse_clones = reuse_clones
        self._frames: list[str] = []
        self._offsets = np.zeros((0, 4, 4))
        self._camera_offsets: list[np.ndarray] = []
        self._light_offsets: list[np.ndarray] = []
        self.has_instancers = False
        self.groups: list[CloneGroup] = []
        self._materials: MaterialReader | None = None
        self._places: tuple[PathIndex, PathIndex, PathIndex] | None = None

    def read(self, bindings: BindingResolver | None = None) -> Scene:
        """Read everything.

        Args:
            bindings: Resolves bindings of the stage as it is now; None is one for this reading alone.

        Raises:
            ConfigError: ``cfg.env_pattern`` is not a valid pattern.
        """
        stage = self._stage
        findings: list[Finding] = []
        envs = find_environments(stage, self._cfg.env_pattern)
        scene = Scene(
            meters_per_unit=_meters_per_unit(stage, findings),
            up_axis=str(UsdGeom.GetStageUpAxis(stage)),
            env_paths=[str(env.GetPath()) for env in envs],
            findings=findings,
        )
        walk = _Walk(stage, self._cfg, findings, bindings or BindingResolver())
        shared = walk.visit(stage.GetPseudoRoot(), _Context(), scene.env_paths)
        assembly = _Assembly(scene)
        worlds = shared.tree.worlds(IDENTITY)
        assembly.place(shared, worlds, [SHARED], "", [""])

        groups = group_clones(stage, envs) if self._reuse_clones else [CloneGroup([e]) for e in range(len(envs))]
        for group in groups:
            # Environments below something that is not walked (an inactive or abstract parent) draw nothing.
            context = walk.stops.get(scene.env_paths[group.members[0]])
            if context is not None:
                bases = np.broadcast_to(worlds[0, context.node], (len(group.members), 4, 4))
                self._place_group(walk, assembly, scene.env_paths, "", group, context, bases)
        scene.clone_groups = groups
        assembly.finish()
        walk.finish(scene)
        self._frames = [assembly.table.paths[i] for i in assembly.frames]
        self._offsets = assembly.offsets
        self._camera_offsets, self._light_offsets = assembly.camera_offsets, assembly.light_offsets
        self._materials, self._places, self.groups = walk.materials, None, groups
        self.has_instancers = walk.has_instancers
        if not len(scene.instances):
            findings.append(
                Finding(
                    "stage-empty",
                    "warning",
                    "/",
                    "Nothing is drawn: the stage has no visible geometry that is supported.",
                )
            )
        return scene

    def material_sources(self) -> list[set[str]]:
        """Paths of the material prims that became each entry of ``Scene.materials``."""
        assert self._materials is not None
        return [self._materials.sources(index) for index in range(len(self._materials.materials))]

    def read_transforms(self, scene: Scene, paths: Sequence[str] | None = None) -> TransformUpdate:
        """Read world transforms again.

        Instances of point instancers move with their instancer; a changed ``positions`` array needs :meth:`read`.

        Args:
            scene: The scene that this reader read last.
            paths: Prims that moved; they and all below them are read. None is everything.

        Raises:
            SceneError: The scene is not the one that this reader read last, or a prim of it is gone.
        """
        if len(scene.instances) != len(self._frames):
            raise SceneError("the scene does not belong to this reader; call read() and use the scene it returns")
        if self._places is None:
            cameras_at, lights_at = ([item.path for item in items] for items in (scene.cameras, scene.lights))
            self._places = PathIndex(self._frames), PathIndex(cameras_at), PathIndex(lights_at)
        rows, cameras, sources = (index.below(paths) for index in self._places)
        world = self._world_of()
        return TransformUpdate(
            rows,
            self._rows(rows, world),
            cameras,
            _stack([self._camera_offsets[i] @ world(scene.cameras[i].path) for i in cameras]),
            sources,
            _stack([self._light_offsets[i] @ world(scene.lights[i].path) for i in sources]),
        )

    def read_rows(self, rows: np.ndarray) -> np.ndarray:
        """Read the (K, 4, 4) world transforms of some rows of ``Scene.instances`` again.

        Raises:
            SceneError: A prim of them is gone.
        """
        return self._rows(rows, self._world_of())

    def _rows(self, rows: np.ndarray, world: Callable[[str], np.ndarray]) -> np.ndarray:
        return self._offsets[rows] @ _stack([world(self._frames[i]) for i in rows])

    def _world_of(self) -> Callable[[str], np.ndarray]:
        """A function that gives the world matrix of a prim, as it is now."""
        cache = UsdGeom.XformCache(TIME)
        worlds: dict[str, np.ndarray] = {}

        def world(path: str) -> np.ndarray:
            found = worlds.get(path)
            if found is None:
                prim = self._stage.GetPrimAtPath(path)
                if not prim:
                    raise SceneError(f"prim {path} is no longer on the stage; read the scene again")
                found = worlds[path] = matrix(cache.GetLocalToWorldTransform(prim))
            return found

        return world

    def refresh_light(self, scene: Scene, index: int) -> bool:
        """Read a light of the scene again, into its record; False if it does not light any more."""
        assert self._materials is not None
        light, prim = scene.lights[index], self._stage.GetPrimAtPath(scene.lights[index].path)
        new = lights.read_light(prim, light.env, IDENTITY.copy(), self._materials, scene.findings, self._cfg)
        if new is None:
            return False
        self._light_offsets[index] = new.transform
        new.transform = new.transform @ matrix(UsdGeom.XformCache(TIME).GetLocalToWorldTransform(prim))
        vars(light).update(vars(new))
        return True

    def refresh_camera(self, scene: Scene, index: int) -> None:
        """Read the lens of a camera of the scene again, into its record."""
        camera = scene.cameras[index]
        vars(camera).update(vars(read_camera(self._stage.GetPrimAtPath(camera.path), camera.env, camera.transform)))

    def refresh_material(self, scene: Scene, path: str) -> bool:
        """Read a material of the scene again, into its place in the table.

        Returns:
            False if that is not enough and the scene must be read again: clones of environments and equal materials
            share an entry, which then has to be taken apart.
        """
        assert self._materials is not None
        prim = self._stage.GetPrimAtPath(path)
        index = self._materials.entry_of(path)
        if not prim or index is None:
            return False
        users = np.flatnonzero(scene.instances.material == index)
        inside = [env for env, root in enumerate(scene.env_paths) if path.startswith(f"{root}/")]
        if not len(users) or (inside and (scene.instances.env[users] != inside[0]).any()):
            return False
        user = self._stage.GetPrimAtPath(scene.paths[scene.instances.path[users[0]]])
        return bool(user) and self._materials.read_again(index, prim, user)

    def own_materials(self, scene: Scene, paths: list[str]) -> OwnMaterials:
        """See :func:`.own_rows.own_materials`; the scene is the one that was read last."""
        assert self._materials is not None
        return own_materials(scene, self._stage, paths, self._materials.sources, self._materials.name_appended)

    def _place_group(
        self,
        walk: _Walk,
        assembly: _Assembly,
        roots: list[str],
        at: str,
        group: CloneGroup,
        context: _Context,
        bases: np.ndarray,
        compared: bool = False,
    ) -> None:
        """Walk the first member of a group and place it as all of them, then the parts that differ.

        Args:
            roots: Paths of the environments.
            at: Path of the prim that the group is about, relative to the environments.
            context: What that prim inherits in the first member.
            bases: (E, 4, 4) world matrices of what the prim hangs on in each member.
            compared: Whether ``group.moved`` tells of that prim itself, too.
        """
        root, members = roots[group.members[0]], group.members
        template = self._stage.GetPrimAtPath(root + at)
        if not template or not DRAWN(template):
            return
        subtree = walk.visit(template, context, [root + part for part in group.parts])
        if not subtree.tree.locals:
            return
        worlds = subtree.tree.worlds(bases, self._locals(subtree, roots, at, group, compared))
        assembly.place(subtree, worlds, members, root, [roots[env] for env in members])
        row_of = {env: row for row, env in enumerate(members)}
        for part, versions in group.parts.items():
            inherited = walk.stops.get(root + part)
            if inherited is None:
                continue

            same, *others = versions
            placed: set[int] = set()
            relooked = [version for version in others if version.looks]
            if relooked:
                rows = [row_of[env] for version in (same, *relooked) for env in version.members]
                placed = self._place_looks(
                    walk, assembly, roots, part, same, relooked, inherited, worlds[rows, inherited.node]
                )
            for version in versions:
                if version.members[0] in placed:
                    continue
                first = roots[version.members[0]]
                own = replace(inherited, owner=inherited.owner and _rename(inherited.owner, root, first))
                rows = [row_of[env] for env in version.members]
                bases = worlds[rows, inherited.node]
                self._place_group(walk, assembly, roots, part, version, own, bases, compared=version is same)

    def _place_looks(
        self,
        walk: _Walk,
        assembly: _Assembly,
        roots: list[str],
        at: str,
        same: CloneGroup,
        others: list[CloneGroup],
        context: _Context,
        bases: np.ndarray,
    ) -> set[int]:
        """Walk a part of the first member of a group and place it as the others, which have looks of their own.

        Args:
            same: The members that have the looks of the first, and how all of them are moved.
            others: Groups of members that have others.

        Returns:
            The members that are done; what was walked does not suit the looks of the others.
        """
        root = roots[same.members[0]]
        told = len(walk.findings)
        template = self._stage.GetPrimAtPath(root + at)
        subtree = walk.visit(template, context, ()) if template and DRAWN(template) else Subtree()
        plain = np.array(subtree.material, np.int32)
        done, materials = list(same.members), [np.tile(plain, (len(same.members), 1))]
        rows = list(range(len(done)))
        looks = dict(zip(subtree.look, subtree.material, strict=True))
        columns = {look: np.flatnonzero(np.array(subtree.look) == look) for look in looks}
        if subtree.frame != subtree.path or any(is_below(f.path, root + at) for f in walk.findings[told:]):
            # What is told is told of each member, which only walking each of them does; and instancers have colours.
            others = []
        first_row = len(done)
        for version in others:
            count, own, suits = len(version.members), plain.copy(), True
            for look, first in looks.items():
                prim = self._stage.GetPrimAtPath(_rename(subtree.paths.paths[look], root, roots[version.members[0]]))
                index = walk.materials.bind(prim)
                needs = walk.needs(index)
                suits = needs == walk.needs(first) and not (version.colored and needs.color)
                if not suits:
                    break
                own[columns[look]] = index
            if suits:
                done += version.members
                rows += range(first_row, first_row + count)
                materials.append(np.tile(own, (count, 1)))
            first_row += count
        if subtree.tree.locals:
            local_matrices = self._locals(subtree, roots, at, CloneGroup(done, same.moved), compared=True)
            worlds = subtree.tree.worlds(bases[rows], local_matrices)
            assembly.place(subtree, worlds, done, root, [roots[env] for env in done], np.concatenate(materials))
        return set(done)

    def _locals(self, subtree: Subtree, roots: list[str], at: str, group: CloneGroup, compared: bool) -> np.ndarray:
        """(E, N, 4, 4) local matrices of the nodes of a subtree in every member of its group."""
        template = roots[group.members[0]]
        out = np.repeat(np.array(subtree.tree.locals)[None], len(group.members), axis=0)
        node_of = {path[len(template) :]: node for node, path in enumerate(subtree.tree.paths)}
        for row, env in enumerate(group.members[1:], start=1):
            if not compared:
                prim = self._stage.GetPrimAtPath(roots[env] + at)
                local = local_matrix(prim) if prim else None
                out[row, 0] = IDENTITY if local is None else local[0]
            moved = group.moved.get(env, [])
            for relative in node_of if moved is None else moved:
                node = node_of.get(relative)
                if node is None or (node == 0 and not compared):
                    continue
                prim = self._stage.GetPrimAtPath(f"{roots[env]}{relative}")
                if prim and not prim.IsInstanceProxy():
                    # Its operations are those of the template, so only their product is asked for.
                    xformable = UsdGeom.Xformable(prim)
                    out[row, node] = matrix(xformable.GetLocalTransformation(TIME)) if xformable else IDENTITY
        return out


def read_transforms(reader: StageReader, scene: Scene, paths: Sequence[str] | None = None) -> TransformUpdate:
    """See :meth:`StageReader.read_transforms`."""
    return reader.read_transforms(scene, paths)


class _Walk:
    """Depth-first walk over composed prims, filling a Subtree."""

    def __init__(self, stage: Usd.Stage, cfg: RendererCfg, findings: list[Finding], bindings: BindingResolver) -> None:
        self._cfg = cfg
        self.findings = findings
        self._stage = stage
        self._left_out: dict[str, set[str]] = {}
        self.materials = MaterialReader(stage, cfg, findings, bindings=bindings)
        self._store = GeometryStore()
        self._geometry = GeometryReader(self._store, self.materials, findings, cfg.subdivision_level)
        self._semantics = SemanticReader(findings, cfg.semantic_filter)
        self._labels: dict[tuple[tuple[str, str], ...], int] = {(): 0}
        self._needs: dict[int, _Needs] = {}
        self.has_instancers = False
        self.stops: dict[str, _Context] = {}
        """What each prim inherits that the walk was told to leave out, drawn or not, if it came to its parent."""

    def finish(self, scene: Scene) -> None:
        """Hand over the tables."""
        self.materials.finish()
        scene.meshes, scene.geometries = self._store.meshes, self._store.geometries
        scene.materials, scene.textures = self.materials.materials, self.materials.textures
        scene.labels = [dict(labels) for labels in self._labels]

    def needs(self, material: int) -> _Needs:
        """What of a material is more than the look of what it is bound to."""
        found = self._needs.get(material)
        if found is None:
            uv, color = self._geometry.primvar_names(material)
            found = self._needs[material] = _Needs(uv, color, is_textured(self.materials.materials[material]))
        return found

    def visit(self, prim: Usd.Prim, context: _Context, stops: Iterable[str]) -> Subtree:
        """Visit a prim and everything below it.

        The first node of the result is the prim, so that it can be placed anew. Prims that are not drawn at all have
        no node.

        Args:
            context: What its parent hands down.
            stops: Paths of prims to leave out, because they are placed on their own.
        """
        self._left_out = {}
        for path in stops:
            self._left_out.setdefault(path.rpartition("/")[0] or "/", set()).add(path)
        out = Subtree()
        self._visit(prim, replace(context, node=ROOT), out, root=True)
        return out

    def _visit(self, prim: Usd.Prim, context: _Context, out: Subtree, root: bool = False) -> None:
        kind = prim.GetTypeName()
        if kind in NOT_WALKED:
            return
        path = str(prim.GetPath())
        context = self._inherit(prim, path, context, out, root)
        if lights.is_light(prim):
            if context.visible:
                light = lights.read_light(prim, SHARED, IDENTITY.copy(), self.materials, self.findings, self._cfg)
                if light is not None:
                    out.lights.append((light, context.node))
        elif kind == "Camera":
            out.cameras.append((read_camera(prim, SHARED, IDENTITY.copy()), context.node))
        elif kind == "PointInstancer":
            if context.visible:
                self._expand(prim, path, context, out)
            return
        elif context.visible and (context.purpose or "default") in _DRAWN_PURPOSES:
            self._draw(prim, path, context, out)
        left_out = () if context.instancers else self._left_out.get(path, ())
        for stop in left_out:
            self.stops[stop] = context
        for child in prim.GetFilteredChildren(context.predicate):
            if str(child.GetPath()) not in left_out:
                self._visit(child, context, out)

    def _inherit(self, prim: Usd.Prim, path: str, context: _Context, out: Subtree, root: bool) -> _Context:
        """Apply what the prim itself says on top of what it inherits."""
        changes: dict[str, Any] = {}
        local = local_matrix(prim)
        if local is not None or root:
            own, resets = local or (IDENTITY, False)
            changes["node"] = out.tree.add(path, RESET if resets else context.node, own)
        imageable = UsdGeom.Imageable(prim)
        if imageable:
            if context.visible and imageable.GetVisibilityAttr().Get(TIME) == UsdGeom.Tokens.invisible:
                changes["visible"] = False
            purpose = imageable.GetPurposeAttr()
            if purpose.HasAuthoredValue():
                changes["purpose"] = str(purpose.Get())
        own_labels = self._semantics.labels_of(prim)
        if own_labels:
            merged = tuple(sorted({**dict(context.labels), **own_labels}.items()))
            changes["labels"] = merged
            changes["label"] = self._labels.setdefault(merged, len(self._labels))
            changes["owner"] = path
        if prim.GetTypeName() == "SkelRoot":
            self._find("skinning-ignored", path, "Skinned meshes are drawn in their rest pose.", "info")
        return replace(context, **changes) if changes else context

    def _draw(self, prim: Usd.Prim, path: str, context: _Context, out: Subtree) -> None:
        frame = context.instancers[-1] if context.instancers else path
        for part in self._geometry.read(prim):
            out.add_instance(
                part.geometry,
                part.material,
                context.node,
                part.offset,
                part.double_sided,
                path,
                frame,
                context.label,
                context.owner or path,
                part.look,
            )

    def _expand(self, prim: Usd.Prim, path: str, context: _Context, out: Subtree) -> None:
        """Place the prototypes of a point instancer."""
        if path in context.instancers:
            self._find("instancer-invalid", path, "The point instancer contains itself: not drawn.")
            return
        self.has_instancers = True
        instancer = UsdGeom.PointInstancer(prim)
        targets = instancer.GetPrototypesRel().GetForwardedTargets()
        indices = as_array(instancer.GetProtoIndicesAttr().Get(TIME), 1, np.int64)[:, 0]
        if not len(indices):
            return
        placed = None
        try:
            placed = instancer.ComputeInstanceTransformsAtTime(
                TIME, TIME, UsdGeom.PointInstancer.ExcludeProtoXform, UsdGeom.PointInstancer.IgnoreMask
            )
        except Tf.ErrorException as error:
            self._find("instancer-invalid", path, f"The instances cannot be placed ({error}): not drawn.")
            return
        transforms = np.array(placed, np.float64).reshape(-1, 4, 4)
        if len(transforms) != len(indices):
            self._find(
                "instancer-invalid",
                path,
                f"{len(indices)} protoIndices do not fit the positions, orientations and scales: not drawn.",
            )
            return
        mask = list(instancer.ComputeMaskAtTime(TIME))
        shown = np.array(mask, bool) if len(mask) == len(indices) else np.ones(len(indices), bool)
        valid = (indices >= 0) & (indices < len(targets)) & np.isfinite(transforms).all(axis=(1, 2))
        if not valid.all():
            self._find(
                "instancer-invalid",
                path,
                f"{int((~valid).sum())} instances name no prototype that exists or have no finite place: not drawn.",
            )
        colors = self._instance_colors(prim, path, len(indices))
        for which, target in enumerate(targets):
            rows = np.flatnonzero((indices == which) & shown & valid)
            prototype = self._stage.GetPrimAtPath(target)
            if not len(rows):
                continue
            if not prototype:
                self._find("instancer-invalid", path, f"Prototype {target} does not exist: not drawn.")
                continue
            below = Subtree()
            inner = replace(
                context, node=ROOT, predicate=PROTOTYPES, instancers=(*context.instancers, path), owner=context.owner
            )
            self._visit(prototype, inner, below)
            for light, _ in below.lights:
                self._find(
                    "light-unsupported",
                    light.path,
                    f"The light is part of what {path} repeats, and does not light the scene there. Place it outside.",
                )
            relative = below.relative()
            colored = None if colors is None else self._colorable(below, path)
            for row in rows:
                for i, transform in enumerate(relative):
                    material = below.material[i]
                    if colors is not None and colored and colored[i] is not None:
                        material = self.materials.bind_colored(colored[i], colors[row])
                    out.add_instance(
                        below.geometry[i],
                        material,
                        context.node,
                        transform @ transforms[row],
                        below.double_sided[i],
                        below.paths.paths[below.path[i]],
                        path,
                        below.label[i],
                        below.paths.paths[below.owner[i]],
                        below.paths.paths[below.look[i]],
                    )

    def _instance_colors(self, prim: Usd.Prim, path: str, count: int) -> list[tuple[float, float, float]] | None:
        """A colour for each instance of a point instancer, or None if it gives none."""
        found = read_primvar(prim, "displayColor", 3)
        if isinstance(found, Primvar) and found.interpolation == "constant":
            return None
        if isinstance(found, Primvar) and len(found.values) == count:
            return [tuple(color) for color in np.maximum(found.values, 0.0).tolist()]
        if found is not None:
            fits = f"displayColor has {len(found.values)} values for" if isinstance(found, Primvar) else f"{found} for"
            self._find("instancer-invalid", path, f"{fits} {count} instances; it is ignored.")
        return None

    def _colorable(self, below: Subtree, path: str) -> list[Usd.Prim | None]:
        """The prim, or subset, that each instance of a prototype has its look from; None below further instancers."""
        names = below.paths.paths
        return [
            self._stage.GetPrimAtPath(names[look]) if names[frame] == path else None
            for look, frame in zip(below.look, below.frame, strict=True)
        ]

    def _find(self, code: str, path: str, message: str, severity: str = "warning") -> None:
        self.findings.append(Finding(code, severity, path, message))


class _Assembly:
    """Puts placed subtrees together into the arrays of a Scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._blocks: list[tuple[np.ndarray, ...]] = []
        self._cameras: list[tuple[Camera, np.ndarray]] = []
        self._lights: list[tuple[Light, np.ndarray]] = []
        self.table = PathTable()
        self.frames = np.zeros(0, np.int32)
        self.offsets = np.zeros((0, 4, 4))
        self.camera_offsets: list[np.ndarray] = []
        self.light_offsets: list[np.ndarray] = []

    def place(
        self,
        subtree: Subtree,
        worlds: np.ndarray,
        envs: list[int],
        root: str,
        roots: list[str],
        materials: np.ndarray | None = None,
    ) -> None:
        """Add a subtree once per environment.

        Args:
            worlds: (E, N + 1, 4, 4) world matrices of its nodes.
            envs: Environment ids, or [SHARED].
            root: Path of the root that was walked; paths below it are renamed to each one of ``roots``.
            materials: (E, I) materials of the instances in each environment; None is those of the subtree.
        """
        copies, count = len(envs), len(subtree.geometry)
        for camera, node in subtree.cameras:
            for row, env in enumerate(envs):
                path = _rename(camera.path, root, roots[row])
                placed = replace(camera, path=path, env=env, transform=camera.transform @ worlds[row, node])
                self._cameras.append((placed, camera.transform))
        for light, node in subtree.lights:
            for row, env in enumerate(envs):
                path = _rename(light.path, root, roots[row])
                placed_light = replace(light, path=path, env=env, transform=light.transform @ worlds[row, node])
                self._lights.append((placed_light, light.transform))
        if not count:
            return
        paths = np.array(
            [[self.table.add(_rename(path, root, new)) for path in subtree.paths.paths] for new in roots], np.int32
        )
        offsets = np.array(subtree.offsets)[subtree.offset]
        transforms = offsets @ worlds[:, subtree.node]

        def tiled(column: Sequence[int], dtype: type = np.int32) -> np.ndarray:
            return np.tile(np.array(column, dtype), copies)

        self._blocks.append(
            (
                tiled(subtree.geometry),
                tiled(subtree.material) if materials is None else materials.reshape(-1),
                np.repeat(np.array(envs, np.int32), count),
                transforms.reshape(-1, 4, 4),
                tiled(subtree.double_sided, bool),
                paths[:, subtree.path].reshape(-1),
                tiled(subtree.label),
                paths[:, subtree.owner].reshape(-1),
                paths[:, subtree.frame].reshape(-1),
                np.tile(offsets, (copies, 1, 1)),
            )
        )

    def finish(self) -> None:
        """Sort everything by environment, shared things first, and fill the scene."""
        scene = self._scene
        scene.paths = self.table.paths
        self._cameras.sort(key=lambda item: item[0].env)
        self._lights.sort(key=lambda item: item[0].env)
        scene.cameras = [camera for camera, _ in self._cameras]
        scene.lights = [light for light, _ in self._lights]
        self.camera_offsets = [offset for _, offset in self._cameras]
        self.light_offsets = [offset for _, offset in self._lights]
        if self._blocks:
            order = np.argsort(np.concatenate([block[2] for block in self._blocks]), kind="stable")
            columns = [np.concatenate(parts)[order] for parts in zip(*self._blocks, strict=True)]
            scene.instances = Instances(*columns[:8])
            self.frames, self.offsets = columns[8], columns[9]


def _stack(matrices: list[np.ndarray]) -> np.ndarray:
    return np.array(matrices, np.float64).reshape(-1, 4, 4)


def _meters_per_unit(stage: Usd.Stage, findings: list[Finding]) -> float:
    value = float(UsdGeom.GetStageMetersPerUnit(stage))
    if value > 0 and np.isfinite(value):
        return value
    findings.append(
        Finding("stage-units", "warning", "/", f"metersPerUnit is {value}, which is no length; 0.01 is taken instead.")
    )
    return 0.01


def _rename(path: str, root: str, new: str) -> str:
    """Move a path from below ``root`` to below ``new``; other paths stay."""
    return new + path[len(root) :] if root and is_below(path, root) else path
