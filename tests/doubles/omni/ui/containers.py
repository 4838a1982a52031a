"""Widgets with children."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar

from .contract import Callbacks, Prop
from .enums import RasterPolicy, ScrollBarPolicy
from .widgets import OPEN, Widget

__all__ = ["CollapsableFrame", "Container", "Frame", "HStack", "Placer", "ScrollingFrame", "VGrid", "VStack", "ZStack"]


class Container(Widget):
    """Takes the widgets that are made in its ``with`` block."""

    def __enter__(self) -> Container:
        self._check_alive()
        OPEN.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not OPEN or OPEN.pop() is not self:
            raise RuntimeError("containers are closed in another order than they were opened")

    def _adopt(self, child: Widget) -> None:
        self._check_alive()
        self._children.append(child)

    def add_child(self, widget: Widget) -> None:
        self._adopt(widget)

    def clear(self) -> None:
        """Destroy the children."""
        self._check_alive()
        for child in self._children:
            child._kill()
        self._children = []


class _Stack(Container):
    spacing = Prop(int, float, default=0.0)
    content_clipping = Prop(bool, default=False)


class HStack(_Stack):
    """Side by side."""


class VStack(_Stack):
    """One below the other."""


class ZStack(_Stack):
    """One over the other."""


class VGrid(_Stack):
    """In columns."""

    column_count = Prop(int, default=1)
    column_width = Prop(int, float, default=0.0)
    row_height = Prop(int, float, default=0.0)


class Placer(Container):
    """At an offset."""

    offset_x = Prop(int, float, default=0.0)
    offset_y = Prop(int, float, default=0.0)


class Frame(Container):
    """Holds one child, which a function may make when the frame is first seen."""

    callbacks: ClassVar[Callbacks] = Widget.callbacks | Callbacks(build_fn=0)
    raster_policy = Prop(RasterPolicy, default=RasterPolicy.NEVER)
    frozen = Prop(bool, default=False)
    horizontal_clipping = Prop(bool, default=False)
    vertical_clipping = Prop(bool, default=False)

    def __init__(self, **arguments: Any) -> None:
        self._pending = True
        super().__init__(**arguments)

    def _adopt(self, child: Widget) -> None:
        if self._children:
            raise RuntimeError(
                f"the {type(self).__name__} {self.identifier!r} has a child already; put a stack into it"
            )
        super()._adopt(child)

    def _set_function(self, name: str, fn: Any) -> None:
        super()._set_function(name, fn)
        if name == "build_fn":
            self._pending = True

    def rebuild(self) -> None:
        """Run ``build_fn`` again before the next draw."""
        self._check_alive()
        self._pending = True

    def call_build_fn(self) -> None:
        self._build()

    def invalidate_raster(self) -> None:
        self._check_alive()

    def _build(self) -> None:
        self._pending = False
        if "build_fn" in self._functions:
            self.clear()
            with self:
                self._fire("build_fn")


class ScrollingFrame(Frame):
    """Shows a part of its child."""

    horizontal_scrollbar_policy = Prop(ScrollBarPolicy, default=ScrollBarPolicy.SCROLLBAR_AS_NEEDED)
    vertical_scrollbar_policy = Prop(ScrollBarPolicy, default=ScrollBarPolicy.SCROLLBAR_AS_NEEDED)
    scroll_x = Prop(int, float, default=0.0)
    scroll_y = Prop(int, float, default=0.0)
    callbacks = Frame.callbacks | Callbacks(scroll_x_changed_fn=1, scroll_y_changed_fn=1)


class CollapsableFrame(Frame):
    """A frame with a header that hides it."""

    title = Prop(str, default="")
    collapsed = Prop(bool, default=False)
    callbacks = Frame.callbacks | Callbacks(collapsed_changed_fn=1, build_header_fn=2)

    def __init__(self, title: str = "", **arguments: Any) -> None:
        super().__init__(**{"title": title, **arguments})

    def _changed(self, name: str) -> None:
        if name == "collapsed":
            self._fire("collapsed_changed_fn", self.collapsed)
