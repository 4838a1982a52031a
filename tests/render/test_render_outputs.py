"""Every output: its shape, type, buffer and meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import warp as wp
from reference import SceneBuilder, look_at, project, translate
from reference.build import matte, quad

from omni.isaac.ovrtx_render import ConfigError, InputError
from omni.isaac.ovrtx_render.backends.ids import palette
from omni.isaac.ovrtx_render.outputs import ALIASES, OUTPUTS, SEGMENTATIONS
from omni.isaac.ovrtx_render.scene.data import AlphaMode, GeometryKind, LightKind, Scene

SIMPLE = [name for name in OUTPUTS if name.startswith("simple_shading")]
ALL = [*OUTPUTS, *ALIASES]


def two_things(envs: int = 2) -> Scene:
    """Left half: a labelled box. Right half: an unlabelled sphere. Nothing behind them."""
    b = SceneBuilder(num_envs=envs)
    b.light(LightKind.DISTANT, 3.0)
    for env in range(envs):
        b.add(
            GeometryKind.CUBE,
            (0.4, 0.4, 0.4),
            transform=translate(-0.6, 0, 0),
            env=env,
            name="Box",
            label={"class": "box"},
        )
        b.add(GeometryKind.SPHERE, (0.4,), transform=translate(0.6, 0, 0), env=env, name="Ball")
        b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)), env=env, focal_length=24.0, horizontal_aperture=20.0)
    return b.build()


BOX, BALL, NOTHING = (16, 11), (16, 20), (2, 2)  # pixels of a 32 x 32 picture


def test_shapes_dtypes_and_the_same_buffers_every_step(make: Callable) -> None:
    renderer = make(two_things())
    cameras = renderer.add_cameras(None, width=32, height=24, outputs=ALL)
    first = dict(renderer.render(cameras))
    assert list(first) == ALL
    pointers = {name: buffer.ptr for name, buffer in first.items()}
    for name, buffer in first.items():
        kind = OUTPUTS[ALIASES.get(name, name)]
        assert tuple(buffer.shape) == (2, 24, 32, kind.channels), name
        assert buffer.numpy().dtype == np.dtype(kind.dtype), name
        assert buffer.is_contiguous, name
    again = renderer.render(cameras)
    assert {name: buffer.ptr for name, buffer in again.items()} == pointers


def test_aliases_hold_the_same_values(shoot: Callable) -> None:
    frame = shoot(two_things(), ALL)
    for alias, name in ALIASES.items():
        np.testing.assert_array_equal(frame[alias], frame[name])


def test_each_output_alone_equals_all_together(make: Callable) -> None:
    renderer = make(two_things())
    together = renderer.add_cameras(None, width=16, height=16, outputs=list(OUTPUTS))
    all_of_them = {k: v.numpy().copy() for k, v in renderer.render(together).items()}
    for group in (("depth",), ("rgb",), ("normals", "semantic_segmentation"), ("distance_to_camera", "albedo")):
        alone = renderer.add_cameras(None, width=16, height=16, outputs=group)
        for name, buffer in renderer.render(alone).items():
            np.testing.assert_array_equal(buffer.numpy(), all_of_them[ALIASES.get(name, name)], err_msg=name)


def test_value_of_a_miss(shoot: Callable) -> None:
    frame = shoot(two_things(), list(OUTPUTS))
    for name, kind in OUTPUTS.items():
        assert (frame[name][0][NOTHING] == kind.miss).all(), name
    assert frame["rgba"][0][BOX][3] == 255


def test_background_colour(shoot: Callable) -> None:
    frame = shoot(two_things(), ("rgb", "rgba", "rgb_hdr"), background=(1.0, 0.0, 0.25), tone_mapping="srgb")
    np.testing.assert_allclose(frame["rgb"][0][NOTHING], [255, 0, 137], atol=1)
    assert frame["rgba"][0][NOTHING][3] == 0


def test_segmentation_ids_and_info(make: Callable) -> None:
    renderer = make(two_things())
    cameras = renderer.add_cameras(None, width=32, height=32, outputs=SEGMENTATIONS)
    frame = {k: v.numpy() for k, v in renderer.render(cameras).items()}
    semantic = frame["semantic_segmentation"]
    assert [int(semantic[0][p][0]) for p in (BOX, BALL, NOTHING)] == [2, 1, 0]
    labels = {int(k): v for k, v in cameras.info["semantic_segmentation"]["idToLabels"].items()}
    assert labels[2] == {"class": "box"}
    assert labels[0] == {"class": "BACKGROUND"} and labels[1] == {"class": "UNLABELLED"}
    prims, owners = frame["instance_id_segmentation_fast"], frame["instance_segmentation"]
    assert prims[0][NOTHING] == 0 and owners[0][NOTHING] == 0
    four = {int(prims[e][p][0]) for e in range(2) for p in (BOX, BALL)}
    assert len(four) == 4 and not four & {0, 1}
    # Only what has labels is an instance of its own; all the rest is UNLABELLED.
    assert [int(owners[e][BALL][0]) for e in range(2)] == [1, 1]
    assert len({int(owners[0][BOX][0]), int(owners[1][BOX][0]), 0, 1}) == 4
    for name, ids in (("instance_segmentation", owners), ("instance_id_segmentation_fast", prims)):
        paths = {int(k): v for k, v in cameras.info[name]["idToLabels"].items()}
        assert paths[int(ids[1][BOX][0])] == "/World/envs/env_1/Box"
    assert paths[int(prims[0][BALL][0])] == "/World/envs/env_0/Ball"


def test_owner_groups_instances(shoot: Callable) -> None:
    scene = two_things(1)
    scene.paths.append("/World/envs/env_0/Robot")
    scene.instances.owner[:] = len(scene.paths) - 1
    scene.instances.label[:] = scene.labels.index({"class": "box"})
    frame = shoot(scene, ("instance_segmentation", "instance_id_segmentation"))
    assert frame["instance_segmentation"][0][BOX] == frame["instance_segmentation"][0][BALL] > 0
    assert frame["instance_id_segmentation"][0][BOX] != frame["instance_id_segmentation"][0][BALL]


def test_colourised_segmentation(make: Callable) -> None:
    renderer = make(two_things())
    plain = renderer.add_cameras(None, width=32, height=32, outputs=SEGMENTATIONS)
    coloured = renderer.add_cameras(None, width=32, height=32, outputs=SEGMENTATIONS, colorize=True)
    ids = {k: v.numpy().copy() for k, v in renderer.render(plain).items()}
    for name, buffer in renderer.render(coloured).items():
        colours = buffer.numpy()
        assert colours.shape == (2, 32, 32, 4) and colours.dtype == np.uint8
        seen: dict[int, tuple] = {}
        for i, c in zip(ids[name].ravel(), colours.reshape(-1, 4), strict=True):
            assert seen.setdefault(int(i), tuple(c)) == tuple(c)
        assert len(set(seen.values())) == len(seen)
        assert seen[0][3] == 0  # the background is transparent


def test_one_segmentation_is_colourised_and_the_others_are_not(make: Callable) -> None:
    renderer = make(two_things())
    cameras = renderer.add_cameras(None, width=8, height=8, outputs=SEGMENTATIONS, colorize=("instance_segmentation",))
    frame = renderer.render(cameras)
    assert [frame[name].shape[-1] for name in SEGMENTATIONS] == [1, 4, 1]
    assert (0, 0, 0, 0) in cameras.info["instance_segmentation"]["idToLabels"]
    assert 0 in cameras.info["semantic_segmentation"]["idToLabels"]
    with pytest.raises(ConfigError, match=r"colorize names.*normals"):
        renderer.add_cameras(None, outputs="normals", colorize=("normals",))


def test_palette_is_that_of_replicator() -> None:
    colors = palette(4).view(np.uint8).reshape(-1, 4).tolist()
    assert colors == [[0, 0, 0, 0], [0, 0, 0, 255], [33, 243, 3, 255], [240, 4, 111, 255]]


def test_chosen_semantic_colours(make: Callable) -> None:
    renderer = make(two_things(), semantic_colors={"class:box": (10, 20, 30, 255), "class:other": (1, 2, 3, 4)})
    cameras = renderer.add_cameras(None, width=32, height=32, outputs="semantic_segmentation", colorize=True)
    image = renderer.render(cameras)["semantic_segmentation"].numpy()
    assert image[0][BOX].tolist() == [10, 20, 30, 255] and image[0][BALL].tolist() == [0, 0, 0, 255]
    assert cameras.info["semantic_segmentation"]["idToLabels"][(10, 20, 30, 255)] == {"class": "box"}
    with pytest.raises(ConfigError, match=r"semantic_colors\['box'\]"):
        make(two_things(), semantic_colors={"box": (1, 2, 3, 4)})


def test_background_of_a_group(make: Callable) -> None:
    renderer = make(two_things())
    grey = renderer.add_cameras(None, width=32, height=32, outputs=("rgb_hdr", "depth"), background=(0.5, 0.25, 0.125))
    black = renderer.add_cameras(None, width=32, height=32, outputs="rgb_hdr")
    renderer.render()
    np.testing.assert_allclose(grey.outputs["rgb_hdr"].numpy()[0][NOTHING], [0.5, 0.25, 0.125])
    np.testing.assert_array_equal(black.outputs["rgb_hdr"].numpy()[0][NOTHING], 0.0)
    with pytest.raises(ConfigError, match="background"):
        renderer.add_cameras(None, background=(1.0,))


def test_motion_vectors(make: Callable) -> None:
    b = SceneBuilder()
    b.add(quad(1.0), transform=translate(0, 0, 0), env=0, name="Card")
    camera = b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)), focal_length=24.0, horizontal_aperture=20.0)
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=64, height=64, outputs="motion_vectors")
    card = renderer.bind_transforms(["/World/envs/env_0/Card"])
    still = np.array([[0, 0, 0, 1]], np.float32)
    assert np.abs(renderer.render(cameras)["motion_vectors"].numpy()).max() == 0.0
    now = np.array([0.3, -0.2, 0.5])
    card.write(now[None].astype(np.float32), quat_xyzw=still)
    motion = renderer.render(cameras)["motion_vectors"].numpy()[0]
    for x, y in ((36, 36), (40, 30), (30, 38)):
        p = np.array([(x + 0.5 - 32) / (64 * 24 / 20) * 3.5, -(y + 0.5 - 32) / (64 * 24 / 20) * 3.5, 0.5])
        previous = project(camera, 64, 64, p - now)
        np.testing.assert_allclose(motion[y, x], previous - [x + 0.5, y + 0.5], atol=0.02)
    card.write(np.array([[0.0, 0.1, 0.5]], np.float32), quat_xyzw=still)
    motion = renderer.render(cameras)["motion_vectors"].numpy()[0]
    assert motion[32, 32, 0] > 0 and motion[32, 32, 1] > 0  # it moved left and up
    assert np.abs(renderer.render(cameras)["motion_vectors"].numpy()).max() < 1e-3  # and stopped


def test_motion_vectors_of_a_moving_camera(make: Callable) -> None:
    b = SceneBuilder()
    b.add(GeometryKind.PLANE, (np.inf, np.inf))
    b.camera(translate(0, 0, 4.0), focal_length=24.0, horizontal_aperture=20.0)
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=64, height=64, outputs="motion_vectors")
    renderer.render(cameras)
    cameras.set_poses(
        np.array([[0.1, 0, 4.0]], np.float32), quat_xyzw=np.array([[0, 0, 0, 1]], np.float32), convention="opengl"
    )
    motion = renderer.render(cameras)["motion_vectors"].numpy()[0]
    np.testing.assert_allclose(motion[..., 0], 0.1 / 4.0 * 64 * 24 / 20, atol=0.02)
    np.testing.assert_allclose(motion[..., 1], 0.0, atol=0.02)


def test_a_reset_is_no_motion(make: Callable) -> None:
    """Of a row that forgets, for one frame; the other row sees its card leap, also in images cut into bands."""
    b = SceneBuilder(num_envs=2)
    for env in range(2):
        b.add(quad(1.0), env=env, name="Card")
        b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)), env=env)
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=512, height=512, outputs=("motion_vectors", "depth"))
    plain = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    assert cameras.remembers and not plain.remembers
    cards = renderer.bind_transforms([f"/World/envs/env_{env}/Card" for env in range(2)])
    still = np.array([[0, 0, 0, 1]] * 2, np.float32)
    renderer.render(cameras)
    for step, moves in ((1, (False, True)), (2, (True, True))):
        cards.write(np.array([[0.2 * step, 0, 0]] * 2, np.float32), quat_xyzw=still)
        if step == 1:
            cameras.forget_history([0])
            plain.forget_history([0])
        motion = np.abs(renderer.render(cameras)["motion_vectors"].numpy())
        assert np.isfinite(cameras.outputs["depth"].numpy()).mean() > 0.05
        assert tuple(motion.max(axis=(1, 2, 3)) > 1.0) == moves
        assert motion.max(axis=(1, 2, 3))[0] == 0.0 or moves[0]


def test_motion_vectors_of_each_group_count_from_its_own_last_frame(make: Callable) -> None:
    b = SceneBuilder()
    b.add(quad(1.0), env=0, name="Card")
    b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)))
    renderer = make(b.build())
    first, second = (renderer.add_cameras(None, width=16, height=16, outputs="motion_vectors") for _ in range(2))
    card = renderer.bind_transforms(["/World/envs/env_0/Card"])
    renderer.render()
    card.write(np.array([[0.2, 0, 0]], np.float32), quat_xyzw=np.array([[0, 0, 0, 1]], np.float32))
    renderer.render()
    np.testing.assert_array_equal(first.outputs["motion_vectors"].numpy(), second.outputs["motion_vectors"].numpy())
    assert np.abs(second.outputs["motion_vectors"].numpy()).max() > 1.0


def test_pictures_are_drawn_into_the_buffers_of_the_caller(make: Callable, device: str) -> None:
    renderer = make(two_things())
    names = ("rgba", "depth", "distance_to_image_plane", "normals", "semantic_segmentation")
    cameras = renderer.add_cameras(None, width=32, height=24, outputs=names)
    expected = {name: buffer.numpy().copy() for name, buffer in renderer.render(cameras).items()}
    given = {name: wp.zeros_like(buffer) for name, buffer in cameras.outputs.items()}
    cameras.set_outputs(given)
    drawn = renderer.render(cameras)
    for name in names:
        assert drawn[name] is given[name]
        np.testing.assert_array_equal(given[name].numpy(), expected[name])


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "message"),
    [
        ("depth", (2, 24, 31, 1), wp.float32, r"depth.*31.*expected \(2, 24, 32, 1\)"),
        ("depth", (2, 24, 32, 1), wp.int32, "depth.*int32.*expected.*float32"),
        ("rgb", (2, 24, 32, 3), wp.uint8, "no array for the output 'depth'"),
    ],
)
def test_buffers_that_do_not_fit(
    name: str, shape: tuple[int, ...], dtype: Any, message: str, make: Callable, device: str
) -> None:
    renderer = make(two_things())
    cameras = renderer.add_cameras(None, width=32, height=24, outputs="depth")
    before = cameras.outputs["depth"]
    with pytest.raises(InputError, match=message):
        cameras.set_outputs({name: wp.zeros(shape, dtype=dtype, device=device)})
    assert renderer.render(cameras)["depth"] is before


def test_a_removed_group_is_drawn_no_more(make: Callable) -> None:
    renderer = make(two_things())
    first = renderer.add_cameras(None, width=8, height=8, outputs="depth")
    second = renderer.add_cameras(None, width=8, height=8, outputs="depth")
    renderer.remove_cameras(first)
    renderer.remove_cameras(first)
    assert renderer.bundles == (second,)
    with pytest.raises(InputError, match="does not belong"):
        renderer.render(first)
    assert renderer.render()["depth"] is second.outputs["depth"]


def test_simple_shading_needs_no_light(shoot: Callable) -> None:
    b = SceneBuilder()
    b.add(GeometryKind.SPHERE, (1.0,), material=matte((0.9, 0.1, 0.1), emissive=(0.0, 0.5, 0.0)))
    b.camera(look_at([0, -4, 0], [0, 0, 0]), focal_length=30)
    scene = b.build()
    grey, diffuse, full = (shoot(scene, name)[name][0, 16, 16].astype(int) for name in SIMPLE)
    assert grey.min() == grey.max() > 60
    assert diffuse[0] > 2 * diffuse[1]
    assert full[1] > diffuse[1] + 20  # emission


def test_resolutions_may_differ_between_groups(make: Callable) -> None:
    renderer = make(two_things())
    small = renderer.add_cameras(None, width=8, height=4, outputs="depth")
    large = renderer.add_cameras(None, width=40, height=20, outputs="depth")
    assert renderer.render(small)["depth"].shape == (2, 4, 8, 1)
    assert renderer.render(large)["depth"].shape == (2, 20, 40, 1)
    assert renderer.render(small)["depth"].shape == (2, 4, 8, 1)


def test_supersampling_smooths_edges_and_leaves_data_alone(shoot: Callable) -> None:
    one = shoot(two_things(1), ("rgb_hdr", "depth", "semantic_segmentation"), samples_per_pixel=1)
    many = shoot(two_things(1), ("rgb_hdr", "depth", "semantic_segmentation"), samples_per_pixel=16)
    for name in ("depth", "semantic_segmentation"):
        np.testing.assert_array_equal(one[name], many[name])
    edge = (many["rgb_hdr"] > 0.001) & (many["rgb_hdr"] < 0.9 * many["rgb_hdr"][0][BOX].min())
    assert edge.sum() > 0


@pytest.mark.parametrize("cut_out", [False, True])
def test_a_pixel_that_hits_nothing_any_more_is_cleared(cut_out: bool, make: Callable) -> None:
    """Buffers are the same every frame: what has moved away must not stay in them."""
    names = [name for name in OUTPUTS if name != "motion_vectors"]
    scene = two_things(1)
    if cut_out:
        scene.materials = [replace(m, alpha_mode=AlphaMode.BLEND, opacity=0.5) for m in scene.materials]
    renderer = make(scene)
    cameras = renderer.add_cameras(None, width=16, height=16, outputs=names)
    empty = renderer.add_cameras(None, width=16, height=16, outputs=names)
    for bundle, x in ((cameras, 0.0), (cameras, 50.0), (empty, 50.0)):
        bundle.set_poses(np.array([[x, 0, 4]], np.float32), quat_xyzw=np.array([[0, 0, 0, 1]], np.float32))
        renderer.render(bundle)
    for name in names:
        np.testing.assert_array_equal(cameras.outputs[name].numpy(), empty.outputs[name].numpy(), err_msg=name)
