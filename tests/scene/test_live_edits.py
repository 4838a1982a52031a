"""Edits of a live stage: after each, the picture is that of a new renderer on the edited stage, bit for bit."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pxr")

from PIL import Image
from pxr import Gf, Kind, Sdf, Usd, UsdGeom, UsdLux, UsdPhysics, UsdShade

from omni.isaac.ovrtx_render import CameraBundle, RendererCfg, SceneError, TiledRenderer

ENVS = 3
OUTPUTS = ("rgb", "depth", "normals", "albedo", "semantic_segmentation", "instance_id_segmentation_fast")


def env(index: int, rest: str = "") -> str:
    return f"/World/envs/env_{index}{rest}"


def move(stage: Usd.Stage, path: str, x: float, y: float, z: float) -> None:
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath(path)).SetTranslate((x, y, z))


def material(stage: Usd.Stage, path: str, color: tuple[float, float, float]) -> UsdShade.Material:
    made = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/Shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(color)
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.5)
    made.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return made


def mesh(stage: Usd.Stage, path: str) -> UsdGeom.Mesh:
    """A square in the plane z = 0, with texture coordinates."""
    square = UsdGeom.Mesh.Define(stage, path)
    square.CreatePointsAttr([(-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)])
    square.CreateFaceVertexCountsAttr([4])
    square.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
    square.CreateDoubleSidedAttr(True)
    st = UsdGeom.PrimvarsAPI(square).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
    st.Set([(0, 0), (1, 0), (1, 1), (0, 1)])
    return square


def environment(stage: Usd.Stage, index: int) -> None:
    root = env(index)
    UsdGeom.Xform.Define(stage, root)
    move(stage, root, 10.0 * index, 0.0, 0.0)
    UsdGeom.Xform.Define(stage, f"{root}/Robot")
    UsdGeom.Xform.Define(stage, f"{root}/Robot/link")
    UsdGeom.Cube.Define(stage, f"{root}/Robot/link/hand").CreateSizeAttr(0.6)
    move(stage, f"{root}/Robot/link/hand", 0.5, 0.0, 0.25)
    mesh(stage, f"{root}/Robot/link/sign")
    move(stage, f"{root}/Robot/link/sign", -0.5, 0.25, 0.5)
    looks = material(stage, f"{root}/Looks/own", (0.7, 0.2 + 0.1 * index, 0.1))
    UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath(f"{root}/Robot")).Bind(looks)
    camera = UsdGeom.Camera.Define(stage, f"{root}/Camera")
    camera.CreateFocalLengthAttr(18.0)
    camera.CreateClippingRangeAttr((0.01, 100.0))
    move(stage, f"{root}/Camera", 0.0, 0.0, 4.0)


@pytest.fixture
def stage() -> Usd.Stage:
    """Three environments with a robot of two parts and a camera that looks down; a floor, four lights, rocks."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.Xform.Define(stage, "/World/envs")
    for index in range(ENVS):
        environment(stage, index)
    floor = UsdGeom.Cube.Define(stage, "/World/floor")
    floor.CreateSizeAttr(100.0)
    move(stage, "/World/floor", 0.0, 0.0, -51.0)
    UsdShade.MaterialBindingAPI.Apply(floor.GetPrim()).Bind(material(stage, "/World/Looks/floor", (0.3, 0.3, 0.4)))
    UsdLux.DistantLight.Define(stage, "/World/sun").CreateIntensityAttr(2.0)
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/sun")).SetRotate((25.0, 10.0, 0.0))
    lamp = UsdLux.SphereLight.Define(stage, "/World/lamp")
    lamp.CreateIntensityAttr(30.0)
    lamp.CreateRadiusAttr(0.25)
    move(stage, "/World/lamp", 1.0, 2.0, 4.0)
    UsdLux.DomeLight.Define(stage, "/World/sky").CreateIntensityAttr(0.25)
    rocks = UsdGeom.PointInstancer.Define(stage, "/World/rocks")
    UsdGeom.Sphere.Define(stage, "/World/rocks/kinds/round").CreateRadiusAttr(0.25)
    rocks.CreatePrototypesRel().SetTargets(["/World/rocks/kinds/round"])
    rocks.CreateProtoIndicesAttr([0, 0, 0])
    rocks.CreatePositionsAttr([(0.0, -1.0, 0.0), (10.5, -1.0, 0.0), (20.0, -1.25, 0.25)])
    return stage


