"""Contract double of Isaac Sim 6's ``isaacsim.core.rendering_manager``."""

from __future__ import annotations

import inspect
import itertools
import weakref
from collections.abc import Callable
from enum import Enum
from typing import Any

from kit_profile import PROFILE

if PROFILE != "kit110":
    raise ModuleNotFoundError("No module named 'isaacsim.core.rendering_manager'", name=__name__)

__all__ = ["RenderingEvent", "RenderingManager"]


class RenderingEvent(Enum):
    """What can be observed."""

    NEW_FRAME = "new_frame"


class RenderingManager:
    """Calls back when Kit's own renderer made a frame. Bound methods are kept weakly."""

    callbacks: dict[int, Callable[[Any], None]] = {}  # noqa: RUF012 - shared by the process, as the real one
    _uids = itertools.count(1)

    @classmethod
    def register_callback(cls, event: RenderingEvent, *, callback: Callable[..., Any], order: int = 0) -> int:
        if not isinstance(event, RenderingEvent) or not callable(callback):
            raise TypeError("register_callback(): event must be a RenderingEvent")
        if inspect.ismethod(callback):
            owner, function = weakref.proxy(callback.__self__), callback.__func__

            def call(event: Any) -> None:
                function(owner, event)

        else:
            call = callback
        uid = next(cls._uids)
        cls.callbacks[uid] = call
        return uid

    @classmethod
    def deregister_callback(cls, uid: int) -> bool:
        return cls.callbacks.pop(uid, None) is not None

    @classmethod
    def new_frame(cls) -> None:
        """As Kit's renderer does, for tests."""
        for call in list(cls.callbacks.values()):
            call(object())
