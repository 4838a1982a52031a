"""The window: made when it is first shown, where the application has windows at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["TITLE", "WindowHost"]

TITLE = "OVRTX Renderer"
"""Title of the window, by which Kit knows it."""


class WindowHost:
    """Shows and hides the window, also when a saved layout asks Kit for it.

    Args:
        make: Makes the window.
        on_change: Called when it appeared or went.
    """

    def __init__(self, make: Callable[[], Any], on_change: Callable[[], None]) -> None:
        import omni.ui as ui

        self._make, self._on_change = make, on_change
        self._window: Any = None
        self._workspace = ui.Workspace
        self._workspace.set_show_window_fn(TITLE, self.show)

    @property
    def visible(self) -> bool:
        """Whether the window is shown; one that is covered by another counts."""
        return self._window is not None and bool(self._window.visible)

    def show(self, visible: bool = True) -> None:
        """Show the window, or hide it."""
        if self._window is None:
            if not visible:
                return
            self._window = self._make()
            self._window.set_visibility_changed_fn(self._changed)
        self._window.visible = visible
        self._on_change()

    def destroy(self) -> None:
        """Take the window away; may be called twice."""
        window, self._window = self._window, None
        self._workspace.set_show_window_fn(TITLE, None)
        if window is not None:
            window.destroy()

    def _changed(self, visible: bool) -> None:
        self._on_change()
