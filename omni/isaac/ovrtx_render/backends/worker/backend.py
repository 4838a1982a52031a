"""Any backend, in a process of its own: it draws into memory that this process sees, and its end is not ours.

:mod:`.process` starts and watches the process, :mod:`.serve` and :mod:`.host` run in it, :mod:`.shared` is the memory.

What is lost with a process can be put back: the renderer keeps the scene, and this backend keeps what was written to
bindings, camera poses and lenses, in the shared memory itself.
"""

from __future__ import annotations

import itertools
import logging
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import warp as wp

from ..._version import __version__
from ...cameras import CameraBundle
from ...config import RendererCfg
from ...errors import BackendFailedError, BackendUnavailableError, InputError, WorkerError
from ...scene.data import Scene, SceneChanges
from ..base import Backend, FrameBinding
from ..devices import pick_device
from .kept import KeptBinding, KeptBundle
from .messages import SceneDelta, Write
from .options import WorkerOptions
from .process import WorkerProcess
from .shared import SharedArray

if TYPE_CHECKING:
    from ...scene.own_rows import OwnMaterials, OwnMeshes

__all__ = ["WorkerBackend"]

_LOG = logging.getLogger("omni.isaac.ovrtx_render.worker")


class WorkerBackend(Backend):
    """Runs the backend of a configuration in another process.

    Args:
        cfg: Configuration of the backend inside.
        options: How the process is run.

    Raises:
        BackendUnavailableError: The process cannot be started, or the backend cannot run in it.
        WorkerError: It ended while it was started.
    """

    name: ClassVar[str] = "worker"

    def __init__(self, cfg: RendererCfg, options: WorkerOptions) -> None:
        self.cfg, self.options = cfg, options
        self.device: wp.Device = pick_device(cfg.device)
        self._numbers = itertools.count(1)
        self._process: WorkerProcess | None = None
        self._processes = 0
        self._restarts = 0
        self._loads = 0
        self._slow = False
        self._lost = False
        """Whether the process is gone and the caller was told so."""
        self._closed = False
        self._bundles: list[CameraBundle] = []
        self._pending: dict[int, Write] = {}
        self._bound: weakref.WeakSet[KeptBinding] = weakref.WeakSet()
        # Bindings that nobody holds any more; their arrays stay until the worker has let go of them.
        self._forgotten: list[tuple[int, list[SharedArray]]] = []
        self._listener: Any = None
        self._stage: Any = None
        self._textures = 0
        self._event = wp.Event(self.device, interprocess=True) if self.device.is_cuda else None
        self._start()

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None if there is none now."""
        return self._process.pid if self._process is not None and self._process.alive else None

    @property
    def lost(self) -> bool:
        return self._lost and not self._closed

    # -- the process ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        process = WorkerProcess(self.options)
        self._finalizer = weakref.finalize(self, process.kill)
        # A device is named as this process counts them; both see the same ones.
        inner = self.cfg.replace(device=str(self.device))
        event = bytes(self._event.ipc_handle()) if self._event is not None else b""
        try:
            limit = self.options.start_timeout
            version = process.ask("start", limit=limit, silence=limit, option="start_timeout")
            if version != __version__:
                raise BackendUnavailableError(
                    f"the worker has version {version} of this package, and this process {__version__}; "
                    f"install the same one for {self.options.interpreter}"
                )
            # OVRTX compiles shaders when it is made for the first time, for minutes.
            made = process.ask("make", inner, event, **self._limits(slow=True))
            if made["device"] != str(self.device):
                raise BackendUnavailableError(
                    f"the worker draws on {made['device']} and this process uses {self.device}; name the device in "
                    "RendererCfg.device"
                )
        except BaseException:
            process.kill()
            raise
        self._process = process
        self._processes += 1
        self.__dict__["name"] = made["name"]
        _LOG.info("worker process %d runs the backend %s on %s", process.pid, made["name"], self.device)

    def _ask(self, method: str, *arguments: Any) -> Any:
        self._check_open()
        assert self._process is not None
        slow = method in ("load", "add_cameras", "restore_cameras") or (method == "render" and self._slow)
        try:
            return self._process.ask(method, *arguments, **self._limits(slow))
        except WorkerError as error:
            self._lost = True
            _LOG.error("%s", error)
            raise

    def _limits(self, slow: bool) -> dict[str, Any]:
        """Longest waits of a call [s]: for its answer, and without a sign of life; and the option that says so."""
        option = "load_timeout" if slow else "call_timeout"
        limit: float = getattr(self.options, option)
        # Reading a large stage may keep the interpreter's lock, and with it the heartbeat, for long.
        silence = min(self.options.heartbeat_timeout * (10 if slow else 1), limit)
        return {"limit": limit, "silence": silence, "option": option}

    def _check_open(self) -> None:
        if self._closed:
            raise InputError("the renderer is closed; make a new TiledRenderer")

    def _restart(self) -> None:
        """Start another process in the place of one that is lost."""
        assert self._process is not None
        if self._restarts >= self.options.max_restarts:
            raise self._process.loss(f"and it was started again {self._restarts} times without drawing a frame")
        self._restarts += 1
        self._finalizer.detach()
        self._process.kill()
        self._start()
        self._lost = False

    # -- scene ------------------------------------------------------------------------------------------------------

    def load(self, scene: Scene, stage: Any = None) -> None:
        if self.lost:
            self._restart()
        self._loads += 1
        self._slow = True
        # What was written is put back by the calls of rebind and restore_cameras that follow.
        self._pending.clear()
        self._textures = len(scene.textures)
        self._ask("load", scene, self._copied(scene, stage))

    def _copied(self, scene: Scene, stage: Any) -> Any:
        """The stage for the worker, if its backend draws it; from now on edits of it are collected."""
        from ...registry import backend_class

        if stage is None or not backend_class(self.name).draws_stage:
            return None
        from ...scene.live_edits import EditListener
        from .stage_copy import copy_stage

        if stage is not self._stage:
            if self._listener is not None:
                self._listener.close()
            self._listener, self._stage = EditListener(stage), stage
        self._listener.take()
        return copy_stage(stage, scene)

    def update(self, scene: Scene, changes: SceneChanges) -> bool:
        if self.lost or changes.replaced:
            return False
        self._flush()
        edits: str | None = ""
        if self._listener is not None:
            taken = self._listener.take()
            if taken.prims or taken.everything:
                return False
            from .stage_copy import edits_text

            edits = edits_text(self._stage, sorted(taken.properties))
            if edits is None:
                return False
        delta = SceneDelta(
            changes,
            {index: scene.lights[index] for index in changes.lights},
            {index: scene.cameras[index] for index in changes.cameras},
            scene.materials if changes.materials else [],
            scene.textures[self._textures :],
            edits,
        )
        done = bool(self._ask("update", delta))
        self._textures = len(scene.textures)
        return done

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, bundle: CameraBundle) -> None:
        kept = KeptBundle.of(bundle, next(self._numbers), self.device)
        try:
            bundle.info.update(self._ask("add_cameras", kept.spec(bundle)))
        except BaseException:
            kept.free()
            raise
        kept.load, kept.process = self._loads, self._processes
        bundle.backend_data = kept
        self._bundles.append(bundle)
        self._slow = True

    def restore_cameras(self, bundle: CameraBundle) -> None:
        kept: KeptBundle = bundle.backend_data
        # What was written to bindings and cameras is where the motion of the next frame begins.
        self._flush()
        if kept.process != self._processes:
            self._ask("add_cameras", kept.spec(bundle))
            kept.process = self._processes
            kept.give_again(bundle.calibrated)
            self._flush()
        info = self._ask("restore_cameras", kept.number, bundle.frames)
        bundle.info.clear()
        bundle.info.update(info)
        kept.load = self._loads
        self._slow = True

    def update_lenses(self, bundle: CameraBundle) -> None:
        self._flush()
        self._ask("update_lenses", bundle.backend_data.number)

    def remove_cameras(self, bundle: CameraBundle) -> None:
        kept: KeptBundle = bundle.backend_data
        self._bundles.remove(bundle)
        bundle.backend_data = None
        kept.free()
        if not self.lost and kept.process == self._processes:
            self._ask("remove_cameras", kept.number)

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        kept: KeptBundle = bundle.backend_data
        kept.copies = []
        for name, kind in bundle.kinds.items():
            own = kept.buffers[kind.name].array
            bundle.outputs[name] = buffers[name]
            if buffers[name].ptr != own.ptr:
                kept.copies.append((buffers[name], own))

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        bundle.backend_data.set_poses(positions, quats, order, convention, index)

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        bundle.backend_data.set_lenses(matrices, index)

    def forget_history(self, bundle: CameraBundle, cameras: np.ndarray) -> None:
        self._flush()
        self._ask("forget_history", bundle.backend_data.number, cameras)

    # -- bindings ---------------------------------------------------------------------------------------------------

    def _make(self, what: str, arguments: tuple[Any, ...], shapes: list[tuple[int, ...]]) -> KeptBinding:
        inputs = [SharedArray(shape, wp.float32, self.device) for shape in shapes]
        bound = KeptBinding(next(self._numbers), inputs)
        try:
            self._introduce(bound, what, arguments)
        except BaseException:
            bound.free()
            raise
        self._bound.add(bound)
        weakref.finalize(bound, self._drop, self._forgotten, bound.number, inputs)
        return bound

    def _introduce(self, bound: KeptBinding, what: str, arguments: tuple[Any, ...]) -> None:
        self._ask("bind", bound.number, what, arguments, tuple(shared.handle for shared in bound.inputs))
        bound.process = self._processes

    @staticmethod
    def _drop(forgotten: list[tuple[int, list[SharedArray]]], number: int, inputs: list[SharedArray]) -> None:
        forgotten.append((number, inputs))

    def bind(self, binding: FrameBinding) -> object:
        p = len(binding.paths)
        return self._make("bind", (binding,), [(p, 3), (p, 4), (p, 16)])

    def rebind(self, bound: object, binding: FrameBinding) -> object:
        assert isinstance(bound, KeptBinding)
        if bound.process == self._processes:
            self._ask("rebind", bound.number, binding)
        else:
            self._introduce(bound, "bind", (binding,))
        if bound.last is not None:
            self._defer(bound, bound.last)
        return bound

    def bind_materials(self, own: OwnMaterials, name: str) -> object:
        return self._make("bind_materials", (own, name), [])

    def write_materials(self, bound: object, values: wp.array) -> None:
        self._write_surface(bound, "write_materials", values, tuple(values.shape))

    def bind_points(self, own: OwnMeshes) -> object:
        return self._make("bind_points", (own,), [])

    def write_points(self, bound: object, points: wp.array) -> None:
        self._write_surface(bound, "write_points", points, (len(points), 3))

    def _write_surface(self, bound: object, method: str, values: wp.array, shape: tuple[int, ...]) -> None:
        assert isinstance(bound, KeptBinding)
        if not bound.inputs:
            bound.inputs.append(SharedArray(shape, wp.float32, self.device))
            self._ask("attach", bound.number, (bound.inputs[0].handle,))
        bound.put(values, 0)
        self._defer(bound, Write(bound.number, method))

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, KeptBinding)
        self._check_open()
        bound.put(positions, 0)
        bound.put(quats, 1)
        self._defer(bound, Write(bound.number, "write_poses", order))

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, KeptBinding)
        self._check_open()
        bound.put(matrices, 2)
        self._defer(bound, Write(bound.number, "write_matrices"))

    def _defer(self, bound: KeptBinding, write: Write) -> None:
        """Have a write done before the next frame, after all that were made before it."""
        bound.last = write
        self._pending.pop(bound.number, None)
        self._pending[bound.number] = write

    # -- frames -----------------------------------------------------------------------------------------------------

    def _take_writes(self) -> list[Write]:
        """Everything that the worker has not been given, in order."""
        writes = list(self._pending.values())
        for bundle in self._bundles:
            writes += bundle.backend_data.take_writes()
        self._pending.clear()
        if writes and self._event is not None:
            self.device.stream.record_event(self._event)
        return writes

    def _flush(self) -> None:
        writes = self._take_writes()
        if writes:
            self._ask("write", writes)
        if self._forgotten:
            dropped = [self._forgotten.pop() for _ in range(len(self._forgotten))]
            self._ask("forget", [number for number, _ in dropped])

    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        begin = time.perf_counter()
        kept: KeptBundle = bundle.backend_data
        if kept.load != self._loads:
            raise BackendFailedError("the last load of the stage did not complete; call sync() to try again")
        if self._forgotten:
            self._flush()
        phases: dict[str, float] = self._ask("render", kept.number, cameras, self._take_writes())
        self._slow, self._restarts = False, 0
        for to, source in kept.copies:
            wp.copy(to, source)
        total = time.perf_counter() - begin
        phases["worker"] = total - phases.get("total", 0.0)
        phases["total"] = total
        return phases

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._process is not None:
            self._process.close()
        if self._listener is not None:
            self._listener.close()
        for bound in self._bound:
            bound.free()
        self._forgotten.clear()
        for bundle in self._bundles:
            bundle.backend_data.free()
            bundle.backend_data = None
        self._bundles, self._stage = [], None
        self._pending.clear()
