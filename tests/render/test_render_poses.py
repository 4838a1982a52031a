"""Camera poses and intrinsics: a known point lands on the predicted pixel, whatever the convention."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from reference import SceneBuilder, project, random_rotation, translate

from omni.isaac.ovrtx_render.scene.data import GeometryKind

SIZE = 96
RADIUS = 0.04

# Rotation from each convention's camera frame to the USD camera frame (rows: where x, y, z go).
CONVENTIONS = {
    "opengl": np.eye(3),
    "ros": np.diag([1.0, -1.0, -1.0]),  # forward +Z, up -Y
    "world": np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),  # forward +X, left +Y, up +Z
}


def quat_xyzw(rotation: np.ndarray) -> np.ndarray:
    """Quaternion of a row-vector rotation matrix (3, 3), by the eigenvector of Bar-Itzhack's matrix."""
    m = rotation.T
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[2, 1] - m[1, 2]],
            [m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1], m[0, 2] - m[2, 0]],
            [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], np.trace(m)],
        ]
    )
    return np.linalg.eigh(k)[1][:, -1]


def centroid(depth: np.ndarray) -> np.ndarray:
    """Mean pixel centre (x, y) of what was hit."""
    rows, columns = np.nonzero(np.isfinite(depth))
    assert len(rows), "the point is not in the picture"
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def one_point(envs: int) -> tuple[SceneBuilder, np.ndarray]:
    """A small ball per environment, somewhere, and its position."""
    rng = np.random.default_rng(11)
    b = SceneBuilder(num_envs=envs)
    points = rng.uniform(-1, 1, (envs, 3))
    for env, p in enumerate(points):
        b.add(GeometryKind.SPHERE, (RADIUS,), transform=translate(*p), env=env)
        b.camera(np.eye(4), env=env, focal_length=20.0, horizontal_aperture=20.0)
    return b, points


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_point_lands_on_the_predicted_pixel(convention: str, make: Callable) -> None:
    envs, rng = 12, np.random.default_rng(2)
    b, points = one_point(envs)
    scene = b.build()
    positions, quats = np.zeros((envs, 3)), np.zeros((envs, 4))
    for env, camera in enumerate(scene.cameras):
        usd = random_rotation(rng)
        in_view = np.array([*rng.uniform(-0.9, 0.9, 2), -2.0]) @ usd[:3, :3]
        positions[env] = points[env] - in_view
        # a vector in the convention's frame -> USD camera frame -> world
        quats[env] = quat_xyzw(CONVENTIONS[convention] @ usd[:3, :3])
        camera.transform = np.eye(4)  # the renderer must take the pose it is given instead
    renderer = make(scene)
    cameras = renderer.add_cameras(None, width=SIZE, height=SIZE, outputs="depth")
    cameras.set_poses(positions.astype(np.float32), quat_xyzw=quats.astype(np.float32), convention=convention)
    depth = renderer.render(cameras)["depth"].numpy()[..., 0]
    for env, camera in enumerate(scene.cameras):
        turn = np.linalg.inv(CONVENTIONS[convention]) @ matrix_of(quats[env])
        camera.transform = np.eye(4)
        camera.transform[:3, :3], camera.transform[3, :3] = turn, positions[env]
        np.testing.assert_allclose(centroid(depth[env]), project(camera, SIZE, SIZE, points[env]), atol=0.6)


