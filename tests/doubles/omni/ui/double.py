"""What a test does with a window: draw it, look for widgets, click, type, move the mouse, press keys, close."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .layout import lay_out
from .models import AbstractItemModel
from .widgets import Button, CheckBox, ComboBox, Widget
from .windows import Window

__all__ = [
    "choose",
    "click",
    "close_button",
    "cover",
    "draw",
    "find",
    "hover",
    "mouse",
    "tick",
    "type_into",
    "walk",
    "wheel",
]


def draw(window: Window) -> None:
    """One frame of the application: build what is pending, lay out, read images."""
    if window.visible:
        lay_out(window, window.frame.style or {})
        for widget in walk(window.frame):
            if hasattr(widget, "_image"):
                widget._image()


def walk(widget: Widget) -> Iterator[Widget]:
    """A widget and all below it that can be seen."""
    if widget.visible:
        yield widget
        for child in widget._children:
            yield from walk(child)


def find(window: Window, identifier: str) -> Any:
    """The one visible widget with an identifier."""
    found = [widget for widget in walk(window.frame) if widget.identifier == identifier]
    if len(found) != 1:
        known = sorted({widget.identifier for widget in walk(window.frame) if widget.identifier})
        raise LookupError(f"{len(found)} widgets are called {identifier!r}; there are: {', '.join(known)}")
    return found[0]


def click(window: Window, identifier: str) -> None:
    """Click a button."""
    button = find(window, identifier)
    assert isinstance(button, Button), f"{identifier} is no button"
    if not button.enabled:
        raise RuntimeError(f"the button {identifier!r} is disabled")
    button.call_clicked_fn()


def tick(window: Window, identifier: str, on: bool) -> None:
    """Set or clear a check box."""
    box = find(window, identifier)
    assert isinstance(box, CheckBox), f"{identifier} is no check box"
    box.model.set_value(on)


def type_into(window: Window, identifier: str, value: Any) -> None:
    """Type into a field and press Enter."""
    field = find(window, identifier)
    field.model.begin_edit()
    field.model.set_value(value)
    field.model.end_edit()


def choose(window: Window, identifier: str, text: str) -> None:
    """Choose an item of a combo box."""
    combo = find(window, identifier)
    assert isinstance(combo, ComboBox), f"{identifier} is no combo box"
    model: AbstractItemModel = combo.model
    texts = [model.get_item_value_model(item).as_string for item in model.get_item_children()]
    if text not in texts:
        raise LookupError(f"{identifier} has no item {text!r}; it has {texts}")
    model.get_item_value_model().set_value(texts.index(text))


def mouse(window: Window, identifier: str, event: str, x: float, y: float, *more: Any) -> None:
    """A mouse event at a place inside of a widget: ``pressed``, ``released``, ``double_clicked`` or ``moved``."""
    widget = find(window, identifier)
    more = more or ((0, False) if event == "moved" else (0, 0))
    widget._fire(f"mouse_{event}_fn", widget.screen_position_x + x, widget.screen_position_y + y, *more)


def wheel(window: Window, identifier: str, dy: float, modifiers: int = 0) -> None:
    """Turn the wheel over a widget."""
    find(window, identifier)._fire("mouse_wheel_fn", 0.0, dy, modifiers)


def hover(window: Window, identifier: str, inside: bool) -> None:
    """The mouse enters or leaves a widget."""
    find(window, identifier)._fire("mouse_hovered_fn", inside)


def cover(window: Window, covered: bool) -> None:
    """Another window of the dock is brought to the front, or this one."""
    window._fire("selected_in_dock_changed_fn", not covered)


def close_button(window: Window) -> None:
    """The cross in the corner: it only hides the window."""
    window.visible = False
