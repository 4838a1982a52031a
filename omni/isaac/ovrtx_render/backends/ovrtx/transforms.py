"""Poses of callers -> the float64 row-vector world matrices that the library takes, scale included."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import warp as wp

from ...bindings import rigid_part
from ...cameras import CONVENTIONS

__all__ = ["ORDERS", "Bound", "pick_rows", "place_cameras"]

ORDERS = {"xyzw": wp.vec4i(0, 1, 2, 3), "wxyz": wp.vec4i(1, 2, 3, 0)}
"""Where x, y, z, w are in a quaternion of each order."""


@wp.func
def rotation_rows(q: wp.quatd) -> wp.mat33d:
    """Rotation of a quaternion as a row-vector matrix."""
    return wp.transpose(wp.quat_to_matrix(wp.normalize(q)))


@wp.func
def ordered(q: wp.vec4, order: wp.vec4i) -> wp.quatd:
    """A quaternion in some order as x, y, z, w in double precision."""
    return wp.quatd(wp.float64(q[order[0]]), wp.float64(q[order[1]]), wp.float64(q[order[2]]), wp.float64(q[order[3]]))


@wp.func
def world_matrix(m: wp.mat33d, p: wp.vec3) -> wp.mat44d:
    """A row-vector matrix of its linear part and its translation."""
    o = wp.float64(0.0)
    return wp.mat44d(
        m[0, 0], m[0, 1], m[0, 2], o,
        m[1, 0], m[1, 1], m[1, 2], o,
        m[2, 0], m[2, 1], m[2, 2], o,
        wp.float64(p[0]), wp.float64(p[1]), wp.float64(p[2]), wp.float64(1.0),
    )  # fmt: skip


@wp.func
def sound(position: wp.vec3, quat: wp.vec4) -> bool:
    """Whether a pose can be used; one that cannot leaves its prim where it is."""
    return wp.isfinite(position) and wp.isfinite(quat) and wp.dot(quat, quat) > 1.0e-12


@wp.kernel(enable_backward=False, module="omni_ovrtx_transforms")
def write_poses(
    positions: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    order: wp.vec4i,
    scales: wp.array(dtype=wp.mat33d),
    out: wp.array(dtype=wp.mat44d),
):
    """World poses [stage units] -> world matrices with each prim's own scale; dim = prims."""
    k = wp.tid()
    if sound(positions[k], quats[k]):
        out[k] = world_matrix(scales[k] * rotation_rows(ordered(quats[k], order)), positions[k])


@wp.kernel(enable_backward=False, module="omni_ovrtx_transforms")
def write_matrices(matrices: wp.array(dtype=wp.mat44), out: wp.array(dtype=wp.mat44d)):
    """World matrices in single precision -> the same in double; dim = prims."""
    k = wp.tid()
    if wp.isfinite(matrices[k]):
        out[k] = wp.mat44d(matrices[k])


@wp.kernel(enable_backward=False, module="omni_ovrtx_transforms")
def write_cameras(
    positions: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    order: wp.vec4i,
    turn: wp.quatd,
    index: wp.array(dtype=wp.int32),
    out: wp.array(dtype=wp.mat44d),
):
    """World poses of cameras in some convention -> world matrices of USD cameras; dim = poses."""
    k = wp.tid()
    if sound(positions[k], quats[k]):
        q = wp.normalize(ordered(quats[k], order)) * turn
        out[index[k]] = world_matrix(rotation_rows(q), positions[k])


@wp.kernel(enable_backward=False, module="omni_ovrtx_transforms")
def follow(
    above: wp.array(dtype=wp.mat44d),
    rows: wp.array(dtype=wp.vec2i),
    relative: wp.array(dtype=wp.mat44d),
    out: wp.array(dtype=wp.mat44d),
):
    """Prims keep their place relative to others above them; dim = pairs of (row above, row of ``out``)."""
    k = wp.tid()
    out[rows[k][1]] = relative[k] * above[rows[k][0]]


def place_cameras(
    positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array, out: wp.array
) -> None:
    """Write the poses of the cameras ``index`` into (N,) mat44d world matrices [stage units]."""
    turn = wp.quatd(*CONVENTIONS[convention])
    inputs = [positions, quats, ORDERS[order], turn, index, out]
    wp.launch(write_cameras, dim=len(index), inputs=inputs, device=out.device)


