"""Tile i is environment i, only environment i, and the same bits every time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from reference import SceneBuilder, cast, look_at, random_rotation, scale, translate
from reference.build import bumpy_sphere, matte, quad

from omni.isaac.ovrtx_render.scene.data import SHARED, GeometryKind, LightKind, Scene


def height_of(env: int) -> float:
    """Half height of the box in an environment: all different, all visible."""
    return 0.1 + 0.8 * ((env * 0.618034) % 1.0)


def towers(envs: int) -> Scene:
    """All environments in one place: a box of its own height in each, seen from above, on a shared floor."""
    b = SceneBuilder(num_envs=envs)
    b.add(GeometryKind.PLANE, (np.inf, np.inf), label={"class": "floor"})
    b.light(LightKind.DISTANT, 2.0)
    down = look_at([0, 0, 3.0], [0, 0, 0], (0, 1, 0))
    material = matte((0.8, 0.3, 0.2))
    for env in range(envs):
        b.add(
            GeometryKind.CUBE,
            (0.4, 0.4, 1.0),
            transform=scale(1, 1, height_of(env)),
            env=env,
            material=material,
            name="Box",
        )
        b.camera(down, env=env)
    return b.build()


@pytest.mark.parametrize("envs", [1, 2, 5, 64, 4096])
def test_each_tile_is_its_environment(envs: int, make: Callable) -> None:
    renderer = make(towers(envs))
    cameras = renderer.add_cameras(None, width=8, height=8, outputs=("depth", "rgb"))
    depth = renderer.render(cameras)["depth"].numpy()
    assert depth.shape == (envs, 8, 8, 1)
    np.testing.assert_allclose(depth[:, 4, 4, 0], [3.0 - height_of(e) for e in range(envs)], rtol=1e-5)


def test_moving_a_prim_changes_its_tile_only(make: Callable) -> None:
    envs = 5
    renderer = make(towers(envs))
    cameras = renderer.add_cameras(None, width=16, height=16, outputs=("rgb", "depth", "normals"))
    before = {k: v.numpy().copy() for k, v in renderer.render(cameras).items()}
    box = renderer.bind_transforms(["/World/envs/env_3/Box"])
    box.write(np.array([[0.1, 0.0, 0.9]], np.float32), quat_xyzw=np.array([[0, 0, 0, 1]], np.float32))
    after = {k: v.numpy().copy() for k, v in renderer.render(cameras).items()}
    for env in range(envs):
        same = all(np.array_equal(before[k][env], after[k][env]) for k in before)
        assert same == (env != 3)


def test_bound_transforms_are_world_frame_in_the_order_given(make: Callable) -> None:
    renderer = make(towers(4))
    cameras = renderer.add_cameras(None, width=8, height=8, outputs="depth")
    order = [2, 0, 3, 1]
    bound = renderer.bind_transforms([f"/World/envs/env_{e}/Box" for e in order])
    matrices = np.stack([scale(1, 1, 0.1) @ translate(0, 0, 0.2 + 0.3 * e) for e in order])
    bound.write_matrices(matrices.astype(np.float32))
    depth = renderer.render(cameras)["depth"].numpy()[:, 4, 4, 0]
    np.testing.assert_allclose(depth, [3.0 - (0.3 + 0.3 * e) for e in range(4)], rtol=1e-5)


def test_writing_a_pose_keeps_the_scale_of_the_prim(make: Callable) -> None:
    """Physics knows positions and rotations only: a pose that equals the authored one must change nothing."""
    rng = np.random.default_rng(0)
    b = SceneBuilder(num_envs=1)
    turn = random_rotation(rng)
    b.add(
        GeometryKind.CUBE,
        (0.5, 0.5, 0.5),
        transform=scale(0.4, 0.8, 1.2) @ turn @ translate(0.1, 0.2, 0.3),
        name="B",
        env=0,
    )
    b.camera(look_at([2, -2, 2], [0, 0, 0]))
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=32, height=32, outputs="depth")
    before = renderer.render(cameras)["depth"].numpy().copy()
    m = turn[:3, :3].T
    w = np.sqrt(max(0.0, 1 + np.trace(m))) / 2
    quat = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 4 * w * w]) / (4 * w)
    renderer.bind_transforms(["/World/envs/env_0/B"]).write(
        np.array([[0.1, 0.2, 0.3]], np.float32), quat_xyzw=quat[None].astype(np.float32)
    )
    after = renderer.render(cameras)["depth"].numpy()
    same = np.isclose(before, after, rtol=1e-4) | (np.isinf(before) & np.isinf(after))
    assert same.mean() > 0.995


def test_neighbours_on_a_grid_are_not_seen(shoot: Callable) -> None:
    """Neighbouring environments stand inside the picture, and must not be drawn."""
    b = SceneBuilder(num_envs=9)
    for env in range(9):
        x, y = 0.8 * (env % 3), 0.8 * (env // 3)
        b.add(GeometryKind.SPHERE, (0.3,), transform=translate(x, y, 0), env=env, label={"class": f"ball{env}"})
        b.camera(look_at([x, y - 3.0, 1.5], [x, y, 0]), env=env, focal_length=12)
    scene = b.build()
    own = shoot(scene, ("semantic_segmentation", "depth"), 32, 24)
    everything = shoot(scene, ("semantic_segmentation", "depth"), 32, 24, see_all_envs=True)
    for env, camera in enumerate(scene.cameras):
        assert set(np.unique(own["semantic_segmentation"][env])) == {0, 2 + env}
        assert len(np.unique(everything["semantic_segmentation"][env])) > 4
        for frame, see_all in ((own, False), (everything, True)):
            want = cast(scene, camera, 32, 24, see_all_envs=see_all).depth
            got = frame["depth"][env, ..., 0]
            close = np.isclose(got, want, rtol=1e-3) | (np.isinf(got) & np.isinf(want))
            assert close.mean() >= 0.998


def test_shadows_stay_in_their_environment(shoot: Callable) -> None:
    b = SceneBuilder(num_envs=2)
    b.add(GeometryKind.PLANE, (np.inf, np.inf), material=matte(0.5))
    b.add(GeometryKind.SPHERE, (0.5,), transform=translate(0, 0, 2.0), env=1)
    b.light(LightKind.DISTANT, 2.0, angle=0.0)
    for env in range(2):
        b.camera(look_at([0, -2.0, 1.0], [0, 0, 0]), env=env, focal_length=500)
    colour = shoot(b.build(), "rgb_hdr", 4, 4)["rgb_hdr"]
    np.testing.assert_allclose(colour[0], 1 / np.pi, rtol=0.01)
    assert colour[1].max() < 1e-5


@pytest.mark.parametrize("see_all", [False, True])
def test_every_environment_keeps_its_lights_whoever_looks(see_all: bool, shoot: Callable) -> None:
    """A red light in one environment, a green one in the other, a blue one shared; the left tile stands in shadow."""
    b = SceneBuilder(num_envs=2)
    for env, colour in enumerate([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]):
        b.add(quad(0.9), transform=translate(2.0 * env - 1.0, 0, 0), material=matte(0.5), env=env)
        b.light(LightKind.DISTANT, colour, angle=0.0, env=env)
    b.light(LightKind.DISTANT, (0.0, 0.0, 1.0), cast_shadows=False)
    b.add(GeometryKind.CUBE, (0.9, 0.9, 0.1), transform=translate(-1.0, 0, 5.0), env=0)
    for env in (SHARED, 0, 1):
        b.camera(look_at([0, 0, 3.0], [0, 0, 0], (0, 1, 0)), env=env, orthographic=True, horizontal_aperture=40.0)
    frame = shoot(b.build(), "rgb_hdr", 32, 16, see_all_envs=see_all)["rgb_hdr"] / (0.5 / np.pi)
    left, right = frame[:, 8, 8], frame[:, 8, 24]
    seen_left, seen_right = [0.0, 0.0, 1.0], [0.0, 1.0, 1.0]
    np.testing.assert_allclose(left[[0, 1]], [seen_left, seen_left], atol=0.01)
    np.testing.assert_allclose(right[[0, 2]], [seen_right, seen_right], atol=0.01)
    unseen = [seen_left, seen_right] if see_all else np.zeros((2, 3))
    np.testing.assert_allclose([left[2], right[1]], unseen, atol=0.01)


def test_env_ids_render_only_those_tiles(make: Callable) -> None:
    renderer = make(towers(6))
    cameras = renderer.add_cameras(None, width=8, height=8, outputs=("depth", "rgb"))
    whole = {k: v.numpy().copy() for k, v in renderer.render(cameras).items()}
    buffers = renderer.render(cameras)
    for env_ids in ([1, 4], np.array([5]), np.array([3, 0, 2], np.int64)):
        for buffer in buffers.values():
            buffer.fill_(7)
        out = renderer.render(cameras, env_ids=env_ids)
        for name, buffer in out.items():
            got = buffer.numpy()
            assert got.shape == whole[name].shape
            for env in range(6):
                want = whole[name][env] if env in list(env_ids) else np.full_like(whole[name][env], 7)
                np.testing.assert_array_equal(got[env], want)


def busy_scene() -> Scene:
    rng = np.random.default_rng(8)
    b = SceneBuilder(num_envs=6)
    b.add(GeometryKind.PLANE, (np.inf, np.inf), material=matte(0.6))
    meshes = [bumpy_sphere(rng) for _ in range(2)]
    for env in range(6):
        for i in range(4):
            m = scale(0.5) @ random_rotation(rng) @ translate(*rng.uniform(-1, 1, 3))
            b.add(meshes[i % 2], transform=m, env=env, material=matte(tuple(rng.uniform(0, 1, 3)), f"{env}{i}"))
        b.camera(look_at([2.5, -2.5, 2.0], [0, 0, 0]), env=env)
    b.light(LightKind.SPHERE, 80.0, radius=0.3, transform=translate(1, 1, 3))
    b.light(LightKind.DOME, 0.3)
    return b.build()


def test_same_bits_every_run_and_thread_count(make: Callable) -> None:
    outputs = ("rgb", "rgb_hdr", "depth", "normals", "instance_segmentation")
    runs = []
    for threads in (1, 1, 2, None):
        renderer = make(busy_scene(), threads=threads, light_samples=4, samples_per_pixel=2)
        cameras = renderer.add_cameras(None, width=24, height=24, outputs=outputs)
        runs.append({k: v.numpy().copy() for k, v in renderer.render(cameras).items()})
    for run in runs[1:]:
        for name in outputs:
            np.testing.assert_array_equal(run[name], runs[0][name], err_msg=name)


def test_a_subset_has_the_bits_of_the_whole(make: Callable) -> None:
    """Noise must belong to the environment, not to its place in the batch."""
    renderer = make(busy_scene(), light_samples=2)
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="rgb_hdr")
    whole = renderer.render(cameras)["rgb_hdr"].numpy().copy()
    other = make(busy_scene(), light_samples=2)
    some = other.add_cameras(None, width=16, height=16, outputs="rgb_hdr")
    part = other.render(some, env_ids=[4, 2])["rgb_hdr"].numpy()
    np.testing.assert_array_equal(part[[2, 4]], whole[[2, 4]])
