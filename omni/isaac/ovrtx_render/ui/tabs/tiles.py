"""The tab Tiles: a tool bar, the canvas, and what is below the pointer."""

from __future__ import annotations

import weakref

import omni.ui as ui

from ..canvas import Compare
from ..colormaps import COLOR_MAPS
from ..image_view import ImageView
from ..keys import BINDINGS, CONTROL
from ..model import ViewModel
from ..style import ROW
from .widgets import Choice, assign, button

__all__ = ["TilesTab"]

_COMPARE = {"tiles": Compare.OFF, "reference": Compare.REFERENCE, "split": Compare.SPLIT, "diff": Compare.DIFFERENCE}
_AS_IT_IS = "materials"
_WITH_NOTHING, _WITH_FROZEN = "nothing", "frozen frame"
_RIGHT = 1
"""The right mouse button."""

_HELP = "Wheel: scroll. Ctrl + wheel: zoom. Click: select. Double click: see alone. Drag: move.\n"
_HELP += "Right click: what a pixel shows - prim, material, textures, and why.\n" + "\n".join(
    f"{key.name.replace('_', ' ').replace('KEY ', '').capitalize()}: {what}" for key, (what, _) in BINDINGS.items()
)


class TilesTab:
    """Shows :class:`~..tiles_model.TilesModel`.

    Args:
        model: The view-model.
    """

    def __init__(self, model: ViewModel) -> None:
        self._model = model
        self._view: ImageView | None = None
        self._bar: ui.Frame | None = None
        self._labels: dict[str, ui.Label] = {}
        self._toggles: dict[str, ui.Button] = {}
        self._choices: dict[str, Choice] = {}
        self._page: ui.IntSlider | None = None
        self._shown: object = None
        self._built_for: object = None
        self._pointer: tuple[float, float] | None = None
        self._drag: tuple[float, float] | None = None
        self._following = False

    # -- building ---------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the widgets; called inside of a frame."""
        me = weakref.proxy(self)
        self._shown = self._built_for = None
        with ui.VStack(spacing=2):
            self._bar = ui.Frame(height=ROW + 4)
            self._bar.set_build_fn(lambda: me._build_bar())
            with ui.ZStack(
                identifier="canvas",
                mouse_pressed_fn=lambda x, y, b, m: me._on_pressed(x, y, b),
                mouse_released_fn=lambda x, y, b, m: me._on_released(),
                mouse_moved_fn=lambda x, y, m, held: me._on_moved(x, y),
                mouse_double_clicked_fn=lambda x, y, b, m: me._on_double_clicked(x, y),
                mouse_wheel_fn=lambda dx, dy, m: me._on_wheel(dx, dy, m),
                mouse_hovered_fn=lambda hovered: me._on_hovered(hovered),
            ):
                ui.Rectangle(name="canvas")
                self._view = ImageView(lambda text: me._model.say("info", text), identifier="tiles_image")
            with ui.HStack(height=ROW, spacing=6):
                self._labels["summary"] = ui.Label("", name="dim", width=ui.Fraction(2), elided_text=True)
                self._labels["readout"] = ui.Label("", name="value", width=ui.Fraction(3), elided_text=True)
                button("<", "page_previous", lambda: me._turn(-1), "previous page (Page Up)", width=ROW)
                self._page = ui.IntSlider(
                    min=1, max=1, width=140, height=ROW, identifier="page", tooltip="page of tiles"
                )
                self._page_subscription = self._page.model.subscribe_value_changed_fn(lambda m: me._on_page(m.as_int))
                button(">", "page_next", lambda: me._turn(1), "next page (Page Down)", width=ROW)

    def _build_bar(self) -> None:
        me, model, tiles = weakref.proxy(self), self._model, self._model.tiles
        sources = [_WITH_NOTHING, _WITH_FROZEN]
        if not model.session.attached:
            sources += [choice.name for choice in model.renderer.backends if choice.available and choice.name != "auto"]
        chosen = _WITH_FROZEN if model.session.reference is not None else model.compared_with or _WITH_NOTHING
        with ui.HStack(height=ROW + 4, spacing=3):
            self._choices["output"] = Choice(
                tiles.outputs or [tiles.output], tiles.output, "output", tiles.show_output, "output that is seen (O)",
                width=ui.Fraction(3),
            )  # fmt: skip
            self._choices["color_map"] = Choice(
                COLOR_MAPS, tiles.palette.color_map, "color_map", lambda name: me._set_color_map(name),
                "colour map of depths and differences", width=72,
            )  # fmt: skip
            button("-", "zoom_out", lambda: tiles.move(tiles.grid.zoomed(0.8)), "smaller tiles (-)", width=ROW)
            button("+", "zoom_in", lambda: tiles.move(tiles.grid.zoomed(1.25)), "larger tiles (=)", width=ROW)
            button("Fit", "fit", lambda: tiles.move(tiles.grid.fitted()), "as large as fits (0)")
            toggle = {
                "Numbers": ("numbers", lambda: tiles.set_numbers(not tiles.numbers), "numbers in the tiles (N)"),
                "Odd": (
                    "only_flagged",
                    lambda: tiles.set_only_flagged(not tiles.only_flagged),
                    "only tiles that are black (amber), frozen (blue) or broken (pink) (B)",
                ),
                "Pause": ("paused", lambda: tiles.set_paused(not tiles.paused), "keep this picture (Space)"),
            }
            for text, (name, clicked, tooltip) in toggle.items():
                self._toggles[name] = button(text, name, clicked, tooltip)
            ui.Spacer(width=4)
            ui.Label("vs", name="dim", width=0)
            self._choices["source"] = Choice(
                sources, chosen, "compare_with", lambda name: me._compare_with(name),
                "compare with: the frame that is on show now (F), or another backend", width=ui.Fraction(2),
            )  # fmt: skip
            self._choices["compare"] = Choice(
                list(_COMPARE), _name_of(tiles.compare), "compare", lambda name: tiles.set_compare(_COMPARE[name]),
                "see the tiles, what they are compared with, both, or the difference (C)", width=ui.Fraction(2),
            )  # fmt: skip
            looks = [_AS_IT_IS, *(name for name in model.renderer.looks if name)]
            self._choices["look"] = Choice(
                looks, model.renderer.view.look or _AS_IT_IS, "look", lambda name: me._choose_look(name),
                "material views: " + "; ".join(f"{n}: {d}" for n, d in model.renderer.looks.items() if n),
                width=ui.Fraction(2),
            )  # fmt: skip
            button("PNG", "save_png", model.save_png, "save what is seen (S)")
            self._toggles["recording"] = button("Record", "record", model.record, "start or end a video (R)")
            button("?", "help", lambda: None, _HELP, width=ROW)

    # -- refreshing -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the widgets up to date; called once an application frame while the tab is seen."""
        view, page = self._view, self._page
        if view is None or page is None or self._bar is None:
            return
        model, tiles = self._model, self._model.tiles
        scale = ui.Workspace.get_dpi_scale()
        width, height = view.widget.computed_content_width, view.widget.computed_content_height
        tiles.resize(round(width * scale), round(height * scale))
        if tiles.picture is not None and tiles.picture is not self._shown:
            self._shown = tiles.picture
            view.show(tiles.picture)
        built_for = (tuple(tiles.outputs), model.compared_with, model.session.attached)
        if built_for != self._built_for:
            self._built_for = built_for
            self._bar.rebuild()
        self._following = True  # what is set below is no choice of a person
        self._choices["output"].choose(tiles.output) if "output" in self._choices else None
        self._choices["compare"].choose(_name_of(tiles.compare)) if "compare" in self._choices else None
        assign(page, "max", tiles.grid.pages)
        if page.model.as_int != tiles.grid.page + 1:
            page.model.set_value(tiles.grid.page + 1)
        self._following = False
        for name, toggle in self._toggles.items():
            assign(toggle, "checked", model.recorder.recording if name == "recording" else getattr(tiles, name))
        dropped = f" ({model.recorder.dropped} dropped)" if model.recorder.dropped else ""
        recording = f"recording {model.recorder.frames} frames{dropped}   " if model.recorder.recording else ""
        assign(self._labels["summary"], "text", recording + tiles.summary)
        assign(self._labels["readout"], "text", tiles.readout.text if tiles.readout is not None else "")

    def destroy(self) -> None:
        """Let the widgets go."""
        if self._view is not None:
            self._view.destroy()
        self._view = self._bar = self._page = self._page_subscription = None
        self._labels, self._toggles, self._choices = {}, {}, {}

    # -- what people do ---------------------------------------------------------------------------------------------

    def _canvas_point(self, x: float, y: float) -> tuple[float, float]:
        """Screen position to canvas pixels."""
        assert self._view is not None
        widget, grid = self._view.widget, self._model.tiles.grid
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

    def _set_color_map(self, name: str) -> None:
        self._model.tiles.set_palette(color_map=name)

    def _choose_look(self, name: str) -> None:
        self._model.choose_look("" if name == _AS_IT_IS else name)

    def _compare_with(self, name: str) -> None:
        if name == _WITH_NOTHING:
            self._model.stop_comparing()
        elif name == _WITH_FROZEN:
            self._model.freeze()
        else:
            self._model.compare_backend(name)


def _name_of(compare: Compare) -> str:
    return next(name for name, value in _COMPARE.items() if value is compare)
