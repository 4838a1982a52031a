"""``ovrtx-render doctor``: what can run here, and why the rest cannot."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import typer

from .._version import __version__
from .options import JsonOption
from .report import ExitCode, Report, guarded, quiet_warp

__all__ = ["doctor"]

_PACKAGES = ("numpy", "warp-lang", "usd-core", "pillow", "openexr", "torch", "newton", "ovrtx")


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _usd_version() -> str | None:
    """Version of the USD that is imported, whichever package (usd-core, usd-exchange, Kit) brings it."""
    try:
        from pxr import Usd
    except ImportError:
        return None
    return ".".join(str(part) for part in Usd.GetVersion())


def _kernels() -> str:
    """Whether the CPU's kernels came with the package."""
    from ..backends.warp.shipped import describe

    return describe()


def doctor(as_json: JsonOption = False) -> None:
    """Say which backends can run on this machine, and why the others cannot.

    Exit code 0 if at least one can, else 4.

    Example: ovrtx-render doctor
    """
    report = Report(as_json)
    with guarded():
        quiet_warp()
        from ..registry import probe_all

        probes = probe_all()
    versions: dict[str, str | None] = {
        "omni-isaac-ovrtx-render": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "pxr (USD)": _usd_version(),
        **{package: _version_of(package) for package in _PACKAGES},
    }
    report.table("Versions", ("what", "version"), [(k, v or "not installed") for k, v in versions.items()])
    rows = [(p.name, "yes" if p.available else "no", p.reason) for p in probes]
    report.table("Backends, in the order 'auto' tries them", ("backend", "can run", "why"), rows)
    kernels = _kernels() if any(p.name == "warp" and p.available for p in probes) else None
    if kernels:
        report.note(f"Kernels of the backend warp for the CPU: {kernels}.")
    report.result(
        {
            "versions": versions,
            "backends": [{"name": p.name, "available": p.available, "reason": p.reason} for p in probes],
            "kernels": kernels,
        }
    )
    if not any(p.available for p in probes):
        raise typer.Exit(ExitCode.BACKEND)
