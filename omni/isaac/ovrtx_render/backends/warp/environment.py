"""Image-based light: all dome lights baked into one map in one frame, prefiltered once when a scene loads.

The radiance itself is a lat-long map. The lobes - GGX of growing roughness (split-sum: Karis, "Real Shading in Unreal
Engine 4", 2013), and the cosine lobe (irradiance / pi) last - are octahedral maps (Cigolle et al., "Survey of Efficient
Representations for Independent Unit Vectors", 2014): they are read at every hit, and this needs no trigonometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from ...scene.data import Light, LightKind, Scene
from .features import FEATURES, SKY_MAP, by_features

__all__ = ["Environment", "EnvironmentMap", "bake_environment", "environment_diffuse", "environment_radiance"]

ROUGHNESS_LEVELS = (0.25, 0.45, 0.7, 1.0)
_LOBE_SIZE = 33  # odd: the axes then lie on grid points
_LOBE_SOURCE = (32, 64)


@dataclass
class EnvironmentMap:
    """The filtered map, in the frame of its largest image so that this one is never resampled.

    Attributes:
        radiance: (H, W, 3) float32; directions by :func:`directions`.
        lobes: (L, n, n, 3) float32 by :func:`octahedral_directions`; the last is the cosine lobe.
        to_map: (3, 3) rotation, map direction = to_map @ world direction.
    """

    radiance: np.ndarray
    lobes: np.ndarray
    to_map: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean radiance over the sphere, linear RGB."""
        weights = _row_weights(self.radiance.shape[0])
        return np.tensordot(weights, self.radiance.mean(1), axes=(0, 0))


def _row_weights(rows: int) -> np.ndarray:
    edges = np.cos(np.linspace(0.0, np.pi, rows + 1))
    return (edges[:-1] - edges[1:]) / 2.0


def directions(rows: int, columns: int) -> np.ndarray:
    """(rows, columns, 3) unit directions of the texel centres: row 0 at +Y, u = 0.5 - atan2(x, z) / 2 pi."""
    polar = (np.arange(rows) + 0.5) / rows * np.pi
    around = (0.5 - (np.arange(columns) + 0.5) / columns) * 2.0 * np.pi
    y = np.broadcast_to(np.cos(polar)[:, None], (rows, columns))
    r = np.sin(polar)[:, None]
    return np.stack([r * np.sin(around), y, r * np.cos(around)], axis=-1)


def octahedral_directions(size: int) -> np.ndarray:
    """(size, size, 3) unit directions of an octahedral map whose border points lie on the folded edges."""
    u, v = np.meshgrid(*(np.linspace(-1.0, 1.0, size),) * 2)
    z = 1.0 - np.abs(u) - np.abs(v)
    fold = z < 0.0
    x = np.where(fold, (1.0 - np.abs(v)) * np.where(u >= 0.0, 1.0, -1.0), u)
    y = np.where(fold, (1.0 - np.abs(u)) * np.where(v >= 0.0, 1.0, -1.0), v)
    d = np.stack([x, y, z], axis=-1)
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


