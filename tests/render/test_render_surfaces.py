"""Points and material inputs that are written while the renderer runs, against stages that author the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import warp as wp

pytest.importorskip("pxr")
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

from omni.isaac.ovrtx_render import TiledRenderer
from omni.isaac.ovrtx_render.errors import ConfigError, InputError, SceneError

Opener = Callable[[Usd.Stage], TiledRenderer]
ENVS = 3
COLORS = np.array([[0.9, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.2, 0.9]], np.float32)


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (n * n, 3) of a unit square and its quads."""
    u = np.linspace(-0.5, 0.5, n)
    x, y = np.meshgrid(u, u)
    at = np.arange(n * n).reshape(n, n)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], axis=-1).reshape(-1, 4)
    return np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], axis=1), quads


def material(stage: Usd.Stage, path: str, color: tuple[float, float, float]) -> UsdShade.Material:
    made = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*map(float, color)))
    made.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return made


def build(colors: np.ndarray | None = None, scheme: str = "catmullClark", subsets: bool = False) -> Usd.Stage:
    """Per environment a cube and a cloth that share a look; ``colors`` are those of the cubes, by environment."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 0.5)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    points, quads = grid(9)
    for env in range(ENVS):
        root = f"/World/envs/env_{env}"
        UsdGeom.XformCommonAPI(UsdGeom.Xform.Define(stage, root)).SetTranslate((10.0 * env, 0, 0))
        color = (0.5, 0.5, 0.5) if colors is None else tuple(colors[env])
        looks = [material(stage, f"{root}/Looks/cube", color), material(stage, f"{root}/Looks/cloth", (0.5, 0.5, 0.5))]
        cube = UsdGeom.Cube.Define(stage, f"{root}/cube")
        cube.CreateSizeAttr(0.8)
        UsdGeom.XformCommonAPI(cube).SetTranslate((-0.6, 0, 0))
        UsdShade.MaterialBindingAPI.Apply(cube.GetPrim()).Bind(looks[0])
        cloth = UsdGeom.Mesh.Define(stage, f"{root}/cloth")
        cloth.CreatePointsAttr(points.astype(np.float32))
        cloth.CreateFaceVertexCountsAttr([4] * len(quads))
        cloth.CreateFaceVertexIndicesAttr(quads.ravel())
        cloth.CreateSubdivisionSchemeAttr(scheme)
        cloth.CreateDoubleSidedAttr(True)
        UsdGeom.XformCommonAPI(cloth).SetTranslate((0.5, 0.1, 0.2))
        UsdGeom.XformCommonAPI(cloth).SetRotate((20, 0, 40))
        UsdGeom.XformCommonAPI(cloth).SetScale((1.2, 0.9, 1.0))
        UsdShade.MaterialBindingAPI.Apply(cloth.GetPrim()).Bind(looks[1])
        if subsets:
            half = list(range(len(quads) // 2))
            part = UsdGeom.Subset.CreateGeomSubset(cloth, "half", "face", half, "materialBind")
            UsdShade.MaterialBindingAPI.Apply(part.GetPrim()).Bind(looks[0])
        camera = UsdGeom.Camera.Define(stage, f"{root}/camera")
        camera.CreateClippingRangeAttr((0.01, 100.0))
        UsdGeom.XformCommonAPI(camera).SetTranslate((0, -1.2, 3))
        UsdGeom.XformCommonAPI(camera).SetRotate((20, 0, 0))
    light = UsdLux.DistantLight.Define(stage, "/World/light")
    light.CreateIntensityAttr(2.0)
    UsdGeom.XformCommonAPI(light).SetRotate((30, 20, 0))
    return stage


def draw(renderer: TiledRenderer) -> dict[str, np.ndarray]:
    return {name: array.numpy().copy() for name, array in renderer.render().items()}


@pytest.fixture
def open_(make: Callable[..., TiledRenderer]) -> Callable[[Usd.Stage], TiledRenderer]:
    def opened(stage: Usd.Stage) -> TiledRenderer:
        renderer = make(stage)
        renderer.add_cameras(width=48, height=40, outputs=["rgb", "albedo", "depth", "normals"])
        return renderer

    return opened


def waves(stage: Usd.Stage, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """World points of all cloths, bent differently, and the same relative to each prim."""
    world, local = [], []
    for env in range(ENVS):
        prim = stage.GetPrimAtPath(f"/World/envs/env_{env}/cloth")
        points = np.array(prim.GetAttribute("points").Get(), np.float64)
        points[:, 2] += 0.25 * np.sin(7.0 * points[:, 0] + rng.uniform(0, 6)) + rng.normal(0, 0.01, len(points))
        matrix = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0))
        local.append(points)
        world.append(points @ matrix[:3, :3] + matrix[3, :3])
    return np.concatenate(world).astype(np.float32), local


def cloths() -> list[str]:
    return [f"/World/envs/env_{env}/cloth" for env in range(ENVS)]


def looks(name: str = "cube") -> list[str]:
    return [f"/World/envs/env_{env}/Looks/{name}" for env in range(ENVS)]


def assert_alike(got: dict[str, np.ndarray], want: dict[str, np.ndarray]) -> None:
    hit = np.isfinite(want["depth"]) & np.isfinite(got["depth"])
    assert (np.isfinite(want["depth"]) != np.isfinite(got["depth"])).mean() < 0.002
    assert np.abs(got["depth"][hit] - want["depth"][hit]).max() < 1e-4
    # A pixel on an edge may see its neighbour.
    wrong = np.abs(got["rgb"].astype(int) - want["rgb"]).max(axis=-1) > 2
    assert wrong.mean() < 0.003
    # Angles, which weigh the normals, are those of the world here and of the scaled prim there.
    turned = np.linalg.norm(got["normals"] - want["normals"], axis=-1) > 0.05
    assert turned.mean() < 0.003


@pytest.mark.parametrize(("scheme", "subsets"), [("catmullClark", False), ("none", False), ("catmullClark", True)])
def test_written_points_are_drawn_as_authored_ones(open_: Opener, scheme: str, subsets: bool) -> None:
    rng = np.random.default_rng(3)
    stage = build(scheme=scheme, subsets=subsets)
    renderer = open_(stage)
    binding = renderer.bind_points(cloths())
    rest = draw(renderer)
    assert_alike(rest, draw(open_(build(scheme=scheme, subsets=subsets))))
    for _ in range(2):
        world, local = waves(stage, rng)
        binding.write(world)
        other = build(scheme=scheme, subsets=subsets)
        for path, points in zip(cloths(), local, strict=True):
            other.GetPrimAtPath(path).GetAttribute("points").Set(points.astype(np.float32))
        got = draw(renderer)
        if not subsets:  # normals at the seam between subsets are smoothed within each subset
            assert_alike(got, draw(open_(other)))
        assert np.abs(got["rgb"].astype(int) - rest["rgb"]).max() > 20
        assert np.array_equal(got["albedo"][..., 3] > 0, np.isfinite(draw(open_(other))["depth"][..., 0]))


def test_written_points_and_colors_outlive_a_new_read_of_the_stage(open_: Opener) -> None:
    stage = build()
    renderer = open_(stage)
    points, colors = renderer.bind_points(cloths()), renderer.bind_materials(looks(), "base_color")
    points.write(waves(stage, np.random.default_rng(0))[0])
    colors.write(COLORS)
    before = draw(renderer)
    UsdGeom.Sphere.Define(stage, "/World/envs/env_1/far").AddTranslateOp().Set((0, 0, -500))
    after = draw(renderer)
    assert np.array_equal(before["rgb"], after["rgb"])
    stage.GetPrimAtPath("/World/envs/env_0/Looks/cloth/surface").GetAttribute("inputs:diffuseColor").Set((1, 1, 1))
    changed = draw(renderer)
    assert np.array_equal(changed["rgb"][1:], before["rgb"][1:])
    assert not np.array_equal(changed["rgb"][0], before["rgb"][0])


def test_written_colors_are_those_of_one_environment_and_material(open_: Opener) -> None:
    stage = build()
    renderer = open_(stage)
    plain = draw(renderer)
    binding = renderer.bind_materials(looks(), "base_color")
    assert np.array_equal(draw(renderer)["rgb"], plain["rgb"])
    for colors in (COLORS, COLORS[::-1].copy()):
        binding.write(colors)
        got, want = draw(renderer), draw(open_(build(colors)))
        assert np.array_equal(got["albedo"], want["albedo"])
        assert np.array_equal(got["rgb"], want["rgb"])


def test_materials_of_subsets_are_told_apart(open_: Opener) -> None:
    renderer = open_(build(subsets=True))
    renderer.bind_materials(looks("cloth"), "base_color").write(COLORS)
    want = build(subsets=True)
    for env in range(ENVS):
        shader = want.GetPrimAtPath(f"/World/envs/env_{env}/Looks/cloth/surface")
        shader.GetAttribute("inputs:diffuseColor").Set(Gf.Vec3f(*map(float, COLORS[env])))
    assert np.array_equal(draw(renderer)["albedo"], draw(open_(want))["albedo"])


@pytest.mark.parametrize(
    ("name", "attribute", "values"),
    [
        ("roughness", "roughness", [0.1, 0.4, 0.9]),
        ("metallic", "metallic", [0.0, 0.5, 1.0]),
        ("opacity", "opacity", [0.3, 0.6, 0.9]),
        ("emissive", "emissiveColor", COLORS),
    ],
)
def test_every_input_is_drawn_as_an_authored_one(open_: Opener, name: str, attribute: str, values: object) -> None:
    renderer, want = open_(build()), build()
    renderer.bind_materials(looks(), name).write(np.array(values, np.float32))
    for env in range(ENVS):
        shader = UsdShade.Shader(want.GetPrimAtPath(f"/World/envs/env_{env}/Looks/cube/surface"))
        value = np.array(values)[env]
        kind = Sdf.ValueTypeNames.Color3f if np.ndim(value) else Sdf.ValueTypeNames.Float
        shader.CreateInput(attribute, kind).Set(Gf.Vec3f(*map(float, value)) if np.ndim(value) else float(value))
    got, expected = draw(renderer)["rgb"], draw(open_(want))["rgb"]
    assert np.abs(got.astype(int) - expected).max() <= 1
    assert np.abs(expected.astype(int) - draw(open_(build()))["rgb"]).max() > 8


def test_tint_multiplies_what_was_authored(open_: Opener) -> None:
    renderer = open_(build())
    binding = renderer.bind_materials(looks(), "tint")
    for tint in (COLORS, 0.5 * COLORS):
        binding.write(tint)
        assert np.array_equal(draw(renderer)["albedo"], draw(open_(build(0.5 * tint)))["albedo"])


def test_arrays_on_the_device_are_written_without_a_host(open_: Opener) -> None:
    renderer = open_(build())
    binding = renderer.bind_materials(looks(), "base_color")
    values = wp.array(COLORS, dtype=wp.vec3, device=renderer.bundles[0].outputs["rgb"].device)
    binding.write(values)
    values.zero_()
    assert np.array_equal(draw(renderer)["albedo"], draw(open_(build(COLORS)))["albedo"])


def test_bad_bindings_are_refused_and_the_renderer_goes_on(open_: Opener) -> None:
    stage = build()
    renderer = open_(stage)
    before = draw(renderer)
    with pytest.raises(SceneError, match="no material there"):
        renderer.bind_materials(["/World/envs/env_0/cube"], "base_color")
    with pytest.raises(ConfigError, match="no material input 'colour'"):
        renderer.bind_materials(looks(), "colour")
    with pytest.raises(SceneError, match="no mesh there"):
        renderer.bind_points(["/World/envs/env_0/cube"])
    with pytest.raises(SceneError, match="no mesh there"):
        renderer.bind_points(["/World/nothing"])
    binding, points = renderer.bind_materials(looks(), "roughness"), renderer.bind_points(cloths())
    with pytest.raises(InputError, match="values has shape"):
        binding.write(np.zeros(2, np.float32))
    with pytest.raises(InputError, match="expected finite"):
        points.write(np.full((int(points.begin[-1]), 3), np.nan, np.float32))
    assert np.array_equal(draw(renderer)["rgb"], before["rgb"])
    stage.RemovePrim("/World/envs/env_1/cloth")
    draw(renderer)
    with pytest.raises(SceneError, match="no mesh there"):
        points.write(np.zeros((int(points.begin[-1]), 3), np.float32))
    draw(renderer)


def test_a_refined_mesh_cannot_deform(make: Callable[..., TiledRenderer]) -> None:
    renderer = make(build(), subdivision_level=1)
    with pytest.raises(SceneError, match="refined"):
        renderer.bind_points(cloths())
