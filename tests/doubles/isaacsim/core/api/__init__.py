"""Contract double of Isaac Sim 5's ``isaacsim.core.api``: the simulation context, which the user may not have made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kit_profile import PROFILE

if PROFILE != "kit107":
    raise ModuleNotFoundError("No module named 'isaacsim.core.api'", name=__name__)

__all__ = ["SimulationContext"]


class SimulationContext:
    """A singleton."""

    _instance: SimulationContext | None = None

    def __init__(self) -> None:
        type(self)._instance = self
        self.callbacks: dict[str, Callable[[Any], None]] = {}

    @classmethod
    def instance(cls) -> SimulationContext | None:
        return cls._instance

    def add_render_callback(self, callback_name: str, callback_fn: Callable[[Any], None]) -> None:
        if callback_name in self.callbacks:
            raise ValueError(f"there is a render callback {callback_name} already")
        self.callbacks[callback_name] = callback_fn

    def remove_render_callback(self, callback_name: str) -> None:
        del self.callbacks[callback_name]

    def render_callback_exists(self, callback_name: str) -> bool:
        return callback_name in self.callbacks

    def new_frame(self) -> None:
        """As an update of the application does, for tests."""
        for call in list(self.callbacks.values()):
            call(object())
