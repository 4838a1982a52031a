"""The command line, as a user meets it."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs the extra 'standalone'")
pytest.importorskip("pxr", reason="the command line needs the extra 'standalone'")
pytest.importorskip("PIL", reason="the command line needs the extra 'standalone'")

from PIL import Image
from pxr import Gf, Usd, UsdGeom
from typer.testing import CliRunner

from omni.isaac.ovrtx_render import cli, registry
from omni.isaac.ovrtx_render._version import __version__
from omni.isaac.ovrtx_render.cli.app import app
from omni.isaac.ovrtx_render.cli.framing import add_framing_camera, has_camera
from omni.isaac.ovrtx_render.cli.pictures import write_outputs
from omni.isaac.ovrtx_render.cli.report import Report
from omni.isaac.ovrtx_render.errors import SceneError
from omni.isaac.ovrtx_render.registry import Probe

FAST = ("--preset", "fast", "--device", "cpu")


def run(*words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def two_cameras(tmp_path: Path) -> Path:
    """A red cube seen by two cameras, one of which looks away."""
    stage = Usd.Stage.CreateNew(str(tmp_path / "scene.usda"))
    cube = UsdGeom.Cube.Define(stage, "/World/Cube")
    cube.CreateDisplayColorAttr([Gf.Vec3f(1, 0, 0)])
    for name, turn in (("Front", 0.0), ("Back", 180.0)):
        camera = UsdGeom.Camera.Define(stage, f"/World/Cameras/{name}")
        camera.AddRotateYOp().Set(turn)
        camera.AddTranslateOp().Set(Gf.Vec3d(0, 0, 6.0 if turn == 0.0 else -6.0))
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 1000))
    stage.Save()
    return tmp_path / "scene.usda"


@pytest.fixture
def no_camera(tmp_path: Path) -> Path:
    stage = Usd.Stage.CreateNew(str(tmp_path / "bare.usda"))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    ball = UsdGeom.Sphere.Define(stage, "/Ball")
    ball.AddTranslateOp().Set(Gf.Vec3d(3, 2, 1))
    stage.Save()
    return tmp_path / "bare.usda"


def test_version_and_help_with_examples() -> None:
    assert run("--version") == (0, f"{__version__}\n", "")
    for command in ("demo", "render", "doctor"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert f"Example: ovrtx-render {command}" in out


@pytest.mark.parametrize(("have_usd", "extra"), [(False, "standalone"), (True, "cli")])
def test_missing_typer_is_told_with_the_cure(
    have_usd: bool, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Which brings no second USD."""
    monkeypatch.setattr(cli, "find_spec", lambda name: name if have_usd else None)
    real = builtins.__import__

    def without_typer(name: str, *rest):
        if name == "typer":
            raise ModuleNotFoundError("No module named 'typer'", name="typer")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_typer)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    monkeypatch.undo()
    assert stop.value.code == 2
    assert "'typer'" in (text := capsys.readouterr().err)
    assert f"omni-isaac-ovrtx-render[{extra}]" in text


def test_tables_print_square_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    """Units stand in brackets, which are no markup of ours."""
    Report(as_json=False).table("Growth with width [px]", ("size [px]", "prim"), [(1, "env_[0-9]")])
    printed = capsys.readouterr().out
    for text in ("width [px]", "size [px]", "env_[0-9]"):
        assert text in printed


def test_doctor_lists_backends_and_versions() -> None:
    code, out, _ = run("doctor")
    assert code == 0
    for word in ("warp", "ovrtx", "newton", "isaac_rtx", "numpy", __version__):
        assert word in out


def test_doctor_json_is_alone_on_stdout() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "omni.isaac.ovrtx_render.cli", "doctor", "--json"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answer = json.loads(done.stdout)
    assert {entry["name"] for entry in answer["backends"]} == set(registry.BACKENDS)
    assert "compiled" in answer["kernels"]


