"""Cameras of a bundle on the device: lenses, and poses that follow their prims until somebody sets them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from ...cameras import CONVENTIONS, CameraBundle, intrinsics_of
from .frame_table import ORDERS
from .launching import launch
from .transforms import follow_frames, set_camera_intrinsics, set_camera_poses
from .types import CameraState

__all__ = ["CameraTable", "camera_states"]

_FURTHEST = 1.0e30
"""Clipping planes beyond it [m], endless ones too, would be taken for a miss or not fit into a float."""


def camera_states(bundle: CameraBundle, meters: float, bands: int = 1) -> np.ndarray:
    """(N, bands) CameraState records without a pose.

    Args:
        bundle: N cameras.
        meters: Metres in a stage unit.
        bands: Into how many bands of equal height each image is cut.
    """
    states = np.zeros((len(bundle), bands), CameraState.numpy_dtype())
    for row, camera in zip(states, bundle.cameras, strict=True):
        k = intrinsics_of(camera, bundle.width, bundle.height, meters)
        row["fx"], row["fy"], row["cx"] = k[0, 0], k[1, 1], k[0, 2]
        row["cy"] = k[1, 2] - np.arange(bands) * (bundle.height // bands)
        row["near"], row["far"] = (min(max(x, 0.0) * meters, _FURTHEST) for x in camera.clipping_range)
        row["orthographic"], row["env"] = int(camera.orthographic), camera.env
    return states


@dataclass(eq=False, kw_only=True)
class CameraTable:
    """N cameras with B bands each.

    Attributes:
        cameras: (N B,) CameraState.
        frames: (N B,) frame that each follows unless it is ``pinned``.
        height: Height of a band [px].
    """

    cameras: wp.array
    frames: wp.array
    pinned: wp.array
    height: int
    bands: int = 1

    def follow(self, frames: wp.array) -> None:
        """Bring the cameras that nobody placed to where their prims are in ``frames``."""
        launch(
            follow_frames,
            dim=len(self.pinned),
            inputs=[self.frames, self.pinned, frames, self.cameras],
            device=self.cameras.device,
        )

    def place(
        self, positions: wp.array, quats: wp.array, order: str, convention: str, meters: float, index: wp.array
    ) -> None:
        """Set the poses of the cameras ``index``: positions (n,) vec3 [stage units], quats (n,) vec4."""
        turn = wp.quat(*CONVENTIONS[convention])
        launch(
            set_camera_poses,
            dim=(len(index), self.bands),
            inputs=[positions, quats, ORDERS[order], turn, meters, index, self.bands, self.pinned, self.cameras],
            device=self.cameras.device,
        )

    def calibrate(self, matrices: wp.array, index: wp.array) -> None:
        """Set (n,) mat33 pixel intrinsics of the cameras ``index``."""
        launch(
            set_camera_intrinsics,
            dim=(len(index), self.bands),
            inputs=[matrices, index, self.bands, float(self.height), self.cameras],
            device=self.cameras.device,
        )

    def take_lenses(self, bundle: CameraBundle, meters: float, rescale: float = 1.0) -> None:
        """Take over the lenses of a bundle's prims, but for those that are calibrated; poses are kept.

        Args:
            bundle: The cameras.
            meters: Metres in a stage unit.
            rescale: What the positions are multiplied with: the stage's unit may be another one.
        """
        new = camera_states(bundle, meters, self.bands)
        old = self.cameras.numpy().reshape(new.shape)
        new["rotation"], new["position"] = old["rotation"], old["position"] * rescale
        for name in ("fx", "fy", "cx", "cy", "skew", "orthographic"):
            new[name][bundle.calibrated] = old[name][bundle.calibrated]
        self.cameras.assign(new.reshape(-1))
