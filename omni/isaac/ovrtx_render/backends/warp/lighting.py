"""Reflection and lights: GGX metallic-roughness, and the irradiance of each UsdLux shape in closed form.

Sources: GGX with height-correlated Smith visibility (Heitz 2014); directional albedo fit by Karis ("Physically Based
Shading on Mobile", 2014) with the energy compensation of Turquin (2019), so that a white furnace stays white; sphere
irradiance with horizon (Lagarde & de Rousiers, "Moving Frostbite to PBR", 2014); rect and disk by Lambert's vector
irradiance of a polygon, clipped at the horizon through the sphere of equal form factor (Hill & Heitz 2016).
"""

from __future__ import annotations

import warp as wp

from .arithmetic import over, quotient, root, unit
from .features import COAT, FEATURES, LOCAL_LIGHTS, PBR, by_features
from .inlining import inlined
from .types import CYLINDER_LIGHT, DISK_LIGHT, DISTANT_LIGHT, HEADLIGHT, SPHERE_LIGHT, LightState

__all__ = ["LightSample", "Surface", "compensation", "reflect_light", "sample_light", "specular_albedo"]

PI = wp.constant(3.14159265358979)
HALF_ROOT = wp.constant(0.70710678118655)
"""sqrt(1/2): sine and cosine of 45 degrees."""
OCTAGON_RADIUS = wp.constant(1.05390736526164)
"""Circumradius of the octagon whose area is that of the unit circle: sqrt(pi / (2 sqrt(2)))."""


@wp.struct
class Surface:
    """One shaded point, world frame. Normals face the viewer."""

    position: wp.vec3
    normal: wp.vec3
    geometric: wp.vec3
    output_normal: wp.vec3  # before it is bent towards the viewer for shading
    view: wp.vec3
    diffuse: wp.vec3
    f0: wp.vec3
    lost: float  # energy that single scattering loses, see compensation
    specular: wp.vec3  # directional albedo of the specular lobe
    emissive: wp.vec3
    base_color: wp.vec3
    roughness: float
    clearcoat: float
    clearcoat_roughness: float
    occlusion: float
    opacity: float
    unlit: wp.int32


@wp.struct
class LightSample:
    """What a light does to a point; irradiances are per unit of its radiance."""

    direction: wp.vec3  # unit, to the light
    form: float  # irradiance of the surface
    facing: float  # irradiance if the surface faced the light
    widen: float  # sine of half the angle that the light fills


@wp.func
def sphere_form(cosine: float, sin2: float) -> float:
    """Irradiance / radiance of a sphere of sin^2 of its half angle, horizon included."""
    if cosine * cosine > sin2:
        return PI * sin2 * wp.max(cosine, 0.0)
    sine = root(wp.max(1.0 - cosine * cosine, 1.0e-8))
    x = root(quotient(1.0, sin2) - 1.0)
    y = wp.clamp(-x * quotient(cosine, sine), -1.0, 1.0)
    z = sine * root(1.0 - y * y)
    return wp.max((cosine * wp.acos(y) - x * z) * sin2 + wp.atan2(z, x), 0.0)


@wp.func
def edge(a: wp.vec3, b: wp.vec3) -> wp.vec3:
    c = wp.cross(a, b)
    sine = root(wp.dot(c, c))
    return c * quotient(wp.atan2(sine, wp.dot(a, b)), wp.max(sine, 1.0e-9))


@wp.func
def polygon_irradiance(to: wp.vec3, size: wp.vec2, kind: int) -> wp.vec3:
    """Vector irradiance / radiance of a flat light: a rect, or a disk, which is its octagon of equal area.

    Args:
        to: From the point to the light. This and the result are in the frame of the light.
    """
    # Each corner is the last one turned by 90 or 45 degrees, in units of the half extents.
    corners = int(4)
    x = float(1.0)
    y = float(1.0)
    if kind == DISK_LIGHT:
        corners = int(8)
        x = float(OCTAGON_RADIUS)
        y = float(0.0)
    total = wp.vec3(0.0, 0.0, 0.0)
    previous = unit(wp.vec3(to[0] + size[0] * x, to[1] + size[1] * y, to[2]))
    for _corner in range(corners):
        turned = x
        if corners == 4:
            x = -y
            y = turned
        else:
            x = (x - y) * HALF_ROOT
            y = (turned + y) * HALF_ROOT
        p = unit(wp.vec3(to[0] + size[0] * x, to[1] + size[1] * y, to[2]))
        total = total + edge(previous, p)
        previous = p
    # The corners run counter-clockwise about +Z; the light looks along -Z, so this points from the point to the light.
    return total * 0.5


