"""What is drawn, and with what: backend, options, cameras, image size, outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..config import MAX_IMAGE_SIZE, PRESETS, RendererCfg
from ..errors import ConfigError, OvrtxRenderError
from ..outputs import OUTPUTS, resolve_outputs
from .choices import BackendChoice, Option, backend_choices, options_of, parse_option
from .drawer import CameraGroup, View, camera_groups
from .session import Session

__all__ = ["RendererModel"]

_ATTACHED = "the program that draws owns this renderer; its configuration cannot be changed here"


class RendererModel:
    """The choices behind the tab Renderer.

    Args:
        session: What draws.

    Attributes:
        revision: Grows when something here changes.
        problem: Why the last choice was refused, or empty.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._backends: list[BackendChoice] | None = None
        self.revision = 0
        self.problem = ""

    # -- what there is ----------------------------------------------------------------------------------------------

    @property
    def backends(self) -> list[BackendChoice]:
        """Backends with their availability; probed once, and again after :meth:`probe`."""
        if self._backends is None:
            self._backends = backend_choices()
        return self._backends

    def probe(self) -> None:
        """Ask the backends again whether they can run."""
        self._backends = None
        self.revision += 1

    @property
    def view(self) -> View:
        """What is wanted now."""
        return self._session.drawer.wanted

    @property
    def cfg(self) -> RendererCfg:
        """The configuration at work, or the wanted one."""
        renderer = self._session.renderer
        return renderer.cfg if self._session.attached and renderer is not None else self.view.cfg

    @property
    def backend_at_work(self) -> str:
        """Name of the backend that draws, or empty."""
        renderer = self._session.renderer
        return renderer.backend_name if renderer is not None else ""

    @property
    def options(self) -> list[Option]:
        """The options and their values."""
        return options_of(self.cfg)

    @property
    def cameras(self) -> list[CameraGroup]:
        """Camera groups of the stage, the largest first."""
        renderer = self._session.renderer
        return camera_groups(renderer.scene.cameras, renderer.scene.env_paths) if renderer is not None else []

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs that are drawn."""
        bundle = self._session.bundle
        return list(bundle.kinds) if self._session.attached and bundle is not None else list(self.view.outputs)

    @property
    def all_outputs(self) -> list[str]:
        """Names of all outputs there are."""
        return list(OUTPUTS)

    @property
    def state(self) -> str:
        """In a few words, what is going on."""
        session, bundle = self._session, self._session.bundle
        if session.loading:
            return f"loading the backend {session.drawer.wanted.cfg.backend} ..."
        if bundle is None:
            return self.error or ("reading the stage ..." if session.stage is not None else "no stage is open")
        size = f"{len(bundle)} cameras, {bundle.width} x {bundle.height}"
        return f"{self.backend_at_work}: {size}, frame {session.step}"

    @property
    def error(self) -> str:
        """Why what is wanted cannot be drawn, or empty."""
        return self._session.drawer.problem or self.problem

    # -- choices ----------------------------------------------------------------------------------------------------

    def choose_backend(self, name: str) -> None:
        """Draw with another backend; one that cannot run is refused with its reason."""
        choice = next((choice for choice in self.backends if choice.name == name), None)
        if choice is None or not choice.available:
            self._refuse(f"{name} cannot run here: {choice.reason if choice else 'there is no such backend'}")
            return
        self.configure(backend=name)

    def configure(self, **changes: Any) -> bool:
        """Change fields of the configuration; whether they were taken."""
        try:
            return self.set_view(cfg=self.view.cfg.replace(**changes))
        except (ConfigError, TypeError) as error:
            return self._refuse(str(error))

    def set_cfg(self, cfg: RendererCfg) -> bool:
        """Take a whole configuration."""
        return self.set_view(cfg=cfg)

    def set_option(self, option: Option, value: Any) -> bool:
        """Set an option to a value, or to what a person wrote."""
        try:
            parsed = parse_option(option, value) if isinstance(value, str) else value
        except ConfigError as error:
            return self._refuse(str(error))
        return self.configure(**{option.name: parsed})

    def apply_preset(self, name: str) -> bool:
        """Set the options of a preset; the others stay."""
        return self.configure(**PRESETS.get(name, {}))

    def reset_options(self) -> bool:
        """Set all options to their defaults; the backend stays."""
        return self.configure(**{option.name: option.default for option in self.options})

    def choose_cameras(self, name: str) -> bool:
        """Draw another camera group."""
        return self.set_view(cameras=name)

    def set_size(self, width: int, height: int) -> bool:
        """Set the image size [px], 1 to :data:`~omni.isaac.ovrtx_render.config.MAX_IMAGE_SIZE`."""
        if not (1 <= width <= MAX_IMAGE_SIZE and 1 <= height <= MAX_IMAGE_SIZE):
            return self._refuse(f"the image size is {width} x {height}; each side must be from 1 to {MAX_IMAGE_SIZE}")
        return self.set_view(width=int(width), height=int(height))

    def toggle_output(self, name: str, wanted: bool) -> bool:
        """Draw an output, or no longer; the last one stays."""
        outputs = [output for output in self.view.outputs if output != name] + ([name] if wanted else [])
        return self.set_outputs(outputs)

    def set_outputs(self, outputs: list[str]) -> bool:
        """Draw these outputs."""
        try:
            return self.set_view(outputs=tuple(resolve_outputs(outputs)))
        except ConfigError as error:
            return self._refuse(str(error))

    @property
    def looks(self) -> dict[str, str]:
        """Material views and what each shows; the first, without a name, is the materials themselves."""
        from ..inspect.views import VIEWS

        return {"": "the materials as they are", **{view.name: view.doc for view in VIEWS.values()}}

    def choose_look(self, name: str) -> str:
        """See the scene in a material view, or, without a name, as it is; hands back the output that shows it."""
        from ..inspect.views import VIEWS

        output = VIEWS[name].output if name else ""
        swaps = name if name and name not in ("albedo", "normal") else ""
        outputs = [*self.view.outputs, *([output] if output and output not in self.view.outputs else [])]
        return output if self.set_view(look=swaps, outputs=tuple(outputs)) else ""

    def retry(self) -> None:
        """Try again what failed."""
        self._session.drawer.retry()
        self._session.request()
        self.problem = ""
        self.revision += 1

    def set_view(self, **changes: Any) -> bool:
        """Change what is wanted; it is made so at the next frame."""
        if self._session.attached:
            return self._refuse(_ATTACHED)
        self.problem = ""
        try:
            self._session.drawer.wanted = replace(self.view, **changes)
        except OvrtxRenderError as error:
            return self._refuse(str(error))
        self._session.request()
        self.revision += 1
        return True

    def _refuse(self, reason: str) -> bool:
        self.problem = reason
        self.revision += 1
        return False
