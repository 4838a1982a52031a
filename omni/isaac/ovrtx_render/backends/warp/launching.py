"""Launches in blocks of one size: Warp compiles a module anew for each size of a block that it is launched in."""

from __future__ import annotations

from typing import Any

import warp as wp

__all__ = ["CUDA_BLOCK", "launch"]

CUDA_BLOCK = 64
"""Threads of a block. Small ones: a warp that is done early does not wait for seven others."""


def launch(kernel: wp.Kernel, dim: int | tuple[int, ...], inputs: list[Any], device: wp.Device, **options: Any) -> Any:
    """``warp.launch`` of a kernel that :func:`.kernels.prepare_drawing` loaded; the arguments are the same."""
    return wp.launch(kernel, dim, inputs=inputs, device=device, block_dim=CUDA_BLOCK, **options)
