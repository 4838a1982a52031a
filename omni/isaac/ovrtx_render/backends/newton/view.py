"""Cameras of a bundle as Newton draws them: worlds, rays, and the buffers that its images become ours in."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import warp as wp
from newton.sensors import SensorCamera

from ...cameras import CameraBundle
from ...config import RendererCfg
from ...outputs import OUTPUTS
from ...scene.data import Scene
from ..ids import palette, semantic_palette
from ..targets import TARGETS
from ..warp.camera_table import CameraTable
from ..warp.program import jitter_of
from .kernels import Images, fill_rays, finish
from .lights import Lighting
from .model import DrawnModel

__all__ = ["SUPPORTED", "View", "World", "light_up", "make_sensor"]

_FIELDS = {
    "plane": "distance_to_image_plane",
    "distance": "distance_to_camera",
    "rgb": "rgb",
    "rgba": "rgba",
    "hdr": "rgb_hdr",
    "normals": "normals",
    "albedo": "albedo",
    "semantic": "semantic_segmentation",
    "instance": "instance_segmentation",
    "instance_id": "instance_id_segmentation_fast",
}
_IDS = ("semantic", "instance", "instance_id")
_COLORS = ("rgb", "rgba", "hdr")
_LENS = ("fx", "fy", "cx", "cy", "skew", "near", "orthographic")
_NOWHERE = -1.0
# Beyond it nothing is drawn [m]. The far plane is ours to cut at: Newton compiles anew for every distance.
_MAX_DISTANCE = 1.0e6

SUPPORTED = tuple(name for name in OUTPUTS if name in _FIELDS.values())
"""Kinds of output that Newton can draw."""


@dataclass(eq=False)
class World:
    """A model and its sensor."""

    drawn: DrawnModel
    sensor: SensorCamera


def make_sensor(drawn: DrawnModel, lighting: Lighting, cfg: RendererCfg) -> SensorCamera:
    """A sensor with our light."""
    sensor = SensorCamera(drawn.model, default_clear_data=SensorCamera.ClearData(clear_depth=_NOWHERE))
    render = sensor.default_render_config
    render.enable_textures = drawn.textured
    render.render_order = SensorCamera.RenderOrder.TILED
    render.tile_width = render.tile_height = 8
    render.max_distance = _MAX_DISTANCE
    if cfg.samples_per_pixel > 1:
        render.anti_aliasing = SensorCamera.AntiAliasing.SSAA
    light_up(sensor, lighting)
    return sensor


def light_up(sensor: SensorCamera, lighting: Lighting) -> None:
    """Give a sensor its light."""
    if lighting.color is not None:
        direction = None if lighting.direction is None else wp.vec3(*lighting.direction)
        sensor.create_default_light(
            enable_shadows=lighting.shadows, direction=direction, color=wp.vec3(*lighting.color)
        )
    sensor.set_ambient_light(lighting.ambient_up, lighting.ambient_down)
    sensor.default_render_config.enable_shadows = lighting.shadows and lighting.color is not None


@dataclass(frozen=True)
class Run:
    """Successive cameras with one lens and one kind of sight: Newton takes one bundle of rays a call."""

    first: int
    end: int
    everything: bool
    lens: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Selection:
    """Which cameras are drawn.

    Attributes:
        worlds: (N,) int32 what each camera sees, or that it is left alone.
        runs: Runs with any of them.
        rows: (n,) int32 of them, by kind of sight.
    """

    worlds: wp.array
    runs: list[Run]
    rows: dict[bool, wp.array]


@dataclass(eq=False, kw_only=True)
class View(CameraTable):
    """Cameras of a bundle.

    Attributes:
        width: Image width [px].
        background: Linear colour of a pixel that hits nothing; None shows the sky.
        envs: (N,) world of each camera.
        targets: Flat output arrays by kind; see :data:`~..targets.TARGETS`.
        copies: (to, from) buffers of outputs that were asked for twice.
    """

    width: int
    background: tuple[float, float, float] | None
    transforms: wp.array
    envs: np.ndarray
    runs: list[Run] = field(default_factory=list)
    targets: dict[str, wp.array] = field(default_factory=dict)
    copies: list[tuple[wp.array, wp.array]] = field(default_factory=list)
    _selected: tuple[bytes | None, Selection] | None = None
    _images: dict[bool, Images] = field(default_factory=dict)
    _scratch: dict[str, wp.array] = field(default_factory=dict)
    _rays: dict[int, tuple[tuple[float, ...], wp.array]] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop what depends on the buffers and on the scene."""
        self._images, self._scratch = {}, {}

    def cut(self, everything: np.ndarray) -> None:
        """Cut the cameras into runs; ``everything`` (N,) says which see all environments."""
        states = self.cameras.numpy()
        lenses = zip(*(states[name].tolist() for name in _LENS), strict=True)
        keys = list(zip(everything.tolist(), lenses, strict=True))
        cuts = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
        self.runs = [Run(a, b, *keys[a]) for a, b in pairwise(cuts)]
        self._selected = None

    def select(self, cameras: np.ndarray | None) -> Selection:
        """The cameras to draw (None: all); the same object as long as they are the same."""
        key = None if cameras is None else cameras.tobytes()
        if self._selected is None or self._selected[0] != key:
            every = np.arange(len(self.envs))
            picked = np.isin(every, every if cameras is None else cameras)
            runs = [run for run in self.runs if picked[run.first : run.end].any()]
            rows: dict[bool, list[int]] = {}
            for run in runs:
                rows.setdefault(run.everything, []).extend(run.first + np.flatnonzero(picked[run.first : run.end]))
            worlds = np.where(picked, self.envs, int(SensorCamera.WorldRenderFlag.DISABLE_PRESERVE))

            def ints(values: Any) -> wp.array:
                return wp.array(values, dtype=wp.int32, device=self.cameras.device)

            self._selected = (key, Selection(ints(worlds), runs, {kind: ints(some) for kind, some in rows.items()}))
        return self._selected[1]

    def trace(self, world: World, state: Any, run: Run, worlds: wp.array, samples: int) -> None:
        """Let Newton draw a run; ``worlds`` (N,) int32 says what each camera sees, or that it is left alone."""
        pixels = self.width * self.height
        images = self._images[run.everything]

        def part(array: wp.array) -> wp.array | None:
            if not len(array):
                return None
            return array[run.first * pixels : run.end * pixels].reshape((-1, self.height, self.width))

        poses, who = self.transforms[run.first : run.end], worlds[run.first : run.end]
        sharp = {
            "forward_depth_image": part(images.depth),
            "shape_index_image": part(images.shape),
            "normal_image": part(images.normals),
            "albedo_image": part(images.albedo),
        }
        soft = {"hdr_color_image": part(images.light), "color_image": part(images.coverage)}
        if samples > 1:
            world.sensor.update(state, poses, self._rays_of(run, 1), world_indices=who, **sharp)
            if soft["hdr_color_image"] is not None:
                world.sensor.update(state, poses, self._rays_of(run, samples), world_indices=who, **soft)
        else:
            world.sensor.update(state, poses, self._rays_of(run, 1), world_indices=who, **sharp, **soft)

    def finish(self, rows: wp.array, everything: bool, lighting: Lighting, tone: int, table: wp.array) -> None:
        """Bring the images of the cameras ``rows`` into our formats."""
        show_sky = self.background is None
        background = wp.vec3(*(self.background or (0.0, 0.0, 0.0)))
        wp.launch(
            finish,
            dim=(len(rows), self.height, self.width),
            inputs=[
                self._images[everything],
                self.cameras,
                rows,
                self.width,
                self.height,
                int(show_sky),
                background,
                lighting.sky,
                lighting.sky_features,
                lighting.exposure,
                tone,
                table,
            ],
            device=self.cameras.device,
        )

    def _rays_of(self, run: Run, samples: int) -> wp.array:
        device = self.cameras.device
        lens, rays = self._rays.get(samples, (None, None))
        if rays is None:
            rays = wp.empty((self.height, self.width, samples, 2), dtype=wp.vec3, device=device)
        if lens != run.lens:
            jitter = wp.array([jitter_of(s) for s in range(samples)], dtype=wp.vec2, device=device)
            dim = (self.height, self.width, samples)
            wp.launch(fill_rays, dim=dim, inputs=[self.cameras, run.first, jitter, rays], device=device)
            self._rays[samples] = (run.lens, rays)
        return rays

    def prepare(
        self, everything: bool, drawn: DrawnModel, scene: Scene, cfg: RendererCfg, bundle: CameraBundle
    ) -> None:
        """Collect the buffers that are drawn into, once for each model."""
        if everything in self._images:
            return
        images = Images()
        for name, kind in _FIELDS.items():
            dtype, shape = TARGETS[kind]
            empty = wp.empty((0,) * (1 + len(shape)), dtype=dtype, device=self.cameras.device)
            setattr(images, name, self.targets.get(kind, empty))
        wants_color = any(len(getattr(images, name)) for name in _COLORS)
        images.depth = images.plane if len(images.plane) else self._space("depth", wp.float32, True)
        # Always: Newton compiles a kernel for every set of images that it is asked for.
        images.shape = self._space("shape", wp.uint32, True)
        images.light = images.hdr if len(images.hdr) else self._space("light", wp.vec3, wants_color)
        images.coverage = self._space("coverage", wp.uint32, wants_color and cfg.samples_per_pixel > 1)
        for name in _IDS:
            values = _id_table(_FIELDS[name], drawn.instance, scene)
            if _FIELDS[name] in bundle.colorize:
                semantic = name == "semantic"
                colors = semantic_palette(scene.labels, cfg.semantic_colors) if semantic else palette(values.max() + 1)
                values = colors[values].view(np.int32)
            setattr(images, f"{name}_of", wp.array(values, dtype=wp.int32, device=self.cameras.device))
        self._images[everything] = images

    def _space(self, name: str, dtype: Any, wanted: bool) -> wp.array:
        if name not in self._scratch:
            size = len(self.envs) * self.width * self.height if wanted else 0
            self._scratch[name] = wp.empty(size, dtype=dtype, device=self.cameras.device)
        return self._scratch[name]


def _id_table(kind: str, instance: np.ndarray, scene: Scene) -> np.ndarray:
    """(S + 2,) int32 ids by shape; that of a miss and that of the unknown come last."""
    inst = scene.instances
    of_instance = {
        "semantic_segmentation": inst.label + 1,
        "instance_segmentation": np.where(inst.label > 0, inst.owner + 2, 1),
        "instance_id_segmentation_fast": inst.path + 2,
    }[kind]
    of_shape = np.where(instance >= 0, np.append(of_instance, 1)[instance], 1)
    return np.concatenate([of_shape, [0, 1]]).astype(np.int32)
