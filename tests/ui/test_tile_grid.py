"""Where tiles are: layout, zoom, scrolling, pages, hits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omni.isaac.ovrtx_render.ui.tile_grid import MIN_CELL, Hit, TileGrid, gap_of


def grid(
    count: int = 4096, width: int = 800, height: int = 600, cell: float = 96.0, tile: tuple = (64, 48)
) -> TileGrid:
    return TileGrid(np.arange(count, dtype=np.int32), tile[0], tile[1], width, height, cell)


def test_only_lines_on_the_canvas_are_visible() -> None:
    g = grid()
    assert g.columns == 7
    assert g.visible.start == 0
    assert len(g.visible_rows) == 7 * int(np.ceil(600 / g.pitch))
    down = g.scrolled(0, 10 * g.pitch)
    assert down.visible.start in (63, 70)
    assert 70 in down.visible_rows


@pytest.mark.parametrize("page", [0, 1, 7, 10_000])
def test_page_starts_at_the_top(page: int) -> None:
    g = grid().paged(page)
    assert g.page == min(page, g.pages - 1)
    if page < g.pages - 1:
        assert g.hit(*np.add(g.origin, (1, 1 + g.scroll_y))).row == page * g.page_lines * g.columns
    assert g.visible.stop <= 4096


def test_last_page_shows_the_last_tile() -> None:
    g = grid().paged(10_000)
    assert 4095 in g.visible_rows
    _, y, _, h = g.box(4095)
    assert y + h <= g.view_height


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine everything is slow
@given(
    st.integers(1, 5000), st.integers(40, 2000), st.integers(40, 2000), st.floats(13, 900),
    st.floats(0, 0.999), st.floats(0, 0.999), st.floats(0.3, 3.0), st.floats(0, 1e5),
)  # fmt: skip
def test_zoom_keeps_scroll_and_hits_consistent(n, w, h, cell, fx, fy, factor, down) -> None:
    g = grid(n, w, h, cell).scrolled(0, down)
    for seen in (g, g.zoomed(factor, fx * w, fy * h), g.resized(h, w), g.fitted()):
        assert 0 <= seen.scroll_y <= seen.max_scroll[1]
        assert seen.cell >= MIN_CELL
        assert len(seen.visible_rows) > 0
        px, py = fx * seen.view_width, fy * seen.view_height
        hit = seen.hit(px, py)
        if hit is not None:
            x, y, cw, ch = seen.box(hit.row)
            assert x <= px <= x + cw
            assert y <= py <= y + ch
            assert 0 <= hit.x < 64
            assert 0 <= hit.y < 48
            assert hit.row in seen.visible_rows


def test_zoom_keeps_the_pixel_below_the_pointer() -> None:
    g = grid(1, 400, 400, 300)
    after = g.zoomed(4.0, 150, 120)
    assert after.hit(150, 120) == g.hit(150, 120)
    assert after.scroll_x > 0
    place = [((150 - box[0]) / box[2], (120 - box[1]) / box[3]) for box in (g.box(0), after.box(0))]
    assert place[1] == pytest.approx(place[0], abs=1e-9)


def test_gaps_hit_nothing() -> None:
    gap = gap_of(100)
    g = grid(4, 2 * 100 + 3 * gap, 400, 100)
    assert g.columns == 2
    assert g.hit(gap + 50, gap + 10) == Hit(0, 32, 6)
    assert g.hit(gap + 100 + 1, gap + 10) is None
    assert g.hit(gap + 150, 2) is None
    assert g.hit(50, 399) is None


def test_fitted_shows_all_as_large_as_possible() -> None:
    g = grid(9, 620, 480).fitted()
    assert len(g.visible_rows) == 9
    assert g.max_scroll == (0.0, 0.0)
    larger = g.zoomed(1.1)
    assert larger.max_scroll != (0.0, 0.0)


def test_showing_scrolls_as_little_as_needed() -> None:
    g = grid()
    assert g.showing(3) is not None and g.showing(3).scroll_y == 0
    far = g.showing(2000)
    _, y, _, h = far.box(2000)
    assert 0 <= y and y + h <= far.view_height
    assert far.showing(2000).scroll_y == far.scroll_y


def test_thousands_of_tiles_fit() -> None:
    g = grid(4096, 960, 640, tile=(64, 64)).fitted()
    assert len(g.visible_rows) == 4096
    assert g.max_scroll == (0.0, 0.0)
    assert (g.cell, g.gap) == (11.0, 1)
