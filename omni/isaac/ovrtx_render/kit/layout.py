"""Where the window's layout is kept: Kit's persistent settings."""

from __future__ import annotations

from typing import Any

import carb.settings

__all__ = ["LayoutStore"]


class LayoutStore:
    """Keeps a dictionary below ``/persistent/exts/<extension>/layout``.

    Args:
        extension: Name of the extension.
    """

    def __init__(self, extension: str) -> None:
        self._path = f"/persistent/exts/{extension}/layout"

    def load(self) -> dict[str, Any]:
        """What was saved last; an empty dictionary if that is nothing, or no layout."""
        state = carb.settings.get_settings().get(self._path)
        return dict(state) if isinstance(state, dict) else {}

    def save(self, state: dict[str, Any]) -> None:
        """Keep numbers, texts, lists and dictionaries of them."""
        carb.settings.get_settings().set(self._path, state)
