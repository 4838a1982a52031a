"""The distribution: one version, implicit namespaces, and an import that pulls in nothing heavy."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from omni.isaac.ovrtx_render import _version, _warp_version
from omni.isaac.ovrtx_render.errors import BackendUnavailableError

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = tomllib.loads((ROOT / "config" / "extension.toml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_version_is_written_once_and_read_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    written = MANIFEST["package"]["version"]
    assert _version.__version__ == written
    assert "version" not in PROJECT["project"]
    pattern = PROJECT["tool"]["hatch"]["version"]["pattern"]
    found = re.findall(pattern, (ROOT / "config" / "extension.toml").read_text(encoding="utf-8"))
    assert found == [written]

    def not_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_version, "version", not_installed)  # as in a Kit extension folder
    assert _version._read_version() == written


def test_installed_distribution_has_the_version_of_the_manifest() -> None:
    try:
        installed = version("omni-isaac-ovrtx-render")
    except PackageNotFoundError:
        pytest.skip("the package runs from its folder and is not installed")
    assert installed == MANIFEST["package"]["version"]


def extra(name: str) -> set[str]:
    """Names of the packages that an extra brings, through other extras of ours too; the plain package as well."""
    found: set[str] = set()
    extras = PROJECT["project"]["optional-dependencies"]
    for line in PROJECT["project"]["dependencies"] + extras[name]:
        ours = line.partition("[")[2]
        package = re.split(r"[<>=\[ ]", line)[0]
        if package == PROJECT["project"]["name"]:
            for other in ours.partition("]")[0].split(","):
                found |= extra(other)
        else:
            found.add(package)
    return found


def test_extras_for_isaac_lab_bring_neither_a_second_usd_nor_another_newton() -> None:
    for name in ("cli", "plots", "video"):
        assert not extra(name) & {"usd-core", "newton", "newton-usd-schemas", "mujoco", "mujoco-warp", "torch"}, name
    assert extra("standalone") == extra("cli") | {"usd-core"}
    assert "usd-core" in extra("train") & extra("bench")  # these are for environments of their own


def test_newest_change_log_entry_is_this_version() -> None:
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", log, re.MULTILINE)
    assert newest is not None
    assert newest[1] == MANIFEST["package"]["version"]


def test_namespaces_have_no_init() -> None:
    assert not (ROOT / "omni" / "__init__.py").exists()
    assert not (ROOT / "omni" / "isaac" / "__init__.py").exists()
    assert (ROOT / "omni" / "isaac" / "ovrtx_render" / "__init__.py").exists()


def test_files_that_the_manifest_names_exist() -> None:
    package = MANIFEST["package"]
    named = [package[key] for key in ("changelog", "readme", "preview_image", "icon")]
    for name in [*named, *MANIFEST["documentation"]["pages"]]:
        assert (ROOT / name).is_file(), name


def test_icon_is_256_pixels_square() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow reads the icon")
    with image.open(ROOT / "data" / "icon.png") as icon:
        assert icon.size == (256, 256)


def test_import_of_the_package_defers_what_draws() -> None:
    code = """
import sys
import omni.isaac.ovrtx_render as package
assert not {"warp", "numpy", "pxr"} & set(sys.modules), sorted(sys.modules)
assert all(getattr(package, name).__name__ == name for name in ("CameraBundle", "TiledRenderer", "TransformBinding"))
assert "warp" in sys.modules
try:
    package.Camera
except AttributeError as error:
    assert "has no attribute 'Camera'" in str(error)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_a_scene_is_drawn_without_openusd() -> None:
    """numpy and Warp are enough for a Scene that was read elsewhere."""
    code = """
import sys
sys.modules["pxr"] = None  # importing it fails
import numpy as np
from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.scene.data import Camera, Geometry, GeometryKind, Instances, Material, Scene
zero, place = np.zeros(1, np.int32), np.eye(4)[None]
place[0, 3, 2] = -2.0
scene = Scene(1.0, "Y", paths=["/Ball"], geometries=[Geometry(GeometryKind.SPHERE, (1.0,))], materials=[Material("m")])
scene.instances = Instances(zero, zero, zero - 1, place, zero > 0, zero, zero, zero)
scene.cameras = [Camera("/Camera", -1, np.eye(4), clipping_range=(0.01, 10.0))]
with TiledRenderer(scene, RendererCfg(backend="warp", device="cpu")) as renderer:
    cameras = renderer.add_cameras(None, width=5, height=5, outputs="depth")
    assert abs(float(renderer.render(cameras)["depth"].numpy()[0, 2, 2, 0]) - 1.0) < 1e-4
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)


def test_import_is_light_and_quick() -> None:
    code = """
import json, sys, time
began = time.perf_counter()
import omni.isaac.ovrtx_render as package
from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
print(json.dumps({"seconds": time.perf_counter() - began, "modules": sorted(sys.modules), "names": package.__all__}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    heavy = {"torch", "newton", "mujoco", "typer", "rich", "PIL", "OpenEXR", "omni.kit", "carb", "ovrtx", "matplotlib"}
    assert not heavy & set(answer["modules"])
    assert answer["seconds"] < 10.0  # on a busy machine; a second or less on an idle one
    assert {"TiledRenderer", "RendererCfg", "__version__"} <= set(answer["names"])


@pytest.mark.parametrize("found", ["1.8.2", "1.12.9", "0.15.0"])
def test_old_warp_is_refused_in_one_sentence(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_warp_version, "version", lambda name: found)
    with pytest.raises(
        BackendUnavailableError, match=rf"Warp {re.escape(found)} is installed.*needs Warp 1\.13"
    ) as error:
        _warp_version.require_warp()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("found", ["1.13.0", "1.13.0rc1", "1.19.0", "2.0.0.dev20270101"])
def test_new_enough_warp_is_taken(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_warp_version, "version", lambda name: found)
    assert _warp_version.require_warp() == found


@pytest.mark.parametrize(("found", "safe"), [("1.13.0", False), ("1.18.2", False), ("1.19.0", True), ("2.0.0", True)])
def test_threads_compile_side_by_side_only_where_warp_lets_them(
    found: str, safe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_warp_version, "version", lambda name: found)
    assert _warp_version.locks_code_generation() is safe


def test_missing_warp_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_warp_version, "version", not_installed)
    monkeypatch.setitem(sys.modules, "warp", None)
    with pytest.raises(BackendUnavailableError, match=r"pip install 'warp-lang>=1\.13"):
        _warp_version.require_warp()
