"""Isaac Lab in the process of Kit is offered the renderer when it is imported, and never imported for that."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

NAME = "omni.isaac.ovrtx_render"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of our adapters; they themselves are tested with Isaac Lab."""
    asked: list[str] = []
    presets, adapters = ModuleType(f"{NAME}.isaaclab.presets"), ModuleType(f"{NAME}.isaaclab.adapters")
    presets.PRESET_NAME = "ovrtx_render"
    presets.offer_preset = lambda: asked.append("offered")
    presets.withdraw_preset = lambda: asked.append("withdrawn")
    adapters.enable = lambda cfg: asked.append(f"enabled {cfg.samples_per_pixel}")
    adapters.disable = lambda: asked.append("disabled")
    for module in (ModuleType(f"{NAME}.isaaclab"), presets, adapters):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


@pytest.fixture
def isaac_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path for packages that are called as Isaac Lab's are."""
    monkeypatch.syspath_prepend(tmp_path / "lab")
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in LAB}
    yield tmp_path / "lab"
    for name in [name for name in sys.modules if name.partition(".")[0] in LAB]:
        del sys.modules[name]
    sys.modules.update(hidden)


LAB = ("isaaclab", "isaaclab_tasks")


def write(folder: Path, *modules: str) -> None:
    """Make modules that say in LOADED that they are loaded."""
    for name in modules:
        path = folder.joinpath(*name.split("."), "__init__.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("LOADED = True\n")
    importlib.invalidate_caches()


def test_isaac_lab_3_is_offered_the_choice_when_it_is_imported(make_kit, calls: list[str], isaac_lab: Path) -> None:
    write(isaac_lab, "isaaclab", "isaaclab.sensors", "isaaclab.renderers", "isaaclab_tasks", "isaaclab_tasks.utils")
    write(isaac_lab, "isaaclab_tasks.utils.presets")
    with make_kit() as kit:
        meta_path = list(sys.meta_path)
        kit.enable()
        kit.open()
        assert calls == [] and "isaaclab" not in sys.modules
        importlib.import_module("isaaclab.sensors")
        module = importlib.import_module("isaaclab_tasks.utils.presets")
        assert calls == ["offered"]
        assert module.LOADED and "LOADED = True" in inspect.getsource(module)  # its loader is its own again
        kit.disable()
        assert calls == ["offered", "withdrawn"] and sys.meta_path == meta_path
        kit.enable()  # it is imported by now
        kit.disable()
        assert calls == ["offered", "withdrawn"] * 2
        kit.set("isaaclab", False)
        kit.enable()
        assert len(calls) == 4
        assert kit.told() == []


def test_isaac_lab_2_3_has_its_tiled_cameras_replaced(make_kit, calls: list[str], isaac_lab: Path) -> None:
    write(isaac_lab, "isaaclab", "isaaclab.sensors")
    with make_kit("kit107") as kit:
        kit.set("renderer/samples_per_pixel", 3)
        kit.enable()
        importlib.import_module("isaaclab.sensors")
        assert calls == ["enabled 3"]
        kit.disable()
        assert calls == ["enabled 3", "disabled"]
        assert kit.told() == []


def test_offer_follows_its_setting(make_kit, calls: list[str], isaac_lab: Path) -> None:
    write(isaac_lab, "isaaclab", "isaaclab.sensors")
    importlib.import_module("isaaclab.sensors")
    with make_kit("kit107") as kit:
        kit.enable()
        assert calls == ["enabled 1"]
        for wanted, expected in ((False, "disabled"), (True, "enabled 1"), (True, "enabled 1"), (False, "disabled")):
            kit.set("isaaclab", wanted)
            kit.app.update()
            assert calls[-1] == expected
        assert calls == ["enabled 1", "disabled"] * 2
        kit.disable()
        assert len(calls) == 4 and kit.told() == []


def test_failure_is_told_and_leaves_the_import_alone(
    make_kit, calls: list[str], isaac_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(cfg: object) -> None:
        raise RuntimeError("a version that nobody knows")

    monkeypatch.setattr(sys.modules[f"{NAME}.isaaclab.adapters"], "enable", fail)
    write(isaac_lab, "isaaclab", "isaaclab.sensors")
    with make_kit("kit107") as kit:
        kit.enable()
        assert importlib.import_module("isaaclab.sensors").LOADED
        assert "a version that nobody knows" in kit.told("error")[0]
        kit.disable()
        assert calls == []
