"""UsdPreviewSurface networks to exact Material fields."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pxr")
PIL = pytest.importorskip("PIL.Image")

from pxr import Usd  # noqa: E402

from omni.isaac.ovrtx_render.config import RendererCfg  # noqa: E402
from omni.isaac.ovrtx_render.scene.data import AlphaMode, Finding, Material, TextureRef, Wrap  # noqa: E402
from omni.isaac.ovrtx_render.scene.materials import MaterialReader  # noqa: E402

ST_READER = """
        def Shader "st" { uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "st"
            float2 outputs:result }
"""


def read(
    tmp_path: Path, surface: str, nodes: str = "", prim: str = "", interface: str = ""
) -> tuple[Material, MaterialReader, list[Finding]]:
    """Write a stage with one bound mesh and read its material."""
    text = f"""#usda 1.0
def Mesh "mesh" (prepend apiSchemas = ["MaterialBindingAPI"]) {{
    rel material:binding = </mat>
    {prim}
}}
def Material "mat" {{
    {interface}
    token outputs:surface.connect = </mat/s.outputs:surface>
    def Shader "s" {{ uniform token info:id = "UsdPreviewSurface"
        {surface}
        token outputs:surface }}
    {nodes}
}}
"""
    path = tmp_path / f"stage{len(list(tmp_path.iterdir()))}.usda"
    # The format wants one statement a line.
    path.write_text(text.replace("{ ", "{\n").replace(" }", "\n}"))
    stage = Usd.Stage.Open(str(path))
    findings: list[Finding] = []
    reader = MaterialReader(stage, RendererCfg(), findings)
    return reader.materials[reader.bind(stage.GetPrimAtPath("/mesh"))], reader, findings


def texture_node(name: str = "t", extra: str = "", file: str = "t.png", st: str = "st.outputs:result") -> str:
    return f"""
        def Shader "{name}" {{ uniform token info:id = "UsdUVTexture"
            asset inputs:file = @{file}@
            float2 inputs:st.connect = </mat/{st}>
            {extra}
            float3 outputs:rgb
            float outputs:r
            float outputs:g
            float outputs:a }}
