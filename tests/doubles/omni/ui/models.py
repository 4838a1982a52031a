"""Value models and item models."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from .contract import HELD, Subscription, require_main_thread

__all__ = [
    "PURE_CALLS",
    "AbstractItem",
    "AbstractItemDelegate",
    "AbstractItemModel",
    "AbstractValueModel",
    "SimpleBoolModel",
    "SimpleFloatModel",
    "SimpleIntModel",
    "SimpleStringModel",
]


class _Listeners:
    """Functions by id. Only the model keeps them; a subscription does not keep the model."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.functions: dict[int, Callable[..., None]] = {}
        HELD[id(self)] = self.functions

    def __del__(self) -> None:
        HELD.pop(id(self), None)

    def add(self, fn: Callable[..., None]) -> int:
        if not callable(fn):
            raise TypeError(f"{fn!r} cannot be called")
        key = next(self._ids)
        self.functions[key] = fn
        return key

    def remove(self, key: int) -> None:
        del self.functions[key]

    def subscribe(self, fn: Callable[..., None]) -> Subscription:
        key, me = self.add(fn), weakref.ref(self)

        def end() -> None:
            listeners = me()
            if listeners is not None:
                listeners.functions.pop(key, None)

        return Subscription(end)

    def __call__(self, *arguments: Any) -> None:
        require_main_thread()
        for fn in list(self.functions.values()):
            fn(*arguments)


class AbstractValueModel:
    """A value that widgets follow."""

    def __init__(self) -> None:
        require_main_thread()
        self._on_value, self._on_begin, self._on_end = _Listeners(), _Listeners(), _Listeners()

    def get_value_as_bool(self) -> bool:
        raise NotImplementedError

    def get_value_as_int(self) -> int:
        raise NotImplementedError

    def get_value_as_float(self) -> float:
        raise NotImplementedError

    def get_value_as_string(self) -> str:
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        raise NotImplementedError

    def begin_edit(self) -> None:
        self._on_begin(self)

    def end_edit(self) -> None:
        self._on_end(self)

    def _value_changed(self) -> None:
        self._on_value(self)

    def add_value_changed_fn(self, fn: Callable[[Any], None]) -> int:
        return self._on_value.add(fn)

    def remove_value_changed_fn(self, id: int) -> None:
        self._on_value.remove(id)

    def subscribe_value_changed_fn(self, fn: Callable[[Any], None]) -> Subscription:
        return self._on_value.subscribe(fn)

    def subscribe_begin_edit_fn(self, fn: Callable[[Any], None]) -> Subscription:
        return self._on_begin.subscribe(fn)

    def subscribe_end_edit_fn(self, fn: Callable[[Any], None]) -> Subscription:
        return self._on_end.subscribe(fn)

    as_bool = property(lambda self: self.get_value_as_bool(), lambda self, value: self.set_value(value))
    as_int = property(lambda self: self.get_value_as_int(), lambda self, value: self.set_value(value))
    as_float = property(lambda self: self.get_value_as_float(), lambda self, value: self.set_value(value))
    as_string = property(lambda self: self.get_value_as_string(), lambda self, value: self.set_value(value))


class _Simple(AbstractValueModel):
    kind: type = str

    def __init__(self, value: Any = None) -> None:
        super().__init__()
        self._value = self.kind() if value is None else self.kind(value)

    def get_value_as_bool(self) -> bool:
        return bool(self._value)

    def get_value_as_int(self) -> int:
        return int(self._value)

    def get_value_as_float(self) -> float:
        return float(self._value)

    def get_value_as_string(self) -> str:
        return str(self._value)

    def set_value(self, value: Any) -> None:
        if not isinstance(value, (str, int, float)):
            raise TypeError(f"a value model takes bool, int, float or str, not {value!r}")
        value = self.kind(value)
        if value != self._value:
            self._value = value
            self._value_changed()


class SimpleBoolModel(_Simple):
    """A bool."""

    kind = bool


class SimpleIntModel(_Simple):
    """An int."""

    kind = int


class SimpleFloatModel(_Simple):
    """A float."""

    kind = float


class SimpleStringModel(_Simple):
    """A text."""


class AbstractItem:
    """A node of an item model."""

    def __init__(self) -> None:
        require_main_thread()


def _missing(model: Any, name: str) -> None:
    """The real library logs that a pure virtual function was called, and goes on with nothing."""
    print(f'Tried to call pure virtual function "AbstractItemModel::{name}"', file=sys.stderr)
    PURE_CALLS.append(f"{type(model).__name__}.{name}")


PURE_CALLS: list[str] = []
"""Methods that a model had to have and has not, in the order they were called, for tests."""


class AbstractItemModel:
    """Nested items; the root's value model is the chosen index of a combo box."""

    def __init__(self) -> None:
        require_main_thread()
        self._on_item = _Listeners()

    def get_item_children(self, parentItem: AbstractItem | None = None) -> list[AbstractItem]:
        _missing(self, "get_item_children")
        return []

    def can_item_have_children(self, parentItem: AbstractItem | None = None) -> bool:
        return bool(self.get_item_children(parentItem))

    def get_item_value_model_count(self, item: AbstractItem | None = None) -> int:
        _missing(self, "get_item_value_model_count")
        return 0

    def get_item_value_model(self, item: AbstractItem | None = None, column_id: int = 0) -> AbstractValueModel | None:
        _missing(self, "get_item_value_model")
        return None

    def _item_changed(self, item: AbstractItem | None) -> None:
        self._on_item(self, item)

    def add_item_changed_fn(self, fn: Callable[[Any, Any], None]) -> int:
        return self._on_item.add(fn)

    def remove_item_changed_fn(self, id: int) -> None:
        self._on_item.remove(id)

    def subscribe_item_changed_fn(self, fn: Callable[[Any, Any], None]) -> Subscription:
        return self._on_item.subscribe(fn)


class AbstractItemDelegate:
    """Makes the widgets of a tree's lines."""

    def __init__(self) -> None:
        require_main_thread()

    def build_branch(
        self, model: Any, item: Any = None, column_id: int = 0, level: int = 0, expanded: bool = False
    ) -> None:
        pass

    def build_widget(
        self, model: Any, item: Any = None, index: int = 0, level: int = 0, expanded: bool = False
    ) -> None:
        pass

    def build_header(self, column_id: int = 0) -> None:
        pass
