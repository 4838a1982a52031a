"""A process that looks as if Kit ran in it, for the time of a ``with``: afterwards other tests see none of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["DOUBLES", "EXTENSIONS", "kit_process"]

DOUBLES = Path(__file__).resolve().parent
EXTENSIONS = (
    "omni.kit.actions.core",
    "omni.kit.menu.utils",
    "omni.kit.notification_manager",
    "omni.timeline",
    "omni.ui",
    "usdrt",
    "isaacsim.core.rendering_manager",
    "isaacsim.core.api",
)
"""Parts of Kit and Isaac Sim that an application may do without; a double that does not exist is not there either."""

_ROOTS = ("carb", "usdrt", "isaacsim", "kit_profile")
_OURS = "omni.isaac.ovrtx_render"


def _is_double(name: str) -> bool:
    if name.startswith("omni."):
        return not (name == "omni.isaac" or name.startswith("omni.isaac."))
    return name.partition(".")[0] in _ROOTS


def _forget() -> None:
    """Take doubles, and what of us imports them, out of the process."""
    for name in [name for name in sys.modules if _is_double(name) or name.startswith(f"{_OURS}.kit")]:
        del sys.modules[name]
        parent, _, child = name.rpartition(".")
        if parent in sys.modules and hasattr(sys.modules[parent], child):
            delattr(sys.modules[parent], child)


@contextmanager
def kit_process(profile: str = "kit110", extensions: Iterable[str] = EXTENSIONS) -> Iterator[None]:
    """Put the doubles where ``import`` finds them.

    Args:
        profile: ``kit106`` (older events only), ``kit107`` (Isaac Sim 5.x) or ``kit110`` (Isaac Sim 6.x).
        extensions: What of :data:`EXTENSIONS` there is; importing the rest fails as it does in Kit.
    """
    present = {name for name in extensions if DOUBLES.joinpath(*name.split(".")).is_dir()}
    before = list(sys.path)
    _forget()
    sys.path.insert(0, str(DOUBLES))
    try:
        import kit_profile

        kit_profile.PROFILE = profile
        for name in set(EXTENSIONS) - present:
            sys.modules[name] = None  # type: ignore[assignment] - so that importing it raises
        import omni.kit.app

        manager = omni.kit.app.get_app().get_extension_manager()
        for name in present:
            if name.startswith("omni."):
                manager.set_builtin(name, True)
        yield
    finally:
        sys.path[:] = before
        _forget()
