"""Transforms on the device: poses are scattered into the frames of everything that hangs on a prim by one launch.

What any scene launches is one module with culling: each module compiles Warp's part of the structs anew. So all of it
is launched by :func:`.launching.launch`.
"""

from __future__ import annotations

import warp as wp

from .types import Affine, CameraState, LightState, Shapes

__all__ = [
    "follow_frames",
    "follow_lights",
    "forget_cameras",
    "keep_matrices",
    "keep_poses",
    "refresh_clusters",
    "refresh_instances",
    "set_camera_intrinsics",
    "set_camera_poses",
    "write_frames",
    "write_matrices",
    "write_poses",
]


@wp.func
def compose(a: Affine, b: Affine) -> Affine:
    """First ``b``, then ``a``."""
    c = Affine()
    c.linear = a.linear * b.linear
    c.offset = a.linear * b.offset + a.offset
    return c


@wp.func
def affine_of_matrix(m: wp.mat44, meters: float) -> Affine:
    """From a USD row-vector matrix in stage units to a column-vector map into metres."""
    a = Affine()
    a.linear = wp.mat33(m[0, 0], m[1, 0], m[2, 0], m[0, 1], m[1, 1], m[2, 1], m[0, 2], m[1, 2], m[2, 2]) * meters
    a.offset = wp.vec3(m[3, 0], m[3, 1], m[3, 2]) * meters
    return a


@wp.func
def refresh_instance(shapes: Shapes, i: int):
    """Bring the inverse and the bounding sphere of an instance up to its local-to-world transform."""
    x = shapes.local_to_world[i]
    inverse = wp.inverse(x.linear)
    back = Affine()
    back.linear = inverse
    back.offset = -(inverse * x.offset)
    shapes.world_to_local[i] = back
    g = shapes.inst_geometry[i] * 16
    lower = wp.vec3(shapes.geometry[g + 8], shapes.geometry[g + 9], shapes.geometry[g + 10])
    upper = wp.vec3(shapes.geometry[g + 12], shapes.geometry[g + 13], shapes.geometry[g + 14])
    half = (upper - lower) * 0.5
    center = x.linear * ((upper + lower) * 0.5) + x.offset
    a = wp.vec3(x.linear[0, 0], x.linear[1, 0], x.linear[2, 0]) * half[0]
    b = wp.vec3(x.linear[0, 1], x.linear[1, 1], x.linear[2, 1]) * half[1]
    c = wp.vec3(x.linear[0, 2], x.linear[1, 2], x.linear[2, 2]) * half[2]
    longest = wp.max(
        wp.max(wp.length_sq(a + b + c), wp.length_sq(a + b - c)),
        wp.max(wp.length_sq(a - b + c), wp.length_sq(b + c - a)),
    )
    shapes.bounds[i] = wp.vec4(center[0], center[1], center[2], wp.sqrt(longest))


@wp.kernel(enable_backward=False, module="omni_frame")
def refresh_instances(shapes: Shapes):
    """Refresh every instance; dim = number of instances."""
    refresh_instance(shapes, wp.tid())


@wp.kernel(enable_backward=False, module="omni_frame")
def refresh_clusters(shapes: Shapes):
    """Bounding spheres of the clusters, from those of their instances; dim = number of clusters."""
    c = wp.tid()
    begin = shapes.cluster_first[c]
    end = shapes.cluster_first[c + 1]
    lower = wp.vec3(1.0e30, 1.0e30, 1.0e30)
    upper = -lower
    for i in range(begin, end):
        ball = shapes.bounds[i]
        center = wp.vec3(ball[0], ball[1], ball[2])
        lower = wp.min(lower, center)
        upper = wp.max(upper, center)
    middle = (lower + upper) * 0.5
    radius = float(0.0)
    for i in range(begin, end):
        ball = shapes.bounds[i]
        radius = wp.max(radius, wp.length(wp.vec3(ball[0], ball[1], ball[2]) - middle) + ball[3])
    shapes.cluster_bounds[c] = wp.vec4(middle[0], middle[1], middle[2], radius)


