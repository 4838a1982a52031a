"""Bottom-level acceleration structures: one wide BVH a unique mesh, built on the CPU whatever the render device.

The layout is described in ``native/intersect.inl``. Instances refer to a mesh's nodes by offset, so thousands of clones
share one BVH.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import warp as wp

from .native import source

__all__ = ["LEAF_FLOATS", "WideBvh", "build_bvh", "builder_kernel", "node_floats"]

LEAF_FLOATS = 40


def node_floats(width: int) -> int:
    """Floats of a node with ``width`` children."""
    return 7 * width


@dataclass(frozen=True)
class WideBvh:
    """BVH of one mesh. ``nodes`` is (n, 7 W) float32, ``leaves`` (m, 40) float32; links inside are relative."""

    nodes: np.ndarray
    leaves: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


@cache
def builder_kernel(width: int) -> wp.Kernel:
    """The kernel that builds BVHs of a width; made once."""
    body = source("build", WIDTH=width, MAX_SAH_DEPTH=12)

    @wp.func_native(body)
    def build_native(
        points: wp.array(dtype=wp.float32),
        triangles: wp.array(dtype=wp.int32),
        tri_bounds: wp.array(dtype=wp.float32),
        permutation: wp.array(dtype=wp.int32),
        num_triangles: int,
        node_capacity: int,
        leaf_capacity: int,
        nodes: wp.array(dtype=wp.float32),
        leaves: wp.array(dtype=wp.float32),
        counts: wp.array(dtype=wp.int32),
    ): ...

    @wp.kernel(enable_backward=False, module=f"omni_builder_{width}")
    def build_kernel(
        points: wp.array(dtype=wp.float32),
        triangles: wp.array(dtype=wp.int32),
        tri_bounds: wp.array(dtype=wp.float32),
        permutation: wp.array(dtype=wp.int32),
        num_triangles: int,
        node_capacity: int,
        leaf_capacity: int,
        nodes: wp.array(dtype=wp.float32),
        leaves: wp.array(dtype=wp.float32),
        counts: wp.array(dtype=wp.int32),
    ):
        build_native(
            points,
            triangles,
            tri_bounds,
            permutation,
            num_triangles,
            node_capacity,
            leaf_capacity,
            nodes,
            leaves,
            counts,
        )

    return build_kernel


def build_bvh(points: np.ndarray, triangles: np.ndarray, width: int) -> WideBvh:
    """Build the BVH of a mesh by binned SAH.

    Degenerate triangles (no area, or not finite) are left out: no ray can hit them.

    Args:
        points: (V, 3) float32.
        triangles: (T, 3) int32.
        width: Children of a node; see :mod:`.native`.
    """
    points = np.ascontiguousarray(points, np.float32)
    triangles = np.ascontiguousarray(triangles, np.int32)
    corners = points[triangles]
    with np.errstate(all="ignore"):
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        keep = np.flatnonzero(np.isfinite(corners).all((1, 2)) & (np.einsum("ij,ij->i", cross, cross) > 0.0))
    count = len(keep)
    if count == 0:
        empty = np.zeros((1, node_floats(width)), np.float32)
        for axis in range(3):
            empty[:, 2 * axis * width : (2 * axis + 1) * width] = 3.0e38
            empty[:, (2 * axis + 1) * width : (2 * axis + 2) * width] = -3.0e38
        zero = np.zeros(3, np.float32)
        return WideBvh(empty, np.zeros((1, LEAF_FLOATS), np.float32), zero, zero)
    bounds = np.concatenate([corners.min(1), corners.max(1)], axis=1).astype(np.float32)

    def on_cpu(a: np.ndarray, dtype: type) -> wp.array:
        return wp.array(np.ascontiguousarray(a).reshape(-1), dtype=dtype, device="cpu", copy=False)

    # Leaves hold 1 to 4 triangles, mostly more than 2; a rare worse mesh is built again with room for the worst case.
    for leaf_capacity, node_capacity in ((count // 2 + 64, count // 4 + 64), (count + 1, count + 1)):
        nodes = np.empty((node_capacity, node_floats(width)), np.float32)
        leaves = np.empty((leaf_capacity, LEAF_FLOATS), np.float32)
        counts = np.zeros(3, np.int32)
        wp.launch(
            builder_kernel(width),
            dim=1,
            inputs=[
                on_cpu(points, wp.float32),
                on_cpu(triangles, wp.int32),
                on_cpu(bounds, wp.float32),
                on_cpu(keep.astype(np.int32), wp.int32),
                count,
                node_capacity,
                leaf_capacity,
                on_cpu(nodes, wp.float32),
                on_cpu(leaves, wp.float32),
                on_cpu(counts, wp.int32),
            ],
            device="cpu",
        )
        if not counts[2]:
            break
    kept = bounds[keep]
    return WideBvh(nodes[: counts[0]].copy(), leaves[: counts[1]].copy(), kept[:, :3].min(0), kept[:, 3:].max(0))
