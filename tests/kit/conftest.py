"""Kit processes for tests: the doubles in place, the extension found in a folder, a loop that is turned by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from doubles.kit_process import EXTENSIONS, kit_process
from ui_helpers import read_gpu

ROOT = Path(__file__).resolve().parents[2]
NAME = "omni.isaac.ovrtx_render"
PATIENCE = 120.0
"""Longest wait for a picture [s]: kernels may have to be compiled for it."""


class Kit:
    """A Kit process that finds the extension.

    Args:
        folder: Where to put what is made on disk.
        device: Warp device to draw on.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        import carb
        import carb.settings
        import omni.kit.app
        import omni.usd

        self.folder = folder
        self.app = omni.kit.app.get_app()
        self.manager = self.app.get_extension_manager()
        self.context = omni.usd.get_context()
        self.settings = carb.settings.get_settings()
        self.log = carb.LOG
        # Kit takes the name of an extension from its folder.
        (folder / "exts").mkdir(exist_ok=True)
        if not (folder / "exts" / NAME).exists():
            (folder / "exts" / NAME).symlink_to(ROOT, target_is_directory=True)
        self.manager.add_path(str(folder / "exts"))
        self.manager.set_builtin("omni.usd", True)
        self.set("renderer/device", device)
        self.set("renderer/backend", "warp")
        self.set("width", 16)
        self.set("height", 16)

    def set(self, name: str, value: Any) -> None:
        """Set a setting of the extension."""
        self.settings.set(f"/exts/{NAME}/{name}", value)

    def enable(self) -> Any:
        """Enable the extension; returns its service."""
        assert self.manager.set_extension_enabled_immediate(NAME, True)
        from omni.isaac.ovrtx_render.kit import running

        return running()

    def disable(self) -> None:
        """Disable the extension."""
        assert self.manager.set_extension_enabled_immediate(NAME, False)

    def open(self, envs: int = 2, **how: Any) -> str:
        """Open a new stage of small environments; returns its file."""
        from kit.stages import make_stage

        path = self.folder / f"stage_{time.monotonic_ns()}.usda"
        stage = make_stage(envs, **how)
        stage.GetRootLayer().Export(str(path))
        assert self.context.open_stage(str(path))
        return str(path)

    def update_until(self, reached: Callable[[], object], patience: float = PATIENCE) -> None:
        """Turn the loop until something is the case."""
        end = time.monotonic() + patience
        while not reached():
            assert time.monotonic() < end, f"not within {patience} s; the log ends with {self.log[-5:]}"
            self.app.update()
            time.sleep(0.001)

    def told(self, *levels: str) -> list[str]:
        """Lines of the log of some levels."""
        return [text for level, text in self.log if level in (levels or ("warn", "error"))]

    def held(self) -> dict[str, int]:
        """How many of everything the process holds that an extension must give back."""
        streams = (self.app.get_post_update_event_stream(), self.context.get_stage_event_stream())
        held = {
            "settings": len(self.settings.observers),
            "hooks": len(self.manager.live_hooks()),
            "streams": sum(len(stream.live()) for stream in streams),
        }
        try:
            from carb.eventdispatcher import get_eventdispatcher

            held["observers"] = len(get_eventdispatcher().live())
        except ImportError:
            pass
        for name, count in (
            ("omni.kit.actions.core", lambda m: len(m.get_action_registry().actions)),
            ("omni.kit.menu.utils", lambda m: sum(map(len, m.MENUS.values()))),
            ("isaacsim.core.rendering_manager", lambda m: len(m.RenderingManager.callbacks)),
        ):
            try:
                held[name] = count(__import__(name, fromlist=["_"]))
            except ImportError:
                continue
        return held


@pytest.fixture
def make_kit(tmp_path: Path, device: str) -> Iterator[Callable[..., Any]]:
    """``with make_kit(profile, extensions) as kit`` is a Kit process; afterwards nothing of it is left."""
    pytest.importorskip("pxr", reason="the extension follows USD stages; install the extra 'standalone'")

    @contextmanager
    def make(profile: str = "kit110", extensions: Iterable[str] = EXTENSIONS) -> Iterator[Kit]:
        with kit_process(profile, extensions):
            kit = Kit(tmp_path, device)
            if device != "cpu" and "omni.ui" in extensions:
                import omni.ui as ui

                ui.ByteImageProvider.read_gpu = staticmethod(read_gpu)
            yield kit
            if kit.manager.is_extension_enabled(NAME):
                kit.disable()
            kit.context.close_stage()

    yield make


@pytest.fixture(params=["kit106", "kit107", "kit110"])
def kit(request: pytest.FixtureRequest, make_kit: Callable[..., Any]) -> Iterator[Kit]:
    """Each generation of Kit in turn."""
    with make_kit(request.param) as process:
        yield process
