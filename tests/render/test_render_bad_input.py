"""What a user may do wrong: one clear error each, and the renderer goes on working afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from reference import SceneBuilder, cast, look_at, translate
from reference.build import bumpy_sphere, quad

from omni.isaac.ovrtx_render import TiledRenderer
from omni.isaac.ovrtx_render.errors import ConfigError, InputError, OvrtxRenderError, SceneError
from omni.isaac.ovrtx_render.scene.data import GeometryKind, LightKind, Mesh, Scene

IDENTITY = np.tile(np.array([0, 0, 0, 1], np.float32), (2, 1))
AT = np.array([[0, 0, 3.0], [0, 0, 4.0]], np.float32)
BOXES = ["/World/envs/env_0/Box", "/World/envs/env_1/Box"]


def boxes() -> Scene:
    b = SceneBuilder(num_envs=2)
    for env in range(2):
        b.add(GeometryKind.CUBE, (0.5, 0.5, 0.5), env=env, name="Box")
        b.camera(translate(0, 0, 3.0), env=env)
    b.light(LightKind.DISTANT, 1.0)
    return b.build()


@pytest.fixture
def working(make: Callable) -> Iterator[tuple[TiledRenderer, Any]]:
    """A renderer and its cameras; after the test they must give the picture they gave before it."""
    renderer = make(boxes())
    cameras = renderer.add_cameras(None, width=8, height=8, outputs=("rgb", "depth"))
    before = {k: v.numpy().copy() for k, v in renderer.render(cameras).items()}
    yield renderer, cameras
    after = renderer.render(cameras)
    for name, buffer in after.items():
        np.testing.assert_array_equal(buffer.numpy(), before[name])


def changed(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array[1, 1] = value
    return array


@pytest.mark.parametrize(
    ("positions", "quats"),
    [
        (changed(AT, np.nan), IDENTITY),
        (changed(AT, np.inf), IDENTITY),
        (AT, changed(IDENTITY, np.nan)),
        (AT, np.zeros((2, 4), np.float32)),
        (AT[:1], IDENTITY[:1]),
        (np.zeros((3, 3), np.float32), np.tile(IDENTITY[:1], (3, 1))),
        (AT[:, :2], IDENTITY),
        (AT, IDENTITY[:, :3]),
        (AT.ravel(), IDENTITY),
        (AT.astype(complex), IDENTITY),
        (np.array([["a"] * 3] * 2), IDENTITY),
        (None, IDENTITY),
    ],
    ids=[
        "nan-position",
        "infinite-position",
        "nan-quaternion",
        "zero-quaternion",
        "too-few",
        "too-many",
        "two-columns",
        "three-column-quaternion",
        "flat",
        "complex",
        "text",
        "none",
    ],
)
def test_bad_poses(positions: Any, quats: Any, working: tuple) -> None:
    renderer, cameras = working
    with pytest.raises(InputError):
        cameras.set_poses(positions, quat_xyzw=quats, convention="opengl")
    with pytest.raises(InputError):
        renderer.bind_transforms(BOXES).write(positions, quat_xyzw=quats)


def test_bad_convention_and_ids(working: tuple) -> None:
    renderer, cameras = working
    with pytest.raises((InputError, ConfigError), match="opengl"):
        cameras.set_poses(AT, quat_xyzw=IDENTITY, convention="blender")
    for env_ids in ([2], [-1], [0, 5], [0.5], "all", [[0]]):
        with pytest.raises(InputError):
            renderer.render(cameras, env_ids=env_ids)
        with pytest.raises(InputError):
            cameras.set_poses(AT[:1], quat_xyzw=IDENTITY[:1], convention="opengl", env_ids=env_ids)
    with pytest.raises(InputError):  # two ids, three poses
        cameras.set_poses(np.zeros((3, 3), np.float32), quat_xyzw=IDENTITY, convention="opengl", env_ids=[0, 1])


@pytest.mark.parametrize(
    "matrix",
    [
        np.full((2, 3, 3), np.nan, np.float32),
        np.zeros((2, 3, 3), np.float32),
        np.tile(np.diag([-50.0, 50.0, 1.0]), (2, 1, 1)),
        np.eye(3, dtype=np.float32)[:2],
        np.zeros((5, 3, 3), np.float32),
    ],
    ids=["nan", "zero-focal-length", "negative-focal-length", "shape", "count"],
)
def test_bad_intrinsics(matrix: np.ndarray, working: tuple) -> None:
    with pytest.raises(InputError):
        working[1].set_intrinsics(matrix)


def test_bad_matrices(working: tuple) -> None:
    bound = working[0].bind_transforms(BOXES)
    good = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    for bad in (good[:1], good[:, :3], good * np.nan, np.eye(4), "x"):
        with pytest.raises(InputError):
            bound.write_matrices(bad)


@pytest.mark.parametrize(("width", "height"), [(0, 8), (8, 0), (-4, 8), (8.5, 8), (10**7, 10**7)])
def test_bad_sizes(width: Any, height: Any, working: tuple) -> None:
    with pytest.raises((ConfigError, InputError)):
        working[0].add_cameras(None, width=width, height=height, outputs="rgb")


def test_unknown_names(working: tuple) -> None:
    renderer, _ = working
    with pytest.raises(ConfigError, match="rgbd"):
        renderer.add_cameras(None, width=8, height=8, outputs=("rgbd",))
    with pytest.raises(ConfigError):
        renderer.add_cameras(None, width=8, height=8, outputs=())
    for pattern in ("/World/envs/env_.*/Kamera", ["/World/envs/env_0/Camera", "/World/none"], "/World/envs/env_(", []):
        with pytest.raises(OvrtxRenderError):
            renderer.add_cameras(pattern, width=8, height=8, outputs="rgb")
    with pytest.raises((SceneError, InputError), match="/World/nothing/here"):
        renderer.bind_transforms(["/World/nothing/here"])


def test_missing_stage(make: Callable, tmp_path: Any) -> None:
    with pytest.raises(SceneError, match="nowhere"):
        make(str(tmp_path / "nowhere.usda"))
    broken = tmp_path / "broken.usda"
    broken.write_text("this is not a stage")
    with pytest.raises(SceneError, match="broken"):
        make(str(broken))
    with pytest.raises(OvrtxRenderError):
        make(42)


def test_empty_scene_gives_empty_pictures(make: Callable) -> None:
    b = SceneBuilder()
    b.camera(np.eye(4))
    renderer = make(b.build())
    cameras = renderer.add_cameras(
        None, width=8, height=8, outputs=("rgb", "depth", "normals", "instance_segmentation")
    )
    frame = {k: v.numpy() for k, v in renderer.render(cameras).items()}
    assert np.isposinf(frame["depth"]).all()
    assert not frame["rgb"].any() and not frame["normals"].any() and not frame["instance_segmentation"].any()


def test_scene_without_cameras(make: Callable) -> None:
    b = SceneBuilder()
    b.add(GeometryKind.SPHERE, (1.0,))
    with pytest.raises(SceneError):
        make(b.build()).add_cameras(None, width=8, height=8, outputs="rgb")


def test_an_environment_with_nothing_in_it(shoot: Callable) -> None:
    b = SceneBuilder(num_envs=3)
    b.add(GeometryKind.SPHERE, (1.0,), env=1)
    for env in range(3):
        b.camera(look_at([0, -4, 0], [0, 0, 0]), env=env)
    depth = shoot(b.build(), "depth", 8, 8)["depth"]
    assert np.isinf(depth[[0, 2]]).all() and np.isfinite(depth[1, 4, 4])


def test_degenerate_geometry_is_harmless(shoot: Callable) -> None:
    """Zero-area triangles, an empty mesh and a flattened prim sit among good triangles."""
    good = bumpy_sphere(np.random.default_rng(0))
    points = np.concatenate([good.points, np.zeros((2, 3), np.float32), np.ones((1, 3), np.float32)])
    n = len(good.points)
    bad = np.array([[n, n, n], [n, n + 1, n + 2], [0, 0, 1]], np.int32)
    mixed = Mesh(points, np.concatenate([bad, good.triangles, bad]))
    b = SceneBuilder()
    b.add(mixed)
    b.add(Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)))
    b.add(GeometryKind.SPHERE, (0.0,), transform=translate(0.9, 0, 0))
    b.add(quad(), transform=np.diag([0.0, 1.0, 1.0, 1.0]))
    b.camera(look_at([3, -2, 1], [0, 0, 0]))
    frame = shoot(b.build(), ("depth", "rgb_hdr", "normals"), headlight=True)
    good_only = SceneBuilder()
    good_only.add(Mesh(good.points, good.triangles))
    camera = good_only.camera(look_at([3, -2, 1], [0, 0, 0]))
    want = cast(good_only.build(), camera, 32, 32).depth
    got = frame["depth"][0, ..., 0]
    assert (np.isclose(got, want, rtol=1e-3) | (np.isinf(got) & np.isinf(want))).mean() > 0.99
    assert np.isfinite(frame["rgb_hdr"]).all() and np.isfinite(frame["normals"]).all()


def test_closing(make: Callable) -> None:
    renderer = make(boxes())
    cameras = renderer.add_cameras(None, width=4, height=4, outputs="rgb")
    renderer.render(cameras)
    renderer.close()
    renderer.close()
    with pytest.raises(OvrtxRenderError):
        renderer.render(cameras)


def test_context_manager(device: str) -> None:
    from omni.isaac.ovrtx_render import RendererCfg

    with TiledRenderer(boxes(), RendererCfg(device=device)) as renderer:
        cameras = renderer.add_cameras(None, width=4, height=4, outputs="depth")
        assert renderer.render(cameras)["depth"].numpy()[0, 2, 2, 0] == pytest.approx(2.5, rel=1e-4)
        assert renderer.backend_name == "warp"
