"""Everything that runs while the extension is enabled, each thing with its end.

Starting imports nothing heavy: what draws (Warp, the view-model) is made when the window is first shown, or when a
script or Isaac Lab asks for a picture.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._warp_version import require_warp
from ..errors import OvrtxRenderError, SceneError
from ..watching import watch
from .drivers import Driver, UpdateDriver, make_driver
from .events import observe_post_update
from .interface import Interface
from .notices import Notices
from .poses import Poses
from .registration import IsaacLabRegistration
from .settings import KitSettings, SettingsWatcher, read_settings
from .stage_events import StageEvents

if TYPE_CHECKING:
    import warp as wp

    from ..cameras import CameraBundle
    from ..renderer import TiledRenderer
    from ..ui.model import Message, ViewModel

__all__ = ["Service", "running"]

_AFTER_FAILURE = 1.0
"""Time between two attempts while the renderer fails [s]."""

_running: Service | None = None


def running() -> Service | None:
    """The service of the enabled extension, or None."""
    return _running


class Service:
    """Draws the open stage for the window, and for scripts.

    Args:
        name: Name of the extension.

    Attributes:
        settings: The settings as they were read last.
        model: What the window shows; None until it is needed.
        stage: The open stage, or None.
        interface: Window, menu entry and actions, as far as the application has such.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.settings = KitSettings()
        self.model: ViewModel | None = None
        self.stage: Any = None
        self._notices = Notices(name)
        self._registration = IsaacLabRegistration(self._notices, lambda: self.settings.renderer)
        self._poses = Poses(self._notices)
        self.interface = Interface(name, self.need_model, self._notices)
        self._driver: Driver | None = None
        self._ends: list[Callable[[], None]] = []
        self._changed = self._failing = False
        self._problems: list[str] = []
        self._next = 0.0
        self._thread = threading.get_ident()
        self._offered: tuple[weakref.ref[TiledRenderer], weakref.ref[CameraBundle]] | None = None

    # -- start and stop ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; whatever was begun is ended by :meth:`stop`, also after a failure halfway."""
        global _running
        _running = self
        self._ends += [self._close_model, self._stage_closing, self._registration.stop]
        self._ends.append(SettingsWatcher(self.name, self._settings_changed).stop)
        self._read_settings()
        self._ends.append(self._stop_driver)
        self._start_driver()
        self._follow_isaac_lab()
        self._ends.append(observe_post_update(self._update, f"{self.name} update"))
        self._ends.append(watch(self._look_on))
        stage_events = StageEvents(self.name, self._stage_opened, self._stage_closing, self._stage_loaded)
        self._ends.append(stage_events.stop)
        stage_events.start()
        self._ends.append(self.interface.stop)
        self.interface.start(show_window=self.settings.show_window)

    def stop(self) -> None:
        """End everything, last things first; may be called twice."""
        global _running
        if _running is self:
            _running = None
        while self._ends:
            end = self._ends.pop()
            try:
                end()
            except Exception as error:  # the others must still end
                self._notices.error("the extension could not be stopped cleanly", error)

    def _close_model(self) -> None:
        model, self.model = self.model, None
        if model is not None:
            model.on_message = model.session.prepare = None
            model.close()

    # -- what draws -------------------------------------------------------------------------------------------------

    def need_model(self) -> ViewModel:
        """The view-model, made when it is asked for the first time.

        Raises:
            BackendUnavailableError: There is no Warp, or it is too old, as that of Isaac Sim 5.1 is.
        """
        if self.model is None:
            require_warp()
            from ..ui.model import ViewModel
            from .layout import LayoutStore

            self.model = ViewModel(self.settings.renderer, store=LayoutStore(self.name))
            self.model.on_message = self._tell
            self.model.session.prepare = self._poses.write
            self._configure(KitSettings())
            if self.stage is not None:
                self.model.open(self.stage)
        return self.model

    def render(self, timeout: float = 120.0) -> dict[str, wp.array]:
        """Draw the open stage now, for scripts.

        Args:
            timeout: Longest wait [s]; the first picture of a stage may have to wait for kernels to be compiled.

        Returns:
            (N, H, W, C) arrays by output name; they are drawn into again by the next frame.

        Raises:
            SceneError: No stage is open, or it cannot be drawn.
            OvrtxRenderError: There was no picture in time.
        """
        import numpy as np

        from ..ui.session import Wanted

        if self.stage is None:
            raise SceneError("there is no open stage to draw; open one first")
        session, end = self.need_model().session, time.monotonic() + timeout
        if session.attached and session.bundle is not None:
            return session.bundle.outputs  # somebody else draws, and these are their newest images
        while session.busy and time.monotonic() < end:
            session.update(None)  # a frame that was begun before may not have what was edited since
            time.sleep(0.001)
        first, output = session.step, self.settings.outputs[0]
        session.drawer.retry()
        session.request()
        while time.monotonic() < end:
            session.update(lambda bundle: Wanted(output, np.zeros(0, np.int64)))
            if session.drawer.problem:
                raise SceneError(session.drawer.problem)
            if session.step > first and not session.busy:
                assert session.bundle is not None
                return session.bundle.outputs
            time.sleep(0.001)
        raise OvrtxRenderError(f"there was no picture within {timeout:g} s; ask again, or look into the log")

    def _update(self) -> None:
        """Once an update of the application."""
        if self._changed:
            self._changed = False
            before = self.settings
            self._read_settings()
            self._start_driver()
            self._follow_isaac_lab()
            self._configure(before)
        self._notices.catch_up()
        if self.model is not None:
            try:
                self._take_offered(self.model)
                self._look_back(self.model)
                self.model.update()
                failing, self._failing = self._failing, bool(self.model.renderer.error)
                if failing and not self._failing:
                    self._notices.settled()
            except Exception as error:
                self._notices.error("the cameras could not be shown", error)

    def _draw(self) -> None:
        """When the driver says so: ask for a picture, if there may be something new to see."""
        model, now = self.model, time.monotonic()
        if model is None or not self.settings.enabled or now < self._next:
            return
        renderer = model.session.renderer
        # Isaac Sim's own renderer refines its picture while nothing moves.
        refines = model.renderer.backend_at_work == "isaac_rtx"
        if refines or self._poses.moving() or (renderer is not None and renderer.pending):
            wait = 1.0 / self.settings.max_rate if self.settings.max_rate > 0.0 else 0.0
            self._next = now + max(wait, _AFTER_FAILURE if model.renderer.error else 0.0)
            model.request_frame()

    def _look_on(self, renderer: TiledRenderer, bundle: CameraBundle) -> None:
        """Somebody else's renderer, such as Isaac Lab's, drew a frame: the window shows it and draws nothing itself.

        Called by the thread that drew, which need not be the application's; only that one may attach.
        """
        model = self.model
        if model is None or not self.settings.enabled:
            return
        try:
            if model.session.renderer is not renderer or not model.session.attached:
                self._offered = (weakref.ref(renderer), weakref.ref(bundle))
                if threading.get_ident() == self._thread:
                    self._take_offered(model)
            if model.session.bundle is bundle:
                model.capture()
        except Exception as error:
            self._notices.error("the training's cameras could not be shown", error)

    def _take_offered(self, model: ViewModel) -> None:
        """Look at the cameras of somebody else that were drawn last, if they are still there."""
        offered, self._offered = self._offered, None
        if offered is None:
            return
        renderer, bundle = offered[0](), offered[1]()
        if renderer is not None and bundle in renderer.bundles:
            model.attach(renderer, bundle)

    def _look_back(self, model: ViewModel) -> None:
        """Draw the stage again when whoever drew has closed their renderer, or forgot those cameras."""
        session = model.session
        if session.attached and session.renderer is not None and session.bundle not in session.renderer.bundles:
            model.open(self.stage)

    def _tell(self, message: Message) -> None:
        if message.severity == "info":
            self._notices.info(message.text)
        else:
            self._notices.warn(message.text)

    # -- the stage --------------------------------------------------------------------------------------------------

    def _stage_opened(self, stage: Any) -> None:
        self.stage = stage
        self._poses.open(self.settings.poses)
        self._start_driver()  # a simulation context may have been made since the last attempt
        if self.model is not None:
            self.model.open(stage)

    def _stage_closing(self) -> None:
        if self.stage is None:
            return
        self.stage = None
        if self.model is not None:
            self.model.close_stage()
        self._poses.close()

    def _stage_loaded(self) -> None:
        if self.model is not None:
            self.model.request_frame()

    # -- settings ---------------------------------------------------------------------------------------------------

    def _settings_changed(self) -> None:
        self._changed = True  # several may come at once: they are read at the next update

    def _read_settings(self) -> None:
        known = self._problems
        self.settings, self._problems = read_settings(self.name)
        self._notices.on_screen = self.settings.notifications
        for problem in self._problems:
            if problem not in known:
                self._notices.warn(problem)

    def _follow_isaac_lab(self) -> None:
        self._registration.start() if self.settings.isaaclab else self._registration.stop()

    def _configure(self, before: KitSettings) -> None:
        """Take over what was set since; what a person chose in the window stays otherwise."""
        self._poses.choose(self.settings.poses)
        names = {"renderer": "cfg", "cameras": "cameras", "width": "width", "height": "height", "outputs": "outputs"}
        changes = {
            field: getattr(self.settings, name)
            for name, field in names.items()
            if getattr(self.settings, name) != getattr(before, name)
        }
        if self.model is not None and changes and not self.model.session.attached:
            self.model.renderer.set_view(**changes)

    # -- when to draw -----------------------------------------------------------------------------------------------

    def _start_driver(self) -> None:
        wanted = make_driver(self.settings.source, self.name)
        if self._driver is not None and self._driver.name == wanted.name:
            return
        self._stop_driver()
        try:
            wanted.start(self._draw)
        except OvrtxRenderError as error:
            self._notices.warn(str(error))
            wanted = UpdateDriver(self.name)
            wanted.start(self._draw)
        self._driver = wanted

    def _stop_driver(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.stop()
