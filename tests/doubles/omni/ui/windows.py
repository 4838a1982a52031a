"""Windows, and the workspace that knows them by title."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from .containers import Frame
from .contract import Callbacks, Checked, Prop, require_main_thread
from .enums import DockPolicy, DockPosition, DockPreference, RasterPolicy
from .widgets import OPEN

__all__ = ["WINDOW_FLAGS_NO_SCROLLBAR", "Window", "WindowHandle", "Workspace"]

WINDOW_FLAGS_NO_SCROLLBAR = 1 << 3


class _Root(Frame):
    """The frame of a window: it is in no other container."""

    def _join(self) -> None:
        if OPEN:
            raise RuntimeError("a window is made inside of another widget's `with` block")


class WindowHandle(Checked):
    """What the workspace knows of a window."""

    visible = Prop(bool, default=True)
    title = Prop(str, default="")
    width = Prop(int, float, default=400.0)
    height = Prop(int, float, default=600.0)
    position_x = Prop(int, float, default=0.0)
    position_y = Prop(int, float, default=0.0)
    docked = Prop(bool, default=False, read_only=True)
    focused = Prop(bool, default=False, read_only=True)

    def focus(self) -> None:
        self._check_alive()

    def dock_in(self, window: WindowHandle, dock_position: DockPosition, ratio: float = 0.5) -> None:
        self._check_alive()

    def undock(self) -> None:
        self._check_alive()


class Window(WindowHandle):
    """A window; it lives as long as somebody keeps the object."""

    callbacks: ClassVar[Callbacks] = Callbacks(
        visibility_changed_fn=1,
        width_changed_fn=1,
        height_changed_fn=1,
        docked_changed_fn=1,
        focused_changed_fn=1,
        selected_in_dock_changed_fn=1,
        position_x_changed_fn=1,
        position_y_changed_fn=1,
        key_pressed_fn=3,
    )
    flags = Prop(int, default=0)
    padding_x = Prop(int, float, default=4.0)
    padding_y = Prop(int, float, default=4.0)
    auto_resize = Prop(bool, default=False)
    noTabBar = Prop(bool, default=False)
    raster_policy = Prop(RasterPolicy, default=RasterPolicy.NEVER)
    exclusive_keyboard = Prop(bool, default=False)
    identifier = Prop(str, default="")

    def __init__(self, title: str, dockPreference: DockPreference = DockPreference.DISABLED, **arguments: Any) -> None:
        if not isinstance(dockPreference, DockPreference):
            raise TypeError(f"dockPreference must be a DockPreference, not {dockPreference!r}")
        if Workspace.get_window(title) is not None:
            raise RuntimeError(f"there is a window {title!r} already; titles identify windows")
        self._start({"title": title, **arguments})
        self._frame = _Root()
        self._dock_in = ""
        Workspace._windows[title] = weakref.ref(self)

    @property
    def frame(self) -> Frame:
        self._check_alive()
        return self._frame

    def deferred_dock_in(self, target_window: str, active_window: DockPolicy = DockPolicy.DO_NOTHING) -> None:
        self._check_alive()
        if not isinstance(target_window, str) or not isinstance(active_window, DockPolicy):
            raise TypeError("deferred_dock_in takes the title of a window and a DockPolicy")
        self._dock_in = target_window

    def dock_in_window(self, title: str, dockPosition: DockPosition, ratio: float = 0.5) -> bool:
        self._check_alive()
        return Workspace.get_window(title) is not None

    def call_key_pressed_fn(self, key: int, modifiers: int, pressed: bool) -> None:
        """What a key does while the window has the focus."""
        self._fire("key_pressed_fn", key, modifiers, pressed)

    def destroy(self) -> None:
        """Take the window away with all that is in it; may be called twice."""
        require_main_thread()
        if not self._dead:
            Workspace._windows.pop(self.title, None)
            self._frame._kill()
            self._forget_functions()
            self._dead = True

    def _changed(self, name: str) -> None:
        if name == "visible":
            self._fire("visibility_changed_fn", self.visible)


class Workspace:
    """Static: all windows of the application."""

    _windows: ClassVar[dict[str, weakref.ref[Window]]] = {}
    _show_functions: ClassVar[dict[str, Callable[[bool], None]]] = {}
    _dpi_scale: ClassVar[float] = 1.0

    @staticmethod
    def get_window(title: str) -> WindowHandle | None:
        window = Workspace._windows.get(title, lambda: None)()
        return window if window is not None and not window._dead else None

    @staticmethod
    def get_windows() -> list[WindowHandle]:
        return [window for title in Workspace._windows if (window := Workspace.get_window(title)) is not None]

    @staticmethod
    def set_show_window_fn(title: str, fn: Callable[[bool], None] | None) -> None:
        if fn is None:
            Workspace._show_functions.pop(title, None)
        elif callable(fn):
            Workspace._show_functions[title] = fn
        else:
            raise TypeError(f"{fn!r} cannot be called")

    @staticmethod
    def show_window(title: str, show: bool = True) -> bool:
        if title in Workspace._show_functions:
            Workspace._show_functions[title](show)
            return True
        window = Workspace.get_window(title)
        if window is not None:
            window.visible = show
        return window is not None

    @staticmethod
    def get_dpi_scale() -> float:
        return Workspace._dpi_scale

    @staticmethod
    def get_main_window_width() -> float:
        return 1920.0
