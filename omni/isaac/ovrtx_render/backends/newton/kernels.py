"""Kernels on both sides of Newton's: shapes, poses and rays in; images in our units and formats out."""

from __future__ import annotations

import warp as wp

from ..warp.environment import Environment, environment_radiance
from ..warp.features import SKY_MAP
from ..warp.resolve import tone_map
from ..warp.shading import encode
from ..warp.surface import camera_ray
from ..warp.types import Affine, CameraState

__all__ = ["Images", "camera_transforms", "fill_rays", "finish", "place_shapes"]

mapped_sky = environment_radiance.of(SKY_MAP)


@wp.func
def column_length(m: wp.mat33, k: int) -> float:
    return wp.length(wp.vec3(m[0, k], m[1, k], m[2, k]))


@wp.kernel(enable_backward=False, module="omni_newton")
def place_shapes(
    frames: wp.array(dtype=Affine),
    frame_of: wp.array(dtype=wp.int32),
    sizes: wp.array(dtype=wp.vec3),
    axes: wp.array(dtype=wp.vec3i),
    flips: wp.array(dtype=wp.int32),
    transforms: wp.array(dtype=wp.transform),
    scales: wp.array(dtype=wp.vec3),
):
    """Frames -> position, rotation and size of Newton's shapes; dim = number of shapes."""
    i = wp.tid()
    at = frames[frame_of[i]]
    length = wp.vec3(column_length(at.linear, 0), column_length(at.linear, 1), column_length(at.linear, 2))
    m = at.linear
    rotation = wp.mat33()
    for c in range(3):
        sign = 1.0
        if flips[i] != 0 and c > 0:
            sign = -1.0
        for r in range(3):
            rotation[r, c] = sign * m[r, c] / wp.max(length[c], 1.0e-30)
    transforms[i] = wp.transform(at.offset, wp.normalize(wp.quat_from_matrix(rotation)))
    size = sizes[i]
    axis = axes[i]
    scales[i] = wp.vec3(size[0] * length[axis[0]], size[1] * length[axis[1]], size[2] * length[axis[2]])


@wp.kernel(enable_backward=False, module="omni_newton")
def camera_transforms(cameras: wp.array(dtype=CameraState), transforms: wp.array(dtype=wp.transform)):
    """Poses as Newton wants them; dim = number of cameras."""
    i = wp.tid()
    transforms[i] = wp.transform(cameras[i].position, wp.normalize(wp.quat_from_matrix(cameras[i].rotation)))


@wp.kernel(enable_backward=False, module="omni_newton")
def fill_rays(
    cameras: wp.array(dtype=CameraState),
    index: int,
    jitter: wp.array(dtype=wp.vec2),
    rays: wp.array4d(dtype=wp.vec3),
):
    """Camera-space rays of camera ``index``, beginning on its near plane; dim = (height, width, samples)."""
    y, x, s = wp.tid()
    camera = cameras[index]
    v = (float(y) + jitter[s][1] - camera.cy) / camera.fy
    u = (float(x) + jitter[s][0] - camera.cx - camera.skew * v) / camera.fx
    if camera.orthographic != 0:
        rays[y, x, s, 0] = wp.vec3(u, -v, -camera.near)
        rays[y, x, s, 1] = wp.vec3(0.0, 0.0, -1.0)
    else:
        rays[y, x, s, 0] = wp.vec3(u, -v, -1.0) * camera.near
        rays[y, x, s, 1] = wp.normalize(wp.vec3(u, -v, -1.0))


