"""UsdGeomMesh to triangle meshes.

What is drawn: a mesh with authored normals is drawn as it is, whatever its subdivision scheme says (this is what
the exporters of robots and props mean). Without normals: ``none`` and ``bilinear`` are flat; ``loop`` is smooth-shaded
(angle-weighted vertex normals) but not refined; ``catmullClark`` is smooth-shaded, after as many real Catmull-Clark
steps as ``RendererCfg.subdivision_level`` says. That is none by default: RTX and Storm do not refine by default either,
and most meshes that carry the scheme only do so because it is USD's default.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .data import Mesh
from .normals import face_normals, smooth_corner_normals, unit_or
from .openusd import TIME, Usd, UsdGeom
from .primvars import Primvar, as_array, corner_faces, first_uv_name, read_primvar, to_corners
from .subdivision import PolygonMesh, refine
from .triangulate import face_starts, triangulate

__all__ = [
    "MOST_CORNERS",
    "MeshSource",
    "Surface",
    "mesh_key",
    "read_mesh",
    "tessellate",
]

MOST_CORNERS = 1_000_000
"""A cage is not refined beyond this many corners."""

_SHAPE = frozenset(
    "points faceVertexCounts faceVertexIndices holeIndices normals subdivisionScheme orientation interpolateBoundary "
    "creaseIndices creaseLengths creaseSharpnesses cornerIndices cornerSharpnesses tetVertexIndices "
    "surfaceFaceVertexIndices".split()
)


@dataclass
class MeshSource:
    """The checked contents of one mesh prim: what is broken is already left out and told in ``problems``.

    Attributes:
        points: (V, 3) float32, finite.
        counts: (F,) int64 vertices per face, all >= 3.
        indices: (C,) int64 vertex of each corner, all in range.
        face_source: (F,) int64 authored index of each face.
        num_faces: Authored number of faces.
        corner_data: ``normals`` (C, 3), ``uv:NAME`` (C, 2) and ``color:NAME`` (C, 3) float32, as far as they exist.
        scheme: Subdivision scheme.
        left_handed: Corners run clockwise seen from outside.
        keep_boundary_corners: ``interpolateBoundary == edgeAndCorner``.
        creases: (edges (S, 2), sharpness (S,), corners (K,), corner sharpness (K,)).
        problems: Sentences about what was wrong.
    """

    points: np.ndarray
    counts: np.ndarray
    indices: np.ndarray
    face_source: np.ndarray
    num_faces: int
    corner_data: dict[str, np.ndarray] = field(default_factory=dict)
    scheme: str = "none"
    left_handed: bool = False
    keep_boundary_corners: bool = True
    creases: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None
    problems: list[str] = field(default_factory=list)


@dataclass
class Surface:
    """Triangles of a mesh prim, before they are split by material.

    Attributes:
        points: (V, 3) float32.
        triangles: (T, 3) int32, counter-clockwise from outside.
        faces: (T,) int64 authored face of each triangle.
        normals: (T, 3, 3) float32 or None: flat.
        corner_data: name -> (T, 3, k) float32.
    """

    points: np.ndarray
    triangles: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None
    corner_data: dict[str, np.ndarray]

    def part(self, faces: np.ndarray | None, uv: str | None, color: str | None) -> Mesh:
        """Cut out the triangles of some authored faces (sorted array, or None for all) with the named primvars."""
        uvs = self.corner_data.get(f"uv:{uv}")
        colors = self.corner_data.get(f"color:{color}")
        if faces is None:
            return Mesh(self.points, self.triangles, self.normals, uvs, colors)
        keep = np.isin(self.faces, faces)
        used, triangles = np.unique(self.triangles[keep], return_inverse=True)
        return Mesh(
            np.ascontiguousarray(self.points[used]),
            triangles.reshape(-1, 3).astype(np.int32),
            *(None if values is None else values[keep] for values in (self.normals, uvs, colors)),
            used.astype(np.int32),
        )


def mesh_key(prim: Usd.Prim, primvars: Iterable[str], arrays: list[object]) -> tuple[object, ...] | None:
    """What the triangles of a mesh depend on, long arrays by their memory: equal keys give equal triangles.

    Prims that were copied, or that refer to the same asset, share the memory of their arrays.

    Args:
        primvars: Names of the primvars that its materials use.
        arrays: Long arrays are appended to it. The key is good for as long as they are kept.

    Returns:
        The key, or None if the mesh inherits one of the primvars.
    """
    needed = {"normals", *primvars}
    key: list[object] = []
    for attribute in prim.GetAuthoredAttributes():
        name = attribute.GetName()
        primvar = name.removeprefix("primvars:").removesuffix(":indices") if name.startswith("primvars:") else None
        # Any texture coordinates may stand in for those that are missing.
        if name in _SHAPE or primvar in needed or (primvar and "texCoord" in str(attribute.GetTypeName())):
            value = attribute.Get(TIME)
            key += [name, attribute.GetTypeName().cppTypeName, attribute.GetMetadata("interpolation")]
            key.append(_identity(value, arrays))
            needed.discard(primvar or "")
    api = UsdGeom.PrimvarsAPI(prim)
    return None if any(api.FindPrimvarWithInheritance(name) for name in needed) else tuple(key)


def _identity(value: object, arrays: list[object]) -> object:
    """A value to compare: the memory of a long array, the contents of a short one."""
    array = np.asarray(value)
    if array.dtype == object or not array.ndim:
        return str(value)
    if array.nbytes <= 64:
        return array.tobytes()
    arrays.append(value)
    return array.__array_interface__["data"][0], array.shape


def read_mesh(prim: Usd.Prim, uv_names: set[str], color_names: set[str]) -> MeshSource:
    """Read a UsdGeomMesh, or the surface of a UsdGeomTetMesh, and leave out what is broken.

    Args:
        uv_names: Texture coordinate primvars to fetch. ``st`` falls back to the first primvar that is typed as
            texture coordinates, since exporters name it as they like.
        color_names: Colour primvars to fetch.
    """
    mesh, base = UsdGeom.Mesh(prim), UsdGeom.PointBased(prim)
    points = as_array(base.GetPointsAttr().Get(TIME), 3)
    if mesh:
        counts = as_array(mesh.GetFaceVertexCountsAttr().Get(TIME), 1, np.int64)[:, 0]
        indices = as_array(mesh.GetFaceVertexIndicesAttr().Get(TIME), 1, np.int64)[:, 0]
        holes = as_array(mesh.GetHoleIndicesAttr().Get(TIME), 1, np.int64)[:, 0]
    else:
        triangles = _tet_surface(prim)
        counts, indices, holes = np.full(len(triangles), 3, np.int64), triangles.reshape(-1), np.zeros(0, np.int64)
    problems: list[str] = []

    wanted: list[tuple[str, Primvar]] = []
    for key, name, width in [
        *((f"uv:{name}", name, 2) for name in sorted(uv_names)),
        *((f"color:{name}", name, 3) for name in sorted(color_names)),
        ("normals", "normals", 3),
    ]:
        primvar = read_primvar(prim, name, width)
        if primvar is None and key == "uv:st":
            other = first_uv_name(prim)
            primvar = read_primvar(prim, other, width) if other else None
        if primvar is None and key == "normals":
            values = as_array(base.GetNormalsAttr().Get(TIME), 3)
            if len(values):
                primvar = Primvar("normals", np.nan_to_num(values), str(base.GetNormalsInterpolation()))
        if isinstance(primvar, str):
            problems.append(f"{primvar}; it is ignored")
        elif primvar is not None:
            wanted.append((key, primvar))

    source = _checked(points, counts, indices, holes, wanted, problems)
    source.left_handed = base.GetOrientationAttr().Get(TIME) == UsdGeom.Tokens.leftHanded
    if mesh:
        source.scheme = str(mesh.GetSubdivisionSchemeAttr().Get(TIME) or "catmullClark")
    if source.scheme == "catmullClark":
        boundary = mesh.GetInterpolateBoundaryAttr().Get(TIME)
        source.keep_boundary_corners = boundary != UsdGeom.Tokens.edgeOnly
        source.creases = _creases(mesh, len(source.points))
    return source


def tessellate(source: MeshSource, level: int = 0) -> Surface:
    """Refine ``level`` times (Catmull-Clark without authored normals), triangulate and shade a checked mesh."""
    polygons = PolygonMesh(source.points, source.counts, source.indices, source.corner_data, source.face_source)
    if source.scheme == "catmullClark" and "normals" not in source.corner_data:
        if source.creases is not None:
            polygons.sharp_edges, polygons.sharpness, polygons.sharp_corners, polygons.corner_sharpness = source.creases
        for _ in range(level):
            if 4 * len(polygons.indices) <= MOST_CORNERS:
                polygons = refine(polygons, source.keep_boundary_corners)
    corners, faces = triangulate(polygons.points, polygons.counts, polygons.indices)
    if source.left_handed:
        corners = np.ascontiguousarray(corners[:, [0, 2, 1]])
    triangles = polygons.indices[corners].astype(np.int32).reshape(-1, 3)
    data = {name: values[corners].astype(np.float32, copy=False) for name, values in polygons.corner_data.items()}
    normals = data.pop("normals", None)
    if normals is not None:
        normals = unit_or(normals, face_normals(polygons.points, triangles)[:, None])
    elif source.scheme in ("catmullClark", "loop"):
        sharp = None
        if len(polygons.sharp_edges):
            sharp = np.zeros(len(polygons.points), bool)
            sharp[polygons.sharp_edges[polygons.sharpness > 0]] = True
        normals = smooth_corner_normals(polygons.points, triangles, sharp)
    return Surface(polygons.points, triangles, polygons.face_source[faces], normals, data)


def _checked(
    points: np.ndarray,
    counts: np.ndarray,
    indices: np.ndarray,
    holes: np.ndarray,
    primvars: list[tuple[str, Primvar]],
    problems: list[str],
) -> MeshSource:
    """Drop faces that cannot be drawn and primvars that do not fit; say so in ``problems``."""
    num_faces = len(counts)
    valid = counts >= 3
    if (counts < 0).any():
        problems.append("faceVertexCounts has negative numbers; the faces from the first of them on are not drawn")
        first = int(np.argmax(counts < 0))
        counts = counts.copy()
        counts[first:] = 0
        valid[first:] = False
    elif not valid.all():
        problems.append(f"{int((~valid).sum())} faces have fewer than 3 vertices and are not drawn")
    # Primvars are spread while the numbering is still the authored one.
    total = int(counts.sum())
    if total != len(indices):
        problems.append(
            f"faceVertexCounts adds up to {total} but there are {len(indices)} faceVertexIndices; "
            "faces without all of their indices are not drawn"
        )
        fits = face_starts(counts) + counts <= len(indices)
        valid &= fits
        keep_counts = np.where(fits, counts, 0)
        indices = indices[: int(keep_counts.sum())]
        counts = keep_counts
    in_range = (indices >= 0) & (indices < len(points))
    finite = np.isfinite(points).all(axis=1) if len(points) else np.zeros(0, bool)
    usable = in_range.copy()
    usable[in_range] = finite[indices[in_range]]
    if not usable.all():
        bad = np.zeros(len(counts), bool)
        bad[corner_faces(counts)[~usable]] = True
        valid &= ~bad
        what = "point outside of the points array" if not in_range.all() else "use points that are not finite"
        problems.append(f"{int(bad.sum())} faces {what} and are not drawn")
    safe = np.where(in_range, indices, 0)
    data: dict[str, np.ndarray] = {}
    for key, primvar in primvars if len(points) else []:
        spread = to_corners(primvar, counts, safe, len(points))
        if isinstance(spread, str):
            problems.append(f"{spread}; it is ignored")
        else:
            data[key] = spread
    valid[holes[(holes >= 0) & (holes < num_faces)]] = False
    if not valid.all():
        keep = valid[corner_faces(counts)]
        indices = indices[keep]
        data = {key: values[keep] for key, values in data.items()}
    if len(finite) and not finite.all():
        points = np.where(finite[:, None], points, np.float32(0))
    return MeshSource(
        points, counts[valid], indices, np.flatnonzero(valid).astype(np.int64), num_faces, data, problems=problems
    )


def _tet_surface(prim: Usd.Prim) -> np.ndarray:
    """(T, 3) int64 surface triangles of a UsdGeomTetMesh: those that it authors, else the faces of one tetrahedron."""
    authored = as_array(prim.GetAttribute("surfaceFaceVertexIndices").Get(TIME), 3, np.int64)
    if len(authored) or not prim.GetAttribute("tetVertexIndices").HasValue():
        return authored
    return as_array(UsdGeom.TetMesh.ComputeSurfaceFaces(UsdGeom.TetMesh(prim), TIME), 3, np.int64)


def _creases(mesh: UsdGeom.Mesh, num_points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Read creases and sharp corners; what does not fit is left out."""
    lengths = as_array(mesh.GetCreaseLengthsAttr().Get(TIME), 1, np.int64)[:, 0]
    run = as_array(mesh.GetCreaseIndicesAttr().Get(TIME), 1, np.int64)[:, 0]
    sharpness = as_array(mesh.GetCreaseSharpnessesAttr().Get(TIME), 1, np.float64)[:, 0]
    corners = as_array(mesh.GetCornerIndicesAttr().Get(TIME), 1, np.int64)[:, 0]
    corner_sharpness = as_array(mesh.GetCornerSharpnessesAttr().Get(TIME), 1, np.float64)[:, 0]
    edges, values = np.zeros((0, 2), np.int64), np.zeros(0)
    if len(lengths) and (lengths >= 2).all() and lengths.sum() == len(run):
        inner = np.ones(len(run), bool)
        inner[np.cumsum(lengths) - 1] = False
        at = np.flatnonzero(inner)
        candidates = np.stack([run[at], run[at + 1]], axis=1)
        if len(sharpness) == len(lengths):
            sharpness = np.repeat(sharpness, lengths - 1)
        if len(sharpness) == len(candidates):
            ok = ((candidates >= 0) & (candidates < num_points)).all(axis=1) & (sharpness > 0)
            edges, values = candidates[ok], sharpness[ok]
    if len(corners) != len(corner_sharpness):
        corners, corner_sharpness = np.zeros(0, np.int64), np.zeros(0)
    ok = (corners >= 0) & (corners < num_points) & (corner_sharpness > 0)
    if not len(edges) and not ok.any():
        return None
    return edges, values, corners[ok], corner_sharpness[ok]
