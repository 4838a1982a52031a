"""From a hit to a surface: position, normals, texture coordinates and the evaluated material."""

from __future__ import annotations

import warp as wp

from ...scene.data import GeometryKind
from .arithmetic import forget_loads, over, quotient, root, unit
from .features import ANALYTIC, COAT, FEATURES, LAYERS, MESHES, NORMAL_MAPS, PBR, TEXTURES, by_features
from .inlining import inlined
from .lighting import Surface, compensation, specular_albedo
from .materials import MaterialState, sample_material
from .textures import Textures
from .types import CameraState, Shapes

__all__ = [
    "Hits",
    "MeshAttributes",
    "ShadingScene",
    "camera_ray",
    "evaluate_surface",
    "geometric_normal",
    "world_point",
]

CUBE = wp.constant(int(GeometryKind.CUBE))
SPHERE = wp.constant(int(GeometryKind.SPHERE))
CYLINDER = wp.constant(int(GeometryKind.CYLINDER))
CONE = wp.constant(int(GeometryKind.CONE))
CAPSULE = wp.constant(int(GeometryKind.CAPSULE))


@wp.struct
class Hits:
    """The small G-buffer: one value a pixel of the chunk, pixel = (camera * height + y) * width + x."""

    t: wp.array(dtype=wp.float32)
    instance: wp.array(dtype=wp.int32)
    prim: wp.array(dtype=wp.int32)
    u: wp.array(dtype=wp.float32)
    v: wp.array(dtype=wp.float32)


@wp.struct
class MeshAttributes:
    """Triangle attributes of all meshes, by corner. ``base[g]``: first row of geometry g in each array, or -1."""

    base: wp.array(dtype=wp.vec4i)  # points, normals, uvs, colours
    points: wp.array2d(dtype=wp.vec3)
    normals: wp.array2d(dtype=wp.vec3)
    uvs: wp.array2d(dtype=wp.vec2)
    colors: wp.array2d(dtype=wp.vec3)


@wp.struct
class ShadingScene:
    """What shading reads beside the shapes."""

    attributes: MeshAttributes
    inst_material: wp.array(dtype=wp.int32)
    materials: wp.array(dtype=MaterialState)
    textures: Textures


@inlined
def camera_ray(camera: CameraState, x: float, y: float) -> wp.vec3:
    """World direction through image position (x, y) [px], with unit component along the optical axis."""
    if camera.orthographic != 0:
        return camera.rotation * wp.vec3(0.0, 0.0, -1.0)
    v = quotient(y - camera.cy, camera.fy)
    u = quotient(x - camera.cx - camera.skew * v, camera.fx)
    return camera.rotation * wp.vec3(u, -v, -1.0)


@inlined
def camera_origin(camera: CameraState, x: float, y: float) -> wp.vec3:
    """World origin of the ray through image position (x, y) [px]."""
    if camera.orthographic != 0:
        v = (y - camera.cy) / camera.fy
        u = (x - camera.cx - camera.skew * v) / camera.fx
        return camera.position + camera.rotation * wp.vec3(u, -v, 0.0)
    return camera.position


@wp.func
def world_point(camera: CameraState, x: float, y: float, t: float) -> wp.vec3:
    """Point at planar depth ``t`` on the ray through (x, y)."""
    return camera_origin(camera, x, y) + camera_ray(camera, x, y) * t


