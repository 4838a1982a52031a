"""Pictures of output buffers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omni.isaac.ovrtx_render.errors import InputError
from omni.isaac.ovrtx_render.images import colorize_ids, mosaic, to_picture, viridis, write_animation, write_png
from omni.isaac.ovrtx_render.outputs import OUTPUTS

image = pytest.importorskip("PIL.Image", reason="Pillow reads the pictures back")


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_has_a_picture(name: str) -> None:
    kind = OUTPUTS[name]
    pixels = np.random.default_rng(0).uniform(0, 1, (2, 4, 5, kind.channels)).astype(kind.dtype)
    picture = to_picture(name, pixels)
    assert picture.dtype == np.uint8
    assert picture.shape[:3] == (2, 4, 5)
    assert picture.shape[3] in (3, 4)


def test_depth_goes_from_yellow_to_violet_and_misses_are_black() -> None:
    depth = np.array([1.0, 2.0, 3.0, np.inf], np.float32).reshape(1, 2, 2, 1)
    picture = to_picture("depth", depth).reshape(4, 3)
    np.testing.assert_array_equal(picture[0], viridis(np.array(1.0)))
    np.testing.assert_array_equal(picture[2], viridis(np.array(0.0)))
    np.testing.assert_array_equal(picture[3], 0)
    assert not to_picture("depth", np.full((1, 2, 2, 1), np.inf, np.float32)).any()


def test_normals_and_hdr_encoding() -> None:
    normals = np.array([[0, 0, 1], [-1, 0, 0], [0, 0, 0]], np.float32).reshape(1, 1, 3, 3)
    np.testing.assert_array_equal(to_picture("normals", normals)[0, 0], [[128, 128, 255], [0, 128, 128], [0, 0, 0]])
    linear = np.array([0.0, 0.21404114, 4.0], np.float32).reshape(1, 1, 1, 3)
    np.testing.assert_array_equal(to_picture("rgb_hdr", linear)[0, 0, 0], [0, 128, 255])


def test_ids_get_distinct_colors_and_background_is_black() -> None:
    colors = colorize_ids(np.arange(200))
    assert not colors[0].any()
    assert len(np.unique(colors, axis=0)) > 190


def test_unknown_output_is_refused() -> None:
    with pytest.raises(InputError, match="'heat' is no output"):
        to_picture("heat", np.zeros((1, 1, 1, 1)))


def test_mosaic_places_tiles_row_by_row() -> None:
    tiles = np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    picture = mosaic(tiles)
    np.testing.assert_array_equal(picture[::2, ::2, 0], [[1, 2, 3], [4, 5, 0]])
    assert mosaic(tiles, columns=1, gap=1).shape == (14, 2, 3)
    with pytest.raises(InputError, match="at least one tile"):
        mosaic(tiles[:0])


def test_files_read_back(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (3, 4, 3), np.uint8)
    write_png(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(np.asarray(image.open(tmp_path / "a.png")), picture)
    write_animation(tmp_path / "a.gif", [picture, picture[::-1]], fps=10)
    with image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 2
    with pytest.raises(InputError, match="uint8"):
        write_png(tmp_path / "b.png", picture.astype(float))
    with pytest.raises(InputError, match="at least one frame"):
        write_animation(tmp_path / "b.gif", [])