@pytest.fixture
def start(device: str) -> Iterator[Callable[..., tuple[TiledRenderer, CameraBundle]]]:
    """``start(stage)`` gives a renderer and its cameras; closed when the test ends."""
    made: list[TiledRenderer] = []

    def factory(stage: Usd.Stage, outputs: Any = OUTPUTS, **fields: Any) -> tuple[TiledRenderer, CameraBundle]:
        fields = {"backend": "warp", "device": device, "exposure": 0.0, **fields}
        made.append(TiledRenderer(stage, RendererCfg().replace(**fields)))
        return made[-1], made[-1].add_cameras(None, width=24, height=20, outputs=outputs)

    yield factory
    for renderer in made:
        renderer.close()


def pictures(renderer: TiledRenderer, bundle: CameraBundle) -> dict[str, np.ndarray]:
    """One frame. Ids are replaced by what they stand for: their numbers are those of the last read."""
    frame = {name: buffer.numpy().copy() for name, buffer in renderer.render(bundle).items()}
    for name, maps in bundle.info.items():
        labels = {key: str(value) for key, value in maps["idToLabels"].items()}
        frame[name] = np.array([labels[i] for i in frame[name].ravel()]).reshape(frame[name].shape)
    return frame


def equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def assert_equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def set_attribute(path: str, name: str, value: Any) -> Callable[[Usd.Stage], None]:
    def edit(stage: Usd.Stage) -> None:
        attribute = stage.GetPrimAtPath(path).GetAttribute(name)
        assert attribute, f"{path} has no {name}"
        attribute.Set(value)

    return edit


def rotate_environment(stage: Usd.Stage) -> None:
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath(env(1))).SetRotate((0.0, 0.0, 90.0))


def stop_inheriting(stage: Usd.Stage) -> None:
    UsdGeom.Xformable(stage.GetPrimAtPath(env(1, "/Robot/link/hand"))).SetResetXformStack(True)


def scale_robot(stage: Usd.Stage) -> None:
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath(env(2, "/Robot"))).SetScale((2.0, 1.0, 0.5))


def scale_lamp(stage: Usd.Stage) -> None:
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/lamp")).SetScale((3.0, 3.0, 3.0))


def new_input(stage: Usd.Stage) -> None:
    shader = UsdShade.Shader(stage.GetPrimAtPath("/World/Looks/floor/Shader"))
    shader.CreateInput("emissiveColor", Sdf.ValueTypeNames.Color3f).Set((0.25, 0.0, 0.5))


def see_through(stage: Usd.Stage) -> None:
    shader = UsdShade.Shader(stage.GetPrimAtPath(env(1, "/Looks/own/Shader")))
    shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).Set(0.5)


def through_interface(stage: Usd.Stage) -> None:
    looks = UsdShade.Material(stage.GetPrimAtPath("/World/Looks/floor"))
    looks.CreateInput("tint", Sdf.ValueTypeNames.Color3f).Set((0.9, 0.1, 0.1))
    shader = UsdShade.Shader(stage.GetPrimAtPath("/World/Looks/floor/Shader"))
    shader.GetInput("diffuseColor").ConnectToSource(looks.GetInput("tint"))


def rebind(stage: Usd.Stage) -> None:
    looks = UsdShade.Material(stage.GetPrimAtPath("/World/Looks/floor"))
    UsdShade.MaterialBindingAPI(stage.GetPrimAtPath(env(2, "/Robot"))).Bind(looks)


def display_color(stage: Usd.Stage) -> None:
    UsdGeom.Sphere(stage.GetPrimAtPath("/World/rocks/kinds/round")).CreateDisplayColorAttr([(1.0, 0.5, 0.0)])


def hide(stage: Usd.Stage) -> None:
    UsdGeom.Imageable(stage.GetPrimAtPath(env(1, "/Robot"))).MakeInvisible()


def hide_light(stage: Usd.Stage) -> None:
    UsdGeom.Imageable(stage.GetPrimAtPath("/World/lamp")).MakeInvisible()