@wp.func
def axis_of(lights: wp.array(dtype=LightState), i: int, axis: int) -> wp.vec3:
    """An axis of a light, unit, world frame."""
    return wp.vec3(lights[i].rotation[0, axis], lights[i].rotation[1, axis], lights[i].rotation[2, axis])


@wp.func
def shaping(lights: wp.array(dtype=LightState), i: int, toward_light: wp.vec3) -> float:
    """UsdLux ShapingAPI: cone and focus, by the angle off the light's -Z axis."""
    cosine = wp.dot(toward_light, axis_of(lights, i, 2))
    amount = float(1.0)
    cone = lights[i].cos_cone
    if cone > -1.0:
        amount = wp.smoothstep(cone, wp.max(lights[i].cos_cone_inner, cone + 1.0e-4), cosine)
    focus = lights[i].focus
    if focus > 0.0:
        amount = amount * wp.pow(wp.max(cosine, 0.0), focus)
    return amount


@inlined
def sample_local_light(lights: wp.array(dtype=LightState), i: int, point: wp.vec3, normal: wp.vec3) -> LightSample:
    """Light of a sphere, rect, disk or cylinder at a point."""
    s = LightSample()
    form = float(0.0)
    facing = float(0.0)
    kind = lights[i].kind
    radius = lights[i].size[0]
    offset = lights[i].position - point
    if kind == SPHERE_LIGHT or kind == CYLINDER_LIGHT:
        distance = wp.max(root(wp.dot(offset, offset)), 1.0e-6)
        s.direction = over(offset, distance)
        if kind == SPHERE_LIGHT:
            sin2 = wp.min(quotient(radius * radius, distance * distance), 0.999)
            form = sphere_form(wp.dot(normal, s.direction), sin2)
            facing = PI * sin2
            s.widen = root(sin2)
        else:
            # A tube as four short ones: radius x length x sine of the angle to its axis.
            along = axis_of(lights, i, 0)
            length = lights[i].size[1]
            parts = int(4)
            for part in range(parts):
                o = offset + along * (length * (float(part) * 0.5 - 0.75))
                d2 = wp.max(wp.dot(o, o), radius * radius)
                d = over(o, root(d2))
                cosine = wp.dot(d, along)
                seen = quotient(2.0 * radius * (length * 0.5) * root(wp.max(1.0 - cosine * cosine, 0.0)), d2)
                form += seen * wp.max(wp.dot(normal, d), 0.0)
                facing += seen
            s.widen = wp.min(quotient(radius, distance), 1.0)
    else:
        to = wp.transpose(lights[i].rotation) * offset
        if to[2] <= 0.0:
            return s
        v = lights[i].rotation * polygon_irradiance(to, lights[i].size, kind)
        s.direction = lights[i].rotation * unit(to)
        facing = wp.max(root(wp.dot(v, v)), 1.0e-12)
        form = sphere_form(quotient(wp.dot(v, normal), facing), wp.clamp(facing / PI, 1.0e-9, 0.999))
        s.widen = wp.min(root(facing / PI), 1.0)
    amount = shaping(lights, i, s.direction)
    s.form = form * amount
    s.facing = facing * amount
    return s