def _lookup(image: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Bilinear lat-long lookup of directions (…, 3)."""
    h, w = image.shape[:2]
    u = 0.5 - np.arctan2(d[..., 0], d[..., 2]) / (2 * np.pi)
    v = np.arccos(np.clip(d[..., 1], -1.0, 1.0)) / np.pi
    x, y = u * w - 0.5, np.clip(v * h - 0.5, 0.0, h - 1.0)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    ax, ay = (x - x0)[..., None], (y - y0)[..., None]
    y1 = np.minimum(y0 + 1, h - 1)
    a, b = image[y0, x0 % w], image[y0, (x0 + 1) % w]
    c, e = image[y1, x0 % w], image[y1, (x0 + 1) % w]
    return (a * (1 - ax) + b * ax) * (1 - ay) + (c * (1 - ax) + e * ax) * ay


def _shrink(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Box-average down to about rows x columns (never up)."""
    fy, fx = max(image.shape[0] // rows, 1), max(image.shape[1] // columns, 1)
    h, w = image.shape[0] // fy * fy, image.shape[1] // fx * fx
    return image[:h, :w].reshape(h // fy, fy, w // fx, fx, 3).mean((1, 3))


def dome_image(scene: Scene, light: Light) -> np.ndarray:
    """(H, W, 3) float32 radiance of one dome light in its own frame."""
    scale = np.asarray(light.radiance, np.float32)
    if light.texture < 0:
        return np.broadcast_to(scale, (1, 1, 3)).copy()
    texture = scene.textures[light.texture]
    data = texture.data
    if data.dtype == np.uint8:
        from .textures import decode_table

        data = decode_table().reshape(2, 256)[int(texture.srgb)][data[..., :3]]
    return data[..., :3].astype(np.float32) * scale


def _lobes(image: np.ndarray) -> np.ndarray:
    source = _shrink(image, *_LOBE_SOURCE)
    toward = directions(*source.shape[:2]).reshape(-1, 3).astype(np.float32)
    solid = np.repeat(_row_weights(source.shape[0]), source.shape[1]).astype(np.float32)
    out = octahedral_directions(_LOBE_SIZE).reshape(-1, 3).astype(np.float32)
    cosine = np.maximum(out @ toward.T, 0.0)
    colour = source.reshape(-1, 3).astype(np.float32)
    levels = []
    for roughness in ROUGHNESS_LEVELS:
        a2 = np.float32(roughness**4)
        h2 = (1.0 + cosine) * 0.5  # (n.h)^2 where n = v = r
        weight = cosine / np.square(h2 * (a2 - 1.0) + 1.0) * solid
        levels.append(weight @ colour / weight.sum(1, keepdims=True))
    weight = cosine * solid
    levels.append(weight @ colour / weight.sum(1, keepdims=True))
    return np.stack(levels).reshape(-1, _LOBE_SIZE, _LOBE_SIZE, 3).astype(np.float32)


def bake_environment(scene: Scene) -> EnvironmentMap:
    """Sum all dome lights into one map and filter it. Black if there is none."""
    domes = [light for light in scene.lights if light.kind == LightKind.DOME]
    images = [dome_image(scene, light) for light in domes]
    if all(image.shape[:2] == (1, 1) for image in images):
        flat = np.sum(images, axis=0, dtype=np.float32) if images else np.zeros((1, 1, 3), np.float32)
        return EnvironmentMap(flat, np.broadcast_to(flat, (len(ROUGHNESS_LEVELS) + 1, 1, 1, 3)).copy(), np.eye(3))
    rotations = [_rotation(light) for light in domes]
    main = int(np.argmax([image.shape[0] * image.shape[1] for image in images]))
    total = images[main].copy()
    world = directions(*total.shape[:2]) @ rotations[main]
    for i, image in enumerate(images):
        if i != main:
            total += _lookup(image, world @ rotations[i].T).astype(np.float32)
    return EnvironmentMap(total, _lobes(total), rotations[main])


def _rotation(light: Light) -> np.ndarray:
    """(3, 3) rotation from the world to the light's own frame (column vectors); its scale does not matter."""
    m = light.transform[:3, :3]
    return m / np.maximum(np.linalg.norm(m, axis=1), 1e-12)[:, None]


@wp.struct
class Environment:
    """The environment map on the device."""

    radiance: wp.array2d(dtype=wp.vec3)
    lobes: wp.array3d(dtype=wp.vec3)
    to_map: wp.mat33


@wp.func
def latlong(d: wp.vec3) -> wp.vec2:
    """Texture coordinates (u right, v down) of a unit direction; see :func:`directions`."""
    return wp.vec2(
        0.5 - wp.atan2(d[0], d[2]) * 0.15915494309,
        wp.acos(wp.clamp(d[1], -1.0, 1.0)) * 0.31830988618,
    )


@by_features
def environment_radiance(env: Environment, d: wp.vec3) -> wp.vec3:
    """Radiance from direction ``d`` (bilinear)."""
    if wp.static((FEATURES & SKY_MAP) == 0):
        return env.radiance[0, 0]
    h = env.radiance.shape[0]
    w = env.radiance.shape[1]
    at = latlong(env.to_map * d)
    x = at[0] * float(w) - 0.5
    y = wp.clamp(at[1] * float(h) - 0.5, 0.0, float(h - 1))
    fx = wp.floor(x)
    fy = wp.floor(y)
    x0 = (int(fx) + w) % w
    x1 = (int(fx) + 1 + w) % w
    y0 = int(fy)
    y1 = wp.min(y0 + 1, h - 1)
    a = wp.lerp(env.radiance[y0, x0], env.radiance[y0, x1], x - fx)
    b = wp.lerp(env.radiance[y1, x0], env.radiance[y1, x1], x - fx)
    return wp.lerp(a, b, y - fy)


@by_features
def lobe(env: Environment, level: int, direction: wp.vec3) -> wp.vec3:
    """Bilinear lookup of an octahedral map; see :func:`octahedral_directions`."""
    if wp.static((FEATURES & SKY_MAP) == 0):
        return env.lobes[level, 0, 0]
    n = env.lobes.shape[1]
    d = env.to_map * direction
    scale = 1.0 / wp.max(wp.abs(d[0]) + wp.abs(d[1]) + wp.abs(d[2]), 1.0e-12)
    u = d[0] * scale
    v = d[1] * scale
    if d[2] < 0.0:
        folded = (1.0 - wp.abs(v)) * wp.where(u >= 0.0, 1.0, -1.0)
        v = (1.0 - wp.abs(u)) * wp.where(v >= 0.0, 1.0, -1.0)
        u = folded
    last = float(n - 1)
    x = wp.clamp((u * 0.5 + 0.5) * last, 0.0, last)
    y = wp.clamp((v * 0.5 + 0.5) * last, 0.0, last)
    x0 = wp.min(int(x), n - 2)
    y0 = wp.min(int(y), n - 2)
    ax = x - float(x0)
    ay = y - float(y0)
    a = wp.lerp(env.lobes[level, y0, x0], env.lobes[level, y0, x0 + 1], ax)
    b = wp.lerp(env.lobes[level, y0 + 1, x0], env.lobes[level, y0 + 1, x0 + 1], ax)
    return wp.lerp(a, b, ay)


@by_features
def environment_diffuse(env: Environment, n: wp.vec3) -> wp.vec3:
    """Irradiance / pi on a surface with normal ``n``."""
    return lobe(env, env.lobes.shape[0] - 1, n)


@by_features
def environment_specular(env: Environment, d: wp.vec3, roughness: float) -> wp.vec3:
    """Radiance around the mirror direction, weighted by the GGX lobe of ``roughness``."""
    if wp.static((FEATURES & SKY_MAP) == 0):
        return env.lobes[0, 0, 0]
    last = env.lobes.shape[0] - 2
    if roughness <= 0.25:
        return wp.lerp(environment_radiance(env, d), lobe(env, 0, d), roughness * 4.0)
    if roughness <= 0.45:
        return wp.lerp(lobe(env, 0, d), lobe(env, 1, d), (roughness - 0.25) / 0.2)
    if roughness <= 0.7:
        return wp.lerp(lobe(env, 1, d), lobe(env, 2, d), (roughness - 0.45) / 0.25)
    return wp.lerp(lobe(env, 2, d), lobe(env, last, d), wp.min((roughness - 0.7) / 0.3, 1.0))
