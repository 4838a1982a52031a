"""Every kernel compiles for CUDA, with few registers and no spills. No GPU is needed: NVRTC comes with Warp."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import warp as wp

from omni.isaac.ovrtx_render.backends.warp import (
    culling,
    deformation,
    material_rows,
    resolve,
    shading,
    shadows,
    transforms,
    visibility,
)
from omni.isaac.ovrtx_render.backends.warp.features import (
    ANALYTIC,
    COAT,
    LAYERS,
    LOCAL_LIGHTS,
    MESHES,
    NORMAL_MAPS,
    PBR,
    SKY,
    SKY_MAP,
    TEXTURES,
)
from omni.isaac.ovrtx_render.backends.warp.inlining import FEW_REGISTERS
from omni.isaac.ovrtx_render.backends.warp.native import source

ARCHITECTURES = (80, 90, 120)
FEW, MORE = 64, 80
"""Registers of a thread: 30 of 64 warps of a multiprocessor stay resident, or 24."""
STACK = int(re.findall(r"STACK = (\d+)", source())[0])  # the first is CUDA's
STACK_ENTRY = 8
"""Bytes of an entry of the traversal stack: a link and the distance of its box."""
KERNELS = {
    "culling": culling.project_shapes,
    "shadow rays": shadows.shadow_rays,
    "outputs": resolve.resolve_color,
    "transforms": transforms.write_poses,
    "deformation": deformation.fit_normals,
    "materials": material_rows.write_color,
}
"""One kernel of each module; the module is what is compiled."""

EVERYTHING = MESHES | ANALYTIC | SKY | SKY_MAP | PBR | COAT | TEXTURES | NORMAL_MAPS | LAYERS | LOCAL_LIGHTS
VARIANTS: dict[str, tuple[int, int]] = {
    "primitives": (ANALYTIC, FEW),
    "meshes": (MESHES | SKY, FEW),
    "textured": (MESHES | SKY | TEXTURES, FEW),
    "pbr": (MESHES | ANALYTIC | SKY | PBR, FEW),
    "pbr, textures, sky map": (MESHES | ANALYTIC | SKY | SKY_MAP | PBR | TEXTURES | NORMAL_MAPS, FEW),
    "pbr, textures, layers": (MESHES | ANALYTIC | SKY | SKY_MAP | PBR | COAT | TEXTURES | LAYERS, FEW),
    "coat, sky map": (ANALYTIC | SKY | SKY_MAP | PBR | COAT, FEW),
    "layers, local lights": (MESHES | ANALYTIC | LAYERS | LOCAL_LIGHTS, FEW),
    "all but pbr": (EVERYTHING & ~(PBR | COAT), FEW),
    "pbr, local lights": (MESHES | ANALYTIC | SKY | SKY_MAP | PBR | COAT | LOCAL_LIGHTS, MORE),
    "pbr, textures, layers, local lights": (MESHES | PBR | TEXTURES | LAYERS | LOCAL_LIGHTS, MORE),
    "normal maps, coat, layers": (MESHES | SKY | PBR | COAT | TEXTURES | NORMAL_MAPS | LAYERS, MORE),
    "everything": (EVERYTHING, MORE),
}
"""Features of a shading kernel, and how many registers it may take."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "enable_cuda_smem_spilling" not in FEW_REGISTERS or (wp.get_cuda_toolkit_version() or (0, 0)) < (13, 0),
        reason="this Warp, or its CUDA, cannot spill registers to shared memory",
    ),
]


class Resources(NamedTuple):
    """What a thread of a kernel takes."""

    registers: int
    frame: int
    """Local memory [B]: arrays that are indexed, and registers that were spilled."""


