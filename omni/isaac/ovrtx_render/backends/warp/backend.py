"""The Warp ray tracer as a backend: the order of the passes, the scratch they share, and the CPU threads they run on.

A frame is cut into chunks of cameras. Every pass of a chunk works on the same small scratch, which stays in the cache
on the CPU and bounds memory on a GPU. The launches of a chunk are recorded once a bundle (a *program*) and only told
where to start afterwards, so a frame costs no Python beyond one call a pass.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..._warp_version import require_warp

require_warp()

import warp as wp  # noqa: E402

from ...arrays import reinterpret  # noqa: E402
from ...cameras import CONVENTIONS, CameraBundle, intrinsics_of  # noqa: E402
from ...config import RendererCfg  # noqa: E402
from ...errors import ConfigError, InputError  # noqa: E402
from ...outputs import SEGMENTATIONS  # noqa: E402
from ...scene.data import Scene  # noqa: E402
from ..base import Backend, FrameBinding  # noqa: E402
from .culling import ENTRY_FLOATS, cull  # noqa: E402
from .device_scene import DeviceScene, affine_rows, upload  # noqa: E402
from .resolve import GeometryOutputs, palette, resolve_color, write_geometry  # noqa: E402
from .shading import ShadingOptions, SurfaceOutputs, shade  # noqa: E402
from .shadows import occlusion_rays, shadow_rays, trace_shadows  # noqa: E402
from .surface import Hits  # noqa: E402
from .transforms import (  # noqa: E402
    follow_frames,
    follow_lights,
    set_camera_intrinsics,
    set_camera_poses,
    write_matrices,
    write_poses,
)
from .types import Affine, CameraState  # noqa: E402
from .visibility import tile_grid, trace_primary  # noqa: E402

__all__ = ["WarpBackend"]

_COLORS = ("rgb", "rgba", "rgb_hdr")
_SIMPLE = ("simple_shading_constant_diffuse", "simple_shading_diffuse_mdl", "simple_shading_full_mdl")
_SURFACE = ("normals", "albedo", *_SIMPLE)
_CPU_CHUNK_PIXELS = 16384
_CUDA_CHUNK_PIXELS = 1 << 22
_ENTRY_BYTES = 128 << 20
_ORDERS = {"xyzw": wp.vec4i(0, 1, 2, 3), "wxyz": wp.vec4i(1, 2, 3, 0)}


def jitter_of(sample: int) -> wp.vec2:
    """Position of a sample in the pixel: the R2 sequence (Roberts 2018), which starts at the centre."""
    g = 1.32471795724474602596
    return wp.vec2((0.5 + sample / g) % 1.0, (0.5 + sample / (g * g)) % 1.0)


@dataclass(eq=False)
class _Scratch:
    """Buffers of one chunk: one set a thread."""

    hits: Hits
    visible: dict[str, wp.array]
    through: wp.array
    color: wp.array
    amount: wp.array
    origin: wp.array
    direction: wp.array
    first_t: wp.array
    first_instance: wp.array
    program: list[_Step] = field(default_factory=list)


@dataclass(eq=False)
class _Step:
    """One recorded launch; ``first`` is the position of the argument that says where the chunk starts."""

    phase: str
    launch: Any
    first: int
    dim: tuple[int, ...]  # without the leading number of cameras


@dataclass(eq=False)
class _Bundle:
    """What the backend keeps of a camera bundle."""

    cameras: wp.array
    previous: wp.array  # cameras as this bundle drew them last
    previous_frames: wp.array  # frames as this bundle drew them last; empty where no output needs them
    frames: wp.array
    pinned: wp.array
    selected: wp.array
    all_cameras: np.ndarray
    drawn: np.ndarray  # what `selected` holds
    targets: dict[str, wp.array]
    chunk: int
    copies: list[tuple[wp.array, wp.array]] = field(default_factory=list)  # (to, from): one kind in two buffers
    scratch: list[_Scratch] = field(default_factory=list)


@dataclass(eq=False)
class _Bound:
    rows: wp.array
    frames: wp.array
    to_pose: wp.array
    to_matrix: wp.array
    moves_lights: bool


class WarpBackend(Backend):
    """Our own ray tracer, on any CPU and any CUDA GPU, RT cores or not.

    Raises:
        ConfigError: The configured device does not exist.
    """

    name: ClassVar[str] = "warp"

    def __init__(self, cfg: RendererCfg) -> None:
        wp.init()
        self.cfg = cfg
        try:
            self.device: wp.Device = wp.get_device(cfg.device) if cfg.device else wp.get_preferred_device()
        except (ValueError, RuntimeError) as error:
            known = ", ".join(str(d) for d in wp.get_devices())
            raise ConfigError(f"device is {cfg.device!r}; the devices here are: {known}") from error
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = 1 if self.device.is_cuda else cfg.threads or available
        self._pool = ThreadPoolExecutor(self.threads, "ovrtx-render") if self.threads > 1 else None
        self._scene: DeviceScene | None = None
        self._source: Scene | None = None
        self._bundles: list[CameraBundle] = []
        self._lights_moved = False

    # -- scene ------------------------------------------------------------------------------------------------------

    def load(self, scene: Scene) -> None:
        self._source = scene
        self._scene = upload(scene, self.cfg, self.device)
        for bundle in self._bundles:
            bundle.backend_data.scratch = []

    @property
    def scene(self) -> DeviceScene:
        """The scene on the device."""
        if self._scene is None:
            raise InputError("the renderer is closed; make a new TiledRenderer")
        return self._scene

    def bind(self, binding: FrameBinding) -> _Bound:
        scene = self.scene
        n = scene.num_instances
        to_device = np.empty(n, np.int64)
        to_device[scene.order] = np.arange(n)
        frames = binding.frames.astype(np.int64)
        is_instance = frames < n
        frames[is_instance] = to_device[frames[is_instance]]
        lights = len(self._source.lights) if self._source else 0

        def put(values: np.ndarray, dtype: Any) -> wp.array:
            return wp.array(values, dtype=dtype, device=self.device)

        return _Bound(
            put(binding.rows.astype(np.int32), wp.int32),
            put(frames.astype(np.int32), wp.int32),
            put(affine_rows(binding.to_pose, 1.0), Affine),
            put(affine_rows(binding.to_matrix, 1.0), Affine),
            bool(((frames >= n) & (frames < n + lights)).any()),
        )

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, _Bound)
        self._write(write_poses, bound, [positions, quats, _ORDERS[order]], bound.to_pose)

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, _Bound)
        self._write(write_matrices, bound, [matrices], bound.to_matrix)

    def _write(self, kernel: Any, bound: _Bound, poses: list[Any], offsets: wp.array) -> None:
        scene = self.scene
        meters = self._source.meters_per_unit if self._source else 1.0
        if len(bound.rows):
            wp.launch(
                kernel,
                dim=len(bound.rows),
                inputs=[
                    *poses,
                    meters,
                    bound.rows,
                    bound.frames,
                    offsets,
                    scene.num_instances,
                    scene.frames,
                    scene.shapes,
                ],
                device=self.device,
            )
        self._lights_moved |= bound.moves_lights

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, bundle: CameraBundle) -> None:
        assert self._source is not None
        n = len(bundle)
        states = np.zeros(n, CameraState.numpy_dtype())
        meters = self._source.meters_per_unit
        for row, camera in zip(states, bundle.cameras, strict=True):
            k = intrinsics_of(camera, bundle.width, bundle.height, meters)
            row["fx"], row["fy"], row["cx"], row["cy"] = k[0, 0], k[1, 1], k[0, 2], k[1, 2]
            row["near"], row["far"] = (max(x, 0.0) * meters for x in camera.clipping_range)
            row["orthographic"], row["env"] = int(camera.orthographic), camera.env

        def ints(values: np.ndarray) -> wp.array:
            return wp.array(values.astype(np.int32), dtype=wp.int32, device=self.device)

        cameras = wp.array(states, dtype=CameraState, device=self.device)
        pixels = bundle.width * bundle.height
        budget = _CUDA_CHUNK_PIXELS if self.device.is_cuda else _CPU_CHUNK_PIXELS
        chunk = max(1, min(n, budget // pixels, _ENTRY_BYTES // (4 * ENTRY_FLOATS * self.scene.max_visible)))
        everything = np.arange(n, dtype=np.int32)
        moving = any(kind.name == "motion_vectors" for kind in bundle.kinds.values())
        data = _Bundle(
            cameras=cameras,
            previous=wp.clone(cameras),
            previous_frames=wp.clone(self.scene.frames) if moving else _nothing(Affine, self.device),
            frames=ints(bundle.frames),
            pinned=ints(np.zeros(n)),
            selected=ints(np.arange(n)),
            all_cameras=everything,
            drawn=everything,
            targets={},
            chunk=chunk,
        )
        bundle.backend_data = data
        self._follow(data)
        wp.copy(data.previous, data.cameras)
        self._allocate(bundle, data)
        self._describe_ids(bundle)
        self._bundles.append(bundle)

    def _allocate(self, bundle: CameraBundle, data: _Bundle) -> None:
        n, h, w = len(bundle), bundle.height, bundle.width
        for name, kind in bundle.kinds.items():
            if kind.name in data.targets:
                target = data.targets[kind.name]
            else:
                dtype, shape = _TARGETS[kind.name]
                target = wp.zeros((n * h * w, *shape), dtype=dtype, device=self.device)
                data.targets[kind.name] = target
            colored = kind.name in bundle.colorize
            channels, scalar = (4, wp.uint8) if colored else (kind.channels, getattr(wp, kind.dtype))
            bundle.outputs[name] = reinterpret(target, scalar, (n, h, w, channels))

    def remove_cameras(self, bundle: CameraBundle) -> None:
        self._bundles.remove(bundle)
        bundle.backend_data = None

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        data: _Bundle = bundle.backend_data
        data.targets, data.copies = {}, []
        for name, kind in bundle.kinds.items():
            buffer = buffers[name]
            if kind.name in data.targets:  # one kind under two names, in two buffers
                first = next(n for n, k in bundle.kinds.items() if k is kind)
                data.copies.append((buffer, buffers[first]))
            else:
                dtype, shape = _TARGETS[kind.name]
                data.targets[kind.name] = reinterpret(
                    buffer, dtype, (len(bundle) * bundle.height * bundle.width, *shape)
                )
            bundle.outputs[name] = buffer
        data.scratch = []  # the recorded launches hold the old buffers

    def _describe_ids(self, bundle: CameraBundle) -> None:
        """Fill ``bundle.info`` with the id -> label maps of the segmentations."""
        source = self._source
        assert source is not None
        inst = source.instances
        for name, kind in bundle.kinds.items():
            labels: dict[int, Any] = {}
            semantics: dict[int, Any] = {0: {"class": "BACKGROUND"}, 1: {"class": "UNLABELLED"}}
            if kind.name == "semantic_segmentation":
                semantics |= {i + 1: dict(label) for i, label in enumerate(source.labels) if i > 0}
                maps = {"idToLabels": semantics}
            elif kind.name in SEGMENTATIONS:
                by_owner = kind.name == "instance_segmentation"
                index = np.where(inst.label > 0, inst.owner, -1) if by_owner else inst.path
                for i in np.unique(index, return_index=True)[1]:
                    if index[i] < 0:
                        continue
                    labels[int(index[i]) + 2] = source.paths[index[i]]
                    semantics[int(index[i]) + 2] = dict(source.labels[inst.label[i]]) or semantics[1]
                maps = {"idToLabels": {0: "BACKGROUND", 1: "UNLABELLED", **labels}, "idToSemantics": semantics}
            else:
                continue
            if kind.name in bundle.colorize:
                colors = palette(max(semantics) + 1).view(np.uint8).reshape(-1, 4).tolist()
                maps = {key: {tuple(colors[i]): value for i, value in table.items()} for key, table in maps.items()}
            bundle.info[name] = maps

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        data: _Bundle = bundle.backend_data
        assert self._source is not None
        wp.launch(
            set_camera_poses,
            dim=len(index),
            inputs=[
                positions,
                quats,
                _ORDERS[order],
                wp.quat(*CONVENTIONS[convention]),
                self._source.meters_per_unit,
                index,
                data.pinned,
                data.cameras,
            ],
            device=self.device,
        )

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        data: _Bundle = bundle.backend_data
        wp.launch(set_camera_intrinsics, dim=len(index), inputs=[matrices, index, data.cameras], device=self.device)

    def _follow(self, data: _Bundle) -> None:
        wp.launch(
            follow_frames,
            dim=len(data.pinned),
            inputs=[data.frames, data.pinned, self.scene.frames, data.cameras],
            device=self.device,
        )

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        start = time.perf_counter()
        scene, data = self.scene, bundle.backend_data
        if self._lights_moved:
            wp.launch(
                follow_lights,
                dim=scene.num_lights,
                inputs=[scene.light_frames, scene.frames, scene.lights],
                device=self.device,
            )
            self._lights_moved = False
        self._follow(data)
        picked = data.all_cameras if cameras is None else cameras.astype(np.int32)
        if picked is not data.drawn:
            data.selected.assign(np.concatenate([picked, data.all_cameras[len(picked) :]]))
            data.drawn = picked
        if not data.scratch:
            data.scratch = [self._make_scratch(bundle, data) for _ in range(self.threads)]
        phases: Counter[str] = Counter(transforms=time.perf_counter() - start)
        starts = list(range(0, len(picked), data.chunk))
        if self._pool is None or len(starts) == 1:
            for first in starts:
                self._run_chunk(data.scratch[0], first, min(data.chunk, len(picked) - first), phases)
        else:
            self._run_parallel(data, starts, len(picked), phases)
        for to, source in data.copies:
            wp.copy(to, source)
        if "motion_vectors" in data.targets:
            wp.copy(data.previous_frames, scene.frames)
            wp.copy(data.previous, data.cameras)
        phases["total"] = time.perf_counter() - start
        return dict(phases)

    def _run_parallel(self, data: _Bundle, starts: list[int], count: int, phases: Counter[str]) -> None:
        """Let every thread take the next chunk until none is left. Chunks share nothing, so their order is free."""
        assert self._pool is not None
        todo = iter(starts)
        lock = threading.Lock()

        def work(scratch: _Scratch) -> Counter[str]:
            mine: Counter[str] = Counter()
            while True:
                with lock:
                    first = next(todo, None)
                if first is None:
                    return mine
                self._run_chunk(scratch, first, min(data.chunk, count - first), mine)

        for mine in self._pool.map(work, data.scratch):
            # Phases are shares of wall time: the threads run side by side.
            phases.update({name: seconds / self.threads for name, seconds in mine.items()})

    def _run_chunk(self, scratch: _Scratch, first: int, count: int, phases: Counter[str]) -> None:
        before = time.perf_counter()
        for step in scratch.program:
            launch = step.launch
            launch.set_param_at_index(step.first, first)
            launch.set_dim((count, *step.dim))
            launch.launch()
            now = time.perf_counter()
            phases[step.phase] += now - before
            before = now

    def _make_scratch(self, bundle: CameraBundle, data: _Bundle) -> _Scratch:
        scene, cfg, device = self.scene, self.cfg, self.device
        pixels = data.chunk * bundle.width * bundle.height
        color = any(kind.name in _COLORS for kind in bundle.kinds.values())
        shadows = color and cfg.shadows and scene.has_shadows
        occlusion = color and cfg.ambient_occlusion_samples > 0 and scene.has_dome
        channels = (scene.max_lights if shadows else 0) + (1 if occlusion else 0)

        def floats(size: int, dtype: Any = wp.float32) -> wp.array:
            return wp.zeros(max(size, 1), dtype=dtype, device=device)

        hits = Hits()
        hits.t, hits.u, hits.v = floats(pixels), floats(pixels), floats(pixels)
        hits.instance, hits.prim = floats(pixels, wp.int32), floats(pixels, wp.int32)
        rays = pixels if channels else 0
        layers = pixels if scene.layered else 0
        capacity = scene.max_visible
        scratch = _Scratch(
            hits=hits,
            visible={
                "entries": floats(data.chunk * capacity * ENTRY_FLOATS),
                "order": floats(data.chunk * capacity, wp.int32),
                "count": floats(data.chunk, wp.int32),
            },
            through=floats(layers),
            color=floats(pixels if color else 0, wp.vec4),
            amount=floats(pixels * channels),
            origin=floats(rays, wp.vec4),
            direction=floats(rays, wp.vec3),
            first_t=floats(layers),
            first_instance=floats(layers, wp.int32),
        )
        self._record(bundle, data, scratch, color, shadows, occlusion, channels)
        return scratch

    def _record(
        self,
        bundle: CameraBundle,
        data: _Bundle,
        scratch: _Scratch,
        color: bool,
        shadows: bool,
        occlusion: bool,
        channels: int,
    ) -> None:
        """Record every launch of a chunk, in order."""
        scene, cfg, device = self.scene, self.cfg, self.device
        h, w = bundle.height, bundle.width
        work = tile_grid(w, h, device.is_cuda)
        pixels = int(device.is_cuda)
        targets = data.targets
        lit = [scene.lights, scene.light_begin]
        who = [data.cameras, data.selected]
        visible = list(scratch.visible.values())

        def record(phase: str, kernel: Any, dim: tuple[int, ...], inputs: list[Any]) -> None:
            first = next(i for i, value in enumerate(inputs) if value is _FIRST)
            args = [0 if value is _FIRST else value for value in inputs]
            launch = wp.launch(kernel, dim=(data.chunk, *dim), inputs=args, device=device, record_cmd=True)
            scratch.program.append(_Step(phase, launch, first, dim))

        record("culling", cull, (), [scene.shapes, *who, _FIRST, w, h, scene.max_visible, *visible])
        surface = self._surface_outputs(data)
        needs_shade = color or scene.layered or any(name in targets for name in _SURFACE)
        hits = scratch.hits
        hit_arrays = [hits.t, hits.instance, hits.prim, hits.u, hits.v]
        for sample in range(cfg.samples_per_pixel if color else 1):
            jitter = jitter_of(sample)
            for layer in range(cfg.max_layers if scene.layered else 1):
                record(
                    "visibility",
                    trace_primary,
                    (work,),
                    [scene.shapes, *who, _FIRST, w, h, pixels, layer, jitter, scene.max_visible, *visible,
                     scratch.through, *hit_arrays],
                )  # fmt: skip
                place = [*who, _FIRST, w, h]
                rays = [scratch.origin, scratch.direction, scratch.amount]
                behind = [hits, scratch.through, layer]
                base = [scene.shapes, scene.shading.attributes]

                def trace(channel: int, weight: float, place: list[Any] = place, rays: list[Any] = rays) -> None:
                    record("shadows", trace_shadows, (work,),
                           [scene.shapes, *place, pixels, channel, channels, weight, *rays])  # fmt: skip

                for channel in range(scene.max_lights if shadows else 0):
                    for k in range(cfg.light_samples):
                        seed = sample * cfg.light_samples + k
                        count = cfg.light_samples * (cfg.samples_per_pixel if cfg.light_samples > 1 else 1)
                        record("shadows", shadow_rays, (work,),
                               [*base, *lit, *place, pixels, jitter, channel, channels, seed, int(k == 0), count,
                                *behind, *rays])  # fmt: skip
                        trace(channel, 1.0 / cfg.light_samples)
                for k in range(cfg.ambient_occlusion_samples if occlusion else 0):
                    seed = sample * cfg.ambient_occlusion_samples + k
                    record("shadows", occlusion_rays, (work,),
                           [*base, *place, pixels, jitter, channels - 1, channels, seed, int(k == 0),
                            cfg.ambient_occlusion_distance, *behind, *rays])  # fmt: skip
                    trace(channels - 1, 1.0 / cfg.ambient_occlusion_samples)
                if needs_shade:
                    options = self._options(bundle, sample, layer, color, shadows, occlusion, channels)
                    record(
                        "shading",
                        shade,
                        (work,),
                        [scene.shapes, scene.shading, *lit, scene.environment, *who, _FIRST, options, hits,
                         scratch.amount, scratch.through, scratch.first_t, scratch.first_instance, scratch.color,
                         surface if sample == 0 else SurfaceOutputs()],
                    )  # fmt: skip
            if sample == 0 and any(name in targets for name in _GEOMETRY):
                nearest = hits
                if scene.layered:
                    nearest = Hits()
                    nearest.t, nearest.instance = scratch.first_t, scratch.first_instance
                record(
                    "outputs",
                    write_geometry,
                    (work,),
                    [scene.shapes, data.previous_frames, data.cameras, data.previous, data.selected, _FIRST, w, h,
                     pixels, nearest, self._geometry_outputs(bundle, data)],
                )  # fmt: skip
        if color:
            none8, none32 = _nothing(wp.uint8, device, 2), _nothing(wp.uint32, device)
            record(
                "outputs",
                resolve_color,
                (work,),
                [scratch.color, data.selected, _FIRST, w, h, pixels, int(cfg.tone_mapping == "aces"), scene.encode,
                 targets.get("rgb", none8), targets.get("rgba", none32),
                 targets.get("rgb_hdr", _nothing(wp.vec3, device))],
            )  # fmt: skip

    def _options(
        self, bundle: CameraBundle, sample: int, layer: int, color: bool, shadows: bool, occlusion: bool, channels: int
    ) -> ShadingOptions:
        scene, cfg = self.scene, self.cfg
        o = ShadingOptions()
        o.width, o.height = bundle.width, bundle.height
        o.pixels = int(self.device.is_cuda)
        o.layer, o.layered, o.last_layer = layer, int(scene.layered), int(layer == cfg.max_layers - 1)
        o.want_color = int(color)
        o.pbr = int(cfg.shading == "pbr" or _SIMPLE[2] in bundle.backend_data.targets)
        o.channels = channels if shadows or occlusion else 0
        o.shadowed = int(shadows)
        o.num_lights = scene.max_lights
        o.occlusion_channel = channels - 1 if occlusion else -1
        o.dome = int(scene.has_dome)
        background = cfg.background if bundle.background is None else bundle.background
        o.background_mode = int(background is None and scene.has_dome)
        o.background = wp.vec3(*(background or (0.0, 0.0, 0.0)))
        o.exposure = scene.exposure
        o.weight = 1.0 / cfg.samples_per_pixel
        o.first_sample = int(sample == 0)
        o.jitter = jitter_of(sample)
        return o

    def _surface_outputs(self, data: _Bundle) -> SurfaceOutputs:
        out = SurfaceOutputs()
        device = self.device
        out.normals = data.targets.get("normals", _nothing(wp.vec3, device))
        out.albedo = data.targets.get("albedo", _nothing(wp.uint32, device))
        out.constant, out.diffuse, out.full = (data.targets.get(n, _nothing(wp.uint8, device, 2)) for n in _SIMPLE)
        out.encode = self.scene.encode
        return out

    def _geometry_outputs(self, bundle: CameraBundle, data: _Bundle) -> GeometryOutputs:
        out = GeometryOutputs()
        scene, device = self.scene, self.device
        for field_name, name in _GEOMETRY_FIELDS.items():
            setattr(out, field_name, data.targets.get(name, _nothing(_TARGETS[name][0], device)))
        out.semantic_of, out.owner_of, out.path_of = scene.semantic_of, scene.owner_of, scene.path_of
        out.colorize = sum(1 << bit for bit, name in enumerate(SEGMENTATIONS) if name in bundle.colorize)
        out.palette = scene.palette
        return out

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        for bundle in self._bundles:
            bundle.backend_data = None
        self._bundles = []
        self._scene = None
        self._source = None


_FIRST = object()
_GEOMETRY_FIELDS = {
    "depth": "distance_to_image_plane",
    "distance": "distance_to_camera",
    "motion": "motion_vectors",
    "semantic": "semantic_segmentation",
    "instance": "instance_segmentation",
    "instance_id": "instance_id_segmentation_fast",
}
_GEOMETRY = tuple(_GEOMETRY_FIELDS.values())
_TARGETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "rgb": (wp.uint8, (3,)),
    "rgba": (wp.uint32, ()),
    "rgb_hdr": (wp.vec3, ()),
    "albedo": (wp.uint32, ()),
    "distance_to_image_plane": (wp.float32, ()),
    "distance_to_camera": (wp.float32, ()),
    "normals": (wp.vec3, ()),
    "motion_vectors": (wp.vec2, ()),
    "semantic_segmentation": (wp.int32, ()),
    "instance_segmentation": (wp.int32, ()),
    "instance_id_segmentation_fast": (wp.int32, ()),
    **{name: (wp.uint8, (3,)) for name in _SIMPLE},
}
"""What the kernels write each output as: element type and trailing shape of a flat array of pixels."""


def _nothing(dtype: Any, device: wp.Device, ndim: int = 1) -> wp.array:
    """An empty array: an output that was not asked for."""
    return wp.empty((0,) * ndim, dtype=dtype, device=device)
