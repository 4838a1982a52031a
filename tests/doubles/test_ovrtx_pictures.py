"""The OVRTX double draws what it was given, and shows what the library would show of a mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from doubles.ovrtx_tiles import PRODUCT, WORLD, Tiles, depths, place, product


def test_tiles_are_in_the_order_of_the_cameras(play_ovrtx: Callable[..., Any]) -> None:
    """Each environment's cube lies at another distance; tile i shows that of environment i."""
    tiles = Tiles(play_ovrtx(), 5, 8, ("LdrColor", "DistanceToImagePlaneSD"))
    tiles.partition()
    cubes = [f"{env}/Cube" for env in tiles.envs]
    matrices = np.tile(np.eye(4), (5, 1, 1))
    matrices[:, 3, 2] = -np.arange(5.0)
    tiles.renderer.write_attribute(cubes, "omni:xform", matrices, semantic=tiles.ov.Semantic.XFORM_MAT4x4)
    frame = tiles.step()
    depth = tiles.tiles(tiles.image(frame, "DistanceToImagePlaneSD"))
    assert frame.double_tiles == tuple(tiles.cameras)
    np.testing.assert_allclose(depth[:, 4, 4, 0], 2.5 + np.arange(5), rtol=1e-6)
    color = tiles.tiles(tiles.image(frame))
    assert (color[:, 4, 4, 0] > 2 * color[:, 4, 4, 1]).all() and color.shape == (5, 8, 8, 4)


def test_a_column_vector_matrix_shows_as_a_wrong_picture(pair: Tiles) -> None:
    place(pair, [-1.0, -1.0])
    right = depths(pair, pair.step())
    matrices = np.tile(np.eye(4), (2, 1, 1))
    matrices[:, 2, 3] = -1.0
    cubes = [f"{env}/Cube" for env in pair.envs]
    pair.renderer.write_attribute(cubes, "omni:xform", matrices)
    wrong = depths(pair, pair.step(1))
    np.testing.assert_allclose(right, 3.5, rtol=1e-6)
    assert (wrong != right).all()


def test_local_matrices_are_world_matrices_once_the_stack_is_reset(pair: Tiles) -> None:
    moved = np.tile(np.eye(4), (2, 1, 1))
    moved[:, 3, 2] = 1.0
    pair.renderer.write_attribute(pair.envs, "omni:xform", moved)
    place(pair, [0.0, 0.0])  # local: the camera moves along
    np.testing.assert_allclose(depths(pair, pair.step(1)), 2.5, rtol=1e-6)
    cubes = [f"{env}/Cube" for env in pair.envs]
    pair.renderer.write_attribute(cubes, "omni:resetXformStack", np.full(2, True, np.bool_))
    np.testing.assert_allclose(depths(pair, pair.step(1)), 3.5, rtol=1e-6)


def test_scale_is_lost_when_it_is_not_in_the_matrix(pair: Tiles) -> None:
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    cubes = [f"{env}/Cube" for env in pair.envs]
    pair.renderer.write_attribute(cubes, "omni:xform", np.stack([matrix, np.eye(4)]))
    np.testing.assert_allclose(depths(pair, pair.step(1)), [2.0, 2.5], rtol=1e-6)


def test_a_camera_sees_its_partition_and_what_has_none(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(), 2, 8, ("DistanceToImagePlaneSD",))
    place(tiles, [-1.0, 1.0])
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), 1.5, rtol=1e-6)  # no partitions: both cubes in both
    new = {"semantic": tiles.ov.Semantic.TOKEN_STRING, "prim_mode": tiles.ov.PrimMode.CREATE_NEW}
    tiles.renderer.write_attribute(tiles.envs, "primvars:omni:scenePartition", ["a", "b"], **new)
    assert np.isinf(depths(tiles, tiles.step(1))).all()  # cameras without a selector see none of them
    tiles.renderer.write_attribute(tiles.cameras, "omni:scenePartition", ["a", "b"], **new)
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), [3.5, 1.5], rtol=1e-6)
    tiles.renderer.write_attribute(tiles.cameras, "omni:scenePartition", ["b", "a"])
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), [1.5, 3.5], rtol=1e-6)