@dataclass(eq=False)
class Bound:
    """Prims whose world matrices are written.

    Attributes:
        paths: P prim paths.
        matrices: (P,) mat44d world matrices [stage units], as written last.
        scales: (P,) mat33d: what a pose leaves as it is on the stage (scale and shear).
        worlds: (P, 4, 4) world matrices on the stage.
        handle: Binding of the library; None if not all prims exist now.
        written: Whether anything was written, and whether as ``"poses"`` or ``"matrices"``.
        sent: Whether the library has what was written.
        followers: By other bindings that were written: their rows that are below prims of this one.
    """

    paths: list[str]
    matrices: wp.array
    scales: wp.array
    worlds: np.ndarray
    handle: Any = None
    written: str = ""
    sent: bool = True
    followers: weakref.WeakKeyDictionary[Bound, tuple[wp.array, wp.array] | None] = field(
        default_factory=weakref.WeakKeyDictionary
    )

    @staticmethod
    def of(paths: list[str], worlds: np.ndarray, device: wp.Device) -> Bound:
        """Prims at their (P, 4, 4) world matrices on the stage."""
        return Bound(
            paths,
            wp.array(np.ascontiguousarray(worlds, np.float64), dtype=wp.mat44d, device=device),
            wp.array(_scales(worlds), dtype=wp.mat33d, device=device),
            worlds,
        )

    def write_poses(self, positions: wp.array, quats: wp.array, order: str) -> None:
        """Take poses [stage units]; the scale of each prim stays."""
        inputs = [positions, quats, ORDERS[order], self.scales, self.matrices]
        wp.launch(write_poses, dim=len(self.paths), inputs=inputs, device=self.matrices.device)
        self.written, self.sent = "poses", False

    def write_matrices(self, matrices: wp.array) -> None:
        """Take matrices [stage units], scale included."""
        inputs = [matrices, self.matrices]
        wp.launch(write_matrices, dim=len(self.paths), inputs=inputs, device=self.matrices.device)
        self.written, self.sent = "matrices", False

    def pull(self, others: Iterable[Bound]) -> None:
        """Move prims of other bindings that are below prims of this one along: they no longer hang on them."""
        for other in others:
            if other is self or not other.written:
                continue
            if other not in self.followers:
                self.followers[other] = self._followers_in(other)
            found = self.followers[other]
            if found is not None:
                rows, relative = found
                inputs = [self.matrices, rows, relative, other.matrices]
                wp.launch(follow, dim=len(rows), inputs=inputs, device=self.matrices.device)
                other.sent = False

    def _followers_in(self, other: Bound) -> tuple[wp.array, wp.array] | None:
        """(row here, row of the other) of prims below prims of this binding, and their places relative to those."""
        row_of = {path: row for row, path in enumerate(self.paths)}
        pairs = []
        for row, path in enumerate(other.paths):
            above = path.rpartition("/")[0]
            while above and above not in row_of:
                above = above.rpartition("/")[0]
            if above and path not in row_of:
                pairs.append((row_of[above], row))
        if not pairs:
            return None
        index = np.array(pairs, np.int32)
        relative = other.worlds[index[:, 1]] @ np.linalg.inv(self.worlds[index[:, 0]])
        device = self.matrices.device
        return (
            wp.array(index, dtype=wp.vec2i, device=device),
            wp.array(np.ascontiguousarray(relative), dtype=wp.mat44d, device=device),
        )

    def again(self, worlds: np.ndarray) -> Bound:
        """The same prims on a stage that was read again, written as they were last."""
        new = Bound.of(self.paths, worlds, self.matrices.device)
        if self.written:
            last = self.matrices.numpy()
            if self.written == "poses":
                last[:, :3, :3] = _scales(worlds) @ np.linalg.inv(_scales(self.worlds)) @ last[:, :3, :3]
            new.matrices.assign(np.ascontiguousarray(last))
            new.written, new.sent = self.written, False
        return new


def _scales(worlds: np.ndarray) -> np.ndarray:
    """(P, 3, 3) what is left of row-vector matrices without their rotation: ``world = scale @ rotation``."""
    rotations = rigid_part(worlds)[:, :3, :3]
    return np.ascontiguousarray(worlds[:, :3, :3] @ np.swapaxes(rotations, 1, 2))


@wp.kernel(enable_backward=False, module="omni_ovrtx_transforms")
def gather(matrices: wp.array(dtype=wp.mat44d), rows: wp.array(dtype=wp.int32), out: wp.array(dtype=wp.mat44d)):
    """Some rows of an array; dim = rows."""
    k = wp.tid()
    out[k] = matrices[rows[k]]


def pick_rows(matrices: wp.array, rows: np.ndarray) -> wp.array:
    """(K,) mat44d copy of some rows."""
    index: Any = wp.array(rows.astype(np.int32), dtype=wp.int32, device=matrices.device)
    out: Any = wp.empty(len(rows), dtype=wp.mat44d, device=matrices.device)
    wp.launch(gather, dim=len(rows), inputs=[matrices, index, out], device=matrices.device)
    return out
