"""The window in Kit: tabs over the view-model."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import omni.ui as ui

from .keys import press
from .model import ViewModel
from .style import ROW, STYLES
from .tabs.materials import MaterialsTab
from .tabs.renderer import RendererTab
from .tabs.tiles import TilesTab

__all__ = ["RendererWindow"]

TILES, MATERIALS = 1, 2


class _Tab(Protocol):
    def build(self) -> None: ...
    def refresh(self) -> None: ...
    def destroy(self) -> None: ...


class RendererWindow(ui.Window):
    """Dockable window with the tabs Renderer, Tiles and Materials.

    It refreshes itself whenever the model is updated, and only what can be seen. The model outlives it.

    Args:
        model: What it shows.
        title: Title, by which Kit knows the window.
        arguments: More arguments of ``omni.ui.Window``.
    """

    def __init__(self, model: ViewModel, title: str = "OVRTX Renderer", **arguments: Any) -> None:
        arguments = {
            "width": 960,
            "height": 720,
            "flags": ui.WINDOW_FLAGS_NO_SCROLLBAR,
            "raster_policy": ui.RasterPolicy.NEVER,  # a picture that was rasterised once would stand still
            **arguments,
        }
        super().__init__(title, dockPreference=ui.DockPreference.MAIN, **arguments)
        self._model: ViewModel | None = model
        self._covered = self._was_seen = False
        self._buttons: list[ui.Button] = []
        self._frames: list[ui.Frame] = []
        self._state: ui.Label | None = None
        self._seen: object = None
        self._tabs: list[tuple[str, str, _Tab]] = [
            ("Renderer", "backends, options, cameras, outputs and frame times", RendererTab(model)),
            ("Tiles", "what the cameras see", TilesTab(model)),
            ("Materials", "materials, findings and fixes", MaterialsTab(model)),
        ]
        # What Kit keeps must not keep the window alive.
        me = weakref.proxy(self)
        self.deferred_dock_in("Viewport", ui.DockPolicy.CURRENT_WINDOW_IS_ACTIVE)
        self.set_selected_in_dock_changed_fn(lambda selected: me._on_covered(not selected))
        self.set_key_pressed_fn(lambda key, modifiers, pressed: me._on_key(key, modifiers, pressed))
        self.frame.set_style(STYLES)
        self.frame.set_build_fn(lambda: me._build())
        self._leave: Callable[[], None] = model.add_view(self.refresh)

    @property
    def seen(self) -> bool:
        """Whether the window can be seen: it is open and not covered by another tab of its dock."""
        return bool(self.visible) and not self._covered

    def refresh(self) -> None:
        """Bring what can be seen up to date; called by the model at every update."""
        model = self._model
        if model is None:
            return
        seen = self.seen and bool(self._frames)
        model.tiles.shown = seen and model.tab == TILES
        model.materials.shown = seen and model.tab == MATERIALS
        was_seen, self._was_seen = self._was_seen, seen
        if not seen:
            if was_seen:
                model.save()
            return
        for i, (tab_button, frame) in enumerate(zip(self._buttons, self._frames, strict=True)):
            if frame.visible != (i == model.tab):
                tab_button.checked = frame.visible = i == model.tab
        self._tabs[model.tab][2].refresh()
        message = model.messages[-1] if model.messages else None
        state = (model.renderer.error or model.renderer.state, message)
        if state != self._seen and self._state is not None:
            self._seen = state
            self._state.text = state[0]
            self._state.name = "error" if model.renderer.error else "dim"
            self._state.tooltip = "\n".join(message.text for message in model.messages[-8:])

    def destroy(self) -> None:
        """Take the window away and save the layout; may be called twice."""
        model, self._model = self._model, None
        if model is None:
            return
        self._leave()
        model.tiles.shown = model.materials.shown = False
        model.save()
        for _, _, tab in self._tabs:
            tab.destroy()
        self._tabs, self._buttons, self._frames, self._state = [], [], [], None
        super().destroy()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        model = self._model
        if model is None:
            return
        me = weakref.proxy(self)
        self._buttons, self._frames, self._seen = [], [], None
        with ui.VStack(spacing=0):
            with ui.HStack(height=ROW + 4, spacing=2):
                for i, (name, tooltip, _) in enumerate(self._tabs):
                    self._buttons.append(
                        ui.Button(
                            name,
                            name="tab",
                            identifier=f"tab_{name.lower()}",
                            width=96,
                            height=ROW + 4,
                            checked=i == model.tab,
                            tooltip=tooltip,
                            clicked_fn=lambda i=i: me._open(i),
                        )
                    )
                ui.Spacer(width=8)
                self._state = ui.Label("", name="dim", elided_text=True, alignment=ui.Alignment.LEFT_CENTER)
            ui.Rectangle(height=1, name="line")
            with ui.ZStack():
                for i, (_, _, tab) in enumerate(self._tabs):
                    frame = ui.Frame(visible=i == model.tab)
                    frame.set_build_fn(tab.build)
                    self._frames.append(frame)

    def _open(self, tab: int) -> None:
        if self._model is not None:
            self._model.tab = tab
            self._model.renderer.revision += 1

    def _on_covered(self, covered: bool) -> None:
        self._covered = covered

    def _on_key(self, key: int, modifiers: int, pressed: bool) -> None:
        if pressed and self._model is not None and self._model.tab == TILES:
            press(self._model, key, modifiers)
