"""Where the bodies are: Isaac Lab's scene data provider, written into the renderer's transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import warp as wp
from isaaclab.scene_data import SceneDataFormat
from isaaclab.sim import SimulationContext

from ..errors import InputError
from ..renderer import TiledRenderer
from .deforming import DeformingMeshes

if TYPE_CHECKING:
    from pxr import Usd

__all__ = ["BodyPoses"]


class BodyPoses:
    """Bodies of the running simulation and their prims in a renderer.

    Physics does not write poses back to the stage while it steps: they are taken from the provider, when its timestamp
    says that there are new ones.

    Attributes:
        paths: Prim path of every body, in the order of :attr:`now`.
    """

    def __init__(self, renderer: TiledRenderer, stage: Usd.Stage) -> None:
        self._sim = SimulationContext.instance()
        self._provider = self._sim.get_scene_data_provider() if self._sim is not None else None
        self._stamp: object = None
        self.now: wp.array | None = None
        self.paths: list[str] = []
        self._binding = self._mapping = None
        self._meshes: DeformingMeshes | None = None
        if self._provider is None or self._provider.backend is None:
            return
        self._meshes = DeformingMeshes(renderer, self._provider, str(renderer.device))
        self.paths = list(self._provider.backend.transform_paths)
        if renderer.backend_name == "isaac_rtx":
            return  # Isaac Sim has the bodies in Fabric; written to the stage, they would fight with physics
        drawn = [path for path in self.paths if stage.GetPrimAtPath(path)]
        if drawn:
            self._binding = renderer.bind_transforms(drawn)
            self._mapping = self._provider.create_mapping(drawn)

    def refresh(self) -> None:
        """Write the poses of now into the renderer, if they are new."""
        provider = self._provider
        if provider is None or not self.paths:
            return
        poses = SceneDataFormat.Transform()
        if not provider.get_transforms(poses):
            return
        # Asking brings the poses up to date, so the timestamp is read after it.
        stamp = provider.backend.transforms_timestamp
        if stamp == self._stamp and self.now is poses.transforms:
            return
        self.now = poses.transforms
        if self._binding is not None:
            split = SceneDataFormat.Vec3_Quat()
            if not provider.get_transforms(split, mapping=self._mapping, count=len(self._binding)):
                return
            try:
                self._binding.write(split.positions, quat_xyzw=split.orientations)
            except InputError as error:
                if error.row is None:
                    raise
                body = self._binding.paths[error.row]
                raise InputError(f"physics has {body} where nothing can be: {error}") from error
        self._stamp = stamp

    def refresh_points(self) -> None:
        """Write the points of meshes that deform into the renderer, if they are new."""
        if self._meshes is not None:
            self._meshes.refresh()

    def as_reported(self) -> wp.array | None:
        """The (B,) body poses that Isaac Lab's camera poses were last computed from.

        Newton's camera views read the state as it is; the provider first brings it up to date. The difference matters
        between a reset, which reports camera poses, and the next step.
        """
        state = getattr(getattr(self._sim, "physics_manager", None), "get_state_0", None)
        if state is not None and self.paths:
            return _of_length(state().body_q, len(self.paths))
        if self._provider is not None and self.paths:
            poses = SceneDataFormat.Transform()
            if self._provider.get_transforms(poses):
                return poses.transforms
        return None


def _of_length(poses: Any, count: int) -> wp.array | None:
    return poses if poses is not None and len(poses) == count else None
