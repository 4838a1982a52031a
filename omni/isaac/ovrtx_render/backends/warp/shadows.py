"""Shadow and ambient occlusion rays: one kernel makes the rays of one light, one traces them."""

from __future__ import annotations

from functools import cache

import warp as wp

from .arithmetic import circle, over, quotient, root, unit
from .culling import visible_clusters
from .features import ANALYTIC, MESHES
from .inlining import FEW_REGISTERS, inlined
from .native import source, tracing_source
from .surface import Hits, MeshAttributes, camera_ray, geometric_normal, smooth_offset, world_point
from .types import (
    CYLINDER_LIGHT,
    DISK_LIGHT,
    DISTANT_LIGHT,
    RECT_LIGHT,
    SPHERE_LIGHT,
    Affine,
    CameraState,
    LightState,
    Shapes,
)
from .visibility import tile_corner, tile_pixel, tile_size

__all__ = ["light_index", "lighting_env", "occlusion_rays", "shadow_kernel", "shadow_rays"]


any_normal = geometric_normal.of(MESHES | ANALYTIC)


def shadow_kernel(features: int) -> wp.Kernel:
    """The kernel that finds which rays are free in scenes of some features; it goes by the kinds of shapes only."""
    return _shadow_kernel(features & int(MESHES | ANALYTIC))


@cache
def _shadow_kernel(features: int) -> wp.Kernel:
    @wp.func_native(tracing_source("shadow", bool(features & MESHES), bool(features & ANALYTIC)))
    def shadow_tile(
        cam: int,
        x0: int,
        y0: int,
        width: int,
        height: int,
        begin0: int,
        end0: int,
        begin1: int,
        end1: int,
        channel: int,
        channels: int,
        weight: float,
        origin: wp.array(dtype=wp.vec4),
        direction: wp.array(dtype=wp.vec3),
        geometry: wp.array(dtype=wp.float32),
        bvh_nodes: wp.array(dtype=wp.float32),
        bvh_leaves: wp.array(dtype=wp.float32),
        inst_geometry: wp.array(dtype=wp.int32),
        inst_shadow: wp.array(dtype=wp.int32),
        world_to_local: wp.array(dtype=Affine),
        bounds: wp.array(dtype=wp.vec4),
        cluster_first: wp.array(dtype=wp.int32),
        cluster_bounds: wp.array(dtype=wp.vec4),
        inst_material: wp.array(dtype=wp.int32),
        inst_uvs: wp.array(dtype=wp.int32),
        cutouts: wp.array(dtype=wp.float32),
        uvs: wp.array2d(dtype=wp.vec2),
        texels: wp.array(dtype=wp.uint32),
        amount: wp.array(dtype=wp.float32),
    ): ...

    @wp.kernel(enable_backward=False, module=f"omni_shadow_trace_{features}", **FEW_REGISTERS)
    def trace_shadows(
        shapes: Shapes,
        cameras: wp.array(dtype=CameraState),
        selected: wp.array(dtype=wp.int32),
        first: int,
        width: int,
        height: int,
        pixels: int,
        channel: int,
        channels: int,
        weight: float,
        origin: wp.array(dtype=wp.vec4),
        direction: wp.array(dtype=wp.vec3),
        amount: wp.array(dtype=wp.float32),
    ):
        """Add ``weight`` to ``amount[pixel, channel]`` where a ray is free; dim = (cameras, work items of an image)."""
        local, index = wp.tid()
        corner = tile_corner(index, width, height, pixels)
        if corner[0] >= width or corner[1] >= height:
            return
        camera = cameras[selected[first + local]]
        shared = visible_clusters(shapes, camera.env, 0)
        own = visible_clusters(shapes, camera.env, 1)
        shadow_tile(
            local,
            corner[0],
            corner[1],
            width,
            height,
            shared[0],
            shared[1],
            own[0],
            own[1],
            channel,
            channels,
            weight,
            origin,
            direction,
            shapes.geometry,
            shapes.bvh_nodes,
            shapes.bvh_leaves,
            shapes.inst_geometry,
            shapes.inst_shadow,
            shapes.world_to_local,
            shapes.bounds,
            shapes.cluster_first,
            shapes.cluster_bounds,
            shapes.inst_material,
            shapes.inst_uvs,
            shapes.cutouts,
            shapes.uvs,
            shapes.texels,
            amount,
        )

    return trace_shadows


