"""Contract double of ``isaaclab.app.settings_manager``: one set of settings for the process."""

from __future__ import annotations

from typing import Any

__all__ = ["get_settings_manager"]


class SettingsManager:
    """Settings by path."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def set(self, name: str, value: Any) -> None:
        self._values[name] = value


_manager = SettingsManager()


def get_settings_manager() -> SettingsManager:
    """The settings of this process."""
    return _manager
