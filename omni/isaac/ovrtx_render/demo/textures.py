"""Procedural pictures of the demo scene, drawn once into the user's cache folder because USD reads textures by path."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..folders import cache_folder
from ..images import write_png

__all__ = ["texture_paths"]

_VERSION = 1
"""Raise it when a picture changes: it is part of the folder's name."""


def texture_paths() -> dict[str, Path]:
    """Draw what is not there yet; return the absolute path of every picture by name.

    The names are ``wood``, ``wood_roughness``, ``floor``, ``floor_normal``, ``cube``, ``tread_normal`` and ``sky``.
    Where the cache folder cannot be written, a folder in the temporary directory takes its place.
    """
    folder = cache_folder() / f"demo-{_VERSION}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        folder = Path(tempfile.gettempdir()) / f"omni-isaac-ovrtx-render-demo-{_VERSION}"
        folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, (suffix, draw) in _PICTURES.items():
        paths[name] = path = folder / f"{name}{suffix}"
        if not path.exists():
            _write_whole(path, draw())
    return paths


def _write_whole(path: Path, picture: np.ndarray) -> None:
    """Write beside the target and rename, so that a process that starts meanwhile never reads half a file."""
    handle, temporary = tempfile.mkstemp(suffix=path.suffix, dir=path.parent)
    os.close(handle)
    if path.suffix == ".hdr":
        Path(temporary).write_bytes(_radiance_hdr(picture))
    else:
        write_png(Path(temporary), picture)
    os.replace(temporary, path)


def _radiance_hdr(picture: np.ndarray) -> bytes:
    """Encode (H, W, 3) linear radiance as an uncompressed Radiance RGBE file."""
    height, width, _ = picture.shape
    _, exponent = np.frexp(picture.max(-1))
    mantissa = np.clip(picture * np.exp2(8.0 - exponent)[..., None], 0, 255).astype(np.uint8)
    rgbe = np.concatenate([mantissa, (exponent + 128).clip(0, 255).astype(np.uint8)[..., None]], -1)
    header = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n"
    return header.encode("ascii") + rgbe.tobytes()


def _noise(height: int, width: int, rows: int, columns: int, octaves: int, seed: int) -> np.ndarray:
    """Smooth noise in about [-1, 1] that tiles: a sum of octaves of interpolated random grids."""
    rng = np.random.default_rng(seed)
    total, weight = np.zeros((height, width)), 0.0
    for octave in range(octaves):
        r, c = rows << octave, columns << octave
        grid = rng.uniform(-1.0, 1.0, (r, c))
        y, x = np.arange(height) * r / height, np.arange(width) * c / width
        i, j = y.astype(int), x.astype(int)
        fy, fx = y - i, x - j
        fy, fx = (fy * fy * (3 - 2 * fy))[:, None], (fx * fx * (3 - 2 * fx))[None, :]
        a, b = grid[i % r], grid[(i + 1) % r]
        left, right = a[:, j % c] * (1 - fy) + b[:, j % c] * fy, a[:, (j + 1) % c] * (1 - fy) + b[:, (j + 1) % c] * fy
        total += (left * (1 - fx) + right * fx) * 0.5**octave
        weight += 0.5**octave
    return total / weight * 1.6


def _mix(t: np.ndarray, a: tuple[float, float, float], b: tuple[float, float, float]) -> np.ndarray:
    t = np.clip(t, 0.0, 1.0)[..., None]
    return np.asarray(a) * (1.0 - t) + np.asarray(b) * t


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)


_PLANKS = 6