@inlined
def analytic_normal(shapes: Shapes, g: int, kind: int, p: wp.vec3) -> wp.vec3:
    """Outward normal of an analytic shape at a point of its surface, in its own frame (not normalised)."""
    a = shapes.geometry[g + 4]
    b = shapes.geometry[g + 5]
    if kind == CUBE:
        c = shapes.geometry[g + 6]
        x = p[0] / a
        y = p[1] / b
        z = p[2] / c
        if wp.abs(x) >= wp.abs(y) and wp.abs(x) >= wp.abs(z):
            return wp.vec3(wp.sign(x), 0.0, 0.0)
        if wp.abs(y) >= wp.abs(z):
            return wp.vec3(0.0, wp.sign(y), 0.0)
        return wp.vec3(0.0, 0.0, wp.sign(z))
    if kind == SPHERE:
        return p
    radial = wp.sqrt(p[0] * p[0] + p[1] * p[1])
    if kind == CYLINDER:
        # On a cap the height is exact, on the side the radius is: compare which is closer.
        if wp.abs(wp.abs(p[2]) - b) < wp.abs(radial - a):
            return wp.vec3(0.0, 0.0, wp.sign(p[2]))
        return wp.vec3(p[0], p[1], 0.0)
    if kind == CONE:
        slope = a / (2.0 * b)
        if wp.abs(p[2] + b) < wp.abs(radial - slope * (b - p[2])):
            return wp.vec3(0.0, 0.0, -1.0)
        return wp.vec3(p[0], p[1], radial * slope)
    if kind == CAPSULE:
        return wp.vec3(p[0], p[1], p[2] - wp.clamp(p[2], -b, b))
    return wp.vec3(0.0, 0.0, 1.0)


@by_features
def geometric_normal(shapes: Shapes, mesh: MeshAttributes, inst: int, prim: int, point: wp.vec3) -> wp.vec3:
    """Unit world normal of the surface itself, outward (not yet turned to the viewer)."""
    geometry = shapes.inst_geometry[inst]
    back = shapes.world_to_local[inst]
    local = wp.vec3(0.0, 0.0, 1.0)
    if wp.static((FEATURES & MESHES) != 0) and prim >= 0:
        row = mesh.base[geometry][0] + prim
        a = mesh.points[row, 0]
        local = wp.cross(mesh.points[row, 1] - a, mesh.points[row, 2] - a)
        local = over(local, wp.max(root(wp.dot(local, local)), 1.0e-30))
    elif wp.static((FEATURES & ANALYTIC) != 0):
        g = geometry * 16
        kind = wp.cast(shapes.geometry[g], wp.int32)
        local = analytic_normal(shapes, g, kind, back.linear * (point - shapes.local_to_world[inst].offset))
    # Normals go by the inverse transpose; it keeps outward outward, mirrored or not.
    return unit(wp.transpose(back.linear) * local)


@wp.func
def smooth_offset(
    shapes: Shapes, mesh: MeshAttributes, inst: int, prim: int, u: float, v: float, side: wp.vec3
) -> wp.vec3:
    """Offset [m] from a point of a smooth-shaded triangle to the curved surface that its normals stand for.

    Shadow rays from the flat triangle would draw its outline at the terminator (Hanika, "Hacking the Shadow
    Terminator", Ray Tracing Gems II, 2021). ``side`` is the geometric normal on the viewer's side.
    """
    zero = wp.vec3(0.0, 0.0, 0.0)
    if prim < 0:
        return zero
    base = mesh.base[shapes.inst_geometry[inst]]
    if base[1] < 0:
        return zero
    w = 1.0 - u - v
    to_world = shapes.local_to_world[inst].linear
    to_normal = wp.transpose(shapes.world_to_local[inst].linear)
    a = mesh.points[base[0] + prim, 0]
    b = mesh.points[base[0] + prim, 1]
    c = mesh.points[base[0] + prim, 2]
    p = a * w + b * u + c * v
    offset = zero
    for k in range(3):
        n = unit(to_normal * mesh.normals[base[1] + prim, k])
        if wp.dot(n, side) < 0.0:
            n = -n
        share = wp.where(k == 0, w, wp.where(k == 1, u, v))
        below = wp.min(wp.dot(to_world * (p - mesh.points[base[0] + prim, k]), n), 0.0)
        offset = offset - n * (below * share)
    return offset


