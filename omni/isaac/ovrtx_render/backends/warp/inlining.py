"""`inlined` and `outlined`: Warp functions that are, or are never, drawn into their callers.

Structs of arrays are passed to a function by value: a kilobyte a call and pixel, unless the call is inlined. A large
function with many call sites, on the other hand, only makes the compiler slow. Warp releases without the ``inline``
argument leave both to the compiler, which gives the same result, more slowly.
"""

from __future__ import annotations

import inspect

import warp as wp

__all__ = ["inlined", "outlined"]

_SUPPORTED = "inline" in inspect.signature(wp.func).parameters

inlined = wp.func(inline=True) if _SUPPORTED else wp.func
outlined = wp.func(inline=False) if _SUPPORTED else wp.func
