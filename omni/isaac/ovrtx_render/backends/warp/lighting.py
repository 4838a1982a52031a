"""Reflection and lights: GGX metallic-roughness, and the irradiance of each UsdLux shape in closed form.

Sources: GGX with height-correlated Smith visibility (Heitz 2014); directional albedo fit by Karis ("Physically Based
Shading on Mobile", 2014) with the energy compensation of Turquin (2019), so that a white furnace stays white; sphere
irradiance with horizon (Lagarde & de Rousiers, "Moving Frostbite to PBR", 2014); rect and disk by Lambert's vector
irradiance of a polygon, clipped at the horizon through the sphere of equal form factor (Hill & Heitz 2016).
"""

from __future__ import annotations

import warp as wp

from .arithmetic import quotient, root, unit
from .features import COAT, FEATURES, LOCAL_LIGHTS, PBR, by_features
from .inlining import outlined
from .types import CYLINDER_LIGHT, DISK_LIGHT, DISTANT_LIGHT, HEADLIGHT, SPHERE_LIGHT, LightState

__all__ = ["LightSample", "Surface", "reflect_light", "sample_light", "specular_albedo"]

PI = wp.constant(3.14159265358979)


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
    gain: wp.vec3  # compensation of the energy that single scattering loses
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
    """What a light does to a point: unit direction to it, irradiance with the cosine, and without, and its widening."""

    direction: wp.vec3
    irradiance: wp.vec3
    facing: wp.vec3
    widen: float
    distance: float


@wp.func
def sphere_form(cosine: float, sin2: float) -> float:
    """Irradiance / radiance of a sphere of sin^2 of its half angle, horizon included."""
    if cosine * cosine > sin2:
        return PI * sin2 * wp.max(cosine, 0.0)
    sine = wp.sqrt(wp.max(1.0 - cosine * cosine, 1.0e-8))
    x = wp.sqrt(1.0 / sin2 - 1.0)
    y = wp.clamp(-x * (cosine / sine), -1.0, 1.0)
    z = sine * wp.sqrt(1.0 - y * y)
    return wp.max((cosine * wp.acos(y) - x * z) * sin2 + wp.atan2(z, x), 0.0)


@wp.func
def edge(a: wp.vec3, b: wp.vec3) -> wp.vec3:
    c = wp.cross(a, b)
    sine = wp.length(c)
    return c * (wp.atan2(sine, wp.dot(a, b)) / wp.max(sine, 1.0e-9))


@wp.func
def polygon_irradiance(light: LightState, point: wp.vec3, corners: int) -> wp.vec3:
    """Vector irradiance / radiance of a flat light: a rect (4 corners) or a disk (its octagon of equal area)."""
    total = wp.vec3(0.0, 0.0, 0.0)
    hx = wp.vec3(light.rotation[0, 0], light.rotation[1, 0], light.rotation[2, 0]) * light.size[0]
    hy = wp.vec3(light.rotation[0, 1], light.rotation[1, 1], light.rotation[2, 1]) * light.size[1]
    center = light.position - point
    if corners == 4:
        a = wp.normalize(center - hx - hy)
        b = wp.normalize(center + hx - hy)
        c = wp.normalize(center + hx + hy)
        d = wp.normalize(center - hx + hy)
        total = edge(a, b) + edge(b, c) + edge(c, d) + edge(d, a)
    else:
        step = 2.0 * PI / float(corners)
        # An n-gon of circumradius R has the area n/2 R^2 sin(2 pi / n).
        r = wp.sqrt(2.0 * PI / (float(corners) * wp.sin(step)))
        previous = wp.normalize(center + hx * r)
        for i in range(1, corners + 1):
            angle = float(i) * step
            p = wp.normalize(center + hx * (r * wp.cos(angle)) + hy * (r * wp.sin(angle)))
            total = total + edge(previous, p)
            previous = p
    # The corners run counter-clockwise about +Z; the light looks along -Z, so this points from the point to the light.
    return total * 0.5


@wp.func
def shaping(light: LightState, toward_light: wp.vec3) -> float:
    """UsdLux ShapingAPI: cone and focus, by the angle off the light's -Z axis."""
    axis = wp.vec3(light.rotation[0, 2], light.rotation[1, 2], light.rotation[2, 2])
    cosine = wp.dot(toward_light, axis)
    amount = float(1.0)
    if light.cos_cone > -1.0:
        amount = wp.smoothstep(light.cos_cone, wp.max(light.cos_cone_inner, light.cos_cone + 1.0e-4), cosine)
    if light.focus > 0.0:
        amount = amount * wp.pow(wp.max(cosine, 0.0), light.focus)
    return amount


