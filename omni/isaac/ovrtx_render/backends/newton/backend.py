"""Newton's ``SensorCamera`` behind our interface: geometry, albedo and ids by Newton; one light and no reflections.

What it draws, and what it does not, is said in ``docs/backends/newton.md``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import warp as wp

from ...cameras import CameraBundle
from ...config import RendererCfg
from ...errors import ConfigError, InputError
from ...scene.data import Scene, SceneChanges
from ..base import Backend, FrameBinding, check_options
from ..devices import pick_device
from ..ids import describe_ids
from ..targets import allocate_targets, retarget
from ..warp.camera_table import camera_states
from ..warp.device_scene import affine_rows
from ..warp.frame_table import Bound, FrameTable
from ..warp.resolve import encode_table
from ..warp.types import Affine, CameraState
from .colors import COLOR_INPUTS, ShapeColors
from .kernels import camera_transforms
from .lights import Lighting, read_lighting
from .model import build_model, given_model
from .prototypes import split_transforms
from .view import SUPPORTED, View, World, light_up, make_sensor

if TYPE_CHECKING:
    from ...scene.own_rows import OwnMaterials

__all__ = ["NewtonBackend"]

_CLOSED = "the renderer is closed; make a new TiledRenderer"


class NewtonBackend(Backend):
    """Draws with Newton: the scene, or a model and state of the caller's simulation.

    ``backend_options`` takes ``model`` (``newton.Model``) with ``state`` (``newton.State``, or a function that gives
    the present one).

    Raises:
        ConfigError: The device does not exist, or an option is unknown or does not fit.
    """

    name: ClassVar[str] = "newton"

    def __init__(self, cfg: RendererCfg) -> None:
        self.cfg = cfg
        self.device = pick_device(cfg.device)
        check_options(cfg.backend_options, self.name, ("model", "state"))
        if ("model" in cfg.backend_options) != ("state" in cfg.backend_options):
            raise ConfigError("backend_options has only one of 'model' and 'state'; the newton backend needs both")
        self._source: Scene | None = None
        self._rescale = 1.0
        self._table: FrameTable | None = None
        self._worlds: dict[bool, World] = {}
        self._lighting: Lighting | None = None
        self._lights_moved = False
        self._bakes: list[np.ndarray | None] = []
        self._colors: list[ShapeColors] = []
        self._bundles: list[CameraBundle] = []
        self._encode = wp.array(encode_table(), dtype=wp.uint8, device=self.device)

    # -- scene ------------------------------------------------------------------------------------------------------

    @property
    def scene(self) -> Scene:
        """The scene that was loaded."""
        if self._source is None:
            raise InputError(_CLOSED)
        return self._source

    @property
    def _frames(self) -> FrameTable:
        if self._table is None:
            raise InputError(_CLOSED)
        return self._table

    def load(self, scene: Scene, stage: Any = None) -> None:
        bakes, left = split_transforms(scene)
        same = self._source is not None and [x.path for x in self._source.lights] == [x.path for x in scene.lights]
        exposure = self._lighting.exposure if same and self._lighting else None
        lighting = read_lighting(scene, self.cfg, self.device, exposure)
        others = [*scene.lights, *scene.cameras]
        place = np.concatenate([left, np.array([other.transform for other in others]).reshape(-1, 4, 4)])
        rows = affine_rows(place if len(place) else np.zeros((1, 4, 4)), scene.meters_per_unit)
        frames = wp.array(rows, dtype=Affine, device=self.device)
        before = self._source
        self._rescale = scene.meters_per_unit / before.meters_per_unit if before else 1.0
        count = len(scene.instances)
        self._source, self._lighting, self._bakes = scene, lighting, bakes
        self._table = FrameTable(frames, scene.meters_per_unit, (count, count + len(scene.lights)))
        self._worlds, self._colors = {}, []
        self._world(self.cfg.see_all_envs and scene.num_envs > 0)  # now, so that a scene that cannot be is told now
        for bundle in self._bundles:
            bundle.backend_data.forget()

    def update(self, scene: Scene, changes: SceneChanges) -> bool:
        if changes.materials:
            return False
        if len(changes.frames):
            self._frames.put(changes.frames, self._without_bakes(changes.frames, changes.transforms))
            self._note_moved()
        self._lights_moved |= bool(changes.lights)
        return True

    def _relight(self) -> None:
        """Take over lights that changed, or that a binding moved. Their frames are read back for it."""
        scene, first = self.scene, len(self.scene.instances)
        rows = self._frames.frames.numpy()[first : first + len(scene.lights)]
        lights = []
        for light, row in zip(scene.lights, rows, strict=True):
            transform = np.eye(4)
            transform[:3, :3] = row["linear"].T / scene.meters_per_unit
            transform[3, :3] = row["offset"] / scene.meters_per_unit
            lights.append(replace(light, transform=transform))
        exposure = self._lighting.exposure if self._lighting else None
        self._lighting = read_lighting(replace(scene, lights=lights), self.cfg, self.device, exposure)
        for world in self._worlds.values():
            light_up(world.sensor, self._lighting)
        self._lights_moved = False

    def _without_bakes(self, frames: np.ndarray, transforms: np.ndarray) -> np.ndarray:
        """(K, 4, 4) transforms of frames, for points that took their instance's bake already."""
        out = np.array(transforms, np.float64)
        for row, frame in enumerate(frames):
            bake = self._bakes[frame] if frame < len(self._bakes) else None
            if bake is not None:
                out[row, :3, :3] = np.linalg.inv(bake) @ out[row, :3, :3]
        return out

    def _world(self, everything: bool) -> World:
        """The model in which a camera sees its own environment, or all of them."""
        if everything not in self._worlds:
            scene, options = self.scene, self.cfg.backend_options
            if options:
                if everything:
                    raise ConfigError(
                        "with a Newton model of the caller a camera sees one world: it must be in an environment, and "
                        "see_all_envs must be off"
                    )
                drawn = given_model(scene, options["model"], options["state"], self.device)
            else:
                drawn = build_model(scene, self.cfg, self.device, self._bakes, everything)
            self._worlds[everything] = World(drawn, make_sensor(drawn, self._lighting, self.cfg))
            for colors in self._colors:
                colors.apply(drawn)
        return self._worlds[everything]

    def _note_moved(self, bound: Bound | None = None) -> None:
        self._lights_moved |= bound is not None and bound.moves_lights
        for world in self._worlds.values():
            world.drawn.moved = True

    # -- transforms -------------------------------------------------------------------------------------------------

    def bind(self, binding: FrameBinding) -> Bound:
        own = copy(binding)
        own.to_pose = self._without_bakes(binding.frames, binding.to_pose)
        own.to_matrix = self._without_bakes(binding.frames, binding.to_matrix)
        return self._frames.bind(own, binding.frames)

    def rebind(self, bound: object, binding: FrameBinding) -> Bound:
        assert isinstance(bound, Bound)
        new = self.bind(binding)
        self._frames.replay(new, bound)
        self._note_moved(new)
        return new

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, Bound)
        self._frames.write_poses(bound, positions, quats, order)
        self._note_moved(bound)

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, Bound)
        self._frames.write_matrices(bound, matrices)
        self._note_moved(bound)

    # -- materials --------------------------------------------------------------------------------------------------

    def bind_materials(self, own: OwnMaterials, name: str) -> ShapeColors:
        if name not in COLOR_INPUTS or self.cfg.backend_options:
            why = "are those of the model" if self.cfg.backend_options else f"have {' and '.join(COLOR_INPUTS)} only"
            raise ConfigError(f"the newton backend cannot write {name}: its materials {why}; use backend='warp'")
        self._colors.append(ShapeColors(self.scene, own, name))
        return self._colors[-1]

    def write_materials(self, bound: object, values: wp.array) -> None:
        assert isinstance(bound, ShapeColors)
        bound.write(values, [world.drawn for world in self._worlds.values()])

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, bundle: CameraBundle) -> None:
        unknown = [name for name, kind in bundle.kinds.items() if kind.name not in SUPPORTED]
        if unknown:
            raise ConfigError(f"the newton backend cannot draw {', '.join(unknown)}; it draws: {', '.join(SUPPORTED)}")
        n = len(bundle)
        states = camera_states(bundle, self.scene.meters_per_unit).reshape(-1)
        view = View(
            cameras=wp.array(states, dtype=CameraState, device=self.device),
            frames=wp.array(bundle.frames, dtype=wp.int32, device=self.device),
            pinned=wp.zeros(n, dtype=wp.int32, device=self.device),
            height=bundle.height,
            width=bundle.width,
            background=self.cfg.background if bundle.background is None else bundle.background,
            transforms=wp.zeros(n, dtype=wp.transform, device=self.device),
            envs=bundle.envs,
        )
        self._cut(bundle, view)
        view.follow(self._frames.frames)
        view.targets = allocate_targets(bundle, self.device)
        describe_ids(self.scene, bundle, self.cfg.semantic_colors)
        bundle.backend_data = view
        self._bundles.append(bundle)

    def restore_cameras(self, bundle: CameraBundle) -> None:
        view: View = bundle.backend_data
        view.frames.assign(bundle.frames)
        view.take_lenses(bundle, self.scene.meters_per_unit, self._rescale)
        view.follow(self._frames.frames)
        self._cut(bundle, view)
        bundle.info.clear()
        describe_ids(self.scene, bundle, self.cfg.semantic_colors)

    def update_lenses(self, bundle: CameraBundle) -> None:
        view: View = bundle.backend_data
        view.take_lenses(bundle, self.scene.meters_per_unit)
        self._cut(bundle, view)

    def remove_cameras(self, bundle: CameraBundle) -> None:
        self._bundles.remove(bundle)
        bundle.backend_data = None

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        view: View = bundle.backend_data
        view.targets, view.copies = retarget(bundle, buffers)
        view.forget()

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        bundle.backend_data.place(positions, quats, order, convention, self.scene.meters_per_unit, index)

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        view: View = bundle.backend_data
        view.calibrate(matrices, index)
        self._cut(bundle, view)

    def remembers(self, bundle: CameraBundle) -> bool:
        return False

    def _cut(self, bundle: CameraBundle, view: View) -> None:
        """Group the cameras by lens and sight; the models that they need are made."""
        outside = bundle.envs < 0
        everything = (outside | self.cfg.see_all_envs) & (self.scene.num_envs > 0)
        count = max(self._world(kind).drawn.model.world_count for kind in sorted(set(everything.tolist())))
        if self.cfg.backend_options and bundle.envs.max(initial=0) >= count:
            raise ConfigError(
                f"{bundle.paths[int(np.argmax(bundle.envs))]} is in environment {bundle.envs.max()}, but the Newton "
                f"model has {count} worlds; give a model with a world for each environment"
            )
        view.envs = np.where(everything | outside, 0, bundle.envs).astype(np.int32)
        view.cut(everything)

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        start = time.perf_counter()
        scene, view, cfg = self.scene, bundle.backend_data, self.cfg
        frames = self._frames.frames
        if self._lights_moved:
            self._relight()
        view.follow(frames)
        wp.launch(camera_transforms, len(bundle), [view.cameras], [view.transforms], device=self.device)
        picked = view.select(cameras)
        states = {kind: self._world(kind).drawn.refresh(frames) for kind in picked.rows}
        traced = time.perf_counter()
        for kind in picked.rows:
            view.prepare(kind, self._worlds[kind].drawn, scene, cfg, bundle)
        for run in picked.runs:
            view.trace(self._worlds[run.everything], states[run.everything], run, picked.worlds, cfg.samples_per_pixel)
        finished = time.perf_counter()
        for kind, rows in picked.rows.items():
            view.finish(rows, kind, self._lighting, int(cfg.tone_mapping == "aces"), self._encode)
        for to, source in view.copies:
            wp.copy(to, source)
        end = time.perf_counter()
        return {
            "transforms": traced - start,
            "trace": finished - traced,
            "outputs": end - finished,
            "total": end - start,
        }

    def close(self) -> None:
        for bundle in self._bundles:
            bundle.backend_data = None
        self._bundles = []
        self._worlds = {}
        self._source = self._table = None
