"""Catmull-Clark refinement of coarse polygon meshes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .primvars import corner_faces, previous_and_next
from .triangulate import face_starts

__all__ = ["PolygonMesh", "refine"]


@dataclass
class PolygonMesh:
    """Polygons with all their data on corners; the input and the output of refinement.

    Attributes:
        points: (V, 3) float32.
        counts: (F,) int64 vertices per face, all >= 3.
        indices: (C,) int64 vertex of each corner, all in range.
        corner_data: Values on corners by name, each (C, k) float32.
        face_source: (F,) int64 index of the authored face that each face comes from.
        sharp_edges: (S, 2) int64 vertex pairs that stay creased.
        sharpness: (S,) float64 sharpness of each; one unit is used up by each level.
        sharp_corners: (K,) int64 vertices that stay where they are.
        corner_sharpness: (K,) float64.
    """

    points: np.ndarray
    counts: np.ndarray
    indices: np.ndarray
    corner_data: dict[str, np.ndarray]
    face_source: np.ndarray
    sharp_edges: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    sharpness: np.ndarray = field(default_factory=lambda: np.zeros(0))
    sharp_corners: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    corner_sharpness: np.ndarray = field(default_factory=lambda: np.zeros(0))


def refine(mesh: PolygonMesh, keep_boundary_corners: bool) -> PolygonMesh:
    """Return the mesh after one Catmull-Clark step.

    Boundaries follow the boundary curve rules, creases of sharpness >= 1 (and of a fraction, blended) the crease
    rules, edges of more than two faces count as creases. Corner data is interpolated linearly within each face.

    Args:
        keep_boundary_corners: ``edgeAndCorner``: a boundary vertex of a single face does not move.
    """
    points, counts, indices = mesh.points.astype(np.float64), mesh.counts, mesh.indices
    num_points, num_faces, num_corners = len(points), len(counts), len(indices)
    faces = corner_faces(counts)
    previous, following = previous_and_next(counts)
    starts = face_starts(counts)

    # Edges: one per unordered vertex pair; corner c owns the edge from its vertex to the next one's.
    pairs = np.sort(np.stack([indices, indices[following]], axis=1), axis=1)
    keys, corner_edge, uses = np.unique(pairs[:, 0] * num_points + pairs[:, 1], return_inverse=True, return_counts=True)
    corner_edge = corner_edge.reshape(-1)
    edges = np.stack([keys // num_points, keys % num_points], axis=1)
    sharpness = np.where(uses == 2, 0.0, np.inf)
    sharpness = np.maximum(sharpness, _edge_sharpness(mesh, keys, num_points))
    vertex_sharpness = np.zeros(num_points)
    np.maximum.at(vertex_sharpness, mesh.sharp_corners, mesh.corner_sharpness)

    face_points = np.add.reduceat(points[indices], starts, axis=0) / counts[:, None]
    middles = points[edges].mean(axis=1)
    face_sum = _scatter(corner_edge, face_points[faces], len(edges))
    smooth_edge = (points[edges].sum(axis=1) + face_sum) / (2 + uses)[:, None]
    crease = np.clip(sharpness, 0, 1)[:, None]
    edge_points = smooth_edge * (1 - crease) + middles * crease

    # Vertices: the smooth, the crease and the corner rule, blended by sharpness.
    valence = np.bincount(indices, minlength=num_points)
    edge_valence = np.bincount(edges.reshape(-1), minlength=num_points)
    face_average = _scatter(indices, face_points[faces], num_points) / np.maximum(valence, 1)[:, None]
    middle_sum = _scatter(edges.reshape(-1), np.repeat(middles, 2, axis=0), num_points)
    n = np.maximum(edge_valence, 1)[:, None]
    smooth = (face_average + 2 * middle_sum / n + (n - 3) * points) / n
    sharp = sharpness > 0
    ends = edges[sharp]
    sharp_count = np.bincount(ends.reshape(-1), minlength=num_points)
    neighbour_sum = _scatter(ends.reshape(-1), points[ends[:, ::-1].reshape(-1)], num_points)
    along_crease = (neighbour_sum + 6 * points) / 8
    finite = np.minimum(sharpness[sharp], 1.0)
    crease_weight = np.bincount(ends.reshape(-1), np.repeat(finite, 2), num_points) / np.maximum(sharp_count, 1)
    weight = np.where(sharp_count >= 2, np.clip(crease_weight, 0, 1), 0.0)[:, None]
    curve = np.where((sharp_count == 2)[:, None], along_crease, points)
    vertex_points = smooth * (1 - weight) + curve * weight
    fixed = np.clip(vertex_sharpness, 0, 1)
    if keep_boundary_corners:
        boundary = np.bincount(edges[uses == 1].reshape(-1), minlength=num_points) > 0
        fixed = np.where(boundary & (valence == 1), 1.0, fixed)
    fixed = np.where(valence == 0, 1.0, fixed)[:, None]
    vertex_points = vertex_points * (1 - fixed) + points * fixed

    edge_base, face_base = num_points, num_points + len(edges)
    quads = np.stack([indices, edge_base + corner_edge, face_base + faces, edge_base + corner_edge[previous]], axis=1)
    data = {}
    for name, values in mesh.corner_data.items():
        center = (np.add.reduceat(values, starts, axis=0) / counts[:, None])[faces]
        data[name] = (
            np.stack([values, (values + values[following]) / 2, center, (values + values[previous]) / 2], axis=1)
            .reshape(num_corners * 4, -1)
            .astype(np.float32)
        )
    child = np.flatnonzero((sharpness > 1) & np.isfinite(sharpness) | (np.isinf(sharpness) & (uses != 1)))
    halves = np.concatenate(
        [np.stack([edges[child, 0], edge_base + child], 1), np.stack([edge_base + child, edges[child, 1]], 1)]
    )
    still = mesh.corner_sharpness > 1
    return (
        PolygonMesh(
            points=np.concatenate([vertex_points, edge_points, face_points]).astype(np.float32),
            counts=np.full(num_corners, 4, np.int64),
            indices=quads.reshape(-1),
            corner_data=data,
            face_source=mesh.face_source[faces],
            sharp_edges=halves,
            sharpness=np.tile(sharpness[child] - 1, 2),
            sharp_corners=mesh.sharp_corners[still],
            corner_sharpness=mesh.corner_sharpness[still] - 1,
        )
        if num_faces
        else mesh
    )


def _edge_sharpness(mesh: PolygonMesh, keys: np.ndarray, num_points: int) -> np.ndarray:
    """Authored sharpness of each edge key (sorted), 0 where none: (E,)."""
    out = np.zeros(len(keys))
    if len(mesh.sharp_edges) and len(keys):
        pairs = np.sort(mesh.sharp_edges, axis=1)
        wanted = pairs[:, 0] * num_points + pairs[:, 1]
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = keys[place] == wanted
        np.maximum.at(out, place[found], mesh.sharpness[found])
    return out


def _scatter(index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Sum (n, 3) values by index into (size, 3)."""
    return np.stack([np.bincount(index, values[:, axis], size) for axis in range(3)], axis=1)
