"""Smooth shading normals."""

from __future__ import annotations

import numpy as np

__all__ = ["face_normals", "smooth_corner_normals", "unit_or"]


def unit_or(vectors: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """Normalise (..., 3) vectors; those of no length become ``fallback`` (..., 3). Returns float32."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-30, vectors / np.maximum(length, 1e-30), fallback).astype(np.float32)


def face_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (T, 3) float64 of triangles (T, 3) over points (V, 3); +Z for those without an area."""
    a, b, c = (points[triangles[:, k]].astype(np.float64) for k in range(3))
    cross = np.cross(b - a, c - a)
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    return np.where(length > 0, cross / np.where(length > 0, length, 1), [0.0, 0.0, 1.0])


def smooth_corner_normals(
    points: np.ndarray, triangles: np.ndarray, sharp_vertices: np.ndarray | None = None
) -> np.ndarray:
    """Angle-weighted average of the face normals around each vertex.

    Args:
        points: (V, 3) vertices.
        triangles: (T, 3) vertex indices.
        sharp_vertices: (V,) bool, vertices whose corners keep the normal of their own face; None is none.

    Returns:
        (T, 3, 3) float32 unit normals of the triangle corners.
    """
    flat = face_normals(points, triangles)
    corners = points[triangles].astype(np.float64)
    total = np.zeros((len(points), 3))
    for k in range(3):
        to_next = corners[:, (k + 1) % 3] - corners[:, k]
        to_last = corners[:, (k + 2) % 3] - corners[:, k]
        angle = np.arctan2(np.linalg.norm(np.cross(to_next, to_last), axis=1), np.einsum("tk,tk->t", to_next, to_last))
        weighted = flat * angle[:, None]
        for axis in range(3):
            total[:, axis] += np.bincount(triangles[:, k], weighted[:, axis], len(points))
    own = np.broadcast_to(flat[:, None], (len(triangles), 3, 3))
    smooth = unit_or(total[triangles], own)
    if sharp_vertices is not None:
        smooth = np.where(sharp_vertices[triangles][..., None], own, smooth).astype(np.float32)
    return smooth
