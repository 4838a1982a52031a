"""Newton's pictures beside those of our own ray tracer, and what Newton cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warp as wp
from pxr import Sdf, Usd, UsdGeom, UsdShade
from reference import SceneBuilder, look_at, random_rotation, scale, translate
from reference.build import bumpy_sphere, matte, quad, rotate

from omni.isaac.ovrtx_render import ConfigError, RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.errors import BackendUnavailableError
from omni.isaac.ovrtx_render.registry import probe
from omni.isaac.ovrtx_render.scene.data import AlphaMode, GeometryKind, LightKind, Scene, TextureRef

newton = pytest.importorskip("newton", minversion="1.8")

GEOMETRIC = ("depth", "distance_to_camera", "normals", "semantic_segmentation", "instance_segmentation")
EVERYTHING = (*GEOMETRIC, "instance_id_segmentation_fast", "albedo", "rgb", "rgba", "rgb_hdr")
SHAPES: list[tuple[GeometryKind, tuple[float, ...]]] = [
    (GeometryKind.CUBE, (0.3, 0.2, 0.4)),
    (GeometryKind.SPHERE, (0.35,)),
    (GeometryKind.CYLINDER, (0.3, 0.4)),
    (GeometryKind.CONE, (0.3, 0.4)),
    (GeometryKind.CAPSULE, (0.2, 0.3)),
]


@pytest.fixture
def shoot(device: str) -> Iterator[Callable[..., dict[str, np.ndarray]]]:
    """``shoot(scene, backend, outputs)`` draws one frame of all cameras."""
    opened: list[TiledRenderer] = []

    def once(scene: Scene, backend: str, outputs: Any = EVERYTHING, **config: Any) -> dict[str, np.ndarray]:
        cfg = RendererCfg(backend=backend, device=device).replace(**config)  # type: ignore[arg-type]
        opened.append(TiledRenderer(scene, cfg))
        cameras = opened[-1].add_cameras(None, width=64, height=48, outputs=outputs)
        return {name: image.numpy().copy() for name, image in opened[-1].render(cameras).items()}

    yield once
    for renderer in opened:
        renderer.close()


def within(a: np.ndarray, b: np.ndarray, tolerance: float) -> float:
    """Share of pixels whose values agree, misses included."""
    with np.errstate(invalid="ignore"):
        near = (np.abs(a.astype(float) - b.astype(float)) <= tolerance) | (a == b)
    return float(near.all(axis=-1).mean())


def analytic_scene(envs: int = 2) -> Scene:
    """Every analytic shape twice: turned, and scaled so that Newton has no such primitive."""
    rng = np.random.default_rng(0)
    b = SceneBuilder(num_envs=envs)
    b.add(GeometryKind.PLANE, (3.0, 3.0), material=matte(0.5), label={"class": "floor"})
    b.light(LightKind.DISTANT, 3.0, transform=rotate("x", 20))
    for env in range(envs):
        for i, (kind, params) in enumerate(SHAPES):
            turned = np.eye(4)
            turned[:3, :3] = random_rotation(rng)[:3, :3]
            colour = tuple(rng.uniform(0.1, 0.9, 3))
            for name, squeeze, y in (("turned", np.eye(4), 0.6), ("squeezed", scale(1.3, 0.7, 1.0), -0.6)):
                b.add(
                    kind,
                    params,
                    transform=squeeze @ turned @ translate(-1.6 + 0.8 * i, y, 0.7),
                    env=env,
                    material=matte(colour),
                    label={"class": f"{name}_{kind.name}"},
                    name=f"{name}_{i}",
                )
        b.camera(look_at([0.3 * env, -4, 2.5], [0, 0, 0.4]), env=env, focal_length=20)
    return b.build()


def mesh_scene() -> Scene:
    """Textured, sheared, mirrored, flat-shaded and two-sided meshes under a sky and a lamp."""
    rng = np.random.default_rng(1)
    b = SceneBuilder(num_envs=2)
    picture = np.full((64, 64, 4), 255, np.uint8)
    picture[:32, :32, :3], picture[32:, :32, :3], picture[:32, 32:, :3] = (220, 0, 0), (0, 200, 0), (0, 0, 250)
    painted = matte(1.0, base_color_texture=TextureRef(b.texture(picture, srgb=True)))
    smooth, flat = bumpy_sphere(rng), bumpy_sphere(rng, smooth=False)
    shear = np.eye(4)
    shear[0, 1], shear[2, 0] = 0.5, 0.3
    small = scale(0.4, 0.4, 0.4)
    b.add(GeometryKind.PLANE, (3.0, 2.0), material=matte((0.3, 0.4, 0.3)))
    b.light(LightKind.DOME, (0.5, 0.6, 0.9))
    b.light(LightKind.SPHERE, 30.0, transform=translate(2, -3, 4), radius=0.3)
    for env in range(2):
        b.add(smooth, transform=small @ translate(-1, 0, 0.5), env=env, material=painted, label={"class": "ball"})
        b.add(flat, transform=scale(0.4, 0.3, 0.5) @ translate(0, 0.3 * env, 0.5), env=env, material=matte(0.6))
        b.add(smooth, transform=small @ shear @ translate(1, 0, 0.5), env=env, material=painted)
        b.add(smooth, transform=small @ scale(-1, 1, 1) @ translate(0.3, 1, 0.9), env=env, material=painted)
        b.add(quad(0.5), transform=rotate("x", 90) @ translate(-0.7, 1.2, 0.7), env=env, material=painted)
        back = rotate("x", -90)
        b.add(quad(0.5), transform=back @ translate(-1.9, 1.2, 0.7), env=env, material=painted, double_sided=True)
        b.add(quad(0.5), transform=back @ translate(1.9, 1.2, 0.7), env=env, material=painted)
        b.camera(look_at([0, -3, 2], [0, 0.2, 0.5]), env=env, focal_length=17)
    return b.build()


@pytest.mark.parametrize("make_scene", [analytic_scene, mesh_scene])
def test_images_beside_our_own_ray_tracer(shoot: Callable, make_scene: Callable[[], Scene]) -> None:
    scene = make_scene()
    ours, theirs = shoot(scene, "warp"), shoot(scene, "newton")
    assert np.isinf(ours["depth"]).any() and np.isfinite(ours["depth"]).mean() > 0.3
    for name in ("depth", "distance_to_camera"):
        assert within(ours[name], theirs[name], 1e-3) > 0.995, name
    assert within(ours["normals"], theirs["normals"], 0.02) > 0.99
    for name in ("semantic_segmentation", "instance_segmentation", "instance_id_segmentation_fast"):
        assert within(ours[name], theirs[name], 0) > 0.997, name
    # Ours averages a texture over the pixel, Newton does not.
    assert within(ours["albedo"], theirs["albedo"], 4) > (0.99 if make_scene is analytic_scene else 0.9)
    np.testing.assert_array_equal(theirs["rgba"][..., :3], theirs["rgb"])
    assert np.corrcoef(ours["rgb"].ravel(), theirs["rgb"].ravel())[0, 1] > 0.85
    hit = np.isfinite(ours["depth"][..., 0])
    np.testing.assert_allclose(theirs["rgb"][~hit], ours["rgb"][~hit], atol=1)  # the sky


def test_light_is_as_strong_as_ours(shoot: Callable) -> None:
    """A white floor under a distant light and a sky, nothing in between: the same radiance."""
    b = SceneBuilder()
    b.add(GeometryKind.PLANE, (3.0, 3.0), material=matte(0.8))
    b.light(LightKind.DISTANT, (3.0, 2.0, 1.0), transform=rotate("x", 40))
    b.light(LightKind.DOME, (0.2, 0.3, 0.4))
    b.camera(look_at([0, -2, 2], [0, 0, 0]))
    ours, theirs = (shoot(b.build(), backend, ("rgb_hdr",))["rgb_hdr"] for backend in ("warp", "newton"))
    assert ours.max() > 0.3
    assert within(ours, theirs, 0.01) > 0.99


def test_cameras_see_what_they_may(shoot: Callable) -> None:
    """Environments in one place, a camera outside of all, and see_all_envs."""
    b = SceneBuilder(num_envs=2)
    b.light(LightKind.DISTANT, 3.0)
    for env in range(2):
        b.add(GeometryKind.CUBE, (0.3, 0.3, 0.3 + 0.5 * env), env=env)
        b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)), env=env)
    b.camera(look_at([0, 0, 6.0], [0, 0, 0], (0, 1, 0)), env=-1)
    scene = b.build()
    depth = shoot(scene, "newton", ("depth",))["depth"][:, 24, 32, 0]
    np.testing.assert_allclose(depth, [5.2, 3.7, 3.2], atol=1e-3)  # the outer one comes first
    depth = shoot(scene, "newton", ("depth",), see_all_envs=True)["depth"][:, 24, 32, 0]
    np.testing.assert_allclose(depth[np.argsort(depth)], [3.2, 3.2, 5.2], atol=1e-3)


def test_orthographic_cameras_clipping_and_units(shoot: Callable) -> None:
    b = SceneBuilder(meters_per_unit=0.01)
    b.light(LightKind.DISTANT, 3.0)
    b.add(GeometryKind.CUBE, (30.0, 30.0, 30.0))
    b.add(GeometryKind.PLANE, (200.0, 200.0), transform=translate(0, 0, -100))
    down = look_at([0, 0, 400.0], [0, 0, 0], (0, 1, 0))
    b.camera(down, orthographic=True, horizontal_aperture=2000.0, clipping_range=(1.0, 1000.0))
    b.camera(down, clipping_range=(380.0, 1000.0), focal_length=15)  # the box's top lies before the near plane
    b.camera(down, clipping_range=(1.0, 450.0), focal_length=15)  # the floor lies behind the far plane
    scene = b.build()
    ours, theirs = (shoot(scene, backend, ("depth", "distance_to_camera", "rgb")) for backend in ("warp", "newton"))
    assert np.isclose(theirs["depth"][0, 24, 32, 0], 3.7, atol=1e-3)
    assert np.isinf(theirs["depth"][2]).any() and np.isfinite(theirs["depth"][1, 24, 32, 0])
    for name in ("depth", "distance_to_camera"):
        assert within(ours[name][[0, 2]], theirs[name][[0, 2]], 1e-3) > 0.995


def test_samples_soften_colours_only(shoot: Callable) -> None:
    scene = analytic_scene(1)
    hard, soft = (
        shoot(scene, "newton", ("rgba", "depth"), samples_per_pixel=n, background=(0.0, 0.0, 1.0)) for n in (1, 8)
    )
    np.testing.assert_array_equal(hard["depth"], soft["depth"])
    assert set(np.unique(hard["rgba"][..., 3])) == {0, 255}
    partly = (soft["rgba"][..., 3] > 0) & (soft["rgba"][..., 3] < 255)
    assert 0.005 < partly.mean() < 0.3


def test_a_light_on_a_body_moves_the_shading(device: str) -> None:
    b = SceneBuilder()
    b.add(GeometryKind.PLANE, (3.0, 3.0), material=matte(0.8))
    b.light(LightKind.DISTANT, 3.0)
    b.camera(look_at([0, -2, 2], [0, 0, 0]))
    cfg = RendererCfg(backend="newton", device=device, exposure=0.0)
    with TiledRenderer(b.build(), cfg) as renderer:
        cameras = renderer.add_cameras(None, width=16, height=16, outputs="rgb_hdr")
        above = renderer.render(cameras)["rgb_hdr"].numpy()[0, 12, 8].copy()
        light = renderer.bind_transforms(["/World/light_0"])
        turn = np.array([[np.sin(np.pi / 6), 0, 0, np.cos(np.pi / 6)]], np.float32)  # 60 degrees around X
        light.write(np.zeros((1, 3), np.float32), quat_xyzw=turn)
        beside = renderer.render(cameras)["rgb_hdr"].numpy()[0, 12, 8]
    np.testing.assert_allclose(beside, above * 0.5, rtol=1e-3)


def test_what_is_not_seen_is_not_drawn(shoot: Callable) -> None:
    b = SceneBuilder()
    b.light(LightKind.DISTANT, 3.0)
    clear = matte(0.5, opacity=0.0, alpha_mode=AlphaMode.BLEND)
    b.add(GeometryKind.CUBE, (1.0, 1.0, 1.0), material=clear)
    b.camera(look_at([0, -5, 0], [0, 0, 0]))
    assert np.isinf(shoot(b.build(), "newton", ("depth",))["depth"]).all()


def test_colours_that_differ_by_environment(device: str) -> None:
    """Written base colours and tints, seen by cameras of environments and by one outside of them."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    for env in range(2):
        cube = UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/Box")
        looks = UsdShade.Material.Define(stage, f"/World/envs/env_{env}/Looks")
        shader = UsdShade.Shader.Define(stage, f"/World/envs/env_{env}/Looks/Surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set((0.5, 0.25, 0.5))
        looks.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        UsdShade.MaterialBindingAPI.Apply(cube.GetPrim()).Bind(looks)
        UsdGeom.XformCommonAPI(cube).SetTranslate((4.0 * env, 0, 0))
        camera = UsdGeom.Camera.Define(stage, f"/World/envs/env_{env}/Camera")
        UsdGeom.XformCommonAPI(camera).SetTranslate((4.0 * env, 0, 4))
    outside = UsdGeom.Camera.Define(stage, "/World/Camera")
    UsdGeom.XformCommonAPI(outside).SetTranslate((4, 0, 4))
    paths = [f"/World/envs/env_{env}/Looks" for env in range(2)]
    colours = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], np.float32)

    def albedo(cameras: Any) -> np.ndarray:
        return (renderer.render(cameras)["albedo"].numpy()[:, 8, 8, :3] / 255.0) ** 2.2

    with TiledRenderer(stage, RendererCfg(backend="newton", device=device)) as renderer:
        cameras = renderer.add_cameras("/World/envs/env_.*/Camera", width=16, height=16, outputs="albedo")
        renderer.bind_materials(paths, "base_color").write(colours)
        np.testing.assert_allclose(albedo(cameras), colours, atol=0.02)
        late = renderer.add_cameras("/World/Camera", width=16, height=16, outputs="albedo")  # has a model of its own
        np.testing.assert_allclose(albedo(late), colours[1:], atol=0.02)
        with pytest.raises(ConfigError, match="cannot write roughness: its materials have base_color and tint only"):
            renderer.bind_materials(paths, "roughness")
        np.testing.assert_allclose(albedo(cameras), colours, atol=0.02)
    with TiledRenderer(stage, RendererCfg(backend="newton", device=device)) as renderer:
        cameras = renderer.add_cameras("/World/envs/env_.*/Camera", width=16, height=16, outputs="albedo")
        renderer.bind_materials(paths, "tint").write(colours)
        np.testing.assert_allclose(albedo(cameras), colours * [0.5, 0.25, 0.5], atol=0.02)


