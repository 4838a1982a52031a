"""The passes of a chunk of cameras, recorded once as a program of launches.

Every pass of a chunk works on the same small scratch, which stays in the cache on the CPU and bounds memory on a GPU.
A recorded launch is only told where the chunk starts, so a frame costs no Python beyond one call a pass.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import warp as wp

from ...config import RendererCfg
from ...outputs import SEGMENTATIONS
from ..targets import TARGETS
from .camera_table import CameraTable
from .culling import ENTRY_FLOATS, project_shapes, sort_shapes
from .device_scene import DeviceScene
from .kernels import load_on_cpu
from .launching import launch
from .resolve import ColorOutputs, GeometryOutputs, SurfaceOutputs, clear_misses, resolve_color, write_geometry
from .shading import ShadingOptions, shade_kernel
from .shadows import occlusion_rays, shadow_kernel, shadow_rays
from .surface import Hits
from .visibility import primary_kernel, tile_grid

__all__ = ["Passes", "Program", "View", "band_count", "nothing"]

_CPU_CHUNK_PIXELS = 16384
_CUDA_CHUNK_PIXELS = 1 << 24
_CUDA_SCRATCH_BYTES = 52 << 24  # as many pixels as that with shadows of one light
_ENTRY_BYTES = 128 << 20
_LEAST_ROWS = 8
"""Rows of a band: a tile's. Fewer would leave the lanes of a tile empty."""
_COLORS = ("rgb", "rgba", "rgb_hdr")
_SIMPLE = ("simple_shading_constant_diffuse", "simple_shading_diffuse_mdl", "simple_shading_full_mdl")
_SURFACE = ("normals", "albedo", *_SIMPLE)
_GEOMETRY = {
    "depth": "distance_to_image_plane",
    "distance": "distance_to_camera",
    "motion": "motion_vectors",
    "semantic": "semantic_segmentation",
    "instance": "instance_segmentation",
    "instance_id": "instance_id_segmentation_fast",
}
_FIRST = object()  # stands for the argument that says where the chunk starts


def nothing(dtype: Any, device: wp.Device, ndim: int = 1) -> wp.array:
    """An empty array: an output that was not asked for."""
    return wp.empty((0,) * ndim, dtype=dtype, device=device)


def band_count(width: int, height: int, cuda: bool) -> int:
    """Into how many bands of equal height an image is cut.

    Bands of one image lie behind each other in memory, so the kernels take them for cameras of their own: the threads
    share a large image, and the scratch stays small.
    """
    budget = _CUDA_CHUNK_PIXELS if cuda else 2 * _CPU_CHUNK_PIXELS
    best = 1
    for count in range(1, height // _LEAST_ROWS + 1):
        if height % count == 0:
            best = count
            if width * height // count <= budget:
                break
    return best


def jitter_of(sample: int) -> wp.vec2:
    """Position of a sample in the pixel: the R2 sequence (Roberts 2018), which starts at the centre."""
    g = 1.32471795724474602596
    return wp.vec2((0.5 + sample / g) % 1.0, (0.5 + sample / (g * g)) % 1.0)


@dataclass(eq=False, kw_only=True)
class View(CameraTable):
    """Cameras that are drawn together, as the kernels see them: a camera here is a band of an image.

    Attributes:
        previous: The cameras when the view was last drawn; ``previous_frames`` the frames then.
        selected: (N B,) indices to draw, the first of them valid.
        drawn: What ``selected`` holds.
        targets: Flat output arrays by kind; see :data:`~..targets.TARGETS`.
        copies: (to, from) buffers of outputs that were asked for twice.
        colorize: Kinds of segmentation that hold colours.
        background: Linear colour of a pixel that hits nothing; None shows the sky.
        programs: One a thread; made at the first frame, and for chunks of ``chunk`` cameras.
    """

    previous: wp.array
    previous_frames: wp.array
    selected: wp.array
    drawn: np.ndarray
    everything: np.ndarray
    width: int
    chunk: int = 1
    colorize: frozenset[str]
    background: tuple[float, float, float] | None
    targets: dict[str, wp.array] = field(default_factory=dict)
    copies: list[tuple[wp.array, wp.array]] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)