@inlined
def lighting_env(shapes: Shapes, inst: int, camera_env: int) -> int:
    """The environment whose lights reach an instance: its own, whoever looks; of a shared one, the camera's."""
    if camera_env >= 0 and shapes.see_all == 0:
        return camera_env  # such a camera sees nothing else
    own = shapes.inst_env[inst]
    return wp.where(own >= 0, own, camera_env)


@wp.func
def light_index(light_begin: wp.array(dtype=wp.int32), env: int, channel: int) -> int:
    """The ``channel``-th light of an environment: the shared ones first, then its own; -1 past the end."""
    shared = light_begin[1]
    if channel < shared:
        return channel
    if env < 0:
        return -1
    at = light_begin[env + 1] + channel - shared
    if at < light_begin[env + 2]:
        return at
    return -1


@wp.func
def random_pair(x: int, y: int, stream: int, sample: int) -> wp.vec2:
    """Sample ``sample`` of the R2 sequence (Roberts 2018), shifted by a hash of the pixel and the stream.

    The pixel is that of the whole image: bands must not show. It depends on nothing else: every environment gets the
    same pattern, and every run the same picture.
    """
    state = wp.rand_init(stream * 7919 + 17, y * 8192 + x)
    a = wp.randf(state) + 0.7548776662 * float(sample)
    b = wp.randf(state) + 0.5698402910 * float(sample)
    return wp.vec2(a - wp.floor(a), b - wp.floor(b))


@wp.func
def basis(n: wp.vec3) -> wp.mat33:
    """Orthonormal basis with z = n (Duff et al. 2017)."""
    sign = wp.where(n[2] >= 0.0, 1.0, -1.0)
    a = -quotient(1.0, sign + n[2])
    b = n[0] * n[1] * a
    x = wp.vec3(1.0 + sign * n[0] * n[0] * a, sign * b, -sign * n[0])
    y = wp.vec3(b, sign + n[1] * n[1] * a, -n[1])
    return wp.mat33(x[0], y[0], n[0], x[1], y[1], n[1], x[2], y[2], n[2])


@wp.func
def lift(point: wp.vec3, normal: wp.vec3, eye: wp.vec3) -> wp.vec3:
    """Origin of a ray that leaves a surface: far enough off it that float32 does not hit the surface again."""
    away = point - eye
    return point + normal * (1.0e-4 * root(wp.dot(away, away)) + 1.0e-5)


@wp.func
def point_on_light(light: LightState, point: wp.vec3, r: wp.vec2, soft: int) -> wp.vec3:
    """A point of a light's surface by two numbers in [0, 1); its centre unless ``soft``.

    Of a distant light it is a point far away in its disc, seen from ``point``.
    """
    ring = wp.vec2(0.0, 0.0)
    if soft != 0:
        ring = circle(6.2831853 * r[0]) * root(r[1])
    local = wp.vec3(0.0, 0.0, 0.0)
    if light.kind == DISTANT_LIGHT:
        far = light.rotation * wp.vec3(ring[0] * light.size[0], ring[1] * light.size[0], 1.0)
        return point + far * 1.0e6
    if light.kind == SPHERE_LIGHT:
        frame = basis(unit(light.position - point))
        return light.position + frame * (wp.vec3(ring[0], ring[1], 0.0) * light.size[0])
    if light.kind == RECT_LIGHT:
        local = wp.vec3((2.0 * r[0] - 1.0) * light.size[0], (2.0 * r[1] - 1.0) * light.size[1], 0.0)
    if light.kind == DISK_LIGHT:
        local = wp.vec3(ring[0] * light.size[0], ring[1] * light.size[1], 0.0)
    if light.kind == CYLINDER_LIGHT:
        local = wp.vec3((2.0 * r[0] - 1.0) * light.size[1], 0.0, 0.0)
    return light.position + light.rotation * local


