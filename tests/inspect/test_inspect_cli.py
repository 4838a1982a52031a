"""``ovrtx-render inspect``, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("typer", reason="the command line needs the extra 'standalone'")
pytest.importorskip("pxr", reason="the command line needs the extra 'standalone'")
pytest.importorskip("PIL", reason="the command line needs the extra 'standalone'")

import numpy as np
from gallery import CASES
from pictures import photograph
from pxr import Usd, UsdGeom
from typer.testing import CliRunner

from omni.isaac.ovrtx_render.cli.app import app


def run(*words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    result = CliRunner().invoke(app, ["inspect", *(str(word) for word in words)], env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def scene(tmp_path: Path, code: str, broken: bool = True) -> Path:
    CASES[code].stage(tmp_path / code, broken)
    return tmp_path / code / "stage.usda"


def test_exit_codes_follow_severity(tmp_path: Path) -> None:
    assert run(scene(tmp_path, "binding-api-missing", broken=False))[0] == 0
    assert run(scene(tmp_path, "material-unbound"))[0] == 0
    assert run(scene(tmp_path, "material-missing"))[0] == 5
    assert run(scene(tmp_path, "everything-hidden"))[0] == 6
    assert run(tmp_path / "nowhere.usda")[0] == 3
    assert run(scene(tmp_path, "no-light"), "--backend", "nonsense")[0] == 4


def test_a_row_says_what_where_and_the_fix(tmp_path: Path) -> None:
    file = scene(tmp_path, "material-missing")
    out = run(file, "--bindings")[1]
    assert "material-missing" in out and "/World/Panel" in out and "Bind /World/Looks/blue" in out
    line = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if "OldLooks" in text)
    assert f"stage.usda:{line}" in out
    assert "/World/Looks/red" in out and "(grey)" in out


def test_only_what_touches_the_backend(tmp_path: Path) -> None:
    file = scene(tmp_path, "mdl-module-missing")
    assert run(file, "--backend", "ovrtx")[0] == 5
    assert run(file, "--backend", "warp")[0] == 0


def test_clones_are_one_row(tmp_path: Path) -> None:
    stage = Usd.Stage.CreateNew(str(tmp_path / "lab.usda"))
    for env in range(50):
        UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/Box")
    stage.Save()
    code, out, _ = run(tmp_path / "lab.usda", "--json")
    found = json.loads(out)
    assert code == 0 and found["environments"] == 50
    unbound = [finding for finding in found["findings"] if finding["code"] == "material-unbound"]
    assert len(unbound) == 1 and unbound[0]["count"] == 50 and unbound[0]["envs"] == list(range(50))
    assert [binding["envs"] for binding in found["bindings"]] == [list(range(50))]
    assert "49 more" in run(tmp_path / "lab.usda")[1]


def test_the_fixed_file_is_the_mended_stage(tmp_path: Path, device: str) -> None:
    file = scene(tmp_path, "texture-unresolved")
    before = file.read_bytes()
    fixed = tmp_path / "elsewhere" / "fixed.usda"
    fixed.parent.mkdir()
    assert run(file, "--fix", fixed)[0] == 5
    assert file.read_bytes() == before
    assert run(fixed)[0] == 0
    intact = photograph(CASES["texture-unresolved"].stage(tmp_path / "intact", broken=False), device)
    mended = Usd.Stage.Open(str(fixed))
    assert UsdGeom.GetStageMetersPerUnit(mended) == 1.0 and mended.GetDefaultPrim().GetName() == "World"
    assert np.abs(photograph(mended, device).astype(int) - intact).max() <= 2
    assert run(file, "--fix", file)[0] == 3
    assert run(file, "--fix", tmp_path / "fixed.nonsense")[0] == 3
