"""When to draw: three sources behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..errors import ConfigError
from .events import Cancel, observe_post_update

__all__ = ["DRIVERS", "Driver", "ExplicitDriver", "RenderingDriver", "UpdateDriver", "make_driver"]


class Driver(Protocol):
    """Says when to draw."""

    name: str

    def start(self, on_render: Callable[[], None]) -> None:
        """Call ``on_render`` whenever a picture may be drawn, until :meth:`stop`.

        Raises:
            ConfigError: This process does not have the source.
        """

    def stop(self) -> None:
        """Call no more; may be called twice."""


class UpdateDriver:
    """Every update of the application, after Kit has drawn its own picture."""

    name = "update"

    def __init__(self, extension: str) -> None:
        self._extension = extension
        self._cancel: Cancel | None = None

    def start(self, on_render: Callable[[], None]) -> None:
        self._cancel = observe_post_update(on_render, f"{self._extension} draw")

    def stop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None


class RenderingDriver:
    """Isaac Sim's own rendering callback: that of the rendering manager (6.x), else of the simulation context (5.x)."""

    name = "rendering"

    def __init__(self, extension: str) -> None:
        self._extension = extension
        self._on_render: Callable[[], None] | None = None
        self._cancel: Cancel | None = None

    def start(self, on_render: Callable[[], None]) -> None:
        self._on_render = on_render
        self._cancel = self._by_manager() or self._by_context()
        if self._cancel is None:
            raise ConfigError(
                "source is 'rendering', but there is neither Isaac Sim's rendering manager nor a simulation context; "
                "use 'update' or 'auto'"
            )

    def stop(self) -> None:
        self._on_render = None
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _drawn(self, *event: Any) -> None:
        if self._on_render is not None:
            self._on_render()

    def _by_manager(self) -> Cancel | None:
        try:
            from isaacsim.core.rendering_manager import RenderingEvent, RenderingManager
        except ImportError:
            return None
        # It keeps bound methods weakly and gives out a number, so this object must live until that is handed back.
        uid = RenderingManager.register_callback(RenderingEvent.NEW_FRAME, callback=self._drawn)

        def cancel() -> None:
            RenderingManager.deregister_callback(uid)

        return cancel

    def _by_context(self) -> Cancel | None:
        try:
            from isaacsim.core.api import SimulationContext
        except ImportError:
            return None
        context = SimulationContext.instance()
        if context is None:
            return None
        name = f"{self._extension} draw"
        context.add_render_callback(name, self._drawn)

        def cancel() -> None:
            if context.render_callback_exists(name):
                context.remove_render_callback(name)

        return cancel


class ExplicitDriver:
    """Nothing by itself: whoever steps the simulation asks for pictures, as Isaac Lab's cameras do."""

    name = "explicit"

    def __init__(self, extension: str) -> None:
        del extension

    def start(self, on_render: Callable[[], None]) -> None:
        del on_render

    def stop(self) -> None:
        """There is nothing to end."""


DRIVERS: dict[str, type[UpdateDriver] | type[RenderingDriver] | type[ExplicitDriver]] = {
    driver.name: driver for driver in (UpdateDriver, RenderingDriver, ExplicitDriver)
}
"""Drivers by the name that the setting ``source`` gives them; ``auto`` is ``update``."""


def make_driver(source: str, extension: str) -> Driver:
    """Make the driver that a setting names."""
    return DRIVERS["update" if source == "auto" else source](extension)
