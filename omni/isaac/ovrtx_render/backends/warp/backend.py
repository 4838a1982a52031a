"""The Warp ray tracer as a backend: scenes, cameras and transforms on the device, and the threads that draw.

A frame is cut into chunks of cameras; :mod:`.program` says what is done to a chunk.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..._warp_version import require_warp

require_warp()

import warp as wp  # noqa: E402

from ...cameras import CameraBundle  # noqa: E402
from ...config import RendererCfg  # noqa: E402
from ...errors import InputError  # noqa: E402
from ...scene.data import Scene, SceneChanges  # noqa: E402
from ..base import Backend, FrameBinding, check_options  # noqa: E402
from ..devices import pick_device  # noqa: E402
from ..ids import describe_ids  # noqa: E402
from ..targets import allocate_targets, retarget  # noqa: E402
from .camera_table import camera_states  # noqa: E402
from .crew import Crew  # noqa: E402
from .deformation import Deformation  # noqa: E402
from .device_scene import DeviceScene, refresh_lights, refresh_materials, upload  # noqa: E402
from .environment import bake_environment  # noqa: E402
from .features import scene_features  # noqa: E402
from .frame_table import Bound, FrameTable  # noqa: E402
from .kernels import DEFORMATION, MATERIAL_ROWS, MATRICES, load_on_cpu, prepare_drawing, prepare_reading  # noqa: E402
from .launching import launch  # noqa: E402
from .material_rows import MaterialRows  # noqa: E402
from .program import Passes, Program, View, band_count, nothing  # noqa: E402
from .transforms import follow_lights, forget_cameras, refresh_clusters  # noqa: E402
from .types import Affine, CameraState  # noqa: E402

if TYPE_CHECKING:
    from ...scene.own_rows import OwnMaterials, OwnMeshes

__all__ = ["WarpBackend"]


class WarpBackend(Backend):
    """Our own ray tracer, on any CPU and any CUDA GPU, RT cores or not.

    Raises:
        ConfigError: The configured device does not exist, or an option is given: there are none.
    """

    name: ClassVar[str] = "warp"

    def __init__(self, cfg: RendererCfg) -> None:
        check_options(cfg.backend_options, self.name, ())
        self.cfg = cfg
        self.device = pick_device(cfg.device)
        prepare_reading(self.device)
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = 1 if self.device.is_cuda else cfg.threads or available
        self._crew = Crew(self.threads)
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
        prepare_drawing(self.device, features, self.cfg)
        self._source, self._scene = scene, upload(scene, self.cfg, self.device, sky, features)
        if before and old and {light.path for light in before.lights} == {light.path for light in scene.lights}:
            self._scene.exposure = old.exposure
        self._lights_moved = self._lights_bound = False
        self._forget_programs()

    def update(self, scene: Scene, changes: SceneChanges) -> bool:
        on_device = self.scene
        if len(changes.frames):
            self._need(MATRICES)
            self._frames.put(self._device_frames(changes.frames), changes.transforms)
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

    @property
    def _frames(self) -> FrameTable:
        """The frames of the scene on the device."""
        scene = self.scene
        lights = len(self._source.lights) if self._source else 0
        ends = (scene.num_instances, scene.num_instances + lights)
        return FrameTable(scene.frames, self._meters, ends, scene.shapes, scene.num_instances, self._crew)

    @property
    def _meters(self) -> float:
        return self._source.meters_per_unit if self._source else 1.0

    def bind(self, binding: FrameBinding) -> Bound:
        return self._frames.bind(binding, self._device_frames(binding.frames))

    def rebind(self, bound: object, binding: FrameBinding) -> Bound:
        assert isinstance(bound, Bound)
        new = self.bind(binding)
        if bound.matrices is not None:
            self._need(MATRICES)
        self._frames.replay(new, bound)
        self._note_moved(new)
        return new

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, Bound)
        self._frames.write_poses(bound, positions, quats, order)
        self._note_moved(bound)

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, Bound)
        self._need(MATRICES)
        self._frames.write_matrices(bound, matrices)
        self._note_moved(bound)

    def _need(self, module: wp.Module) -> None:
        """Load what few scenes launch, by the threads that prepared Warp's headers. On CUDA it is there, or a launch
        loads it."""
        if self.device.is_cpu:
            load_on_cpu([module])

    def _note_moved(self, bound: Bound) -> None:
        self._lights_moved |= bound.moves_lights
        self._lights_bound |= bound.moves_lights
        self._shapes_moved = True

    def bind_materials(self, own: OwnMaterials, name: str) -> MaterialRows:
        self._need(MATERIAL_ROWS)
        return MaterialRows(self.scene, own, name)

    def write_materials(self, bound: object, values: wp.array) -> None:
        assert isinstance(bound, MaterialRows)
        bound.write(values)

    def bind_points(self, own: OwnMeshes) -> Deformation:
        assert self._source is not None
        self._need(DEFORMATION)
        return Deformation(self._source, self.scene, own, self._device_frames(own.instances))

    def write_points(self, bound: object, points: wp.array) -> None:
        assert isinstance(bound, Deformation)
        bound.write(points)
        self._shapes_moved = True

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, bundle: CameraBundle) -> None:
        cuda = self.device.is_cuda
        bands = band_count(bundle.width, bundle.height, cuda)
        height = bundle.height // bands
        count = len(bundle) * bands
        assert self._source is not None
        states = camera_states(bundle, self._source.meters_per_unit, bands)

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
            colorize=bundle.colorize,
            background=self.cfg.background if bundle.background is None else bundle.background,
        )
        bundle.backend_data = view
        view.follow(self.scene.frames)
        wp.copy(view.previous, view.cameras)
        view.targets = allocate_targets(bundle, self.device)
        describe_ids(self._source, bundle, self.cfg.semantic_colors)
        self._bundles.append(bundle)

    def restore_cameras(self, bundle: CameraBundle) -> None:
        view: View = bundle.backend_data
        view.frames.assign(np.repeat(bundle.frames, view.bands).astype(np.int32))
        view.take_lenses(bundle, self._meters, self._rescale)
        view.follow(self.scene.frames)
        # What moved since the stage was read again is not known, so nothing did.
        wp.copy(view.previous, view.cameras)
        if any(kind.name == "motion_vectors" for kind in bundle.kinds.values()):
            view.previous_frames = wp.clone(self.scene.frames)
        view.programs = []
        bundle.info.clear()
        describe_ids(self._source, bundle, self.cfg.semantic_colors)

    def update_lenses(self, bundle: CameraBundle) -> None:
        bundle.backend_data.take_lenses(bundle, self._meters)

    def remove_cameras(self, bundle: CameraBundle) -> None:
        self._bundles.remove(bundle)
        bundle.backend_data = None

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        view: View = bundle.backend_data
        view.targets, view.copies = retarget(bundle, buffers)
        view.programs = []  # the recorded launches hold the old buffers

    def place_like(self, bundle: CameraBundle, other: CameraBundle, row: int) -> bool:
        to, source = bundle.backend_data, other.backend_data
        first = row * source.bands
        for name in ("cameras", "previous", "pinned"):
            wp.copy(getattr(to, name), getattr(source, name), src_offset=first, count=source.bands)
        return True

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        bundle.backend_data.place(positions, quats, order, convention, self._meters, index)

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        bundle.backend_data.calibrate(matrices, index)

    def remembers(self, bundle: CameraBundle) -> bool:
        return "motion_vectors" in bundle.backend_data.targets

    def forget_history(self, bundle: CameraBundle, cameras: np.ndarray) -> None:
        view: View = bundle.backend_data
        index = wp.array(cameras, dtype=wp.int32, device=self.device)
        launch(forget_cameras, (len(cameras), view.bands), [index, view.bands, view.previous], self.device)

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        start = time.perf_counter()
        scene, view = self.scene, bundle.backend_data
        # What is captured is not done yet, and is replayed: it must hold these, whatever was written before.
        captured = self.device.is_capturing
        if (self._shapes_moved or captured) and scene.num_clusters:
            launch(refresh_clusters, scene.num_clusters, [scene.shapes], self.device)
            self._shapes_moved = captured
        if self._lights_moved or (self._lights_bound and captured):
            launch(follow_lights, scene.num_lights, [scene.light_frames, scene.frames, scene.lights], self.device)
            self._lights_moved = captured
        view.follow(self.scene.frames)
        picked = view.everything
        if cameras is not None:
            picked = (cameras[:, None] * view.bands + np.arange(view.bands)).astype(np.int32).reshape(-1)
        if picked is not view.drawn:
            view.selected.assign(np.concatenate([picked, view.everything[len(picked) :]]))
            view.drawn = picked
        if not view.programs:
            passes = Passes.of(scene, self.cfg, view.targets)
            view.chunk = passes.chunk(len(view.everything), view.width * view.height, scene)
            view.programs = [Program(scene, self.cfg, view, passes) for _ in range(self.threads)]
        phases: Counter[str] = Counter(transforms=time.perf_counter() - start)
        self._run(view, len(picked), phases)
        before = time.perf_counter()
        for to, source in view.copies:
            wp.copy(to, source)
        phases["outputs"] += time.perf_counter() - before
        if "motion_vectors" in view.targets:
            wp.copy(view.previous_frames, scene.frames)
            wp.copy(view.previous, view.cameras)
        phases["total"] = time.perf_counter() - start
        return dict(phases)

    def _run(self, view: View, count: int, phases: Counter[str]) -> None:
        """Let every thread take the next chunk until none is left. Chunks share nothing, so their order is free."""
        size = min(view.chunk, -(-count // self.threads))  # of few cameras, every thread draws some
        todo = iter(range(0, count, size))
        lock = threading.Lock()

        def work(program: Program) -> Counter[str]:
            mine: Counter[str] = Counter()
            while True:
                with lock:
                    first = next(todo, None)
                if first is None:
                    return mine
                program.run(first, min(size, count - first), mine)

        programs = view.programs if count > size else view.programs[:1]
        for mine in self._crew.run([partial(work, program) for program in programs]):
            # Phases are shares of wall time: the threads run side by side.
            phases.update({name: seconds / len(programs) for name, seconds in mine.items()})

    def close(self) -> None:
        self._crew.close()
        for bundle in self._bundles:
            bundle.backend_data = None
        self._bundles = []
        self._scene = None
        self._source = None