@inlined
def map_normal(shapes: Shapes, mesh: MeshAttributes, inst: int, prim: int, normal: wp.vec3, mapped: wp.vec3) -> wp.vec3:
    """Turn a shading normal by a tangent-space normal (components in [-1, 1])."""
    base = mesh.base[shapes.inst_geometry[inst]]
    row = base[2] + prim
    d1 = mesh.uvs[row, 1] - mesh.uvs[row, 0]
    d2 = mesh.uvs[row, 2] - mesh.uvs[row, 0]
    det = d1[0] * d2[1] - d1[1] * d2[0]
    if wp.abs(det) <= 1.0e-20:
        return normal
    to_world = shapes.local_to_world[inst].linear
    row = base[0] + prim
    e1 = to_world * (mesh.points[row, 1] - mesh.points[row, 0])
    e2 = to_world * (mesh.points[row, 2] - mesh.points[row, 0])
    # Where u and v grow; neither unit nor orthogonal to the normal.
    tangent = over(e1 * d2[1] - e2 * d1[1], det)
    bitangent = over(e2 * d1[0] - e1 * d2[0], det)
    x = tangent - normal * wp.dot(normal, tangent)
    x = over(x, wp.max(root(wp.dot(x, x)), 1.0e-20))
    y = wp.cross(normal, x)
    if wp.dot(y, bitangent) < 0.0:
        y = -y
    n = x * mapped[0] + y * mapped[1] + normal * wp.max(mapped[2], 0.0)
    size = root(wp.dot(n, n))
    if size > 1.0e-6:
        return over(n, size)
    return normal


