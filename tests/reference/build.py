"""Scenes built by hand, without USD, so that a test of the renderer tests nothing else."""

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
)

__all__ = [
    "SceneBuilder",
    "bumpy_sphere",
    "look_at",
    "matte",
    "quad",
    "random_rotation",
    "rotate",
    "scale",
    "translate",
]


def translate(*offset: float) -> np.ndarray:
    """A (4, 4) row-vector translation."""
    m = np.eye(4)
    m[3, :3] = offset
    return m


def scale(*factors: float) -> np.ndarray:
    """A (4, 4) scale, one factor for all axes or one each."""
    return np.diag([*np.broadcast_to(factors, 3), 1.0])


def rotate(axis: str, degrees: float) -> np.ndarray:
    """A (4, 4) row-vector rotation about a coordinate axis, counter-clockwise seen from its tip."""
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    m = np.eye(4)
    m[j, j], m[j, k], m[k, j], m[k, k] = c, s, -s, c
    return m


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """A (4, 4) rotation, uniform over all of them."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    m = np.eye(4)
    m[:3, :3] = q * np.sign(np.linalg.det(q))
    return m


def look_at(eye: np.ndarray, target: np.ndarray, up: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> np.ndarray:
    """The (4, 4) camera-to-world matrix of a camera (-Z forward, +Y up) at ``eye`` that looks at ``target``."""
    eye, target = np.asarray(eye, np.float64), np.asarray(target, np.float64)
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross(up, back)
    if np.linalg.norm(right) < 1e-6:  # looking along up: any right will do
        right = np.cross((0.0, 1.0, 0.0), back)
    right /= np.linalg.norm(right)
    m = np.eye(4)
    m[0, :3], m[1, :3], m[2, :3], m[3, :3] = right, np.cross(back, right), back, eye
    return m


def matte(colour: tuple[float, float, float] | float = 0.5, name: str = "matte", **fields: object) -> Material:
    """A perfectly diffuse material: no specular part at all."""
    rgb = tuple(float(c) for c in np.broadcast_to(colour, 3))
    return Material(name=name, base_color=rgb, roughness=1.0, specular_workflow=True, **fields)


def quad(half: float = 1.0, uv_min: float = 0.0, uv_max: float = 1.0) -> Mesh:
    """A square in z = 0 facing +Z; u grows along +X, v along +Y."""
    points = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uv = np.array([[uv_min, uv_min], [uv_max, uv_min], [uv_max, uv_max], [uv_min, uv_max]], np.float32)
    return Mesh(points, triangles, uvs=uv[triangles])


def bumpy_sphere(rng: np.random.Generator, columns: int = 12, rows: int = 8, *, smooth: bool = True) -> Mesh:
    """A closed star-shaped mesh of radius about 1, with normals (if smooth), texture coordinates and colours."""
    theta, phi = np.meshgrid(np.linspace(0, 2 * np.pi, columns + 1), np.linspace(0, np.pi, rows + 1))
    radius = rng.uniform(0.7, 1.1, theta.shape)
    radius[:, -1], radius[0], radius[-1] = radius[:, 0], 1.0, 1.0
    p = radius[..., None] * np.stack([np.cos(theta) * np.sin(phi), np.sin(theta) * np.sin(phi), np.cos(phi)], -1)
    a = np.arange(theta.size).reshape(theta.shape)
    q00, q01, q10, q11 = a[:-1, :-1].ravel(), a[:-1, 1:].ravel(), a[1:, :-1].ravel(), a[1:, 1:].ravel()
    triangles = np.concatenate([np.stack([q00, q10, q11], 1), np.stack([q00, q11, q01], 1)]).astype(np.int32)
    points = p.reshape(-1, 3).astype(np.float32)
    corners = points[triangles]
    keep = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) > 1e-6
    triangles = triangles[keep]
    normals = (points / np.linalg.norm(points, axis=1, keepdims=True))[triangles] if smooth else None
    uvs = np.stack([theta / (2 * np.pi), 1 - phi / np.pi], -1).reshape(-1, 2).astype(np.float32)[triangles]
    colours = rng.uniform(0.05, 0.95, (len(points), 3)).astype(np.float32)[triangles]
    return Mesh(points, triangles, normals, uvs, colours)


@dataclass
class SceneBuilder:
    """Collects instances, materials, lights and cameras, then makes a Scene of them.

    Attributes:
        num_envs: Number of environments, ``/World/envs/env_0`` and so on.
        meters_per_unit: Metres in a stage unit.
        up_axis: ``"Y"`` or ``"Z"``.
    """

    num_envs: int = 1
    meters_per_unit: float = 1.0
    up_axis: str = "Z"
    scene: Scene = field(init=False)
    _rows: list[tuple] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        envs = [f"/World/envs/env_{i}" for i in range(self.num_envs)]
        self.scene = Scene(self.meters_per_unit, self.up_axis, envs)

    def _prim(self, name: str, env: int) -> str:
        return f"{'/World' if env == SHARED else self.scene.env_paths[env]}/{name}"

    def _index(self, table: list, item: object) -> int:
        for i, known in enumerate(table):
            if known is item or (isinstance(item, (Geometry, Material)) and known == item):
                return i
        table.append(item)
        return len(table) - 1

    def texture(self, data: np.ndarray, *, srgb: bool = False) -> int:
        """Add an image ((H, W, 4) uint8 or (H, W, 3) float32, row 0 on top) and return its index."""
        self.scene.textures.append(Texture(data, srgb, f"texture_{len(self.scene.textures)}"))
        return len(self.scene.textures) - 1

    def add(
        self,
        shape: Mesh | GeometryKind,
        params: tuple[float, ...] = (),
        *,
        transform: np.ndarray | None = None,
        material: Material | None = None,
        env: int = SHARED,
        double_sided: bool = False,
        name: str | None = None,
        label: dict[str, str] | None = None,
    ) -> str:
        """Add an instance and return its prim path."""
        scene = self.scene
        if isinstance(shape, Mesh):
            shape_record = Geometry(GeometryKind.MESH, (), self._index(scene.meshes, shape))
        else:
            shape_record = Geometry(shape, tuple(map(float, params)))
        path = self._prim(name or f"thing_{len(self._rows)}", env)
        label = label or {}
        if label not in scene.labels:
            scene.labels.append(label)
        scene.paths.append(path)
        self._rows.append(
            (
                self._index(scene.geometries, shape_record),
                self._index(scene.materials, material or matte()),
                env,
                np.eye(4) if transform is None else transform,
                double_sided,
                len(scene.paths) - 1,
                scene.labels.index(label),
            )
        )
        return path

    def light(self, kind: LightKind, radiance: float | tuple[float, float, float], **fields: object) -> Light:
        """Add a light; ``radiance`` is one value or RGB, ``transform`` defaults to the identity."""
        rgb = tuple(float(c) for c in np.broadcast_to(radiance, 3))
        fields.setdefault("transform", np.eye(4))
        path = f"/World/light_{len(self.scene.lights)}"
        self.scene.lights.append(Light(kind, rgb, path=path, **fields))
        return self.scene.lights[-1]

    def camera(self, transform: np.ndarray, *, env: int = 0, **fields: object) -> Camera:
        """Add a camera named ``Camera`` (``Camera_1`` and so on if taken) to an environment."""
        fields.setdefault("clipping_range", (0.01, 1.0e6))
        taken = sum(c.env == env for c in self.scene.cameras)
        path = self._prim(f"Camera_{taken}" if taken else "Camera", env)
        self.scene.cameras.append(Camera(path, env, transform, **fields))
        return self.scene.cameras[-1]

    def build(self) -> Scene:
        """The Scene with everything added so far."""
        if self._rows:
            geometry, material, env, transform, sided, path, label = zip(*self._rows, strict=True)
            own = np.array(path, np.int32)
            self.scene.instances = Instances(
                np.array(geometry, np.int32),
                np.array(material, np.int32),
                np.array(env, np.int32),
                np.array(transform, np.float64),
                np.array(sided, bool),
                own,
                np.array(label, np.int32),
                own.copy(),
            )
        return self.scene
