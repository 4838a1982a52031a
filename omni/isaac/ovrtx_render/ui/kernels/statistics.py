"""The kernel that measures every tile of an output."""

from __future__ import annotations

from typing import Any

import warp as wp

__all__ = ["measure"]

_MIX_A = wp.constant(wp.uint32(2654435761))
_MIX_B = wp.constant(wp.uint32(2246822519))


@wp.kernel(enable_backward=False, module="omni_tile_statistics")
def measure(
    tiles: wp.array4d(dtype=Any),
    coloring: int,
    black: float,
    lit: wp.array(dtype=wp.int32),
    invalid: wp.array(dtype=wp.int32),
    low: wp.array(dtype=wp.float32),
    high: wp.array(dtype=wp.float32),
    total: wp.array(dtype=wp.float32),
    checksum: wp.array(dtype=wp.uint32),
):
    """One thread a line of a tile: its sums are added to the tile's."""
    tile, y = wp.tid()
    width = tiles.shape[2]
    channels = tiles.shape[3]
    line_lit = int(0)
    line_invalid = int(0)
    line_low = float(wp.inf)
    line_high = float(-wp.inf)
    line_total = float(0.0)
    line_sum = wp.uint32(0)
    for x in range(width):
        value = float(0.0)
        bad = bool(False)
        for c in range(channels):
            v = float(tiles[tile, y, x, c])
            bits = wp.cast(v, wp.uint32)
            position = wp.uint32((y * width + x) * channels + c + 1)
            mixed = (bits ^ (position * _MIX_A)) * _MIX_B
            line_sum += (mixed ^ (mixed >> wp.uint32(15))) * _MIX_A
            if c < 3:
                bad = bad or wp.isnan(v) or (wp.isinf(v) and (coloring != 2 or v < 0.0))
                value = wp.max(value, wp.abs(v))
        if bad:
            line_invalid += 1
        elif value > black and not wp.isinf(value):
            line_lit += 1
            line_low = wp.min(line_low, value)
            line_high = wp.max(line_high, value)
            line_total += value
    wp.atomic_add(lit, tile, line_lit)
    wp.atomic_add(invalid, tile, line_invalid)
    wp.atomic_min(low, tile, line_low)
    wp.atomic_max(high, tile, line_high)
    wp.atomic_add(total, tile, line_total)
    wp.atomic_add(checksum, tile, line_sum)


for _dtype in (wp.uint8, wp.int32, wp.float32):
    wp.overload(measure, {"tiles": wp.array4d(dtype=_dtype)})
