"""What a person may set: everything below ``/exts/<extension>/``, read and checked at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal, get_type_hints

import carb.settings

from ..config import MAX_IMAGE_SIZE, PRESETS, RendererCfg
from ..errors import ConfigError
from ..outputs import resolve_outputs
from .values import typed

__all__ = ["KitSettings", "SettingsWatcher", "read_settings"]


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
    source: Literal["auto", "update", "rendering", "explicit"] = "auto"
    poses: Literal["auto", "fabric", "usd"] = "auto"
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
        The settings, and a sentence about each value that cannot be used, or that nobody asks for; the default takes
        its place.
    """
    store, root = carb.settings.get_settings(), f"/exts/{extension}"
    problems: list[str] = []
    written = _written(store, root, KitSettings, (), problems)
    hints = get_type_hints(KitSettings)
    values: dict[str, Any] = {}
    for name, value in written.items():
        if name == "renderer":
            continue
        try:
            values[name] = _checked(name, value, hints[name])
        except ConfigError as error:
            problems.append(f"setting {root}/{name}: {error}")
    cfg = _read_renderer(store, f"{root}/renderer", problems)
    return KitSettings(**values, renderer=cfg), problems


def _written(store: Any, root: str, kind: type, more: tuple[str, ...], problems: list[str]) -> dict[str, Any]:
    """What is set below a path, by name, in the order of a dataclass's fields; other names are told."""
    below = store.get(root)
    if not isinstance(below, dict):
        if below is not None:
            problems.append(f"setting {root}: it is {below!r}; there are settings below it, not one there")
        return {}
    known = [*more, *(one.name for one in fields(kind))]
    for name in below:
        if name not in known:
            close = get_close_matches(name, known, 1)
            problems.append(
                f"setting {root}/{name}: there is no such setting" + (f"; is {close[0]!r} meant?" if close else "")
            )
    return {name: below[name] for name in known if below.get(name) is not None}


def _checked(name: str, value: Any, hint: Any) -> Any:
    if name == "outputs":
        names = [part.strip() for part in value.split(",")] if isinstance(value, str) else typed(value, hint)
        resolve_outputs(names)
        return tuple(names)
    value = typed(value, hint)
    if name in ("width", "height") and not 1 <= value <= MAX_IMAGE_SIZE:
        raise ConfigError(f"it is {value!r}; it must be a whole number of pixels from 1 to {MAX_IMAGE_SIZE}")
    if name == "max_rate" and value < 0.0:
        raise ConfigError(f"it is {value!r}; it must be frames a second, or 0 for no limit")
    return value


def _read_renderer(store: Any, root: str, problems: list[str]) -> RendererCfg:
    written = _written(store, root, RendererCfg, ("preset",), problems)
    preset = written.pop("preset", None) or "default"
    if preset not in PRESETS:
        problems.append(f"setting {root}/preset: it is {preset!r}; it must be one of: {', '.join(PRESETS)}")
        preset = "default"
    cfg, hints = RendererCfg.preset(preset), get_type_hints(RendererCfg)
    for name, value in written.items():
        try:
            cfg = cfg.replace(**{name: typed(value, hints[name])})
        except ConfigError as error:
            problems.append(f"setting {root}/{name}: {error}")
    return cfg


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