def test_doctor_fails_where_nothing_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "probe_all", lambda: [Probe("warp", False, "no Warp here")])
    code, out, _ = run("doctor")
    assert code == 4
    assert "no Warp here" in out


def test_demo_writes_a_mosaic_per_output_and_a_film(tmp_path: Path) -> None:
    size = ("--width", "16", "--height", "12")
    code, out, _ = run("demo", "--num-envs", "2", "--steps", "2", *size, *FAST, "--out", tmp_path, "--json")
    assert code == 0
    answer = json.loads(out)
    assert answer["backend"] == "warp"
    assert answer["env_frames_per_second"] > 0
    for name in ("rgb", "depth", "normals", "semantic_segmentation"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.size in ((32, 12), (16, 24))
            assert len(picture.convert("RGB").getcolors(10_000)) > 3
    with Image.open(tmp_path / "demo.webp") as film:
        assert film.n_frames == 2
    assert sorted(Path(file).name for file in answer["files"]) == sorted(path.name for path in tmp_path.iterdir())


def test_demo_prints_speed_for_people(tmp_path: Path) -> None:
    words = ("--num-envs", "1", "--steps", "1", "--width", "8", "--height", "8", "--outputs", "depth")
    code, out, _ = run("demo", *words, *FAST, "--out", tmp_path)
    assert code == 0
    assert "Mpx/s" in out
    assert (tmp_path / "depth.png").is_file()


def test_render_all_cameras(two_cameras: Path, tmp_path: Path) -> None:
    out_dir = tmp_path / "new" / "folder"
    words = ("--outputs", "rgb,depth", "--width", "32", "--height", "24", "--raw", "--json")
    code, out, _ = run("render", two_cameras, "--out", out_dir, *words, *FAST)
    assert code == 0
    answer = json.loads(out)
    assert answer["cameras"] == ["/World/Cameras/Front", "/World/Cameras/Back"]
    for name in ("rgb", "depth"):
        assert (out_dir / f"{name}.png").is_file()
        assert sorted(p.name for p in (out_dir / name).iterdir()) == ["Back.png", "Front.png"]
    depth = np.load(out_dir / "depth.npy")
    assert depth.shape == (2, 24, 32, 1)
    assert depth[0, 12, 16, 0] == pytest.approx(0.05, rel=1e-3)  # 5 units of a centimetre
    assert {str(p) for p in out_dir.rglob("*") if p.is_file()} == set(answer["files"])


def test_render_one_camera_by_pattern(two_cameras: Path, tmp_path: Path) -> None:
    words = ("--camera", "/World/Cameras/Fr.*", "--width", "32", "--height", "24")
    code, out, _ = run("render", two_cameras, "--out", tmp_path / "o", *words, *FAST)
    assert code == 0
    assert "1 camera(s)" in out
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["rgb.png"]


def test_render_without_a_camera_frames_everything(no_camera: Path, tmp_path: Path) -> None:
    before = no_camera.read_text()
    words = ("--outputs", "rgb,depth", "--raw", "--width", "40", "--height", "20")
    code, out, _ = run("render", no_camera, "--out", tmp_path / "o", *words, *FAST)
    assert code == 0
    assert "fitting one is used" in out
    hit = np.isfinite(np.load(tmp_path / "o" / "depth.npy")[0, ..., 0])
    assert hit[10, 20]
    assert 0.1 < hit.mean() < 0.9
    assert not (hit[0].any() or hit[-1].any() or hit[:, 0].any() or hit[:, -1].any())
    assert no_camera.read_text() == before


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.5])
def test_framing_camera_sees_every_corner(up: str, aspect: float) -> None:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, up)
    cube = UsdGeom.Cube.Define(stage, "/Box")
    cube.AddTranslateOp().Set(Gf.Vec3d(10, -20, 5))
    cube.AddScaleOp().Set(Gf.Vec3f(1, 4, 2))
    assert not has_camera(stage)
    camera = UsdGeom.Camera(stage.GetPrimAtPath(add_framing_camera(stage, aspect)))
    assert has_camera(stage)
    frustum = camera.GetCamera(Usd.TimeCode.Default()).frustum
    project = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
    box = Gf.Range3d(Gf.Vec3d(9, -24, 3), Gf.Vec3d(11, -16, 7))
    seen = np.array([project.Transform(box.GetCorner(i)) for i in range(8)])
    assert np.abs(seen).max() < 1.0
    assert np.abs(seen[:, :2]).max() > 0.9
    above = camera.ComputeLocalToWorldTransform(Usd.TimeCode.Default()).TransformDir(Gf.Vec3d(0, 1, 0))
    assert above["XYZ".index(up)] > 0.7


