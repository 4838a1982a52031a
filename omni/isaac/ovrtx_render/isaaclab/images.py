"""What Isaac Lab wants of images beyond what the backends draw: depths beyond the range, and background colours."""

from __future__ import annotations

import math

import warp as wp

__all__ = ["clip_depth", "linear_background"]


@wp.kernel(enable_backward=False, module="omni_isaaclab_images")
def _clip_depth(depth: wp.array(dtype=wp.float32), far: float, beyond: float):
    i = wp.tid()
    if depth[i] > far:
        depth[i] = beyond


def clip_depth(depth: wp.array, far: float, beyond: float) -> None:
    """Write ``beyond`` [m] wherever a contiguous float32 depth image is more than ``far`` [m], misses included."""
    flat = depth.flatten()
    wp.launch(_clip_depth, dim=len(flat), inputs=[flat, far, beyond], device=depth.device)


def linear_background(color: tuple[float, float, float], tone_mapping: str) -> tuple[float, float, float]:
    """Linear colour that comes out as ``color`` (sRGB, 0 to 1) after tone mapping."""

    def linear(c: float) -> float:
        c = min(max(c, 0.0), 1.0)
        c = c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        if tone_mapping != "aces":
            return c
        # The filmic curve y = v (2.51 v + 0.03) / (v (2.43 v + 0.59) + 0.14), solved for v.
        p, q, r = 2.51 - 2.43 * c, 0.03 - 0.59 * c, -0.14 * c
        return (-q + math.sqrt(q * q - 4.0 * p * r)) / (2.0 * p)

    red, green, blue = (linear(c) for c in color)
    return red, green, blue
