"""Contract double of ``omni.kit.notification_manager``."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

__all__ = ["SHOWN", "NotificationStatus", "post_notification"]

SHOWN: list[str] = []
"""Texts, for tests."""


class NotificationStatus:
    """How a notification looks."""

    WARNING = 0
    INFO = 1


def post_notification(
    text: str,
    hide_after_timeout: bool = True,
    duration: float = 3,
    status: int = NotificationStatus.INFO,
    button_infos: Sequence[Any] = (),
) -> None:
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a notification makes a window, which only the application's thread may")
    if not isinstance(text, str) or status not in (NotificationStatus.WARNING, NotificationStatus.INFO):
        raise TypeError("post_notification(): incompatible arguments")
    SHOWN.append(text)
