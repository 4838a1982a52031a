"""Camera bundles: cameras that share a resolution and a set of outputs, and how their poses and lenses are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import warp as wp

from .errors import ConfigError, InputError
from .outputs import OutputKind
from .scene.data import Camera

if TYPE_CHECKING:
    from .renderer import TiledRenderer

__all__ = ["CONVENTIONS", "CameraBundle", "intrinsics_of"]

CONVENTIONS: dict[str, tuple[float, float, float, float]] = {
    "opengl": (0.0, 0.0, 0.0, 1.0),
    "ros": (1.0, 0.0, 0.0, 0.0),
    "world": (0.5, -0.5, -0.5, 0.5),
}
"""Rotation (xyzw) from the USD camera frame (-Z forward, +Y up) to the axes of each convention.

``opengl`` is the USD frame itself, ``ros`` has +Z forward and -Y up, ``world`` has +X forward and +Z up.
"""


def intrinsics_of(camera: Camera, width: int, height: int, meters_per_unit: float) -> np.ndarray:
    """(3, 3) float64 pixel intrinsics of a USD camera; pixels are square (the vertical aperture is not used).

    Perspective: ``fx = fy = width * focal_length / horizontal_aperture``. Orthographic: ``fx = fy`` are pixels per
    metre (a USD aperture is in tenths of a stage unit). A positive aperture offset moves the view right and up.
    """
    aperture = camera.horizontal_aperture
    scale = (
        width / (aperture * 0.1 * meters_per_unit) if camera.orthographic else width * camera.focal_length / aperture
    )
    shift = width / aperture
    return np.array(
        [
            [scale, 0.0, width / 2.0 - camera.horizontal_offset * shift],
            [0.0, scale, height / 2.0 + camera.vertical_offset * shift],
            [0.0, 0.0, 1.0],
        ]
    )


class CameraBundle:
    """N cameras that are drawn together. Made by :meth:`TiledRenderer.add_cameras`.

    Attributes:
        paths: Prim paths, one a camera; camera i is row i of every buffer.
        envs: (N,) int32 environment id of each camera (-1: outside of all; such a camera sees everything).
        width: Image width [px].
        height: Image height [px].
        kinds: Output kinds by the name that was asked for.
        outputs: (N, H, W, C) Warp arrays by name; the same buffers every frame.
        info: Extra data by output name, e.g. ``info["semantic_segmentation"]["idToLabels"]``.
        calibrated: (N,) bool; True where :meth:`set_intrinsics` set the lens, which its prim then no longer does.
        problem: Why the bundle cannot be used now (a camera prim was removed), or None.
        colorize: Names of the output kinds that are (N, H, W, 4) uint8 colours instead of ids.
        background: Linear colour of a pixel that hits nothing, or None: what the configuration says.
    """

    def __init__(
        self,
        renderer: TiledRenderer,
        cameras: Sequence[Camera],
        frames: np.ndarray,
        width: int,
        height: int,
        kinds: dict[str, OutputKind],
        colorize: frozenset[str] = frozenset(),
        background: tuple[float, float, float] | None = None,
    ) -> None:
        self._renderer = renderer
        self.cameras = list(cameras)
        self.frames = frames
        self.paths = [camera.path for camera in cameras]
        self.envs = np.array([camera.env for camera in cameras], np.int32)
        self.calibrated = np.zeros(len(self.cameras), bool)
        self.problem: str | None = None
        self.width = width
        self.height = height
        self.kinds = kinds
        self.colorize = colorize
        self.background = background
        self.outputs: dict[str, wp.array] = {}
        self.info: dict[str, dict[str, Any]] = {}
        self.backend_data: Any = None

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"CameraBundle({len(self)} cameras, {self.width}x{self.height}, {', '.join(self.kinds)})"

    def set_poses(
        self,
        positions: Any,
        *,
        quat_xyzw: Any = None,
        quat_wxyz: Any = None,
        convention: str = "opengl",
        env_ids: Sequence[int] | np.ndarray | None = None,
    ) -> None:
        """Place cameras in the world. From then on they no longer follow their prims.

        Args:
            positions: (n, 3) float32 world positions [stage units].
            quat_xyzw: (n, 4) float32 world orientations, or
            quat_wxyz: the same with the real part first. Give exactly one.
            convention: Axes that the orientation refers to: ``opengl``, ``ros`` or ``world``.
            env_ids: Rows of the bundle to set; None is all, in order.

        Raises:
            InputError: Wrong shape, dtype, device or values that are not finite.
            ConfigError: The convention is unknown.
        """
        if convention not in CONVENTIONS:
            raise ConfigError(f"unknown camera convention {convention!r}; choose one of: {', '.join(CONVENTIONS)}")
        quats, order = pick_quaternion(quat_xyzw, quat_wxyz)
        self._renderer._set_camera_poses(self, positions, quats, order, convention, env_ids)

    def set_intrinsics(self, matrices: Any, *, env_ids: Sequence[int] | np.ndarray | None = None) -> None:
        """Set pixel intrinsics, each camera its own: (n, 3, 3) float32 ``[[fx, s, cx], [0, fy, cy], [0, 0, 1]]``.

        Raises:
            InputError: Wrong shape, dtype or device, or a focal length that is not positive.
        """
        self._renderer._set_intrinsics(self, matrices, env_ids)

    @property
    def remembers(self) -> bool:
        """Whether images may depend on frames before, so that :meth:`forget_history` has something to do."""
        return self._renderer._remembers(self)

    def forget_history(self, env_ids: Sequence[int] | np.ndarray | None = None) -> None:
        """Let nothing of earlier frames show in the next images: what these cameras see was put elsewhere (a reset).

        Motion vectors of these rows are 0 in the next frame, and backends that accumulate over time begin anew. Nothing
        is done where images depend on the present frame alone; see :attr:`remembers`.

        Args:
            env_ids: Rows of the bundle; None is all.

        Raises:
            InputError: ``env_ids`` is out of range.
        """
        self._renderer._forget_history(self, env_ids)

    def set_outputs(self, buffers: Mapping[str, wp.array]) -> None:
        """Draw into buffers of the caller from now on, without a copy.

        Args:
            buffers: An (N, H, W, C) contiguous Warp array for every name in :attr:`kinds`, with the shape, dtype and
                device of the array in :attr:`outputs` that it replaces.

        Raises:
            InputError: A buffer is missing or does not fit; nothing is replaced then.
        """
        self._renderer._set_outputs(self, buffers)


def pick_quaternion(quat_xyzw: Any, quat_wxyz: Any) -> tuple[Any, str]:
    """The one quaternion array that was given, and its order.

    Raises:
        InputError: None or both were given.
    """
    if (quat_xyzw is None) == (quat_wxyz is None):
        raise InputError("give exactly one of quat_xyzw and quat_wxyz")
    return (quat_xyzw, "xyzw") if quat_wxyz is None else (quat_wxyz, "wxyz")
