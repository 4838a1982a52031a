"""The live stage as text: what goes over, and how the environments that do not come of it."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ovrtx_compare import assert_equal, images_of
from ovrtx_stages import CAMERAS, ENVS, edit_at_random, heterogeneous, instanced, plain
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

from omni.isaac.ovrtx_render.images import write_png
from omni.isaac.ovrtx_render.scene.env_diff import LENS
from omni.isaac.ovrtx_render.scene.export import StageExport, export_stage, own_camera
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene


def exported(stage: Usd.Stage, **how: Any) -> tuple[StageExport, Usd.Stage]:
    export = export_stage(stage, read_scene(stage), **how)
    layer = Sdf.Layer.CreateAnonymous(".usda")
    assert layer.ImportFromString(export.text)
    return export, Usd.Stage.Open(layer)


def env_names(stage: Usd.Stage) -> list[str]:
    return [prim.GetName() for prim in stage.GetPrimAtPath(ENVS).GetChildren()]


def test_clones_go_over_once_with_what_tells_them_apart() -> None:
    stage = plain(4)
    before = stage.GetRootLayer().ExportToString(), stage.GetSessionLayer().ExportToString()
    export, copy = exported(stage)
    assert env_names(copy) == ["env_0"]
    assert [(step.source, step.targets) for step in export.clones] == [
        (f"{ENVS}/env_0", [f"{ENVS}/env_{env}" for env in (1, 2, 3)])
    ]
    assert export.placed[:2] == [f"{ENVS}/env_1", f"{ENVS}/env_1/Ball"]
    assert export.transforms[0, 3, :3].tolist() == [3.0, 0.0, 0.0]
    (colors,) = export.values
    assert (colors.name, colors.paths[1]) == ("inputs:diffuseColor", f"{ENVS}/env_2/Looks/ball/Shader")
    shader = UsdShade.Shader(stage.GetPrimAtPath(colors.paths[1]))
    assert np.array_equal(colors.values[1], np.array(shader.GetInput("diffuseColor").Get(), np.float32))
    # The live stage is as it was.
    assert (stage.GetRootLayer().ExportToString(), stage.GetSessionLayer().ExportToString()) == before


def test_each_kind_has_one_source() -> None:
    export, copy = exported(heterogeneous(8))
    # Cones, cylinders, nothing more; the cylinder beside a box that is bound at all is a kind of its own.
    assert env_names(copy) == ["env_0", "env_1", "env_2", "env_4"]
    assert {step.source: step.targets for step in export.clones} == {
        f"{ENVS}/env_0": [f"{ENVS}/env_3", f"{ENVS}/env_6"],
        f"{ENVS}/env_2": [f"{ENVS}/env_5"],
        f"{ENVS}/env_4": [f"{ENVS}/env_7"],
    }


def test_a_material_bound_otherwise_is_written() -> None:
    stage = plain(3)
    box = stage.GetPrimAtPath(f"{ENVS}/env_0/Box")
    UsdShade.MaterialBindingAPI.Apply(box).Bind(UsdShade.Material(stage.GetPrimAtPath(f"{ENVS}/env_0/Looks/ball")))
    for env, look in ((1, "/World/Looks/floor"), (2, f"{ENVS}/env_2/Looks/ball")):
        other = stage.GetPrimAtPath(f"{ENVS}/env_{env}/Box")
        UsdShade.MaterialBindingAPI.Apply(other).Bind(UsdShade.Material(stage.GetPrimAtPath(look)))
    export, copy = exported(stage)
    assert env_names(copy) == ["env_0"]
    assert export.bindings == {f"{ENVS}/env_1/Box": "/World/Looks/floor"}


def test_an_environment_that_another_one_refers_to_goes_over_too() -> None:
    stage = plain(4)
    ball = stage.GetPrimAtPath(f"{ENVS}/env_0/Ball")
    UsdShade.MaterialBindingAPI.Apply(ball).Bind(UsdShade.Material(stage.GetPrimAtPath(f"{ENVS}/env_3/Looks/ball")))
    _, copy = exported(stage)
    assert set(env_names(copy)) >= {"env_0", "env_3"}
    target = UsdShade.MaterialBindingAPI(copy.GetPrimAtPath(f"{ENVS}/env_0/Ball")).GetDirectBinding().GetMaterialPath()
    assert copy.GetPrimAtPath(target)


def test_instances_are_written_out_where_they_are_cloned_and_stay_where_not() -> None:
    export, copy = exported(instanced(3))
    assert env_names(copy) == ["env_0"]
    below = [prim for prim in Usd.PrimRange(copy.GetPrimAtPath(f"{ENVS}/env_0"))]
    assert not any(prim.IsInstance() for prim in below)
    assert copy.GetPrimAtPath(f"{ENVS}/env_0/Assembly/Part_0/Shape").GetTypeName() == "Sphere"
    assert copy.GetPrimAtPath("/World/Shared/Assembly").IsInstance()
    assert len(export.clones[0].targets) == 2


def test_asset_paths_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "map.png").write_bytes(b"no picture, but a file")
    path = tmp_path / "sub" / "scene.usda"
    stage = Usd.Stage.CreateNew(str(path))
    shader = UsdShade.Shader.Define(stage, f"{ENVS}/env_0/Looks/m/Shader")
    for name, value in (("file", "./map.png"), ("core", "OmniPBR.mdl"), ("missing", "./none.png")):
        shader.CreateInput(name, Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(value))
    stage.GetRootLayer().Save()
    _, copy = exported(stage)
    prim = copy.GetPrimAtPath(f"{ENVS}/env_0/Looks/m/Shader")
    assert prim.GetAttribute("inputs:file").Get().path == str(tmp_path / "sub" / "map.png")
    assert prim.GetAttribute("inputs:core").Get().path == "OmniPBR.mdl"
    assert prim.GetAttribute("inputs:missing").Get().path == str(tmp_path / "sub" / "none.png")


def test_what_is_read_of_an_animated_attribute_is_what_goes_over() -> None:
    stage = plain(2)
    ball = UsdGeom.Sphere(stage.GetPrimAtPath(f"{ENVS}/env_0/Ball"))
    ball.GetRadiusAttr().Clear()
    for time, radius in ((3.0, 0.2), (9.0, 0.9)):
        ball.GetRadiusAttr().Set(radius, time)
    _, copy = exported(stage)
    radius = copy.GetPrimAtPath(f"{ENVS}/env_0/Ball").GetAttribute("radius")
    assert radius.GetNumTimeSamples() == 0 and radius.Get() == pytest.approx(0.2)


def test_an_untyped_environment_root_is_made_an_xform() -> None:
    """Only an Xformable is placed: all clones would stand at the origin."""
    stage = plain(2)
    for env in range(2):
        prim = stage.GetPrimAtPath(f"{ENVS}/env_{env}")
        prim.RemoveProperty("xformOpOrder")
        prim.ClearTypeName()
    export, copy = exported(stage)
    assert copy.GetPrimAtPath(f"{ENVS}/env_0").GetTypeName() == "Xform"
    assert np.array_equal(export.transforms[export.placed.index(f"{ENVS}/env_1")], np.eye(4))


def test_environments_without_a_transform(library: Any, open_renderer: Any) -> None:
    """A Scope cannot be placed, and need not be."""
    library()
    stage = plain(3)
    for env in range(3):
        prim = stage.GetPrimAtPath(f"{ENVS}/env_{env}")
        for name in ("xformOpOrder", "xformOp:translate"):
            prim.RemoveProperty(name)
        prim.SetTypeName("Scope")
    assert_same_pictures(open_renderer, stage)


def test_three_floats_that_are_no_colour_by_type(library: Any, open_renderer: Any) -> None:
    """The library reads plain ones as zeros."""
    library()
    stage = plain(3)
    for env in range(3):
        shader = stage.GetPrimAtPath(f"{ENVS}/env_{env}/Looks/ball/Shader")
        shader.RemoveProperty("inputs:diffuseColor")
        shader.CreateAttribute("inputs:diffuseColor", Sdf.ValueTypeNames.Float3).Set(
            Gf.Vec3f(0.9, 0.1 + 0.3 * env, 0.1)
        )
    floor = stage.GetPrimAtPath("/World/Looks/floor/Shader")
    interface = stage.GetPrimAtPath("/World/Looks/floor").CreateAttribute("inputs:paint", Sdf.ValueTypeNames.Float3)
    interface.Set(Gf.Vec3f(0.2, 0.3, 0.7))
    floor.GetAttribute("inputs:diffuseColor").SetConnections([interface.GetPath()])
    assert_same_pictures(open_renderer, stage)


def test_partitions_of_another_renderer_are_left_behind(library: Any, open_renderer: Any) -> None:
    library()
    stage = plain(3)
    for env in range(3):
        token = f"env_{(env + 1) % 3}"
        for name in ("", "/Box"):
            prim = stage.GetPrimAtPath(f"{ENVS}/env_{env}{name}")
            prim.CreateAttribute("primvars:omni:scenePartition", Sdf.ValueTypeNames.Token).Set(token)
        camera = stage.GetPrimAtPath(f"{ENVS}/env_{env}/Camera")
        camera.CreateAttribute("omni:scenePartition", Sdf.ValueTypeNames.Token).Set(token)
    export, _ = exported(stage)
    assert len(export.clones[0].targets) == 2
    for see_all_envs in (False, True):
        assert_same_pictures(open_renderer, stage, see_all_envs=see_all_envs)


def assert_same_pictures(open_renderer: Any, stage: Usd.Stage, **fields: Any) -> None:
    drawn = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend, **fields)
        outputs = ("rgb", "albedo", "depth", "instance_segmentation")
        bundle = renderer.add_cameras(CAMERAS, width=24, height=16, outputs=outputs)
        renderer.render(bundle)
        drawn.append(images_of(bundle))
    assert_equal(*drawn)


def test_partitions_are_authored_on_roots_and_cameras_only() -> None:
    stage = plain(2)
    for partitions in (True, False):
        _, copy = exported(stage, partitions=partitions, exposure=0.25)
        holders = [
            str(prim.GetPath())
            for prim in copy.Traverse()
            for name in prim.GetAuthoredPropertyNames()
            if name.endswith("scenePartition")
        ]
        camera = copy.GetPrimAtPath(own_camera(f"{ENVS}/env_0/Camera", 0))
        assert holders == ([f"{ENVS}/env_0", str(camera.GetPath())] if partitions else [])
        assert camera.GetAttribute("exposure:responsivity").Get() == 0.25
        assert "OmniRtxCameraExposureAPI_1" in camera.GetPrimTypeInfo().GetAppliedAPISchemas()


def test_what_is_written_onto_clones_exists_on_their_source() -> None:
    stage = plain(3)
    UsdGeom.Imageable(stage.GetPrimAtPath(f"{ENVS}/env_2/Box")).MakeInvisible()
    export, copy = exported(stage)
    assert env_names(copy) == ["env_0"]
    assert copy.GetPrimAtPath(f"{ENVS}/env_0/Box").GetAttribute("visibility").HasAuthoredValue()
    camera = copy.GetPrimAtPath(own_camera(f"{ENVS}/env_0/Camera", 0))
    assert all(camera.GetAttribute(name).HasAuthoredValue() for name in LENS)
    written = {values.name: dict(zip(values.paths, values.values, strict=True)) for values in export.values}
    assert written["visibility"] == {f"{ENVS}/env_2/Box": "invisible"}


def test_what_the_session_layer_says_goes_over() -> None:
    stage = plain(2)
    with Usd.EditContext(stage, stage.GetSessionLayer()):
        UsdGeom.Sphere.Define(stage, "/World/Pointer").CreateRadiusAttr(0.7)
    _, copy = exported(stage)
    assert copy.GetPrimAtPath("/World/Pointer").GetAttribute("radius").Get() == pytest.approx(0.7)


def test_products_of_the_application_stay_behind() -> None:
    stage = plain(2)
    stage.DefinePrim("/Render/Viewport", "RenderProduct")
    _, copy = exported(stage)
    assert not copy.GetPrimAtPath("/Render/Viewport")
    assert (
        copy.GetPrimAtPath("/Render/OmniverseGlobalRenderSettings")
        .GetAttribute("omni:rtx:scenePartitioning:showAllPartitionsByDefault")
        .Get()
    )


def test_nothing_touches_the_disk(library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    library()
    opened: list[str] = []
    real = builtins.open

    def watched(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if any(sign in mode for sign in "wax+"):
            opened.append(str(file))
        return real(file, mode, *args, **kwargs)

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr("tempfile.mkstemp", forbidden)
    monkeypatch.setattr(Sdf.Layer, "Export", forbidden)
    renderer = open_renderer(plain(2))
    renderer.render(renderer.add_cameras(CAMERAS, width=8, height=8, outputs="depth"))
    assert not [path for path in opened if "warp" not in path and ".cache" not in path and "cache" not in path]


def test_the_file_route_draws_the_same_and_leaves_no_file(
    library: Any, open_renderer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    drawn = []
    for route in ("text", "file"):
        renderer = open_renderer(plain(2), backend_options={"scene_route": route})
        bundle = renderer.add_cameras(CAMERAS, width=16, height=12, outputs=("rgb", "depth"))
        renderer.render(bundle)
        drawn.append(images_of(bundle))
    assert_equal(*drawn)
    assert not list(tmp_path.glob("ovrtx_render_*"))


def test_edits_of_the_live_stage_are_drawn(library: Any, open_renderer: Any) -> None:
    """Moved and hidden prims, a lens, a light, a material, and prims that come and go, as on the direct route."""
    library(renderer={"backend": "warp", "exposure": -10.0, "headlight": False})
    stage = plain(3)
    routes = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend, exposure=-10.0)
        bundle = renderer.add_cameras(CAMERAS, width=24, height=16, outputs=("rgb", "depth", "instance_segmentation"))
        binding = renderer.bind_transforms([f"{ENVS}/env_0/Box"])
        binding.write([[-0.2, 0.1, 0.3]], quat_xyzw=[[0, 0, 0.3, 0.95]])
        bundle.set_poses([[3.1, -2.1, 1.1]], quat_xyzw=[[0.5, 0, 0, 0.86]], env_ids=[1])
        renderer.render(bundle)
        routes.append((renderer, bundle))

    def move() -> None:
        UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_2")).GetOrderedXformOps()[0].Set(Gf.Vec3d(6.2, 0.3, 0.4))

    def lens() -> None:
        UsdGeom.Camera(stage.GetPrimAtPath(f"{ENVS}/env_0/Camera")).GetFocalLengthAttr().Set(28.0)

    def light() -> None:
        stage.GetPrimAtPath("/World/Sun").GetAttribute("inputs:color").Set(Gf.Vec3f(1.0, 0.4, 0.2))

    def material() -> None:
        shader = UsdShade.Shader(stage.GetPrimAtPath(f"{ENVS}/env_1/Looks/ball/Shader"))
        shader.GetInput("diffuseColor").Set(Gf.Vec3f(0.1, 0.9, 0.9))

    def hide() -> None:
        UsdGeom.Imageable(stage.GetPrimAtPath(f"{ENVS}/env_1/Box")).MakeInvisible()

    def add() -> None:
        UsdGeom.Cone.Define(stage, f"{ENVS}/env_2/Cone").AddTranslateOp().Set(Gf.Vec3d(0, -0.5, 0.4))

    def remove() -> None:
        stage.RemovePrim(f"{ENVS}/env_2/Ball")

    before = images_of(routes[0][1])["rgb"]
    for edit in (move, lens, light, material, hide, add, remove):
        edit()
        drawn = []
        for renderer, bundle in routes:
            renderer.render(bundle)
            drawn.append(images_of(bundle))
        assert_equal(*drawn, share=0.01)
        assert not np.array_equal(drawn[0]["rgb"], before), edit.__name__
        before = drawn[0]["rgb"]


def test_every_edit_of_a_light_is_drawn(library: Any, open_renderer: Any, tmp_path: Path) -> None:
    """Values are written; for a property that is removed, or an asset, the stage is loaded again."""
    library(renderer={"backend": "warp", "exposure": -10.0, "headlight": False})
    for name, color in (("a", (255, 0, 0)), ("b", (0, 0, 255))):
        write_png(tmp_path / f"{name}.png", np.tile(np.array(color, np.uint8), (8, 16, 1)))
    stage = plain(2)
    stage.RemovePrim("/World/Floor")
    dome = UsdLux.DomeLight.Define(stage, "/World/Dome")
    dome.CreateIntensityAttr(2000.0)
    dome.CreateTextureFileAttr(str(tmp_path / "a.png"))
    sun = UsdLux.DistantLight(stage.GetPrimAtPath("/World/Sun"))
    routes = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend, exposure=-10.0)
        bundle = renderer.add_cameras(CAMERAS, width=24, height=16, outputs="rgb")
        renderer.render(bundle)
        routes.append((renderer, bundle))
    loads: list[Any] = []
    session = routes[0][0]._backend._session
    real = session.open
    session.open = lambda root: (loads.append(root), real(root))
    before = images_of(routes[0][1])["rgb"]
    for edit, reloads in (
        (lambda: dome.GetTextureFileAttr().Set(str(tmp_path / "b.png")), True),
        (lambda: dome.GetIntensityAttr().Set(3000.0), False),
        (lambda: sun.CreateExposureAttr(1.5), False),
        (lambda: sun.GetExposureAttr().Clear(), False),
        (lambda: sun.GetPrim().RemoveProperty("inputs:intensity"), True),
    ):
        del loads[:]
        edit()
        drawn = []
        for renderer, bundle in routes:
            renderer.render(bundle)
            drawn.append(images_of(bundle))
        assert_equal(*drawn, share=0.01)
        assert not np.array_equal(drawn[0]["rgb"], before)
        assert bool(loads) is reloads
        before = drawn[0]["rgb"]


@pytest.mark.parametrize("seed", [3, 11, 38])
def test_random_edits_of_the_live_stage_are_drawn(seed: int, library: Any, open_renderer: Any) -> None:
    library("0.5.0", renderer={"backend": "warp", "exposure": -10.0, "headlight": False})
    stage, rng = instanced(4), np.random.default_rng(seed)
    routes = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend, exposure=-10.0)
        bundle = renderer.add_cameras(CAMERAS, width=24, height=16, outputs=("rgb", "depth", "instance_segmentation"))
        binding = renderer.bind_transforms([f"{ENVS}/env_3/Assembly"])
        binding.write([[9.2, -0.7, 0.4]], quat_xyzw=[[0.1, 0, 0.3, 0.9]])
        routes.append((renderer, bundle))
    for step in range(6):
        drawn = []
        for renderer, bundle in routes:
            renderer.render(bundle)
            drawn.append(images_of(bundle))
        assert_equal(*drawn, share=0.01)
        assert routes[0][1].info == routes[1][1].info
        edit_at_random(stage, rng, 4 if step % 2 else 1, most=1)
