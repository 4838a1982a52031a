"""What a backend is: it takes a Scene, camera bundles and pose arrays, and fills output buffers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..errors import ConfigError

if TYPE_CHECKING:
    import warp as wp
    from pxr import Usd

    from ..cameras import CameraBundle
    from ..scene.data import Scene, SceneChanges
    from ..scene.own_rows import OwnMaterials, OwnMeshes

__all__ = ["Backend", "FrameBinding", "check_options"]


def check_options(options: Mapping[str, object], backend: str, known: Collection[str]) -> None:
    """Refuse options that a backend does not know.

    Raises:
        ConfigError: ``backend_options`` names one.
    """
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = f"takes: {', '.join(known)}" if known else "takes none"
        raise ConfigError(f"backend_options has {', '.join(unknown)}; the {backend} backend {takes}")


class FrameBinding:
    """Prims whose world poses a caller writes, resolved to the frames (instances, lights, cameras) below them.

    Attributes:
        paths: P prim paths, in the order of the rows that are written.
        rows: (K,) int32 index of the bound prim.
        frames: (K,) int32 frame: instance i of ``Scene.instances``, or I + light, or I + L + camera.
        to_pose: (K, 4, 4) float64 frame relative to the prim's rotation and translation (scale kept inside), metres.
        to_matrix: (K, 4, 4) float64 frame relative to the prim's whole matrix, stage units.
        worlds: (P, 4, 4) float64 world matrices of the prims, stage units; the identity where there is no such prim.
    """

    def __init__(
        self,
        paths: list[str],
        rows: np.ndarray,
        frames: np.ndarray,
        to_pose: np.ndarray,
        to_matrix: np.ndarray,
        worlds: np.ndarray,
    ) -> None:
        self.paths = paths
        self.rows = rows
        self.frames = frames
        self.to_pose = to_pose
        self.to_matrix = to_matrix
        self.worlds = worlds


class Backend(ABC):
    """One way to draw. Instances are made by the registry with the renderer's configuration."""

    name: ClassVar[str]
    device: wp.Device
    """Where the output buffers are, and where arrays handed in must be."""
    draws_stage: ClassVar[bool] = False
    """Whether it draws USD itself, so that a scene alone is not enough."""

    @property
    def lost(self) -> bool:
        """Whether what was loaded is gone, so that it must be loaded, bound and restored again."""
        return False

    @abstractmethod
    def load(self, scene: Scene, stage: Usd.Stage | None = None) -> None:
        """Take a scene (again): everything that came from an earlier one is replaced.

        Args:
            scene: The stage as arrays.
            stage: The stage it was read from, for backends that draw USD themselves; None if there is none.
        """

    def update(self, scene: Scene, changes: SceneChanges) -> bool:
        """Take over changes of the scene that was loaded. What is written by a binding is written again after it.

        Returns:
            False if this backend cannot; the caller then loads the scene.
        """
        return False

    @abstractmethod
    def add_cameras(self, bundle: CameraBundle) -> None:
        """Prepare a camera bundle: allocate its outputs into ``bundle.outputs``."""

    @abstractmethod
    def restore_cameras(self, bundle: CameraBundle) -> None:
        """After a load: the bundle's cameras are others, its buffers are the same.

        Poses, and the lenses of ``bundle.calibrated``, that were set as arrays stay.
        """

    @abstractmethod
    def update_lenses(self, bundle: CameraBundle) -> None:
        """Take over the lenses of ``bundle.cameras``, but for the cameras that are ``bundle.calibrated``."""

    @abstractmethod
    def remove_cameras(self, bundle: CameraBundle) -> None:
        """Forget a camera bundle; its output buffers stay valid."""

    @abstractmethod
    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        """Draw into these arrays from now on; they were checked to be like those in ``bundle.outputs``."""

    def place_like(self, bundle: CameraBundle, other: CameraBundle, row: int) -> bool:
        """Have the one camera of a bundle stand and look as a row of another bundle of the same size does now.

        Returns:
            False if this backend cannot.
        """
        return False

    @abstractmethod
    def bind(self, binding: FrameBinding) -> object:
        """Prepare a binding; the result is handed to the write methods."""

    @abstractmethod
    def rebind(self, bound: object, binding: FrameBinding) -> object:
        """The same prims, whose frames are others now: what was written last to ``bound`` is placed again."""

    @abstractmethod
    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        """Scatter poses: positions (P,) vec3 stage units, quats (P,) vec4 in ``order`` ``"xyzw"`` or ``"wxyz"``."""

    @abstractmethod
    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        """Scatter (P,) mat44 row-vector world matrices in stage units."""

    def bind_materials(self, own: OwnMaterials, name: str) -> object:
        """Prepare writing one input of materials that have rows of their own in the loaded scene.

        Raises:
            ConfigError: This backend cannot.
        """
        raise ConfigError(f"the {self.name} backend cannot change materials while it runs; use backend='warp'")

    def write_materials(self, bound: object, values: wp.array) -> None:
        """Set the input: (P, 1) or (P, 3) float32."""
        raise ConfigError(f"the {self.name} backend cannot change materials while it runs; use backend='warp'")

    def bind_points(self, own: OwnMeshes) -> object:
        """Prepare writing the points of meshes that have rows of their own in the loaded scene.

        Raises:
            ConfigError: This backend cannot.
        """
        raise ConfigError(f"the {self.name} backend cannot draw meshes that deform; use backend='warp'")

    def write_points(self, bound: object, points: wp.array) -> None:
        """Move the points: (n,) vec3 world positions [stage units]."""
        raise ConfigError(f"the {self.name} backend cannot draw meshes that deform; use backend='warp'")

    @abstractmethod
    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        """Set the poses of the cameras ``index``; positions in stage units."""

    @abstractmethod
    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        """Set (n,) mat33 pixel intrinsics of the cameras ``index``."""

    def remembers(self, bundle: CameraBundle) -> bool:
        """Whether images of a bundle may depend on frames before; else :meth:`forget_history` is not called."""
        return True

    def forget_history(self, bundle: CameraBundle, cameras: np.ndarray) -> None:
        """Let nothing of earlier frames show in the next images of these rows: what they show was put elsewhere."""
        return None

    @abstractmethod
    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        """Draw the listed cameras (None: all) into ``bundle.outputs``; returns seconds by phase."""

    @abstractmethod
    def close(self) -> None:
        """Free everything; may be called twice."""
