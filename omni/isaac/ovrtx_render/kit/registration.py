"""Isaac Lab, where it runs in this process, is offered the renderer; where it does not, it is not imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from ..config import RendererCfg
from .imports import after_import
from .notices import Notices

__all__ = ["IsaacLabRegistration"]

_ADAPTERS = "omni.isaac.ovrtx_render.isaaclab"


class IsaacLabRegistration:
    """Makes Isaac Lab find the renderer, by its version, and undoes that.

    Of Isaac Lab 3 a camera names its renderer itself (``renderer_cfg=OvrtxRendererCfg()``); stock tasks are given the
    choice ``renderer=ovrtx_render``. Isaac Lab 2.3 has no such choice: its tiled cameras are drawn by us while the
    extension is enabled. Either is done the moment that Isaac Lab is imported, before a task is made.

    Args:
        notices: Where to tell what was done.
        get_cfg: Gives the configuration for Isaac Lab 2.3's cameras; those of Isaac Lab 3 have their own.
    """

    def __init__(self, notices: Notices, get_cfg: Callable[[], RendererCfg]) -> None:
        self._notices, self._get_cfg = notices, get_cfg
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        """Wait for Isaac Lab; may be called twice."""
        if self._ends:
            return
        self._ends.append(after_import("isaaclab_tasks.utils.presets", lambda: self._try(self._offer_preset)))
        self._ends.append(after_import("isaaclab.sensors", lambda: self._try(self._replace_tiled_camera)))

    def stop(self) -> None:
        """Leave Isaac Lab as it was, and wait no more; may be called twice."""
        while self._ends:
            self._ends.pop()()

    def _try(self, register: Callable[[], None]) -> None:
        try:
            register()
        except Exception as error:  # it must not break the import of Isaac Lab
            self._notices.error("Isaac Lab could not be offered the renderer", error)

    def _offer_preset(self) -> None:
        presets = import_module(f"{_ADAPTERS}.presets")
        presets.offer_preset()
        self._ends.append(presets.withdraw_preset)
        self._notices.info(f"Isaac Lab's stock tasks can be drawn by it: renderer={presets.PRESET_NAME}")

    def _replace_tiled_camera(self) -> None:
        if find_spec("isaaclab.renderers") is not None:
            return  # Isaac Lab 3: cameras name their renderer
        adapter = import_module(f"{_ADAPTERS}.adapters")
        adapter.enable(self._get_cfg())
        self._ends.append(adapter.disable)
        self._notices.info("Isaac Lab 2.3's tiled cameras are drawn by it")