@wp.struct
class Images:
    """What Newton drew, and what is asked for; an array of size 0 is not there. Pixels of all cameras in a row."""

    # From Newton.
    depth: wp.array(dtype=wp.float32)  # planar [m], negative where nothing is hit
    shape: wp.array(dtype=wp.uint32)
    light: wp.array(dtype=wp.vec3)  # linear, black where nothing is hit
    coverage: wp.array(dtype=wp.uint32)  # RGBA8, with the coverage as alpha
    # In place.
    normals: wp.array(dtype=wp.vec3)
    albedo: wp.array(dtype=wp.uint32)
    # To us.
    plane: wp.array(dtype=wp.float32)
    distance: wp.array(dtype=wp.float32)
    rgb: wp.array2d(dtype=wp.uint8)
    rgba: wp.array(dtype=wp.uint32)
    hdr: wp.array(dtype=wp.vec3)
    semantic: wp.array(dtype=wp.int32)
    instance: wp.array(dtype=wp.int32)
    instance_id: wp.array(dtype=wp.int32)
    # Value of each id image by shape; then that of a miss, then that of a hit on what is no known shape.
    semantic_of: wp.array(dtype=wp.int32)
    instance_of: wp.array(dtype=wp.int32)
    instance_id_of: wp.array(dtype=wp.int32)


@wp.kernel(enable_backward=False, module="omni_newton")
def finish(
    images: Images,
    cameras: wp.array(dtype=CameraState),
    selected: wp.array(dtype=wp.int32),
    width: int,
    height: int,
    show_sky: int,
    background: wp.vec3,
    sky: Environment,
    sky_features: int,
    exposure: float,
    tone: int,
    table: wp.array(dtype=wp.uint8),
):
    """Clip, put the background in, tone-map, look ids up; dim = (cameras, height, width)."""
    k, y, x = wp.tid()
    index = selected[k]
    q = (index * height + y) * width + x
    camera = cameras[index]
    z = images.depth[q]
    hit = z >= 0.0 and z <= camera.far
    ray = camera_ray(camera, float(x) + 0.5, float(y) + 0.5)
    if images.plane.shape[0] > 0:
        images.plane[q] = wp.where(hit, z, wp.inf)
    if images.distance.shape[0] > 0:
        images.distance[q] = wp.where(hit, z * wp.length(ray), wp.inf)
    if images.normals.shape[0] > 0 and not hit:
        images.normals[q] = wp.vec3(0.0, 0.0, 0.0)
    if images.albedo.shape[0] > 0 and not hit:
        images.albedo[q] = wp.uint32(0)
    if images.shape.shape[0] > 0:
        count = images.semantic_of.shape[0] - 2
        shape = count
        if hit:
            shape = count + 1
            if images.shape[q] < wp.uint32(count):
                shape = int(images.shape[q])
        if images.semantic.shape[0] > 0:
            images.semantic[q] = images.semantic_of[shape]
        if images.instance.shape[0] > 0:
            images.instance[q] = images.instance_of[shape]
        if images.instance_id.shape[0] > 0:
            images.instance_id[q] = images.instance_id_of[shape]
    if images.light.shape[0] == 0:
        return
    color = images.light[q]
    alpha = float(0.0)
    if images.coverage.shape[0] > 0:
        alpha = float(images.coverage[q] >> wp.uint32(24)) / 255.0
    elif hit:
        alpha = 1.0
    if z > camera.far:
        alpha = 0.0
        color = wp.vec3(0.0, 0.0, 0.0)
    if alpha < 1.0:
        ground = background
        if show_sky != 0:
            ground = sky.radiance[0, 0] * exposure
            if (sky_features & SKY_MAP) != 0:
                ground = mapped_sky(sky, wp.normalize(ray)) * exposure
        color = color + ground * (1.0 - alpha)
    if images.hdr.shape[0] > 0:
        images.hdr[q] = color
    r = encode(table, tone_map(color[0], tone))
    g = encode(table, tone_map(color[1], tone))
    b = encode(table, tone_map(color[2], tone))
    if images.rgb.shape[0] > 0:
        images.rgb[q, 0] = r
        images.rgb[q, 1] = g
        images.rgb[q, 2] = b
    if images.rgba.shape[0] > 0:
        a = wp.uint32(alpha * 255.0 + 0.5)
        low = wp.uint32(r) | (wp.uint32(g) << wp.uint32(8))
        images.rgba[q] = low | (wp.uint32(b) << wp.uint32(16)) | (a << wp.uint32(24))
