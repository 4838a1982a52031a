"""The OVRTX double: it draws what it was given, and refuses each misuse as the library does."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import warp as wp

WORLD = """#usda 1.0
(
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "World"
{
    def DistantLight "Sun"
    {
        float inputs:intensity = 3
    }
    def Xform "envs"
    {
        def Xform "env_0" (
            prepend apiSchemas = ["SemanticsLabelsAPI:class"]
        )
        {
            token[] semantics:labels:class = ["block"]
            def Cube "Cube"
            {
                double size = 1
                color3f[] primvars:displayColor = [(0.9, 0.1, 0.1)]
                double3 xformOp:translate = (0, 0, 0)
                uniform token[] xformOpOrder = ["xformOp:translate"]
            }
            def Camera "Camera"
            {
                float focalLength = 20
                float horizontalAperture = 20
                float2 clippingRange = (0.01, 100)
                double3 xformOp:translate = (0, 0, 3)
                uniform token[] xformOpOrder = ["xformOp:translate"]
            }
        }
    }
}
"""
ENVS = "/World/envs"
PRODUCT = "/Tiled/Product"


def product(resolution: tuple[int, int], sources: tuple[str, ...] = ("LdrColor",), extra: str = "") -> str:
    variables = "\n".join(
        f'        def RenderVar "{source}"\n        {{\n            uniform string sourceName = "{source}"\n        }}'
        for source in sources
    )
    ordered = ", ".join(f"</Tiled/Product/{source}>" for source in sources)
    return f"""#usda 1.0
(
    defaultPrim = "Tiled"
)
def Scope "Tiled"
{{
    def RenderProduct "Product"
    {{
        rel camera = [</World/envs/env_0/Camera>]
        uniform int2 resolution = ({resolution[0]}, {resolution[1]})
        rel orderedVars = [{ordered}]
        token[] omni:rtx:waitForEvents = ["AllLoadingFinished", "OnlyOnFirstRequest"]
{extra}
{variables}
    }}
}}
"""


class Tiles:
    """N environments in a tiled product of the double.

    Args:
        ov: The double.
        count: Number of environments, ten metres apart.
        size: Side of a tile [px].
    """

    def __init__(
        self, ov: Any, count: int, size: int, sources: tuple[str, ...] = ("LdrColor",), extra: str = ""
    ) -> None:
        self.ov, self.count, self.size = ov, count, size
        silent = {} if ov.__version__ < "0.4" else {"suppress_deprecation_warnings": True}
        self.renderer = ov.Renderer(ov.RendererConfig(**silent))
        self.renderer.open_usd_from_string(WORLD)
        self.envs = [f"{ENVS}/env_{i}" for i in range(count)]
        self.cameras = [f"{env}/Camera" for env in self.envs]
        if count > 1:
            self.renderer.clone_usd(self.envs[0], self.envs[1:])
        self.columns = int(np.ceil(np.sqrt(count)))
        rows = -(-count // self.columns)
        text = product((self.columns * size, rows * size), sources, extra)
        self.renderer.add_usd_reference_from_string(text, "/Tiled")
        self.renderer.write_array_attribute([PRODUCT], "camera", [self.cameras])

    def partition(self) -> None:
        tokens = [f"env_{i}" for i in range(self.count)]
        new = {"semantic": self.ov.Semantic.TOKEN_STRING, "prim_mode": self.ov.PrimMode.CREATE_NEW}
        self.renderer.write_attribute(self.envs, "primvars:omni:scenePartition", tokens, **new)
        self.renderer.write_attribute(self.cameras, "omni:scenePartition", tokens, **new)

    def step(self, times: int = 4) -> Any:
        for _ in range(times):
            out = self.renderer.step({PRODUCT}, 1 / 60)
        self.out = out
        return out[PRODUCT].frames[0]

    def image(self, frame: Any, source: str = "LdrColor") -> np.ndarray:
        key = f"{PRODUCT}/{source}" if f"{PRODUCT}/{source}" in frame.render_vars else source
        with frame.render_vars[key].map() as mapped:
            return np.from_dlpack(mapped).copy()

    def tiles(self, image: np.ndarray) -> np.ndarray:
        s, c = self.size, self.columns
        grid = image.reshape(-1, s, c, s, image.shape[-1]).transpose(0, 2, 1, 3, 4)
        return grid.reshape(-1, s, s, image.shape[-1])[: self.count]


def test_tiles_are_in_the_order_of_the_cameras(play_ovrtx: Callable[..., Any]) -> None:
    """Each environment's cube lies at another distance; tile i shows that of environment i."""
    tiles = Tiles(play_ovrtx(), 5, 8, ("LdrColor", "DistanceToImagePlaneSD"))
    tiles.partition()
    cubes = [f"{env}/Cube" for env in tiles.envs]
    matrices = np.tile(np.eye(4), (5, 1, 1))
    matrices[:, 3, 2] = -np.arange(5.0)
    tiles.renderer.write_attribute(cubes, "omni:xform", matrices, semantic=tiles.ov.Semantic.XFORM_MAT4x4)
    frame = tiles.step()
    depth = tiles.tiles(tiles.image(frame, "DistanceToImagePlaneSD"))
    assert frame.double_tiles == tuple(tiles.cameras)
    np.testing.assert_allclose(depth[:, 4, 4, 0], 2.5 + np.arange(5), rtol=1e-6)
    color = tiles.tiles(tiles.image(frame))
    assert (color[:, 4, 4, 0] > 2 * color[:, 4, 4, 1]).all() and color.shape == (5, 8, 8, 4)


def place(tiles: Tiles, heights: np.ndarray | list[float]) -> None:
    """Move the cube of each environment along the view."""
    matrices = np.tile(np.eye(4), (tiles.count, 1, 1))
    matrices[:, 3, 2] = heights
    cubes = [f"{env}/Cube" for env in tiles.envs]
    tiles.renderer.write_attribute(cubes, "omni:xform", matrices, semantic=tiles.ov.Semantic.XFORM_MAT4x4)


def depths(tiles: Tiles, frame: Any) -> np.ndarray:
    """(N,) distance in the middle of each tile."""
    image = tiles.tiles(tiles.image(frame, "DistanceToImagePlaneSD"))
    return image[:, tiles.size // 2, tiles.size // 2, 0]


@pytest.fixture
def pair(play_ovrtx: Callable[..., Any]) -> Tiles:
    """Two environments of 8 x 8 pixels, colours and depth."""
    tiles = Tiles(play_ovrtx(), 2, 8, ("LdrColor", "DistanceToImagePlaneSD"))
    tiles.partition()
    return tiles


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_a_column_vector_matrix_shows_as_a_wrong_picture(pair: Tiles) -> None:
    place(pair, [-1.0, -1.0])
    right = depths(pair, pair.step())
    matrices = np.tile(np.eye(4), (2, 1, 1))
    matrices[:, 2, 3] = -1.0
    cubes = [f"{env}/Cube" for env in pair.envs]
    pair.renderer.write_attribute(cubes, "omni:xform", matrices)
    wrong = depths(pair, pair.step(1))
    np.testing.assert_allclose(right, 3.5, rtol=1e-6)
    assert (wrong != right).all()


def test_local_matrices_are_world_matrices_once_the_stack_is_reset(pair: Tiles) -> None:
    moved = np.tile(np.eye(4), (2, 1, 1))
    moved[:, 3, 2] = 1.0
    pair.renderer.write_attribute(pair.envs, "omni:xform", moved)
    place(pair, [0.0, 0.0])  # local: the camera moves along
    np.testing.assert_allclose(depths(pair, pair.step(1)), 2.5, rtol=1e-6)
    cubes = [f"{env}/Cube" for env in pair.envs]
    pair.renderer.write_attribute(cubes, "omni:resetXformStack", np.full(2, True, np.bool_))
    np.testing.assert_allclose(depths(pair, pair.step(1)), 3.5, rtol=1e-6)


def test_scale_is_lost_when_it_is_not_in_the_matrix(pair: Tiles) -> None:
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    cubes = [f"{env}/Cube" for env in pair.envs]
    pair.renderer.write_attribute(cubes, "omni:xform", np.stack([matrix, np.eye(4)]))
    np.testing.assert_allclose(depths(pair, pair.step(1)), [2.0, 2.5], rtol=1e-6)


def test_a_camera_sees_its_partition_and_what_has_none(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(), 2, 8, ("DistanceToImagePlaneSD",))
    place(tiles, [-1.0, 1.0])
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), 1.5, rtol=1e-6)  # no partitions: both cubes in both
    new = {"semantic": tiles.ov.Semantic.TOKEN_STRING, "prim_mode": tiles.ov.PrimMode.CREATE_NEW}
    tiles.renderer.write_attribute(tiles.envs, "primvars:omni:scenePartition", ["a", "b"], **new)
    assert np.isinf(depths(tiles, tiles.step(1))).all()  # cameras without a selector see none of them
    tiles.renderer.write_attribute(tiles.cameras, "omni:scenePartition", ["a", "b"], **new)
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), [3.5, 1.5], rtol=1e-6)
    tiles.renderer.write_attribute(tiles.cameras, "omni:scenePartition", ["b", "a"])
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), [1.5, 3.5], rtol=1e-6)


