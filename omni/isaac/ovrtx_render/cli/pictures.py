"""Write what a bundle of cameras rendered as files named by output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..images import mosaic, to_picture, write_png

__all__ = ["write_outputs"]


def _file_name(camera_path: str, root: str) -> str:
    """A file name for a camera: its path below what all cameras share, without slashes."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", camera_path.removeprefix(root).strip("/")) or "camera"


def _common_root(paths: Sequence[str]) -> str:
    """Longest ``/A/B/`` that starts all the paths."""
    parts = [path.split("/")[:-1] for path in paths]
    same = 0
    for column in zip(*parts, strict=False):
        if len(set(column)) > 1:
            break
        same += 1
    return "/".join(parts[0][:same]) + "/"


def write_outputs(
    folder: Path,
    buffers: Mapping[str, np.ndarray],
    cameras: Sequence[str],
    *,
    each: bool = False,
    raw: bool = False,
    max_tiles: int | None = None,
) -> list[Path]:
    """Write ``<output>.png`` for each output: the picture, or a mosaic of the cameras.

    Args:
        folder: Made if it does not exist.
        buffers: (N, H, W, C) host arrays by output name.
        cameras: Prim paths of the N cameras.
        each: With several cameras, also write ``<output>/<camera>.png``.
        raw: Also write ``<output>.npy`` with the values themselves.
        max_tiles: Largest number of cameras in a mosaic; None is all.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = _common_root(cameras)
    files = []
    for name, pixels in buffers.items():
        pictures = to_picture(name, pixels)
        files.append(folder / f"{name}.png")
        write_png(files[-1], mosaic(pictures[:max_tiles]))
        if each and len(cameras) > 1:
            (folder / name).mkdir(exist_ok=True)
            for camera, picture in zip(cameras, pictures, strict=True):
                files.append(folder / name / f"{_file_name(camera, root)}.png")
                write_png(files[-1], picture)
        if raw:
            files.append(folder / f"{name}.npy")
            np.save(files[-1], pixels)
    return files
