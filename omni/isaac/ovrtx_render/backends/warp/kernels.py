"""Compiling what a scene will need, all at once, before the first launch asks for it."""

from __future__ import annotations

import os

import warp as wp

from ..._warp_version import locks_code_generation
from ...config import RendererCfg
from .bvh import builder_kernel
from .culling import project_shapes
from .deformation import fit_instances
from .material_rows import write_tint
from .native import CPU_WIDTH, CUDA_WIDTH
from .resolve import resolve_color
from .shading import shade_kernel
from .shadows import shadow_kernel, shadow_rays
from .shipped import load_shipped, target_level
from .transforms import write_poses
from .visibility import primary_kernel

__all__ = [
    "CUDA_BLOCK",
    "DEFORMATION",
    "MATERIAL_ROWS",
    "builder_module",
    "load_kernels",
    "load_on_cpu",
    "shading_module",
]

CUDA_BLOCK = 64
"""Threads of a block. Small ones: a warp that is done early does not wait for seven others."""

_DRAWING = [kernel.module for kernel in (project_shapes, resolve_color)]
_TRANSFORMS = write_poses.module
DEFORMATION = fit_instances.module
"""What writing the points of meshes launches."""
MATERIAL_ROWS = write_tint.module
"""What writing materials launches."""


def builder_module(width: int) -> wp.Module:
    """The module, for the CPU whatever draws, that builds BVHs of a width."""
    return builder_kernel(width).module


def shading_module(features: int) -> wp.Module:
    """The module that shades scenes with a set of features."""
    return shade_kernel(features).module


def load_kernels(device: wp.Device, features: int, cfg: RendererCfg) -> None:
    """Load the modules that drawing a scene launches: those that came with the package, or are in Warp's cache, as
    they are; the rest is compiled."""
    modules = [*_DRAWING, primary_kernel(features).module, shading_module(features)]
    if cfg.shadows or cfg.ambient_occlusion_samples:
        modules += [shadow_rays.module, shadow_kernel(features).module]
    if device.is_cuda:
        for module in (_TRANSFORMS, *modules):
            target_level(module)  # nothing to CUDA, but a scene on the CPU must not make its modules other ones
        load_on_cpu([builder_module(CUDA_WIDTH)])
        wp.force_load(device, [_TRANSFORMS], max_workers=0)
        wp.force_load(device, modules, block_dim=CUDA_BLOCK, max_workers=_workers())
    else:
        load_on_cpu([builder_module(CPU_WIDTH), _TRANSFORMS, *modules])


def load_on_cpu(modules: list[wp.Module]) -> None:
    """Load modules for launches on the CPU, where a block is one thread."""
    for module in modules:
        target_level(module)
    missing = [module for module in modules if not load_shipped(module)]
    wp.force_load("cpu", missing, block_dim=1, max_workers=_workers())


def _workers() -> int:
    return min(os.cpu_count() or 1, 4) if locks_code_generation() else 0
