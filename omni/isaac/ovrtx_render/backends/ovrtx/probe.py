"""Whether OVRTX can run here, in one sentence, before anything is allocated."""

from __future__ import annotations

import sys

from . import hardware
from .compat import INSTALL, installed_version, version_problem

__all__ = ["kit_is_loaded", "probe_ovrtx"]


def kit_is_loaded() -> bool:
    """Whether this process is Kit, whose RTX libraries cannot share a process with those of ovrtx."""
    return "omni.kit.app" in sys.modules


def probe_ovrtx() -> tuple[bool, str]:
    """Answer whether OVRTX can run in this process, and why not (or on what)."""
    version = installed_version()
    if version is None:
        return False, f"the package 'ovrtx' is not installed; {INSTALL}"
    problem = version_problem(version)
    if problem:
        return False, problem
    if kit_is_loaded():
        return False, (
            "Kit is loaded, and its RTX libraries cannot share a process with those of ovrtx; backend='ovrtx' runs in "
            "a process of its own, whose interpreter backend_options={'worker': {'python': ...}} names"
        )
    devices = hardware.gpus()
    if not devices:
        return False, "there is no NVIDIA GPU here, and ovrtx needs an RTX one; use the backend 'warp'"
    rtx = [gpu for gpu in devices if gpu.has_rt_cores]
    name, text = devices[0].name, ".".join(map(str, version))
    if not rtx and version >= (0, 5):
        return False, (
            f"{name} has no ray tracing cores, without which ovrtx {text} does not start; "
            "use an RTX GPU, the backend 'warp', or try ovrtx 0.4.1"
        )
    driver = hardware.driver_version()
    if driver is not None and driver < hardware.MIN_DRIVER:
        found, needed = (f"{v[0]}.{v[1]}.{v[2]:02d}" for v in (driver, hardware.MIN_DRIVER))
        return False, f"the NVIDIA driver is {found}, and ovrtx needs {needed} or newer; update it"
    if not rtx:
        return True, f"ovrtx {text} on {name}, which has no ray tracing cores: not supported by NVIDIA, and slow"
    return True, f"ovrtx {text} on {rtx[0].name}"
