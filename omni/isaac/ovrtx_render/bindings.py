"""Prims whose world poses are written as arrays: what is below each of them, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import warp as wp

from .arrays import as_device_array, as_device_quaternions
from .backends.base import FrameBinding
from .cameras import pick_quaternion
from .errors import SceneError
from .scene.data import Camera, Light, Scene

if TYPE_CHECKING:
    from .renderer import TiledRenderer

__all__ = ["TransformBinding", "resolve", "rigid_part"]


class TransformBinding:
    """Prims whose world poses are written as arrays. Made by :meth:`TiledRenderer.bind_transforms`.

    Everything below a bound prim moves with it: geometry, lights, and cameras whose pose was not set.

    Attributes:
        paths: Prim paths, in the order of the rows to write.
    """

    def __init__(self, renderer: TiledRenderer, paths: list[str]) -> None:
        self._renderer = renderer
        self.paths = paths
        resolved, problem = resolve(renderer.scene, renderer.stage, paths)
        if problem:
            raise SceneError(f"cannot bind {problem}")
        self._problem: str | None = None
        self._frames = resolved.frames
        self._bound = renderer._backend.bind(resolved)

    def __len__(self) -> int:
        return len(self.paths)

    def write(self, positions: Any, *, quat_xyzw: Any = None, quat_wxyz: Any = None) -> None:
        """Place the prims; the scale that each has on the stage is kept.

        Args:
            positions: (P, 3) float32 world positions [stage units].
            quat_xyzw: (P, 4) float32 world orientations, or
            quat_wxyz: the same with the real part first. Give exactly one.

        Raises:
            InputError: Wrong shape, dtype, device or values that are not finite; nothing is written then.
            SceneError: A bound prim is not on the stage any more.
        """
        self._ready()
        quats, order = pick_quaternion(quat_xyzw, quat_wxyz)
        renderer, n = self._renderer, len(self)
        device = renderer.device
        p = as_device_array("positions", positions, wp.vec3, (n, 3), device)
        q = as_device_quaternions(f"quat_{order}", quats, n, device)
        renderer._backend.write_poses(self._bound, p, q, order)
        renderer._note_write(self)

    def write_matrices(self, matrices: Any) -> None:
        """Place the prims by (P, 4, 4) float32 row-vector local-to-world matrices [stage units], scale included.

        Raises:
            InputError: Wrong shape, dtype, device or values that are not finite; nothing is written then.
            SceneError: A bound prim is not on the stage any more.
        """
        self._ready()
        m = as_device_array("matrices", matrices, wp.mat44, (len(self), 4, 4), self._renderer.device)
        self._renderer._backend.write_matrices(self._bound, m)
        self._renderer._note_write(self)

    def _ready(self) -> None:
        if self._renderer.cfg.follow_stage:
            self._renderer.sync()
        if self._problem:
            raise SceneError(f"cannot write {self._problem}; bind the prims that are left, or put it back")

    def _depends_on(self, moved: np.ndarray) -> bool:
        """Whether any frame of this binding is marked in ``moved``, (I + L + C,) bool."""
        return bool(moved[self._frames].any())

    def _restore(self) -> None:
        """Find the frames again after the scene changed, and place them as they were written last."""
        resolved, self._problem = resolve(self._renderer.scene, self._renderer.stage, self.paths)
        self._frames = resolved.frames
        self._bound = self._renderer._backend.rebind(self._bound, resolved)


def resolve(scene: Scene, stage: Any, paths: list[str]) -> tuple[FrameBinding, str | None]:
    """Find the frames below prims.

    Args:
        scene: The scene.
        stage: The stage it was read of, or None; paths must then be those of instances, lights or cameras.
        paths: Absolute prim paths. A prim below another one belongs to itself only.

    Returns:
        The binding, without the prims that cannot be placed, and what is wrong with the first of them.
    """
    row_of = {path: i for i, path in enumerate(paths)}

    def owner(path: str) -> int:
        """Row of the nearest bound prim at or above a path; -1 if there is none."""
        at = path
        while at:
            if at in row_of:
                return row_of[at]
            at = at.rpartition("/")[0]
        return -1

    of_path = np.array([owner(path) for path in scene.paths] or [-1], np.int64)
    rows = [of_path[scene.instances.path]] if len(scene.instances) else []
    others: list[Light | Camera] = [*scene.lights, *scene.cameras]
    rows.append(np.array([owner(other.path) for other in others], np.int64))
    row = np.concatenate(rows)
    world, problem = _on_stage(stage, paths) if stage is not None else _in_scene(scene, paths)
    usable = np.abs(np.linalg.det(world[:, :3, :3])) >= 1.0e-30
    if not usable.all() and problem is None:
        path = paths[int(np.argmin(usable))]
        problem = f"{path}: its scale is zero, so nothing below it can be placed"
    frames = np.flatnonzero((row >= 0) & (usable[row] if len(paths) else False))
    row = row[frames]
    place = np.concatenate(
        [
            scene.instances.transform,
            np.array([light.transform for light in scene.lights]).reshape(-1, 4, 4),
            np.array([camera.transform for camera in scene.cameras]).reshape(-1, 4, 4),
        ]
    )[frames]
    world[~usable] = np.eye(4)
    to_pose = place @ np.linalg.inv(rigid_part(world))[row]
    to_matrix = place @ np.linalg.inv(world)[row]
    to_pose = to_pose * np.array([scene.meters_per_unit] * 3 + [1.0])
    binding = FrameBinding(paths, row.astype(np.int32), frames.astype(np.int32), to_pose, to_matrix, world)
    return binding, problem


def _on_stage(stage: Any, paths: list[str]) -> tuple[np.ndarray, str | None]:
    """(P, 4, 4) world matrices of prims as they are now, stage units, zero where there is none; and what is wrong."""
    from .scene.openusd import TIME, UsdGeom

    cache, problem = UsdGeom.XformCache(TIME), None
    out = np.zeros((len(paths), 4, 4))
    for i, path in enumerate(paths):
        prim = stage.GetPrimAtPath(path) if path.startswith("/") else None
        if prim and prim.IsActive():
            out[i] = np.array(cache.GetLocalToWorldTransform(prim))
        else:
            problem = problem or f"{path!r}: the stage has no such prim{' that is active' if prim else ''}"
    return out, problem


def _in_scene(scene: Scene, paths: list[str]) -> tuple[np.ndarray, str | None]:
    """The same without a stage: a path must be that of an instance, a light or a camera."""
    known: dict[str, np.ndarray] = {}
    items: list[Light | Camera] = [*scene.lights, *scene.cameras]
    for item in items:
        known[item.path] = item.transform
    for path, transform in zip(scene.instances.path, scene.instances.transform, strict=True):
        known.setdefault(scene.paths[path], transform)
    missing = [path for path in paths if path not in known]
    out = np.array([known.get(path, np.zeros((4, 4))) for path in paths]).reshape(-1, 4, 4)
    return out, f"{missing[0]!r}: the scene has no such prim" if missing else None


def rigid_part(matrices: np.ndarray) -> np.ndarray:
    """Rotation and translation of row-vector matrices (n, 4, 4): scale and shear taken out by Gram-Schmidt.

    Of a mirroring matrix the third axis is turned round, so the result is a rotation.
    """
    out = np.array(matrices, np.float64)
    x, y = out[:, 0, :3], out[:, 1, :3]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    y = y - x * np.sum(x * y, axis=1, keepdims=True)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    out[:, 0, :3], out[:, 1, :3], out[:, 2, :3] = x, y, np.cross(x, y)
    return out
