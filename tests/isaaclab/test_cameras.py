"""How cameras behave in a running simulation: poses, lenses, buffers, resets, isolation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

IDENTITY = (0.0, 0.0, 0.0, 1.0)
BACKGROUND = (0.2, 0.5, 0.8)


@pytest.fixture(scope="module")
def lab(open_lab: Any) -> Any:
    """Three environments, and a camera for every way to set one up."""
    from labscene import camera, wrist

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    plain = OvrtxRendererCfg()
    labels = ("semantic_segmentation",)

    def at(name: str) -> dict[str, str]:
        return {"prim_path": f"{{ENV_REGEX_NS}}/{name}"}

    return open_lab(
        {
            "front": camera(plain, ("rgb", "depth", "semantic_segmentation")),
            "small": camera(plain, ("depth",), width=33, height=20, **at("Small")),
            "wrist": wrist(plain),
            "wrist_told": wrist(plain, name="Told", update_latest_camera_pose=True),
            "near": camera(OvrtxRendererCfg(depth_clipping_behavior="max"), ("depth",), far=4.0, **at("Near")),
            "zero": camera(
                OvrtxRendererCfg(depth_clipping_behavior="zero"),
                ("depth", "distance_to_camera", "distance_to_image_plane"),
                far=4.0,
                **at("Zero"),
            ),
            "blue": camera(plain, ("rgb", "depth"), background_color=BACKGROUND, **at("Blue")),
            "loose": camera(plain, ("depth",), **at("Loose")),
            "zoom": camera(plain, ("depth",), **at("Zoom")),
            "motion": camera(plain, ("motion_vectors", "depth"), **at("Motion")),
            "cubes": camera(OvrtxRendererCfg(semantic_filter="class:cube"), labels, **at("Cubes")),
            "others": camera(OvrtxRendererCfg(semantic_filter="class:!cube"), labels, **at("Others")),
            "ids": camera(OvrtxRendererCfg(semantic_filter=["id"]), labels, **at("Ids")),
            "both": camera(plain, ("rgb", "simple_shading_constant_diffuse", "depth"), **at("Both")),
        }
    )


def tensor(values: Any) -> Any:
    import torch

    return torch.tensor(values, dtype=torch.float32)


def place(lab: Any, name: str, env: int, position: tuple[float, float, float]) -> None:
    """Put a rigid object somewhere in one environment."""
    origin = lab.scene.env_origins[env]
    pose = tensor([[*position, *IDENTITY]])
    pose[0, :3] += origin
    lab[name].write_root_pose_to_sim_index(root_pose=pose, env_ids=tensor([env]).int())
    lab[name].write_root_velocity_to_sim_index(root_velocity=tensor([[0.0] * 6]), env_ids=tensor([env]).int())


def finite(depth: np.ndarray) -> np.ndarray:
    """Depths with misses far away, so that they can be subtracted."""
    return np.where(np.isinf(depth), 99.0, depth)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two depth images [m]."""
    return float(np.abs(finite(a) - finite(b)).max())


def test_cameras_with_equal_configurations_share_a_renderer(lab: Any) -> None:
    assert lab.renderer("front") is lab.renderer("small") is lab.renderer("wrist")
    assert lab.renderer("front") is not lab.renderer("near")


def test_environments_stand_at_their_origins(lab: Any) -> None:
    """Nothing differs between them yet, so neither do the pictures."""
    depth = lab.look("front")["depth"]
    for other in depth[1:]:
        np.testing.assert_allclose(finite(other), finite(depth[0]), atol=1e-3)


def test_pictures_of_several_kinds_do_not_disturb_each_other(lab: Any) -> None:
    front, both = lab.look("front"), lab.look("both")
    np.testing.assert_array_equal(both["rgb"], front["rgb"])
    np.testing.assert_array_equal(both["depth"], front["depth"])
    simple = both["simple_shading_constant_diffuse"].astype(int)
    assert np.abs(simple - both["rgb"]).mean() > 5.0  # without the stage's lights and shadows
    assert len(np.unique(simple.reshape(-1, 3), axis=0)) > 10


def test_a_camera_that_nobody_reads_is_not_drawn(lab: Any) -> None:
    lab.look("small")
    old = lab["small"]._data.output["depth"].torch.clone()
    place(lab, "cube", 0, (-1.0, 0.0, 1.4))
    front = lab.look("front")["depth"]
    np.testing.assert_array_equal(lab["small"]._data.output["depth"].torch, old)
    small = lab.look("small")["depth"]
    np.testing.assert_allclose(small[0, 10, 16], front[0, 32, 48], rtol=0.05)
    assert difference(small, old.numpy()) > 0.5


