"""The protocol of Isaac Lab's first renderers: a class by name, then ``initialize``, ``render`` and ``get_output``.

It was in Isaac Lab's development for some weeks before version 3, and packages that were written for it can go on using
it. Isaac Lab itself is not needed: the live stage is the application's, or one that the configuration holds.

    renderer = get_renderer_class("warp")(RendererCfg(width=64, height=64, num_envs=16, data_types=["rgb", "depth"]))
    renderer.initialize()
    renderer.render(positions, quaternions, intrinsics)
    rgb = renderer.get_output()["rgb"]  # wp.array (N, H, W, 3) uint8
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import warp as wp

from ..config import RendererCfg as CoreCfg
from ..errors import ConfigError, InputError, SceneError
from ..renderer import TiledRenderer
from ..watching import announce

if TYPE_CHECKING:
    from pxr import Usd

    from ..cameras import CameraBundle

__all__ = ["NewtonWarpRenderer", "OvrtxRenderer", "RendererBase", "RendererCfg", "WarpRenderer", "get_renderer_class"]

_CAMERA = "EarlyProtocolCamera"


@dataclass
class RendererCfg:
    """What is drawn, and how large.

    Attributes:
        renderer_type: Name of the renderer; for people.
        height: Image height [px].
        width: Image width [px].
        num_envs: Number N of environments, each with one camera.
        data_types: Outputs, by the names of :data:`~omni.isaac.ovrtx_render.outputs.OUTPUTS`.
        stage: The stage; None is the application's (Isaac Sim's or Isaac Lab's) or the only one that is in USD's cache.
        camera_path: Pattern of the camera prims; None makes cameras of its own, on a layer below the session's.
        core: How the renderer draws; its backend is that of the class.
    """

    renderer_type: str = "base"
    height: int = 1024
    width: int = 1024
    num_envs: int = 1
    data_types: list[str] = field(default_factory=lambda: ["rgb"])
    stage: Usd.Stage | None = None
    camera_path: str | None = None
    core: CoreCfg = field(default_factory=CoreCfg)

    def get_renderer_type(self) -> str:
        """Name of the renderer."""
        return self.renderer_type

    def get_height(self) -> int:
        """Image height [px]."""
        return self.height

    def get_width(self) -> int:
        """Image width [px]."""
        return self.width

    def get_num_envs(self) -> int:
        """Number of environments."""
        return self.num_envs

    def get_data_types(self) -> list[str]:
        """Outputs."""
        return self.data_types


class RendererBase:
    """A renderer of the early protocol. Get a class by :func:`get_renderer_class`.

    Args:
        cfg: A :class:`RendererCfg`, or any object with its first five fields.
    """

    backend: ClassVar[str]

    def __init__(self, cfg: Any) -> None:
        missing = [name for name in ("height", "width", "num_envs", "data_types") if not hasattr(cfg, name)]
        if missing:
            raise ConfigError(f"the configuration ({type(cfg).__name__}) has no field {missing[0]!r}")
        self.cfg = cfg
        self.renderer: TiledRenderer | None = None
        self._bundle: CameraBundle | None = None
        self._stage: Any = None
        self._layer: Any = None

    def initialize(self) -> None:
        """Read the live stage and prepare N cameras. A second call does nothing.

        Raises:
            SceneError: There is no stage, or it has not one camera in each of N environments.
            BackendUnavailableError: The backend cannot run here.
            ConfigError: A size or an output is not valid.
        """
        if self.renderer is not None:
            return
        core = getattr(self.cfg, "core", CoreCfg()).replace(backend=self.backend)
        stage = getattr(self.cfg, "stage", None) or _live_stage()
        self.renderer = TiledRenderer(stage, core)
        try:
            self._bundle = self.renderer.add_cameras(
                getattr(self.cfg, "camera_path", None) or self._make_cameras(stage),
                width=self.cfg.width,
                height=self.cfg.height,
                outputs=list(self.cfg.data_types),
            )
            if len(self._bundle) != self.cfg.num_envs:
                raise SceneError(
                    f"there are {len(self._bundle)} cameras for num_envs={self.cfg.num_envs}; expected one each"
                )
        except BaseException:
            self.close()
            raise

    def _make_cameras(self, stage: Usd.Stage) -> list[str]:
        """Define a camera in each environment, on a layer of its own below the session layer; returns their paths."""
        from pxr import Sdf, Usd, UsdGeom

        assert self.renderer is not None
        roots = self.renderer.scene.env_paths
        if len(roots) != self.cfg.num_envs:
            raise SceneError(
                f"the stage has {len(roots)} environments at {self.renderer.cfg.env_pattern}, but num_envs is "
                f"{self.cfg.num_envs}; give them the same number, or name camera prims in camera_path"
            )
        self._stage, self._layer = stage, Sdf.Layer.CreateAnonymous("early_protocol_cameras")
        stage.GetSessionLayer().subLayerPaths.append(self._layer.identifier)
        paths = [f"{root}/{_CAMERA}" for root in roots]
        with Usd.EditContext(stage, self._layer):
            for path in paths:
                UsdGeom.Camera.Define(stage, path).CreateClippingRangeAttr((0.01, 1.0e6))
        return paths

    def set_camera_rays_from_intrinsics(self, intrinsic_matrices: Any) -> None:
        """Set the lenses: (N, 3, 3) float32 pixel intrinsics, each camera its own."""
        self._ready().set_intrinsics(intrinsic_matrices)

    def render(self, camera_positions: Any, camera_orientations: Any, intrinsic_matrices: Any = None) -> None:
        """Draw all cameras.

        Args:
            camera_positions: (N, 3) float32 world positions [stage units]: torch, Warp, numpy or DLPack.
            camera_orientations: (N, 4) float32 world orientations (w, x, y, z), looking along +X with +Z up.
            intrinsic_matrices: (N, 3, 3) float32 pixel intrinsics; None keeps those of before.

        Raises:
            InputError: An array does not fit, or ``initialize`` was not called.
        """
        bundle = self._ready()
        if intrinsic_matrices is not None:
            bundle.set_intrinsics(intrinsic_matrices)
        bundle.set_poses(camera_positions, quat_wxyz=camera_orientations, convention="world")
        assert self.renderer is not None
        self.renderer.render(bundle)
        announce(self.renderer, bundle)

    def get_output(self) -> dict[str, wp.array]:
        """(N, H, W, C) images by name, those of the last ``render``; the same buffers every time."""
        return dict(self._ready().outputs)

    def step(self) -> None:
        """Nothing: the stage is followed by ``render``."""

    def reset(self) -> None:
        """Let nothing of the last episode show in the next images."""
        if self._bundle is not None:
            self._bundle.forget_history()

    def close(self) -> None:
        """Free everything, cameras of its own included; may be called again."""
        if self.renderer is not None:
            self.renderer.close()
        self.renderer = self._bundle = None
        if self._layer is not None and self._stage:  # a stage that was closed is false
            self._stage.GetSessionLayer().subLayerPaths.remove(self._layer.identifier)
        self._stage = self._layer = None

    def _ready(self) -> CameraBundle:
        if self._bundle is None:
            raise InputError(f"{type(self).__name__} is not initialised, or it is closed; call initialize() first")
        return self._bundle


class WarpRenderer(RendererBase):
    """By our Warp ray tracer."""

    backend = "warp"


class NewtonWarpRenderer(RendererBase):
    """By Newton's camera sensor."""

    backend = "newton"


