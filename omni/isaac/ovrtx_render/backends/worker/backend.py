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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import warp as wp

from ..._version import __version__
from ...arrays import reinterpret
from ...cameras import CameraBundle
from ...config import RendererCfg
from ...errors import BackendFailedError, BackendUnavailableError, InputError, WorkerError
from ...scene.data import Scene, SceneChanges
from ..base import Backend, FrameBinding
from ..devices import pick_device
from .messages import BundleSpec, SceneDelta, Write
from .options import WorkerOptions
from .process import WorkerProcess
from .shared import SharedArray

if TYPE_CHECKING:
    from ...scene.own_rows import OwnMaterials, OwnMeshes

__all__ = ["WorkerBackend"]

_LOG = logging.getLogger("omni.isaac.ovrtx_render.worker")
_WAYS = (("xyzw", "opengl"), ("wxyz", "opengl"), ("xyzw", "ros"), ("wxyz", "ros"), ("xyzw", "world"), ("wxyz", "world"))


@wp.kernel(enable_backward=False, module="omni_worker")
def _scatter(values: wp.array2d(dtype=wp.float32), index: wp.array(dtype=wp.int32), out: wp.array2d(dtype=wp.float32)):
    i, j = wp.tid()
    out[index[i], j] = values[i, j]


@dataclass(eq=False)
class _Bundle:
    """What this side keeps of a bundle.

    Attributes:
        buffers: Arrays the worker draws into, by the name of the kind of output.
        inputs: Positions (N, 3), quaternions (N, 4), intrinsics (N, 9) that were set.
        way: (N,) int8 how the pose of each camera was given, index of ``_WAYS``; -1: it was not.
        moved: (N,) bool poses that the worker has not been given.
        reshaped: (N,) bool lenses that the worker has not been given.
        copies: Buffers of the caller, and what is copied into them after drawing.
        load: Number of the load that its cameras were found in.
        process: Number of the process that knows it.
    """

    number: int
    buffers: dict[str, SharedArray]
    inputs: tuple[SharedArray, SharedArray, SharedArray]
    way: np.ndarray
    moved: np.ndarray
    reshaped: np.ndarray
    copies: list[tuple[wp.array, wp.array]] = field(default_factory=list)
    load: int = 0
    process: int = 0


