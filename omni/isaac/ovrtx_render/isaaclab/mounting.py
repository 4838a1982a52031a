"""Cameras on moving bodies: where they are now, whenever they were last told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import warp as wp

__all__ = ["CameraMounts"]


@wp.kernel(enable_backward=False, module="omni_isaaclab_mounts")
def _anchor(
    positions: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.quat),
    parents: wp.array(dtype=wp.int32),
    bodies: wp.array(dtype=wp.transform),
    given: wp.array(dtype=wp.transform),
    local: wp.array(dtype=wp.transform),
):
    """Take over the poses that differ from those given last; dim = number of cameras."""
    i = wp.tid()
    pose = wp.transform(positions[i], quats[i])
    last = given[i]
    same = bool(True)  # noqa: UP018 (a variable, for a kernel)
    for k in range(7):
        if pose[k] != last[k]:
            same = False
    if same:
        return
    given[i] = pose
    parent = parents[i]
    if parent >= 0:
        pose = wp.transform_multiply(wp.transform_inverse(bodies[parent]), pose)
    local[i] = pose


@wp.kernel(enable_backward=False, module="omni_isaaclab_mounts")
def _follow(
    parents: wp.array(dtype=wp.int32),
    bodies: wp.array(dtype=wp.transform),
    local: wp.array(dtype=wp.transform),
    positions: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.quat),
):
    """World poses of the cameras; dim = number of cameras."""
    i = wp.tid()
    pose = local[i]
    if parents[i] >= 0:
        pose = wp.transform_multiply(bodies[parents[i]], pose)
    positions[i] = wp.transform_get_translation(pose)
    quats[i] = wp.transform_get_rotation(pose)


class CameraMounts:
    """World poses of N cameras, each fixed to a body or to the world.

    Isaac Lab reports a camera's pose when it is made, set or reset, and every frame only if
    ``update_latest_camera_pose`` asks for it. A report of all rows repeats old values for those that it is not about,
    so a row counts only if it changed.

    Args:
        camera_paths: Prim path of each camera.
        body_paths: Prim path of each body, in the order of the ``bodies`` given later.
        device: Warp device.
    """

    def __init__(self, camera_paths: Sequence[str], body_paths: Sequence[str], device: str) -> None:
        index = {path: i for i, path in enumerate(body_paths)}
        parents = np.array([_nearest(path, index) for path in camera_paths], np.int32)
        n = len(parents)
        self.moving = bool((parents >= 0).any())
        self._parents = wp.array(parents, dtype=wp.int32, device=device)
        unknown = np.full((n, 7), np.nan, np.float32)  # equal to no pose
        self._given = wp.array(unknown, dtype=wp.transform, device=device)
        self._local = wp.zeros(n, dtype=wp.transform, device=device)
        self._nobody = wp.zeros(1, dtype=wp.transform, device=device)
        self.positions = wp.zeros(n, dtype=wp.vec3, device=device)
        self.quats = wp.zeros(n, dtype=wp.quat, device=device)

    def report(self, positions: wp.array, quats: wp.array, bodies: wp.array | None) -> None:
        """Take over reported poses: (N,) vec3 and (N,) quat (x, y, z, w), and where the (B,) bodies were then."""
        self._launch(_anchor, [positions, quats, self._parents, self._bodies(bodies), self._given, self._local])

    def follow(self, bodies: wp.array | None) -> None:
        """Bring :attr:`positions` and :attr:`quats` to where the (B,) bodies are now."""
        self._launch(_follow, [self._parents, self._bodies(bodies), self._local, self.positions, self.quats])

    def _bodies(self, bodies: wp.array | None) -> wp.array:
        return self._nobody if bodies is None else bodies

    def _launch(self, kernel: wp.Kernel, inputs: list[object]) -> None:
        wp.launch(kernel, dim=len(self._parents), inputs=inputs, device=self._parents.device)


def _nearest(path: str, index: dict[str, int]) -> int:
    """Row of the nearest body above a prim; -1 if there is none."""
    while path:
        if path in index:
            return index[path]
        path = path.rpartition("/")[0]
    return -1
