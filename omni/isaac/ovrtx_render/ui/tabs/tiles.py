"""The tab Tiles: a tool bar, the canvas, and what is below the pointer."""

from __future__ import annotations

import weakref

import omni.ui as ui

from ..image_view import ImageView
from ..keys import CONTROL
from ..model import ViewModel
from ..style import ROW
from .tool_bar import ToolBar
from .widgets import assign, button

__all__ = ["TilesTab"]

_RIGHT = 1
"""The right mouse button."""


class TilesTab:
    """Shows :class:`~..tiles_model.TilesModel`.

    Args:
        model: The view-model.
    """

    def __init__(self, model: ViewModel) -> None:
        self._model = model
        self._view: ImageView | None = None
        self._canvas: ui.Rectangle | None = None
        self._bar = ToolBar(model)
        self._labels: dict[str, ui.Label] = {}
        self._page: ui.IntSlider | None = None
        self._pages: ui.HStack | None = None
        self._shown: object = None
        self._pointer: tuple[float, float] | None = None
        self._drag: tuple[float, float] | None = None
        self._following = False

    # -- building ---------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the widgets; called inside of a frame."""
        me = weakref.proxy(self)
        self._shown = None
        with ui.VStack(spacing=2):
            ui.Spacer(height=1)
            self._bar.build()
            with ui.ZStack(
                identifier="canvas",
                mouse_pressed_fn=lambda x, y, b, m: me._on_pressed(x, y, b),
                mouse_released_fn=lambda x, y, b, m: me._on_released(),
                mouse_moved_fn=lambda x, y, m, held: me._on_moved(x, y),
                mouse_double_clicked_fn=lambda x, y, b, m: me._on_double_clicked(x, y),
                mouse_wheel_fn=lambda dx, dy, m: me._on_wheel(dx, dy, m),
                mouse_hovered_fn=lambda hovered: me._on_hovered(hovered),
            ):
                self._canvas = ui.Rectangle(name="canvas")
                self._view = ImageView(lambda text: me._model.say("info", text), identifier="tiles_image")
                self._labels["hint"] = ui.Label(
                    "", name="hint", identifier="hint", word_wrap=True, alignment=ui.Alignment.CENTER
                )
            with ui.HStack(height=ROW, spacing=6):
                self._labels["summary"] = ui.Label("", name="dim", width=ui.Fraction(1), elided_text=True)
                self._labels["readout"] = ui.Label("", name="value", width=ui.Fraction(3), elided_text=True)
                self._pages = ui.HStack(width=0, spacing=6)
                with self._pages:
                    button("<", "page_previous", lambda: me._turn(-1), "previous page (Page Up)", width=ROW)
                    self._page = ui.IntSlider(
                        min=1, max=1, width=140, height=ROW, identifier="page", tooltip="page of tiles"
                    )
                    button(">", "page_next", lambda: me._turn(1), "next page (Page Down)", width=ROW)
                self._page_subscription = self._page.model.subscribe_value_changed_fn(lambda m: me._on_page(m.as_int))

    # -- refreshing -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the widgets up to date; called once an application frame while the tab is seen."""
        view, page, pages, canvas = self._view, self._page, self._pages, self._canvas
        if view is None or page is None or pages is None or canvas is None:
            return
        model, tiles = self._model, self._model.tiles
        scale = ui.Workspace.get_dpi_scale()
        tiles.resize(round(canvas.computed_content_width * scale), round(canvas.computed_content_height * scale))
        if tiles.picture is not self._shown:
            self._shown = tiles.picture
            view.hide() if tiles.picture is None else view.show(tiles.picture)
        hint = model.hint
        assign(self._labels["hint"], "visible", bool(hint))
        assign(self._labels["hint"], "text", hint)
        self._bar.refresh()
        self._following = True  # what is set below is no choice of a person
        assign(pages, "visible", tiles.grid.pages > 1)
        assign(page, "max", tiles.grid.pages)
        if page.model.as_int != tiles.grid.page + 1:
            page.model.set_value(tiles.grid.page + 1)
        self._following = False
        dropped = f" ({model.recorder.dropped} dropped)" if model.recorder.dropped else ""
        recording = f"recording {model.recorder.frames} frames{dropped}   " if model.recorder.recording else ""
        assign(self._labels["summary"], "text", recording + tiles.summary)
        readout = tiles.readout.text if tiles.readout is not None else ""
        for name in ("text", "tooltip"):
            assign(self._labels["readout"], name, readout)

    def destroy(self) -> None:
        """Let the widgets go."""
        if self._view is not None:
            self._view.destroy()
        self._bar.destroy()
        self._view = self._canvas = self._pages = self._page = self._page_subscription = None
        self._labels = {}

    # -- what people do ---------------------------------------------------------------------------------------------

    def _canvas_point(self, x: float, y: float) -> tuple[float, float]:
        """Screen position to canvas pixels."""
        assert self._canvas is not None
        widget, grid = self._canvas, self._model.tiles.grid
        u = (x - widget.screen_position_x) / max(widget.computed_content_width, 1.0)
        v = (y - widget.screen_position_y) / max(widget.computed_content_height, 1.0)
        return u * grid.view_width, v * grid.view_height

    def _on_moved(self, x: float, y: float) -> None:
        tiles = self._model.tiles
        self._pointer = self._canvas_point(x, y)
        if self._drag is not None:
            tiles.move(tiles.grid.scrolled(self._drag[0] - self._pointer[0], self._drag[1] - self._pointer[1]))
            self._drag = self._pointer
        tiles.point(*self._pointer)

    def _on_pressed(self, x: float, y: float, pressed: int) -> None:
        self._pointer = self._canvas_point(x, y)
        tiles = self._model.tiles
        tiles.point(*self._pointer)
        self._drag = self._pointer
        hit = tiles.grid.hit(*self._pointer)
        if pressed == _RIGHT and hit is not None:
            self._model.pick(hit)
        elif hit is not None:
            tiles.select(hit.row)

    def _on_released(self) -> None:
        self._drag = None

    def _on_double_clicked(self, x: float, y: float) -> None:
        tiles = self._model.tiles
        hit = tiles.grid.hit(*self._canvas_point(x, y))
        tiles.focus(hit.row if hit is not None and tiles.focused is None else None)

    def _on_wheel(self, dx: float, dy: float, modifiers: int) -> None:
        tiles = self._model.tiles
        if modifiers & CONTROL:
            tiles.move(tiles.grid.zoomed(1.15**dy, *(self._pointer or (None, None))))
        else:
            step = min(tiles.grid.pitch, 96.0)
            tiles.move(tiles.grid.scrolled(-dx * step, -dy * step))

    def _on_hovered(self, hovered: bool) -> None:
        if not hovered:
            self._pointer = self._drag = None
            self._model.tiles.leave()

    def _on_page(self, page: int) -> None:
        if not self._following:
            self._model.tiles.move(self._model.tiles.grid.paged(page - 1))

    def _turn(self, step: int) -> None:
        grid = self._model.tiles.grid
        self._model.tiles.move(grid.paged(grid.page + step))
