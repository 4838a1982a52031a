"""Contract double of ``omni.timeline``: what is asked for holds from the next update on."""

from __future__ import annotations

__all__ = ["ITimeline", "get_timeline_interface"]


class ITimeline:
    """Plays, pauses and stops."""

    def __init__(self) -> None:
        self._state = self._next = "stopped"

    def play(self) -> None:
        self._next = "playing"

    def pause(self) -> None:
        self._next = "paused"

    def stop(self) -> None:
        self._next = "stopped"

    def commit(self) -> None:
        self._state = self._next

    def is_playing(self) -> bool:
        return self._state == "playing"

    def is_stopped(self) -> bool:
        return self._state == "stopped"


_TIMELINE = ITimeline()


def get_timeline_interface() -> ITimeline:
    return _TIMELINE
