"""Compiling what a scene will need, all at once, before the first launch asks for it."""

from __future__ import annotations

import os

import warp as wp

from ..._warp_version import locks_code_generation
from ...config import RendererCfg
from .bvh import builder_kernel
from .culling import project_shapes
from .features import LAYERS
from .native import CPU_WIDTH, CUDA_WIDTH
from .resolve import resolve_color
from .shading import shade_kernel
from .shadows import shadow_rays, trace_shadows
from .transforms import write_poses
from .visibility import trace_primary

__all__ = ["CUDA_BLOCK", "load_kernels"]

CUDA_BLOCK = 64
"""Threads of a block. Small ones: a warp that is done early does not wait for seven others."""


def load_kernels(device: wp.Device, features: int, cfg: RendererCfg) -> None:
    """Compile, or take from Warp's cache, the modules that drawing a scene launches."""
    kernels = [project_shapes, trace_primary, shade_kernel(features)]
    if features & LAYERS or cfg.samples_per_pixel > 1:
        kernels.append(resolve_color)
    if cfg.shadows or cfg.ambient_occlusion_samples:
        kernels += [shadow_rays, trace_shadows]
    modules = [kernel.module for kernel in kernels]
    builder = builder_kernel(CUDA_WIDTH if device.is_cuda else CPU_WIDTH).module
    workers = min(os.cpu_count() or 1, 4) if locks_code_generation() else 0
    if device.is_cuda:
        wp.force_load("cpu", [builder], max_workers=0)
        wp.force_load(device, [write_poses.module], max_workers=0)
        wp.force_load(device, modules, block_dim=CUDA_BLOCK, max_workers=workers)
    else:
        wp.force_load(device, [builder, write_poses.module, *modules], max_workers=workers)
