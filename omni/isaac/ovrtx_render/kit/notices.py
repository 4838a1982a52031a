"""What goes wrong: a sentence on the screen, the details in the log."""

from __future__ import annotations

import threading
import traceback
from collections import deque

import carb

from ..errors import OvrtxRenderError

__all__ = ["Notices"]

_DURATION = 8
"""How long a notification stays [s]."""


class Notices:
    """Tells people, once, of what goes wrong. Any thread may; the screen is left to the one that made this.

    Args:
        name: Name of the extension, which starts every line of the log.

    Attributes:
        on_screen: Whether to show notifications, where the application has them; the log has everything always.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = ""
        self._thread = threading.get_ident()
        self._later: deque[str] = deque(maxlen=8)
        self.on_screen = True

    def info(self, text: str) -> None:
        """Write a line into the log."""
        carb.log_info(f"[{self._name}] {text}")

    def warn(self, text: str) -> None:
        """Tell of something that can be mended."""
        if text != self._last:
            self._last = text
            carb.log_warn(f"[{self._name}] {text}")
            self._show(text)

    def error(self, what: str, error: BaseException) -> None:
        """Tell of a failure. A repetition of the last one is left out, so that no frame adds a line."""
        text = f"{what}: {error or type(error).__name__}"
        if text == self._last:
            return
        self._last = text
        # The user's own mistakes say all there is to say; of ours one wants to know where.
        details = "" if isinstance(error, OvrtxRenderError) else "\n" + "".join(traceback.format_exception(error))
        carb.log_error(f"[{self._name}] {text}{details}")
        self._show(text)

    def settled(self) -> None:
        """All is well again: the same failure would be news."""
        self._last = ""

    def catch_up(self) -> None:
        """Show what other threads told; to be called by the application's now and then."""
        while self._later:
            self._show(self._later.popleft())

    def _show(self, text: str) -> None:
        if not self.on_screen:
            return
        if threading.get_ident() != self._thread:
            self._later.append(text)
            return
        try:
            from omni.kit.notification_manager import NotificationStatus, post_notification
        except ImportError:
            return  # an application without a screen
        post_notification(f"OVRTX Renderer: {text}", duration=_DURATION, status=NotificationStatus.WARNING)
