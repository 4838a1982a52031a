"""Meshes whose points are written every step: corners, normals and the boxes of their BVHs follow on the device.

Curves are swept first, by ``sweeping.py``: their tubes are meshes like any other from there on.
The tree of a mesh stays as it was built from the rest shape; only its boxes are fitted again, from the leaves up, one
launch a level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import warp as wp

from ...scene.data import Mesh, Scene
from .bvh import LEAF_FLOATS, build_bvh, node_floats
from .device_scene import DeviceScene
from .native import CPU_WIDTH, CUDA_WIDTH
from .surface import MeshAttributes
from .sweeping import Sweeping
from .transforms import place
from .types import Affine, Shapes

if TYPE_CHECKING:
    from ...scene.own_rows import OwnMeshes

__all__ = ["Deformation"]


@wp.kernel(enable_backward=False, module="omni_deformation")
def fit_normals(
    points: wp.array(dtype=wp.vec3),
    corner_point: wp.array2d(dtype=wp.int32),
    group_begin: wp.array(dtype=wp.int32),
    group_corners: wp.array(dtype=wp.int32),
    normals: wp.array(dtype=wp.vec3),
):
    """Angle-weighted normal of corners that shared a point and a normal at rest; dim = number of such groups."""
    g = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(group_begin[g], group_begin[g + 1]):
        corner = group_corners[j]
        triangle = corner // 3
        k = corner - 3 * triangle
        a = points[corner_point[triangle, k]]
        to_next = points[corner_point[triangle, (k + 1) % 3]] - a
        to_last = points[corner_point[triangle, (k + 2) % 3]] - a
        cross = wp.cross(to_next, to_last)
        size = wp.length(cross)
        if size > 0.0:
            total += cross * (wp.atan2(size, wp.dot(to_next, to_last)) / size)
    normals[g] = wp.normalize(total)


@wp.kernel(enable_backward=False, module="omni_deformation")
def move_corners(
    points: wp.array(dtype=wp.vec3),
    corner_point: wp.array2d(dtype=wp.int32),
    corner_group: wp.array2d(dtype=wp.int32),
    group_normals: wp.array(dtype=wp.vec3),
    rows: wp.array(dtype=wp.vec2i),
    attributes: MeshAttributes,
):
    """Points and normals -> triangle attributes; dim = number of triangles. ``rows``: of its points and normals."""
    triangle = wp.tid()
    row = rows[triangle]
    for k in range(3):
        attributes.points[row[0], k] = points[corner_point[triangle, k]]
        if row[1] >= 0:
            attributes.normals[row[1], k] = group_normals[corner_group[triangle, k]]


@wp.kernel(enable_backward=False, module="omni_deformation")
def move_leaves(
    points: wp.array(dtype=wp.vec3),
    corner_point: wp.array2d(dtype=wp.int32),
    leaf_triangle: wp.array2d(dtype=wp.int32),
    leaf_at: wp.array(dtype=wp.int32),
    leaves: wp.array(dtype=wp.float32),
):
    """Points -> the triangles in the leaves (layout: ``native/intersect.inl``); dim = (leaves, 4)."""
    leaf, lane = wp.tid()
    triangle = leaf_triangle[leaf, lane]
    if triangle >= 0:
        a = points[corner_point[triangle, 0]]
        b = points[corner_point[triangle, 1]] - a
        c = points[corner_point[triangle, 2]] - a
        at = leaf_at[leaf] + lane
        for k in range(3):
            leaves[at + 4 * k] = a[k]
            leaves[at + 12 + 4 * k] = b[k]
            leaves[at + 24 + 4 * k] = c[k]


@wp.struct
class _Box:
    lower: wp.vec3
    upper: wp.vec3


@wp.func
def box_of_node(at: int, width: int, nodes: wp.array(dtype=wp.float32)) -> _Box:
    """Box around the children of a node; one that is unused has its lower bound above the upper one."""
    box = _Box()
    box.lower = wp.vec3(3.0e38, 3.0e38, 3.0e38)
    box.upper = -box.lower
    for i in range(width):
        if nodes[at + i] <= nodes[at + width + i]:
            for k in range(3):
                box.lower[k] = wp.min(box.lower[k], nodes[at + 2 * k * width + i])
                box.upper[k] = wp.max(box.upper[k], nodes[at + (2 * k + 1) * width + i])
    return box


@wp.func
def box_of_leaf(at: int, leaves: wp.array(dtype=wp.float32)) -> _Box:
    """Box around the triangles of a leaf. Lanes without a triangle, and triangles without a size, have no edges."""
    box = _Box()
    box.lower = wp.vec3(3.0e38, 3.0e38, 3.0e38)
    box.upper = -box.lower
    for lane in range(4):
        a = wp.vec3(leaves[at + lane], leaves[at + 4 + lane], leaves[at + 8 + lane])
        b = wp.vec3(leaves[at + 12 + lane], leaves[at + 16 + lane], leaves[at + 20 + lane])
        c = wp.vec3(leaves[at + 24 + lane], leaves[at + 28 + lane], leaves[at + 32 + lane])
        if wp.dot(b, b) + wp.dot(c, c) > 0.0:
            box.lower = wp.min(box.lower, wp.min(a, wp.min(a + b, a + c)))
            box.upper = wp.max(box.upper, wp.max(a, wp.max(a + b, a + c)))
    return box


@wp.kernel(enable_backward=False, module="omni_deformation")
def fit_nodes(
    level: wp.array(dtype=wp.vec3i),
    width: int,
    node_size: int,
    leaf_size: int,
    leaves: wp.array(dtype=wp.float32),
    nodes: wp.array(dtype=wp.float32),
):
    """Boxes of the children of the nodes of one level; dim = (nodes, width).

    A row of ``level``: where the node is, and the first node and the first leaf of its mesh [floats].
    """
    n, i = wp.tid()
    at = level[n][0]
    link = wp.cast(nodes[at + 6 * width + i], wp.int32)
    if link == 0:  # unused: no node links back to the root
        return
    box = _Box()
    if link < 0:
        box = box_of_leaf(level[n][2] - (link + 1) * leaf_size, leaves)
    else:
        box = box_of_node(level[n][1] + link * node_size, width, nodes)
    for k in range(3):
        nodes[at + 2 * k * width + i] = box.lower[k]
        nodes[at + (2 * k + 1) * width + i] = box.upper[k]


@wp.kernel(enable_backward=False, module="omni_deformation")
def fit_instances(
    instances: wp.array(dtype=wp.int32),
    roots: wp.array(dtype=wp.int32),
    width: int,
    meters: float,
    num_instances: int,
    frames: wp.array(dtype=Affine),
    shapes: Shapes,
):
    """Boxes of the geometries, and of the instances, which stay at the origin; dim = number of instances."""
    k = wp.tid()
    box = box_of_node(roots[k], width, shapes.bvh_nodes)
    g = shapes.inst_geometry[instances[k]] * 16
    for axis in range(3):
        shapes.geometry[g + 8 + axis] = box.lower[axis]
        shapes.geometry[g + 12 + axis] = box.upper[axis]
    world = Affine()
    world.linear = wp.mat33(meters, 0.0, 0.0, 0.0, meters, 0.0, 0.0, 0.0, meters)
    place(instances[k], num_instances, world, frames, shapes)


@dataclass(frozen=True)
class _Template:
    """What meshes with the same arrays share."""

    triangles: np.ndarray
    group_of: np.ndarray
    group_begin: np.ndarray
    group_corners: np.ndarray
    swept_groups: np.ndarray
    leaf_triangle: np.ndarray
    levels: list[np.ndarray]


def _template(mesh: Mesh, width: int) -> _Template:
    corners = mesh.triangles.reshape(-1)
    key = np.zeros((len(corners), 4), np.int64)
    key[:, 0] = corners
    if mesh.sweep is not None:
        key[:, 1] = np.repeat(mesh.sweep.cap, 3)
    elif mesh.normals is not None:
        key[:, 1:] = np.round(mesh.normals.reshape(-1, 3) * 1000.0)
    keys, group = np.unique(key, axis=0, return_inverse=True)
    group = group.reshape(-1)
    # Normals of what is swept come from the curve, so no corners are averaged for them.
    averaged = group if mesh.sweep is None else group[:0]
    swept = keys if mesh.sweep is not None else keys[:0]
    bvh = build_bvh(mesh.points, mesh.triangles, width)
    edges = bvh.leaves[:, 12:36].reshape(-1, 6, 4)
    triangle = np.ascontiguousarray(bvh.leaves[:, 36:]).view(np.int32)
    links = np.ascontiguousarray(bvh.nodes[:, 6 * width :]).view(np.int32)
    levels, now = [], np.zeros(1, np.int64)
    while len(now):
        levels.append(now)
        below = links[now].reshape(-1)
        now = below[below > 0].astype(np.int64)
    return _Template(
        mesh.triangles,
        group.reshape(-1, 3),
        np.searchsorted(np.sort(averaged), np.arange(len(keys) + 1)),
        np.argsort(averaged, kind="stable"),
        np.column_stack([np.arange(len(swept)), swept[:, :2]]),
        np.where((edges != 0.0).any(axis=1), triangle, -1),
        levels,
    )


class Deformation:
    """Meshes, and curves, whose points can be written.

    Args:
        scene: The scene, in which these meshes have rows of their own.
        on_device: The scene as it was put on the device.
        own: The meshes.
        frames: (K,) device frame of each instance of ``own``.
    """

    def __init__(self, scene: Scene, on_device: DeviceScene, own: OwnMeshes, frames: np.ndarray) -> None:
        self._scene, self._meters = on_device, scene.meters_per_unit
        self._width = width = CUDA_WIDTH if on_device.device.is_cuda else CPU_WIDTH
        geometry = scene.instances.geometry[own.instances]
        records = on_device.shapes.geometry.numpy().view(np.int32).reshape(-1, 16)[geometry]
        base = on_device.shading.attributes.base.numpy()[geometry]
        node_at = records[:, 1].astype(np.int64) * node_floats(width)
        leaf_at = records[:, 2].astype(np.int64) * LEAF_FLOATS
        templates: dict[tuple[int, int], _Template] = {}
        sweeping = Sweeping(int(own.begin[-1]), on_device.device)
        parts: dict[str, list[np.ndarray]] = {}
        levels: list[list[np.ndarray]] = []
        num_triangles = num_groups = num_corners = 0

        def add(name: str, values: np.ndarray) -> None:
            parts.setdefault(name, []).append(values)

        for k, prim in enumerate(own.of):
            mesh = scene.meshes[scene.geometries[geometry[k]].mesh]
            key = id(mesh.points), id(mesh.triangles)
            if key not in templates:
                templates[key] = _template(mesh, width)
            t = templates[key]
            begin = own.begin[prim]
            if mesh.sweep is not None:
                groups = t.swept_groups + np.array([num_groups, 0, 0])
                begin = sweeping.add(mesh.sweep, own.world[prim], int(begin), len(mesh.points), groups)
            index = np.arange(len(mesh.points)) if mesh.point_index is None else mesh.point_index
            add("corner_point", begin + index[t.triangles])
            add("corner_group", num_groups + t.group_of)
            add("group_begin", num_corners + t.group_begin[:-1])
            add("group_corners", 3 * num_triangles + t.group_corners)
            row = np.arange(len(t.triangles))
            add("rows", np.stack([base[k, 0] + row, base[k, 1] + row if base[k, 1] >= 0 else row * 0 - 1], axis=1))
            add("leaf_triangle", np.where(t.leaf_triangle < 0, -1, num_triangles + t.leaf_triangle))
            add("leaf_at", leaf_at[k] + LEAF_FLOATS * np.arange(len(t.leaf_triangle)))
            for depth, nodes in enumerate(t.levels):
                if depth == len(levels):
                    levels.append([])
                at = node_at[k] + nodes * node_floats(width)
                levels[depth].append(np.stack([at, at * 0 + node_at[k], at * 0 + leaf_at[k]], axis=1))
            num_triangles += len(t.triangles)
            num_groups += len(t.group_begin) - 1
            num_corners += len(t.group_corners)
        parts["group_begin"].append(np.array([num_corners]))

        def put(values: np.ndarray, dtype: type = wp.int32) -> wp.array:
            return wp.array(np.ascontiguousarray(values, np.int32), dtype=dtype, device=on_device.device)

        tables = {name: put(np.concatenate(values)) for name, values in parts.items() if name != "rows"}
        self._corner_point, self._corner_group = tables["corner_point"], tables["corner_group"]
        self._group_begin, self._group_corners = tables["group_begin"], tables["group_corners"]
        self._leaf_triangle, self._leaf_at = tables["leaf_triangle"], tables["leaf_at"]
        self._rows = put(np.concatenate(parts["rows"]), wp.vec2i)
        self._levels = [put(np.concatenate(level), wp.vec3i) for level in reversed(levels)]
        self._instances, self._roots = put(frames), put(node_at)
        self._normals = wp.zeros(num_groups, dtype=wp.vec3, device=on_device.device)
        self._sweeping = sweeping if sweeping.finish() else None

    def write(self, points: wp.array) -> None:
        """Take over (begin[P],) vec3 world points [stage units]."""
        scene, device = self._scene, self._scene.device
        if self._sweeping is not None:
            points = self._sweeping.sweep(points)
        shapes, corners = scene.shapes, self._corner_point
        wp.launch(
            fit_normals,
            dim=len(self._normals),
            inputs=[points, corners, self._group_begin, self._group_corners, self._normals],
            device=device,
        )
        if self._sweeping is not None:
            self._sweeping.fit_normals(self._normals)
        wp.launch(
            move_corners,
            dim=len(self._rows),
            inputs=[points, corners, self._corner_group, self._normals, self._rows, scene.shading.attributes],
            device=device,
        )
        wp.launch(
            move_leaves,
            dim=self._leaf_triangle.shape,
            inputs=[points, corners, self._leaf_triangle, self._leaf_at, shapes.bvh_leaves],
            device=device,
        )
        sizes = [self._width, node_floats(self._width), LEAF_FLOATS]
        for level in self._levels:
            wp.launch(
                fit_nodes,
                dim=(len(level), self._width),
                inputs=[level, *sizes, shapes.bvh_leaves, shapes.bvh_nodes],
                device=device,
            )
        wp.launch(
            fit_instances,
            dim=len(self._instances),
            inputs=[
                self._instances, self._roots, self._width, self._meters, scene.num_instances, scene.frames, shapes,
            ],
            device=device,
        )  # fmt: skip