@by_features
def evaluate_surface(
    shapes: Shapes,
    scene: ShadingScene,
    camera: CameraState,
    x: float,
    y: float,
    t: float,
    inst: int,
    prim: int,
    u: float,
    v: float,
) -> Surface:
    """Evaluate everything at a hit.

    Args:
        x: Image position [px] of the sample.
        t: Planar depth of the hit [m].
        prim: Triangle, or -1 on an analytic shape.
        u: Barycentric weight of the triangle's second corner; ``v`` of its third.
    """
    s = Surface()
    ray = camera_ray(camera, x, y)
    s.view = over(-ray, root(wp.dot(ray, ray)))
    s.position = camera_origin(camera, x, y) + ray * t
    # The material is read from memory wherever it is needed, not held in registers.
    row_of_material = scene.inst_material[inst]
    geometry = shapes.inst_geometry[inst]
    base = scene.attributes.base[geometry]
    s.geometric = geometric_normal(shapes, scene.attributes, inst, prim, s.position)
    if wp.dot(s.geometric, s.view) < 0.0:
        s.geometric = -s.geometric
    s.normal = s.geometric
    to_world = shapes.local_to_world[inst].linear
    uv = wp.vec2(0.0, 0.0)
    footprint = wp.vec2(0.0, 0.0)
    mapped = int(0)
    colour = scene.materials[row_of_material].base_color
    if wp.static((FEATURES & MESHES) != 0) and prim >= 0:
        w = 1.0 - u - v
        if base[1] >= 0:
            row = base[1] + prim
            n = scene.attributes.normals[row, 0] * w + scene.attributes.normals[row, 1] * u
            n = n + scene.attributes.normals[row, 2] * v
            n = wp.transpose(shapes.world_to_local[inst].linear) * n
            size = root(wp.dot(n, n))
            if size > 1.0e-20:
                n = over(n, size)
                if wp.dot(n, s.geometric) < 0.0:
                    n = -n
                s.normal = n
        if scene.materials[row_of_material].use_vertex_color != 0 and base[3] >= 0:
            row = base[3] + prim
            colour = scene.attributes.colors[row, 0] * w + scene.attributes.colors[row, 1] * u
            colour = colour + scene.attributes.colors[row, 2] * v
        textured = scene.materials[row_of_material].num_textures > 0 and base[2] >= 0
        if wp.static((FEATURES & (TEXTURES | NORMAL_MAPS)) != 0) and textured:
            mapped = 1
            row = base[2] + prim
            uv0 = scene.attributes.uvs[row, 0]
            uv1 = scene.attributes.uvs[row, 1]
            uv2 = scene.attributes.uvs[row, 2]
            uv = uv0 * w + uv1 * u + uv2 * v
            row = base[0] + prim
            p0 = scene.attributes.points[row, 0]
            e1 = to_world * (scene.attributes.points[row, 1] - p0)
            e2 = to_world * (scene.attributes.points[row, 2] - p0)
            d1 = uv1 - uv0
            d2 = uv2 - uv0
            across = wp.cross(e1, e2)
            area = wp.max(root(wp.dot(across, across)), 1.0e-20)
            # Ray cone: width of the pixel at the hit, stretched by the slant of the surface (mean of both axes).
            width = 1.0 / camera.fx
            if camera.orthographic == 0:
                width = quotient(t, camera.fx)
            slant = wp.max(wp.abs(wp.dot(s.geometric, s.view)), 0.05)
            width = quotient(width, area * root(slant))
            footprint = wp.vec2(width * wp.length(e2 * d1[0] - e1 * d2[0]), width * wp.length(e2 * d1[1] - e1 * d2[1]))
    m = sample_material(scene.materials, row_of_material, scene.textures, colour, uv, footprint, mapped)
    if wp.static((FEATURES & (TEXTURES | NORMAL_MAPS)) != 0):
        forget_loads()
    if wp.static((FEATURES & NORMAL_MAPS) != 0):
        if mapped != 0:
            s.normal = map_normal(shapes, scene.attributes, inst, prim, s.normal, m.normal)
    s.output_normal = s.normal
    # A shading normal that looks away from the viewer is bent back to the horizon.
    facing = wp.dot(s.normal, s.view)
    if facing < 0.01:
        s.normal = unit(s.normal + s.view * (0.01 - facing))

    s.base_color = m.base_color
    s.diffuse = m.base_color
    s.opacity = 1.0
    if wp.static((FEATURES & LAYERS) != 0):
        mode = scene.materials[row_of_material].alpha_mode
        if mode != 0:
            s.opacity = wp.clamp(m.opacity, 0.0, 1.0)
        if mode == 1:
            s.opacity = wp.where(m.opacity >= scene.materials[row_of_material].opacity_threshold, 1.0, 0.0)
    s.unlit = scene.materials[row_of_material].unlit
    s.emissive = m.emissive
    s.occlusion = m.occlusion
    s.f0 = wp.vec3(0.0, 0.0, 0.0)
    s.roughness = 1.0
    if wp.static((FEATURES & PBR) != 0):
        s.roughness = wp.clamp(m.roughness, 0.02, 1.0)
        if scene.materials[row_of_material].specular_workflow != 0:
            s.f0 = wp.min(m.specular_color, wp.vec3(1.0, 1.0, 1.0))
        else:
            metallic = wp.clamp(m.metallic, 0.0, 1.0)
            ior = scene.materials[row_of_material].ior
            r = quotient(1.0 - ior, 1.0 + ior)
            dielectric = wp.vec3(r * r, r * r, r * r)
            s.f0 = wp.lerp(dielectric, wp.min(m.base_color, wp.vec3(1.0, 1.0, 1.0)), metallic)
            s.diffuse = m.base_color * (1.0 - metallic)
        if wp.static((FEATURES & COAT) != 0):
            s.clearcoat = m.clearcoat
            s.clearcoat_roughness = wp.clamp(m.clearcoat_roughness, 0.02, 1.0)
        # What the specular lobe reflects does not reach the diffuse one.
        ab = specular_albedo(s.roughness, wp.max(wp.dot(s.normal, s.view), 1.0e-3))
        s.lost = 1.0 / wp.max(ab[0] + ab[1], 1.0e-3) - 1.0
        # A surface with no reflection at all has no grazing reflection either.
        grazing = ab[1] * wp.clamp(50.0 * wp.max(s.f0), 0.0, 1.0)
        s.specular = wp.cw_mul(s.f0 * ab[0] + wp.vec3(grazing, grazing, grazing), compensation(s.f0, s.lost))
        s.diffuse = wp.cw_mul(s.diffuse, wp.vec3(1.0, 1.0, 1.0) - wp.min(s.specular, wp.vec3(1.0, 1.0, 1.0)))
    return s