def test_empty_stage_has_nothing_to_frame() -> None:
    with pytest.raises(SceneError, match="nothing to look at"):
        add_framing_camera(Usd.Stage.CreateInMemory(), 1.0)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--outputs", "rgb,heat"), 2, "heat"),
        (("--outputs", ""), 2, "outputs is empty"),
        (("--width", "0"), 2, "width"),
        (("--exposure", "bright"), 2, "exposure is 'bright'"),
        (("--backend", "magic"), 2, "magic"),
        (("--backend", "isaac_rtx"), 4, "isaac_rtx"),
        (("--camera", "/World/Nowhere.*"), 3, "/World/Nowhere"),
    ],
)
def test_bad_options_give_one_line_and_a_code(
    words: tuple[str, ...], code: int, message: str, two_cameras: Path, tmp_path: Path
) -> None:
    found, out, err = run("render", two_cameras, "--out", tmp_path / "o", "--device", "cpu", *words)
    assert found == code
    assert message in out + err
    assert "Traceback" not in out + err
    assert not (tmp_path / "o").exists()


def test_missing_and_broken_files_are_scene_errors(tmp_path: Path) -> None:
    (tmp_path / "broken.usda").write_text("this is no USD")
    for name in ("absent.usd", "broken.usda"):
        code, _, err = run("render", tmp_path / name, "--out", tmp_path / "o")
        assert code == 3
        assert name in err


def test_output_path_that_is_a_file_is_a_usage_error(two_cameras: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, _, err = run("render", two_cameras, "--out", tmp_path / "taken", "--width", "8", "--height", "8", *FAST)
    assert code == 2
    assert "taken" in err


def test_camera_files_are_named_below_their_common_parent(tmp_path: Path) -> None:
    tiles = {"rgb": np.zeros((2, 2, 2, 3), np.uint8)}
    files = write_outputs(tmp_path, tiles, ["/World/envs/env_0/Camera", "/World/envs/env_1/Camera"], each=True)
    assert [f.name for f in files] == ["rgb.png", "env_0_Camera.png", "env_1_Camera.png"]


def test_kernels_compiled_ahead_are_all_that_the_next_process_needs(two_cameras: Path, tmp_path: Path) -> None:
    into = tmp_path / "kernels"
    made = [sys.executable, "-m", "omni.isaac.ovrtx_render.cli", "compile", str(two_cameras)]
    made += ["--presets", "fast", "--device", "cpu", "--into", str(into), "--json"]
    done = subprocess.run(made, capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(done.stdout)["bytes"] > 10_000
    drawn = [sys.executable, "-m", "omni.isaac.ovrtx_render.cli", "render", str(two_cameras), *FAST]
    drawn += ["--out", str(tmp_path / "out"), "--outputs", "rgb,depth", "--width", "32", "--height", "32"]
    before = {file for file in into.rglob("*") if file.is_file()}
    subprocess.run(drawn, env={**os.environ, "WARP_CACHE_PATH": str(into)}, check=True, timeout=300)
    after = {file for file in into.rglob("*") if file.is_file()}
    assert after == before


def test_compile_wants_a_preset() -> None:
    code, _, err = run("compile", "--presets", ",")
    assert code == 2
    assert "presets is empty" in err