@outlined
def sample_local_light(light: LightState, point: wp.vec3, normal: wp.vec3, axis: wp.vec3) -> LightSample:
    """Light of a sphere, rect, disk or cylinder at a point; ``axis`` is the light's +Z."""
    s = LightSample()
    offset = light.position - point
    distance = wp.max(wp.length(offset), 1.0e-6)
    s.distance = distance
    s.direction = offset / distance
    form = float(0.0)
    facing = float(0.0)
    if light.kind == SPHERE_LIGHT:
        sin2 = wp.min(light.size[0] * light.size[0] / (distance * distance), 0.999)
        form = sphere_form(wp.dot(normal, s.direction), sin2)
        facing = PI * sin2
        s.widen = wp.sqrt(sin2)
    elif light.kind == CYLINDER_LIGHT:
        # A tube as four short ones: radius x length x sine of the angle to its axis.
        along = wp.vec3(light.rotation[0, 0], light.rotation[1, 0], light.rotation[2, 0])
        for i in range(4):
            o = offset + along * (light.size[1] * (float(i) * 0.5 - 0.75))
            d2 = wp.max(wp.dot(o, o), light.size[0] * light.size[0])
            d = o / wp.sqrt(d2)
            cosine = wp.dot(d, along)
            seen = 2.0 * light.size[0] * (light.size[1] * 0.5) * wp.sqrt(wp.max(1.0 - cosine * cosine, 0.0)) / d2
            form += seen * wp.max(wp.dot(normal, d), 0.0)
            facing += seen
        s.widen = wp.min(light.size[0] / distance, 1.0)
    else:
        if wp.dot(offset, axis) <= 0.0:
            s.irradiance = wp.vec3(0.0, 0.0, 0.0)
            s.facing = wp.vec3(0.0, 0.0, 0.0)
            return s
        corners = 4
        if light.kind == DISK_LIGHT:
            corners = 8
        v = polygon_irradiance(light, point, corners)
        size = wp.max(wp.length(v), 1.0e-12)
        form = sphere_form(wp.dot(v, normal) / size, wp.clamp(size / PI, 1.0e-9, 0.999))
        facing = size
        s.widen = wp.min(wp.sqrt(size / PI), 1.0)
    amount = shaping(light, s.direction)
    s.irradiance = light.radiance * (form * amount)
    s.facing = light.radiance * (facing * amount)
    return s


@by_features
def sample_light(light: LightState, point: wp.vec3, normal: wp.vec3, view: wp.vec3) -> LightSample:
    """Unshadowed light at a point. ``view`` is the unit direction to the camera (a headlight shines from there)."""
    axis = wp.vec3(light.rotation[0, 2], light.rotation[1, 2], light.rotation[2, 2])
    if wp.static((FEATURES & LOCAL_LIGHTS) != 0):
        if light.kind != DISTANT_LIGHT and light.kind != HEADLIGHT:
            return sample_local_light(light, point, normal, axis)
    s = LightSample()
    s.distance = 1.0e30
    s.direction = axis
    if light.kind == HEADLIGHT:
        s.direction = view
    s.widen = light.size[0]
    s.facing = light.radiance
    s.irradiance = light.radiance * wp.max(wp.dot(normal, s.direction), 0.0)
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
def ggx(roughness: float, widen: float, n: wp.vec3, v: wp.vec3, light: wp.vec3) -> float:
    """D V of the GGX lobe; ``widen`` is the sine of the light's half angle, which the lobe is blurred by (Karis)."""
    h = unit(v + light)
    nh = wp.clamp(wp.dot(n, h), 0.0, 1.0)
    nv = wp.max(wp.dot(n, v), 1.0e-3)
    nl = wp.max(wp.dot(n, light), 1.0e-3)
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


@by_features
def reflect_light(s: Surface, light: LightState, sample: LightSample) -> wp.vec3:
    """Radiance towards the viewer by one unshadowed light."""
    colour = wp.cw_mul(s.diffuse, sample.irradiance) * (light.diffuse / PI)
    nl = wp.dot(s.normal, sample.direction)
    if wp.static((FEATURES & PBR) != 0):
        if nl > 0.0 and light.specular > 0.0:
            h = unit(s.view + sample.direction)
            f = wp.cw_mul(fresnel(s.f0, wp.dot(s.view, h)), s.gain)
            lobe = f * ggx(s.roughness, sample.widen, s.normal, s.view, sample.direction)
            if wp.static((FEATURES & COAT) != 0):
                if s.clearcoat > 0.0:
                    coat = s.clearcoat * fresnel(wp.vec3(0.04, 0.04, 0.04), wp.dot(s.view, h))[0]
                    colour = colour * (1.0 - coat)
                    top = coat * ggx(s.clearcoat_roughness, sample.widen, s.normal, s.view, sample.direction)
                    lobe = lobe * (1.0 - coat) + wp.vec3(top, top, top)
            colour = colour + wp.cw_mul(lobe, sample.facing) * (nl * light.specular)
    return colour
