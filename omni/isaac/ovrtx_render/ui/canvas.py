"""From captured tiles to the picture that is shown: arguments of the mosaic kernel, and what it gives back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import warp as wp

from .capture import Capture
from .colormaps import Palette, coloring_of, lookup_table
from .kernels.mosaic import MosaicParams, compose_mosaic
from .tile_grid import Hit, TileGrid

__all__ = ["SHEETS", "Canvas", "Compare", "Picture", "Scenery"]

SHEETS = 4
"""Pictures that are on a GPU at a time."""


class Compare(IntEnum):
    """What is seen of the picture and the one it is compared with."""

    OFF = 0
    REFERENCE = 1
    SPLIT = 2
    DIFFERENCE = 3


@dataclass(frozen=True, eq=False)
class Scenery:
    """All that makes one picture.

    Attributes:
        grid: Where the tiles are.
        palette: Colours.
        a: The tiles.
        b: The tiles to compare with, or None.
        compare: What is seen of the two.
        split: Where the tiles are split, 0 to 1.
        value_range: Values at the ends of the colour map.
        marks: (V, 4) colour and strength of the borders of the tiles on the canvas; None draws none.
        pointer: The pixel below the pointer.
        labels: (N,) numbers written into the tiles, by row; None writes nothing.
    """

    grid: TileGrid
    palette: Palette
    a: Capture
    b: Capture | None = None
    compare: Compare = Compare.OFF
    split: float = 0.5
    value_range: tuple[float, float] = (0.0, 1.0)
    marks: np.ndarray | None = None
    pointer: Hit | None = None
    labels: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """What is shown.

    Attributes:
        pixels: (H, W, 4) uint8 array, display-encoded; row 0 is the top. On a GPU it is drawn into again
            :data:`SHEETS` pictures later.
        step: Number of the frame.
        missing: Tiles on the canvas that are not captured yet.
        values: Values of the pixel below the pointer, or None.
        other_values: The same of what it is compared with.
    """

    pixels: wp.array
    step: int
    missing: int
    values: np.ndarray | None
    other_values: np.ndarray | None

    @property
    def width(self) -> int:
        """Width [px]."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height [px]."""
        return int(self.pixels.shape[0])

    def host(self) -> np.ndarray:
        """(H, W, 4) uint8; a copy if the picture is on a GPU."""
        return self.pixels.numpy()


def _slots(rows: np.ndarray, captured: np.ndarray) -> np.ndarray:
    """Index of each row in the captured ones; -1 where it is not among them."""
    if not len(captured):
        return np.full(len(rows), -1, np.int32)
    order = np.argsort(captured)
    at = np.minimum(np.searchsorted(captured, rows, sorter=order), len(captured) - 1)
    found = order[at]
    return np.where(captured[found] == rows, found, -1).astype(np.int32)


