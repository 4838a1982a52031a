"""What the colours of the tiles stand for: the bar beside the colour map, with the values at its ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..outputs import OutputKind
from .colormaps import Coloring, Palette, coloring_of, lookup_table

__all__ = ["ColorScale", "color_scale"]

_STEPS = 128


@dataclass(frozen=True)
class ColorScale:
    """A range of values and the colour map over it.

    Attributes:
        low: Value at the left end.
        high: Value at the right end.
        unit: Unit of both, or empty.
        depth: Whether the map is linear in 1 / value, as it is for depths.
        palette: The colours that were chosen.
    """

    low: float
    high: float
    unit: str
    depth: bool
    palette: Palette

    @property
    def ends(self) -> tuple[str, str]:
        """Both values for people."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.low:.3g}{unit}", f"{self.high:.3g}{unit}"

    def pixels(self) -> np.ndarray:
        """(1, W, 4) uint8: the colours from ``low`` to ``high``, in equal steps of the value."""
        table = lookup_table(self.palette.color_map, self.palette.reverse)
        at = np.linspace(0.0, 1.0, _STEPS)
        if self.depth:
            near, far = 1.0 / max(self.low, 1e-6), 1.0 / max(self.high, 1e-6)
            values = self.low + at * (self.high - self.low)
            at = (1.0 / np.maximum(values, 1e-6) - far) / max(near - far, 1e-12)
        colors = table[np.rint(np.clip(at, 0.0, 1.0) * 255).astype(int)] * 255.0
        return np.concatenate([np.rint(colors), np.full((_STEPS, 1), 255.0)], -1)[None].astype(np.uint8)


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
