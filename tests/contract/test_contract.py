"""What every backend must do, whoever draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import warp as wp
from pxr import Sdf, Usd, UsdGeom

from omni.isaac.ovrtx_render import ConfigError, InputError, RendererCfg, SceneError, TiledRenderer
from omni.isaac.ovrtx_render.errors import OvrtxRenderError
from omni.isaac.ovrtx_render.outputs import OUTPUTS, SEGMENTATIONS
from omni.isaac.ovrtx_render.registry import probe

from .conftest import APERTURE, CAMERA_HEIGHT, ENVS, FOCAL, box_height, box_top

UPRIGHT = np.tile(np.array([0, 0, 0, 1], np.float32), (ENVS, 1))
BODIES = [f"/World/envs/env_{env}/Body" for env in range(ENVS)]
MOUNTS = [f"/World/envs/env_{env}/Mount" for env in range(ENVS)]


def copies(images: dict[str, wp.array]) -> dict[str, np.ndarray]:
    return {name: image.numpy().copy() for name, image in images.items()}


def centers(depth: np.ndarray) -> np.ndarray:
    return depth[:, depth.shape[1] // 2, depth.shape[2] // 2, 0]


def tops() -> np.ndarray:
    return np.array([CAMERA_HEIGHT - box_top(env) for env in range(ENVS)])


def test_the_embedded_backend_is_always_there() -> None:
    assert probe("warp").available


def test_outputs_are_drawn_as_the_table_says_or_refused_by_name(start: Callable, backend: str) -> None:
    renderer, _ = start()
    drawn = []
    for name in OUTPUTS:
        try:
            renderer.remove_cameras(renderer.add_cameras(None, width=32, height=24, outputs=name))
        except ConfigError as error:
            assert name in str(error) and backend in str(error).lower()
        else:
            drawn.append(name)
    assert {"rgb", "distance_to_image_plane", "distance_to_camera"} <= set(drawn)
    cameras = renderer.add_cameras(None, width=32, height=24, outputs=drawn)
    images = renderer.render(cameras)
    assert list(images) == drawn
    for name, image in images.items():
        kind = OUTPUTS[name]
        assert image.shape == (ENVS, 24, 32, kind.channels), name
        assert image.numpy().dtype == np.dtype(kind.dtype), name
        assert image.device == renderer.device
        assert image.is_contiguous
    depth = copies(images)["distance_to_image_plane"]
    missed = np.isinf(depth[..., 0])
    assert missed.any() and not missed.all()
    for name, image in copies(images).items():
        if OUTPUTS[name].unit not in ("sRGB", "linear"):
            assert (image[missed] == OUTPUTS[name].miss).all(), name
    if "rgba" in drawn:
        alpha = images["rgba"].numpy()[..., 3]
        assert (alpha[missed] == 0).all() and (alpha[~missed] == 255).all()
    if "normals" in drawn:
        normals = images["normals"].numpy()
        np.testing.assert_allclose(np.linalg.norm(normals[~missed], axis=-1), 1.0, atol=1e-3)
        np.testing.assert_allclose(normals[:, 12, 16], [[0, 0, 1]] * ENVS, atol=1e-3)


def test_depths_are_those_of_the_stage(start: Callable) -> None:
    renderer, cameras = start(("depth", "distance_to_camera"))
    images = copies(renderer.render(cameras))
    np.testing.assert_allclose(centers(images["depth"]), tops(), atol=1e-3)
    # A pixel of the floor: its ray is longer than its depth by what the lens says.
    f = 32 * FOCAL / APERTURE
    x, y = 12, 3  # the floor, not the box
    stretch = np.linalg.norm([(x + 0.5 - 16) / f, (y + 0.5 - 12) / f, 1.0])
    np.testing.assert_allclose(images["depth"][:, y, x, 0], CAMERA_HEIGHT, atol=1e-3)
    np.testing.assert_allclose(images["distance_to_camera"][:, y, x, 0], CAMERA_HEIGHT * stretch, atol=1e-3)


def test_colours_are_those_of_the_stage(start: Callable) -> None:
    renderer, cameras = start()
    rgb = renderer.render(cameras)["rgb"].numpy()[:, 12, 16].astype(int)
    assert (rgb[:, 0] > rgb[:, 1] + 20).all()  # red boxes
    assert (np.diff(rgb[:, 0]) > 5).all()  # each redder than the one before
    assert renderer.render(cameras)["rgb"].numpy()[:, 3, 12].std(-1).max() < 12  # a grey floor


def test_the_same_buffers_every_frame_and_the_same_bits(start: Callable) -> None:
    renderer, cameras = start()
    first = renderer.render(cameras)
    before = copies(first)
    second = renderer.render(cameras)
    assert all(first[name].ptr == second[name].ptr for name in first)
    for name, image in copies(second).items():
        np.testing.assert_array_equal(image, before[name])


def test_written_poses_move_the_picture_of_their_environment(start: Callable) -> None:
    renderer, cameras = start()
    before = copies(renderer.render(cameras))
    bodies = renderer.bind_transforms(BODIES)
    positions = np.array([[0, 0, 0.25]] * ENVS, np.float32)
    positions[1] = [0, 0, 1.25]
    bodies.write(positions, quat_xyzw=UPRIGHT)
    after = copies(renderer.render(cameras))
    raised = tops()
    raised[1] -= 1.0
    np.testing.assert_allclose(centers(after["depth"]), raised, atol=1e-3)
    for env in (0, 2):
        np.testing.assert_array_equal(after["depth"][env], before["depth"][env])


@pytest.mark.parametrize("order", ["xyzw", "wxyz"])
def test_written_rotations_and_scales_are_kept(start: Callable, order: str) -> None:
    renderer, cameras = start("depth")
    bodies = renderer.bind_transforms(BODIES)
    half = np.sqrt(0.5)
    turned = np.array([[half, 0, 0, half]] * ENVS, np.float32)  # a quarter turn around X: 0.8 is up now
    positions = np.array([[0, 0, 0.5]] * ENVS, np.float32)
    if order == "wxyz":
        bodies.write(positions, quat_wxyz=turned[:, [3, 0, 1, 2]])
    else:
        bodies.write(positions, quat_xyzw=turned)
    np.testing.assert_allclose(centers(renderer.render(cameras)["depth"].numpy()), CAMERA_HEIGHT - 0.9, atol=1e-3)


def test_written_matrices_carry_their_scale(start: Callable) -> None:
    renderer, cameras = start("depth")
    matrices = np.tile(np.eye(4, dtype=np.float32), (ENVS, 1, 1))
    matrices[:, 2, 2] = 2.0  # twice as high
    matrices[:, 3, 2] = 0.25
    renderer.bind_transforms(BODIES).write_matrices(matrices)
    expected = [CAMERA_HEIGHT - 0.25 - box_height(env) for env in range(ENVS)]
    np.testing.assert_allclose(centers(renderer.render(cameras)["depth"].numpy()), expected, atol=1e-3)


def test_cameras_follow_what_they_are_mounted_on(start: Callable) -> None:
    renderer, cameras = start("depth")
    mounts = renderer.bind_transforms(MOUNTS)
    mounts.write(np.array([[0, 0, 3 + env] for env in range(ENVS)], np.float32), quat_xyzw=UPRIGHT)
    expected = [3 + env - box_top(env) for env in range(ENVS)]
    np.testing.assert_allclose(centers(renderer.render(cameras)["depth"].numpy()), expected, atol=1e-3)


def test_cameras_are_placed(start: Callable) -> None:
    renderer, cameras = start("depth")
    renderer.render(cameras)
    cameras.set_poses(np.array([[0, 0, 6.0]], np.float32), quat_xyzw=UPRIGHT[:1], env_ids=[2])
    expected = tops()
    expected[2] += 2.0
    np.testing.assert_allclose(centers(renderer.render(cameras)["depth"].numpy()), expected, atol=1e-3)
    # The "world" convention looks along +X; turned down around Y it sees the floor.
    half = np.sqrt(0.5)
    down = np.array([[0, half, 0, half]] * ENVS, np.float32)
    cameras.set_poses(np.array([[0, 0, 5.0]] * ENVS, np.float32), quat_xyzw=down, convention="world")
    np.testing.assert_allclose(centers(renderer.render(cameras)["depth"].numpy()), tops() + 1.0, atol=1e-3)


def test_a_camera_sees_its_own_environment_and_the_shared_prims(start: Callable) -> None:
    """The environments stand in one place: whoever saw another would see the highest box."""
    renderer, cameras = start(("depth", "rgb"))
    depth = renderer.render(cameras)["depth"].numpy()
    np.testing.assert_allclose(centers(depth), tops(), atol=1e-3)
    np.testing.assert_allclose(depth[:, 3, 12, 0], CAMERA_HEIGHT, atol=1e-3)


def test_buffers_of_the_caller_are_drawn_into(start: Callable) -> None:
    renderer, cameras = start()
    expected = copies(renderer.render(cameras))
    mine = {name: wp.zeros_like(image) for name, image in cameras.outputs.items()}
    cameras.set_outputs(mine)
    drawn = renderer.render(cameras)
    for name, image in mine.items():
        assert drawn[name] is image
        np.testing.assert_array_equal(image.numpy(), expected[name])


def test_only_the_asked_rows_are_drawn(start: Callable) -> None:
    renderer, cameras = start()
    for name in renderer.render(cameras):
        cameras.outputs[name].zero_()
    drawn = copies(renderer.render(cameras, env_ids=[1]))
    assert np.isclose(centers(drawn["depth"])[1], tops()[1], atol=1e-3)
    for name in drawn:
        assert not drawn[name][[0, 2]].any(), name
    everything = copies(renderer.render(cameras))
    np.testing.assert_allclose(centers(everything["depth"]), tops(), atol=1e-3)


def test_intrinsics(start: Callable) -> None:
    renderer, cameras = start("depth")
    wide = np.array([[16.0, 0, 16], [0, 16.0, 12], [0, 0, 1]], np.float32)
    cameras.set_intrinsics(np.tile(wide, (ENVS, 1, 1)))
    depth = renderer.render(cameras)["depth"].numpy()
    np.testing.assert_allclose(centers(depth), tops(), atol=1e-3)
    assert np.isfinite(depth[0, 12]).sum() == 8  # 2 m at 4 m with a focal length of 16 px


def test_intrinsics_of_each_camera_or_a_refusal(start: Callable) -> None:
    renderer, cameras = start("depth")
    before = renderer.render(cameras)["depth"].numpy().copy()
    each = np.array([[[f, 0, 16], [0, f, 12], [0, 0, 1]] for f in (16.0, 32.0, 24.0)], np.float32)
    try:
        cameras.set_intrinsics(each)
    except OvrtxRenderError as error:
        assert "intrinsics" in str(error)
        np.testing.assert_array_equal(renderer.render(cameras)["depth"].numpy(), before)
    else:
        depth = renderer.render(cameras)["depth"].numpy()
        assert [int(np.isfinite(image[12]).sum()) for image in depth] == [8, 16, 12]


def test_points_that_are_written_or_a_refusal(start: Callable, backend: str) -> None:
    renderer, cameras = start("depth")
    before = renderer.render(cameras)["depth"].numpy().copy()
    corners = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], np.float32)  # the floor, 1 m up
    try:
        floor = renderer.bind_points(["/World/Floor"])
    except OvrtxRenderError as error:
        assert backend in str(error).lower()
        np.testing.assert_array_equal(renderer.render(cameras)["depth"].numpy(), before)
    else:
        floor.write(corners)
        np.testing.assert_allclose(renderer.render(cameras)["depth"].numpy()[:, 3, 12, 0], 3.0, atol=1e-3)


def test_points_of_curves_that_are_written_or_a_refusal(start: Callable, backend: str) -> None:
    renderer, cameras = start("depth")
    before = renderer.render(cameras)["depth"].numpy().copy()
    over = np.array([[-1, 0, 2], [0, 0, 2], [1, 0, 2]], np.float32)  # a cable over the boxes
    try:
        cable = renderer.bind_points(["/World/Cable"])
    except OvrtxRenderError as error:
        assert backend in str(error).lower()
        np.testing.assert_array_equal(renderer.render(cameras)["depth"].numpy(), before)
    else:
        cable.write(over)
        # Its eight sides may begin anywhere, so its upper side is between these.
        found = centers(renderer.render(cameras)["depth"].numpy())
        assert ((found > 1.849) & (found < 1.863)).all()


def test_materials_that_are_written_or_a_refusal(start: Callable, backend: str) -> None:
    renderer, cameras = start("rgb")
    before = renderer.render(cameras)["rgb"].numpy().copy()
    assert before[:, 3, 12].std(-1).max() < 12
    try:
        grey = renderer.bind_materials(["/World/Grey"], "base_color")
    except OvrtxRenderError as error:
        assert backend in str(error).lower()
        np.testing.assert_array_equal(renderer.render(cameras)["rgb"].numpy(), before)
    else:
        grey.write(np.array([[0.8, 0.1, 0.1]], np.float32))
        red = renderer.render(cameras)["rgb"].numpy()[:, 3, 12].astype(int)
        assert (red[:, 0] > red[:, 1] + 40).all()


def test_two_bundles_of_different_size(start: Callable) -> None:
    renderer, small = start("depth")
    large = renderer.add_cameras(["/World/envs/env_2/Mount/Camera"], width=64, height=40, outputs="depth")
    renderer.render()
    np.testing.assert_allclose(centers(small.outputs["depth"].numpy()), tops(), atol=1e-3)
    np.testing.assert_allclose(centers(large.outputs["depth"].numpy()), tops()[2:], atol=1e-3)
    renderer.remove_cameras(large)
    np.testing.assert_allclose(centers(renderer.render(small)["depth"].numpy()), tops(), atol=1e-3)


@pytest.mark.parametrize("colorize", [False, True])
def test_ids_mean_what_info_says(start: Callable, colorize: bool) -> None:
    renderer, cameras = start(("semantic_segmentation", "depth"), colorize=colorize)
    ids = renderer.render(cameras)["semantic_segmentation"].numpy()
    assert ids.shape[-1] == (4 if colorize else 1)
    labels = cameras.info["semantic_segmentation"]["idToLabels"]

    def label(env: int, y: int, x: int) -> str:
        value = ids[env, y, x]
        return labels[tuple(value.tolist()) if colorize else int(value[0])]["class"]

    for env in range(ENVS):
        assert label(env, 12, 16) == f"box_{env}"
        assert label(env, 3, 12) == "floor"
        assert label(env, 0, 0) == "BACKGROUND"


def test_everything_is_restored_when_the_stage_is_read_again(start: Callable, stage: Usd.Stage) -> None:
    renderer, cameras = start()
    mine = {name: wp.zeros_like(image) for name, image in cameras.outputs.items()}
    cameras.set_outputs(mine)
    bodies = renderer.bind_transforms(BODIES)
    bodies.write(np.array([[0, 0, 1.25]] * ENVS, np.float32), quat_xyzw=UPRIGHT)
    cameras.set_poses(np.array([[0, 0, 6.0]], np.float32), quat_xyzw=UPRIGHT[:1], env_ids=[0])
    renderer.render(cameras)
    tower = UsdGeom.Cube.Define(stage, "/World/envs/env_1/Tower")
    tower.CreateSizeAttr(0.5)
    UsdGeom.XformCommonAPI(tower).SetTranslate((0, 0, 2.75))
    assert renderer.render(cameras)["depth"] is mine["depth"]
    expected = tops() - 1.0
    expected[0] += 2.0
    expected[1] = CAMERA_HEIGHT - 3.0
    np.testing.assert_allclose(centers(mine["depth"].numpy()), expected, atol=1e-3)
    bodies.write(np.array([[0, 0, 0.25]] * ENVS, np.float32), quat_xyzw=UPRIGHT)
    renderer.render(cameras)
    np.testing.assert_allclose(centers(mine["depth"].numpy())[2], tops()[2], atol=1e-3)


def test_edits_of_the_stage_are_drawn(start: Callable, stage: Usd.Stage) -> None:
    renderer, cameras = start()
    before = copies(renderer.render(cameras))
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath(BODIES[2])).SetTranslate((0, 0, 1.25))
    after = copies(renderer.render(cameras))
    expected = tops()
    expected[2] -= 1.0
    np.testing.assert_allclose(centers(after["depth"]), expected, atol=1e-3)
    stage.GetPrimAtPath(f"{BODIES[0]}/Box").GetAttribute("primvars:displayColor").Set([(0.0, 0.0, 1.0)])
    blue = renderer.render(cameras)["rgb"].numpy()[0, 12, 16].astype(int)
    assert blue[2] > blue[0] + 20 and before["rgb"][0, 12, 16, 0] > before["rgb"][0, 12, 16, 2]


def test_wrong_arrays_are_refused_and_the_renderer_stays_usable(start: Callable) -> None:
    renderer, cameras = start()
    expected = copies(renderer.render(cameras))
    bodies = renderer.bind_transforms(BODIES)
    with pytest.raises(InputError, match="positions"):
        bodies.write(np.zeros((2, 3), np.float32), quat_xyzw=UPRIGHT)
    with pytest.raises(InputError, match="depth"):
        cameras.set_outputs({"rgb": cameras.outputs["rgb"], "depth": wp.zeros((1, 2, 3, 1), dtype=wp.float32)})
    with pytest.raises(InputError, match="env_ids"):
        renderer.render(cameras, env_ids=[ENVS])
    with pytest.raises(SceneError, match="/World/Nobody"):
        renderer.bind_transforms(["/World/Nobody"])
    with pytest.raises(SceneError, match="/World/NoCamera"):
        renderer.add_cameras(["/World/NoCamera"])
    for name, image in copies(renderer.render(cameras)).items():
        np.testing.assert_array_equal(image, expected[name])


def test_a_camera_that_went_is_named(start: Callable, stage: Usd.Stage) -> None:
    renderer, cameras = start()
    renderer.render(cameras)
    mount = stage.GetPrimAtPath(MOUNTS[1])
    mount.SetActive(False)
    with pytest.raises(SceneError, match="/World/envs/env_1/Mount/Camera"):
        renderer.render(cameras)
    mount.SetActive(True)
    np.testing.assert_allclose(centers(renderer.render(cameras)["depth"].numpy()), tops(), atol=1e-3)


def test_unknown_options_are_refused_by_name(backend: str, stage: Usd.Stage, device: str) -> None:
    cfg = RendererCfg(backend=backend, device=device, backend_options={"colour_of_magic": 8})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="colour_of_magic"):
        TiledRenderer(stage, cfg)


def test_colour_ids_only_where_there_are_ids(start: Callable) -> None:
    with pytest.raises(ConfigError, match="rgb"):
        start(colorize=["rgb"])
    assert set(SEGMENTATIONS) <= set(OUTPUTS)


def test_closing_twice_and_what_comes_after(start: Callable) -> None:
    renderer, cameras = start()
    kept = renderer.render(cameras)["depth"]
    bodies = renderer.bind_transforms(BODIES)
    renderer.close()
    renderer.close()
    np.testing.assert_allclose(centers(kept.numpy()), tops(), atol=1e-3)
    with pytest.raises(OvrtxRenderError):
        renderer.render(cameras)
    with pytest.raises(OvrtxRenderError):
        bodies.write(np.zeros((ENVS, 3), np.float32), quat_xyzw=UPRIGHT)


def test_the_stage_is_left_as_it_was(start: Callable, stage: Usd.Stage) -> None:
    """Nothing but the session layer may be written, and that only while the renderer is open."""
    root = stage.GetRootLayer().ExportToString()
    renderer, cameras = start()
    renderer.bind_transforms(BODIES).write(np.array([[0, 0, 1.0]] * ENVS, np.float32), quat_xyzw=UPRIGHT)
    renderer.render(cameras)
    assert stage.GetRootLayer().ExportToString() == root
    renderer.close()
    session: Sdf.Layer = stage.GetSessionLayer()
    assert session.empty
