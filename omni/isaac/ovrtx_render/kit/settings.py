"""What a person may set: everything below ``/exts/<extension>/``, read and checked at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import carb.settings

from ..config import PRESETS, RendererCfg
from ..errors import ConfigError
from ..outputs import resolve_outputs

__all__ = ["CHOICES", "KitSettings", "SettingsWatcher", "read_settings"]

CHOICES = {
    "source": ("auto", "update", "rendering", "explicit"),
    "poses": ("auto", "fabric", "usd"),
}
"""Settings that are one of some words."""


@dataclass(frozen=True)
class KitSettings:
    """The settings of the extension; ``renderer/*`` are those of :class:`~omni.isaac.ovrtx_render.RendererCfg`.

    Attributes:
        enabled: Draw while somebody looks.
        source: What says when to draw; see :mod:`.drivers`.
        poses: Where bodies are: ``fabric``, ``usd``, or ``auto``: Fabric where physics writes to it.
        max_rate: Most frames a second; 0 is no limit.
        cameras: The camera's path below each environment, or the whole path of one outside; empty picks the largest
            group.
        width: Image width [px].
        height: Image height [px].
        outputs: Output names.
        show_window: Show the window when the extension starts.
        notifications: Show what goes wrong on the screen; the log has it always.
        isaaclab: Offer the renderer to Isaac Lab when that is loaded in this process.
    """

    enabled: bool = True
    source: str = "auto"
    poses: str = "auto"
    max_rate: float = 30.0
    cameras: str = ""
    width: int = 128
    height: int = 128
    outputs: tuple[str, ...] = ("rgb", "depth")
    show_window: bool = False
    notifications: bool = True
    isaaclab: bool = True
    renderer: RendererCfg = field(default_factory=RendererCfg)


def read_settings(extension: str) -> tuple[KitSettings, list[str]]:
    """Read all settings.

    Returns:
        The settings, and a sentence about each value that cannot be used; the default takes its place.
    """
    store, root = carb.settings.get_settings(), f"/exts/{extension}"
    problems: list[str] = []
    values: dict[str, Any] = {}
    for one in fields(KitSettings):
        value = None if one.name == "renderer" else store.get(f"{root}/{one.name}")
        if value is None:
            continue
        try:
            values[one.name] = _checked(one.name, value, one.default)
        except (ConfigError, TypeError, ValueError) as error:
            problems.append(f"setting {root}/{one.name}: {error}")
    cfg = _read_renderer(store, f"{root}/renderer", problems)
    return KitSettings(**values, renderer=cfg), problems


def _checked(name: str, value: Any, default: Any) -> Any:
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise ConfigError(f"it is {value!r}; it must be one of: {', '.join(CHOICES[name])}")
    elif name == "outputs":
        names = [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
        resolve_outputs(names)
        return tuple(names)
    elif name in ("width", "height"):
        if not 1 <= int(value) <= 16384:
            raise ConfigError(f"it is {value!r}; it must be a whole number of pixels from 1 to 16384")
    elif name == "max_rate" and float(value) < 0.0:
        raise ConfigError(f"it is {value!r}; it must be frames a second, or 0 for no limit")
    return type(default)(value)


def _read_renderer(store: Any, root: str, problems: list[str]) -> RendererCfg:
    preset = store.get(f"{root}/preset") or "default"
    if preset not in PRESETS:
        problems.append(f"setting {root}/preset: it is {preset!r}; it must be one of: {', '.join(PRESETS)}")
        preset = "default"
    cfg = RendererCfg.preset(preset)
    for one in fields(RendererCfg):
        value = store.get(f"{root}/{one.name}")
        if value is None:
            continue
        try:
            cfg = cfg.replace(**{one.name: _renderer_value(one, value)})
        except (ConfigError, TypeError, ValueError) as error:
            problems.append(f"setting {root}/{one.name}: {error}")
    return cfg


def _renderer_value(one: Any, value: Any) -> Any:
    """A setting as the field's own type: settings know no None, no tuples, and may give a whole number as a float."""
    default = one.default if one.default is not MISSING else one.default_factory()
    if default is None and value in ("", 0, [], ()):
        return None
    if one.name == "semantic_colors":
        return {label: tuple(color) for label, color in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(default, bool):
        return bool(value)
    if isinstance(value, float) and value.is_integer() and (isinstance(default, int) or one.name == "threads"):
        return int(value)
    return value


class SettingsWatcher:
    """Calls back when any setting of an extension changes, until it is stopped: Kit does not end this by itself.

    Args:
        extension: Name of the extension.
        on_change: Called once for each change; several may come at once.
    """

    def __init__(self, extension: str, on_change: Callable[[], None]) -> None:
        def changed(tree_item: Any, changed_item: Any, event_type: Any) -> None:
            on_change()

        self._store = carb.settings.get_settings()
        self._subscription = self._store.subscribe_to_tree_change_events(f"/exts/{extension}", changed)

    def stop(self) -> None:
        """Watch no more; may be called twice."""
        if self._subscription is not None:
            self._store.unsubscribe_to_change_events(self._subscription)
            self._subscription = None
