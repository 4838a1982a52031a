"""Tiled-camera renderer for Isaac: a live USD stage with N environments becomes N camera tiles."""

from __future__ import annotations

from ._version import __version__
from .cameras import CameraBundle
from .config import RendererCfg
from .errors import (
    BackendUnavailableError,
    ConfigError,
    InputError,
    MissingExtraError,
    OvrtxRenderError,
    SceneError,
)
from .renderer import TiledRenderer, TransformBinding

__all__ = [
    "BackendUnavailableError",
    "CameraBundle",
    "ConfigError",
    "InputError",
    "MissingExtraError",
    "OvrtxRenderError",
    "RendererCfg",
    "SceneError",
    "TiledRenderer",
    "TransformBinding",
    "__version__",
]
