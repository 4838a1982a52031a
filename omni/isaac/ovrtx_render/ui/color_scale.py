"""What the colours of the tiles stand for: the bar beside the colour map, with the values at its ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..outputs import OutputKind
from .colormaps import Coloring, Palette, coloring_of, lookup_table

__all__ = ["ColorScale", "color_scale"]


@dataclass(frozen=True)
class ColorScale:
    """A range of values and the colour map over it.

    Attributes:
        low: Value at the left end.
        high: Value at the right end.
        unit: Unit of both, or empty.
        depth: Whether the map is linear in 1 / value, and its end is the nearest, as it is for depths.
        palette: The colours that were chosen.
    """

    low: float
    high: float
    unit: str
    depth: bool
    palette: Palette

    @property
    def texts(self) -> tuple[str, str, str]:
        """Values at the left end, the right end and in the middle of the bar, for people."""
        middle = (self.low + self.high) / 2.0
        if self.depth:
            middle = 2.0 / (1.0 / max(self.low, 1e-6) + 1.0 / max(self.high, 1e-6))
        unit = f" {self.unit}" if self.unit else ""
        low, high, middle_text = (f"{value:.3g}{unit}" for value in (self.low, self.high, middle))
        return low, high, f"middle {middle_text}"

    def pixels(self) -> np.ndarray:
        """(1, 256, 4) uint8: the colours from ``low`` to ``high``."""
        table = lookup_table(self.palette.color_map, self.palette.reverse)
        colors = np.rint((table[::-1] if self.depth else table) * 255.0)
        return np.concatenate([colors, np.full((len(table), 1), 255.0)], -1)[None].astype(np.uint8)


def color_scale(
    kind: OutputKind, colorized: bool, palette: Palette, value_range: tuple[float, float], *, difference: bool
) -> ColorScale | None:
    """The scale of what is seen of an output; None if no colour map is used for it.

    Args:
        kind: Kind of the output.
        colorized: Whether a segmentation is delivered as colours.
        palette: The colours that were chosen.
        value_range: Smallest and largest value of the tiles.
        difference: Whether the difference to what the tiles are compared with is seen.
    """
    coloring = coloring_of(kind, colorized)
    low, high = palette.depth_range or value_range
    if not difference:
        return ColorScale(low, high, kind.unit, True, palette) if coloring is Coloring.DEPTH else None
    if coloring is Coloring.IDS:
        return None  # white where they differ
    whole = {Coloring.ENCODED: 255.0, Coloring.DEPTH: max(high - low, 1e-6)}.get(coloring, 1.0)
    unit = kind.unit if coloring in (Coloring.DEPTH, Coloring.FLOW) else ""
    return ColorScale(0.0, whole / palette.difference_gain, unit, False, palette)
