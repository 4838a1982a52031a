"""Where the widgets of a window are: the library's rules of stacks, as far as the window needs them."""

from __future__ import annotations

from typing import Any

from .containers import CollapsableFrame, Frame, HStack, ScrollingFrame, VGrid, VStack, ZStack
from .lengths import Fraction, Length, Percent
from .tree import TreeView
from .widgets import Button, Label, Widget
from .windows import Window

__all__ = ["HEADER", "TITLE_BAR", "font_size", "lay_out", "style_of", "text_width"]

HEADER = 26.0
"""Height of a collapsable frame's header."""

TITLE_BAR = 22.0
"""Height of a window's title bar."""


def style_of(widget: Widget, styles: dict[str, Any], part: str = "", extra: str = "") -> dict[str, Any]:
    """The style of a widget: by type, then name, then state; later ones win."""
    base = widget.style_type_name_override or type(widget).__name__
    kind = {"StringField": "Field", "IntField": "Field", "FloatField": "Field", "IntSlider": "Slider"}.get(base, base)
    kind += part
    states = [
        state
        for state, on in (
            ("checked", widget.checked),
            ("selected", widget.selected),
            ("disabled", not widget.enabled),
            (extra, bool(extra)),
        )
        if on
    ]
    selectors = [kind, *([f"{kind}::{widget.name}"] if widget.name else [])]
    selectors += [f"{selector}:{state}" for selector in tuple(selectors) for state in states]
    found: dict[str, Any] = {}
    for selector in selectors:
        found |= styles.get(selector, {})
    return found


def font_size(widget: Widget, styles: dict[str, Any]) -> float:
    """Size of a widget's text."""
    return float(style_of(widget, styles, ".Label" if isinstance(widget, Button) else "").get("font_size", 14))


def text_width(text: str, size: float) -> float:
    """Width of a line of text, about."""
    return 0.54 * size * max((len(line) for line in text.split("\n")), default=0)


def lay_out(window: Window, styles: dict[str, Any]) -> None:
    """Build what is pending and compute the boxes of all visible widgets."""
    for _ in range(8):
        if not _build(window.frame):
            break
    else:
        raise RuntimeError("frames are rebuilt over and over again")
    x, y = window.padding_x, window.padding_y
    _place(window.frame, (x, TITLE_BAR + y, window.width - 2 * x, window.height - TITLE_BAR - 2 * y), styles)


def _build(widget: Widget) -> bool:
    """Run the build functions of frames that can be seen; whether there was one."""
    built = False
    if not widget.visible:
        return False
    if isinstance(widget, (Frame, TreeView)) and widget._pending:
        widget._build()
        built = True
    for child in list(widget._children):
        built = _build(child) or built
    return built


def _shown(widget: Widget) -> list[Widget]:
    return [child for child in widget._children if child.visible]


