"""The exceptions a user can meet.

Every message names the prim or the field, what was expected, and what to do about it.
"""

from __future__ import annotations

__all__ = [
    "BackendFailedError",
    "BackendUnavailableError",
    "ConfigError",
    "InputError",
    "MissingExtraError",
    "OvrtxRenderError",
    "SceneError",
    "WorkerError",
]


class OvrtxRenderError(Exception):
    """Base class of every error this package raises on purpose."""


class ConfigError(OvrtxRenderError, ValueError):
    """A configuration field holds a value that cannot be used."""


class SceneError(OvrtxRenderError, ValueError):
    """The stage, or a prim of it, cannot be rendered as asked (no such camera, empty stage, unreadable file)."""


class InputError(OvrtxRenderError, ValueError):
    """An array handed in has the wrong shape, dtype, device or values.

    Attributes:
        row: The first row that has values which cannot be used, where one is to blame.
    """

    row: int | None = None


class BackendUnavailableError(OvrtxRenderError, RuntimeError):
    """The named backend cannot run here; the message says why and what would help."""


class BackendFailedError(OvrtxRenderError, RuntimeError):
    """The backend runs, but what was asked of it did not succeed or took too long; the message says what."""


class WorkerError(BackendFailedError):
    """The process that a backend runs in ended or did not answer; the message has its end and what it printed last."""


class MissingExtraError(OvrtxRenderError, ImportError):
    """An optional package is missing; the message says what installs it: an extra of ours, or (None) the package."""

    def __init__(self, package: str, extra: str | None, purpose: str) -> None:
        what = package if extra is None else f"'omni-isaac-ovrtx-render[{extra}]'"
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed. Install it with: pip install {what}"
        )
        self.package = package
        self.extra = extra
