"""Isaac Lab, where it runs in this process, is offered the renderer; where it does not, it is not imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from ..config import RendererCfg
from ..errors import OvrtxRenderError
from .notices import Notices

__all__ = ["IsaacLabRegistration"]

_ADAPTERS = "omni.isaac.ovrtx_render.isaaclab"


class IsaacLabRegistration:
    """Makes Isaac Lab find the renderer, by its version, and undoes that.

    Of Isaac Lab 3 a camera names its renderer itself (``renderer_cfg=OvrtxRendererCfg()``); stock tasks are given the
    choice ``renderer=ovrtx_render``. Isaac Lab 2.3 has no such choice: its tiled cameras are drawn by us while the
    extension is enabled.

    Args:
        notices: Where to tell what was done.
    """

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._undo: Callable[[], None] | None = None

    def check(self, cfg: RendererCfg) -> None:
        """Register if Isaac Lab is loaded by now; cheap, and done only once.

        Args:
            cfg: How Isaac Lab 2.3's tiled cameras are to be drawn; a camera of Isaac Lab 3 says so itself.
        """
        if self._undo is not None:
            return
        try:
            if "isaaclab_tasks.utils.presets" in sys.modules:
                self._undo = self._offer_preset()
            elif "isaaclab.sensors" in sys.modules and find_spec("isaaclab.renderers") is None:
                self._undo = self._replace_tiled_camera(cfg)
        except (ImportError, AttributeError, OvrtxRenderError) as error:
            self._undo = _nothing  # it will not do better the next time
            self._notices.error("Isaac Lab could not be offered the renderer", error)

    def undo(self) -> None:
        """Leave Isaac Lab as it was; may be called twice."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    def _offer_preset(self) -> Callable[[], None]:
        presets = import_module(f"{_ADAPTERS}.presets")
        presets.offer_preset()
        self._notices.info(f"Isaac Lab's stock tasks can be drawn by it: renderer={presets.PRESET_NAME}")
        return presets.withdraw_preset

    def _replace_tiled_camera(self, cfg: RendererCfg) -> Callable[[], None]:
        adapter = import_module(f"{_ADAPTERS}.adapters")
        adapter.enable(cfg)
        self._notices.info("Isaac Lab 2.3's tiled cameras are drawn by it")
        return adapter.disable


def _nothing() -> None:
    """There is nothing to undo."""
