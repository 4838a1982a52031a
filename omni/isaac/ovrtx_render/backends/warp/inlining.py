"""Hints to the compiler: functions that are drawn into their callers, and how many registers to use.

Structs of arrays are passed to a function by value: a kilobyte a call and pixel, unless the call is inlined. Warp
releases without these arguments leave all this to the compiler, which gives the same result, more slowly.
"""

from __future__ import annotations

import inspect
from typing import Any

import warp as wp

__all__ = ["FEW_REGISTERS", "MORE_REGISTERS", "inlined"]

inlined = wp.func(inline=True) if "inline" in inspect.signature(wp.func).parameters else wp.func


def _registers(most: int, threads: int, blocks: int) -> dict[str, Any]:
    """Options of a kernel with at most so many registers a thread, which is what so many blocks of so many threads
    leave to each on a multiprocessor. What does not fit is kept in shared memory: the larger a block may be, the more
    of it the compiler takes."""
    known = inspect.signature(wp.kernel).parameters
    if "enable_cuda_smem_spilling" in known:
        return {"launch_bounds": (threads, blocks), "enable_cuda_smem_spilling": True, "grid_stride": False}
    return {name: value for name, value in {"cuda_max_registers": most, "grid_stride": False}.items() if name in known}


FEW_REGISTERS = _registers(64, 96, 10)
"""Options of a kernel that lives on many threads a multiprocessor: 30 of 64 warps. With 80 registers, and 24 warps,
tracing and shadows took 3 to 6 % longer on an H200, and shading 6 to 11 %. A thread does one work item: the loop over
more of them would hold registers, and made shading spill. Such a kernel is launched by
:func:`.launching.launch`: a block may not have more threads than it is bound to."""
MORE_REGISTERS = _registers(80, 128, 6)
"""Those of the few kernels that do not get along with 64."""
