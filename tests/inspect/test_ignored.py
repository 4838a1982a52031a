"""What of a surface shader is said to be ignored: what is authored and says something, and nothing at its default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
pytest.importorskip("PIL", reason="needs the extra 'standalone'")

from gallery.case import Scene, T
from pxr import Gf, UsdShade

from omni.isaac.ovrtx_render.inspect import check

WHITE, TEAL = (T.Color3f, Gf.Vec3f(1.0, 1.0, 1.0)), (T.Color3f, Gf.Vec3f(0.0, 0.5, 0.5))
ON = (T.Bool, True)


def told(folder: Path, name: str, inputs: dict[str, Any]) -> list[str]:
    """Messages about a shader, up to their colons: the names of inputs."""
    scene = Scene(folder, False, False)
    if name.startswith("ND_"):
        shader = scene.shader("other/Surface", name, **inputs)
        material = UsdShade.Material.Get(scene.stage, "/World/Looks/other")
        material.CreateSurfaceOutput("mtlx").ConnectToSource(shader.ConnectableAPI(), "out")
    else:
        scene.mdl("other", f"{name}.mdl", name, **inputs)
    scene.bind(scene.panel.GetPrim(), "other")
    scene.stage.Save()
    findings = check(scene.stage).findings
    assert {finding.code for finding in findings} <= {"input-ignored"}
    assert all(finding.severity == "info" for finding in findings)
    return sorted(finding.message.partition(":")[0] for finding in findings)


STANDARD, OPEN, GLTF = (f"ND_{name}_surfaceshader" for name in ("standard_surface", "open_pbr_surface", "gltf_pbr"))


@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        (STANDARD, {"sheen": 0.0, "specular": 1.0, "specular_color": WHITE, "subsurface": 0.0, "coat": 1.0}, []),
        (STANDARD, {"specular_color": TEAL, "coat_color": TEAL, "transmission_color": TEAL}, ["specular_color"]),
        (STANDARD, {"coat": 0.5, "coat_color": TEAL, "coat_affect_color": 1.0}, ["coat_color, coat_affect_color"]),
        (STANDARD, {"transmission": 0.5, "transmission_color": TEAL}, ["transmission_color"]),
        (STANDARD, {"subsurface": 0.5, "sheen": 0.5}, ["sheen", "subsurface"]),
        (OPEN, {"thin_film_thickness": 0.5, "subsurface_color": TEAL, "coat_darkening": 1.0}, []),
        (OPEN, {"fuzz_weight": 0.5, "subsurface_weight": 1.0}, ["fuzz_weight", "subsurface_weight"]),
        (GLTF, {"sheen_color": TEAL, "specular": 0.5, "iridescence": 0.0}, ["sheen_color, specular"]),
        ("OmniSurface", {"subsurface_weight": 0.5, "thin_film_thickness": 400.0, "coat_color": TEAL}, []),
        ("OmniSurface", {"subsurface_weight": 0.5, "enable_diffuse_transmission": ON}, ["subsurface_weight"]),
        ("OmniSurface", {"enable_thin_film": ON, "diffuse_reflection_roughness": 0.5},
         ["diffuse_reflection_roughness, enable_thin_film"]),
        ("OmniGlass", {"reflection_color": WHITE}, []),
        ("OmniGlass", {"reflection_color": TEAL}, ["reflection_color"]),
    ],
)  # fmt: skip
def test_what_says_something_is_told(tmp_path: Path, name: str, inputs: dict[str, Any], expected: list[str]) -> None:
    assert told(tmp_path, name, inputs) == expected
