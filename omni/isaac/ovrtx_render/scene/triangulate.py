"""Polygons to triangles.

Triangles, quads and every polygon that its first corner sees in full are split by array operations; what is left
(concave polygons) is ear-clipped one by one in the plane of its Newell normal.
"""

from __future__ import annotations

import numpy as np

__all__ = ["face_starts", "triangulate"]


def face_starts(counts: np.ndarray) -> np.ndarray:
    """Return the index of each face's first corner: (F,) int64 from (F,) face vertex counts."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[:-1]


def triangulate(points: np.ndarray, counts: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split faces into triangles that keep the winding and the area of the face.

    Args:
        points: (V, 3) finite vertices.
        counts: (F,) vertices per face; faces with fewer than 3 give nothing.
        indices: (C,) vertex of each corner, all in range, ``C == counts.sum()``.

    Returns:
        corners (T, 3) int32 indices into ``indices``, and faces (T,) int32 the face of each triangle; in face order.
    """
    starts = face_starts(counts)
    corner_blocks, face_blocks = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(counts):
        if size < 3:
            continue
        faces = np.flatnonzero(counts == size)
        corners = starts[faces, None] + np.arange(size)
        if size == 3:
            corner_blocks.append(corners)
            face_blocks.append(faces)
            continue
        polygons = points[indices[corners]].astype(np.float64)
        fan_ok = _fan_is_sound(polygons)
        order = np.zeros(len(faces), np.int64)
        if size == 4:
            # A quad is always sound from one of its two diagonals.
            order = np.where(fan_ok, 0, 1)
            fan_ok[:] = True
        triangles = _fan(corners[fan_ok], order[fan_ok])
        corner_blocks.append(triangles.reshape(-1, 3))
        face_blocks.append(np.repeat(faces[fan_ok], size - 2))
        for face, polygon, polygon_corners in zip(faces[~fan_ok], polygons[~fan_ok], corners[~fan_ok], strict=True):
            ears = polygon_corners[_clip_ears(polygon)]
            corner_blocks.append(ears)
            face_blocks.append(np.full(len(ears), face))
    corners, faces = np.concatenate(corner_blocks), np.concatenate(face_blocks)
    order = np.argsort(faces, kind="stable")
    return corners[order].astype(np.int32), faces[order].astype(np.int32)


def _fan(corners: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Fan (F, n) polygons from corner ``first`` (F,) into (F, n - 2, 3) triangles."""
    size = corners.shape[1]
    rolled = np.take_along_axis(corners, (np.arange(size) + first[:, None]) % size, axis=1)
    steps = np.arange(1, size - 1)
    return np.stack([np.repeat(rolled[:, :1], size - 2, 1), rolled[:, steps], rolled[:, steps + 1]], axis=2)


def _fan_is_sound(polygons: np.ndarray) -> np.ndarray:
    """Whether every triangle of the fan from the first corner faces the way its polygon (F, n, 3) does: (F,) bool.

    For a simple polygon this means that the fan covers it exactly once, convex or not.
    """
    edges = polygons[:, 1:] - polygons[:, :1]
    crosses = np.cross(edges[:, :-1], edges[:, 1:])
    newell = crosses.sum(axis=1)
    facing = np.einsum("fnk,fk->fn", crosses, newell)
    return (facing >= -1e-9 * np.einsum("fk,fk->f", newell, newell)[:, None]).all(axis=1)


def _clip_ears(polygon: np.ndarray) -> np.ndarray:
    """Triangulate one simple polygon (n, 3) by ear clipping; returns (n - 2, 3) corner numbers."""
    edges = polygon[1:] - polygon[:1]
    normal = np.cross(edges[:-1], edges[1:]).sum(axis=0)
    drop = int(np.argmax(np.abs(normal)))
    u, v = [(1, 2), (2, 0), (0, 1)][drop]
    flat = polygon[:, [u, v]] if normal[drop] >= 0 else polygon[:, [v, u]]
    left = list(range(len(flat)))
    triangles: list[list[int]] = []
    while len(left) > 3:
        ear = _find_ear(flat, left)
        triangles.append([left[ear - 1], left[ear], left[(ear + 1) % len(left)]])
        del left[ear]
    triangles.append(left)
    return np.array(triangles, np.int64)


def _find_ear(flat: np.ndarray, left: list[int]) -> int:
    """Position in ``left`` of a corner that can be cut off; the least bad one where the polygon is not simple."""
    ring = flat[left]
    before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
    turn = _cross2(ring - before, after - ring)
    for ear in np.flatnonzero(turn > 0):
        a, b, c = before[ear], ring[ear], after[ear]
        inside = (_cross2(b - a, ring - a) >= 0) & (_cross2(c - b, ring - b) >= 0) & (_cross2(a - c, ring - c) >= 0)
        # Corners that share a position with the ear's own (bridged holes) do not block it.
        own = (ring == a).all(axis=1) | (ring == b).all(axis=1) | (ring == c).all(axis=1)
        if not (inside & ~own).any():
            return int(ear)
    # Only degenerate or self-crossing rings come here: cut a flat corner first, it changes nothing.
    return int(np.argmin(np.abs(turn)))


def _cross2(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