@dataclass(eq=False)
class _Bound:
    """What this side keeps of a binding.

    Attributes:
        inputs: Arrays that are written: positions, quaternions and matrices, or values alone.
        last: The write that holds now; None before the first.
        process: Number of the process that knows it.
    """

    number: int
    inputs: list[SharedArray]
    last: Write | None = None
    process: int = 0


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
            made = process.ask("make", inner, event, limit=limit, silence=limit)
            if made["version"] != __version__:
                raise BackendUnavailableError(
                    f"the worker has version {made['version']} of this package, and this process {__version__}; "
                    f"install the same one for {self.options.interpreter}"
                )
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
        limit = self.options.load_timeout if slow else self.options.call_timeout
        # Reading a large stage may keep the interpreter's lock, and with it the heartbeat, for long.
        silence = min(self.options.heartbeat_timeout * (10 if slow else 1), limit)
        try:
            return self._process.ask(method, *arguments, limit=limit, silence=silence)
        except WorkerError as error:
            self._lost = True
            _LOG.error("%s", error)
            raise

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
        edits = ""
        if self._listener is not None:
            taken = self._listener.take()
            if taken.prims or taken.everything:
                return False
            from .stage_copy import edits_text

            edits = edits_text(self._stage, sorted(taken.properties))
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
        n, h, w = len(bundle), bundle.height, bundle.width
        buffers: dict[str, SharedArray] = {}
        for name, kind in bundle.kinds.items():
            if kind.name not in buffers:
                colored = kind.name in bundle.colorize
                channels, scalar = (4, wp.uint8) if colored else (kind.channels, getattr(wp, kind.dtype))
                buffers[kind.name] = SharedArray((n, h, w, channels), scalar, self.device)
            bundle.outputs[name] = buffers[kind.name].array
        positions, quats, matrices = (SharedArray((n, size), wp.float32, self.device) for size in (3, 4, 9))
        none = np.zeros(n, bool)
        kept = _Bundle(
            next(self._numbers), buffers, (positions, quats, matrices), np.full(n, -1, np.int8), none, none.copy()
        )
        bundle.info.update(self._ask("add_cameras", self._spec(bundle, kept)))
        kept.load, kept.process = self._loads, self._processes
        bundle.backend_data = kept
        self._bundles.append(bundle)
        self._slow = True

    @staticmethod
    def _spec(bundle: CameraBundle, kept: _Bundle) -> BundleSpec:
        a, b, c = (shared.handle for shared in kept.inputs)
        return BundleSpec(
            kept.number,
            bundle.frames,
            bundle.width,
            bundle.height,
            bundle.kinds,
            bundle.colorize,
            bundle.background,
            {name: buffer.handle for name, buffer in kept.buffers.items()},
            (a, b, c),
        )

    def restore_cameras(self, bundle: CameraBundle) -> None:
        kept: _Bundle = bundle.backend_data
        # What was written to bindings and cameras is where the motion of the next frame begins.
        self._flush()
        if kept.process != self._processes:
            self._ask("add_cameras", self._spec(bundle, kept))
            kept.process = self._processes
            kept.moved |= kept.way >= 0
            kept.reshaped |= bundle.calibrated
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
        kept: _Bundle = bundle.backend_data
        self._bundles.remove(bundle)
        bundle.backend_data = None
        self._free(kept)
        if not self.lost:
            self._ask("remove_cameras", kept.number)

    @staticmethod
    def _free(kept: _Bundle) -> None:
        for shared in (*kept.buffers.values(), *kept.inputs):
            shared.free()

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        kept: _Bundle = bundle.backend_data
        kept.copies = []
        for name, kind in bundle.kinds.items():
            own = kept.buffers[kind.name].array
            bundle.outputs[name] = buffers[name]
            if buffers[name].ptr != own.ptr:
                kept.copies.append((buffers[name], own))

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        kept: _Bundle = bundle.backend_data
        self._keep(positions, 3, index, kept.inputs[0])
        self._keep(quats, 4, index, kept.inputs[1])
        rows = index.numpy()
        kept.way[rows] = _WAYS.index((order, convention))
        kept.moved[rows] = True

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        kept: _Bundle = bundle.backend_data
        self._keep(matrices, 9, index, kept.inputs[2])
        kept.reshaped[index.numpy()] = True

    def _keep(self, values: wp.array, width: int, index: wp.array, out: SharedArray) -> None:
        """Put rows where the worker sees them."""
        flat = reinterpret(values, wp.float32, (len(index), width))
        if len(index):
            wp.launch(_scatter, (len(index), width), inputs=[flat, index, out.array], device=self.device)

    def forget_history(self, bundle: CameraBundle, cameras: np.ndarray) -> None:
        self._flush()
        self._ask("forget_history", bundle.backend_data.number, cameras)

    # -- bindings ---------------------------------------------------------------------------------------------------

    def _make(self, what: str, arguments: tuple[Any, ...], shapes: list[tuple[int, ...]]) -> _Bound:
        inputs = [SharedArray(shape, wp.float32, self.device) for shape in shapes]
        bound = _Bound(next(self._numbers), inputs)
        self._introduce(bound, what, arguments)
        weakref.finalize(bound, self._drop, self._forgotten, bound.number, inputs)
        return bound

    def _introduce(self, bound: _Bound, what: str, arguments: tuple[Any, ...]) -> None:
        self._ask("bind", bound.number, what, arguments, tuple(shared.handle for shared in bound.inputs))
        bound.process = self._processes

    @staticmethod
    def _drop(forgotten: list[tuple[int, list[SharedArray]]], number: int, inputs: list[SharedArray]) -> None:
        forgotten.append((number, inputs))

    def bind(self, binding: FrameBinding) -> object:
        p = len(binding.paths)
        return self._make("bind", (binding,), [(p, 3), (p, 4), (p, 16)])

    def rebind(self, bound: object, binding: FrameBinding) -> object:
        assert isinstance(bound, _Bound)
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
        assert isinstance(bound, _Bound)
        if not bound.inputs:
            bound.inputs.append(SharedArray(shape, wp.float32, self.device))
            self._ask("attach", bound.number, (bound.inputs[0].handle,))
        self._put(values, bound.inputs[0])
        self._defer(bound, Write(bound.number, method))

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, _Bound)
        self._check_open()
        self._put(positions, bound.inputs[0])
        self._put(quats, bound.inputs[1])
        self._defer(bound, Write(bound.number, "write_poses", order))

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, _Bound)
        self._check_open()
        self._put(matrices, bound.inputs[2])
        self._defer(bound, Write(bound.number, "write_matrices"))

    def _put(self, values: wp.array, out: SharedArray) -> None:
        wp.copy(out.array, reinterpret(values, wp.float32, out.array.shape))

    def _defer(self, bound: _Bound, write: Write) -> None:
        """Have a write done before the next frame, after all that were made before it."""
        bound.last = write
        self._pending.pop(bound.number, None)
        self._pending[bound.number] = write

    # -- frames -----------------------------------------------------------------------------------------------------

    def _take_writes(self) -> list[Write]:
        """Everything that the worker has not been given, in order."""
        writes = list(self._pending.values())
        for bundle in self._bundles:
            kept: _Bundle = bundle.backend_data
            for way in np.unique(kept.way[kept.moved]):
                rows = np.flatnonzero(kept.moved & (kept.way == way)).astype(np.int32)
                writes.append(Write(kept.number, "set_camera_poses", *_WAYS[way], rows=rows))
            if kept.reshaped.any():
                rows = np.flatnonzero(kept.reshaped).astype(np.int32)
                writes.append(Write(kept.number, "set_intrinsics", rows=rows))
            kept.moved[:] = kept.reshaped[:] = False
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
        kept: _Bundle = bundle.backend_data
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
        for bundle in self._bundles:
            self._free(bundle.backend_data)
            bundle.backend_data = None
        self._bundles, self._stage = [], None
        self._pending.clear()
