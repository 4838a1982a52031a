"""Which Isaac Lab is installed, and how it is made to draw with us."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from ..config import RendererCfg

__all__ = ["Generation", "disable", "enable", "installed"]

Generation = Literal["renderers", "tiled_camera"]


def installed() -> Generation | None:
    """What the installed Isaac Lab offers: renderers that a camera names (3.x), tiled cameras only (2.3), or None."""
    for module, generation in (("isaaclab.renderers", "renderers"), ("isaaclab.sensors", "tiled_camera")):
        try:
            if find_spec(module) is not None:
                return generation  # type: ignore[return-value]
        except ModuleNotFoundError:
            return None
    return None


def enable(cfg: RendererCfg | None = None) -> None:
    """Make the tiled cameras of an Isaac Lab without renderers (2.3) draw with us: those that are made from now on.

    Args:
        cfg: Configuration of their renderer; device and semantics come from the simulation and the camera.

    Raises:
        MissingExtraError: Isaac Lab is not installed.
        ConfigError: This Isaac Lab lets a camera name its renderer, so nothing has to be enabled.
    """
    generation = installed()
    if generation is None:
        raise MissingExtraError("isaaclab", None, "drawing Isaac Lab's cameras")
    if generation == "renderers":
        raise ConfigError(
            "this Isaac Lab lets a camera name its renderer: give it renderer_cfg=OvrtxRendererCfg(), or offer it "
            "to stock tasks by isaaclab.presets.offer_preset(); there is nothing to enable"
        )
    from . import v2_3

    v2_3.enable(cfg)


def disable() -> None:
    """Undo :func:`enable`; cameras that were made keep their renderer. May be called without it."""
    if installed() == "tiled_camera":
        from . import v2_3

        v2_3.disable()
