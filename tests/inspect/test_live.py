"""After any edit, an inspector that followed it says what a new one says."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
pytest.importorskip("PIL", reason="needs the extra 'standalone'")

import numpy as np
from gallery import CASES
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, Vt

from omni.isaac.ovrtx_render.inspect import Inspector, check
from omni.isaac.ovrtx_render.inspect.report import Report
from omni.isaac.ovrtx_render.inspect.rereading import SinglePrims

ENVS = 4


def facts(report: Report) -> tuple[set, set]:
    """What a report says, without the order."""
    findings = {(f.code, f.severity, f.path, f.message, f.prop, f.backends, f.envs) for f in report.findings}
    return findings, {binding for binding in report.bindings}


@pytest.fixture
def stage(tmp_path: Path) -> Usd.Stage:
    """Environments of a box, a ball with a material of its own, a lamp and a camera; a floor that all share."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.Xform.Define(stage, "/World")
    UsdGeom.Xform.Define(stage, "/World/envs/env_0")
    material(stage, "/World/Looks/shared", 0.5)
    material(stage, "/World/envs/env_0/Looks/own", 0.3)
    box = UsdGeom.Mesh.Define(stage, "/World/envs/env_0/Robot/box")
    points = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    box.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    box.CreateFaceVertexCountsAttr([4] * 6)
    box.CreateFaceVertexIndicesAttr([i for face in faces for i in face])
    box.CreateSubdivisionSchemeAttr("none")
    box.AddTranslateOp().Set(Gf.Vec3d(0, 0, 0))
    bind(box.GetPrim(), "/World/Looks/shared")
    ball = UsdGeom.Sphere.Define(stage, "/World/envs/env_0/Robot/ball")
    ball.CreateRadiusAttr(0.2)
    ball.AddTranslateOp().Set(Gf.Vec3d(0, 0, 2))
    bind(ball.GetPrim(), "/World/envs/env_0/Looks/own")
    lamp = UsdLux.SphereLight.Define(stage, "/World/envs/env_0/Lamp")
    lamp.CreateIntensityAttr(3000.0)
    lamp.AddTranslateOp().Set(Gf.Vec3d(0, 0, 5))
    camera = UsdGeom.Camera.Define(stage, "/World/envs/env_0/Camera")
    camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))
    camera.AddTranslateOp().Set(Gf.Vec3d(0.5, 0.5, 4))
    layer = stage.GetRootLayer()
    for env in range(1, ENVS):
        Sdf.CopySpec(layer, "/World/envs/env_0", layer, f"/World/envs/env_{env}")
    for env in range(ENVS):
        root = UsdGeom.Xform.Get(stage, f"/World/envs/env_{env}")
        root.AddTranslateOp().Set(Gf.Vec3d(5.0 * env, 0, 0))
    floor = UsdGeom.Cube.Define(stage, "/World/Floor")
    floor.AddTranslateOp().Set(Gf.Vec3d(0, 0, -1.5))
    bind(floor.GetPrim(), "/World/Looks/shared")
    return stage


def material(stage: Usd.Stage, path: str, grey: float) -> None:
    shader = UsdShade.Shader.Define(stage, f"{path}/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(grey))
    shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).Set(1.0)
    UsdShade.Material.Define(stage, path).CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")


def bind(prim: Usd.Prim, path: str) -> None:
    UsdShade.MaterialBindingAPI.Apply(prim).Bind(UsdShade.Material.Get(prim.GetStage(), path))


def prim(stage: Usd.Stage, path: str) -> Usd.Prim:
    return stage.GetPrimAtPath(f"/World/{path}")


