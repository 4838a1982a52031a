"""Where everything is: bounds of what is drawn, for checks that ask what a camera is inside of or can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..scene.data import SHARED, Geometry, GeometryKind, Mesh, Scene

__all__ = ["Piece", "Placed", "inside", "leaves_something"]


@dataclass(frozen=True)
class Piece:
    """One thing that a prim draws: its geometry, whether both sides are drawn, and its (4, 4) world matrix."""

    geometry: Geometry
    mesh: Mesh | None
    double_sided: bool
    transform: np.ndarray


class Placed:
    """What is drawn and where, with world bounds; starts with the instances of a scene.

    Attributes:
        geometries: (I,) object array of geometries.
        meshes: (I,) object array of their meshes; None for analytic shapes.
        transform: (I, 4, 4) float64 local to world [stage units].
        env: (I,) int32 environment ids.
        paths: (I,) object array of prim paths.
        count: Number of rows that are not gone.
        center: (I, 3) float64 centres of the world bounds [stage units]; not a number for what is gone.
        half: (I, 3) float64 half extents; infinite for endless planes.
    """

    def __init__(self, scene: Scene) -> None:
        instances = scene.instances
        self.geometries = _objects(scene.geometries)[instances.geometry]
        self.meshes = _objects([scene.meshes[g.mesh] if g.mesh >= 0 else None for g in scene.geometries])[
            instances.geometry
        ]
        self.transform, self.env = instances.transform, instances.env
        self.double_sided = instances.double_sided
        self.paths = _objects(scene.paths)[instances.path]
        self._local = _bounds_of(scene.geometries, scene.meshes)[instances.geometry]
        self.center, self.half = _world_bounds(self._local, self.transform)
        self._begin = np.searchsorted(self.env, np.arange(-1, scene.num_envs + 1))
        self._added: dict[int, list[int]] = {}
        self._free: dict[str, np.ndarray] = {}
        self.count = len(self.env)
        order = np.argsort(instances.path, kind="stable")
        begin = np.searchsorted(instances.path[order], np.arange(len(scene.paths) + 1))
        self._rows_of = {path: order[begin[i] : begin[i + 1]] for i, path in enumerate(scene.paths)}

    def rows_of(self, path: str) -> np.ndarray:
        """(K,) rows of what a prim draws."""
        return self._rows_of.get(path, np.zeros(0, np.int64))

    def pieces_of(self, path: str) -> list[Piece]:
        """What a prim draws."""
        return [
            Piece(self.geometries[row], self.meshes[row], bool(self.double_sided[row]), self.transform[row])
            for row in self.rows_of(path)
        ]

    def squashed(self) -> list[str]:
        """Prims whose transforms leave nothing of the first piece that they draw."""
        rows = np.flatnonzero(~leaves_something(self.transform))
        return [path for path, row in zip(self.paths[rows], rows, strict=True) if self.rows_of(path)[0] == row]

    @property
    def first_added(self) -> int:
        """Rows from this one on were added after the scene was read."""
        return int(self._begin[-1])

    def remove(self, path: str) -> None:
        """Take out what a prim draws."""
        gone = self._rows_of.pop(path, np.zeros(0, np.int64))
        self.center[gone] = np.nan
        self.count -= len(gone)
        if len(gone):
            self._free[path] = gone

    def move(self, rows: np.ndarray, transform: np.ndarray) -> None:
        """Take over new (K, 4, 4) world matrices of some rows."""
        self.transform[rows] = transform
        self.center[rows], self.half[rows] = _world_bounds(self._local[rows], transform)

    def replace(self, pieces: Mapping[str, tuple[int, list[Piece]]]) -> None:
        """Take over what prims draw now: by path, the environment and the pieces."""
        rows: list[int] = []
        kept: list[Piece] = []
        appended: list[tuple[str, int, Piece]] = []
        for path, (env, found) in pieces.items():
            self.remove(path)
            self.count += len(found)
            if found and len(self._free.get(path, ())) == len(found):
                # The places that it had before serve again, so that nothing has to grow.
                self._rows_of[path] = self._free.pop(path)
                rows += self._rows_of[path].tolist()
                kept += found
            else:
                appended += [(path, env, piece) for piece in found]
        if appended:
            rows += self._append(appended)
        if rows:
            self._set(np.array(rows), [*kept, *(piece for _, _, piece in appended)])

    def _append(self, appended: list[tuple[str, int, Piece]]) -> range:
        """Make room for more pieces, each with its path and environment; returns the rows."""
        first, count = len(self.env), len(appended)

        def longer(array: np.ndarray, fill: Any = 0) -> np.ndarray:
            return np.concatenate([array, np.full((count, *array.shape[1:]), fill, array.dtype)])

        self.geometries, self.meshes = longer(self.geometries, None), longer(self.meshes, None)
        self.transform, self.double_sided = longer(self.transform), longer(self.double_sided)
        self._local, self.center, self.half = longer(self._local), longer(self.center), longer(self.half)
        self.env = np.concatenate([self.env, np.array([env for _, env, _ in appended], np.int32)])
        self.paths = np.concatenate([self.paths, _objects([path for path, _, _ in appended])])
        for row, (path, env, _) in enumerate(appended, start=first):
            self._rows_of[path] = np.append(self._rows_of.get(path, np.zeros(0, np.int64)), row)
            self._added.setdefault(env, []).append(row)
        return range(first, first + count)

    def _set(self, rows: np.ndarray, pieces: list[Piece]) -> None:
        self.geometries[rows] = _objects([piece.geometry for piece in pieces])
        self.meshes[rows] = _objects([piece.mesh for piece in pieces])
        self.double_sided[rows] = [piece.double_sided for piece in pieces]
        shapes = {id(piece.geometry): piece for piece in pieces}
        bounds = {key: _local_bounds(piece.geometry, piece.mesh) for key, piece in shapes.items()}
        self._local[rows] = [bounds[id(piece.geometry)] for piece in pieces]
        self.move(rows, np.array([piece.transform for piece in pieces]))

    def visible_to(self, env: int) -> np.ndarray:
        """(K,) rows that a camera of an environment sees: its own and the shared ones; -1 sees everything."""
        if env == SHARED:
            return np.arange(len(self.env))
        own = (np.arange(self._begin[i + 1], self._begin[i + 2]) for i in (SHARED, env))
        added = (np.array(self._added.get(i, ()), np.int64) for i in (SHARED, env))
        return np.concatenate([*own, *added])

    def share_inside(self, row: int, eyes: np.ndarray) -> float:
        """Which share of the other rows that are seen with a row have their centres in its bounds; eyes count, too.

        Args:
            row: The row.
            eyes: (E, 3) camera positions.
        """
        rows = self.visible_to(int(self.env[row]))
        low, high = self.center[row] - self.half[row], self.center[row] + self.half[row]
        points = np.concatenate([self.center[rows[rows != row]], eyes.reshape(-1, 3)])
        points = points[np.isfinite(points).all(axis=1)]
        return float(((points > low) & (points < high)).all(axis=1).mean()) if len(points) else 0.0

    def containing(self, points: np.ndarray, envs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of points and rows whose bounds hold them.

        Args:
            points: (P, 3) world positions.
            envs: (P,) environment of each; -1 looks at every row.

        Returns:
            (K,) indices of points, (K,) rows.
        """
        of, rows = _pairs(self, envs)
        near = (np.abs(points[of] - self.center[rows]) < self.half[rows]).all(axis=1)
        near &= np.isfinite(self.half[rows]).all(axis=1)  # nobody is inside of an endless plane
        return of[near], rows[near]

    def depths(self, points: np.ndarray, forward: np.ndarray, envs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Nearest and farthest depth of every row before every camera.

        Returns:
            (K,) indices of points, (K,) rows, (K,) nearest and (K,) farthest depth along ``forward``.
        """
        of, rows = _pairs(self, envs)
        middle = np.einsum("ki,ki->k", self.center[rows] - points[of], forward[of])
        endless = np.isinf(self.half[rows]).any(axis=1)
        half = np.where(endless[:, None], 0.0, self.half[rows])
        reach = np.where(endless, np.inf, np.einsum("ki,ki->k", half, np.abs(forward[of])))
        return of, rows, middle - reach, middle + reach


def _pairs(placed: Placed, envs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every point with every row that its environment sees."""
    rows = {int(env): placed.visible_to(int(env)) for env in np.unique(envs)}
    seen = [rows[int(env)] for env in envs]
    if not seen:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.repeat(np.arange(len(envs)), [len(part) for part in seen]), np.concatenate(seen)


def inside(geometry: Geometry, mesh: Mesh | None, point: np.ndarray) -> bool:
    """Whether a point in the frame of a geometry is inside of its solid; of a mesh by its winding number.

    A mesh that is turned inside out holds nothing: seen from within it is a room.
    """
    x, y, z = (float(v) for v in point)
    p = geometry.params
    if geometry.kind == GeometryKind.MESH:
        return mesh is not None and _winding(mesh, point) > 0.5
    if geometry.kind == GeometryKind.PLANE:
        return False
    if geometry.kind == GeometryKind.CUBE:
        return abs(x) < p[0] and abs(y) < p[1] and abs(z) < p[2]
    if geometry.kind == GeometryKind.SPHERE:
        return x * x + y * y + z * z < p[0] ** 2
    across = float(np.hypot(x, y))
    if geometry.kind == GeometryKind.CONE:
        return abs(z) < p[1] and across < p[0] * (p[1] - z) / (2.0 * p[1])
    if geometry.kind == GeometryKind.CAPSULE:
        return float(np.hypot(across, max(abs(z) - p[1], 0.0))) < p[0]
    return across < p[0] and abs(z) < p[1]


def leaves_something(transform: np.ndarray) -> np.ndarray:
    """Whether (..., 4, 4) matrices are finite and squash things into no less than a plane."""
    sizes = np.einsum("...ij,...ij->...i", transform[..., :3, :3], transform[..., :3, :3])
    return np.isfinite(transform).all(axis=(-2, -1)) & ((sizes > 1.0e-24).sum(axis=-1) >= 2)


def _winding(mesh: Mesh, point: np.ndarray) -> float:
    """Generalised winding number of a triangle mesh about a point (van Oosterom and Strackee's solid angles)."""
    corners = mesh.points.astype(np.float64)[mesh.triangles] - point
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    volume = np.einsum("ti,ti->t", a, np.cross(b, c))
    below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
    return float(np.arctan2(volume, below).sum() / (2.0 * np.pi))


def _objects(items: Sequence[Any]) -> np.ndarray:
    out = np.empty(len(items), object)
    out[:] = items
    return out


def _bounds_of(geometries: Sequence[Geometry], meshes: Sequence[Mesh]) -> np.ndarray:
    bounds = [_local_bounds(g, meshes[g.mesh] if g.mesh >= 0 else None) for g in geometries]
    return np.array(bounds).reshape(-1, 2, 3)


def _local_bounds(geometry: Geometry, mesh: Mesh | None) -> tuple[np.ndarray, np.ndarray]:
    p = geometry.params
    if geometry.kind == GeometryKind.MESH:
        points = mesh.points if mesh is not None else np.zeros((0, 3))
        return (points.min(0), points.max(0)) if len(points) else (np.zeros(3), np.zeros(3))
    if geometry.kind == GeometryKind.PLANE:
        half = np.array([p[0], p[1], 0.0])
    elif geometry.kind == GeometryKind.CUBE:
        half = np.array(p[:3])
    elif geometry.kind == GeometryKind.SPHERE:
        half = np.full(3, p[0])
    else:
        length = p[1] + (p[0] if geometry.kind == GeometryKind.CAPSULE else 0.0)
        half = np.array([p[0], p[0], length])
    return -half, half


def _world_bounds(local: np.ndarray, transform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres and half extents of (n, 2, 3) local bounds under (n, 4, 4) matrices."""
    low, high = local[:, 0], local[:, 1]
    endless = np.isinf(high).any(axis=1)
    middle = np.where(endless[:, None], 0.0, (low + high) / 2.0)
    reach = np.where(endless[:, None], 0.0, (high - low) / 2.0)
    center = np.einsum("ni,nij->nj", middle, transform[:, :3, :3]) + transform[:, 3, :3]
    half = np.einsum("ni,nij->nj", reach, np.abs(transform[:, :3, :3]))
    half[endless] = np.inf
    return center, half
