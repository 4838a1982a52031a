"""What the window remembers between sessions."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .tile_grid import MIN_CELL

if TYPE_CHECKING:
    from .model import ViewModel

__all__ = ["Store", "layout_of", "restore_layout"]


class Store(Protocol):
    """Where the layout is kept between sessions."""

    def load(self) -> dict[str, Any]:
        """What was saved last, or an empty dictionary."""

    def save(self, state: dict[str, Any]) -> None:
        """Keep a dictionary of numbers, texts, lists and dictionaries."""


def layout_of(model: ViewModel) -> dict[str, Any]:
    """What is remembered, as numbers, texts, lists and dictionaries."""
    view, tiles = model.renderer.view, model.tiles
    grid = tiles.overview
    return {
        "tab": model.tab,
        "width": view.width,
        "height": view.height,
        "outputs": list(view.outputs),
        "output": tiles.output,
        "cell": grid.cell,
        "color_map": tiles.palette.color_map,
        "reverse": tiles.palette.reverse,
        "numbers": tiles.numbers,
        "folder": str(model.recorder.folder),
    }


def restore_layout(model: ViewModel, state: dict[str, Any]) -> None:
    """Take a remembered layout; what does not fit is left as it is."""
    tiles, view = model.tiles, model.renderer.view

    def known(name: str, default: Any) -> Any:
        """What is remembered, if it is of the kind of the default; settings may turn whole numbers into others."""
        value = state.get(name)
        if isinstance(default, (int, float)) and not isinstance(default, bool):
            number = isinstance(value, (int, float)) and math.isfinite(value)
            return type(default)(value) if number and value is not None else default
        return value if isinstance(value, type(default)) else default

    model.tab = min(max(0, known("tab", model.tab)), 2)
    tiles.output = known("output", tiles.output)
    tiles.numbers = known("numbers", tiles.numbers)
    palette = tiles.palette
    tiles.set_palette(color_map=known("color_map", palette.color_map), reverse=known("reverse", palette.reverse))
    tiles.grid = replace(tiles.grid, cell=max(MIN_CELL, known("cell", tiles.grid.cell)))
    model.renderer.set_size(known("width", view.width), known("height", view.height))
    model.renderer.set_outputs([str(name) for name in known("outputs", list(view.outputs))])
    model.renderer.problem = ""
    model.recorder.folder = Path(known("folder", str(model.recorder.folder)))
