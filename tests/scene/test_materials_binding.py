"""Which material a prim gets, what unbound prims look like, and what unreadable materials become."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("pxr")

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

from omni.isaac.ovrtx_render.config import RendererCfg
from omni.isaac.ovrtx_render.scene.data import AlphaMode, Finding, Material
from omni.isaac.ovrtx_render.scene.material_bindings import BindingResolver
from omni.isaac.ovrtx_render.scene.materials import FALLBACK_COLOR, MaterialReader


@pytest.fixture
def stage() -> Usd.Stage:
    return Usd.Stage.CreateInMemory()


@pytest.fixture
def findings() -> list[Finding]:
    return []


@pytest.fixture
def reader(stage: Usd.Stage, findings: list[Finding]) -> MaterialReader:
    return MaterialReader(stage, RendererCfg(), findings)


def material(stage: Usd.Stage, path: str, red: float) -> UsdShade.Material:
    """A material that is told apart by its red."""
    made = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/s")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(red, 0.5, 0.25))
    made.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return made


def bind(prim: Usd.Prim, made: UsdShade.Material, purpose: str = "", strong: bool = False) -> None:
    strength = UsdShade.Tokens.strongerThanDescendants if strong else UsdShade.Tokens.weakerThanDescendants
    UsdShade.MaterialBindingAPI.Apply(prim).Bind(made, strength, purpose)


def red(reader: MaterialReader, prim: Usd.Prim) -> float:
    return reader.materials[reader.bind(prim)].base_color[0]


def test_direct_inherited_and_stronger(stage: Usd.Stage, reader: MaterialReader) -> None:
    root, mesh = UsdGeom.Xform.Define(stage, "/a").GetPrim(), UsdGeom.Mesh.Define(stage, "/a/m").GetPrim()
    other = UsdGeom.Mesh.Define(stage, "/a/n").GetPrim()
    bind(root, material(stage, "/r", 0.125))
    bind(mesh, material(stage, "/m", 0.75))
    assert red(reader, mesh) == 0.75
    assert red(reader, other) == 0.125
    bind(root, UsdShade.Material(stage.GetPrimAtPath("/r")), strong=True)
    assert red(MaterialReader(stage, RendererCfg(), []), mesh) == 0.125


def test_purposes_full_over_all_over_preview(stage: Usd.Stage) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    for purpose, value in (("preview", 0.25), ("", 0.125), ("full", 0.5)):
        bind(mesh, material(stage, f"/mat_{purpose}", value), purpose)
        assert red(MaterialReader(stage, RendererCfg(), []), mesh) == value


@pytest.mark.parametrize("collections", [False, True])
def test_any_tree_of_bindings_is_resolved_as_usd_does(collections: bool) -> None:
    """Bindings that dangle, that block, for any purpose and of any strength, on four levels."""
    for seed in range(300):
        rng, stage = random.Random(seed), Usd.Stage.CreateInMemory()
        for name in "abc":
            UsdShade.Material.Define(stage, f"/L/{name}")
        targets = ("/L/a", "/L/b", "/L/c", "/L/gone")
        for path in ("/X", "/X/Y", "/X/Y/Z", "/X/Y/Z/c"):
            prim = UsdGeom.Cube.Define(stage, path).GetPrim()
            api = UsdShade.MaterialBindingAPI.Apply(prim)
            made = {
                f"material:binding{purpose}": [rng.choice(targets)] if rng.random() < 0.9 else []
                for purpose in ("", ":full", ":preview")
                if rng.random() < 0.3
            }
            for number in range(2 if collections else 0):
                if rng.random() < 0.3:
                    held = Usd.CollectionAPI.Apply(prim, f"k{number}")
                    held.CreateIncludesRel().SetTargets([rng.choice(["/X/Y", "/X/Y/Z/c", "/L"])])
                    name = f"material:binding:collection:{rng.choice(['', 'full:', 'preview:'])}k{number}"
                    made[name] = [f"{path}.collection:k{number}", rng.choice(targets)]
            for name, pointed in made.items():
                relationship = prim.CreateRelationship(name)
                relationship.SetTargets(pointed)
                if rng.random() < 0.3:
                    api.SetMaterialBindingStrength(relationship, UsdShade.Tokens.strongerThanDescendants)
        shape = stage.GetPrimAtPath("/X/Y/Z/c")
        wanted, relationship = UsdShade.MaterialBindingAPI(shape).ComputeBoundMaterial(UsdShade.Tokens.full)
        resolver = BindingResolver()
        resolver.resolve(shape.GetParent())  # what is remembered of ancestors answers alike
        found = resolver.resolve(shape)
        if found is not None and found.purpose != "preview" and found.material:
            assert wanted.GetPrim() == found.material and relationship == found.relationship, seed
        else:
            assert not wanted, seed


def test_what_binds_by_a_schema_that_is_not_applied_is_read_in_silence(
    stage: Usd.Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    material(stage, "/r", 0.125)
    mesh.CreateRelationship("material:binding").SetTargets(["/r"])
    assert red(MaterialReader(stage, RendererCfg(), []), mesh) == 0.125
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("collections", [False, True])
def test_same_answer_as_usd(stage: Usd.Stage, reader: MaterialReader, collections: bool) -> None:
    """All combinations of bindings on three levels against UsdShade's own resolution."""
    materials = [material(stage, f"/looks/m{i}", i / 16) for i in range(16)]
    count = 0
    for a in range(4):
        for b in range(4):
            for c in range(4):
                path = f"/p{a}{b}{c}"
                UsdGeom.Xform.Define(stage, path)
                UsdGeom.Xform.Define(stage, f"{path}/x")
                UsdGeom.Mesh.Define(stage, f"{path}/x/m")
                for level, choice in ((path, a), (f"{path}/x", b), (f"{path}/x/m", c)):
                    if choice:
                        purpose = ("", "full", "")[choice - 1]
                        bind(stage.GetPrimAtPath(level), materials[count % 16], purpose, strong=choice == 3)
                        count += 1
                if collections:
                    collection = Usd.CollectionAPI.Apply(stage.GetPrimAtPath(path), "set")
                    collection.IncludePath(f"{path}/x")
                    api = UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath(path))
                    api.Bind(collection, materials[count % 16], "set")
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            expected, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial(UsdShade.Tokens.full)
            got = reader.bindings.material_of(prim)
            assert (got.GetPath() if got else None) == (expected.GetPath() if expected else None), prim.GetPath()


