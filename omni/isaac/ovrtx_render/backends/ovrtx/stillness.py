"""Looking at whole tiled images: have they stopped changing, and is there anything in them?"""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from .products import TileGrid

__all__ = ["image_change", "range_per_tile"]


@wp.func
def level(value: wp.uint8, gain: float) -> float:
    """How much there is, from 0 to 255; what is not finite is nothing."""
    return float(value)


@wp.func
def level(value: wp.float32, gain: float) -> float:  # noqa: F811 - an overload
    v = wp.abs(value * gain)
    if not wp.isfinite(v):
        return 0.0
    return 255.0 * v / (1.0 + v)


@wp.func
def level(value: wp.float16, gain: float) -> float:  # noqa: F811 - an overload
    return level(float(value), gain)


@wp.func
def level(value: wp.uint32, gain: float) -> float:  # noqa: F811 - an overload
    return wp.where(value == wp.uint32(0), 0.0, 255.0)


@wp.kernel(enable_backward=False, module="omni_ovrtx_stillness")
def change_of_rows(
    image: wp.array3d(dtype=Any), gain: float, before: wp.array3d(dtype=Any), out: wp.array(dtype=wp.float32)
):
    """Mean absolute change of each line of an image, which also becomes the one before; dim = height."""
    y = wp.tid()
    width = image.shape[1]
    total = float(0.0)
    for x in range(width):
        for c in range(3):
            new = image[y, x, c]
            total += wp.abs(level(new, gain) - level(before[y, x, c], gain))
            before[y, x, c] = new
    out[y] = total / float(width * 3)


for _dtype in (wp.uint8, wp.float16, wp.float32):
    wp.overload(change_of_rows, {"image": wp.array3d(dtype=_dtype), "before": wp.array3d(dtype=_dtype)})


def image_change(image: wp.array, before: wp.array, gain: float = 1.0) -> float:
    """Mean absolute change of the colours of an image [of 255]; ``before`` becomes the image.

    Args:
        image: (H, W, C) RGBA8, or linear half or float colours.
        before: Like ``image``.
        gain: Exposure of linear colours.
    """
    lines: Any = wp.empty(image.shape[0], dtype=wp.float32, device=image.device)
    wp.launch(change_of_rows, dim=image.shape[0], inputs=[image, gain, before, lines], device=image.device)
    return float(lines.numpy().mean())


@wp.kernel(enable_backward=False, module="omni_ovrtx_stillness")
def range_of_tiles(image: wp.array3d(dtype=Any), columns: int, width: int, height: int, out: wp.array(dtype=wp.vec2)):
    """Least and greatest level of each tile; dim = tiles."""
    tile = wp.tid()
    top = (tile // columns) * height
    left = (tile % columns) * width
    low = float(255.0)
    high = float(0.0)
    for y in range(height):
        for x in range(width):
            for c in range(wp.min(image.shape[2], 3)):
                value = level(image[top + y, left + x, c], 1.0)
                low = wp.min(low, value)
                high = wp.max(high, value)
    out[tile] = wp.vec2(low, high)


for _dtype in (wp.uint8, wp.float16, wp.float32, wp.uint32):
    wp.overload(range_of_tiles, {"image": wp.array3d(dtype=_dtype)})


def range_per_tile(image: wp.array, grid: TileGrid) -> np.ndarray:
    """(N, 2) float32: least and greatest level of each tile of an (H, W, C) image, from 0 (nothing) to 255.

    Of an image with more than three channels the first three count.
    """
    out: Any = wp.empty(grid.count, dtype=wp.vec2, device=image.device)
    inputs = [image, grid.columns, grid.width, grid.height, out]
    wp.launch(range_of_tiles, dim=grid.count, inputs=inputs, device=image.device)
    return np.asarray(out.numpy())
