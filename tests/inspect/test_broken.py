"""Random broken materials and stages: findings and fixes, never an exception."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
hypothesis = pytest.importorskip("hypothesis")

from hypothesis import strategies as st  # noqa: E402
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade  # noqa: E402

from omni.isaac.ovrtx_render.inspect import CODES, Inspector, check, lookalike  # noqa: E402


def _networks() -> ModuleType:
    """The random networks of the material reader's tests."""
    file = Path(__file__).resolve().parents[1] / "scene" / "test_materials_broken.py"
    spec = importlib.util.spec_from_file_location("networks", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NETWORKS = _networks()


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(
    shaders=st.lists(NETWORKS.shader, min_size=5, max_size=5),
    surface=st.tuples(st.sampled_from(["", "mtlx", "mdl", "ri"]), st.sampled_from(NETWORKS.SHADERS)),
)
def test_broken_networks_are_told_of_and_can_be_fixed(shaders: list, surface: tuple[str, str]) -> None:
    stage = Usd.Stage.CreateInMemory()
    NETWORKS.build(stage, shaders, surface)
    mesh = UsdGeom.Mesh.Define(stage, "/m")
    mesh.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    mesh.CreateFaceVertexCountsAttr([3])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2])
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(UsdShade.Material(stage.GetPrimAtPath("/mat")))
    with Inspector(stage) as inspector:
        before = set(inspector.findings)
        assert all(finding.code in CODES and finding.message and finding.backends for finding in before)
        fixes = [inspector.fix(finding) for finding in before if finding.fix]
        for fix in fixes:
            fix.apply()
        inspector.sync()
        assert {(f.code, f.path) for f in inspector.findings} == {(f.code, f.path) for f in check(stage).findings}
        for fix in fixes:
            fix.undo()
        inspector.sync()
        assert {(f.code, f.path, f.message) for f in inspector.findings} == {
            (f.code, f.path, f.message) for f in before
        }
    fix = lookalike(stage, "/mat")
    assert "UsdPreviewSurface" in fix.preview()


def test_nonsense_values_are_survived() -> None:
    stage = Usd.Stage.CreateInMemory()
    nan = float("nan")
    camera = UsdGeom.Camera.Define(stage, "/Camera")
    camera.AddTransformOp().Set(Gf.Matrix4d(nan))
    camera.CreateClippingRangeAttr(Gf.Vec2f(nan, -1.0))
    camera.CreateExposureAttr(nan)
    other = UsdGeom.Camera.Define(stage, "/Flat")
    other.AddScaleOp().Set(Gf.Vec3f(0, 0, 0))
    light = UsdLux.SphereLight.Define(stage, "/Light")
    light.CreateIntensityAttr(nan)
    light.CreateRadiusAttr(-1.0)
    light.AddTransformOp().Set(Gf.Matrix4d(nan))
    for name, scale in (("Nan", nan), ("Huge", 1e38), ("Zero", 0.0)):
        UsdGeom.Cube.Define(stage, f"/{name}").AddTransformOp().Set(Gf.Matrix4d(scale))
    mesh = UsdGeom.Mesh.Define(stage, "/Mesh")
    mesh.CreatePointsAttr([(nan, 0, 0), (1, 0, 0), (0, 1, 0)])
    mesh.CreateFaceVertexCountsAttr([3, 0, 7, -1])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2])
    mesh.CreateNormalsAttr([(nan, nan, nan)])
    broken = stage.DefinePrim("/Typeless")
    broken.CreateRelationship("material:binding").SetTargets(["/Mesh.points", "/nowhere"])
    stage.DefinePrim("/Grass", "PointInstancer").CreateRelationship("prototypes").SetTargets(["/Grass", "/gone"])
    UsdGeom.SetStageMetersPerUnit(stage, 1e-30)
    report = check(stage, outputs=("instance_segmentation",))
    assert {"transform-degenerate", "material-unbound"} <= {finding.code for finding in report.findings}
    for finding in report.findings:
        if finding.fix:
            with report.fix(finding).trial():
                check(stage)


def test_an_empty_stage_and_one_without_anything_drawn() -> None:
    assert {finding.code for finding in check(Usd.Stage.CreateInMemory()).findings} == {"stage-empty", "no-light"}
    stage = Usd.Stage.CreateInMemory()
    stage.DefinePrim("/World/envs/env_0", "Xform")
    report = check(stage)
    report.update([Sdf.Path("/World/envs/env_0/nothing.size"), Sdf.Path("/World/envs/env_0/nothing")])
    assert {finding.code for finding in report.findings} == {"stage-empty", "no-light"}
