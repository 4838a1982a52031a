"""Keyboard of the tile viewer: which key does what, by the key codes that windows of Kit hand on."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

from .canvas import Compare

if TYPE_CHECKING:
    from .model import ViewModel

__all__ = ["BINDINGS", "CAPTURED", "CONTROL", "Key", "press"]

CAPTURED = 1 << 30
"""Flag of the modifiers: a text field has the keyboard (``omni.ui.Widget.FLAG_WANT_CAPTURE_KEYBOARD``)."""

SHIFT, CONTROL, ALT = 1, 2, 4
"""Flags of the modifiers, as in ``carb.input``."""


class Key(IntEnum):
    """Values of ``carb.input.KeyboardInput``."""

    SPACE = 1
    MINUS = 4
    KEY_0 = 7
    EQUAL = 18
    B = 20
    C = 21
    D = 22
    F = 24
    N = 32
    M = 31
    O = 33  # noqa: E741
    R = 36
    S = 37
    ESCAPE = 49
    ENTER = 51
    RIGHT = 55
    LEFT = 56
    DOWN = 57
    UP = 58
    PAGE_UP = 59
    PAGE_DOWN = 60
    HOME = 61
    END = 62


def _page(step: int) -> Callable[[ViewModel], None]:
    return lambda model: model.tiles.move(model.tiles.grid.paged(model.tiles.grid.page + step))


def _toggle_focus(model: ViewModel) -> None:
    model.tiles.focus(model.tiles.selected if model.tiles.focused is None else None)


def _pause(model: ViewModel) -> None:
    model.tiles.set_paused(not model.tiles.paused)


def _next_compare(model: ViewModel) -> None:
    model.tiles.set_compare(Compare((model.tiles.compare + 1) % len(Compare)))


def _toggle_freeze(model: ViewModel) -> None:
    model.stop_comparing() if model.compared_with else model.freeze()


BINDINGS: dict[Key, tuple[str, Callable[[ViewModel], object]]] = {
    Key.LEFT: ("select the tile to the left", lambda model: model.tiles.step_selection(-1, 0)),
    Key.RIGHT: ("select the tile to the right", lambda model: model.tiles.step_selection(1, 0)),
    Key.UP: ("select the tile above", lambda model: model.tiles.step_selection(0, -1)),
    Key.DOWN: ("select the tile below", lambda model: model.tiles.step_selection(0, 1)),
    Key.PAGE_UP: ("previous page", _page(-1)),
    Key.PAGE_DOWN: ("next page", _page(1)),
    Key.HOME: ("first page", lambda model: model.tiles.move(model.tiles.grid.paged(0))),
    Key.END: ("last page", lambda model: model.tiles.move(model.tiles.grid.paged(model.tiles.grid.pages))),
    Key.EQUAL: ("larger tiles", lambda model: model.tiles.move(model.tiles.grid.zoomed(1.25))),
    Key.MINUS: ("smaller tiles", lambda model: model.tiles.move(model.tiles.grid.zoomed(0.8))),
    Key.KEY_0: ("as large as fits", lambda model: model.tiles.move(model.tiles.grid.fitted())),
    Key.ENTER: ("see the selected tile alone, or all again", _toggle_focus),
    Key.ESCAPE: ("see all tiles again", lambda model: model.tiles.focus(None)),
    Key.SPACE: ("pause, or go on", _pause),
    Key.O: ("next output", lambda model: model.tiles.next_output()),
    Key.F: ("freeze this frame and compare, or end comparing", _toggle_freeze),
    Key.C: ("next way to compare", _next_compare),
    Key.N: ("numbers in the tiles", lambda model: model.tiles.set_numbers(not model.tiles.numbers)),
    Key.B: (
        "only tiles that are black, frozen or broken",
        lambda m: m.tiles.set_only_flagged(not m.tiles.only_flagged),
    ),
    Key.M: ("what the pixel below the pointer shows", lambda model: model.pick()),
    Key.S: ("save a PNG", lambda model: model.save_png()),
    Key.R: ("start or end a video", lambda model: model.record()),
}
"""What each key does in the tab Tiles."""


def press(model: ViewModel, key: int, modifiers: int) -> bool:
    """Do what a key does; whether it does anything. Keys with Ctrl or Alt, and those of text fields, are left alone."""
    if modifiers & (CAPTURED | CONTROL | ALT) or key not in BINDINGS:
        return False
    BINDINGS[Key(key)][1](model)
    return True
