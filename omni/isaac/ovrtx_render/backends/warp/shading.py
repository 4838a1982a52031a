"""The shading kernel: one pass over the G-buffer of a layer, all materials, all lights."""

from __future__ import annotations

from functools import cache

import warp as wp

from .environment import Environment, environment_diffuse, environment_radiance, environment_specular
from .features import COAT, FEATURES, LAYERS, LOCAL_LIGHTS, NORMAL_MAPS, PBR, SKY, SKY_MAP, by_features
from .inlining import FEW_REGISTERS, MORE_REGISTERS
from .lighting import fresnel, reflect_light, sample_light
from .native import source
from .resolve import ColorOutputs, SurfaceOutputs, encode, write_color, write_srgb
from .shadows import light_index, lighting_env
from .surface import Hits, ShadingScene, camera_ray, evaluate_surface
from .types import HEADLIGHT, CameraState, LightState, Shapes
from .visibility import tile_corner, tile_pixel, tile_size

__all__ = ["ShadingOptions", "shade_kernel"]


@wp.struct
class ShadingOptions:
    """Run-time switches: none of them recompiles anything."""

    width: wp.int32
    height: wp.int32
    pixels: wp.int32  # see tile_corner
    layer: wp.int32
    last_layer: wp.int32
    want_color: wp.int32
    channels: wp.int32  # of the visibility buffer
    shadowed: wp.int32  # whether lights have a channel in it
    num_lights: wp.int32  # most lights any environment sees
    occlusion_channel: wp.int32  # -1: off
    show_dome: wp.int32  # a pixel that hits nothing shows the sky, else the background colour
    background: wp.vec3
    exposure: float
    weight: float  # of this sample in the mean
    first_sample: wp.int32
    final: wp.int32  # this is all there is of a pixel: its outputs are written at once
    plain: wp.int32  # that is a colour, and not what SurfaceOutputs holds: see plain_pixels
    jitter: wp.vec2


_NOT_PLAIN = PBR | COAT | LAYERS | LOCAL_LIGHTS | SKY_MAP
"""Features of a scene in which no pixel is plain."""


@wp.func_native(source("lanes", "surface", "plain", ROWS=8, HEADLIGHT=int(HEADLIGHT)))
def plain_pixels(
    local: int,
    index: int,
    x0: int,
    y0: int,
    shapes: Shapes,
    scene: ShadingScene,
    lights: wp.array(dtype=LightState),
    light_begin: wp.array(dtype=wp.int32),
    env: Environment,
    camera: CameraState,
    options: ShadingOptions,
    hits: Hits,
    amount: wp.array(dtype=wp.float32),
    color_out: ColorOutputs,
    depth: wp.array(dtype=wp.float32),
    sky: int,
) -> wp.int64:
    """Draw the plain pixels of a tile, with their depth; returns which are done, bit by bit. None on CUDA."""
    ...