@inlined
def shadow_ray(
    shapes: Shapes,
    attributes: MeshAttributes,
    lights: wp.array(dtype=LightState),
    light_begin: wp.array(dtype=wp.int32),
    camera: CameraState,
    x: int,
    y: int,
    row: int,
    p: int,
    jitter: wp.vec2,
    channel: int,
    channels: int,
    sample: int,
    clear: int,
    soft: int,
    hits: Hits,
    through: wp.array(dtype=wp.float32),
    layer: int,
    origin: wp.array(dtype=wp.vec4),
    direction: wp.array(dtype=wp.vec3),
    amount: wp.array(dtype=wp.float32),
):
    """One ray; reach 0 where there is none to trace. ``row`` is y in the whole image."""
    origin[p] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    direction[p] = wp.vec3(0.0, 0.0, 1.0)
    if clear != 0:
        amount[p * channels + channel] = 0.0
    inst = hits.instance[p]
    if inst < 0 or (layer > 0 and through[p] <= 0.0):
        return
    index = light_index(light_begin, lighting_env(shapes, inst, camera.env), channel)
    if index < 0:
        return
    light = lights[index]
    if light.shadows == 0:
        return
    prim = hits.prim[p]
    px = float(x) + jitter[0]
    py = float(y) + jitter[1]
    point = world_point(camera, px, py, hits.t[p])
    normal = any_normal(shapes, attributes, inst, prim, point)
    if wp.dot(normal, camera_ray(camera, px, py)) > 0.0:
        normal = -normal
    to = wp.vec3(light.rotation[0, 2], light.rotation[1, 2], light.rotation[2, 2])
    reach = float(1.0e30)
    if soft != 0 or light.kind != DISTANT_LIGHT:
        pair = wp.vec2(0.5, 0.5)
        if soft != 0:
            pair = random_pair(x, row, channel, sample)
        to = point_on_light(light, point, pair, soft) - point
        reach = root(wp.dot(to, to))
        to = over(to, wp.max(reach, 1.0e-9))
        reach = reach * 0.9999
    start = lift(point, normal, camera.position)
    # Near the terminator of a smooth-shaded mesh its flat triangles would show. Elsewhere the flat surface will do.
    cosine = wp.dot(normal, to)
    if cosine < 0.25:
        smooth = bool(False)
        if prim >= 0 and cosine > -0.7:
            smooth = attributes.base[shapes.inst_geometry[inst]][1] >= 0
        if smooth:
            start = start + smooth_offset(shapes, attributes, inst, prim, hits.u[p], hits.v[p], normal)
        elif cosine <= 0.0:
            return
    origin[p] = wp.vec4(start[0], start[1], start[2], reach)
    direction[p] = to


@wp.func_native(source("lanes", "surface", "far_rays", ROWS=8, DISTANT_LIGHT=int(DISTANT_LIGHT)))
def far_rays(
    local: int,
    x0: int,
    y0: int,
    width: int,
    height: int,
    shapes: Shapes,
    attributes: MeshAttributes,
    lights: wp.array(dtype=LightState),
    light_begin: wp.array(dtype=wp.int32),
    camera: CameraState,
    jitter: wp.vec2,
    channel: int,
    channels: int,
    clear: int,
    hits: Hits,
    origin: wp.array(dtype=wp.vec4),
    direction: wp.array(dtype=wp.vec3),
    amount: wp.array(dtype=wp.float32),
) -> wp.int64:
    """Make the rays of a tile to lights that are far away; returns which are done, bit by bit. None on CUDA."""
    ...


