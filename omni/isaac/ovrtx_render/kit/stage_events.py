"""Which stage is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .events import Cancel, observe_stage

__all__ = ["StageEvents"]


class StageEvents:
    """Follows the stage of Kit's main USD context.

    Args:
        name: Name of the extension.
        on_opened: Given the stage that was opened, or that was open already when this started.
        on_closing: Called while the stage is still there; afterwards nothing may hold it any more.
        on_loaded: Called when all that the stage refers to, such as textures, is there.
    """

    def __init__(
        self,
        name: str,
        on_opened: Callable[[Any], None],
        on_closing: Callable[[], None],
        on_loaded: Callable[[], None],
    ) -> None:
        self._name = name
        self._on_opened, self._on_closing, self._on_loaded = on_opened, on_closing, on_loaded
        self._cancels: list[Cancel] = []

    def start(self) -> None:
        """Begin to follow; a stage that is open already counts as opened now."""
        import omni.usd

        context, kinds = omni.usd.get_context(), omni.usd.StageEventType
        for kind, act in (
            (kinds.OPENED, self._opened),
            (kinds.CLOSING, self._on_closing),
            # Where a stage went without a word before.
            (kinds.CLOSED, self._on_closing),
            (kinds.ASSETS_LOADED, self._on_loaded),
        ):
            name = f"{self._name} stage {kind.name.lower()}"
            self._cancels.append(observe_stage(context, kind, _without_event(act), name))
        self._opened()

    def stop(self) -> None:
        """Follow no more; may be called twice."""
        while self._cancels:
            self._cancels.pop()()

    def _opened(self) -> None:
        import omni.usd

        stage = omni.usd.get_context().get_stage()
        if stage is not None:
            self._on_opened(stage)


def _without_event(act: Callable[[], None]) -> Callable[[Any], None]:
    return lambda event: act()
