"""Meshes: triangulation, primvars, normals, subsets, subdivision, broken input."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pxr")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pxr import Sdf, Usd, UsdGeom, UsdShade, Vt

from omni.isaac.ovrtx_render.config import RendererCfg
from omni.isaac.ovrtx_render.scene.data import GeometryKind, Scene
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene
from omni.isaac.ovrtx_render.scene.triangulate import triangulate

SQUARE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
CUBE_POINTS = [(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]
CUBE_FACES = [0, 2, 3, 1, 4, 5, 7, 6, 0, 1, 5, 4, 2, 6, 7, 3, 0, 4, 6, 2, 1, 3, 7, 5]


def make_mesh(stage, path, points, counts, indices, scheme="none"):
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(points)
    mesh.CreateFaceVertexCountsAttr(counts)
    mesh.CreateFaceVertexIndicesAttr(indices)
    if scheme:
        mesh.CreateSubdivisionSchemeAttr(scheme)
    return mesh


def read(stage, **fields) -> Scene:
    return read_scene(stage, RendererCfg().replace(**fields))


def codes(scene) -> list[tuple[str, str]]:
    return [(finding.code, finding.path) for finding in scene.findings]


def area_and_normal(points, triangles):
    a, b, c = (np.asarray(points, float)[triangles[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a) / 2
    return np.linalg.norm(cross, axis=1).sum(), cross


@pytest.fixture
def stage():
    return Usd.Stage.CreateInMemory()


@pytest.mark.parametrize(
    ("polygon", "area"),
    [
        (SQUARE, 1.0),
        ([(0, 0, 0), (2, 0, 0), (0.4, 0.4, 0), (0, 2, 0)], 0.8),
        ([(0.4, 0.4, 0), (0, 2, 0), (0, 0, 0), (2, 0, 0)], 0.8),
        ([(0, 0, 0), (3, 0, 0), (3, 3, 0), (2, 3, 0), (2, 1, 0), (1, 1, 0), (1, 3, 0), (0, 3, 0)], 7.0),
        ([(np.cos(a), np.sin(a), 0) for a in np.arange(6) * np.pi / 3], 1.5 * 3**0.5),
    ],
    ids=["square", "dart", "dart from its notch", "U", "hexagon"],
)
@pytest.mark.parametrize("turn", [np.eye(3), np.eye(3)[[1, 2, 0]], np.eye(3)[[1, 0, 2]]], ids=["xy", "turned", "back"])
def test_polygons_keep_their_area_and_facing(polygon, area, turn):
    points = np.array(polygon, float) @ turn
    count = len(points)
    corners, faces = triangulate(points, np.array([count]), np.arange(count))
    assert len(corners) == count - 2 and (faces == 0).all()
    total, crosses = area_and_normal(points, corners)
    assert total == pytest.approx(area)
    normal = np.array([0, 0, np.linalg.det(turn)]) @ (turn if np.linalg.det(turn) > 0 else np.eye(3))
    assert (crosses @ normal > 0).all()


@given(st.lists(st.floats(0.3, 3.0), min_size=5, max_size=12))
@settings(max_examples=40, deadline=None)
def test_star_shaped_polygons_keep_their_area(radii):
    angles = np.arange(len(radii)) * 2 * np.pi / len(radii)
    points = np.stack([radii * np.cos(angles), radii * np.sin(angles), np.zeros(len(radii))], axis=1)
    corners, _ = triangulate(points, np.array([len(radii)]), np.arange(len(radii)))
    following = np.roll(points, -1, axis=0)
    area = (points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]).sum() / 2
    total, crosses = area_and_normal(points, corners)
    assert total == pytest.approx(area) and (crosses[:, 2] >= -1e-9).all()


def test_mixed_faces_and_holes(stage):
    points = [*SQUARE, (2, 0, 0), (2, 1, 0), (3, 0.5, 0)]
    mesh = make_mesh(stage, "/m", points, [4, 4, 3], [0, 1, 2, 3, 1, 4, 5, 2, 4, 6, 5])
    assert len(read(stage).meshes[0].triangles) == 5
    mesh.CreateHoleIndicesAttr([1])
    scene = read(stage)
    assert area_and_normal(scene.meshes[0].points, scene.meshes[0].triangles)[0] == pytest.approx(1.5)
    assert scene.findings == []


def test_left_handed_mesh_comes_out_counter_clockwise(stage):
    mesh = make_mesh(stage, "/m", CUBE_POINTS, [4] * 6, CUBE_FACES)
    outward = read(stage).meshes[0]
    mesh.CreateOrientationAttr(UsdGeom.Tokens.leftHanded)
    flipped = read(stage).meshes[0]
    for sign, result in ((1, outward), (-1, flipped)):
        _, crosses = area_and_normal(result.points, result.triangles)
        centers = result.points[result.triangles].mean(axis=1)
        assert (sign * (crosses * centers).sum(axis=1) > 0).all()


@pytest.mark.parametrize(
    ("interpolation", "values", "expected"),
    [
        ("constant", [7], [[7] * 3] * 4),
        ("uniform", [1, 2], [[1] * 3, [1] * 3, [2] * 3, [2] * 3]),
        ("vertex", [0, 1, 2, 3, 4, 5], [[0, 1, 2], [0, 2, 3], [1, 4, 5], [1, 5, 2]]),
        ("varying", [0, 1, 2, 3, 4, 5], [[0, 1, 2], [0, 2, 3], [1, 4, 5], [1, 5, 2]]),
        ("faceVarying", range(8), [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]),
    ],
)
@pytest.mark.parametrize("indexed", [False, True])
def test_uv_interpolations(stage, interpolation, values, expected, indexed):
    points = [*SQUARE, (2, 0, 0), (2, 1, 0)]
    mesh = make_mesh(stage, "/m", points, [4, 4], [0, 1, 2, 3, 1, 4, 5, 2])
    primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, interpolation)
    values = list(values)
    if indexed:
        primvar.Set([(v, -v) for v in reversed(values)])
        primvar.SetIndices(Vt.IntArray([len(values) - 1 - i for i in range(len(values))]))
    else:
        primvar.Set([(v, -v) for v in values])
    uvs = read(stage).meshes[0].uvs
    np.testing.assert_array_equal(uvs[..., 0], expected)
    np.testing.assert_array_equal(uvs[..., 1], -np.array(expected, float))


def test_uv_of_another_name_is_found_and_constant_primvars_are_inherited(stage):
    parent = UsdGeom.Xform.Define(stage, "/p")
    UsdGeom.PrimvarsAPI(parent).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "constant").Set([(3, 4)])
    make_mesh(stage, "/p/inherits", SQUARE, [4], [0, 1, 2, 3])
    other = make_mesh(stage, "/other", SQUARE, [4], [0, 1, 2, 3])
    UsdGeom.PrimvarsAPI(other).CreatePrimvar("UVMap", Sdf.ValueTypeNames.TexCoord2fArray, "vertex").Set([(5, 6)] * 4)
    scene = read(stage)
    uvs = {
        scene.paths[scene.instances.path[i]]: scene.meshes[scene.geometries[g].mesh].uvs
        for i, g in enumerate(scene.instances.geometry)
    }
    assert (uvs["/p/inherits"] == [3, 4]).all() and (uvs["/other"] == [5, 6]).all()


def test_vertex_colours(stage):
    mesh = make_mesh(stage, "/m", SQUARE, [4], [0, 1, 2, 3])
    mesh.CreateDisplayColorPrimvar("vertex").Set([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    scene = read(stage)
    assert scene.materials[scene.instances.material[0]].use_vertex_color
    np.testing.assert_array_equal(scene.meshes[0].colors[0], [[0, 0, 0], [1, 0, 0], [0, 1, 0]])


def test_normals_by_scheme(stage):
    make_mesh(stage, "/flat", CUBE_POINTS, [4] * 6, CUBE_FACES, "none")
    make_mesh(stage, "/loop", CUBE_POINTS, [4] * 6, CUBE_FACES, "loop")
    authored = make_mesh(stage, "/authored", CUBE_POINTS, [4] * 6, CUBE_FACES, None)
    authored.CreateNormalsAttr([(0, 0, 2)] * 24)
    authored.SetNormalsInterpolation("faceVarying")
    both = make_mesh(stage, "/primvar", CUBE_POINTS, [4] * 6, CUBE_FACES, "none")
    both.CreateNormalsAttr([(0, 0, 1)] * 8)
    UsdGeom.PrimvarsAPI(both).CreatePrimvar("normals", Sdf.ValueTypeNames.Normal3fArray, "vertex").Set([(0, 1, 0)] * 8)
    scene = read(stage)
    by_path = {
        scene.paths[p]: scene.meshes[scene.geometries[g].mesh]
        for p, g in zip(scene.instances.path, scene.instances.geometry, strict=True)
    }
    assert by_path["/flat"].normals is None
    smooth = by_path["/loop"]
    np.testing.assert_allclose(smooth.normals, smooth.points[smooth.triangles] / 3**0.5, atol=1e-6)
    assert len(by_path["/authored"].points) == 8 and (by_path["/authored"].normals == [0, 0, 1]).all()
    assert (by_path["/primvar"].normals == [0, 1, 0]).all()


def test_catmull_clark_cage_is_smooth_shaded(stage):
    make_mesh(stage, "/m", CUBE_POINTS, [4] * 6, CUBE_FACES, None)
    mesh = read(stage).meshes[0]
    assert len(mesh.points) == 8
    np.testing.assert_allclose(mesh.normals, mesh.points[mesh.triangles] / 3**0.5, atol=1e-6)


def test_catmull_clark_approaches_the_limit_surface(stage):
    make_mesh(stage, "/m", CUBE_POINTS, [4] * 6, CUBE_FACES, None)
    mesh = read(stage, subdivision_level=2).meshes[0]
    assert len(mesh.triangles) == 6 * 16 * 2
    # Known first step of the unit cube: corners go to 5/9; a second one keeps it inside that and convex.
    radius = np.linalg.norm(mesh.points, axis=1)
    assert 0.75 < radius.min() and radius.max() < 1.0
    _, crosses = area_and_normal(mesh.points, mesh.triangles)
    assert ((crosses * mesh.points[mesh.triangles].mean(axis=1)).sum(axis=1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=2), 1, atol=1e-5)


def test_catmull_clark_boundary_and_creases(stage):
    square = make_mesh(stage, "/square", SQUARE, [4], [0, 1, 2, 3], None)
    creased = make_mesh(stage, "/creased", CUBE_POINTS, [4] * 6, CUBE_FACES, None)
    edges = [(0, 1), (1, 3), (3, 2), (2, 0), (4, 5), (5, 7), (7, 6), (6, 4), (0, 4), (1, 5), (2, 6), (3, 7)]
    creased.CreateCreaseIndicesAttr([v for edge in edges for v in edge])
    creased.CreateCreaseLengthsAttr([2] * 12)
    creased.CreateCreaseSharpnessesAttr([10.0] * 12)
    scene = read(stage, subdivision_level=2)
    mesh = {
        scene.paths[p]: scene.meshes[scene.geometries[g].mesh]
        for p, g in zip(scene.instances.path, scene.instances.geometry, strict=True)
    }
    assert area_and_normal(mesh["/square"].points, mesh["/square"].triangles)[0] == pytest.approx(1)
    assert area_and_normal(mesh["/creased"].points, mesh["/creased"].triangles)[0] == pytest.approx(24)
    square.CreateInterpolateBoundaryAttr(UsdGeom.Tokens.edgeOnly)
    rounded = read(stage, subdivision_level=2)
    areas = [area_and_normal(m.points, m.triangles)[0] for m in rounded.meshes]
    assert min(areas) < 0.9


def test_subsets_split_the_mesh(stage):
    mesh = make_mesh(stage, "/m", CUBE_POINTS, [4] * 6, CUBE_FACES)
    colours = {"red": (1, 0, 0), "blue": (0, 0, 1)}
    for name, colour in colours.items():
        material = UsdShade.Material.Define(stage, f"/{name}")
        shader = UsdShade.Shader.Define(stage, f"/{name}/s")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(colour)
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(UsdShade.Material.Get(stage, "/blue"))
    subset = UsdGeom.Subset.CreateGeomSubset(mesh, "top", "face", [1, 99], "materialBind")
    UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(UsdShade.Material.Get(stage, "/red"))
    UsdGeom.Subset.CreateGeomSubset(mesh, "other", "face", [0, 2], "notMaterials")
    scene = read(stage)
    triangles = {
        scene.materials[m].base_color: scene.meshes[scene.geometries[g].mesh]
        for m, g in zip(scene.instances.material, scene.instances.geometry, strict=True)
    }
    assert {c: len(m.triangles) for c, m in triangles.items()} == {(1, 0, 0): 2, (0, 0, 1): 10}
    top = triangles[1, 0, 0]
    assert len(top.points) == 4 and (top.points[:, 2] == 1).all()
    assert [scene.paths[p] for p in scene.instances.path] == ["/m", "/m"]
    assert codes(scene) == [("mesh-invalid", "/m")]


def test_equal_meshes_are_one(stage):
    for i in range(3):
        make_mesh(stage, f"/m{i}", CUBE_POINTS, [4] * 6, CUBE_FACES)
    make_mesh(stage, "/other", SQUARE, [4], [0, 1, 2, 3])
    scene = read(stage)
    assert len(scene.meshes) == 2 and len(scene.geometries) == 2 and len(scene.instances) == 4
    assert all(g.kind == GeometryKind.MESH for g in scene.geometries)


def test_double_sided_and_mirrored(stage):
    mesh = make_mesh(stage, "/m", SQUARE, [4], [0, 1, 2, 3])
    mesh.CreateDoubleSidedAttr(True)
    mesh.AddScaleOp().Set((-2, 1, 3))
    scene = read(stage)
    assert scene.instances.double_sided[0]
    np.testing.assert_allclose(scene.instances.transform[0], np.diag([-2, 1, 3, 1]))


@pytest.mark.parametrize(
    ("counts", "indices", "points", "left"),
    [
        ([4, 4], [0, 1, 2, 3, 0, 1, 2, 9], SQUARE, 2),
        ([4, 4], [0, 1, 2, 3, 0, 1], SQUARE, 2),
        ([4, -3, 3], [0, 1, 2, 3, 0, 1, 2], SQUARE, 2),
        ([4, 2], [0, 1, 2, 3, 0, 1], SQUARE, 2),
        ([3, 3], [0, 1, 2, 0, 2, 3], [*SQUARE[:3], (float("nan"), 0, 0)], 1),
        ([4], [0, 1, 2, 3], [], 0),
    ],
    ids=["index out of range", "too few indices", "negative count", "two-gon", "NaN point", "no points"],
)
def test_broken_faces_are_left_out_and_told(stage, counts, indices, points, left):
    make_mesh(stage, "/broken", points, counts, indices)
    make_mesh(stage, "/good", SQUARE, [4], [0, 1, 2, 3])
    scene = read(stage)
    drawn = {
        scene.paths[p]: scene.meshes[scene.geometries[g].mesh]
        for p, g in zip(scene.instances.path, scene.instances.geometry, strict=True)
    }
    assert len(drawn["/good"].triangles) == 2
    assert ("mesh-invalid", "/broken") in codes(scene)
    assert (len(drawn["/broken"].triangles) if "/broken" in drawn else 0) == left


def test_primvars_of_the_wrong_length_are_left_out_and_told(stage):
    mesh = make_mesh(stage, "/m", SQUARE, [4], [0, 1, 2, 3])
    api = UsdGeom.PrimvarsAPI(mesh)
    api.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex").Set([(0, 0)] * 3)
    mesh.CreateNormalsAttr([(0, 0, 1)] * 5)
    scene = read(stage)
    assert scene.meshes[0].uvs is None and scene.meshes[0].normals is None
    assert sum("values" in finding.message for finding in scene.findings) == 2
    api.GetPrimvar("st").SetIndices(Vt.IntArray([0, 1, 2, 3]))
    assert any("indices point outside" in finding.message for finding in read(stage).findings)


numbers = st.floats(width=32, allow_nan=True, allow_infinity=True)
small = st.integers(-2, 9)


@given(
    points=st.lists(st.tuples(numbers, numbers, numbers), max_size=8),
    counts=st.lists(st.one_of(small, st.just(2**31 - 1)), max_size=6),
    indices=st.lists(st.one_of(small, st.just(-(2**31))), max_size=24),
    holes=st.lists(small, max_size=3),
    uvs=st.lists(st.tuples(numbers, numbers), max_size=8),
    uv_kind=st.sampled_from(["constant", "uniform", "vertex", "faceVarying", "bogus"]),
    normals=st.lists(st.tuples(numbers, numbers, numbers), max_size=8),
    creases=st.lists(small, max_size=6),
    scheme=st.sampled_from(["none", "catmullClark", "loop", "bilinear", "bogus"]),
    subset=st.lists(small, max_size=4),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_broken_meshes_never_raise(points, counts, indices, holes, uvs, uv_kind, normals, creases, scheme, subset):
    stage = Usd.Stage.CreateInMemory()
    mesh = make_mesh(stage, "/m", points, counts, indices, scheme)
    mesh.CreateHoleIndicesAttr(holes)
    primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray)
    primvar.Set(uvs)
    primvar.GetAttr().SetMetadata("interpolation", uv_kind)
    mesh.CreateNormalsAttr(normals)
    mesh.CreateCreaseIndicesAttr(creases)
    mesh.CreateCreaseLengthsAttr([2] * (len(creases) // 2))
    mesh.CreateCreaseSharpnessesAttr([1.5] * (len(creases) // 2))
    UsdGeom.Subset.CreateGeomSubset(mesh, "s", "face", subset, "materialBind")
    with np.errstate(all="ignore"):
        scene = read(stage)
    for result in scene.meshes:
        assert result.points.dtype == np.float32 and result.triangles.dtype == np.int32
        assert np.isfinite(result.points).all()
        assert result.triangles.min(initial=0) >= 0 and result.triangles.max(initial=-1) < len(result.points)
        for values in (result.normals, result.uvs, result.colors):
            assert values is None or (len(values) == len(result.triangles) and np.isfinite(values).all())
    for geometry in scene.instances.geometry:
        assert len(scene.meshes[scene.geometries[geometry].mesh].triangles)
