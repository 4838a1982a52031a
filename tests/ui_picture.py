"""Draws a window of the omni.ui double as a picture: boxes, texts and images where the layout puts them."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from omni.ui import layout
from omni.ui.containers import CollapsableFrame, ScrollingFrame
from omni.ui.enums import Alignment, CircleSizePolicy
from omni.ui.images import ImageWithProvider
from omni.ui.tree import TreeView
from omni.ui.widgets import Button, CheckBox, Circle, ComboBox, Label, Plot, Rectangle, Widget, _Field, _Slider
from omni.ui.windows import Window
from PIL import Image, ImageDraw, ImageFont

__all__ = ["draw_window"]

Box = tuple[float, float, float, float]


def _rgba(color: int) -> tuple[int, int, int, int]:
    return color & 255, color >> 8 & 255, color >> 16 & 255, color >> 24 & 255


class _Painter:
    def __init__(self, window: Window) -> None:
        self.styles: dict[str, Any] = window.frame.style or {}
        size = (round(window.width), round(window.height))
        background = self.styles.get("Window", {}).get("background_color", 0xFF323434)
        self.image = Image.new("RGB", size, _rgba(background)[:3])
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def fill(self, box: Box, clip: Box, color: int, radius: float = 0.0) -> None:
        x0, y0, x1, y1 = _cut(box, clip)
        if x1 > x0 and y1 > y0 and color >> 24:
            self.draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), radius, _rgba(color))

    def text(self, box: Box, clip: Box, text: str, style: dict[str, Any], alignment: Alignment, elide: bool) -> None:
        font = ImageFont.load_default(style.get("font_size", 14) * 0.92)
        width = self.draw.textlength
        if elide and width(text, font) > box[2]:
            while text and width(text + "...", font) > box[2]:
                text = text[:-1]
            text += "..."
        lines = text.split("\n")
        high = 1.3 * style.get("font_size", 14)
        name = alignment.name
        y = box[1] if "TOP" in name else box[1] + (box[3] - high * len(lines)) / 2
        region = tuple(round(v) for v in _cut(box, clip))
        if region[2] <= region[0] or region[3] <= region[1]:
            return
        layer = Image.new("RGBA", (region[2] - region[0], region[3] - region[1]))
        pen = ImageDraw.Draw(layer)
        for line in lines:
            across = width(line, font)
            x = box[0] + (box[2] - across if "RIGHT" in name else (box[2] - across) / 2 if name == "CENTER" else 0)
            pen.text((x - region[0], y - region[1] + 1), line, _rgba(style.get("color", 0xFFFFFFFF)), font)
            y += high
        self.image.paste(layer, region[:2], layer)

    def widget(self, widget: Widget, clip: Box) -> None:
        if not widget.visible:
            return
        box, style = widget._box, layout.style_of(widget, self.styles)
        back, radius = style.get("background_color", 0), style.get("border_radius", 0)
        x, y, w, h = box
        if isinstance(widget, (Rectangle, Button, _Field, ComboBox, ScrollingFrame, TreeView)):
            self.fill(box, clip, back, radius)
        if isinstance(widget, Circle):
            r = widget.radius if widget.size_policy is CircleSizePolicy.FIXED else min(w, h) / 2
            ring = (x + w / 2 - r, y + h / 2 - r, 2 * r, 2 * r)
            self.fill(ring, clip, back, r)
            if style.get("border_width") and _cut(ring, clip) == (ring[0], ring[1], ring[0] + 2 * r, ring[1] + 2 * r):
                self.draw.ellipse(_cut(ring, clip), None, _rgba(style["border_color"]), style["border_width"])
        elif isinstance(widget, Label):
            text = _wrap(widget.text, w, style) if widget.word_wrap else widget.text
            self.text(box, clip, text, style, widget.alignment, widget.elided_text)
        elif isinstance(widget, Button):
            label = layout.style_of(widget, self.styles, ".Label")
            self.text(box, clip, widget.text, label, Alignment.CENTER, False)
        elif isinstance(widget, CheckBox):
            self.fill((x, y + h / 2 - 7, 14, 14), clip, back, radius)
            if widget.model.as_bool:
                self.fill((x + 3, y + h / 2 - 4, 8, 8), clip, style["color"], 1)
        elif isinstance(widget, ComboBox):
            model = widget.model
            items, index = model.get_item_children(), model.get_item_value_model().as_int
            text = model.get_item_value_model(items[index]).as_string if items else ""
            self.text((x + 6, y, w - 24, h), clip, text, style, Alignment.LEFT_CENTER, True)
            self.text((x + w - 16, y, 12, h), clip, "v", style, Alignment.CENTER, False)
        elif isinstance(widget, _Field):
            self.text((x + 6, y, w - 8, h), clip, widget.model.as_string, style, Alignment.LEFT_CENTER, True)
        elif isinstance(widget, _Slider):
            self.fill(box, clip, back, radius)
            share = (widget.model.as_float - widget.min) / max(widget.max - widget.min, 1e-9)
            self.fill((x + share * (w - 12), y + 2, 12, h - 4), clip, style.get("secondary_color", 0), 2)
            self.text(box, clip, f"{widget.model.as_int} / {widget.max}", style, Alignment.CENTER, False)
        elif isinstance(widget, Plot) and len(widget._data) > 1:
            scale = max(widget.scale_max - widget.scale_min, 1e-9)
            step = w / (len(widget._data) - 1)
            heights = [(value - widget.scale_min) / scale * (h - 4) for value in widget._data]
            points = [(x + i * step, y + h - 2 - high) for i, high in enumerate(heights)]
            self.draw.line(points, _rgba(style["color"]), 2)
        elif isinstance(widget, ImageWithProvider):
            pixels = widget._image()
            if pixels is not None:
                picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3])).resize((round(w), round(h)))
                self.image.paste(picture, (round(x), round(y)))
        elif isinstance(widget, CollapsableFrame):
            self.fill((x, y, w, layout.HEADER - 2), clip, style.get("secondary_color", 0), radius)
            title = ("+  " if widget.collapsed else "-  ") + widget.title
            self.text((x + 8, y, w - 8, layout.HEADER - 2), clip, title, style, Alignment.LEFT_CENTER, False)
            if widget.collapsed:
                return
        inner = _intersect(clip, box) if isinstance(widget, ScrollingFrame) else clip
        for child in widget._children:
            self.widget(child, inner)


def _wrap(text: str, width: float, style: dict[str, Any]) -> str:
    per_line = max(1, int(width / (0.54 * style.get("font_size", 14))))
    return "\n".join("\n".join(textwrap.wrap(line, per_line)) for line in text.split("\n"))


def _intersect(a: Box, b: Box) -> Box:
    x0, y0, x1, y1 = _cut(a, b)
    return x0, y0, max(0.0, x1 - x0), max(0.0, y1 - y0)


def _cut(box: Box, clip: Box) -> Box:
    """Corners of a box inside of a clip region."""
    return (
        max(box[0], clip[0]),
        max(box[1], clip[1]),
        min(box[0] + box[2], clip[0] + clip[2]),
        min(box[1] + box[3], clip[1] + clip[3]),
    )


def draw_window(window: Window) -> Image.Image:
    """The window as it was laid out last."""
    painter = _Painter(window)
    whole = (0.0, 0.0, float(window.width), float(window.height))
    painter.fill((0, 0, window.width, layout.TITLE_BAR), whole, 0xFF2A2624)
    title = {"color": 0xFFD2D2D2, "font_size": 14}
    painter.text((8, 0, 400, layout.TITLE_BAR), whole, window.title, title, Alignment.LEFT_CENTER, False)
    painter.widget(window.frame, whole)
    return painter.image
