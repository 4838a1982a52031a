"""What the worker does for its parent: it holds the backend, the scene, bundles and bindings, each by its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import warp as wp

from ..._version import __version__
from ...arrays import reinterpret
from ...cameras import CameraBundle
from ...config import RendererCfg
from ...registry import make_backend
from ...scene.data import Scene
from ..base import Backend, FrameBinding
from .messages import BundleSpec, SceneDelta, Write
from .shared import Handle, attach

if TYPE_CHECKING:
    from .stage_copy import StageCopy

__all__ = ["Host"]


class Host:
    """The methods that a parent may call; their names are what it asks for."""

    def __init__(self) -> None:
        self._backend: Backend
        self._scene = Scene()
        self._stage: Any = None
        self._bundles: dict[int, CameraBundle] = {}
        self._bound: dict[int, Any] = {}
        self._inputs: dict[int, tuple[wp.array, ...]] = {}
        self._ready: Any = None

    def start(self) -> str:
        """Answer that everything is imported, with the version of this package."""
        return __version__

    def make(self, cfg: RendererCfg, event: bytes) -> dict[str, Any]:
        """Make the backend.

        Args:
            cfg: Its configuration.
            event: Handle of the CUDA event that says that arrays were written; empty on the host.
        """
        self._backend = make_backend(cfg)
        device = self._backend.device
        if event:
            self._ready = wp.event_from_ipc_handle(event, device)
        return {"name": self._backend.name, "device": str(device)}

    # -- scene ------------------------------------------------------------------------------------------------------

    def load(self, scene: Scene, stage: StageCopy | None) -> None:
        """Take a scene, and the stage if the backend draws it."""
        self._stage = None
        if stage is not None:
            from .stage_copy import rebuild

            self._stage = rebuild(stage)
        self._scene = scene
        self._backend.load(scene, self._stage)

    def update(self, delta: SceneDelta) -> bool:
        """Take over what changed of the scene."""
        scene, changes = self._scene, delta.changes
        first_light = len(scene.instances)
        first_camera = first_light + len(scene.lights)
        for frame, transform in zip(changes.frames, changes.transforms, strict=True):
            if frame < first_light:
                scene.instances.transform[frame] = transform
            elif frame < first_camera:
                scene.lights[frame - first_light].transform = transform
            else:
                scene.cameras[frame - first_camera].transform = transform
        for index, light in delta.lights.items():
            vars(scene.lights[index]).update(vars(light))
        for index, camera in delta.cameras.items():
            vars(scene.cameras[index]).update(vars(camera))
        if changes.materials:
            scene.materials[:] = delta.materials
            scene.textures.extend(delta.textures)
        if delta.edits:
            from .stage_copy import apply_edits

            apply_edits(self._stage, delta.edits)
        return self._backend.update(scene, changes)

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, spec: BundleSpec) -> dict[str, Any]:
        """Make a bundle that draws into arrays of the parent; returns its info."""
        scene = self._scene
        first = len(scene.instances) + len(scene.lights)
        cameras = [scene.cameras[frame - first] for frame in spec.frames]
        owner: Any = None
        bundle = CameraBundle(
            owner, cameras, spec.frames, spec.width, spec.height, spec.kinds, spec.colorize, spec.background
        )
        device = self._backend.device
        self._backend.add_cameras(bundle)
        shared = {kind: attach(handle, device) for kind, handle in spec.buffers.items()}
        self._backend.set_outputs(bundle, {name: shared[kind.name] for name, kind in spec.kinds.items()})
        self._bundles[spec.number] = bundle
        self._inputs[spec.number] = tuple(attach(handle, device) for handle in spec.inputs)
        return bundle.info

    def restore_cameras(self, number: int, frames: np.ndarray) -> dict[str, Any]:
        """Find a bundle's cameras after a load; returns its info."""
        bundle, scene = self._bundles[number], self._scene
        first = len(scene.instances) + len(scene.lights)
        bundle.frames[:] = frames
        bundle.cameras[:] = [scene.cameras[frame - first] for frame in frames]
        bundle.envs[:] = [camera.env for camera in bundle.cameras]
        self._backend.restore_cameras(bundle)
        return bundle.info

    def update_lenses(self, number: int) -> None:
        """Take over the lenses of a bundle's cameras."""
        self._backend.update_lenses(self._bundles[number])

    def remove_cameras(self, number: int) -> None:
        """Forget a bundle."""
        self._backend.remove_cameras(self._bundles.pop(number))
        del self._inputs[number]

    def forget_history(self, number: int, rows: np.ndarray) -> None:
        """Let nothing of earlier frames show in these rows."""
        self._backend.forget_history(self._bundles[number], rows)

    # -- bindings ---------------------------------------------------------------------------------------------------

    def bind(self, number: int, what: str, arguments: tuple[Any, ...], inputs: tuple[Handle, ...]) -> None:
        """Make a binding, and attach the arrays that are written for it.

        Args:
            number: Its number.
            what: ``"bind"``, ``"bind_materials"`` or ``"bind_points"``.
            arguments: Arguments of that method.
            inputs: The arrays.
        """
        self._bound[number] = getattr(self._backend, what)(*arguments)
        self.attach(number, inputs)

    def attach(self, number: int, inputs: tuple[Handle, ...]) -> None:
        """Attach the arrays that are written for a binding."""
        self._inputs[number] = tuple(attach(handle, self._backend.device) for handle in inputs)

    def rebind(self, number: int, binding: FrameBinding) -> None:
        """The same prims, whose frames are others now."""
        self._bound[number] = self._backend.rebind(self._bound[number], binding)

    def forget(self, numbers: list[int]) -> None:
        """Let go of bindings that nobody holds any more."""
        for number in numbers:
            self._bound.pop(number, None)
            self._inputs.pop(number, None)

    # -- frames -----------------------------------------------------------------------------------------------------

    def write(self, writes: list[Write]) -> None:
        """Hand arrays of the parent to the backend, in order: all of them, and then the first error."""
        if writes and self._ready is not None:
            self._backend.device.stream.wait_event(self._ready)
        problem: Exception | None = None
        for write in writes:
            try:
                self._write(write, self._inputs[write.number])
            except Exception as error:  # the others must not be lost with it
                problem = problem or error
        if problem is not None:
            raise problem

    def _write(self, write: Write, inputs: tuple[wp.array, ...]) -> None:
        if write.rows is not None:
            self._write_cameras(write, inputs)
            return
        bound, count = self._bound[write.number], len(inputs[0])
        if write.method == "write_poses":
            positions = reinterpret(inputs[0], wp.vec3, (count,))
            self._backend.write_poses(bound, positions, reinterpret(inputs[1], wp.vec4, (count,)), write.order)
        elif write.method == "write_matrices":
            self._backend.write_matrices(bound, reinterpret(inputs[2], wp.mat44, (count,)))
        elif write.method == "write_points":
            self._backend.write_points(bound, reinterpret(inputs[0], wp.vec3, (count,)))
        else:
            self._backend.write_materials(bound, inputs[0])

    def _write_cameras(self, write: Write, inputs: tuple[wp.array, ...]) -> None:
        bundle = self._bundles[write.number]
        index: Any = wp.array(write.rows, dtype=wp.int32, device=self._backend.device)
        count = len(bundle)
        if write.method == "set_intrinsics":
            matrices = reinterpret(inputs[2], wp.mat33, (count,))[index].contiguous()
            self._backend.set_intrinsics(bundle, matrices, index)
            bundle.calibrated[write.rows] = True
        else:
            positions = reinterpret(inputs[0], wp.vec3, (count,))[index].contiguous()
            quats = reinterpret(inputs[1], wp.vec4, (count,))[index].contiguous()
            self._backend.set_camera_poses(bundle, positions, quats, write.order, write.convention, index)

    def render(self, number: int, rows: np.ndarray | None, writes: list[Write]) -> dict[str, float]:
        """Draw a bundle after some writes; its images are complete when this returns."""
        self.write(writes)
        phases = self._backend.render(self._bundles[number], rows)
        wp.synchronize_device(self._backend.device)
        return phases

    def close(self) -> None:
        """Free everything."""
        self._backend.close()