@dataclass(eq=False)
class _Step:
    """One recorded launch; ``first`` is the position of the argument that says where the chunk starts."""

    phase: str
    launch: Any
    first: int
    dim: tuple[int, ...]  # without the leading number of cameras
    count: int = 0  # of cameras it is set to


@dataclass(frozen=True)
class Passes:
    """Which passes a view needs, and so which scratch.

    Attributes:
        color: Whether colour is drawn at all.
        single: One sample of one layer is all there is of a pixel: shading writes its outputs, and no pass follows.
        shadows: Whether rays are traced to the lights; ``occlusion`` whether over the hemisphere.
        layered: Whether a ray goes on behind a surface.
        channels: Of the visibility: of each light in turn, then the share of the sky.
    """

    color: bool
    single: bool
    shadows: bool
    occlusion: bool
    layered: bool
    channels: int

    @classmethod
    def of(cls, scene: DeviceScene, cfg: RendererCfg, targets: Mapping[str, wp.array]) -> Passes:
        """Those that draw ``targets`` of a scene."""
        color = any(name in targets for name in _COLORS)
        shadows = color and cfg.shadows and scene.has_shadows
        occlusion = color and cfg.ambient_occlusion_samples > 0 and scene.has_dome
        single = not scene.layered and (cfg.samples_per_pixel == 1 or not color)
        channels = scene.max_lights * shadows + occlusion
        return cls(color, single, shadows, occlusion, scene.layered, channels)

    def chunk(self, cameras: int, pixels: int, scene: DeviceScene) -> int:
        """Of so many cameras (or bands) of so many pixels, how many are drawn at once."""
        budget = _CPU_CHUNK_PIXELS
        if scene.device.is_cuda:
            budget = min(_CUDA_CHUNK_PIXELS, _CUDA_SCRATCH_BYTES // self.pixel_bytes)
        return max(1, min(cameras, budget // pixels, _ENTRY_BYTES // (4 * ENTRY_FLOATS * scene.max_visible)))

    @property
    def pixel_bytes(self) -> int:
        """Scratch of a pixel: its hit, the sum of its colour, what is behind it, a ray and how much light it sees."""
        color_sum = 16 if self.color and not self.single else 0
        return 20 + color_sum + 12 * self.layered + 28 * (self.channels > 0) + 4 * self.channels


class Program:
    """The launches that draw a chunk of a view, and the scratch they share.

    Args:
        scene: What to draw.
        cfg: How to draw it.
        view: From where, into which arrays, and how many cameras at once.
        passes: What that needs.
    """

    def __init__(self, scene: DeviceScene, cfg: RendererCfg, view: View, passes: Passes) -> None:
        self._scene, self._cfg, self._view, self._passes = scene, cfg, view, passes
        self._steps: list[_Step] = []
        self._allocate()
        self._record()

    def run(self, first: int, count: int, phases: Counter[str]) -> None:
        """Draw ``count`` selected cameras from ``first`` on; adds the seconds of each phase."""
        before = time.perf_counter()
        for step in self._steps:
            launch = step.launch
            launch.set_param_at_index(step.first, first)
            if step.count != count:
                launch.set_dim((count, *step.dim))
                step.count = count
            launch.launch()
            now = time.perf_counter()
            phases[step.phase] += now - before
            before = now

    def _allocate(self) -> None:
        view, device, capacity = self._view, self._scene.device, self._scene.max_visible
        pixels = view.chunk * view.width * view.height
        passes = self._passes
        rays = pixels if passes.channels else 0
        layers = pixels if passes.layered else 0

        def zeros(size: int, dtype: Any = wp.float32) -> wp.array:
            return wp.zeros(max(size, 1), dtype=dtype, device=device)

        self._hits = hits = Hits()
        hits.t, hits.u, hits.v = zeros(pixels), zeros(pixels), zeros(pixels)
        hits.instance, hits.prim = zeros(pixels, wp.int32), zeros(pixels, wp.int32)
        self._visible = [
            zeros(view.chunk * capacity * ENTRY_FLOATS),
            zeros(view.chunk * capacity, wp.int32),
            zeros(view.chunk, wp.int32),
        ]
        self._depths = zeros(view.chunk * capacity)
        self._color_sum = zeros(pixels if passes.color and not passes.single else 0, wp.vec4)
        self._through = zeros(layers)
        self._first_t, self._first_instance = zeros(layers), zeros(layers, wp.int32)
        self._amount = zeros(pixels * passes.channels)
        self._origin, self._direction = zeros(rays, wp.vec4), zeros(rays, wp.vec3)

    def _add(self, phase: str, kernel: Any, inputs: list[Any], per_camera: tuple[int, ...] | None = None) -> None:
        """Record a launch; dim is (cameras of the chunk, work items of an image) unless ``per_camera`` says else."""
        view, device = self._view, self._scene.device
        dim = (tile_grid(view.width, view.height, device.is_cuda),) if per_camera is None else per_camera
        first = next(i for i, value in enumerate(inputs) if value is _FIRST)
        args = [0 if value is _FIRST else value for value in inputs]
        if device.is_cpu:
            load_on_cpu([kernel.module])
        recorded = launch(kernel, (view.chunk, *dim), args, device, record_cmd=True)
        self._steps.append(_Step(phase, recorded, first, dim))

    def _record(self) -> None:
        scene, cfg, view, passes = self._scene, self._cfg, self._view, self._passes
        targets, device = view.targets, scene.device
        who = [view.cameras, view.selected, _FIRST]
        size = [view.width, view.height]
        tiles = [*size, int(device.is_cuda)]
        entries, order, count = self._visible
        capacity = scene.max_visible
        items = capacity if device.is_cuda else 1
        self._add("culling", project_shapes,
                  [scene.shapes, *who, *size, capacity, items, entries, self._depths], per_camera=(items,))  # fmt: skip
        self._add("culling", sort_shapes, [_FIRST, capacity, self._depths, order, count], per_camera=())
        asked = [name for name in _GEOMETRY.values() if name in targets]
        needs_shading = passes.color or passes.layered or any(name in targets for name in _SURFACE)
        shading_writes_depth = needs_shading and passes.single and asked == [_GEOMETRY["depth"]]
        depth = targets[_GEOMETRY["depth"]] if shading_writes_depth else nothing(wp.float32, device)
        hits = self._hits
        for sample in range(cfg.samples_per_pixel if passes.color else 1):
            for layer in range(cfg.max_layers if passes.layered else 1):
                self._add(
                    "visibility",
                    primary_kernel(scene.features),
                    [scene.shapes, *who, *tiles, layer, jitter_of(sample), scene.max_visible, *self._visible,
                     self._through, hits.t, hits.instance, hits.prim, hits.u, hits.v],
                )  # fmt: skip
                self._record_shadows([*who, *tiles], sample, layer)
                if needs_shading:
                    self._add(
                        "shading",
                        shade_kernel(scene.features),
                        [scene.shapes, scene.shading, scene.lights, scene.light_begin, scene.environment, *who,
                         self._options(sample, layer), hits, self._amount, self._through, self._first_t,
                         self._first_instance, self._color_sum,
                         self._surface_outputs() if sample == 0 else SurfaceOutputs(),
                         self._color_outputs() if passes.single else ColorOutputs(), depth],
                    )  # fmt: skip
            if sample > 0:
                continue
            nearest = hits
            if passes.layered:
                nearest = Hits()
                nearest.t, nearest.instance = self._first_t, self._first_instance
            if any(name in targets for name in _SURFACE):
                what = [nearest.instance, self._surface_outputs()]
                self._add("outputs", clear_misses, [view.selected, _FIRST, *tiles, *what])
            if asked and not shading_writes_depth:
                what = [nearest, self._geometry_outputs()]
                self._add("outputs", write_geometry, [scene.shapes, *who, *tiles, *what])
        if passes.color and not passes.single:
            what = [self._color_sum, view.selected, _FIRST, *tiles, self._color_outputs()]
            self._add("outputs", resolve_color, what)

    def _record_shadows(self, place: list[Any], sample: int, layer: int) -> None:
        """Rays to every light, then over the hemisphere; each ray buffer is traced before the next is made."""
        scene, cfg, passes = self._scene, self._cfg, self._passes
        bands, channels = self._view.bands, passes.channels
        base = [scene.shapes, scene.shading.attributes]
        rays = [self._origin, self._direction, self._amount]
        behind = [self._hits, self._through, layer]

        def trace(channel: int, weight: float) -> None:
            self._add(
                "shadows", shadow_kernel(scene.features), [scene.shapes, *place, channel, channels, weight, *rays]
            )

        soft = cfg.light_samples > 1
        for channel in range(scene.max_lights if passes.shadows else 0):
            for k in range(cfg.light_samples):
                index = sample * cfg.light_samples + k
                self._add(
                    "shadows",
                    shadow_rays,
                    [*base, scene.lights, scene.light_begin, *place, bands, jitter_of(sample), channel,
                     channels, index, int(k == 0), int(soft), *behind, *rays],
                )  # fmt: skip
                trace(channel, 1.0 / cfg.light_samples)
        for k in range(cfg.ambient_occlusion_samples if passes.occlusion else 0):
            index = sample * cfg.ambient_occlusion_samples + k
            self._add(
                "shadows",
                occlusion_rays,
                [*base, *place, bands, jitter_of(sample), channels - 1, channels, index,
                 int(k == 0), cfg.ambient_occlusion_distance, *behind, *rays],
            )  # fmt: skip
            trace(channels - 1, 1.0 / cfg.ambient_occlusion_samples)

    def _options(self, sample: int, layer: int) -> ShadingOptions:
        scene, cfg, view, passes = self._scene, self._cfg, self._view, self._passes
        o = ShadingOptions()
        o.width, o.height, o.pixels = view.width, view.height, int(scene.device.is_cuda)
        o.layer, o.last_layer = layer, int(layer == cfg.max_layers - 1)
        o.want_color = int(passes.color)
        o.channels = passes.channels
        o.shadowed = int(passes.shadows)
        o.num_lights = scene.max_lights
        o.occlusion_channel = passes.channels - 1 if passes.occlusion else -1
        o.show_dome = int(view.background is None and scene.has_dome)
        o.background = wp.vec3(*(view.background or (0.0, 0.0, 0.0)))
        o.exposure = scene.exposure
        o.weight = 1.0 / cfg.samples_per_pixel
        o.first_sample = int(sample == 0)
        o.final = int(passes.single)
        o.plain = int(passes.single and passes.color and not any(name in view.targets for name in _SURFACE))
        o.jitter = jitter_of(sample)
        return o

    def _color_outputs(self) -> ColorOutputs:
        targets, device = self._view.targets, self._scene.device
        out = ColorOutputs()
        out.rgb = targets.get("rgb", nothing(wp.uint8, device, 2))
        out.rgba = targets.get("rgba", nothing(wp.uint32, device))
        out.hdr = targets.get("rgb_hdr", nothing(wp.vec3, device))
        out.encode = self._scene.encode
        out.tone_mapping = int(self._cfg.tone_mapping == "aces")
        return out

    def _surface_outputs(self) -> SurfaceOutputs:
        targets, device = self._view.targets, self._scene.device
        out = SurfaceOutputs()
        out.normals = targets.get("normals", nothing(wp.vec3, device))
        out.albedo = targets.get("albedo", nothing(wp.uint32, device))
        out.constant, out.diffuse, out.full = (targets.get(n, nothing(wp.uint8, device, 2)) for n in _SIMPLE)
        out.encode = self._scene.encode
        return out

    def _geometry_outputs(self) -> GeometryOutputs:
        scene, targets = self._scene, self._view.targets
        out = GeometryOutputs()
        for field_name, name in _GEOMETRY.items():
            setattr(out, field_name, targets.get(name, nothing(TARGETS[name][0], scene.device)))
        out.previous, out.previous_cameras = self._view.previous_frames, self._view.previous
        out.semantic_of, out.owner_of, out.path_of = scene.semantic_of, scene.owner_of, scene.path_of
        out.colorize = sum(1 << bit for bit, name in enumerate(SEGMENTATIONS) if name in self._view.colorize)
        out.palette, out.semantic_palette = scene.palette, scene.semantic_palette
        return out