"""


def save_texture(tmp_path: Path, color: tuple[int, ...] = (255, 128, 0), name: str = "t.png") -> None:
    mode = {3: "RGB", 4: "RGBA", 1: "L"}[len(color)]
    PIL.new(mode, (4, 2), color if len(color) > 1 else color[0]).save(tmp_path / name)


def srgb(value: int) -> float:
    x = value / 255.0
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def test_defaults_are_those_of_the_specification(tmp_path: Path) -> None:
    material, _, findings = read(tmp_path, "")
    assert material == Material(
        "/mat",
        base_color=(0.18, 0.18, 0.18),
        metallic=0.0,
        roughness=0.5,
        ior=1.5,
        clearcoat=0.0,
        clearcoat_roughness=0.01,
        opacity=1.0,
    )
    assert findings == []


def test_every_constant_arrives(tmp_path: Path) -> None:
    material, _, findings = read(
        tmp_path,
        """
        color3f inputs:diffuseColor = (0.25, 0.5, 0.75)
        color3f inputs:emissiveColor = (2, 3, 4)
        int inputs:useSpecularWorkflow = 1
        color3f inputs:specularColor = (0.125, 0.25, 0.5)
        float inputs:metallic = 1
        float inputs:roughness = 0.25
        float inputs:clearcoat = 0.5
        float inputs:clearcoatRoughness = 0.125
        float inputs:opacity = 0.5
        float inputs:ior = 1.25
        float inputs:occlusion = 0.75
        """,
    )
    assert material == Material(
        "/mat",
        base_color=(0.25, 0.5, 0.75),
        emissive=(2.0, 3.0, 4.0),
        specular_workflow=True,
        specular_color=(0.125, 0.25, 0.5),
        metallic=1.0,
        roughness=0.25,
        clearcoat=0.5,
        clearcoat_roughness=0.125,
        opacity=0.5,
        ior=1.25,
        occlusion=0.75,
        alpha_mode=AlphaMode.BLEND,
    )
    assert findings == []


@pytest.mark.parametrize(
    ("surface", "mode"),
    [
        ("float inputs:opacity = 1", AlphaMode.OPAQUE),
        ("float inputs:opacity = 0.5", AlphaMode.BLEND),
        ("float inputs:opacity = 0.5\nfloat inputs:opacityThreshold = 0.25", AlphaMode.MASK),
        ("float inputs:opacity.connect = </mat/t.outputs:a>", AlphaMode.BLEND),
        ("float inputs:opacity.connect = </mat/t.outputs:a>\nfloat inputs:opacityThreshold = 0.25", AlphaMode.MASK),
    ],
)
def test_alpha_mode(tmp_path: Path, surface: str, mode: AlphaMode) -> None:
    pixels = np.full((2, 4, 4), (10, 20, 30, 128), np.uint8)
    pixels[:, 2:, 3] = 64
    PIL.fromarray(pixels).save(tmp_path / "t.png")
    material, _, _ = read(tmp_path, surface, ST_READER + texture_node())
    assert material.alpha_mode == mode
    if material.opacity_texture is not None:
        assert material.opacity_texture.channel == 3
        assert material.opacity == pytest.approx(96 / 255)


@pytest.mark.parametrize(
    ("color", "opacity", "mode"),
    [((10, 20, 30), 1.0, AlphaMode.OPAQUE), ((10, 20, 30, 51), 0.2, AlphaMode.BLEND)],
)
def test_uniform_alpha_is_a_constant(tmp_path: Path, color: tuple[int, ...], opacity: float, mode: AlphaMode) -> None:
    save_texture(tmp_path, color)
    material, _, _ = read(tmp_path, "float inputs:opacity.connect = </mat/t.outputs:a>", ST_READER + texture_node())
    assert (material.opacity_texture, material.alpha_mode) == (None, mode)
    assert material.opacity == pytest.approx(opacity)


def test_values_out_of_range_are_clamped(tmp_path: Path) -> None:
    material, _, _ = read(tmp_path, "float inputs:roughness = 7\nfloat inputs:metallic = -1\nfloat inputs:ior = -2")
    assert (material.roughness, material.metallic, material.ior) == (1.0, 0.0, 0.0)


def test_texture_lookup(tmp_path: Path) -> None:
    save_texture(tmp_path)
    extra = """
        token inputs:wrapS = "mirror"
        token inputs:wrapT = "black"
        float4 inputs:scale = (0.5, 0.25, 2, 1)
        float4 inputs:bias = (0.125, 0, 0, 0)
        token inputs:sourceColorSpace = "sRGB"
    """
    material, reader, findings = read(
        tmp_path, "color3f inputs:diffuseColor.connect = </mat/t.outputs:rgb>", ST_READER + texture_node(extra=extra)
    )
    assert material.base_color_texture == TextureRef(
        0,
        channel=0,
        scale=(0.5, 0.25, 2.0, 1.0),
        bias=(0.125, 0.0, 0.0, 0.0),
        wrap_s=Wrap.MIRROR,
        wrap_t=Wrap.BLACK,
    )
    assert material.uv_primvar == "st"
    assert material.base_color == pytest.approx((0.5 + 0.125, 0.25 * srgb(128), 0.0))
    assert reader.textures[0].srgb
    assert reader.textures[0].data.shape == (2, 4, 4)
    assert tuple(reader.textures[0].data[0, 0]) == (255, 128, 0, 255)
    assert findings == []


def test_scalar_channel_and_repeat_by_default(tmp_path: Path) -> None:
    save_texture(tmp_path, (10, 20, 30))
    material, reader, _ = read(
        tmp_path,
        "float inputs:roughness.connect = </mat/t.outputs:g>",
        ST_READER + texture_node(extra='token inputs:sourceColorSpace = "raw"'),
    )
    assert material.roughness_texture == TextureRef(0, channel=1)
    assert material.roughness == pytest.approx(20 / 255)
    assert not reader.textures[0].srgb


def test_same_file_in_two_encodings_is_two_textures_sharing_memory(tmp_path: Path) -> None:
    save_texture(tmp_path)
    nodes = (
        ST_READER + texture_node("t") + texture_node("u", 'token inputs:sourceColorSpace = "raw"') + texture_node("v")
    )
    material, reader, _ = read(
        tmp_path,
        """color3f inputs:diffuseColor.connect = </mat/t.outputs:rgb>
        color3f inputs:emissiveColor.connect = </mat/v.outputs:rgb>
        float inputs:metallic.connect = </mat/u.outputs:r>""",
        nodes,
    )
    assert material.base_color_texture is not None and material.emissive_texture is not None
    assert material.base_color_texture.texture == material.emissive_texture.texture
    assert [texture.srgb for texture in sorted(reader.textures, key=lambda t: t.srgb)] == [False, True]
    assert reader.textures[0].data is reader.textures[1].data


def test_transform_2d_scales_then_rotates_then_translates(tmp_path: Path) -> None:
    save_texture(tmp_path)
    nodes = (
        ST_READER
        + texture_node(st="x.outputs:result")
        + """
        def Shader "x" { uniform token info:id = "UsdTransform2d"
            float2 inputs:in.connect = </mat/st.outputs:result>
            float inputs:rotation = 90
            float2 inputs:scale = (2, 3)
            float2 inputs:translation = (0.5, 0.25)
            float2 outputs:result }
        """
    )
    material, _, _ = read(tmp_path, "color3f inputs:diffuseColor.connect = </mat/t.outputs:rgb>", nodes)
    assert material.base_color_texture is not None
    matrix = np.array(material.base_color_texture.uv_matrix)
    # (1, 1) is scaled to (2, 3), turned counter-clockwise to (-3, 2), moved to (-2.5, 2.25).
    np.testing.assert_allclose(np.array([1.0, 1.0]) @ matrix[:2] + matrix[2], (-2.5, 2.25), atol=1e-12)


def test_names_through_interface_inputs_and_node_graphs(tmp_path: Path) -> None:
    save_texture(tmp_path)
    interface = """
    string inputs:uvname = "UVMap"
    float inputs:rough = 0.125
    """
    nodes = """
        def NodeGraph "graph" {
            float inputs:rough.connect = </mat.inputs:rough>
            color3f outputs:color.connect = </mat/graph/t.outputs:rgb>
            float outputs:rough.connect = </mat/graph.inputs:rough>
            def Shader "st" { uniform token info:id = "UsdPrimvarReader_float2"
                string inputs:varname.connect = </mat.inputs:uvname>
                float2 outputs:result }
            def Shader "t" { uniform token info:id = "UsdUVTexture"
                asset inputs:file = @t.png@
                float2 inputs:st.connect = </mat/graph/st.outputs:result>
                float3 outputs:rgb }
        }
    """
    material, _, findings = read(
        tmp_path,
        """color3f inputs:diffuseColor.connect = </mat/graph.outputs:color>
        float inputs:roughness.connect = </mat/graph.outputs:rough>""",
        nodes,
        interface=interface,
    )
    assert material.uv_primvar == "UVMap"
    assert material.roughness == 0.125
    assert material.base_color_texture is not None
    assert findings == []


def test_second_uv_set_is_told(tmp_path: Path) -> None:
    save_texture(tmp_path)
    nodes = (
        ST_READER
        + """def Shader "st1" { uniform token info:id = "UsdPrimvarReader_float2"
            token inputs:varname = "st1"
            float2 outputs:result }"""
        + texture_node("t", st="st1.outputs:result")
        + texture_node("u")
    )
    material, _, findings = read(
        tmp_path,
        """float inputs:roughness.connect = </mat/u.outputs:r>
        color3f inputs:diffuseColor.connect = </mat/t.outputs:rgb>""",
        nodes,
    )
    assert material.uv_primvar == "st1"
    assert codes(findings) == {"multiple-uv-sets"}


def test_normal_map_with_and_without_scale_and_bias(tmp_path: Path) -> None:
    save_texture(tmp_path, (128, 128, 255))
    surface = "normal3f inputs:normal.connect = </mat/t.outputs:rgb>"
    extra = """float4 inputs:scale = (2, 2, 2, 1)
        float4 inputs:bias = (-1, -1, -1, 0)
        token inputs:sourceColorSpace = "raw" """
    material, _, findings = read(tmp_path, surface, ST_READER + texture_node(extra=extra))
    assert material.normal_texture == TextureRef(0, scale=(2.0, 2.0, 2.0, 1.0), bias=(-1.0, -1.0, -1.0, 0.0))
    assert findings == []
    material, _, findings = read(tmp_path, surface, ST_READER + texture_node())
    assert material.normal_texture == TextureRef(0)
    assert codes(findings) == {"normal-map-no-scale-bias"}


@pytest.mark.parametrize(
    ("fallback", "expected"), [("", (0.5, 0.5, 0.5)), ("float4 inputs:fallback = (0.25, 0.5, 1, 1)", (0.25, 0.5, 1.0))]
)
def test_missing_texture_shows_the_fallback_or_grey(tmp_path: Path, fallback: str, expected: tuple[float, ...]) -> None:
    material, reader, findings = read(
        tmp_path,
        "color3f inputs:diffuseColor.connect = </mat/t.outputs:rgb>",
        ST_READER + texture_node(extra=fallback, file="missing/wood.png"),
    )
    assert material.base_color == expected
    assert material.base_color_texture is None
    assert reader.textures == []
    (finding,) = findings
    assert finding.code == "texture-unresolved"
    assert finding.path == "/mat/t"
    assert "missing/wood.png" in finding.message
    assert str(tmp_path / "missing" / "wood.png") in finding.message


def test_missing_scalar_texture_keeps_the_default(tmp_path: Path) -> None:
    material, _, _ = read(
        tmp_path, "float inputs:roughness.connect = </mat/t.outputs:g>", ST_READER + texture_node(file="no.png")
    )
    assert (material.roughness, material.roughness_texture) == (0.5, None)


def test_displacement_is_told(tmp_path: Path) -> None:
    assert codes(read(tmp_path, "float inputs:displacement = 0.5")[2]) == {"displacement-ignored"}
    assert codes(read(tmp_path, "float inputs:displacement = 0")[2]) == set()


PRIMVAR_COLOR = """
        def Shader "c" { uniform token info:id = "UsdPrimvarReader_float3"
            string inputs:varname = "tint"
            float3 inputs:fallback = (0.1, 0.2, 0.3)
            float3 outputs:result }
