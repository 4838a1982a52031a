"""The Warp ray tracer as a backend: scenes, cameras and transforms on the device, and the threads that draw.

A frame is cut into chunks of cameras; :mod:`.program` says what is done to a chunk.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from ...scene.data import Scene, SceneChanges  # noqa: E402
from ..base import Backend, FrameBinding  # noqa: E402
from .device_scene import DeviceScene, affine_rows, refresh_lights, refresh_materials, upload  # noqa: E402
from .environment import bake_environment  # noqa: E402
from .features import scene_features  # noqa: E402
from .kernels import load_kernels  # noqa: E402
from .program import TARGETS, Program, View, band_count, chunk_size, nothing  # noqa: E402
from .resolve import palette, semantic_palette  # noqa: E402
from .transforms import (  # noqa: E402
    follow_frames,
    follow_lights,
    keep_matrices,
    keep_poses,
    refresh_clusters,
    set_camera_intrinsics,
    set_camera_poses,
    write_frames,
    write_matrices,
    write_poses,
)
from .types import Affine, CameraState  # noqa: E402

__all__ = ["WarpBackend"]

_ORDERS = {"xyzw": wp.vec4i(0, 1, 2, 3), "wxyz": wp.vec4i(1, 2, 3, 0)}


@dataclass(eq=False)
class _Bound:
    """A binding on the device: row k places frame ``frames[k]`` by pose ``rows[k]``.

    What was written last is kept, not finite where nothing was: ``matrices``, or ``positions`` and ``quats`` (xyzw).
    """

    rows: wp.array
    frames: wp.array
    to_pose: wp.array
    to_matrix: wp.array
    moves_lights: bool
    positions: wp.array | None = None
    quats: wp.array | None = None
    matrices: wp.array | None = None


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
        self._lights_bound = False
        self._shapes_moved = False
        self._rescale = 1.0

    # -- scene ------------------------------------------------------------------------------------------------------

    def load(self, scene: Scene, stage: Any = None) -> None:
        before, old = self._source, self._scene
        self._rescale = scene.meters_per_unit / before.meters_per_unit if before else 1.0
        sky = bake_environment(scene)
        features = scene_features(scene, self.cfg, sky_map=sky.radiance.shape[:2] != (1, 1))
        load_kernels(self.device, features, self.cfg)
        self._source, self._scene = scene, upload(scene, self.cfg, self.device, sky, features)
        if before and old and {light.path for light in before.lights} == {light.path for light in scene.lights}:
            self._scene.exposure = old.exposure
        self._lights_moved = self._lights_bound = False
        self._forget_programs()

    def update(self, scene: Scene, changes: SceneChanges) -> bool:
        on_device = self.scene
        if len(changes.frames):
            frames = wp.array(self._device_frames(changes.frames), dtype=wp.int32, device=self.device)
            places = wp.array(affine_rows(changes.transforms, scene.meters_per_unit), dtype=Affine, device=self.device)
            wp.launch(
                write_frames,
                dim=len(frames),
                inputs=[frames, places, on_device.num_instances, on_device.frames, on_device.shapes],
                device=self.device,
            )
            self._shapes_moved = True
        if changes.materials:
            refresh_materials(on_device, scene, self.cfg)
        if changes.lights:
            refresh_lights(on_device, scene, self.cfg, changes.lights)
            self._lights_moved = self._lights_bound
        if changes.materials or changes.lights:
            self._forget_programs()
        return True

    def _forget_programs(self) -> None:
        """The recorded launches hold arrays and settings of the scene."""
        for bundle in self._bundles:
            bundle.backend_data.programs = []

    def _device_frames(self, frames: np.ndarray) -> np.ndarray:
        """Frames by the order of the scene's instances -> (K,) int32 by the order of the device's."""
        scene = self.scene
        n = scene.num_instances
        to_device = np.empty(n, np.int64)
        to_device[scene.order] = np.arange(n)
        frames = frames.astype(np.int64)
        is_instance = frames < n
        frames[is_instance] = to_device[frames[is_instance]]
        return frames.astype(np.int32)

    @property
    def scene(self) -> DeviceScene:
        """The scene on the device."""
        if self._scene is None:
            raise InputError("the renderer is closed; make a new TiledRenderer")
        return self._scene

    def bind(self, binding: FrameBinding) -> _Bound:
        n = self.scene.num_instances
        frames = self._device_frames(binding.frames)
        lights = len(self._source.lights) if self._source else 0

        def put(values: np.ndarray, dtype: Any) -> wp.array:
            return wp.array(values, dtype=dtype, device=self.device)

        return _Bound(
            put(binding.rows.astype(np.int32), wp.int32),
            put(frames, wp.int32),
            put(affine_rows(binding.to_pose, 1.0), Affine),
            put(affine_rows(binding.to_matrix, 1.0), Affine),
            bool(((frames >= n) & (frames < n + lights)).any()),
        )

    def rebind(self, bound: object, binding: FrameBinding) -> _Bound:
        assert isinstance(bound, _Bound)
        new = self.bind(binding)
        new.positions, new.quats, new.matrices = bound.positions, bound.quats, bound.matrices
        if new.matrices is not None:
            self._write(write_matrices, new, [new.matrices], new.to_matrix)
        elif new.positions is not None:
            self._write(write_poses, new, [new.positions, new.quats, _ORDERS["xyzw"]], new.to_pose)
        return new

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, _Bound)
        if bound.positions is None:
            bound.positions = wp.full(len(positions), wp.vec3(wp.nan), dtype=wp.vec3, device=self.device)
            bound.quats = wp.full(len(quats), wp.vec4(wp.nan), dtype=wp.vec4, device=self.device)
        bound.matrices = None
        poses = [positions, quats, _ORDERS[order]]
        wp.launch(keep_poses, len(positions), inputs=[*poses, bound.positions, bound.quats], device=self.device)
        self._write(write_poses, bound, poses, bound.to_pose)

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, _Bound)
        if bound.matrices is None:
            bound.matrices = wp.full(len(matrices), wp.mat44(wp.nan), dtype=wp.mat44, device=self.device)
        wp.launch(keep_matrices, len(matrices), inputs=[matrices, bound.matrices], device=self.device)
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
        self._lights_bound |= bound.moves_lights
        self._shapes_moved = True

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, bundle: CameraBundle) -> None:
        cuda = self.device.is_cuda
        bands = band_count(bundle.width, bundle.height, cuda)
        height = bundle.height // bands
        count = len(bundle) * bands
        states = self._camera_states(bundle, bands)

        def ints(values: np.ndarray) -> wp.array:
            return wp.array(values.astype(np.int32), dtype=wp.int32, device=self.device)

        cameras = wp.array(states.reshape(-1), dtype=CameraState, device=self.device)
        everything = np.arange(count, dtype=np.int32)
        moving = any(kind.name == "motion_vectors" for kind in bundle.kinds.values())
        view = View(
            cameras=cameras,
            previous=wp.clone(cameras),
            previous_frames=wp.clone(self.scene.frames) if moving else nothing(Affine, self.device),
            frames=ints(np.repeat(bundle.frames, bands)),
            pinned=ints(np.zeros(count)),
            selected=ints(everything),
            drawn=everything,
            everything=everything,
            width=bundle.width,
            height=height,
            bands=bands,
            chunk=chunk_size(count, bundle.width * height, self.scene.max_visible, cuda),
            colorize=bundle.colorize,
            background=self.cfg.background if bundle.background is None else bundle.background,
        )
        bundle.backend_data = view
        self._follow(view)
        wp.copy(view.previous, view.cameras)
        self._allocate(bundle, view)
        self._describe_ids(bundle)
        self._bundles.append(bundle)

    def _camera_states(self, bundle: CameraBundle, bands: int) -> np.ndarray:
        """(N, bands) CameraState records without a pose."""
        assert self._source is not None
        meters = self._source.meters_per_unit
        states = np.zeros((len(bundle), bands), CameraState.numpy_dtype())
        for row, camera in zip(states, bundle.cameras, strict=True):
            k = intrinsics_of(camera, bundle.width, bundle.height, meters)
            row["fx"], row["fy"], row["cx"] = k[0, 0], k[1, 1], k[0, 2]
            row["cy"] = k[1, 2] - np.arange(bands) * (bundle.height // bands)
            row["near"], row["far"] = (max(x, 0.0) * meters for x in camera.clipping_range)
            row["orthographic"], row["env"] = int(camera.orthographic), camera.env
        return states

    def restore_cameras(self, bundle: CameraBundle) -> None:
        view: View = bundle.backend_data
        pixels = bundle.width * view.height
        view.chunk = chunk_size(len(view.everything), pixels, self.scene.max_visible, self.device.is_cuda)
        view.frames.assign(np.repeat(bundle.frames, view.bands).astype(np.int32))
        self._take_lenses(bundle, self._rescale)
        self._follow(view)
        # What moved since the stage was read again is not known, so nothing did.
        wp.copy(view.previous, view.cameras)
        if any(kind.name == "motion_vectors" for kind in bundle.kinds.values()):
            view.previous_frames = wp.clone(self.scene.frames)
        view.programs = []
        bundle.info.clear()
        self._describe_ids(bundle)

    def update_lenses(self, bundle: CameraBundle) -> None:
        self._take_lenses(bundle, 1.0)

    def _take_lenses(self, bundle: CameraBundle, rescale: float) -> None:
        view: View = bundle.backend_data
        new = self._camera_states(bundle, view.bands)
        old = view.cameras.numpy().reshape(new.shape)
        new["rotation"], new["position"] = old["rotation"], old["position"] * rescale
        for name in ("fx", "fy", "cx", "cy", "skew", "orthographic"):
            new[name][bundle.calibrated] = old[name][bundle.calibrated]
        view.cameras.assign(new.reshape(-1))

    def _allocate(self, bundle: CameraBundle, view: View) -> None:
        n, h, w = len(bundle), bundle.height, bundle.width
        for name, kind in bundle.kinds.items():
            if kind.name not in view.targets:
                dtype, shape = TARGETS[kind.name]
                view.targets[kind.name] = wp.zeros((n * h * w, *shape), dtype=dtype, device=self.device)
            colored = kind.name in bundle.colorize
            channels, scalar = (4, wp.uint8) if colored else (kind.channels, getattr(wp, kind.dtype))
            bundle.outputs[name] = reinterpret(view.targets[kind.name], scalar, (n, h, w, channels))

    def remove_cameras(self, bundle: CameraBundle) -> None:
        self._bundles.remove(bundle)
        bundle.backend_data = None

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        view: View = bundle.backend_data
        view.targets, view.copies = {}, []
        for name, kind in bundle.kinds.items():
            buffer = buffers[name]
            if kind.name in view.targets:  # one kind under two names, in two buffers
                first = next(n for n, k in bundle.kinds.items() if k is kind)
                view.copies.append((buffer, buffers[first]))
            else:
                dtype, shape = TARGETS[kind.name]
                view.targets[kind.name] = reinterpret(
                    buffer, dtype, (len(bundle) * bundle.height * bundle.width, *shape)
                )
            bundle.outputs[name] = buffer
        view.programs = []  # the recorded launches hold the old buffers

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
                if kind.name == "semantic_segmentation":
                    packed = semantic_palette(source.labels, self.cfg.semantic_colors)
                else:
                    packed = palette(max(semantics) + 1)
                colors = packed.view(np.uint8).reshape(-1, 4).tolist()
                maps = {key: {tuple(colors[i]): value for i, value in table.items()} for key, table in maps.items()}
            bundle.info[name] = maps

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        view: View = bundle.backend_data
        assert self._source is not None
        wp.launch(
            set_camera_poses,
            dim=(len(index), view.bands),
            inputs=[
                positions,
                quats,
                _ORDERS[order],
                wp.quat(*CONVENTIONS[convention]),
                self._source.meters_per_unit,
                index,
                view.bands,
                view.pinned,
                view.cameras,
            ],
            device=self.device,
        )

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        view: View = bundle.backend_data
        wp.launch(
            set_camera_intrinsics,
            dim=(len(index), view.bands),
            inputs=[matrices, index, view.bands, float(view.height), view.cameras],
            device=self.device,
        )

    def _follow(self, view: View) -> None:
        wp.launch(
            follow_frames,
            dim=len(view.pinned),
            inputs=[view.frames, view.pinned, self.scene.frames, view.cameras],
            device=self.device,
        )

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        start = time.perf_counter()
        scene, view = self.scene, bundle.backend_data
        if self._shapes_moved and scene.num_clusters:
            wp.launch(refresh_clusters, dim=scene.num_clusters, inputs=[scene.shapes], device=self.device)
            self._shapes_moved = False
        if self._lights_moved:
            wp.launch(
                follow_lights,
                dim=scene.num_lights,
                inputs=[scene.light_frames, scene.frames, scene.lights],
                device=self.device,
            )
            self._lights_moved = False
        self._follow(view)
        picked = view.everything
        if cameras is not None:
            picked = (cameras[:, None] * view.bands + np.arange(view.bands)).astype(np.int32).reshape(-1)
        if picked is not view.drawn:
            view.selected.assign(np.concatenate([picked, view.everything[len(picked) :]]))
            view.drawn = picked
        if not view.programs:
            view.programs = [Program(scene, self.cfg, view) for _ in range(self.threads)]
        phases: Counter[str] = Counter(transforms=time.perf_counter() - start)
        self._run(view, len(picked), phases)
        for to, source in view.copies:
            wp.copy(to, source)
        if "motion_vectors" in view.targets:
            wp.copy(view.previous_frames, scene.frames)
            wp.copy(view.previous, view.cameras)
        phases["total"] = time.perf_counter() - start
        return dict(phases)

    def _run(self, view: View, count: int, phases: Counter[str]) -> None:
        """Let every thread take the next chunk until none is left. Chunks share nothing, so their order is free."""
        todo = iter(range(0, count, view.chunk))
        lock = threading.Lock()

        def work(program: Program) -> Counter[str]:
            mine: Counter[str] = Counter()
            while True:
                with lock:
                    first = next(todo, None)
                if first is None:
                    return mine
                program.run(first, min(view.chunk, count - first), mine)

        if self._pool is None or count <= view.chunk:
            phases.update(work(view.programs[0]))
            return
        for mine in self._pool.map(work, view.programs):
            # Phases are shares of wall time: the threads run side by side.
            phases.update({name: seconds / self.threads for name, seconds in mine.items()})

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        for bundle in self._bundles:
            bundle.backend_data = None
        self._bundles = []
        self._scene = None
        self._source = None
