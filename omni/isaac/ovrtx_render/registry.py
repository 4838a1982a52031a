"""Which backends there are, whether they can run here, and why not."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from .backends.base import Backend
from .config import RendererCfg
from .errors import BackendUnavailableError, OvrtxRenderError

__all__ = ["BACKENDS", "Probe", "backend_class", "make_backend", "probe", "probe_all"]


@dataclass(frozen=True)
class Probe:
    """Answer of a backend's probe: can it run here, and in one sentence why not (or what it runs on)."""

    name: str
    available: bool
    reason: str


@dataclass(frozen=True)
class _Entry:
    target: str
    check: Callable[[RendererCfg], Probe]


def _probe_warp(cfg: RendererCfg) -> Probe:
    try:
        from ._warp_version import require_warp

        require_warp()
        import warp as wp

        wp.init()
        device = wp.get_preferred_device()
    except (OvrtxRenderError, ImportError, RuntimeError) as error:
        return Probe("warp", False, str(error))
    return Probe("warp", True, f"Warp {wp.config.version} on {device.alias} ({device.name})")


def _probe_ovrtx(cfg: RendererCfg) -> Probe:
    from .backends.ovrtx.probe import probe_ovrtx

    return Probe("ovrtx", *probe_ovrtx(cfg))


def _probe_newton(cfg: RendererCfg) -> Probe:
    try:
        found = version("newton")
    except PackageNotFoundError:
        hint = "pip install 'omni-isaac-ovrtx-render[newton]'"
        return Probe("newton", False, f"the package 'newton' is not installed; install it with: {hint}")
    if tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < (1, 8):
        return Probe("newton", False, f"newton {found} is installed, but its SensorCamera is needed as of newton 1.8")
    warp = _probe_warp(cfg)
    return Probe("newton", warp.available, f"Newton {found}, {warp.reason}" if warp.available else warp.reason)


def _probe_isaac_rtx(cfg: RendererCfg) -> Probe:
    if not {"omni.kit.app", "omni.usd"} <= set(sys.modules):
        return Probe("isaac_rtx", False, "Isaac Sim is not running in this process")
    try:
        found = find_spec("omni.replicator.core") is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        problem = "omni.replicator.core is not enabled; start Isaac Sim with cameras enabled (--enable_cameras)"
        return Probe("isaac_rtx", False, problem)
    return Probe("isaac_rtx", True, "Isaac Sim runs in this process")


BACKENDS: dict[str, _Entry] = {
    "ovrtx": _Entry("omni.isaac.ovrtx_render.backends.ovrtx.backend:OvrtxBackend", _probe_ovrtx),
    "warp": _Entry("omni.isaac.ovrtx_render.backends.warp.backend:WarpBackend", _probe_warp),
    "newton": _Entry("omni.isaac.ovrtx_render.backends.newton.backend:NewtonBackend", _probe_newton),
    # The last, so that "auto" never takes it: it makes the application draw, which is not for everybody to do.
    "isaac_rtx": _Entry("omni.isaac.ovrtx_render.backends.isaac_rtx.backend:IsaacRtxBackend", _probe_isaac_rtx),
}
"""Backends in the order ``auto`` tries them."""


def probe(name: str, cfg: RendererCfg | None = None) -> Probe:
    """Ask one backend whether it can run here. Nothing is allocated.

    Args:
        name: Name of the backend.
        cfg: What it is to run with, such as the device; None is the default.

    Raises:
        BackendUnavailableError: There is no backend of that name.
    """
    if name not in BACKENDS:
        raise BackendUnavailableError(f"unknown backend {name!r}; there are: {', '.join(BACKENDS)}")
    return BACKENDS[name].check(cfg or RendererCfg())


def probe_all() -> list[Probe]:
    """Ask every backend, in the order ``auto`` tries them."""
    return [probe(name) for name in BACKENDS]


def make_backend(cfg: RendererCfg) -> Backend:
    """Make the backend that a configuration asks for: in this process, or in one of its own if it asks for a worker.

    OVRTX gets one where Kit is loaded, with which it cannot share a process.

    Raises:
        BackendUnavailableError: It cannot run here (with ``auto``: none can); the message says why.
        ConfigError: An option of the worker is not valid.
    """
    from .backends.ovrtx.probe import kit_is_loaded
    from .backends.worker.options import WorkerOptions, split_options

    worker, cfg = split_options(cfg)
    if worker is None and cfg.backend == "ovrtx" and kit_is_loaded():
        worker = WorkerOptions()
        if worker.interpreter == sys.executable:
            raise BackendUnavailableError(
                "Kit is loaded, whose RTX libraries cannot share a process with those of ovrtx; name the interpreter "
                "of an environment with this package and ovrtx in backend_options={'worker': {'python': ...}}"
            )
    if worker is not None:
        from .backends.worker.backend import WorkerBackend

        return WorkerBackend(cfg, worker)
    if cfg.backend == "auto":
        return _make_first(cfg)
    answer = probe(cfg.backend, cfg)
    if not answer.available:
        raise BackendUnavailableError(f"backend {cfg.backend!r} cannot run here: {answer.reason}")
    return backend_class(cfg.backend)(cfg)


def _make_first(cfg: RendererCfg) -> Backend:
    """The first backend that can run here; of one that should have and does not start, a warning says why."""
    reasons = []
    failures = []
    for name in BACKENDS:
        answer = probe(name, cfg)
        if not answer.available:
            reasons.append(f"{name}: {answer.reason}")
            continue
        try:
            made = backend_class(name)(cfg)
        except BackendUnavailableError as error:
            failures.append(f"{name}: {error}")
            continue
        if failures:
            message = f"backend 'auto' takes {name!r}, as what comes before it does not start. {'; '.join(failures)}"
            warnings.warn(message, RuntimeWarning, stacklevel=4)
        return made
    raise BackendUnavailableError("no backend can run here. " + "; ".join([*failures, *reasons]))


def backend_class(name: str) -> Callable[[RendererCfg], Backend]:
    """The class of a backend."""
    module, _, attribute = BACKENDS[name].target.partition(":")
    found: Callable[[RendererCfg], Backend] = getattr(import_module(module), attribute)
    return found
