"""The tab Renderer: backends, cameras, outputs, options and frame times."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import omni.ui as ui

from ...outputs import ALIASES, OUTPUTS
from ..choices import Option, preset_names
from ..model import ViewModel
from ..style import LINE_COLORS, ROW
from .widgets import Choice, button, dot, labelled

__all__ = ["RendererTab"]

_PLOT_HEIGHT = 34


class RendererTab:
    """Shows :class:`~..renderer_model.RendererModel` and the frame times.

    Args:
        model: The view-model.
    """

    def __init__(self, model: ViewModel) -> None:
        self._model = model
        self._frames: dict[str, ui.Frame] = {}
        self._seen: dict[str, object] = {}
        self._kept: dict[str, list[Any]] = {}
        self._plots: dict[str, tuple[ui.Plot, ui.Label]] = {}
        self._compared: ui.Label | None = None

    def build(self) -> None:
        """Make the widgets; called inside of a frame."""
        me = weakref.proxy(self)
        self._frames, self._seen = {}, {}
        sections: dict[str, Callable[[], None]] = {
            "Backend": lambda: me._build_backends(),
            "Cameras and outputs": lambda: me._build_cameras(),
            "Options": lambda: me._build_options(),
            "Frame times": lambda: me._build_times(),
        }
        with ui.ScrollingFrame(
            horizontal_scrollbar_policy=ui.ScrollBarPolicy.SCROLLBAR_ALWAYS_OFF,
            vertical_scrollbar_policy=ui.ScrollBarPolicy.SCROLLBAR_AS_NEEDED,
        ):
            with ui.VStack(height=0, spacing=4):
                for title, build in sections.items():
                    name = title.split()[0].lower()
                    with ui.CollapsableFrame(title=title, height=0, identifier=f"section_{name}"):
                        self._frames[name] = ui.Frame(height=0)
                        self._frames[name].set_build_fn(build)

    def refresh(self) -> None:
        """Bring the widgets up to date; called once an application frame while the tab is seen."""
        if not self._frames:
            return
        model, choices = self._model, self._model.renderer
        shows = {
            "backend": (tuple(choices.backends), choices.cfg.backend, choices.backend_at_work),
            "cameras": (tuple(choices.cameras), choices.view, tuple(choices.outputs), model.session.attached),
            "options": (choices.cfg, choices.problem),
            "frame": (tuple(model.frame_times.phases), model.compared_with),
        }
        for name, shown in shows.items():
            if self._seen.get(name) != shown:
                self._seen[name] = shown
                self._frames[name].rebuild()
        times = model.frame_times
        if self._plots and self._seen.get("times") != times.revision:
            self._seen["times"] = times.revision
            high = max(float(times.series("total").max(initial=1.0)), 1.0)
            for phase, (plot, label) in self._plots.items():
                plot.scale_max = high
                plot.set_data(*times.series(phase).tolist())
                label.text = f"{times.mean(phase):.2f} ms"
            if self._compared is not None:
                self._compared.text = f"{model.other_times.mean('total'):.2f} ms"

    def destroy(self) -> None:
        """Let the widgets go."""
        self._frames, self._seen, self._kept, self._plots = {}, {}, {}, {}
        self._compared = None

    # -- sections ---------------------------------------------------------------------------------------------------

    def _build_backends(self) -> None:
        choices = self._model.renderer
        with ui.VStack(height=0, spacing=2):
            for choice in choices.backends:
                chosen = choice.name == choices.cfg.backend
                at_work = choice.name == choices.backend_at_work
                with ui.HStack(height=ROW, spacing=6):
                    ui.Spacer(width=2)
                    dot("good" if choice.available else "bad")
                    ui.Button(
                        choice.name,
                        identifier=f"backend_{choice.name}",
                        width=90,
                        height=ROW,
                        checked=chosen,
                        enabled=choice.available,
                        tooltip=choice.reason,
                        clicked_fn=partial(choices.choose_backend, choice.name),
                    )
                    text = f"at work - {choice.reason}" if at_work else choice.reason
                    ui.Label(
                        text, name="chosen" if at_work else "dim", height=ROW, elided_text=True, tooltip=choice.reason
                    )
            with ui.HStack(height=ROW, spacing=6):
                ui.Spacer(width=18)
                button("Look again", "probe", choices.probe, "ask all backends again whether they can run")
                button("Retry", "retry", choices.retry, "load the backend again after it failed")
                ui.Spacer()

    def _build_cameras(self) -> None:
        me, choices, view = weakref.proxy(self), self._model.renderer, self._model.renderer.view
        bundle = self._model.session.bundle
        groups = {group.label: group.name for group in choices.cameras}
        shown = next((label for label, name in groups.items() if name == view.cameras), next(iter(groups), ""))
        kept: list[Any] = []
        with ui.VStack(height=0, spacing=3):
            with ui.HStack(height=ROW, spacing=6):
                labelled("Cameras", "cameras that are drawn together, and how many there are")
                tooltip = "the same camera of all environments, or one outside of them"
                kept.append(
                    Choice(
                        list(groups) or ["none"],
                        shown,
                        "cameras",
                        lambda label: choices.choose_cameras(groups[label]),
                        tooltip,
                    )
                )
            size = {"width": view.width, "height": view.height}
            if self._model.session.attached and bundle is not None:
                size = {"width": bundle.width, "height": bundle.height}
            with ui.HStack(height=ROW, spacing=6):
                labelled("Image size [px]", "width and height of each camera's image")
                for name, value in size.items():
                    field = ui.IntField(width=80, height=ROW, identifier=f"image_{name}", tooltip=f"image {name} [px]")
                    field.model.set_value(value)
                    # Taken when the person is done, not at every digit.
                    kept.append(field.model.subscribe_end_edit_fn(lambda model, name=name: me._set_size(name, model)))
                ui.Spacer()
            with ui.HStack(height=0, spacing=6):
                labelled("Outputs", "images that are drawn of each camera")
                drawn = {_kind_name(name) for name in choices.outputs}
                with ui.VGrid(column_count=2, row_height=ROW, height=0):
                    for name, kind in OUTPUTS.items():
                        with ui.HStack(height=ROW, spacing=4):
                            box = ui.CheckBox(width=18, identifier=f"output_{name}", tooltip=kind.doc)
                            box.model.set_value(name in drawn)
                            kept.append(
                                box.model.subscribe_value_changed_fn(
                                    lambda model, name=name: me._toggle_output(name, model)
                                )
                            )
                            ui.Label(name, elided_text=True, tooltip=f"{kind.doc} [{kind.unit}]")
        self._kept["cameras"] = kept

    def _build_options(self) -> None:
        choices = self._model.renderer
        kept: list[Any] = []
        with ui.VStack(height=0, spacing=2):
            with ui.HStack(height=ROW, spacing=6):
                labelled("Preset", "sets several options at once")
                for name in preset_names():
                    button(name, f"preset_{name}", partial(choices.apply_preset, name), f"options of the preset {name}")
                button(
                    "Reset", "options_reset", choices.reset_options, "all options as they are by default",
                    enabled=any(option.value != option.default for option in choices.options),
                )  # fmt: skip
                ui.Spacer()
            for option in choices.options:
                with ui.HStack(height=ROW, spacing=6):
                    changed = option.value != option.default
                    labelled(option.name.replace("_", " "), option.doc, chosen=changed)
                    kept.append(self._option_widget(option))
                    ui.Label(option.hint, name="dim", elided_text=True)
            if choices.problem:
                ui.Label(choices.problem, name="error", word_wrap=True, height=0)
        self._kept["options"] = kept

    def _option_widget(self, option: Option) -> Any:
        choices = self._model.renderer
        named: dict[str, Any] = {"identifier": f"option_{option.name}", "tooltip": option.doc}
        if option.kind == "choice":
            return Choice(option.choices, option.value, named["identifier"], partial(choices.set_option, option),
                          option.doc, width=160)  # fmt: skip
        if option.kind == "bool":
            box = ui.CheckBox(width=18, **named)
            box.model.set_value(bool(option.value))
            return box.model.subscribe_value_changed_fn(lambda model: choices.set_option(option, model.as_bool))
        field = ui.StringField(width=160, height=ROW, **named)
        field.model.set_value(option.text)
        return field.model.subscribe_end_edit_fn(lambda model: choices.set_option(option, model.as_string))

    def _build_times(self) -> None:
        self._plots, self._compared = {}, None
        model, phases = self._model, self._model.frame_times.phases
        self._seen.pop("times", None)
        with ui.VStack(height=0, spacing=2):
            if not phases:
                ui.Label("no frame was drawn yet", name="dim", height=ROW)
            for i, phase in enumerate(phases):
                with ui.HStack(height=_PLOT_HEIGHT, spacing=6):
                    ui.Label(phase, name="dim", width=110, tooltip=f"time spent in {phase}, all on one scale")
                    label = ui.Label("", name="value", width=80, alignment=ui.Alignment.RIGHT_CENTER)
                    with ui.ZStack():
                        ui.Rectangle(name="bar")
                        plot = ui.Plot(
                            ui.Type.LINE, 0.0, 1.0, 0.0, name=str(i % len(LINE_COLORS)), identifier=f"plot_{phase}"
                        )
                self._plots[phase] = (plot, label)
            if phases and model.session.other is not None:
                with ui.HStack(height=ROW, spacing=6):
                    ui.Label(
                        f"{model.compared_with}, total", name="dim", width=110, elided_text=True,
                        tooltip="what the tiles are compared with: a whole frame",
                    )  # fmt: skip
                    self._compared = ui.Label("", name="value", width=80, alignment=ui.Alignment.RIGHT_CENTER)
                    ui.Spacer()

    # -- what people do ---------------------------------------------------------------------------------------------

    def _set_size(self, name: str, model: ui.AbstractValueModel) -> None:
        view = self._model.renderer.view
        size = {"width": view.width, "height": view.height, name: model.as_int}
        self._model.renderer.set_size(size["width"], size["height"])

    def _toggle_output(self, name: str, model: ui.AbstractValueModel) -> None:
        asked = [drawn for drawn in self._model.renderer.outputs if _kind_name(drawn) == name]
        self._model.renderer.toggle_output(asked[0] if asked else name, model.as_bool)


def _kind_name(name: str) -> str:
    """The name of an output's kind: ``depth`` is another name of ``distance_to_image_plane``."""
    return ALIASES.get(name, name)
