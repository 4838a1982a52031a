"""What each camera may see: a depth-sorted list of shapes with their screen rectangles.

Done once a camera, not once a ray: a tile then walks a short list from near to far, tests a rectangle a shape, and
stops at the first shape that starts behind everything already hit. Each entry carries the ray set-up in the shape's
own frame, so a ray costs one multiply-add an axis.
"""

from __future__ import annotations

import warp as wp

from .inlining import inlined
from .types import CameraState, Shapes

__all__ = ["ENTRY_FLOATS", "project_shapes", "sort_shapes", "visible_clusters"]

ENTRY_FLOATS = 16
INVISIBLE = wp.constant(3.0e38)


@wp.func
def visible_range(shapes: Shapes, env: int, part: int) -> wp.vec2i:
    """Instances that an environment sees: part 0 the shared ones, part 1 its own (or all of them)."""
    if part == 0:
        return wp.vec2i(shapes.env_begin[0], shapes.env_begin[1])
    if env < 0 or shapes.see_all != 0:
        return wp.vec2i(shapes.env_begin[1], shapes.env_begin[shapes.num_envs + 1])
    return wp.vec2i(shapes.env_begin[env + 1], shapes.env_begin[env + 2])


@wp.func
def visible_clusters(shapes: Shapes, env: int, part: int) -> wp.vec2i:
    """Clusters of :func:`visible_range`."""
    if part == 0:
        return wp.vec2i(shapes.cluster_begin[0], shapes.cluster_begin[1])
    if env < 0 or shapes.see_all != 0:
        return wp.vec2i(shapes.cluster_begin[1], shapes.cluster_begin[shapes.num_envs + 1])
    return wp.vec2i(shapes.cluster_begin[env + 1], shapes.cluster_begin[env + 2])


@wp.func
def outside(camera: CameraState, to_camera: wp.mat33, ball: wp.vec4, width: float, height: float) -> bool:
    """Whether a sphere is certainly out of the picture: behind a side plane, or beyond the clipping planes."""
    r = ball[3]
    if r > 1.0e8:
        return False
    p = to_camera * (wp.vec3(ball[0], ball[1], ball[2]) - camera.position)
    d = -p[2]
    if d + r < camera.near or d - r > camera.far:
        return True
    if camera.skew != 0.0:
        return False
    # A side plane through pixel column x is p_x = s d, s = (x - cx) / fx; orthographic: p_x = s. A pixel of slack.
    left = (-1.0 - camera.cx) / camera.fx
    right = (width + 1.0 - camera.cx) / camera.fx
    top = (camera.cy + 1.0) / camera.fy
    bottom = (camera.cy - height - 1.0) / camera.fy
    if camera.orthographic != 0:
        return p[0] + r < left or p[0] - r > right or p[1] - r > top or p[1] + r < bottom
    return (
        p[0] - left * d < -r * wp.sqrt(1.0 + left * left)
        or p[0] - right * d > r * wp.sqrt(1.0 + right * right)
        or p[1] - top * d > r * wp.sqrt(1.0 + top * top)
        or p[1] - bottom * d < -r * wp.sqrt(1.0 + bottom * bottom)
    )


@wp.func
def pack_range(first: int, last: int) -> float:
    return wp.cast(first | (last << 16), wp.float32)


