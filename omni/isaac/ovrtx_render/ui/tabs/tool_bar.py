"""The tool bar of the tab Tiles: what is seen, what it is compared with, and the colours it is seen in."""

from __future__ import annotations

import weakref

import omni.ui as ui

from ..canvas import Compare
from ..color_scale import ColorScale
from ..colormaps import COLOR_MAPS
from ..image_view import ImageView
from ..keys import BINDINGS
from ..model import ViewModel
from ..style import ROW
from .widgets import Choice, assign, button

__all__ = ["ToolBar"]

_COMPARE = {
    "tiles": Compare.OFF,
    "reference": Compare.REFERENCE,
    "split": Compare.SPLIT,
    "difference": Compare.DIFFERENCE,
}
_NO_LOOK = "as they are"
_WITH_NOTHING, _WITH_FROZEN = "nothing", "frozen frame"

_HELP = "Wheel: scroll. Ctrl + wheel: zoom. Click: select. Double click: see alone. Drag: move.\n"
_HELP += "Right click: what a pixel shows - prim, material, textures, and why.\n" + "\n".join(
    f"{key.name.replace('_', ' ').replace('KEY ', '').capitalize()}: {what}" for key, (what, _) in BINDINGS.items()
)


class ToolBar:
    """Two lines of widgets, and a third one while there is something to compare or a colour map is used.

    Args:
        model: The view-model.
    """

    def __init__(self, model: ViewModel) -> None:
        self._model = model
        self._frame: ui.Frame | None = None
        self._toggles: dict[str, ui.Button] = {}
        self._choices: dict[str, Choice] = {}
        self._scale: ImageView | None = None
        self._values: list[ui.Label] = []
        self._built_for: object = None
        self._scaled: ColorScale | None = None

    def build(self) -> None:
        """Make the widgets; called inside of a stack."""
        me = weakref.proxy(self)
        self._built_for = None
        self._frame = ui.Frame(height=0)
        self._frame.set_build_fn(lambda: me._build())

    def refresh(self) -> None:
        """Bring the widgets up to date."""
        if self._frame is None:
            return
        model, tiles = self._model, self._model.tiles
        scale = tiles.scale
        built_for = (tuple(tiles.outputs), model.compared_with, model.session.attached, scale is not None)
        if built_for != self._built_for:
            self._built_for = built_for
            self._frame.rebuild()
            return
        shown = {"output": tiles.output, "compare": _name_of(tiles.compare), "color_map": tiles.palette.color_map}
        for name, value in shown.items():
            if name in self._choices:
                self._choices[name].choose(value)
        for name, toggle in self._toggles.items():
            assign(toggle, "checked", model.recorder.recording if name == "recording" else getattr(tiles, name))
        if self._scale is not None and scale is not None and scale != self._scaled:
            self._scaled = scale
            self._scale.show_pixels(scale.pixels())
            for label, text in zip(self._values, scale.texts, strict=True):
                label.text = text

    def destroy(self) -> None:
        """Let the widgets go."""
        self._forget()
        self._frame = None

    def _forget(self) -> None:
        if self._scale is not None:
            self._scale.destroy()
        self._scale = self._scaled = None
        self._toggles, self._choices, self._values = {}, {}, []

    # -- the lines --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._forget()
        with ui.VStack(height=0, spacing=2):
            with ui.HStack(height=ROW, spacing=3):
                self._build_view()
            with ui.HStack(height=ROW, spacing=3):
                self._build_sources()
            if self._model.compared_with or self._model.tiles.scale is not None:
                with ui.HStack(height=ROW, spacing=3):
                    self._build_comparison()

    def _build_view(self) -> None:
        tiles = self._model.tiles
        _label("Output")
        self._choices["output"] = Choice(
            tiles.outputs or [tiles.output], tiles.output, "output", tiles.show_output, "output that is seen (O)",
            least=110, width=ui.Fraction(2),
        )  # fmt: skip
        button("-", "zoom_out", lambda: tiles.move(tiles.grid.zoomed(0.8)), "smaller tiles (-)", width=ROW)
        button("+", "zoom_in", lambda: tiles.move(tiles.grid.zoomed(1.25)), "larger tiles (=)", width=ROW)
        button("Fit", "fit", lambda: tiles.move(tiles.grid.fitted()), "as large as fits (0)")
        toggles = {
            "Numbers": ("numbers", lambda: tiles.set_numbers(not tiles.numbers), "numbers in the tiles (N)"),
            "Odd": (
                "only_flagged",
                lambda: tiles.set_only_flagged(not tiles.only_flagged),
                "only tiles that are black (amber), frozen (blue) or broken (pink) (B)",
            ),
            "Pause": ("paused", lambda: tiles.set_paused(not tiles.paused), "keep this picture (Space)"),
        }
        for text, (name, clicked, tooltip) in toggles.items():
            self._toggles[name] = button(text, name, clicked, tooltip)
        button("?", "help", lambda: None, _HELP, width=ROW)
        ui.Spacer(width=ui.Fraction(1))

    def _build_sources(self) -> None:
        me, model = weakref.proxy(self), self._model
        sources = [_WITH_NOTHING, _WITH_FROZEN]
        if not model.session.attached:
            sources += [choice.name for choice in model.renderer.backends if choice.available and choice.name != "auto"]
        chosen = _WITH_FROZEN if model.session.reference is not None else model.compared_with or _WITH_NOTHING
        _label("Compare with")
        self._choices["source"] = Choice(
            sources, chosen, "compare_with", lambda name: me._compare_with(name),
            "the frame that is on show now (F), or another backend, which then draws every frame too",
            least=100, width=ui.Fraction(2),
        )  # fmt: skip
        _label("Materials")
        self._choices["look"] = Choice(
            [_NO_LOOK, *(name for name in model.renderer.looks if name)],
            model.renderer.view.look or _NO_LOOK,
            "look",
            lambda name: me._choose_look(name),
            "material views: " + "; ".join(f"{n}: {d}" for n, d in model.renderer.looks.items() if n),
            least=100,
            width=ui.Fraction(2),
        )
        button("PNG", "save_png", model.save_png, "save what is seen (S)")
        self._toggles["recording"] = button("Record", "record", model.record, "start or end a video (R)")
        ui.Spacer(width=ui.Fraction(1))

    def _build_comparison(self) -> None:
        tiles = self._model.tiles
        if self._model.compared_with:
            _label("Show")
            self._choices["compare"] = Choice(
                list(_COMPARE), _name_of(tiles.compare), "compare", lambda name: tiles.set_compare(_COMPARE[name]),
                "see the tiles, what they are compared with, both, or the difference (C)", width=96,
            )  # fmt: skip
        scale = tiles.scale
        if scale is not None:
            _label("Colours")
            self._choices["color_map"] = Choice(
                COLOR_MAPS, tiles.palette.color_map, "color_map", lambda name: tiles.set_palette(color_map=name),
                "colour map of depths and differences", width=76,
            )  # fmt: skip
            low = ui.Label(" ", name="value", width=0)
            self._scale = ImageView(identifier="color_scale", tooltip="what the colours stand for", width=96)
            high, middle = (ui.Label(" ", name=name, width=0) for name in ("value", "dim"))
            self._values = [low, high, middle]
        ui.Spacer(width=ui.Fraction(1))

    # -- what people do ---------------------------------------------------------------------------------------------

    def _choose_look(self, name: str) -> None:
        self._model.choose_look("" if name == _NO_LOOK else name)

    def _compare_with(self, name: str) -> None:
        if name == _WITH_NOTHING:
            self._model.stop_comparing()
        elif name == _WITH_FROZEN:
            self._model.freeze()
        else:
            self._model.compare_backend(name)


def _label(text: str) -> None:
    ui.Label(f" {text}", name="dim", width=0)


def _name_of(compare: Compare) -> str:
    return next(name for name, value in _COMPARE.items() if value is compare)