class TestModelOfTheCaller:
    """A simulation's own model: geometry and poses are its, cameras and labels the stage's."""

    def make(self, worlds: int = 2) -> tuple[Any, Any]:
        one = newton.ModelBuilder()
        body = one.add_body(xform=(0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0), label="Body")
        one.add_shape_box(body, hx=0.3, hy=0.3, hz=0.3, label="Body/Box", color=(1.0, 0.0, 0.0))
        builder = newton.ModelBuilder()
        for env in range(worlds):
            builder.add_world(one, label_prefix=f"/World/envs/env_{env}")
        model = builder.finalize(device="cpu")
        return model, model.state()

    def scene(self) -> Scene:
        b = SceneBuilder(num_envs=2)
        b.light(LightKind.DISTANT, 3.0)
        for env in range(2):
            b.add(GeometryKind.CUBE, (0.3, 0.3, 0.3), env=env, name="Body/Box", label={"class": f"box_{env}"})
            b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)), env=env)
        return b.build()

    def test_its_state_is_drawn(self) -> None:
        model, state = self.make()
        now = [state]
        options = {"model": model, "state": lambda: now[0]}
        with TiledRenderer(self.scene(), RendererCfg(backend="newton", device="cpu", backend_options=options)) as r:
            cameras = r.add_cameras(None, width=16, height=16, outputs=("depth", "rgb", "semantic_segmentation"))
            images = r.render(cameras)
            np.testing.assert_allclose(images["depth"].numpy()[:, 8, 8, 0], 3.2, atol=1e-3)
            assert (images["rgb"].numpy()[:, 8, 8, 0] > images["rgb"].numpy()[:, 8, 8, 1] + 50).all()
            labels = cameras.info["semantic_segmentation"]["idToLabels"]
            ids = images["semantic_segmentation"].numpy()[:, 8, 8, 0]
            assert [labels[int(i)]["class"] for i in ids] == ["box_0", "box_1"]
            after = model.state()
            poses = after.body_q.numpy()
            poses[1, 2] = 1.5
            after.body_q.assign(poses)
            now[0] = after
            np.testing.assert_allclose(r.render(cameras)["depth"].numpy()[:, 8, 8, 0], [3.2, 2.2], atol=1e-3)

    def test_replicated_worlds_are_told_apart(self) -> None:
        """All worlds have the labels of the one they were made from, and shapes may be named by their body."""
        one = newton.ModelBuilder()
        body = one.add_body(xform=(0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0))
        one.add_shape_box(body, hx=0.3, hy=0.3, hz=0.3, label="/World/envs/env_0/Body")
        builder = newton.ModelBuilder()
        builder.replicate(one, 2)
        model = builder.finalize(device="cpu")
        options = {"model": model, "state": model.state()}
        with TiledRenderer(self.scene(), RendererCfg(backend="newton", device="cpu", backend_options=options)) as r:
            cameras = r.add_cameras(None, width=16, height=16, outputs=("depth", "rgb", "semantic_segmentation"))
            ids = r.render(cameras)["semantic_segmentation"].numpy()[:, 8, 8, 0]
            labels = cameras.info["semantic_segmentation"]["idToLabels"]
            assert [labels[int(i)]["class"] for i in ids] == ["box_0", "box_1"]

    def test_what_does_not_fit_is_refused(self) -> None:
        model, state = self.make(worlds=1)

        def start(options: dict[str, Any], **config: Any) -> TiledRenderer:
            return TiledRenderer(
                self.scene(), RendererCfg(backend="newton", device="cpu", backend_options=options).replace(**config)
            )

        with pytest.raises(ConfigError, match="'model' and 'state'"):
            start({"model": model})
        with pytest.raises(ConfigError, match=r"\['model'\] is a str"):
            start({"model": "robot", "state": state})
        with pytest.raises(ConfigError, match=r"\['state'\] is a int"):
            start({"model": model, "state": 3})
        with pytest.raises(ConfigError, match="see_all_envs"):
            start({"model": model, "state": state}, see_all_envs=True)
        with (
            start({"model": model, "state": state}) as renderer,
            pytest.raises(ConfigError, match=r"/World/envs/env_1/Camera is in environment 1, .* 1 worlds"),
        ):
            renderer.add_cameras(None)


@pytest.mark.parametrize("name", ["motion_vectors", "simple_shading_full_mdl"])
def test_outputs_that_newton_does_not_have_are_named(shoot: Callable, name: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot draw {name}; it draws: rgb, "):
        shoot(analytic_scene(1), "newton", ("rgb", name))


def test_an_older_newton_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omni.isaac.ovrtx_render.registry.version", lambda _: "1.6.1")
    assert not probe("newton").available
    with pytest.raises(BackendUnavailableError, match=r"newton 1\.6\.1 is installed.*1\.8"):
        TiledRenderer(analytic_scene(1), RendererCfg(backend="newton"))


@pytest.mark.slow
def test_our_kernels_compile_for_cuda(tmp_path: Path) -> None:
    """Without a GPU: NVRTC comes with Warp."""
    from omni.isaac.ovrtx_render.backends.newton import kernels

    wp.compile_aot_module(kernels.finish.module, arch=90, module_dir=str(tmp_path))
    assert any(tmp_path.rglob("*.cubin")) or any(tmp_path.rglob("*.ptx"))
