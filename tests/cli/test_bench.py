"""``ovrtx-render bench``: the figures it prints, and the scenes it grows."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warp as wp

pytest.importorskip("typer", reason="the command line needs the extra 'standalone'")
pytest.importorskip("pxr", reason="the command line needs the extra 'standalone'")

from pxr import Gf, Usd, UsdGeom
from typer.testing import CliRunner

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.cli import measure
from omni.isaac.ovrtx_render.cli.app import app
from omni.isaac.ovrtx_render.cli.growth import ball_scene, copies, finer, powers, triangle_count
from omni.isaac.ovrtx_render.cli.measure import CUDA_PHASES, kernel_name, peak_memory
from omni.isaac.ovrtx_render.scene.data import SHARED, Scene
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene

SMALL = ("--preset", "fast", "--device", "cpu", "--width", "16", "--height", "16", "--steps", "2")
LAMBERT = RendererCfg.preset("fast", backend="warp", device="cpu", exposure=0.0)


def run(*words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``ovrtx-render bench``."""
    result = CliRunner().invoke(app, ["bench", *map(str, words)], env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def answer(*words: str | Path) -> dict[str, Any]:
    """The JSON object of a run that goes well."""
    code, out, err = run(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def shoot(scene: Scene, outputs: tuple[str, ...] = ("rgb", "depth")) -> dict[str, np.ndarray]:
    with TiledRenderer(scene, LAMBERT) as renderer:
        cameras = renderer.add_cameras(None, width=48, height=48, outputs=outputs)
        return {name: buffer.numpy() for name, buffer in renderer.render(cameras).items()}


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Two environments with a cube and a camera each, on a shared floor."""
    stage = Usd.Stage.CreateNew(str(tmp_path / "lab.usda"))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    floor = UsdGeom.Cube.Define(stage, "/World/Floor")
    floor.AddTranslateOp().Set(Gf.Vec3d(0, 0, -1))
    floor.AddScaleOp().Set(Gf.Vec3f(20, 20, 0.1))
    for i in range(2):
        root = f"/World/envs/env_{i}"
        UsdGeom.Xform.Define(stage, root).AddTranslateOp().Set(Gf.Vec3d(10.0 * i, 0, 0))
        cube = UsdGeom.Cube.Define(stage, f"{root}/Cube")
        cube.CreateSizeAttr(0.5 + i)
        cube.CreateDisplayColorAttr([Gf.Vec3f(0.2, 0.4, 0.8)])
        camera = UsdGeom.Camera.Define(stage, f"{root}/Camera")
        camera.AddTranslateOp().Set(Gf.Vec3d(0, 0, 4))
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100))
    stage.Save()
    return tmp_path / "lab.usda"


def test_figures_of_the_demo_scene_add_up() -> None:
    found = answer("--num-envs", "2", *SMALL)
    assert found["images"] == found["num_envs"] == 2
    assert found["rays"] == 2 * 16 * 16
    assert found["triangles"] > 10_000
    assert found["rays_per_second"] == pytest.approx(found["rays"] / found["step_seconds"])
    assert {"transforms", "culling", "visibility", "shading"} <= set(found["phase_seconds"])
    assert 0 < sum(found["phase_seconds"].values()) <= 2 * found["step_seconds"]
    assert list(found["startup_seconds"]) == ["open", "read", "upload", "kernels", "first frame"]
    assert all(seconds >= 0 for seconds in found["startup_seconds"].values())
    assert found["prims"] >= 2 * 29
    assert found["memory"] > 50e6


def test_own_stage_is_measured_as_it_is_or_repeated(lab: Path) -> None:
    as_it_is = answer(lab, *SMALL)
    assert (as_it_is["num_envs"], as_it_is["images"], as_it_is["prims"]) == (2, 2, 2)
    repeated = answer(lab, "--num-envs", "5", *SMALL)
    assert (repeated["num_envs"], repeated["images"], repeated["prims"]) == (5, 5, 5)
    assert repeated["instances"] == 1 + 5


def test_stage_without_cameras_is_framed_and_its_file_kept(tmp_path: Path) -> None:
    stage = Usd.Stage.CreateNew(str(tmp_path / "bare.usda"))
    UsdGeom.Sphere.Define(stage, "/Ball")
    stage.Save()
    before = (tmp_path / "bare.usda").read_text()
    found = answer(tmp_path / "bare.usda", "--num-envs", "3", *SMALL)
    assert (found["images"], found["instances"], found["prims"]) == (3, 3, 3)
    assert (tmp_path / "bare.usda").read_text() == before


def test_table_for_people(lab: Path) -> None:
    code, out, _ = run(lab, *SMALL)
    assert code == 0
    for word in ("camera rays", "visibility", "kernels", "first frame", "memory of the process", "2 prims written"):
        assert word in out


@pytest.mark.parametrize(
    ("sweep", "limit", "sizes", "images"),
    [
        ("envs", 16, [1, 4, 16], [1, 4, 16]),
        ("resolution", 64, [32, 64], [2, 2]),
        ("triangles", 4096, [1024, 4096], [2, 2]),
    ],
)
def test_sweeps(sweep: str, limit: int, sizes: list[int], images: list[int]) -> None:
    envs = () if sweep == "envs" else ("--num-envs", "2")
    found = answer("--sweep", sweep, "--limit", str(limit), *envs, *SMALL)["sweep"]
    assert found["over"] == sweep
    assert [row["size"] for row in found["rows"]] == sizes
    assert [row["images"] for row in found["rows"]] == images
    middle = found["rows"][len(sizes) // 2]
    assert middle["expected_step_seconds"] == pytest.approx(middle["fastest_step_seconds"])
    if sweep == "resolution":
        assert [row["rays"] for row in found["rows"]] == [2 * size * size for size in sizes]


def test_plot_shows_the_curve(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra 'plots'")
    image = pytest.importorskip("PIL.Image")
    file = tmp_path / "new" / "growth.png"
    code, out, err = run("--sweep", "triangles", "--limit", "4096", "--num-envs", "1", "--plot", file, *SMALL)
    assert code == 0, err
    assert "wrote" in out
    with image.open(file) as picture:
        assert len(picture.convert("RGB").getcolors(100_000)) > 3


def test_plot_without_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    code, _, err = run("--sweep", "envs", "--plot", tmp_path / "x.png", *SMALL)
    assert code == 2
    assert "omni-isaac-ovrtx-render[plots]" in err.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--plot", "x.png"), 2, "sweep"),
        (("--limit", "8"), 2, "sweep"),
        (("--outputs", "heat"), 2, "heat"),
        (("--steps", "0"), 2, "steps"),
        (("--sweep", "weight"), 2, "weight"),
        (("--sweep", "triangles", "--limit", "7"), 2, "triangles"),
        (("absent.usd",), 3, "absent.usd"),
    ],
)
def test_bad_options(words: tuple[str, ...], code: int, message: str) -> None:
    found, out, err = run(*words, "--device", "cpu")
    assert found == code
    assert message in out + err
    assert "Traceback" not in out + err


def test_copies_look_like_the_first_environment(lab: Path) -> None:
    scene = read_scene(str(lab), LAMBERT)
    first = shoot(scene)
    grown = copies(scene, 3)
    assert grown.num_envs == 3
    assert len({grown.paths[i] for i in grown.instances.path}) == len(grown.instances)
    many = shoot(grown)
    for name in ("rgb", "depth"):
        for image in many[name]:
            assert np.array_equal(image, first[name][0])
    assert not np.array_equal(first["depth"][0], first["depth"][1])


def test_copies_of_a_stage_without_environments(lab: Path) -> None:
    whole = read_scene(str(lab), LAMBERT.replace(env_pattern="/Nothing_.*"))
    assert whole.num_envs == 0
    grown = copies(whole, 2)
    assert not (grown.instances.env == SHARED).any()
    one, two = shoot(whole), shoot(grown)
    assert len(two["depth"]) == 2 * len(one["depth"])
    assert np.array_equal(two["depth"][:2], one["depth"])
    assert np.array_equal(two["depth"][2:], one["depth"])


def test_finer_meshes_look_the_same() -> None:
    scene = ball_scene(1)
    coarse, fine = shoot(scene, ("depth", "normals")), shoot(finer(finer(scene)), ("depth", "normals"))
    assert triangle_count(finer(finer(scene))) == 16 * triangle_count(scene) == 16 * 1024
    same = np.isclose(coarse["depth"], fine["depth"], rtol=1e-4)
    assert same.mean() > 0.99
    assert np.abs(coarse["normals"] - fine["normals"])[same[..., 0]].max() < 0.05
    ball = coarse["depth"] < 1.7
    assert 0.05 < ball.mean() < 0.6


def test_finer_keeps_texture_coordinates_and_colours() -> None:
    mesh = ball_scene(1).meshes[0]
    mesh.uvs = mesh.points[mesh.triangles][..., :2].copy()
    mesh.colors = mesh.points[mesh.triangles].copy()
    split = finer(Scene(meshes=[mesh])).meshes[0]
    corners = split.points[split.triangles]
    assert split.uvs is not None
    assert split.colors is not None
    assert np.allclose(split.uvs, corners[..., :2], atol=1e-6)
    assert np.allclose(split.colors, corners, atol=1e-6)
    assert split.normals is not None
    assert np.allclose(np.linalg.norm(split.normals, axis=-1), 1.0, atol=1e-5)


def test_powers() -> None:
    assert list(powers(1, 64, 4)) == [1, 4, 16, 64]
    assert list(powers(32, 100, 2)) == [32, 64]


def test_memory_is_that_of_this_process_alone() -> None:
    ballast = np.ones(40_000_000)  # a child must not inherit the peak of its parent
    script = "from omni.isaac.ovrtx_render.cli.measure import peak_memory; print(peak_memory())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    child, own = int(done.stdout.splitlines()[-1]), peak_memory()
    assert own is not None
    assert own > ballast.nbytes
    assert 10e6 < child < own


def test_every_kernel_of_the_backend_has_its_phase() -> None:
    cfg = RendererCfg.preset("quality", backend="warp", device="cpu", samples_per_pixel=2)  # more than one pass
    outputs = ("rgb", "depth", "normals")
    with TiledRenderer(ball_scene(1), cfg) as renderer:
        cameras = renderer.add_cameras(None, width=8, height=8, outputs=outputs)
        renderer.render(cameras)
        launched = {step.launch.kernel.func.__name__: step.phase for step in cameras.backend_data.programs[0]._steps}
    assert launched == {name: phase for name, phase in CUDA_PHASES.items() if name in launched}
    assert set(launched) == set(CUDA_PHASES)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("forward kernel trace_primary", "trace_primary"),
        ("forward kernel sort_shapes_7c4311ff", "sort_shapes"),
        ("shade_kernel__locals__shade_03693876_cuda_kernel_forward", "shade"),
    ],
)
def test_labels_of_launches_give_the_kernel(label: str, name: str) -> None:
    assert kernel_name(label) == name
    assert name in CUDA_PHASES


def test_seconds_of_loading_hold_what_another_thread_still_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = threading.Event(), threading.Event()

    def load(*_: Any) -> None:
        begun.set()
        end.wait()

    monkeypatch.setattr(wp.Module, "load", load)
    with measure._kernel_loading() as seconds:
        assert seconds() == 0.0
        thread = threading.Thread(target=lambda: wp.Module.load(None))
        thread.start()
        begun.wait()
        time.sleep(0.002)
        under_way = seconds()
        assert under_way > 0.0
        end.set()
        thread.join()
        total = seconds()
        assert total >= under_way
        assert seconds() == total