def _lines(label: Label, width: float, styles: dict[str, Any]) -> int:
    per_line = max(1, int(width / (0.54 * font_size(label, styles))))
    return sum(max(1, -(-len(line) // per_line)) for line in label.text.split("\n"))


def _least(widget: Widget, axis: int, width: float, styles: dict[str, Any]) -> float:
    """Least content size along an axis, in a given width."""
    if isinstance(widget, Label):
        size = font_size(widget, styles)
        if axis == 0:
            return 0.0 if widget.elided_text or widget.word_wrap else text_width(widget.text, size)
        return 1.35 * size * (_lines(widget, width, styles) if widget.word_wrap else 1)
    if isinstance(widget, Button):
        size = font_size(widget, styles)
        return text_width(widget.text, size) + 6 if axis == 0 else 1.3 * size
    children = _shown(widget)
    if isinstance(widget, ScrollingFrame):
        return 0.0
    if isinstance(widget, CollapsableFrame):
        inside = 0.0 if widget.collapsed or not children else _size(children[0], axis, width, styles)
        return inside + HEADER if axis else inside
    if isinstance(widget, VGrid):
        lines = -(-len(children) // widget.column_count)
        return lines * widget.row_height if axis else 0.0
    sizes = [_size(child, axis, width, styles) for child in children]
    along = (isinstance(widget, HStack) and axis == 0) or (isinstance(widget, VStack) and axis == 1)
    if along:
        return sum(sizes) + widget.spacing * max(0, len(sizes) - 1)
    return max(sizes, default=0.0)


def _size(widget: Widget, axis: int, width: float, styles: dict[str, Any]) -> float:
    """Least size with the widget's own length taken into account."""
    length: Length = widget.height if axis else widget.width
    least = _least(widget, axis, width, styles)
    return least if isinstance(length, (Fraction, Percent)) else max(least, length.value)


def _share(
    children: list[Widget], axis: int, available: float, spacing: float, width: float, styles: Any
) -> list[float]:
    """Sizes of a stack's children along it."""
    left = available - spacing * max(0, len(children) - 1)
    sizes: list[float | None] = []
    total = 0.0
    for child in children:
        length = child.height if axis else child.width
        if isinstance(length, Fraction):
            sizes.append(None)
            total += length.value
        elif isinstance(length, Percent):
            sizes.append(available * length.value / 100)
        else:
            sizes.append(_size(child, axis, width, styles))
    left -= sum(size for size in sizes if size is not None)
    # A share may not be less than the content; what such children take is missing for the others.
    open_ = [i for i, size in enumerate(sizes) if size is None]
    while open_:
        value = {i: (children[i].height if axis else children[i].width).value for i in open_}
        tight = [
            i
            for i in open_
            if _least(children[i], axis, width, styles) > left * value[i] / max(sum(value.values()), 1e-9)
        ]
        if not tight:
            for i in open_:
                sizes[i] = max(0.0, left * value[i] / max(sum(value.values()), 1e-9))
            break
        for i in tight:
            sizes[i] = _least(children[i], axis, width, styles)
            left -= sizes[i] or 0.0
            open_.remove(i)
    return [size or 0.0 for size in sizes]


def _across(widget: Widget, axis: int, available: float, width: float, styles: dict[str, Any]) -> float:
    length = widget.height if axis else widget.width
    if isinstance(length, Fraction):
        return max(available, 0.0)
    if isinstance(length, Percent):
        return available * length.value / 100
    return _size(widget, axis, width, styles)


def _place(widget: Widget, box: tuple[float, float, float, float], styles: dict[str, Any]) -> None:
    if widget._box != box:
        widget._box = box
        widget._fire("computed_content_size_changed_fn")
    x, y, w, h = box
    children = _shown(widget)
    if isinstance(widget, VGrid):
        columns = max(1, widget.column_count)
        for i, child in enumerate(children):
            _place(
                child,
                (x + i % columns * w / columns, y + i // columns * widget.row_height, w / columns, widget.row_height),
                styles,
            )
    elif isinstance(widget, HStack):
        for child, size in zip(children, _share(children, 0, w, widget.spacing, w, styles), strict=True):
            _place(child, (x, y, size, _across(child, 1, h, size, styles)), styles)
            x += size + widget.spacing
    elif isinstance(widget, VStack):
        for child, size in zip(children, _share(children, 1, h, widget.spacing, w, styles), strict=True):
            _place(child, (x, y, _across(child, 0, w, w, styles), size), styles)
            y += size + widget.spacing
    elif isinstance(widget, ScrollingFrame):
        for child in children:
            _place(child, (x, y - widget.scroll_y, w - 10, max(_size(child, 1, w - 10, styles), h)), styles)
    elif isinstance(widget, CollapsableFrame):
        for child in [] if widget.collapsed else children:
            _place(child, (x, y + HEADER, w, _across(child, 1, h - HEADER, w, styles)), styles)
    elif isinstance(widget, (ZStack, Frame, TreeView)):
        for child in children:
            _place(child, (x, y, _across(child, 0, w, w, styles), _across(child, 1, h, w, styles)), styles)
