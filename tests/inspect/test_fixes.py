"""Fixes: look-alikes that look alike, edits that come and go, clones that are all mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
pytest.importorskip("PIL", reason="needs the extra 'standalone'")

import numpy as np
from gallery import CASES
from gallery.case import Scene, T
from pictures import PLAIN, photograph
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.errors import SceneError
from omni.isaac.ovrtx_render.inspect import Inspector, check, lookalike

PICTURE = (T.Asset, Sdf.AssetPath("./checker.png"))
PACKED = (T.Asset, Sdf.AssetPath("./orm.png"))


def omnipbr(scene: Scene) -> None:
    scene.mdl(
        "look",
        "OmniPBR.mdl",
        "OmniPBR",
        diffuse_texture=PICTURE,
        diffuse_tint=(T.Color3f, Gf.Vec3f(0.9, 0.7, 0.8)),
        texture_scale=(T.Float2, Gf.Vec2f(2.0, 1.0)),
        texture_rotate=30.0,
        enable_ORM_texture=(T.Bool, True),
        ORM_texture=PACKED,
        reflection_roughness_texture_influence=1.0,
        metallic_texture_influence=0.5,
        metallic_constant=0.2,
        enable_emission=(T.Bool, True),
        emissive_color=(T.Color3f, Gf.Vec3f(0.1, 0.0, 0.05)),
        emissive_intensity=1.0,
    )


def glass(scene: Scene) -> None:
    scene.mdl("look", "OmniGlass.mdl", "OmniGlass", glass_color=(T.Color3f, Gf.Vec3f(0.4, 0.8, 0.5)))


def standard_surface(scene: Scene) -> None:
    surface = scene.shader(
        "look/Surface",
        "ND_standard_surface_surfaceshader",
        specular_roughness=0.25,
        metalness=0.6,
        coat=0.5,
    )
    image = scene.shader("look/Image", "ND_image_color3", file=PICTURE)
    surface.CreateInput("base_color", T.Color3f).ConnectToSource(image.ConnectableAPI(), "out")
    material = UsdShade.Material.Get(scene.stage, "/World/Looks/look")
    material.CreateSurfaceOutput("mtlx").ConnectToSource(surface.ConnectableAPI(), "out")


def cut_out(scene: Scene) -> None:
    surface = scene.surface("look", (0.7, 0.5, 0.1), opacityThreshold=0.5, metallic=0.3)
    scene.texture(surface, "opacity", "./holes.png", "raw", "r")
    scene.texture(surface, "normal", "./waves.png", "raw", scale=(T.Float4, Gf.Vec4f(2)), bias=(T.Float4, Gf.Vec4f(-1)))


@pytest.mark.parametrize("look", [omnipbr, glass, standard_surface, cut_out])
def test_a_lookalike_looks_alike(look: Callable[[Scene], None], tmp_path: Path, device: str) -> None:
    scene = Scene(tmp_path, False, False)
    scene.checker()
    scene.waves()
    Image.fromarray(np.full((2, 2, 3), (255, 60, 200), np.uint8)).save(tmp_path / "orm.png")
    Image.fromarray(np.array([[255, 0], [0, 255]], np.uint8)).save(tmp_path / "holes.png")
    plain = photograph(scene.stage, device)
    look(scene)
    scene.bind(scene.panel.GetPrim(), "look")
    before = photograph(scene.stage, device)
    assert np.abs(before.astype(int) - plain).mean() > 1.0
    fix = lookalike(scene.stage, "/World/Looks/look")
    fix.apply()
    material = UsdShade.Material.Get(scene.stage, "/World/Looks/look")
    assert not any(material.GetSurfaceOutput(kind).GetAttr().GetConnections() for kind in ("mdl", "mtlx"))
    shader, _, _ = material.ComputeSurfaceSource("")
    assert shader.GetIdAttr().Get() == "UsdPreviewSurface"
    after = photograph(scene.stage, device)
    assert np.abs(after.astype(int) - before).max() <= 3
    assert check(scene.stage).findings == []
    fix.undo()
    assert np.array_equal(photograph(scene.stage, device), before)


def test_a_lookalike_needs_a_material(tmp_path: Path) -> None:
    scene = Scene(tmp_path, False, False)
    for path in ("/World/Box", "/nowhere", "no path"):
        with pytest.raises(SceneError, match="no material"):
            lookalike(scene.stage, path)


def test_all_clones_are_mended() -> None:
    stage = Usd.Stage.CreateInMemory()
    UsdShade.Material.Define(stage, "/World/Looks/paint")
    for env in range(5):
        box = UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/Box").GetPrim()
        UsdShade.MaterialBindingAPI.Apply(box).GetDirectBindingRel().SetTargets([f"/World/envs/env_{env}/Looks/own"])
        UsdShade.Material.Define(stage, f"/World/envs/env_{env}/NewLooks/own")
    report = check(stage)
    finding = next(finding for finding in report.findings if finding.code == "material-missing")
    assert finding.count == 5 and finding.fix == "Bind /World/envs/env_0/NewLooks/own"
    report.fix(finding).apply()
    mended = check(stage)
    found = {path: mended.binding(path).material for path in report.paths(finding)}
    assert found == {f"/World/envs/env_{env}/Box": f"/World/envs/env_{env}/NewLooks/own" for env in range(5)}


def test_inside_of_an_instance_a_fix_makes_it_plain(tmp_path: Path, device: str) -> None:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.Camera.Define(stage, "/World/Camera").AddTranslateOp().Set(Gf.Vec3d(0, 0, 5))
    UsdGeom.Cube.Define(stage, "/Asset/Box")
    shader = UsdShade.Shader.Define(stage, "/Asset/Looks/paint/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("opacity", T.Float).Set(0.0)
    material = UsdShade.Material.Define(stage, "/Asset/Looks/paint")
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath("/Asset/Box")).Bind(material)
    stage.GetPrimAtPath("/Asset").SetSpecifier(Sdf.SpecifierClass)
    for name in ("One", "Two"):
        instance = UsdGeom.Xform.Define(stage, f"/World/{name}").GetPrim()
        instance.GetReferences().AddInternalReference("/Asset")
        instance.SetInstanceable(True)
    report = check(stage)
    told = [finding for finding in report.findings if finding.code == "material-invisible"]
    assert {finding.path for finding in told} == {"/World/One/Looks/paint", "/World/Two/Looks/paint"}
    fixes = [report.fix(finding) for finding in told]
    fixes[0].apply()
    assert not stage.GetPrimAtPath("/World/One").IsInstance() and stage.GetPrimAtPath("/World/Two").IsInstance()
    left = [finding.path for finding in check(stage).findings if finding.code == "material-invisible"]
    assert left == ["/World/Two/Looks/paint"]
    fixes[0].undo()
    assert stage.GetPrimAtPath("/World/One").IsInstance()


def test_a_trial_ends_with_its_block(tmp_path: Path) -> None:
    stage = CASES["material-missing"].stage(tmp_path)
    report = check(stage)
    fix = report.fix(report.findings[0])
    with fix.trial():
        assert fix.applied and check(stage).findings == []
    assert not fix.applied and check(stage).findings != []
    fix.apply()
    fix.apply()
    fix.undo()
    fix.undo()
    assert len(stage.GetSessionLayer().subLayerPaths) == 0
    bare = Usd.Stage.Open(stage.GetRootLayer(), sessionLayer=None)
    report = check(bare)
    with pytest.raises(SceneError, match="session layer"):
        report.fix(report.findings[0]).apply()


def test_a_renderer_that_runs_shows_the_fix_and_its_undoing(tmp_path: Path, device: str) -> None:
    case = CASES["texture-unresolved"]
    stage = case.stage(tmp_path / "broken")
    intact = photograph(case.stage(tmp_path / "intact", broken=False), device)
    with TiledRenderer(stage, RendererCfg().replace(**PLAIN, device=device)) as renderer, Inspector(stage) as inspector:
        cameras = renderer.add_cameras("/World/Camera", width=32, height=32, outputs=("rgb",))
        broken = renderer.render(cameras)["rgb"].numpy()[0].copy()
        fix = inspector.fix(inspector.findings[0])
        fix.apply()
        inspector.sync()
        assert inspector.findings == []
        assert np.abs(renderer.render(cameras)["rgb"].numpy()[0].astype(int) - intact).max() <= 1
        fix.undo()
        inspector.sync()
        assert [finding.code for finding in inspector.findings] == ["texture-unresolved"]
        assert np.array_equal(renderer.render(cameras)["rgb"].numpy()[0], broken)


def test_a_lookalike_reads_what_the_prim_brings_along(tmp_path: Path, device: str) -> None:
    """Vertex colours, and texture coordinates under another name than st."""
    scene = Scene(tmp_path, False, False)
    scene.checker()
    colors = UsdGeom.PrimvarsAPI(scene.box).CreatePrimvar("displayColor", T.Color3fArray, "vertex")
    colors.Set([Gf.Vec3f(i & 1, i >> 1 & 1, i >> 2) for i in range(8)])
    surface = scene.shader("colors/Surface", "ND_standard_surface_surfaceshader")
    reader = scene.shader("colors/Reader", "ND_geompropvalue_color3", geomprop=(T.String, "displayColor"))
    surface.CreateInput("base_color", T.Color3f).ConnectToSource(reader.ConnectableAPI(), "out")
    material = UsdShade.Material.Get(scene.stage, "/World/Looks/colors")
    material.CreateSurfaceOutput("mtlx").ConnectToSource(surface.ConnectableAPI(), "out")
    scene.bind(scene.box.GetPrim(), "colors")
    values = scene.panel.GetPrim().GetAttribute("primvars:st").Get()
    scene.panel.GetPrim().RemoveProperty("primvars:st")
    scene.uvs(scene.panel, "UVMap", [tuple(value) for value in values])
    scene.mdl("picture", "OmniPBR.mdl", "OmniPBR", diffuse_texture=PICTURE)
    scene.bind(scene.panel.GetPrim(), "picture")
    scene.stage.Save()
    before = photograph(scene.stage, device, output="albedo").astype(int)
    for name in ("colors", "picture"):
        lookalike(scene.stage, f"/World/Looks/{name}").apply()
    nodes = scene.stage.GetPrimAtPath("/World/Looks/picture").GetChildren()
    assert "UVMap" in [node.GetAttribute("inputs:varname").Get() for node in nodes]
    assert np.abs(photograph(scene.stage, device, output="albedo") - before).max() <= 2
    assert np.ptp(before, axis=(0, 1)).max() > 100


@pytest.mark.parametrize("code", ["light-level", "camera-clipped", "texture-color-space", "uv-set-name"])
def test_a_fix_reads_figures_and_not_prose(code: str, tmp_path: Path) -> None:
    report = check(CASES[code].stage(tmp_path), RendererCfg().replace(**CASES[code].cfg))
    (finding,) = report.findings
    fix = report.fix(finding)
    assert report.fix(replace(finding, message="other words")).preview() == fix.preview()


def test_a_saved_fix_goes_along_with_the_files_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    report = check(CASES["texture-unresolved"].stage(folder))
    report.fix(report.findings[0]).save(folder / "mended.usda")
    report.fix(report.findings[0]).save(tmp_path / "apart.usda")
    assert "@./checker.png@" in (folder / "mended.usda").read_text(encoding="utf-8")
    assert "@./here/checker.png@" in (tmp_path / "apart.usda").read_text(encoding="utf-8")
    folder.rename(tmp_path / "there")
    assert check(tmp_path / "there" / "mended.usda").findings == []


def test_what_is_told_of_the_stage_is_about_its_file(tmp_path: Path) -> None:
    stage = CASES["no-light"].stage(tmp_path)
    (finding,) = check(stage).findings
    assert (finding.path, finding.site.layer) == ("/", stage.GetRootLayer().realPath)