def test_geom_subset(stage: Usd.Stage, reader: MaterialReader) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/m")
    bind(mesh.GetPrim(), material(stage, "/a", 0.125))
    subset = UsdGeom.Subset.CreateGeomSubset(mesh, "part", UsdGeom.Tokens.face, [0])
    assert red(reader, subset.GetPrim()) == 0.125
    bind(subset.GetPrim(), material(stage, "/b", 0.75))
    assert red(MaterialReader(stage, RendererCfg(), []), subset.GetPrim()) == 0.75


def test_instances_share_a_material(stage: Usd.Stage, reader: MaterialReader) -> None:
    UsdGeom.Xform.Define(stage, "/proto")
    mesh = UsdGeom.Mesh.Define(stage, "/proto/m")
    bind(mesh.GetPrim(), material(stage, "/proto/mat", 0.75))
    for name in ("/i0", "/i1"):
        prim = stage.DefinePrim(name)
        prim.GetReferences().AddInternalReference("/proto")
        prim.SetInstanceable(True)
    proxies = [stage.GetPrimAtPath(f"/i{i}/m") for i in range(2)]
    assert all(proxy.IsInstanceProxy() for proxy in proxies)
    assert reader.bind(proxies[0]) == reader.bind(proxies[1])
    assert reader.materials[0].base_color[0] == 0.75
    assert reader.sources(0) == {"/i0/mat", "/i1/mat"}


def test_equal_materials_are_one(stage: Usd.Stage, reader: MaterialReader) -> None:
    for i in range(3):
        bind(UsdGeom.Mesh.Define(stage, f"/e{i}/m").GetPrim(), material(stage, f"/e{i}/mat", 0.75))
    assert {reader.bind(stage.GetPrimAtPath(f"/e{i}/m")) for i in range(3)} == {0}
    assert reader.materials[0].name == "/e0/mat"
    assert reader.sources(0) == {f"/e{i}/mat" for i in range(3)}


def test_variants_by_constant_primvar(stage: Usd.Stage, reader: MaterialReader) -> None:
    made = material(stage, "/mat", 0.5)
    node = UsdShade.Shader.Define(stage, "/mat/c")
    node.CreateIdAttr("UsdPrimvarReader_float3")
    node.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
    UsdShade.Shader(stage.GetPrimAtPath("/mat/s")).GetInput("diffuseColor").ConnectToSource(
        node.ConnectableAPI(), "result"
    )
    indices = []
    for i, color in enumerate(((1, 0, 0), (0, 1, 0), (1, 0, 0))):
        cube = UsdGeom.Cube.Define(stage, f"/c{i}")
        cube.CreateDisplayColorAttr([color])
        bind(cube.GetPrim(), made)
        indices.append(reader.bind(cube.GetPrim()))
    assert indices == [0, 1, 0]
    assert [m.base_color for m in reader.materials] == [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]


