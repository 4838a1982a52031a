"""Isaac Lab renders its cameras with this package: give a camera ``renderer_cfg=OvrtxRendererCfg()``.

Importing this needs Isaac Lab 3 (``pip install isaaclab``), changes nothing in it, and loads no backend: the renderer
is imported when a camera asks for it.
"""

from __future__ import annotations

from .renderer_cfg import OvrtxRendererCfg

__all__ = ["OvrtxRendererCfg"]
