"""Contract double of ``omni.kit.app``: the application's loop, and the manager that enables and disables extensions."""

from __future__ import annotations

import gc
import importlib
import sys
import time
import tomllib
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import carb
import carb.settings
import omni.ext
from carb.events import IEventStream
from kit_profile import PROFILE

__all__ = ["ExtensionManager", "IApp", "get_app"]

if PROFILE != "kit106":
    GLOBAL_EVENT_PRE_UPDATE = "preUpdate"
    GLOBAL_EVENT_UPDATE = "update"
    GLOBAL_EVENT_POST_UPDATE = "postUpdate"
    GLOBAL_EVENT_APP_READY = "omni.kit.app:ready"

_VERSIONS = {"kit106": "106.5.0", "kit107": "107.3.3", "kit110": "110.1.2"}


class _Hook:
    """Ends when it is let go."""

    def __init__(self, on_enable: Callable[[str], None], on_disable: Callable[[str], None], ext_name: str) -> None:
        self.on_enable, self.on_disable, self.ext_name = on_enable, on_disable, ext_name


class ExtensionManager:
    """Enables extensions of folders as Kit does.

    Attributes:
        enabled: Names of the extensions that are enabled; those that Kit brings are given by the test.
        unload: Forget an extension's Python modules when it is disabled, as Kit does for a hot reload.
    """

    def __init__(self) -> None:
        self.enabled: dict[str, str] = {}
        self.unload = False
        self._folders: list[Path] = []
        self._running: dict[str, list[omni.ext.IExt]] = {}
        self._modules: dict[str, list[str]] = {}
        self._hooks: list[weakref.ref[_Hook]] = []

    def add_path(self, path: str) -> None:
        self._folders.append(Path(path))

    def is_extension_enabled(self, ext_name: str) -> bool:
        return ext_name in self.enabled

    def get_enabled_extension_id(self, ext_name: str) -> str:
        return self.enabled.get(ext_name, "")

    def get_extension_path(self, ext_id: str) -> str:
        return str(self._find(omni.ext.get_extension_name(ext_id)))

    def subscribe_to_extension_enable(
        self,
        on_enable_fn: Callable[[str], None],
        on_disable_fn: Callable[[str], None] | None = None,
        ext_name: str = "",
        hook_name: str = "",
    ) -> _Hook:
        self.live_hooks()  # forgets those that ended
        hook = _Hook(on_enable_fn, on_disable_fn or (lambda ext_id: None), ext_name)
        self._hooks.append(weakref.ref(hook))
        if ext_name in self.enabled and PROFILE != "kit107":
            on_enable_fn(self.enabled[ext_name])
        return hook

    def live_hooks(self) -> list[_Hook]:
        """Subscriptions that are called, for tests."""
        self._hooks = [ref for ref in self._hooks if ref() is not None]
        return [hook for ref in self._hooks if (hook := ref()) is not None]

    def set_builtin(self, name: str, enabled: bool) -> None:
        """Enable or disable an extension that Kit brings, for tests."""
        if enabled:
            self.enabled[name] = f"{name}-1.0.0"
        for hook in self.live_hooks():
            if hook.ext_name == name:
                (hook.on_enable if enabled else hook.on_disable)(f"{name}-1.0.0")
        if not enabled:
            self.enabled.pop(name, None)

    def set_extension_enabled_immediate(self, extension_id: str, enabled: bool) -> bool:
        name = omni.ext.get_extension_name(extension_id)
        if enabled == (name in self._running):
            return True
        return self._enable(name) if enabled else self._disable(name)

    def _find(self, name: str) -> Path:
        for folder in self._folders:
            if (folder / name / "config" / "extension.toml").is_file():
                return folder / name
        raise RuntimeError(f"there is no extension {name} in {self._folders}")

    def _enable(self, name: str) -> bool:
        folder = self._find(name)
        manifest = tomllib.loads((folder / "config" / "extension.toml").read_text(encoding="utf-8"))
        for needed, how in manifest.get("dependencies", {}).items():
            if not how.get("optional", False) and needed not in self.enabled:
                carb.log_error(f"{name} needs {needed}, which is not enabled")
                return False
        settings = carb.settings.get_settings()
        for path, value in _leaves(manifest.get("settings", {})):
            settings.set_default(path, value)
        ext_id = f"{name}-{manifest['package']['version']}"
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        started: list[omni.ext.IExt] = []
        self._running[name] = started
        self._modules[name] = [module["name"] for module in manifest["python"]["module"]]
        for module_name in self._modules[name]:
            try:
                module = importlib.import_module(module_name)
                for kind in list(vars(module).values()):
                    if isinstance(kind, type) and issubclass(kind, omni.ext.IExt) and kind is not omni.ext.IExt:
                        started.append(kind())
                        started[-1].on_startup(ext_id)
            except Exception:
                carb.log_error(f"{name} could not start:\n{traceback.format_exc()}")
        self.enabled[name] = ext_id
        return True

    def _disable(self, name: str) -> bool:
        started = self._running.pop(name)
        left = [weakref.ref(one) for one in started]
        while started:
            try:
                started.pop().on_shutdown()
            except Exception:
                carb.log_error(f"{name} could not shut down:\n{traceback.format_exc()}")
        self.enabled.pop(name, None)
        if self.unload:
            for prefix in self._modules[name]:
                for module in [one for one in sys.modules if one == prefix or one.startswith(f"{prefix}.")]:
                    del sys.modules[module]
                parent, _, child = prefix.rpartition(".")
                if parent in sys.modules and hasattr(sys.modules[parent], child):
                    delattr(sys.modules[parent], child)
        gc.collect()
        if any(ref() is not None for ref in left):
            carb.log_warn(f"{name}: dangling references to its IExt object")
        return True


def _leaves(table: dict[str, Any], at: str = "") -> list[tuple[str, Any]]:
    """Path and value of every setting in a manifest."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found += _leaves(value, f"{at}/{key}") if isinstance(value, dict) else [(f"{at}/{key}", value)]
    return found


class IApp:
    """The application."""

    def __init__(self) -> None:
        self._manager = ExtensionManager()
        self._updating = False
        self._streams = {"pre": IEventStream(), "update": IEventStream(), "post": IEventStream()}
        self.seconds = 0.0

    def get_extension_manager(self) -> ExtensionManager:
        return self._manager

    def get_kit_version(self) -> str:
        return _VERSIONS[PROFILE]

    def is_running(self) -> bool:
        return True

    def get_pre_update_event_stream(self) -> IEventStream:
        return self._streams["pre"]

    def get_update_event_stream(self) -> IEventStream:
        return self._streams["update"]

    def get_post_update_event_stream(self) -> IEventStream:
        return self._streams["post"]

    def update(self) -> None:
        """One turn of the loop; sets ``seconds`` to what it took."""
        if self._updating:
            raise RuntimeError("IApp.update() was called by an observer of itself")
        self._updating = True
        began = time.perf_counter()
        try:
            timeline = sys.modules.get("omni.timeline")
            if timeline is not None:
                timeline.get_timeline_interface().commit()
            for name, stream in zip(("preUpdate", "update", "postUpdate"), self._streams.values(), strict=True):
                if PROFILE != "kit106":
                    from carb.eventdispatcher import get_eventdispatcher

                    get_eventdispatcher().dispatch_event(name, {"dt": 1.0 / 60.0})
                stream.push(0, {"dt": 1.0 / 60.0})
        finally:
            self._updating = False
            self.seconds = time.perf_counter() - began


_APP = IApp()


def get_app() -> IApp:
    return _APP
