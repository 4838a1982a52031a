"""Contract double of what Isaac Lab 2.3's cameras use of ``omni.usd``."""

from __future__ import annotations

from typing import Any

__all__ = ["set_prop_val"]


def set_prop_val(prop: Any, val: Any) -> None:
    """Set a number, where it is authored."""
    prop.Set(float(val))
