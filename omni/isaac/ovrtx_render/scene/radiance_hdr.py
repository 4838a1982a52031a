"""Decoder of Radiance RGBE (``.hdr``) images: flat, old run-length and new run-length scanlines."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["decode_hdr"]


def decode_hdr(content: bytes, max_pixels: int = 1 << 28) -> np.ndarray:
    """Decode a Radiance image.

    Returns:
        (H, W, 3) float32, linear, row 0 at the top.

    Raises:
        ValueError: The file is not a whole RGBE image, or it has more than ``max_pixels`` pixels.
    """
    end = content.find(b"\n\n")
    if not content.startswith(b"#?") or end < 0:
        raise ValueError("not a Radiance HDR file")
    if b"FORMAT=32-bit_rle_xyze" in content[:end]:
        raise ValueError("XYZE colours are not supported; save the image as RGBE")
    line_end = content.find(b"\n", end + 2)
    size = re.fullmatch(rb"([-+])Y\s+(\d+)\s+([-+])X\s+(\d+)\s*", content[end + 2 : line_end])
    if line_end < 0 or not size:
        raise ValueError("the resolution line is missing or has a rotated layout")
    height, width = int(size[2]), int(size[4])
    if not 0 < width * height <= max_pixels:
        raise ValueError(f"{width} x {height} pixels cannot be read")
    rgbe = _decode_scanlines(content[line_end + 1 :], height, width)
    scale = np.where(rgbe[..., 3] > 0, np.ldexp(1.0, rgbe[..., 3].astype(np.int32) - 136), 0.0)
    # Radiance adds half a step where a mantissa was truncated; the common decoders (stb, Pillow's peers) do not.
    data = (rgbe[..., :3] * scale[..., None]).astype(np.float32)
    if size[1] == b"+":
        data = data[::-1]
    return np.ascontiguousarray(data[:, ::-1] if size[3] == b"-" else data)


def _decode_scanlines(raw: bytes, height: int, width: int) -> np.ndarray:
    """Decode all scanlines to (H, W, 4) uint8."""
    image = np.empty((height, width, 4), np.uint8)
    at = 0
    for row in range(height):
        head = raw[at : at + 4]
        if len(head) < 4:
            raise ValueError(f"the file ends in row {row} of {height}")
        if 8 <= width < 32768 and head[0] == 2 and head[1] == 2 and head[2] < 128:
            if head[2] << 8 | head[3] != width:
                raise ValueError(f"row {row} has the wrong length")
            line, at = _decode_planes(raw, at + 4, width)
            image[row] = np.frombuffer(line, np.uint8).reshape(4, width).T
        else:
            at = _decode_pixels(raw, at, image[row])
    return image


def _decode_planes(raw: bytes, at: int, width: int) -> tuple[bytearray, int]:
    """New run-length: the four channels one after another."""
    line = bytearray()
    for channel in range(1, 5):
        while len(line) < channel * width:
            count = raw[at] if at < len(raw) else 0
            if count > 128:
                line += raw[at + 1 : at + 2] * (count - 128)
                at += 2
            else:
                line += raw[at + 1 : at + 1 + count]
                at += 1 + count
            if count == 0 or at > len(raw) or len(line) > channel * width:
                raise ValueError("a run is longer than its row, or the file ends within a row")
    return line, at


def _decode_pixels(raw: bytes, at: int, line: np.ndarray) -> int:
    """Flat pixels, in which (1, 1, 1, n) repeats the previous pixel n times (old run-length)."""
    width = len(line)
    flat = np.frombuffer(raw[at : at + 4 * width], np.uint8)
    if len(flat) == 4 * width and not np.any(np.all(flat.reshape(-1, 4)[:, :3] == 1, axis=1)):
        line[:] = flat.reshape(-1, 4)
        return at + 4 * width
    x, shift = 0, 0
    while x < width:
        pixel = raw[at : at + 4]
        at += 4
        if len(pixel) < 4:
            raise ValueError("the file ends within a row")
        if pixel[:3] == b"\x01\x01\x01":
            count = pixel[3] << shift
            if x == 0 or x + count > width:
                raise ValueError("a run is longer than its row")
            line[x : x + count] = line[x - 1]
            x, shift = x + count, min(shift + 8, 24)
        else:
            line[x] = list(pixel)
            x, shift = x + 1, 0
    return at
