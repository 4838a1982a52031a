"""What is taken out of a frame, and what is wanted of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import warp as wp

from .capture import Capture

if TYPE_CHECKING:
    from ..cameras import CameraBundle

__all__ = ["Frame", "Reference", "Wanted"]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What the viewer wants to have of a frame: an output, and the rows it can see."""

    output: str
    rows: np.ndarray

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wanted) and self.output == other.output and np.array_equal(self.rows, other.rows)


@dataclass(frozen=True, eq=False)
class Reference:
    """A frame that was kept to compare with: copies of all the tiles.

    Attributes:
        step: Number of the frame.
        label: What it is, for people.
        buffers: (N, H, W, C) arrays by output.
    """

    step: int
    label: str
    buffers: dict[str, wp.array]


@dataclass(frozen=True, eq=False)
class Frame:
    """What the viewer got of a frame.

    Attributes:
        step: Number of the frame.
        a: The tiles.
        b: The tiles to compare with: of the frozen frame or of the other backend; None without one.
        bundle: The cameras.
        timings: Seconds by phase; empty if nothing was drawn for it (another page of the same frame).
        other_timings: The same of the other backend.
    """

    step: int
    a: Capture
    b: Capture | None
    bundle: CameraBundle
    timings: dict[str, float]
    other_timings: dict[str, float]