def test_resolutions_differ(lab: Any) -> None:
    front, small = lab.look("front")["depth"], lab.look("small")["depth"]
    assert front.shape == (3, 64, 96, 1) and small.shape == (3, 20, 33, 1)
    # Both look the same way: the pixel in the middle sees the same thing.
    np.testing.assert_allclose(small[:, 10, 16], front[:, 32, 48], rtol=0.05)


def test_images_are_written_into_the_same_buffers(lab: Any) -> None:
    before = lab["front"].data.output["rgb"].torch.data_ptr()
    assert lab["front"].data.output["rgba"].torch.data_ptr() == before
    lab.step()
    lab.look("front")
    assert lab["front"].data.output["rgb"].torch.data_ptr() == before


def test_objects_that_move_move_in_the_picture(lab: Any) -> None:
    place(lab, "cube", 1, (0.0, 0.0, 2.0))
    before = lab.look("front")
    place(lab, "cube", 1, (0.0, 0.6, 1.4))
    after = lab.look("front")
    assert difference(before["depth"][1], after["depth"][1]) > 0.5
    # The others, and the shared ground, are the same to the bit.
    np.testing.assert_array_equal(before["rgb"][[0, 2]], after["rgb"][[0, 2]])
    np.testing.assert_array_equal(before["depth"][[0, 2]], after["depth"][[0, 2]])


def test_setting_a_camera_pose_moves_the_picture(lab: Any) -> None:
    origins = lab.scene.env_origins
    down = tensor([[0.0, 0.7071068, 0.0, 0.7071068]] * 3)
    depths = []
    for height in (2.0, 8.0):
        lab["loose"].set_world_poses(origins + tensor([5.0, -2.0, height]), down, convention="world")
        depths.append(lab.look("loose")["depth"])
    np.testing.assert_allclose(depths[0], 2.0, atol=1e-4)
    np.testing.assert_allclose(depths[1], 8.0, atol=1e-4)


def test_setting_one_camera_leaves_the_others(lab: Any) -> None:
    before = lab.look("loose")["depth"]
    target = lab.scene.env_origins[1:2] + tensor([[5.0, -2.0, 3.0]])
    lab["loose"].set_world_poses(target, tensor([[0.0, 0.7071068, 0.0, 0.7071068]]), env_ids=[1], convention="world")
    after = lab.look("loose")["depth"]
    np.testing.assert_allclose(after[1], 3.0, atol=1e-4)
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])


def test_a_camera_on_a_moving_link_is_not_stale(lab: Any) -> None:
    """Without ``update_latest_camera_pose`` Isaac Lab does not tell where it is: the picture is right all the same."""
    start = lab.look("wrist")["depth"]
    lab.step(40)
    wrist, told = lab.look("wrist")["depth"], lab.look("wrist_told")["depth"]
    np.testing.assert_allclose(wrist, told, atol=1e-3)
    assert difference(wrist, start) > 0.1
    reported, true = (lab[name].data.pos_w.torch for name in ("wrist", "wrist_told"))
    assert float((reported - true).abs().max()) > 0.05


def test_a_partial_reset_is_seen_at_once_and_disturbs_nobody(lab: Any) -> None:
    lab.step(11)
    before = lab.look("wrist")["depth"]
    arm = lab["arm"]
    joint = arm.data.default_joint_pos.torch[1:2].clone() + 0.9
    arm.write_joint_position_to_sim_index(position=joint, env_ids=tensor([1]).int())
    arm.write_joint_velocity_to_sim_index(velocity=joint * 0.0, env_ids=tensor([1]).int())
    lab.scene.reset([1])
    after, told = lab.look("wrist")["depth"], lab.look("wrist_told")["depth"]
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert difference(after[1], before[1]) > 0.05
    # And it still is where it was bolted on: later frames agree with the camera that is told.
    lab.step(2)
    np.testing.assert_allclose(lab.look("wrist")["depth"], lab.look("wrist_told")["depth"], atol=2e-3)
    assert told.shape == after.shape


