"""Whether OVRTX can run here, in one sentence, before anything is allocated."""

from __future__ import annotations

import sys

from ...config import RendererCfg
from . import hardware
from .compat import INSTALL, installed_version, version_problem

__all__ = ["kit_is_loaded", "probe_ovrtx"]


def kit_is_loaded() -> bool:
    """Whether this process is Kit, whose RTX libraries cannot share a process with those of ovrtx."""
    return "omni.kit.app" in sys.modules


def probe_ovrtx(cfg: RendererCfg) -> tuple[bool, str]:
    """Answer whether OVRTX can run in this process, on the GPU that a configuration names, and why not (or on what)."""
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
    rtx = [number for number, gpu in enumerate(devices) if gpu.has_rt_cores]
    number = _device_number(cfg)
    if number is None or number >= len(devices):
        number = rtx[0] if rtx else 0
    gpu, text = devices[number], ".".join(map(str, version))
    if not gpu.has_rt_cores and version >= (0, 5):
        remedy = "use an RTX GPU, the backend 'warp', or try ovrtx 0.4.1"
        if rtx:
            remedy = f"use device='cuda:{rtx[0]}', which is an {devices[rtx[0]].name}"
        return False, f"{gpu.name} has no ray tracing cores, without which ovrtx {text} does not start; {remedy}"
    driver = hardware.driver_version()
    if driver is not None and driver < hardware.MIN_DRIVER:
        found, needed = (f"{v[0]}.{v[1]}.{v[2]:02d}" for v in (driver, hardware.MIN_DRIVER))
        return False, f"the NVIDIA driver is {found}, and ovrtx needs {needed} or newer; update it"
    if not gpu.has_rt_cores:
        return True, f"ovrtx {text} on {gpu.name}, which has no ray tracing cores: not supported by NVIDIA, and slow"
    return True, f"ovrtx {text} on {gpu.name}"


def _device_number(cfg: RendererCfg) -> int | None:
    """CUDA device that draws; None if that is left to the library."""
    active = str(cfg.backend_options.get("active_cuda_gpus") or "").partition(",")[0]
    if active.isdigit():
        return int(active)
    if cfg.device in (None, "cuda"):
        return 0
    number = str(cfg.device).partition("cuda:")[2]
    return int(number) if number.isdigit() else None