def _wood_height() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grain (H, W), tone of the plank (H, 1) and the seams between planks (H, 1)."""
    height, width = 768, 1024
    row = np.arange(height)
    plank = row * _PLANKS // height
    rng = np.random.default_rng(5)
    shift = rng.integers(0, width, _PLANKS)[plank]
    bend = _noise(height, width, 6, 3, 3, 11)
    fibre = _noise(height, width, 128, 4, 3, 12)
    columns = (np.arange(width)[None, :] + shift[:, None]) % width
    bend, fibre = bend[row[:, None], columns], fibre[row[:, None], columns]
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (row[:, None] / height * 9.0 + 1.1 * bend))
    grain = 0.55 * rings + 0.45 * (0.5 + 0.5 * fibre)
    tone = rng.uniform(-0.10, 0.10, _PLANKS)[plank][:, None]
    offset = np.abs((row * _PLANKS / height + 0.5) % 1.0 - 0.5)[:, None]
    return grain, tone, np.clip(1.0 - offset / 0.012, 0.0, 1.0)


def _wood() -> np.ndarray:
    grain, tone, seam = _wood_height()
    color = _mix(grain * 0.85, (0.80, 0.62, 0.42), (0.57, 0.38, 0.22)) * (1.0 + tone)[..., None]
    return _bytes(color * (1.0 - 0.65 * seam)[..., None])


def _wood_roughness() -> np.ndarray:
    grain, _, seam = _wood_height()
    return _bytes(np.repeat((0.36 + 0.16 * grain + 0.3 * seam)[..., None], 3, -1))


def _floor_groove() -> np.ndarray:
    """1 in the joint around one tile, 0 on it; (512, 512), tiles."""
    edge = np.minimum(np.arange(512), 511 - np.arange(512)) / 512
    distance = np.minimum(edge[:, None], edge[None, :])
    return np.clip(1.0 - distance / 0.008, 0.0, 1.0) ** 0.5


def _floor() -> np.ndarray:
    cloud = _noise(512, 512, 4, 4, 6, 21)
    color = _mix(0.5 + 0.5 * cloud, (0.50, 0.51, 0.525), (0.57, 0.575, 0.58))
    return _bytes(color * (1.0 - 0.45 * _floor_groove())[..., None])


def _normal_map(height: np.ndarray, strength: float) -> np.ndarray:
    """Tangent-space normals of a tiling height field; row 0 is the top, so that +Y is up the picture."""
    dx = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) * strength
    dy = (np.roll(height, 1, 0) - np.roll(height, -1, 0)) * strength
    n = np.stack([-dx, -dy, np.ones_like(height)], -1)
    return _bytes(n / np.linalg.norm(n, axis=-1, keepdims=True) * 0.5 + 0.5)


def _floor_normal() -> np.ndarray:
    return _normal_map(0.05 * _noise(512, 512, 16, 16, 4, 22) - 2.0 * _floor_groove(), 0.9)


def _cube() -> np.ndarray:
    """A face with a frame, a rounded plate and a ring-and-bar mark, so that every turn of the cube can be told."""
    y, x = np.meshgrid(np.linspace(1, -1, 512), np.linspace(-1, 1, 512), indexing="ij")

    def cover(distance: np.ndarray) -> np.ndarray:
        return np.clip(0.5 - distance * 160.0, 0.0, 1.0)[..., None]

    plate = np.hypot(np.maximum(np.abs(x) - 0.60, 0), np.maximum(np.abs(y) - 0.60, 0)) - 0.16
    ring = np.abs(np.hypot(x, y) - 0.38) - 0.09
    notch = np.maximum(np.abs(x) - 0.09, np.maximum(-y, y - 0.62))
    color = np.broadcast_to([0.10, 0.22, 0.50], (512, 512, 3)).copy()
    for shape, tint in ((plate, [0.93, 0.92, 0.88]), (ring, [0.86, 0.24, 0.13]), (notch, [0.86, 0.24, 0.13])):
        color = color * (1 - cover(shape)) + np.asarray(tint) * cover(shape)
    wear = 1.0 + 0.04 * _noise(512, 512, 8, 8, 5, 31)
    return _bytes(color * wear[..., None])


def _tread_normal() -> np.ndarray:
    """Chevron tread of a small tyre."""
    v, u = np.meshgrid(np.arange(256) / 256, np.arange(256) / 256, indexing="ij")
    phase = (u + 0.5 * np.abs(2 * v - 1)) * 2.0 % 1.0
    block = np.clip((0.36 - np.abs(phase - 0.5)) / 0.06, 0, 1)
    middle = np.clip((np.abs(v - 0.5) - 0.03) / 0.02, 0, 1)
    return _normal_map(block * middle * 3.0, 0.9)


def _sky() -> np.ndarray:
    """A studio: grey walls, a pale ceiling with two soft boxes, a warm floor; (256, 512, 3), +Y up, linear."""
    height, width = 256, 512
    elevation = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    azimuth = ((np.arange(width) + 0.5) / width * 2.0 - 1.0) * np.pi
    elevation, azimuth = elevation[:, None], azimuth[None, :]
    up = np.sin(elevation)
    wall = _mix(np.broadcast_to((up + 0.1) / 1.1, (height, width)), (0.52, 0.56, 0.62), (0.95, 0.98, 1.05))
    floor = np.broadcast_to([0.22, 0.21, 0.20], wall.shape)
    t = np.clip(0.5 + up / 0.12, 0, 1)[..., None]
    sky = floor * (1 - t) + wall * t
    sky = sky + 0.8 * np.exp(-((elevation / 0.14) ** 2))[..., None] * np.array([1.0, 1.02, 1.05])  # haze
    for center, middle, half, light in (
        (-2.0, 0.85, (0.55, 0.28), (9.0, 8.4, 7.4)),
        (0.6, 0.62, (0.35, 0.30), (4.0, 4.4, 5.0)),
        (2.3, 0.40, (0.22, 0.45), (2.6, 2.8, 3.1)),
    ):
        turn = np.abs((azimuth - center + np.pi) % (2 * np.pi) - np.pi)
        inside = np.minimum(half[0] - turn, half[1] - np.abs(elevation - middle))
        sky = sky + np.clip(inside / 0.08, 0, 1)[..., None] * np.asarray(light)
    return sky


_PICTURES: dict[str, tuple[str, Callable[[], np.ndarray]]] = {
    "wood": (".png", _wood),
    "wood_roughness": (".png", _wood_roughness),
    "floor": (".png", _floor),
    "floor_normal": (".png", _floor_normal),
    "cube": (".png", _cube),
    "tread_normal": (".png", _tread_normal),
    "sky": (".hdr", _sky),
}
