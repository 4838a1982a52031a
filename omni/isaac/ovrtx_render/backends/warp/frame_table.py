"""World transforms of everything that moves, on the device, and the bindings that write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from ..base import FrameBinding
from .crew import Crew
from .device_scene import affine_rows
from .launching import launch
from .transforms import keep_matrices, keep_poses, write_frames, write_matrices, write_poses
from .types import Affine, Shapes

__all__ = ["ORDERS", "Bound", "FrameTable"]

ORDERS = {"xyzw": wp.vec4i(0, 1, 2, 3), "wxyz": wp.vec4i(1, 2, 3, 0)}
"""Where x, y, z, w are in a quaternion of each order."""
_SHARE = 16384
"""Poses that are worth waking a thread for: most of a millisecond."""


@dataclass(eq=False)
class Bound:
    """A binding on the device: row k places frame ``frames[k]`` by pose ``rows[k]``.

    What was written last is kept, not finite where nothing was: ``matrices``, or ``positions`` and ``quats`` (xyzw).
    """

    rows: wp.array
    frames: wp.array
    to_pose: wp.array
    to_matrix: wp.array
    moves_lights: bool
    positions: wp.array | None = None
    quats: wp.array | None = None
    matrices: wp.array | None = None


class FrameTable:
    """The frames of a scene: instances, then lights, then cameras.

    Args:
        frames: (F,) Affine local to world [m].
        meters: Metres in a stage unit.
        lights: (first, end) of the frames that are lights.
        shapes: What is kept up to date with the instances, the first ``num_instances`` frames; None is nothing.
        crew: Shares what is written on the CPU; None leaves it to the caller.
    """

    def __init__(
        self,
        frames: wp.array,
        meters: float,
        lights: tuple[int, int],
        shapes: Shapes | None = None,
        num_instances: int = 0,
        crew: Crew | None = None,
    ) -> None:
        self.frames = frames
        self._crew = crew
        self._meters = meters
        self._lights = lights
        self._shapes = [num_instances, frames, shapes if shapes is not None else Shapes()]

    def put(self, targets: np.ndarray, transforms: np.ndarray) -> None:
        """Place frames (K,) by (K, 4, 4) row-vector transforms [stage units]."""
        device = self.frames.device
        index = wp.array(targets.astype(np.int32), dtype=wp.int32, device=device)
        places = wp.array(affine_rows(transforms, self._meters), dtype=Affine, device=device)
        inputs = [index, places, *self._shapes]
        launch(write_frames, len(index), inputs, device)

    def bind(self, binding: FrameBinding, frames: np.ndarray) -> Bound:
        """Prepare a binding whose frames are ``frames`` in this table."""

        def put(values: np.ndarray, dtype: Any) -> wp.array:
            return wp.array(values, dtype=dtype, device=self.frames.device)

        first, end = self._lights
        return Bound(
            put(binding.rows.astype(np.int32), wp.int32),
            put(frames.astype(np.int32), wp.int32),
            put(affine_rows(binding.to_pose, 1.0), Affine),
            put(affine_rows(binding.to_matrix, 1.0), Affine),
            bool(((frames >= first) & (frames < end)).any()),
        )

    def replay(self, bound: Bound, last: Bound) -> None:
        """Place again, through ``bound``, what was written last to another binding of the same prims."""
        bound.positions, bound.quats, bound.matrices = last.positions, last.quats, last.matrices
        if bound.matrices is not None:
            self._write(write_matrices, bound, [bound.matrices], bound.to_matrix)
        elif bound.positions is not None:
            self._write(write_poses, bound, [bound.positions, bound.quats, ORDERS["xyzw"]], bound.to_pose)

    def write_poses(self, bound: Bound, positions: wp.array, quats: wp.array, order: str) -> None:
        """Scatter poses: positions (P,) vec3 [stage units], quats (P,) vec4 in ``order``."""
        if bound.positions is None:
            device = self.frames.device
            bound.positions = wp.full(len(positions), wp.vec3(wp.nan), dtype=wp.vec3, device=device)
            bound.quats = wp.full(len(quats), wp.vec4(wp.nan), dtype=wp.vec4, device=device)
        bound.matrices = None
        poses = [positions, quats, ORDERS[order]]
        kept = [bound.positions, bound.quats]
        self._launch(keep_poses, [positions, quats, *kept], [*poses, *kept])
        self._write(write_poses, bound, poses, bound.to_pose)

    def write_matrices(self, bound: Bound, matrices: wp.array) -> None:
        """Scatter (P,) mat44 row-vector world matrices [stage units]."""
        if bound.matrices is None:
            bound.matrices = wp.full(len(matrices), wp.mat44(wp.nan), dtype=wp.mat44, device=self.frames.device)
        self._launch(keep_matrices, [matrices, bound.matrices], [matrices, bound.matrices])
        self._write(write_matrices, bound, [matrices], bound.to_matrix)

    def _write(self, kernel: Any, bound: Bound, poses: list[Any], offsets: wp.array) -> None:
        items = [bound.rows, bound.frames, offsets]
        self._launch(kernel, items, [*poses, self._meters, *items, *self._shapes])

    def _launch(self, kernel: Any, items: list[wp.array], inputs: list[Any]) -> None:
        """Launch a kernel over the rows of ``items``, which are among its inputs. The threads share them: no row
        writes what another one does."""
        count, device = len(items[0]), self.frames.device
        parts = min(self._crew.size, count // _SHARE) if self._crew else 1
        if self._crew is None or parts < 2:
            if count:
                launch(kernel, count, inputs, device)
            return
        launches = []
        for part in range(parts):
            share = slice(count * part // parts, count * (part + 1) // parts)
            mine = {id(item): item[share] for item in items}
            own = [mine.get(id(value), value) for value in inputs]
            part_of = launch(kernel, share.stop - share.start, own, device, record_cmd=True)
            launches.append(part_of.launch)
        self._crew.run(launches)
