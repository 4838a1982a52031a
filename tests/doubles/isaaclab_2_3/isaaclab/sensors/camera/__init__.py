"""Contract double of ``isaaclab.sensors.camera``: they spawn, allocate and pose as 2.3.2 does, and draw nothing.

What a ``TiledCamera`` would draw with needs Kit, so starting one that is not ours fails as it does without Kit.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import carb.settings
import numpy as np
import torch
from pxr import Gf, UsdGeom

import isaaclab.sim as sim_utils

from ..sensor_base import SensorBase

__all__ = ["Camera", "CameraCfg", "CameraData", "TiledCamera", "TiledCameraCfg"]

_TO_OPENGL = {"opengl": (1.0, 0.0, 0.0, 0.0), "ros": (0.0, 1.0, 0.0, 0.0), "world": (0.5, 0.5, -0.5, -0.5)}


def _quat_multiply(a: torch.Tensor, b: tuple[float, ...]) -> torch.Tensor:
    """(N, 4) times one quaternion, (w, x, y, z)."""
    w1, x1, y1, z1 = a.unbind(-1)
    w2, x2, y2, z2 = b
    return torch.stack(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ],
        dim=-1,
    )


@dataclass
class CameraData:
    """Poses, lenses and images; quaternions are (w, x, y, z)."""

    pos_w: Any = None
    quat_w_world: Any = None
    image_shape: Any = None
    intrinsic_matrices: Any = None
    output: Any = None
    info: Any = None


@dataclass
class CameraCfg:
    """The fields that matter, with the defaults of 2.3.2."""

    @dataclass
    class OffsetCfg:
        """Pose below the parent; ``rot`` is (w, x, y, z)."""

        pos: tuple[float, float, float] = (0.0, 0.0, 0.0)
        rot: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
        convention: str = "ros"

    prim_path: str = ""
    width: int = 0
    height: int = 0
    spawn: Any = None
    update_period: float = 0.0
    offset: OffsetCfg = field(default_factory=lambda: CameraCfg.OffsetCfg())
    depth_clipping_behavior: str = "none"
    data_types: list[str] = field(default_factory=lambda: ["rgb"])
    update_latest_camera_pose: bool = False
    semantic_filter: str | list[str] = "*:*"
    colorize_semantic_segmentation: bool = True
    colorize_instance_id_segmentation: bool = True
    colorize_instance_segmentation: bool = True
    semantic_segmentation_mapping: dict[str, Any] = field(default_factory=dict)
    class_type: type | None = None

    def __post_init__(self) -> None:
        self.class_type = self.class_type or Camera

    def copy(self) -> Any:
        return deepcopy(self)


@dataclass
class TiledCameraCfg(CameraCfg):
    """A camera whose class is ``TiledCamera``."""

    def __post_init__(self) -> None:
        self.class_type = self.class_type or TiledCamera


class Camera(SensorBase):
    """Spawns its prims, and tells the simulation to render for it."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        carb.settings.get_settings().set_bool("/isaaclab/render/rtx_sensors", True)
        if self.cfg.spawn is not None:
            rot = _quat_multiply(torch.tensor([self.cfg.offset.rot]), _TO_OPENGL[self.cfg.offset.convention])[0].numpy()
            self.cfg.spawn.func(self.cfg.prim_path, self.cfg.spawn, translation=self.cfg.offset.pos, orientation=rot)
        if not sim_utils.find_matching_prims(self.cfg.prim_path):
            raise RuntimeError(f"Could not find prim with path {self.cfg.prim_path}.")
        self._sensor_prims: list[UsdGeom.Camera] = []
        self._data = CameraData()

    def __del__(self) -> None:
        super().__del__()

    @property
    def data(self) -> CameraData:
        self._update_outdated_buffers()
        return self._data

    @property
    def frame(self) -> torch.Tensor:
        return self._frame

    @property
    def image_shape(self) -> tuple[int, int]:
        return (self.cfg.height, self.cfg.width)

    def set_intrinsic_matrices(
        self, matrices: torch.Tensor, focal_length: float | None = None, env_ids: Sequence[int] | None = None
    ) -> None:
        rows = self._ALL_INDICES if env_ids is None else env_ids
        for i, matrix in zip(rows, matrices, strict=True):
            prim = self._sensor_prims[int(i)]
            focal = focal_length or 1.0
            prim.GetFocalLengthAttr().Set(float(focal))
            prim.GetHorizontalApertureAttr().Set(float(self.cfg.width * focal / matrix[0, 0]))
        self._update_intrinsic_matrices(rows)

    def set_world_poses(
        self,
        positions: torch.Tensor | None = None,
        orientations: torch.Tensor | None = None,
        env_ids: Sequence[int] | None = None,
        convention: str = "ros",
    ) -> None:
        rows = self._ALL_INDICES if env_ids is None else env_ids
        if orientations is not None:
            orientations = _quat_multiply(orientations, _TO_OPENGL[convention])
        self._view.set_world_poses(positions, orientations, rows)

    def set_world_poses_from_view(
        self, eyes: torch.Tensor, targets: torch.Tensor, env_ids: Sequence[int] | None = None
    ) -> None:
        quats = []
        for eye, target in zip(eyes.tolist(), targets.tolist(), strict=True):
            look = Gf.Matrix4d().SetLookAt(Gf.Vec3d(*eye), Gf.Vec3d(*target), Gf.Vec3d(0, 0, 1)).GetInverse()
            quat = look.ExtractRotationQuat()
            quats.append([quat.GetReal(), *quat.GetImaginary()])
        self._view.set_world_poses(eyes, torch.tensor(quats), self._ALL_INDICES if env_ids is None else env_ids)

    def _update_intrinsic_matrices(self, env_ids: Sequence[int]) -> None:
        height, width = self.image_shape
        for i in env_ids:
            prim = self._sensor_prims[int(i)]
            f = width * prim.GetFocalLengthAttr().Get() / prim.GetHorizontalApertureAttr().Get()
            k = np.array([[f, 0, width * 0.5], [0, f, height * 0.5], [0, 0, 1]], np.float32)
            self._data.intrinsic_matrices[int(i)] = torch.tensor(k)

    def _update_poses(self, env_ids: Sequence[int]) -> None:
        if len(self._sensor_prims) == 0:
            raise RuntimeError("Camera prim is None. Please call 'sim.play()' first.")
        positions, quats = self._view.get_world_poses(env_ids)
        self._data.pos_w[env_ids] = positions
        self._data.quat_w_world[env_ids] = _quat_multiply(quats, (0.5, -0.5, 0.5, 0.5))


