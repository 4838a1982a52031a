"""Isaac Lab 2.3 (Isaac Sim 5.1): its tiled cameras draw with us, without a file of it being edited.

That version has no renderer interface: ``TiledCamera`` itself talks to Replicator. :class:`OvrtxTiledCamera` talks to
us; :func:`enable` turns every ``TiledCamera`` that is made into it. Quaternions are (w, x, y, z) there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import carb.settings
import torch
import warp as wp
from isaaclab.sensors.camera import TiledCamera
from isaaclab.sensors.sensor_base import SensorBase
from isaaclab.sim.views import XformPrimView
from pxr import UsdGeom

from ..config import RendererCfg
from ..errors import SceneError
from ..renderer import TiledRenderer
from ..watching import announce
from .about import about_camera
from .mounting import CameraMounts
from .physx_bodies import PhysxBodies

__all__ = ["OvrtxTiledCamera", "disable", "enable"]

_RTX_SENSORS = "/isaaclab/render/rtx_sensors"
_XYZW, _WXYZ = [1, 2, 3, 0], [3, 0, 1, 2]
_COLORIZE = {
    "semantic_segmentation": "colorize_semantic_segmentation",
    "instance_segmentation_fast": "colorize_instance_segmentation",
    "instance_id_segmentation_fast": "colorize_instance_id_segmentation",
}
_DEPTHS = ("depth", "distance_to_image_plane", "distance_to_camera")

_cfg = RendererCfg()
_plain_init: Any = None


def enable(cfg: RendererCfg | None = None) -> None:
    """Make every ``TiledCamera`` that is made from now on draw with us.

    Args:
        cfg: Configuration of the renderer; None is the default one.
    """
    global _cfg, _plain_init
    _cfg = cfg or RendererCfg()
    if _plain_init is None:
        _plain_init = TiledCamera.__init__
        TiledCamera.__init__ = _init


def disable() -> None:
    """Make ``TiledCamera`` what it was. Cameras that were made go on drawing with us."""
    global _plain_init
    if _plain_init is not None:
        TiledCamera.__init__, _plain_init = _plain_init, None


def _init(camera: TiledCamera, cfg: Any) -> None:
    # Tasks hold the class itself, in configurations that may be older than this module: the object changes its class.
    if type(camera) is TiledCamera:
        camera.__class__ = OvrtxTiledCamera
        OvrtxTiledCamera.__init__(camera, cfg)
    else:
        _plain_init(camera, cfg)


class _Scene:
    """A renderer that cameras of one stage and configuration share."""

    open: list[_Scene] = []  # noqa: RUF012 (on purpose one list of the class)

    def __init__(self, stage: Any, cfg: RendererCfg) -> None:
        self.stage, self.cfg = stage, cfg
        self.users = 0
        self.renderer = TiledRenderer(stage, cfg)
        self.bodies = PhysxBodies(self.renderer, stage)

    @classmethod
    def of(cls, stage: Any, cfg: RendererCfg) -> _Scene:
        """The open scene of a stage and configuration, or a new one; it is to be :meth:`left`."""
        found = next((one for one in cls.open if one.stage == stage and one.cfg == cfg), None)
        if found is None:
            found = cls(stage, cfg)
            cls.open.append(found)
        found.users += 1
        return found

    def left(self) -> None:
        """One user less; the last one closes it."""
        self.users -= 1
        if self.users == 0:
            _Scene.open.remove(self)
            self.renderer.close()


class OvrtxTiledCamera(TiledCamera):
    """A ``TiledCamera`` that neither needs ``--enable_cameras`` nor makes Kit render.

    Use it through :func:`enable`, or name it: ``TiledCameraCfg(class_type=OvrtxTiledCamera, ...)``.
    """

    def __init__(self, cfg: Any) -> None:
        self._scene: _Scene | None = None
        self._bundle: Any = None
        self._annotators: dict[str, Any] = {}  # what the base class would detach
        self._mounts: CameraMounts | None = None
        settings = carb.settings.get_settings()
        before = bool(settings.get(_RTX_SENSORS))
        try:
            super().__init__(cfg)
        finally:
            # Set by every camera: env.step would let Kit render for it.
            settings.set(_RTX_SENSORS, before)

    def __del__(self) -> None:
        super().__del__()
        self._leave()

    # -- setting up -------------------------------------------------------------------------------------------------

    def _initialize_impl(self) -> None:
        SensorBase._initialize_impl(self)
        self._view = XformPrimView(self.cfg.prim_path, device=self._device, stage=self.stage)
        if self._view.count != self._num_envs:
            raise SceneError(
                f"camera {self.cfg.prim_path} matches {self._view.count} prims in {self._num_envs} environments; "
                "expected one in each"
            )
        for prim in self._view.prims:
            if not prim.IsA(UsdGeom.Camera):
                raise SceneError(f"{prim.GetPath()} is a {prim.GetTypeName()}; expected a Camera")
        self._sensor_prims = [UsdGeom.Camera(prim) for prim in self._view.prims]
        self._ALL_INDICES = torch.arange(self._view.count, device=self._device, dtype=torch.long)
        self._frame = torch.zeros(self._view.count, device=self._device, dtype=torch.long)
        self._render_product_paths: list[str] = []
        self._create_buffers()
        self._open_bundle()

    def _open_bundle(self) -> None:
        """Open the scene, or join the cameras that have it open, and draw into the sensor's own buffers."""
        self._leave()
        with about_camera(self.cfg.prim_path):
            self._fill_bundle()

    def _fill_bundle(self) -> None:
        self._scene = _Scene.of(self.stage, self._renderer_cfg())
        # "rgb" is a view of "rgba".
        names = dict.fromkeys("rgba" if name == "rgb" else name for name in self.cfg.data_types)
        self._bundle = self._scene.renderer.add_cameras(
            [str(prim.GetPath()) for prim in self._view.prims],
            width=self.cfg.width,
            height=self.cfg.height,
            outputs=list(names),
            colorize=[name for name in names if name in _COLORIZE and getattr(self.cfg, _COLORIZE[name])],
        )
        self._bundle.set_outputs({name: wp.from_torch(self._data.output[name]) for name in names})
        bodies = self._scene.bodies
        self._mounts = CameraMounts(self._bundle.paths, bodies.paths, self._device)
        if self._mounts.moving:
            self._report()

    def _renderer_cfg(self) -> RendererCfg:
        types = self.cfg.semantic_filter
        return replace(
            _cfg,
            device=self._device,
            semantic_filter=types if isinstance(types, str) else "; ".join(f"{kind}:*" for kind in types),
            semantic_colors={name: tuple(color) for name, color in self.cfg.semantic_segmentation_mapping.items()},
        )

    def reset(self, env_ids: Sequence[int] | None = None) -> None:
        super().reset(env_ids)
        if self._bundle is not None and self._bundle.remembers:
            self._bundle.forget_history(None if env_ids is None else self._ALL_INDICES[env_ids].tolist())

    # -- every frame ------------------------------------------------------------------------------------------------

    def _update_buffers_impl(self, env_ids: Sequence[int]) -> None:
        with about_camera(self.cfg.prim_path):
            self._draw(env_ids)

    def _draw(self, env_ids: Sequence[int]) -> None:
        assert self._scene is not None and self._mounts is not None
        self._frame[env_ids] += 1
        self._scene.bodies.refresh()
        if self._mounts.moving:
            self._mounts.follow(self._scene.bodies.now)
            self._bundle.set_poses(self._mounts.positions, quat_xyzw=self._mounts.quats, convention="world")
        if self.cfg.update_latest_camera_pose:
            self._update_poses(env_ids)
        self._scene.renderer.render(self._bundle)
        self._data.info.update(self._bundle.info)
        self._clip_depths()
        announce(self._scene.renderer, self._bundle)

    def _clip_depths(self) -> None:
        """As ``TiledCamera`` does: a ray longer than the clipping range misses, and what misses is configured."""
        far = self._bundle.cameras[0].clipping_range[1] * self._scene.renderer.scene.meters_per_unit  # type: ignore
        for name in self._bundle.outputs:
            if name not in _DEPTHS:
                continue
            depth = self._data.output[name]
            if name == "distance_to_camera":
                depth[depth > far] = torch.inf
            if self.cfg.depth_clipping_behavior != "none":
                depth[torch.isinf(depth)] = 0.0 if self.cfg.depth_clipping_behavior == "zero" else far

    # -- poses ------------------------------------------------------------------------------------------------------

    def _update_poses(self, env_ids: Sequence[int]) -> None:
        """Refresh what the sensor says of its poses; on a body they follow it, whatever Fabric has."""
        if self._mounts is None or not self._mounts.moving:
            super()._update_poses(env_ids)
            return
        self._mounts.follow(self._scene.bodies.now)  # type: ignore[union-attr]
        self._data.pos_w[env_ids] = wp.to_torch(self._mounts.positions)[env_ids]
        self._data.quat_w_world[env_ids] = wp.to_torch(self._mounts.quats)[:, _WXYZ][env_ids]

    def set_world_poses(
        self, positions: Any = None, orientations: Any = None, env_ids: Any = None, convention: str = "ros"
    ) -> None:
        super().set_world_poses(positions, orientations, env_ids, convention)
        self._take_set_poses(env_ids)

    def set_world_poses_from_view(self, eyes: Any, targets: Any, env_ids: Any = None) -> None:
        super().set_world_poses_from_view(eyes, targets, env_ids)
        self._take_set_poses(env_ids)

    def _take_set_poses(self, env_ids: Any) -> None:
        """The view wrote poses, to Fabric perhaps: read them back from it, and draw from there on."""
        if self._mounts is None or self._scene is None:
            return
        with about_camera(self.cfg.prim_path):
            self._take_poses(env_ids)

    def _take_poses(self, env_ids: Any) -> None:
        assert self._mounts is not None and self._scene is not None
        rows = self._ALL_INDICES if env_ids is None else torch.as_tensor(env_ids, device=self._device)
        TiledCamera._update_poses(self, rows)
        if not self._mounts.moving:
            position, quat = self._data.pos_w[rows], self._data.quat_w_world[rows]
            self._bundle.set_poses(position, quat_wxyz=quat, convention="world", env_ids=rows.tolist())
            return
        # The others are where their bodies carried them: what the sensor says of them may be older.
        self._scene.bodies.refresh()
        self._mounts.follow(self._scene.bodies.now)
        followed = wp.to_torch(self._mounts.positions), wp.to_torch(self._mounts.quats)[:, _WXYZ]
        for ours, theirs in zip((self._data.pos_w, self._data.quat_w_world), followed, strict=True):
            others = torch.ones(len(ours), dtype=torch.bool, device=self._device)
            others[rows] = False
            ours[others] = theirs[others]
        self._report()

    def _report(self) -> None:
        """Fix the cameras to their bodies where the sensor says that they are."""
        assert self._mounts is not None and self._scene is not None
        positions = wp.from_torch(self._data.pos_w.contiguous(), dtype=wp.vec3)
        quats = wp.from_torch(self._data.quat_w_world[:, _XYZW].contiguous(), dtype=wp.quat)
        self._mounts.report(positions, quats, self._scene.bodies.now)

    # -- letting go -------------------------------------------------------------------------------------------------

    def _invalidate_initialize_callback(self, event: Any) -> None:
        super()._invalidate_initialize_callback(event)
        self._leave()

    def _leave(self) -> None:
        scene, bundle = self._scene, self._bundle
        self._scene = self._bundle = self._mounts = None
        if scene is not None:
            if bundle is not None:
                scene.renderer.remove_cameras(bundle)
            scene.left()
