"""Scenes that every benchmarked renderer can show: numpy arrays only, all environments in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from omni.isaac.ovrtx_render.scene.data import (
    SHARED,
    Camera,
    Geometry,
    GeometryKind,
    Instances,
    Light,
    LightKind,
    Material,
    Mesh,
    Scene,
    Texture,
    TextureRef,
)

__all__ = [
    "AMBIENT",
    "FAR",
    "FLOOR_COLOR",
    "FOV_DEGREES",
    "LIGHT_DIRECTION",
    "Body",
    "Row",
    "body_path",
    "make_row",
    "make_scene",
    "picture",
]

FOV_DEGREES = 50.0
FAR = 1000.0
FLOOR_COLOR = (0.6, 0.6, 0.6)
LIGHT_DIRECTION = np.array([-1.0, 1.0, -1.0]) / np.sqrt(3.0)
"""Where the one distant light shines to."""
AMBIENT = 0.2
"""Share of the full light that reaches everything from everywhere."""

_PALETTE = ((0.80, 0.25, 0.20), (0.20, 0.55, 0.80), (0.85, 0.75, 0.25), (0.30, 0.70, 0.35))
_LINKS = 12


@dataclass(frozen=True)
class Body:
    """One moving thing of an environment.

    Attributes:
        kind: ``"box"``, ``"sphere"`` or ``"mesh"``.
        size: Half extent of a box or radius of a sphere [m].
        points: (V, 3) float32 of a mesh.
        normals: (V, 3) float32 unit vectors.
        uvs: (V, 2) float32.
        triangles: (T, 3) int32, counter-clockwise seen from outside.
        color: Linear RGB.
    """

    kind: str
    color: tuple[float, float, float]
    size: float = 0.0
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    normals: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    uvs: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    triangles: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int32))


@dataclass(frozen=True)
class Row:
    """One line of the benchmark: what is shown and how.

    Attributes:
        name: Name of the row.
        bodies: What stands on the endless floor in each environment.
        positions: (N, len(bodies), 3) float32 body positions [m]; nothing is turned.
        camera: (4, 4) camera to world, row-vector, -Z forward, +Y up; the same in every environment.
        texture: (H, W, 3) uint8 sRGB picture on the bodies, or None.
        shadows: Whether the light casts shadows.
        color: Whether a picture is made besides the depth.
    """

    name: str
    bodies: tuple[Body, ...]
    positions: np.ndarray
    camera: np.ndarray
    texture: np.ndarray | None = None
    shadows: bool = False
    color: bool = True


def body_path(env: int, body: int) -> str:
    """Prim path of a body in :func:`make_scene`."""
    return f"/World/envs/env_{env}/body_{body}"


def picture(size: int = 512, cell: int = 32) -> np.ndarray:
    """A coloured checkerboard, (size, size, 3) uint8."""
    y, x = np.mgrid[:size, :size]
    light = ((x // cell + y // cell) % 2).astype(bool)
    dark = np.stack([np.full_like(x, 60), 90 + x * 120 // size, np.full_like(x, 170)], -1)
    return np.where(light[..., None], (230, 220, 200), dark).astype(np.uint8)


def _link(seed: int, radii: tuple[float, float, float], columns: int = 64, rows: int = 32) -> Body:
    """A ribbed ellipsoid of 3968 triangles with smooth normals; the seam and poles are stitched for shading only."""
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 2)
    u, v = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    theta, phi = 2 * np.pi * u, np.pi * v
    radius = 1 + 0.12 * np.sin(3 * theta + phase[0]) * np.sin(5 * phi + phase[1]) * np.sin(phi) ** 2
    around = np.stack([np.cos(theta) * np.sin(phi), np.sin(theta) * np.sin(phi), np.cos(phi)], -1)
    points = (radius[..., None] * around * radii).reshape(-1, 3)
    index = np.arange(points.shape[0]).reshape(u.shape)
    a, b, c, d = (i.ravel() for i in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    upper, lower = np.stack([a, c, d], 1)[: -columns or None], np.stack([a, d, b], 1)[columns:]
    triangles = np.concatenate([upper, lower])

    face = np.cross(
        points[triangles[:, 1]] - points[triangles[:, 0]], points[triangles[:, 2]] - points[triangles[:, 0]]
    )
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], face)
    grid = normals.reshape(*u.shape, 3)
    grid[:, 0] = grid[:, -1] = grid[:, 0] + grid[:, -1]
    grid[0], grid[-1] = (0, 0, 1), (0, 0, -1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Body(
        "mesh",
        _PALETTE[seed % 4],
        points=points.astype(np.float32),
        normals=normals.astype(np.float32),
        uvs=np.stack([u, 1 - v], -1).reshape(-1, 2).astype(np.float32),
        triangles=triangles.astype(np.int32),
    )


def _arm(envs: int) -> np.ndarray:
    """Link positions of an arm that bends differently in every environment, (envs, 12, 3) float32 [m]."""
    bend = np.random.default_rng(0).uniform(-0.15, 0.15, (envs, 3)) * (1, 1, 0) + (0.07, 0, 0)
    direction = np.tile((0.0, 0.0, 1.0), (envs, 1))
    at = np.tile((0.0, 0.0, 0.14), (envs, 1))
    positions = []
    for _ in range(_LINKS):
        positions.append(at.copy())
        direction += bend
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        at = at + 0.12 * direction
    return np.stack(positions, 1).astype(np.float32)


def _look_at(eye: tuple[float, float, float], target: tuple[float, float, float]) -> np.ndarray:
    back = np.subtract(eye, target)
    back /= np.linalg.norm(back)
    right = np.cross((0, 0, 1), back)
    right /= np.linalg.norm(right)
    m = np.eye(4)
    m[:3, :3], m[3, :3] = (right, np.cross(back, right), back), eye
    return m


def make_row(name: str, envs: int) -> Row:
    """Make one of the rows ``simple``, ``robot``, ``textured``, ``close-up``, ``close-up-shadows``, ``depth-only``."""
    far_view, near_view = _look_at((1.7, 1.2, 1.1), (0.15, 0.0, 0.6)), _look_at((0.95, 0.65, 0.85), (0.12, 0.0, 0.62))
    if name == "simple":
        bodies = (Body("box", _PALETTE[0], 0.25), Body("sphere", _PALETTE[1], 0.3))
        at = np.array([[0.0, 0.3, 0.25], [0.3, -0.35, 0.3]], np.float32)
        return Row(name, bodies, np.tile(at, (envs, 1, 1)), far_view)
    links = tuple(_link(i, tuple(np.array([0.10, 0.10, 0.14]) * (1 - 0.04 * i))) for i in range(_LINKS))
    close = name.startswith("close-up")
    return Row(
        name,
        links,
        _arm(envs),
        near_view if close else far_view,
        texture=picture() if name == "textured" else None,
        shadows=name.endswith("shadows"),
        color=name != "depth-only",
    )


def make_scene(row: Row) -> Scene:
    """The Scene of a row: an endless shared floor, the bodies and one camera per environment, one distant light."""
    envs, count = row.positions.shape[:2]
    scene = Scene(1.0, "Z", [f"/World/envs/env_{i}" for i in range(envs)])
    scene.geometries.append(Geometry(GeometryKind.PLANE, (np.inf, np.inf)))
    scene.materials.append(Material("floor", FLOOR_COLOR, roughness=1.0, specular_workflow=True))
    skin = None
    if row.texture is not None:
        opaque = np.full((*row.texture.shape[:2], 1), 255, np.uint8)
        scene.textures.append(Texture(np.concatenate([row.texture, opaque], -1), True, "checkerboard"))
        skin = TextureRef(0)
    for i, body in enumerate(row.bodies):
        if body.kind == "mesh":
            t = body.triangles
            scene.meshes.append(Mesh(body.points, t, body.normals[t], body.uvs[t]))
            scene.geometries.append(Geometry(GeometryKind.MESH, (), len(scene.meshes) - 1))
        elif body.kind == "box":
            scene.geometries.append(Geometry(GeometryKind.CUBE, (body.size,) * 3))
        else:
            scene.geometries.append(Geometry(GeometryKind.SPHERE, (body.size,)))
        scene.materials.append(
            Material(f"body_{i}", body.color, roughness=0.6, specular_workflow=True, base_color_texture=skin)
        )
    each = np.tile(np.arange(1, count + 1, dtype=np.int32), envs)
    kind = np.concatenate([np.zeros(1, np.int32), each])
    transform = np.tile(np.eye(4), (1 + envs * count, 1, 1))
    transform[1:, 3, :3] = row.positions.reshape(-1, 3)
    env = np.concatenate([[SHARED], np.repeat(np.arange(envs), count)]).astype(np.int32)
    path = np.arange(1 + envs * count, dtype=np.int32)
    scene.paths = ["/World/floor", *(body_path(e, b) for e in range(envs) for b in range(count))]
    label, sided = np.zeros_like(path), np.zeros(len(path), bool)
    scene.instances = Instances(kind, kind.copy(), env, transform, sided, path, label, path.copy())

    away = np.eye(4)  # a light shines along its local -Z
    away[2, :3] = -LIGHT_DIRECTION
    away[0, :3] = np.cross((0, 0, 1), away[2, :3])
    away[0, :3] /= np.linalg.norm(away[0, :3])
    away[1, :3] = np.cross(away[2, :3], away[0, :3])
    scene.lights.append(Light(LightKind.DISTANT, (np.pi,) * 3, away, angle=0.0, path="/World/sun"))
    # The peers add a constant to what the light does not reach; a faint sky is the same thing here.
    scene.lights.append(Light(LightKind.DOME, (AMBIENT,) * 3, np.eye(4), path="/World/sky"))
    aperture = 20.955
    focal = aperture / 2 / np.tan(np.radians(FOV_DEGREES) / 2)
    scene.cameras = [
        Camera(f"{p}/Camera", i, row.camera, False, focal, aperture, aperture, clipping_range=(0.01, FAR))
        for i, p in enumerate(scene.env_paths)
    ]
    return scene
