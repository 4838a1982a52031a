"""What the OVRTX double loads, clones and leaves out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from doubles.ovrtx_tiles import ENVS, PRODUCT, WORLD, Tiles, depths, product


def test_relative_asset_paths_of_a_text_lead_nowhere(
    play_ovrtx: Callable[..., Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ov = play_ovrtx()
    (tmp_path / "part.usda").write_text('#usda 1.0\n(\n    defaultPrim = "A"\n)\ndef Cube "A"\n{\n}\n')
    text = '#usda 1.0\ndef "A" (\n    references = @{}@\n)\n{{\n}}\n'
    monkeypatch.chdir(tmp_path)
    renderer = ov.Renderer(ov.RendererConfig(suppress_deprecation_warnings=True))
    kind = ov.FilterKind.PRIM_TYPE
    renderer.open_usd_from_string(text.format("./part.usda"))
    assert renderer.query_prims(require_all=[(kind, "Cube")]) == {}
    renderer.open_usd_from_string(text.format(tmp_path / "part.usda"))
    assert list(renderer.query_prims(require_all=[(kind, "Cube")])) == ["/A"]
    (tmp_path / "root.usda").write_text(text.format("./part.usda"))
    renderer.open_usd(str(tmp_path / "root.usda"))
    assert list(renderer.query_prims(require_all=[(kind, "Cube")])) == ["/A"]


def test_a_reference_loses_targets_outside_of_it(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(), 1, 8)
    again = product((8, 8)).replace('"Tiled"', '"Other"').replace("/Tiled/", "/Other/")
    tiles.renderer.add_usd_reference_from_string(again, "/Other")
    out = tiles.renderer.step({"/Other/Product"}, 0.0)
    assert out["/Other/Product"].frames[0].double_tiles == ()
    with pytest.raises(RuntimeError, match="already exists"):
        tiles.renderer.add_usd_reference_from_string(again, "/Other")
    with pytest.raises(RuntimeError, match="defaultPrim"):
        tiles.renderer.add_usd_reference_from_string('#usda 1.0\ndef Scope "X"\n{\n}\n', "/Third")
    with pytest.raises(ValueError, match="layer_content cannot be empty"):
        tiles.renderer.add_usd_reference_from_string("  ", "/Third")


def test_a_cloned_product_needs_its_cameras_again(play_ovrtx: Callable[..., Any]) -> None:
    """A root layer may list cameras that are cloned later only in 0.3."""
    text = WORLD + product((16, 8)).partition("\n)\n")[2].replace(
        "</World/envs/env_0/Camera>", "</World/envs/env_0/Camera>, </World/envs/env_1/Camera>"
    )
    for version, expected in (("0.3.0", 2), ("0.5.0", 1)):
        ov = play_ovrtx(version)
        renderer = ov.Renderer()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            renderer.open_usd_from_string(text)
            renderer.clone_usd(f"{ENVS}/env_0", [f"{ENVS}/env_1"])
        out = renderer.step({PRODUCT}, 0.0)
        assert len(out[PRODUCT].frames[0].double_tiles) == expected


@pytest.mark.parametrize(("version", "whole"), [("0.5.0", False), ("0.5.1", True)])
def test_clones_lose_what_is_instanceable(play_ovrtx: Callable[..., Any], version: str, whole: bool) -> None:
    cube = '''            def Cube "Cube"'''
    instance = """            def Xform "Cube" (
                instanceable = true
                references = </Prototype>
            )"""
    prototype = 'class Xform "Prototype"\n{\n    def Cube "Shape"\n    {\n        double size = 1\n    }\n}\n'
    text = WORLD.replace(cube, instance).replace("                double size = 1\n", "") + prototype
    ov = play_ovrtx(version)
    tiles = Tiles(ov, 2, 8, ("DistanceToImagePlaneSD",))
    tiles.renderer.open_usd_from_string(text)
    tiles.renderer.clone_usd(tiles.envs[0], tiles.envs[1:])
    tiles.renderer.add_usd_reference_from_string(product((16, 8), ("DistanceToImagePlaneSD",)), "/Tiled")
    tiles.renderer.write_array_attribute([PRODUCT], "camera", [tiles.cameras])
    tiles.partition()
    assert np.isfinite(depths(tiles, tiles.step(1))).tolist() == [True, whole]


def test_clone_refuses_what_is_not_there_or_is_already(pair: Tiles) -> None:
    clone = pair.renderer.clone_usd
    for source, targets, message in (
        ("/World/none", ["/World/new"], "source does not exist"),
        (pair.envs[0], [pair.envs[1]], "target exists"),
        (pair.envs[0], ["/World/new", "/World/new"], "target"),
        (pair.envs[0], ["World/new"], "absolute"),
    ):
        with pytest.raises(RuntimeError, match=f"Operation 'clone_usd' failed:\n.*{message}"):
            clone(source, targets)
    with pytest.raises(ValueError, match="At least one target path is required"):
        clone(pair.envs[0], [])


def test_what_is_not_known_is_not_populated(play_ovrtx: Callable[..., Any]) -> None:
    text = (
        '#usda 1.0\n({})\ndef Shader "S"\n{{\n    float my:own = 3\n    float3 inputs:plain = (1, 2, 3)\n'
        "    color3f inputs:color = (1, 2, 3)\n    float inputs:one = 4\n}}\n"
    )
    renderer = (ov := play_ovrtx()).Renderer(ov.RendererConfig(suppress_deprecation_warnings=True))
    renderer.open_usd_from_string(text.format(""))
    for name in ("my:own", "inputs:one", "inputs:color"):
        with pytest.raises(RuntimeError, match="Read returned no data"):
            renderer.read_attribute(name, ["/S"])
        with pytest.raises(RuntimeError, match="does not exist"):
            data = np.zeros((1, 3) if name == "inputs:color" else 1, np.float32)
            renderer.write_attribute(["/S"], name, data, prim_mode=ov.PrimMode.MUST_EXIST)
    everything = "\n    customLayerData = {\n        bool populateAllAuthoredAttributes = 1\n    }\n"
    renderer.open_usd_from_string(text.format(everything))
    assert renderer.read_attribute("my:own", ["/S"]).tolist() == [3.0]
    assert renderer.read_attribute("inputs:color", ["/S"]).tolist() == [[1.0, 2.0, 3.0]]
    assert renderer.read_attribute("inputs:plain", ["/S"]).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize(("version", "known"), [("0.4.1", False), ("0.5.0", True)])
def test_settings_of_products_need_their_schemas(play_ovrtx: Callable[..., Any], version: str, known: bool) -> None:
    """Since 0.5 they are applied by themselves."""
    ov = play_ovrtx(version)
    renderer = ov.Renderer(ov.RendererConfig(suppress_deprecation_warnings=True))
    renderer.open_usd_from_string(WORLD)
    text = product((8, 8), extra="        int omni:rtx:minimal:mode = 3\n        bool omni:rtx:rt:ecoMode:enabled = 0")
    renderer.add_usd_reference_from_string(text, "/Tiled")
    without = text.replace('"OmniRtxSettingsMinimalAPI_1", ', "").replace('"OmniRtxSettingsRtAdvancedAPI_1", ', "")
    renderer.add_usd_reference_from_string(without, "/Other")
    for name in ("omni:rtx:minimal:mode", "omni:rtx:rt:ecoMode:enabled"):
        assert renderer.read_attribute(name, [PRODUCT]).size == 1
        if known:
            assert renderer.read_attribute(name, ["/Other/Product"]).size == 1
            continue
        with pytest.raises(RuntimeError, match="no data"):
            renderer.read_attribute(name, ["/Other/Product"])


def test_a_relationship_to_nothing_is_not_there(pair: Tiles) -> None:
    text = product((8, 8)).replace("rel camera = [</World/envs/env_0/Camera>]", "rel camera")
    pair.renderer.add_usd_reference_from_string(text, "/Other")
    for path, there in ((PRODUCT, True), ("/Other/Product", False)):
        with nullcontext() if there else pytest.raises(RuntimeError, match="does not exist"):
            pair.renderer.write_array_attribute([path], "camera", [pair.cameras], prim_mode=pair.ov.PrimMode.MUST_EXIST)


def test_a_handle_is_never_given_twice(pair: Tiles) -> None:
    def add(name: str) -> int:
        return pair.renderer.add_usd_reference_from_string(product((8, 8)), name)

    first, second = add("/A"), add("/B")
    pair.renderer.remove_usd(first)
    assert add("/C") not in (first, second)
    pair.renderer.remove_usd(second)
    with pytest.raises(RuntimeError, match="unknown handle"):
        pair.renderer.remove_usd(second)


def test_opening_a_stage_replaces_everything(pair: Tiles) -> None:
    renderer = pair.renderer
    binding = renderer.bind_attribute([f"{pair.envs[1]}/Cube"], "omni:xform", semantic=pair.ov.Semantic.XFORM_MAT4x4)
    renderer.open_usd_from_string(WORLD)
    with pytest.raises(RuntimeError, match="stale"):
        binding.write(np.eye(4)[None])
    with pytest.raises(RuntimeError, match="no RenderProduct"):
        renderer.step({PRODUCT}, 0.0)
    binding.unbind()
    for bad in ("", "   ", None):
        with pytest.raises(ValueError, match="root_layer_content cannot be empty"):
            renderer.open_usd_from_string(bad)
    with pytest.raises(RuntimeError, match="open_usd"):
        renderer.open_usd("/no/such/file.usda")
    operation = renderer.open_usd_async("/no/such/file.usda")
    with pytest.raises(RuntimeError, match="open_usd"):
        operation.wait()
