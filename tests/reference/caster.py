"""What each pixel of a camera sees in a Scene: the nearest visible crossing of every instance, one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni.isaac.ovrtx_render.scene.data import SHARED, Camera, GeometryKind, Light, Scene

from .projection import pixel_rays
from .shapes import ANALYTIC, mesh_crossings

__all__ = ["Hits", "cast", "lambert", "trace"]

_CHUNK = 4_000_000
"""Ray-triangle pairs tested at once, to bound memory."""


@dataclass
class Hits:
    """What the rays meet; arrays are (H, W, ...) from :func:`cast` and (R, ...) from :func:`trace`.

    Attributes:
        depth: Along the optical axis [m] (from :func:`trace`: ray parameter); inf on a miss.
        distance: Length of the ray [m]; inf on a miss.
        position: World position of the hit [stage units]; 0 on a miss.
        geometric_normal: World unit normal, turned to the camera; 0 on a miss.
        normal: World unit shading normal, turned over with the surface; 0 on a miss.
        instance: Index in ``Scene.instances``; -1 on a miss.
        triangle: Index in the mesh; -1 for analytic shapes and misses.
        barycentric: Weights of the triangle corners; 0 for analytic shapes and misses.
        uv: Texture coordinates of meshes that have them; else 0.
        albedo: Linear base colour of untextured materials (vertex colours included); 0 on a miss.
    """

    depth: np.ndarray
    distance: np.ndarray
    position: np.ndarray
    geometric_normal: np.ndarray
    normal: np.ndarray
    instance: np.ndarray
    triangle: np.ndarray
    barycentric: np.ndarray
    uv: np.ndarray
    albedo: np.ndarray

    @staticmethod
    def misses(rays: int) -> Hits:
        """As many rays that hit nothing."""

        def v(n: int) -> np.ndarray:
            return np.zeros((rays, n))

        far, none = np.full(rays, np.inf), np.full(rays, -1)
        return Hits(far, far.copy(), v(3), v(3), v(3), none, none.copy(), v(3), v(2), v(3))


def cast(
    scene: Scene,
    camera: Camera,
    width: int,
    height: int,
    *,
    see_all_envs: bool = False,
    matrix: np.ndarray | None = None,
) -> Hits:
    """Cast one ray through every pixel centre.

    Args:
        scene: The scene. Every material counts as opaque.
        camera: The camera, seeing its own environment and what is shared.
        width: Image width [px].
        height: Image height [px].
        see_all_envs: See every environment.
        matrix: (3, 3) intrinsic matrix [px] instead of the lens.
    """
    origin, direction = pixel_rays(camera, width, height, matrix)
    env = None if see_all_envs else camera.env
    hits = trace(scene, origin, direction, env, *camera.clipping_range)
    hit = np.isfinite(hits.depth)
    hits.distance[hit] = (hits.depth * np.linalg.norm(direction, axis=1))[hit] * scene.meters_per_unit
    hits.depth *= scene.meters_per_unit
    return Hits(**{name: value.reshape(height, width, *value.shape[1:]) for name, value in vars(hits).items()})


def trace(scene: Scene, origin: np.ndarray, direction: np.ndarray, env: int | None, near: float, far: float) -> Hits:
    """Find the nearest visible hit of each ray with a parameter in [near, far]; ``env`` None sees everything."""
    hits = Hits.misses(len(origin))
    things = scene.instances
    for i in range(len(things)):
        if env is None or things.env[i] in (SHARED, env):
            _meet(scene, i, origin, direction, near, far, hits)
    return hits


def _meet(scene: Scene, i: int, origin: np.ndarray, direction: np.ndarray, near: float, far: float, hits: Hits) -> None:
    """Take over the rays that meet instance ``i`` before anything they met so far."""
    things = scene.instances
    geometry, material = scene.geometries[things.geometry[i]], scene.materials[things.material[i]]
    both_sides = bool(things.double_sided[i]) or material.double_sided
    to_local = np.linalg.inv(things.transform[i])
    o, d = origin @ to_local[:3, :3] + to_local[3, :3], direction @ to_local[:3, :3]
    mesh = scene.meshes[geometry.mesh] if geometry.kind == GeometryKind.MESH else None

    step = max(1, len(o) if mesh is None else _CHUNK // max(1, len(mesh.triangles)))
    for start in range(0, len(o), step):
        rays = slice(start, start + step)
        if mesh is None:
            t, normal = ANALYTIC[geometry.kind](o[rays], d[rays], *geometry.params)
        else:
            if not len(mesh.triangles):
                return
            t, flat, weights = mesh_crossings(o[rays], d[rays], mesh)
            normal = np.broadcast_to(flat, (*t.shape, 3))
        # The side that is seen does not depend on the transform: d . n is the same in every frame.
        behind = (d[rays, None] * normal).sum(-1) > 0
        t = np.where((t >= near) & (t <= far) & (both_sides | ~behind), t, np.inf)
        first = t.argmin(1)
        rows = np.arange(len(t))
        nearer = t[rows, first] < hits.depth[rays]
        rows, first = rows[nearer], first[nearer]
        index = rows + start

        turn = np.where(behind[rows, first], -1.0, 1.0)[:, None]
        local_normal = shading_normal = normal[rows, first]
        albedo = np.broadcast_to(np.asarray(material.base_color, np.float64), (len(rows), 3))
        if mesh is not None:
            w = weights[rows, first][..., None]
            hits.barycentric[index] = w[..., 0]
            if mesh.normals is not None:
                shading_normal = (w * mesh.normals[first]).sum(1)
            if mesh.uvs is not None:
                hits.uv[index] = (w * mesh.uvs[first]).sum(1)
            if mesh.colors is not None and material.use_vertex_color:
                albedo = (w * mesh.colors[first]).sum(1)
        hits.depth[index] = t[rows, first]
        hits.position[index] = origin[index] + t[rows, first][:, None] * direction[index]
        hits.geometric_normal[index] = turn * _normal_to_world(local_normal, to_local)
        hits.normal[index] = turn * _normal_to_world(shading_normal, to_local)
        hits.instance[index] = i
        hits.triangle[index] = first if mesh is not None else -1
        hits.albedo[index] = albedo
        if mesh is None:
            hits.barycentric[index] = 0.0
            hits.uv[index] = 0.0


def _normal_to_world(normal: np.ndarray, to_local: np.ndarray) -> np.ndarray:
    n = normal @ to_local[:3, :3].T
    return n / np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-300)


def lambert(scene: Scene, hits: Hits, light: Light, env: int, *, shadows: bool = True) -> np.ndarray:
    """Linear radiance of the hits under one distant light whose ``radiance`` is an illuminance [lux].

    Returns:
        The shape of ``hits.albedo``; 0 on a miss.
    """
    towards = light.transform[2, :3] / np.linalg.norm(light.transform[2, :3])  # it shines along its local -Z
    cosine = np.maximum((hits.normal * towards).sum(-1), 0.0)
    colour = hits.albedo / np.pi * np.asarray(light.radiance) * cosine[..., None]
    if shadows:
        lit = cosine > 0
        start = hits.position[lit] + 1e-6 * hits.geometric_normal[lit]
        blocked = trace(scene, start, np.broadcast_to(towards, start.shape), env, 1e-6, np.inf)
        colour[lit] *= ~np.isfinite(blocked.depth)[:, None]
    return colour