@inlined
def project_shape(
    shapes: Shapes,
    camera: CameraState,
    to_camera: wp.mat33,
    i: int,
    width: int,
    height: int,
    slot: int,
    entries: wp.array(dtype=wp.float32),
) -> float:
    """Fill the entry of one instance; returns its depth, or INVISIBLE (then nothing is written)."""
    ball = shapes.bounds[i]
    radius = ball[3]
    center = to_camera * (wp.vec3(ball[0], ball[1], ball[2]) - camera.position)
    near = -center[2] - radius
    endless = radius > 1.0e8
    if not endless and (-center[2] + radius < camera.near or near > camera.far):
        return INVISIBLE
    x0 = float(0.0)
    y0 = float(0.0)
    x1 = float(width)
    y1 = float(height)
    depth = camera.near
    g = shapes.inst_geometry[i] * 16
    x = shapes.local_to_world[i]
    linear = to_camera * x.linear
    offset = to_camera * (x.offset - camera.position)
    if not endless:
        # Screen rectangle of the eight corners of the bounding box, unless one lies before the near plane.
        lower = wp.vec3(shapes.geometry[g + 8], shapes.geometry[g + 9], shapes.geometry[g + 10])
        upper = wp.vec3(shapes.geometry[g + 12], shapes.geometry[g + 13], shapes.geometry[g + 14])
        ax = linear * wp.vec3(lower[0], 0.0, 0.0) + offset
        bx = linear * wp.vec3(upper[0], 0.0, 0.0) + offset
        ay = linear * wp.vec3(0.0, lower[1], 0.0)
        by = linear * wp.vec3(0.0, upper[1], 0.0)
        az = linear * wp.vec3(0.0, 0.0, lower[2])
        bz = linear * wp.vec3(0.0, 0.0, upper[2])
        nearest = float(1.0e30)
        furthest = float(-1.0e30)
        rx0 = float(1.0e30)
        ry0 = float(1.0e30)
        rx1 = float(-1.0e30)
        ry1 = float(-1.0e30)
        corners = int(8)  # a variable: Warp would unroll a constant, which took half of the time to compile
        for corner in range(corners):
            p = ax
            if (corner & 1) != 0:
                p = bx
            if (corner & 2) != 0:
                p = p + by
            else:
                p = p + ay
            if (corner & 4) != 0:
                p = p + bz
            else:
                p = p + az
            d = -p[2]
            nearest = wp.min(nearest, d)
            furthest = wp.max(furthest, d)
            scale = 1.0 / wp.max(d, 1.0e-6)
            if camera.orthographic != 0:
                scale = 1.0
            px = camera.cx + camera.fx * p[0] * scale - camera.skew * p[1] * scale
            py = camera.cy - camera.fy * p[1] * scale
            rx0 = wp.min(rx0, px)
            rx1 = wp.max(rx1, px)
            ry0 = wp.min(ry0, py)
            ry1 = wp.max(ry1, py)
        if furthest < camera.near or nearest > camera.far:
            return INVISIBLE
        if nearest > camera.near and nearest > 1.0e-5:
            depth = nearest
            x0 = rx0
            x1 = rx1
            y0 = ry0
            y1 = ry1
        elif camera.orthographic != 0:
            x0 = rx0
            x1 = rx1
            y0 = ry0
            y1 = ry1
    # A pixel's sample lies anywhere in it, so the rectangle covers every pixel it touches, and one more.
    if x1 < -1.0 or y1 < -1.0 or x0 > float(width) + 1.0 or y0 > float(height) + 1.0:
        return INVISIBLE
    ix0 = wp.max(int(wp.floor(x0)) - 1, 0)
    iy0 = wp.max(int(wp.floor(y0)) - 1, 0)
    ix1 = wp.min(int(wp.ceil(wp.min(x1, 65536.0))) + 1, width - 1)
    iy1 = wp.min(int(wp.ceil(wp.min(y1, 65536.0))) + 1, height - 1)
    if ix0 > ix1 or iy0 > iy1:
        return INVISIBLE

    back = shapes.world_to_local[i]
    local_rotation = back.linear * camera.rotation
    origin = back.linear * (camera.position - x.offset)
    step_x = local_rotation * wp.vec3(1.0 / camera.fx, 0.0, 0.0)
    step_y = local_rotation * wp.vec3(-camera.skew / (camera.fx * camera.fy), -1.0 / camera.fy, 0.0)
    corner_of_image = -camera.cx * step_x - camera.cy * step_y
    base = local_rotation * wp.vec3(0.0, 0.0, -1.0)
    if camera.orthographic != 0:
        origin = origin + corner_of_image
    else:
        base = base + corner_of_image
    e = slot * ENTRY_FLOATS
    entries[e + 0] = origin[0]
    entries[e + 1] = origin[1]
    entries[e + 2] = origin[2]
    entries[e + 3] = base[0]
    entries[e + 4] = base[1]
    entries[e + 5] = base[2]
    entries[e + 6] = step_x[0]
    entries[e + 7] = step_x[1]
    entries[e + 8] = step_x[2]
    entries[e + 9] = step_y[0]
    entries[e + 10] = step_y[1]
    entries[e + 11] = step_y[2]
    entries[e + 12] = depth * 0.99999
    entries[e + 13] = wp.cast(i | (camera.orthographic << 31), wp.float32)
    entries[e + 14] = pack_range(ix0, ix1)
    entries[e + 15] = pack_range(iy0, iy1)
    return depth * 0.99999


