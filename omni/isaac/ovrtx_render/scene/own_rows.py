"""Prims that get rows of their own in a Scene, because what is written for one must not show on its equals.

Reading a stage merges what is equal: clones share meshes, equal materials are one entry. A caller who writes the
colours of one environment's material, or the points of one cloth, needs them taken apart first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import SceneError
from .data import Geometry, GeometryKind, Scene
from .material_bindings import BindingResolver
from .openusd import TIME, Usd, UsdGeom
from .primvars import as_array

__all__ = ["OwnMaterials", "OwnMeshes", "own_materials", "own_meshes"]


@dataclass(frozen=True)
class OwnMaterials:
    """Material prims and their rows.

    Attributes:
        paths: P prims.
        of: (K,) int32 index of the prim.
        rows: (K,) int32 index in ``Scene.materials``; a prim that nothing shows has none.
    """

    paths: list[str]
    of: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class OwnMeshes:
    """Prims and the meshes that are theirs alone.

    Attributes:
        paths: P prims.
        begin: (P + 1,) int64 first point of each prim in one flat array of all points as authored, and their number.
        rest: (begin[P], 3) float32 world positions of those points now [stage units].
        world: (P, 4, 4) float64 transform of each prim; curves have their widths in its frame.
        instances: (K,) int64 rows of ``Scene.instances``, placed at the origin: their points are world positions.
        of: (K,) int64 index of the prim of each.
    """

    paths: list[str]
    begin: np.ndarray
    rest: np.ndarray
    world: np.ndarray
    instances: np.ndarray
    of: np.ndarray


def own_materials(
    scene: Scene, stage: Usd.Stage, paths: list[str], sources: Callable[[int], set[str]], name: Callable[[str], None]
) -> OwnMaterials:
    """Give each material prim entries that nothing else shows.

    Args:
        scene: The scene; entries are appended to ``materials``, and ``instances.material`` is changed.
        stage: The stage it was read from.
        paths: Material prims.
        sources: Material prims, in the environments that were walked, behind an entry.
        name: Called with the prim of every entry that is appended.

    Raises:
        SceneError: A path is not that of a material.
    """
    for path in paths:
        prim = stage.GetPrimAtPath(path) if path.startswith("/") else None
        if not prim or prim.GetTypeName() != "Material":
            raise SceneError(f"cannot bind {path!r}: the stage has no material there; give paths of Material prims")
    index = {path: i for i, path in enumerate(paths)}
    env_of = {path: env for env, path in enumerate(scene.env_paths)}

    def relative(path: str) -> tuple[bool, str]:
        """Path below its environment, and whether it has one: clones share it."""
        at = path
        while at:
            if at in env_of:
                return True, path[len(at) :]
            at = at.rpartition("/")[0]
        return False, path

    wanted = {relative(path) for path in paths}
    inst = scene.instances
    resolver = _Resolver(stage, scene)
    users: dict[tuple[int, int], list[int]] = defaultdict(list)
    for entry in range(len(scene.materials)):
        names = {relative(source) for source in sources(entry)}
        if names.isdisjoint(wanted):
            continue
        for row in np.flatnonzero(inst.material == entry):
            places = [scene.env_paths[inst.env[row]] + path if inside else path for inside, path in sorted(names)]
            path = places[0] if len(places) == 1 else resolver.pick(int(row), places)
            if path in index:
                users[index[path], entry].append(int(row))
    of, rows = [], []
    for (prim_index, entry), mine in sorted(users.items()):
        row = entry
        if len(mine) < np.count_nonzero(inst.material == entry):
            row = len(scene.materials)
            scene.materials.append(replace(scene.materials[entry], name=paths[prim_index]))
            name(paths[prim_index])
            inst.material[mine] = row
        of.append(prim_index)
        rows.append(row)
    return OwnMaterials(paths, np.array(of, np.int32), np.array(rows, np.int32))


class _Resolver:
    """Tells materials that look alike apart by the bindings of the prims that show them."""

    def __init__(self, stage: Usd.Stage, scene: Scene) -> None:
        self._stage, self._scene = stage, scene
        self._bindings = BindingResolver()

    def pick(self, row: int, among: list[str]) -> str | None:
        """Which of some materials an instance shows."""
        inst = self._scene.instances
        prim = self._stage.GetPrimAtPath(self._scene.paths[inst.path[row]])
        subsets = [subset.GetPrim() for subset in UsdGeom.Subset.GetAllGeomSubsets(UsdGeom.Imageable(prim))]
        # The instances of one prim are what no subset claims, if that is anything, and its subsets in their order.
        bound = [self._bindings.material_of(part) for part in [prim, *subsets]]
        shown = [str(material.GetPath()) for material in bound if material and str(material.GetPath()) in among]
        alike = np.flatnonzero((inst.path == inst.path[row]) & (inst.material == inst.material[row]))
        shown = shown[-len(alike) :]
        at = int(np.searchsorted(alike, row))
        return shown[at] if at < len(shown) else None


def own_meshes(scene: Scene, stage: Usd.Stage, paths: list[str]) -> OwnMeshes:
    """Give each prim meshes that nothing else shows, in world coordinates; curves are swept from their points there.

    Args:
        scene: The scene; meshes and geometries are appended, and instances are changed.
        stage: The stage it was read from.
        paths: Mesh, TetMesh or BasisCurves prims.

    Raises:
        SceneError: A path is none of these, is not drawn, or its points are not those that are drawn.
    """
    index = {path: i for i, path in enumerate(paths)}
    inst = scene.instances
    at_path = np.array([index.get(path, -1) for path in scene.paths] or [-1], np.int64)
    of = at_path[inst.path]
    instances = np.flatnonzero(of >= 0)
    of = of[instances]
    cache = UsdGeom.XformCache(TIME)
    begin, rest, worlds = [0], [], []
    for i, path in enumerate(paths):
        prim = stage.GetPrimAtPath(path) if path.startswith("/") else None
        if not prim or not prim.IsA(UsdGeom.PointBased):
            raise SceneError(
                f"cannot bind {path!r}: the stage has no mesh there; give paths of Mesh or BasisCurves prims"
            )
        if i not in of:
            raise SceneError(f"cannot bind {path}: it is not drawn (invisible, of another purpose, or without faces)")
        points = as_array(prim.GetAttribute("points").Get(TIME), 3).astype(np.float64)
        world = np.array(cache.GetLocalToWorldTransform(prim))
        rest.append((points @ world[:3, :3] + world[3, :3]).astype(np.float32))
        worlds.append(world)
        begin.append(begin[-1] + len(points))
    for row, prim_index in zip(instances, of, strict=True):
        geometry = scene.geometries[inst.geometry[row]]
        count = begin[prim_index + 1] - begin[prim_index]
        mesh = scene.meshes[geometry.mesh] if geometry.kind == GeometryKind.MESH else None
        if mesh is None or (mesh.sweep is None and mesh.point_index is None and len(mesh.points) != count):
            drawn = "it is refined or repeated" if mesh is not None else "it is drawn as another shape"
            raise SceneError(f"cannot bind {paths[prim_index]}: its {count} points are not what is drawn ({drawn})")
        # The arrays stay shared: they are copied when they are put on the device.
        scene.meshes.append(replace(mesh))
        inst.geometry[row] = len(scene.geometries)
        scene.geometries.append(Geometry(GeometryKind.MESH, mesh=len(scene.meshes) - 1))
        inst.transform[row] = np.eye(4)
        # Cloth is a single sheet, seen from both sides; a closed body looks the same either way.
        inst.double_sided[row] = True
    flat = np.concatenate(rest) if rest else np.zeros((0, 3), np.float32)
    world = np.array(worlds, np.float64).reshape(-1, 4, 4)
    return OwnMeshes(paths, np.array(begin, np.int64), flat, world, instances, of)
