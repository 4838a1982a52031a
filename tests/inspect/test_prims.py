"""What prims say in vain: transform operations, animation, lenses."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")

from pxr import Gf, Sdf, Usd, UsdGeom

from omni.isaac.ovrtx_render.inspect import check
from omni.isaac.ovrtx_render.inspect.finding import Finding
from omni.isaac.ovrtx_render.scene.cameras import distorting_lens

T = Sdf.ValueTypeNames
MOVED = ("xformOp:translate", T.Double3, Gf.Vec3d(0.0, 2.0, 0.0))
TURNED = ("xformOp:rotateXYZ", T.Float3, Gf.Vec3f(0.0, 90.0, 0.0))
ORIENTED = ("xformOp:orient", T.Quatd, Gf.Quatd(0.0, 1.0, 0.0, 0.0))
SCALED = ("xformOp:scale", T.Float3, Gf.Vec3f(2.0, 2.0, 2.0))
PLACED = ("xformOp:transform", T.Matrix4d, Gf.Matrix4d(1.0).SetTranslate(Gf.Vec3d(1.0, 0.0, 0.0)))


def stage_of(kind: str, order: list[str] | None, *ops: tuple[str, Sdf.ValueTypeName, Any]) -> Usd.Stage:
    """A group with operations and an order, or none, that holds a cube."""
    stage = Usd.Stage.CreateInMemory()
    group = stage.DefinePrim("/World", kind)
    for name, value_type, value in ops:
        group.CreateAttribute(name, value_type).Set(value)
    if order is not None:
        group.CreateAttribute("xformOpOrder", T.TokenArray, False, Sdf.VariabilityUniform).Set(order)
    UsdGeom.Cube.Define(stage, "/World/Cube").CreateDisplayColorAttr([Gf.Vec3f(0.5)])
    return stage


def told(stage: Usd.Stage, code: str) -> list[Finding]:
    findings = [finding for finding in check(stage).findings if finding.code != "no-light"]
    assert {finding.code for finding in findings} <= {code}
    return findings


def names(*ops: tuple[str, Sdf.ValueTypeName, Any]) -> list[str]:
    return [name for name, _, _ in ops]


@pytest.mark.parametrize(
    ("order", "ops"),
    [
        (names(MOVED, TURNED), [MOVED, TURNED]),
        (["!resetXformStack!", "xformOp:translate"], [MOVED]),
        (["xformOp:translate", "!invert!xformOp:translate"], [MOVED]),
        ([], [("xformOp:scale", T.Float3, Gf.Vec3f(1.0)), ("xformOp:orient", T.Quatd, Gf.Quatd(1.0))]),
        (None, [("xformOp:translate", T.Double3, Gf.Vec3d(0.0)), ("xformOp:transform", T.Matrix4d, Gf.Matrix4d(1.0))]),
    ],
)
def test_operations_that_count_or_change_nothing_are_not_told(order: list[str] | None, ops: list[Any]) -> None:
    assert told(stage_of("Xform", order, *ops), "xform-op-order") == []


@pytest.mark.parametrize(
    ("order", "ops", "mended"),
    [
        (None, [SCALED, MOVED, TURNED], names(MOVED, TURNED, SCALED)),
        (["!resetXformStack!", "xformOp:translate"], [MOVED, SCALED], ["!resetXformStack!", *names(MOVED, SCALED)]),
        (None, [PLACED], names(PLACED)),
        (None, [MOVED, PLACED], None),
        (["xformOp:translate:pivot"], [("xformOp:translate:pivot", T.Double3, Gf.Vec3d(1.0)), SCALED], None),
    ],
)
def test_operations_out_of_order_are_told_and_put_where_they_are_by_custom(
    order: list[str] | None, ops: list[Any], mended: list[str] | None
) -> None:
    stage = stage_of("Xform", order, *ops)
    before = Gf.Matrix4d(UsdGeom.Xformable(stage.GetPrimAtPath("/World")).GetLocalTransformation())
    report = check(stage)
    (finding,) = (each for each in report.findings if each.code == "xform-op-order")
    assert finding.severity == "warning" and finding.prop.startswith("xformOp:")
    fix = report.fix(finding)
    assert (fix is None) == (mended is None)
    if fix is not None:
        fix.apply()
        assert list(UsdGeom.Xformable(stage.GetPrimAtPath("/World")).GetXformOpOrderAttr().Get()) == mended
        assert told(stage, "xform-op-order") == []
        fix.undo()
    assert UsdGeom.Xformable(stage.GetPrimAtPath("/World")).GetLocalTransformation() == before


def test_what_an_editor_left_behind_is_worth_knowing_and_no_more() -> None:
    for order, ops in ((["xformOp:orient"], [ORIENTED, TURNED]), (["xformOp:transform"], [PLACED, MOVED])):
        (finding,) = told(stage_of("Xform", order, *ops), "xform-op-order")
        assert (finding.severity, finding.fix) == ("info", "")


def test_an_order_of_what_is_not_there_is_told_and_mended() -> None:
    stage = stage_of("Xform", ["xformOp:translate", "xformOp:scale"], MOVED)
    (finding,) = told(stage, "xform-op-order")
    assert "xformOpOrder has xformOp:scale" in finding.message and finding.prop == "xformOpOrder"
    check(stage).fix(finding).apply()
    assert told(stage, "xform-op-order") == []
    assert list(stage.GetPrimAtPath("/World").GetAttribute("xformOpOrder").Get()) == ["xformOp:translate"]


@pytest.mark.parametrize("kind", ["", "Scope"])
def test_what_is_not_xformable_moves_nothing(kind: str) -> None:
    (finding,) = told(stage_of(kind, names(MOVED), MOVED), "xform-op-order")
    assert "is a Scope" in finding.message if kind else "has no type" in finding.message


def test_animation_is_told_by_name() -> None:
    stage = stage_of("Xform", names(MOVED), MOVED)
    cube = UsdGeom.Cube.Get(stage, "/World/Cube")
    assert told(stage, "animation-frozen") == []
    for time in (1.0, 24.0):
        cube.GetSizeAttr().Set(time, time)
        cube.GetPrim().CreateAttribute("userProperties:note", T.Double).Set(time, time)
        stage.GetPrimAtPath("/World").GetAttribute("xformOp:translate").Set(Gf.Vec3d(time), time)
    cube.GetVisibilityAttr().Set("inherited", 1.0)  # one sample does not move
    found = {finding.path: finding.message.partition(":")[0] for finding in told(stage, "animation-frozen")}
    assert set(found) == {"/World", "/World/Cube"} and found["/World/Cube"] == "size"


LENS = "omni:lensdistortion"


@pytest.mark.parametrize(
    ("schema", "attributes", "lens"),
    [
        ("", {}, ""),
        ("", {"cameraProjectionType": "pinhole", "projection": "orthographic"}, ""),
        ("", {"cameraProjectionType": "fisheyeSpherical"}, "cameraProjectionType is 'fisheyeSpherical'"),
        ("", {"projection": "fisheye"}, "projection is 'fisheye'"),
        ("OpenCvPinhole", {f"{LENS}:opencvPinhole:k1": 0.0}, ""),
        ("OpenCvPinhole", {f"{LENS}:opencvPinhole:s2": 0.25}, f"{LENS}:opencvPinhole:s2 is 0.25"),
        ("OpenCvFisheye", {}, f"{LENS}:model is 'opencvFisheye'"),
        ("Ftheta", {}, f"{LENS}:model is 'ftheta'"),
        ("", {f"{LENS}:model": "kannalaBrandtK3"}, f"{LENS}:model is 'kannalaBrandtK3'"),
    ],
)
def test_lenses_that_are_no_pinhole_are_told(schema: str, attributes: dict[str, Any], lens: str) -> None:
    stage = stage_of("Xform", None)
    camera = UsdGeom.Camera.Define(stage, "/World/Camera").GetPrim()
    camera.GetAttribute("clippingRange").Set(Gf.Vec2f(0.01, 100.0))
    UsdGeom.Xformable(camera).AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, 9.0))
    if schema:
        camera.AddAppliedSchema(f"OmniLensDistortion{schema}API")
    for name, value in attributes.items():
        camera.CreateAttribute(name, T.Float if isinstance(value, float) else T.Token).Set(value)
    assert distorting_lens(camera) == lens
    findings = told(stage, "lens-distortion")
    assert [finding.message.partition(": the lens")[0] for finding in findings] == ([lens] if lens else [])
    drawn_by_ovrtx = "opencv" in lens
    assert all(("ovrtx" in finding.backends) != drawn_by_ovrtx for finding in findings)


@pytest.mark.parametrize(("fx", "count"), [(50.0, 0), (80.0, 1)])
def test_a_calibration_that_is_not_the_lens_is_told(fx: float, count: int) -> None:
    stage = stage_of("Xform", None)
    camera = UsdGeom.Camera.Define(stage, "/World/Camera")
    camera.CreateFocalLengthAttr(10.0)
    camera.CreateHorizontalApertureAttr(20.0)
    camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))
    camera.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, 9.0))
    prim = camera.GetPrim()
    prim.CreateAttribute(f"{LENS}:model", T.Token).Set("opencvPinhole")
    prim.CreateAttribute(f"{LENS}:opencvPinhole:fx", T.Float).Set(fx)
    prim.CreateAttribute(f"{LENS}:opencvPinhole:imageSize", T.Int2).Set(Gf.Vec2i(100, 50))
    assert len(told(stage, "lens-distortion")) == count
