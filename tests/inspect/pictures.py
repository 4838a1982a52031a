"""Pictures of the gallery's stages, for tests and for the documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import Usd

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

__all__ = ["PLAIN", "photograph"]

PLAIN: dict[str, Any] = {"backend": "warp", "exposure": -1.0, "background": (0.02, 0.02, 0.025), "samples_per_pixel": 4}
"""A fixed exposure, so that pictures can be compared."""


def photograph(stage: Usd.Stage, device: str = "cpu", size: int = 32, output: str = "rgb", **fields: Any) -> np.ndarray:
    """(size, size, C) picture of a stage by its camera; segmentations in colours."""
    cfg = RendererCfg().replace(**{**PLAIN, "device": device, **fields})
    with TiledRenderer(stage, cfg) as renderer:
        cameras = renderer.add_cameras("/World/Camera", width=size, height=size, outputs=(output,), colorize=True)
        return renderer.render(cameras)[output].numpy()[0].copy()
