"""What a report holds: findings of clones as one, bindings with their reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
pytest.importorskip("PIL", reason="needs the extra 'standalone'")

from gallery import CASES
from pxr import Gf, Usd, UsdGeom

from omni.isaac.ovrtx_render.demo import build_stage
from omni.isaac.ovrtx_render.inspect import check


def test_the_demo_scene_is_sound() -> None:
    report = check(build_stage(3).stage)
    assert report.findings == []
    mug = next(binding for binding in report.bindings if binding.path.endswith("env_0/Objects/mug/mesh"))
    assert (mug.material, mug.reason, mug.envs) == ("/World/envs/env_0/Looks/mug", "direct", (0, 1, 2))
    assert report.paths(mug)[2] == "/World/envs/env_2/Objects/mug/mesh"
    steel = report.users("/World/Looks/steel")
    assert len(steel) > 1 and all(binding.material == "/World/Looks/steel" for binding in steel)
    assert report.users("") == []


def test_a_universal_surface_that_rtx_does_not_know_is_told_of(tmp_path: Path) -> None:
    stage = CASES["material-unbound"].stage(tmp_path, broken=False)
    stage.GetPrimAtPath("/World/Looks/blue/Surface").GetAttribute("info:id").Set("StudioSurface")
    assert [finding.code for finding in check(stage, backend="ovrtx").findings] == ["shader-unknown-to-rtx"]
    assert [finding.code for finding in check(stage, backend="warp").findings] == ["material-unsupported"]


def test_a_transform_that_squashes_one_clone_is_told_of_that_one_alone() -> None:
    stage = Usd.Stage.CreateInMemory()
    for env in range(4):
        box = UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/box")
        box.AddScaleOp().Set(Gf.Vec3f(1.0, 0.0 if env == 2 else 1.0, 0.0 if env == 2 else 1.0))
        box.CreateDisplayColorAttr([(0.5, 0.5, 0.5)])
    found = [finding for finding in check(stage).findings if finding.code == "transform-degenerate"]
    assert [(finding.path, finding.envs) for finding in found] == [("/World/envs/env_2/box", (2,))]


def test_colors_of_clones_that_hide_them_are_told_of_those() -> None:
    stage = Usd.Stage.CreateInMemory()
    for env in range(6):
        box = UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/box")
        box.CreateDisplayColorAttr([(env / 6, 0.5, 0.5)])
        box.CreateDisplayOpacityAttr([0.0 if env in (2, 5) else 1.0])
    report = check(stage)
    found = [finding for finding in report.findings if finding.code == "material-invisible"]
    assert [(finding.path, finding.envs) for finding in found] == [("/World/envs/env_2/box", (2, 5))]
    (binding,) = report.bindings
    assert (binding.fallback, binding.envs) == ("displayColor", (0, 1, 2, 3, 4, 5))
