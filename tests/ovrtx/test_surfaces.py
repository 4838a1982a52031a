"""Materials and points that are written while the renderer runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ovrtx_compare import assert_equal, images_of
from ovrtx_stages import CAMERAS, cloth, paths, plain
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from omni.isaac.ovrtx_render import ConfigError, InputError


def test_colours_of_each_environment(library: Any, open_renderer: Any) -> None:
    library("0.5.0")
    colors = np.array([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9]], np.float32)
    drawn = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(plain(3), backend)
        bundle = renderer.add_cameras(CAMERAS, width=24, height=16, outputs=("rgb", "albedo"))
        binding = renderer.bind_materials(paths("Looks/ball", 3), "base_color")
        binding.write(colors[::-1].copy())
        renderer.render(bundle)
        first = images_of(bundle)
        binding.write(colors)
        renderer.render(bundle)
        assert not np.array_equal(first["rgb"], images_of(bundle)["rgb"])
        drawn.append(images_of(bundle))
    assert_equal(*drawn)


def test_what_was_written_outlives_edits_of_the_stage(library: Any, open_renderer: Any) -> None:
    library("0.5.1")
    colors = np.array([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1]], np.float32)
    stage = cloth(2)
    drawn = []
    routes = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend)
        bundle = renderer.add_cameras(CAMERAS, width=24, height=16, outputs=("albedo", "depth"))
        points, looks = (
            renderer.bind_points(paths("Cloth", 2)),
            renderer.bind_materials(paths("Looks/ball", 2), "base_color"),
        )
        looks.write(colors)
        points.write(points._own.rest + np.array([0.0, 0.0, 0.1], np.float32))
        renderer.render(bundle)
        routes.append((renderer, bundle))
    for step in range(3):
        box = UsdGeom.Xformable(stage.GetPrimAtPath(paths("Box", 2)[1]))
        box.GetOrderedXformOps()[0].Set(Gf.Vec3d(-0.4, 0.1 * step, 0.3))
        drawn = []
        for renderer, bundle in routes:
            renderer.render(bundle)
            drawn.append(images_of(bundle))
        assert_equal(*drawn, share=0.01)
    backend = routes[0][0]._backend
    assert len(backend._surfaces) == 2 and len(backend._session._bindings) == 2


def test_an_input_that_not_every_environment_authors(library: Any, open_renderer: Any) -> None:
    library()
    drawn = []
    for backend in ("ovrtx", "warp"):
        stage = plain(3)
        shader = UsdShade.Shader(stage.GetPrimAtPath(f"{paths('Looks/ball', 3)[1]}/Shader"))
        shader.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.8)
        renderer = open_renderer(stage, backend)
        bundle = renderer.add_cameras(CAMERAS, width=24, height=16, outputs=("rgb",))
        renderer.bind_materials(paths("Looks/ball", 3), "metallic").write(np.array([[0.1], [0.9], [0.5]], np.float32))
        glow = renderer.bind_materials(paths("Looks/ball", 3)[2:], "emissive")
        glow.write(np.array([[50.0, 0.0, 90.0]], np.float32))
        renderer.render(bundle)
        drawn.append(images_of(bundle))
    assert_equal(*drawn)


def test_an_input_that_is_not_there_says_what_to_do(library: Any, open_renderer: Any) -> None:
    library()
    renderer = open_renderer(plain(2))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="rgb")
    with pytest.raises(ConfigError, match=r"inputs:diffuse_tint.*author one"):
        renderer.bind_materials(paths("Looks/ball", 2), "tint")
    renderer.render(bundle)


def test_cloth(library: Any, open_renderer: Any) -> None:
    """The normals of the rest shape must not light the deformed one, and no transform may move it."""
    library("0.5.0")
    drawn: list[list[Any]] = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(cloth(3), backend)
        bundle = renderer.add_cameras(CAMERAS, width=32, height=24, outputs=("rgb", "depth", "normals"))
        binding = renderer.bind_points(paths("Cloth", 3))
        rest = np.concatenate([binding._own.rest])
        steps = []
        for phase in (0.0, 1.3):
            points = rest.copy()
            points[:, 2] += 0.2 * np.sin(6.0 * points[:, 0] + phase)
            binding.write(points)
            renderer.render(bundle)
            steps.append(images_of(bundle))
        drawn.append(steps)
    moving = (drawn[1][0]["depth"] != drawn[1][1]["depth"])[..., 0]
    assert moving.any()
    for found, expected in zip(*drawn, strict=True):
        # The library makes normals of its own: flat ones, where no subdivision says that the sheet is smooth.
        shaded = [images.pop("normals")[moving] for images in (found, expected)]
        assert np.linalg.norm(shaded[0] - shaded[1], axis=-1).mean() < 0.3
        close = np.abs(found["rgb"].astype(int) - expected["rgb"]).max(-1) <= 12
        assert close.mean() > 0.94
        assert_equal({"depth": found["depth"]}, {"depth": expected["depth"]}, share=0.01)


@pytest.mark.parametrize("ribbon", [False, True])
def test_curves(library: Any, open_renderer: Any, ribbon: bool) -> None:
    """They keep the widths and the facing that their prims gave them."""
    library("0.5.0")

    def cables(scale: Gf.Vec3d) -> Usd.Stage:
        stage = plain(2)
        for path in paths("Cable", 2):
            cable = UsdGeom.BasisCurves.Define(stage, path)
            cable.CreatePointsAttr([(-0.5, 0, 0), (-0.2, 0.1, 0), (0.2, -0.1, 0), (0.5, 0, 0)])
            cable.CreateCurveVertexCountsAttr([4])
            cable.CreateTypeAttr("linear")
            cable.CreateWidthsAttr([0.1])
            cable.SetWidthsInterpolation("constant")
            if ribbon:
                cable.CreateNormalsAttr([(0, 0, 1)])
                cable.SetNormalsInterpolation("constant")
            cable.AddTranslateOp().Set(Gf.Vec3d(0.0, -0.3, 0.6))
            cable.AddRotateXOp().Set(40.0)
            cable.AddScaleOp().Set(scale)
        return stage

    drawn = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(cables(Gf.Vec3d(1.5)), backend)
        bundle = renderer.add_cameras(CAMERAS, width=32, height=24, outputs=("depth",))
        before = renderer.render(bundle)["depth"].numpy().copy()
        binding = renderer.bind_points(paths("Cable", 2))
        binding.write(binding._own.rest + np.array([0.1, 0.0, 0.2], np.float32))
        renderer.render(bundle)
        drawn.append(images_of(bundle)["depth"])
        assert (drawn[-1] != before).mean() > 0.05
    # The eight sides of a tube may begin anywhere: it is as wide, and as far off, up to that.
    found, expected = drawn
    assert (np.isfinite(found) != np.isfinite(expected)).mean() < 0.01
    hit = np.isfinite(found) & np.isfinite(expected)
    assert (np.abs(found[hit] - expected[hit]) > 0.01).mean() < 0.02
    renderer = open_renderer(cables(Gf.Vec3d(1.5, 1.0, 1.0)), "ovrtx")
    renderer.add_cameras(CAMERAS, width=8, height=8, outputs=("depth",))
    with pytest.raises(ConfigError, match=r"Cable is scaled.*remove the scale"):
        renderer.bind_points(paths("Cable", 2))


def test_rows_whose_environments_were_reset_are_named(library: Any, open_renderer: Any) -> None:
    """Without it the old episode shows through in the first frame of the new one."""
    library("0.5.1", temporal=True)
    renderer = open_renderer(plain(3))
    bundle = renderer.add_cameras(CAMERAS, width=16, height=16, outputs="rgb")
    binding = renderer.bind_transforms(paths("Ball", 3))
    renderer.render(bundle)

    def move(height: float) -> np.ndarray:
        binding.write([[3.0 * env + 0.2, -0.5, height] for env in range(3)], quat_xyzw=[[0, 0, 0, 1]] * 3)
        renderer.render(bundle)
        return images_of(bundle)["rgb"]

    for _ in range(3):
        settled = move(0.3)
    for _ in range(3):
        move(-0.2)
    bundle.forget_history([2])
    bundle.forget_history([0])
    fresh = move(0.3)
    assert np.array_equal(fresh[0], settled[0]) and np.array_equal(fresh[2], settled[2])
    assert not np.array_equal(fresh[1], settled[1])
    with pytest.raises(InputError, match="0 to 2"):
        bundle.forget_history([3])
