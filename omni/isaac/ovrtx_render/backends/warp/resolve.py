"""From hits and colours to the user's buffers: functions that end a shading kernel, and the same as passes."""

from __future__ import annotations

import numpy as np
import warp as wp

from ...scene.color_spaces import linear_to_srgb
from .arithmetic import quotient
from .inlining import inlined
from .native import source
from .surface import Hits, camera_ray, world_point
from .types import Affine, CameraState, Shapes
from .visibility import tile_corner, tile_pixel, tile_size

__all__ = [
    "ColorOutputs",
    "GeometryOutputs",
    "SurfaceOutputs",
    "clear_misses",
    "encode",
    "encode_table",
    "resolve_color",
    "write_color",
    "write_geometry",
    "write_srgb",
]


def encode_table(size: int = 16384) -> np.ndarray:
    """(size,) uint8: sRGB byte of linear values 0 to 1. The step at black is 0.2 of a byte."""
    return np.round(linear_to_srgb(np.arange(size) / (size - 1.0)) * 255.0).astype(np.uint8)


@wp.struct
class SurfaceOutputs:
    """Outputs that need the material or the shading normal; an array of size 0 is not asked for."""

    normals: wp.array(dtype=wp.vec3)
    albedo: wp.array(dtype=wp.uint32)
    constant: wp.array2d(dtype=wp.uint8)
    diffuse: wp.array2d(dtype=wp.uint8)
    full: wp.array2d(dtype=wp.uint8)
    encode: wp.array(dtype=wp.uint8)


@wp.func
def encode(table: wp.array(dtype=wp.uint8), x: float) -> wp.uint8:
    """sRGB byte of a linear value, by table. What exceeds white must not leave the range of an int."""
    last = table.shape[0] - 1
    return table[int(wp.clamp(x, 0.0, 1.0) * float(last) + 0.5)]


@wp.func
def write_srgb(target: wp.array2d(dtype=wp.uint8), q: int, color: wp.vec3, table: wp.array(dtype=wp.uint8)):
    for k in range(3):
        target[q, k] = encode(table, color[k])


@wp.struct
class GeometryOutputs:
    """Outputs that need no material; an array of size 0 is not asked for. Ids are looked up by instance."""

    depth: wp.array(dtype=wp.float32)
    distance: wp.array(dtype=wp.float32)
    motion: wp.array(dtype=wp.vec2)
    semantic: wp.array(dtype=wp.int32)
    instance: wp.array(dtype=wp.int32)
    instance_id: wp.array(dtype=wp.int32)
    semantic_of: wp.array(dtype=wp.int32)
    owner_of: wp.array(dtype=wp.int32)
    path_of: wp.array(dtype=wp.int32)
    palette: wp.array(dtype=wp.int32)
    semantic_palette: wp.array(dtype=wp.int32)
    previous: wp.array(dtype=Affine)  # frames, and cameras below, of the frame before: for motion
    previous_cameras: wp.array(dtype=CameraState)
    colorize: wp.int32  # bit 0, 1, 2: semantic, instance, instance_id hold the palette's RGBA8 instead of the id


@wp.struct
class ColorOutputs:
    """The outputs that show shaded colour; an array of size 0 is not asked for."""

    rgb: wp.array2d(dtype=wp.uint8)
    rgba: wp.array(dtype=wp.uint32)
    hdr: wp.array(dtype=wp.vec3)
    encode: wp.array(dtype=wp.uint8)
    tone_mapping: wp.int32  # see tone_map


@wp.func
def project(camera: CameraState, point: wp.vec3) -> wp.vec2:
    """Image position [px] of a world point."""
    d = wp.transpose(camera.rotation) * (point - camera.position)
    scale = 1.0
    if camera.orthographic == 0:
        scale = 1.0 / wp.max(-d[2], 1.0e-6)
    return wp.vec2(camera.cx + (camera.fx * d[0] - camera.skew * d[1]) * scale, camera.cy - camera.fy * d[1] * scale)


@inlined
def write_hit(
    shapes: Shapes,
    camera: CameraState,
    index: int,
    x: int,
    y: int,
    q: int,
    inst: int,
    t: float,
    out: GeometryOutputs,
):
    """Geometry outputs of one pixel of camera ``index``; ``q`` is its place in them."""
    hit = inst >= 0
    if out.depth.shape[0] > 0:
        out.depth[q] = wp.where(hit, t, wp.inf)
    px = float(x) + 0.5
    py = float(y) + 0.5
    if out.distance.shape[0] > 0:
        out.distance[q] = wp.where(hit, t * wp.length(camera_ray(camera, px, py)), wp.inf)
    if out.motion.shape[0] > 0:
        motion = wp.vec2(0.0, 0.0)
        if hit and out.previous_cameras[index].fx > 0.0:  # see forget_cameras
            local_point = shapes.world_to_local[inst].linear * (
                world_point(camera, px, py, t) - shapes.local_to_world[inst].offset
            )
            then = out.previous[inst].linear * local_point + out.previous[inst].offset
            was = project(out.previous_cameras[index], then)
            motion = wp.vec2(was[0] - px, was[1] - py)
        out.motion[q] = motion
    if out.semantic.shape[0] > 0:
        id = int(0)
        if hit:
            id = out.semantic_of[inst]
        if (out.colorize & 1) != 0:
            id = out.semantic_palette[id]
        out.semantic[q] = id
    if out.instance.shape[0] > 0:
        id = int(0)
        if hit:
            id = out.owner_of[inst]
        if (out.colorize & 2) != 0:
            id = out.palette[id]
        out.instance[q] = id
    if out.instance_id.shape[0] > 0:
        id = int(0)
        if hit:
            id = out.path_of[inst]
        if (out.colorize & 4) != 0:
            id = out.palette[id]
        out.instance_id[q] = id


