"""Curves whose control points are written while the renderer runs, against stages that author the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import warp as wp

pytest.importorskip("pxr")
from pxr import Gf, Usd, UsdGeom, UsdLux

from omni.isaac.ovrtx_render import TiledRenderer
from omni.isaac.ovrtx_render.backends.warp.sweeping import Sweeping
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene

ENVS = 2
PATHS = [f"/World/envs/env_{env}/cable" for env in range(ENVS)]
KINDS = {
    "linear": ("linear", "bezier", "nonperiodic", "constant"),
    "linear, closed": ("linear", "bezier", "periodic", "vertex"),
    "bezier": ("cubic", "bezier", "nonperiodic", "varying"),
    "bezier, closed": ("cubic", "bezier", "periodic", "constant"),
    "bspline": ("cubic", "bspline", "nonperiodic", "vertex"),
    "bspline, closed": ("cubic", "bspline", "periodic", "varying"),
    "catmullRom, pinned": ("cubic", "catmullRom", "pinned", "varying"),
    "ribbon": ("cubic", "catmullRom", "pinned", "constant"),
}


def line(count: int, closed: bool) -> np.ndarray:
    """(count, 3) control points of a wave, or of a ring."""
    u = np.linspace(0, 1, count, endpoint=not closed)
    if closed:
        return np.stack([0.7 * np.cos(2 * np.pi * u), 0.5 * np.sin(2 * np.pi * u), 0 * u], axis=1)
    return np.stack([1.6 * u - 0.8, 0.3 * np.sin(6 * u), 0.1 * u], axis=1)


def build(kind: str, points: list[np.ndarray] | None = None) -> Usd.Stage:
    """In each environment a prim of two curves, one beside the other; ``points`` are those of each prim."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 0.5)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    form, basis, wrap, interpolation = KINDS[kind]
    closed = wrap == "periodic"
    counts = [6, 9] if closed else [7, 10]
    lines = [line(counts[0], closed), line(counts[1], closed) + np.array([0, 0.8, 0.1])]
    for env, path in enumerate(PATHS):
        root = f"/World/envs/env_{env}"
        UsdGeom.XformCommonAPI(UsdGeom.Xform.Define(stage, root)).SetTranslate((300.0 * env, 0, 0))
        curves = UsdGeom.BasisCurves.Define(stage, path)
        mine = np.concatenate(lines) if points is None else points[env]
        curves.CreatePointsAttr(mine.astype(np.float32))
        curves.CreateCurveVertexCountsAttr(counts)
        curves.CreateTypeAttr(form)
        curves.CreateBasisAttr(basis)
        curves.CreateWrapAttr(wrap)
        size = {
            "constant": 1,
            "vertex": sum(counts),
            "varying": sum(curves.ComputeSegmentCounts(0)) + (0 if closed else len(counts)),
        }[interpolation]
        curves.CreateWidthsAttr(np.linspace(0.16, 0.08, size).astype(np.float32))
        curves.SetWidthsInterpolation(interpolation)
        if kind == "ribbon":
            curves.CreateNormalsAttr([Gf.Vec3f(0, 0.2, 1)])
            curves.SetNormalsInterpolation("constant")
        UsdGeom.XformCommonAPI(curves).SetTranslate((0.1, -0.4, 0.2))
        UsdGeom.XformCommonAPI(curves).SetRotate((20, 0, 40))
        UsdGeom.XformCommonAPI(curves).SetScale((1.2, 0.9, 1.5))
        camera = UsdGeom.Camera.Define(stage, f"{root}/camera")
        camera.CreateClippingRangeAttr((0.01, 100.0))
        UsdGeom.XformCommonAPI(camera).SetTranslate((0, -1.2, 3))
        UsdGeom.XformCommonAPI(camera).SetRotate((20, 0, 0))
    light = UsdLux.DistantLight.Define(stage, "/World/light")
    light.CreateIntensityAttr(2.0)
    UsdGeom.XformCommonAPI(light).SetRotate((30, 20, 0))
    return stage


def local_points(stage: Usd.Stage) -> list[np.ndarray]:
    return [np.array(stage.GetPrimAtPath(path).GetAttribute("points").Get(), np.float64) for path in PATHS]


def in_world(stage: Usd.Stage, local: list[np.ndarray]) -> np.ndarray:
    """(all, 3) world positions of the points of each prim."""
    world = []
    for path, points in zip(PATHS, local, strict=True):
        matrix = np.array(UsdGeom.Xformable(stage.GetPrimAtPath(path)).ComputeLocalToWorldTransform(0))
        world.append(points @ matrix[:3, :3] + matrix[3, :3])
    return np.concatenate(world).astype(np.float32)


def draw(renderer: TiledRenderer) -> dict[str, np.ndarray]:
    return {name: array.numpy().copy() for name, array in renderer.render().items()}


