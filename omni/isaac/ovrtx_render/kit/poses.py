"""Where bodies are taken from: Fabric while physics plays and writes to it, the stage otherwise."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import carb.settings

from .notices import Notices

if TYPE_CHECKING:
    from ..renderer import TiledRenderer

__all__ = ["Poses"]

_FABRIC_ENABLED = "/physics/fabricEnabled"
_SETTLING = 0.5
"""How long after the end of a simulation bodies are still looked for [s]: they go back to where they were."""


class Poses:
    """Chooses the source of poses, and asks it before each frame.

    Args:
        notices: Where to tell what goes wrong.
    """

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._wanted = "auto"
        self._fabric: Any = None
        self._open = False
        self._failed = False
        self._moving_until = 0.0

    def open(self, wanted: str) -> None:
        """A stage was opened."""
        self.close()
        self._wanted, self._open = wanted, True

    def close(self) -> None:
        """Let go of the stage."""
        self._fabric, self._open, self._failed = None, False, False

    def choose(self, wanted: str) -> None:
        """Take poses from elsewhere: ``auto``, ``fabric`` or ``usd``."""
        if wanted != self._wanted:
            self._wanted, self._fabric, self._failed = wanted, None, False

    def moving(self) -> bool:
        """Whether prims may have moved without an edit of the stage: while physics plays, and as it puts them back."""
        now = time.monotonic()
        if _is_playing():
            self._moving_until = now + _SETTLING
        return now < self._moving_until

    def write(self, renderer: TiledRenderer) -> None:
        """Place the bodies of a renderer; where that fails, the stage's own poses are drawn."""
        if self._failed or not self._open or not self._uses_fabric():
            return
        try:
            if self._fabric is None:
                import omni.usd

                from .fabric import FabricPoses

                self._fabric = FabricPoses(omni.usd.get_context().get_stage_id(), self._notices)
            self._fabric.write(renderer)
        except Exception as error:
            self._fabric, self._failed = None, True
            self._notices.error("poses could not be read from Fabric; those of the stage are drawn", error)

    def _uses_fabric(self) -> bool:
        if self._wanted == "auto":
            # Once read from Fabric they are ever after: the stage does not tell when a simulation puts bodies back.
            enabled = bool(carb.settings.get_settings().get(_FABRIC_ENABLED))
            return enabled and (self._fabric is not None or _is_playing())
        return self._wanted == "fabric"


def _is_playing() -> bool:
    try:
        import omni.timeline
    except ImportError:
        return False
    return bool(omni.timeline.get_timeline_interface().is_playing())
