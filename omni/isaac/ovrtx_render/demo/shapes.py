"""Triangle meshes made by formula: turned profiles, rounded boxes, rings, and shells of smoothly joined solids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    "Shape",
    "box_distance",
    "capsule_distance",
    "drum_distance",
    "lathe",
    "merge",
    "rounded_box",
    "shell",
    "smooth_intersection",
    "smooth_union",
    "torus",
]

Distance = Callable[[np.ndarray], np.ndarray]
"""A signed distance function: (..., 3) points to (...) distances [m], negative inside."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One triangle mesh with a value of everything per vertex; winding is counter-clockwise seen from outside.

    Attributes:
        points: (V, 3) float32 [m].
        normals: (V, 3) float32 unit vectors.
        uvs: (V, 2) float32.
        triangles: (T, 3) int32.
    """

    points: np.ndarray
    normals: np.ndarray
    uvs: np.ndarray
    triangles: np.ndarray

    def rotated(self, rotation: np.ndarray) -> Shape:
        """Return a copy turned by a (3, 3) column-vector rotation matrix."""
        turn = np.asarray(rotation, np.float32).T
        return Shape(self.points @ turn, self.normals @ turn, self.uvs, self.triangles)

    def moved(self, offset: tuple[float, float, float]) -> Shape:
        """Return a copy moved by ``offset`` [m]."""
        return Shape(self.points + np.asarray(offset, np.float32), self.normals, self.uvs, self.triangles)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)


def _grid_triangles(rows: int, columns: int) -> np.ndarray:
    """Two triangles for each cell of a (rows, columns) vertex grid; rows go up, columns go counter-clockwise."""
    i = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, 1:].ravel(), i[1:, :-1].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def _without_slivers(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    p = points[triangles]
    area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    return triangles[area > 1e-12]


def lathe(profile: Sequence[tuple[float, float]], segments: int = 48, crease: float = 35.0) -> Shape:
    """Turn a profile about +Z.

    Args:
        profile: (radius, z) pairs [m] along the outline, bottom to top on the outside.
        segments: Number of columns around the axis.
        crease: Corners of the profile sharper than this stay hard [degrees].
    """
    p = np.asarray(profile, float)
    steps = np.diff(p, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    outward = np.stack([steps[:, 1], -steps[:, 0]], 1) / lengths[:, None]
    rows: list[tuple[np.ndarray, np.ndarray, float]] = []
    walked = np.concatenate([[0.0], np.cumsum(lengths)])
    breaks: list[int] = []
    for k in range(len(p)):
        before, after = outward[max(k - 1, 0)], outward[min(k, len(outward) - 1)]
        if float(before @ after) < np.cos(np.radians(crease)):
            rows.append((p[k], before, walked[k]))
            breaks.append(len(rows) - 1)
            rows.append((p[k], after, walked[k]))
        else:
            rows.append((p[k], _unit(before + after), walked[k]))
    angle = np.linspace(0.0, 2.0 * np.pi, segments + 1)
    cos, sin = np.cos(angle), np.sin(angle)
    point = np.array([r[0] for r in rows])
    normal = np.array([r[1] for r in rows])
    v = np.array([r[2] for r in rows]) / walked[-1]
    points = np.stack(
        [point[:, :1] * cos, point[:, :1] * sin, np.broadcast_to(point[:, 1:], (len(rows), segments + 1))], -1
    )
    normals = np.stack(
        [normal[:, :1] * cos, normal[:, :1] * sin, np.broadcast_to(normal[:, 1:], (len(rows), segments + 1))], -1
    )
    uvs = np.stack(np.broadcast_arrays(angle / (2.0 * np.pi), v[:, None]), -1)
    triangles = _grid_triangles(len(rows), segments + 1)
    return _shape(points, normals, uvs, triangles)


def torus(radius: float, thickness: float, segments: int = 48, sides: int = 24, repeat: float = 1.0) -> Shape:
    """Make a ring about +Z.

    Args:
        radius: From the axis to the middle of the tube [m].
        thickness: Radius of the tube [m].
        segments: Columns around the axis.
        sides: Columns around the tube.
        repeat: Texture repeats around the axis (a quarter of it around the tube).
    """
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, segments + 1), np.linspace(0, 2 * np.pi, sides + 1))
    normals = np.stack([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)], -1)
    middle = np.stack([radius * np.cos(u), radius * np.sin(u), np.zeros_like(u)], -1)
    uvs = np.stack([u, v * 0.25], -1) / (2 * np.pi) * repeat
    return _shape(middle + thickness * normals, normals, uvs, _grid_triangles(sides + 1, segments + 1))


def rounded_box(half: tuple[float, float, float], radius: float, corner: int = 4) -> Shape:
    """Make a box with round edges; every face spans the unit square of texture coordinates.

    Args:
        half: Half extents, rounding included [m].
        radius: Rounding [m].
        corner: Rows of vertices along a rounding.
    """
    bend = np.tan(np.linspace(-np.pi / 4, np.pi / 4, 2 * corner + 1))
    side = np.concatenate([bend[:corner], [bend[corner]] * 2, bend[corner + 1 :]])
    sign = np.concatenate([-np.ones(corner + 1), np.ones(corner + 1)])
    a, b = np.meshgrid(side, side)
    sa, sb = np.meshgrid(sign, sign)
    core = np.asarray(half) - radius
    parts = []
    for axis in range(3):
        for direction in (1.0, -1.0):
            right, up = (axis + 1) % 3, (axis + 2) % 3
            ball, offset = np.zeros((*a.shape, 3)), np.zeros((*a.shape, 3))
            ball[..., axis], ball[..., right], ball[..., up] = direction, a * direction, b
            offset[..., axis], offset[..., right], offset[..., up] = direction, sa * direction, sb
            normals = _unit(ball)
            points = offset * core + radius * normals
            uvs = np.stack([points[..., right] * direction / half[right], points[..., up] / half[up]], -1) * 0.5 + 0.5
            parts.append(_shape(points, normals, uvs, _grid_triangles(len(side), len(side))))
    return merge(parts)


def merge(shapes: Sequence[Shape]) -> Shape:
    """Join shapes into one mesh."""
    first = np.cumsum([0, *[len(s.points) for s in shapes[:-1]]])
    return Shape(
        np.concatenate([s.points for s in shapes]),
        np.concatenate([s.normals for s in shapes]),
        np.concatenate([s.uvs for s in shapes]),
        np.concatenate([s.triangles + n for s, n in zip(shapes, first, strict=True)]).astype(np.int32),
    )


def _shape(points: np.ndarray, normals: np.ndarray, uvs: np.ndarray, triangles: np.ndarray) -> Shape:
    points = points.reshape(-1, 3).astype(np.float32)
    return Shape(
        points,
        _unit(normals.reshape(-1, 3)).astype(np.float32),
        uvs.reshape(-1, 2).astype(np.float32),
        _without_slivers(points, triangles),
    )


# --- Solids by signed distance ---------------------------------------------------------------------------------------


def capsule_distance(p: np.ndarray, a: Sequence[float], b: Sequence[float], ra: float, rb: float) -> np.ndarray:
    """Distance to a capsule from ``a`` to ``b`` whose radius goes from ``ra`` to ``rb`` [m]."""
    start, along = np.asarray(a, float), np.subtract(b, a).astype(float)
    t = np.clip((p - start) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    return np.linalg.norm(p - start - t[..., None] * along, axis=-1) - (ra + (rb - ra) * t)


def drum_distance(
    p: np.ndarray, center: Sequence[float], axis: int, radius: float, half: float, rounding: float
) -> np.ndarray:
    """Distance to a cylinder along a coordinate axis, with round rims [m]."""
    q = p - np.asarray(center, float)
    across = np.linalg.norm(np.delete(q, axis, axis=-1), axis=-1) - radius + rounding
    along = np.abs(q[..., axis]) - half + rounding
    outside = np.hypot(np.maximum(across, 0.0), np.maximum(along, 0.0))
    return outside + np.minimum(np.maximum(across, along), 0.0) - rounding


def box_distance(p: np.ndarray, center: Sequence[float], half: Sequence[float], rounding: float) -> np.ndarray:
    """Distance to an axis-aligned box with round edges [m]."""
    q = np.abs(p - np.asarray(center, float)) - np.asarray(half, float) + rounding
    return np.linalg.norm(np.maximum(q, 0.0), axis=-1) + np.minimum(q.max(-1), 0.0) - rounding


def smooth_union(blend: float, *distances: np.ndarray) -> np.ndarray:
    """Join solids with a fillet of about ``blend`` [m]."""
    result = distances[0]
    for other in distances[1:]:
        h = np.maximum(blend - np.abs(result - other), 0.0) / blend
        result = np.minimum(result, other) - h * h * blend * 0.25
    return result


def smooth_intersection(blend: float, *distances: np.ndarray) -> np.ndarray:
    """Keep what lies in every solid, with the new edges rounded by about ``blend`` [m]."""
    return -smooth_union(blend, *[-d for d in distances])


def shell(distance: Distance, low: Sequence[float], high: Sequence[float], cell: float) -> Shape:
    """Mesh the surface of a solid (surface nets, then every vertex is pulled onto the surface).

    Args:
        distance: The solid; it must lie within ``low`` and ``high``.
        low: Lower corner of its bounds [m].
        high: Upper corner of its bounds [m].
        cell: Edge length of the grid, about the edge length of the triangles [m].
    """
    axes = [np.arange(a - 1.5 * cell, b + 2.5 * cell, cell) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    value = distance(grid)
    inside = value < 0.0
    corners = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    nx, ny, nz = (n - 1 for n in value.shape)

    def at(field: np.ndarray, c: tuple[int, int, int]) -> np.ndarray:
        return field[c[0] : c[0] + nx, c[1] : c[1] + ny, c[2] : c[2] + nz]

    count = np.sum([at(inside, c) for c in corners], axis=0)
    active = (count > 0) & (count < 8)
    index = np.full((nx, ny, nz), -1, np.int64)
    index[active] = np.arange(int(active.sum()))
    total, crossings = np.zeros((nx, ny, nz, 3)), np.zeros((nx, ny, nz))
    for c in corners:
        for axis in range(3):
            if c[axis]:
                continue
            d = tuple(v + (n == axis) for n, v in enumerate(c))
            va, vb = at(value, c), at(value, d)  # type: ignore[arg-type]
            crossed = (va < 0) != (vb < 0)
            t = np.where(crossed, va / np.where(crossed, va - vb, 1.0), 0.0)
            total += np.where(crossed[..., None], at(grid, c) + t[..., None] * cell * np.eye(3)[axis], 0.0)
            crossings += crossed
    points = total[active] / crossings[active][:, None]

    quads = []
    for axis in range(3):
        # The four cells around a grid edge along `axis`; the edge starts at an inner grid point.
        u, v = (axis + 1) % 3, (axis + 2) % 3
        low_corner = [slice(1, -1)] * 3
        low_corner[axis] = slice(0, -1)
        high_corner = [slice(1, -1)] * 3
        high_corner[axis] = slice(1, None)
        a, b = inside[tuple(low_corner)], inside[tuple(high_corner)]
        edges = np.argwhere(a != b)
        leaving = a[a != b]
        edges[:, [u, v]] += 1
        around = []
        for du, dv in ((-1, -1), (0, -1), (0, 0), (-1, 0)):
            cells = edges.copy()
            cells[:, u] += du
            cells[:, v] += dv
            around.append(index[tuple(cells.T)])
        quad = np.stack(around, 1)
        quad[~leaving] = quad[~leaving][:, ::-1]
        quads.append(quad)
    quad = np.concatenate(quads)
    triangles = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]]).astype(np.int32)

    for _ in range(3):
        points = points - distance(points)[:, None] * _gradient(distance, points, cell)
    normals = _gradient(distance, points, cell)
    angle = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) + 0.5
    uvs = np.stack([angle, (points[:, 2] - low[2]) / (high[2] - low[2])], -1)
    return _shape(points, normals, uvs, triangles)


def _gradient(distance: Distance, points: np.ndarray, cell: float) -> np.ndarray:
    step = 0.1 * cell * np.eye(3)
    return _unit(np.stack([distance(points + s) - distance(points - s) for s in step], -1))
