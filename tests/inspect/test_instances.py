"""What is inside of native instances is inspected as it is elsewhere, in every instance."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")

from pxr import Gf, Sdf, Usd, UsdGeom

from omni.isaac.ovrtx_render.inspect import Inspector, check

TOLD = {
    "units-mismatch": "Hand",
    "composition-error": "Lost",
    "payload-unloaded": "Loaded",
    "geometry-undefined": "Over",
}
"""Codes, and the prims of an assembly at which they are raised."""


def part(folder: Path, name: str, meters_per_unit: float = 1.0) -> Usd.Stage:
    """A file in which a part is defined."""
    stage = Usd.Stage.CreateNew(str(folder / f"{name}.usda"))
    UsdGeom.SetStageMetersPerUnit(stage, meters_per_unit)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Part").GetPrim())
    return stage


def refer(stage: Usd.Stage, path: str, name: str, instanced: bool = False) -> Usd.Prim:
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    prim.GetReferences().AddReference(f"./{name}.usda")
    prim.SetInstanceable(instanced)
    return prim


@pytest.fixture
def stage(tmp_path: Path) -> Usd.Stage:
    """Two environments with an instance of a robot each, in which an assembly is an instance, too."""
    cube = part(tmp_path, "part", 0.01)
    UsdGeom.Cube.Define(cube, "/Part/Cube").CreateDisplayColorAttr([Gf.Vec3f(0.5)])
    cube.Save()
    assembly = part(tmp_path, "assembly")
    refer(assembly, "/Part/Hand", "part")
    refer(assembly, "/Part/Lost", "nothing")
    UsdGeom.Xform.Define(assembly, "/Part/Loaded").GetPrim().GetPayloads().AddPayload("./part.usda")
    over = UsdGeom.Cube.Define(assembly, "/Part/Over/Cube")
    over.CreateDisplayColorAttr([Gf.Vec3f(0.5)])
    assembly.GetPrimAtPath("/Part/Over").SetSpecifier(Sdf.SpecifierOver)
    assembly.Save()
    robot = part(tmp_path, "robot")
    refer(robot, "/Part/Arm", "assembly", instanced=True)
    robot.Save()
    stage = Usd.Stage.CreateNew(str(tmp_path / "stage.usda"))
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    for env in range(2):
        refer(stage, f"/World/envs/env_{env}/Robot", "robot", instanced=True)
    stage.Save()
    return Usd.Stage.Open(str(tmp_path / "stage.usda"), Usd.Stage.LoadNone)


def test_every_instance_is_told_of(stage: Usd.Stage) -> None:
    assert stage.GetPrimAtPath("/World/envs/env_1/Robot/Arm/Hand").IsInstanceProxy()
    report = check(stage)
    found = {finding.code: finding for finding in report.findings if finding.code in TOLD}
    assert {code: finding.path.rpartition("/")[2] for code, finding in found.items()} == TOLD
    for code, name in TOLD.items():
        places = [f"/World/envs/env_{env}/Robot/Arm/{name}" for env in range(2)]
        assert report.paths(found[code]) == places, code


def test_units_inside_of_an_instance_are_mended(stage: Usd.Stage) -> None:
    with Inspector(stage) as inspector:
        (finding,) = (each for each in inspector.findings if each.code == "units-mismatch")
        fix = inspector.fix(finding)
        fix.apply()
        hand = UsdGeom.Xformable(stage.GetPrimAtPath("/World/envs/env_1/Robot/Arm/Hand"))
        assert hand.GetLocalTransformation()[0][0] == pytest.approx(0.01)
        inspector.sync()
        assert "units-mismatch" not in {each.code for each in inspector.findings}
        fix.undo()
        inspector.sync()
        assert [each.path for each in inspector.findings if each.code == "units-mismatch"] == [finding.path]
