"""Contract double of ``omni.ext``."""

from __future__ import annotations

__all__ = ["IExt", "get_extension_name"]


class IExt:
    """What an extension derives from."""

    def on_startup(self, ext_id: str) -> None:
        pass

    def on_shutdown(self) -> None:
        pass


def get_extension_name(ext_id: str) -> str:
    """``name-1.2.3`` without its version."""
    name, dash, version = ext_id.rpartition("-")
    return name if dash and version[:1].isdigit() else ext_id
