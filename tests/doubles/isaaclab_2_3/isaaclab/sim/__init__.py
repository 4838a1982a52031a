"""Contract double of ``isaaclab.sim``: a simulation context whose timeline starts and stops sensors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import omni.timeline
from pxr import Usd

__all__ = ["FisheyeCameraCfg", "PinholeCameraCfg", "SimulationContext", "find_matching_prims"]


class SimulationContext:
    """One at a time. ``play`` and ``stop`` are the timeline's events, in which sensors start and stop."""

    _instance: ClassVar[SimulationContext | None] = None

    def __init__(self, stage: Usd.Stage, device: str = "cpu") -> None:
        if SimulationContext._instance is not None:
            raise RuntimeError("a SimulationContext exists already; call clear_instance first")
        SimulationContext._instance = self
        self.stage, self.device, self.backend = stage, device, "torch"

    @classmethod
    def instance(cls) -> SimulationContext | None:
        return cls._instance

    @classmethod
    def clear_instance(cls) -> None:
        cls._instance = None

    def get_physics_dt(self) -> float:
        return 1.0 / 60.0

    def play(self) -> None:
        omni.timeline.get_timeline_interface().emit(omni.timeline.TimelineEventType.PLAY)

    def stop(self) -> None:
        omni.timeline.get_timeline_interface().emit(omni.timeline.TimelineEventType.STOP)


@dataclass
class PinholeCameraCfg:
    """How a camera is spawned."""


@dataclass
class FisheyeCameraCfg:
    """The same for another lens."""


def find_matching_prims(prim_path_regex: str, stage: Usd.Stage | None = None) -> list[Usd.Prim]:
    """Prims whose path matches, level by level."""
    if not prim_path_regex.startswith("/"):
        raise ValueError(f"Prim path '{prim_path_regex}' is not global. It must start with '/'.")
    context = SimulationContext.instance()
    stage = stage or (context.stage if context else None)
    assert stage is not None
    found = [stage.GetPseudoRoot()]
    for token in prim_path_regex.split("/")[1:]:
        found = [child for prim in found for child in prim.GetChildren() if re.fullmatch(token, child.GetName())]
    return found
