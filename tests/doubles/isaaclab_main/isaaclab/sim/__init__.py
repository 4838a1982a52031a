"""Contract double of ``isaaclab.sim``: who owns renderers and knows where bodies are."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

__all__ = ["SimulationContext"]


class SimulationContext:
    """One at a time. Equal configurations share a renderer."""

    _instance: ClassVar[SimulationContext | None] = None

    def __init__(self, provider: Any) -> None:
        SimulationContext._instance = self
        self._provider = provider
        self._renderers: list[tuple[Any, Any]] = []

    @classmethod
    def instance(cls) -> SimulationContext | None:
        return cls._instance

    def get_scene_data_provider(self) -> Any:
        return self._provider

    def get_or_create_backend(self, cfg: Any) -> Any:
        for stored, renderer in self._renderers:
            if type(stored) is type(cfg) and stored == cfg:
                return renderer
        kind = cfg.class_type
        if isinstance(kind, str):
            module, _, name = kind.partition(":")
            kind = getattr(import_module(module), name)
        self._renderers.append((cfg, kind(cfg, sim=self)))
        return self._renderers[-1][1]