@by_features
def shade_pixel(
    shapes: Shapes,
    scene: ShadingScene,
    lights: wp.array(dtype=LightState),
    light_begin: wp.array(dtype=wp.int32),
    env: Environment,
    camera: CameraState,
    x: int,
    y: int,
    p: int,
    q: int,
    options: ShadingOptions,
    hits: Hits,
    amount: wp.array(dtype=wp.float32),
    through: wp.array(dtype=wp.float32),
    first_t: wp.array(dtype=wp.float32),
    first_instance: wp.array(dtype=wp.int32),
    out: SurfaceOutputs,
) -> wp.vec4:
    """What a pixel adds to the mean colour and coverage; ``p`` is its place in the chunk, ``q`` in the outputs."""
    before = float(1.0)
    if options.layer > 0:
        before = through[p]
    if wp.static((FEATURES & LAYERS) != 0):
        if options.layer == 0 and options.first_sample != 0:
            first_t[p] = hits.t[p]
            first_instance[p] = -1
    nothing = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if before <= 0.0:
        return nothing
    px = float(x) + options.jitter[0]
    py = float(y) + options.jitter[1]
    inst = hits.instance[p]
    if inst < 0:
        if wp.static((FEATURES & LAYERS) != 0):
            through[p] = 0.0
        if options.want_color != 0:
            ground = options.background
            if options.show_dome != 0:
                ground = environment_radiance(env, wp.normalize(camera_ray(camera, px, py))) * options.exposure
            ground = ground * (before * options.weight)
            return wp.vec4(ground[0], ground[1], ground[2], 0.0)
        return nothing
    lit_by = lighting_env(shapes, inst, camera.env)
    s = evaluate_surface(shapes, scene, camera, px, py, hits.t[p], inst, hits.prim[p], hits.u[p], hits.v[p])
    alpha = float(1.0)
    if wp.static((FEATURES & LAYERS) != 0):
        alpha = s.opacity
        if options.first_sample != 0 and alpha > 0.0 and first_instance[p] < 0:
            first_instance[p] = inst
            first_t[p] = hits.t[p]
        left = before * (1.0 - alpha)
        if left < 0.004 or options.last_layer != 0:
            left = 0.0
        through[p] = left
        if alpha <= 0.0:
            return nothing

    is_first = options.first_sample != 0
    if wp.static((FEATURES & LAYERS) != 0):
        is_first = is_first and first_instance[p] == inst and first_t[p] == hits.t[p]
    if is_first:
        if out.normals.shape[0] > 0:
            out.normals[q] = s.output_normal
        if out.albedo.shape[0] > 0:
            out.albedo[q] = (
                wp.uint32(encode(out.encode, s.base_color[0]))
                | (wp.uint32(encode(out.encode, s.base_color[1])) << wp.uint32(8))
                | (wp.uint32(encode(out.encode, s.base_color[2])) << wp.uint32(16))
                | (wp.uint32(255) << wp.uint32(24))
            )
        head = wp.max(wp.dot(s.normal, s.view), 0.0)
        lamp = 0.2 + 0.8 * head
        if out.constant.shape[0] > 0:
            write_srgb(out.constant, q, wp.vec3(0.5, 0.5, 0.5) * lamp, out.encode)
        if out.diffuse.shape[0] > 0:
            write_srgb(out.diffuse, q, s.base_color * lamp, out.encode)
        if out.full.shape[0] > 0:
            alpha2 = s.roughness * s.roughness * s.roughness * s.roughness
            gloss = wp.pow(head, 2.0 / wp.max(alpha2, 1.0e-3)) * (1.0 - s.roughness)
            write_srgb(out.full, q, s.base_color * lamp + s.f0 * gloss + s.emissive, out.encode)
    if options.want_color == 0:
        return nothing

    share = before * alpha * options.weight
    result = s.base_color
    if s.unlit == 0:
        glow = wp.vec3(0.0, 0.0, 0.0)
        if wp.static((FEATURES & SKY) != 0):
            open = s.occlusion
            if options.occlusion_channel >= 0:
                open = open * amount[p * options.channels + options.occlusion_channel]
            glow = wp.cw_mul(s.diffuse, environment_diffuse(env, s.normal))
            if wp.static((FEATURES & PBR) != 0):
                nv = wp.max(wp.dot(s.normal, s.view), 1.0e-3)
                mirror = s.normal * (2.0 * wp.dot(s.normal, s.view)) - s.view
                shine = wp.cw_mul(s.specular, environment_specular(env, mirror, s.roughness))
                glow = glow + shine
                if wp.static((FEATURES & COAT) != 0):
                    if s.clearcoat > 0.0:
                        coat = s.clearcoat * fresnel(wp.vec3(0.04, 0.04, 0.04), nv)[0]
                        top = environment_specular(env, mirror, s.clearcoat_roughness)
                        glow = glow * (1.0 - coat) + top * coat
            glow = glow * open
        glow = glow + s.emissive
        for channel in range(options.num_lights):
            i = light_index(light_begin, lit_by, channel)
            if i >= 0:
                visible = float(1.0)
                if options.shadowed != 0 and lights[i].shadows != 0:
                    visible = amount[p * options.channels + channel]
                if visible > 0.0:
                    sample = sample_light(lights, i, s.position, s.normal, s.view)
                    glow = glow + reflect_light(s, lights, i, sample) * visible
        result = glow * options.exposure
    return wp.vec4(result[0] * share, result[1] * share, result[2] * share, share)