@wp.kernel(enable_backward=False, module="omni_shadow_rays", **FEW_REGISTERS)
def shadow_rays(
    shapes: Shapes,
    attributes: MeshAttributes,
    lights: wp.array(dtype=LightState),
    light_begin: wp.array(dtype=wp.int32),
    cameras: wp.array(dtype=CameraState),
    selected: wp.array(dtype=wp.int32),
    first: int,
    width: int,
    height: int,
    pixels: int,
    bands: int,
    jitter: wp.vec2,
    channel: int,
    channels: int,
    sample: int,
    clear: int,
    soft: int,
    hits: Hits,
    through: wp.array(dtype=wp.float32),
    layer: int,
    origin: wp.array(dtype=wp.vec4),
    direction: wp.array(dtype=wp.vec3),
    amount: wp.array(dtype=wp.float32),
):
    """Rays from the hits to light ``channel``, one sample to its centre; dim = (cameras, work items of an image).

    A camera is one of the ``bands`` of an image.
    """
    local, item = wp.tid()
    index = selected[first + local]
    camera = cameras[index]
    above = (index % bands) * height
    corner = tile_corner(item, width, height, pixels)
    done = wp.int64(0)
    if soft == 0 and layer == 0:
        done = far_rays(
            local,
            corner[0],
            corner[1],
            width,
            height,
            shapes,
            attributes,
            lights,
            light_begin,
            camera,
            jitter,
            channel,
            channels,
            clear,
            hits,
            origin,
            direction,
            amount,
        )
        if done == wp.int64(-1):
            return
    for k in range(tile_size()):
        at = tile_pixel(corner, k)
        if at[0] < width and at[1] < height and ((done >> wp.int64(k)) & wp.int64(1)) == wp.int64(0):
            p = (local * height + at[1]) * width + at[0]
            shadow_ray(
                shapes,
                attributes,
                lights,
                light_begin,
                camera,
                at[0],
                at[1],
                above + at[1],
                p,
                jitter,
                channel,
                channels,
                sample,
                clear,
                soft,
                hits,
                through,
                layer,
                origin,
                direction,
                amount,
            )


@inlined
def occlusion_ray(
    shapes: Shapes,
    attributes: MeshAttributes,
    camera: CameraState,
    x: int,
    y: int,
    row: int,
    p: int,
    jitter: wp.vec2,
    channel: int,
    channels: int,
    sample: int,
    clear: int,
    reach: float,
    hits: Hits,
    through: wp.array(dtype=wp.float32),
    layer: int,
    origin: wp.array(dtype=wp.vec4),
    direction: wp.array(dtype=wp.vec3),
    amount: wp.array(dtype=wp.float32),
):
    """One ray; reach 0 where there is none to trace. ``row`` is y in the whole image."""
    origin[p] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    direction[p] = wp.vec3(0.0, 0.0, 1.0)
    if clear != 0:
        amount[p * channels + channel] = 0.0
    inst = hits.instance[p]
    if inst < 0 or (layer > 0 and through[p] <= 0.0):
        return
    point = world_point(camera, float(x) + jitter[0], float(y) + jitter[1], hits.t[p])
    normal = any_normal(shapes, attributes, inst, hits.prim[p], point)
    if wp.dot(normal, camera_ray(camera, float(x) + jitter[0], float(y) + jitter[1])) > 0.0:
        normal = -normal
    point = point + smooth_offset(shapes, attributes, inst, hits.prim[p], hits.u[p], hits.v[p], normal)
    start = lift(point, normal, camera.position)
    r = random_pair(x, row, 8191, sample)
    ring = circle(6.2831853 * r[0]) * root(r[1])
    to = basis(normal) * wp.vec3(ring[0], ring[1], root(1.0 - r[1]))
    origin[p] = wp.vec4(start[0], start[1], start[2], reach)
    direction[p] = to


@wp.kernel(enable_backward=False, module="omni_shadow_rays", **FEW_REGISTERS)
def occlusion_rays(
    shapes: Shapes,
    attributes: MeshAttributes,
    cameras: wp.array(dtype=CameraState),
    selected: wp.array(dtype=wp.int32),
    first: int,
    width: int,
    height: int,
    pixels: int,
    bands: int,
    jitter: wp.vec2,
    channel: int,
    channels: int,
    sample: int,
    clear: int,
    reach: float,
    hits: Hits,
    through: wp.array(dtype=wp.float32),
    layer: int,
    origin: wp.array(dtype=wp.vec4),
    direction: wp.array(dtype=wp.vec3),
    amount: wp.array(dtype=wp.float32),
):
    """Cosine-distributed rays of length ``reach`` [m] from each hit; dim = (cameras, work items of an image)."""
    local, item = wp.tid()
    index = selected[first + local]
    camera = cameras[index]
    above = (index % bands) * height
    corner = tile_corner(item, width, height, pixels)
    for k in range(tile_size()):
        at = tile_pixel(corner, k)
        if at[0] < width and at[1] < height:
            p = (local * height + at[1]) * width + at[0]
            occlusion_ray(
                shapes,
                attributes,
                camera,
                at[0],
                at[1],
                above + at[1],
                p,
                jitter,
                channel,
                channels,
                sample,
                clear,
                reach,
                hits,
                through,
                layer,
                origin,
                direction,
                amount,
            )
