"""Small meshes of round things that are no analytic kind: lathes (two-radius capsules and cylinders) and points."""

from __future__ import annotations

import numpy as np

from .data import Mesh
from .normals import unit_or

__all__ = ["capsule_profile", "cylinder_profile", "lathe", "merge_spheres"]

SIDES = 32
"""Segments around the axis of a lathe."""


def cylinder_profile(bottom: float, top: float, height: float) -> list[np.ndarray]:
    """Outline (r, z) of a cylinder with two radii, as three strips with a crease between: base, wall, lid."""
    half = height / 2
    strips = [[(0, -half), (bottom, -half)], [(bottom, -half), (top, half)], [(top, half), (0, half)]]
    return [np.array(strip, np.float64) for strip in strips]


def capsule_profile(bottom: float, top: float, height: float, rings: int = 8) -> list[np.ndarray]:
    """Outline (r, z) of a capsule whose caps are half spheres of two radii, as one smooth strip."""
    half = height / 2
    angles = np.linspace(0, np.pi / 2, rings + 1)
    lower = np.stack([bottom * np.sin(angles), -half - bottom * np.cos(angles)], axis=1)
    upper = np.stack([top * np.cos(angles), half + top * np.sin(angles)], axis=1)
    return [np.concatenate([lower, upper])]


def lathe(strips: list[np.ndarray], sides: int = SIDES) -> Mesh:
    """Turn strips of (r, z) points, from -Z to +Z, around the Z axis; smooth along each strip."""
    points, triangles, normals = [], [], []
    angles = 2 * np.pi * np.arange(sides) / sides
    cos, sin = np.cos(angles), np.sin(angles)
    base = 0
    for strip in strips:
        rings = len(strip)
        r, z = strip[:, :1], strip[:, 1:]
        points.append(np.stack([r * cos, r * sin, np.broadcast_to(z, (rings, sides))], axis=-1).reshape(-1, 3))
        tangent = np.gradient(strip, axis=0)
        outward = unit_or(np.stack([tangent[:, 1], -tangent[:, 0], np.zeros(rings)], axis=1), np.array([0.0, 1.0, 0.0]))
        nr, nz = outward[:, :1], outward[:, 1:2]
        ring_normals = np.stack([nr * cos, nr * sin, np.broadcast_to(nz, (rings, sides))], axis=-1).reshape(-1, 3)
        i, j = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
        k = (j + 1) % sides
        a, b, c, d = i * sides + j, i * sides + k, (i + 1) * sides + k, (i + 1) * sides + j
        faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)
        normals.append(ring_normals[faces])
        triangles.append(faces + base)
        base += rings * sides
    return Mesh(
        np.concatenate(points).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(normals).astype(np.float32),
    )


def merge_spheres(centers: np.ndarray, radii: np.ndarray, colors: np.ndarray | None = None) -> Mesh:
    """Merge small smooth spheres into one mesh.

    Args:
        centers: (n, 3).
        radii: (n,).
        colors: (n, 3) linear, or None.
    """
    # Fewer triangles each where there are many: they are seen as dots then.
    unit, faces = _icosphere(2 if len(centers) <= 500 else 1 if len(centers) <= 20000 else 0)
    points = (centers[:, None] + radii[:, None, None] * unit).astype(np.float32)
    triangles = (np.arange(len(centers))[:, None, None] * len(unit) + faces).reshape(-1, 3).astype(np.int32)
    normals = np.ascontiguousarray(np.broadcast_to(unit[faces], (len(centers), len(faces), 3, 3)), np.float32)
    corner_colors = None
    if colors is not None:
        corner_colors = np.repeat(colors.astype(np.float32), len(faces) * 3, axis=0).reshape(-1, 3, 3)
    return Mesh(points.reshape(-1, 3), triangles, normals.reshape(-1, 3, 3), colors=corner_colors)


def _icosphere(level: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit sphere: points (V, 3) and triangles (T, 3), an icosahedron split ``level`` times."""
    g = (1 + 5**0.5) / 2
    short, long = np.array([-1.0, 1.0, -1.0, 1.0]), np.array([g, g, -g, -g])
    zero = np.zeros(4)
    points = np.concatenate(
        [np.stack(columns, axis=1) for columns in ((short, long, zero), (zero, short, long), (long, zero, short))]
    )
    points /= np.linalg.norm(points[0])
    # The 20 triples of corners that are an edge length apart, wound outwards.
    edge = np.linalg.norm(points[:, None] - points, axis=2)
    near = edge < 1.01 * edge[edge > 0].min()
    triples = [
        (i, j, k) for i in range(12) for j in range(i) for k in range(j) if near[i, j] and near[j, k] and near[i, k]
    ]
    faces = np.array(triples)
    a, b, c = points[faces].transpose(1, 0, 2)
    inward = np.einsum("tc,tc->t", np.cross(b - a, c - a), a) < 0
    faces[inward] = faces[inward][:, ::-1]
    for _ in range(level):
        edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        unique, inverse = np.unique(edges, axis=0, return_inverse=True)
        middle = points[unique].sum(axis=1)
        mids = inverse.reshape(-1, 3) + len(points)
        points = np.concatenate([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        a, b, c = faces.T
        ab, bc, ca = mids.T
        faces = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return points, faces
