"""Numbers about every tile, measured on the device, and what they tell: black, frozen, or not finite."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import warp as wp

from ..outputs import OutputKind
from .colormaps import Coloring, coloring_of
from .kernels.statistics import measure

__all__ = ["Flag", "Measurement", "TileStatistics", "Watch"]

_BLACK = 2.0
"""Encoded colours (0 to 255) up to this are black."""


class Flag(IntFlag):
    """What is odd about a tile."""

    BLACK = 1
    FROZEN = 2
    INVALID = 4


@dataclass(eq=False)
class TileStatistics:
    """Numbers about N tiles of one output, on the host.

    Attributes:
        lit: (N,) share of pixels that show something: brighter than black, hit, or with an id.
        invalid: (N,) share of pixels that are NaN or infinite where they must not be.
        low: (N,) smallest value of what is shown (largest channel; metres for depth); inf in an empty tile.
        high: (N,) largest value; -inf in an empty tile.
        mean: (N,) mean value of what is shown; 0 in an empty tile.
        checksum: (N,) uint32 that changes with any pixel.
        flags: (N,) uint8 of :class:`Flag`.
    """

    lit: np.ndarray
    invalid: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    checksum: np.ndarray
    flags: np.ndarray

    def count(self, flag: Flag) -> int:
        """Number of tiles with a flag."""
        return int(np.count_nonzero(self.flags & flag))

    def range(self, before: tuple[float, float] | None = None) -> tuple[float, float]:
        """Smallest and largest value, without the extremes of single tiles; (0, 1) if all are empty.

        Args:
            before: The range that was shown before: it stays as long as it nearly fits, so that colours do not flicker.
        """
        some = np.isfinite(self.low) & np.isfinite(self.high)
        if not some.any():
            return 0.0, 1.0
        low, high = float(np.percentile(self.low[some], 2.0)), float(np.percentile(self.high[some], 98.0))
        high = max(high, low * (1.0 + 1e-6) + 1e-9)
        near = 0.1 * (high - low)
        if before is not None and abs(before[0] - low) <= near and abs(before[1] - high) <= near:
            return before
        return low, high


class Measurement:
    """Results of the measuring kernel on the device, not waited for."""

    def __init__(self, arrays: tuple[wp.array, ...], pixels: int) -> None:
        self._arrays = arrays
        self._pixels = pixels

    @classmethod
    def of(cls, buffer: wp.array, kind: OutputKind, colorized: bool = False) -> Measurement:
        """Measure all tiles of an (N, H, W, C) buffer, on the device's present stream."""
        device, (n, height, width, _) = buffer.device, buffer.shape
        coloring = coloring_of(kind, colorized)
        ints = [wp.zeros(n, dtype=wp.int32, device=device) for _ in range(2)]
        bounds = [wp.full(n, value, dtype=wp.float32, device=device) for value in (np.inf, -np.inf)]
        total = wp.zeros(n, dtype=wp.float32, device=device)
        checksum = wp.zeros(n, dtype=wp.uint32, device=device)
        arrays = (*ints, *bounds, total, checksum)
        black = _BLACK if coloring is Coloring.ENCODED else 0.0
        wp.launch(measure, dim=(n, height), inputs=[buffer, int(coloring), black, *arrays], device=device)
        return cls(arrays, height * width)

    def read(self) -> TileStatistics:
        """Bring the numbers to the host; the device must be done with them."""
        lit, invalid, low, high, total, checksum = (array.numpy() for array in self._arrays)
        flags = np.where(lit + invalid == 0, np.uint8(Flag.BLACK), np.uint8(0))
        flags |= np.where(invalid > 0, np.uint8(Flag.INVALID), np.uint8(0))
        return TileStatistics(
            lit / self._pixels,
            invalid / self._pixels,
            low.copy(),
            high.copy(),
            total / np.maximum(lit, 1),
            checksum.copy(),
            flags,
        )


class Watch:
    """Follows the statistics of one output from frame to frame and flags tiles that stand still while others move.

    Args:
        patience: Frames without a change, while other tiles changed, after which a tile counts as frozen.
    """

    def __init__(self, patience: int = 30) -> None:
        self.patience = patience
        self.clear()

    def clear(self) -> None:
        """Begin anew, e.g. with another output."""
        self._checksum: np.ndarray | None = None
        self._still = np.zeros(0, np.int64)

    def follow(self, statistics: TileStatistics) -> TileStatistics:
        """Add the flag FROZEN to the statistics of the next frame, and hand them back."""
        if self._checksum is None or len(self._checksum) != len(statistics.checksum):
            self._still = np.zeros(len(statistics.checksum), np.int64)
        else:
            moved = statistics.checksum != self._checksum
            if moved.any():  # if nothing moves, nothing is drawn or the simulation is paused
                self._still = np.where(moved, 0, self._still + 1)
        self._checksum = statistics.checksum
        statistics.flags |= np.where(self._still >= self.patience, np.uint8(Flag.FROZEN), np.uint8(0))
        return statistics
