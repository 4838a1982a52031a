"""Contract double of ``isaaclab.scene_data``: poses of bodies, in the order that is asked for, and points."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

__all__ = ["Provider", "SceneDataFormat"]


class SceneDataFormat:
    """What poses can be had as."""

    class Transform:
        """``transforms``: (B,) wp.transform."""

        transforms: wp.array

    class Vec3_Quat:
        """``positions`` (B,) wp.vec3 and ``orientations`` (B,) wp.quat (x, y, z, w)."""

        positions: wp.array
        orientations: wp.array


class _Backend:
    def __init__(self, poses: dict[str, tuple[float, ...]]) -> None:
        self.transform_paths = list(poses)
        self.poses = np.array(list(poses.values()), np.float32)
        self.transforms_timestamp = 0
        self.geometry_paths: list[str] = []
        self.geometry_counts: list[int] = []
        self.geometry_timestamp = 0


class Provider:
    """Of a simulation whose bodies are moved by :meth:`move`."""

    def __init__(self, poses: dict[str, tuple[float, ...]]) -> None:
        self.backend = _Backend(poses)
        self.points: dict[str, np.ndarray] = {}

    def move(self, path: str, pose: tuple[float, ...]) -> None:
        """Place a body: position, then x, y, z, w."""
        self.backend.poses[self.backend.transform_paths.index(path)] = pose
        self.backend.transforms_timestamp += 1

    def deform(self, path: str, points: np.ndarray) -> None:
        """Move the points of a mesh, which is listed from the first time on: (n, 3) world positions [m]."""
        if path not in self.points:
            self.backend.geometry_paths.append(path)
            self.backend.geometry_counts.append(len(points))
        self.points[path] = points.astype(np.float32)
        self.backend.geometry_timestamp += 1

    def get_geometry_points(
        self, output: wp.array | None = None, offsets: dict[str, int] | None = None
    ) -> dict[str, wp.array]:
        """Points by path; copied into ``output`` from ``offsets`` on, if it is given."""
        found = {path: wp.array(points, dtype=wp.vec3, device="cpu") for path, points in self.points.items()}
        for path, points in found.items() if output is not None else ():
            wp.copy(output, points, dest_offset=(offsets or {})[path])
        return found

    def create_mapping(self, paths: list[str]) -> list[int]:
        return [self.backend.transform_paths.index(path) for path in paths]

    def get_transforms(self, output: Any, mapping: list[int] | None = None, count: int | None = None) -> bool:
        poses = self.backend.poses if mapping is None else self.backend.poses[mapping]
        if count is not None and count != len(poses):
            raise ValueError(f"count is {count}, the mapping has {len(poses)}")
        if isinstance(output, SceneDataFormat.Transform):
            output.transforms = wp.array(poses, dtype=wp.transform, device="cpu")
        else:
            output.positions = wp.array(poses[:, :3], dtype=wp.vec3, device="cpu")
            output.orientations = wp.array(poses[:, 3:], dtype=wp.quat, device="cpu")
        return True
