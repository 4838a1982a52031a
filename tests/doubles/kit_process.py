"""A process that looks as if Kit ran in it, for the time of a ``with``: afterwards other tests see none of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

__all__ = ["DOUBLES", "EXTENSIONS", "kit_process", "load_omni_ui"]

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

_ROOTS = ("carb", "usdrt", "isaacsim", "kit_profile", "ovrtx")  # of all packages that lie beside this file
_OURS = "omni.isaac.ovrtx_render"


def _is_double(name: str) -> bool:
    if name.startswith("omni."):
        return not (name == "omni.isaac" or name.startswith("omni.isaac."))
    return name.partition(".")[0] in _ROOTS


def _origins(module: ModuleType) -> set[str]:
    """Names of the modules that a module has things of."""
    values = list(vars(module).values())
    return {one.__name__ if isinstance(one, ModuleType) else str(getattr(one, "__module__", "")) for one in values}


def _take_out() -> dict[str, ModuleType]:
    """Take doubles, and what of us imported them, out of the process; returns what was there."""
    gone = {name for name in sys.modules if _is_double(name) or name.startswith(f"{_OURS}.kit")}
    ours = {name: module for name, module in sys.modules.items() if name.startswith(f"{_OURS}.") and module}
    while more := {
        name
        for name, module in ours.items()
        if name not in gone and any(origin in gone or _is_double(origin) for origin in _origins(module))
    }:
        gone |= more
    taken = {}
    for name in sorted(gone, reverse=True):
        module = taken[name] = sys.modules.pop(name)
        parent, _, child = name.rpartition(".")
        if module is not None and getattr(sys.modules.get(parent), child, None) is module:
            delattr(sys.modules[parent], child)
    return taken


def _put_back(modules: dict[str, ModuleType]) -> None:
    sys.modules.update(modules)
    for name, module in sorted(modules.items()):
        parent, _, child = name.rpartition(".")
        if parent and module is not None:
            setattr(sys.modules[parent], child, module)


def load_omni_ui() -> None:
    """Make ``import omni.ui`` find its double, and nothing else of Kit: for tests of the window alone."""
    if "omni.ui" not in sys.modules:
        before = list(sys.path)
        sys.path.insert(0, str(DOUBLES))
        try:
            importlib.import_module("omni.ui")
        finally:
            sys.path[:] = before


@contextmanager
def kit_process(profile: str = "kit110", extensions: Iterable[str] = EXTENSIONS) -> Iterator[None]:
    """Put the doubles where ``import`` finds them.

    Args:
        profile: ``kit106`` (older events only), ``kit107`` (Isaac Sim 5.x) or ``kit110`` (Isaac Sim 6.x).
        extensions: What of :data:`EXTENSIONS` there is; importing the rest fails as it does in Kit.
    """
    present = {name for name in extensions if DOUBLES.joinpath(*name.split(".")).is_dir()}
    before, elsewhere = list(sys.path), _take_out()
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
        _take_out()
        _put_back(elsewhere)
