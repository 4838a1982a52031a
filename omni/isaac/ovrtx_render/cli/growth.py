"""Scenes that grow: the same scene with more environments or finer meshes, made from its arrays without a stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..scene.data import SHARED, Camera, Geometry, GeometryKind, Instances, Light, LightKind, Material, Mesh, Scene

__all__ = ["ball_scene", "copies", "finer", "powers", "triangle_count"]

_ROOT = "/World/envs/env_"


def powers(first: int, last: int, factor: int) -> Iterator[int]:
    """``first``, ``first * factor``, ... up to ``last``."""
    while first <= last:
        yield first
        first *= factor


def copies(scene: Scene, count: int) -> Scene:
    """The scene with ``count`` environments, each a copy of the first one.

    A scene without environments becomes one: its shapes and cameras are repeated, its lights stay shared. The copies
    stand in the same place and do not see each other.
    """
    one = 0 if scene.num_envs else SHARED
    inst = scene.instances
    own, shared = np.flatnonzero(inst.env == one), np.flatnonzero((inst.env == SHARED) & (inst.env != one))
    picked = np.concatenate([shared, np.tile(own, count)])
    env = np.concatenate([np.full(len(shared), SHARED), np.repeat(np.arange(count), len(own))]).astype(np.int32)
    roots = [f"{_ROOT}{i}" for i in range(count)]
    root = scene.env_paths[0] if scene.num_envs else ""

    def at(path: str, i: int) -> str:
        return roots[i] + path.removeprefix(root)

    # A path is repeated where a shape of the first environment lies on it; the prims that own labels are left shared.
    moved, index = np.unique(inst.path[own], return_inverse=True)
    paths = [*scene.paths, *(at(scene.paths[p], i) for i in range(count) for p in moved)]
    path = np.concatenate(
        [inst.path[shared], (np.arange(count)[:, None] * len(moved) + index + len(scene.paths)).reshape(-1)]
    ).astype(np.int32)
    instances = Instances(
        inst.geometry[picked], inst.material[picked], env, inst.transform[picked], inst.double_sided[picked],
        path, inst.label[picked], inst.owner[picked],
    )  # fmt: skip
    lights = [light for light in scene.lights if light.env == SHARED]
    if scene.num_envs:
        local = [light for light in scene.lights if light.env == 0]
        lights += [replace(light, env=i, path=at(light.path, i)) for i in range(count) for light in local]
    seen = [camera for camera in scene.cameras if camera.env == one]
    cameras = [replace(camera, env=i, path=at(camera.path, i)) for i in range(count) for camera in seen]
    return replace(scene, env_paths=roots, instances=instances, lights=lights, cameras=cameras, paths=paths)


def finer(scene: Scene) -> Scene:
    """The scene with every triangle cut into four at the middle of its edges; it looks the same."""
    return replace(scene, meshes=[_split(mesh) for mesh in scene.meshes])


def _split(mesh: Mesh) -> Mesh:
    corners = mesh.points[mesh.triangles]
    points = np.concatenate([corners, _middles(corners)], 1).reshape(-1, 3)
    first = 6 * np.arange(len(corners), dtype=np.int32)[:, None, None]
    triangles = (first + _QUARTERS).reshape(-1, 3)
    normals = _split_corners(mesh.normals)
    if normals is not None:
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    return Mesh(points, triangles, normals, _split_corners(mesh.uvs), _split_corners(mesh.colors))


_QUARTERS = np.array([[0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5]], np.int32)
"""Corners of the four parts: 0, 1, 2 are those of the triangle, 3, 4, 5 the middles of 01, 12, 20."""


def _middles(values: np.ndarray) -> np.ndarray:
    """(T, 3, c) values at the middles of the edges 01, 12, 20."""
    return ((values + np.roll(values, -1, axis=1)) / 2).astype(values.dtype)


def _split_corners(values: np.ndarray | None) -> np.ndarray | None:
    if values is None:
        return None
    six = np.concatenate([values, _middles(values)], 1)
    return six[:, _QUARTERS].reshape(-1, 3, values.shape[-1])


def triangle_count(scene: Scene) -> int:
    """Triangles of the unique meshes."""
    return sum(len(mesh.triangles) for mesh in scene.meshes)


def ball_scene(envs: int) -> Scene:
    """A ribbed ball of 1024 smooth triangles over an endless floor, a sun, a sky, and a camera an environment [m]."""
    scene = Scene(1.0, "Z")
    rows, columns = 17, 32
    u, v = np.meshgrid(np.linspace(0.0, 1.0, columns + 1), np.linspace(0.0, 1.0, rows))
    theta, phi = 2.0 * np.pi * u, np.pi * v
    radius = 0.5 * (1.0 + 0.1 * np.sin(4.0 * theta) * np.sin(phi) ** 2)
    direction = np.stack([np.cos(theta) * np.sin(phi), np.sin(theta) * np.sin(phi), np.cos(phi)], -1)
    points = (radius[..., None] * direction).reshape(-1, 3).astype(np.float32)
    index = np.arange(len(points), dtype=np.int32).reshape(u.shape)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    triangles = np.concatenate([np.stack([a, d, c], 1), np.stack([a, c, b], 1)])
    normals = direction.reshape(-1, 3).astype(np.float32)[triangles]
    scene.meshes = [Mesh(points, triangles, normals)]
    scene.geometries = [Geometry(GeometryKind.PLANE, (np.inf, np.inf)), Geometry(GeometryKind.MESH, (), 0)]
    scene.materials = [Material("floor", (0.5, 0.5, 0.5)), Material("ball", (0.7, 0.25, 0.1))]
    scene.paths = ["/World/floor", "/World/ball"]
    ball = np.eye(4)
    ball[3, 2] = 0.5
    i = np.arange(2, dtype=np.int32)
    scene.instances = Instances(
        i, i.copy(), np.array([SHARED, 0], np.int32), np.stack([np.eye(4), ball]), np.zeros(2, bool), i.copy(),
        np.zeros(2, np.int32), i.copy(),
    )  # fmt: skip
    scene.env_paths = ["/World"]
    scene.lights = [
        Light(LightKind.DISTANT, (3.0,) * 3, _looking((-0.5, 0.6, -1.0)), angle=0.5, path="/World/sun"),
        Light(LightKind.DOME, (0.3,) * 3, np.eye(4), path="/World/sky"),
    ]
    view = _looking((-1.3, -0.9, -0.6))
    view[3, :3] = (1.3, 0.9, 1.1)
    scene.cameras = [Camera("/World/Camera", 0, view, False, 21.0, 20.955, 20.955, clipping_range=(0.01, 1000.0))]
    return copies(scene, envs)


def _looking(forward: tuple[float, float, float]) -> np.ndarray:
    """(4, 4) row-vector frame at the origin whose -Z looks along ``forward``, with +Z up."""
    back = -np.asarray(forward) / np.linalg.norm(forward)
    right = np.cross((0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    m = np.eye(4)
    m[:3, :3] = right, np.cross(back, right), back
    return m
