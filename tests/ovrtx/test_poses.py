"""Poses written as arrays: through float64 row-vector matrices with each prim's scale, or straight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ovrtx_compare import assert_equal, images_of
from ovrtx_stages import CAMERAS, ENVS, paths, plain, random_poses
from pxr import Gf, UsdGeom

from omni.isaac.ovrtx_render import SceneError

OUTPUTS = ("rgb", "depth", "instance_segmentation")


def opened(open_renderer: Any, stage: Any, backend: str, outputs: Any = OUTPUTS) -> tuple[Any, Any]:
    renderer = open_renderer(stage, backend)
    return renderer, renderer.add_cameras(CAMERAS, width=20, height=20, outputs=outputs)


def test_a_hundred_random_steps(library: Any, open_renderer: Any) -> None:
    """Bodies with a scale of their own and cameras, moved together. Edges may round otherwise, nothing else may."""
    library("0.5.0")
    stage = plain(3)
    bodies = [*paths("Box", 3), *paths("Ball", 3)]
    routes = []
    for backend in ("ovrtx", "warp"):
        renderer, bundle = opened(open_renderer, stage, backend, (*OUTPUTS, "motion_vectors"))
        routes.append((renderer, bundle, renderer.bind_transforms(bodies)))
    rng = np.random.default_rng(3)
    motion = 0.0
    for step in range(100):
        parts = [random_poses(3, rng) for _ in range(2)]
        positions, quats = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        eye = np.array([[3.0 * env, -2.2, 1.0] for env in range(3)], np.float32) + rng.uniform(-0.2, 0.2, (3, 3))
        drawn = []
        for renderer, bundle, binding in routes:
            if step % 3 == 2:
                matrices = np.tile(np.eye(4, dtype=np.float32), (6, 1, 1)) * np.float32(0.5)
                matrices[:, 3, :3], matrices[:, 3, 3] = positions, 1.0
                binding.write_matrices(matrices)
            else:
                binding.write(positions, quat_xyzw=quats)
            if step % 2:
                bundle.set_poses(eye.astype(np.float32), quat_wxyz=[[0.82, 0.57, 0, 0]] * 3, convention="opengl")
            renderer.render(bundle)
            drawn.append(images_of(bundle))
        moved = [images.pop("motion_vectors") for images in drawn]
        assert_equal(*drawn, share=0.004)
        # The first frame of the one route comes after a warm-up, so what moved before it is past.
        if step:
            assert np.median(np.abs(moved[0] - moved[1])) < 1e-3
            motion = max(motion, float(np.abs(moved[0]).max()))
    assert motion > 1.0


@pytest.mark.parametrize("convention", ["opengl", "ros", "world"])
def test_camera_conventions(convention: str, library: Any, open_renderer: Any) -> None:
    library()
    stage = plain(2)
    drawn = []
    quats = {"opengl": (0.57, 0, 0, 0.82), "ros": (-0.83, 0, 0, 0.56), "world": (-0.2, 0.2, 0.68, 0.68)}
    for backend in ("ovrtx", "warp"):
        renderer, bundle = opened(open_renderer, stage, backend)
        positions = [[0.0, -2.0, 1.3], [3.0, -2.0, 1.3]]
        bundle.set_poses(positions, quat_xyzw=[quats[convention]] * 2, convention=convention)
        renderer.render(bundle)
        drawn.append(images_of(bundle))
    assert_equal(*drawn, share=0.01)


def test_a_camera_follows_its_body_until_its_pose_is_set(library: Any, open_renderer: Any) -> None:
    library()
    stage = plain(3)
    for env in range(3):
        hand = UsdGeom.Camera.Define(stage, f"{ENVS}/env_{env}/Box/Camera")
        hand.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, 6.0))
        hand.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))
    drawn: list[list[Any]] = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend)
        bundle = renderer.add_cameras(f"{ENVS}/env_.*/Box/Camera", width=20, height=20, outputs=("rgb", "depth"))
        binding = renderer.bind_transforms(paths("Box", 3))
        steps = []
        for height in (0.0, 0.7):
            binding.write([[3.0 * env - 0.4, 0.0, height] for env in range(3)], quat_xyzw=[[0, 0, 0.1, 0.99]] * 3)
            renderer.render(bundle)
            steps.append(images_of(bundle))
        bundle.set_poses([[3.0, 0.0, 4.0]], quat_xyzw=[[0, 0, 0, 1]], env_ids=[1])
        binding.write([[3.0 * env - 0.4, 0.3, 0.2] for env in range(3)], quat_xyzw=[[0, 0, 0.1, 0.99]] * 3)
        renderer.render(bundle)
        drawn.append([*steps, images_of(bundle)])
    for found, expected in zip(*drawn, strict=True):
        assert_equal(found, expected, share=0.01)


def test_a_prim_of_one_binding_below_a_prim_of_another(library: Any, open_renderer: Any) -> None:
    """What was written last wins: the parent takes the child along, then the child is put elsewhere."""
    library()
    stage = plain(2)
    for env in range(2):
        tip = UsdGeom.Sphere.Define(stage, f"{ENVS}/env_{env}/Box/Tip")
        tip.CreateRadiusAttr(0.4)
        tip.AddTranslateOp().Set(Gf.Vec3d(0.1, -0.6, 0.5))
    drawn: list[list[Any]] = []
    for backend in ("ovrtx", "warp"):
        renderer, bundle = opened(open_renderer, stage, backend)
        boxes, tips = (renderer.bind_transforms(paths(name, 2)) for name in ("Box", "Box/Tip"))
        steps = []
        for step in range(4):
            turn = [[0, 0, 0.1 * step, 1.0]] * 2
            if step != 1:
                boxes.write([[3.0 * env - 0.3, 0.2, 0.1 * step] for env in range(2)], quat_xyzw=turn)
            if step in (1, 3):
                tips.write([[3.0 * env + 0.3, -0.3, 0.4] for env in range(2)], quat_xyzw=turn)
            renderer.render(bundle)
            steps.append(images_of(bundle))
        drawn.append(steps)
    for found, expected in zip(*drawn, strict=True):
        assert_equal(found, expected, share=0.01)
    assert not np.array_equal(drawn[0][1]["depth"], drawn[0][2]["depth"])


def test_a_typo_raises(library: Any, open_renderer: Any) -> None:
    library()
    renderer, bundle = opened(open_renderer, plain(2), "ovrtx")
    with pytest.raises(SceneError, match="Bal1"):
        renderer.bind_transforms([f"{ENVS}/env_0/Ball", f"{ENVS}/env_1/Bal1"])
    with pytest.raises(SceneError, match=r"Looks/ball.* no transform"):
        renderer.bind_transforms([f"{ENVS}/env_0/Looks/ball"])
    renderer.render(bundle)


def test_intrinsics_a_camera(library: Any, open_renderer: Any) -> None:
    library()
    stage = plain(3)
    matrices = np.tile(np.eye(3, dtype=np.float32), (3, 1, 1))
    for env, focal in enumerate((14.0, 20.0, 33.0)):
        matrices[env] = [[focal, 0, 10.0 + env], [0, focal, 9.0 - env], [0, 0, 1]]
    drawn = []
    for backend in ("ovrtx", "warp"):
        renderer, bundle = opened(open_renderer, stage, backend)
        bundle.set_intrinsics(matrices)
        renderer.render(bundle)
        drawn.append(images_of(bundle))
    assert_equal(*drawn, share=0.01)
    depth = drawn[0]["depth"]
    assert not np.array_equal(depth[0], depth[1])