@wp.func_native(source("lanes", "depths", ROWS=8))
def write_depths(
    local: int, index: int, x0: int, y0: int, width: int, height: int, hits: Hits, out: GeometryOutputs
) -> int:
    """Write the depths of a tile if nothing else is asked for; returns whether it did. Not on CUDA."""
    ...


@wp.kernel(enable_backward=False, module="omni_resolve")
def write_geometry(
    shapes: Shapes,
    cameras: wp.array(dtype=CameraState),
    selected: wp.array(dtype=wp.int32),
    first: int,
    width: int,
    height: int,
    pixels: int,
    hits: Hits,
    out: GeometryOutputs,
):
    """Depths, ids and motion of the pixel centres; dim = (cameras of this chunk, work items of an image)."""
    local, item = wp.tid()
    index = selected[first + local]
    camera = cameras[index]
    corner = tile_corner(item, width, height, pixels)
    if write_depths(local, index, corner[0], corner[1], width, height, hits, out) != 0:
        return
    for k in range(tile_size()):
        at = tile_pixel(corner, k)
        if at[0] < width and at[1] < height:
            p = (local * height + at[1]) * width + at[0]
            q = (index * height + at[1]) * width + at[0]
            write_hit(shapes, camera, index, at[0], at[1], q, hits.instance[p], hits.t[p], out)


@wp.func
def tone_map(x: float, mode: int) -> float:
    """0: as it is. 1: filmic curve fitted to ACES (Narkowicz, "ACES Filmic Tone Mapping Curve", 2015)."""
    if mode == 0:
        return x
    v = wp.clamp(x, 0.0, 1.0e6)  # the square of what is far above white would be infinite
    return quotient(v * (2.51 * v + 0.03), v * (2.43 * v + 0.59) + 0.14)


@wp.func
def write_color(c: wp.vec4, q: int, out: ColorOutputs):
    """Tone-mapped colour of one pixel, of linear colour and coverage ``c``; ``q`` is its place in the outputs."""
    if out.hdr.shape[0] > 0:
        out.hdr[q] = wp.vec3(c[0], c[1], c[2])
    r = encode(out.encode, tone_map(c[0], out.tone_mapping))
    g = encode(out.encode, tone_map(c[1], out.tone_mapping))
    b = encode(out.encode, tone_map(c[2], out.tone_mapping))
    if out.rgb.shape[0] > 0:
        out.rgb[q, 0] = r
        out.rgb[q, 1] = g
        out.rgb[q, 2] = b
    if out.rgba.shape[0] > 0:
        a = wp.uint32(wp.clamp(c[3], 0.0, 1.0) * 255.0 + 0.5)
        low = wp.uint32(r) | (wp.uint32(g) << wp.uint32(8))
        out.rgba[q] = low | (wp.uint32(b) << wp.uint32(16)) | (a << wp.uint32(24))


@wp.kernel(enable_backward=False, module="omni_resolve")
def resolve_color(
    color: wp.array(dtype=wp.vec4),
    selected: wp.array(dtype=wp.int32),
    first: int,
    width: int,
    height: int,
    pixels: int,
    out: ColorOutputs,
):
    """Write the gathered colour; dim = (cameras of this chunk, work items of an image)."""
    local, item = wp.tid()
    index = selected[first + local]
    corner = tile_corner(item, width, height, pixels)
    for k in range(tile_size()):
        at = tile_pixel(corner, k)
        if at[0] < width and at[1] < height:
            p = (local * height + at[1]) * width + at[0]
            write_color(color[p], (index * height + at[1]) * width + at[0], out)


@wp.kernel(enable_backward=False, module="omni_resolve")
def clear_misses(
    selected: wp.array(dtype=wp.int32),
    first: int,
    width: int,
    height: int,
    pixels: int,
    instance: wp.array(dtype=wp.int32),
    out: SurfaceOutputs,
):
    """Surface outputs of pixels that hit nothing: else they would keep what was hit a frame ago.

    dim = (cameras of this chunk, work items of an image). A pass of its own, since shading has no register to spare.
    """
    local, item = wp.tid()
    index = selected[first + local]
    corner = tile_corner(item, width, height, pixels)
    for k in range(tile_size()):
        at = tile_pixel(corner, k)
        if at[0] < width and at[1] < height and instance[(local * height + at[1]) * width + at[0]] < 0:
            q = (index * height + at[1]) * width + at[0]
            if out.normals.shape[0] > 0:
                out.normals[q] = wp.vec3(0.0, 0.0, 0.0)
            if out.albedo.shape[0] > 0:
                out.albedo[q] = wp.uint32(0)
            for c in range(3):
                if out.constant.shape[0] > 0:
                    out.constant[q, c] = wp.uint8(0)
                if out.diffuse.shape[0] > 0:
                    out.diffuse[q, c] = wp.uint8(0)
                if out.full.shape[0] > 0:
                    out.full[q, c] = wp.uint8(0)
