"""The view-model: everything the window shows and does, without any Kit import."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import RendererCfg
from ..errors import OvrtxRenderError
from .canvas import Compare
from .drawer import View
from .frame_times import FrameTimes
from .layout import Store, layout_of, restore_layout
from .materials_model import MaterialsModel
from .recording import Recorder
from .renderer_model import RendererModel
from .session import Session
from .tile_grid import Hit
from .tiles_model import TilesModel

if TYPE_CHECKING:
    from ..cameras import CameraBundle
    from ..renderer import TiledRenderer

__all__ = ["Message", "Store", "ViewModel"]

_SAVE_EVERY = 1.0
"""Shortest time between two looks at whether the layout changed [s]."""


@dataclass(frozen=True)
class Message:
    """Something the person should know: severity ``info``, ``warning`` or ``error``, and one sentence."""

    severity: str
    text: str


class ViewModel:
    """Draws a stage and shows its tiles.

    One thread, the application's, calls everything but :meth:`capture`. :meth:`update` is called once an application
    frame; it starts work and takes results, and never waits for either.

    Args:
        cfg: Configuration to begin with; None is the default one.
        store: Where the layout is kept; None forgets it.
        folder: Where pictures and videos go; None is ``ovrtx_render_out`` in the home folder.
        inline: Do everything in the caller's thread: for scripts and tests.

    Attributes:
        session: What draws.
        renderer: Backend, options, cameras, outputs.
        tiles: What is seen.
        materials: Materials, findings and fixes.
        frame_times: Seconds a frame took, by phase.
        other_times: The same of the backend that is compared with.
        recorder: PNG and video.
        tab: The tab that is open: 0 Renderer, 1 Tiles, 2 Materials.
        on_message: Called with every new :class:`Message`, e.g. to notify the person.
    """

    def __init__(
        self,
        cfg: RendererCfg | None = None,
        *,
        store: Store | None = None,
        folder: Path | None = None,
        inline: bool = False,
    ) -> None:
        self.session = Session(View(cfg or RendererCfg()), inline)
        self.renderer = RendererModel(self.session)
        self.recorder = Recorder(folder or Path.home() / "ovrtx_render_out")
        self.tiles = TilesModel(self.session, self.recorder, inline)
        self.materials = MaterialsModel(self.session)
        self.frame_times = FrameTimes()
        self.other_times = FrameTimes()
        self.on_message: Callable[[Message], None] | None = None
        self.messages: list[Message] = []
        self.tab = 1
        self._views: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._store = store
        self._told = ("", "", "", "")
        self._before_look = ""
        self._saved: dict[str, Any] = store.load() if store is not None else {}
        self._looked = time.monotonic()
        restore_layout(self, self._saved)

    # -- what is drawn ----------------------------------------------------------------------------------------------

    def open(self, stage: Any) -> None:
        """Draw a stage."""
        self.close_stage()
        self.session.open(stage)

    def attach(self, renderer: TiledRenderer, bundle: CameraBundle | None = None) -> None:
        """Look on while somebody else draws with a renderer, e.g. a training; see :meth:`capture`.

        Args:
            renderer: The renderer.
            bundle: The cameras to look at; None are its first.

        Raises:
            OvrtxRenderError: The renderer has no cameras.
        """
        bundle = bundle or next(iter(renderer.bundles), None)
        if bundle is None:
            raise OvrtxRenderError("the renderer has no cameras to look at; call add_cameras first")
        self.close_stage()
        self.session.attach(renderer, bundle)

    def capture(self) -> None:
        """After each frame of an attached renderer, by the thread that drew it; costs nothing if nobody looks."""
        self.session.capture()

    def close_stage(self) -> None:
        """Let everything go that holds a stage."""
        self.session.close_stage()
        self.tiles.clear()
        self.materials.close_stage()
        self.frame_times.clear()
        self.other_times.clear()

    def close(self) -> None:
        """Save the layout and free everything; may be called twice."""
        self.save()
        self.materials.close_stage()
        self.session.close()
        self.tiles.close()
        self.recorder.close()

    def request_frame(self) -> None:
        """Have a frame drawn as soon as possible, if somebody looks."""
        self.session.request()

    def add_view(self, refresh: Callable[[], None]) -> Callable[[], None]:
        """Have a bound method called at the start of every :meth:`update`; what is handed back ends it.

        It is kept weakly: a window that nobody keeps goes.
        """
        method = weakref.WeakMethod(refresh)
        self._views.append(method)
        return lambda: self._views.remove(method) if method in self._views else None

    def update(self) -> None:
        """One application frame."""
        for method in tuple(self._views):
            refresh = method()
            if refresh is None:
                self._views.remove(method)
            else:
                refresh()
        self.session.update(self.tiles.want if self.tiles.needed else None)
        frame = self.session.take()
        if frame is not None:
            self.tiles.show(frame)
            self.frame_times.add(frame.timings)
            self.other_times.add(frame.other_timings)
        self.tiles.update()
        self.materials.update()
        self._tell_problems()
        if time.monotonic() - self._looked >= _SAVE_EVERY:  # an application that is killed forgets nothing
            self.save()

    @property
    def hint(self) -> str:
        """Why there is no picture, and what to do about it; empty if there is one."""
        tiles, session = self.tiles, self.session
        if tiles.picture is not None:
            none_odd = tiles.only_flagged and not len(tiles.grid)
            return "no tile is black, frozen or broken\npress B to see all of them" if none_odd else ""
        if session.stage is None:
            return "no stage is open\nopen one: its cameras are shown here"
        if self.renderer.error:
            return f"{self.renderer.error}\nthe tab Renderer has other backends and cameras, and a button to try again"
        if session.attached:
            return "waiting for the next frame of the program that draws"
        if session.loading:
            return f"{self.renderer.state}\nthe first time on a machine kernels are compiled, for up to a minute"
        return "the stage is being drawn for the first time"

    # -- comparing --------------------------------------------------------------------------------------------------

    @property
    def compared_with(self) -> str:
        """What the tiles are compared with, or empty."""
        if self.session.reference is not None:
            return self.session.reference.label
        return self.session.other.wanted.cfg.backend if self.session.other is not None else ""

    def freeze(self) -> None:
        """Keep this frame and compare the next ones with it."""
        if not self.session.freeze():
            self.say("warning", "there is no frame to freeze yet")
        elif self.tiles.compare is Compare.OFF:
            self.tiles.set_compare(Compare.SPLIT)

    def compare_backend(self, name: str, **changes: Any) -> None:
        """Draw every frame a second time with another backend or other options, and compare."""
        if self.session.attached:
            self.say("warning", "another program draws; its frames can be compared with a frozen one only")
            return
        try:
            cfg = self.renderer.cfg.replace(backend=name, **changes)
        except OvrtxRenderError as error:
            self.say("warning", str(error))
            return
        self.session.unfreeze()
        self.session.compare_with(replace(self.renderer.view, cfg=cfg))
        if self.tiles.compare is Compare.OFF:
            self.tiles.set_compare(Compare.SPLIT)

    def stop_comparing(self) -> None:
        """See the tiles alone again."""
        self.session.unfreeze()
        self.session.compare_with(None)
        self.other_times.clear()
        self.tiles.set_compare(Compare.OFF)

    # -- materials --------------------------------------------------------------------------------------------------

    def choose_look(self, name: str) -> None:
        """See the tiles in a material view, or, without a name, as they are."""
        output = self.renderer.choose_look(name)
        if not name:
            output = self._before_look
            self._before_look = ""
        elif output and not self._before_look:
            self._before_look = self.tiles.output
        if output:
            self.tiles.show_output_when_drawn(output)

    def pick(self, hit: Hit | None = None) -> None:
        """Say what a pixel shows: prim, material, textures, and why. Opens the tab Materials.

        Args:
            hit: The pixel; None is the one below the pointer.
        """
        hit = hit or self.tiles.pointer
        if hit is None:
            self.say("warning", "point at a pixel of a tile first")
            return
        self.materials.pick(hit.row, hit.x, hit.y)
        self.tab = 2

    def show_finding(self) -> None:
        """See a tile that the selected finding is about. Opens the tab Tiles."""
        finding, bundle = self.materials.selected, self.session.bundle
        if finding is None or bundle is None:
            return
        rows = np.flatnonzero(np.isin(bundle.envs, finding.envs)) if finding.envs else np.arange(len(bundle))
        if len(rows):
            self.tiles.focus(None)
            self.tiles.select(int(rows[0]))
            self.tab = 1

    # -- recording --------------------------------------------------------------------------------------------------

    def save_png(self) -> Path | None:
        """Write what is seen now as a picture."""
        picture = self.tiles.picture
        if picture is None:
            self.say("warning", "there is no picture yet")
            return None
        return self._try(lambda: self.recorder.save_png(np.array(picture.host()), self.tiles.output))

    def record(self) -> Path | None:
        """Start a video of what is seen, or end it."""
        if self.recorder.recording:
            path = self.recorder.stop()
            self.say("info", f"{self.recorder.frames} frames go to {path}")
            return path
        return self._try(lambda: self.recorder.start(self.tiles.output))

    def _try(self, write: Callable[[], Path]) -> Path | None:
        try:
            path = write()
        except OvrtxRenderError as error:
            self.say("error", str(error))
            return None
        self.say("info", f"writing {path}")
        return path

    # -- messages ---------------------------------------------------------------------------------------------------

    def say(self, severity: str, text: str) -> None:
        """Tell the person something."""
        message = Message(severity, text)
        self.messages = [*self.messages[-99:], message]
        if self.on_message is not None:
            self.on_message(message)

    def _tell_problems(self) -> None:
        problems = (self.renderer.error, self.tiles.problem, self.recorder.problem, self.materials.problem)
        for problem, told in zip(problems, self._told, strict=True):
            if problem and problem != told:
                self.say("error", problem)
        self._told = problems

    def save(self) -> None:
        """Keep the layout, if it changed."""
        self._looked = time.monotonic()
        state = layout_of(self)
        if self._store is not None and state != self._saved:
            self._saved = state
            self._store.save(state)
