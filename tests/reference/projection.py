"""Pixels to rays and back, for a camera as USD describes it."""

from __future__ import annotations

import numpy as np

from omni.isaac.ovrtx_render.scene.data import Camera

__all__ = ["pixel_matrix", "pixel_rays", "project"]


def pixel_matrix(camera: Camera, width: int, height: int) -> np.ndarray:
    """(3, 3) intrinsics [px] of a lens: per unit slope, or per stage unit when orthographic. Pixels are square."""
    aperture = camera.horizontal_aperture
    f = width / (0.1 * aperture) if camera.orthographic else width * camera.focal_length / aperture
    cx = width / 2 - camera.horizontal_offset * width / aperture
    cy = height / 2 + camera.vertical_offset * width / aperture
    return np.array([[f, 0.0, cx], [0.0, f, cy], [0.0, 0.0, 1.0]])


def pixel_rays(
    camera: Camera, width: int, height: int, matrix: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """World-frame rays through the pixel centres, row by row from the top left.

    Args:
        camera: The camera; its transform must be rigid.
        width: Image width [px].
        height: Image height [px].
        matrix: (3, 3) intrinsic matrix [px] instead of the camera's lens; perspective only.

    Returns:
        Origins and directions, (H*W, 3) float64, stage units. A direction advances one stage unit along the optical
        axis, so that a ray parameter is a depth.
    """
    k = pixel_matrix(camera, width, height) if matrix is None else matrix.astype(np.float64)
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y, _ = np.linalg.inv(k) @ np.stack([u.ravel(), v.ravel(), np.ones(u.size)])
    y = -y  # pixels count downwards
    zero, one = np.zeros_like(x), np.ones_like(x)
    if camera.orthographic:
        origin, direction = np.stack([x, y, zero], 1), np.stack([zero, zero, -one], 1)
    else:
        origin, direction = np.zeros((x.size, 3)), np.stack([x, y, -one], 1)
    rotation, position = camera.transform[:3, :3], camera.transform[3, :3]
    return origin @ rotation + position, direction @ rotation


def project(
    camera: Camera, width: int, height: int, points: np.ndarray, matrix: np.ndarray | None = None
) -> np.ndarray:
    """Project world points (..., 3) to pixel coordinates (..., 2): x right, y down, (0, 0) the top left corner."""
    k = pixel_matrix(camera, width, height) if matrix is None else matrix.astype(np.float64)
    p = (points - camera.transform[3, :3]) @ camera.transform[:3, :3].T
    scale = 1.0 if camera.orthographic else 1.0 / -p[..., 2]
    ray = np.stack([p[..., 0] * scale, -p[..., 1] * scale, np.ones(p.shape[:-1])], -1)
    return (ray @ k.T)[..., :2]
