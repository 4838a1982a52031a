"""A small tiled scene for the tests of the OVRTX double."""

from __future__ import annotations

from typing import Any

import numpy as np

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
_SCHEMAS = ", ".join(
    f'"OmniRtxSettings{name}API_1"'
    for name in ("Common", "CommonAdvanced", "Minimal", "Rt", "RtAdvanced", "Pt", "PtAdvanced")
)
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
    def RenderProduct "Product" (
        prepend apiSchemas = [{_SCHEMAS}]
    )
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