@pytest.mark.parametrize(("version", "limit"), [("0.5.0", 3), ("0.5.1", 6)])
def test_tiles_beyond_the_limit_are_silently_wrong(
    play_ovrtx: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, version: str, limit: int
) -> None:
    from importlib import import_module

    ov = play_ovrtx(version)
    assert import_module("ovrtx._products").TILE_LIMIT == (4096 if version == "0.5.0" else 32768)
    monkeypatch.setattr("ovrtx._products.TILE_LIMIT", limit)
    tiles = Tiles(ov, 6, 8, ("DistanceToImagePlaneSD",))
    tiles.partition()
    place(tiles, -np.arange(6.0))
    frame = tiles.step(1)
    right = np.isclose(depths(tiles, frame), 2.5 + np.arange(6))
    assert right.tolist() == [i < limit for i in range(6)]
    assert [name == camera for name, camera in zip(frame.double_tiles, tiles.cameras, strict=True)] == right.tolist()


def test_partitions_beyond_the_limit_are_everybodys(
    play_ovrtx: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles = Tiles(play_ovrtx(), 3, 8, ("DistanceToImagePlaneSD",))
    monkeypatch.setattr("ovrtx._draw.PARTITION_LIMIT", 2)
    tiles.partition()
    place(tiles, [-1.0, -1.0, 1.0])
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), 1.5, rtol=1e-6)


def test_what_lies_outside_of_the_tiles_means_nothing(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(), 3, 8, ("LdrColor", "DistanceToImagePlaneSD"))
    tiles.size = 7  # 16 pixels are asked for two tiles of 8; the product has 3 tiles in a grid of 4
    frame = tiles.step(3)
    image = tiles.image(frame, "DistanceToImagePlaneSD")
    assert np.isnan(image[8:, 8:]).all() and not np.isnan(image[:8]).any()
    assert (tiles.image(frame)[8:, 8:] == 0xCD).all()


def test_aovs_have_their_types(play_ovrtx: Callable[..., Any]) -> None:
    sources = {
        "LdrColor": (np.uint8, 4), "HdrColor": (np.float16, 4), "NormalSD": (np.float32, 4),
        "DistanceToCameraSD": (np.float32, 1), "DistanceToImagePlaneSD": (np.float32, 1),
        "DiffuseAlbedoSD": (np.uint8, 4), "TargetMotionSD": (np.float32, 4),
        "SemanticSegmentation": (np.uint32, 1), "NonStableInstanceSegmentation": (np.uint32, 1),
    }  # fmt: skip
    tiles = Tiles(play_ovrtx(), 2, 8, (*sources, "SemanticIdMap", "StableIdMap", "StableIdSemanticIdMap", "NoSuchAov"))
    frame = tiles.step(3)
    assert set(frame.render_vars) == {
        f"{PRODUCT}/{name}" for name in (*sources, "SemanticIdMap", "StableIdMap", "StableIdSemanticIdMap")
    }
    for name, (dtype, channels) in sources.items():
        image = tiles.image(frame, name)
        assert image.dtype == dtype and image.shape == (8, 16, channels), name
    normals = tiles.image(frame, "NormalSD")
    np.testing.assert_allclose(normals[4, 4, :3], (0, 0, 1), atol=1e-6)
    assert np.isnan(normals[..., 3]).all()
    ids = tiles.image(frame, "SemanticSegmentation")
    raw = tiles.image(frame, "SemanticIdMap").tobytes()
    assert int.from_bytes(raw[-4:], "little") == 1
    label, length, offset = (int.from_bytes(raw[i : i + 4], "little") for i in (0, 16, 20))
    assert raw[offset : offset + length] == b"class: block;" and set(np.unique(ids)) == {0, label} and label > 1
    raw = tiles.image(frame, "StableIdSemanticIdMap").view("<u4").reshape(-1, 8)
    names = tiles.image(frame, "StableIdMap").tobytes()
    stable = np.frombuffer(names[:24], "<u4")
    row = int(tiles.image(frame, "NonStableInstanceSegmentation")[4, 4, 0]) - 2
    at = [np.array_equal(entry[:4], stable[:4]) for entry in raw].index(True)
    path = names[stable[5] : stable[5] + stable[4]].decode()
    assert path == tiles.envs[0 if at == row else 1] and raw[at, 4] == label


