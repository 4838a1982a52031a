"""Where a ray meets each shape, in the shape's own frame: every crossing, not only the nearest.

A function takes origins and directions ``(R, 3)`` float64 (directions of any length) and the shape's parameters, and
returns crossings ``t`` ``(R, K)`` (``inf`` where there is none) and outward unit normals ``(R, K, 3)``.
Which crossing is seen depends on sidedness and clipping, so that choice is left to the caller.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from omni.isaac.ovrtx_render.scene.data import GeometryKind, Mesh

__all__ = ["ANALYTIC", "mesh_crossings"]

Crossings = tuple[np.ndarray, np.ndarray]


def _stack(*crossings: Crossings) -> Crossings:
    return np.concatenate([c[0] for c in crossings], 1), np.concatenate([c[1] for c in crossings], 1)


def _at(o: np.ndarray, d: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points ``(R, K, 3)`` at parameters ``t`` ``(R, K)``; parameters that are inf give points at the origin."""
    return o[:, None] + np.where(np.isfinite(t), t, 0.0)[..., None] * d[:, None]


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-300)


def _roots(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Real roots ``(R, 2)`` of ``a t^2 + 2 b t + c = 0``; inf where there is none."""
    disc = b * b - a * c
    ok = (disc >= 0) & (a != 0)
    q = -(b + np.where(b >= 0, 1.0, -1.0) * np.sqrt(np.where(ok, disc, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.stack([q / a, c / q], 1)
    return np.where(ok[:, None] & np.isfinite(t), t, np.inf)


def _flat(o: np.ndarray, d: np.ndarray, z: float, sign: float, inside: Callable[[np.ndarray], np.ndarray]) -> Crossings:
    """One crossing with the part of the plane at height ``z`` whose points are ``inside``; normal ``sign`` Z."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = ((z - o[:, 2]) / d[:, 2])[:, None]
    t = np.where(np.isfinite(t), t, np.inf)
    t = np.where(inside(_at(o, d, t)), t, np.inf)
    return t, np.broadcast_to([0.0, 0.0, sign], (*t.shape, 3))


def plane(o: np.ndarray, d: np.ndarray, half_x: float, half_y: float) -> Crossings:
    """A rectangle in z = 0 that faces +Z."""
    return _flat(o, d, 0.0, 1.0, lambda p: (np.abs(p[..., 0]) <= half_x) & (np.abs(p[..., 1]) <= half_y))


def cube(o: np.ndarray, d: np.ndarray, *half: float) -> Crossings:
    """A box: one rectangle per side, each found in a frame with that axis turned to Z."""
    sides = []
    for axis in range(3):
        turn = np.roll(np.arange(3), 2 - axis)  # the order of axes that puts this one last
        back = np.argsort(turn)
        hx, hy, hz = (half[i] for i in turn)
        for sign in (-1.0, 1.0):
            t, n = _flat(
                o[:, turn],
                d[:, turn],
                sign * hz,
                sign,
                lambda p, hx=hx, hy=hy: (np.abs(p[..., 0]) <= hx) & (np.abs(p[..., 1]) <= hy),
            )
            sides.append((t, n[..., back]))
    return _stack(*sides)


def sphere(o: np.ndarray, d: np.ndarray, radius: float, centre_z: float = 0.0) -> Crossings:
    """A sphere on the Z axis."""
    m = o - [0.0, 0.0, centre_z]
    t = _roots((d * d).sum(1), (m * d).sum(1), (m * m).sum(1) - radius**2)
    return t, _unit(_at(m, d, t))


def _tube(o: np.ndarray, d: np.ndarray, radius: float, half: float) -> Crossings:
    """The side of a cylinder without its ends."""
    t = _roots((d[:, :2] ** 2).sum(1), (o[:, :2] * d[:, :2]).sum(1), (o[:, :2] ** 2).sum(1) - radius**2)
    p = _at(o, d, t)
    return np.where(np.abs(p[..., 2]) <= half, t, np.inf), _unit(p * [1.0, 1.0, 0.0])


def _disc(o: np.ndarray, d: np.ndarray, z: float, sign: float, radius: float) -> Crossings:
    return _flat(o, d, z, sign, lambda p: (p[..., :2] ** 2).sum(-1) <= radius**2)


def cylinder(o: np.ndarray, d: np.ndarray, radius: float, half: float) -> Crossings:
    """A closed cylinder along Z."""
    return _stack(_tube(o, d, radius, half), _disc(o, d, -half, -1.0, radius), _disc(o, d, half, 1.0, radius))


def cone(o: np.ndarray, d: np.ndarray, radius: float, half: float) -> Crossings:
    """A closed cone along Z, its tip at +half: the side is x^2 + y^2 = (k (half - z))^2 with k = radius / 2 half."""
    k = radius / (2 * half)
    w = o - [0.0, 0.0, half]
    flip = np.array([1.0, 1.0, -k * k])
    t = _roots((d * d * flip).sum(1), (w * d * flip).sum(1), (w * w * flip).sum(1))
    p = _at(o, d, t)
    t = np.where(np.abs(p[..., 2]) <= half, t, np.inf)
    n = np.stack([p[..., 0], p[..., 1], k * k * (half - p[..., 2])], -1)
    return _stack((t, _unit(n)), _disc(o, d, -half, -1.0, radius))


def capsule(o: np.ndarray, d: np.ndarray, radius: float, half: float) -> Crossings:
    """A capsule along Z: a tube and the outer half of a sphere at each end."""
    ends = []
    for sign in (-1.0, 1.0):
        t, n = sphere(o, d, radius, sign * half)
        ends.append((np.where(sign * _at(o, d, t)[..., 2] >= half, t, np.inf), n))
    return _stack(_tube(o, d, radius, half), *ends)


ANALYTIC: dict[GeometryKind, Callable[..., Crossings]] = {
    GeometryKind.PLANE: plane,
    GeometryKind.CUBE: cube,
    GeometryKind.SPHERE: sphere,
    GeometryKind.CYLINDER: cylinder,
    GeometryKind.CONE: cone,
    GeometryKind.CAPSULE: capsule,
}
"""The function of each analytic kind; it takes ``Geometry.params`` after the rays."""


def mesh_crossings(o: np.ndarray, d: np.ndarray, mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every ray against every triangle (Möller-Trumbore).

    Returns:
        t ``(R, T)``; geometric unit normals ``(T, 3)``, zero for degenerate triangles, which are never hit; and
        barycentric weights ``(R, T, 3)`` of the corners.
    """
    corners = mesh.points.astype(np.float64)[mesh.triangles]
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.cross(e1, e2)
    p = np.cross(d[:, None], e2[None])
    det = (p * e1).sum(-1)
    ok = (np.linalg.norm(area, axis=1) > 1e-14)[None] & (det != 0)
    inv = 1.0 / np.where(ok, det, 1.0)
    s = o[:, None] - corners[None, :, 0]
    u = (s * p).sum(-1) * inv
    q = np.cross(s, e1[None])
    v = (q * d[:, None]).sum(-1) * inv
    t = (q * e2).sum(-1) * inv
    inside = ok & (u >= 0) & (v >= 0) & (u + v <= 1)
    return np.where(inside, t, np.inf), _unit(area), np.stack([1 - u - v, u, v], -1)
