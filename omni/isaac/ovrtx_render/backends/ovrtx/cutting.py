"""The tiled image of a render product, cut into the (N, H, W, C) buffers of a bundle: one kernel a kind of output."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from ...arrays import reinterpret
from ...errors import BackendFailedError
from .products import TileGrid

__all__ = ["IdTable", "blank_tiles", "cut", "image_change", "take_image"]


class IdTable:
    """What the ids of an image become: our ids, or the colours of them.

    Args:
        ids: Ids of the library -> what is written for them (int32, or RGBA8 as uint32).
        unknown: What is written for any other id.
    """

    def __init__(self, ids: dict[int, int], unknown: int, device: wp.Device) -> None:
        keys = np.array(sorted(ids), np.uint32)
        values = np.array([ids[int(key)] for key in keys], np.int64).astype(np.uint32).view(np.int32)
        self.keys: Any = wp.array(keys, dtype=wp.uint32, device=device)
        self.values: Any = wp.array(values, dtype=wp.int32, device=device)
        self.unknown = int(np.array([unknown], np.int64).astype(np.uint32).view(np.int32)[0])


@wp.func
def tile_corner(tile: int, columns: int, width: int, height: int) -> wp.vec2i:
    """Column and row of the first pixel of a tile in the whole image."""
    return wp.vec2i((tile % columns) * width, (tile // columns) * height)


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_rgb(
    image: wp.array3d(dtype=wp.uint8),
    rows: wp.array(dtype=wp.int32),
    first: int,
    columns: int,
    out: wp.array2d(dtype=wp.uint8),
    width: int,
    height: int,
):
    """RGBA8 -> RGB8; dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    row = rows[k]
    corner = tile_corner(row - first, columns, width, height)
    q = (row * height + y) * width + x
    for c in range(3):
        out[q, c] = image[corner[1] + y, corner[0] + x, c]


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_rgba(
    image: wp.array3d(dtype=wp.uint8),
    rows: wp.array(dtype=wp.int32),
    first: int,
    columns: int,
    out: wp.array(dtype=wp.uint32),
    width: int,
    height: int,
):
    """RGBA8 -> the same, a pixel a word; dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    row = rows[k]
    corner = tile_corner(row - first, columns, width, height)
    word = wp.uint32(0)
    for c in range(4):
        word = word | (wp.uint32(image[corner[1] + y, corner[0] + x, c]) << wp.uint32(8 * c))
    out[(row * height + y) * width + x] = word


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_hdr(
    image: wp.array3d(dtype=Any),
    rows: wp.array(dtype=wp.int32),
    first: int,
    columns: int,
    gain: float,
    out: wp.array(dtype=wp.vec3),
    width: int,
    height: int,
):
    """Linear half or float RGBA -> float RGB after exposure; dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    row = rows[k]
    corner = tile_corner(row - first, columns, width, height)
    j = corner[1] + y
    i = corner[0] + x
    out[(row * height + y) * width + x] = (
        wp.vec3(float(image[j, i, 0]), float(image[j, i, 1]), float(image[j, i, 2])) * gain
    )


# Both at once: a module is compiled again for every overload that comes later.
for _dtype in (wp.float16, wp.float32):
    wp.overload(cut_hdr, {"image": wp.array3d(dtype=_dtype)})


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_distance(
    image: wp.array3d(dtype=wp.float32),
    rows: wp.array(dtype=wp.int32),
    first: int,
    columns: int,
    out: wp.array(dtype=wp.float32),
    width: int,
    height: int,
):
    """Metres; what is not finite or not in front of the camera is a miss. dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    row = rows[k]
    corner = tile_corner(row - first, columns, width, height)
    d = image[corner[1] + y, corner[0] + x, 0]
    if not wp.isfinite(d) or d <= 0.0:
        d = wp.inf
    out[(row * height + y) * width + x] = d


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_normals(
    image: wp.array3d(dtype=wp.float32),
    rows: wp.array(dtype=wp.int32),
    first: int,
    columns: int,
    out: wp.array(dtype=wp.vec3),
    width: int,
    height: int,
):
    """World normals; what is not finite is a miss. dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    row = rows[k]
    corner = tile_corner(row - first, columns, width, height)
    j = corner[1] + y
    i = corner[0] + x
    n = wp.vec3(image[j, i, 0], image[j, i, 1], image[j, i, 2])
    if not wp.isfinite(n):
        n = wp.vec3(0.0)
    out[(row * height + y) * width + x] = n


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_motion(
    image: wp.array3d(dtype=wp.float32),
    rows: wp.array(dtype=wp.int32),
    first: int,
    columns: int,
    out: wp.array(dtype=wp.vec2),
    width: int,
    height: int,
):
    """Pixels; what is not finite did not move. dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    row = rows[k]
    corner = tile_corner(row - first, columns, width, height)
    v = wp.vec2(image[corner[1] + y, corner[0] + x, 0], image[corner[1] + y, corner[0] + x, 1])
    if not wp.isfinite(v):
        v = wp.vec2(0.0)
    out[(row * height + y) * width + x] = v


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_ids(
    image: wp.array3d(dtype=wp.uint32),
    rows: wp.array(dtype=wp.int32),
    first: int,
    columns: int,
    keys: wp.array(dtype=wp.uint32),
    values: wp.array(dtype=wp.int32),
    unknown: int,
    out: wp.array(dtype=wp.int32),
    width: int,
    height: int,
):
    """Ids of the library -> ours, or their colours; dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    row = rows[k]
    corner = tile_corner(row - first, columns, width, height)
    id = image[corner[1] + y, corner[0] + x, 0]
    low = int(0)
    high = keys.shape[0]
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < id:
            low = middle + 1
        else:
            high = middle
    value = unknown
    if low < keys.shape[0]:
        if keys[low] == id:
            value = values[low]
    out[(row * height + y) * width + x] = value


