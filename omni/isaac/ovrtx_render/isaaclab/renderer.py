"""The renderer that Isaac Lab 3 makes from an :class:`~.renderer_cfg.OvrtxRendererCfg`.

Isaac Lab owns the buffers and asks for images when somebody reads ``camera.data``; poses of bodies come from its scene
data provider, poses and lenses of cameras from the camera sensor.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import warp as wp
from isaaclab.renderers import BaseRenderer, CameraRenderSpec, RenderBufferKind, RenderBufferSpec

from ..errors import BackendUnavailableError, ConfigError, SceneError
from ..outputs import resolve_outputs
from ..registry import probe
from ..renderer import TiledRenderer
from ..watching import announce
from .about import about, about_camera
from .bodies import BodyPoses
from .images import clip_depth, linear_background
from .materials import MaterialWriter
from .mounting import CameraMounts

if TYPE_CHECKING:
    from isaaclab.sensors.camera.camera_data import CameraData
    from isaaclab.utils.warp import ProxyArray

    from ..cameras import CameraBundle
    from .renderer_cfg import OvrtxRendererCfg

__all__ = ["OvrtxRenderer", "RenderData"]

_DEPTHS = ("distance_to_image_plane", "distance_to_camera")
_PINHOLE = "pinhole"
"""Of OpenCV's models of lenses, all of which are 0 where a lens does not distort."""
_ENV = re.compile(r"(?P<root>/World/envs/env_)\d+(?P<rest>/.+)")


class RenderData:
    """What the renderer keeps of one camera sensor.

    Attributes:
        name: The sensor's prim path expression.
        bundle: Its N cameras.
        mounts: Where they are.
        depths: Depth images to clip, the far plane [m], and what they say beyond it [m].
    """

    def __init__(self, name: str, bundle: CameraBundle, mounts: CameraMounts) -> None:
        self.name = name
        self.bundle = bundle
        self.mounts = mounts
        self.calibrated = False
        self.depths: list[tuple[wp.array, float, float]] = []


