"""Contract double of ``isaaclab.renderers`` on ``main``: every method of the interface must be there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..utils import configclass

__all__ = ["BaseRenderer", "CameraRenderSpec", "RenderBufferKind", "RenderBufferSpec", "RendererCfg"]


class RenderBufferKind(StrEnum):
    """One kind more than 3.0.0 has, and two less."""

    RGB = "rgb"
    RGBA = "rgba"
    RGB_HDR = "rgb_hdr"
    RGB_RADIANCE = "rgb_radiance"
    ALBEDO = "albedo"
    DEPTH = "depth"
    DISTANCE_TO_IMAGE_PLANE = "distance_to_image_plane"
    DISTANCE_TO_CAMERA = "distance_to_camera"
    NORMALS = "normals"
    MOTION_VECTORS = "motion_vectors"
    SEMANTIC_SEGMENTATION = "semantic_segmentation"
    INSTANCE_SEGMENTATION = "instance_segmentation"
    SIMPLE_SHADING_CONSTANT_DIFFUSE = "simple_shading_constant_diffuse"
    SIMPLE_SHADING_DIFFUSE_MDL = "simple_shading_diffuse_mdl"


@dataclass(frozen=True)
class RenderBufferSpec:
    """Channels and Warp dtype."""

    channels: int
    dtype: type


@dataclass(frozen=True)
class CameraRenderSpec:
    """No ``view_count`` any more; ``num_instances`` follows from the prims."""

    cfg: Any
    device: str
    camera_prim_paths: tuple[str, ...]
    render_settings: dict[str, tuple[str, Any]] = field(default_factory=dict)

    @property
    def num_instances(self) -> int:
        return len(self.camera_prim_paths)


@configclass
class RendererCfg:
    """What a camera holds."""

    class_type: type | str | None = None
    renderer_type: str = "default"
    async_rendering: bool = False
    cloning_contexts: tuple[type | str, ...] = ()

    def supported_output_types(self) -> dict[RenderBufferKind, RenderBufferSpec] | None:
        return None


class BaseRenderer(ABC):
    """Made with the simulation as a keyword."""

    @abstractmethod
    def __init__(self, cfg: RendererCfg, *, sim: Any) -> None: ...

    def initialize(self) -> None: ...  # noqa: B027 (as in Isaac Lab)

    @property
    def visual_material_writer(self) -> Any:
        return None

    @abstractmethod
    def supported_output_types(self) -> dict[RenderBufferKind, RenderBufferSpec]: ...
    @abstractmethod
    def prepare_stage(self, stage: Any, num_envs: int) -> None: ...
    @abstractmethod
    def create_render_data(self, spec: CameraRenderSpec) -> Any: ...
    @abstractmethod
    def set_outputs(self, render_data: Any, output_data: dict[str, Any]) -> None: ...
    @abstractmethod
    def update_transforms(self) -> None: ...
    @abstractmethod
    def update_geometries(self) -> None: ...
    @abstractmethod
    def update_camera(self, render_data: Any, positions: Any, orientations: Any, intrinsics: Any) -> None: ...
    @abstractmethod
    def update_camera_intrinsics(self, render_data: Any, intrinsics: Any, parameters: Any) -> None: ...
    @abstractmethod
    def prepare_capture(self, render_data: Any, camera_data: Any, frame: Any) -> None: ...
    @abstractmethod
    def render(self, render_data: Any) -> None: ...
    @abstractmethod
    def render_batch(self, render_data: Sequence[Any]) -> None: ...
    @abstractmethod
    def read_output(self, render_data: Any, camera_data: Any) -> None: ...
    @abstractmethod
    def reset(self, render_data: Any, env_ids: Sequence[int] | None = None) -> None: ...
    @abstractmethod
    def cleanup(self, render_data: Any | None) -> None: ...
    @abstractmethod
    def close(self) -> None: ...
