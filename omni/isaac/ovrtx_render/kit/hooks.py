"""What needs another extension is attached when that one is enabled, and taken away before it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import omni.kit.app

from .notices import Notices

__all__ = ["ExtensionHook"]


class ExtensionHook:
    """Calls back as another extension comes and goes, so that it need not be a dependency.

    Args:
        name: Name of our extension.
        needs: Name of the other one.
        attach: Called when the other one is there; at once, if it is already.
        detach: Called before it goes, and by :meth:`stop`.
        notices: Where to tell if either fails; the rest of the extension goes on without.
    """

    def __init__(
        self, name: str, needs: str, attach: Callable[[], None], detach: Callable[[], None], notices: Notices
    ) -> None:
        self._needs, self._attach, self._detach, self._notices = needs, attach, detach, notices
        self._attached = False
        manager = omni.kit.app.get_app().get_extension_manager()
        self._subscription: Any = manager.subscribe_to_extension_enable(
            on_enable_fn=self._enabled, on_disable_fn=self._disabled, ext_name=needs, hook_name=f"{name} {needs}"
        )
        if manager.is_extension_enabled(needs):
            self._enabled(needs)  # whether Kit calls for one that is enabled already depends on its version

    def stop(self) -> None:
        """Take away what was attached; may be called twice."""
        self._subscription = None
        self._disabled("")

    def _enabled(self, ext_id: str) -> None:
        if not self._attached:
            self._attached = True
            self._call(self._attach)

    def _disabled(self, ext_id: str) -> None:
        if self._attached:
            self._attached = False
            self._call(self._detach)

    def _call(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            self._notices.error(f"what needs {self._needs} is missing", error)