class OvrtxRenderer(BaseRenderer):
    """Isaac Lab's cameras on top of a :class:`~omni.isaac.ovrtx_render.TiledRenderer`.

    Args:
        cfg: The configuration.
        sim: The simulation context; newer Isaac Lab hands it over, the released one does not.
    """

    def __init__(self, cfg: OvrtxRendererCfg, sim: Any = None) -> None:
        # What cannot be is told now, not after physics has started.
        cfg.to_core("cpu")
        _check_newton(cfg)
        if cfg.backend == "isaac_rtx" and probe("isaac_rtx").available:
            _have_kit_draw()
        if getattr(cfg, "async_rendering", False):
            warnings.warn(
                f"async_rendering is set, but {cfg.renderer_type} does not draw ahead: an image is of its own frame",
                stacklevel=2,
            )
        self.cfg = cfg
        self._stage: Any = None
        self._tiled: TiledRenderer | None = None
        self._bodies: BodyPoses | None = None
        self._materials: MaterialWriter | None = None
        self._cameras: list[RenderData] = []

    # -- setting up -------------------------------------------------------------------------------------------------

    def supported_output_types(self) -> dict[RenderBufferKind, RenderBufferSpec]:
        """Channels and dtype of every output."""
        return self.cfg.supported_output_types()

    @property
    def visual_material_writer(self) -> Any:
        """Factory of what Isaac Lab calls when a task changes its materials."""
        return self._make_material_writer

    def _make_material_writer(self, batches: Sequence[Any]) -> MaterialWriter:
        self._materials = MaterialWriter(batches)
        if self._tiled is not None:
            self._materials.bind(self._tiled, self._stage)
        return self._materials

    def prepare_stage(self, stage: Any, num_envs: int) -> None:
        """Remember the stage; it is read when the first camera asks for it."""
        self._drop_scene()
        self._stage = stage

    def create_render_data(self, spec: CameraRenderSpec) -> RenderData:
        """Make a bundle for the cameras of one sensor.

        Raises:
            OvrtxRenderError: The camera, or the scene, asks for something that cannot be drawn.
        """
        with about_camera(spec.cfg.prim_path):
            _check(spec, self._stage)
            tiled = self._scene_for(spec.device)
            names = ["rgba" if name in ("rgb", "rgba") else str(name) for name in spec.cfg.data_types]
            kinds = resolve_outputs(dict.fromkeys(names))
            colorized = self.cfg.colorized()
            color = getattr(spec.cfg, "background_color", None)
            bundle = tiled.add_cameras(
                _camera_paths(spec),
                width=spec.cfg.width,
                height=spec.cfg.height,
                outputs=list(kinds),
                colorize=[kind.name for kind in kinds.values() if kind.name in colorized],
                background=None if color is None else linear_background(color, tiled.cfg.tone_mapping),
            )
            assert self._bodies is not None
            data = RenderData(spec.cfg.prim_path, bundle, CameraMounts(bundle.paths, self._bodies.paths, spec.device))
            self._cameras.append(data)
            return data

    def _scene_for(self, device: str) -> TiledRenderer:
        if self._tiled is None:
            if self._stage is None:
                raise SceneError("there is no USD stage to draw; call prepare_stage with one first")
            self._tiled = TiledRenderer(self._stage, self.cfg.to_core(device))
            self._bodies = BodyPoses(self._tiled, self._stage)
            if self._materials is not None:
                self._materials.bind(self._tiled, self._stage)
        return self._tiled

    def set_outputs(self, render_data: RenderData, output_data: dict[str, ProxyArray]) -> None:
        """Draw into the sensor's own buffers from now on. ``rgb`` is a view of ``rgba``, so it is not drawn again."""
        bundle = render_data.bundle
        with about_camera(render_data.name):
            bundle.set_outputs({name: proxy.warp for name, proxy in output_data.items() if name in bundle.kinds})
        assert self._tiled is not None
        far = self._tiled.scene.meters_per_unit * bundle.cameras[0].clipping_range[1]
        beyond = {"zero": 0.0, "max": far, "none": math.inf}[self.cfg.depth_clipping_behavior]
        # The camera's far plane cuts off by planar depth; Isaac Lab has each image cut off by what it measures.
        render_data.depths = [
            (bundle.outputs[name], far, beyond) for name, kind in bundle.kinds.items() if kind.name in _DEPTHS
        ]

    # -- every frame ------------------------------------------------------------------------------------------------

    def update_transforms(self) -> None:
        """Bring the bodies to where physics has them, if they moved."""
        if self._bodies is not None and self._cameras:
            with about("the bodies"):
                self._bodies.refresh()

    def update_geometries(self) -> None:
        """Bring the points of cloths, soft bodies and cables to where physics has them, if they moved."""
        if self._bodies is not None and self._cameras:
            with about("what deforms"):
                self._bodies.refresh_points()

    def update_camera(
        self, render_data: RenderData, positions: ProxyArray, orientations: ProxyArray, intrinsics: ProxyArray
    ) -> None:
        """Take over reported camera poses: (N,) vec3f [m] and (N,) quatf (x, y, z, w) in the ``world`` convention.

        Cameras on a body go on following it from there. The first call also sets the lenses, (N,) mat33f [px].
        """
        assert self._bodies is not None
        with about_camera(render_data.name):
            if not render_data.calibrated:
                render_data.bundle.set_intrinsics(intrinsics.warp)
                render_data.calibrated = True
            mounts = render_data.mounts
            bodies = self._bodies.as_reported() if mounts.moving else None
            mounts.report(positions.warp, orientations.warp, bodies)
            if not mounts.moving:
                self._place(render_data)

    def update_camera_intrinsics(self, render_data: RenderData, intrinsics: wp.array, parameters: wp.array) -> None:
        """Set the lenses, each camera its own: (N,) mat33f [px]. The physical parameters say nothing more."""
        with about_camera(render_data.name):
            render_data.bundle.set_intrinsics(intrinsics)
            render_data.calibrated = True

    def render(self, render_data: RenderData) -> None:
        """Draw one sensor's cameras into its buffers."""
        assert self._bodies is not None and self._tiled is not None
        with about_camera(render_data.name):
            if render_data.mounts.moving:
                self._place(render_data)
            self._tiled.render(render_data.bundle)
            for depth in render_data.depths:
                clip_depth(*depth)
            announce(self._tiled, render_data.bundle)

    def render_batch(self, render_data: Sequence[RenderData]) -> None:
        """Draw several sensors' cameras."""
        for one in render_data:
            self.render(one)

    def prepare_capture(self, render_data: RenderData, camera_data: CameraData, frame: ProxyArray) -> None:
        """Nothing to do: an image is of the poses of its own frame."""

    def reset(self, render_data: RenderData, env_ids: Sequence[int] | None = None) -> None:
        """Let nothing of the last episode show in the next images, for backends that accumulate over time."""
        with about_camera(render_data.name):
            if self._tiled is not None and render_data.bundle.remembers:  # else a read-back of the ids is for nothing
                rows = env_ids.cpu().numpy() if hasattr(env_ids, "cpu") else env_ids
                render_data.bundle.forget_history(rows)

    def _place(self, render_data: RenderData) -> None:
        assert self._bodies is not None
        mounts = render_data.mounts
        mounts.follow(self._bodies.now)
        render_data.bundle.set_poses(mounts.positions, quat_xyzw=mounts.quats, convention="world")

    def read_output(self, render_data: RenderData, camera_data: CameraData) -> None:
        """Hand over the maps from ids or colours to labels; the images are in the buffers already."""
        for name, info in render_data.bundle.info.items():
            camera_data.info[name] = info

    # -- letting go -------------------------------------------------------------------------------------------------

    def cleanup(self, render_data: RenderData | None) -> None:
        """Forget one sensor; with the last one the scene goes too, and is read anew if another comes."""
        if render_data is None or render_data not in self._cameras:
            return
        self._cameras.remove(render_data)
        if self._tiled is not None:
            self._tiled.remove_cameras(render_data.bundle)
        if not self._cameras:
            self._drop_scene()

    def close(self) -> None:
        """Free everything; may be called again."""
        self._drop_scene()
        self._stage = None

    def _drop_scene(self) -> None:
        if self._tiled is not None:
            self._tiled.close()
        if self._materials is not None:
            self._materials.close()
        self._tiled = self._bodies = None
        self._cameras = []


