"""Everything drawn that is not a Mesh prim: primitives, points, curves, tetrahedra, what is not supported."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pxr")

from pxr import Sdf, Usd, UsdGeom, UsdShade, Vt

from omni.isaac.ovrtx_render.config import RendererCfg
from omni.isaac.ovrtx_render.scene.data import GeometryKind, Scene
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene


@pytest.fixture
def stage():
    return Usd.Stage.CreateInMemory()


def read(stage) -> Scene:
    return read_scene(stage, RendererCfg())


def only(scene):
    assert len(scene.instances) == 1
    return scene.geometries[scene.instances.geometry[0]], scene.instances.transform[0]


def volume(mesh) -> float:
    """Signed volume; positive only if the surface is closed and faces outwards."""
    a, b, c = (mesh.points[mesh.triangles[:, k]].astype(float) for k in range(3))
    return float(np.einsum("tk,tk->t", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("kind", "attributes", "expected", "params"),
    [
        ("Cube", {"size": 3.0}, GeometryKind.CUBE, (1.5, 1.5, 1.5)),
        ("Sphere", {"radius": 0.25}, GeometryKind.SPHERE, (0.25,)),
        ("Cylinder", {"radius": 0.5, "height": 4.0}, GeometryKind.CYLINDER, (0.5, 2.0)),
        ("Cylinder_1", {"radiusTop": 0.5, "radiusBottom": 0.5, "height": 4.0}, GeometryKind.CYLINDER, (0.5, 2.0)),
        ("Cone", {"radius": 0.5, "height": 4.0}, GeometryKind.CONE, (0.5, 2.0)),
        ("Capsule", {"radius": 0.5, "height": 4.0}, GeometryKind.CAPSULE, (0.5, 2.0)),
        ("Capsule_1", {"radiusTop": 0.5, "radiusBottom": 0.5, "height": 4.0}, GeometryKind.CAPSULE, (0.5, 2.0)),
        ("Plane", {"width": 2.0, "length": 6.0}, GeometryKind.PLANE, (1.0, 3.0)),
    ],
)
def test_primitives_stay_analytic(stage, kind, attributes, expected, params):
    prim = stage.DefinePrim("/p", kind)
    for name, value in attributes.items():
        prim.GetAttribute(name).Set(value)
    geometry, transform = only(read(stage))
    assert geometry.kind == expected and geometry.params == params and geometry.mesh == -1
    np.testing.assert_array_equal(transform, np.eye(4))


@pytest.mark.parametrize(("axis", "up"), [("X", (1, 0, 0)), ("Y", (0, 1, 0)), ("Z", (0, 0, 1))])
def test_axis_is_folded_into_the_transform(stage, axis, up):
    cone = UsdGeom.Cone.Define(stage, "/cone")
    cone.CreateAxisAttr(axis)
    cone.AddTranslateOp().Set((5, 6, 7))
    geometry, transform = only(read(stage))
    tip = np.array([0, 0, geometry.params[1], 1]) @ transform
    np.testing.assert_allclose(tip[:3], np.array([5, 6, 7]) + up)
    assert np.linalg.det(transform) == pytest.approx(1)


@pytest.mark.parametrize(("axis", "extent"), [("X", (0, 3, 1)), ("Y", (1, 0, 3)), ("Z", (1, 3, 0))])
def test_plane_lays_width_and_length_as_usd_says(stage, axis, extent):
    plane = UsdGeom.Plane.Define(stage, "/plane")
    plane.CreateWidthAttr(2.0)
    plane.CreateLengthAttr(6.0)
    plane.CreateAxisAttr(axis)
    scene = read(stage)
    geometry, transform = only(scene)
    corner = np.array([*geometry.params, 0, 1]) @ transform
    np.testing.assert_allclose(np.abs(corner[:3]), extent)
    np.testing.assert_allclose(plane.ComputeExtent(0)[1] if hasattr(plane, "ComputeExtent") else extent, extent)
    assert scene.instances.double_sided[0]


def test_two_radii_become_a_closed_mesh(stage):
    cylinder = UsdGeom.Cylinder_1.Define(stage, "/cylinder")
    cylinder.CreateRadiusBottomAttr(1.0)
    cylinder.CreateRadiusTopAttr(0.5)
    cylinder.CreateHeightAttr(2.0)
    geometry, transform = only(read(stage))
    frustum = np.pi * 2 / 3 * (1 + 0.5 + 0.25)
    scene = read(stage)
    assert volume(scene.meshes[geometry.mesh]) == pytest.approx(frustum, rel=0.02)
    np.testing.assert_array_equal(transform, np.eye(4))
    stage.RemovePrim("/cylinder")
    capsule = UsdGeom.Capsule_1.Define(stage, "/capsule")
    capsule.CreateRadiusBottomAttr(1.0)
    capsule.CreateRadiusTopAttr(0.5)
    capsule.CreateHeightAttr(2.0)
    capsule.CreateAxisAttr("Z")
    mesh = read(stage).meshes[0]
    assert volume(mesh) == pytest.approx(frustum + 2 / 3 * np.pi * (1 + 0.125), rel=0.03)
    assert mesh.points[:, 2].min() == -2 and mesh.points[:, 2].max() == 1.5


def test_points_are_spheres(stage):
    points = UsdGeom.Points.Define(stage, "/points")
    points.CreatePointsAttr([(0, 0, 0), (5, 0, 0), (float("nan"), 0, 0)])
    points.CreateWidthsAttr([1.0, 2.0, 1.0])
    points.SetWidthsInterpolation("vertex")
    points.CreateDisplayColorPrimvar("vertex").Set([(1, 0, 0), (0, 1, 0), (0, 0, 1)])
    scene = read(stage)
    mesh = scene.meshes[0]
    assert volume(mesh) == pytest.approx(4 / 3 * np.pi * (0.5**3 + 1), rel=0.05)
    right = mesh.points[mesh.triangles[:, 0], 0] > 2
    assert (mesh.colors[right] == [0, 1, 0]).all() and (mesh.colors[~right] == [1, 0, 0]).all()
    assert [finding.path for finding in scene.findings] == ["/points"]


def make_curves(stage, points, kind="linear", basis="bezier", wrap="nonperiodic", counts=None, widths=(0.2,)):
    curves = UsdGeom.BasisCurves.Define(stage, "/curves")
    curves.CreatePointsAttr(points)
    curves.CreateCurveVertexCountsAttr(counts or [len(points)])
    curves.CreateTypeAttr(kind)
    curves.CreateBasisAttr(basis)
    curves.CreateWrapAttr(wrap)
    curves.CreateWidthsAttr(list(widths))
    return curves


def center_line(mesh, samples):
    return mesh.points.reshape(samples, -1, 3).mean(axis=1)


def test_linear_tube(stage):
    make_curves(stage, [(0, 0, 0), (0, 0, 1), (0, 0, 3)])
    mesh = read(stage).meshes[0]
    octagon = 8 * 0.5 * 0.1**2 * np.sin(np.pi / 4)
    assert volume(mesh) == pytest.approx(3 * octagon, rel=1e-4)
    np.testing.assert_allclose(center_line(mesh, 3), [(0, 0, 0), (0, 0, 1), (0, 0, 3)], atol=1e-6)


@pytest.mark.parametrize(
    ("basis", "wrap", "points", "ends"),
    [
        ("bezier", "nonperiodic", [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0)], (0, 3)),
        ("bspline", "nonperiodic", [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0)], (1, 2)),
        ("catmullRom", "nonperiodic", [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0)], (1, 2)),
        ("bspline", "pinned", [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0)], (0, 3)),
        ("catmullRom", "pinned", [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0)], (0, 3)),
    ],
)
def test_cubic_curves_start_and_end_where_usd_says(stage, basis, wrap, points, ends):
    make_curves(stage, points, "cubic", basis, wrap)
    mesh = read(stage).meshes[0]
    assert mesh.points[:, 0].min() == pytest.approx(ends[0], abs=1e-5)
    assert mesh.points[:, 0].max() == pytest.approx(ends[1], abs=1e-5)
    assert volume(mesh) > 0


def test_periodic_curve_closes_without_caps(stage):
    circle = [(np.cos(a), np.sin(a), 0) for a in np.arange(8) * np.pi / 4]
    make_curves(stage, circle, "cubic", "catmullRom", "periodic")
    mesh = read(stage).meshes[0]
    edges = np.sort(mesh.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    radius = np.linalg.norm(center_line(mesh, 64), axis=1)
    assert 0.97 < radius.min() and radius.max() < 1.01


@pytest.mark.parametrize("closed", [False, True])
def test_tubes_have_no_twist_where_the_curve_leaves_its_plane_or_turns_sharply(stage, closed):
    if closed:
        u = np.arange(12) * np.pi / 6
        points = np.stack([np.cos(u) + 0.5 * np.cos(2 * u), np.sin(u), 0.8 * np.sin(2 * u + 1)], axis=1)
        make_curves(stage, points, "cubic", "catmullRom", "periodic")
    else:
        make_curves(stage, [(0, 0, 0), (1, 0, 0), (2, 0, 0.1), (0.5, 0.3, 0.2), (1, 2, 0.5), (0, 2, 2)])
    sweep, mesh = read(stage).meshes[0].sweep, read(stage).meshes[0]
    rings = mesh.points.reshape(-1, 8, 3)
    spokes = (rings - rings.mean(axis=1, keepdims=True)) / sweep.radius[:, None, None]
    following = np.roll(spokes, -1, axis=0) if closed else spokes[1:]
    turned = np.roll(sweep.tangent, -1, axis=0) if closed else sweep.tangent[1:]
    for here, there, before, after in zip(spokes, following, sweep.tangent, turned, strict=False):
        # The shortest turn of the direction takes a ring to the next; what is left is twist.
        half = before + after
        carried = here - np.outer(here @ after, half) / (1 + before @ after)
        assert np.linalg.norm(carried - there, axis=-1).max() < 0.1


def test_widths_along_the_curve_and_short_curves(stage):
    curves = make_curves(stage, [(0, 0, 0), (0, 0, 1), (9, 9, 9)], counts=[2, 1], widths=[1.0, 0.0, 1.0])
    curves.SetWidthsInterpolation("vertex")
    scene = read(stage)
    spread = np.linalg.norm(scene.meshes[0].points[:, :2], axis=1).reshape(2, -1)
    np.testing.assert_allclose(spread, [[0.5] * 8, [0.0] * 8], atol=1e-6)
    assert "too few points" in scene.findings[0].message


def test_ribbons_face_their_normals(stage):
    curves = make_curves(stage, [(0, 0, 0), (1, 0, 0), (2, 0, 0)])
    curves.CreateNormalsAttr([(0, 0, 1)] * 3)
    curves.SetNormalsInterpolation("vertex")
    scene = read(stage)
    mesh = scene.meshes[0]
    a, b, c = (mesh.points[mesh.triangles[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    assert (cross[:, 2] > 0).all() and np.linalg.norm(cross, axis=1).sum() / 2 == pytest.approx(0.4)
    assert scene.instances.double_sided[0]


def make_tets(stage):
    tets = stage.DefinePrim("/tets", "TetMesh")
    tets.GetAttribute("points").Set([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    tets.GetAttribute("tetVertexIndices").Set([(0, 1, 2, 3)])
    return tets


def test_tetrahedra_draw_their_surface(stage):
    tets = make_tets(stage)
    computed = read(stage)
    assert volume(computed.meshes[0]) == pytest.approx(1 / 6) and not computed.findings
    tets.GetAttribute("surfaceFaceVertexIndices").Set([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    assert volume(read(stage).meshes[0]) == pytest.approx(1 / 6)
    tets.GetAttribute("surfaceFaceVertexIndices").Clear()
    tets.GetAttribute("tetVertexIndices").Set([])
    assert [finding.code for finding in read(stage).findings] == ["mesh-empty", "stage-empty"]


def test_tetrahedra_have_colours_and_parts_like_meshes(stage):
    tets = make_tets(stage)
    tets.GetAttribute("surfaceFaceVertexIndices").Set([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    colors = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)], np.float32)
    UsdGeom.Gprim(tets).CreateDisplayColorPrimvar("vertex").Set(Vt.Vec3fArray.FromNumpy(colors))
    scene = read(stage)
    assert scene.materials[scene.instances.material[0]].use_vertex_color
    np.testing.assert_array_equal(scene.meshes[0].colors, colors[scene.meshes[0].triangles])
    subset = UsdGeom.Subset.Define(stage, "/tets/part")
    subset.CreateElementTypeAttr("face")
    subset.CreateFamilyNameAttr("materialBind")
    subset.CreateIndicesAttr([3])
    UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(UsdShade.Material.Define(stage, "/look"))
    scene = read(stage)
    triangles = [len(scene.meshes[scene.geometries[g].mesh].triangles) for g in scene.instances.geometry]
    names = [scene.materials[m].name for m in scene.instances.material]
    assert dict(zip(names, triangles, strict=True)) == {"displayColor": 3, "fallback:no surface": 1}


def test_textures_that_only_meshes_can_have_are_told(stage, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.full((2, 2, 3), 255, np.uint8)).save(tmp_path / "white.png")
    material, shader = UsdShade.Material.Define(stage, "/look"), UsdShade.Shader.Define(stage, "/look/s")
    texture = UsdShade.Shader.Define(stage, "/look/t")
    shader.CreateIdAttr("UsdPreviewSurface")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(str(tmp_path / "white.png"))
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(texture.ConnectableAPI(), "rgb")
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    prims = [UsdGeom.Cube.Define(stage, "/cube"), make_curves(stage, [(0, 0, 0), (0, 0, 1)])]
    for prim in prims:
        UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(material)
    assert not read(stage).findings
    for prim in prims:
        primvars = UsdGeom.PrimvarsAPI(prim)
        primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "constant").Set([(0, 0)])
    told = {(finding.code, finding.path) for finding in read(stage).findings}
    assert told == {("shader-node-approximated", "/cube"), ("shader-node-approximated", "/curves")}


@pytest.mark.parametrize("kind", ["NurbsPatch", "NurbsCurves", "HermiteCurves"])
def test_unsupported_types_are_told(stage, kind):
    stage.DefinePrim("/thing", kind)
    UsdGeom.Cube.Define(stage, "/cube")
    scene = read(stage)
    assert [(f.code, f.path) for f in scene.findings] == [("geometry-unsupported", "/thing")]
    assert kind in scene.findings[0].message and len(scene.instances) == 1


def test_impossible_sizes_are_told(stage):
    UsdGeom.Sphere.Define(stage, "/sphere").CreateRadiusAttr(-1.0)
    UsdGeom.Cube.Define(stage, "/cube").CreateSizeAttr(float("nan"))
    scene = read(stage)
    assert len(scene.instances) == 0
    assert {f.path for f in scene.findings if f.code == "geometry-invalid"} == {"/sphere", "/cube"}


def test_curves_with_values_that_do_not_fit_are_told(stage):
    curves = make_curves(stage, [(0, 0, 0), (0, 0, 1)], widths=[1.0, 1.0, 1.0])
    curves.SetWidthsInterpolation("vertex")
    assert "width has 3 values" in read(stage).findings[0].message
    curves.GetPrim().GetAttribute("curveVertexCounts").Set([5])
    assert any("curveVertexCounts" in finding.message for finding in read(stage).findings)
    assert Sdf.Path("/curves") == curves.GetPath()
