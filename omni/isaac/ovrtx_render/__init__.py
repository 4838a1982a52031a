"""Tiled-camera renderer for Isaac: a live USD stage with N environments becomes N camera tiles.

What draws is imported when it is first asked for: Kit imports this package when it starts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .config import RendererCfg
from .errors import (
    BackendUnavailableError,
    ConfigError,
    InputError,
    MissingExtraError,
    OvrtxRenderError,
    SceneError,
)

if TYPE_CHECKING:
    from .cameras import CameraBundle
    from .renderer import TiledRenderer, TransformBinding
    from .surface_bindings import MaterialBinding, PointBinding

__all__ = [
    "BackendUnavailableError",
    "CameraBundle",
    "ConfigError",
    "InputError",
    "MaterialBinding",
    "MissingExtraError",
    "OvrtxRenderError",
    "PointBinding",
    "RendererCfg",
    "SceneError",
    "TiledRenderer",
    "TransformBinding",
    "__version__",
]

_DEFERRED = {
    "CameraBundle": ".cameras",
    "MaterialBinding": ".surface_bindings",
    "PointBinding": ".surface_bindings",
    "TiledRenderer": ".renderer",
    "TransformBinding": ".bindings",
}
"""Names whose modules need Warp, which takes half a second to import."""


def __getattr__(name: str) -> Any:
    if name not in _DEFERRED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_DEFERRED[name], __name__), name)
    return value
