"""Bindings with their reasons, by the rules of UsdShade."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")

from pxr import Sdf, Usd, UsdGeom, UsdShade

from omni.isaac.ovrtx_render.errors import BackendUnavailableError, SceneError
from omni.isaac.ovrtx_render.inspect import Binding, check

TEXT = """#usda 1.0
(
    metersPerUnit = 1
)
def "World" (
    prepend apiSchemas = ["MaterialBindingAPI", "CollectionAPI:odd"]
)
{
    rel collection:odd:includes = </World/ByCollection>
    rel material:binding:collection:odd = [</World.collection:odd>, </Looks/green>]

    def Xform "Group" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        rel material:binding = </Looks/red>

        def Cube "Inherits"
        {
        }

        def Cube "Direct" (
            prepend apiSchemas = ["MaterialBindingAPI"]
        )
        {
            rel material:binding = </Looks/blue>
        }
    }

    def Xform "Strong" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        rel material:binding = </Looks/red> (
            bindMaterialAs = "strongerThanDescendants"
        )

        def Cube "Overruled" (
            prepend apiSchemas = ["MaterialBindingAPI"]
        )
        {
            rel material:binding = </Looks/blue>
        }
    }

    def Cube "Purposes" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        rel material:binding = </Looks/red>
        rel material:binding:preview = </Looks/green>
        rel material:binding:full = </Looks/blue>
    }

    def Cube "Preview" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        rel material:binding = </Looks/red>
        rel material:binding:preview = </Looks/green>
    }

    def Cube "OnlyPreview" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        rel material:binding:preview = </Looks/green>
    }

    def Cube "ByCollection"
    {
    }

    def Cube "Colored"
    {
        color3f[] primvars:displayColor = [(1, 0, 0)]
    }

    def Cube "Nothing"
    {
    }

    def Xform "Instance" (
        instanceable = true
        references = </Prototype>
    )
    {
    }

    def PointInstancer "Grass"
    {
        rel prototypes = </Hidden/Blade>
        int[] protoIndices = [0]
        point3f[] positions = [(0, 0, 0)]
    }
}
def Xform "Prototype"
{
    def Cube "Shape" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        rel material:binding = </Prototype/own>
    }
    def Material "own"
    {
    }
}
over "Hidden"
{
    def Cube "Blade"
    {
    }
}
def Scope "Looks"
{
    def Material "red"
    {
    }
    def Material "green"
    {
    }
    def Material "blue"
    {
    }
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "stage.usda").write_text(TEXT, encoding="utf-8")
    return tmp_path / "stage.usda"


@pytest.mark.parametrize(
    ("path", "material", "reason", "bound_at", "purpose"),
    [
        ("Group/Inherits", "/Looks/red", "inherited", "/World/Group", "allPurpose"),
        ("Group/Direct", "/Looks/blue", "direct", "/World/Group/Direct", "allPurpose"),
        ("Strong/Overruled", "/Looks/red", "inherited", "/World/Strong", "allPurpose"),
        ("Purposes", "/Looks/blue", "direct", "/World/Purposes", "full"),
        ("Preview", "/Looks/red", "direct", "/World/Preview", "allPurpose"),
        ("OnlyPreview", "/Looks/green", "direct", "/World/OnlyPreview", "preview"),
        ("ByCollection", "/Looks/green", "collection", "/World", "allPurpose"),
        ("Colored", "", "none", "", "allPurpose"),
        ("Nothing", "", "none", "", "allPurpose"),
        ("Instance/Shape", "/World/Instance/own", "direct", "/World/Instance/Shape", "allPurpose"),
    ],
)
def test_reasons(file: Path, path: str, material: str, reason: str, bound_at: str, purpose: str) -> None:
    report = check(file)
    found = next(binding for binding in report.bindings if binding.path == f"/World/{path}")
    assert (found.material, found.reason, found.bound_at, found.purpose) == (material, reason, bound_at, purpose)
    alone = report.binding(f"/World/{path}")
    assert (alone.material, alone.reason) == (material, reason)
    if bound_at and not found.instance:
        line = TEXT.splitlines()[alone.site.line - 1]
        assert material in line and found.relationship in line
    assert reason in str(found) or "no material" in str(found)


def test_what_is_special_is_named(file: Path) -> None:
    by_path = {binding.path: binding for binding in check(file).bindings}
    assert by_path["/World/Strong/Overruled"].strength == "strongerThanDescendants"
    assert by_path["/World/Instance/Shape"].instance == "/World/Instance"
    assert (by_path["/World/Colored"].fallback, by_path["/World/Nothing"].fallback) == ("displayColor", "grey")
    assert by_path["/Hidden/Blade"].fallback == "grey", "prototypes of point instancers are looked at, too"


def test_who_shows_a_material_and_who_has_none(file: Path) -> None:
    report = check(file)
    assert {binding.path for binding in report.users("/Looks/blue")} == {"/World/Group/Direct", "/World/Purposes"}
    assert {binding.path for binding in report.users("")} == {"/World/Colored", "/World/Nothing", "/Hidden/Blade"}
    with pytest.raises(SceneError, match="no gprim"):
        report.binding("/World/Group")
    with pytest.raises(SceneError, match="no gprim"):
        report.binding("not a path")
    with pytest.raises(BackendUnavailableError, match="unknown backend"):
        check(file, backend="nonsense")


def test_the_resolution_is_usds_own(file: Path) -> None:
    stage = Usd.Stage.Open(str(file))
    for binding in check(stage).bindings:
        api = UsdShade.MaterialBindingAPI(stage.GetPrimAtPath(binding.path))
        material, _ = api.ComputeBoundMaterial("preview" if binding.purpose == "preview" else "full")
        assert str(material.GetPath() if material else "") == binding.material


def test_environments_that_differ_are_overrides() -> None:
    stage = Usd.Stage.CreateInMemory()
    for name in ("red", "blue"):
        UsdShade.Material.Define(stage, f"/World/Looks/{name}")
    for env in range(6):
        ball = UsdGeom.Sphere.Define(stage, f"/World/envs/env_{env}/Ball").GetPrim()
        look = UsdShade.Material.Get(stage, f"/World/Looks/{'blue' if env == 4 else 'red'}")
        UsdShade.MaterialBindingAPI.Apply(ball).Bind(look)
        UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/Box")
    report = check(stage)
    (path,) = report.overrides()
    found: list[Binding] = report.overrides()[path]
    assert path == "/World/envs/env_0/Ball"
    assert {(b.material, b.envs) for b in found} == {
        ("/World/Looks/red", (0, 1, 2, 3, 5)),
        ("/World/Looks/blue", (4,)),
    }
    assert report.paths(found[-1]) == [f"/World/envs/env_{env}/Ball" for env in found[-1].envs]
    stage.GetPrimAtPath("/World/envs/env_4/Ball").GetRelationship("material:binding").SetTargets(["/World/Looks/red"])
    report.update([Sdf.Path("/World/envs/env_4/Ball.material:binding")])
    assert report.overrides() == {}