def _check_newton(cfg: OvrtxRendererCfg) -> None:
    """Say what to do where Isaac Lab's own Newton is too old to draw with: an upgrade would break its physics.

    Raises:
        BackendUnavailableError: It is.
    """
    answer = probe("newton") if cfg.backend == "newton" else None
    if answer is not None and not answer.available:
        raise BackendUnavailableError(
            f"backend 'newton' cannot run here: {answer.reason}. Isaac Lab pins the Newton that it simulates with "
            "(3.0.0: 1.6.1), so do not upgrade it: use NewtonWarpRendererCfg for Newton's pictures, or backend='warp'"
        )


def _have_kit_draw() -> None:
    """Have Kit draw and bring bodies to Fabric, as Isaac Lab does for cameras of its own Isaac RTX renderer."""
    from isaaclab.app.settings_manager import get_settings_manager

    settings = get_settings_manager()
    settings.set("/isaaclab/render/rtx_sensors", True)
    settings.set("/physics/fabricUpdateTransformations", True)


def _check(spec: CameraRenderSpec, stage: Any) -> None:
    """Refuse what would be drawn as if it were not there.

    Raises:
        ConfigError: The camera asks for an image signal processor, or for a lens that is no pinhole.
    """
    if getattr(spec.cfg, "isp_cfg", None) is not None:
        raise ConfigError(
            "isp_cfg asks for an image signal processor, which this renderer does not have; set it to None"
        )
    distortion = getattr(spec.cfg.spawn, "distortion", None)
    if distortion is not None and distortion.apply_lens_distortion:
        raise ConfigError(
            "spawn.distortion asks for a distorting lens, which this renderer does not have; "
            "remove it or set apply_lens_distortion=False"
        )
    projection = getattr(spec.cfg.spawn, "projection_type", _PINHOLE)
    if projection != _PINHOLE:
        raise ConfigError(
            f"spawn.projection_type is {projection!r}, a lens that this renderer does not have; use PinholeCameraCfg"
        )
    if stage is None or spec.cfg.spawn is not None:
        return
    from ..scene.cameras import distorting_lens

    for path in spec.camera_prim_paths:
        lens = distorting_lens(stage.GetPrimAtPath(path))
        if lens:
            raise ConfigError(f"{path} has a distorting lens, which this renderer does not have: {lens}; remove it")


def _camera_paths(spec: CameraRenderSpec) -> list[str]:
    """Camera prims in the order of the sensor's poses: that of the stage, which is that of the environments."""
    paths = list(spec.camera_prim_paths)
    count = getattr(spec, "view_count", len(paths))
    if len(paths) == count:
        return paths
    source = _ENV.fullmatch(paths[0]) if paths else None
    if source is None:
        raise SceneError(f"there are {len(paths)} camera prims for {count} views: {', '.join(paths[:3])}")
    return [f"{source['root']}{i}{source['rest']}" for i in range(count)]
