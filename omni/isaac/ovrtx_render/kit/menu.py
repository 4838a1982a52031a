"""The entry in the menu bar that shows and hides the window."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Menu"]

_GROUP = "Tools"


class Menu:
    """An entry with a tick, there until :meth:`remove`.

    Args:
        title: Text of the entry.
        action: Extension and name of the action behind it.
        is_ticked: Whether to draw the tick.
    """

    def __init__(self, title: str, action: tuple[str, str], is_ticked: Callable[[], bool]) -> None:
        from omni.kit.menu.utils import MenuItemDescription, add_menu_items

        self._items = [MenuItemDescription(name=title, ticked=True, ticked_fn=is_ticked, onclick_action=action)]
        add_menu_items(self._items, _GROUP)

    def refresh(self) -> None:
        """Draw the tick anew."""
        from omni.kit.menu.utils import refresh_menu_items

        refresh_menu_items(_GROUP)

    def remove(self) -> None:
        """Take the entry away."""
        from omni.kit.menu.utils import remove_menu_items

        items, self._items = self._items, []
        remove_menu_items(items, _GROUP)
