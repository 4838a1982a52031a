"""Small pieces that all the tabs are made of."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import omni.ui as ui

from ..style import ROW

__all__ = ["LABEL", "Choice", "assign", "button", "dot", "labelled", "shortened"]

LABEL = 190
"""Width of the column of labels in front of widgets [px]."""


def button(text: str, identifier: str, clicked: Callable[[], object], tooltip: str, **arguments: Any) -> ui.Button:
    """A button of one line."""
    arguments = {"width": 0, "height": ROW, **arguments}
    return ui.Button(f" {text} ", identifier=identifier, clicked_fn=clicked, tooltip=tooltip, **arguments)


def dot(name: str) -> ui.Circle:
    """A small circle in the colour of its name: ``good``, ``bad`` (cannot run), ``none`` (a ring), or a severity."""
    return ui.Circle(
        name=name, width=12, radius=4, size_policy=ui.CircleSizePolicy.FIXED, alignment=ui.Alignment.CENTER
    )


def labelled(text: str, tooltip: str = "", *, chosen: bool = False) -> ui.Label:
    """The label in front of a widget; ``chosen`` marks what is not the default."""
    name = "chosen" if chosen else "dim"
    return ui.Label(text, name=name, width=LABEL, height=ROW, elided_text=True, tooltip=tooltip)


def shortened(path: str, length: int) -> str:
    """A path without its first parts, with about ``length`` characters at most: what tells paths apart is their end."""
    if len(path) <= length:
        return path
    kept = path.rsplit("/", 1)[-1]
    for part in reversed(path.split("/")[:-1]):
        if len(kept) + len(part) + 5 > length:
            break
        kept = f"{part}/{kept}"
    return f".../{kept}"


def assign(widget: Any, name: str, value: Any) -> None:
    """Set a property of a widget if it is another one: what is set is drawn anew."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)


class Choice:
    """A combo box over names.

    Args:
        names: What there is to choose from.
        chosen: The name that is chosen now.
        identifier: Identifier of the widget.
        changed: Called with the name that was chosen.
        tooltip: What it is for.
        least: Width below which it does not shrink [px]; 0 has it as wide as ``arguments`` say.
        arguments: More arguments of the widget.
    """

    def __init__(
        self,
        names: Sequence[str],
        chosen: str,
        identifier: str,
        changed: Callable[[str], object],
        tooltip: str = "",
        least: int = 0,
        **arguments: Any,
    ) -> None:
        self._names = list(names)
        index = self._names.index(chosen) if chosen in self._names else 0
        arguments = {"height": ROW, **arguments}
        # What is stretched may shrink to nothing; a stack is as wide as its widest child at least.
        with ui.ZStack(width=arguments.pop("width", ui.Fraction(1)), height=arguments["height"]):
            ui.Spacer(width=least, height=0)
            self.widget = ui.ComboBox(index, *self._names, identifier=identifier, tooltip=tooltip, **arguments)
        self._changed = changed
        # The library keeps the function where Python's garbage collector does not see it: it must not keep us.
        me = weakref.proxy(self)
        self._subscription = self.widget.model.subscribe_item_changed_fn(
            lambda model, item: me._on_changed(model, item)
        )

    def _on_changed(self, model: ui.AbstractItemModel, item: ui.AbstractItem) -> None:
        index = model.get_item_value_model().as_int
        if 0 <= index < len(self._names):
            self._changed(self._names[index])

    def choose(self, name: str) -> None:
        """Show another name as chosen; ``changed`` is called only if it was not."""
        if name in self._names:
            value = self.widget.model.get_item_value_model()
            if value.as_int != self._names.index(name):
                value.set_value(self._names.index(name))
