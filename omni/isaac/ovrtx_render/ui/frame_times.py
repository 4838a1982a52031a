"""Seconds a frame took, by phase, over the last frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import numpy as np

__all__ = ["FrameTimes"]


class FrameTimes:
    """History of frame times.

    Args:
        length: Frames that are kept.

    Attributes:
        revision: Grows with every frame.
    """

    def __init__(self, length: int = 240) -> None:
        self.length = length
        self.revision = 0
        self._frames: deque[dict[str, float]] = deque(maxlen=length)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, timings: Mapping[str, float]) -> None:
        """Add a frame's :attr:`TiledRenderer.timings`; frames without timings are left out."""
        if timings:
            self._frames.append(dict(timings))
            self.revision += 1

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()
        self.revision += 1

    @property
    def phases(self) -> list[str]:
        """Names of the phases, those that took most first, ``total`` before all."""
        names = {name for frame in self._frames for name in frame}
        return sorted(names, key=lambda name: (name != "total", -sum(self._of(name)), name))

    def series(self, phase: str) -> np.ndarray:
        """(frames,) milliseconds of a phase, oldest first."""
        return np.array(self._of(phase)) * 1000.0

    def mean(self, phase: str, frames: int = 30) -> float:
        """Mean milliseconds of a phase over the last frames; 0 without any."""
        last = self._of(phase)[-frames:]
        return 1000.0 * sum(last) / len(last) if last else 0.0

    def _of(self, phase: str) -> list[float]:
        return [frame.get(phase, 0.0) for frame in self._frames]
