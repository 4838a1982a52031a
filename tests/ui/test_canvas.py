"""The mosaic kernel and the numbers about tiles, against numpy."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import warp as wp

from omni.isaac.ovrtx_render.images import viridis
from omni.isaac.ovrtx_render.outputs import ALIASES, OUTPUTS
from omni.isaac.ovrtx_render.ui.canvas import Canvas, Compare, Picture, Scenery
from omni.isaac.ovrtx_render.ui.capture import Capture, Tiles
from omni.isaac.ovrtx_render.ui.colormaps import COLOR_MAPS, Palette, lookup_table
from omni.isaac.ovrtx_render.ui.tile_grid import Hit, TileGrid, gap_of
from omni.isaac.ovrtx_render.ui.tile_statistics import Flag, Measurement, Watch

DTYPES = {"uint8": wp.uint8, "int32": wp.int32, "float32": wp.float32}
RNG = np.random.default_rng(7)


def taken(name: str, pixels: np.ndarray, device: str, rows: Any = None) -> Capture:
    kind = OUTPUTS[ALIASES.get(name, name)]
    rows = np.arange(len(pixels), dtype=np.int32) if rows is None else np.asarray(rows, np.int32)
    array = wp.array(pixels.astype(kind.dtype), dtype=DTYPES[kind.dtype], device=device)
    return Capture(1, "test", Tiles(name, kind, False, rows, array))


def compose(a: Capture, cell: float, columns: int = 2, count: int | None = None, **fields: Any) -> Picture:
    count = len(a.tiles.rows) if count is None else count
    _, h, w, _ = a.tiles.pixels.shape
    lines, gap = -(-count // columns), gap_of(cell)
    size = (int(columns * (cell + gap) + gap), int(lines * (cell * h / w + gap) + gap))
    grid = TileGrid(np.arange(count, dtype=np.int32), w, h, *size, cell)
    return Canvas().compose(Scenery(grid, fields.pop("palette", Palette()), a, **fields))


def cell_of(picture: Picture, index: int, cell: tuple[int, int], columns: int = 2) -> np.ndarray:
    gap = gap_of(cell[1])
    y, x = gap + index // columns * (cell[0] + gap), gap + index % columns * (cell[1] + gap)
    return picture.host()[y : y + cell[0], x : x + cell[1], :3]


def test_tiles_are_laid_out_pixel_by_pixel(device: str) -> None:
    pixels = RNG.integers(0, 256, (5, 6, 8, 3))
    picture = compose(taken("rgb", pixels, device), 8)
    for i in range(5):
        np.testing.assert_array_equal(cell_of(picture, i, (6, 8)), pixels[i])
    assert (picture.host()[..., 3] == 255).all()
    assert (cell_of(picture, 5, (6, 8)) < 40).all()  # no sixth tile
    assert picture.missing == 0


def test_enlarged_pixels_are_squares_and_reduced_ones_are_means(device: str) -> None:
    pixels = RNG.integers(0, 256, (1, 6, 8, 3))
    large = cell_of(compose(taken("rgb", pixels, device), 32, 1), 0, (24, 32), 1)
    np.testing.assert_array_equal(large, pixels[0].repeat(4, 0).repeat(4, 1))
    pixels = RNG.integers(0, 256, (1, 36, 48, 3))
    small = cell_of(compose(taken("rgb", pixels, device), 16, 1), 0, (12, 16), 1)
    expected = pixels[0].reshape(12, 3, 16, 3, 3).mean((1, 3))
    assert np.abs(small - expected).max() <= 1.0


def test_depth_goes_through_the_colour_map_in_inverse_depth(device: str) -> None:
    depth = np.array([[1.0, 2.0, 4.0, np.inf]]).reshape(1, 1, 4, 1)
    picture = compose(taken("depth", depth, device), 16, 1, value_range=(1.0, 4.0))
    colors = cell_of(picture, 0, (4, 16), 1)[2, 2::4]
    expected = viridis(np.array([1.0, (1 / 2 - 1 / 4) / (1 - 1 / 4), 0.0]))
    assert np.abs(colors[:3].astype(int) - expected).max() <= 2
    assert (colors[3] == 0).all()
    fixed = compose(
        taken("depth", depth, device), 16, 1, palette=Palette(depth_range=(0.5, 2.0)), value_range=(1.0, 4.0)
    )
    assert np.abs(cell_of(fixed, 0, (4, 16), 1)[2, 6].astype(int) - viridis(np.array(0.0))).max() <= 2


def test_ids_keep_their_colour_and_are_never_mixed(device: str) -> None:
    ids = RNG.integers(0, 5, (1, 16, 16, 1))
    colors = cell_of(compose(taken("semantic_segmentation", ids, device), 16, 1), 0, (16, 16), 1)
    table = {i: np.unique(colors[ids[0, ..., 0] == i], axis=0) for i in range(5)}
    assert all(len(found) == 1 for found in table.values())
    assert len({tuple(found[0]) for found in table.values()}) == 5
    assert (table[0] == 0).all()
    small = cell_of(compose(taken("semantic_segmentation", ids, device), 12, 1), 0, (12, 12), 1)
    assert {tuple(c) for c in small.reshape(-1, 3)} <= {tuple(found[0]) for found in table.values()}


def test_linear_colour_is_encoded_and_what_is_not_finite_shows(device: str) -> None:
    hdr = np.array([[0.0, 0.5, 2.0, np.nan]]).reshape(1, 1, 4, 1).repeat(3, -1)
    colors = cell_of(compose(taken("rgb_hdr", hdr, device), 16, 1), 0, (4, 16), 1)[2, 2::4]
    assert colors[:3, 0].tolist() == [0, 188, 255]
    assert colors[3].tolist() == [255, 0, 255]
    dark = compose(taken("rgb_hdr", hdr, device), 16, 1, palette=Palette(exposure=-2.0))
    assert cell_of(dark, 0, (4, 16), 1)[2, 10, 0] == 188


def test_normals_and_flow_are_centred_at_grey(device: str) -> None:
    normals = np.array([[0, 0, 1.0], [-1, 0, 0], [0, 0, 0]]).reshape(1, 1, 3, 3)
    colors = cell_of(compose(taken("normals", normals, device), 12, 1), 0, (4, 12), 1)[1, 1::4]
    assert colors.tolist() == [[128, 128, 255], [0, 128, 128], [0, 0, 0]]
    flow = np.array([[4.0, 0.0], [0.0, -2.0], [0, 0]]).reshape(1, 1, 3, 2)
    colors = cell_of(compose(taken("motion_vectors", flow, device), 12, 1, value_range=(0, 4)), 0, (4, 12), 1)[1, 1::4]
    assert colors.tolist() == [[255, 128, 128], [128, 64, 128], [128, 128, 128]]


def test_compare_modes(device: str) -> None:
    a, b = np.full((2, 8, 8, 3), 100), np.full((2, 8, 8, 3), 100)
    b[1] = 151
    first, second = taken("rgb", a, device), taken("rgb", b, device)
    seen = compose(first, 16, b=second, compare=Compare.REFERENCE)
    assert (cell_of(seen, 1, (16, 16)) == 151).all()
    split = cell_of(compose(first, 16, b=second, compare=Compare.SPLIT, split=0.5), 1, (16, 16))
    assert (split[:, :7] == 100).all()
    assert (split[:, 10:] == 151).all()
    apart = compose(first, 16, b=second, compare=Compare.DIFFERENCE, palette=Palette(difference_gain=2.0))
    assert np.abs(cell_of(apart, 0, (16, 16)).astype(int) - viridis(np.array(0.0))).max() <= 1
    assert np.abs(cell_of(apart, 1, (16, 16)).astype(int) - viridis(np.array(0.4))).max() <= 2
    off = compose(first, 16, b=second)
    assert (cell_of(off, 1, (16, 16)) == 100).all()


def test_ids_that_differ_are_white(device: str) -> None:
    a, b = np.full((1, 4, 4, 1), 3), np.full((1, 4, 4, 1), 3)
    b[0, 0] = 4
    seen = compose(
        taken("semantic_segmentation", a, device), 16, 1,
        b=taken("semantic_segmentation", b, device), compare=Compare.DIFFERENCE,
    )  # fmt: skip
    colors = cell_of(seen, 0, (16, 16), 1)
    assert (colors[:4] == 255).all()
    assert (colors[4:] < 80).all()


def test_of_another_size_nothing_is_compared(device: str) -> None:
    a, b = taken("rgb", np.full((1, 8, 8, 3), 9), device), taken("rgb", np.full((1, 4, 4, 3), 200), device)
    assert (cell_of(compose(a, 8, 1, b=b, compare=Compare.REFERENCE), 0, (8, 8), 1) == 9).all()


def test_tiles_that_are_not_captured_are_hatched_and_counted(device: str) -> None:
    pixels = np.full((2, 8, 8, 3), 200)
    picture = compose(taken("rgb", pixels, device, rows=[2, 1]), 16, 2, count=4)
    assert picture.missing == 2
    for i, bright in enumerate([False, True, True, False]):
        assert (cell_of(picture, i, (16, 16)) == 200).all() == bright


def test_probe_reads_the_values_themselves(device: str) -> None:
    depth = RNG.random((3, 4, 4, 1)).astype(np.float32)
    picture = compose(taken("depth", depth, device), 8, pointer=Hit(2, 3, 1), b=taken("depth", 2 * depth, device))
    assert picture.values.tolist() == [depth[2, 1, 3, 0]]
    assert picture.other_values.tolist() == [2 * depth[2, 1, 3, 0]]
    ids = np.full((1, 2, 2, 1), 2_000_000_001)
    assert compose(taken("semantic_segmentation", ids, device), 8, 1, pointer=Hit(0, 1, 1)).values == [2_000_000_001]


def test_marks_and_numbers_are_drawn(device: str) -> None:
    picture = compose(
        taken("rgb", np.full((2, 8, 8, 3), 60), device),
        64,
        marks=np.array([[0, 0, 0, 0], [1, 0, 0, 1]]),
        labels=np.array([3, 17]),
    )
    host = picture.host()[..., :3]
    assert (host[30, 2 * gap_of(64) + 64 - 1] == (255, 0, 0)).all()
    assert (host[30, 1] < 40).all()
    one, two = (cell_of(picture, i, (64, 64)) for i in (0, 1))
    bright = [(tile > 200).all(-1) for tile in (one, two)]
    assert 0 < bright[0].sum() < bright[1].sum()
    rows = ["".join("#" if bit else "." for bit in line) for line in bright[0][1:6, 1:4]]
    assert rows == ["###", "..#", "###", "..#", "###"]


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_colour_maps_grow_or_turn(name: str) -> None:
    table = lookup_table(name)
    assert table.shape == (256, 3)
    assert table.min() >= 0
    assert table.max() <= 1
    np.testing.assert_array_equal(lookup_table(name, reverse=True), table[::-1])


def test_statistics_and_flags(device: str) -> None:
    pixels = np.zeros((3, 4, 4, 3))
    pixels[1, :2] = 100
    pixels[2, 0, 0] = 50
    numbers = measure("rgb", pixels, device)
    np.testing.assert_allclose(numbers.lit, [0, 0.5, 1 / 16])
    np.testing.assert_allclose(numbers.mean, [0, 100, 50])
    assert numbers.flags.tolist() == [Flag.BLACK, 0, 0]
    assert len(set(numbers.checksum.tolist())) == 3
    depth = np.array([[np.inf, np.inf], [1.0, np.inf], [2.0, 5.0], [np.nan, 1.0]]).reshape(4, 1, 2, 1)
    numbers = measure("depth", depth, device)
    assert numbers.flags.tolist() == [Flag.BLACK, 0, 0, Flag.INVALID]
    assert (numbers.low[2], numbers.high[2]) == (2.0, 5.0)
    low, high = numbers.range()
    assert 1.0 <= low < high <= 5.0


def test_checksum_sees_two_pixels_that_swap(device: str) -> None:
    pixels = RNG.integers(0, 256, (1, 8, 8, 3))
    swapped = pixels.copy()
    swapped[0, [1, 5], [2, 7]] = swapped[0, [5, 1], [7, 2]]
    assert measure("rgb", pixels, device).checksum != measure("rgb", swapped, device).checksum


def test_a_tile_that_stands_still_while_others_move_is_frozen(device: str) -> None:
    watch = Watch(patience=3)
    for step in range(5):
        pixels = np.full((3, 2, 2, 3), 10 + step)
        pixels[1] = 99
        flags = watch.follow(measure("rgb", pixels, device)).flags
        assert flags.tolist() == [0, Flag.FROZEN if step >= 3 else 0, 0]
    watch.clear()
    for _ in range(6):  # a simulation that is paused freezes nothing
        assert not watch.follow(measure("rgb", np.full((3, 2, 2, 3), 10), device)).flags.any()


def measure(name: str, pixels: np.ndarray, device: str) -> Any:
    a = taken(name, pixels, device)
    return Measurement.of(a.tiles.pixels, a.tiles.kind).read()


@wp.kernel
def _keep_busy(out: wp.array(dtype=wp.float32), count: int):
    x = wp.float32(wp.tid())
    for _i in range(count):
        x = wp.sin(x) + wp.float32(1.0)
    out[wp.tid()] = x


@pytest.mark.gpu
def test_pictures_do_not_wait_for_the_frame_that_is_being_drawn(device: str) -> None:
    if device == "cpu":
        pytest.skip("needs a CUDA device: OVRTX_RENDER_TEST_DEVICE=cuda:0")
    tiles = taken("rgb", RNG.integers(0, 256, (4, 8, 8, 3)), device)
    grid = TileGrid(np.arange(4, dtype=np.int32), 8, 8, 400, 300, 64.0)
    canvas, show = Canvas(), Scenery(TileGrid(np.arange(4, dtype=np.int32), 8, 8, 400, 300, 64.0), Palette(), tiles)
    expected = canvas.compose(show).host()
    busy = wp.zeros(32, dtype=wp.float32, device=device)
    wp.launch(_keep_busy, dim=32, inputs=[busy, 10], device=device)
    wp.synchronize_device(device)
    began = time.perf_counter()
    wp.launch(_keep_busy, dim=32, inputs=[busy, 20_000_000], device=device)
    picture = canvas.compose(Scenery(grid, Palette(), tiles))
    composed = time.perf_counter() - began
    wp.synchronize_device(device)
    drawn = time.perf_counter() - began
    assert composed < 0.2 * drawn
    np.testing.assert_array_equal(picture.host(), expected)


@pytest.mark.parametrize(("cell", "size"), [(40, 0), (48, 1), (110, 2), (330, 4), (600, 5)])
def test_numbers_grow_with_the_tile_but_not_without_end(device: str, cell: int, size: int) -> None:
    picture = compose(taken("rgb", np.full((1, 2, 2, 3), 255), device), cell, 1, labels=np.zeros(1, np.int32))
    tile = cell_of(picture, 0, (cell, cell), 1)
    assert np.count_nonzero(tile[:, 0].max(axis=-1) < 200) == 7 * size  # a plate behind five lines and a rim