class Canvas:
    """Composes pictures, one after the other, on one thread."""

    def __init__(self) -> None:
        self._desks: dict[str, _Desk] = {}

    def compose(self, scenery: Scenery) -> Picture:
        """Make the picture, and wait for it."""
        grid, tiles = scenery.grid, scenery.a.tiles
        scenery.a.wait()
        b = scenery.b
        if b is not None:
            b.wait()
            if b.tiles.pixels.shape != tiles.pixels.shape or b.tiles.pixels.dtype != tiles.pixels.dtype:
                b = None
        device: Any = tiles.pixels.device
        desk = self._desks.setdefault(device.alias, _Desk(device))
        rows = grid.visible_rows
        slots = _slots(rows, tiles.rows)
        params = self._params(scenery, slots, b is not None)
        out = desk.sheet(grid.view_width, grid.view_height)
        labels = np.zeros(len(rows)) if scenery.labels is None else scenery.labels[rows]
        marks = np.zeros((len(rows), 4)) if scenery.marks is None else scenery.marks
        compose_mosaic(
            params,
            tiles.pixels,
            None if b is None else b.tiles.pixels,
            desk.put("slots", slots, wp.int32),
            desk.put("labels", labels, wp.int32),
            desk.put("marks", marks, wp.vec4),
            desk.put("table", lookup_table(scenery.palette.color_map, scenery.palette.reverse), wp.vec3),
            out,
            desk.array("probe", 8, wp.float64),
            desk.stream,
        )
        values = desk.get("probe")  # waits for the kernel
        channels = tiles.pixels.shape[3]
        probed = params.probe_slot >= 0
        return Picture(
            out,
            scenery.a.step,
            int(np.count_nonzero(slots < 0)),
            values[:channels].copy() if probed else None,
            values[4 : 4 + channels].copy() if probed and b is not None else None,
        )

    def _params(self, scenery: Scenery, slots: np.ndarray, comparable: bool) -> MosaicParams:
        grid, palette, tiles = scenery.grid, scenery.palette, scenery.a.tiles
        p: Any = MosaicParams()
        p.first, p.count = grid.visible.start, len(slots)
        p.columns = grid.columns
        p.origin_x, p.origin_y = grid.origin
        p.cell_width, p.cell_height, p.gap = grid.cell, grid.cell_height, grid.gap
        p.coloring = int(coloring_of(tiles.kind, tiles.colorized))
        low, high = palette.depth_range or scenery.value_range
        p.low, p.high = (max(low, 1.0e-6), max(high, 2.0e-6)) if tiles.kind.unit == "m" else (low, high)
        p.brightness = 2.0**palette.exposure
        p.flow_scale = 1.0 / max(abs(scenery.value_range[1]), 1.0e-6)
        p.compare = int(scenery.compare) if comparable else 0
        p.split, p.gain = scenery.split, palette.difference_gain
        p.probe_slot, p.probe_x, p.probe_y = -1, 0, 0
        if scenery.pointer is not None:
            slot = int(_slots(np.array([scenery.pointer.row]), tiles.rows)[0])
            _, height, width, _ = tiles.pixels.shape
            if slot >= 0 and scenery.pointer.x < width and scenery.pointer.y < height:
                p.probe_slot, p.probe_x, p.probe_y = slot, scenery.pointer.x, scenery.pointer.y
        # Canvas pixels for each of the digits' 3 x 5: they grow with the tile, but not so that they hide it.
        p.numbers = 0 if scenery.labels is None or grid.cell < 48 else min(1 + int(grid.cell / 110), 5)
        return p


class _Desk:
    """Arrays of one device that are used picture after picture.

    On a GPU work goes to a stream of its own, beside the one that draws, so that a picture need not wait for the next
    frame. Memory is therefore allocated once, not in the order of the other stream.
    """

    def __init__(self, device: wp.Device) -> None:
        self.device = device
        self.stream = wp.Stream(device) if device.is_cuda else None
        self._arrays: dict[str, tuple[wp.array, wp.array]] = {}
        self._sheets: deque[wp.array] = deque()

    def array(self, name: str, size: int, dtype: Any) -> wp.array:
        """An array of at least ``size`` elements."""
        return self._pair(name, size, dtype)[1]

    def put(self, name: str, values: np.ndarray, dtype: Any) -> wp.array:
        """An array that starts with these values."""
        host, array = self._pair(name, len(values), dtype)
        host.numpy()[: len(values)] = values
        if host is not array and len(values):
            wp.copy(array, host, count=len(values), stream=self.stream)
        return array

    def get(self, name: str) -> np.ndarray:
        """Values of an array on the host, once all work is done."""
        host, array = self._arrays[name]
        if self.stream is not None:
            wp.copy(host, array, stream=self.stream)
            wp.synchronize_stream(self.stream)
        return host.numpy()

    def sheet(self, width: int, height: int) -> wp.array:
        """An (H, W, 4) uint8 array to draw a picture into."""
        shape = (height, width, 4)
        if self.stream is None:
            return wp.empty(shape, dtype=wp.uint8, device=self.device)
        if not self._sheets or self._sheets[0].shape != shape:
            self._sheets = deque(wp.empty(shape, dtype=wp.uint8, device=self.device) for _ in range(SHEETS))
            wp.synchronize_device(self.device)
        self._sheets.rotate(1)
        return self._sheets[0]

    def _pair(self, name: str, size: int, dtype: Any) -> tuple[wp.array, wp.array]:
        pair = self._arrays.get(name)
        if pair is None or pair[1].size < size:
            size = max(8, 2 * size)
            array = wp.zeros(size, dtype=dtype, device=self.device)
            host = wp.zeros(size, dtype=dtype, device="cpu", pinned=True) if self.stream is not None else array
            wp.synchronize_device(self.device)
            pair = self._arrays[name] = (host, array)
        return pair
