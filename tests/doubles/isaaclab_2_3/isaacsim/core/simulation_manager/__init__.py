"""Contract double of ``isaacsim.core.simulation_manager``: PhysX views of bodies that the stage does not follow."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from enum import Enum
from typing import ClassVar

import torch

__all__ = ["IsaacEvents", "PhysicsSimView", "RigidBodyView", "SimulationManager"]


class IsaacEvents(Enum):
    """The one that sensors use."""

    PRIM_DELETION = "isaac.prim_deletion"


class RigidBodyView:
    """Bodies whose paths match globs, in the order of the globs."""

    def __init__(self, owner: PhysicsSimView, patterns: list[str]) -> None:
        self._owner = owner
        # A star stays within its level, as in PhysX.
        self.prim_paths = [
            path
            for pattern in patterns
            for path in owner.bodies
            if path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)
        ]

    @property
    def count(self) -> int:
        return len(self.prim_paths)

    def get_transforms(self) -> torch.Tensor:
        """(count, 7): position, then the quaternion (x, y, z, w)."""
        return torch.tensor([self._owner.seen[path] for path in self.prim_paths], dtype=torch.float32)


class PhysicsSimView:
    """Where bodies are: ``bodies`` is written by tests; links are seen there after a kinematic update only."""

    def __init__(self, bodies: dict[str, tuple[float, ...]]) -> None:
        self.bodies = dict(bodies)
        self.seen = dict(bodies)

    def create_rigid_body_view(self, pattern: str | list[str]) -> RigidBodyView:
        patterns = [pattern] if isinstance(pattern, str) else list(pattern)
        for text in patterns:
            if ".*" in text:
                raise ValueError(f"{text} is a regular expression; PhysX takes globs")
        return RigidBodyView(self, patterns)

    def update_articulations_kinematic(self) -> None:
        self.seen = dict(self.bodies)


class SimulationManager:
    """Holds the view of the simulation that plays."""

    view: ClassVar[PhysicsSimView | None] = None
    callbacks: ClassVar[list[Callable[..., None]]] = []

    @classmethod
    def register_callback(cls, callback: Callable[..., None], event: IsaacEvents, order: int = 0) -> int:
        cls.callbacks.append(callback)
        return len(cls.callbacks)

    @classmethod
    def deregister_callback(cls, callback_id: int) -> None:
        if not 1 <= callback_id <= len(cls.callbacks):
            raise ValueError(f"there is no callback {callback_id}")

    @classmethod
    def get_physics_sim_view(cls) -> PhysicsSimView | None:
        return cls.view
