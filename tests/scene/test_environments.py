"""Environments: patterns, order, and clones that are read once but come out as if each had been read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pxr")

from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, Vt

from omni.isaac.ovrtx_render.config import RendererCfg
from omni.isaac.ovrtx_render.errors import ConfigError
from omni.isaac.ovrtx_render.scene import stage_reader
from omni.isaac.ovrtx_render.scene.clones import group_clones
from omni.isaac.ovrtx_render.scene.data import SHARED
from omni.isaac.ovrtx_render.scene.environments import find_environments
from omni.isaac.ovrtx_render.scene.stage_reader import StageReader

ENVS = "/World/envs/env_.*"


@pytest.fixture
def stage():
    return Usd.Stage.CreateInMemory()


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("/World/envs/env_.*", ["env_0", "env_2", "env_10", "env_a"]),
        ("/World/envs/env_*", ["env_0", "env_2", "env_10", "env_a"]),
        ("{ENV_REGEX_NS}", ["env_0", "env_2", "env_10", "env_a"]),
        (r"/World/envs/env_\d+", ["env_0", "env_2", "env_10"]),
        ("/World/envs/env_?", ["env_0", "env_2", "env_a"]),
        ("/World/envs/env_[02]", ["env_0", "env_2"]),
        ("/World/envs/env_(0|10)", ["env_0", "env_10"]),
        ("/World/envs/env_2", ["env_2"]),
        ("/W.*/e*/env_1.+", ["env_10"]),
        ("/World/nothing/env_.*", []),
        ("/", []),
    ],
)
def test_patterns(stage, pattern, names):
    for name in ("env_10", "env_2", "env_a", "env_0", "other", "my_env_1"):
        UsdGeom.Xform.Define(stage, f"/World/envs/{name}")
    UsdGeom.Xform.Define(stage, "/World/envs/env_off").GetPrim().SetActive(False)
    stage.OverridePrim("/World/envs/env_over")
    assert [env.GetName() for env in find_environments(stage, pattern)] == names


def test_bad_patterns_say_so(stage):
    with pytest.raises(ConfigError, match="regular expression"):
        find_environments(stage, "/World/envs/env_(")
    with pytest.raises(ConfigError, match="absolute"):
        find_environments(stage, "env_.*")


def author_env(stage, root="/World/envs/env_0"):
    """An environment as a cloner finds it: a referenced robot, local props, a material, a camera and a light."""
    UsdGeom.Xform.Define(stage, root)
    robot = UsdGeom.Xform.Define(stage, f"{root}/robot")
    robot.GetPrim().GetReferences().AddInternalReference("/Library/robot")
    robot.AddTranslateOp().Set((0, 0, 1))
    material = UsdShade.Material.Define(stage, f"{root}/looks/red")
    shader = UsdShade.Shader.Define(stage, f"{root}/looks/red/s")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set((1, 0, 0))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    box = UsdGeom.Cube.Define(stage, f"{root}/box")
    box.AddTranslateOp().Set((1, 0, 0))
    UsdShade.MaterialBindingAPI.Apply(box.GetPrim()).Bind(material)
    mesh = UsdGeom.Mesh.Define(stage, f"{root}/table")
    mesh.CreatePointsAttr([(x, y, 0) for x in range(40) for y in range(40)])
    quads = [x * 40 + y for x in range(39) for y in range(39)]
    mesh.CreateFaceVertexCountsAttr([4] * len(quads))
    mesh.CreateFaceVertexIndicesAttr([k for q in quads for k in (q, q + 40, q + 41, q + 1)])
    mesh.CreateSubdivisionSchemeAttr("none")
    UsdGeom.Camera.Define(stage, f"{root}/robot/base/cam").AddTranslateOp().Set((0, 0, 2))
    stage.DefinePrim(f"{root}/lamp", "SphereLight")


def clone_envs(stage, count):
    UsdGeom.Sphere.Define(stage, "/Library/robot/base").AddTranslateOp().Set((0, 0.5, 0))
    UsdGeom.Capsule.Define(stage, "/Library/robot/base/arm").AddRotateXOp().Set(30)
    stage.GetRootLayer().GetPrimAtPath("/Library").specifier = Sdf.SpecifierClass
    UsdGeom.Plane.Define(stage, "/World/ground")
    envs = UsdGeom.Xform.Define(stage, "/World/envs")
    envs.AddTranslateOp().Set((0, 0, 100))
    author_env(stage)
    layer = stage.GetRootLayer()
    for env in range(1, count):
        Sdf.CopySpec(layer, "/World/envs/env_0", layer, f"/World/envs/env_{env}")
    for env in range(count):
        UsdGeom.XformCommonAPI(stage.GetPrimAtPath(f"/World/envs/env_{env}")).SetTranslate((2.0 * env, 0, 0))


def groups(stage):
    return [group.members for group in group_clones(stage, find_environments(stage, ENVS))]


def parts(stage):
    """Paths of the prims that differ somewhere, with the environments that have equal ones."""
    found = group_clones(stage, find_environments(stage, ENVS))
    return {
        path: [version.members for version in versions] for group in found for path, versions in group.parts.items()
    }


def rows(scene):
    """The scene as rows that do not depend on the order of its tables."""
    i = scene.instances
    out = []
    for k in range(len(i)):
        geometry = scene.geometries[i.geometry[k]]
        mesh = scene.meshes[geometry.mesh].points.tobytes() if geometry.mesh >= 0 else b""
        out.append(
            (
                int(i.env[k]),
                scene.paths[i.path[k]],
                scene.paths[i.owner[k]],
                geometry.kind,
                geometry.params,
                mesh,
                repr(replace(scene.materials[i.material[k]], name="")),
                bool(i.double_sided[k]),
                tuple(sorted(scene.labels[i.label[k]].items())),
                tuple(np.round(i.transform[k], 9).reshape(-1)),
            )
        )
    cameras = [(c.env, c.path, c.focal_length, tuple(np.round(c.transform, 9).reshape(-1))) for c in scene.cameras]
    lights = [(x.env, x.path, x.radiance, tuple(np.round(x.transform, 9).reshape(-1))) for x in scene.lights]
    return sorted(out), sorted(cameras), sorted(lights)


def assert_same_as_full_read(stage):
    quick = StageReader(stage, RendererCfg(), reuse_clones=True).read()
    full = StageReader(stage, RendererCfg(), reuse_clones=False).read()
    assert rows(quick) == rows(full)
    assert (np.diff(quick.instances.env) >= 0).all()
    return quick


def test_partitions_of_rtx_do_not_part_clones(stage):
    """Isaac Lab writes a token of its own onto each root, and onto each camera."""
    clone_envs(stage, 6)
    for i in range(6):
        root = stage.GetPrimAtPath(f"/World/envs/env_{i}")
        for prim in (root, *root.GetChildren()):
            for name in ("omni:scenePartition", "primvars:omni:scenePartition"):
                prim.CreateAttribute(name, Sdf.ValueTypeNames.Token).Set(f"env_{i}")
    assert groups(stage) == [list(range(6))]
    assert_same_as_full_read(stage)


def test_clones_are_recognised_and_equal_a_full_read(stage):
    clone_envs(stage, 12)
    assert groups(stage) == [list(range(12))]
    scene = assert_same_as_full_read(stage)
    assert scene.num_envs == 12 and len(scene.instances) == 1 + 12 * 4 and len(scene.meshes) == 1
    assert (scene.instances.env == SHARED).sum() == 1
    assert scene.paths[scene.instances.path[-1]].startswith("/World/envs/env_11/")
    assert len(scene.cameras) == 12 and scene.cameras[11].transform[3, 0] == 22


def edit(stage, path, what):
    prim = stage.GetPrimAtPath(path)
    if what == "moved":
        UsdGeom.XformCommonAPI(prim).SetTranslate((5, 5, 5))
    elif what == "robot moved":
        UsdGeom.XformCommonAPI(prim.GetParent().GetChild("robot")).SetTranslate((1, 1, 1))
    elif what == "hidden":
        UsdGeom.Imageable(prim).MakeInvisible()
    elif what == "coloured":
        UsdShade.MaterialBindingAPI(prim).UnbindAllBindings()
        UsdGeom.Gprim(prim).CreateDisplayColorAttr([(0, 1, 0)])
    elif what == "bound elsewhere":
        UsdShade.MaterialBindingAPI(prim).Bind(UsdShade.Material.Get(stage, "/World/envs/env_1/looks/red"))
    elif what == "resized":
        prim.GetAttribute("size").Set(0.5)
    elif what == "labelled":
        prim.CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.TokenArray).Set(["box"])
        prim.AddAppliedSchema("SemanticsLabelsAPI:class")
    elif what == "deactivated":
        prim.SetActive(False)
    elif what == "added":
        UsdGeom.Cone.Define(stage, f"{path}/hat")
    elif what == "robot overridden":
        robot = stage.OverridePrim(f"{prim.GetParent().GetPath()}/robot/base")
        robot.GetAttribute("radius").Set(3.0)
    elif what == "reset":
        UsdGeom.Xformable(prim).SetResetXformStack(True)
    elif what == "animated":
        UsdGeom.Xformable(prim).GetOrderedXformOps()[0].Set((3, 3, 3), 1.0)
    elif what == "reshaped":
        attribute = stage.GetAttributeAtPath(f"{prim.GetParent().GetPath()}/table.points")
        points = np.array(attribute.Get())
        points[7] += 0.5
        attribute.Set(Vt.Vec3fArray.FromNumpy(points))
    elif what == "red made blue":
        stage.GetAttributeAtPath(f"{prim.GetParent().GetPath()}/looks/red/s.inputs:diffuseColor").Set((0, 0, 1))


@pytest.mark.parametrize(
    ("what", "differs"),
    [
        ("moved", []),
        ("robot moved", []),
        ("hidden", ["/box"]),
        ("coloured", ["/box"]),
        ("bound elsewhere", ["/box"]),
        ("resized", ["/box"]),
        ("labelled", ["/box"]),
        ("deactivated", ["/box"]),
        ("added", ["/box/hat"]),
        ("robot overridden", ["/robot/base"]),
        ("reset", ["/box"]),
        ("animated", ["/box"]),
        ("reshaped", ["/table"]),
        ("red made blue", ["/box"]),
    ],
)
@pytest.mark.parametrize("env", [0, 3])
def test_what_differs_in_one_environment_is_not_lost(stage, what, differs, env):
    clone_envs(stage, 5)
    before = rows(StageReader(stage, RendererCfg()).read())
    edit(stage, f"/World/envs/env_{env}/box", what)
    assert groups(stage) == [list(range(5))]
    found = parts(stage)
    assert sorted(found) == differs
    # All that differ from the first one differ in the same way: they are one more group, unless a material of their
    # own is involved.
    together = what != "red made blue"
    assert all(sorted(map(len, versions)) == [1, 4] for versions in found.values() if together)
    after = rows(assert_same_as_full_read(stage))
    if what != "bound elsewhere":
        assert after != before


def add_subsets(stage, count):
    """A part of every table that has a material of its own."""
    for env in range(count):
        root = f"/World/envs/env_{env}"
        subset = UsdGeom.Subset.Define(stage, f"{root}/table/part")
        subset.CreateElementTypeAttr("face")
        subset.CreateFamilyNameAttr("materialBind")
        subset.CreateIndicesAttr([0, 1, 2])
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(UsdShade.Material.Get(stage, f"{root}/looks/red"))


def edit_subset(stage, path, what):
    subset, root = stage.GetPrimAtPath(path), path.rpartition("/table")[0]
    if what == "bound elsewhere":
        material, shader = UsdShade.Material.Define(stage, "/Other"), UsdShade.Shader.Define(stage, "/Other/s")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set((0, 1, 0))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        UsdShade.MaterialBindingAPI(subset).Bind(material)
    elif what == "bound to nothing":
        UsdShade.MaterialBindingAPI(subset).UnbindAllBindings()
    elif what == "of other faces":
        subset.GetAttribute("indices").Set([5, 9])
    elif what == "of another family":
        subset.GetAttribute("familyName").Set("other")
    elif what == "deactivated":
        subset.SetActive(False)
    elif what == "removed":
        stage.RemovePrim(path)
    elif what == "one more":
        more = UsdGeom.Subset.Define(stage, f"{root}/table/more")
        more.CreateElementTypeAttr("face")
        more.CreateFamilyNameAttr("materialBind")
        more.CreateIndicesAttr([20])
        UsdShade.MaterialBindingAPI.Apply(more.GetPrim()).Bind(UsdShade.Material.Get(stage, f"{root}/looks/red"))
    elif what == "red made blue":
        set_color(stage, f"{root}/looks/red/s", (0, 0, 1))


@pytest.mark.parametrize(
    "what",
    [
        "bound elsewhere",
        "bound to nothing",
        "of other faces",
        "of another family",
        "deactivated",
        "removed",
        "one more",
        "red made blue",
    ],
)
@pytest.mark.parametrize("env", [0, 3])
def test_subsets_that_differ_in_one_environment_are_not_lost(stage, what, env):
    clone_envs(stage, 5)
    add_subsets(stage, 5)
    before = rows(assert_same_as_full_read(stage))
    assert parts(stage) == {}
    edit_subset(stage, f"/World/envs/env_{env}/table/part", what)
    assert sorted(parts(stage)) == (["/box", "/table"] if what == "red made blue" else ["/table"])
    assert rows(assert_same_as_full_read(stage)) != before


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_of_random_environments_equal_a_full_read(stage, seed):
    rng = np.random.default_rng(seed)
    clone_envs(stage, 5)
    add_subsets(stage, 5)
    of_box = [
        "moved",
        "robot moved",
        "hidden",
        "coloured",
        "bound elsewhere",
        "resized",
        "labelled",
        "added",
        "robot overridden",
        "reshaped",
        "red made blue",
    ]
    of_subset = ["bound elsewhere", "bound to nothing", "of other faces", "of another family", "one more"]
    for _ in range(6):
        root = f"/World/envs/env_{rng.integers(5)}"
        if rng.random() < 0.5:
            edit(stage, f"{root}/box", rng.choice(of_box))
        else:
            edit_subset(stage, f"{root}/table/part", rng.choice(of_subset))
        assert_same_as_full_read(stage)


def test_opinions_of_other_layers_count(stage):
    clone_envs(stage, 4)
    with Usd.EditContext(stage, stage.GetSessionLayer()):
        UsdGeom.Cube.Get(stage, "/World/envs/env_2/box").GetSizeAttr().Set(0.25)
    assert sorted(groups(stage)) == [[0, 1, 3], [2]]
    assert_same_as_full_read(stage)


def test_heterogeneous_environments(stage):
    for env in range(9):
        root = f"/World/envs/env_{env}"
        UsdGeom.Xform.Define(stage, root).AddTranslateOp().Set((env, 0, 0))
        [UsdGeom.Cube, UsdGeom.Sphere, UsdGeom.Cone][env % 3].Define(stage, f"{root}/thing")
    assert groups(stage) == [list(range(9))]
    assert parts(stage) == {"/thing": [[0, 3, 6], [1, 4, 7], [2, 5, 8]]}
    scene = assert_same_as_full_read(stage)
    assert list(scene.instances.env) == list(range(9))


def set_color(stage, path, color):
    stage.GetAttributeAtPath(f"{path}.inputs:diffuseColor").Set(color)


def recolour_child(stage, root, env):
    UsdGeom.Mesh.Get(stage, f"{root}/table").CreateDisplayColorAttr([(env % 3 / 3, 0, 0)])


def exchange_asset(stage, root, env):
    robot = stage.GetPrimAtPath(f"{root}/robot")
    robot.GetReferences().ClearReferences()
    robot.GetReferences().AddInternalReference(f"/Library/{['robot', 'other'][env % 2]}")


def recolour_material(stage, root, env):
    set_color(stage, f"{root}/looks/red/s", (env % 3 / 3, 0, 0))


def bind_other_material(stage, root, env):
    material = UsdShade.Material.Get(stage, f"/Library/looks/look_{env % 2}")
    UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath(f"{root}/table")).Bind(material)


def hide_some(stage, root, env):
    if env % 2:
        UsdGeom.Imageable(stage.GetPrimAtPath(f"{root}/table")).MakeInvisible()


def activate_one_of_two(stage, root, env):
    stage.GetPrimAtPath(f"{root}/{['box', 'table'][env % 2]}").SetActive(False)


def override_grandchild(stage, root, env):
    stage.OverridePrim(f"{root}/robot/base/arm").GetAttribute("radius").Set(0.5 + env % 2)


def override_material_of_asset(stage, root, env):
    """The mesh that is bound to it has no opinions of its own in the environment."""
    stage.OverridePrim(f"{root}/robot/looks/paint/s")
    set_color(stage, f"{root}/robot/looks/paint/s", (0, env % 3 / 3, 0))


def bind_from_above(stage, root, env):
    material = UsdShade.Material.Get(stage, f"{root}/looks/red")
    UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath(root)).Bind(material)
    recolour_material(stage, root, env)


def bind_across_parts(stage, root, env):
    """Prims of a part that differs itself, bound to its own material of an environment or to that of another."""
    child = UsdGeom.Cube.Define(stage, f"{root}/box/inner/cube")
    other = f"/World/envs/env_{1 if env == 5 else env}/looks/red"
    UsdShade.MaterialBindingAPI.Apply(child.GetPrim()).Bind(UsdShade.Material.Get(stage, other))
    stage.GetAttributeAtPath(f"{root}/box.size").Set(1.0 + env % 2)


def refer_to_part(stage, root, env):
    """A prim that is a reference to another one of its environment, which differs."""
    stage.DefinePrim(f"{root}/copy").GetReferences().AddInternalReference(f"{root}/table")
    recolour_child(stage, root, env)


def add_some(stage, root, env):
    if env % 3 == 1:
        UsdGeom.Cone.Define(stage, f"{root}/extra/cone").AddTranslateOp().Set((env, 0, 0))


def move_and_recolour(stage, root, env):
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath(f"{root}/box")).SetTranslate((env, 1, 1))
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath(f"{root}/robot")).SetTranslate((0, env, 1))
    stage.OverridePrim(f"{root}/robot/base/arm").GetAttribute("radius").Set(0.5 + env % 2)
    recolour_material(stage, root, env)


def label_owner(stage, root, env):
    robot = stage.GetPrimAtPath(f"{root}/robot")
    robot.CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.TokenArray).Set(["robot"])
    override_grandchild(stage, root, env)


def recolour_prototype(stage, root, env):
    instancer = UsdGeom.PointInstancer.Define(stage, f"{root}/instancer")
    ball = UsdGeom.Sphere.Define(stage, f"{root}/protos/ball")
    ball.CreateDisplayColorAttr([(env % 2, 0, 0)])
    instancer.CreatePrototypesRel().SetTargets([ball.GetPath()])
    instancer.CreatePositionsAttr([(0, 0, 0), (1, 0, 0)])
    instancer.CreateProtoIndicesAttr([0, 0])


def vary(stage, root, env):
    variants = stage.GetPrimAtPath(f"{root}/box").GetVariantSets().AddVariantSet("size")
    variants.AddVariant("given")
    variants.SetVariantSelection("given")
    with variants.GetVariantEditContext():
        stage.GetAttributeAtPath(f"{root}/box.size").Set(1.0)
        UsdGeom.Cube.Define(stage, f"{root}/box/knob").CreateSizeAttr(0.1 + env % 2)


def randomise_mass(stage, root, env):
    stage.GetPrimAtPath(f"{root}/box").CreateAttribute("physics:mass", Sdf.ValueTypeNames.Float).Set(1.0 + env)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (recolour_child, {"/table": 3}),
        (exchange_asset, {"/robot": 2}),
        (recolour_material, {"/box": 7}),
        (bind_other_material, {"/table": 2}),
        (hide_some, {"/table": 2}),
        (activate_one_of_two, {"/box": 2, "/table": 2}),
        (override_grandchild, {"/robot/base/arm": 2}),
        (override_material_of_asset, {"/robot/skin": 7}),
        (bind_from_above, None),
        (bind_across_parts, {"/box": None}),
        (refer_to_part, {"/copy": 7, "/table": 3}),
        (add_some, {"/extra": 2}),
        (move_and_recolour, {"/box": 7, "/robot/base/arm": 2}),
        (label_owner, {"/robot/base/arm": 2}),
        (recolour_prototype, {"/instancer": None, "/protos/ball": 2}),
        # What has variants is compared as a whole, and always.
        (vary, {"/box": 3}),
        (randomise_mass, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_only_what_differs_is_read_again(stage, change, differs):
    clone_envs(stage, 9)
    UsdGeom.Cube.Define(stage, "/Library/other/part")
    skin = UsdGeom.Cube.Define(stage, "/Library/robot/skin")
    for path in ("/Library/robot/looks/paint", "/Library/looks/look_0", "/Library/looks/look_1"):
        material, shader = UsdShade.Material.Define(stage, path), UsdShade.Shader.Define(stage, f"{path}/s")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set((0, 0, float(path[-1] == "1")))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(skin.GetPrim()).Bind(UsdShade.Material.Get(stage, "/Library/robot/looks/paint"))
    for env in range(9):
        change(stage, f"/World/envs/env_{env}", env)
    scene = assert_same_as_full_read(stage)
    colors = {material.base_color for material in scene.materials}
    assert len(colors) == len(scene.materials)
    if differs is not None:
        assert groups(stage) == [list(range(9))]
        found = parts(stage)
        assert sorted(found) == sorted(differs)
        for path, number in differs.items():
            versions = found[path]
            assert sorted(env for members in versions for env in members) == list(range(9))
            assert number is None or len(versions) == number


def material_of(stage, scene, path):
    return scene.materials[scene.instances.material[[scene.paths[i] for i in scene.instances.path].index(path)]]


def count_walks(monkeypatch):
    """Paths of the prims that walks begin at."""
    walked = []
    visit = stage_reader._Walk.visit
    monkeypatch.setattr(
        stage_reader._Walk,
        "visit",
        lambda self, prim, *rest: (walked.append(str(prim.GetPath())), visit(self, prim, *rest))[1],
    )
    return walked


def test_a_part_with_other_materials_is_walked_once(stage, monkeypatch):
    """As domain randomisation leaves thousands of environments: each has colours of its own."""
    clone_envs(stage, 6)
    add_subsets(stage, 6)
    for env in range(6):
        recolour_material(stage, f"/World/envs/env_{env}", env)
        UsdGeom.XformCommonAPI(stage.GetPrimAtPath(f"/World/envs/env_{env}/box")).SetTranslate((env, 1, 1))
        UsdGeom.XformCommonAPI(stage.GetPrimAtPath(f"/World/envs/env_{env}/table")).SetTranslate((env, 2, 2))
    assert_same_as_full_read(stage)
    walked = count_walks(monkeypatch)
    scene = StageReader(stage, RendererCfg()).read()
    assert walked == ["/", *(f"/World/envs/env_0{part}" for part in ("", "/box", "/table"))]
    colors = [material_of(stage, scene, f"/World/envs/env_{env}/box").base_color[0] for env in range(6)]
    assert colors == pytest.approx([env % 3 / 3 for env in range(6)])


def color_boxes(stage, colors):
    """Boxes of environments that stand elsewhere and have other colours, without a material."""
    for env, color in enumerate(colors):
        box = stage.GetPrimAtPath(f"/World/envs/env_{env}/box")
        UsdShade.MaterialBindingAPI(box).UnbindAllBindings()
        UsdGeom.Gprim(box).CreateDisplayColorAttr([(color, 0.5, 0.5)])
        UsdGeom.XformCommonAPI(box).SetTranslate((env, 1, 1))


def test_a_part_with_other_colors_is_walked_once(stage, monkeypatch):
    clone_envs(stage, 7)
    color_boxes(stage, [0.0, 0.25, 0.5, 0.25, 0.5, 0.75, 0.0])
    assert_same_as_full_read(stage)
    assert parts(stage) == {"/box": [[0, 6], [1, 3], [2, 4], [5]]}
    walked = count_walks(monkeypatch)
    scene = StageReader(stage, RendererCfg()).read()
    assert walked == ["/", "/World/envs/env_0", "/World/envs/env_0/box"]
    colors = [material_of(stage, scene, f"/World/envs/env_{env}/box").base_color[0] for env in range(7)]
    assert colors == [0.0, 0.25, 0.5, 0.25, 0.5, 0.75, 0.0]


@pytest.mark.parametrize("why", ["colors in the mesh", "something to tell", "another opacity", "another size, too"])
def test_a_part_whose_colors_change_it_in_more_is_walked_again(stage, why):
    clone_envs(stage, 6)
    color_boxes(stage, [0.0, 0.25, 0.5, 0.25, 0.5, 0.25])
    for env in range(6):
        table = UsdGeom.Mesh.Get(stage, f"/World/envs/env_{env}/table")
        points = len(table.GetPointsAttr().Get())
        box = UsdGeom.Gprim.Get(stage, f"/World/envs/env_{env}/box")
        box.CreateDisplayOpacityPrimvar("uniform" if why == "something to tell" else "constant").Set([1.0])
        if why == "colors in the mesh":
            shade = (env % 3) / 3
            table.CreateDisplayColorPrimvar("vertex").Set([(shade, k / points, 0) for k in range(points)])
            UsdGeom.XformCommonAPI(table).SetTranslate((0, env, 1))
        elif why == "another opacity" and env in (1, 3):
            box.GetDisplayOpacityAttr().Set([0.5])
        elif why == "another size, too" and env in (1, 2):
            box.GetPrim().GetAttribute("size").Set(3.0)
    scene = assert_same_as_full_read(stage)
    told = [f"/World/envs/env_{env}/box" for env in (0, 1, 2) if why == "something to tell"]
    assert [finding.path for finding in scene.findings] == told
    if why == "colors in the mesh":
        assert len({scene.meshes[g.mesh].colors.tobytes() for g in scene.geometries if g.mesh >= 0}) == 3


@pytest.mark.parametrize("why", ["another primvar", "something to tell", "no material", "a base that differs"])
def test_a_part_that_other_materials_change_in_more_is_walked_again(stage, monkeypatch, why):
    clone_envs(stage, 4)
    for env in range(4):
        root = f"/World/envs/env_{env}"
        table = UsdGeom.Mesh.Get(stage, f"{root}/table")
        UsdShade.MaterialBindingAPI.Apply(table.GetPrim()).Bind(UsdShade.Material.Get(stage, f"{root}/looks/red"))
        points = len(table.GetPointsAttr().Get())
        UsdGeom.PrimvarsAPI(table).CreatePrimvar("wear", Sdf.ValueTypeNames.Color3fArray, "vertex").Set(
            [(k / points, 0, 0) for k in range(points)]
        )
        table.CreateDisplayColorPrimvar("vertex").Set([(0, k / points, 0) for k in range(points)])
        if why == "something to tell":
            table.GetFaceVertexCountsAttr().Set([*table.GetFaceVertexCountsAttr().Get(), 2])
    root = "/World/envs/env_2"
    if why == "another primvar":
        shader = UsdShade.Shader.Define(stage, f"{root}/looks/red/reader")
        shader.CreateIdAttr("UsdPrimvarReader_float3")
        shader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("wear")
        surface = UsdShade.Shader.Get(stage, f"{root}/looks/red/s")
        surface.GetInput("diffuseColor").ConnectToSource(shader.ConnectableAPI(), "result")
    elif why == "no material":
        stage.RemovePrim(f"{root}/looks/red")
    else:
        set_color(stage, f"{root}/looks/red/s", (0, 0, 1))
    if why == "a base that differs":
        for env in range(4):
            table = stage.DefinePrim(f"/World/envs/env_{env}/table")
            table.GetReferences().AddInternalReference(
                f"/World/envs/env_{env}/looks/red", position=Usd.ListPositionBackOfAppendList
            )
    assert_same_as_full_read(stage)
    walked = count_walks(monkeypatch)
    again = StageReader(stage, RendererCfg()).read()
    assert f"{root}/table" in walked
    full = StageReader(stage, RendererCfg(), reuse_clones=False).read()
    # What is told of the first one holds for its clones; what is told of the other one is its own.
    told = [[(f.code, f.path) for f in read.findings if root in f.path] for read in (again, full)]
    assert sorted(told[0]) == sorted(told[1])


def test_referenced_and_instanceable_environments(stage):
    clone_envs(stage, 1)
    for env in range(1, 6):
        prim = UsdGeom.Xform.Define(stage, f"/World/envs/env_{env}")
        prim.AddTranslateOp().Set((env, 0, 0))
        prim.GetPrim().GetReferences().AddInternalReference("/World/envs/env_0")
        prim.GetPrim().SetInstanceable(env > 3)
    assert sorted(groups(stage)) == [[0], [1, 2, 3], [4, 5]]
    assert_same_as_full_read(stage)


def test_point_instancer_prototypes_that_moved(stage):
    instancer = UsdGeom.PointInstancer.Define(stage, "/World/envs/env_0/inst")
    UsdGeom.Cube.Define(stage, "/World/envs/env_0/inst/proto").AddTranslateOp().Set((0, 0, 1))
    instancer.CreatePrototypesRel().SetTargets(["/World/envs/env_0/inst/proto"])
    instancer.CreatePositionsAttr([(0, 0, 0), (1, 0, 0)])
    instancer.CreateProtoIndicesAttr([0, 0])
    layer = stage.GetRootLayer()
    for env in range(1, 4):
        Sdf.CopySpec(layer, "/World/envs/env_0", layer, f"/World/envs/env_{env}")
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/envs/env_2/inst/proto")).SetTranslate((0, 0, 7))
    scene = assert_same_as_full_read(stage)
    assert sorted(set(scene.instances.transform[:, 3, 2])) == [1, 7]
    assert {path: versions for path, versions in parts(stage).items()} == {"/inst": [[0, 1, 3], [2]]}


def test_moved_prims_that_others_are_references_to(stage):
    """Both the prim and what refers to it stand elsewhere."""
    for env in range(4):
        root = f"/World/envs/env_{env}"
        UsdGeom.Cube.Define(stage, f"{root}/base/box").AddTranslateOp().Set((0, 0, env % 3))
        stage.DefinePrim(f"{root}/copy").GetReferences().AddInternalReference(f"{root}/base")
    scene = assert_same_as_full_read(stage)
    assert sorted(scene.instances.transform[:, 3, 2]) == [0, 0, 0, 0, 1, 1, 2, 2]


def test_environment_roots_that_are_scopes_variants_and_unloaded_payloads(stage):
    for env in range(4):
        UsdGeom.Scope.Define(stage, f"/World/envs/env_{env}")
        UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/box").AddTranslateOp().Set((env, 0, 0))
        prim = stage.GetPrimAtPath(f"/World/envs/env_{env}")
        variants = prim.GetVariantSets().AddVariantSet("extra")
        variants.AddVariant("with")
        variants.SetVariantSelection("with" if env else "")
        if env:
            with variants.GetVariantEditContext():
                UsdGeom.Sphere.Define(stage, f"/World/envs/env_{env}/ball").AddTranslateOp().Set((0, 0, env))
    assert_same_as_full_read(stage)


def test_environments_below_something_hidden_draw_nothing(stage):
    clone_envs(stage, 3)
    UsdGeom.Imageable(stage.GetPrimAtPath("/World/envs")).MakeInvisible()
    scene = assert_same_as_full_read(stage)
    assert len(scene.instances) == 1 and scene.num_envs == 3 and len(scene.cameras) == 3
    assert Gf.Vec3d(*scene.cameras[2].transform[3, :3]) == Gf.Vec3d(4, 0.5, 103)
