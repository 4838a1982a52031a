"""What the parent keeps of bundles and bindings, in memory that the worker sees: enough for another worker."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import warp as wp

from ...arrays import reinterpret
from ...cameras import CameraBundle
from .messages import BundleSpec, Write
from .shared import SharedArray

__all__ = ["KeptBinding", "KeptBundle"]

_WAYS = (("xyzw", "opengl"), ("wxyz", "opengl"), ("xyzw", "ros"), ("wxyz", "ros"), ("xyzw", "world"), ("wxyz", "world"))


@wp.kernel(enable_backward=False, module="omni_worker")
def _scatter(values: wp.array2d(dtype=wp.float32), index: wp.array(dtype=wp.int32), out: wp.array2d(dtype=wp.float32)):
    i, j = wp.tid()
    out[index[i], j] = values[i, j]


@dataclass(eq=False)
class KeptBinding:
    """A binding.

    Attributes:
        inputs: Arrays that are written: positions, quaternions and matrices, or values alone.
        last: The write that holds now; None before the first.
        process: Number of the process that knows it.
    """

    number: int
    inputs: list[SharedArray]
    last: Write | None = None
    process: int = 0

    def put(self, values: wp.array, which: int) -> None:
        """Copy values into an input."""
        out = self.inputs[which].array
        wp.copy(out, reinterpret(values, wp.float32, out.shape))

    def free(self) -> None:
        """Take the names of the arrays away."""
        for shared in self.inputs:
            shared.free()


@dataclass(eq=False)
class KeptBundle:
    """A camera bundle.

    Attributes:
        buffers: Arrays the worker draws into, by the name of the kind of output.
        inputs: Positions (N, 3), quaternions (N, 4), intrinsics (N, 9) that were set.
        way: (N,) int8 how the pose of each camera was given, index of ``_WAYS``; -1: it was not.
        moved: (N,) bool poses that the worker has not been given.
        reshaped: (N,) bool lenses that the worker has not been given.
        copies: Buffers of the caller, and what is copied into them after drawing.
        load: Number of the load that its cameras were found in.
        process: Number of the process that knows it.
    """

    number: int
    buffers: dict[str, SharedArray]
    inputs: tuple[SharedArray, SharedArray, SharedArray]
    way: np.ndarray
    moved: np.ndarray
    reshaped: np.ndarray
    copies: list[tuple[wp.array, wp.array]] = field(default_factory=list)
    load: int = 0
    process: int = 0

    @staticmethod
    def of(bundle: CameraBundle, number: int, device: wp.Device) -> KeptBundle:
        """Make the arrays of a bundle; ``bundle.outputs`` become those that are drawn into."""
        n, h, w = len(bundle), bundle.height, bundle.width
        buffers: dict[str, SharedArray] = {}
        for name, kind in bundle.kinds.items():
            if kind.name not in buffers:
                colored = kind.name in bundle.colorize
                channels, scalar = (4, wp.uint8) if colored else (kind.channels, getattr(wp, kind.dtype))
                buffers[kind.name] = SharedArray((n, h, w, channels), scalar, device)
            bundle.outputs[name] = buffers[kind.name].array
        positions, quats, matrices = (SharedArray((n, size), wp.float32, device) for size in (3, 4, 9))
        none = np.zeros(n, bool)
        inputs = (positions, quats, matrices)
        return KeptBundle(number, buffers, inputs, np.full(n, -1, np.int8), none, none.copy())

    def spec(self, bundle: CameraBundle) -> BundleSpec:
        """What a worker makes the bundle of."""
        positions, quats, matrices = (shared.handle for shared in self.inputs)
        return BundleSpec(
            self.number,
            bundle.frames,
            bundle.width,
            bundle.height,
            bundle.kinds,
            bundle.colorize,
            bundle.background,
            {name: buffer.handle for name, buffer in self.buffers.items()},
            (positions, quats, matrices),
        )

    def set_poses(self, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array) -> None:
        """Keep poses of the cameras ``index``."""
        self._put(positions, 0, 3, index)
        self._put(quats, 1, 4, index)
        rows = index.numpy()
        self.way[rows] = _WAYS.index((order, convention))
        self.moved[rows] = True

    def set_lenses(self, matrices: wp.array, index: wp.array) -> None:
        """Keep intrinsics of the cameras ``index``."""
        self._put(matrices, 2, 9, index)
        self.reshaped[index.numpy()] = True

    def _put(self, values: wp.array, which: int, width: int, index: wp.array) -> None:
        if len(index):
            flat = reinterpret(values, wp.float32, (len(index), width))
            out = self.inputs[which].array
            wp.launch(_scatter, (len(index), width), inputs=[flat, index, out], device=out.device)

    def give_again(self, calibrated: np.ndarray) -> None:
        """Have everything that was set given to a worker that knows nothing of it."""
        self.moved |= self.way >= 0
        self.reshaped |= calibrated

    def take_writes(self) -> list[Write]:
        """What the worker has not been given."""
        writes = []
        for way in np.unique(self.way[self.moved]):
            rows = np.flatnonzero(self.moved & (self.way == way)).astype(np.int32)
            order, convention = _WAYS[way]
            writes.append(Write(self.number, "set_camera_poses", order, convention, rows))
        if self.reshaped.any():
            writes.append(Write(self.number, "set_intrinsics", rows=np.flatnonzero(self.reshaped).astype(np.int32)))
        self.moved[:] = self.reshaped[:] = False
        return writes

    def free(self) -> None:
        """Take the names of the arrays away."""
        for shared in (*self.buffers.values(), *self.inputs):
            shared.free()
