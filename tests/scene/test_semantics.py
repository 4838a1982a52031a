"""Semantic labels of both schemas, registered or not."""

from __future__ import annotations

import pytest

pytest.importorskip("pxr")

from pxr import Sdf, Usd

from omni.isaac.ovrtx_render.scene.data import Finding
from omni.isaac.ovrtx_render.scene.semantics import SemanticReader, label_filter


@pytest.fixture
def stage() -> Usd.Stage:
    return Usd.Stage.CreateInMemory()


def old_style(prim: Usd.Prim, instance: str, kind: object, data: object) -> None:
    """What Isaac Sim's ``add_update_semantics`` authors, without its schema."""
    for name, value in (("semanticType", kind), ("semanticData", data)):
        type_name = Sdf.ValueTypeNames.String if isinstance(value, str) else Sdf.ValueTypeNames.Float
        prim.CreateAttribute(f"semantic:{instance}:params:{name}", type_name).Set(value)


def labels(prim: Usd.Prim) -> tuple[dict[str, str], list[Finding]]:
    findings: list[Finding] = []
    return SemanticReader(findings).labels_of(prim), findings


def test_none(stage: Usd.Stage) -> None:
    assert labels(stage.DefinePrim("/a")) == ({}, [])


def test_labels_api_by_schema(stage: Usd.Stage) -> None:
    semantics = pytest.importorskip("pxr.UsdSemantics")
    prim = stage.DefinePrim("/a")
    semantics.LabelsAPI.Apply(prim, "class").CreateLabelsAttr(["robot", "arm"])
    semantics.LabelsAPI.Apply(prim, "color").CreateLabelsAttr(["red"])
    assert labels(prim) == ({"class": "robot,arm", "color": "red"}, [])


def test_labels_without_schema(stage: Usd.Stage) -> None:
    prim = stage.DefinePrim("/a")
    prim.CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.TokenArray).Set(["robot", "robot", "", "hand"])
    prim.CreateAttribute("semantics:labels:empty", Sdf.ValueTypeNames.TokenArray).Set([])
    assert labels(prim) == ({"class": "robot,hand"}, [])


def test_old_schema(stage: Usd.Stage) -> None:
    prim = stage.DefinePrim("/a")
    old_style(prim, "Semantics", "class", "cup")
    old_style(prim, "Semantics_1", "class", "mug")
    old_style(prim, "Semantics_2", "shape", "round")
    assert labels(prim) == ({"class": "cup,mug", "shape": "round"}, [])


def test_both_schemas_are_merged(stage: Usd.Stage) -> None:
    prim = stage.DefinePrim("/a")
    prim.CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.TokenArray).Set(["cup"])
    old_style(prim, "Semantics", "class", "cup")
    assert labels(prim)[0] == {"class": "cup"}


def test_only_own_labels(stage: Usd.Stage) -> None:
    old_style(stage.DefinePrim("/a"), "Semantics", "class", "cup")
    assert labels(stage.DefinePrim("/a/b"))[0] == {}


def test_wrong_types_are_told(stage: Usd.Stage) -> None:
    prim = stage.DefinePrim("/a")
    old_style(prim, "Semantics", "class", 5.0)
    prim.CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.Float).Set(1.0)
    found, findings = labels(prim)
    assert found == {}
    assert {(finding.code, finding.path) for finding in findings} == {("semantics-type", "/a")}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("*:*", {"class", "id"}),
        ("", {"class", "id"}),
        ("class:*", {"class"}),
        ("class", {"class"}),
        ("class:robot", {"class"}),
        ("class:table", set()),
        ("*:arm", {"class"}),
        ("class:robot & arm", {"class"}),
        ("class:robot & table", set()),
        ("class:table, robot", {"class"}),
        ("class:table | robot", {"class"}),
        ("class:!table", {"class"}),
        ("class:!robot", set()),
        ("class:table; id:*", {"id"}),
        ("class:robot, id:*", {"class", "id"}),
    ],
)
def test_filter(text: str, kept: set[str]) -> None:
    keeps = label_filter(text)
    labels = {"class": {"robot", "arm"}, "id": {"7"}}
    assert {kind for kind, values in labels.items() if keeps(kind, values)} == kept
