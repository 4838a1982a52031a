"""Widgets without children."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from .contract import Callbacks, Checked, Prop
from .enums import Alignment, CircleSizePolicy, Type
from .lengths import Fraction, as_length
from .models import (
    AbstractItem,
    AbstractItemModel,
    AbstractValueModel,
    SimpleBoolModel,
    SimpleFloatModel,
    SimpleIntModel,
    SimpleStringModel,
)

__all__ = [
    "OPEN",
    "Button",
    "CheckBox",
    "Circle",
    "ComboBox",
    "FloatField",
    "FloatSlider",
    "IntField",
    "IntSlider",
    "Label",
    "Plot",
    "ProgressBar",
    "Rectangle",
    "Separator",
    "Spacer",
    "StringField",
    "Widget",
]

OPEN: list[Any] = []
"""Containers whose ``with`` block is open, innermost last."""


class Widget(Checked):
    """What all widgets have. ``_box`` is (x, y, width, height) on the screen after a layout."""

    FLAG_WANT_CAPTURE_KEYBOARD = 1073741824
    callbacks: ClassVar[Callbacks] = Callbacks(
        mouse_moved_fn=4,
        mouse_pressed_fn=4,
        mouse_released_fn=4,
        mouse_double_clicked_fn=4,
        mouse_wheel_fn=3,
        mouse_hovered_fn=1,
        key_pressed_fn=3,
        drag_fn=0,
        accept_drop_fn=1,
        drop_fn=1,
        tooltip_fn=0,
        computed_content_size_changed_fn=0,
        checked_changed_fn=1,
    )
    width = Prop(object, default=Fraction(1), convert=as_length)
    height = Prop(object, default=Fraction(1), convert=as_length)
    name = Prop(str, default="")
    style_type_name_override = Prop(str, default="")
    identifier = Prop(str, default="")
    visible = Prop(bool, default=True)
    enabled = Prop(bool, default=True)
    selected = Prop(bool, default=False)
    checked = Prop(bool, default=False)
    dragging = Prop(bool, default=False)
    tooltip = Prop(str, default="")
    tooltip_offset_x = Prop(int, float, default=0.0)
    tooltip_offset_y = Prop(int, float, default=0.0)
    opaque_for_mouse_events = Prop(bool, default=False)
    scroll_only_window_hovered = Prop(bool, default=True)
    skip_draw_when_clipped = Prop(bool, default=False)
    style = Prop(dict, default=None)
    computed_width = property(lambda self: self._alive_box()[2])
    computed_height = property(lambda self: self._alive_box()[3])
    computed_content_width = property(lambda self: self._alive_box()[2])
    computed_content_height = property(lambda self: self._alive_box()[3])
    screen_position_x = property(lambda self: self._alive_box()[0])
    screen_position_y = property(lambda self: self._alive_box()[1])

    def __init__(self, **arguments: Any) -> None:
        self._box = (0.0, 0.0, 0.0, 0.0)
        self._children: list[Widget] = []
        self._start(arguments)
        self._join()

    def _join(self) -> None:
        if not OPEN:
            raise RuntimeError(f"a {type(self).__name__} is made outside of any container; it would never be seen")
        OPEN[-1]._adopt(self)

    def _alive_box(self) -> tuple[float, float, float, float]:
        self._check_alive()
        return self._box

    def _kill(self) -> None:
        for child in self._children:
            child._kill()
        self._children = []
        self._forget_functions()
        self._dead = True

    def set_style(self, style: dict[str, dict[str, Any]]) -> None:
        """A style for this widget and what is in it."""
        for selector, attributes in style.items():
            if not isinstance(attributes, dict):
                raise TypeError(f"the style {selector!r} has no type selector: {attributes!r}")
        self.style = style

    def set_tooltip(self, tooltip: str) -> None:
        self.tooltip = tooltip

    def scroll_here_y(self, center_ratio: float = 0.0) -> None:
        self._check_alive()


class Spacer(Widget):
    """Nothing."""


class Rectangle(Widget):
    """A filled box."""


class Separator(Widget):
    """A line."""


class Circle(Widget):
    """A filled circle; stretched over its box unless its size policy is fixed."""

    radius = Prop(int, float, default=0.0)
    size_policy = Prop(CircleSizePolicy, default=CircleSizePolicy.STRETCH)
    alignment = Prop(Alignment, default=Alignment.CENTER)


class Label(Widget):
    """Text."""

    text = Prop(str, default="")
    alignment = Prop(Alignment, default=Alignment.LEFT_CENTER)
    word_wrap = Prop(bool, default=False)
    elided_text = Prop(bool, default=False)

    def __init__(self, text: str, **arguments: Any) -> None:
        super().__init__(**{"text": text, **arguments})


class Button(Widget):
    """A button with a text."""

    callbacks = Widget.callbacks | Callbacks(clicked_fn=0)
    text = Prop(str, default="")
    image_url = Prop(str, default="")
    spacing = Prop(int, float, default=0.0)

    def __init__(self, text: str = "", **arguments: Any) -> None:
        super().__init__(**{"text": text, **arguments})

    def call_clicked_fn(self) -> None:
        """What a click does."""
        if self.enabled and self.visible:
            self._fire("clicked_fn")


class _Valued(Widget):
    """A widget over a value model, which it keeps."""

    make_model: ClassVar[Callable[[], AbstractValueModel]] = SimpleStringModel

    def __init__(self, model: AbstractValueModel | None = None, **arguments: Any) -> None:
        if model is not None and not isinstance(model, AbstractValueModel):
            raise TypeError(f"{type(self).__name__} takes a value model, not {model!r}")
        self._model = type(self).make_model() if model is None else model
        super().__init__(**arguments)

    @property
    def model(self) -> AbstractValueModel:
        self._check_alive()
        return self._model


class CheckBox(_Valued):
    """A box with a tick."""

    make_model = SimpleBoolModel


class _Field(_Valued):
    read_only = Prop(bool, default=False)
    multiline = Prop(bool, default=False)

    def focus_keyboard(self, focus: bool = True) -> None:
        self._check_alive()


class StringField(_Field):
    """A line of text."""


class IntField(_Field):
    """A whole number."""

    make_model = SimpleIntModel


class FloatField(_Field):
    """A number."""

    make_model = SimpleFloatModel
    precision = Prop(int, default=5)


class _Slider(_Valued):
    min = Prop(int, float, default=0)
    max = Prop(int, float, default=100)
    step = Prop(int, float, default=1)


class IntSlider(_Slider):
    """A whole number in a range."""

    make_model = SimpleIntModel


class FloatSlider(_Slider):
    """A number in a range."""

    make_model = SimpleFloatModel


class ProgressBar(_Valued):
    """A share from 0 to 1."""

    make_model = SimpleFloatModel


class _Text(AbstractItem):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.model = SimpleStringModel(text)


class _Texts(AbstractItemModel):
    """The model of a combo box that was made of texts."""

    def __init__(self, index: int, texts: tuple[str, ...]) -> None:
        super().__init__()
        self._index = SimpleIntModel(index)
        me = weakref.proxy(self)
        self._index.add_value_changed_fn(lambda model: me._item_changed(None))
        self._items = [_Text(text) for text in texts]

    def get_item_children(self, parentItem: AbstractItem | None = None) -> list[AbstractItem]:
        return list(self._items) if parentItem is None else []

    def get_item_value_model(self, item: AbstractItem | None = None, column_id: int = 0) -> AbstractValueModel:
        return self._index if item is None else item.model  # type: ignore[attr-defined]


class ComboBox(Widget):
    """``ComboBox(index, "A", "B")`` or ``ComboBox(item_model)``."""

    arrow_only = Prop(bool, default=False)

    def __init__(self, *what: Any, **arguments: Any) -> None:
        if len(what) == 1 and isinstance(what[0], AbstractItemModel):
            self._model = what[0]
        else:
            index, *texts = what if what else (0,)
            if not isinstance(index, int) or not all(isinstance(text, str) for text in texts):
                raise TypeError(f"a ComboBox takes an index and texts, or an item model; not {what!r}")
            if texts and not 0 <= index < len(texts):
                raise ValueError(f"the ComboBox has {len(texts)} items and no number {index}")
            self._model = _Texts(index, tuple(texts))
        super().__init__(**arguments)

    @property
    def model(self) -> AbstractItemModel:
        self._check_alive()
        return self._model


class Plot(Widget):
    """``Plot(type, scale_min, scale_max, *values)`` or with a function and a count."""

    scale_min = Prop(int, float, default=0.0)
    scale_max = Prop(int, float, default=1.0)
    value_offset = Prop(int, default=0)
    value_stride = Prop(int, default=1)
    title = Prop(str, default="")

    def __init__(
        self, type: Type = Type.LINE, scale_min: float = 0.0, scale_max: float = 1.0, *data: Any, **arguments: Any
    ) -> None:
        if not isinstance(type, Type):
            raise TypeError(f"the type of a plot is omni.ui.Type, not {type!r}")
        self._type = type
        super().__init__(**{"scale_min": scale_min, "scale_max": scale_max, **arguments})
        self._data: list[float] = []
        if data and callable(data[0]):
            self.set_data_provider_fn(*data)
        else:
            self.set_data(*data)

    def set_data(self, *values: float) -> None:
        self._check_alive()
        if not all(isinstance(value, float) for value in values):
            # The real one warns without end: it does not go on to the next value.
            raise TypeError("the values of a plot are floats, each an argument of its own")
        self._data = list(values)

    def set_data_provider_fn(self, fn: Callable[[int], float], count: int) -> None:
        self.set_data(*(fn(i) for i in range(count)))
