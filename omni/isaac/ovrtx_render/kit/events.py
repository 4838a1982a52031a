"""Kit's events, by their current interface or the older one, each as a call that ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Cancel", "observe_post_update", "observe_stage"]

Cancel = Callable[[], None]
"""Ends an observation. Observations last only as long as what Kit returned lives, and this keeps it."""


def observe_post_update(on_update: Callable[[], None], name: str) -> Cancel:
    """Be called at the end of every update of the application, after Kit has drawn."""
    import omni.kit.app

    def on_event(event: Any) -> None:
        on_update()

    event_name = getattr(omni.kit.app, "GLOBAL_EVENT_POST_UPDATE", None)
    if event_name is not None:
        cancel = _observe(event_name, on_event, name)
        if cancel is not None:
            return cancel
    stream = omni.kit.app.get_app().get_post_update_event_stream()
    return stream.create_subscription_to_pop(on_event, name=name).unsubscribe


def observe_stage(context: Any, kind: Any, on_event: Callable[[Any], None], name: str) -> Cancel:
    """Be called at an event of a USD context's stage.

    Args:
        context: The ``omni.usd.UsdContext``.
        kind: Which event, an ``omni.usd.StageEventType``.
        on_event: Given the event.
        name: Shown by Kit's debugging tools.
    """
    if hasattr(context, "stage_event_name"):
        cancel = _observe(context.stage_event_name(kind), on_event, name)
        if cancel is not None:
            return cancel
    stream = context.get_stage_event_stream()
    return stream.create_subscription_to_pop_by_type(int(kind), on_event, name=name).unsubscribe


def _observe(event_name: str, on_event: Callable[[Any], None], name: str) -> Cancel | None:
    """By the event dispatcher of Kit 107 and later; None where there is none."""
    try:
        from carb.eventdispatcher import get_eventdispatcher
    except ImportError:
        return None
    guard = get_eventdispatcher().observe_event(event_name=event_name, on_event=on_event, observer_name=name)
    return guard.reset
