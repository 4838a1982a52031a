"""Nearest hits of camera rays: the kernel around ``native/primary.inl``."""

from __future__ import annotations

from functools import cache

import warp as wp

from .features import ANALYTIC, MESHES
from .inlining import FEW_REGISTERS
from .native import tracing_source
from .types import CameraState, Shapes

__all__ = ["primary_kernel", "tile_corner", "tile_grid", "tile_pixel", "tile_size"]


@wp.func
def tile_corner(index: int, width: int, height: int, pixels: int) -> wp.vec2i:
    """First pixel of work item ``index`` of an image: a tile of 8 x 8, or on CUDA (``pixels`` != 0) a pixel, in the
    order of tiles of 8 x 4, so that a warp looks at one spot."""
    columns = (width + 7) / 8
    if pixels == 0:
        return wp.vec2i((index % columns) * 8, (index / columns) * 8)
    tile = index / 32
    lane = index % 32
    return wp.vec2i((tile % columns) * 8 + lane % 8, (tile / columns) * 4 + lane / 8)


# A constant of the device: on CUDA the loop over a work item then disappears, and with it a quarter of the registers.
_TILE_SIZE = """
#if defined(__CUDA_ARCH__)
return 1;
#else
return 64;
#endif
"""


@wp.func_native(_TILE_SIZE)
def tile_size() -> int:
    """Pixels of a work item. On the CPU a kernel's arguments are copied for every task, so a task draws 64 pixels."""
    ...


@wp.func
def tile_pixel(corner: wp.vec2i, k: int) -> wp.vec2i:
    """Pixel ``k`` of a work item; it may lie outside of the image."""
    return wp.vec2i(corner[0] + k % 8, corner[1] + k / 8)


def tile_grid(width: int, height: int, cuda: bool) -> int:
    """Work items of one image; see :func:`tile_corner`."""
    columns = (width + 7) // 8
    return columns * ((height + 3) // 4) * 32 if cuda else columns * ((height + 7) // 8)


def primary_kernel(features: int) -> wp.Kernel:
    """The kernel that finds what camera rays hit in scenes of some features; it goes by the kinds of shapes only."""
    return _primary_kernel(features & int(MESHES | ANALYTIC))


@cache
def _primary_kernel(features: int) -> wp.Kernel:
    @wp.func_native(tracing_source("primary", bool(features & MESHES), bool(features & ANALYTIC)))
    def primary_tile(
        cam: int,
        x0: int,
        y0: int,
        width: int,
        height: int,
        layer: int,
        near_clip: float,
        far_clip: float,
        jitter_x: float,
        jitter_y: float,
        capacity: int,
        entries: wp.array(dtype=wp.float32),
        order: wp.array(dtype=wp.int32),
        count: wp.array(dtype=wp.int32),
        geometry: wp.array(dtype=wp.float32),
        bvh_nodes: wp.array(dtype=wp.float32),
        bvh_leaves: wp.array(dtype=wp.float32),
        inst_geometry: wp.array(dtype=wp.int32),
        inst_two_sided: wp.array(dtype=wp.int32),
        through: wp.array(dtype=wp.float32),
        hit_t: wp.array(dtype=wp.float32),
        hit_instance: wp.array(dtype=wp.int32),
        hit_prim: wp.array(dtype=wp.int32),
        hit_u: wp.array(dtype=wp.float32),
        hit_v: wp.array(dtype=wp.float32),
    ): ...

    @wp.kernel(enable_backward=False, module=f"omni_visibility_{features}", **FEW_REGISTERS)
    def trace_primary(
        shapes: Shapes,
        cameras: wp.array(dtype=CameraState),
        selected: wp.array(dtype=wp.int32),
        first: int,
        width: int,
        height: int,
        pixels: int,
        layer: int,
        jitter: wp.vec2,
        capacity: int,
        entries: wp.array(dtype=wp.float32),
        order: wp.array(dtype=wp.int32),
        count: wp.array(dtype=wp.int32),
        through: wp.array(dtype=wp.float32),
        hit_t: wp.array(dtype=wp.float32),
        hit_instance: wp.array(dtype=wp.int32),
        hit_prim: wp.array(dtype=wp.int32),
        hit_u: wp.array(dtype=wp.float32),
        hit_v: wp.array(dtype=wp.float32),
    ):
        """Nearest hit of every pixel; dim = (cameras of this chunk, work items of an image).

        Writes t (planar depth [m]), instance (-1: nothing), triangle (-1: analytic) and barycentrics.
        """
        local, index = wp.tid()
        corner = tile_corner(index, width, height, pixels)
        camera = cameras[selected[first + local]]
        primary_tile(
            local,
            corner[0],
            corner[1],
            width,
            height,
            layer,
            camera.near,
            camera.far,
            jitter[0],
            jitter[1],
            capacity,
            entries,
            order,
            count,
            shapes.geometry,
            shapes.bvh_nodes,
            shapes.bvh_leaves,
            shapes.inst_geometry,
            shapes.inst_two_sided,
            through,
            hit_t,
            hit_instance,
            hit_prim,
            hit_u,
            hit_v,
        )

    return trace_primary
