"""A tree of lines that a delegate draws."""

from __future__ import annotations

import weakref
from typing import Any

from .containers import Container, HStack, VStack
from .contract import Callbacks, Prop
from .lengths import Length, as_length
from .models import AbstractItem, AbstractItemDelegate, AbstractItemModel
from .widgets import OPEN, Widget

__all__ = ["TreeView"]


def _lengths(values: Any) -> list[Length]:
    return [as_length(value) for value in values]


class TreeView(Container):
    """Owns neither its model nor its delegate."""

    root_visible = Prop(bool, default=True)
    header_visible = Prop(bool, default=False)
    columns_resizable = Prop(bool, default=False)
    column_widths = Prop(list, default=[], convert=_lengths)
    root_expanded = Prop(bool, default=True)
    keep_alive = Prop(bool, default=False)
    keep_expanded = Prop(bool, default=False)
    expand_on_branch_click = Prop(bool, default=True)
    drop_between_items = Prop(bool, default=False)
    selection = Prop(list, default=[])
    callbacks = Widget.callbacks | Callbacks(selection_changed_fn=1)

    def __init__(
        self, model: AbstractItemModel, delegate: AbstractItemDelegate | None = None, **arguments: Any
    ) -> None:
        if not isinstance(model, AbstractItemModel):
            raise TypeError(f"a TreeView takes an item model, not {model!r}")
        self._model = weakref.ref(model)
        self._delegate = weakref.ref(delegate) if delegate is not None else None
        self._expanded: set[AbstractItem] = set()
        self._pending = True
        super().__init__(**arguments)
        me = weakref.proxy(self)
        self._subscription = model.subscribe_item_changed_fn(lambda model, item: me._invalidate())

    def _invalidate(self) -> None:
        self._pending = True

    def dirty_widgets(self) -> None:
        self._check_alive()
        self._pending = True

    def clear_selection(self) -> None:
        self.selection = []
        self._fire("selection_changed_fn", [])

    def is_expanded(self, item: AbstractItem) -> bool:
        self._check_alive()
        return item in self._expanded

    def set_expanded(self, item: AbstractItem, expanded: bool, recursive: bool) -> None:
        self._check_alive()
        (self._expanded.add if expanded else self._expanded.discard)(item)
        self._pending = True

    def set_selection_changed_fn(self, fn: Any) -> None:
        self._set_function("selection_changed_fn", fn)

    def _select(self, items: list[AbstractItem]) -> None:
        """What a click on a line does."""
        self.selection = items
        self._fire("selection_changed_fn", items)

    def _kill(self) -> None:
        self._subscription.unsubscribe()
        super()._kill()

    def _build(self) -> None:
        """Make the lines anew."""
        self._pending = False
        model = self._model()
        delegate = self._delegate() if self._delegate is not None else None
        if model is None or (delegate is None and self._delegate is not None):
            raise RuntimeError(f"nobody kept the model or the delegate of the TreeView {self.identifier!r}")
        self.clear()
        OPEN.append(self)
        try:
            with VStack(height=0):
                if self.header_visible and delegate is not None:
                    with HStack(height=0):
                        for column in range(model.get_item_value_model_count(None)):
                            with HStack(width=self._column(column), height=0):
                                delegate.build_header(column)
                for item in model.get_item_children(None):
                    self._line(model, delegate, item, 0)
        finally:
            OPEN.pop()

    def _line(
        self, model: AbstractItemModel, delegate: AbstractItemDelegate | None, item: AbstractItem, level: int
    ) -> None:
        if not isinstance(item, AbstractItem):
            raise TypeError(f"a model's children are AbstractItems, not {item!r}")
        expanded = item in self._expanded
        with HStack(height=0):
            for column in range(model.get_item_value_model_count(item)):
                model.get_item_value_model(item, column)  # the real one asks for it, to follow its changes
                with HStack(width=self._column(column), height=0):
                    if delegate is not None:
                        delegate.build_branch(model, item, column, level, expanded)
                        delegate.build_widget(model, item, column, level, expanded)
        if expanded:
            for child in model.get_item_children(item):
                self._line(model, delegate, child, level + 1)

    def _column(self, column: int) -> Length:
        widths = self.column_widths
        return widths[column] if column < len(widths) else as_length(100)