def test_what_a_reset_shows_is_what_the_next_step_shows(lab: Any) -> None:
    """A picture from before the reset, or from the episode before, would differ by metres."""
    lab.step(25)
    before = lab.look("front")["depth"]
    for name, home in (("cube", (0.0, 0.4, 1.6)), ("ball", (0.0, -0.5, 1.7)), ("crate", (1.5, 1.0, 0.6))):
        for env in range(3):
            place(lab, name, env, home)
    lab.scene.reset()
    reset = lab.look("front")["depth"]
    lab.step()
    after = lab.look("front")["depth"]
    assert float(np.abs(finite(after) - finite(reset)).mean()) < 0.02
    assert float(np.abs(finite(before) - finite(reset)).mean()) > 0.1


def test_a_mounted_camera_that_is_moved_stays_where_it_was_put(lab: Any) -> None:
    position, quat = lab["wrist_told"].data.pos_w.torch.clone(), lab["wrist_told"].data.quat_w_world.torch.clone()
    moved = position + tensor([0.0, 0.0, 0.3])
    for name in ("wrist", "wrist_told"):
        lab[name].set_world_poses(moved, quat, convention="world")
    lab.step(7)
    np.testing.assert_allclose(lab.look("wrist")["depth"], lab.look("wrist_told")["depth"], atol=2e-3)


def test_every_camera_has_its_own_lens(lab: Any) -> None:
    before = lab.look("zoom")["depth"]
    matrices = lab["zoom"].data.intrinsic_matrices.torch.clone()
    matrices[1, 0, 0] *= 2.0
    matrices[1, 1, 1] *= 2.0
    lab["zoom"].set_intrinsic_matrices(matrices)
    after = lab.look("zoom")["depth"]
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    # Twice the focal length: every second pixel of the middle half of the picture from before.
    np.testing.assert_allclose(lab["zoom"].data.intrinsic_matrices.torch[1, 0, 0], matrices[1, 0, 0], rtol=1e-6)
    inner = before[1, 16:48, 24:72, 0]
    outer = after[1, :, :, 0].reshape(32, 2, 48, 2)
    low, high = outer.min(axis=(1, 3)), outer.max(axis=(1, 3))
    assert ((inner >= low - 0.02) & (inner <= high + 0.02)).mean() > 0.97


def test_depth_of_misses(lab: Any) -> None:
    none, far, zero = (lab.look(name)["depth"] for name in ("front", "near", "zero"))
    assert np.isinf(none).any()
    assert np.isfinite(far).all() and far.max() == 4.0 and (far == 4.0).mean() > 0.2
    assert np.isfinite(zero).all() and zero.min() == 0.0 and zero.max() <= 4.0
    assert ((far == 4.0) == (zero == 0.0)).all()


def test_two_names_of_one_depth(lab: Any) -> None:
    images = lab.look("zero")
    np.testing.assert_array_equal(images["depth"], images["distance_to_image_plane"])
    depth, distance = images["depth"], images["distance_to_camera"]
    near = distance > 0
    assert near.any() and (distance[near] >= depth[near]).all()
    # Each ends at 4 m by its own measure: in the corners, a ray is longer than the depth of its end.
    assert distance.max() <= 4.0 and depth.max() <= 4.0
    assert ((depth > 0) & ~near).any()


def test_background_colour(lab: Any) -> None:
    images = lab.look("blue")
    miss = np.isinf(images["depth"][..., 0])
    assert miss.any()
    np.testing.assert_allclose(
        images["rgb"][miss], np.broadcast_to(np.array(BACKGROUND) * 255.0, (int(miss.sum()), 3)), atol=1.01
    )
    assert lab.look("front")["rgb"][miss].max() == 0  # only that camera's


def test_semantic_colours_name_what_they_show(lab: Any) -> None:
    image = lab.look("front")["semantic_segmentation"]
    table = lab["front"].data.info["semantic_segmentation"]["idToLabels"]
    assert image.shape == (3, 64, 96, 4) and image.dtype == np.uint8
    seen = {str(table[tuple(color)]) for color in np.unique(image.reshape(-1, 4), axis=0).tolist()}
    assert {"{'class': 'cube'}", "{'class': 'ball'}", "{'class': 'BACKGROUND'}"} <= seen


