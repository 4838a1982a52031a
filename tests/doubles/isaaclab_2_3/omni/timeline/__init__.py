"""Contract double of ``omni.timeline`` as of Kit 107: subscriptions by type, in the order that they ask for."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

__all__ = ["TimelineEventType", "get_timeline_interface"]


class TimelineEventType(IntEnum):
    """What happens."""

    PLAY = 0
    PAUSE = 1
    STOP = 2


class _Subscription:
    def __init__(self, stream: _Stream, kind: int, fn: Callable[[Any], None], order: int) -> None:
        self.stream, self.kind, self.fn, self.order = stream, kind, fn, order
        stream.subscriptions.append(self)

    def unsubscribe(self) -> None:
        if self in self.stream.subscriptions:
            self.stream.subscriptions.remove(self)


class _Stream:
    def __init__(self) -> None:
        self.subscriptions: list[_Subscription] = []

    def create_subscription_to_pop_by_type(
        self, event_type: int, fn: Callable[[Any], None], order: int = 0, name: str = ""
    ) -> _Subscription:
        return _Subscription(self, int(event_type), fn, order)


class _Timeline:
    def __init__(self) -> None:
        self._stream = _Stream()

    def get_timeline_event_stream(self) -> _Stream:
        return self._stream

    def emit(self, kind: TimelineEventType) -> None:
        """For tests: what pressing play or stop does."""
        for one in sorted(self._stream.subscriptions, key=lambda one: one.order):
            if one.kind == int(kind):
                one.fn(None)


_timeline = _Timeline()


def get_timeline_interface() -> _Timeline:
    return _timeline