class TiledCamera(Camera):
    """Allocates what 2.3.2 allocates."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)

    def __del__(self) -> None:
        SensorBase.__del__(self)
        for annotator in self._annotators.values():
            annotator.detach(self._render_product_paths)

    def reset(self, env_ids: Sequence[int] | None = None) -> None:
        if not self._is_initialized:
            raise RuntimeError("TiledCamera could not be initialized.")
        SensorBase.reset(self, env_ids)
        rows: Any = slice(None) if env_ids is None else env_ids
        self._frame[rows] = 0

    def _initialize_impl(self) -> None:
        self._annotators: dict[str, Any] = {}
        if not carb.settings.get_settings().get("/isaaclab/cameras_enabled"):
            raise RuntimeError("A camera was spawned without the --enable_cameras flag.")
        raise ModuleNotFoundError("No module named 'omni.replicator'")

    def _update_buffers_impl(self, env_ids: Sequence[int]) -> None:
        raise RuntimeError("this double has no Replicator to draw with")

    def _create_buffers(self) -> None:
        n = self._view.count
        self._data.pos_w = torch.zeros((n, 3), device=self._device)
        self._data.quat_w_world = torch.zeros((n, 4), device=self._device)
        self._update_poses(self._ALL_INDICES)
        self._data.intrinsic_matrices = torch.zeros((n, 3, 3), device=self._device)
        self._update_intrinsic_matrices(self._ALL_INDICES)
        self._data.image_shape = self.image_shape
        wanted = self.cfg.data_types
        layouts: dict[str, tuple[int, torch.dtype]] = {}
        if "rgba" in wanted or "rgb" in wanted:
            layouts["rgba"] = (4, torch.uint8)
        for name in ("distance_to_image_plane", "depth", "distance_to_camera"):
            layouts |= {name: (1, torch.float32)} if name in wanted else {}
        layouts |= {"normals": (3, torch.float32)} if "normals" in wanted else {}
        layouts |= {"motion_vectors": (2, torch.float32)} if "motion_vectors" in wanted else {}
        for name, colorize in (
            ("semantic_segmentation", self.cfg.colorize_semantic_segmentation),
            ("instance_segmentation_fast", self.cfg.colorize_instance_segmentation),
            ("instance_id_segmentation_fast", self.cfg.colorize_instance_id_segmentation),
        ):
            if name in wanted:
                layouts[name] = (4, torch.uint8) if colorize else (1, torch.int32)
        self._data.output = {
            name: torch.zeros((n, *self.image_shape, channels), dtype=dtype, device=self._device)
            for name, (channels, dtype) in layouts.items()
        }
        if "rgb" in wanted:
            self._data.output["rgb"] = self._data.output["rgba"][..., :3]
        self._data.info = {}

    def _invalidate_initialize_callback(self, event: Any) -> None:
        super()._invalidate_initialize_callback(event)
        self._view = None
