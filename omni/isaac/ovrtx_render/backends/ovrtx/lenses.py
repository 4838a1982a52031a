"""Lenses of cameras as the attributes of their prims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ...scene.data import Camera

__all__ = ["calibrated_lenses", "prim_lenses"]

_NAMES = {
    "focalLength": "focal_length",
    "horizontalAperture": "horizontal_aperture",
    "verticalAperture": "vertical_aperture",
    "horizontalApertureOffset": "horizontal_offset",
    "verticalApertureOffset": "vertical_offset",
    "clippingRange": "clipping_range",
}


def prim_lenses(cameras: Sequence[Camera]) -> dict[str, list[Any]]:
    """n values by attribute: the lenses that were read of the stage."""
    values: dict[str, list[Any]] = {
        name: list(np.array([getattr(camera, field) for camera in cameras], np.float32))
        for name, field in _NAMES.items()
    }
    return {**values, "projection": ["orthographic" if camera.orthographic else "perspective" for camera in cameras]}


def calibrated_lenses(
    intrinsics: np.ndarray, cameras: Sequence[Camera], width: int, height: int
) -> dict[str, list[Any]]:
    """n values by attribute that give (n, 3, 3) pixel intrinsics; each camera keeps its focal length.

    Raises:
        InputError: Pixels would not be square, or the axes not perpendicular, which OVRTX does not draw.
    """
    fx, fy, skew = intrinsics[:, 0, 0], intrinsics[:, 1, 1], intrinsics[:, 0, 1]
    bad = np.flatnonzero((np.abs(fx - fy) > 1.0e-4 * fx) | (np.abs(skew) > 1.0e-4 * fx))
    if len(bad):
        raise InputError(
            f"matrices[{bad[0]}] has fx {fx[bad[0]]}, fy {fy[bad[0]]} and skew {skew[bad[0]]}; the backend 'ovrtx' "
            "draws square pixels only (fx == fy, no skew); resample the images, or use the backend 'warp'"
        )
    focal = np.array([camera.focal_length for camera in cameras], np.float64)
    aperture = width * focal / fx
    values = {
        "focalLength": focal,
        "horizontalAperture": aperture,
        "verticalAperture": aperture * height / width,
        "horizontalApertureOffset": (width / 2.0 - intrinsics[:, 0, 2]) * aperture / width,
        "verticalApertureOffset": (intrinsics[:, 1, 2] - height / 2.0) * aperture / width,
    }
    lenses: dict[str, list[Any]] = {name: list(value.astype(np.float32)) for name, value in values.items()}
    return {**lenses, "projection": ["perspective"] * len(cameras)}
