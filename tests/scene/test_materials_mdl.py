"""NVIDIA's MDL materials by their public input names, to exact Material fields."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pxr")
PIL = pytest.importorskip("PIL.Image")

from pxr import Sdf, Usd, UsdGeom, UsdShade  # noqa: E402

from omni.isaac.ovrtx_render.config import RendererCfg  # noqa: E402
from omni.isaac.ovrtx_render.scene.data import AlphaMode, Finding, Material  # noqa: E402
from omni.isaac.ovrtx_render.scene.materials import MaterialReader  # noqa: E402
from omni.isaac.ovrtx_render.scene.surface import GLASS_OPACITY  # noqa: E402

T = Sdf.ValueTypeNames
TYPES = {bool: T.Bool, int: T.Int, float: T.Float, tuple: T.Color3f, str: T.Asset}


def read(name: str, module: str = "", **inputs: object) -> tuple[Material, MaterialReader, list[Finding]]:
    stage = Usd.Stage.CreateInMemory()
    material = UsdShade.Material.Define(stage, "/mat")
    shader = UsdShade.Shader.Define(stage, "/mat/Shader")
    shader.SetSourceAsset(module or f"{name}.mdl", "mdl")
    shader.SetSourceAssetSubIdentifier(name, "mdl")
    for key, value in inputs.items():
        kind = T.Float2 if isinstance(value, tuple) and len(value) == 2 else TYPES[type(value)]
        shader.CreateInput(key, kind).Set(value)
    material.CreateSurfaceOutput("mdl").ConnectToSource(shader.ConnectableAPI(), "out")
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    UsdShade.MaterialBindingAPI.Apply(mesh).Bind(material)
    findings: list[Finding] = []
    reader = MaterialReader(stage, RendererCfg(), findings)
    return reader.materials[reader.bind(mesh)], reader, findings


@pytest.fixture
def png(tmp_path: Path) -> str:
    PIL.new("RGB", (2, 2), (51, 102, 204)).save(tmp_path / "t.png")
    return str(tmp_path / "t.png")


def test_pbr_defaults() -> None:
    material, _, findings = read("OmniPBR")
    assert material.base_color == (0.2, 0.2, 0.2)
    assert (material.roughness, material.metallic, material.opacity) == (0.5, 0.0, 1.0)
    assert material.ior == pytest.approx(1.5)
    assert (material.emissive, material.alpha_mode) == ((0.0, 0.0, 0.0), AlphaMode.OPAQUE)
    assert findings == []


def test_colour_below_an_omni_surface_is_mixed_in_if_it_is_switched_on() -> None:
    inputs = {
        "diffuse_reflection_weight": 1.0,
        "diffuse_reflection_color": (1.0, 0.0, 0.5),
        "subsurface_weight": 0.75,
        "subsurface_transmission_color": (0.0, 1.0, 0.5),
        "subsurface_scattering_color": (1.0, 0.2, 0.1),
    }
    assert read("OmniSurface", **inputs)[0].base_color == pytest.approx((1.0, 0.0, 0.5))
    mixed = read("OmniSurface", **inputs, enable_diffuse_transmission=True)[0]
    assert mixed.base_color == pytest.approx((0.25, 0.75, 0.5))


def test_a_roughness_map_of_glass_counts_unless_it_is_told_otherwise(png: str) -> None:
    material, _, _ = read("OmniGlass", roughness_texture=png)
    assert material.roughness_texture is not None and material.roughness_texture.scale[0] == 1.0


def test_pbr_constants() -> None:
    material, _, findings = read(
        "OmniPBR",
        diffuse_color_constant=(0.5, 0.25, 1.0),
        diffuse_tint=(0.5, 1.0, 0.25),
        reflection_roughness_constant=0.25,
        metallic_constant=1.0,
        enable_emission=True,
        emissive_color=(1.0, 0.5, 0.25),
        emissive_intensity=8.0,
        enable_opacity=True,
        opacity_constant=0.5,
    )
    assert material.base_color == (0.25, 0.25, 0.25)
    assert (material.roughness, material.metallic) == (0.25, 1.0)
    assert material.emissive == (8.0, 4.0, 2.0)
    assert (material.opacity, material.alpha_mode) == (0.5, AlphaMode.BLEND)
    assert findings == []


def test_pbr_switches_that_are_off_count_for_nothing(png: str) -> None:
    material, _, _ = read(
        "OmniPBR",
        emissive_color=(1.0, 0.5, 0.25),
        opacity_constant=0.5,
        opacity_texture=png,
        reflectionroughness_texture=png,
        ORM_texture=png,
    )
    assert material.emissive == (0.0, 0.0, 0.0)
    assert (material.opacity, material.opacity_texture, material.roughness_texture) == (1.0, None, None)


def test_pbr_textures(png: str) -> None:
    material, reader, findings = read(
        "OmniPBR",
        diffuse_texture=png,
        diffuse_tint=(0.5, 1.0, 0.25),
        albedo_brightness=2.0,
        albedo_add=0.125,
        reflectionroughness_texture=png,
        reflection_roughness_texture_influence=0.75,
        reflection_roughness_constant=0.5,
        normalmap_texture=png,
        bump_factor=0.5,
        texture_scale=(2.0, 4.0),
        texture_translate=(0.25, 0.5),
    )
    uv = ((2.0, 0.0), (-0.0, 4.0), (0.25, 0.5))
    # (texel * 2 + 0.125) * tint
    assert material.base_color_texture is not None
    assert material.base_color_texture.scale[:3] == (1.0, 2.0, 0.5)
    assert material.base_color_texture.bias[:3] == (0.0625, 0.125, 0.03125)
    assert material.base_color_texture.uv_matrix == uv
    assert reader.textures[material.base_color_texture.texture].srgb
    # 0.5 * (1 - 0.75) + texel * 0.75
    assert material.roughness_texture is not None
    assert material.roughness_texture.scale[0] == 0.75
    assert material.roughness_texture.bias[0] == 0.125
    assert material.roughness == pytest.approx(0.125 + 0.75 * 0.2)
    assert not reader.textures[material.roughness_texture.texture].srgb
    # DirectX convention: green points down.
    assert material.normal_texture is not None
    assert material.normal_texture.scale == (1.0, -1.0, 2.0, 1.0)
    assert material.normal_texture.bias == (-0.5, 0.5, -1.0, 0.0)
    assert findings == []


def test_pbr_packed_map(png: str) -> None:
    material, _, _ = read(
        "OmniPBR",
        enable_ORM_texture=True,
        ORM_texture=png,
        reflection_roughness_texture_influence=1.0,
        metallic_texture_influence=1.0,
        ao_to_diffuse=1.0,
    )
    references = (material.occlusion_texture, material.roughness_texture, material.metallic_texture)
    assert [reference.channel for reference in references if reference is not None] == [0, 1, 2]
    assert (material.occlusion, material.roughness, material.metallic) == pytest.approx((0.2, 0.4, 0.8))


def test_pbr_cut_out(tmp_path: Path) -> None:
    png = str(tmp_path / "mask.png")
    PIL.linear_gradient("L").save(png)
    material, _, _ = read(
        "OmniPBR", enable_opacity=True, enable_opacity_texture=True, opacity_texture=png, opacity_threshold=0.5
    )
    assert (material.alpha_mode, material.opacity_threshold) == (AlphaMode.MASK, 0.5)
    assert material.opacity_texture is not None


def test_pbr_missing_texture_is_grey_and_told() -> None:
    material, _, findings = read("OmniPBR", diffuse_texture="/not/there.png")
    assert material.base_color == (0.5, 0.5, 0.5)
    assert [finding.code for finding in findings] == ["texture-unresolved"]


def test_projection_is_told(png: str) -> None:
    assert [finding.code for finding in read("OmniPBR", project_uvw=True)[2]] == ["mdl-project-uvw"]


def test_glass() -> None:
    material, _, findings = read("OmniGlass", glass_color=(0.5, 0.75, 1.0), glass_ior=1.25, frosting_roughness=0.5)
    assert (material.base_color, material.ior, material.roughness) == ((0.5, 0.75, 1.0), 1.25, 0.5)
    assert (material.alpha_mode, material.opacity) == (AlphaMode.BLEND, pytest.approx(GLASS_OPACITY))
    assert findings == []


def test_omni_surface() -> None:
    material, _, findings = read(
        "OmniSurface",
        diffuse_reflection_weight=0.5,
        diffuse_reflection_color=(1.0, 0.5, 0.25),
        specular_reflection_roughness=0.75,
        metalness=0.25,
        coat_weight=0.5,
        emission_weight=0.5,
        emission_intensity=4.0,
        emission_color=(1.0, 0.5, 0.0),
        enable_opacity=True,
        geometry_opacity=0.25,
    )
    assert material.base_color == (0.5, 0.25, 0.125)
    assert (material.roughness, material.metallic, material.clearcoat) == (0.75, 0.25, 0.5)
    assert material.emissive == (2.0, 1.0, 0.0)
    assert (material.opacity, material.alpha_mode) == (0.25, AlphaMode.BLEND)
    assert findings == []
    assert read("OmniSurfaceLite")[0].base_color == (0.8, 0.8, 0.8)


def test_other_module_that_looks_like_pbr() -> None:
    material, _, findings = read("Steel", "materials/Steel.mdl", diffuse_color_constant=(0.5, 0.25, 0.125))
    assert material.base_color == (0.5, 0.25, 0.125)
    assert [finding.code for finding in findings] == ["mdl-module-guessed"]


def test_other_module_is_a_fallback() -> None:
    material, _, findings = read("Weird", weirdness=1.0)
    assert material.name == "fallback:Weird"
    assert [finding.code for finding in findings] == ["material-unsupported"]


def test_pbr_desaturation_keeps_the_mean_luminance(png: str) -> None:
    plain, reader, _ = read("OmniPBR", diffuse_texture=png)
    grey, _, _ = read("OmniPBR", diffuse_texture=png, albedo_desaturation=1.0)
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), plain.base_color, strict=True))
    assert grey.base_color == pytest.approx((luminance,) * 3)
    assert reader.textures[0].srgb


def test_pbr_emission_maps(png: str) -> None:
    mask, _, _ = read(
        "OmniPBR",
        enable_emission=True,
        emissive_color=(1.0, 0.5, 0.25),
        emissive_intensity=2.0,
        emissive_mask_texture=png,
    )
    assert mask.emissive_texture is not None
    assert mask.emissive_texture.scale[:3] == (2.0, 1.0, 0.5)
    color, _, _ = read("OmniPBR", enable_emission=True, emissive_intensity=2.0, emissive_color_texture=png)
    assert color.emissive_texture is not None
    assert color.emissive_texture.scale[:3] == (2.0, 2.0, 2.0)


def test_pbr_clear_coat() -> None:
    material, _, _ = read("OmniPBR_ClearCoat", clearcoat_weight=0.5, clearcoat_reflection_roughness=0.25)
    assert (material.clearcoat, material.clearcoat_roughness) == (0.5, 0.25)


def test_pbr_opacity_from_alpha(tmp_path: Path) -> None:
    image = PIL.new("RGBA", (2, 1), (255, 255, 255, 255))
    image.putpixel((1, 0), (255, 255, 255, 0))
    image.save(tmp_path / "a.png")
    material, _, _ = read(
        "OmniPBR",
        enable_opacity=True,
        enable_opacity_texture=True,
        opacity_texture=str(tmp_path / "a.png"),
        opacity_mode=0,
    )
    assert material.opacity_texture is not None
    assert (material.opacity_texture.channel, material.opacity) == (3, pytest.approx(0.5))


def test_surface_transmission_and_its_pbr_base() -> None:
    material, _, _ = read("OmniSurface", enable_specular_transmission=True, specular_transmission_weight=1.0)
    assert (material.opacity, material.alpha_mode) == (pytest.approx(GLASS_OPACITY), AlphaMode.BLEND)
    base, _, _ = read("OmniPBRBase", enable_emission=True, emission_color=(1.0, 0.5, 0.25), emission_intensity=2.0)
    assert (base.base_color, base.emissive) == ((0.2, 0.2, 0.2), (2.0, 1.0, 0.5))


def test_preview_surface_as_mdl() -> None:
    assert read("UsdPreviewSurface", diffuseColor=(0.5, 0.25, 0.125))[0].base_color == (0.5, 0.25, 0.125)


def test_lookup_function_in_a_graph(png: str) -> None:
    stage = Usd.Stage.CreateInMemory()
    material = UsdShade.Material.Define(stage, "/mat")
    shaders = {}
    for path, name in (("/mat/s", "OmniPBR"), ("/mat/t", "lookup_color(texture_2d,float2)")):
        shaders[path] = UsdShade.Shader.Define(stage, path)
        shaders[path].SetSourceAsset("m.mdl", "mdl")
        shaders[path].SetSourceAssetSubIdentifier(name, "mdl")
    shaders["/mat/t"].CreateInput("tex", T.Asset).Set(png)
    shaders["/mat/s"].CreateInput("diffuse_color_constant", T.Color3f).ConnectToSource(
        shaders["/mat/t"].ConnectableAPI(), "out"
    )
    material.CreateSurfaceOutput("mdl").ConnectToSource(shaders["/mat/s"].ConnectableAPI(), "out")
    mesh = UsdGeom.Mesh.Define(stage, "/m").GetPrim()
    UsdShade.MaterialBindingAPI.Apply(mesh).Bind(material)
    findings: list[Finding] = []
    reader = MaterialReader(stage, RendererCfg(), findings)
    assert reader.materials[reader.bind(mesh)].base_color_texture is not None
    assert findings == []
