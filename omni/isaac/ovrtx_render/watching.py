"""Looking on while renderers of this process draw for somebody else, as a window does while a training runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cameras import CameraBundle
    from .renderer import TiledRenderer

__all__ = ["announce", "watch"]

_watchers: list[Callable[[TiledRenderer, CameraBundle], None]] = []


def watch(on_frame: Callable[[TiledRenderer, CameraBundle], None]) -> Callable[[], None]:
    """Be called after every frame that is announced, by the thread that drew it.

    Args:
        on_frame: Given the renderer and the cameras it drew. It must not raise, nor keep either for long.

    Returns:
        The call that ends it; may be called twice.
    """
    _watchers.append(on_frame)

    def cancel() -> None:
        if on_frame in _watchers:
            _watchers.remove(on_frame)

    return cancel


def announce(renderer: TiledRenderer, bundle: CameraBundle) -> None:
    """Tell whoever looks on that a bundle was drawn; costs nothing if nobody does."""
    for on_frame in list(_watchers):
        on_frame(renderer, bundle)