@wp.kernel(enable_backward=False, module="omni_frame")
def project_shapes(
    shapes: Shapes,
    cameras: wp.array(dtype=CameraState),
    selected: wp.array(dtype=wp.int32),
    first: int,
    width: int,
    height: int,
    capacity: int,
    items: int,
    entries: wp.array(dtype=wp.float32),
    depths: wp.array(dtype=wp.float32),
):
    """Entries of what the cameras ``selected[first + camera]`` may see; dim = (cameras, items).

    On CUDA there is one item an instance; on the CPU one a camera, which leaves out whole clusters at once.
    """
    local, item = wp.tid()
    camera = cameras[selected[first + local]]
    to_camera = wp.transpose(camera.rotation)
    shared = visible_range(shapes, camera.env, 0)
    own = visible_range(shapes, camera.env, 1)
    num_shared = shared[1] - shared[0]
    total = num_shared + own[1] - own[0]
    start = local * capacity
    alone = items > 1
    parts = int(2)
    if alone:
        parts = wp.where(item < total, 1, 0)
    # project_shape is large and inlined, so it is called in one place: it took most of the time to compile.
    for part in range(parts):
        clusters = visible_clusters(shapes, camera.env, part)
        if alone:
            clusters = wp.vec2i(0, 1)
        offset = start - shared[0]
        if part == 1 or (alone and item >= num_shared):
            offset = start + num_shared - own[0]
        for c in range(clusters[0], clusters[1]):
            begin = start + item - offset
            end = begin + 1
            hidden = bool(False)
            if not alone:
                begin = shapes.cluster_first[c]
                end = shapes.cluster_first[c + 1]
                hidden = outside(camera, to_camera, shapes.cluster_bounds[c], float(width), float(height))
            for i in range(begin, end):
                depth = float(INVISIBLE)
                if not hidden:
                    depth = project_shape(shapes, camera, to_camera, i, width, height, offset + i, entries)
                depths[offset + i] = depth
    if not alone:
        for k in range(total, capacity):
            depths[start + k] = INVISIBLE
    elif item >= total:
        depths[start + item] = INVISIBLE


@wp.kernel(enable_backward=False, module="omni_frame")
def sort_shapes(
    first: int,
    capacity: int,
    depths: wp.array(dtype=wp.float32),
    order: wp.array(dtype=wp.int32),
    count: wp.array(dtype=wp.int32),
):
    """List the visible entries of each camera from near to far; dim = cameras.

    Shell sort; equal depths keep their order, so the result never depends on anything else.
    """
    local = wp.tid()
    start = local * capacity
    n = int(0)
    for k in range(capacity):
        if depths[start + k] < INVISIBLE:
            order[start + n] = k
            n += 1
    count[local] = n
    gap = int(1)
    while gap < n / 3:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, n):
            item = order[start + k]
            key = depths[start + item]
            at = int(k)
            moving = bool(True)
            while moving:
                moving = False
                if at >= gap:
                    other = order[start + at - gap]
                    other_key = depths[start + other]
                    if other_key > key or (other_key == key and other > item):
                        order[start + at] = other
                        at = at - gap
                        moving = True
            order[start + at] = item
        gap = gap / 3