@wp.func
def place(frame: int, num_instances: int, world: Affine, frames: wp.array(dtype=Affine), shapes: Shapes):
    """Store a frame; frames below ``num_instances`` are instances, the others cameras and lights."""
    frames[frame] = world
    if frame < num_instances:
        refresh_instance(shapes, frame)


@wp.func
def sound(position: wp.vec3, quat: wp.vec4) -> bool:
    """Whether a pose can be used. One that cannot leaves what it would have moved where it is: reading it back from
    a GPU only to raise an error would cost a synchronisation every step."""
    # Naught times what is not finite is not naught. On the CPU Warp's isfinite is a call for each number.
    naught = wp.dot(position, wp.vec3(0.0, 0.0, 0.0)) + wp.dot(quat, wp.vec4(0.0, 0.0, 0.0, 0.0))
    return naught == 0.0 and wp.dot(quat, quat) > 1.0e-12


@wp.func
def sound_matrix(matrix: wp.mat44) -> bool:
    """The same of a matrix."""
    return wp.ddot(matrix, wp.mat44(0.0)) == 0.0


@wp.kernel(enable_backward=False, module="omni_frame")
def write_poses(
    positions: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    order: wp.vec4i,
    meters: float,
    rows: wp.array(dtype=wp.int32),
    targets: wp.array(dtype=wp.int32),
    offsets: wp.array(dtype=Affine),
    num_instances: int,
    frames: wp.array(dtype=Affine),
    shapes: Shapes,
):
    """World pose of a prim -> frames of everything below it; dim = number of (prim, frame) pairs.

    ``order`` says where x, y, z, w are in a quaternion. Quaternions are normalised here.
    """
    k = wp.tid()
    row = rows[k]
    q = quats[row]
    if not (sound(positions[row], q)):
        return
    rotation = wp.quat_to_matrix(wp.normalize(wp.quat(q[order[0]], q[order[1]], q[order[2]], q[order[3]])))
    pose = Affine()
    pose.linear = rotation
    pose.offset = positions[row] * meters
    place(targets[k], num_instances, compose(pose, offsets[k]), frames, shapes)


@wp.kernel(enable_backward=False, module="omni_matrices")
def write_matrices(
    matrices: wp.array(dtype=wp.mat44),
    meters: float,
    rows: wp.array(dtype=wp.int32),
    targets: wp.array(dtype=wp.int32),
    offsets: wp.array(dtype=Affine),
    num_instances: int,
    frames: wp.array(dtype=Affine),
    shapes: Shapes,
):
    """World matrix (USD row-vector, stage units) of a prim -> frames below it; dim = number of pairs."""
    k = wp.tid()
    matrix = matrices[rows[k]]
    if not sound_matrix(matrix):
        return
    pose = affine_of_matrix(matrix, meters)
    place(targets[k], num_instances, compose(pose, offsets[k]), frames, shapes)


@wp.kernel(enable_backward=False, module="omni_matrices")
def write_frames(
    targets: wp.array(dtype=wp.int32),
    places: wp.array(dtype=Affine),
    num_instances: int,
    frames: wp.array(dtype=Affine),
    shapes: Shapes,
):
    """Transforms that were read from the stage -> their frames; dim = number of frames."""
    k = wp.tid()
    place(targets[k], num_instances, places[k], frames, shapes)


@wp.kernel(enable_backward=False, module="omni_frame")
def keep_poses(
    positions: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    order: wp.vec4i,
    kept_positions: wp.array(dtype=wp.vec3),
    kept_quats: wp.array(dtype=wp.vec4),
):
    """Keep poses that can be used, to place them again when the scene changes; dim = number of poses."""
    row = wp.tid()
    q = quats[row]
    if sound(positions[row], q):
        kept_positions[row] = positions[row]
        kept_quats[row] = wp.vec4(q[order[0]], q[order[1]], q[order[2]], q[order[3]])