def add_prim(stage: Usd.Stage) -> None:
    UsdGeom.Sphere.Define(stage, env(0, "/Robot/link/ball")).CreateRadiusAttr(0.5)


def add_light(stage: Usd.Stage) -> None:
    UsdLux.RectLight.Define(stage, env(1, "/panel")).CreateIntensityAttr(10.0)
    move(stage, env(1, "/panel"), 0.0, 0.0, 3.0)


def add_environment(stage: Usd.Stage) -> None:
    Sdf.CopySpec(stage.GetRootLayer(), env(1), stage.GetRootLayer(), env(11))
    move(stage, env(11), 30.0, 0.0, 0.0)


def remove_prim(stage: Usd.Stage) -> None:
    stage.RemovePrim(env(0, "/Robot/link/sign"))


def deactivate(stage: Usd.Stage) -> None:
    stage.GetPrimAtPath(env(2, "/Robot")).SetActive(False)


def rename(stage: Usd.Stage) -> None:
    edit = Sdf.BatchNamespaceEdit()
    edit.Add(env(0, "/Robot/link/hand"), env(0, "/Robot/link/zz"))
    assert stage.GetRootLayer().Apply(edit)


def label(stage: Usd.Stage) -> None:
    prim = stage.GetPrimAtPath(env(1, "/Robot"))
    prim.AddAppliedSchema("SemanticsLabelsAPI:class")
    prim.CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.TokenArray).Set(["robot"])


def stage_units(stage: Usd.Stage) -> None:
    UsdGeom.SetStageMetersPerUnit(stage, 0.5)


def layer_below(stage: Usd.Stage) -> None:
    layer = Sdf.Layer.CreateAnonymous("more.usda")
    add_prim(Usd.Stage.Open(layer))
    stage.GetRootLayer().subLayerPaths.append(layer.identifier)


def change_block(stage: Usd.Stage) -> None:
    with Sdf.ChangeBlock():
        set_attribute(env(0, "/Robot/link/hand"), "xformOp:translate", (0.0, 0.5, 0.5))(stage)
        set_attribute(env(1, "/Robot/link/hand"), "xformOp:translate", (0.0, -0.5, 0.5))(stage)
        set_attribute("/World/lamp", "inputs:intensity", 90.0)(stage)
        set_attribute("/World/Looks/floor/Shader", "inputs:diffuseColor", (0.1, 0.9, 0.1))(stage)


def session_layer(stage: Usd.Stage) -> None:
    with Usd.EditContext(stage, stage.GetSessionLayer()):
        move(stage, env(1, "/Robot"), 0.25, 0.5, 0.0)


def instance_the_robot(stage: Usd.Stage) -> None:
    stage.DefinePrim(env(0, "/Copy")).GetReferences().AddInternalReference(env(0, "/Robot"))
    stage.GetPrimAtPath(env(0, "/Copy")).SetInstanceable(True)
    move(stage, env(0, "/Copy"), 0.0, 0.75, 0.5)


