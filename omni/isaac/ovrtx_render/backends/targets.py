"""Output buffers as the kernels write them: one flat array of pixels a kind of output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import warp as wp

from ..arrays import reinterpret
from ..cameras import CameraBundle

__all__ = ["TARGETS", "allocate_targets", "retarget"]

TARGETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "rgb": (wp.uint8, (3,)),
    "rgba": (wp.uint32, ()),
    "rgb_hdr": (wp.vec3, ()),
    "albedo": (wp.uint32, ()),
    "distance_to_image_plane": (wp.float32, ()),
    "distance_to_camera": (wp.float32, ()),
    "normals": (wp.vec3, ()),
    "motion_vectors": (wp.vec2, ()),
    "semantic_segmentation": (wp.int32, ()),
    "instance_segmentation": (wp.int32, ()),
    "instance_id_segmentation_fast": (wp.int32, ()),
    "simple_shading_constant_diffuse": (wp.uint8, (3,)),
    "simple_shading_diffuse_mdl": (wp.uint8, (3,)),
    "simple_shading_full_mdl": (wp.uint8, (3,)),
}
"""What the kernels write each output as: element type and trailing shape of a flat array of pixels."""


def allocate_targets(bundle: CameraBundle, device: wp.Device) -> dict[str, wp.array]:
    """Make zeroed buffers for a bundle: flat ones by kind, which are returned; ``bundle.outputs`` views them."""
    n, h, w = len(bundle), bundle.height, bundle.width
    targets: dict[str, wp.array] = {}
    for name, kind in bundle.kinds.items():
        if kind.name not in targets:
            dtype, shape = TARGETS[kind.name]
            targets[kind.name] = wp.zeros((n * h * w, *shape), dtype=dtype, device=device)
        colored = kind.name in bundle.colorize
        channels, scalar = (4, wp.uint8) if colored else (kind.channels, getattr(wp, kind.dtype))
        bundle.outputs[name] = reinterpret(targets[kind.name], scalar, (n, h, w, channels))
    return targets


def retarget(
    bundle: CameraBundle, buffers: Mapping[str, wp.array]
) -> tuple[dict[str, wp.array], list[tuple[wp.array, wp.array]]]:
    """Flat views, by kind, of buffers by the names that were asked for, which become ``bundle.outputs``.

    Returns:
        The views, and (to, from) buffers of kinds that were asked for under two names.
    """
    targets: dict[str, wp.array] = {}
    copies = []
    for name, kind in bundle.kinds.items():
        buffer = buffers[name]
        if kind.name in targets:
            first = next(n for n, k in bundle.kinds.items() if k is kind)
            copies.append((buffer, buffers[first]))
        else:
            dtype, shape = TARGETS[kind.name]
            targets[kind.name] = reinterpret(buffer, dtype, (len(bundle) * bundle.height * bundle.width, *shape))
        bundle.outputs[name] = buffer
    return targets, copies
