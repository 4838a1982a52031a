"""Random broken networks: never an exception, always a valid material."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

pytest.importorskip("pxr")
hypothesis = pytest.importorskip("hypothesis")

from hypothesis import strategies as st  # noqa: E402
from pxr import Sdf, Usd, UsdGeom, UsdShade  # noqa: E402

from omni.isaac.ovrtx_render.config import RendererCfg  # noqa: E402
from omni.isaac.ovrtx_render.scene.data import Finding, Material, TextureRef  # noqa: E402
from omni.isaac.ovrtx_render.scene.materials import MaterialReader  # noqa: E402

T = Sdf.ValueTypeNames
IDS = [
    "UsdPreviewSurface",
    "UsdUVTexture",
    "UsdPrimvarReader_float2",
    "UsdPrimvarReader_float3",
    "UsdTransform2d",
    "ND_standard_surface_surfaceshader",
    "ND_open_pbr_surface_surfaceshader",
    "ND_gltf_pbr_surfaceshader",
    "ND_image_color3",
    "ND_multiply_color3",
    "ND_mix_color3",
    "ND_normalmap",
    "ND_separate3_color3",
    "ND_combine3_color3",
    "ND_extract_color3",
    "ND_place2d_vector2",
    "mdl:OmniPBR",
    "mdl:OmniGlass",
    "mdl:OmniSurface",
    "mdl:lookup_color",
    "nobody-knows",
    "",
]
INPUTS = (
    "diffuseColor roughness normal opacity ior file st varname fallback scale bias in in1 in2 fg bg mix index "
    "base_color base metalness opacity specular_roughness emission emission_color texcoord diffuse_texture "
    "diffuse_color_constant reflection_roughness_constant enable_opacity opacity_texture normalmap_texture tex "
    "texture_scale glass_color geometry_normal rotation translation sourceColorSpace wrapS alpha_mode"
).split()
VALUES = [
    (T.Float, float("nan")),
    (T.Float, 1e38),
    (T.Float, -5.0),
    (T.Float, 0.5),
    (T.Int, 7),
    (T.Bool, True),
    (T.Color3f, (0.1, 0.2, 0.3)),
    (T.Color3f, (math.inf, 0, 0)),
    (T.Float2, (2.0, 3.0)),
    (T.Float4, (1.0, 2.0, 3.0, 4.0)),
    (T.Token, "sRGB"),
    (T.String, "displayColor"),
    (T.String, ""),
    (T.Asset, "nowhere.png"),
    (T.Asset, ""),
    (T.FloatArray, [1.0, 2.0]),
    (T.Matrix4d, None),
]
SHADERS = [f"/mat/n{i}" for i in range(5)]
OUTPUTS = ["rgb", "r", "a", "out", "result", "outg", "surface"]

shader = st.tuples(
    st.sampled_from(IDS),
    st.dictionaries(
        st.sampled_from(INPUTS),
        st.one_of(
            st.sampled_from(VALUES),
            st.tuples(st.sampled_from([*SHADERS, "/mat", "/mat/graph", "/gone"]), st.sampled_from(OUTPUTS)),
        ),
        max_size=8,
    ),
)


def build(stage: Usd.Stage, shaders: list, surface: tuple[str, str]) -> None:
    """A material whose shaders are connected at random, to each other, to themselves and to nothing."""
    material = UsdShade.Material.Define(stage, "/mat")
    graph = UsdShade.NodeGraph.Define(stage, "/mat/graph")
    for output in OUTPUTS:
        graph.CreateOutput(output, T.Token).GetAttr().AddConnection(f"/mat/n0.outputs:{output}")
        material.CreateInput(output, T.Token).GetAttr().AddConnection(f"/mat.inputs:{output}")
    for path, (identifier, inputs) in zip(SHADERS, shaders, strict=True):
        made = UsdShade.Shader.Define(stage, path)
        if identifier.startswith("mdl:"):
            made.SetSourceAsset("m.mdl", "mdl")
            made.SetSourceAssetSubIdentifier(identifier.removeprefix("mdl:"), "mdl")
        elif identifier:
            made.CreateIdAttr(identifier)
        for name, (kind, value) in inputs.items():
            if isinstance(kind, str):
                prefix = "inputs" if kind == "/mat" else "outputs"
                attribute = made.CreateInput(name, T.Color3f).GetAttr()
                attribute.AddConnection(f"{kind}.{prefix}:{value}")
            else:
                attribute = made.CreateInput(name, kind).GetAttr()
                if value is not None:
                    attribute.Set(value)
    context, target = surface
    output = material.CreateSurfaceOutput(context) if context else material.CreateSurfaceOutput()
    output.GetAttr().AddConnection(f"{target}.outputs:surface")


def assert_valid(material: Material, textures: int) -> None:
    for field in fields(material):
        value = getattr(material, field.name)
        if isinstance(value, TextureRef):
            assert 0 <= value.texture < textures and 0 <= value.channel <= 3
            numbers = [*value.scale, *value.bias, *(n for row in value.uv_matrix for n in row)]
        elif isinstance(value, tuple):
            assert len(value) == 3
            numbers = list(value)
        elif isinstance(value, float):
            numbers = [value]
        else:
            continue
        assert all(isinstance(number, float) and math.isfinite(number) for number in numbers), (field.name, value)
    for scalar in (material.roughness, material.metallic, material.opacity, material.clearcoat, material.occlusion):
        assert 0.0 <= scalar <= 1.0
    assert min(material.base_color) >= 0.0 and material.ior >= 0.0


@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(
    shaders=st.lists(shader, min_size=5, max_size=5),
    surface=st.tuples(st.sampled_from(["", "mtlx", "mdl"]), st.sampled_from(SHADERS)),
)
def test_broken_networks_give_valid_materials(shaders: list, surface: tuple[str, str]) -> None:
    stage = Usd.Stage.CreateInMemory()
    build(stage, shaders, surface)
    mesh = UsdGeom.Mesh.Define(stage, "/m")
    mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex).Set([(1, 0, 0), (0, 1, 0)])
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(UsdShade.Material(stage.GetPrimAtPath("/mat")))
    findings: list[Finding] = []
    reader = MaterialReader(stage, RendererCfg(), findings)
    index = reader.bind(mesh.GetPrim())
    assert_valid(reader.materials[index], len(reader.textures))
    assert reader.bind(mesh.GetPrim()) == index
    assert len(findings) == len(set(findings))
    assert all(finding.path.startswith("/") and finding.message for finding in findings)