EDITS: dict[str, tuple[str, Callable[[Usd.Stage], object]]] = {
    "a binding that dangles": (
        "material-missing",
        lambda s: prim(s, "envs/env_2/Robot/box").GetRelationship("material:binding").SetTargets(["/World/Looks/gone"]),
    ),
    "a binding taken away": (
        "material-unbound",
        lambda s: prim(s, "envs/env_2/Robot/box").RemoveProperty("material:binding"),
    ),
    "a binding taken away from the floor": (
        "material-unbound",
        lambda s: prim(s, "Floor").RemoveProperty("material:binding"),
    ),
    "the opacity of a material of one environment": (
        "material-invisible",
        lambda s: prim(s, "envs/env_1/Looks/own/Surface").GetAttribute("inputs:opacity").Set(0.0),
    ),
    "the opacity of a shared material": (
        "material-invisible",
        lambda s: prim(s, "Looks/shared/Surface").GetAttribute("inputs:opacity").Set(0.0),
    ),
    "a surface disconnected": (
        "material-unconnected",
        lambda s: prim(s, "envs/env_3/Looks/own").RemoveProperty("outputs:surface"),
    ),
    "a mesh turned inside out": (
        "normals-inverted",
        lambda s: UsdGeom.Mesh(prim(s, "envs/env_2/Robot/box")).CreateOrientationAttr("leftHanded"),
    ),
    "a ball around the camera": (
        "camera-inside-geometry",
        lambda s: prim(s, "envs/env_1/Robot/ball").GetAttribute("xformOp:translate").Set(Gf.Vec3d(0.5, 0.5, 4)),
    ),
    "a ball that grows around the camera": (
        "camera-inside-geometry",
        lambda s: prim(s, "envs/env_1/Robot/ball").GetAttribute("radius").Set(2.2),
    ),
    "a camera moved into a box": (
        "camera-inside-geometry",
        lambda s: prim(s, "envs/env_3/Camera").GetAttribute("xformOp:translate").Set(Gf.Vec3d(0.5, 0.5, 0.6)),
    ),
    "a lens that clips": (
        "camera-clipped",
        lambda s: prim(s, "envs/env_3/Camera").GetAttribute("clippingRange").Set(Gf.Vec2f(50, 60)),
    ),
    "a lamp put out": (
        "light-dark",
        lambda s: prim(s, "envs/env_1/Lamp").GetAttribute("inputs:intensity").Set(0.0),
    ),
    "a scale of zero": (
        "transform-degenerate",
        lambda s: UsdGeom.Xformable(prim(s, "envs/env_2/Robot/box")).AddScaleOp().Set(Gf.Vec3f(0, 0, 0)),
    ),
    "an operation that is not in the order": (
        "xform-op-order",
        lambda s: (
            prim(s, "envs/env_2/Robot").CreateAttribute("xformOp:scale", Sdf.ValueTypeNames.Float3).Set(Gf.Vec3f(2))
        ),
    ),
    "an order without its operation": (
        "xform-op-order",
        lambda s: prim(s, "envs/env_1/Robot/box").RemoveProperty("xformOp:translate"),
    ),
    "a second time": (
        "animation-frozen",
        lambda s: [
            prim(s, "envs/env_3/Robot/ball").GetAttribute("radius").Set(0.2 + t / 10.0, float(t)) for t in (0, 1)
        ],
    ),
    "a lens that distorts": (
        "lens-distortion",
        lambda s: (
            prim(s, "envs/env_1/Camera")
            .CreateAttribute("cameraProjectionType", Sdf.ValueTypeNames.Token)
            .Set("fisheyePolynomial")
        ),
    ),
    "a radius below zero": (
        "geometry-invalid",
        lambda s: prim(s, "envs/env_1/Robot/ball").GetAttribute("radius").Set(-1.0),
    ),
    "a new prim": (
        "material-unbound",
        lambda s: UsdGeom.Cube.Define(s, "/World/envs/env_2/Robot/more"),
    ),
    "a partition on a child": (
        "partition-mismatch",
        lambda s: (
            prim(s, "envs/env_1/Robot")
            .CreateAttribute("primvars:omni:scenePartition", Sdf.ValueTypeNames.Token)
            .Set("env_0")
        ),
    ),
    "the materials of all put away": ("material-missing", lambda s: prim(s, "Looks").SetActive(False)),
    "a material put away": ("material-unconnected", lambda s: prim(s, "Looks/shared").SetActive(False)),
    "a material of one environment that is gone": (
        "material-missing",
        lambda s: s.RemovePrim("/World/envs/env_2/Looks/own"),
    ),
    "a binding above that dangles": (
        "material-missing",
        lambda s: (
            UsdShade.MaterialBindingAPI.Apply(prim(s, "envs/env_1/Robot"))
            .GetDirectBindingRel("full")
            .SetTargets(["/gone"])
        ),
    ),
    "a reference to nothing": (
        "composition-error",
        lambda s: prim(s, "envs/env_1/Robot/ball").GetReferences().AddReference("./gone.usda"),
    ),
    "geometry that nothing defines": (
        "geometry-undefined",
        lambda s: prim(s, "envs/env_3/Robot").SetSpecifier(Sdf.SpecifierOver),
    ),
    "an environment's robot that is gone": ("", lambda s: s.RemovePrim("/World/envs/env_2/Robot")),
    "an environment that is hidden": ("", lambda s: UsdGeom.Imageable(prim(s, "envs/env_2")).MakeInvisible()),
    "an environment that is gone": ("", lambda s: s.RemovePrim("/World/envs/env_2")),
    "everything hidden": ("everything-hidden", lambda s: UsdGeom.Imageable(s.GetPrimAtPath("/World")).MakeInvisible()),
    "the stage's units": ("stage-units", lambda s: UsdGeom.SetStageMetersPerUnit(s, 0.0)),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_and_its_undoing_are_followed(name: str, stage: Usd.Stage) -> None:
    code, edit = EDITS[name]
    layer = stage.GetRootLayer()
    with Inspector(stage) as inspector:
        assert inspector.findings == [] and not inspector.sync()
        before, sound = layer.ExportToString(), facts(inspector.report)
        edit(stage)
        assert inspector.pending and inspector.sync()
        assert facts(inspector.report) == facts(check(stage))
        told = {finding.code for finding in inspector.findings} - {"no-light"}  # hidden lights count, too
        assert told == ({code} - {""})
        layer.ImportFromString(before)
        inspector.sync()
        assert facts(inspector.report) == sound


def test_an_edit_is_checked_on_its_own(stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with Inspector(stage) as inspector:
        monkeypatch.setattr(type(inspector.report._engine), "check_all", None)
        for name in list(EDITS)[:17]:
            EDITS[name][1](stage)
            assert inspector.sync()
        assert facts(inspector.report) == facts_of_new(stage, monkeypatch)


def facts_of_new(stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch) -> tuple[set, set]:
    monkeypatch.undo()
    return facts(check(stage))


@pytest.mark.parametrize("code", [code for code, case in CASES.items() if case.repairs])
def test_fixes_are_followed(code: str, tmp_path: Path) -> None:
    case = CASES[code]
    if case.cfg or case.outputs:
        pytest.skip("a case of the default configuration only")
    with Inspector(case.stage(tmp_path)) as inspector:
        broken = facts(inspector.report)
        fixes = [inspector.fix(finding) for finding in inspector.findings]
        for fix in fixes:
            fix.apply()
        assert inspector.sync() and inspector.findings == []
        for fix in fixes:
            fix.undo()
        assert inspector.sync() and facts(inspector.report) == broken


def toggles(stage: Usd.Stage, env: int, choose: Callable[[Sequence[Any]], Any]) -> list[Callable[[], object]]:
    """Edits of an environment that make and mend things."""
    root = f"/World/envs/env_{env}"

    def at(path: str, name: str, *values: Any) -> Callable[[], object]:
        def edit() -> None:
            found = stage.GetPrimAtPath(path)
            if found:
                found.GetAttribute(name).Set(choose(values))

        return edit

    def rebind() -> None:
        found = stage.GetPrimAtPath(f"{root}/Robot/box")
        targets = choose([["/World/Looks/shared"], ["/World/Looks/gone"], [f"{root}/Looks/own"], []])
        if found and targets:
            found.GetRelationship("material:binding").SetTargets(targets)
        elif found:
            UsdShade.MaterialBindingAPI(found).UnbindAllBindings()

    def hide() -> None:
        if found := stage.GetPrimAtPath(f"{root}/Robot"):
            found.CreateAttribute("visibility", Sdf.ValueTypeNames.Token).Set(choose(["inherited", "invisible"]))

    def more() -> None:
        path = f"{root}/Robot/more"
        if choose([True, False]):
            UsdGeom.Cube.Define(stage, path)
        else:
            stage.RemovePrim(path)

    def connect() -> None:
        output = stage.GetPrimAtPath(f"{root}/Looks/own").GetAttribute("outputs:surface")
        output.SetConnections(choose([[], [f"{root}/Looks/own/Surface.outputs:surface"]]))

    def turn() -> None:
        box = UsdGeom.Mesh(prim(stage, f"envs/env_{env}/Robot/box"))
        box.CreateOrientationAttr(choose(["leftHanded", "rightHanded"]))

    def put_away(path: str) -> Callable[[], object]:
        def edit() -> None:
            found = stage.GetPrimAtPath(path)
            if found:
                found.SetActive(choose([True, False]))

        return edit

    def bind_above() -> None:
        found = stage.GetPrimAtPath(f"{root}/Robot")
        if found:
            api = UsdShade.MaterialBindingAPI.Apply(found)
            purpose = choose(["", "full", "preview"])
            api.GetDirectBindingRel(purpose).SetTargets(choose([[], ["/World/Looks/gone"], ["/World/Looks/shared"]]))

    def bring_in() -> None:
        found = stage.GetPrimAtPath(f"{root}/Robot/ball")
        if found:
            found.GetReferences().SetReferences(choose([[], [Sdf.Reference("./gone.usda")]]))

    def define() -> None:
        found = stage.GetPrimAtPath(f"{root}/Robot")
        if found:
            found.SetSpecifier(choose([Sdf.SpecifierDef, Sdf.SpecifierOver]))

    def half() -> None:
        box = stage.GetPrimAtPath(f"{root}/Robot/box")
        if box and box.IsA(UsdGeom.Mesh):
            subset = UsdGeom.Subset.Define(stage, f"{root}/Robot/box/half")
            subset.CreateElementTypeAttr("face")
            subset.CreateIndicesAttr(choose([[0], [1, 2], [9]]))
            subset.CreateFamilyNameAttr(choose(["materialBind", "other"]))
            api = UsdShade.MaterialBindingAPI.Apply(subset.GetPrim())
            api.GetDirectBindingRel().SetTargets([choose(["/World/Looks/shared", f"{root}/Looks/own"])])

    def recolour() -> None:
        box = stage.GetPrimAtPath(f"{root}/Robot/box")
        if box and box.IsA(UsdGeom.Mesh):
            count, interpolation = choose([(1, "constant"), (8, "vertex"), (5, "vertex"), (0, "constant")])
            color = UsdGeom.Gprim(box).CreateDisplayColorPrimvar(interpolation)
            color.Set([Gf.Vec3f(choose([0.1, 0.2]))] * count)
            UsdGeom.Gprim(box).CreateDisplayOpacityPrimvar("constant").Set(choose([[], [0.0], [1.0], [0.5, 1.0]]))

    return [
        recolour,
        put_away("/World/Looks"),
        put_away("/World/Looks/shared"),
        put_away(f"{root}/Looks/own"),
        put_away(f"{root}/Robot/box/half"),
        bind_above,
        bring_in,
        define,
        half,
        rebind,
        hide,
        more,
        connect,
        turn,
        at(f"{root}/Looks/own/Surface", "inputs:opacity", 0.0, 1.0),
        at("/World/Looks/shared/Surface", "inputs:opacity", 0.0, 1.0, 1.0),
        at(f"{root}/Robot/ball", "xformOp:translate", Gf.Vec3d(0, 0, 2), Gf.Vec3d(0.5, 0.5, 4)),
        at(f"{root}/Robot/ball", "radius", 0.2, 2.2, -1.0),
        at(f"{root}/Camera", "clippingRange", Gf.Vec2f(0.01, 100), Gf.Vec2f(50, 60)),
        at(f"{root}/Camera", "xformOp:translate", Gf.Vec3d(0.5, 0.5, 4), Gf.Vec3d(0.5, 0.5, 0.6)),
        at(f"{root}/Lamp", "inputs:intensity", 0.0, 3000.0),
        at(root, "xformOp:translate", Gf.Vec3d(5.0 * env, 0, 0), Gf.Vec3d(5.0 * env, 100, 0)),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_any_sequence_of_edits_is_followed(seed: int, stage: Usd.Stage) -> None:
    rng = random.Random(seed)
    with Inspector(stage) as inspector:
        for _ in range(10):
            for _ in range(rng.choice([1, 1, 3])):
                rng.choice(toggles(stage, rng.randrange(ENVS), rng.choice))()
            inspector.sync()
            assert facts(inspector.report) == facts(check(stage))


def test_a_material_and_who_shows_it_change_together(stage: Usd.Stage) -> None:
    with Inspector(stage) as inspector:
        UsdShade.MaterialBindingAPI(prim(stage, "envs/env_0/Robot/box")).UnbindAllBindings()
        prim(stage, "Looks/shared/Surface").GetAttribute("inputs:opacity").Set(0.0)
        inspector.sync()
        assert facts(inspector.report) == facts(check(stage))
        assert {finding.code for finding in inspector.findings} == {"material-unbound", "material-invisible"}


def test_a_material_that_nobody_shows_any_more_is_forgotten(stage: Usd.Stage) -> None:
    for env in range(ENVS):
        bind(prim(stage, f"envs/env_{env}/Robot/box"), f"/World/envs/env_{env}/Looks/own")
        prim(stage, f"envs/env_{env}/Looks/own").RemoveProperty("outputs:surface")
    with Inspector(stage) as inspector:
        assert [finding.envs for finding in inspector.findings] == [(0, 1, 2, 3)]
        bind(prim(stage, "envs/env_1/Robot/box"), "/World/Looks/shared")
        inspector.sync()
        assert [finding.envs for finding in inspector.findings] == [(0, 1, 2, 3)], "the ball still shows it"
        bind(prim(stage, "envs/env_1/Robot/ball"), "/World/Looks/shared")
        inspector.sync()
        assert [finding.envs for finding in inspector.findings] == [(0, 2, 3)]


def test_a_part_of_a_part_that_differs_is_told_of_where_it_does(stage: Usd.Stage) -> None:
    for env in (2, 3):
        UsdGeom.Imageable(prim(stage, f"envs/env_{env}/Robot/box")).CreatePurposeAttr("render")
        UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/Robot/box/knob")
        bind(prim(stage, f"envs/env_{env}/Robot/box/knob"), "/World/Looks/shared")
    UsdGeom.Cube(prim(stage, "envs/env_3/Robot/box/knob")).CreateSizeAttr(-1.0)
    (finding,) = check(stage).findings
    assert (finding.code, finding.path, finding.envs) == ("geometry-invalid", "/World/envs/env_3/Robot/box/knob", (3,))


def test_colors_that_come_into_the_geometry_and_leave_it(stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    box = prim(stage, "envs/env_1/Robot/box")
    UsdShade.MaterialBindingAPI(box).UnbindAllBindings()
    read: list[str] = []
    pieces = SinglePrims.pieces
    monkeypatch.setattr(
        SinglePrims, "pieces", lambda self, prim: read.append(str(prim.GetPath())) or pieces(self, prim)
    )
    with Inspector(stage) as inspector:

        def told(count: int, interpolation: str) -> set[str]:
            read.clear()
            UsdGeom.Gprim(box).CreateDisplayColorPrimvar(interpolation).Set([Gf.Vec3f(0.3)] * count)
            inspector.sync()
            assert facts(inspector.report) == facts(check(stage))
            return {finding.code for finding in inspector.findings}

        assert told(1, "constant") == set() and read == []
        assert told(8, "vertex") == set() and read
        assert told(5, "vertex") == {"mesh-invalid"} and read
        assert told(1, "constant") == set() and read
        assert told(1, "constant") == set() and read == []
