"""How the values of an output become colours in the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..errors import ConfigError
from ..images import viridis
from ..outputs import SEGMENTATIONS, OutputKind

__all__ = ["COLOR_MAPS", "Coloring", "Palette", "coloring_of", "lookup_table"]

_STOPS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "grey": ((0, 0, 0), (255, 255, 255)),
    "inferno": (
        (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
        (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164),
    ),
    "turbo": (
        (48, 18, 59), (70, 107, 227), (40, 187, 236), (49, 242, 153), (162, 252, 60),
        (237, 208, 58), (251, 128, 34), (210, 49, 5), (122, 4, 3),
    ),
}  # fmt: skip

COLOR_MAPS = ("viridis", "turbo", "inferno", "grey")
"""Colour maps for scalar outputs."""


class Coloring(IntEnum):
    """Rules by which the mosaic kernel makes a colour of a pixel's values."""

    ENCODED = 0
    LINEAR = 1
    DEPTH = 2
    SIGNED = 3
    FLOW = 4
    IDS = 5


def coloring_of(kind: OutputKind, colorized: bool = False) -> Coloring:
    """The rule for an output; ``colorized`` segmentations are colours already."""
    if kind.name in SEGMENTATIONS:
        return Coloring.ENCODED if colorized else Coloring.IDS
    if kind.dtype == "uint8":
        return Coloring.ENCODED
    if kind.unit == "m":
        return Coloring.DEPTH
    return {"normals": Coloring.SIGNED, "motion_vectors": Coloring.FLOW}.get(kind.name, Coloring.LINEAR)


def lookup_table(name: str, reverse: bool = False) -> np.ndarray:
    """(256, 3) float32 display colours in [0, 1] of a colour map.

    Raises:
        ConfigError: There is no such colour map.
    """
    if name not in COLOR_MAPS:
        raise ConfigError(f"unknown colour map {name!r}; choose one of: {', '.join(COLOR_MAPS)}")
    at = np.linspace(0.0, 1.0, 256)
    if name == "viridis":
        table = viridis(at).astype(np.float32) / 255.0
    else:
        stops = np.array(_STOPS[name], float) / 255.0
        table = np.stack([np.interp(at, np.linspace(0.0, 1.0, len(stops)), stops[:, c]) for c in range(3)], -1)
    return np.ascontiguousarray(table[::-1] if reverse else table, np.float32)


@dataclass(frozen=True)
class Palette:
    """What the person chose about colours.

    Attributes:
        color_map: Colour map of depths and differences.
        reverse: Turn the colour map round. Depth is mapped from near (end of the map) to far.
        depth_range: Nearest and farthest depth [m] of the map, or None: that of the tiles at hand.
        exposure: Stops by which linear colour is brightened before it is shown.
        difference_gain: Factor on differences before they are mapped.
    """

    color_map: str = "viridis"
    reverse: bool = False
    depth_range: tuple[float, float] | None = None
    exposure: float = 0.0
    difference_gain: float = 4.0

    def __post_init__(self) -> None:
        lookup_table(self.color_map)
        if self.depth_range is not None and not 0.0 < self.depth_range[0] < self.depth_range[1]:
            raise ConfigError(f"depth_range is {self.depth_range}; expected 0 < near < far in metres")
        if not self.difference_gain > 0.0:
            raise ConfigError(f"difference_gain is {self.difference_gain}; it must be > 0")
