"""The tiled image of a render product, cut into the (N, H, W, C) buffers of a bundle: one kernel a kind of output."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from ...arrays import reinterpret
from ...errors import BackendFailedError
from .products import TileGrid

__all__ = ["IdTable", "cut", "take_image"]


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


@wp.struct
class Tiles:
    """Which tiles are cut out of an image.

    Attributes:
        rows: Rows of the bundle.
        first: Row of tile 0.
        columns: Tiles in a row of the image.
        width: Width of a tile [px].
        height: Height of a tile [px].
    """

    rows: wp.array(dtype=wp.int32)
    first: wp.int32
    columns: wp.int32
    width: wp.int32
    height: wp.int32


@wp.func
def source_of(tiles: Tiles, k: int, y: int, x: int) -> wp.vec2i:
    """Row and column in the image of a pixel of the k-th tile."""
    tile = tiles.rows[k] - tiles.first
    return wp.vec2i((tile // tiles.columns) * tiles.height + y, (tile % tiles.columns) * tiles.width + x)


@wp.func
def target_of(tiles: Tiles, k: int, y: int, x: int) -> int:
    """Its place in the flat buffer of all rows."""
    return (tiles.rows[k] * tiles.height + y) * tiles.width + x


# Every kernel of these has dim = (tiles, height, width).


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_rgb(image: wp.array3d(dtype=wp.uint8), tiles: Tiles, out: wp.array2d(dtype=wp.uint8)):
    """RGBA8 -> RGB8."""
    k, y, x = wp.tid()
    at = source_of(tiles, k, y, x)
    q = target_of(tiles, k, y, x)
    for c in range(3):
        out[q, c] = image[at[0], at[1], c]


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_rgba(image: wp.array3d(dtype=wp.uint8), tiles: Tiles, out: wp.array(dtype=wp.uint32)):
    """RGBA8 -> the same, a pixel a word."""
    k, y, x = wp.tid()
    at = source_of(tiles, k, y, x)
    word = wp.uint32(0)
    for c in range(4):
        word = word | (wp.uint32(image[at[0], at[1], c]) << wp.uint32(8 * c))
    out[target_of(tiles, k, y, x)] = word


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_hdr(image: wp.array3d(dtype=Any), tiles: Tiles, gain: float, out: wp.array(dtype=wp.vec3)):
    """Linear half or float RGBA -> float RGB after exposure."""
    k, y, x = wp.tid()
    at = source_of(tiles, k, y, x)
    i = at[0]
    j = at[1]
    out[target_of(tiles, k, y, x)] = wp.vec3(float(image[i, j, 0]), float(image[i, j, 1]), float(image[i, j, 2])) * gain


# Both at once: a module is compiled again for every overload that comes later.
for _dtype in (wp.float16, wp.float32):
    wp.overload(cut_hdr, {"image": wp.array3d(dtype=_dtype)})


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_distance(image: wp.array3d(dtype=wp.float32), tiles: Tiles, out: wp.array(dtype=wp.float32)):
    """Metres; what is not finite or not in front of the camera is a miss."""
    k, y, x = wp.tid()
    at = source_of(tiles, k, y, x)
    d = image[at[0], at[1], 0]
    if not wp.isfinite(d) or d <= 0.0:
        d = wp.inf
    out[target_of(tiles, k, y, x)] = d


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_normals(image: wp.array3d(dtype=wp.float32), tiles: Tiles, out: wp.array(dtype=wp.vec3)):
    """World normals; what is not finite is a miss."""
    k, y, x = wp.tid()
    at = source_of(tiles, k, y, x)
    n = wp.vec3(image[at[0], at[1], 0], image[at[0], at[1], 1], image[at[0], at[1], 2])
    if not wp.isfinite(n):
        n = wp.vec3(0.0)
    out[target_of(tiles, k, y, x)] = n


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_motion(image: wp.array3d(dtype=wp.float32), tiles: Tiles, out: wp.array(dtype=wp.vec2)):
    """Pixels; what is not finite did not move."""
    k, y, x = wp.tid()
    at = source_of(tiles, k, y, x)
    v = wp.vec2(image[at[0], at[1], 0], image[at[0], at[1], 1])
    if not wp.isfinite(v):
        v = wp.vec2(0.0)
    out[target_of(tiles, k, y, x)] = v


@wp.kernel(enable_backward=False, module="omni_ovrtx")
def cut_ids(
    image: wp.array3d(dtype=wp.uint32),
    tiles: Tiles,
    keys: wp.array(dtype=wp.uint32),
    values: wp.array(dtype=wp.int32),
    unknown: int,
    out: wp.array(dtype=wp.int32),
):
    """Ids of the library, looked up in sorted ``keys``, -> ours, or their colours."""
    k, y, x = wp.tid()
    at = source_of(tiles, k, y, x)
    id = image[at[0], at[1], 0]
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
    out[target_of(tiles, k, y, x)] = value


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


def take_image(kind: str, image: Any, grid: TileGrid, device: wp.Device) -> wp.array:
    """A mapped output as an (H, W, C) array on the device; a copy only where it lies on another GPU.

    Args:
        kind: Name of the output kind that is made of it.
        image: What the library gives; (H, W) is taken as one channel.

    Raises:
        BackendFailedError: It has another shape or element type than the kind is made of.
    """
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
    tiles = Tiles()
    tiles.rows, tiles.first, tiles.columns = rows, first, grid.columns
    tiles.width, tiles.height = grid.width, grid.height
    inputs: list[Any] = [image, tiles]
    if kind == "rgb_hdr":
        inputs.append(gain)
    if ids is not None:
        inputs += [ids.keys, ids.values, ids.unknown]
    wp.launch(_KERNELS[kind], dim=(len(rows), grid.height, grid.width), inputs=[*inputs, out], device=out.device)
