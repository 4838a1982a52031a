"""The walk: composition, instancing, visibility, labels, cameras, live transforms, third-party stages."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pxr")

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

from omni.isaac.ovrtx_render.config import RendererCfg
from omni.isaac.ovrtx_render.errors import SceneError
from omni.isaac.ovrtx_render.scene.data import SHARED, GeometryKind, Scene
from omni.isaac.ovrtx_render.scene.stage_reader import StageReader, open_stage, read_scene


@pytest.fixture
def stage():
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 0.1)
    return stage


def read(stage) -> Scene:
    return read_scene(stage, RendererCfg())


def drawn(scene) -> list[str]:
    return [scene.paths[p] for p in scene.instances.path]


def positions(scene) -> list[tuple[float, ...]]:
    return sorted(tuple(np.round(t[3, :3], 6)) for t in scene.instances.transform)


def label(stage, path, **labels):
    prim = stage.GetPrimAtPath(path)
    for name, value in labels.items():
        prim.CreateAttribute(f"semantics:labels:{name}", Sdf.ValueTypeNames.TokenArray).Set([value])
        prim.AddAppliedSchema(f"SemanticsLabelsAPI:{name}")


def test_empty_stage_is_a_scene_with_a_finding(stage):
    scene = read(stage)
    assert len(scene.instances) == 0 and scene.labels == [{}] and scene.num_envs == 0
    assert [finding.code for finding in scene.findings] == ["stage-empty"]
    assert scene.up_axis == "Z" and scene.meters_per_unit == pytest.approx(0.1)


def test_missing_and_broken_files_name_the_path(tmp_path):
    with pytest.raises(SceneError, match=r"nowhere\.usda"):
        read_scene(tmp_path / "nowhere.usda")
    broken = tmp_path / "broken.usda"
    broken.write_text("#usda 1.0\ndef Cube {{{")
    with pytest.raises(SceneError, match=r"broken\.usda"):
        open_stage(broken)


def test_missing_openusd_names_the_extra():
    code = (
        "import sys; sys.modules['pxr'] = None\n"
        "from omni.isaac.ovrtx_render.errors import MissingExtraError\n"
        "try:\n    import omni.isaac.ovrtx_render.scene.stage_reader\n"
        "except MissingExtraError as error:\n    print(error.extra, error.package)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.split() == ["standalone", "usd-core"], done.stderr


def test_transforms_compose_and_reset(stage):
    outer = UsdGeom.Xform.Define(stage, "/a")
    outer.AddTranslateOp().Set((1, 2, 3))
    outer.AddRotateZOp().Set(90)
    UsdGeom.Scope.Define(stage, "/a/scope")
    inner = UsdGeom.Cube.Define(stage, "/a/scope/b")
    inner.AddTranslateOp().Set((1, 0, 0))
    inner.AddScaleOp().Set((1, -2, 1))
    reset = UsdGeom.Cube.Define(stage, "/a/scope/reset")
    reset.AddTranslateOp().Set((7, 7, 7))
    reset.SetResetXformStack(True)
    UsdGeom.Cube.Define(stage, "/a/scope/reset/below")
    scene = read(stage)
    cache = UsdGeom.XformCache()
    for path, transform in zip(drawn(scene), scene.instances.transform, strict=True):
        np.testing.assert_allclose(transform, np.array(cache.GetLocalToWorldTransform(stage.GetPrimAtPath(path))))
    assert len(scene.instances) == 3


def test_visibility_purpose_and_activation(stage):
    for path in ("/shown", "/hidden/below", "/inactive", "/guide/below", "/proxy", "/render", "/guide/again"):
        UsdGeom.Cube.Define(stage, path)
    UsdGeom.Imageable(UsdGeom.Xform.Define(stage, "/hidden")).MakeInvisible()
    stage.GetPrimAtPath("/inactive").SetActive(False)
    UsdGeom.Imageable(UsdGeom.Xform.Define(stage, "/guide")).CreatePurposeAttr("guide")
    UsdGeom.Imageable(stage.GetPrimAtPath("/guide/again")).CreatePurposeAttr("default")
    UsdGeom.Imageable(stage.GetPrimAtPath("/proxy")).CreatePurposeAttr("proxy")
    UsdGeom.Imageable(stage.GetPrimAtPath("/render")).CreatePurposeAttr("render")
    stage.CreateClassPrim("/class")
    UsdGeom.Cube.Define(stage, "/class/cube")
    assert sorted(drawn(read(stage))) == ["/guide/again", "/render", "/shown"]


def test_references_payloads_and_variants(stage, tmp_path):
    asset = Usd.Stage.CreateNew(str(tmp_path / "asset.usda"))
    root = UsdGeom.Xform.Define(asset, "/asset").GetPrim()
    asset.SetDefaultPrim(root)
    variants = root.GetVariantSets().AddVariantSet("shape")
    for name, schema in (("ball", UsdGeom.Sphere), ("box", UsdGeom.Cube)):
        variants.AddVariant(name)
        variants.SetVariantSelection(name)
        with variants.GetVariantEditContext():
            schema.Define(asset, "/asset/thing")
    asset.GetRootLayer().Save()
    referenced = UsdGeom.Xform.Define(stage, "/referenced").GetPrim()
    referenced.GetReferences().AddReference(asset.GetRootLayer().identifier)
    referenced.GetVariantSet("shape").SetVariantSelection("ball")
    UsdGeom.Xform.Define(stage, "/paid").GetPrim().GetPayloads().AddPayload(asset.GetRootLayer().identifier)
    scene = read(stage)
    kinds = {p: scene.geometries[g].kind for p, g in zip(drawn(scene), scene.instances.geometry, strict=True)}
    assert kinds == {"/referenced/thing": GeometryKind.SPHERE, "/paid/thing": GeometryKind.CUBE}


def test_nested_instancing(stage):
    UsdGeom.Cube.Define(stage, "/_wheel/rim").AddTranslateOp().Set((0, 0, 1))
    mesh = UsdGeom.Mesh.Define(stage, "/_wheel/tyre")
    mesh.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    mesh.CreateFaceVertexCountsAttr([3])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2])
    for side in (-1, 1):
        wheel = UsdGeom.Xform.Define(stage, f"/_car/wheel_{'lr'[side > 0]}")
        wheel.AddTranslateOp().Set((side, 0, 0))
        wheel.GetPrim().GetReferences().AddInternalReference("/_wheel")
        wheel.GetPrim().SetInstanceable(True)
    for path in ("/_wheel", "/_car"):
        stage.GetRootLayer().GetPrimAtPath(path).specifier = Sdf.SpecifierClass
    for i in range(3):
        car = UsdGeom.Xform.Define(stage, f"/car_{i}")
        car.AddTranslateOp().Set((0, 10 * i, 0))
        car.GetPrim().GetReferences().AddInternalReference("/_car")
        car.GetPrim().SetInstanceable(True)
    scene = read(stage)
    assert len(scene.instances) == 12 and len(scene.meshes) == 1
    rims = [i for i, path in enumerate(drawn(scene)) if path.endswith("rim")]
    assert sorted(tuple(scene.instances.transform[i][3, :3]) for i in rims) == sorted(
        (side, 10 * i, 1) for side in (-1, 1) for i in range(3)
    )
    assert "/car_2/wheel_r/tyre" in drawn(scene)


def make_instancer(stage, path="/inst"):
    instancer = UsdGeom.PointInstancer.Define(stage, path)
    ball = UsdGeom.Sphere.Define(stage, f"{path}/protos/ball")
    ball.AddTranslateOp().Set((0, 0, 1))
    UsdGeom.Cube.Define(stage, f"{path}/protos/group/box").AddTranslateOp().Set((0, 0, 2))
    UsdGeom.Cone.Define(stage, f"{path}/protos/group/tip").CreateAxisAttr("X")
    instancer.CreatePrototypesRel().SetTargets([f"{path}/protos/ball", f"{path}/protos/group"])
    instancer.CreatePositionsAttr([(0, 0, 0), (10, 0, 0), (20, 0, 0), (30, 0, 0)])
    instancer.CreateProtoIndicesAttr([0, 1, 0, 1])
    return instancer


def test_point_instancer(stage):
    instancer = make_instancer(stage)
    instancer.AddTranslateOp().Set((0, 5, 0))
    instancer.CreateScalesAttr([(1, 1, 1), (1, 1, 1), (2, 2, 2), (1, 1, 1)])
    turned = Gf.Quath(Gf.Quatd(2**-0.5, 2**-0.5, 0, 0))
    instancer.CreateOrientationsAttr([Gf.Quath(1), Gf.Quath(1), Gf.Quath(1), turned])
    scene = read(stage)
    assert (
        sorted(drawn(scene))
        == ["/inst/protos/ball"] * 2 + ["/inst/protos/group/box"] * 2 + ["/inst/protos/group/tip"] * 2
    )
    np.testing.assert_allclose(
        positions(scene),
        [(0, 5, 1), (10, 5, 0), (10, 5, 2), (20, 5, 2), (30, 3, 0), (30, 5, 0)],
        atol=2e-3,
    )
    instancer.CreateInvisibleIdsAttr([2])
    instancer.DeactivateId(0)
    assert "/inst/protos/ball" not in drawn(read(stage)) and len(read(stage).instances) == 4


def test_colours_of_the_instances_of_a_point_instancer(stage):
    instancer = UsdGeom.PointInstancer.Define(stage, "/inst")
    for name in ("plain", "green", "bound"):
        UsdGeom.Cube.Define(stage, f"/inst/protos/{name}")
    UsdGeom.Cube.Get(stage, "/inst/protos/green").CreateDisplayColorAttr([(0, 1, 0)])
    look = UsdShade.Material.Define(stage, "/look")
    UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath("/inst/protos/bound")).Bind(look)
    instancer.CreatePrototypesRel().SetTargets([f"/inst/protos/{name}" for name in ("plain", "green", "bound")])
    instancer.CreatePositionsAttr([(x, 0, 0) for x in range(4)])
    instancer.CreateProtoIndicesAttr([0, 0, 1, 2])
    color = UsdGeom.PrimvarsAPI(instancer).CreatePrimvar("displayColor", Sdf.ValueTypeNames.Color3fArray, "vertex")
    color.Set([(1, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 0)])
    scene = read(stage)
    at = scene.instances.transform[:, 3, 0].argsort()
    colors = [scene.materials[material].base_color for material in scene.instances.material[at]]
    assert colors == [(1, 0, 0), (0, 0, 1), (0, 1, 0), (0.8, 0, 0.8)]
    assert len(scene.geometries) == 1
    color.Set([(1, 0, 0)])
    scene = read(stage)
    assert scene.materials[scene.instances.material[0]].base_color == (0.18, 0.18, 0.18)
    assert ("instancer-invalid", "/inst") in [(finding.code, finding.path) for finding in scene.findings]


def test_lights_that_are_repeated_are_told(stage):
    make_instancer(stage)
    UsdLux.SphereLight.Define(stage, "/inst/protos/group/lamp")
    scene = read(stage)
    assert not scene.lights and "/inst" in scene.findings[0].message
    assert [(f.code, f.path) for f in scene.findings] == [("light-unsupported", "/inst/protos/group/lamp")]


def test_nested_point_instancers_and_prototypes_elsewhere(stage):
    make_instancer(stage, "/protos/inner")
    stage.GetRootLayer().GetPrimAtPath("/protos").specifier = Sdf.SpecifierOver
    outer = UsdGeom.PointInstancer.Define(stage, "/outer")
    outer.CreatePrototypesRel().SetTargets(["/protos/inner"])
    outer.CreatePositionsAttr([(0, 0, 0), (0, 100, 0)])
    outer.CreateProtoIndicesAttr([0, 0])
    scene = read(stage)
    assert len(scene.instances) == 12
    assert (20.0, 100.0, 1.0) in positions(scene) and (10.0, 100.0, 2.0) in positions(scene)


def test_broken_point_instancers_are_told(stage):
    instancer = make_instancer(stage)
    instancer.GetProtoIndicesAttr().Set([0, 7, 0, 1])
    instancer.GetPrototypesRel().AddTarget("/gone")
    scene = read(stage)
    assert len(scene.instances) == 4 and [f.code for f in scene.findings] == ["instancer-invalid"]
    instancer.GetPositionsAttr().Set([(0, 0, 0)])
    scene = read(stage)
    assert len(scene.instances) == 0 and "instancer-invalid" in [f.code for f in scene.findings]
    own = UsdGeom.PointInstancer.Define(stage, "/inst/protos/group/self")
    own.CreatePrototypesRel().SetTargets(["/inst"])
    own.CreatePositionsAttr([(0, 0, 0)])
    own.CreateProtoIndicesAttr([0])
    instancer.GetPositionsAttr().Set([(0, 0, 0)] * 4)
    assert any("contains itself" in f.message for f in read(stage).findings)


def test_labels_and_owners(stage):
    for path in ("/plain", "/robot/arm/link", "/robot/arm/hand/finger", "/robot/base"):
        UsdGeom.Cube.Define(stage, path)
    label(stage, "/robot", **{"class": "robot", "team": "red"})
    label(stage, "/robot/arm/hand", **{"class": "hand"})
    scene = read(stage)
    found = {
        path: (scene.labels[scene.instances.label[i]], scene.paths[scene.instances.owner[i]])
        for i, path in enumerate(drawn(scene))
    }
    assert found == {
        "/plain": ({}, "/plain"),
        "/robot/arm/link": ({"class": "robot", "team": "red"}, "/robot"),
        "/robot/arm/hand/finger": ({"class": "hand", "team": "red"}, "/robot/arm/hand"),
        "/robot/base": ({"class": "robot", "team": "red"}, "/robot"),
    }
    assert scene.labels[0] == {}


def test_cameras_and_lights_are_placed(stage):
    for env in range(2):
        UsdGeom.Xform.Define(stage, f"/World/envs/env_{env}").AddTranslateOp().Set((env, 0, 0))
        UsdGeom.Camera.Define(stage, f"/World/envs/env_{env}/cam").AddTranslateOp().Set((0, 0, 5))
        UsdLux.SphereLight.Define(stage, f"/World/envs/env_{env}/lamp").AddTranslateOp().Set((0, 2, 0))
    UsdLux.DomeLight.Define(stage, "/World/sky")
    hidden = UsdLux.SphereLight.Define(stage, "/World/off")
    UsdGeom.Imageable(hidden).MakeInvisible()
    scene = read(stage)
    assert [(c.path, c.env, tuple(c.transform[3, :3])) for c in scene.cameras] == [
        ("/World/envs/env_0/cam", 0, (0, 0, 5)),
        ("/World/envs/env_1/cam", 1, (1, 0, 5)),
    ]
    assert [(light.path, light.env, tuple(light.transform[3, :3])) for light in scene.lights] == [
        ("/World/sky", SHARED, (0, 0, 0)),
        ("/World/envs/env_0/lamp", 0, (0, 2, 0)),
        ("/World/envs/env_1/lamp", 1, (1, 2, 0)),
    ]


def test_transforms_are_read_again(stage):
    for env in range(3):
        root = UsdGeom.Xform.Define(stage, f"/World/envs/env_{env}")
        root.AddTranslateOp().Set((env, 0, 0))
        UsdGeom.Cone.Define(stage, f"/World/envs/env_{env}/cone").CreateAxisAttr("X")
        UsdGeom.Camera.Define(stage, f"/World/envs/env_{env}/cam")
    make_instancer(stage, "/World/inst").AddTranslateOp().Set((0, 0, 0))
    reader = StageReader(stage, RendererCfg())
    scene = reader.read()
    same = reader.read_transforms(scene)
    np.testing.assert_allclose(same.instance_transforms, scene.instances.transform, atol=1e-12)
    assert len(same.cameras) == 3

    UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/envs/env_1")).SetTranslate((0, 9, 0))
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/inst")).SetTranslate((0, 0, 4))
    update = reader.read_transforms(scene, ["/World/envs/env_1", "/World/inst"])
    fresh = reader.read()
    assert len(update.instances) == 1 + 6 and list(update.cameras) == [1]
    np.testing.assert_allclose(update.instance_transforms, fresh.instances.transform[update.instances], atol=1e-12)
    np.testing.assert_allclose(update.camera_transforms[0], fresh.cameras[1].transform)
    with pytest.raises(SceneError, match="does not belong"):
        reader.read_transforms(Scene())
    stage.RemovePrim("/World/envs/env_2/cone")
    with pytest.raises(SceneError, match="env_2/cone"):
        reader.read_transforms(fresh)


def test_animated_attributes_are_read_at_their_first_sample(stage):
    cube = UsdGeom.Cube.Define(stage, "/cube")
    translate = cube.AddTranslateOp()
    translate.Set((1, 0, 0), 10)
    translate.Set((2, 0, 0), 20)
    assert positions(read(stage)) == [(1, 0, 0)]


def test_usd_working_group_stages_read(usd_wg_assets):
    files = sorted(p for p in usd_wg_assets.rglob("*.usd*") if p.suffix in (".usd", ".usda", ".usdc", ".usdz"))
    assert len(files) > 50
    refused = []
    for file in files:
        try:
            stage = open_stage(file)
        except SceneError:
            refused.append(file.name)
            continue
        scene = read(stage)
        assert np.isfinite(scene.instances.transform).all()
        for mesh in scene.meshes:
            assert mesh.triangles.max(initial=-1) < len(mesh.points)
    # Stage metadata that OpenUSD itself refuses to parse.
    assert refused == ["framesPerSecond_-1.usda", "framesPerSecond_0.usda"]
