"""Cameras that are inside of something, or whose clipping range leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...scene.data import Camera
from ..finding import Told
from ..placed import Placed, inside

__all__ = ["check_cameras"]


def check_cameras(cameras: Sequence[Camera], placed: Placed) -> Iterator[tuple[Camera, Told]]:
    """Check where cameras are and what their clipping ranges leave."""
    if not cameras or not len(placed.env):
        return
    eyes = np.array([camera.transform[3, :3] for camera in cameras])
    envs = np.array([camera.env for camera in cameras])
    yield from _check_solids(cameras, placed, eyes, envs)
    yield from _check_clipping(cameras, placed, eyes, envs)


def _check_solids(
    cameras: Sequence[Camera], placed: Placed, eyes: np.ndarray, envs: np.ndarray
) -> Iterator[tuple[Camera, Told]]:
    answers: dict[tuple[int, bytes], bool] = {}
    for which, row in zip(*placed.containing(eyes, envs), strict=True):
        transform = placed.transform[row]
        if not np.isfinite(transform).all() or abs(np.linalg.det(transform[:3, :3])) < 1.0e-30:
            continue
        local = np.linalg.solve(transform.T, np.append(eyes[which], 1.0))[:3]
        key = (id(placed.geometries[row]), np.round(local, 4).tobytes())
        if key not in answers:
            answers[key] = inside(placed.geometries[row], placed.meshes[row], local)
        # What holds most of the rest is a room or a sky, whichever way its faces look.
        if not answers[key] or placed.share_inside(int(row), np.zeros((0, 3))) > 0.5:
            continue
        path = placed.paths[row]
        yield (
            cameras[which],
            Told(
                "camera-inside-geometry",
                cameras[which].path,
                f"the camera is inside of {path}: it sees its inner side, or past it where faces are single-sided. "
                "Move the camera or the prim",
            ),
        )


def _check_clipping(
    cameras: Sequence[Camera], placed: Placed, eyes: np.ndarray, envs: np.ndarray
) -> Iterator[tuple[Camera, Told]]:
    forward = np.array([-camera.transform[2, :3] for camera in cameras])
    forward /= np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1.0e-30)
    of, _, nearest, farthest = placed.depths(eyes, forward, envs)
    ahead = farthest > 0.0
    near, far = (np.array([camera.clipping_range[i] for camera in cameras]) for i in (0, 1))
    left = ahead & (farthest > near[of]) & (nearest < far[of])
    first = np.full(len(cameras), np.inf)
    np.minimum.at(first, of[ahead], np.maximum(nearest[ahead], 0.0))
    last = np.zeros(len(cameras))
    np.maximum.at(last, of[ahead], farthest[ahead])
    has = np.bincount(of[ahead], minlength=len(cameras)) > 0
    keeps = np.bincount(of[left], minlength=len(cameras)) > 0
    for which in np.flatnonzero(has & ~keeps).tolist():
        camera = cameras[which]
        low, high = camera.clipping_range
        yield (
            camera,
            Told(
                "camera-clipped",
                camera.path,
                f"the clipping range ({low:g}, {high:g}) cuts away everything before the camera, which lies between "
                f"{first[which]:.4g} and {last[which]:.4g} stage units. Set clippingRange to hold that",
                "clippingRange",
                data={"near": float(first[which]), "far": float(last[which])},
            ),
        )