"""


@pytest.mark.parametrize(
    ("prim", "expected"),
    [
        ("", {"base_color": (0.1, 0.2, 0.3), "use_vertex_color": False}),
        (
            'color3f[] primvars:tint = [(0.5, 0.25, 0.125)] (interpolation = "constant")',
            {"base_color": (0.5, 0.25, 0.125), "use_vertex_color": False},
        ),
        ("color3f primvars:tint = (0.5, 0.25, 0.125)", {"base_color": (0.5, 0.25, 0.125), "use_vertex_color": False}),
        (
            'color3f[] primvars:tint = [(1, 0, 0), (0, 1, 0), (0, 0, 1)] (interpolation = "vertex")',
            {"base_color": (0.1, 0.2, 0.3), "use_vertex_color": True, "color_primvar": "tint"},
        ),
    ],
)
def test_primvar_reader(tmp_path: Path, prim: str, expected: dict) -> None:
    material, _, findings = read(
        tmp_path, "color3f inputs:diffuseColor.connect = </mat/c.outputs:result>", PRIMVAR_COLOR, prim
    )
    for field, value in expected.items():
        assert getattr(material, field) == (pytest.approx(value) if isinstance(value, tuple) else value)
    assert findings == []


def test_varying_primvar_into_anything_else_is_told(tmp_path: Path) -> None:
    material, _, findings = read(
        tmp_path,
        "float inputs:roughness.connect = </mat/c.outputs:result>",
        PRIMVAR_COLOR,
        'color3f[] primvars:tint = [(1, 0, 0), (0, 1, 0)] (interpolation = "vertex")',
    )
    assert material.roughness == pytest.approx(0.1)
    assert codes(findings) == {"primvar-input-unsupported"}


def test_wrong_type_is_told_and_the_default_used(tmp_path: Path) -> None:
    material, _, findings = read(tmp_path, 'token inputs:roughness = "rough"')
    assert material.roughness == 0.5
    assert codes(findings) == {"shader-input-type"}


def test_cycle_and_dangling_connections_are_told(tmp_path: Path) -> None:
    material, _, findings = read(
        tmp_path,
        """color3f inputs:diffuseColor = (0.25, 0.5, 0.75)
        color3f inputs:diffuseColor.connect = </nowhere.outputs:rgb>
        float inputs:roughness.connect = </mat.inputs:a>""",
        interface="""float inputs:a.connect = </mat.inputs:b>
        float inputs:b.connect = </mat.inputs:a>""",
    )
    assert material.base_color == (0.25, 0.5, 0.75)
    assert material.roughness == 0.5
    assert codes(findings) == {"shader-connection-broken"}
    assert math.isfinite(material.ior)


def test_unknown_pattern_node_is_named(tmp_path: Path) -> None:
    material, _, findings = read(
        tmp_path,
        "float inputs:roughness.connect = </mat/n.outputs:out>",
        'def Shader "n" { uniform token info:id = "AcmeNoise" }',
    )
    assert material.roughness == 0.5
    (finding,) = findings
    assert (finding.code, finding.path) == ("shader-node-unsupported", "/mat/n")
    assert "AcmeNoise" in finding.message


@pytest.mark.parametrize("depth", [10, 500])
def test_long_chains_of_shared_nodes_are_quick(tmp_path: Path, depth: int) -> None:
    """Each node feeds both inputs of the next: 2^depth paths, ``depth`` nodes."""
    nodes = 'def Shader "n0" { uniform token info:id = "ND_constant_float"\n float inputs:value = 1 }\n'
    for i in range(1, depth):
        nodes += (
            f'def Shader "n{i}" {{ uniform token info:id = "ND_mix_float"\n'
            f"float inputs:fg.connect = </mat/n{i - 1}.outputs:out>\n"
            f"float inputs:bg.connect = </mat/n{i - 1}.outputs:out>\nfloat inputs:mix = 0.5 }}\n"
        )
    material, _, findings = read(tmp_path, f"float inputs:roughness.connect = </mat/n{depth - 1}.outputs:out>", nodes)
    if depth == 10:
        assert material.roughness == 1.0
    else:
        assert "shader-cycle" in codes(findings)
