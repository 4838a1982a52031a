"""Gprims to unique geometries: what one prim draws, as (geometry, material, offset) parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .curves import CurveError, Curves, tessellate_curves
from .data import Finding, Geometry, GeometryKind, Material, Mesh
from .meshes import MeshSource, Surface, mesh_key, read_mesh, tessellate
from .openusd import TIME, Usd, UsdGeom
from .prim_kinds import DRAWN
from .primvars import Primvar, as_array, read_primvar
from .surface import is_textured
from .tessellate import capsule_profile, cylinder_profile, lathe, merge_spheres
from .transforms import IDENTITY, axis_rotation

__all__ = ["GeometryReader", "GeometryStore", "MaterialSource", "Part"]


class MaterialSource(Protocol):
    """What the geometry reader needs of :class:`.materials.MaterialReader`."""

    materials: list[Material]

    def bind(self, prim: Usd.Prim) -> int:
        """Index of the material bound to a gprim or GeomSubset."""
        ...


@dataclass(frozen=True)
class Part:
    """One thing that a prim draws.

    Attributes:
        geometry: Index in ``Scene.geometries``.
        material: Index in ``Scene.materials``.
        double_sided: Draw faces seen from behind.
        offset: (4, 4) geometry frame to prim frame.
        look: Path of the prim or GeomSubset whose material it is.
    """

    geometry: int
    material: int
    double_sided: bool
    offset: np.ndarray
    look: str


class GeometryStore:
    """Unique meshes and geometries; equal contents get the same index."""

    def __init__(self) -> None:
        self.meshes: list[Mesh] = []
        self.geometries: list[Geometry] = []
        self._mesh_by_digest: dict[bytes, int] = {}
        self._index: dict[Geometry, int] = {}

    def add_mesh(self, mesh: Mesh) -> int:
        """Return the geometry index of a mesh, adding it if its contents are new."""
        digest = _digest(mesh.points, mesh.triangles, mesh.normals, mesh.uvs, mesh.colors, mesh.point_index)
        if mesh.sweep is not None:  # what is drawn alike may be swept from other control points
            sweep = mesh.sweep
            digest = _digest(np.frombuffer(digest, np.uint8), sweep.controls, sweep.weights)
        index = self._mesh_by_digest.get(digest)
        if index is None:
            index = self._mesh_by_digest[digest] = len(self.meshes)
            self.meshes.append(mesh)
        return self.add(Geometry(GeometryKind.MESH, mesh=index))

    def add(self, geometry: Geometry) -> int:
        """Return the index of a geometry, adding it if it is new."""
        index = self._index.get(geometry)
        if index is None:
            index = self._index[geometry] = len(self.geometries)
            self.geometries.append(geometry)
        return index


class GeometryReader:
    """Reads gprims. Contents that were seen before (instances, references, copies) are not processed again."""

    def __init__(
        self, store: GeometryStore, materials: MaterialSource, findings: list[Finding], subdivision_level: int = 0
    ) -> None:
        self._store = store
        self._subdivision_level = subdivision_level
        self._materials = materials
        self._findings = findings
        self._surfaces: dict[bytes, Surface] = {}
        self._meshes_by_key: dict[tuple[object, ...], list[tuple[int, int]]] = {}
        # Arrays that keys tell by their memory, so that no address is used twice.
        self._alive: list[object] = []
        self._merged_by_prototype: dict[tuple[str, str | None], int] = {}
        self._analytic: dict[str, Callable[[Usd.Prim], Geometry | Mesh | None]] = {
            "Cube": _cube,
            "Sphere": _sphere,
            "Cylinder": _cylinder,
            "Cylinder_1": _cylinder,
            "Cone": _cone,
            "Capsule": _capsule,
            "Capsule_1": _capsule,
            "Plane": _plane,
        }

    def read(self, prim: Usd.Prim) -> list[Part]:
        """Return what a prim draws: nothing if it is no gprim, or if its finding says why."""
        kind = prim.GetTypeName()
        if kind in self._analytic:
            return self._read_analytic(prim, self._analytic[kind])
        if not kind or not prim.IsA(UsdGeom.Gprim):
            return []
        if prim.IsA(UsdGeom.Mesh) or kind == "TetMesh":
            return self._read_mesh(prim)
        if prim.IsA(UsdGeom.BasisCurves):
            return self._read_merged(prim, self._curves)
        if prim.IsA(UsdGeom.Points):
            return self._read_merged(prim, self._points)
        self._find(
            "geometry-unsupported",
            prim,
            f"{kind} is not drawn: this type is not supported. Convert it to a Mesh or BasisCurves.",
        )
        return []

    def _read_analytic(self, prim: Usd.Prim, shape_of: Callable[[Usd.Prim], Geometry | Mesh | None]) -> list[Part]:
        shape = shape_of(prim)
        if shape is None:
            self._find(
                "geometry-invalid",
                prim,
                f"{prim.GetTypeName()} has a size that is negative or not a number: not drawn.",
            )
            return []
        geometry = self._store.add_mesh(shape) if isinstance(shape, Mesh) else self._store.add(shape)
        axis = prim.GetAttribute("axis")
        offset = axis_rotation(axis.Get(TIME)) if axis else IDENTITY
        material = self._materials.bind(prim)
        self._tell_texture(prim, material)
        return [self._part(prim, geometry, material, offset)]

    def _read_mesh(self, prim: Usd.Prim) -> list[Part]:
        subsets = _material_subsets(prim)
        bound = [self._materials.bind(prim), *(self._materials.bind(subset) for subset, _ in subsets)]
        names = [self.primvar_names(index) for index in bound]
        arrays: list[object] = []
        key: tuple[object, ...] | None
        if prim.IsInstanceProxy():
            # Prims of one prototype are read once; only their materials may differ between instances.
            key = (str(prim.GetPrimInPrototype().GetPath()), *names)
        else:
            key = mesh_key(prim, [name for pair in names for name in pair if name], arrays)
            key = key and (*key, *names, _digest(*(faces for _, faces in subsets)))
        cached = self._meshes_by_key.get(key) if key else None
        if cached is None:
            told = len(self._findings)
            cached = self._mesh_geometries(prim, [faces for _, faces in subsets], names)
            if key and (prim.IsInstanceProxy() or len(self._findings) == told):
                self._meshes_by_key[key] = cached
                self._alive += arrays
        looks = [prim, *(subset for subset, _ in subsets)]
        return [self._part(prim, geometry, bound[which], look=looks[which]) for which, geometry in cached]

    def _mesh_geometries(
        self, prim: Usd.Prim, subset_faces: list[np.ndarray], names: list[tuple[str, str | None]]
    ) -> list[tuple[int, int]]:
        """Geometries of a mesh: pairs of (0 for the remainder, else 1 + subset number; geometry index)."""
        uvs = {uv for uv, _ in names}
        colors = {color for _, color in names if color is not None}
        source = read_mesh(prim, uvs, colors)
        self._report(prim, source.problems)
        if not len(source.counts):
            if not source.problems:
                self._find("mesh-empty", prim, "The mesh has no faces; nothing is drawn.", "info")
            return []
        surface = self._surface(source)
        if not subset_faces:
            return [(0, self._store.add_mesh(surface.part(None, *names[0])))]
        out = []
        claimed = np.zeros(source.num_faces, bool)
        for which, faces in enumerate(subset_faces, start=1):
            inside = faces[(faces >= 0) & (faces < source.num_faces)]
            if len(inside) < len(faces):
                self._find("mesh-invalid", prim, "A GeomSubset names faces that the mesh does not have; ignored.")
            inside = np.unique(inside[~claimed[inside]])
            claimed[inside] = True
            if np.isin(source.face_source, inside).any():
                out.append((which, self._store.add_mesh(surface.part(inside, *names[which]))))
        rest = np.flatnonzero(~claimed)
        if np.isin(source.face_source, rest).any():
            out.insert(0, (0, self._store.add_mesh(surface.part(rest, *names[0]))))
        return out

    def _surface(self, source: MeshSource) -> Surface:
        """Tessellate, unless equal contents were tessellated before."""
        switches = f"{source.scheme} {source.left_handed} {source.keep_boundary_corners} {sorted(source.corner_data)}"
        digest = _digest(
            source.points,
            source.counts,
            source.indices,
            source.face_source,
            *(source.corner_data[name] for name in sorted(source.corner_data)),
            *(source.creases or ()),
            np.frombuffer(switches.encode(), np.uint8),
        )
        surface = self._surfaces.get(digest)
        if surface is None:
            surface = self._surfaces[digest] = tessellate(source, self._subdivision_level)
        return surface

    def _read_merged(self, prim: Usd.Prim, build: Callable[[Usd.Prim, Primvar | None], Mesh | None]) -> list[Part]:
        """Points and curves: one tessellated mesh per prim."""
        material = self._materials.bind(prim)
        self._tell_texture(prim, material)
        _, color_name = self.primvar_names(material)
        color = read_primvar(prim, color_name, 3) if color_name else None
        if isinstance(color, str):
            self._report(prim, [f"{color}; it is ignored"])
            color = None
        key = (str(prim.GetPrimInPrototype().GetPath()), color_name) if prim.IsInstanceProxy() else None
        geometry = self._merged_by_prototype.get(key) if key else None
        if geometry is None:
            mesh = build(prim, color)
            if mesh is None or not len(mesh.triangles):
                return []
            geometry = self._store.add_mesh(mesh)
            if key:
                self._merged_by_prototype[key] = geometry
        ribbons = prim.IsA(UsdGeom.Curves) and bool(prim.GetAttribute("normals").HasAuthoredValue())
        return [self._part(prim, geometry, material, double_sided=True if ribbons else None)]

    def _points(self, prim: Usd.Prim, color: Primvar | None) -> Mesh | None:
        schema = UsdGeom.Points(prim)
        centers = as_array(schema.GetPointsAttr().Get(TIME), 3)
        widths, _ = _widths(prim, schema.GetWidthsAttr(), schema.GetWidthsInterpolation())
        if len(widths) not in (1, len(centers)):
            self._report(prim, [f"{len(centers)} points have {len(widths)} widths; 1 is used for all"])
            widths = np.ones((1, 1), np.float32)
        widths = np.broadcast_to(widths[:, 0], len(centers))
        colors = None
        if color is not None:
            if len(color.values) in (1, len(centers)):
                colors = np.broadcast_to(color.values, (len(centers), 3))
            else:
                self._report(prim, [f"{color.name} has {len(color.values)} values for {len(centers)} points: ignored"])
        good = np.isfinite(centers).all(axis=1) & np.isfinite(widths)
        if not good.all():
            self._report(prim, [f"{int((~good).sum())} points are not finite and are not drawn"])
        if not good.any():
            return None
        return merge_spheres(centers[good], np.abs(widths[good]) / 2, None if colors is None else colors[good])

    def _curves(self, prim: Usd.Prim, color: Primvar | None) -> Mesh | None:
        schema = UsdGeom.BasisCurves(prim)
        points = as_array(schema.GetPointsAttr().Get(TIME), 3)
        counts = as_array(schema.GetCurveVertexCountsAttr().Get(TIME), 1, np.int64)[:, 0]
        if not len(points) or (counts < 0).any() or counts.sum() != len(points) or not np.isfinite(points).all():
            self._report(
                prim,
                [f"curveVertexCounts adds up to {counts.sum()} for {len(points)} points (all finite?): not drawn"],
            )
            return None
        attributes = {"width": _widths(prim, schema.GetWidthsAttr(), schema.GetWidthsInterpolation())}
        normals = as_array(schema.GetNormalsAttr().Get(TIME), 3)
        if len(normals):
            attributes["normal"] = (np.nan_to_num(normals), str(schema.GetNormalsInterpolation()))
        if color is not None:
            attributes["color"] = (color.values, color.interpolation)
        try:
            mesh, left_out = tessellate_curves(
                Curves(
                    points,
                    counts,
                    str(schema.GetTypeAttr().Get(TIME)),
                    str(schema.GetBasisAttr().Get(TIME)),
                    str(schema.GetWrapAttr().Get(TIME)),
                    attributes,
                )
            )
        except CurveError as error:
            self._report(prim, [f"{error}: not drawn"])
            return None
        if left_out:
            self._report(prim, [f"{left_out} curves have too few points for their type and are not drawn"])
        return mesh

    def primvar_names(self, material: int) -> tuple[str, str | None]:
        """Primvars that a material reads: (texture coordinates, colour or None). Its geometry has those alone."""
        block = self._materials.materials[material]
        return block.uv_primvar, block.color_primvar if block.use_vertex_color else None

    def _tell_texture(self, prim: Usd.Prim, material: int) -> None:
        """Say that the texture coordinates of a prim that is no mesh do not count."""
        block = self._materials.materials[material]
        if is_textured(block) and prim.HasAttribute(f"primvars:{block.uv_primvar}"):
            self._find(
                "shader-node-approximated",
                prim,
                f"textures are not drawn on a {prim.GetTypeName()}, whose primvars:{block.uv_primvar} does not count: "
                "their mean colour is. Convert it to a Mesh",
            )

    def _part(
        self,
        prim: Usd.Prim,
        geometry: int,
        material: int,
        offset: np.ndarray = IDENTITY,
        double_sided: bool | None = None,
        look: Usd.Prim | None = None,
    ) -> Part:
        if double_sided is None:
            double_sided = bool(prim.GetAttribute("doubleSided").Get(TIME))
        return Part(geometry, material, double_sided, offset, str((look or prim).GetPath()))

    def _report(self, prim: Usd.Prim, problems: list[str]) -> None:
        for problem in problems:
            self._find("mesh-invalid", prim, f"{problem}.")

    def _find(self, code: str, prim: Usd.Prim, message: str, severity: str = "warning") -> None:
        self._findings.append(Finding(code, severity, str(prim.GetPath()), message))


def _material_subsets(prim: Usd.Prim) -> list[tuple[Usd.Prim, np.ndarray]]:
    """GeomSubsets of the mesh that bind materials to faces, with their face indices."""
    out = []
    for child in prim.GetFilteredChildren(DRAWN):
        subset = UsdGeom.Subset(child)
        if not subset or subset.GetElementTypeAttr().Get(TIME) != UsdGeom.Tokens.face:
            continue
        if subset.GetFamilyNameAttr().Get(TIME) == "materialBind":
            out.append((child, as_array(subset.GetIndicesAttr().Get(TIME), 1, np.int64)[:, 0]))
    return out


def _widths(prim: Usd.Prim, attribute: Usd.Attribute, interpolation: str) -> tuple[np.ndarray, str]:
    """Widths (n, 1) and their interpolation; without any, everything is 1 wide, as in Storm."""
    primvar = read_primvar(prim, "widths", 1)
    if isinstance(primvar, Primvar):
        return primvar.values, primvar.interpolation
    values = as_array(attribute.Get(TIME), 1)
    if not len(values):
        return np.ones((1, 1), np.float32), "constant"
    return values, "constant" if len(values) == 1 else str(interpolation)


def _number(prim: Usd.Prim, name: str) -> float:
    value = prim.GetAttribute(name).Get(TIME)
    return float("nan") if value is None else float(value)


def _shape(kind: GeometryKind, *params: float) -> Geometry | None:
    return Geometry(kind, params) if all(np.isfinite(p) and p >= 0 for p in params) else None


def _cube(prim: Usd.Prim) -> Geometry | None:
    half = _number(prim, "size") / 2
    return _shape(GeometryKind.CUBE, half, half, half)


def _sphere(prim: Usd.Prim) -> Geometry | None:
    return _shape(GeometryKind.SPHERE, _number(prim, "radius"))


def _cone(prim: Usd.Prim) -> Geometry | None:
    return _shape(GeometryKind.CONE, _number(prim, "radius"), _number(prim, "height") / 2)


def _plane(prim: Usd.Prim) -> Geometry | None:
    return _shape(GeometryKind.PLANE, _number(prim, "width") / 2, _number(prim, "length") / 2)


def _cylinder(prim: Usd.Prim) -> Geometry | Mesh | None:
    return _round(prim, GeometryKind.CYLINDER, cylinder_profile)


def _capsule(prim: Usd.Prim) -> Geometry | Mesh | None:
    return _round(prim, GeometryKind.CAPSULE, capsule_profile)


def _round(
    prim: Usd.Prim, kind: GeometryKind, profile: Callable[[float, float, float], list[np.ndarray]]
) -> Geometry | Mesh | None:
    """A cylinder or capsule; with two different radii it is no analytic kind and becomes a mesh."""
    height = _number(prim, "height")
    if not prim.GetTypeName().endswith("_1"):
        return _shape(kind, _number(prim, "radius"), height / 2)
    bottom, top = _number(prim, "radiusBottom"), _number(prim, "radiusTop")
    shape = _shape(kind, bottom, height / 2)
    if bottom == top or shape is None:
        return shape
    if _shape(kind, top) is None:
        return None
    return lathe(profile(bottom, top, height))


def _digest(*arrays: np.ndarray | None) -> bytes:
    """Content hash of arrays, shapes included."""
    state = hashlib.blake2b(digest_size=20)
    for array in arrays:
        if array is None:
            state.update(b"-")
        else:
            state.update(f"{array.shape}{array.dtype}".encode())
            state.update(np.ascontiguousarray(array))
    return state.digest()
