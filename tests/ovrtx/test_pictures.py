"""Every output of the OVRTX route equals that of the direct one, on stages that have gone wrong elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ovrtx_compare import assert_equal, images_of
from ovrtx_stages import CAMERAS, ENVS, edit_at_random, heterogeneous, instanced, paths, plain, random_poses

from omni.isaac.ovrtx_render.demo import build_stage

OUTPUTS = (
    "rgb",
    "rgba",
    "rgb_hdr",
    "albedo",
    "depth",
    "distance_to_camera",
    "normals",
    "motion_vectors",
    "semantic_segmentation",
    "instance_segmentation",
)
STILL = tuple(name for name in OUTPUTS if name != "motion_vectors")


def both(
    open_renderer: Callable[..., Any],
    stage: Any,
    cameras: str = CAMERAS,
    outputs: Any = STILL,
    size: tuple[int, int] = (24, 16),
    **fields: Any,
) -> list[Any]:
    """The bundle drawn by each route."""
    out = []
    for backend in ("ovrtx", "warp"):
        shared = {key: value for key, value in fields.items() if key != "backend_options" or backend == "ovrtx"}
        colorize = shared.pop("colorize", False)
        renderer = open_renderer(stage, backend, **shared)
        bundle = renderer.add_cameras(cameras, width=size[0], height=size[1], outputs=outputs, colorize=colorize)
        renderer.render(bundle)
        out.append(bundle)
    return out


@pytest.mark.parametrize("version", ["0.3.0", "0.4.1", "0.5.0", "0.5.1"])
def test_the_demo_scene_by_every_version(version: str, library: Any, open_renderer: Any) -> None:
    library(version)
    demo = build_stage(3)
    found, expected = both(open_renderer, demo.stage, demo.camera_pattern, STILL, (48, 32))
    assert_equal(images_of(found), images_of(expected))
    assert found.info == expected.info


@pytest.mark.parametrize("make", [plain, heterogeneous, instanced])
def test_stages(make: Callable[..., Any], library: Any, open_renderer: Any) -> None:
    library("0.5.0")
    found, expected = both(open_renderer, make())
    assert_equal(images_of(found), images_of(expected))
    assert found.info == expected.info


def test_a_stage_in_centimetres_with_y_up(library: Any, open_renderer: Any) -> None:
    library()
    stage = plain(3, unit=0.01, up="Y")
    found, expected = both(open_renderer, stage)
    assert_equal(images_of(found), images_of(expected))
    # Metres, whatever the stage counts in: the box is some two metres away.
    near = np.nanmin(images_of(found)["depth"])
    assert 1.0 < near < 3.0


@pytest.mark.parametrize("seed", [2, 22, 24, 35, *range(100, 108)])
def test_clones_that_differ_here_and_there(seed: int, library: Any, open_renderer: Any) -> None:
    library("0.5.0")
    stage = instanced(6)
    edit_at_random(stage, np.random.default_rng(seed), 6)
    found, expected = both(open_renderer, stage, outputs=("rgb", "albedo", "depth", "instance_segmentation"))
    assert_equal(images_of(found), images_of(expected))
    assert found.info == expected.info


@pytest.mark.parametrize("fields", [{"see_all_envs": True}, {"env_pattern": "/nowhere/env_.*"}])
def test_environments_that_all_cameras_see(fields: dict[str, Any], library: Any, open_renderer: Any) -> None:
    """Because it is asked for, or because nothing is an environment."""
    library()
    found, expected = both(open_renderer, plain(3), size=(40, 24), **fields)
    assert_equal(images_of(found), images_of(expected))
    assert (images_of(found)["instance_segmentation"][1] != images_of(found)["instance_segmentation"][0]).any()


def test_colours_of_segmentations(library: Any, open_renderer: Any) -> None:
    library()
    outputs = ("semantic_segmentation", "instance_segmentation")
    colors = {"class:ball": (250, 10, 20, 255)}
    found, expected = both(open_renderer, plain(), outputs=outputs, colorize=True, semantic_colors=colors)
    assert_equal(images_of(found), images_of(expected))
    assert found.info == expected.info
    assert (images_of(found)["semantic_segmentation"] == (250, 10, 20, 255)).all(-1).any()


def test_labels_that_a_filter_leaves_out(library: Any, open_renderer: Any) -> None:
    library()
    found, expected = both(open_renderer, plain(), outputs=("semantic_segmentation",), semantic_filter="class:box")
    assert_equal(images_of(found), images_of(expected))


def test_a_background_of_its_own_and_exposure(library: Any, open_renderer: Any) -> None:
    renderer = {"backend": "warp", "exposure": -9.0, "headlight": False}
    library(renderer=renderer)
    stage = plain()
    stage.RemovePrim("/World/Floor")
    fields = {"exposure": -9.0, "background": (0.1, 0.2, 0.6)}
    found, expected = both(open_renderer, stage, outputs=("rgb", "rgb_hdr", "depth", "normals"), **fields)
    assert_equal(images_of(found), images_of(expected))
    missed = np.isinf(images_of(found)["depth"][..., 0])
    assert missed.any() and (images_of(found)["normals"][missed] == 0).all()


def test_simple_shading_beside_colours(library: Any, open_renderer: Any) -> None:
    """The library has one render mode a product, so these are products of their own."""
    library()
    outputs = ("rgb", "simple_shading_constant_diffuse", "simple_shading_full_mdl")
    found, expected = both(open_renderer, plain(), outputs=outputs)
    assert_equal(images_of(found), images_of(expected))


@pytest.mark.parametrize(
    ("version", "envs", "cameras", "products"),
    [
        ("0.5.0", 64, 64, 1),
        ("0.5.0", 241, 17, 2),
        pytest.param("0.5.1", 2000, 10, 1, marks=pytest.mark.slow),
        pytest.param("0.5.0", 2000, 10, 5, marks=pytest.mark.slow),
    ],
)
def test_thousands_of_tiles(
    version: str, envs: int, cameras: int, products: int, library: Any, open_renderer: Any
) -> None:
    """4096, 4097 and 20,000 tiles: more than a product may have are split, so that none is empty."""
    library(version)
    stage = plain(envs, cameras=cameras)
    pattern = f"{ENVS}/env_.*/Camera.*"
    found, expected = both(open_renderer, stage, pattern, ("rgb", "instance_segmentation"), (8, 8))
    assert len(found) == envs * cameras
    assert len(found.backend_data.products) == products
    assert_equal(images_of(found), images_of(expected))


def test_the_second_bundle_has_images_of_its_own(library: Any, open_renderer: Any) -> None:
    """Cameras shared by bundles keep the poses and lenses of each."""
    library()
    stage = plain()
    drawn = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend)
        first = renderer.add_cameras(CAMERAS, width=24, height=16, outputs=("rgb", "depth"))
        second = renderer.add_cameras(CAMERAS, width=12, height=20, outputs=("depth", "rgb"))
        second.set_poses(np.array([[0.0, -1.5, 3.0 + env] for env in range(3)]), quat_xyzw=[[0.3, 0, 0, 0.95]] * 3)
        renderer.render()
        drawn.append((images_of(first), images_of(second)))
    for found, expected in zip(*drawn, strict=True):
        assert_equal(found, expected, share=0.01)


def test_only_the_rows_that_are_asked_for_are_drawn(library: Any, open_renderer: Any) -> None:
    library("0.5.0")
    stage = plain(4)
    renderer = open_renderer(stage)
    bundle = renderer.add_cameras(CAMERAS, width=16, height=16, outputs=("rgb",))
    renderer.render(bundle)
    before = images_of(bundle)["rgb"]
    binding = renderer.bind_transforms(paths("Ball", 4))
    binding.write(*random_poses(4, np.random.default_rng(1))[:1], quat_xyzw=[[0, 0, 0, 1]] * 4)
    renderer.render(bundle, env_ids=[2, 0])
    after = images_of(bundle)["rgb"]
    changed = (after != before).reshape(4, -1).any(1)
    assert changed.tolist() == [True, False, True, False]


def test_buffers_of_the_caller(library: Any, open_renderer: Any) -> None:
    import warp as wp

    library()
    found, expected = both(open_renderer, plain(), outputs=("depth", "distance_to_image_plane"))
    mine = {name: wp.full_like(buffer, -1.0) for name, buffer in found.outputs.items()}
    found.set_outputs(mine)
    found._renderer.render(found)
    for name, buffer in mine.items():
        assert np.array_equal(buffer.numpy(), expected.outputs[name].numpy())
