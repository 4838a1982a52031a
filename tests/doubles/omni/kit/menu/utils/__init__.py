"""Contract double of ``omni.kit.menu.utils``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from omni.kit.actions.core import get_action_registry

__all__ = ["MENUS", "MenuItemDescription", "add_menu_items", "refresh_menu_items", "remove_menu_items"]

MENUS: dict[str, list[MenuItemDescription]] = {}
"""Entries by group, for tests."""


class MenuItemDescription:
    """An entry."""

    def __init__(
        self,
        name: str = "",
        glyph: str = "",
        header: str | None = None,
        appear_after: str | list[str] = "",
        enabled: bool = True,
        ticked: bool = False,
        ticked_value: bool | None = None,
        radio_group: str = "",
        sub_menu: list[Any] | None = None,
        hotkey: tuple[int, int] | None = None,
        name_fn: Callable[[], str] | None = None,
        show_fn: Callable[[], bool] | None = None,
        enable_fn: Callable[[], bool] | None = None,
        ticked_fn: Callable[[], bool] | None = None,
        onclick_action: tuple[str, ...] | None = None,
        unclick_action: tuple[str, ...] | None = None,
    ) -> None:
        self.name = name
        self.ticked = ticked
        self.ticked_fn = ticked_fn
        self.onclick_action = onclick_action

    def click(self) -> None:
        """As a person does, for tests."""
        assert self.onclick_action is not None
        get_action_registry().execute_action(*self.onclick_action)


def _require_main_thread() -> None:
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("menus are made of widgets, which only the application's thread may touch")


def add_menu_items(
    menu: list[MenuItemDescription],
    name: str,
    menu_index: int = 0,
    can_rebuild_menus: bool = True,
    delegate: Any = None,
) -> None:
    _require_main_thread()
    if not isinstance(menu, list) or not all(isinstance(item, MenuItemDescription) for item in menu):
        raise TypeError("add_menu_items(): menu is a list of MenuItemDescription")
    MENUS.setdefault(name, []).extend(menu)


def remove_menu_items(menu: list[MenuItemDescription], name: str, can_rebuild_menus: bool = True) -> None:
    _require_main_thread()
    for item in menu:
        MENUS[name].remove(item)  # a ValueError for what was never added
    if not MENUS[name]:
        del MENUS[name]


def refresh_menu_items(name: str, immediately: bool | None = None) -> None:
    _require_main_thread()
    for item in MENUS.get(name, []):
        if item.ticked_fn is not None:
            item.ticked_value = item.ticked_fn()  # type: ignore[attr-defined]