@pytest.mark.parametrize(("version", "limit"), [("0.5.0", 3), ("0.5.1", 6)])
def test_tiles_beyond_the_limit_are_silently_wrong(
    play_ovrtx: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, version: str, limit: int
) -> None:
    from importlib import import_module

    ov = play_ovrtx(version)
    assert import_module("ovrtx._products").TILE_LIMIT == (4096 if version == "0.5.0" else 32768)
    monkeypatch.setattr("ovrtx._products.TILE_LIMIT", limit)
    tiles = Tiles(ov, 6, 8, ("DistanceToImagePlaneSD",))
    tiles.partition()
    place(tiles, -np.arange(6.0))
    frame = tiles.step(1)
    right = np.isclose(depths(tiles, frame), 2.5 + np.arange(6))
    assert right.tolist() == [i < limit for i in range(6)]
    assert [name == camera for name, camera in zip(frame.double_tiles, tiles.cameras, strict=True)] == right.tolist()


def test_partitions_beyond_the_limit_are_everybodys(
    play_ovrtx: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles = Tiles(play_ovrtx(), 3, 8, ("DistanceToImagePlaneSD",))
    monkeypatch.setattr("ovrtx._draw.PARTITION_LIMIT", 2)
    tiles.partition()
    place(tiles, [-1.0, -1.0, 1.0])
    np.testing.assert_allclose(depths(tiles, tiles.step(1)), 1.5, rtol=1e-6)


def test_what_lies_outside_of_the_tiles_means_nothing(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(), 3, 8, ("LdrColor", "DistanceToImagePlaneSD"))
    tiles.size = 7  # 16 pixels are asked for two tiles of 8; the product has 3 tiles in a grid of 4
    frame = tiles.step(3)
    image = tiles.image(frame, "DistanceToImagePlaneSD")
    assert np.isnan(image[8:, 8:]).all() and not np.isnan(image[:8]).any()
    assert (tiles.image(frame)[8:, 8:] == 0xCD).all()


def test_aovs_have_their_types(play_ovrtx: Callable[..., Any]) -> None:
    sources = {
        "LdrColor": (np.uint8, 4), "HdrColor": (np.float16, 4), "NormalSD": (np.float32, 4),
        "DistanceToCameraSD": (np.float32, 1), "DistanceToImagePlaneSD": (np.float32, 1),
        "DiffuseAlbedoSD": (np.uint8, 4), "TargetMotionSD": (np.float32, 4),
        "SemanticSegmentation": (np.uint32, 1), "NonStableInstanceSegmentation": (np.uint32, 1),
    }  # fmt: skip
    tiles = Tiles(play_ovrtx(), 2, 8, (*sources, "SemanticIdMap", "StableIdMap", "StableIdSemanticIdMap", "NoSuchAov"))
    frame = tiles.step(3)
    assert set(frame.render_vars) == {
        f"{PRODUCT}/{name}" for name in (*sources, "SemanticIdMap", "StableIdMap", "StableIdSemanticIdMap")
    }
    for name, (dtype, channels) in sources.items():
        image = tiles.image(frame, name)
        assert image.dtype == dtype and image.shape == (8, 16, channels), name
    normals = tiles.image(frame, "NormalSD")
    np.testing.assert_allclose(normals[4, 4, :3], (0, 0, 1), atol=1e-6)
    assert np.isnan(normals[..., 3]).all()
    ids = tiles.image(frame, "SemanticSegmentation")
    raw = tiles.image(frame, "SemanticIdMap").tobytes()
    assert int.from_bytes(raw[-4:], "little") == 1
    label, length, offset = (int.from_bytes(raw[i : i + 4], "little") for i in (0, 16, 20))
    assert raw[offset : offset + length] == b"class: block;" and set(np.unique(ids)) == {0, label} and label > 1
    raw = tiles.image(frame, "StableIdSemanticIdMap").view("<u4").reshape(-1, 8)
    names = tiles.image(frame, "StableIdMap").tobytes()
    stable = np.frombuffer(names[:24], "<u4")
    row = int(tiles.image(frame, "NonStableInstanceSegmentation")[4, 4, 0]) - 2
    at = [np.array_equal(entry[:4], stable[:4]) for entry in raw].index(True)
    path = names[stable[5] : stable[5] + stable[4]].decode()
    assert path == tiles.envs[0 if at == row else 1] and raw[at, 4] == label


def test_minimal_and_path_traced_modes_have_fewer_aovs(play_ovrtx: Callable[..., Any]) -> None:
    ov, sources = play_ovrtx(), ("LdrColor", "DistanceToImagePlaneSD")
    extra = '        token omni:rtx:rendermode = "{}"\n        int omni:rtx:minimal:mode = {}'
    black = Tiles(ov, 1, 8, sources, extra.format("Minimal", 0))
    frame = black.step(3)
    assert list(frame.render_vars) == [f"{PRODUCT}/LdrColor"] and not black.image(frame)[..., :3].any()
    shaded = Tiles(ov, 1, 8, sources, extra.format("Minimal", 2))
    assert shaded.image(shaded.step(3))[4, 4, :3].any()
    traced = Tiles(ov, 1, 8, sources, extra.format("PathTracing", 2))
    assert traced.step(3).converged
    with pytest.raises(RuntimeError, match="render mode"):
        Tiles(ov, 1, 8, sources, extra.format("Fast", 2)).step(1)


def test_the_first_frames_have_not_converged(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx()
    tiles = Tiles(ov, 1, 8)
    images = [tiles.image(tiles.step(1)) for _ in range(4)]
    assert not np.array_equal(images[0], images[3]) and np.array_equal(images[2], images[3])
    assert images[0][..., :3].max() < images[3][..., :3].max() / 2
    tiles.renderer.reset()
    assert np.array_equal(tiles.image(tiles.step(1)), images[0])
    tiles.step(2)
    other = product((8, 8)).replace('"Tiled"', '"Other"').replace("/Tiled/", "/Other/").replace('"Product"', '"Two"')
    tiles.renderer.add_usd_reference_from_string(other, "/Other")
    tiles.renderer.step({"/Other/Two"}, 0.0)  # forgets the history of the product it does not name
    assert not np.array_equal(tiles.image(tiles.step(1)), images[3])
    assert np.array_equal(tiles.image(tiles.step(2)), images[3])


def test_without_waiting_for_events_it_takes_longer(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx()
    tiles = Tiles(ov, 1, 8, extra="        token[] omni:rtx:waitForEvents = []\n".replace("[]\n", '[""]'))
    tiles.renderer.write_array_attribute([PRODUCT], "omni:rtx:waitForEvents", [["none"]], is_token=True)
    first = tiles.image(tiles.step(10))
    assert not np.array_equal(first, tiles.image(tiles.step(31)))


def test_temporal_history_stays_in_tiles_that_were_not_reset(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(temporal=True), 2, 8)
    tiles.partition()
    tiles.step(4)
    place(tiles, [-90.0, -90.0])
    prefix = "omni:rtx:viewTile:renderHistoryReset"
    tiles.renderer.write_array_attribute([PRODUCT], f"{prefix}:tileIndices", [np.array([1.0], np.float32)])
    tiles.renderer.write_attribute([PRODUCT], f"{prefix}:requestId", np.array([1], np.int32))
    after = tiles.tiles(tiles.image(tiles.step(1)))
    assert after[0, 4, 4, 0] > 40 and after[1, 1, 1, 0] == 0
    assert after[1].astype(int).sum() < after[0].astype(int).sum()


def test_eco_mode_freezes_what_moves_unseen(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx(eco_frames=3)
    for extra, moves in (("", False), ("        bool omni:rtx:rt:ecoMode:enabled = false", True)):
        tiles = Tiles(ov, 1, 8, ("DistanceToImagePlaneSD",), extra)
        tiles.renderer = ov.Renderer(ov.RendererConfig(read_gpu_transforms=True, suppress_deprecation_warnings=True))
        tiles.renderer.open_usd_from_string(WORLD)
        tiles.renderer.add_usd_reference_from_string(product((8, 8), ("DistanceToImagePlaneSD",), extra), "/Tiled")
        tiles.renderer.write_array_attribute([PRODUCT], "camera", [tiles.cameras])
        tiles.step(4)
        place(tiles, [-1.0])
        assert (depths(tiles, tiles.step(1))[0] == pytest.approx(3.5)) == moves


def test_a_step_may_give_no_frame_or_two(play_ovrtx: Callable[..., Any]) -> None:
    tiles = Tiles(play_ovrtx(frames=2), 1, 8)
    tiles.step(1)
    assert len(tiles.out[PRODUCT].frames) == 2
    tiles.ov.double.OPTIONS.frames = 0
    assert tiles.renderer.step({PRODUCT}, 0.1)[PRODUCT].frames == []


# -- loading -----------------------------------------------------------------------------------------------------------


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
    assert renderer.read_attribute("inputs:one", ["/S"]).tolist() == [4.0]
    assert renderer.read_attribute("inputs:color", ["/S"]).tolist() == [[1.0, 2.0, 3.0]]
    assert renderer.read_attribute("inputs:plain", ["/S"]).tolist() == [[0.0, 0.0, 0.0]]
    with pytest.raises(RuntimeError, match="Read returned no data"):
        renderer.read_attribute("my:own", ["/S"])
    everything = "\n    customLayerData = {\n        bool populateAllAuthoredAttributes = 1\n    }\n"
    renderer.open_usd_from_string(text.format(everything))
    assert renderer.read_attribute("my:own", ["/S"]).tolist() == [3.0]


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


# -- writes ------------------------------------------------------------------------------------------------------------


def test_prim_modes(pair: Tiles) -> None:
    renderer, mode = pair.renderer, pair.ov.PrimMode
    paths = [f"{pair.envs[0]}/Cube", f"{pair.envs[0]}/Kube"]
    far = np.tile(np.diag([1.0, 1.0, 1.0, 1.0]), (2, 1, 1))
    far[:, 3, 2] = -2.0
    with pytest.raises(RuntimeError, match=r"'write_attribute\(omni:xform\)' failed:\n.*Kube"):
        renderer.write_attribute(paths, "omni:xform", far, prim_mode=mode.MUST_EXIST)
    assert depths(pair, pair.step(1))[0] == pytest.approx(2.5)  # nothing was written
    renderer.write_attribute(paths, "omni:xform", far)  # the typo is ignored without a word
    assert depths(pair, pair.step(1))[0] == pytest.approx(4.5)
    with pytest.raises(RuntimeError, match="does not exist"):
        renderer.bind_attribute(paths, "omni:xform", semantic=pair.ov.Semantic.XFORM_MAT4x4, prim_mode=mode.MUST_EXIST)
    renderer.write_attribute(paths[:1], "my:new", np.array([7.0], np.float32), prim_mode=mode.CREATE_NEW)
    assert renderer.read_attribute("my:new", paths[:1]).tolist() == [7.0]
    with pytest.raises(RuntimeError, match="CREATE_NEW"):
        renderer.read_attribute("my:new", paths[:1], prim_mode=mode.CREATE_NEW)


def test_shapes_and_types_of_writes(pair: Tiles) -> None:
    ov, write = pair.ov, pair.renderer.write_attribute
    cubes, xform = [f"{env}/Cube" for env in pair.envs], pair.ov.Semantic.XFORM_MAT4x4
    for tensor, error, message in (
        (np.zeros((2, 16)), ValueError, "does not match expected shape \\(N, 4, 4\\)"),
        (np.eye(4), ValueError, "does not match expected shape"),
        (np.zeros((2, 4, 4), np.float32), ValueError, "must match scalar type"),
        ([[1.0]], TypeError, "does not support DLPack"),
        (np.zeros((3, 4, 4)), RuntimeError, "must equal binding prim count \\(2\\)"),
    ):
        with pytest.raises(error, match=message):
            write(cubes, "omni:xform", tensor, semantic=xform)
    for paths in ([], ["/World", " "]):
        with pytest.raises(ValueError, match="all prim_paths must not be empty"):
            write(paths, "omni:xform", np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="requires write_array_attribute"):
        write(cubes, "camera", ["/a", "/b"], semantic=ov.Semantic.PATH_STRING)
    with pytest.raises(ValueError, match="SYNC"):
        write(cubes, "visibility", ["invisible"] * 2, data_access=ov.DataAccess.ASYNC)
    with pytest.raises(ValueError, match="tensors list cannot be empty"):
        pair.renderer.write_array_attribute(cubes, "points", [])
    with pytest.raises(RuntimeError, match="holds"):
        write(cubes, "size", np.zeros(2, np.float32))
    with pytest.raises(RuntimeError, match="dirty_bits"):
        write(cubes, "size", np.zeros(2), dirty_bits=b"")
    write(cubes, "size", np.array([2.0, 2.0]), dirty_bits=b"\x02")
    assert pair.renderer.read_attribute("size", cubes).tolist() == [1.0, 2.0]
    write(cubes, "visibility", ["inherited", "invisible"])
    assert np.isfinite(depths(pair, pair.step(1))).tolist() == [True, False]
    assert pair.renderer.read_attribute("omni:xform", cubes).shape == (2, 16)


def test_types_of_bindings(pair: Tiles) -> None:
    ov, cubes = pair.ov, [f"{env}/Cube" for env in pair.envs]
    bind = pair.renderer.bind_attribute
    for options, message in (
        ({}, "dtype is required"),
        ({"dtype": "float33"}, "unrecognized dtype"),
        ({"dtype": np.complex64}, "not a supported numeric type|unrecognized dtype"),
        ({"semantic": ov.Semantic.XFORM_MAT4x4, "shape": (4, 4)}, "shape= must not be provided"),
        ({"dtype": "float32", "flags": 7}, "Invalid binding flags"),
    ):
        with pytest.raises(ValueError, match=message):
            bind(cubes, "omni:xform", **options)
    lanes = bind(cubes, "omni:xform", dtype=ov.DLDataType(2, 64, 16))
    with pytest.raises(ValueError, match="doesn't match binding's expected type"):
        lanes.write(np.zeros((2, 4, 4), np.float32))
    shaped = bind(cubes, "omni:xform", dtype="float64", shape=(4, 4))
    with pytest.raises(ValueError, match="must match binding's scalar type"):
        shaped.write(np.zeros((2, 4, 4), np.float32))
    with pytest.raises(RuntimeError, match="must equal binding prim count"):
        shaped.write(np.zeros((1, 4, 4)))
    shaped.write(wp.array(np.tile(np.eye(4), (2, 1, 1)), dtype=wp.mat44d, device="cpu"))
    for binding in (shaped, lanes):
        binding.unbind()
        binding.unbind()
    with pytest.raises(RuntimeError, match="called after unbind"):
        shaped.write(np.zeros((2, 4, 4)))
    with pytest.raises(RuntimeError, match="called after unbind"):
        shaped.map()


def test_a_binding_knows_the_prims_of_its_time(pair: Tiles) -> None:
    paths = [f"{pair.envs[0]}/Cube", f"{ENVS}/env_2/Cube"]
    binding = pair.renderer.bind_attribute(paths, "omni:xform", semantic=pair.ov.Semantic.XFORM_MAT4x4)
    pair.renderer.clone_usd(pair.envs[0], [f"{ENVS}/env_2"])
    moved = np.tile(np.eye(4), (2, 1, 1))
    moved[:, 3, 0] = 5.0
    binding.write(moved)
    values = pair.renderer.read_attribute("omni:xform", paths)
    assert values[:, 12].tolist() == [5.0, 0.0]
    binding.unbind()


def test_buffers_that_are_reused_too_early(pair: Tiles) -> None:
    """ASYNC reads the buffer when the operation is carried out, SYNC when it is called."""
    access, semantic = pair.ov.DataAccess, pair.ov.Semantic.XFORM_MAT4x4
    cubes = [f"{env}/Cube" for env in pair.envs]
    binding = pair.renderer.bind_attribute(cubes, "omni:xform", semantic=semantic)
    for mode, expected in ((access.SYNC, 3.5), (access.ASYNC, 7.5)):
        buffer = np.tile(np.eye(4), (2, 1, 1))
        buffer[:, 3, 2] = -1.0
        operation = binding.write_async(buffer, data_access=mode)
        buffer[:, 3, 2] = -5.0
        assert operation.wait() is True
        np.testing.assert_allclose(depths(pair, pair.step(1)), expected, rtol=1e-6)
    binding.unbind()


def test_mapped_attributes(pair: Tiles) -> None:
    ov, cubes = pair.ov, [f"{env}/Cube" for env in pair.envs]
    mapping = pair.renderer.map_attribute(cubes, "omni:xform", semantic=ov.Semantic.XFORM_MAT4x4)
    memory = np.from_dlpack(mapping)
    assert memory.shape == (2, 4, 4) and np.isnan(memory).all()  # it does not hold the present values
    memory[:] = np.eye(4)
    memory[:, 3, 2] = -1.0
    np.testing.assert_allclose(depths(pair, pair.step(1)), 2.5, rtol=1e-6)
    with pytest.raises(ValueError, match="not applicable for CPU-mapped"):
        mapping.unmap(stream=1)
    mapping.unmap()
    mapping.unmap()
    np.testing.assert_allclose(depths(pair, pair.step(1)), 3.5, rtol=1e-6)
    with pytest.raises(RuntimeError, match="already released"):
        np.from_dlpack(mapping)
    with pytest.raises(RuntimeError, match="already unmapped"):
        mapping.unmap_async()
    with pytest.raises(RuntimeError, match="no device 3"):
        pair.renderer.map_attribute(cubes, "size", dtype="float64", device=ov.Device.CUDA, device_id=3)
    binding = pair.renderer.bind_array_attribute(cubes, "primvars:displayColor", dtype="float32", shape=(3,))
    with pytest.raises(RuntimeError, match="cannot be mapped"):
        binding.map()
    binding.write([np.array([[0.0, 0.0, 1.0]], np.float32)] * 2)
    color = pair.tiles(pair.image(pair.step(4)))[:, 4, 4]
    assert (color[:, 2] > color[:, 0] + 50).all()
    binding.unbind()


def test_materials_must_be_there(pair: Tiles) -> None:
    with pytest.raises(RuntimeError, match="there is no material '/World/Looks/none'"):
        pair.renderer.write_array_attribute([f"{pair.envs[0]}/Cube"], "material:binding", [["/World/Looks/none"]])


# -- outputs -----------------------------------------------------------------------------------------------------------


def test_products_and_their_names(pair: Tiles) -> None:
    step = pair.renderer.step
    for products in (set(), {" "}):
        with pytest.raises(ValueError, match="At least one valid render product"):
            step(products, 0.0)
    for time in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="delta_time"):
            step({PRODUCT}, time)
        with pytest.raises(ValueError, match="time must be"):
            pair.renderer.reset(time)
    with pytest.raises(RuntimeError, match="no RenderProduct at '/Tiled/None'"):
        step({"/Tiled/None"}, 0.0)
    with pytest.raises(RuntimeError, match="no RenderProduct at '/'"):
        step(PRODUCT, 0.0)  # the characters of the text
    with pytest.raises(RuntimeError, match="ordinal"):
        step({PRODUCT}, 0.0, ordinal=1)
    out = step({PRODUCT}, 0.5)
    assert (out.simulation_start_time, out.simulation_end_time) == (0.0, 0.5) and list(out) == [PRODUCT]
    with pytest.raises(KeyError, match="No product '/Tiled'"):
        out["/Tiled"]


def test_memory_holds_the_picture_only_after_waiting(pair: Tiles) -> None:
    device = pair.ov.Device
    variable = pair.step().render_vars[f"{PRODUCT}/DistanceToImagePlaneSD"]
    mapped = variable.map(device=device.CUDA, sync_stream=0)
    view = wp.from_dlpack(mapped).numpy()
    assert np.isnan(view).all()
    with pytest.raises(RuntimeError, match="already mapped"):
        variable.map()
    with pytest.raises(RuntimeError, match="Unsupported device"):
        np.from_dlpack(mapped)
    mapped.wait()
    assert not np.isnan(view).any()
    mapped.unmap(stream=1)
    assert not mapped.unfenced
    with pytest.raises(RuntimeError, match="already released"):
        wp.from_dlpack(mapped)
    with variable.map(device=device.CUDA) as again:  # on the default stream
        assert not np.isnan(wp.from_dlpack(again).numpy()).any()
    assert again.unfenced
    with variable.map(device=device.CUDA_ARRAY) as opaque:
        assert opaque["data"].cuda_array
        with pytest.raises(RuntimeError, match="CUDA array"):
            wp.from_dlpack(opaque)


def test_mappings_on_the_host(pair: Tiles) -> None:
    frame = pair.step()
    variable = frame.render_vars[f"{PRODUCT}/LdrColor"]
    mapped = variable.map()
    image = np.from_dlpack(mapped)
    with pytest.raises(ValueError, match="read-only"):
        image[...] = 0
    with pytest.raises(BufferError, match="copy=True"):
        np.from_dlpack(mapped, copy=True)
    with pytest.raises(AttributeError, match="tensor"):
        mapped.tensor  # noqa: B018
    with pytest.raises(ValueError, match="not applicable for CPU-mapped"):
        mapped.unmap(stream=1)
    with pytest.raises(ValueError, match="both event and stream"):
        mapped.unmap(event=1, stream=1)
    with pytest.raises(KeyError, match="no tensor named 'rgb'"):
        mapped["rgb"]
    assert len(mapped) == 1 and mapped.shape == image.shape
    mapped.unmap()
    mapped.unmap()
    assert image[4, 4, :3].any()  # a view that was taken stays
    writable = variable.map()
    wp.from_dlpack(writable).zero_()
    with pytest.raises(RuntimeError, match="wrote into memory of the renderer"):
        writable.unmap()
    pair.out = None
    gc.collect()
    with pytest.raises(RuntimeError, match="has been destroyed"):
        variable.map()


@pytest.mark.parametrize("version", ["0.3.0", "0.4.1", "0.5.0", "0.5.1"])
def test_versions(play_ovrtx: Callable[..., Any], version: str) -> None:
    ov = play_ovrtx(version)
    assert ov.__version__.startswith(version) and ov.Renderer().version == tuple(map(int, version.split(".")))
    assert hasattr(ov, "TextureStreamingMode") == (version >= "0.4.1")
    assert hasattr(ov.Renderer(), "destroy") == (version >= "0.4")
    assert all(hasattr(ov, name) for name in ov.__all__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        config, silent = ov.RendererConfig, "suppress_deprecation_warnings"
        ov.RendererConfig = lambda **fields: config(
            **{k: v for k, v in fields.items() if k != silent or version > "0.4"}
        )
        tiles = Tiles(ov, 1, 8)
        frame = tiles.step(1)
    assert list(frame.render_vars) == [f"{PRODUCT}/LdrColor" if version >= "0.5" else "LdrColor"]
    variable = next(iter(frame.render_vars.values()))
    assert (getattr(variable, "source_name", None) or variable.name) == "LdrColor"
    with variable.map() as mapped:
        if version < "0.5":
            with pytest.warns(DeprecationWarning, match="tensor"):
                np.from_dlpack(mapped.tensor)[...] = 0
            mapped._memory[...] = mapped._data
        else:
            assert not hasattr(mapped, "tensor")


@pytest.mark.parametrize(
    ("version", "unknown"),
    [
        ("0.3.0", ("motion_bvh", "texture_streaming_mode", "suppress_deprecation_warnings")),
        ("0.4.1", ("enable_motion_bvh", "aftermath_mode")),
        ("0.5.0", ("use_vulkan", "enable_motion_bvh", "dome_baking_resolution", "output_partial_frames")),
    ],
)
def test_fields_of_the_configuration(play_ovrtx: Callable[..., Any], version: str, unknown: tuple[str, ...]) -> None:
    ov = play_ovrtx(version)
    for name in unknown:
        with pytest.raises(TypeError, match=name):
            ov.RendererConfig(**{name: 1})
    for fields, error, message in (
        ({"sync_mode": 1}, TypeError, "RendererConfig.sync_mode must be bool, got int"),
        ({"log_level": 3}, TypeError, "RendererConfig.log_level must be str, got int"),
        ({"selection_outline_width": True}, TypeError, "must be int, got bool"),
        ({"active_cuda_gpus": "7"}, RuntimeError, "Failed to create renderer: .*active_cuda_gpus"),
    ):
        config = ov.RendererConfig(**fields)  # checked when a renderer is made of it
        with pytest.raises(error, match=message):
            ov.Renderer(config)
    if version >= "0.5":
        with pytest.raises(ValueError, match="selection_fill_mode must be in range"):
            ov.Renderer(ov.RendererConfig(selection_fill_mode=9))
        assert ov.Renderer(ov.RendererConfig(motion_bvh="Enable", texture_streaming_mode="1"))


def test_life_cycle(pair: Tiles, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer, ov = pair.renderer, pair.ov
    binding = renderer.bind_attribute([pair.envs[0]], "omni:xform", semantic=ov.Semantic.XFORM_MAT4x4)
    mapped = next(iter(pair.step(1).render_vars.values())).map()
    with pytest.warns(RuntimeWarning) as told:
        renderer.destroy()
    assert [str(w.message) for w in told] == [
        "Renderer destroyed with 1 active binding(s)", "Renderer destroyed with 1 active mapping(s)"
    ]  # fmt: skip
    renderer.destroy()
    assert not renderer and mapped
    for call in (
        lambda: renderer.step({PRODUCT}, 0.0),
        lambda: renderer.open_usd_from_string(WORLD),
        lambda: renderer.write_attribute(pair.envs, "omni:xform", np.zeros((2, 4, 4))),
        lambda: renderer.bind_attribute(pair.envs, "omni:xform", dtype="float64"),
        lambda: renderer.reset(),
        lambda: renderer.query_prims(),
    ):
        with pytest.raises(RuntimeError, match="Renderer is not valid"):
            call()
    with pytest.raises(RuntimeError, match="after unbind"):
        binding.write(np.eye(4)[None])
    ov.double.OPTIONS.fail_create = "VK_KHR_ray_query is missing"
    with pytest.raises(RuntimeError, match=r"Failed to create renderer: VK_KHR_ray_query.*\nconfig: RendererConfig"):
        ov.Renderer()
    ov.double.OPTIONS.fail_create = None
    monkeypatch.setitem(__import__("sys").modules, "omni.kit.app", object())
    with pytest.raises(RuntimeError, match="RTX hydra of Kit"):
        ov.Renderer()


def test_nothing_that_was_enqueued_may_be_dropped(pair: Tiles) -> None:
    renderer = pair.renderer
    with pytest.warns(ResourceWarning, match="garbage-collected without wait"):
        renderer.reset_async()
        gc.collect()
    with pytest.warns(ResourceWarning, match="without fetch"):
        renderer.step_async({PRODUCT}, 0.0).wait()
        gc.collect()
    operation = renderer.reset_async()
    assert operation.query_status().progress < 0
    assert operation.wait() is True and operation.wait() is True
    with pytest.raises(RuntimeError, match="already completed"):
        operation.query_status()
    with pytest.raises(TypeError, match="bool"):
        operation.wait(timeout_ns=True)
    with pytest.raises(OverflowError):
        operation.wait(timeout_ns=2**64)


def test_stage_methods_are_deprecated(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx("0.4.1")
    with pytest.warns(DeprecationWarning, match="Renderer.open_usd_from_string has been deprecated since ovrtx 0.4"):
        ov.Renderer().open_usd_from_string(WORLD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ov.Renderer(ov.RendererConfig(suppress_deprecation_warnings=True)).open_usd_from_string(WORLD)


def test_errors_come_early_in_sync_mode(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx()
    renderer = ov.Renderer(ov.RendererConfig(sync_mode=True, suppress_deprecation_warnings=True))
    with pytest.raises(RuntimeError, match="open_usd"):
        renderer.open_usd_async("/no/such/file.usda")


@pytest.mark.slow
@pytest.mark.parametrize(("version", "count"), [("0.5.0", 4096), ("0.5.0", 4097), ("0.5.1", 4097)])
def test_thousands_of_tiles(play_ovrtx: Callable[..., Any], version: str, count: int) -> None:
    tiles = Tiles(play_ovrtx(version), count, 8, ("DistanceToImagePlaneSD",))
    tiles.partition()
    place(tiles, -(np.arange(count) % 5.0))
    right = np.isclose(depths(tiles, tiles.step(1)), 2.5 + np.arange(count) % 5)
    limit = 4096 if version == "0.5.0" else 32768
    assert right[:limit].all() and not right[limit:].any()