_KERNELS: dict[str, Any] = {
    "rgb": cut_rgb,
    "rgba": cut_rgba,
    "albedo": cut_rgba,
    "rgb_hdr": cut_hdr,
    "distance_to_image_plane": cut_distance,
    "distance_to_camera": cut_distance,
    "normals": cut_normals,
    "motion_vectors": cut_motion,
    "semantic_segmentation": cut_ids,
    "instance_segmentation": cut_ids,
    "simple_shading_constant_diffuse": cut_rgb,
    "simple_shading_diffuse_mdl": cut_rgb,
    "simple_shading_full_mdl": cut_rgb,
}
_TYPES: dict[Any, tuple[Any, ...]] = {
    cut_rgb: (wp.uint8,),
    cut_rgba: (wp.uint8,),
    cut_hdr: (wp.float16, wp.float32),
    cut_distance: (wp.float32, wp.uint32),
    cut_normals: (wp.float32,),
    cut_motion: (wp.float32,),
    cut_ids: (wp.uint32, wp.int32),
}


def take_image(kind: str, tensor: Any, grid: TileGrid, device: wp.Device) -> wp.array:
    """A mapped output as an (H, W, C) array on the device; a copy only where it lies on another GPU.

    Args:
        kind: Name of the output kind that is made of it.
        tensor: What the library exports; (H, W) is taken as one channel.

    Raises:
        BackendFailedError: It has another shape or element type than the kind is made of.
    """
    image: Any = wp.from_dlpack(tensor)
    kernel = _KERNELS[kind]
    width, height = grid.size
    shape = tuple(image.shape)
    channels = shape[2] if len(shape) == 3 else 1
    if shape[:2] != (height, width) or len(shape) not in (2, 3) or image.dtype not in _TYPES[kernel]:
        raise BackendFailedError(
            f"OVRTX gives an image of shape {shape} and type {image.dtype.__name__} for the output {kind!r}; expected "
            f"({height}, {width}, channels) of {' or '.join(t.__name__ for t in _TYPES[kernel])}"
        )
    if image.device != device:
        image = wp.clone(image, device=device)
    # Some builds export distances as words and ids as signed ones: the same bits.
    dtype = {cut_distance: wp.float32, cut_ids: wp.uint32}.get(kernel, image.dtype)
    return reinterpret(image, dtype, (height, width, channels))


def cut(
    kind: str,
    image: wp.array,
    grid: TileGrid,
    first: int,
    rows: wp.array,
    out: wp.array,
    gain: float = 1.0,
    ids: IdTable | None = None,
) -> None:
    """Cut the tiles of some cameras out of an image.

    Args:
        kind: Name of the output kind.
        image: (H, W, C) of :func:`take_image`.
        grid: How it is divided.
        first: Row of the bundle of tile 0.
        rows: Rows of the bundle to cut out.
        out: Flat pixels of all rows, as in :data:`~..targets.TARGETS`.
        gain: What ``rgb_hdr`` is multiplied with.
        ids: What ids become; for segmentations.
    """
    inputs: list[Any] = [image, rows, first, grid.columns]
    if kind == "rgb_hdr":
        inputs.append(gain)
    if ids is not None:
        inputs += [ids.keys, ids.values, ids.unknown]
    wp.launch(
        _KERNELS[kind],
        dim=(len(rows), grid.height, grid.width),
        inputs=[*inputs, out, grid.width, grid.height],
        device=out.device,
    )


@wp.func
def level(value: wp.uint8, gain: float) -> float:
    """A colour value from 0 to 255."""
    return float(value)


@wp.func
def level(value: wp.float16, gain: float) -> float:  # noqa: F811 - an overload
    v = wp.max(float(value) * gain, 0.0)
    return 255.0 * v / (1.0 + v)


@wp.func
def level(value: wp.float32, gain: float) -> float:  # noqa: F811 - an overload
    v = wp.max(value * gain, 0.0)
    return 255.0 * v / (1.0 + v)


@wp.kernel(enable_backward=False, module="omni_ovrtx")
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


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def range_of_tiles(
    image: wp.array3d(dtype=wp.uint8), columns: int, width: int, height: int, out: wp.array2d(dtype=wp.int32)
):
    """Least and greatest colour value of each tile; dim = tiles."""
    tile = wp.tid()
    corner = tile_corner(tile, columns, width, height)
    low = int(255)
    high = int(0)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                value = int(image[corner[1] + y, corner[0] + x, c])
                low = wp.min(low, value)
                high = wp.max(high, value)
    out[tile, 0] = low
    out[tile, 1] = high


def blank_tiles(image: wp.array, grid: TileGrid) -> np.ndarray:
    """(N, 2) int32: least and greatest colour value of each tile of an RGBA8 image."""
    out: Any = wp.empty((grid.count, 2), dtype=wp.int32, device=image.device)
    inputs = [image, grid.columns, grid.width, grid.height, out]
    wp.launch(range_of_tiles, dim=grid.count, inputs=inputs, device=image.device)
    return np.asarray(out.numpy())