@wp.kernel(enable_backward=False, module="omni_matrices")
def keep_matrices(matrices: wp.array(dtype=wp.mat44), kept: wp.array(dtype=wp.mat44)):
    """The same for matrices."""
    row = wp.tid()
    if sound_matrix(matrices[row]):
        kept[row] = matrices[row]


@wp.func
def orthonormal(m: wp.mat33) -> wp.mat33:
    """Rotation part of a linear map whose columns are a camera's axes (scale and mirror taken out)."""
    z = wp.normalize(wp.vec3(m[0, 2], m[1, 2], m[2, 2]))
    y = wp.vec3(m[0, 1], m[1, 1], m[2, 1])
    y = wp.normalize(y - z * wp.dot(y, z))
    x = wp.cross(y, z)
    return wp.mat33(x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2])


@wp.kernel(enable_backward=False, module="omni_frame")
def follow_frames(
    camera_frames: wp.array(dtype=wp.int32),
    pinned: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=Affine),
    cameras: wp.array(dtype=CameraState),
):
    """Cameras whose pose nobody set follow their prim; dim = number of cameras."""
    c = wp.tid()
    if pinned[c] == 0:
        x = frames[camera_frames[c]]
        cameras[c].rotation = orthonormal(x.linear)
        cameras[c].position = x.offset


@wp.kernel(enable_backward=False, module="omni_frame")
def follow_lights(
    light_frames: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=Affine),
    lights: wp.array(dtype=LightState),
):
    """Lights follow their prims; dim = number of lights. Their sizes stay as they were read."""
    i = wp.tid()
    x = frames[light_frames[i]]
    lights[i].rotation = orthonormal(x.linear)
    lights[i].position = x.offset


@wp.kernel(enable_backward=False, module="omni_frame")
def forget_cameras(index: wp.array(dtype=wp.int32), bands: int, previous: wp.array(dtype=CameraState)):
    """Let cameras have seen nothing before, which a focal length of 0 stands for; dim = (cameras, bands)."""
    k, band = wp.tid()
    previous[index[k] * bands + band].fx = 0.0


@wp.kernel(enable_backward=False, module="omni_frame")
def set_camera_poses(
    positions: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    order: wp.vec4i,
    to_convention: wp.quat,
    meters: float,
    index: wp.array(dtype=wp.int32),
    bands: int,
    pinned: wp.array(dtype=wp.int32),
    cameras: wp.array(dtype=CameraState),
):
    """Pose tensors -> cameras; ``to_convention`` maps the USD camera axes to those of the given convention.

    dim = (poses, bands of an image); see :func:`.program.band_count`.
    """
    k, band = wp.tid()
    c = index[k] * bands + band
    q = quats[k]
    if not (sound(positions[k], q)):
        return
    world = wp.normalize(wp.quat(q[order[0]], q[order[1]], q[order[2]], q[order[3]]))
    cameras[c].rotation = wp.quat_to_matrix(world * to_convention)
    cameras[c].position = positions[k] * meters
    pinned[c] = 1


@wp.kernel(enable_backward=False, module="omni_frame")
def set_camera_intrinsics(
    matrices: wp.array(dtype=wp.mat33),
    index: wp.array(dtype=wp.int32),
    bands: int,
    band_height: float,
    cameras: wp.array(dtype=CameraState),
):
    """3x3 intrinsic matrices [px] -> cameras (which become perspective); dim = (matrices, bands of an image)."""
    k, band = wp.tid()
    m = matrices[k]
    c = index[k] * bands + band
    cameras[c].fx = m[0, 0]
    cameras[c].fy = m[1, 1]
    cameras[c].cx = m[0, 2]
    cameras[c].cy = m[1, 2] - float(band) * band_height
    cameras[c].skew = m[0, 1]
    cameras[c].orthographic = 0