SMALL = {
    "a prim moves": lambda s: move(s, env(0, "/Robot/link/hand"), 0.0, 0.5, 0.5),
    "its first transform": lambda s: move(s, env(0, "/Robot/link"), 0.25, 0.5, 0.5),
    "what it hangs on moves": rotate_environment,
    "an ancestor of all": lambda s: move(s, "/World/envs", 0.25, 0.25, 0.0),
    "it stops inheriting": stop_inheriting,
    "scale": scale_robot,
    "a camera moves": lambda s: move(s, env(2, "/Camera"), 0.5, 0.0, 3.0),
    "a point instancer moves": lambda s: UsdGeom.XformCommonAPI(s.GetPrimAtPath("/World/rocks")).SetTranslate(
        (0, 1, 0)
    ),
    "a light moves": lambda s: move(s, "/World/lamp", -1.0, 2.0, 3.0),
    "a light is scaled": scale_lamp,
    "a light turns": lambda s: UsdGeom.XformCommonAPI(s.GetPrimAtPath("/World/sun")).SetRotate((60.0, 0.0, 0.0)),
    "intensity": set_attribute("/World/lamp", "inputs:intensity", 90.0),
    "light colour": set_attribute("/World/sun", "inputs:color", (1.0, 0.25, 0.25)),
    "sky": set_attribute("/World/sky", "inputs:color", (0.25, 0.25, 1.0)),
    "shadows off": set_attribute("/World/sun", "inputs:intensity", 0.0),
    "shared material": set_attribute("/World/Looks/floor/Shader", "inputs:diffuseColor", (0.1, 0.9, 0.1)),
    "own material": set_attribute(env(1, "/Looks/own/Shader"), "inputs:diffuseColor", (0.1, 0.9, 0.1)),
    "a new input": new_input,
    "transparency": see_through,
    "a material interface": through_interface,
    "focal length": set_attribute(env(1, "/Camera"), "focalLength", 30.0),
    "clipping range": set_attribute(env(1, "/Camera"), "clippingRange", (3.75, 4.5)),
    "projection": lambda s: set_attribute(env(1, "/Camera"), "projection", "orthographic")(s),
    "a change block": change_block,
    "session layer": session_layer,
}
LARGE = {
    "visibility": hide,
    "a light is hidden": hide_light,
    "a new prim": add_prim,
    "a new light": add_light,
    "a new environment": add_environment,
    "a removed prim": remove_prim,
    "a prim is deactivated": deactivate,
    "a prim is renamed": rename,
    "binding": rebind,
    "displayColor": display_color,
    "label": label,
    "geometry": set_attribute(env(1, "/Robot/link/hand"), "size", 0.25),
    "points": lambda s: UsdGeom.Mesh(s.GetPrimAtPath(env(1, "/Robot/link/sign"))).GetPointsAttr().Set(
        [(-1, -1, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)]
    ),
    "positions of instances": set_attribute("/World/rocks", "positions", [(0.5, -1.0, 0.0)] * 3),
    "a prototype moves": lambda s: move(s, "/World/rocks/kinds/round", 0.0, 0.0, 0.5),
    "stage units": stage_units,
    "a layer is added": layer_below,
    "an instance": instance_the_robot,
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_small_edit_changes_records_only(name: str, stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    before, scene = pictures(renderer, cameras), renderer.scene
    SMALL[name](stage)
    after = pictures(renderer, cameras)
    assert renderer.scene is scene
    assert not equal(before, after)
    assert_equal(after, pictures(*start(stage)))


@pytest.mark.parametrize("name", LARGE)
def test_a_large_edit_reads_the_stage_again(name: str, stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    before, scene, outputs, info = pictures(renderer, cameras), renderer.scene, cameras.outputs, cameras.info
    buffers = dict(outputs)
    LARGE[name](stage)
    after = pictures(renderer, cameras)
    assert renderer.scene is not scene
    assert cameras.outputs is outputs and all(outputs[name] is buffers[name] for name in OUTPUTS)
    assert cameras.info is info
    fresh, fresh_cameras = start(stage)
    if name == "a new environment":  # its camera belongs to no bundle yet
        fresh.remove_cameras(fresh_cameras)
        fresh_cameras = fresh.add_cameras(cameras.paths, width=24, height=20, outputs=OUTPUTS)
    else:
        assert not equal(before, after)
    assert_equal(after, pictures(fresh, fresh_cameras))
    assert cameras.info == fresh_cameras.info


def test_undo(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    before = pictures(renderer, cameras)
    saved = stage.GetRootLayer().ExportToString()
    for edit in ("a prim moves", "shared material"):
        SMALL[edit](stage)
    hide(stage)
    assert not equal(before, pictures(renderer, cameras))
    stage.GetRootLayer().ImportFromString(saved)
    assert_equal(before, pictures(renderer, cameras))


def test_layers_muted_and_cleared(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    before = pictures(renderer, cameras)
    layer = Sdf.Layer.CreateAnonymous("try.usda")
    stage.GetSessionLayer().subLayerPaths.append(layer.identifier)
    with Usd.EditContext(stage, layer):
        move(stage, env(1, "/Robot"), 0.25, 0.5, 0.0)
    moved = pictures(renderer, cameras)
    assert not equal(before, moved)
    stage.MuteLayer(layer.identifier)
    assert_equal(before, pictures(renderer, cameras))
    stage.UnmuteLayer(layer.identifier)
    assert_equal(moved, pictures(renderer, cameras))
    layer.Clear()
    assert_equal(before, pictures(renderer, cameras))


def test_moves_inside_instances(stage: Usd.Stage, start: Callable) -> None:
    """What instances share moves in all of them."""
    instance_the_robot(stage)
    renderer, cameras = start(stage)
    before = pictures(renderer, cameras)
    move(stage, env(0, "/Robot/link/hand"), 0.0, 0.25, 0.5)
    after = pictures(renderer, cameras)
    assert not equal(before, after)
    assert_equal(after, pictures(*start(stage)))


def test_textures(stage: Usd.Stage, start: Callable, tmp_path: Path) -> None:
    """Another texture file, a first texture, a texture of the sky."""
    for name, color in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        pixels = np.zeros((8, 8, 3), np.uint8) + np.array(color, np.uint8)
        pixels[:4, :4] = 255
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    texture = UsdShade.Shader.Define(stage, env(0, "/Looks/own/Texture"))
    texture.CreateIdAttr("UsdUVTexture")
    file = texture.CreateInput("file", Sdf.ValueTypeNames.Asset)
    file.Set(str(tmp_path / "red.png"))
    texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3)
    reader = UsdShade.Shader.Define(stage, env(0, "/Looks/own/Reader"))
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    renderer, cameras = start(stage)
    seen = [pictures(renderer, cameras)]
    shader = UsdShade.Shader(stage.GetPrimAtPath(env(0, "/Looks/own/Shader")))
    edits: list[Callable[[], object]] = [
        lambda: shader.GetInput("diffuseColor").ConnectToSource(texture.ConnectableAPI(), "rgb"),
        lambda: file.Set(str(tmp_path / "blue.png")),
        lambda: shader.GetInput("roughness").Set(0.25),
        lambda: UsdLux.DomeLight(stage.GetPrimAtPath("/World/sky")).CreateTextureFileAttr(str(tmp_path / "red.png")),
        lambda: stage.RemovePrim(texture.GetPath()),
    ]
    for edit in edits:
        edit()
        seen.append(pictures(renderer, cameras))
        assert not equal(seen[-1], seen[-2])
        assert_equal(seen[-1], pictures(*start(stage)))


def test_equal_materials_are_taken_apart(stage: Usd.Stage, start: Callable) -> None:
    """Clones whose materials are equal share one entry until one of them is edited."""
    for index in range(ENVS):
        set_attribute(env(index, "/Looks/own/Shader"), "inputs:diffuseColor", (0.5, 0.5, 0.5))(stage)
    renderer, cameras = start(stage)
    for index in (0, 2):
        before = pictures(renderer, cameras)
        set_attribute(env(index, "/Looks/own/Shader"), "inputs:diffuseColor", (1.0, 0.0, 0.1 * index))(stage)
        after = pictures(renderer, cameras)
        changed = [not np.array_equal(before["albedo"][i], after["albedo"][i]) for i in range(ENVS)]
        assert changed == [i == index for i in range(ENVS)]
        assert_equal(after, pictures(*start(stage)))


# -- nothing to see --------------------------------------------------------------------------------------------------


def test_what_cannot_be_seen_costs_nothing(stage: Usd.Stage, start: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = stage.GetPrimAtPath(env(0, "/Robot/link/hand"))
    UsdPhysics.RigidBodyAPI.Apply(hand).CreateVelocityAttr((0, 0, 0))
    stage.DefinePrim("/Render/Product", "RenderProduct").CreateAttribute("size", Sdf.ValueTypeNames.Int)
    renderer, cameras = start(stage)
    assert not renderer.sync()
    hand.GetAttribute("physics:velocity").Set((1, 0, 0))
    hand.SetDocumentation("a hand")
    hand.SetCustomDataByKey("note", 1)
    stage.SetStartTimeCode(1.0)
    stage.GetPrimAtPath("/Render/Product").GetAttribute("size").Set(4)
    UsdGeom.Camera(stage.GetPrimAtPath(env(0, "/Camera"))).CreateFStopAttr(2.0)
    assert not renderer.sync()
    # With nothing noticed, a frame does not even look.
    monkeypatch.setattr(type(renderer), "_take_over", None)
    monkeypatch.setattr(type(renderer), "sync", None)
    renderer.render(cameras)


def test_follow_stage_off(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage, follow_stage=False)
    before = pictures(renderer, cameras)
    SMALL["a prim moves"](stage)
    hide(stage)
    assert_equal(before, pictures(renderer, cameras))
    assert renderer.sync()
    assert_equal(pictures(renderer, cameras), pictures(*start(stage)))


def test_a_renderer_that_pauses_catches_up(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    pictures(renderer, cameras)
    for step in range(5):
        move(stage, env(0, "/Robot"), 0.125 * step, 0.0, 0.0)
        if step % 2:
            hide(stage)
            add_prim(stage)
    assert_equal(pictures(renderer, cameras), pictures(*start(stage)))


def test_edits_from_another_thread(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    before = pictures(renderer, cameras)
    worker = threading.Thread(target=SMALL["what it hangs on moves"], args=(stage,))
    worker.start()
    worker.join()
    after = pictures(renderer, cameras)
    assert not equal(before, after)
    assert_equal(after, pictures(*start(stage)))


# -- arrays and edits ------------------------------------------------------------------------------------------------

QUATS = np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (ENVS, 1))


def robots(offset: float) -> np.ndarray:
    return np.array([[10.0 * i + offset, 0.25, 0.5] for i in range(ENVS)], np.float32)


@pytest.mark.parametrize(
    "name", ["a new prim", "geometry", "a new environment", "a removed prim", "its first transform"]
)
@pytest.mark.parametrize("matrices", [False, True])
def test_what_was_written_stays(name: str, matrices: bool, stage: Usd.Stage, start: Callable) -> None:
    """Poses of prims and cameras, and lenses: what is new below a written prim is where that is."""
    paths = [env(i, "/Robot") for i in range(ENVS)]
    cameras_at = np.array([[10.0 * i, 0.5, 3.5] for i in range(ENVS)], np.float32)
    lenses = np.tile(np.array([[22.0, 0, 11.5], [0, 23.0, 10.5], [0, 0, 1]], np.float32), (2, 1, 1))

    def write(renderer: TiledRenderer, cameras: CameraBundle) -> Any:
        binding = renderer.bind_transforms(paths)
        if matrices:
            places = np.tile(np.eye(4, dtype=np.float32), (ENVS, 1, 1))
            places[:, 3, :3] = robots(0.25)
            binding.write_matrices(places)
        else:
            binding.write(robots(0.25), quat_xyzw=QUATS)
        cameras.set_poses(cameras_at, quat_xyzw=QUATS)
        cameras.set_intrinsics(lenses, env_ids=[0, 2])
        return binding

    renderer, cameras = start(stage)
    binding = write(renderer, cameras)
    before = pictures(renderer, cameras)
    edits = {**SMALL, **LARGE}
    edits[name](stage)
    move(stage, env(1, "/Robot"), 5.0, 5.0, 5.0)  # overruled by the array
    set_attribute(env(0, "/Camera"), "focalLength", 90.0)(stage)  # overruled by the lens that was set
    move(stage, env(0, "/Camera"), 5.0, 5.0, 5.0)
    after = pictures(renderer, cameras)
    assert equal(before, after) == (name == "a new environment")
    fresh, _ = start(stage)
    fresh_cameras = fresh.add_cameras(cameras.paths, width=24, height=20, outputs=OUTPUTS)
    write(fresh, fresh_cameras)
    assert_equal(after, pictures(fresh, fresh_cameras))
    if not matrices:  # the handles work on
        binding.write(robots(0.5), quat_xyzw=QUATS)
        fresh.bind_transforms(paths).write(robots(0.5), quat_xyzw=QUATS)
        assert_equal(pictures(renderer, cameras), pictures(fresh, fresh_cameras))


def test_the_binding_may_be_dropped(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    for offset in (0.125, 0.25):
        renderer.bind_transforms([env(i, "/Robot") for i in range(ENVS)]).write(robots(offset), quat_xyzw=QUATS)
    gc.collect()
    before = pictures(renderer, cameras)
    label(stage)
    after = pictures(renderer, cameras)
    np.testing.assert_array_equal(before["depth"], after["depth"])
    assert len(renderer._written) == 1


def test_a_written_light_stays(stage: Usd.Stage, start: Callable) -> None:
    """Also when another light is edited."""
    at, quat = np.array([[-1.0, 1.0, 3.0]], np.float32), QUATS[:1]

    def write(renderer: TiledRenderer) -> None:
        renderer.bind_transforms(["/World/lamp"]).write(at, quat_xyzw=quat)

    renderer, cameras = start(stage)
    write(renderer)
    for edit in (SMALL["light colour"], SMALL["intensity"], hide):
        edit(stage)
        after = pictures(renderer, cameras)
        fresh, fresh_cameras = start(stage)
        write(fresh)
        assert_equal(after, pictures(fresh, fresh_cameras))


def test_motion_of_an_edit(stage: Usd.Stage, start: Callable) -> None:
    """A prim that is moved on the stage moves in the picture; a scene that is read again stands still."""
    renderer, cameras = start(stage, outputs=("motion_vectors",))
    renderer.render(cameras)
    move(stage, "/World/floor", 0.25, 0.0, -51.0)
    assert np.abs(pictures(renderer, cameras)["motion_vectors"]).max() > 0.5
    hide(stage)
    assert np.abs(pictures(renderer, cameras)["motion_vectors"]).max() < 1.0e-4


# -- prims that go ---------------------------------------------------------------------------------------------------


def test_a_removed_camera_is_named(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    other = renderer.add_cameras([env(0, "/Camera")], width=8, height=8, outputs="depth")
    before = pictures(renderer, cameras)
    stage.GetPrimAtPath(env(1, "/Camera")).SetActive(False)
    for use in (
        lambda: renderer.render(cameras),
        lambda: renderer.render(),
        lambda: cameras.set_poses(robots(0.0), quat_xyzw=QUATS),
        lambda: cameras.set_intrinsics(np.tile(np.eye(3, dtype=np.float32), (ENVS, 1, 1))),
    ):
        with pytest.raises(SceneError, match=env(1, "/Camera")):
            use()
    assert np.isfinite(renderer.render(other)["depth"].numpy()).any()  # the renderer is usable
    left = renderer.add_cameras(None, width=24, height=20, outputs=OUTPUTS)
    assert left.paths == [env(0, "/Camera"), env(2, "/Camera")]
    renderer.render(left)
    stage.GetPrimAtPath(env(1, "/Camera")).SetActive(True)
    assert_equal(before, pictures(renderer, cameras))


def test_a_removed_bound_prim_is_named(stage: Usd.Stage, start: Callable) -> None:
    renderer, cameras = start(stage)
    binding = renderer.bind_transforms([env(i, "/Robot") for i in range(ENVS)])
    binding.write(robots(0.25), quat_xyzw=QUATS)
    before = pictures(renderer, cameras)
    stage.GetPrimAtPath(env(1, "/Robot")).SetActive(False)
    after = pictures(renderer, cameras)  # the others are where they were
    for i in range(ENVS):
        assert np.array_equal(before["depth"][i], after["depth"][i]) == (i != 1)
    with pytest.raises(SceneError, match=env(1, "/Robot")):
        binding.write(robots(0.5), quat_xyzw=QUATS)
    with pytest.raises(SceneError, match=env(1, "/Robot")):
        binding.write_matrices(np.tile(np.eye(4, dtype=np.float32), (ENVS, 1, 1)))
    renderer.bind_transforms([env(0, "/Robot")]).write(robots(0.5)[:1], quat_xyzw=QUATS[:1])
    stage.GetPrimAtPath(env(1, "/Robot")).SetActive(True)
    binding.write(robots(0.25), quat_xyzw=QUATS)
    assert_equal(before, pictures(renderer, cameras))


def test_environments_that_go_renumber_the_others(stage: Usd.Stage, start: Callable) -> None:
    renderer, _ = start(stage)
    last = renderer.add_cameras([env(2, "/Camera")], width=24, height=20, outputs=OUTPUTS)
    assert last.envs.tolist() == [2]
    stage.RemovePrim(env(0))
    after = pictures(renderer, last)
    assert last.envs.tolist() == [1]
    fresh, _ = start(stage)
    assert_equal(after, pictures(fresh, fresh.add_cameras([env(2, "/Camera")], width=24, height=20, outputs=OUTPUTS)))


def test_new_cameras_and_prims_are_known_at_once(stage: Usd.Stage, start: Callable) -> None:
    renderer, _ = start(stage)
    add_environment(stage)
    new = renderer.add_cameras([env(11, "/Camera")], width=8, height=8, outputs="depth")
    assert np.isfinite(renderer.render(new)["depth"].numpy()).any()
    UsdGeom.Xform.Define(stage, env(11, "/Robot/link/tool"))
    assert len(renderer.bind_transforms([env(11, "/Robot/link/tool")])) == 1


def test_a_read_that_fails_is_tried_again(stage: Usd.Stage, start: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer, cameras = start(stage)
    hide(stage)
    with monkeypatch.context() as broken:
        broken.setattr(renderer._backend, "load", lambda *_: (_ for _ in ()).throw(SceneError("no memory")))
        with pytest.raises(SceneError, match="no memory"):
            renderer.render(cameras)
    assert_equal(pictures(renderer, cameras), pictures(*start(stage)))


# -- exposure --------------------------------------------------------------------------------------------------------


def test_automatic_exposure_does_not_fight_the_edit(stage: Usd.Stage, start: Callable) -> None:
    """Brighter lights make a brighter picture; lights that come or go make the exposure be chosen anew."""
    renderer, cameras = start(stage, outputs=("rgb",), exposure="auto")
    levels = [pictures(renderer, cameras)["rgb"].mean()]
    for light in ("/World/sun", "/World/lamp", "/World/sky"):
        attribute = stage.GetPrimAtPath(light).GetAttribute("inputs:intensity")
        attribute.Set(attribute.Get() * 0.125)
    levels.append(pictures(renderer, cameras)["rgb"].mean())
    label(stage)  # read again, with the same lights
    levels.append(pictures(renderer, cameras)["rgb"].mean())
    assert levels[0] > 1.5 * levels[1] and levels[1] == levels[2]
    add_light(stage)
    assert_equal(pictures(renderer, cameras), pictures(*start(stage, outputs=("rgb",), exposure="auto")))


# -- letting go ------------------------------------------------------------------------------------------------------


def test_close_stops_listening(stage: Usd.Stage, start: Callable) -> None:
    renderer, _ = start(stage)
    live = renderer._live
    renderer.close()
    hide(stage)
    assert live is not None and not live.pending
    renderer.close()


def test_no_renderer_is_kept_alive(device: str) -> None:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.Cube.Define(stage, "/cube")
    cfg = RendererCfg(device=device, threads=1)
    alive = []
    for round_ in range(200):
        renderer = TiledRenderer(stage, cfg)
        renderer.bind_transforms(["/cube"])
        alive.append((weakref.ref(renderer), weakref.ref(renderer._live), weakref.ref(renderer._live._listener)))
        if round_ % 2:  # half of them are dropped without being closed
            renderer.close()
        UsdGeom.Cube(stage.GetPrimAtPath("/cube")).GetSizeAttr().Set(1.0 + round_)
    del renderer
    gc.collect()
    assert not [ref for refs in alive for ref in refs if ref() is not None]


def test_kind_of_a_model(stage: Usd.Stage, start: Callable) -> None:
    """Recomposition that shows nothing new draws nothing new."""
    renderer, cameras = start(stage)
    before = pictures(renderer, cameras)
    Usd.ModelAPI(stage.GetPrimAtPath("/World")).SetKind(Kind.Tokens.assembly)
    assert_equal(before, pictures(renderer, cameras))


def test_matrices_of_animated_prims(stage: Usd.Stage, start: Callable) -> None:
    """Samples are read as a new renderer would: the first of them."""
    renderer, cameras = start(stage)
    before = pictures(renderer, cameras)
    operation = UsdGeom.Xformable(stage.GetPrimAtPath(env(0, "/Robot"))).AddTransformOp(opSuffix="x")
    operation.Set(Gf.Matrix4d().SetTranslate((0.25, 0.25, 0.25)), 4.0)
    operation.Set(Gf.Matrix4d().SetTranslate((9.0, 9.0, 9.0)), 8.0)
    after = pictures(renderer, cameras)
    assert not equal(before, after)
    assert_equal(after, pictures(*start(stage)))
