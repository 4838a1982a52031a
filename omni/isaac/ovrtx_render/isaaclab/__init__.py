"""Isaac Lab renders its cameras with this package. Importing this imports and changes nothing of Isaac Lab.

Which adapter serves is told by what the installed Isaac Lab offers, not by its version; see :mod:`.adapters`:

* A camera names its renderer (Isaac Lab 3 and later): ``renderer_cfg=OvrtxRendererCfg()``.
* Tiled cameras know Replicator only (Isaac Lab 2.3): :func:`enable` makes them draw with us.
* The protocol that was there in between, ``get_renderer_class("warp")``: :mod:`.early`, which needs no Isaac Lab.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .adapters import disable, enable

if TYPE_CHECKING:
    from .renderer_cfg import OvrtxRendererCfg

__all__ = ["OvrtxRendererCfg", "disable", "enable"]


def __getattr__(name: str) -> Any:
    if name == "OvrtxRendererCfg":
        from .renderer_cfg import OvrtxRendererCfg

        return OvrtxRendererCfg
    if name in ("early", "presets", "v2_3"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
