"""From one tiled image of all cameras to an image a camera, in our formats."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from ...arrays import reinterpret

__all__ = ["as_tiles", "split_colors", "split_floats", "split_ids", "tile_columns"]


def tile_columns(count: int) -> int:
    """Tiles in a row of Isaac Sim's tiled image; the first camera is top left."""
    return int(np.ceil(np.sqrt(count)))


def as_tiles(data: Any, dtype: Any, device: wp.Device) -> wp.array:
    """Flat view, as ``dtype`` (4 bytes), of an annotator's array, which is on the host or on some device."""
    array = wp.array(np.ascontiguousarray(data), device=device) if isinstance(data, np.ndarray) else data.to(device)
    array = array.contiguous()
    words = int(np.prod(array.shape)) * wp.types.type_size_in_bytes(array.dtype) // 4
    return reinterpret(array, dtype, (words,))


@wp.func
def tile_pixel(camera: int, x: int, y: int, width: int, height: int, columns: int) -> int:
    """Index of a camera's pixel in the tiled image."""
    return ((camera // columns) * height + y) * columns * width + (camera % columns) * width + x


@wp.kernel(enable_backward=False, module="omni_isaac_rtx")
def split_floats(
    tiles: wp.array(dtype=wp.float32),
    channels: int,
    depth: wp.array(dtype=wp.float32),
    rows: wp.array(dtype=wp.int32),
    width: int,
    height: int,
    columns: int,
    out: wp.array2d(dtype=wp.float32),
):
    """Floats of ``channels`` a pixel, the first of them wanted; 0 where ``depth`` (if any) misses.

    dim = (rows, height, width).
    """
    k, y, x = wp.tid()
    camera = rows[k]
    source = tile_pixel(camera, x, y, width, height, columns)
    q = (camera * height + y) * width + x
    missed = bool(False)
    if depth.shape[0] > 0:
        missed = wp.isinf(depth[source])
    for c in range(out.shape[1]):
        out[q, c] = wp.where(missed, 0.0, tiles[source * channels + c])


@wp.kernel(enable_backward=False, module="omni_isaac_rtx")
def split_ids(
    tiles: wp.array(dtype=wp.uint32),
    rows: wp.array(dtype=wp.int32),
    width: int,
    height: int,
    columns: int,
    out: wp.array(dtype=wp.int32),
):
    """Ids, or colours of four bytes; dim = (rows, height, width)."""
    k, y, x = wp.tid()
    camera = rows[k]
    out[(camera * height + y) * width + x] = wp.int32(tiles[tile_pixel(camera, x, y, width, height, columns)])


@wp.kernel(enable_backward=False, module="omni_isaac_rtx")
def split_colors(
    tiles: wp.array(dtype=wp.uint32),
    depth: wp.array(dtype=wp.float32),
    rows: wp.array(dtype=wp.int32),
    width: int,
    height: int,
    columns: int,
    rgb: wp.array2d(dtype=wp.uint8),
    rgba: wp.array(dtype=wp.uint32),
):
    """Colours, with the coverage as alpha; dim = (rows, height, width)."""
    k, y, x = wp.tid()
    camera = rows[k]
    source = tile_pixel(camera, x, y, width, height, columns)
    q = (camera * height + y) * width + x
    color = tiles[source]
    if rgb.shape[0] > 0:
        rgb[q, 0] = wp.uint8(color & wp.uint32(255))
        rgb[q, 1] = wp.uint8((color >> wp.uint32(8)) & wp.uint32(255))
        rgb[q, 2] = wp.uint8((color >> wp.uint32(16)) & wp.uint32(255))
    if rgba.shape[0] > 0:
        alpha = wp.uint32(255) << wp.uint32(24)
        if wp.isinf(depth[source]):
            alpha = wp.uint32(0)
        rgba[q] = (color & wp.uint32(16777215)) | alpha
