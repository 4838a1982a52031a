"""The tiles: which of them are seen, how, and what is below the pointer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from .canvas import Canvas, Compare, Picture, Scenery
from .color_scale import ColorScale, color_scale
from .colormaps import Palette
from .readout import Readout, describe_value
from .recording import Recorder
from .session import Frame, Session, Wanted
from .tile_grid import Hit, TileGrid
from .tile_statistics import Flag, TileStatistics, Watch
from .worker import Worker

if TYPE_CHECKING:
    from ..cameras import CameraBundle

__all__ = ["TilesModel"]

_MARKS = {
    Flag.FROZEN: (0.25, 0.55, 1.0, 0.9),
    Flag.BLACK: (1.0, 0.75, 0.1, 0.9),
    Flag.INVALID: (1.0, 0.1, 0.9, 1.0),
}
_SELECTED = (0.46, 0.73, 0.0, 1.0)
_POINTED = (0.75, 0.75, 0.75, 0.6)


class TilesModel:
    """The state behind the tab Tiles. Pictures are composed on a thread of their own.

    Args:
        session: What draws.
        recorder: Takes the pictures while it records.
        inline: Compose in the caller's thread.

    Attributes:
        shown: Whether anybody sees the tiles; while nobody does, nothing is drawn, copied or composed.
        grid: Where the tiles are.
        output: Name of the output that is seen.
        palette: Colours.
        compare: What is seen of the picture and the one it is compared with.
        split: Where tiles are split, 0 to 1.
        numbers: Write the environment's number into each tile.
        only_flagged: Leave out tiles about which nothing is odd.
        selected: Row that was selected, or None.
        focused: Row that is seen alone, or None.
        paused: Keep the picture; frames are not taken.
        picture: The newest picture, or None.
        pointer: The pixel below the pointer, or None.
        readout: What is below the pointer, or None.
        statistics: Numbers about all tiles, or None.
        value_range: Values at the ends of the colour map when nothing else is chosen.
        problem: Why there is no new picture, or empty.
        revision: Grows when anything but the picture changes.
    """

    def __init__(self, session: Session, recorder: Recorder, inline: bool = False) -> None:
        self._session = session
        self._recorder = recorder
        self._canvas = Canvas()
        self._work: Worker[tuple[Picture, TileStatistics | None, tuple[float, float]]] = Worker(
            "ovrtx-render canvas", inline
        )
        self._watch = Watch()
        self._bundle: CameraBundle | None = None
        self._frame: Frame | None = None
        self._measured: Frame | None = None
        self._near = (np.zeros(0, np.int32), slice(0, 0))
        self._fresh = False
        self._dirty = False
        self._before_focus: TileGrid | None = None
        self._next_output = ""
        self.pointer: Hit | None = None
        self._asked: tuple[Frame, Hit | None] | None = None
        self._epoch = self._composing = 0
        self.shown = False
        self.grid = TileGrid()
        self.output = "rgb"
        self.palette = Palette()
        self.compare = Compare.OFF
        self.split = 0.5
        self.numbers = True
        self.only_flagged = False
        self.selected: int | None = None
        self.focused: int | None = None
        self.paused = False
        self.picture: Picture | None = None
        self.readout: Readout | None = None
        self.statistics: TileStatistics | None = None
        self.value_range = (0.0, 0.0)
        self.problem = ""
        self.revision = 0

    # -- frames -----------------------------------------------------------------------------------------------------

    @property
    def needed(self) -> bool:
        """Whether frames are wanted."""
        return (self.shown and not self.paused) or self._recorder.recording

    def want(self, bundle: CameraBundle) -> Wanted:
        """What to take out of the frames of a bundle: the tiles on the canvas and those next to it."""
        if bundle is not self._bundle:
            self._take_bundle(bundle)
        grid, seen = self.grid, self.grid.visible
        rows, near = self._near
        count = seen.stop - seen.start
        inside = rows is grid.rows and near.start <= seen.start and seen.stop <= near.stop
        if not inside or near.stop - near.start > 4 * count:
            # A page before and one behind: to scroll needs no new copies, and none while the next frame is drawn.
            near = slice(max(0, seen.start - count), min(len(grid), seen.stop + count))
            self._near = (grid.rows, near)
        return Wanted(self.output, grid.rows[near])

    def show(self, frame: Frame) -> None:
        """A frame to be seen."""
        if frame.a.tiles.name == self.output and frame.bundle is self._bundle:
            self._frame, self._fresh = frame, True

    def update(self) -> None:
        """Take the picture that is ready, start the next one if something changed."""
        busy = self._work.busy  # asked first: a job that ends between the two questions is taken by the next update
        outcome = self._work.take()
        going_on = self._work.busy or (busy and outcome is None)
        if self._composing != self._epoch:
            outcome = None  # of other cameras, or of a stage that was closed in the meantime
        if outcome is not None and outcome.error is not None:
            self.problem = f"the tiles cannot be shown: {outcome.error}"
        if outcome is not None and outcome.result is not None:
            self._finish(*outcome.result)
        if self._frame is None or not (self._fresh or self._dirty) or going_on:
            return
        if not (self.shown or self._recorder.recording):
            return
        frame, fresh = self._frame, self._fresh
        self._fresh = self._dirty = False
        scenery = self._scenery(frame)
        self._asked, self._composing = (frame, scenery.pointer), self._epoch
        record = fresh and bool(frame.timings) and self._recorder.recording

        measurement = frame.a.measurement if fresh else None

        def job() -> tuple[Picture, TileStatistics | None, tuple[float, float]]:
            frame.a.wait()
            statistics = None if measurement is None else measurement.read()
            values = scenery.value_range if statistics is None else statistics.range(scenery.value_range)
            picture = self._canvas.compose(replace(scenery, value_range=values))
            if record:
                self._recorder.add(picture.host())
            return picture, statistics, values

        self._work.submit(job)

    def clear(self) -> None:
        """Forget what was seen: the stage is closed."""
        self._epoch += 1
        self.value_range = (0.0, 0.0)
        self.problem = ""
        self._bundle = self._frame = self.picture = self.readout = self.statistics = None
        self.pointer = self._asked = self._before_focus = self.selected = self.focused = None
        self.grid = self.grid.with_tiles(np.zeros(0, np.int32), 1, 1)
        self._watch.clear()
        self._touch()

    def close(self) -> None:
        """Stop composing; may be called twice."""
        self._work.close()
        self.clear()

    def _scenery(self, frame: Frame) -> Scenery:
        rows = self.grid.visible_rows
        marks = np.zeros((len(rows), 4))
        if self.statistics is not None and len(self.statistics.flags) == len(frame.bundle):
            for flag, mark in _MARKS.items():
                marks[(self.statistics.flags[rows] & flag) > 0] = mark
        if self.pointer is not None:
            marks[rows == self.pointer.row] = _POINTED
        if self.selected is not None:
            marks[rows == self.selected] = _SELECTED
        return Scenery(
            self.grid,
            self.palette,
            frame.a,
            frame.b,
            self.compare,
            self.split,
            self.value_range,
            marks,
            self.pointer,
            np.maximum(frame.bundle.envs, 0) if self.numbers else None,
        )

    def _finish(self, picture: Picture, statistics: TileStatistics | None, value_range: tuple[float, float]) -> None:
        self.picture, self.value_range, self.problem = picture, value_range, ""
        frame, pointer = self._asked or (None, None)
        self.readout = None
        if frame is not None and pointer is not None and picture.values is not None:
            tiles, bundle = frame.a.tiles, frame.bundle
            told = [
                "" if values is None else describe_value(tiles, values)
                for values in (picture.values, picture.other_values)
            ]
            row = pointer.row
            env, path = int(bundle.envs[row]), bundle.paths[row]
            other = frame.b.source if frame.b is not None else ""
            self.readout = Readout(
                row, env, path, pointer.x, pointer.y, tiles.name, told[0], frame.a.source, told[1], other
            )
        if statistics is not None:
            before = None if self.statistics is None else self.statistics.flags
            self.statistics = self._watch.follow(statistics)
            if before is None or not np.array_equal(before, self.statistics.flags):
                self._regrid()
            self.revision += 1

    def _take_bundle(self, bundle: CameraBundle) -> None:
        same = self._bundle is not None and len(self._bundle) == len(bundle)
        first = self._bundle is None
        self._bundle, self.statistics = bundle, None
        self._epoch += 1
        self._watch.clear()
        if self._next_output in bundle.kinds:
            self.output, self._next_output = self._next_output, ""
        if self.output not in bundle.kinds:
            self.output = next(iter(bundle.kinds))
        if not same:
            self.selected = self.focused = self._before_focus = None
        self._regrid()
        if first and len(bundle) <= 16:
            self.grid = self.grid.fitted()
        self._touch()

    def _regrid(self) -> None:
        """The rows that are shown, after the bundle, the filter or the flags changed."""
        bundle = self._bundle
        if bundle is None:
            return
        rows = np.arange(len(bundle), dtype=np.int32)
        if self.focused is not None:
            rows = rows[self.focused : self.focused + 1]
        elif self.only_flagged and self.statistics is not None:
            rows = rows[self.statistics.flags > 0]
        if not np.array_equal(rows, self.grid.rows) or self.grid.tile_width != bundle.width:
            self.grid = self.grid.with_tiles(rows, bundle.width, bundle.height)
        self._dirty = True

    def _touch(self) -> None:
        self._dirty = True
        self.revision += 1

    @property
    def overview(self) -> TileGrid:
        """The grid of all tiles, also while one is seen alone."""
        return self._before_focus or self.grid

    # -- what is seen -----------------------------------------------------------------------------------------------

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs that can be seen."""
        return list(self._bundle.kinds) if self._bundle is not None else []

    @property
    def summary(self) -> str:
        """In one line, how many tiles there are, which are seen, and what is odd."""
        if self._bundle is None:
            return "no tiles"
        seen = self.grid.visible
        text = f"{seen.start + 1 if seen.stop else 0}-{seen.stop} of {len(self.grid)} tiles"
        if len(self.grid) < len(self._bundle) and self.focused is None:
            text += f" (of {len(self._bundle)})"
        if self.statistics is not None:
            odd = [f"{self.statistics.count(flag)} {(flag.name or '').lower()}" for flag in _MARKS]
            text += "".join(f", {words}" for words in odd if not words.startswith("0 "))
        return text

    @property
    def comparing(self) -> bool:
        """Whether the newest frame came with another to compare it with."""
        return self._frame is not None and self._frame.b is not None

    @property
    def scale(self) -> ColorScale | None:
        """What the colours stand for; None if no colour map is used."""
        if self._frame is None or self._bundle is None or self.output not in self._bundle.kinds:
            return None
        kind, difference = self._bundle.kinds[self.output], self.comparing and self.compare is Compare.DIFFERENCE
        colorized = kind.name in self._bundle.colorize
        return color_scale(kind, colorized, self.palette, self.value_range, difference=difference)

    def show_output(self, name: str) -> None:
        """See another output."""
        if self._bundle is None or name not in self._bundle.kinds or name == self.output:
            return
        self.output, self.statistics, self.value_range = name, None, (0.0, 0.0)
        self._epoch += 1
        self._watch.clear()
        self._session.request()
        self._touch()

    def show_output_when_drawn(self, name: str) -> None:
        """See another output, as soon as it is drawn if it is not yet."""
        if self._bundle is not None and name in self._bundle.kinds:
            self.show_output(name)
        else:
            self._next_output = name

    def next_output(self, step: int = 1) -> None:
        """See the next output."""
        if self.output in self.outputs:
            self.show_output(self.outputs[(self.outputs.index(self.output) + step) % len(self.outputs)])

    def set_palette(self, **changes: Any) -> str:
        """Change colours; hands back why they were refused, or nothing."""
        try:
            self.palette = replace(self.palette, **changes)
        except ConfigError as error:
            return str(error)
        self._touch()
        return ""

    def set_compare(self, compare: Compare, split: float | None = None) -> None:
        """See the picture, what it is compared with, both, or their difference."""
        self.compare = compare
        self.split = self.split if split is None else min(max(split, 0.0), 1.0)
        self._touch()

    def set_paused(self, paused: bool) -> None:
        """Keep the picture, or go on."""
        self.paused = paused
        self._session.request()
        self.revision += 1

    def set_numbers(self, wanted: bool) -> None:
        """Write numbers into the tiles, or not."""
        self.numbers = wanted
        self._touch()

    def set_only_flagged(self, wanted: bool) -> None:
        """Leave out tiles about which nothing is odd."""
        self.only_flagged = wanted
        self._regrid()
        self._touch()

    # -- moving about -----------------------------------------------------------------------------------------------

    def move(self, grid: TileGrid) -> None:
        """See the tiles through another grid: ``tiles.move(tiles.grid.zoomed(1.25))``."""
        self.grid = grid
        self._touch()

    def resize(self, width: int, height: int) -> None:
        """The canvas has another size [px]."""
        if (width, height) != (self.grid.view_width, self.grid.view_height) and width > 0 and height > 0:
            grid = self.grid.resized(width, height)
            self.move(grid.fitted() if self.focused is not None else grid)

    def point(self, x: float, y: float) -> None:
        """The pointer is at a place of the canvas [px]."""
        pointer = self.grid.hit(x, y)
        if pointer != self.pointer:
            self.pointer = pointer
            self._dirty = True

    def leave(self) -> None:
        """The pointer left the canvas."""
        if self.pointer is not None:
            self.pointer = self.readout = None
            self._dirty = True

    def select(self, row: int | None) -> None:
        """Select a tile."""
        if self._bundle is not None and (row is None or 0 <= row < len(self._bundle)):
            self.selected = row
            if row is not None and self.focused is None:
                self.grid = self.grid.showing(row)
            elif row is not None and row != self.focused:
                self.focus(row)
            self._touch()

    def step_selection(self, columns: int, lines: int) -> None:
        """Select the tile beside, above or below."""
        if not len(self.grid) or self._bundle is None:
            return
        rows = np.arange(len(self._bundle)) if self.focused is not None else self.grid.rows
        found = np.flatnonzero(rows == (-1 if self.selected is None else self.selected))
        across = 1 if self.focused is not None else self.grid.columns
        at = int(found[0]) + columns + lines * across if len(found) else self.grid.visible.start
        self.select(int(rows[min(max(0, at), len(rows) - 1)]))

    def focus(self, row: int | None) -> None:
        """See one tile alone, as large as can be; None goes back to all."""
        if row is None:
            self.focused = None
            if self._before_focus is not None:
                size = self.grid.view_width, self.grid.view_height
                self.grid, self._before_focus = self._before_focus.resized(*size), None
            self._regrid()
        elif self._bundle is not None and 0 <= row < len(self._bundle):
            if self.focused is None:
                self._before_focus = self.grid
            self.focused = self.selected = row
            self._regrid()
            self.grid = self.grid.fitted()
        self._touch()