def test_unbound_prims(stage: Usd.Stage, reader: MaterialReader, findings: list[Finding]) -> None:
    plain = UsdGeom.Mesh.Define(stage, "/plain")
    constant = UsdGeom.Mesh.Define(stage, "/constant")
    constant.CreateDisplayColorAttr([(0.25, 0.5, 0.75)])
    constant.CreateDisplayOpacityAttr([0.5])
    varying = UsdGeom.Mesh.Define(stage, "/varying")
    varying.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex).Set([(1, 0, 0), (0, 1, 0)])
    UsdGeom.PrimvarsAPI(UsdGeom.Xform.Define(stage, "/x")).CreatePrimvar(
        "displayColor", Sdf.ValueTypeNames.Color3fArray, UsdGeom.Tokens.constant
    ).Set([(0.5, 0.5, 0.25)])
    inherited = UsdGeom.Mesh.Define(stage, "/x/m")
    got = [reader.materials[reader.bind(m.GetPrim())] for m in (plain, constant, varying, inherited)]
    assert got == [
        Material("default", base_color=(0.18, 0.18, 0.18)),
        Material("displayColor:0.25,0.5,0.75", (0.25, 0.5, 0.75), opacity=0.5, alpha_mode=AlphaMode.BLEND),
        Material("displayColor", use_vertex_color=True),
        Material("displayColor:0.5,0.5,0.25", (0.5, 0.5, 0.25)),
    ]
    assert findings == []


def test_varying_display_opacity_is_told(stage: Usd.Stage, reader: MaterialReader, findings: list[Finding]) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/m")
    mesh.CreateDisplayOpacityPrimvar(UsdGeom.Tokens.vertex).Set([0.5, 1.0])
    assert reader.materials[reader.bind(mesh.GetPrim())].alpha_mode == AlphaMode.OPAQUE
    assert [finding.code for finding in findings] == ["display-opacity-unsupported"]


def test_unknown_shader_is_visible_and_named(stage: Usd.Stage, reader: MaterialReader, findings: list[Finding]) -> None:
    made = material(stage, "/mat", 0.5)
    UsdShade.Shader(stage.GetPrimAtPath("/mat/s")).CreateIdAttr("AcmeSurface")
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    bind(mesh, made)
    assert reader.materials[reader.bind(mesh)] == Material("fallback:AcmeSurface", base_color=FALLBACK_COLOR)
    (finding,) = findings
    assert (finding.code, finding.path) == ("material-unsupported", "/mat")
    assert "AcmeSurface" in finding.message


def test_unconnected_material_is_visible(stage: Usd.Stage, reader: MaterialReader, findings: list[Finding]) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    bind(mesh, UsdShade.Material.Define(stage, "/mat"))
    assert reader.materials[reader.bind(mesh)].base_color == FALLBACK_COLOR
    assert [finding.code for finding in findings] == ["material-unconnected"]


def test_missing_material_is_told_and_counts_as_unbound(
    stage: Usd.Stage, reader: MaterialReader, findings: list[Finding]
) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    mesh.CreateRelationship("material:binding").SetTargets(["/not/there"])
    assert reader.materials[reader.bind(mesh)].name == "default"
    assert [(finding.code, finding.path) for finding in findings] == [("material-missing", "/m")]
    assert "/not/there" in findings[0].message


def test_universal_output_wins_and_mdl_is_used_without_it(stage: Usd.Stage) -> None:
    made = material(stage, "/mat", 0.5)
    shader = UsdShade.Shader.Define(stage, "/mat/mdl")
    shader.SetSourceAsset("OmniPBR.mdl", "mdl")
    shader.SetSourceAssetSubIdentifier("OmniPBR", "mdl")
    shader.CreateInput("diffuse_color_constant", Sdf.ValueTypeNames.Color3f).Set((0.75, 0.5, 0.25))
    made.CreateSurfaceOutput("mdl").ConnectToSource(shader.ConnectableAPI(), "out")
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    bind(mesh, made)
    assert red(MaterialReader(stage, RendererCfg(), []), mesh) == 0.5
    UsdShade.Shader(stage.GetPrimAtPath("/mat/s")).CreateIdAttr("AcmeSurface")
    findings: list[Finding] = []
    assert red(MaterialReader(stage, RendererCfg(), findings), mesh) == 0.75
    assert findings == []


def test_mesh_light_is_drawn_and_told(stage: Usd.Stage, reader: MaterialReader, findings: list[Finding]) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    UsdLux.MeshLightAPI.Apply(mesh)
    assert reader.bind(mesh) == 0
    assert [finding.code for finding in findings] == ["light-unsupported"]


def test_third_party_stages_read_cleanly(usd_wg_assets: Path) -> None:
    """Every stage of the USD working group's set: no exception, every index valid, every value in range."""
    seen = 0
    for path in sorted(usd_wg_assets.rglob("*.usd*")):
        try:
            stage = Usd.Stage.Open(str(path))
        except Exception:  # some stages of the set are invalid on purpose
            continue
        reader = MaterialReader(stage, RendererCfg(texture_max_size=256), [])
        for prim in stage.Traverse(Usd.TraverseInstanceProxies()):
            if prim.IsA(UsdGeom.Gprim) or prim.IsA(UsdGeom.Subset):
                assert 0 <= reader.bind(prim) < len(reader.materials)
                seen += 1
        for made in reader.materials:
            assert 0.0 <= made.roughness <= 1.0 and 0.0 <= made.metallic <= 1.0
            if made.base_color_texture is not None:
                assert 0 <= made.base_color_texture.texture < len(reader.textures)
        reader.finish()
    assert seen > 100
