"""Contract double of ``isaaclab.sim.utils.stage``."""

from __future__ import annotations

from pxr import Usd

from .. import SimulationContext

__all__ = ["get_current_stage"]


def get_current_stage(fabric: bool = False) -> Usd.Stage:
    """The stage of the simulation."""
    context = SimulationContext.instance()
    assert context is not None and not fabric
    return context.stage
