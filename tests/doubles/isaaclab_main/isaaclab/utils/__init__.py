"""Contract double of ``isaaclab.utils``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

__all__ = ["configclass"]


def configclass(cls: type) -> type:
    """A dataclass whose class strings may name their own package: ``{DIR}.module:Class``."""
    made = dataclass(cls)
    text = made.__dict__.get("class_type")
    if isinstance(text, str):
        package = sys.modules[cls.__module__].__package__
        plain_init = made.__init__

        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            plain_init(self, *args, **kwargs)
            if isinstance(self.class_type, str):
                self.class_type = self.class_type.replace("{DIR}", str(package))

        made.__init__ = init  # type: ignore[misc]
    return made