@pytest.fixture
def open_(make: Callable[..., TiledRenderer]) -> Callable[[Usd.Stage], TiledRenderer]:
    def opened(stage: Usd.Stage) -> TiledRenderer:
        renderer = make(stage)
        renderer.add_cameras(width=64, height=56, outputs=["rgb", "depth", "normals"])
        return renderer

    return opened


def assert_alike(got: dict[str, np.ndarray], want: dict[str, np.ndarray], depth: float, edges: float) -> None:
    """``depth``: by how much it may differ [m]. ``edges``: share of pixels that see something else, or nothing."""
    assert (np.isfinite(want["depth"]) != np.isfinite(got["depth"])).mean() < edges
    hit = (np.isfinite(want["depth"]) & np.isfinite(got["depth"]))[..., 0]
    assert hit.mean() > 0.05
    assert (np.abs(got["depth"][hit] - want["depth"][hit]) > depth).mean() < max(3 * edges, 0.01)
    assert np.linalg.norm(got["normals"] - want["normals"], axis=-1)[hit].mean() < max(4 * edges, 0.01)
    assert np.abs(got["rgb"].astype(int) - want["rgb"])[hit].mean() < 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_rest_points_draw_what_was_drawn(open_: Callable[[Usd.Stage], TiledRenderer], kind: str) -> None:
    stage = build(kind)
    plain = draw(open_(build(kind)))
    renderer = open_(stage)
    binding = renderer.bind_points(PATHS)
    assert_alike(draw(renderer), plain, 1e-4, 0.002)
    binding.write(in_world(stage, local_points(stage)))
    assert_alike(draw(renderer), plain, 1e-4, 0.002)


@pytest.mark.parametrize("kind", KINDS)
def test_written_points_are_drawn_as_authored_ones(open_: Callable[[Usd.Stage], TiledRenderer], kind: str) -> None:
    rng = np.random.default_rng(7)
    stage = build(kind)
    renderer = open_(stage)
    binding = renderer.bind_points(PATHS)
    rest = draw(renderer)
    for _ in range(2):
        local = local_points(stage)
        for points in local:
            points[:, 2] += 0.3 * np.sin(3.0 * points[:, 0] + rng.uniform(0, 6))
            points[:, 1] += 0.2 * np.cos(2.0 * points[:, 0] + rng.uniform(0, 6))
        binding.write(in_world(stage, local))
        got = draw(renderer)
        # The sides of a tube are turned about the curve from where a new stage has them, which shows a little.
        assert_alike(got, draw(open_(build(kind, local))), 0.01, 0.015)
        assert (np.isfinite(got["depth"]) != np.isfinite(rest["depth"])).mean() > 0.02


def test_written_curves_outlive_a_new_read_of_the_stage(open_: Callable[[Usd.Stage], TiledRenderer]) -> None:
    stage = build("bspline")
    renderer = open_(stage)
    binding = renderer.bind_points(PATHS)
    local = local_points(stage)
    binding.write(in_world(stage, [points + np.array([0, 0.3, 0.2]) for points in local]))
    before = draw(renderer)
    UsdGeom.Sphere.Define(stage, "/World/envs/env_1/far").AddTranslateOp().Set((0, 0, -500))
    after = draw(renderer)
    np.testing.assert_array_equal(after["depth"], before["depth"])


@pytest.mark.parametrize("kind", ["linear", "bspline, closed"])
def test_tubes_turn_steadily_with_their_curve(kind: str) -> None:
    """No ring turns about the curve by itself while the curve is turned by a third of a turn, about any axis."""
    scene = read_scene(build(kind))
    mesh = scene.meshes[0]
    assert mesh.sweep is not None
    control = local_points(build(kind))[0]
    sweeping = Sweeping(len(control), wp.get_device("cpu"))
    sweeping.add(mesh.sweep, np.eye(4), 0, len(mesh.points), np.zeros((1, 3), np.int64))
    assert sweeping.finish()
    for axis in np.eye(3):
        last = None
        for degrees in range(0, 121, 2):
            turn = np.array(Gf.Matrix3d(Gf.Rotation(Gf.Vec3d(*axis), float(degrees))))
            points = wp.array((control @ turn).astype(np.float32), dtype=wp.vec3, device="cpu")
            now = sweeping.sweep(points).numpy()[len(control) :]
            center = now.reshape(-1, 8, 3).mean(axis=1, keepdims=True)
            spoke = (now.reshape(-1, 8, 3) - center) / mesh.sweep.radius[:, None, None]
            np.testing.assert_allclose(np.linalg.norm(spoke, axis=-1), 1.0, atol=1e-3)
            if last is not None:
                assert np.linalg.norm(spoke - last, axis=-1).max() < 0.25
            last = spoke
