"""Structs that the kernels share. Vectors are columns here (``p_world = linear * p + offset``); lengths are metres."""

from __future__ import annotations

import warp as wp

from ...scene.data import LightKind

__all__ = [
    "CYLINDER_LIGHT",
    "DISK_LIGHT",
    "DISTANT_LIGHT",
    "HEADLIGHT",
    "RECT_LIGHT",
    "SPHERE_LIGHT",
    "Affine",
    "CameraState",
    "LightState",
    "Shapes",
    "TextureInfo",
    "TextureRefState",
]

# Kinds of a LightState.
DISTANT_LIGHT = wp.constant(int(LightKind.DISTANT))
SPHERE_LIGHT = wp.constant(int(LightKind.SPHERE))
RECT_LIGHT = wp.constant(int(LightKind.RECT))
DISK_LIGHT = wp.constant(int(LightKind.DISK))
CYLINDER_LIGHT = wp.constant(int(LightKind.CYLINDER))
HEADLIGHT = wp.constant(1 + max(map(int, LightKind)))  # at the camera, and on no stage


@wp.struct
class Affine:
    """``p' = linear * p + offset``."""

    linear: wp.mat33
    offset: wp.vec3


@wp.struct
class CameraState:
    """One camera. ``rotation`` maps the USD camera frame (-Z forward, +Y up) to the world."""

    rotation: wp.mat33
    position: wp.vec3
    # Perspective: pixels (focal length, principal point, skew). Orthographic: fx, fy are pixels per metre.
    fx: float
    fy: float
    cx: float
    cy: float
    skew: float
    near: float
    far: float
    orthographic: wp.int32
    env: wp.int32


@wp.struct
class Shapes:
    """Everything the tracing functions read. See ``native/intersect.inl`` for the layouts."""

    geometry: wp.array(dtype=wp.float32)
    bvh_nodes: wp.array(dtype=wp.float32)
    bvh_leaves: wp.array(dtype=wp.float32)
    # By instance.
    inst_env: wp.array(dtype=wp.int32)  # -1: shared
    inst_geometry: wp.array(dtype=wp.int32)
    inst_two_sided: wp.array(dtype=wp.int32)
    inst_shadow: wp.array(dtype=wp.int32)
    local_to_world: wp.array(dtype=Affine)
    world_to_local: wp.array(dtype=Affine)
    bounds: wp.array(dtype=wp.vec4)  # world bounding sphere: centre, radius
    # For shadows of cut-outs.
    inst_material: wp.array(dtype=wp.int32)
    inst_uvs: wp.array(dtype=wp.int32)  # first row of the instance's mesh in uvs, -1: none
    cutouts: wp.array(dtype=wp.float32)
    uvs: wp.array2d(dtype=wp.vec2)
    texels: wp.array(dtype=wp.uint32)
    # Instances are sorted by environment: env e owns [env_begin[e + 1], env_begin[e + 2]), the shared ones come first.
    env_begin: wp.array(dtype=wp.int32)
    # Clusters of neighbours: cluster c holds the instances [cluster_first[c], cluster_first[c + 1]), environment e the
    # clusters [cluster_begin[e + 1], cluster_begin[e + 2]).
    cluster_first: wp.array(dtype=wp.int32)
    cluster_begin: wp.array(dtype=wp.int32)
    cluster_bounds: wp.array(dtype=wp.vec4)
    num_envs: wp.int32
    see_all: wp.int32


@wp.struct
class TextureInfo:
    """One mip chain in the texel store; level k + 1 follows level k, each half as large, rounded up."""

    offset: wp.int32
    width: wp.int32
    height: wp.int32
    levels: wp.int32
    srgb: wp.int32


@wp.struct
class TextureRefState:
    """How one material input reads a texture; see :class:`~omni.isaac.ovrtx_render.scene.data.TextureRef`."""

    texture: wp.int32
    target: wp.int32  # which input of the material it feeds
    channel: wp.int32
    wrap_s: wp.int32
    wrap_t: wp.int32
    scale: wp.vec4
    bias: wp.vec4
    uv_linear: wp.mat22
    uv_offset: wp.vec2


@wp.struct
class LightState:
    """One light but the domes, which are baked into the environment map. The frame is the light's own, orthonormal.

    ``radiance`` is per emitting area; of a distant light it is the irradiance on a surface that faces it.
    """

    kind: wp.int32
    rotation: wp.mat33
    position: wp.vec3
    radiance: wp.vec3
    # Half extents along x and y (rect), radius in x (sphere, disk), radius and half length (cylinder), or the
    # tangent of half the angle (distant).
    size: wp.vec2
    cos_cone: float
    cos_cone_inner: float
    focus: float
    diffuse: float
    specular: float
    shadows: wp.int32
    env: wp.int32