@cache
def shade_kernel(features: int) -> wp.Kernel:
    """The shading kernel for a set of features; made once."""
    may_be_plain = (features & _NOT_PLAIN) == 0
    shade_one = shade_pixel.of(features)
    rich = features & LOCAL_LIGHTS or (features & NORMAL_MAPS and features & (COAT | LAYERS))
    registers = MORE_REGISTERS if features & PBR and rich else FEW_REGISTERS

    @wp.kernel(enable_backward=False, module=f"omni_shading_{features}", **registers)
    def shade(
        shapes: Shapes,
        scene: ShadingScene,
        lights: wp.array(dtype=LightState),
        light_begin: wp.array(dtype=wp.int32),
        env: Environment,
        cameras: wp.array(dtype=CameraState),
        selected: wp.array(dtype=wp.int32),
        first: int,
        options: ShadingOptions,
        hits: Hits,
        amount: wp.array(dtype=wp.float32),
        through: wp.array(dtype=wp.float32),
        first_t: wp.array(dtype=wp.float32),
        first_instance: wp.array(dtype=wp.int32),
        color: wp.array(dtype=wp.vec4),
        out: SurfaceOutputs,
        color_out: ColorOutputs,
        depth: wp.array(dtype=wp.float32),
    ):
        """Shade one layer of one sample; dim = (cameras of this chunk, work items of an image).

        ``color`` gathers linear radiance and coverage, unless this pass is all there is (``options.final``). ``depth``
        is empty, or what is asked of the geometry besides: more than that takes a pass of its own. With layers,
        ``through`` is what still comes through and ``first_t``, ``first_instance`` remember the nearest surface that
        is not fully transparent.
        """
        local, item = wp.tid()
        index = selected[first + local]
        camera = cameras[index]
        width = options.width
        height = options.height
        corner = tile_corner(item, width, height, options.pixels)
        done = wp.int64(0)
        if wp.static(may_be_plain):
            if options.plain != 0:
                done = plain_pixels(
                    local,
                    index,
                    corner[0],
                    corner[1],
                    shapes,
                    scene,
                    lights,
                    light_begin,
                    env,
                    camera,
                    options,
                    hits,
                    amount,
                    color_out,
                    depth,
                    wp.static(features & SKY),
                )
                if done == wp.int64(-1):
                    return
        for k in range(tile_size()):
            at = tile_pixel(corner, k)
            if at[0] < width and at[1] < height:
                p = (local * height + at[1]) * width + at[0]
                q = (index * height + at[1]) * width + at[0]
                if ((done >> wp.int64(k)) & wp.int64(1)) != wp.int64(0):
                    continue
                if depth.shape[0] > 0:
                    depth[q] = wp.where(hits.instance[p] >= 0, hits.t[p], wp.inf)
                c = shade_one(
                    shapes,
                    scene,
                    lights,
                    light_begin,
                    env,
                    camera,
                    at[0],
                    at[1],
                    p,
                    q,
                    options,
                    hits,
                    amount,
                    through,
                    first_t,
                    first_instance,
                    out,
                )
                if options.final != 0:
                    if options.want_color != 0:
                        write_color(c, q, color_out)
                elif options.want_color != 0:
                    if options.layer == 0 and options.first_sample != 0:
                        color[p] = c
                    else:
                        color[p] = color[p] + c

    return shade
