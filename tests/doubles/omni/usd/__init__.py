"""Contract double of ``omni.usd``: the stage of the application, and its events."""

from __future__ import annotations

import gc
import weakref
from enum import IntEnum
from typing import Any

import carb
from carb.events import IEventStream
from kit_profile import PROFILE
from pxr import Usd, UsdGeom, UsdUtils

__all__ = ["StageEventType", "UsdContext", "get_context"]

StageEventType = IntEnum(
    "StageEventType",
    [
        "SAVED",
        "SAVE_FAILED",
        "OPENING",
        "OPENED",
        "OPEN_FAILED",
        "CLOSING",
        "CLOSED",
        "SELECTION_CHANGED",
        "ASSETS_LOADED",
        "ASSETS_LOAD_ABORTED",
    ],
    start=0,
)


class UsdContext:
    """Opens and closes a stage. A stage that somebody holds when it was closed is an error in the log."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stage: Usd.Stage | None = None
        self._stream = IEventStream()
        self.loading = 0

    def get_stage(self) -> Usd.Stage | None:
        return self._stage

    def get_stage_id(self) -> int:
        return 0 if self._stage is None else UsdUtils.StageCache.Get().GetId(self._stage).ToLongInt()

    def get_stage_url(self) -> str:
        return "" if self._stage is None else self._stage.GetRootLayer().identifier

    def get_stage_streaming_status(self) -> bool:
        """Whether textures still load: as often as ``loading`` says, for tests."""
        self.loading = max(self.loading - 1, -1)
        return self.loading >= 0

    def get_stage_event_stream(self) -> IEventStream:
        return self._stream

    def open_stage(self, url: str, on_finish_fn: Any = None) -> bool:
        if not isinstance(url, str):
            raise TypeError(f"open_stage(): url is a {type(url).__name__}")
        if self._stage is not None:
            self.close_stage()
        self._fire(StageEventType.OPENING)
        with Usd.StageCacheContext(UsdUtils.StageCache.Get()):
            self._stage = Usd.Stage.Open(url)
        with Usd.EditContext(self._stage, self._stage.GetSessionLayer()):
            for name in ("Persp", "Top"):
                UsdGeom.Camera.Define(self._stage, f"/OmniverseKit_{name}")
        self._fire(StageEventType.OPENED)
        self._fire(StageEventType.ASSETS_LOADED)
        return True

    def close_stage(self, on_finish_fn: Any = None) -> bool:
        if self._stage is None:
            return False
        self._fire(StageEventType.CLOSING)
        left = weakref.ref(self._stage)
        cache = UsdUtils.StageCache.Get()
        cache.Erase(cache.GetId(self._stage))
        self._stage = None
        gc.collect()
        held = left()
        if held is not None and not held.expired:
            carb.log_error("the stage was closed, but somebody still holds it")
        self._fire(StageEventType.CLOSED)
        return True

    def _fire(self, kind: StageEventType) -> None:
        if PROFILE != "kit106":
            from carb.eventdispatcher import get_eventdispatcher

            get_eventdispatcher().dispatch_event(f"omni.usd:{self._name}:stage:{kind.name.lower()}")
        self._stream.push(int(kind))


def _stage_event_name(self: UsdContext, event: StageEventType) -> str:
    if not isinstance(event, StageEventType):
        raise TypeError("stage_event_name(): incompatible function arguments")
    return f"omni.usd:{self._name}:stage:{event.name.lower()}"


if PROFILE != "kit106":
    UsdContext.stage_event_name = _stage_event_name  # type: ignore[attr-defined]

_CONTEXTS: dict[str, UsdContext] = {"": UsdContext("")}


def get_context(name: str = "") -> UsdContext | None:
    return _CONTEXTS.get(name)
