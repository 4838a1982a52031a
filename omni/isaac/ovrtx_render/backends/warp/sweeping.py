"""Curves whose control points are written every step: their tubes and ribbons are swept anew on the device.

The counterpart of ``scene/curves.py``, which sweeps them as the stage authors them. Each prim is swept in its own
frame, where its widths are, and then placed in the world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from ...scene.data import Sweep
from .device_scene import affine_rows
from .types import Affine

__all__ = ["Sweeping"]


@wp.struct
class Paths:
    """S rings and what stays of them. Vectors are in the frame of the prim."""

    controls: wp.array(dtype=wp.vec4i)
    weights: wp.array(dtype=wp.vec4)
    radius: wp.array(dtype=float)
    rest_tangent: wp.array(dtype=wp.vec3)
    facing: wp.array(dtype=wp.vec3)
    # Ring before and after each, which is itself at an end; and the row of its prim.
    links: wp.array(dtype=wp.vec3i)
    # Written: centre, direction of the curve, and direction to the first point.
    center: wp.array(dtype=wp.vec3)
    tangent: wp.array(dtype=wp.vec3)
    first: wp.array(dtype=wp.vec3)


@wp.func
def unit_or(v: wp.vec3, fallback: wp.vec3) -> wp.vec3:
    """A vector of length one, or another where it has no length."""
    length = wp.length(v)
    if length > 1.0e-18:
        return v / length
    return fallback


@wp.func
def turned(across: wp.vec3, before: wp.vec3, after: wp.vec3) -> wp.vec3:
    """Turn a vector the shortest way that takes ``before``, perpendicular to it, to ``after``; all of length one."""
    shift = wp.dot(across, after) / wp.max(1.0 + wp.dot(before, after), 1.0e-6)
    moved = across - shift * (before + after)
    return unit_or(moved - wp.dot(moved, after) * after, across)


@wp.kernel(enable_backward=False, module="omni_deformation")
def follow_controls(points: wp.array(dtype=wp.vec3), to_prim: wp.array(dtype=Affine), paths: Paths):
    """Written world points -> centres of the rings; dim = S."""
    s = wp.tid()
    frame = to_prim[paths.links[s][2]]
    controls, weights = paths.controls[s], paths.weights[s]
    center = wp.vec3()
    for k in range(4):
        # The offset is that of the prim in the world: what is far from the origin loses no digits.
        center += weights[k] * (points[controls[k]] - frame.offset)
    paths.center[s] = frame.linear * center


@wp.kernel(enable_backward=False, module="omni_deformation")
def follow_directions(paths: Paths):
    """Centres -> directions of the curves; dim = S."""
    s = wp.tid()
    link = paths.links[s]
    paths.tangent[s] = unit_or(paths.center[link[1]] - paths.center[link[0]], paths.rest_tangent[s])


@wp.kernel(enable_backward=False, module="omni_deformation")
def carry_frames(
    begin: wp.array(dtype=wp.int32), closed: wp.array(dtype=wp.int32), start: wp.array(dtype=wp.vec3), paths: Paths
):
    """Carry the direction to the first point along each curve, with as little twist as possible; dim = curves.

    It starts from the one at rest, so it changes steadily while a curve moves.
    """
    c = wp.tid()
    first, end = begin[c], begin[c + 1]
    before = paths.tangent[first]
    across = turned(start[c], paths.rest_tangent[first], before)
    paths.first[first] = across
    for s in range(first + 1, end):
        after = paths.tangent[s]
        across = turned(across, before, after)
        paths.first[s] = across
        before = after
    if closed[c] != 0:
        after = paths.tangent[first]
        across = turned(across, before, after)
        meets = paths.first[first]
        twist = wp.atan2(wp.dot(wp.cross(across, meets), after), wp.dot(across, meets)) / float(end - first)
        for s in range(first, end):
            angle = twist * float(s - first)
            across = paths.first[s]
            paths.first[s] = wp.cos(angle) * across + wp.sin(angle) * wp.cross(paths.tangent[s], across)


@wp.kernel(enable_backward=False, module="omni_deformation")
def place_rings(
    ring_points: wp.array(dtype=wp.vec3i),
    to_world: wp.array(dtype=Affine),
    normals_to_world: wp.array(dtype=wp.mat33),
    written: int,
    paths: Paths,
    drawn: wp.array(dtype=wp.vec3),
    outward: wp.array(dtype=wp.vec3),
):
    """Points of the tubes in the world, after those that are ``written``, and their normals; dim = all of them.

    A row of ``ring_points``: the ring, which of its points, and how many it has.
    """
    p = wp.tid()
    row = ring_points[p]
    s, sides = row[0], row[2]
    prim = paths.links[s][2]
    tangent = paths.tangent[s]
    normal = wp.vec3()
    out = wp.vec3()
    if sides == 2:
        normal = paths.facing[s]
        out = unit_or(wp.cross(normal, tangent), wp.vec3(1.0, 0.0, 0.0)) * float(2 * row[1] - 1)
    else:
        angle = 2.0 * wp.pi * float(row[1]) / float(sides)
        out = wp.cos(angle) * paths.first[s] + wp.sin(angle) * wp.cross(tangent, paths.first[s])
        normal = out
    frame = to_world[prim]
    drawn[written + p] = frame.linear * (paths.center[s] + paths.radius[s] * out) + frame.offset
    outward[p] = normals_to_world[prim] * normal


@wp.kernel(enable_backward=False, module="omni_deformation")
def sweep_normals(
    groups: wp.array(dtype=wp.vec3i),
    ring_points: wp.array(dtype=wp.vec3i),
    normals_to_world: wp.array(dtype=wp.mat33),
    paths: Paths,
    outward: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
):
    """Normals of corners; dim = groups. A row: the group, the point, and the cap it is on (see :class:`Sweep`) or 0."""
    group = groups[wp.tid()]
    normal = outward[group[1]]
    if group[2] != 0:
        s = ring_points[group[1]][0]
        normal = float(group[2]) * (normals_to_world[paths.links[s][2]] * paths.tangent[s])
    normals[group[0]] = normal


@dataclass(frozen=True)
class _Swept:
    """A prim that is swept: its curves, its transform, its first control point, points of a ring, groups of corners."""

    sweep: Sweep
    world: np.ndarray
    begin: int
    sides: int
    groups: np.ndarray


class Sweeping:
    """Curves whose control points are written.

    Args:
        num_written: Points that are written, of meshes and curves alike.
        device: Where the points are.
    """

    def __init__(self, num_written: int, device: wp.Device) -> None:
        self._written, self._device = num_written, device
        self._prims: list[_Swept] = []
        self._num_points = 0

    def add(self, sweep: Sweep, world: np.ndarray, begin: int, num_points: int, groups: np.ndarray) -> int:
        """Add a prim.

        Args:
            sweep: What it is swept from.
            world: (4, 4) transform of the prim, row-vector.
            begin: Its first point in what is written.
            num_points: Points of its mesh.
            groups: (G, 3) group of corners, point of the mesh, and cap.

        Returns:
            Where its first point is in what :meth:`sweep` returns.
        """
        at = self._written + self._num_points
        shifted = groups + np.array([0, self._num_points, 0])
        self._prims.append(_Swept(sweep, world, begin, num_points // len(sweep.radius), shifted))
        self._num_points += num_points
        return at

    def finish(self) -> bool:
        """Put what was added on the device; False where there is nothing."""
        if not self._prims:
            return False

        def put(values: list[np.ndarray], dtype: type) -> wp.array:
            kind = np.int32 if dtype in (wp.int32, wp.vec3i, wp.vec4i) else np.float32
            return wp.array(np.concatenate(values).astype(kind), dtype=dtype, device=self._device)

        rings = np.cumsum([0] + [len(prim.sweep.radius) for prim in self._prims])
        links, ring_points, begins = [], [], []
        for row, (prim, base) in enumerate(zip(self._prims, rings, strict=False)):
            sweep = prim.sweep
            ring, first, last = np.arange(len(sweep.radius)), sweep.begin[:-1], sweep.begin[1:] - 1
            before, after = ring - 1, ring + 1
            before[first], after[last] = (last, first) if sweep.closed else (first, last)
            links.append(np.stack([base + before, base + after, np.full(len(ring), row)], axis=1))
            i, j = np.meshgrid(base + ring, np.arange(prim.sides), indexing="ij")
            ring_points.append(np.stack([i, j, np.full_like(i, prim.sides)], axis=-1).reshape(-1, 3))
            begins.append(base + first)
        sweeps = [prim.sweep for prim in self._prims]
        paths = Paths()
        paths.controls = put([prim.begin + prim.sweep.controls for prim in self._prims], wp.vec4i)
        paths.weights = put([sweep.weights for sweep in sweeps], wp.vec4)
        paths.radius = put([sweep.radius for sweep in sweeps], wp.float32)
        paths.rest_tangent = put([sweep.tangent for sweep in sweeps], wp.vec3)
        facing = [sweep.tangent if sweep.facing is None else sweep.facing for sweep in sweeps]
        paths.facing = put(facing, wp.vec3)
        paths.links = put(links, wp.vec3i)
        paths.center, paths.tangent, paths.first = (wp.empty_like(paths.facing) for _ in range(3))
        self._paths = paths
        self._begin = put([*begins, rings[-1:]], wp.int32)
        self._closed = put([np.full(len(sweep.start), sweep.closed) for sweep in sweeps], wp.int32)
        self._start = put([sweep.start for sweep in sweeps], wp.vec3)
        self._ring_points = put(ring_points, wp.vec3i)
        self._groups = put([prim.groups for prim in self._prims], wp.vec3i)
        world = np.stack([prim.world for prim in self._prims])
        inverse = world.copy()
        inverse[:, :3, :3] = np.linalg.pinv(world[:, :3, :3])  # a prim that is scaled to nothing stays so
        self._to_world, self._to_prim = (
            wp.array(affine_rows(frames, 1.0), dtype=Affine, device=self._device) for frames in (world, inverse)
        )
        # Only about one long where the prim is stretched, so that they are interpolated as in its own frame.
        size = np.cbrt(np.abs(np.linalg.det(world[:, :3, :3])))[:, None, None]
        self._normals_to_world = put([inverse[:, :3, :3] * size], wp.mat33)
        self._drawn = wp.empty(self._written + self._num_points, dtype=wp.vec3, device=self._device)
        self._outward = wp.empty(self._num_points, dtype=wp.vec3, device=self._device)
        return True

    def sweep(self, points: wp.array) -> wp.array:
        """Written points -> those points, and after them the points of what is swept."""
        wp.copy(self._drawn, points, count=self._written)
        paths = self._paths
        launches: list[tuple[wp.Kernel, int, list[object]]] = [
            (follow_controls, len(paths.radius), [points, self._to_prim, paths]),
            (follow_directions, len(paths.radius), [paths]),
            (carry_frames, len(self._closed), [self._begin, self._closed, self._start, paths]),
            (
                place_rings,
                self._num_points,
                [
                    self._ring_points, self._to_world, self._normals_to_world, self._written, paths, self._drawn,
                    self._outward,
                ],
            ),
        ]  # fmt: skip
        for kernel, dim, inputs in launches:
            wp.launch(kernel, dim=dim, inputs=inputs, device=self._device)
        return self._drawn

    def fit_normals(self, normals: wp.array) -> None:
        """Write the normals of the groups of corners of what was swept."""
        inputs = [self._groups, self._ring_points, self._normals_to_world, self._paths, self._outward, normals]
        wp.launch(sweep_normals, dim=len(self._groups), inputs=inputs, device=self._device)
