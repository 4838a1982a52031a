"""Kernels that a wheel brings: with them nothing is compiled, and what does not fit is as if it were not there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from omni.isaac.ovrtx_render.backends.warp import kernels, shipped

ROOT = Path(__file__).resolve().parents[2]
COMPILED = "omni/isaac/ovrtx_render/backends/warp/compiled"

DRAW = """
import sys
import numpy as np
from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.config import PRESETS
from omni.isaac.ovrtx_render.demo.scene import build_stage
from omni.isaac.ovrtx_render.backends.warp.kernels import load_on_cpu
from omni.isaac.ovrtx_render.backends.warp.ship import fixed_modules
stage, pictures = build_stage(1).stage, {}
bundles = ("depth", ("rgb", "depth"), ("rgb_hdr", "normals", "motion_vectors", "instance_segmentation"))
for preset in PRESETS:
    with TiledRenderer(stage, RendererCfg.preset(preset, backend="warp", device="cpu")) as renderer:
        for outputs in bundles:
            cameras = renderer.add_cameras(None, width=32, height=24, outputs=outputs)
            for name, buffer in renderer.render(cameras).items():
                pictures[f"{preset} {outputs} {name}"] = buffer.numpy()
load_on_cpu(fixed_modules())
np.savez(sys.argv[1], **pictures)
"""


def run(code: str, *arguments: object, path: Path, cache: Path | None = None) -> str:
    """Run code on the package in a folder; returns stdout. Kernels are compiled into ``cache``, or Warp's own."""
    env = {**os.environ, "PYTHONPATH": str(path)} | ({"WARP_CACHE_PATH": str(cache)} if cache else {})
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=path, env=env, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel puts into site-packages, with kernels for this machine's level of CPUs."""
    uv, level = shutil.which("uv"), shipped.cpu_level()
    if uv is None or level is None:
        pytest.skip("building a wheel needs uv; its kernels are for Linux and x86-64 with AVX2")
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "constraints").write_text(f"warp-lang=={version('warp-lang')}\n")
    command = [uv, "build", "--wheel", "--out-dir", str(folder), "--build-constraints", str(folder / "constraints")]
    other = folder / "also" / "1.0.0" / level
    other.mkdir(parents=True)
    (other / shipped.INDEX).write_text("{}")
    env = {**os.environ, "OVRTX_RENDER_SHIP": level, "OVRTX_RENDER_SHIP_ALSO": str(folder / "also")}
    built = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=1200)
    if "Failed to resolve requirements" in built.stderr:
        pytest.skip("building a wheel needs the network, or what it needs in uv's cache")
    assert built.returncode == 0, built.stderr
    wheel = next(folder.glob("*.whl"))
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    assert (folder / "site" / COMPILED / version("warp-lang") / level / shipped.INDEX).is_file(), built.stderr
    return folder / "site"


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_with_the_kernels_of_a_wheel_nothing_is_compiled_and_the_bits_are_the_same(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(DRAW, tmp_path / "shipped.npz", path=site, cache=cache)
    assert [file for file in cache.rglob("*") if file.is_file()] == []
    run(DRAW, tmp_path / "compiled.npz", path=ROOT)
    one, other = np.load(tmp_path / "shipped.npz"), np.load(tmp_path / "compiled.npz")
    assert one.files == other.files
    assert len(one.files) == 21
    for name in one.files:
        assert one[name].tobytes() == other[name].tobytes(), name


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("damage", ["cut", "swapped", "no index"])
def test_what_is_damaged_or_foreign_is_compiled_anew(site: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "compiled"
    shutil.copytree(site / COMPILED, folder)
    there = folder / version("warp-lang") / str(shipped.cpu_level())
    target = next(there.glob("omni_builder_8.*.o"))
    if damage == "cut":
        target.write_bytes(target.read_bytes()[:1000])
    elif damage == "swapped":
        target.write_bytes(next(there.glob("omni_visibility*.o")).read_bytes())
    else:
        (there / shipped.INDEX).write_text("{")
    code = """
import sys
from pathlib import Path
import numpy as np
from omni.isaac.ovrtx_render.backends.warp import bvh, kernels, shipped
shipped.FOLDER = Path(sys.argv[1])
for width in (kernels.CPU_WIDTH, kernels.CUDA_WIDTH):
    module = kernels.builder_module(width)
    shipped.target_level(module)
    kernels.load_on_cpu([module])
    tree = bvh.build_bvh(np.eye(3, dtype=np.float32), np.arange(3, dtype=np.int32)[None], width)
    assert np.array_equal(tree.upper, np.ones(3)), tree
"""
    run(code, folder, path=site, cache=tmp_path / "cache")
    made = list((tmp_path / "cache").rglob("*.o"))
    assert len(made) == (2 if damage == "no index" else 1)


def test_a_level_is_told_by_what_the_cpu_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    v3, v4 = (" ".join(sorted(shipped.LEVELS[f"x86-64-{name}"])) for name in ("v3", "v4"))
    told = {f"flags\t\t: fpu {v3} {v4} vaes": "x86-64-v4", f"flags : {v3} avx512f": "x86-64-v3", f"flags : {v4}": None}
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shipped.platform, "machine", lambda: "x86_64")
    for line, level in {**told, "Features : fp asimd": None, "": None}.items():
        monkeypatch.setattr(Path, "read_text", lambda *_, line=line, **__: f"processor : 0\n{line}\n")
        assert shipped.cpu_level.__wrapped__() == level
    monkeypatch.setattr(shipped.platform, "machine", lambda: "aarch64")
    assert shipped.cpu_level.__wrapped__() is None


def test_flags_that_the_user_gave_warp_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        def __init__(self) -> None:
            self.options = {"cpu_compiler_flags": None}

        def mark_modified(self) -> None:
            pass

    for flags, wanted in {
        None: f"-target-cpu x86-64-v3 {shipped._QUICK}",
        "-march=native -O1": f"-target-cpu x86-64-v3 {shipped._QUICK} -O1",
        "-march=znver4": None,
        "": None,
    }.items():
        monkeypatch.setattr(shipped.wp.config, "cpu_compiler_flags", flags)
        module = Module()
        shipped.target_level(module, "x86-64-v3")
        assert module.options["cpu_compiler_flags"] == wanted


def test_a_checkout_says_that_it_has_none() -> None:
    if shipped.FOLDER.exists():
        pytest.skip("the package was installed from a wheel")
    assert "compiled at first use" in shipped.describe()
    assert not kernels.load_shipped(kernels.MATERIAL_ROWS)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_what_came_is_told_and_can_be_left_aside(site: Path) -> None:
    code = """
import json
from omni.isaac.ovrtx_render.backends.warp import kernels, shipped
shipped.target_level(kernels.MATERIAL_ROWS)
shipped.use_shipped(False)
assert not shipped.load_shipped(kernels.MATERIAL_ROWS)
shipped.use_shipped(True)
assert shipped.load_shipped(kernels.MATERIAL_ROWS)
here = shipped.describe()
shipped.cpu_level = lambda: "x86-64-v9"
print(json.dumps([here, shipped.describe()]))
"""
    here, elsewhere = json.loads(run(code, path=site).splitlines()[-1])
    assert f"for {shipped.cpu_level()} and Warp {version('warp-lang')}" in here
    assert f"{shipped.cpu_level()} and Warp 1.0.0" in elsewhere  # brought along from another build
    assert "here is x86-64-v9" in elsewhere