def matrix_of(quat: np.ndarray) -> np.ndarray:
    """Row-vector rotation matrix (3, 3) of an (x, y, z, w) quaternion."""
    x, y, z, w = quat / np.linalg.norm(quat)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
            [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
            [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_quaternion_helpers_agree() -> None:
    rotation = random_rotation(np.random.default_rng(0))[:3, :3]
    np.testing.assert_allclose(matrix_of(quat_xyzw(rotation)), rotation, atol=1e-12)


def test_isaac_lab_vector_is_one_pose_in_three_conventions(make: Callable) -> None:
    """The pose of Isaac Lab's camera test, written in its three conventions, gives one picture of the origin."""
    wxyz = {
        "ros": (-0.17591989, 0.33985114, 0.82047325, -0.42470819),
        "opengl": (0.33985113, 0.17591988, 0.42470818, 0.82047324),
        "world": (-0.3647052, -0.27984815, -0.1159169, 0.88047623),
    }
    b = SceneBuilder()
    b.add(GeometryKind.CUBE, (0.3, 0.2, 0.4))
    b.add(GeometryKind.SPHERE, (0.25,), transform=translate(0.0, 0.5, 0.1))
    b.camera(np.eye(4), focal_length=24.0)
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=48, height=48, outputs="depth")
    pictures = {}
    for convention, (w, x, y, z) in wxyz.items():
        quat = np.array([[x, y, z, w]], np.float32)
        cameras.set_poses(np.full((1, 3), 2.5, np.float32), quat_xyzw=quat, convention=convention)
        pictures[convention] = renderer.render(cameras)["depth"].numpy()[0, ..., 0].copy()
        assert np.isfinite(pictures[convention][24, 24])  # it looks at the origin
        near = pictures[convention][24, 24]
        assert 2.5 * np.sqrt(3) - 0.6 < near < 2.5 * np.sqrt(3)
    for picture in pictures.values():
        same = np.isclose(picture, pictures["opengl"], rtol=1e-4) | (np.isinf(picture) & np.isinf(pictures["opengl"]))
        assert same.mean() > 0.99


def test_intrinsics_matrix(make: Callable) -> None:
    """Per-environment focal lengths (fx != fy), principal points and, in every other one, skew."""
    envs, rng = 6, np.random.default_rng(4)
    b, points = one_point(envs)
    scene = b.build()
    matrices = np.zeros((envs, 3, 3), np.float32)
    for env, camera in enumerate(scene.cameras):
        matrices[env] = np.eye(3)
        matrices[env, [0, 1], [0, 1]] = rng.uniform(60, 140, 2)
        matrices[env, [0, 1], 2] = SIZE / 2 + rng.uniform(-15, 15, 2)
        matrices[env, 0, 1] = (env % 2) * rng.choice([-1.0, 1.0]) * 60.0
        camera.transform = random_rotation(rng)
        camera.transform[3, :3] = points[env] - np.array([0.2, -0.15, -2.0]) @ camera.transform[:3, :3]
    renderer = make(scene)
    cameras = renderer.add_cameras(None, width=SIZE, height=SIZE, outputs="depth")
    cameras.set_intrinsics(matrices)
    depth = renderer.render(cameras)["depth"].numpy()[..., 0]
    for env, camera in enumerate(scene.cameras):
        want = project(camera, SIZE, SIZE, points[env], matrices[env])
        np.testing.assert_allclose(centroid(depth[env]), want, atol=0.6)


def test_set_poses_of_some_environments(make: Callable) -> None:
    envs = 4
    b, points = one_point(envs)
    for env, camera in enumerate(b.scene.cameras):
        camera.transform = translate(*(points[env] + [0, 0, 2.0]))
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=SIZE, height=SIZE, outputs="depth")
    before = renderer.render(cameras)["depth"].numpy().copy()
    moved = np.array([3, 1])
    positions = (points[moved] + [0, 0, 3.0]).astype(np.float32)
    identity = np.tile(np.array([0, 0, 0, 1], np.float32), (2, 1))
    cameras.set_poses(positions, quat_xyzw=identity, convention="opengl", env_ids=moved)
    after = renderer.render(cameras)["depth"].numpy()
    for env in range(envs):
        nearest = after[env].min()
        assert nearest == pytest.approx(3.0 - RADIUS if env in moved else 2.0 - RADIUS, abs=0.01)
        assert np.array_equal(before[env], after[env]) == (env not in moved)


@pytest.mark.parametrize("library", ["numpy64", "warp", "torch"])
def test_poses_from_any_array_library(library: str, make: Callable, device: str) -> None:
    b, points = one_point(2)
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=SIZE, height=SIZE, outputs="depth")
    positions = points + np.array([0, 0, 2.0])
    quats = np.tile([0.0, 0.0, 0.0, 1.0], (2, 1))
    if library == "warp":
        import warp as wp

        positions, quats = (
            wp.array(positions, dtype=wp.vec3, device=device),
            wp.array(quats, dtype=wp.quat, device=device),
        )
    elif library == "torch":
        torch = pytest.importorskip("torch")
        positions, quats = (torch.tensor(x, dtype=torch.float32, device=device) for x in (positions, quats))
    cameras.set_poses(positions, quat_xyzw=quats, convention="opengl")
    depth = renderer.render(cameras)["depth"].numpy()[..., 0]
    for env in range(2):
        np.testing.assert_allclose(centroid(depth[env]), [SIZE / 2, SIZE / 2], atol=0.5)


def test_cameras_by_pattern_and_by_list(make: Callable) -> None:
    envs = 12  # so that env_10 sorts wrongly by name
    b = SceneBuilder(num_envs=envs)
    b.add(GeometryKind.PLANE, (np.inf, np.inf))
    for env in range(envs):
        b.camera(translate(0, 0, 1.0 + env), env=env)
    renderer = make(b.build())
    cameras = renderer.add_cameras("/World/envs/env_.*/Camera", width=4, height=4, outputs="depth")
    depth = renderer.render(cameras)["depth"].numpy()
    np.testing.assert_allclose(depth[:, 2, 2, 0], 1.0 + np.arange(envs), rtol=1e-5)
    some = renderer.add_cameras(
        ["/World/envs/env_7/Camera", "/World/envs/env_2/Camera"], width=2, height=2, outputs="depth"
    )
    np.testing.assert_allclose(renderer.render(some)["depth"].numpy()[:, 0, 0, 0], [8.0, 3.0], rtol=1e-5)
