"""Drawing beside the application: the stage is read between frames, pictures are made on a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import warp as wp

from ..errors import OvrtxRenderError
from ..renderer import TiledRenderer
from .capture import Capture, capture
from .drawer import Drawer, View
from .frames import Frame, Reference, Wanted
from .worker import Worker

if TYPE_CHECKING:
    from ..cameras import CameraBundle

__all__ = ["Frame", "Reference", "Session", "Wanted"]

_PATIENCE = 2.0
"""Longest wait for a frame when a stage is closed [s]."""


class Session:
    """Draws a stage, or looks on while somebody else does.

    All methods but :meth:`capture` belong to the application's thread, which is also the one that edits the stage.

    Args:
        view: What is to be drawn.
        inline: Draw in the caller's thread.

    Attributes:
        drawer: Draws what is shown.
        other: Draws what it is compared with, or None.
        reference: The frozen frame, or None.
        prepare: Called with each renderer before a frame, e.g. to write transforms.
        step: Frames drawn so far.
    """

    def __init__(self, view: View, inline: bool = False) -> None:
        self.drawer = Drawer(view)
        self.other: Drawer | None = None
        self.reference: Reference | None = None
        self.prepare: Callable[[TiledRenderer], None] | None = None
        self.step = 0
        self._inline = inline
        self._stage: Any = None
        self._attached: tuple[TiledRenderer, CameraBundle] | None = None
        self._looked_by: int | None = None
        self._work = self._worker()
        self._building: Drawer | None = None
        self._frame: Frame | None = None
        self._wanted: Wanted | None = None
        self._due = False
        self._errands: list[Callable[[], None]] = []
        self._measured: tuple[tuple[str, CameraBundle] | None, float, float] = (None, 0.0, 0.0)

    def _worker(self) -> Worker[Any]:
        return Worker("ovrtx-render viewer", self._inline)

    # -- what is drawn ----------------------------------------------------------------------------------------------

    @property
    def renderer(self) -> TiledRenderer | None:
        """The renderer at work."""
        return self._attached[0] if self._attached else self.drawer.renderer

    @property
    def bundle(self) -> CameraBundle | None:
        """The cameras at work."""
        return self._attached[1] if self._attached else self.drawer.bundle

    @property
    def attached(self) -> bool:
        """Whether somebody else draws."""
        return self._attached is not None

    @property
    def drawn_elsewhere(self) -> bool:
        """Whether the frames are drawn by another thread than this one."""
        return self._attached is not None and self._looked_by != threading.get_ident()

    @property
    def stage(self) -> Any:
        """The stage, or None."""
        return self._attached[0].stage if self._attached else self._stage

    @property
    def busy(self) -> bool:
        """Whether a frame is being drawn or a backend loaded."""
        return self._work.busy

    @property
    def loading(self) -> bool:
        """Whether a backend is being loaded."""
        return self._building is not None

    def open(self, stage: Any) -> None:
        """Draw a stage from the next :meth:`update` on."""
        self.close_stage()
        self._stage = stage
        self._due = stage is not None

    def attach(self, renderer: TiledRenderer, bundle: CameraBundle) -> None:
        """Look on while somebody else draws with a renderer; they call :meth:`capture` after each frame."""
        self.close_stage()
        self._attached = (renderer, bundle)

    def close_stage(self) -> None:
        """Let everything go that holds a stage. Waits for what is being drawn, but not for long."""
        finished = not self._work.busy or self._work.close(_PATIENCE)
        outcome = self._work.take()
        if self._work.closed:
            self._work = self._worker()
        if self._building is not None and outcome is not None and outcome.result is not None:
            outcome.result.close()  # a renderer that was just loaded
        for drawer in self._drawers():
            if finished:
                drawer.close()
            else:
                drawer.retire()
        self.drawer = Drawer(self.drawer.wanted)
        self.other = Drawer(self.other.wanted) if self.other is not None else None
        self._building = self._stage = self._attached = self._frame = self.reference = None
        self._measured = (None, 0.0, 0.0)
        self._errands = []
        self._due = False

    def close(self) -> None:
        """Free everything; may be called twice."""
        self.close_stage()
        self._work.close()

    # -- frames -----------------------------------------------------------------------------------------------------

    def request(self) -> None:
        """Have a frame drawn as soon as possible; requests in the meantime are the same one."""
        self._due = True

    def when_idle(self, errand: Callable[[], None]) -> None:
        """Have something done while nothing is drawn: at once, or after a frame, by who draws or updates."""
        self._errands.append(errand)
        if not self.drawn_elsewhere:
            self._run_errands()

    def take(self) -> Frame | None:
        """The newest frame since the last call, or None."""
        frame, self._frame = self._frame, None
        return frame

    def update(self, want: Callable[[CameraBundle], Wanted] | None) -> None:
        """One step: see what became of the last job, start the next one. Never waits for a picture.

        Args:
            want: Tells what to take out of the frames of a bundle; None if nobody looks, then nothing is drawn.
        """
        self._finish()
        if not self.drawn_elsewhere:
            self._run_errands()
        if self._work.busy or want is None:
            self._wanted = self._wanted if want is not None else None
            return
        if self._attached is None:
            if self._stage is None or self._load():
                return
            if self._due:
                self._draw(want)
                return
        if self.bundle is None or (moved := want(self.bundle)) == self._wanted:
            return
        self._wanted = moved
        if self._attached is None and self.step > 0:
            self._work.submit(lambda: self._look(drawn=False))
        elif self._looked_by == threading.get_ident():
            # Only the thread that draws knows that a frame is whole.
            self._frame = self._look(drawn=False)

    def capture(self) -> None:
        """Take what the viewer wants out of the attached renderer's buffers; costs nothing if nobody looks.

        To be called by the thread that drew, after each frame.
        """
        self._looked_by = threading.get_ident()
        self.step += 1
        self._run_errands()
        if self._attached is not None and self._wanted is not None and self._frame is None:
            self._frame = self._look(drawn=True)

    def freeze(self) -> bool:
        """Keep a copy of the frame on show, or of the one being drawn, to compare the next ones with.

        Returns:
            False if there is no frame yet.
        """
        if self.bundle is None or self.step == 0:
            return False
        self.when_idle(self._freeze)
        return True

    def _freeze(self) -> None:
        if self.bundle is not None:
            copies = {name: wp.clone(array) for name, array in self.bundle.outputs.items()}
            self.reference = Reference(self.step, f"frame {self.step}", copies)
            self._wanted = None  # so that the next update takes the tiles again

    def unfreeze(self) -> None:
        """Let the frozen frame go."""
        self.reference = self._wanted = None

    def compare_with(self, view: View | None) -> None:
        """Draw every frame a second time, otherwise; None ends it."""
        if self.other is not None and view is not None:
            self.other.wanted = view
        else:
            if self.other is not None:
                self.other.close()
            self.other = None if view is None else Drawer(view)
        self._due = self._stage is not None

    # -- inside -----------------------------------------------------------------------------------------------------

    def _run_errands(self) -> None:
        while self._errands and not self._work.busy:
            self._errands.pop(0)()

    def _drawers(self) -> list[Drawer]:
        return [self.drawer, *([self.other] if self.other is not None else [])]

    def _finish(self) -> None:
        outcome = self._work.take()
        if outcome is None:
            return
        building, self._building = self._building, None
        if outcome.error is not None and building is not None:
            building.load_problem = _tell(outcome.error)
        elif outcome.error is not None:
            self.drawer.draw_problem = _tell(outcome.error)
        elif building is not None:
            assert outcome.result is not None
            building.adopt(outcome.result)
        else:
            self._frame = outcome.result

    def _load(self) -> bool:
        """Start loading a backend that is wanted and not there; whether there was one."""
        for drawer in self._drawers():
            if not drawer.needs_renderer:
                continue
            try:
                load = drawer.build(self._stage)
            except OvrtxRenderError as error:
                drawer.load_problem = str(error)
                continue
            self._building = drawer
            self._work.submit(load, here=drawer.loads_here)
            self._due = True
            return True
        return False

    def _draw(self, want: Callable[[CameraBundle], Wanted]) -> None:
        self._due = False
        ready = [drawer for drawer in self._drawers() if drawer.ready()]
        if self.drawer not in ready or self.drawer.bundle is None:
            return
        self._wanted = want(self.drawer.bundle)
        for drawer in ready:
            if self.prepare is not None and drawer.renderer is not None:
                self.prepare(drawer.renderer)

        def job() -> Frame | None:
            for drawer in ready:
                drawer.draw()
            self.step += 1
            return self._look(drawn=True)

        self._work.submit(job, here=any(drawer.draws_here for drawer in ready))

    def _look(self, drawn: bool) -> Frame | None:
        """Take what is wanted out of the buffers, in the thread that drew them."""
        wanted, bundle, renderer = self._wanted, self.bundle, self.renderer
        if wanted is None or bundle is None or renderer is None or wanted.output not in bundle.outputs:
            return None
        rows = wanted.rows[wanted.rows < len(bundle)]
        device: Any = bundle.outputs[wanted.output].device
        # On a GPU measuring all tiles costs nothing; on a CPU it must not take more than a tenth of the time.
        began = time.perf_counter()
        output, last, took = self._measured
        another = (wanted.output, bundle) != output
        measure = another or (drawn and (device.is_cuda or began - last > 10.0 * took))
        a = capture(bundle, wanted.output, rows, step=self.step, source=renderer.backend_name, measured=measure)
        if measure:
            now = time.perf_counter()
            self._measured = ((wanted.output, bundle), now, now - began)
        b, other = None, self.other
        if self.reference is not None and wanted.output in self.reference.buffers:
            b = self._of(self.reference.label, bundle, rows, wanted.output, self.reference.buffers)
        elif other is not None and other.bundle is not None and other.renderer is not None:
            b = self._of(other.renderer.backend_name, other.bundle, rows, wanted.output, other.bundle.outputs)
        return Frame(
            self.step,
            a,
            b,
            bundle,
            dict(renderer.timings) if drawn else {},
            dict(other.renderer.timings) if drawn and other is not None and other.renderer is not None else {},
        )

    def _of(
        self, source: str, bundle: CameraBundle, rows: np.ndarray, output: str, buffers: dict[str, wp.array]
    ) -> Capture | None:
        if output not in buffers or (len(rows) and rows.max() >= buffers[output].shape[0]):
            return None
        return capture(bundle, output, rows, step=self.step, source=source, measured=False, buffers=buffers)


def _tell(error: Exception) -> str:
    return str(error) if isinstance(error, OvrtxRenderError) else f"{type(error).__name__}: {error}"
