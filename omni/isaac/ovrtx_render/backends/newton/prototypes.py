"""Shapes of a Scene as Newton has them: its own primitives where they fit, meshes for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import newton
import numpy as np

from ...bindings import rigid_part
from ...scene.color_spaces import linear_to_srgb
from ...scene.data import AlphaMode, GeometryKind, Material, Mesh, Scene, Texture, TextureRef
from ...scene.tessellate import capsule_profile, cylinder_profile, lathe
from ..warp.textures import decode_table

__all__ = ["Part", "Prototypes", "is_drawn", "split_transforms"]

SIDES = 96
"""Segments around round things that become meshes: 0.5 mm of sagitta at a radius of a metre."""

_UNIT = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Part:
    """A Newton shape that draws a geometry.

    Attributes:
        kind: Newton's type.
        size: Newton's scale where the frame's is one.
        axes: Axis of the frame whose scale multiplies each component of ``size``.
        mesh: Newton mesh, or None.
        flip: Turned by half a turn around X: the underside of a plane.
    """

    kind: int
    size: tuple[float, float, float]
    axes: tuple[int, int, int] = _UNIT
    mesh: Any = None
    flip: bool = False


class Prototypes:
    """Makes the parts of an instance; equal ones are made once, so that Newton shares the meshes.

    Args:
        scene: The scene.
        one_sided: False draws both sides of everything.
    """

    def __init__(self, scene: Scene, one_sided: bool) -> None:
        self._scene = scene
        self._one_sided = one_sided
        self._made: dict[Any, tuple[Part, ...]] = {}
        self._images: dict[TextureRef, np.ndarray] = {}

    def parts(self, instance: int, bake: np.ndarray | None) -> tuple[Part, ...]:
        """The shapes that draw an instance: the same objects for instances that can share them.

        Args:
            instance: Index in ``Scene.instances``.
            bake: (3, 3) linear map that the points take before the frame, or None.
        """
        scene, inst = self._scene, self._scene.instances
        material = scene.materials[inst.material[instance]]
        two_sided = not self._one_sided or bool(inst.double_sided[instance]) or material.double_sided
        baked = None if bake is None else tuple(float(f"{x:.6g}") for x in bake.ravel())
        key = (int(inst.geometry[instance]), baked, two_sided, material.base_color_texture)
        if key not in self._made:
            self._made[key] = self._make(key[0], bake, two_sided, material.base_color_texture)
        return self._made[key]

    def _make(
        self, index: int, bake: np.ndarray | None, two_sided: bool, texture: TextureRef | None
    ) -> tuple[Part, ...]:
        geometry = self._scene.geometries[index]
        p, types = geometry.params, newton.GeoType
        match geometry.kind:
            case GeometryKind.PLANE if bake is None or np.isinf(p[0]):
                # Newton takes 0 for endless. Its planes have one side only.
                size = (*(0.0 if np.isinf(half) else 2.0 * half for half in p[:2]), 0.0)
                top = Part(types.PLANE, size)
                return (top, Part(types.PLANE, size, flip=True)) if two_sided else (top,)
            case GeometryKind.CUBE if bake is None:
                return (Part(types.BOX, (p[0], p[1], p[2])),)
            case GeometryKind.SPHERE if bake is None:
                return (Part(types.ELLIPSOID, (p[0], p[0], p[0])),)
            case GeometryKind.CYLINDER if bake is None:
                return (Part(types.CYLINDER, (p[0], p[1], 0.0), (0, 2, 2)),)
            case GeometryKind.CONE if bake is None:
                return (Part(types.CONE, (p[0], p[1], 0.0), (0, 2, 2)),)
            case GeometryKind.CAPSULE if bake is None:
                return (Part(types.CAPSULE, (p[0], p[1], 0.0), (0, 2, 2)),)
        mesh = self._scene.meshes[geometry.mesh] if geometry.kind == GeometryKind.MESH else tessellate(geometry)
        # Newton takes the nearest triangle of a mesh and drops it if it is seen from behind: the back is its own shape.
        sides = (False, True) if two_sided else (False,)
        return tuple(Part(types.MESH, (1.0, 1.0, 1.0), mesh=self._mesh(mesh, bake, side, texture)) for side in sides)

    def _mesh(self, mesh: Mesh, bake: np.ndarray | None, back: bool, texture: TextureRef | None) -> Any:
        points, triangles, normals, uvs = _per_vertex(mesh)
        if bake is not None:
            points = points @ bake
            if normals is not None:
                # Not normalised, so that they are interpolated as they were before.
                normals = normals @ np.linalg.inv(bake).T * np.cbrt(abs(np.linalg.det(bake)))
            if np.linalg.det(bake) < 0:
                triangles = triangles[:, ::-1]
        if back:
            triangles = triangles[:, ::-1]
            normals = None if normals is None else -normals
        image = None
        if texture is not None and uvs is not None:
            m = np.asarray(texture.uv_matrix)
            uvs = uvs @ m[:2] + m[2]
            image = self._image(texture)
        return newton.Mesh(
            points.astype(np.float32),
            triangles.astype(np.int32).ravel(),
            normals=None if normals is None else normals.astype(np.float32),
            uvs=None if image is None else uvs.astype(np.float32),
            texture=image,
            compute_inertia=False,
            is_solid=False,
        )

    def _image(self, ref: TextureRef) -> np.ndarray:
        if ref not in self._images:
            self._images[ref] = _srgb_image(self._scene.textures[ref.texture], ref)
        return self._images[ref]

    def color(self, instance: int) -> np.ndarray:
        """(3,) linear colour of an instance; white where a texture gives it, the mean where vertices do."""
        scene, inst = self._scene, self._scene.instances
        material = scene.materials[inst.material[instance]]
        geometry = scene.geometries[inst.geometry[instance]]
        mesh = scene.meshes[geometry.mesh] if geometry.kind == GeometryKind.MESH else None
        if material.base_color_texture is not None and mesh is not None and mesh.uvs is not None:
            return np.ones(3)
        if material.use_vertex_color and mesh is not None and mesh.colors is not None:
            return mesh.colors.mean((0, 1))
        return np.asarray(material.base_color)


def is_drawn(material: Material) -> bool:
    """Whether anything is seen of it; what is partly transparent is drawn opaque."""
    if material.opacity_texture is not None:
        return True
    if material.alpha_mode == AlphaMode.MASK:
        return material.opacity >= material.opacity_threshold
    return material.alpha_mode == AlphaMode.OPAQUE or material.opacity > 0.0


def split_transforms(scene: Scene) -> tuple[list[np.ndarray | None], np.ndarray]:
    """Take out of the transforms what Newton's position, rotation and scale cannot express.

    Returns:
        A (3, 3) map to bake into the points of each instance, or None, and the (I, 4, 4) transforms that are left.
    """
    inst = scene.instances
    if not len(inst):
        return [], inst.transform
    linear = inst.transform[:, :3, :3]
    lengths = np.maximum(np.linalg.norm(linear, axis=2), 1e-30)
    unit = linear / lengths[:, :, None]
    square = np.abs(unit @ unit.transpose(0, 2, 1) - np.eye(3)).max((1, 2)) < 1e-4
    fits = square & (np.linalg.det(unit) > 0)
    kinds = np.array([g.kind for g in scene.geometries])[inst.geometry]
    around = np.abs(lengths[:, 0] / lengths[:, 1] - 1.0) < 1e-4
    along = np.abs(lengths[:, 0] / lengths[:, 2] - 1.0) < 1e-4
    fits &= ~np.isin(kinds, (GeometryKind.CYLINDER, GeometryKind.CONE)) | around
    fits &= (kinds != GeometryKind.CAPSULE) | (around & along)
    left = inst.transform.copy()
    bakes: list[np.ndarray | None] = [None] * len(inst)
    odd = np.flatnonzero(~fits & (np.abs(np.linalg.det(linear)) > 1e-30))
    if len(odd):
        left[odd] = rigid_part(inst.transform[odd])
        for i in odd:
            bakes[i] = linear[i] @ left[i, :3, :3].T
    return bakes, left


def tessellate(geometry: Any) -> Mesh:
    """A mesh of an analytic shape, for transforms that Newton's own cannot take."""
    p = geometry.params
    match geometry.kind:
        case GeometryKind.SPHERE:
            return lathe(capsule_profile(p[0], p[0], 0.0, rings=SIDES // 4), SIDES)
        case GeometryKind.CAPSULE:
            return lathe(capsule_profile(p[0], p[0], 2.0 * p[1], rings=SIDES // 4), SIDES)
        case GeometryKind.CYLINDER:
            return lathe(cylinder_profile(p[0], p[0], 2.0 * p[1]), SIDES)
        case GeometryKind.CONE:
            return lathe(cylinder_profile(p[0], 0.0, 2.0 * p[1])[:2], SIDES)
    signs = np.array([[x, y, z] for z in (-1.0, 1.0) for y in (-1.0, 1.0) for x in (-1.0, 1.0)])
    if geometry.kind == GeometryKind.PLANE:
        flat = signs[4:] * (p[0], p[1], 0.0)
        return Mesh(flat.astype(np.float32), np.array([[0, 1, 3], [0, 3, 2]], np.int32))
    quads = np.array([[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]])
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return Mesh((signs * p[:3]).astype(np.float32), faces.astype(np.int32))


def _per_vertex(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Attributes by corner -> by vertex, where corners that differ are vertices of their own."""
    if mesh.normals is None and mesh.uvs is None:
        return mesh.points.astype(np.float64), mesh.triangles, None, None
    columns = [mesh.triangles.reshape(-1, 1).astype(np.float64)]
    if mesh.normals is not None:
        columns.append(mesh.normals.reshape(-1, 3))
    if mesh.uvs is not None:
        columns.append(mesh.uvs.reshape(-1, 2))
    corners, index = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)
    normals = corners[:, 1:4] if mesh.normals is not None else None
    uvs = corners[:, -2:] if mesh.uvs is not None else None
    return mesh.points[corners[:, 0].astype(int)].astype(np.float64), index.reshape(-1, 3), normals, uvs


def _srgb_image(texture: Texture, ref: TextureRef) -> np.ndarray:
    """(H, W, 3) uint8 sRGB of what a colour input reads."""
    plain = ref.scale[:3] == (1.0, 1.0, 1.0) and ref.bias[:3] == (0.0, 0.0, 0.0)
    if plain and texture.srgb and texture.data.dtype == np.uint8:
        return np.ascontiguousarray(texture.data[..., :3])
    linear = texture.data[..., :3]
    if linear.dtype == np.uint8:
        linear = decode_table().reshape(2, 256)[int(texture.srgb)][linear]
    value = np.clip(linear * np.asarray(ref.scale[:3]) + np.asarray(ref.bias[:3]), 0.0, 1.0)
    return np.round(linear_to_srgb(value) * 255.0).astype(np.uint8)
