"""Enabling and disabling the extension: what starts, what is left behind."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "omni.isaac.ovrtx_render"
MANIFEST = ROOT / "config" / "extension.toml"


def test_enabling_attaches_and_disabling_leaves_nothing(kit) -> None:
    before = kit.held()
    service = kit.enable()
    assert service.name == NAME
    during = kit.held()
    assert during["omni.kit.actions.core"] == 3 and during["omni.kit.menu.utils"] == 1
    assert during["settings"] == 1 and during["streams"] + during.get("observers", 0) == 6
    kit.disable()
    assert kit.held() == before
    assert kit.told() == []
    from omni.isaac.ovrtx_render.kit import running

    assert running() is None


def test_stage_that_was_open_before_is_picked_up(kit) -> None:
    url = kit.open()
    service = kit.enable()
    assert service.stage.GetRootLayer().realPath == url


def test_stage_is_followed_and_let_go(kit) -> None:
    service = kit.enable()
    assert service.stage is None
    first = kit.open()
    assert service.stage.GetRootLayer().realPath == first
    second = kit.open()
    assert service.stage.GetRootLayer().realPath == second
    kit.context.close_stage()  # the double complains about a stage that somebody holds
    assert service.stage is None
    assert kit.told() == []


def test_extensions_that_come_later_are_attached(make_kit) -> None:
    with make_kit(extensions=["omni.kit.actions.core", "omni.kit.menu.utils"]) as kit:
        kit.manager.set_builtin("omni.kit.menu.utils", False)
        kit.enable()
        assert kit.held()["omni.kit.menu.utils"] == 0
        kit.manager.set_builtin("omni.kit.menu.utils", True)
        assert kit.held()["omni.kit.menu.utils"] == 1
        kit.manager.set_builtin("omni.kit.menu.utils", False)
        assert kit.held()["omni.kit.menu.utils"] == 0


def test_headless_application_without_any_interface(make_kit) -> None:
    with make_kit(extensions=[]) as kit:
        kit.open()
        service = kit.enable()
        kit.app.update()
        assert kit.told() == []
        service.interface.show_window()
        assert "has no windows" in kit.told("warn")[0]
        kit.disable()


def test_start_up_imports_nothing_heavy_and_takes_no_time() -> None:
    """In a process of its own: how long enabling takes, and what it imports, with a stage that is open."""
    code = """
import sys, time, json
from pathlib import Path
from doubles.kit_process import kit_process
import tempfile
folder = Path(tempfile.mkdtemp())
(folder / "omni.isaac.ovrtx_render").symlink_to(sys.argv[1])
with kit_process("kit110", ["omni.kit.actions.core", "omni.kit.menu.utils", "omni.timeline"]):
    import carb, omni.kit.app, omni.usd
    from pxr import Usd
    Usd.Stage.CreateNew(str(folder / "stage.usda")).Save()
    manager = omni.kit.app.get_app().get_extension_manager()
    manager.add_path(str(folder))
    manager.set_builtin("omni.usd", True)
    omni.usd.get_context().open_stage(str(folder / "stage.usda"))
    before = set(sys.modules)
    began = time.perf_counter()
    assert manager.set_extension_enabled_immediate("omni.isaac.ovrtx_render", True)
    seconds = time.perf_counter() - began
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    assert not new & {"warp", "numpy", "torch", "PIL", "isaaclab", "newton", "ovrtx"}, new
    assert [line for line in carb.LOG if line[0] in ("warn", "error")] == [], carb.LOG
    manager.set_extension_enabled_immediate("omni.isaac.ovrtx_render", False)
    print(json.dumps(seconds))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.splitlines()[-1]) < 0.3


def imported_modules(folder: Path) -> set[str]:
    """Names of the modules that the Python files of a folder import from elsewhere."""
    names: set[str] = set()
    for source in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                below = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= below if node.module == "omni" else {node.module}
    return names


def test_manifest_declares_every_kit_module_that_is_imported() -> None:
    """Elsewhere another extension may have imported it first, but not in the bare application of Kit's own test."""
    manifest = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    kernel = {"omni.ext", "omni.kit.app"}
    bringers = {"usdrt": "usdrt.scenegraph", "warp": "omni.warp.core"}
    imported = imported_modules(ROOT / NAME.replace(".", "/"))
    theirs = {
        bringers.get(name, name) for name in imported if name.partition(".")[0] in ("omni", "isaacsim", *bringers)
    }
    theirs = {name for name in theirs if not name.startswith("omni.isaac.")}
    assert len(theirs) > 10
    parts = {name for name in manifest["dependencies"] for module in theirs if f"{module}.".startswith(f"{name}.")}
    covered = {module for module in theirs if any(f"{module}.".startswith(f"{name}.") for name in parts | kernel)}
    assert theirs - covered == set()
    assert set(manifest["dependencies"]) - parts == set()  # and nothing else
    assert list(manifest["dependencies"]) == sorted(manifest["dependencies"])
    hard = {name for name, how in manifest["dependencies"].items() if not how.get("optional")}
    assert hard == {"omni.usd"}


def test_manifest_has_what_kit_wants_and_watches_only_what_it_runs() -> None:
    manifest = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    assert all(manifest["package"].values())  # nothing is left empty
    patterns = manifest["fswatcher"]["paths"]["exclude"]

    def watched(path: str) -> bool:
        return not any(fnmatch(f"/exts/{NAME}/{path}", pattern) for pattern in patterns)

    assert watched("omni/isaac/ovrtx_render/kit/service.py") and watched("config/extension.toml")
    for path in (".venv/lib/python3.12/site-packages/a.py", "tests/kit/conftest.py", "docs/window_pictures.py"):
        assert not watched(path), path


@pytest.mark.parametrize("profile", ["kit107", "kit110"])
def test_reload_imports_the_extension_anew(make_kit, profile: str) -> None:
    """The classes of the next start are other objects of the same names; those that scripts hold stay."""
    with make_kit(profile) as kit:
        kit.manager.unload = True
        before, services = kit.held(), []
        for _ in range(3):
            services.append(type(kit.enable()))
            kit.open()
            kit.disable()
            assert kit.held() == before
        assert len({id(service) for service in services}) == 3
        assert kit.told() == []


def test_old_warp_is_told_to_whoever_asks_for_the_window(make_kit, monkeypatch: pytest.MonkeyPatch) -> None:
    from omni.isaac.ovrtx_render import _warp_version

    monkeypatch.setattr(_warp_version, "version", lambda name: "1.8.2")  # that of Isaac Sim 5.1
    with make_kit("kit107") as kit:
        kit.enable()
        from omni.kit.actions.core import get_action_registry

        get_action_registry().execute_action(NAME, "redraw")
        assert "Warp 1.8.2 is installed" in kit.told("error")[0] and "Traceback" not in kit.told("error")[0]
