"""Where the tiles are on the canvas: columns, zoom, scrolling, pages. Plain arithmetic, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

__all__ = ["MIN_CELL", "Hit", "TileGrid", "gap_of"]

MIN_CELL = 8.0
"""Smallest width of a tile on the canvas [px]."""

_MAX_ZOOM = 64.0
_SMALL = 32.0


def gap_of(cell: float) -> int:
    """Pixels between tiles of a width; the marks of a tile are drawn into them."""
    return 4 if cell >= _SMALL else 1


@dataclass(frozen=True)
class Hit:
    """What is below a point of the canvas: the tile's row in the bundle, and the pixel of its image."""

    row: int
    x: int
    y: int


@dataclass(frozen=True, eq=False)
class TileGrid:
    """A grid of tiles of one size, seen through a canvas.

    Attributes:
        rows: (N,) rows of the bundle in the order they are shown; a filter leaves some out.
        tile_width: Width of a tile's image [px].
        tile_height: Height of a tile's image [px].
        view_width: Width of the canvas [px].
        view_height: Height of the canvas [px].
        cell: Width of a tile on the canvas [px].
        scroll_x: Canvas pixels hidden on the left (only when a tile is wider than the canvas).
        scroll_y: Canvas pixels hidden above.
    """

    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    tile_width: int = 1
    tile_height: int = 1
    view_width: int = 1
    view_height: int = 1
    cell: float = 128.0
    scroll_x: float = 0.0
    scroll_y: float = 0.0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def cell_height(self) -> float:
        """Height of a tile on the canvas [px]."""
        return self.cell * self.tile_height / self.tile_width

    @property
    def gap(self) -> int:
        """Pixels between tiles."""
        return gap_of(self.cell)

    @property
    def columns(self) -> int:
        """Tiles side by side."""
        return max(1, int((self.view_width - self.gap) // (self.cell + self.gap)))

    @property
    def lines(self) -> int:
        """Lines of tiles, seen or not."""
        return -(-len(self.rows) // self.columns)

    @property
    def pitch(self) -> float:
        """Canvas pixels from one line to the next."""
        return self.cell_height + self.gap

    @property
    def max_scroll(self) -> tuple[float, float]:
        """Largest (scroll_x, scroll_y)."""
        wide = self.columns * (self.cell + self.gap) + self.gap - self.view_width
        high = self.lines * self.pitch + self.gap - self.view_height
        return max(0.0, wide), max(0.0, high)

    @property
    def origin(self) -> tuple[float, float]:
        """Canvas position of the first tile's upper left corner; a grid that is smaller than the canvas is centred."""
        wide = min(self.columns, max(1, len(self.rows))) * (self.cell + self.gap) + self.gap
        return max(0.0, (self.view_width - wide) / 2) + self.gap - self.scroll_x, self.gap - self.scroll_y

    @property
    def visible(self) -> slice:
        """The part of :attr:`rows` of which anything can be seen."""
        first = int((self.scroll_y - self.gap) // self.pitch) if self.scroll_y > self.gap else 0
        last = math.ceil((self.scroll_y + self.view_height) / self.pitch)
        return slice(min(first * self.columns, len(self.rows)), min(last * self.columns, len(self.rows)))

    @property
    def visible_rows(self) -> np.ndarray:
        """Rows of the bundle of which anything can be seen."""
        return self.rows[self.visible]

    @property
    def page_lines(self) -> int:
        """Whole lines that fit the canvas, at least one."""
        return max(1, int((self.view_height - self.gap) // self.pitch))

    @property
    def pages(self) -> int:
        """Pages that the tiles fill."""
        return max(1, -(-self.lines // self.page_lines))

    @property
    def page(self) -> int:
        """The page seen now, from 0."""
        if self.scroll_y >= self.max_scroll[1]:
            return self.pages - 1
        return min(self.pages - 1, int((self.scroll_y / self.pitch + 0.5) // self.page_lines))

    # -- changes: each gives another grid ---------------------------------------------------------------------------

    def _clamped(self, **changes: object) -> TileGrid:
        grid = replace(self, **changes)  # type: ignore[arg-type]
        wide, high = grid.max_scroll
        return replace(grid, scroll_x=min(max(0.0, grid.scroll_x), wide), scroll_y=min(max(0.0, grid.scroll_y), high))

    def resized(self, width: int, height: int) -> TileGrid:
        """The same tile stays at the top when the canvas has another size."""
        top = self.visible.start
        grid = self._clamped(view_width=max(1, width), view_height=max(1, height))
        return grid if grid.columns == self.columns else grid._clamped(scroll_y=top // grid.columns * grid.pitch)

    def with_tiles(self, rows: np.ndarray, tile_width: int, tile_height: int) -> TileGrid:
        """Other tiles, e.g. of another bundle or through a filter."""
        return self._clamped(rows=np.asarray(rows, np.int32), tile_width=tile_width, tile_height=tile_height)

    def scrolled(self, dx: float, dy: float) -> TileGrid:
        """Scrolled by canvas pixels; never beyond the last tile."""
        return self._clamped(scroll_x=self.scroll_x + dx, scroll_y=self.scroll_y + dy)

    def paged(self, page: int) -> TileGrid:
        """Scrolled so that a page starts at the top."""
        page = min(max(0, page), self.pages - 1)
        return self._clamped(scroll_y=page * self.page_lines * self.pitch)

    def zoomed(self, factor: float, x: float | None = None, y: float | None = None) -> TileGrid:
        """Tiles made larger or smaller; what is at (x, y), by default in the middle, stays there if it can."""
        x = self.view_width / 2 if x is None else x
        y = self.view_height / 2 if y is None else y
        cell = min(max(MIN_CELL, self.cell * factor), self.tile_width * _MAX_ZOOM)
        ox, oy = self.origin
        column = min(self.columns - 1, max(0, int((x - ox) // (self.cell + self.gap))))
        line = max(0, int((y - oy) // self.pitch))
        ordinal = min(len(self.rows) - 1, line * self.columns + column)
        fx = (x - ox - column * (self.cell + self.gap)) / self.cell
        fy = (y - oy - line * self.pitch) / self.cell_height
        grid = self._clamped(cell=cell)
        if ordinal < 0:
            return grid
        column, line = ordinal % grid.columns, ordinal // grid.columns
        ox, oy = replace(grid, scroll_x=0.0, scroll_y=0.0).origin
        return grid._clamped(
            scroll_x=ox + column * (grid.cell + grid.gap) + fx * grid.cell - x,
            scroll_y=oy + line * grid.pitch + fy * grid.cell_height - y,
        )

    def fitted(self) -> TileGrid:
        """Tiles as large as they can be with all of them on the canvas (but not below :data:`MIN_CELL`)."""
        best = MIN_CELL
        aspect = self.tile_height / self.tile_width
        count = max(1, len(self.rows))
        for gap in (gap_of(_SMALL), gap_of(0.0)):
            for columns in range(1, count + 1):
                wide = (self.view_width - gap) / columns - gap
                if wide < best:
                    break
                high = ((self.view_height - gap) / -(-count // columns) - gap) / aspect
                cell = float(math.floor(min(wide, high)))
                best = max(best, cell) if gap_of(cell) == gap else best
            if best >= _SMALL:
                break
        return self._clamped(cell=best, scroll_x=0.0, scroll_y=0.0)

    def showing(self, row: int) -> TileGrid:
        """Scrolled so that a tile is seen."""
        found = np.flatnonzero(self.rows == row)
        if not len(found):
            return self
        line = int(found[0]) // self.columns
        top, bottom = line * self.pitch, (line + 1) * self.pitch + self.gap
        if top < self.scroll_y:
            return self._clamped(scroll_y=top)
        return self._clamped(scroll_y=max(self.scroll_y, bottom - self.view_height))

    # -- questions --------------------------------------------------------------------------------------------------

    def hit(self, x: float, y: float) -> Hit | None:
        """The tile and pixel at a point of the canvas; None in a gap or beside the tiles."""
        ox, oy = self.origin
        if x < ox or y < oy:
            return None
        column, line = int((x - ox) // (self.cell + self.gap)), int((y - oy) // self.pitch)
        u = (x - ox - column * (self.cell + self.gap)) / self.cell
        v = (y - oy - line * self.pitch) / self.cell_height
        ordinal = line * self.columns + column
        if column >= self.columns or ordinal >= len(self.rows) or u >= 1.0 or v >= 1.0:
            return None
        return Hit(int(self.rows[ordinal]), int(u * self.tile_width), int(v * self.tile_height))

    def box(self, row: int) -> tuple[float, float, float, float] | None:
        """(x, y, width, height) of a tile on the canvas, seen or not; None if a filter leaves it out."""
        found = np.flatnonzero(self.rows == row)
        if not len(found):
            return None
        line, column = divmod(int(found[0]), self.columns)
        ox, oy = self.origin
        return ox + column * (self.cell + self.gap), oy + line * self.pitch, self.cell, self.cell_height
