"""Material views and picking: exact values in pictures, and a renderer that is left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
pytest.importorskip("PIL", reason="needs the extra 'standalone'")

import numpy as np
from gallery.case import PANEL, Scene, T
from pictures import PLAIN
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.cameras import CameraBundle
from omni.isaac.ovrtx_render.errors import ConfigError, InputError
from omni.isaac.ovrtx_render.inspect import VIEWS, pick, shown
from omni.isaac.ovrtx_render.inspect.views import binding_color

SIZE = 32
BOX, LEFT, RIGHT = (16, 8), (16, 20), (16, 28)
"""(y, x) of pixels on the box, and on the two halves of the panel."""


@pytest.fixture
def stage(tmp_path: Path) -> Usd.Stage:
    """The box of the gallery; the panel has a textured half with texture coordinates, and a subset in blue."""
    scene = Scene(tmp_path, False, False)
    scene.checker()
    Image.fromarray(np.full((2, 2, 3), (0, 51, 255), np.uint8)).save(tmp_path / "orm.png")
    points = [(0.1, -0.65, 0), (0.75, -0.65, 0), (1.4, -0.65, 0), (0.1, 0.65, 0), (0.75, 0.65, 0), (1.4, 0.65, 0)]
    scene.panel.GetPointsAttr().Set(points)
    scene.panel.GetFaceVertexCountsAttr().Set([4, 4])
    scene.panel.GetFaceVertexIndicesAttr().Set([0, 1, 4, 3, 1, 2, 5, 4])
    scene.uvs(scene.panel, "st", [(0, 0), (0.5, 0), (1, 0), (0, 1), (0.5, 1), (1, 1)])
    surface = scene.surface("picture")
    scene.texture(surface, "diffuseColor", "./checker.png")
    scene.texture(surface, "roughness", "./orm.png", "raw", "g")
    scene.texture(surface, "metallic", "./orm.png", "raw", "b")
    scene.bind(scene.panel.GetPrim(), "picture")
    subset = UsdGeom.Subset.Define(scene.stage, f"{PANEL}/half")
    subset.CreateFamilyNameAttr("materialBind")
    subset.CreateElementTypeAttr("face")
    subset.CreateIndicesAttr([1])
    scene.bind(subset.GetPrim(), "blue")
    UsdShade.Shader.Get(scene.stage, "/World/Looks/red/Surface").CreateInput("metallic", T.Float).Set(0.2)
    scene.stage.Save()
    return scene.stage


@pytest.fixture
def renderer(stage: Usd.Stage, device: str) -> Iterator[TiledRenderer]:
    with TiledRenderer(stage, RendererCfg().replace(**PLAIN, device=device)) as made:
        yield made


@pytest.fixture
def bundle(renderer: TiledRenderer) -> CameraBundle:
    return renderer.add_cameras("/World/Camera", width=SIZE, height=SIZE, outputs=("albedo", "rgb", "normals"))


def view(renderer: TiledRenderer, bundle: CameraBundle, name: str) -> np.ndarray:
    with shown(renderer, name) as output:
        return renderer.render(bundle)[output].numpy()[0].copy()


def test_scalars_are_grey_of_their_value(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    roughness = view(renderer, bundle, "roughness")
    assert roughness[BOX][:3].tolist() == [153] * 3  # 0.6
    assert roughness[LEFT][:3].tolist() == [51] * 3
    metallic = view(renderer, bundle, "metallic")
    assert [metallic[at][0] for at in (BOX, LEFT, RIGHT)] == [51, 255, 0]


def test_bindings_have_colours_of_their_own(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    colors = view(renderer, bundle, "binding")
    by_name = {material.name: binding_color(material) for material in renderer.scene.materials}
    for at, name in ((BOX, "red"), (LEFT, "picture"), (RIGHT, "blue")):
        assert colors[at][:3].tolist() == list(by_name[f"/World/Looks/{name}"])


def test_the_checker_follows_the_texture_coordinates(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    checker = view(renderer, bundle, "uv_checker")
    assert checker[16, 17, 0] < checker[16, 30, 0], "red grows with u"
    assert checker[21, 17, 1] < checker[11, 17, 1], "green grows with v"
    assert checker[BOX][:3].tolist() == pytest.approx([204 + 27, 0, 204 + 27], abs=2), "magenta: no coordinates"


def test_light_and_material_can_be_taken_away(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    plain = view(renderer, bundle, "default_material")
    assert np.ptp(plain[LEFT].astype(int)) <= 12 and abs(int(plain[LEFT][1]) - int(plain[RIGHT][1])) <= 8
    unlit, albedo = view(renderer, bundle, "unlit"), view(renderer, bundle, "albedo")
    red = renderer.scene.materials[0].base_color
    assert unlit[BOX][0] > unlit[BOX][1] and len({tuple(unlit[y, x]) for y, x in ((14, 8), (16, 8), (18, 9))}) == 1, red
    assert albedo[BOX][:3].tolist() == pytest.approx([218, 80, 63], abs=3)


def test_afterwards_everything_is_as_it_was(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    box = renderer.bind_transforms(["/World/Box"])
    box.write(np.array([[-0.75, 0.2, 0.0]], np.float32), quat_xyzw=np.array([[0, 0, 0, 1]], np.float32))
    before = {name: buffer.numpy().copy() for name, buffer in renderer.render(bundle).items()}
    for name in VIEWS:
        view(renderer, bundle, name)
    after = {name: buffer.numpy() for name, buffer in renderer.render(bundle).items()}
    assert all(np.array_equal(before[name], after[name]) for name in before)
    with pytest.raises(ConfigError, match="unknown view"):
        view(renderer, bundle, "nonsense")


def test_a_pixel_says_what_it_shows_and_why(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    found = pick(renderer, bundle, 0, LEFT[1], LEFT[0])
    assert (found.path, found.subset, found.material) == (PANEL, "", "/World/Looks/picture")
    assert found.binding.reason == "direct" and found.binding.site.line
    assert {texture.use for texture in found.textures} == {"base_color", "roughness", "metallic"}
    base = next(texture for texture in found.textures if texture.use == "base_color")
    assert base.path.endswith("checker.png") and base.size == (8, 8) and base.srgb
    assert base.thumbnail.shape == (8, 8, 4) and base.thumbnail[0, 0].tolist() == [230, 180, 40, 255]
    found = pick(renderer, bundle, 0, RIGHT[1], RIGHT[0])
    assert (found.path, found.subset, found.material) == (PANEL, f"{PANEL}/half", "/World/Looks/blue")
    found = pick(renderer, bundle, 0, BOX[1], BOX[0])
    assert (found.path, found.material, found.look.metallic) == ("/World/Box", "/World/Looks/red", pytest.approx(0.2))
    assert pick(renderer, bundle, 0, 0, 0) is None
    with pytest.raises(InputError, match="outside"):
        pick(renderer, bundle, 0, SIZE, 0)


def _split(stage: Usd.Stage, panel: str, **materials: str) -> None:
    """Make each face of a panel a GeomSubset, with a material or none."""
    for child in stage.GetPrimAtPath(panel).GetChildren():
        stage.RemovePrim(child.GetPath())
    for face, (name, material) in enumerate(materials.items()):
        subset = UsdGeom.Subset.Define(stage, f"{panel}/{name}")
        subset.CreateFamilyNameAttr("materialBind")
        subset.CreateElementTypeAttr("face")
        subset.CreateIndicesAttr([face])
        if material:
            look = UsdShade.Material.Get(stage, f"/World/Looks/{material}")
            UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(look)


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [("blue", "blue", ("blue", "blue")), ("picture", "", ("picture", "picture")), ("", "", ("picture", "picture"))],
)
def test_subsets_of_one_material_are_told_apart(
    stage: Usd.Stage, device: str, left: str, right: str, shown: tuple[str, str]
) -> None:
    _split(stage, PANEL, left=left, right=right)
    with TiledRenderer(stage, RendererCfg().replace(**PLAIN, device=device)) as renderer:
        bundle = renderer.add_cameras("/World/Camera", width=SIZE, height=SIZE, outputs=("rgb",))
        before = renderer.render(bundle)["rgb"].numpy().copy()
        for (y, x), name, material in zip((LEFT, RIGHT), ("left", "right"), shown, strict=True):
            found = pick(renderer, bundle, 0, x, y)
            assert (found.path, found.subset) == (PANEL, f"{PANEL}/{name}")
            assert found.material == f"/World/Looks/{material}"
            assert found.look is renderer.scene.materials[renderer.scene.instances.material[-1]]
        assert np.array_equal(renderer.render(bundle)["rgb"].numpy(), before), "the picture is as it was"


def test_faces_that_no_subset_claims_are_the_mesh(stage: Usd.Stage, device: str) -> None:
    _split(stage, PANEL, left="picture")
    with TiledRenderer(stage, RendererCfg().replace(**PLAIN, device=device)) as renderer:
        bundle = renderer.add_cameras("/World/Camera", width=SIZE, height=SIZE, outputs=("rgb",))
        assert pick(renderer, bundle, 0, LEFT[1], LEFT[0]).subset == f"{PANEL}/left"
        assert pick(renderer, bundle, 0, RIGHT[1], RIGHT[0]).subset == ""


@pytest.mark.parametrize("instanced", [False, True])
def test_subsets_of_one_material_are_told_apart_in_clones(tmp_path: Path, device: str, instanced: bool) -> None:
    scene = Scene(tmp_path, False, False)
    scene.panel.GetPointsAttr().Set([(x, y, 0) for y in (-0.65, 0.65) for x in (0.1, 0.75, 1.4)])
    scene.panel.GetFaceVertexCountsAttr().Set([4, 4])
    scene.panel.GetFaceVertexIndicesAttr().Set([0, 1, 4, 3, 1, 2, 5, 4])
    _split(scene.stage, PANEL, left="red", right="red")
    scene.stage.SetDefaultPrim(scene.stage.GetPrimAtPath("/World"))
    scene.stage.Save()
    stage = Usd.Stage.CreateInMemory()
    for env in range(3):
        part = UsdGeom.Xform.Define(stage, f"/World/envs/env_{env}/Part").GetPrim()
        part.GetReferences().AddReference(str(tmp_path / "stage.usda"))
        part.SetInstanceable(instanced)
        UsdGeom.Xformable(part.GetParent()).AddTranslateOp().Set(Gf.Vec3d(10.0 * env, 0.0, 0.0))
        camera = UsdGeom.Camera.Define(stage, f"/World/envs/env_{env}/Eye")
        camera.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, 4.0))
        camera.CreateFocalLengthAttr(28.0)
        camera.CreateHorizontalApertureAttr(20.955)
    with TiledRenderer(stage, RendererCfg().replace(**PLAIN, device=device)) as renderer:
        bundle = renderer.add_cameras("/World/envs/env_.*/Eye", width=SIZE, height=SIZE, outputs=("rgb",))
        for row in (0, 2):
            for (y, x), name in ((LEFT, "left"), (RIGHT, "right")):
                found = pick(renderer, bundle, row, x, y)
                assert found.path == f"/World/envs/env_{row}/Part/Panel"
                assert found.subset == f"{found.path}/{name}" == found.binding.path
                assert found.material == f"/World/envs/env_{row}/Part/Looks/red"


def test_subsets_of_what_is_repeated_are_told_apart(stage: Usd.Stage, device: str) -> None:
    _split(stage, PANEL, left="blue", right="blue")
    instancer = UsdGeom.PointInstancer.Define(stage, "/World/Panels")
    Sdf.CopySpec(stage.GetRootLayer(), PANEL, stage.GetRootLayer(), "/World/Panels/Panel")
    stage.RemovePrim(PANEL)
    instancer.CreatePrototypesRel().SetTargets(["/World/Panels/Panel"])
    instancer.CreatePositionsAttr([Gf.Vec3f(0.0, 0.0, -9.0), Gf.Vec3f(0.0, 0.0, 0.0)])
    instancer.CreateProtoIndicesAttr([0, 0])
    with TiledRenderer(stage, RendererCfg().replace(**PLAIN, device=device)) as renderer:
        bundle = renderer.add_cameras("/World/Camera", width=SIZE, height=SIZE, outputs=("rgb",))
        for (y, x), name in ((LEFT, "left"), (RIGHT, "right")):
            assert pick(renderer, bundle, 0, x, y).subset == f"/World/Panels/Panel/{name}"


def test_a_backend_that_cannot_tell_subsets_apart_names_the_mesh(stage: Usd.Stage) -> None:
    pytest.importorskip("newton", reason="needs the extra 'newton'")
    cfg = RendererCfg().replace(backend="newton", device="cpu")
    with TiledRenderer(stage, cfg) as renderer:
        outputs = ("instance_id_segmentation_fast",)
        bundle = renderer.add_cameras("/World/Camera", width=SIZE, height=SIZE, outputs=outputs)
        renderer.render(bundle)
        found = pick(renderer, bundle, 0, RIGHT[1], RIGHT[0])
        assert (found.path, found.subset, found.material) == (PANEL, "", "/World/Looks/picture")
        assert found.look is None


def test_picking_sees_what_was_written(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    box = renderer.bind_transforms(["/World/Box"])
    box.write(np.array([[0.75, 0.0, 0.5]], np.float32), quat_xyzw=np.array([[0, 0, 0, 1]], np.float32))
    assert pick(renderer, bundle, 0, LEFT[1], LEFT[0]).path == "/World/Box"
    bundle.set_poses(np.array([[0.75, 0.0, 4.0]], np.float32), quat_xyzw=np.array([[0, 0, 0, 1]], np.float32))
    assert pick(renderer, bundle, 0, 16, 16).path == "/World/Box"
    assert pick(renderer, bundle, 0, BOX[1] - 4, BOX[0]) is None
    assert len(renderer.bundles) == 1


def test_the_bundles_own_ids_are_used(renderer: TiledRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = renderer.add_cameras("/World/Camera", width=SIZE, height=SIZE, outputs=("instance_id_segmentation",))
    renderer.render(bundle)
    monkeypatch.setattr(renderer, "twin", None)
    assert pick(renderer, bundle, 0, BOX[1], BOX[0]).path == "/World/Box"


def test_a_display_colour_is_no_material(stage: Usd.Stage, renderer: TiledRenderer, bundle: CameraBundle) -> None:
    box = stage.GetPrimAtPath("/World/Box")
    box.RemoveProperty("material:binding")
    UsdGeom.Gprim(box).CreateDisplayColorAttr([Gf.Vec3f(0.2, 0.4, 0.1)])
    found = pick(renderer, bundle, 0, BOX[1], BOX[0])
    assert (found.path, found.material, found.binding.fallback) == ("/World/Box", "", "displayColor")
