"""Which GPUs and which driver there are, asked without allocating anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MIN_DRIVER", "Gpu", "driver_version", "gpus"]

MIN_DRIVER = (570, 158, 1)
"""Oldest driver of the table that ovrtx publishes (570.158.01 on servers)."""

_VERSION_FILE = Path("/proc/driver/nvidia/version")
# Compute capabilities of the families that have no ray tracing cores: V100, A100, H100 and H200, B200 and B300.
_WITHOUT_RT = frozenset({60, 61, 62, 70, 72, 80, 90, 100, 101, 103})


@dataclass(frozen=True)
class Gpu:
    """One CUDA device.

    Attributes:
        name: As the driver calls it.
        arch: Compute capability, e.g. 89.
    """

    name: str
    arch: int

    @property
    def has_rt_cores(self) -> bool:
        """Whether it traces rays in hardware (RTX). The GTX 16 series is of the RTX 20 family, but does not."""
        return self.arch >= 75 and self.arch not in _WITHOUT_RT and "GTX 16" not in self.name


def gpus() -> list[Gpu]:
    """The CUDA devices that this process sees, in CUDA order."""
    import warp as wp

    wp.init()
    return [Gpu(device.name, device.arch) for device in wp.get_cuda_devices()]


def driver_version() -> tuple[int, ...] | None:
    """Version of the NVIDIA kernel driver; None where it cannot be told (other than Linux)."""
    try:
        text = _VERSION_FILE.read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r"\b(\d{3})\.(\d+)(?:\.(\d+))?\b", text)
    return tuple(int(part or 0) for part in match.groups()) if match else None
