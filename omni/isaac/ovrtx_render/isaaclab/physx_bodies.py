"""Where PhysX has the bodies, in an Isaac Lab without a scene data provider (2.3).

Physics on a GPU leaves the stage behind, and Fabric too unless somebody renders: the poses come from its tensor views.
"""

from __future__ import annotations

import re
from typing import Any

import warp as wp
from isaacsim.core.simulation_manager import SimulationManager
from pxr import Usd, UsdPhysics

from ..errors import ConfigError
from ..renderer import TiledRenderer

__all__ = ["PhysxBodies"]

_ENV = re.compile(r"/env_\d+(?=/|$)")
_DEFORMING = ("PhysxDeformableBodyAPI", "PhysxDeformableSurfaceAPI", "PhysxParticleClothAPI")


class PhysxBodies:
    """Rigid bodies of the running simulation, links of articulations included, and their prims in a renderer.

    Attributes:
        paths: Prim path of every body, in the order of :attr:`now`.
        now: (B,) transforms of the bodies as of the last :meth:`refresh`, or None if there are none.

    Raises:
        ConfigError: The simulation has geometry that deforms.
    """

    def __init__(self, renderer: TiledRenderer, stage: Usd.Stage) -> None:
        self._physics: Any = SimulationManager.get_physics_sim_view()
        self._view: Any = None
        self.paths: list[str] = []
        self.now: wp.array | None = None
        patterns = _body_patterns(stage)
        if self._physics is None or not patterns:
            return
        self._view = self._physics.create_rigid_body_view(patterns)
        self.paths = [str(path) for path in self._view.prim_paths]
        self._binding = renderer.bind_transforms(self.paths)
        self.refresh()

    def refresh(self) -> None:
        """Bring the bodies to where physics has them."""
        if self._view is None:
            return
        self._physics.update_articulations_kinematic()  # links of articulations whose joints were written
        poses = self._view.get_transforms()  # position, then x, y, z, w
        self.now = wp.from_torch(poses.contiguous(), dtype=wp.transform)
        self._binding.write(poses[:, :3].contiguous(), quat_xyzw=poses[:, 3:].contiguous())


def _body_patterns(stage: Usd.Stage) -> list[str]:
    """Globs of the rigid bodies, as PhysX takes them: one for all environments."""
    patterns: dict[str, None] = {}
    for prim in Usd.PrimRange(stage.GetPseudoRoot()):
        if prim.HasAPI(UsdPhysics.RigidBodyAPI):
            patterns.setdefault(_ENV.sub("/env_*", str(prim.GetPath())))
        deforming = set(_DEFORMING) & set(prim.GetPrimTypeInfo().GetAppliedAPISchemas())
        if deforming:
            raise ConfigError(
                f"{prim.GetPath()} deforms ({', '.join(sorted(deforming))}), which cannot be drawn with Isaac Lab 2.3: "
                "it would stand still in the pictures; leave its scene to Isaac Lab's own tiled camera"
            )
    return list(patterns)
