"""Colours and sizes of the window: the one place where they are written."""

from __future__ import annotations

from typing import Any

__all__ = ["LINE_COLORS", "ROW", "SEVERITY_COLORS", "STYLES"]


def _color(text: str) -> int:
    """``RRGGBB`` or ``RRGGBBAA`` as omni.ui wants it: 0xAABBGGRR."""
    r, g, b, a = (int(text[i : i + 2] or "ff", 16) for i in (0, 2, 4, 6))
    return a << 24 | b << 16 | g << 8 | r


# Kit's own dark theme, and NVIDIA's green for what is chosen.
_PANEL, _FIELD, _BUTTON, _HOVERED = _color("343432"), _color("1f2123"), _color("292929"), _color("3f3f3d")
_TEXT, _DIM, _ACCENT, _LINE = _color("d2d2d2"), _color("8f8f8b"), _color("76b900"), _color("4a4a48")
_FAINT = _color("757572")
_ERROR, _WARNING, _INFO = _color("ff5c5c"), _color("ffc043"), _color("6fb4ff")

SEVERITY_COLORS = {"error": _ERROR, "warning": _WARNING, "info": _INFO, "": _DIM}
"""Colour of each severity of a finding."""

LINE_COLORS = tuple(_color(text) for text in ("e8e8e8", "76b900", "4fa3ff", "ffc043", "ff6f91", "9b8cff", "35d0ba"))
"""Colours of the frame-time lines, in the order of the phases."""

ROW = 24
"""Height of a line of widgets."""

STYLES: dict[str, dict[str, Any]] = {
    "Window": {"background_color": _PANEL},
    "Label": {"color": _TEXT, "font_size": 14},
    "Label::dim": {"color": _DIM, "font_size": 14},
    "Label::hint": {"color": _DIM, "font_size": 16},
    "Label::title": {"color": _TEXT, "font_size": 15},
    "Label::value": {"color": _TEXT, "font_size": 14},
    "Label::chosen": {"color": _ACCENT, "font_size": 14},
    "Label::error": {"color": _ERROR, "font_size": 14},
    "Label::warning": {"color": _WARNING, "font_size": 14},
    "Label::info": {"color": _INFO, "font_size": 14},
    "Button": {"background_color": _BUTTON, "border_radius": 3, "margin": 0, "padding": 3},
    "Button:hovered": {"background_color": _HOVERED},
    "Button:checked": {"background_color": _HOVERED},
    "Button:disabled": {"background_color": _PANEL},
    "Button.Label": {"color": _TEXT, "font_size": 14},
    "Button.Label:checked": {"color": _ACCENT},
    "Button.Label:disabled": {"color": _FAINT},
    "Button::tab": {"background_color": _PANEL, "border_radius": 0, "margin": 0, "padding": 3},
    "Button::tab:hovered": {"background_color": _HOVERED},
    "Button::tab:checked": {"background_color": _FIELD},
    "CheckBox": {"color": _ACCENT, "background_color": _FIELD, "border_radius": 2, "font_size": 14},
    "ComboBox": {"color": _TEXT, "background_color": _FIELD, "secondary_color": _FIELD, "border_radius": 3},
    "Field": {"color": _TEXT, "background_color": _FIELD, "border_radius": 3, "font_size": 14},
    "Field::usd": {"color": _DIM, "background_color": _FIELD, "font_size": 13},
    "Slider": {"color": _TEXT, "background_color": _FIELD, "secondary_color": _LINE, "border_radius": 3},
    "CollapsableFrame": {"background_color": _PANEL, "secondary_color": _BUTTON, "color": _TEXT, "border_radius": 3},
    "CollapsableFrame:hovered": {"secondary_color": _HOVERED},
    "ScrollingFrame": {"background_color": _PANEL, "secondary_color": _LINE},
    "ScrollingFrame::list": {"background_color": _FIELD, "secondary_color": _LINE},
    "TreeView": {"background_color": _FIELD, "background_selected_color": _HOVERED, "secondary_color": _ACCENT},
    "TreeView:selected": {"background_color": _HOVERED},
    "Rectangle::canvas": {"background_color": _color("161617")},
    "Rectangle::bar": {"background_color": _FIELD},
    "Rectangle::line": {"background_color": _LINE},
    "Circle::good": {"background_color": _ACCENT},
    "Circle::bad": {"background_color": _FAINT},
    "Circle::none": {"background_color": 0, "border_color": _LINE, "border_width": 1},
    **{f"Circle::{name}": {"background_color": color} for name, color in SEVERITY_COLORS.items() if name},
    **{
        f"Plot::{i}": {"color": color, "background_color": 0, "secondary_color": color}
        for i, color in enumerate(LINE_COLORS)
    },
    "Tooltip": {"color": _TEXT, "background_color": _BUTTON, "font_size": 14},
}
"""The window's style; widgets pick from it by their type and ``name``."""
