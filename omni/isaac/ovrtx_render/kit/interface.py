"""What people see and click: window, menu entry and actions, each only where the application has such things."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .actions import register_actions, unregister_actions
from .hooks import ExtensionHook
from .menu import Menu
from .notices import Notices
from .window import TITLE, WindowHost

if TYPE_CHECKING:
    from ..ui.model import ViewModel

__all__ = ["Interface"]


class Interface:
    """Follows the extensions that bring windows, menus and actions, which may come and go while ours is enabled.

    Args:
        name: Name of our extension.
        need_model: Gives the view-model, which is made when it is first asked for.
        notices: Where to tell what cannot be done.
    """

    def __init__(self, name: str, need_model: Callable[[], ViewModel], notices: Notices) -> None:
        self._name, self._need_model, self._notices = name, need_model, notices
        self._hooks: list[ExtensionHook] = []
        self._window: WindowHost | None = None
        self._menu: Menu | None = None
        self._show_at_once = False

    def start(self, *, show_window: bool) -> None:
        """Attach to what there is now, and to what comes later."""
        self._show_at_once = show_window
        for needs, attach, detach in (
            ("omni.kit.actions.core", self._attach_actions, self._detach_actions),
            ("omni.ui", self._attach_window, self._detach_window),
            ("omni.kit.menu.utils", self._attach_menu, self._detach_menu),
        ):
            self._hooks.append(ExtensionHook(self._name, needs, attach, detach, self._notices))

    def stop(self) -> None:
        """Take everything away; may be called twice."""
        while self._hooks:
            self._hooks.pop().stop()

    @property
    def is_window_visible(self) -> bool:
        """Whether the window is shown; one that is covered by another counts."""
        return self._window is not None and self._window.visible

    def show_window(self, visible: bool = True) -> None:
        """Show or hide the window; without windows, say so."""
        window = self._window
        if window is None:
            self._notices.warn("this application has no windows (omni.ui is not enabled)")
        else:
            self._try(lambda: window.show(visible))

    def _try(self, act: Callable[[], object]) -> None:
        """Do what a person asked for; what goes wrong is told, not raised into Kit."""
        try:
            act()
        except Exception as error:
            self._notices.error("that could not be done", error)

    # -- actions ----------------------------------------------------------------------------------------------------

    def _attach_actions(self) -> None:
        actions: dict[str, tuple[str, Callable[[], object]]] = {
            "toggle_window": ("Show or hide the window", self._toggle_window),
            "redraw": ("Draw the cameras anew, also after a failure", self._redraw),
            "save_png": ("Write what the window shows as a picture", self._save_png),
        }
        register_actions(self._name, actions)

    def _detach_actions(self) -> None:
        unregister_actions(self._name)

    def _toggle_window(self) -> None:
        self.show_window(not self.is_window_visible)

    def _redraw(self) -> None:
        self._notices.settled()
        self._try(lambda: self._need_model().renderer.retry())

    def _save_png(self) -> None:
        self._try(lambda: self._need_model().save_png())

    # -- window and menu --------------------------------------------------------------------------------------------

    def _attach_window(self) -> None:
        self._window = WindowHost(self._make_window, self._refresh_menu)
        if self._show_at_once:
            self.show_window()

    def _detach_window(self) -> None:
        window, self._window = self._window, None
        if window is not None:
            window.destroy()

    def _make_window(self) -> Any:
        from ..ui.window import RendererWindow

        return RendererWindow(self._need_model())

    def _attach_menu(self) -> None:
        self._menu = Menu(TITLE, (self._name, "toggle_window"), lambda: self.is_window_visible)

    def _detach_menu(self) -> None:
        menu, self._menu = self._menu, None
        if menu is not None:
            menu.remove()

    def _refresh_menu(self) -> None:
        if self._menu is not None:
            self._menu.refresh()
