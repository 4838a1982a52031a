"""Which releases of Warp the kernels run on."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

from .errors import BackendUnavailableError

__all__ = ["MINIMUM_WARP", "locks_code_generation", "require_warp"]

MINIMUM_WARP = (1, 13)
"""Oldest Warp (major, minor) that has every feature the kernels use."""


def _installed_version() -> str | None:
    """Version of Warp as text, or None where there is none.

    Package metadata first, as it costs no import; Kit ships Warp as an extension without metadata.
    """
    try:
        return version("warp-lang")
    except PackageNotFoundError:
        try:
            import warp
        except ImportError:
            return None
        return str(warp.__version__)


def require_warp() -> str:
    """Refuse a missing or too old Warp with one clear sentence. Call it before the first ``import warp``.

    Returns:
        The version that is installed.

    Raises:
        BackendUnavailableError: Warp is missing or older than :data:`MINIMUM_WARP`.
    """
    needed = ".".join(map(str, MINIMUM_WARP))
    found = _installed_version()
    if found is None:
        raise BackendUnavailableError(
            f"the package 'warp-lang' is not installed; install it with: pip install 'warp-lang>={needed},<2'"
        )
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if numbers < MINIMUM_WARP:
        raise BackendUnavailableError(
            f"Warp {found} is installed, but the warp backend needs Warp {needed} or newer; "
            f"upgrade it with: pip install 'warp-lang>={needed},<2'"
        )
    return found


def locks_code_generation() -> bool:
    """Whether two threads may compile kernels: Warp before 1.19 mixes up functions that modules share."""
    return tuple(int(part) for part in re.findall(r"\d+", _installed_version() or "")[:2]) >= (1, 19)