@by_features
def sample_light(
    lights: wp.array(dtype=LightState), i: int, point: wp.vec3, normal: wp.vec3, view: wp.vec3
) -> LightSample:
    """Unshadowed light ``i`` at a point. ``view`` is the unit direction to the camera (a headlight shines from there).

    The light is read from memory wherever it is needed: held in registers, it would have others spilled on CUDA.
    """
    kind = lights[i].kind
    if wp.static((FEATURES & LOCAL_LIGHTS) != 0):
        if kind != DISTANT_LIGHT and kind != HEADLIGHT:
            return sample_local_light(lights, i, point, normal)
    s = LightSample()
    s.direction = axis_of(lights, i, 2)
    if kind == HEADLIGHT:
        s.direction = view
    s.widen = lights[i].size[0]
    s.facing = 1.0
    s.form = wp.max(wp.dot(normal, s.direction), 0.0)
    return s


@wp.func
def specular_albedo(roughness: float, cosine: float) -> wp.vec2:
    """Directional albedo of the GGX lobe as (scale of F0, offset): Karis' fit."""
    rx = 1.0 - roughness
    ry = -0.0275 * roughness + 0.0425
    rz = -0.572 * roughness + 1.04
    rw = 0.022 * roughness - 0.04
    a004 = wp.min(rx * rx, wp.exp(-6.4324 * cosine)) * rx + ry
    return wp.vec2(wp.max(-1.04 * a004 + rz, 0.0), wp.max(1.04 * a004 + rw, 0.0))


@wp.func
def ggx(roughness: float, widen: float, nh: float, nv: float, nl: float) -> float:
    """D V of the GGX lobe by the cosines of the half vector, the view and the light to the normal.

    ``widen`` is the sine of the light's half angle, which the lobe is blurred by (Karis).
    """
    alpha = wp.max(roughness * roughness, 2.0e-3)
    wide = wp.min(alpha + 0.5 * widen, 1.0)
    a2 = wide * wide
    d = nh * nh * (a2 - 1.0) + 1.0
    spread = quotient(alpha, wide)
    visible = quotient(
        0.5,
        nl * root(nv * nv * (1.0 - alpha * alpha) + alpha * alpha)
        + nv * root(nl * nl * (1.0 - alpha * alpha) + alpha * alpha),
    )
    return quotient(a2 * spread * spread, PI * d * d) * visible


@wp.func
def fresnel(f0: wp.vec3, cosine: float) -> wp.vec3:
    k = 1.0 - wp.clamp(cosine, 0.0, 1.0)
    k2 = k * k
    return f0 + (wp.vec3(1.0, 1.0, 1.0) - f0) * (k2 * k2 * k)


@wp.func
def compensation(f0: wp.vec3, lost: float) -> wp.vec3:
    """What the specular lobe is multiplied by to give back the energy that single scattering loses (Turquin)."""
    return wp.vec3(1.0, 1.0, 1.0) + f0 * lost


@by_features
def reflect_light(s: Surface, lights: wp.array(dtype=LightState), i: int, sample: LightSample) -> wp.vec3:
    """Radiance towards the viewer by light ``i``, unshadowed."""
    colour = wp.cw_mul(s.diffuse, lights[i].radiance * sample.form) * (lights[i].diffuse / PI)
    nl = wp.dot(s.normal, sample.direction)
    if wp.static((FEATURES & PBR) != 0):
        specular = lights[i].specular
        if nl > 0.0 and specular > 0.0:
            h = unit(s.view + sample.direction)
            vh = wp.dot(s.view, h)
            nh = wp.clamp(wp.dot(s.normal, h), 0.0, 1.0)
            nv = wp.max(wp.dot(s.normal, s.view), 1.0e-3)
            f = wp.cw_mul(fresnel(s.f0, vh), compensation(s.f0, s.lost))
            lobe = f * ggx(s.roughness, sample.widen, nh, nv, wp.max(nl, 1.0e-3))
            if wp.static((FEATURES & COAT) != 0):
                if s.clearcoat > 0.0:
                    coat = s.clearcoat * fresnel(wp.vec3(0.04, 0.04, 0.04), vh)[0]
                    colour = colour * (1.0 - coat)
                    top = coat * ggx(s.clearcoat_roughness, sample.widen, nh, nv, wp.max(nl, 1.0e-3))
                    lobe = lobe * (1.0 - coat) + wp.vec3(top, top, top)
            colour = colour + wp.cw_mul(lobe, lights[i].radiance * sample.facing) * (nl * specular)
    return colour
