"""UsdLux lights to exact Light fields."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pxr")

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

from omni.isaac.ovrtx_render.config import RendererCfg
from omni.isaac.ovrtx_render.scene.data import Finding, Light, LightKind
from omni.isaac.ovrtx_render.scene.lights import dome_texture_coordinates, is_light, light_radiance, read_light
from omni.isaac.ovrtx_render.scene.materials import MaterialReader

TRANSFORM = np.array(Gf.Matrix4d().SetTranslate((1, 2, 3)))


@pytest.fixture
def stage() -> Usd.Stage:
    return Usd.Stage.CreateInMemory()


def read(prim: Usd.Prim, transform: np.ndarray = TRANSFORM) -> tuple[Light | None, list[Finding], MaterialReader]:
    assert is_light(prim)
    findings: list[Finding] = []
    reader = MaterialReader(prim.GetStage(), RendererCfg(), findings)
    return read_light(prim, 3, transform, reader, findings, RendererCfg()), findings, reader


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (UsdLux.DistantLight, LightKind.DISTANT),
        (UsdLux.SphereLight, LightKind.SPHERE),
        (UsdLux.RectLight, LightKind.RECT),
        (UsdLux.DiskLight, LightKind.DISK),
        (UsdLux.CylinderLight, LightKind.CYLINDER),
        (UsdLux.DomeLight, LightKind.DOME),
        (UsdLux.DomeLight_1, LightKind.DOME),
    ],
)
def test_kinds_and_schema_defaults(stage: Usd.Stage, schema: type, kind: LightKind) -> None:
    light, findings, _ = read(schema.Define(stage, "/light").GetPrim())
    assert light is not None
    expected = 50000.0 if kind == LightKind.DISTANT else 1.0
    assert (light.kind, light.radiance, light.env, light.path) == (kind, (expected,) * 3, 3, "/light")
    assert (light.radius, light.width, light.height, light.length) == (0.5, 1.0, 1.0, 1.0)
    assert light.angle == pytest.approx(0.53)
    assert (light.normalize, light.treat_as_point, light.cast_shadows) == (False, False, True)
    assert (light.cone_angle, light.cone_softness, light.focus) == (180.0, 0.0, 0.0)
    assert (light.diffuse, light.specular, light.texture) == (1.0, 1.0, -1)
    np.testing.assert_array_equal(light.transform, TRANSFORM)
    assert findings == []


def test_every_value_arrives(stage: Usd.Stage) -> None:
    lamp = UsdLux.SphereLight.Define(stage, "/light")
    lamp.CreateIntensityAttr(3.0)
    lamp.CreateExposureAttr(2.0)
    lamp.CreateColorAttr((1.0, 0.5, 0.25))
    lamp.CreateNormalizeAttr(True)
    lamp.CreateDiffuseAttr(0.5)
    lamp.CreateSpecularAttr(0.25)
    lamp.CreateRadiusAttr(2.5)
    lamp.CreateTreatAsPointAttr(True)
    shaping = UsdLux.ShapingAPI.Apply(lamp.GetPrim())
    shaping.CreateShapingConeAngleAttr(30.0)
    shaping.CreateShapingConeSoftnessAttr(0.5)
    shaping.CreateShapingFocusAttr(4.0)
    UsdLux.ShadowAPI.Apply(lamp.GetPrim()).CreateShadowEnableAttr(False)
    light, findings, _ = read(lamp.GetPrim())
    assert light is not None
    assert light.radiance == (12.0, 6.0, 3.0)
    assert (light.normalize, light.diffuse, light.specular) == (True, 0.5, 0.25)
    assert (light.radius, light.treat_as_point, light.cast_shadows) == (2.5, True, False)
    assert (light.cone_angle, light.cone_softness, light.focus) == (30.0, 0.5, 4.0)
    assert findings == []


def test_shapes(stage: Usd.Stage) -> None:
    rect = UsdLux.RectLight.Define(stage, "/rect")
    rect.CreateWidthAttr(3.0)
    rect.CreateHeightAttr(4.0)
    cylinder = UsdLux.CylinderLight.Define(stage, "/cylinder")
    cylinder.CreateLengthAttr(5.0)
    distant = UsdLux.DistantLight.Define(stage, "/sun")
    distant.CreateAngleAttr(2.0)
    lights = [read(light.GetPrim())[0] for light in (rect, cylinder, distant)]
    assert [(light.width, light.height, light.length, light.angle) for light in lights if light] == [
        (3.0, 4.0, 1.0, pytest.approx(0.53)),
        (1.0, 1.0, 5.0, pytest.approx(0.53)),
        (1.0, 1.0, 1.0, 2.0),
    ]


def test_color_temperature(stage: Usd.Stage) -> None:
    lamp = UsdLux.SphereLight.Define(stage, "/light")
    lamp.CreateColorTemperatureAttr(3000.0)
    light, _, _ = read(lamp.GetPrim())
    assert light is not None and light.radiance == (1.0, 1.0, 1.0)
    lamp.CreateEnableColorTemperatureAttr(True)
    light, _, _ = read(lamp.GetPrim())
    assert light is not None
    assert light.radiance == pytest.approx(tuple(UsdLux.BlackbodyTemperatureAsRgb(3000.0)))
    assert light.radiance[0] > light.radiance[1] > light.radiance[2]
    # The blackbody colours keep the luminance of white.
    for kelvin in (1500.0, 4000.0, 9000.0):
        assert np.dot(light_radiance((1, 1, 1), 1, 0, kelvin), (0.2126, 0.7152, 0.0722)) == pytest.approx(1, abs=0.01)


def test_old_attribute_names(stage: Usd.Stage) -> None:
    prim = UsdLux.RectLight.Define(stage, "/light").GetPrim()
    prim.CreateAttribute("intensity", Sdf.ValueTypeNames.Float).Set(7.0)
    prim.CreateAttribute("width", Sdf.ValueTypeNames.Float).Set(9.0)
    light, _, _ = read(prim)
    assert light is not None and (light.radiance, light.width) == ((7.0,) * 3, 9.0)
    UsdLux.RectLight(prim).CreateIntensityAttr(2.0)
    light, _, _ = read(prim)
    assert light is not None and light.radiance == (2.0,) * 3


def test_invisible_lights_are_out(stage: Usd.Stage) -> None:
    group = UsdGeom.Xform.Define(stage, "/group")
    lamp = UsdLux.SphereLight.Define(stage, "/group/light")
    group.MakeInvisible()
    assert read(lamp.GetPrim())[0] is None


def test_nonsense_values_are_made_harmless(stage: Usd.Stage) -> None:
    lamp = UsdLux.SphereLight.Define(stage, "/light")
    lamp.CreateIntensityAttr(float("nan"))
    lamp.CreateRadiusAttr(-1.0)
    lamp.CreateExposureAttr(1e30)
    light, _, _ = read(lamp.GetPrim())
    assert light is not None
    assert np.isfinite(light.radiance).all() and light.radius == 0.0


@pytest.mark.parametrize(
    ("up", "axis", "pole", "centre"),
    [
        ("Y", None, (0, 1, 0), (0, 0, 1)),
        ("Z", None, (0, 0, 1), (0, -1, 0)),
        ("Z", "Y", (0, 1, 0), (0, 0, 1)),
        ("Y", "Z", (0, 0, 1), (0, -1, 0)),
    ],
)
def test_dome_pole_axis(stage: Usd.Stage, up: str, axis: str | None, pole: tuple, centre: tuple) -> None:
    """The pole of the dome (local +Y) and the middle of its texture (local +Z) in the world."""
    UsdGeom.SetStageUpAxis(stage, up)
    dome = UsdLux.DomeLight_1.Define(stage, "/dome")
    if axis is not None:
        dome.CreatePoleAxisAttr(axis)
    light, _, _ = read(dome.GetPrim(), np.eye(4))
    assert light is not None
    np.testing.assert_allclose(light.transform[1, :3], pole, atol=1e-15)
    np.testing.assert_allclose(light.transform[2, :3], centre, atol=1e-15)
    plain, _, _ = read(UsdLux.DomeLight.Define(stage, "/plain").GetPrim(), np.eye(4))
    assert plain is not None
    np.testing.assert_array_equal(plain.transform, np.eye(4))


def test_dome_texture_coordinates_follow_openexr_and_storm() -> None:
    axes = np.array([(0, 0, 1), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)], float)
    uv = dome_texture_coordinates(axes)
    np.testing.assert_allclose(uv[:3], [(0.5, 0.5), (0.25, 0.5), (0.75, 0.5)], atol=1e-15)
    np.testing.assert_allclose(uv[3:, 1], [1.0, 0.0])
    directions = np.random.default_rng(0).normal(size=(100, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x, y, z = directions.T
    storm_u = np.mod((np.arctan2(z, x) + np.pi / 2) / (2 * np.pi), 1.0)
    uv = dome_texture_coordinates(directions)
    np.testing.assert_allclose(uv[:, 0], storm_u, atol=1e-12)
    np.testing.assert_allclose(uv[:, 1], 1 - np.arccos(y) / np.pi, atol=1e-12)


def test_dome_texture(stage: Usd.Stage, tmp_path) -> None:
    body = bytes([128, 64, 0, 129, 128, 128, 128, 130])
    (tmp_path / "sky.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 2\n" + body)
    dome = UsdLux.DomeLight.Define(stage, "/dome")
    dome.CreateTextureFileAttr(str(tmp_path / "sky.hdr"))
    light, findings, reader = read(dome.GetPrim())
    assert light is not None and light.texture == 0
    np.testing.assert_array_equal(reader.textures[0].data, [[[1.0, 0.5, 0.0], [2.0, 2.0, 2.0]]])
    assert findings == []
    dome.CreateTextureFormatAttr("mirroredBall")
    dome.CreateTextureFileAttr("/not/there.hdr")
    light, findings, _ = read(dome.GetPrim())
    assert light is not None and light.texture == -1
    assert [finding.code for finding in findings] == ["dome-texture-format", "texture-unresolved"]


def test_what_is_ignored_is_told(stage: Usd.Stage) -> None:
    lamp = UsdLux.SphereLight.Define(stage, "/light")
    Usd.CollectionAPI.Apply(lamp.GetPrim(), "lightLink").CreateExcludesRel().AddTarget("/box")
    UsdLux.ShapingAPI.Apply(lamp.GetPrim()).CreateShapingIesFileAttr("lamp.ies")
    light, findings, _ = read(lamp.GetPrim())
    assert light is not None
    assert [finding.code for finding in findings] == ["light-linking-ignored", "ies-ignored"]
    assert all(finding.path == "/light" for finding in findings)


def test_a_node_that_feeds_a_light_is_told(stage: Usd.Stage) -> None:
    lamp = UsdLux.SphereLight.Define(stage, "/light")
    lamp.CreateColorAttr((0, 1, 0))
    node = UsdShade.Shader.Define(stage, "/light/node")
    lamp.GetColorAttr().AddConnection(node.CreateOutput("out", Sdf.ValueTypeNames.Color3f).GetAttr().GetPath())
    light, findings, _ = read(lamp.GetPrim())
    assert light is not None and light.radiance == (0, 1, 0)
    assert [(finding.code, finding.path) for finding in findings] == [("shader-node-unsupported", "/light")]
    assert "inputs:color" in findings[0].message and "/light/node" in findings[0].message


def test_unsupported_lights(stage: Usd.Stage) -> None:
    light, findings, _ = read(UsdLux.PortalLight.Define(stage, "/portal").GetPrim())
    assert light is None
    assert [finding.code for finding in findings] == ["light-unsupported"]


def test_what_is_a_light(stage: Usd.Stage) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/mesh").GetPrim()
    assert not is_light(mesh)
    UsdLux.MeshLightAPI.Apply(mesh)
    assert not is_light(mesh), "a mesh light must still be drawn as a mesh"
    assert not is_light(UsdGeom.Xform.Define(stage, "/x").GetPrim())
