"""One configuration at work: its renderer and its cameras, made anew when something else is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .._warp_version import locks_code_generation
from ..config import RendererCfg
from ..errors import OvrtxRenderError, SceneError
from ..registry import probe_all
from ..renderer import TiledRenderer

if TYPE_CHECKING:
    from ..cameras import CameraBundle
    from ..scene.data import Camera

__all__ = ["CameraGroup", "Drawer", "View", "camera_groups"]

_READS_STAGE = frozenset({"isaac_rtx", "ovrtx"})
"""Backends that read the stage when they are loaded, which only the thread that edits it may do."""

_DRAWS_IN_KIT = frozenset({"isaac_rtx"})
"""Backends that draw with the application's own renderer, in its thread."""


@dataclass(frozen=True)
class View:
    """What is to be drawn.

    Attributes:
        cfg: Configuration of the renderer.
        cameras: Name of a :class:`CameraGroup`; empty is the largest one.
        width: Image width [px].
        height: Image height [px].
        outputs: Names of the outputs.
        look: Name of a material view (:data:`~..inspect.VIEWS`) to draw instead of the materials; empty is none.
    """

    cfg: RendererCfg = field(default_factory=RendererCfg)
    cameras: str = ""
    width: int = 128
    height: int = 128
    outputs: tuple[str, ...] = ("rgb", "depth", "normals", "semantic_segmentation")
    look: str = ""


@dataclass(frozen=True)
class CameraGroup:
    """Cameras that belong together: the same camera of every environment, or one outside of them.

    Attributes:
        name: Path below the environment, or the whole path.
        paths: Their prim paths, by environment.
    """

    name: str
    paths: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name and number of cameras."""
        return f"{self.name} ({len(self.paths)})"


def camera_groups(cameras: Sequence[Camera], env_paths: Sequence[str]) -> list[CameraGroup]:
    """Group a scene's cameras, the largest group first and the cameras of Kit's own viewports last."""
    found: dict[str, list[Camera]] = {}
    for camera in cameras:
        inside = camera.path.removeprefix(env_paths[camera.env]).lstrip("/") if camera.env >= 0 else camera.path
        found.setdefault(inside, []).append(camera)
    groups = [
        CameraGroup(name, tuple(camera.path for camera in sorted(members, key=lambda camera: camera.env)))
        for name, members in found.items()
    ]
    return sorted(groups, key=lambda group: (group.name.startswith("/OmniverseKit_"), -len(group.paths)))


class Drawer:
    """Turns a wanted :class:`View` into pictures. What fails is told by :attr:`problem`; the last picture stays.

    Attributes:
        wanted: What is to be drawn.
        renderer: The renderer at work, perhaps still that of an earlier view.
        bundle: The cameras at work.
        load_problem: Why the wanted configuration does not run, or empty.
        draw_problem: Why the last frame was not drawn, or empty.
    """

    def __init__(self, wanted: View) -> None:
        self.wanted = wanted
        self.renderer: TiledRenderer | None = None
        self.bundle: CameraBundle | None = None
        self.load_problem = ""
        self.draw_problem = ""
        self._retired = False
        self._built: RendererCfg | None = None
        self._shown: View | None = None

    @property
    def problem(self) -> str:
        """Why what is wanted cannot be had, or empty."""
        return self.load_problem or self.draw_problem

    @property
    def needs_renderer(self) -> bool:
        """Whether :meth:`build` has something to do."""
        return self._built != self.wanted.cfg

    @property
    def loads_here(self) -> bool:
        """Whether the wanted backend must be loaded by the thread that edits the stage.

        With an older Warp all are: kernels are compiled then, which the application may do at the same time.
        """
        if not locks_code_generation():
            return True
        name: str = self.wanted.cfg.backend
        if name == "auto":
            name = next((probe.name for probe in probe_all() if probe.available), name)
        return name in _READS_STAGE

    @property
    def draws_here(self) -> bool:
        """Whether the renderer at work must be called by the application's thread."""
        return self.renderer is not None and self.renderer.backend_name in _DRAWS_IN_KIT

    @property
    def groups(self) -> list[CameraGroup]:
        """Camera groups of the stage."""
        return camera_groups(self.renderer.scene.cameras, self.renderer.scene.env_paths) if self.renderer else []

    def build(self, stage: Any) -> Callable[[], TiledRenderer]:
        """Read the stage, now; the function that is handed back loads the backend.

        Any thread may call it, unless the backend :attr:`loads_here`.

        Raises:
            SceneError: The stage cannot be read.
        """
        from ..scene.live_edits import LiveScene

        cfg = self._built = self.wanted.cfg
        live = LiveScene(stage, cfg)

        def load() -> TiledRenderer:
            try:
                renderer = TiledRenderer(live, cfg)
            except BaseException:
                live.close()
                raise
            if self._retired:
                renderer.close()
            return renderer

        return load

    def adopt(self, renderer: TiledRenderer) -> None:
        """Draw with a renderer from now on and free the one before."""
        if self.renderer is not None:
            self.renderer.close()
        self.renderer, self.bundle, self._shown, self.load_problem = renderer, None, None, ""

    def ready(self) -> bool:
        """Take edits of the stage over and make the cameras what is wanted; whether there is something to draw.

        To be called by the thread that edits the stage, while nothing is drawn.
        """
        if self.renderer is None:
            return False
        try:
            self.renderer.sync() if self.renderer.cfg.follow_stage else None
            if self._shown is None or replace(self._shown, look="") != replace(self.wanted, look=""):
                self._show()
            elif self.bundle is not None and self.bundle.problem:
                self._show()
            self._shown = self.wanted
        except OvrtxRenderError as error:
            self.draw_problem = str(error)
            return False
        return True

    def _show(self) -> None:
        assert self.renderer is not None
        groups = {group.name: group for group in self.groups}
        if not groups:
            raise SceneError("the stage has no camera; define a UsdGeom.Camera in it")
        group = groups.get(self.wanted.cameras) or next(iter(groups.values()))
        bundle = self.renderer.add_cameras(
            group.paths, width=self.wanted.width, height=self.wanted.height, outputs=self.wanted.outputs
        )
        if self.bundle is not None:
            self.renderer.remove_cameras(self.bundle)
        self.bundle = bundle

    def draw(self) -> None:
        """Draw; the stage is not touched."""
        assert self.renderer is not None
        try:
            with self._dressed():
                self.renderer.render(self.bundle, follow=False)
            self.draw_problem = ""
        finally:
            if self._retired:
                self.close()

    def _dressed(self) -> AbstractContextManager[object]:
        """The material view that is wanted, while it lasts."""
        if self.renderer is None or self._shown is None or not self._shown.look:
            return nullcontext()
        from ..inspect.views import shown

        return shown(self.renderer, self._shown.look)

    def retry(self) -> None:
        """Try again what failed."""
        self._shown = None
        if self.load_problem:
            self._built = None

    def retire(self) -> None:
        """Free the renderer when the frame that is being drawn, or the backend that is being loaded, is done.

        A frame that is being drawn needs the stage no more, so that is let go of now.
        """
        self._retired = True
        if self.renderer is not None:
            self.renderer.release_stage()

    def close(self) -> None:
        """Free the renderer."""
        if self.renderer is not None:
            self.renderer.close()
        self.renderer = self.bundle = self._built = self._shown = None
        self.load_problem = self.draw_problem = ""