def test_minimal_and_path_traced_modes_have_fewer_aovs(play_ovrtx: Callable[..., Any]) -> None:
    ov, sources = play_ovrtx(), ("LdrColor", "DistanceToImagePlaneSD")
    extra = '        token omni:rtx:rendermode = "{}"\n        int omni:rtx:minimal:mode = {}'
    black = Tiles(ov, 1, 8, sources, extra.format("Minimal", 0))
    frame = black.step(3)
    assert list(frame.render_vars) == [f"{PRODUCT}/LdrColor"] and not black.image(frame)[..., :3].any()
    shaded = Tiles(ov, 1, 8, sources, extra.format("Minimal", 2))
    assert shaded.image(shaded.step(3))[4, 4, :3].any()
    traced = Tiles(ov, 1, 8, sources, extra.format("PathTracing", 2))
    assert traced.step(3).converged
    with pytest.raises(RuntimeError, match="render mode"):
        Tiles(ov, 1, 8, sources, extra.format("Fast", 2)).step(1)


def test_the_first_frames_have_not_converged(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx()
    tiles = Tiles(ov, 1, 8)
    images = [tiles.image(tiles.step(1)) for _ in range(4)]
    assert not np.array_equal(images[0], images[3]) and np.array_equal(images[2], images[3])
    assert images[0][..., :3].max() < images[3][..., :3].max() / 2
    tiles.renderer.reset()
    assert np.array_equal(tiles.image(tiles.step(1)), images[0])
    tiles.step(2)
    other = product((8, 8)).replace('"Tiled"', '"Other"').replace("/Tiled/", "/Other/").replace('"Product"', '"Two"')
    tiles.renderer.add_usd_reference_from_string(other, "/Other")
    tiles.renderer.step({"/Other/Two"}, 0.0)  # forgets the history of the product it does not name
    assert not np.array_equal(tiles.image(tiles.step(1)), images[3])
    assert np.array_equal(tiles.image(tiles.step(2)), images[3])


def test_without_waiting_for_events_it_takes_longer(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx()
    tiles = Tiles(ov, 1, 8, extra="        token[] omni:rtx:waitForEvents = []\n".replace("[]\n", '[""]'))
    tiles.renderer.write_array_attribute([PRODUCT], "omni:rtx:waitForEvents", [["none"]], is_token=True)
    first = tiles.image(tiles.step(10))
    assert not np.array_equal(first, tiles.image(tiles.step(31)))


def test_temporal_history_stays_in_tiles_that_were_not_reset(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(temporal=True), 2, 8)
    tiles.partition()
    tiles.step(4)
    place(tiles, [-90.0, -90.0])
    prefix = "omni:rtx:viewTile:renderHistoryReset"
    tiles.renderer.write_array_attribute([PRODUCT], f"{prefix}:tileIndices", [np.array([1.0], np.float32)])
    tiles.renderer.write_attribute([PRODUCT], f"{prefix}:requestId", np.array([1], np.int32))
    after = tiles.tiles(tiles.image(tiles.step(1)))
    assert after[0, 4, 4, 0] > 40 and after[1, 1, 1, 0] == 0
    assert after[1].astype(int).sum() < after[0].astype(int).sum()


def test_eco_mode_freezes_what_moves_unseen(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx(eco_frames=3)
    for extra, moves in (("", False), ("        bool omni:rtx:rt:ecoMode:enabled = false", True)):
        tiles = Tiles(ov, 1, 8, ("DistanceToImagePlaneSD",), extra)
        tiles.renderer = ov.Renderer(ov.RendererConfig(read_gpu_transforms=True, suppress_deprecation_warnings=True))
        tiles.renderer.open_usd_from_string(WORLD)
        tiles.renderer.add_usd_reference_from_string(product((8, 8), ("DistanceToImagePlaneSD",), extra), "/Tiled")
        tiles.renderer.write_array_attribute([PRODUCT], "camera", [tiles.cameras])
        tiles.step(4)
        place(tiles, [-1.0])
        assert (depths(tiles, tiles.step(1))[0] == pytest.approx(3.5)) == moves


def test_a_step_may_give_no_frame_or_two(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(frames=2), 1, 8)
    tiles.step(1)
    assert len(tiles.out[PRODUCT].frames) == 2
    tiles.ov.double.OPTIONS.frames = 0
    assert tiles.renderer.step({PRODUCT}, 0.1)[PRODUCT].frames == []