def test_semantic_filters_choose_what_counts(lab: Any) -> None:
    """In the same simulation: labels of other types than those named, or excluded ones, are unlabelled."""
    seen = {}
    for name in ("front", "cubes", "others", "ids"):
        ids = lab.look(name)["semantic_segmentation"]
        table = lab[name].data.info["semantic_segmentation"]["idToLabels"]
        keys = [tuple(key) for key in np.unique(ids.reshape(-1, 4), axis=0).tolist()]
        seen[name] = {table[key]["class"] for key in keys} - {"BACKGROUND", "UNLABELLED"}
    assert {"cube", "ball"} <= seen["front"]
    assert seen["cubes"] == {"cube"}
    assert seen["others"] == seen["front"] - {"cube"}
    assert seen["ids"] == set()


def test_motion_vectors_are_those_of_what_moved(lab: Any) -> None:
    place(lab, "ball", 0, (0.0, -0.5, 1.5))
    lab.look("motion")
    place(lab, "ball", 0, (0.0, -0.2, 1.5))
    images = lab.look("motion")
    assert np.abs(images["motion_vectors"][0]).max() > 5.0
    assert np.abs(images["motion_vectors"][1:]).max() < 0.5
    moved = np.linalg.norm(images["motion_vectors"][0], axis=-1) > 5.0
    assert (images["motion_vectors"][0][moved][:, 0] > 0).all()  # to the left in the picture


def test_motion_vectors_do_not_cross_a_reset(lab: Any) -> None:
    for env in range(3):
        place(lab, "ball", env, (0.0, -0.5, 1.5))
    lab.look("motion")
    for env in range(3):
        place(lab, "ball", env, (0.0, 0.3, 1.5))
    lab.scene.reset([0, 2])
    motion = np.abs(lab.look("motion")["motion_vectors"]).max(axis=(1, 2, 3))
    assert motion[0] == motion[2] == 0.0 and motion[1] > 5.0


def test_a_pose_that_is_no_number_is_told_with_the_camera(lab: Any) -> None:
    from omni.isaac.ovrtx_render import OvrtxRenderError

    bad = lab.scene.env_origins.clone()
    bad[2, 0] = float("nan")
    with pytest.raises(OvrtxRenderError, match=r"camera .*Loose.*\[2, 0\] is nan"):
        lab["loose"].set_world_poses(bad, tensor([IDENTITY] * 3), convention="world")
    with pytest.raises(OvrtxRenderError, match=r"\(in environment 2\)"):
        lab["loose"].set_world_poses(bad, tensor([IDENTITY] * 3), convention="world")
    good = lab.scene.env_origins + tensor([5.0, -2.0, 4.0])
    lab["loose"].set_world_poses(good, tensor([[0.0, 0.7071068, 0.0, 0.7071068]] * 3), convention="world")
    np.testing.assert_allclose(lab.look("loose")["depth"], 4.0, atol=1e-4)


def test_a_body_that_physics_has_nowhere_is_named(lab: Any) -> None:
    """By its path: rows of bodies are no environments, and no camera is to blame."""
    from omni.isaac.ovrtx_render import OvrtxRenderError

    place(lab, "ball", 2, (0.0, float("nan"), 1.5))
    with pytest.raises(OvrtxRenderError, match=r"physics has /World/envs/env_2/Ball where") as told:
        lab.look("front")
    assert "camera" not in str(told.value) and "environment" not in str(told.value)
    place(lab, "ball", 2, (0.0, -0.5, 1.5))
    assert np.isfinite(lab.look("front")["depth"]).any()


def test_memory_is_flat_and_pictures_do_not_freeze(lab: Any) -> None:
    import resource

    for _ in range(50):
        lab.step()
        lab.look("front")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(600):
        lab.look("front")
        lab.look("wrist")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 4096, f"grew by {grown} KiB in 600 frames"
    place(lab, "cube", 0, (-1.0, 0.0, 1.2))
    image = lab.look("front")["depth"]
    place(lab, "cube", 0, (-1.0, 0.4, 1.2))
    assert difference(lab.look("front")["depth"][0], image[0]) > 0.5


@pytest.mark.slow
def test_five_thousand_frames_need_no_more_memory_than_five_hundred(lab: Any) -> None:
    def taken() -> tuple[int, int]:
        """Resident memory [KiB] and open files."""
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]), len(list(Path("/proc/self/fd").iterdir()))

    for frame in range(5000):
        if frame == 500:
            before = taken()
        place(lab, "ball", frame % 3, (0.0, -0.5, 1.0 + 0.0001 * frame))
        lab.look("front")
        lab.look("motion")
    after = taken()
    assert after[0] - before[0] < 4096, f"grew from {before[0]} to {after[0]} KiB"
    assert after[1] <= before[1]
