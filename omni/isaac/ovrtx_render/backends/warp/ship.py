"""Compile the kernels that a wheel brings: ``python -m omni.isaac.ovrtx_render.backends.warp.ship FOLDER [LEVEL ...]``.

A checkout needs none of this; ``hatch_build.py`` runs it while a wheel is built.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from pkgutil import iter_modules

import warp as wp

from .features import ANALYTIC, COAT, MESHES, NORMAL_MAPS, PBR, SKY, SKY_MAP, TEXTURES
from .kernels import builder_module, shading_module
from .native import CPU_WIDTH, CUDA_WIDTH
from .shadows import shadow_kernel
from .shipped import INDEX, LEVELS, file_name, target_level
from .visibility import primary_kernel

__all__ = ["compile_level", "fixed_modules", "shading_sets"]


def fixed_modules() -> list[wp.Module]:
    """Every Warp module of this backend but those for shading, which go by the scene; tracing all kinds of shapes."""
    found = {builder_module(width) for width in (CPU_WIDTH, CUDA_WIDTH)}
    for kinds in map(int, (MESHES, ANALYTIC, MESHES | ANALYTIC)):
        found |= {primary_kernel(kinds).module, shadow_kernel(kinds).module}
    for file in iter_modules([str(Path(__file__).parent)]):
        if not file.ispkg and file.name != "ship":
            source = import_module(f"{__package__}.{file.name}")
            found |= {value.module for value in vars(source).values() if isinstance(value, wp.Kernel)}
    return sorted(found, key=lambda module: module.name)


def shading_sets() -> list[int]:
    """Features of the shading kernels that are shipped: what most stages of robot learning need, diffuse and glossy.

    Meshes, with or without planes and other exact shapes, under a sky of one colour, with or without textures; meshes
    and exact shapes without a sky; the demo scene. Anything else is one module to compile at first use.
    """
    shapes, meshes, sky, textures = int(MESHES) | int(ANALYTIC), int(MESHES), int(SKY), int(TEXTURES)
    diffuse = [shapes, shapes | sky, shapes | sky | textures, meshes | sky, meshes | sky | textures]
    demo = shapes | sky | textures | int(NORMAL_MAPS) | int(SKY_MAP)
    return [*diffuse, demo, *(features | int(PBR) for features in diffuse), demo | int(PBR) | int(COAT)]


def compile_level(level: str, folder: Path) -> None:
    """Compile everything for a level of CPUs into ``folder/<Warp's version>/<level>``; one call a process."""
    to = folder / wp.config.version / level
    to.mkdir(parents=True)
    modules = [*fixed_modules(), *map(shading_module, shading_sets())]
    for module in modules:
        target_level(module, level)
    index = {}
    with tempfile.TemporaryDirectory() as cache:
        wp.config.kernel_cache_dir = cache
        # One thread: each would prepare Warp's headers for itself, and the other level keeps another core busy.
        wp.force_load("cpu", modules, block_dim=1, max_workers=0)
        for module in modules:
            made = Path(wp.config.kernel_cache_dir) / module.get_module_identifier(1)
            for suffix in (".o", ".meta"):
                data = next(made.glob(f"*{suffix}")).read_bytes()
                name = file_name(module) + suffix
                (to / name).write_bytes(data)
                index[name] = sha256(data).hexdigest()
    (to / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")


def main(folder: Path, levels: list[str]) -> None:
    """Compile for levels of CPUs, each in a process of its own."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        sys.exit("they are compiled on Linux and x86-64 only")
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        list(pool.map(compile_level, levels, [folder] * len(levels)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(LEVELS))
