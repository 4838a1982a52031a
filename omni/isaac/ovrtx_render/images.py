"""Turn output buffers into pictures: scaling, colour maps, mosaics, and image files."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, MissingExtraError
from .outputs import ALIASES, OUTPUTS, SEGMENTATIONS
from .scene.color_spaces import linear_to_srgb

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["colorize_ids", "mosaic", "to_picture", "viridis", "write_animation", "write_png"]

_VIRIDIS = np.array(
    [
        (68, 1, 84),
        (72, 40, 120),
        (62, 73, 137),
        (49, 104, 142),
        (38, 130, 142),
        (31, 158, 137),
        (53, 183, 121),
        (110, 206, 88),
        (181, 222, 43),
        (253, 231, 37),
    ],
    float,
)


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("pillow", "cli", "writing image files") from None
    return Image


def viridis(values: np.ndarray) -> np.ndarray:
    """Map values in [0, 1], any shape, to (..., 3) uint8 colours from dark violet to yellow."""
    at = np.clip(values, 0.0, 1.0) * (len(_VIRIDIS) - 1)
    bands = [np.interp(at, np.arange(len(_VIRIDIS)), _VIRIDIS[:, c]) for c in range(3)]
    return np.rint(np.stack(bands, -1)).astype(np.uint8)


def colorize_ids(ids: np.ndarray) -> np.ndarray:
    """Give every id, any shape of integers, a colour of its own: (..., 3) uint8; 0 is black."""
    ids = np.asarray(ids).astype(np.uint64)
    hue = (ids * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)).astype(float) / 2**24
    step = (ids * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(40)).astype(float) / 2**24
    saturation, value = 0.55 + 0.35 * step, 0.95 - 0.30 * step
    bands = []
    for shift in (5.0, 3.0, 1.0):
        k = (shift + hue * 6.0) % 6.0
        bands.append(value - value * saturation * np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0))
    colors = np.rint(np.stack(bands, -1) * 255.0).astype(np.uint8)
    return np.where((ids == 0)[..., None], np.uint8(0), colors)


def to_picture(name: str, pixels: np.ndarray) -> np.ndarray:
    """Make an output viewable.

    Depth is mapped from near (yellow) to far (violet), linear in 1/depth over the 1st to 99th percentile of what was
    hit, with misses black; all the tiles share the scale. Normals become ``0.5 + 0.5 n``, ids become colours, motion
    is centred at grey.

    Args:
        name: Output name or alias.
        pixels: (..., H, W, C) buffer of that output, as numpy.

    Returns:
        (..., H, W, 3) or, with coverage, (..., H, W, 4) uint8 sRGB.

    Raises:
        InputError: ``name`` is no output.
    """
    kind = OUTPUTS.get(ALIASES.get(name, name))
    if kind is None:
        raise InputError(f"{name!r} is no output; the outputs are: {', '.join([*OUTPUTS, *ALIASES])}")
    pixels = np.asarray(pixels)
    if kind.name in SEGMENTATIONS:
        return pixels[..., :3] if pixels.dtype == np.uint8 else colorize_ids(pixels[..., 0])
    if kind.dtype == "uint8":
        return pixels
    if kind.unit == "m":
        return _depth_picture(pixels[..., 0])
    if kind.name == "normals":
        missed = ~pixels.any(-1, keepdims=True)
        return np.where(missed, 0, np.rint((0.5 + 0.5 * np.clip(pixels, -1, 1)) * 255)).astype(np.uint8)
    if kind.name == "motion_vectors":
        largest = max(float(np.abs(pixels).max(initial=0.0)), 1e-6)
        flow = 0.5 + 0.5 * pixels / largest
        return np.rint(np.concatenate([flow, np.full_like(flow[..., :1], 0.5)], -1) * 255).astype(np.uint8)
    return np.rint(linear_to_srgb(pixels) * 255.0).astype(np.uint8)


def _depth_picture(depth: np.ndarray) -> np.ndarray:
    hit = np.isfinite(depth)
    closeness = 1.0 / np.maximum(np.where(hit, depth, 1.0), 1e-6)
    far, near = np.percentile(closeness[hit], (1.0, 99.0)) if hit.any() else (0.0, 1.0)
    scaled = (closeness - far) / max(near - far, 1e-9)
    return np.where(hit[..., None], viridis(scaled), np.uint8(0))


def mosaic(tiles: np.ndarray, columns: int | None = None, gap: int = 0) -> np.ndarray:
    """Lay (N, H, W, C) tiles out row by row in a nearly square grid.

    Args:
        tiles: N pictures of one size.
        columns: Tiles in a row; None makes the mosaic nearly square.
        gap: Empty (zero) pixels between tiles.

    Returns:
        One picture of the tiles' dtype. Cells without a tile are zero.

    Raises:
        InputError: ``tiles`` has not four dimensions, or has no tile.
    """
    tiles = np.asarray(tiles)
    if tiles.ndim != 4 or len(tiles) == 0:
        raise InputError(f"tiles has shape {tiles.shape}; it must be (N, H, W, C) with at least one tile")
    n, h, w, c = tiles.shape
    columns = min(n, columns or int(np.ceil(np.sqrt(n * h / w))))
    rows = -(-n // columns)
    canvas = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap, c), tiles.dtype)
    for i, tile in enumerate(tiles):
        y, x = (i // columns) * (h + gap), (i % columns) * (w + gap)
        canvas[y : y + h, x : x + w] = tile
    return canvas


def write_png(path: str | Path, picture: np.ndarray) -> None:
    """Write an (H, W, 1 | 3 | 4) uint8 picture.

    Raises:
        MissingExtraError: Pillow is not installed.
        InputError: The picture has another shape or dtype.
    """
    image = _pillow()
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3, 4):
        raise InputError(f"a picture of shape {picture.shape} and dtype {picture.dtype}; expected (H, W, 1|3|4) uint8")
    image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(path)


def write_animation(path: str | Path, frames: Iterable[np.ndarray], fps: float = 30.0) -> None:
    """Write (H, W, 3) uint8 frames as a film; the suffix (``.webp``, ``.gif``, ``.mp4``) chooses the format.

    The first two repeat for ever. An ``.mp4`` must have even numbers of pixels; it is cut to them, and written frame by
    frame, so that the frames need not be there at once.

    Raises:
        MissingExtraError: Pillow is not installed; for ``.mp4``, imageio with ffmpeg.
        InputError: There is no frame.
    """
    frames = iter(frames)
    begin = next(frames, None)
    if begin is None:
        raise InputError("an animation needs at least one frame")
    if Path(path).suffix == ".mp4":
        _write_mp4(path, begin, frames, fps)
        return
    image = _pillow()
    first, *rest = [image.fromarray(np.ascontiguousarray(f[..., :3])) for f in chain([begin], frames)]
    options: dict[str, Any] = {"save_all": True, "append_images": rest, "duration": round(1000 / fps), "loop": 0}
    if Path(path).suffix == ".webp":
        options |= {"quality": 82, "method": 2}
    first.save(path, **options)


def _write_mp4(path: str | Path, begin: np.ndarray, rest: Iterable[np.ndarray], fps: float) -> None:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise MissingExtraError("imageio-ffmpeg", "train", "writing an .mp4") from None
    height, width = (n - n % 2 for n in begin.shape[:2])
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=fps, macro_block_size=2, quality=7)
    writer.send(None)
    try:
        for frame in chain([begin], rest):
            writer.send(np.ascontiguousarray(frame[:height, :width, :3]))
    finally:
        writer.close()
