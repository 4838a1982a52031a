"""Pixels to rays and back, for a camera as USD describes it."""

from __future__ import annotations

import numpy as np

from omni.isaac.ovrtx_render.scene.data import Camera

__all__ = ["intrinsics", "pixel_rays", "project"]


def intrinsics(camera: Camera, width: int, height: int) -> tuple[float, float, float]:
    """Return (f, cx, cy) in pixels: per unit slope, or per stage unit when orthographic. Pixels are square."""
    aperture = camera.horizontal_aperture
    f = width / (0.1 * aperture) if camera.orthographic else width * camera.focal_length / aperture
    cx = width / 2 - camera.horizontal_offset * width / aperture
    cy = height / 2 + camera.vertical_offset * width / aperture
    return f, cx, cy


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
    f, cx, cy = intrinsics(camera, width, height)
    fx = fy = f
    if matrix is not None:
        fx, fy, cx, cy = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = ((u - cx) / fx).ravel(), (-(v - cy) / fy).ravel()
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
    f, cx, cy = intrinsics(camera, width, height)
    fx = fy = f
    if matrix is not None:
        fx, fy, cx, cy = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    p = (points - camera.transform[3, :3]) @ camera.transform[:3, :3].T
    scale = 1.0 if camera.orthographic else 1.0 / -p[..., 2]
    return np.stack([cx + fx * p[..., 0] * scale, cy - fy * p[..., 1] * scale], -1)