def read_cubin(path: Path) -> dict[str, Resources]:
    """Resources of each kernel in a 64-bit little-endian cubin, by symbol name.

    A cubin is an ELF file. Its section ``.nv.info`` is a list of attributes: format, kind, and, in format 4, a size and
    as many bytes of value. Register counts and frame sizes are such: the index of a symbol, and the number.
    """
    data = path.read_bytes()
    sections_at = struct.unpack_from("<Q", data, 0x28)[0]
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    fields = [struct.unpack_from("<IIQQQQII", data, sections_at + i * size) for i in range(count)]

    def text(table: int, offset: int) -> str:
        start = fields[table][4] + offset
        return data[start : data.index(b"\0", start)].decode()

    sections = {text(names, section[0]): section for section in fields}
    _, _, _, _, symbols_at, _, strings, _ = sections[".symtab"]
    _, _, _, _, at, length, _, _ = sections[".nv.info"]
    found: dict[int, dict[int, int]] = {}
    end = at + length
    while at < end:
        form, kind, width = struct.unpack_from("<BBH", data, at)
        at += 4
        if form == 4:
            if kind in (_REGISTERS, _FRAME):
                symbol, value = struct.unpack_from("<II", data, at)
                found.setdefault(symbol, {})[kind] = value
            at += width
    kernels = {symbol: values for symbol, values in found.items() if _REGISTERS in values}
    return {
        text(strings, struct.unpack_from("<I", data, symbols_at + 24 * symbol)[0]): Resources(
            values[_REGISTERS], values[_FRAME]
        )
        for symbol, values in kernels.items()
    }


_REGISTERS, _FRAME = 0x2F, 0x11  # EIATTR_REGCOUNT, EIATTR_FRAME_SIZE


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda arch: f"sm_{arch}")
def arch(request: pytest.FixtureRequest) -> int:
    """Compute capability to compile for."""
    if request.param not in wp.get_cuda_supported_archs():
        pytest.skip(f"this Warp cannot compile for sm_{request.param}")
    return request.param


def compiled(kernel: wp.Kernel, arch: int, folder: Path) -> dict[str, Resources]:
    """Compile the module of a kernel; resources of all of its kernels by function name."""
    paths: list[Any] = wp.compile_aot_module(kernel.module, arch=arch, module_dir=folder, use_ptx=False)
    return {name.rsplit("_cuda_kernel_", 1)[0]: used for name, used in read_cubin(Path(paths[0])).items()}


def one(kernels: dict[str, Resources], name: str) -> Resources:
    """The only kernel whose symbol begins with a name (the rest is a hash)."""
    (found,) = (used for symbol, used in kernels.items() if symbol.startswith(name))
    return found


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_outside_shading(name: str, arch: int, tmp_path: Path) -> None:
    kernels = compiled(KERNELS[name], arch, tmp_path)
    assert kernels
    if name == "shadow rays":
        for kernel in ("shadow_rays", "occlusion_rays"):
            assert one(kernels, kernel).registers <= FEW
            assert one(kernels, kernel).frame == 0
    elif name == "deformation":  # sines set memory aside for angles of thousands, which none is
        assert max(used.frame for used in kernels.values()) <= 32
    else:
        assert max(used.frame for used in kernels.values()) <= 16


@pytest.mark.parametrize("kinds", [MESHES, ANALYTIC, MESHES | ANALYTIC], ids=["meshes", "exact shapes", "both"])
@pytest.mark.parametrize("kernel", [visibility.primary_kernel, shadows.shadow_kernel])
def test_tracing_kernels(kernel: Callable[[int], wp.Kernel], kinds: int, arch: int, tmp_path: Path) -> None:
    (used,) = compiled(kernel(int(kinds)), arch, tmp_path).values()
    assert used.registers <= FEW
    assert used.frame == (STACK * STACK_ENTRY if kinds & MESHES else 0)  # without meshes there is nothing to walk


@pytest.mark.parametrize("variant", VARIANTS)
def test_shading_kernels(variant: str, arch: int, tmp_path: Path) -> None:
    features, registers = VARIANTS[variant]
    (used,) = compiled(shading.shade_kernel(int(features)), arch, tmp_path).values()
    assert used.registers <= registers
    assert used.frame == 0
