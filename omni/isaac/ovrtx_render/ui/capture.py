"""Taking what was drawn out of the output buffers: the tiles on the canvas, and numbers about all tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import warp as wp

from ..outputs import OutputKind
from .kernels.mosaic import mosaic
from .kernels.statistics import measure
from .tile_statistics import Measurement

if TYPE_CHECKING:
    from ..cameras import CameraBundle

__all__ = ["Capture", "Tiles", "capture"]


@dataclass(eq=False)
class Tiles:
    """Copies of some tiles of one output.

    Attributes:
        name: Name of the output.
        kind: Its kind.
        colorized: Whether a segmentation is delivered as colours.
        rows: (V,) rows of the bundle that were copied.
        pixels: (V, H, W, C) array, of the output's dtype.
        info: What the bundle says about the output, e.g. its id -> label map.
    """

    name: str
    kind: OutputKind
    colorized: bool
    rows: np.ndarray
    pixels: wp.array
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Capture:
    """What one frame left behind for the viewer.

    Attributes:
        step: Number of the frame.
        source: Name of what drew it, for people.
        tiles: The tiles on the canvas.
        measurement: Numbers about all tiles, still on the device; None if they were not asked for.
    """

    step: int
    source: str
    tiles: Tiles
    measurement: Measurement | None = None
    _event: wp.Event | None = None

    def wait(self) -> None:
        """Wait until the copies are made. Afterwards any stream and thread may read them."""
        if self._event is not None:
            wp.synchronize_event(self._event)
            self._event = None


def capture(
    bundle: CameraBundle,
    output: str,
    rows: np.ndarray,
    *,
    step: int = 0,
    source: str = "",
    measured: bool = True,
    buffers: Mapping[str, wp.array] | None = None,
) -> Capture:
    """Copy tiles out of a bundle's buffers, on the stream that drew them; does not wait for the device.

    Args:
        bundle: The cameras.
        output: Name of the output.
        rows: (V,) rows to copy.
        step: Number of the frame.
        source: Name of what drew it, for people.
        measured: Measure all tiles as well.
        buffers: Arrays to take the tiles from; None are the bundle's outputs.
    """
    buffer = (bundle.outputs if buffers is None else buffers)[output]
    device: Any = buffer.device
    _load_kernels(device.alias)
    kind = bundle.kinds[output]
    tiles = Tiles(
        output,
        kind,
        kind.name in bundle.colorize,
        np.asarray(rows, np.int32),
        _gather(buffer, np.asarray(rows, np.int32)),
        bundle.info.get(output, {}),
    )
    measurement = Measurement.of(buffer, kind, tiles.colorized) if measured else None
    event = device.stream.record_event() if device.is_cuda else None
    return Capture(step, source, tiles, measurement, event)


@lru_cache(maxsize=16)
def _load_kernels(device: str) -> None:
    """Compile the viewer's kernels here and now: other threads compile others, which not every Warp release bears."""
    wp.force_load(device, [measure.module, mosaic.module], max_workers=0)


def _gather(buffer: wp.array, rows: np.ndarray) -> wp.array:
    """A contiguous copy of some rows of an (N, H, W, C) array."""
    if not len(rows):
        return wp.zeros((0, *buffer.shape[1:]), dtype=buffer.dtype, device=buffer.device)
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows) and (np.diff(rows) == 1).all():
        return wp.clone(buffer[first : last + 1])
    index: Any = wp.array(rows, dtype=wp.int32, device=buffer.device)
    return wp.indexedarray(buffer, [index]).contiguous()
