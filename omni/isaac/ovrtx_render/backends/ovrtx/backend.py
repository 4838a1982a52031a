"""NVIDIA OVRTX as a backend: the live stage goes over once as text, environments are cloned by the library, poses are
written every frame, and tiled images are cut into the buffers of the bundles.

:mod:`.session` makes every call to the library, :mod:`.products` says what is drawn, :mod:`.view` keeps a bundle.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
import warp as wp

from ...cameras import CameraBundle
from ...config import RendererCfg
from ...errors import BackendFailedError, SceneError
from ...scene.data import Scene, SceneChanges
from ...scene.export import PARTITION, export_stage, partition_of
from ...scene.openusd import UsdGeom
from ...scene.own_rows import OwnMaterials, OwnMeshes
from ..base import Backend, FrameBinding
from ..devices import pick_device
from ..targets import retarget
from ..warp.device_scene import scene_exposure
from .camera_prims import CameraPrims
from .lenses import calibrated_lenses
from .live import LightValues, light_values, push_changes
from .options import OvrtxOptions
from .session import Session
from .surfaces import DeformedMeshes, MaterialInput
from .transforms import Bound, place_cameras
from .view import View, is_partitioned
from .warm_up import warm_up

__all__ = ["OvrtxBackend"]

PARTITION_LIMIT = 15625
"""Environments that can be kept apart; the library drops further partitions without a word."""


class OvrtxBackend(Backend):
    """RTX path tracing by the library OVRTX, on RTX GPUs, in a process without Kit.

    Raises:
        BackendUnavailableError: The library is missing, of another version, or does not start.
        ConfigError: An option or the device is not valid.
    """

    name: ClassVar[str] = "ovrtx"
    draws_stage: ClassVar[bool] = True

    def __init__(self, cfg: RendererCfg) -> None:
        self.cfg = cfg
        self.options = OvrtxOptions.of(cfg)
        self.device: wp.Device = pick_device(cfg.device)
        self._session = Session(self.options, self.device)
        self._scene = Scene()
        self._stage: Any = None
        self._gain = 1.0
        self._lights: LightValues = {}
        self._views: list[View] = []
        self._cameras = CameraPrims()
        # Those that nobody holds any more are gone; of the others, what was written last is sent last.
        self._bound: list[weakref.ref[Bound]] = []
        self._surfaces: list[MaterialInput | DeformedMeshes] = []
        self._result: Any = None
        self._fresh: set[View] = set()
        self._warm = False
        self._layers = 0
        self.load_timings: dict[str, float] = {}
        """Seconds of the last load by phase."""

    # -- scene ------------------------------------------------------------------------------------------------------

    def load(self, scene: Scene, stage: Any = None) -> None:
        if stage is None:
            raise SceneError(
                "the backend 'ovrtx' draws USD itself and was given arrays; open it from a stage, or use 'warp'"
            )
        apart = is_partitioned(scene, self.cfg)
        if apart and scene.num_envs > PARTITION_LIMIT:
            raise SceneError(
                f"the stage has {scene.num_envs} environments, and OVRTX keeps {PARTITION_LIMIT} apart; use fewer, "
                "or see_all_envs=True with environments that stand apart"
            )
        clock = _Clock(self.load_timings)
        self._result, self._warm = None, False
        self._fresh.clear()
        for view in self._views:
            view.forget()
        self._cameras.forget()
        for bound in self._bounds():
            bound.handle = None
        self._surfaces.clear()  # bound again by their owner, as are the others
        # An exposure that was chosen stays while the lights are those it was chosen for.
        if not self._lights or self._lights.keys() != {light.path for light in scene.lights}:
            self._gain = scene_exposure(scene, self.cfg)
        self._lights = light_values(stage, [light.path for light in scene.lights])
        export = export_stage(stage, scene, partitions=apart, exposure=self._gain)
        clock.lap("export")
        session = self._session
        text = export.text if self.options.scene_route == "text" else None
        clock.lap("text")
        session.open(export.layer if text is None else text)
        clock.lap("open")
        for step in export.clones:
            session.clone(step.source, step.targets)
        clock.lap("clone")
        session.place(export.placed, export.transforms)
        for values in export.values:
            write = session.write_arrays if values.type_name.endswith("[]") else session.write_values
            write(values.paths, values.name, values.values)
        if export.bindings:
            session.write_arrays(list(export.bindings), "material:binding", [[m] for m in export.bindings.values()])
        if apart:
            tokens = [partition_of(env) for env in range(scene.num_envs)]
            session.write_tokens(scene.env_paths, PARTITION, tokens)
        clock.lap("place")
        self._scene, self._stage = scene, stage

    def update(self, scene: Scene, changes: SceneChanges) -> bool:
        pinned = {path for bound in self._bounds() if bound.written for path in bound.paths}
        pinned |= {path for surface in self._surfaces for path in surface.pinned}
        done = push_changes(self._session, self._stage, scene, changes, self._lights, pinned)
        self._scene = scene
        self._fresh.clear()
        return done

    # -- transforms -------------------------------------------------------------------------------------------------

    def bind(self, binding: FrameBinding) -> Bound:
        bound = Bound.of(binding.paths, binding.worlds, self.device)
        self._attach(bound)
        return bound

    def rebind(self, bound: object, binding: FrameBinding) -> Bound:
        assert isinstance(bound, Bound)
        new = bound.again(binding.worlds)
        if bound.handle is not None:
            self._session.unbind(bound.handle)
        self._drop(bound)
        self._attach(new)
        if new.written:
            self._session.reset_stack([path for path in new.paths if self._has(path)])
            if new.handle is None:
                left = [row for row, path in enumerate(new.paths) if self._has(path)]
                self._session.place([new.paths[row] for row in left], new.matrices.numpy()[left])
        return new

    def _has(self, path: str) -> bool:
        prim = self._stage.GetPrimAtPath(path)
        return bool(prim) and prim.IsActive()

    def _attach(self, bound: Bound) -> None:
        """Bind prims in the library; those of a binding that is broken for now are left as they are."""
        self._keep(bound)
        for path in bound.paths:
            prim = self._stage.GetPrimAtPath(path)
            if self._has(path) and not UsdGeom.Xformable(prim):
                raise SceneError(
                    f"{path} is a {prim.GetTypeName() or 'prim without a type'}, which has no transform of its own; "
                    "bind an Xform, or what stands below it"
                )
        if bound.paths and all(map(self._has, bound.paths)):
            bound.handle = self._session.bind_transforms(bound.paths)
            weakref.finalize(bound, self._session.retire, bound.handle).atexit = False

    def _bounds(self) -> list[Bound]:
        """The bindings that somebody holds."""
        return [bound for bound in (ref() for ref in self._bound) if bound is not None]

    def _keep(self, bound: Bound) -> None:
        """Have a binding sent after all others."""
        self._drop(bound)
        self._bound.append(weakref.ref(bound))

    def _drop(self, bound: Bound) -> None:
        """Forget a binding, and those that nobody holds."""
        self._bound = [weakref.ref(other) for other in self._bounds() if other is not bound]

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, Bound)
        self._first_write(bound)
        bound.write_poses(positions, quats, order)
        bound.pull(self._bounds())

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, Bound)
        self._first_write(bound)
        bound.write_matrices(matrices)
        bound.pull(self._bounds())

    def _first_write(self, bound: Bound) -> None:
        if not bound.written:
            self._session.reset_stack(bound.paths)
        self._keep(bound)

    def bind_materials(self, own: OwnMaterials, name: str) -> MaterialInput:
        self._let_go(own)
        surface = MaterialInput(self._session, self._stage, own, name)
        self._surfaces.append(surface)
        return surface

    def write_materials(self, bound: object, values: wp.array) -> None:
        assert isinstance(bound, MaterialInput)
        bound.write(values)

    def bind_points(self, own: OwnMeshes) -> DeformedMeshes:
        self._let_go(own)
        surface = DeformedMeshes(self._session, self._stage, own, self.device)
        self._surfaces.append(surface)
        return surface

    def _let_go(self, own: OwnMaterials | OwnMeshes) -> None:
        """Forget what was bound of these prims by the same owner, who binds them again after an edit of the stage."""
        for old in [surface for surface in self._surfaces if surface.own is own]:
            old.release(self._session)
            self._surfaces.remove(old)

    def write_points(self, bound: object, points: wp.array) -> None:
        assert isinstance(bound, DeformedMeshes)
        bound.write(points)

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, bundle: CameraBundle) -> None:
        if (
            is_partitioned(self._scene, self.cfg)
            and (bundle.envs < 0).any()
            and not self._session.library.shows_all_partitions
        ):
            path = bundle.paths[int(np.argmin(bundle.envs))]
            raise SceneError(
                f"camera {path} is in no environment, and this version of ovrtx shows such a camera none of them; "
                "use ovrtx 0.4.1 or newer, or see_all_envs=True"
            )
        view = View(bundle, self.device)
        self._views.append(view)
        try:
            self._prepare(view)
        except BaseException:
            self._views.remove(view)
            with suppress(BackendFailedError):
                view.release(self._session, self._cameras)
            raise
        bundle.backend_data = view

    def _prepare(self, view: View) -> None:
        """Make the render products of a bundle, in the library's stage as it is now."""
        while self._stage.GetPrimAtPath(f"/OvrtxRender_{self._layers}"):
            self._layers += 1
        name, self._layers = f"OvrtxRender_{self._layers}", self._layers + 1
        view.prepare(self._session, self._stage, name, self._scene, self.cfg, self.options, self._cameras)
        self._fresh.clear()
        self._warm = False

    def restore_cameras(self, bundle: CameraBundle) -> None:
        view: View = bundle.backend_data
        self._prepare(view)
        rows = np.flatnonzero(view.pinned)
        self._session.reset_stack([view.cameras[row] for row in rows])

    def update_lenses(self, bundle: CameraBundle) -> None:
        view: View = bundle.backend_data
        view.write_lenses(self._session)
        self._fresh.clear()

    def remove_cameras(self, bundle: CameraBundle) -> None:
        view: View = bundle.backend_data
        self._views.remove(view)
        self._fresh.clear()
        self._result = None
        view.release(self._session, self._cameras)
        bundle.backend_data = None

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        view: View = bundle.backend_data
        view.targets, view.copies = retarget(bundle, buffers)

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        view: View = bundle.backend_data
        place_cameras(positions, quats, order, convention, index, view.matrices)
        if not view.pinned.all():
            view.pin(self._session, index.numpy())
        view.sent = not view.pinned.any()

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        view: View = bundle.backend_data
        rows = index.numpy()
        cameras = [bundle.cameras[row] for row in rows]
        lenses = calibrated_lenses(matrices.numpy().astype(np.float64), cameras, bundle.width, bundle.height)
        paths = [view.cameras[row] for row in rows]
        for name, values in lenses.items():
            self._session.write_values(paths, name, values)
            view.lenses.setdefault(name, {}).update(zip(rows.tolist(), values, strict=True))
        self._fresh.clear()

    def forget_history(self, bundle: CameraBundle, cameras: np.ndarray) -> None:
        view: View = bundle.backend_data
        if not self._session.library.resets_tiles:
            # Only the history of everything can be forgotten, which would blur all other images.
            if len(cameras) == len(bundle) and len(self._views) == 1:
                self._session.reset()
            return
        view.forgotten[cameras] = True

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        phases: dict[str, float] = {}
        clock = _Clock(phases)
        view: View = bundle.backend_data
        kept = self._send()
        clock.lap("transforms")
        if kept or view not in self._fresh:
            self._draw()
        self._fresh.discard(view)
        del kept
        clock.lap("step")
        view.take(self._session, self._result, cameras, self._scene, self.cfg, self._gain)
        clock.lap("cut")
        phases["total"] = sum(phases.values())
        return phases

    def _send(self) -> list[Any]:
        """Hand over every pose that was written since the last frame; returns buffers to keep until the next one."""
        kept = []
        for bound in self._bounds():
            if not bound.sent and bound.handle is not None:
                self._session.send(bound.handle, bound.matrices)
                bound.sent = True
                kept.append(bound.matrices)
        for surface in self._surfaces:
            kept += surface.send(self._session)
        for view in self._views:
            if not view.sent:
                kept.append(view.send(self._session))
            if view.forgotten.any():
                view.reset_tiles(self._session)
                self._fresh.clear()
        return kept

    def _draw(self) -> None:
        """Draw one frame of all bundles: a product that is left out of a step loses its history."""
        self._result = None
        if not self._warm:
            self._result = warm_up(self._session, self.options, self._scene, self._views, self.device, self._gain)
            self._warm = True
        else:
            self._result = self._session.step([p.path for view in self._views for p in view.products])
        self._fresh = set(self._views)

    def close(self) -> None:
        self._result = None
        self._fresh.clear()
        self._session.close()
        for view in self._views:
            view.bundle.backend_data = None
        self._views, self._bound, self._surfaces = [], [], []
        self._stage = None


class _Clock:
    """Seconds since the last lap, by phase."""

    def __init__(self, phases: dict[str, float]) -> None:
        self._phases = phases
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """End a phase."""
        now = time.perf_counter()
        self._phases[phase], self._last = now - self._last, now