class OvrtxRenderer(RendererBase):
    """By NVIDIA OVRTX."""

    backend = "ovrtx"


_CLASSES: dict[str, type[RendererBase]] = {
    "newton_warp": NewtonWarpRenderer,
    "ovrtx": OvrtxRenderer,
    "warp": WarpRenderer,
}


def get_renderer_class(renderer_type: str) -> type[RendererBase]:
    """The class of a renderer: ``newton_warp``, ``ovrtx`` or ``warp``.

    Raises:
        ConfigError: There is none of that name.
    """
    if renderer_type not in _CLASSES:
        raise ConfigError(f"unknown renderer_type {renderer_type!r}; there are: {', '.join(_CLASSES)}")
    return _CLASSES[renderer_type]


def _live_stage() -> Usd.Stage:
    """The stage of the application: of Isaac Sim or Isaac Lab if they are loaded, else the only one in USD's cache."""
    from pxr import UsdUtils

    if "omni.usd" in sys.modules:
        stage = sys.modules["omni.usd"].get_context().get_stage()
        if stage is not None:
            return stage
    if "isaaclab.sim" in sys.modules:
        context = sys.modules["isaaclab.sim"].SimulationContext.instance()
        if context is not None and getattr(context, "stage", None) is not None:
            return context.stage
    stages = UsdUtils.StageCache.Get().GetAllStages()
    if len(stages) != 1:
        raise SceneError(
            f"there is no live stage: no application has one open, and {len(stages)} are in USD's cache; "
            "give it as the field 'stage' of the configuration"
        )
    return stages[0]
