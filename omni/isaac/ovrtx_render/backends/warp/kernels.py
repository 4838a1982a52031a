"""Loading what a scene will need, in threads of its own while the scene is read, before a launch asks for it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

import warp as wp

from ..._warp_version import locks_code_generation
from ...config import RendererCfg
from .bvh import builder_kernel
from .deformation import fit_instances
from .launching import CUDA_BLOCK
from .material_rows import write_tint
from .native import CPU_WIDTH, CUDA_WIDTH
from .resolve import resolve_color
from .shading import shade_kernel
from .shadows import shadow_kernel, shadow_rays
from .shipped import load_shipped, target_level
from .transforms import write_matrices, write_poses
from .visibility import primary_kernel

__all__ = [
    "DEFORMATION",
    "MATERIAL_ROWS",
    "MATRICES",
    "builder_module",
    "load_on_cpu",
    "prepare_drawing",
    "prepare_reading",
    "shading_module",
]

_OUTPUTS = resolve_color.module
_FRAME = write_poses.module
MATRICES = write_matrices.module
"""What writing matrices launches, and what was moved on the stage."""
DEFORMATION = fit_instances.module
"""What writing the points of meshes launches."""
MATERIAL_ROWS = write_tint.module
"""What writing materials launches."""

_loading: dict[wp.Module, Future[None]] = {}
"""Modules that were asked for on the CPU, by any renderer: two threads must not load the same one."""
_lock = threading.Lock()


def builder_module(width: int) -> wp.Module:
    """The module, for the CPU whatever draws, that builds BVHs of a width."""
    return builder_kernel(width).module


def shading_module(features: int) -> wp.Module:
    """The module that shades scenes with a set of features."""
    return shade_kernel(features).module


def prepare_reading(device: wp.Device) -> None:
    """Begin to load what any scene needs before it is drawn; call it before the scene is read."""
    _start([builder_module(CUDA_WIDTH if device.is_cuda else CPU_WIDTH)])
    if device.is_cpu:
        _start([_FRAME])


def prepare_drawing(device: wp.Device, features: int, cfg: RendererCfg) -> None:
    """Load the modules that a scene needs: those that came with the package, or are in Warp's cache, as they are; the
    rest is compiled.

    On the CPU this returns as soon as the scene can be uploaded; a frame waits for what it launches, by
    :func:`load_on_cpu`, and asks there for what few frames do. On CUDA, where a frame may be captured, all is loaded.
    """
    # What takes longest first.
    modules = [kernel.module for kernel in (shade_kernel(features), primary_kernel(features))]
    if cfg.shadows or cfg.ambient_occlusion_samples:
        modules += [shadow_rays.module, shadow_kernel(features).module]
    if device.is_cuda:
        modules = [*modules, _FRAME, MATRICES, _OUTPUTS]
        for module in modules:
            target_level(module)  # nothing to CUDA, but a scene on the CPU must not make its modules other ones
        load_on_cpu([builder_module(CUDA_WIDTH)])
        wp.force_load(device, modules, block_dim=CUDA_BLOCK, max_workers=_workers())
    else:
        _start(modules)
        load_on_cpu([builder_module(CPU_WIDTH), _FRAME])


def load_on_cpu(modules: list[wp.Module]) -> None:
    """Load modules for launches on the CPU, where a block is one thread; returns when they are loaded."""
    for loading in _start(modules):
        loading.result()


def _start(modules: list[wp.Module]) -> list[Future[None]]:
    """Begin to load modules on the CPU. A Warp in which only one thread may compile is waited for."""
    with _lock:
        for module in modules:
            loading = _loading.get(module)
            if loading is None or (loading.done() and loading.exception()):  # what failed may not again: a full disk
                target_level(module)
                _loading[module] = _pool().submit(_load, module)
        started = [_loading[module] for module in modules]
    if not _workers():
        wait(started)
    return started


def _load(module: wp.Module) -> None:
    if not load_shipped(module):
        wp.force_load("cpu", [module], block_dim=1, max_workers=0)


def _workers() -> int:
    return min(os.cpu_count() or 1, 4) if locks_code_generation() else 0


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads that compile. They stay: each prepares Warp's headers for itself first, which takes as long as the
    largest module does."""
    return ThreadPoolExecutor(_workers() or 1, "ovrtx-compile")


def _forget_threads() -> None:
    """A forked process has none of the threads, nor what they were about to load."""
    global _lock
    _lock = threading.Lock()
    _pool.cache_clear()
    _loading.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
