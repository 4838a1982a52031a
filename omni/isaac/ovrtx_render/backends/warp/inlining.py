"""Hints to the compiler: functions that are, or are never, drawn into their callers, and how many registers to use.

Structs of arrays are passed to a function by value: a kilobyte a call and pixel, unless the call is inlined. A large
function with many call sites, on the other hand, only makes the compiler slow. Warp releases without these
arguments leave all this to the compiler, which gives the same result, more slowly.
"""

from __future__ import annotations

import inspect

import warp as wp

__all__ = ["FEW_REGISTERS", "inlined", "outlined"]

_SUPPORTED = "inline" in inspect.signature(wp.func).parameters

inlined = wp.func(inline=True) if _SUPPORTED else wp.func
outlined = wp.func(inline=False) if _SUPPORTED else wp.func

FEW_REGISTERS: dict[str, int] = {
    name: value
    for name, value in {"cuda_max_registers": 64, "grid_stride": False}.items()
    if name in inspect.signature(wp.kernel).parameters
}
"""Options of a kernel that lives on many threads a multiprocessor: 64 registers leave room for 32 of 64 warps.
What is spilled for it stays in the first cache; 80 registers, which spill less, were a tenth slower on an H200. A
thread does one work item: the loop over more of them would hold registers, and made shading spill."""
