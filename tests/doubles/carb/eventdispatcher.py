"""Contract double of ``carb.eventdispatcher`` (Kit 107 and later): an observer lives as long as its guard."""

from __future__ import annotations

import itertools
import traceback
import weakref
from collections.abc import Callable
from typing import Any

from kit_profile import PROFILE

import carb

if PROFILE == "kit106":
    raise ModuleNotFoundError("No module named 'carb.eventdispatcher'", name="carb.eventdispatcher")

__all__ = ["Event", "IEventDispatcher", "ObserverGuard", "get_eventdispatcher"]


class Event:
    """What an observer is given; only valid while it is called."""

    def __init__(self, event_name: str, payload: dict[str, Any]) -> None:
        self.event_name = event_name
        self.payload = payload

    def __getitem__(self, key: str) -> Any:
        return self.payload.get(key)

    def get(self, key: str) -> Any:
        return self.payload.get(key)

    def has_key(self, key: str) -> bool:
        return key in self.payload

    def __contains__(self, key: str) -> bool:
        return key in self.payload

    def __len__(self) -> int:
        return len(self.payload)


class ObserverGuard:
    """Keeps an observer; :meth:`reset`, or letting it go, ends the observation."""

    def __init__(self, event_name: str, on_event: Callable[[Event], None], order: int, filter: Any, name: str) -> None:
        self.event_name = event_name
        self.on_event: Callable[[Event], None] | None = on_event
        self.filter = filter or {}
        self.order = order
        self.name = name
        self.enabled = True

    def reset(self) -> None:
        self.on_event = None


class IEventDispatcher:
    """Calls observers at once, in the caller's thread."""

    def __init__(self) -> None:
        self._guards: list[tuple[int, weakref.ref[ObserverGuard]]] = []
        self._count = itertools.count()

    def observe_event(
        self,
        order: int = 0,
        event_name: str = "",
        on_event: Callable[[Event], None] | None = None,
        filter: dict[str, Any] | None = None,
        observer_name: str = "<python>",
    ) -> ObserverGuard:
        if not isinstance(order, int) or not isinstance(event_name, str) or not event_name or not callable(on_event):
            raise TypeError("observe_event(): incompatible function arguments; call it with keywords only")
        self.live()  # forgets those that ended
        guard = ObserverGuard(event_name, on_event, order, filter, observer_name)
        self._guards.append((next(self._count), weakref.ref(guard)))
        return guard

    def dispatch_event(self, event_name: str, payload: dict[str, Any] | None = None) -> int:
        event, called = Event(event_name, dict(payload or {})), 0
        found = [guard for guard in self.live() if guard.event_name == event_name]
        for guard in sorted(found, key=lambda guard: guard.order):
            fits = all(event.payload.get(key) == value for key, value in guard.filter.items())
            if guard.on_event is not None and guard.enabled and fits:
                called += 1
                try:
                    guard.on_event(event)
                except Exception:
                    carb.log_error(f"observer {guard.name} of {event_name}:\n{traceback.format_exc()}")
        return called

    def has_observers(self, event_name: str, filter: dict[str, Any] | None = None) -> bool:
        return any(guard.event_name == event_name for guard in self.live())

    def live(self) -> list[ObserverGuard]:
        """Guards that observe, for tests."""
        self._guards = [(i, ref) for i, ref in self._guards if (g := ref()) is not None and g.on_event is not None]
        return [guard for _, ref in self._guards if (guard := ref()) is not None]


_DISPATCHER = IEventDispatcher()


def get_eventdispatcher() -> IEventDispatcher:
    return _DISPATCHER
