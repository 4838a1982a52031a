"""MaterialX surfaces and pattern nodes in USD, to exact Material fields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pxr")
PIL = pytest.importorskip("PIL.Image")

from pxr import Usd  # noqa: E402

from omni.isaac.ovrtx_render.config import RendererCfg  # noqa: E402
from omni.isaac.ovrtx_render.scene.data import AlphaMode, Finding, Material, Wrap  # noqa: E402
from omni.isaac.ovrtx_render.scene.materials import MaterialReader  # noqa: E402


def node(name: str, identifier: str, *inputs: str) -> str:
    body = "\n".join(f"    {line}" for line in inputs)
    return f'def Shader "{name}"\n{{\n    uniform token info:id = "{identifier}"\n{body}\n}}\n'


def read(tmp_path: Path, *nodes: str) -> tuple[Material, MaterialReader, list[Finding]]:
    """The first node is the surface and must be called ``s``."""
    path = tmp_path / f"stage{len(list(tmp_path.iterdir()))}.usda"
    path.write_text(
        '#usda 1.0\ndef Mesh "m" (\n    prepend apiSchemas = ["MaterialBindingAPI"]\n)\n{\n'
        "    rel material:binding = </mat>\n"
        '    texCoord2f[] primvars:UVMap = [(0, 0)] (\n        interpolation = "vertex"\n    )\n'
        '    color3f[] primvars:paint = [(1, 0, 0)] (\n        interpolation = "vertex"\n    )\n'
        '    texCoord2f[] primvars:st2 = [(0, 0)] (\n        interpolation = "vertex"\n    )\n}\n'
        'def Material "mat"\n{\n    token outputs:mtlx:surface.connect = </mat/s.outputs:surface>\n'
        + "".join(nodes)
        + "}\n"
    )
    stage = Usd.Stage.Open(str(path))
    findings: list[Finding] = []
    reader = MaterialReader(stage, RendererCfg(), findings)
    return reader.materials[reader.bind(stage.GetPrimAtPath("/m"))], reader, findings


@pytest.fixture
def png(tmp_path: Path) -> str:
    PIL.new("RGB", (2, 2), (51, 102, 204)).save(tmp_path / "t.png")
    return "t.png"


STANDARD = "ND_standard_surface_surfaceshader"


def test_standard_surface(tmp_path: Path) -> None:
    material, _, findings = read(
        tmp_path,
        node(
            "s",
            STANDARD,
            "float inputs:base = 0.5",
            "color3f inputs:base_color = (1, 0.5, 0.25)",
            "float inputs:metalness = 0.25",
            "float inputs:specular_roughness = 0.75",
            "float inputs:specular_IOR = 1.25",
            "float inputs:coat = 0.5",
            "float inputs:emission = 2",
            "color3f inputs:emission_color = (1, 0.5, 0)",
            "color3f inputs:opacity = (0.5, 0.5, 0.5)",
        ),
    )
    assert material == Material(
        "/mat",
        base_color=(0.5, 0.25, 0.125),
        metallic=0.25,
        roughness=0.75,
        ior=1.25,
        clearcoat=0.5,
        clearcoat_roughness=pytest.approx(0.1),
        emissive=(2.0, 1.0, 0.0),
        opacity=0.5,
        alpha_mode=AlphaMode.BLEND,
    )
    assert findings == []
    assert read(tmp_path, node("s", STANDARD))[0].base_color == (0.8, 0.8, 0.8)


def test_open_pbr(tmp_path: Path) -> None:
    material, _, findings = read(
        tmp_path,
        node(
            "s",
            "ND_open_pbr_surface_surfaceshader",
            "color3f inputs:base_color = (1, 0.5, 0.25)",
            "float inputs:base_metalness = 1",
            "float inputs:geometry_opacity = 0.25",
            "float inputs:emission_luminance = 100",
        ),
    )
    assert (material.base_color, material.metallic) == ((1.0, 0.5, 0.25), 1.0)
    assert material.roughness == 0.3
    assert (material.opacity, material.alpha_mode) == (0.25, AlphaMode.BLEND)
    assert material.emissive == (100.0, 100.0, 100.0)
    assert findings == []


def test_gltf_and_unlit_and_preview(tmp_path: Path) -> None:
    gltf, _, _ = read(
        tmp_path,
        node("s", "ND_gltf_pbr_surfaceshader", "int inputs:alpha_mode = 1", "float inputs:alpha = 0.25"),
    )
    assert (gltf.metallic, gltf.roughness, gltf.alpha_mode) == (1.0, 1.0, AlphaMode.MASK)
    assert gltf.opacity_threshold == 0.5
    unlit, _, _ = read(tmp_path, node("s", "ND_surface_unlit", "color3f inputs:emission_color = (1, 0.5, 0)"))
    assert (unlit.unlit, unlit.base_color) == (True, (1.0, 0.5, 0.0))
    preview, _, _ = read(
        tmp_path, node("s", "ND_UsdPreviewSurface_surfaceshader", "color3f inputs:diffuseColor = (1, 0.5, 0)")
    )
    assert preview.base_color == (1.0, 0.5, 0.0)


def test_the_first_standard_surface_has_its_default_in_its_weight(tmp_path: Path) -> None:
    first = f"{STANDARD}_100"
    assert read(tmp_path, node("s", first))[0].base_color == pytest.approx((0.8, 0.8, 0.8))
    color = "color3f inputs:base_color = (1, 0.5, 0)"
    assert read(tmp_path, node("s", first, color))[0].base_color == pytest.approx((0.8, 0.4, 0.0))


@pytest.mark.parametrize(
    ("identifier", "names"),
    [
        (STANDARD, ("base_color", "subsurface", "subsurface_color", "metalness")),
        (
            "ND_open_pbr_surface_surfaceshader",
            ("base_color", "subsurface_weight", "subsurface_color", "base_metalness"),
        ),
    ],
)
def test_colour_below_the_surface_is_mixed_in(tmp_path: Path, png: str, identifier: str, names: tuple) -> None:
    base, weight, below, metal = names
    inputs = [f"color3f inputs:{base} = (1, 0, 0.5)", f"float inputs:{weight} = 0.75"]
    color = f"color3f inputs:{below} = (0, 1, 0.5)"
    material, _, findings = read(tmp_path, node("s", identifier, *inputs, color))
    assert material.base_color == pytest.approx((0.25, 0.75, 0.5)) and findings == []
    # Metal reflects its base colour, whatever is below.
    material, _, _ = read(tmp_path, node("s", identifier, *inputs, color, f"float inputs:{metal} = 1"))
    assert material.base_color == pytest.approx((1.0, 0.0, 0.5))
    # One picture for both, as such surfaces often have it, is shown once.
    pictures = [f"color3f inputs:{name}.connect = </mat/i.outputs:out>" for name in (base, below)]
    image = node("i", "ND_image_color3", f"asset inputs:file = @{png}@")
    material, _, findings = read(tmp_path, node("s", identifier, *pictures, f"float inputs:{weight} = 0.75"), image)
    assert material.base_color_texture is not None and findings == []
    assert material.base_color_texture.scale[:3] == pytest.approx((1.0, 1.0, 1.0))


ACESCG = '( colorSpace = "acescg" )'


def test_colours_and_textures_are_converted_from_their_space(tmp_path: Path, png: str) -> None:
    material, _, findings = read(
        tmp_path, node("s", STANDARD, f"color3f inputs:base_color = (0.5, 0.25, 0.125) {ACESCG}")
    )
    # 1.70505 * 0.5 - 0.62179 * 0.25 - 0.08326 * 0.125, and so on.
    assert material.base_color == pytest.approx((0.68667, 0.21875, 0.09988), abs=1e-5) and findings == []
    encoded = "color3f inputs:base_color = (0.5, 0.5, 0.5) ( colorSpace = "
    assert read(tmp_path, node("s", STANDARD, encoded + '"srgb_texture" )'))[0].base_color[0] == pytest.approx(
        0.21404, abs=1e-5
    )
    for space in ("acescg", "lin_ap1_scene", "lin_displayp3", "srgb_displayp3", "adobergb", "g18_rec709"):
        white = f'color3f inputs:base_color = (1, 1, 1) ( colorSpace = "{space}" )'
        assert read(tmp_path, node("s", STANDARD, white))[0].base_color == pytest.approx((1, 1, 1), abs=1e-5), space
    material, reader, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/i.outputs:out>"),
        node("i", "ND_image_color3", f"asset inputs:file = @{png}@ {ACESCG}"),
    )
    # (51, 102, 204) / 255 is linear AP1: in Rec. 709 (0.02568, 0.42187, 0.866), which is stored as sRGB.
    assert reader.textures[0].srgb and findings == []
    assert reader.textures[0].data[0, 0].tolist() == pytest.approx([44, 174, 239, 255], abs=1)
    assert material.base_color == pytest.approx((0.0257, 0.4219, 0.866), abs=5e-3)


def test_a_space_that_is_not_known_is_told(tmp_path: Path, png: str) -> None:
    other = '( colorSpace = "camera_log" )'
    material, _, findings = read(tmp_path, node("s", STANDARD, f"color3f inputs:base_color = (1, 0.5, 0) {other}"))
    assert material.base_color == (1.0, 0.5, 0.0)
    assert [(finding.code, finding.path) for finding in findings] == [("texture-color-space", "/mat/s")]
    _, reader, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/i.outputs:out>"),
        node("i", "ND_image_color3", f"asset inputs:file = @{png}@ {other}"),
    )
    assert [(finding.code, finding.path) for finding in findings] == [("texture-color-space", "/mat/i")]
    assert reader.textures[0].srgb


@pytest.mark.parametrize(
    ("index", "primvar", "codes"), [(0, "UVMap", []), (2, "st2", []), (1, "UVMap", ["shader-node-approximated"])]
)
def test_numbered_texture_coordinates(tmp_path: Path, png: str, index: int, primvar: str, codes: list[str]) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/i.outputs:out>"),
        node(
            "i",
            "ND_image_color3",
            f"asset inputs:file = @{png}@",
            "float2 inputs:texcoord.connect = </mat/t.outputs:out>",
        ),
        node("t", "ND_texcoord_vector2", f"int inputs:index = {index}"),
    )
    assert material.uv_primvar == primvar
    assert [finding.code for finding in findings] == codes


@pytest.mark.parametrize(("high", "codes"), [(1.0, []), (0.5, ["shader-node-approximated"])])
def test_a_clamp_of_a_texture_that_cuts_something_is_told(
    tmp_path: Path, png: str, high: float, codes: list[str]
) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/c.outputs:out>"),
        node(
            "c", "ND_clamp_color3FA", "color3f inputs:in.connect = </mat/i.outputs:out>", f"float inputs:high = {high}"
        ),
        node("i", "ND_image_color3", f"asset inputs:file = @{png}@"),
    )
    assert material.base_color_texture is not None
    assert [finding.code for finding in findings] == codes


def test_image_times_constant(tmp_path: Path, png: str) -> None:
    material, reader, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/x.outputs:out>"),
        node(
            "x",
            "ND_multiply_color3",
            "color3f inputs:in1.connect = </mat/i.outputs:out>",
            "color3f inputs:in2 = (0.5, 1, 2)",
        ),
        node(
            "i",
            "ND_image_color3",
            f"asset inputs:file = @{png}@",
            'string inputs:uaddressmode = "mirror"',
            "float2 inputs:texcoord.connect = </mat/p.outputs:out>",
        ),
        node("p", "ND_geompropvalue_vector2", 'string inputs:geomprop = "uv1"'),
    )
    reference = material.base_color_texture
    assert reference is not None
    assert (reference.scale[:3], reference.wrap_s, reference.wrap_t) == ((0.5, 1.0, 2.0), Wrap.MIRROR, Wrap.REPEAT)
    assert material.uv_primvar == "uv1"
    assert reader.textures[0].srgb
    assert findings == []


def test_scalar_image_is_raw_and_uses_the_prims_own_coordinates(tmp_path: Path, png: str) -> None:
    material, reader, _ = read(
        tmp_path,
        node("s", STANDARD, "float inputs:specular_roughness.connect = </mat/i.outputs:out>"),
        node("i", "ND_image_float", f"asset inputs:file = @{png}@"),
    )
    assert material.roughness == pytest.approx(0.2)
    assert not reader.textures[0].srgb
    assert material.uv_primvar == "UVMap"


def test_tiled_image(tmp_path: Path, png: str) -> None:
    material, _, _ = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/i.outputs:out>"),
        node(
            "i",
            "ND_tiledimage_color3",
            f"asset inputs:file = @{png}@",
            "float2 inputs:uvtiling = (2, 4)",
            "float2 inputs:uvoffset = (0.25, 0.5)",
        ),
    )
    assert material.base_color_texture is not None
    np.testing.assert_allclose(material.base_color_texture.uv_matrix, [(2, 0), (0, 4), (-0.25, -0.5)])


PLACED = ("float2 inputs:pivot = (0.5, 0.5)", "float2 inputs:scale = (2, 4)", "float inputs:rotate = 90",
          "float2 inputs:offset = (0.25, 0)")  # fmt: skip
TILED = ("float2 inputs:realworldimagesize = (2, 2)", "float2 inputs:realworldtilesize = (1, 4)")


# (1.5, 0.5) is (1, 0) from the pivot. One order divides by the scale (0.5, 0), turns clockwise (0, -0.5) and takes the
# offset away; the other takes it away (0.75, 0), turns (0, -0.75) and divides (0, -0.1875), here tiled by (0.5, 2).
@pytest.mark.parametrize(
    ("image", "sizes", "order", "expected"),
    [
        ("ND_image_color3", (), (), (0.25, 0.0)),
        ("ND_tiledimage_color3", TILED, ("int inputs:operationorder = 1",), (0.25, 0.625)),
    ],
    ids=["scale first", "offset first, tiled"],
)
def test_place_2d(
    image: str, sizes: tuple[str, ...], order: tuple[str, ...], expected: tuple[float, float], tmp_path: Path, png: str
) -> None:
    material, _, _ = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/i.outputs:out>"),
        node(
            "i", image, f"asset inputs:file = @{png}@", *sizes, "float2 inputs:texcoord.connect = </mat/p.outputs:out>"
        ),
        node("p", "ND_place2d_vector2", *order, *PLACED),
    )
    assert material.base_color_texture is not None
    matrix = np.array(material.base_color_texture.uv_matrix)
    np.testing.assert_allclose(np.array([1.5, 0.5]) @ matrix[:2] + matrix[2], expected, atol=1e-12)


def test_normal_map(tmp_path: Path, png: str) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "float3 inputs:normal.connect = </mat/n.outputs:out>"),
        node("n", "ND_normalmap", "float3 inputs:in.connect = </mat/i.outputs:out>", "float inputs:scale = 0.5"),
        node("i", "ND_image_vector3", f"asset inputs:file = @{png}@"),
    )
    assert material.normal_texture is not None
    assert material.normal_texture.scale[:3] == (1.0, 1.0, 2.0)
    assert material.normal_texture.bias[:3] == (-0.5, -0.5, -1.0)
    assert findings == []


@pytest.mark.parametrize(
    ("identifier", "inputs", "expected"),
    [
        ("ND_constant_float", ["float inputs:value = 0.25"], 0.25),
        ("ND_add_float", ["float inputs:in1 = 0.25", "float inputs:in2 = 0.5"], 0.75),
        ("ND_subtract_float", ["float inputs:in1 = 0.75", "float inputs:in2 = 0.5"], 0.25),
        ("ND_multiply_float", ["float inputs:in1 = 0.5", "float inputs:in2 = 0.5"], 0.25),
        ("ND_divide_float", ["float inputs:in1 = 0.5", "float inputs:in2 = 2"], 0.25),
        ("ND_mix_float", ["float inputs:fg = 1", "float inputs:bg = 0.5", "float inputs:mix = 0.5"], 0.75),
        ("ND_clamp_float", ["float inputs:in = 2", "float inputs:high = 0.5"], 0.5),
        ("ND_invert_float", ["float inputs:in = 0.25"], 0.75),
        ("ND_remap_float", ["float inputs:in = 0.5", "float inputs:inhigh = 2", "float inputs:outlow = 0.5"], 0.625),
        ("ND_dot_float", ["float inputs:in = 0.25"], 0.25),
        ("ND_extract_color3", ["color3f inputs:in = (0.1, 0.25, 0.3)", "int inputs:index = 1"], 0.25),
    ],
)
def test_arithmetic(tmp_path: Path, identifier: str, inputs: list[str], expected: float) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "float inputs:specular_roughness.connect = </mat/n.outputs:out>"),
        node("n", identifier, *inputs),
    )
    assert material.roughness == pytest.approx(expected)
    assert findings == []


def test_channels_of_an_image(tmp_path: Path, png: str) -> None:
    material, _, _ = read(
        tmp_path,
        node(
            "s",
            STANDARD,
            "float inputs:specular_roughness.connect = </mat/c.outputs:outg>",
            "float inputs:metalness.connect = </mat/c.outputs:outb>",
        ),
        node("c", "ND_separate3_color3", "color3f inputs:in.connect = </mat/i.outputs:out>"),
        node("i", "ND_image_color3", f"asset inputs:file = @{png}@"),
    )
    assert material.roughness_texture is not None and material.metallic_texture is not None
    assert (material.roughness_texture.channel, material.metallic_texture.channel) == (1, 2)


def test_two_varying_inputs_are_approximated_and_told(tmp_path: Path, png: str) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/x.outputs:out>"),
        node(
            "x",
            "ND_multiply_color3",
            "color3f inputs:in1.connect = </mat/i.outputs:out>",
            "color3f inputs:in2.connect = </mat/j.outputs:out>",
        ),
        node("i", "ND_image_color3", f"asset inputs:file = @{png}@"),
        node("j", "ND_image_color3", f"asset inputs:file = @{png}@"),
    )
    assert material.base_color_texture is not None
    assert [finding.code for finding in findings] == ["shader-node-approximated"]


def test_unknown_node_is_told(tmp_path: Path) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/n.outputs:out>"),
        node("n", "ND_fractal3d_color3"),
    )
    assert material.base_color == (0.5, 0.5, 0.5)
    assert [(finding.code, finding.path) for finding in findings] == [("shader-node-unsupported", "/mat/n")]


@pytest.mark.parametrize(
    ("identifier", "inputs", "scale", "bias"),
    [
        ("ND_add_color3", ["color3f inputs:in2 = (0.5, 0, 1)"], (1.0, 1.0, 1.0), (0.5, 0.0, 1.0)),
        ("ND_divide_color3FA", ["float inputs:in2 = 2"], (0.5, 0.5, 0.5), (0.0, 0.0, 0.0)),
        ("ND_invert_color3", [], (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)),
        ("ND_remap_color3FA", ["float inputs:outlow = 0.5"], (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_arithmetic_on_an_image(
    tmp_path: Path, png: str, identifier: str, inputs: list[str], scale: tuple, bias: tuple
) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/x.outputs:out>"),
        node(
            "x",
            identifier,
            *(f"color3f inputs:{name}.connect = </mat/i.outputs:out>" for name in ("in", "in1")),
            *inputs,
        ),
        node("i", "ND_image_color3", f"asset inputs:file = @{png}@"),
    )
    assert material.base_color_texture is not None
    assert (material.base_color_texture.scale[:3], material.base_color_texture.bias[:3]) == (scale, bias)
    assert findings == []


@pytest.mark.parametrize(
    ("image", "scale", "bias"), [("fg", (0.25,) * 3, (0.75, 0.375, 0.0)), ("bg", (0.75,) * 3, (0.25, 0.125, 0.0))]
)
def test_mix_of_an_image_and_a_constant(tmp_path: Path, png: str, image: str, scale: tuple, bias: tuple) -> None:
    constant = "bg" if image == "fg" else "fg"
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/x.outputs:out>"),
        node(
            "x",
            "ND_mix_color3",
            f"color3f inputs:{image}.connect = </mat/i.outputs:out>",
            f"color3f inputs:{constant} = (1, 0.5, 0)",
            "float inputs:mix = 0.25",
        ),
        node("i", "ND_image_color3", f"asset inputs:file = @{png}@"),
    )
    assert material.base_color_texture is not None
    assert (material.base_color_texture.scale[:3], material.base_color_texture.bias[:3]) == (scale, bias)
    assert findings == []


def test_coordinates_times_constant(tmp_path: Path, png: str) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/i.outputs:out>"),
        node(
            "i",
            "ND_image_color3",
            f"asset inputs:file = @{png}@",
            "float2 inputs:texcoord.connect = </mat/x.outputs:out>",
        ),
        node(
            "x", "ND_multiply_vector2", "float2 inputs:in1.connect = </mat/t.outputs:out>", "float2 inputs:in2 = (2, 3)"
        ),
        node("t", "ND_texcoord_vector2"),
    )
    assert material.base_color_texture is not None
    assert material.base_color_texture.uv_matrix == ((2.0, 0.0), (0.0, 3.0), (0.0, 0.0))
    assert findings == []


def test_combine_and_missing_image_default(tmp_path: Path) -> None:
    combined, _, _ = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/c.outputs:out>"),
        node("c", "ND_combine3_color3", *(f"float inputs:in{i} = {v}" for i, v in ((1, 0.5), (2, 0.25), (3, 1)))),
    )
    assert combined.base_color == (0.5, 0.25, 1.0)
    missing, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/i.outputs:out>"),
        node("i", "ND_image_color3", "asset inputs:file = @no.png@", "color3f inputs:default = (0.5, 0.25, 1)"),
    )
    assert missing.base_color == (0.5, 0.25, 1.0)
    assert [finding.code for finding in findings] == ["texture-unresolved"]


def test_geometry_property(tmp_path: Path) -> None:
    material, _, _ = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/g.outputs:out>"),
        node("g", "ND_geompropvalue_color3", 'string inputs:geomprop = "no"', "color3f inputs:default = (1, 0.5, 0)"),
    )
    assert material.base_color == (1.0, 0.5, 0.0)


@pytest.mark.parametrize(("base", "codes"), [(1.0, []), (0.5, ["shader-node-approximated"])])
def test_colours_of_vertices_are_drawn_as_they_are(tmp_path: Path, base: float, codes: list[str]) -> None:
    material, _, findings = read(
        tmp_path,
        node("s", STANDARD, "color3f inputs:base_color.connect = </mat/g.outputs:out>", f"float inputs:base = {base}"),
        node("g", "ND_geompropvalue_color3", 'string inputs:geomprop = "paint"'),
    )
    assert (material.use_vertex_color, material.color_primvar) == (True, "paint")
    assert [finding.code for finding in findings] == codes
