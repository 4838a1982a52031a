"""What the pixel below the pointer is, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .capture import Tiles

__all__ = ["Readout", "describe_value"]


@dataclass(frozen=True)
class Readout:
    """What is below the pointer.

    Attributes:
        row: Row of the bundle.
        env: Environment id; -1 is outside of all.
        path: Prim path of the camera.
        x: Pixel column.
        y: Pixel line.
        output: Name of the output.
        value: The pixel's value, with its unit or label.
        source: What drew it.
        other: The value of what it is compared with, or empty.
        other_source: What drew that.
    """

    row: int
    env: int
    path: str
    x: int
    y: int
    output: str
    value: str
    source: str = ""
    other: str = ""
    other_source: str = ""

    @property
    def text(self) -> str:
        """All of it in one line."""
        env = f"env {self.env}" if self.env >= 0 else self.path
        values = f"{self.source} {self.value} | {self.other_source} {self.other}" if self.other else self.value
        return f"{env}  ({self.x}, {self.y})  {self.output}  {values}"


def describe_value(tiles: Tiles, values: np.ndarray) -> str:
    """A pixel's values for people: rounded, with unit, and with the label of an id.

    Args:
        tiles: The tiles that the pixel is of.
        values: (C,) its values.
    """
    unit, labels = tiles.kind.unit, tiles.info.get("idToLabels")
    if unit == "m":
        return f"{values[0]:.3f} m" if np.isfinite(values[0]) else "no hit"
    if labels is not None:
        key: Any = int(values[0]) if len(values) == 1 else tuple(int(v) for v in values)
        label = labels.get(key, "?")
        words = ", ".join(f"{k}: {v}" for k, v in label.items()) if isinstance(label, dict) else str(label)
        return f"{key} = {words}"
    text = " ".join(f"{v:.0f}" if unit == "sRGB" else f"{v:.3f}" for v in values)
    return text + (f" {unit}" if unit == "px" else "")
