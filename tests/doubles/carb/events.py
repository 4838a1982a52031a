"""Contract double of ``carb.events``: the older event streams."""

from __future__ import annotations

import traceback
import weakref
from collections.abc import Callable
from typing import Any

import carb

__all__ = ["IEvent", "IEventStream", "ISubscription"]


class IEvent:
    """What a subscriber is given."""

    def __init__(self, type: int, payload: dict[str, Any]) -> None:
        self.type = type
        self.payload = payload


class ISubscription:
    """Ends when it is let go."""

    def __init__(self, fn: Callable[[IEvent], None], type: int | None, order: int, name: str) -> None:
        self.fn: Callable[[IEvent], None] | None = fn
        self.type = type
        self.order = order
        self.name = name
        self.enabled = True

    def unsubscribe(self) -> None:
        self.fn = None


class IEventStream:
    """A queue of events; what is pushed here is popped at once."""

    def __init__(self) -> None:
        self._subscriptions: list[weakref.ref[ISubscription]] = []

    def create_subscription_to_pop(
        self, fn: Callable[[IEvent], None], order: int = 0, name: str | None = None
    ) -> ISubscription:
        return self._subscribe(fn, None, order, name)

    def create_subscription_to_pop_by_type(
        self, event_type: int, fn: Callable[[IEvent], None], order: int = 0, name: str | None = None
    ) -> ISubscription:
        if type(event_type) is not int:
            raise TypeError("create_subscription_to_pop_by_type(): event_type must be an int")
        return self._subscribe(fn, event_type, order, name)

    def _subscribe(self, fn: Callable[[IEvent], None], type: int | None, order: int, name: str | None) -> ISubscription:
        if not callable(fn):
            raise TypeError("incompatible function arguments: fn cannot be called")
        self._subscriptions = [weakref.ref(one) for one in self.live()]
        subscription = ISubscription(fn, type, order, name or "")
        self._subscriptions.append(weakref.ref(subscription))
        return subscription

    def live(self) -> list[ISubscription]:
        """Subscriptions that are called, for tests."""
        found = [subscription for ref in self._subscriptions if (subscription := ref()) is not None]
        return [subscription for subscription in found if subscription.fn is not None]

    def push(self, event_type: int = 0, payload: dict[str, Any] | None = None) -> None:
        for subscription in sorted(self.live(), key=lambda subscription: subscription.order):
            if subscription.fn is not None and subscription.enabled and subscription.type in (None, event_type):
                try:
                    subscription.fn(IEvent(event_type, dict(payload or {})))
                except Exception:
                    carb.log_error(f"subscriber {subscription.name}:\n{traceback.format_exc()}")
