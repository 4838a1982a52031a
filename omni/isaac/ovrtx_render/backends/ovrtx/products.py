"""Render products: which ones a bundle needs, how their images are divided into tiles, and what they say as USD."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...config import RendererCfg
from ...errors import ConfigError
from ...outputs import OutputKind
from .options import OvrtxOptions

__all__ = ["SOURCES", "Product", "TileGrid", "plan_products", "products_usda", "render_modes", "split_cameras"]

SOURCES: dict[str, tuple[str, ...]] = {
    "rgb": ("LdrColor",),
    "rgba": ("LdrColor",),
    "rgb_hdr": ("HdrColor",),
    "albedo": ("DiffuseAlbedoSD",),
    "distance_to_image_plane": ("DistanceToImagePlaneSD",),
    "distance_to_camera": ("DistanceToCameraSD",),
    "normals": ("NormalSD",),
    "motion_vectors": ("TargetMotionSD",),
    "semantic_segmentation": ("SemanticSegmentation", "SemanticIdMap"),
    "instance_segmentation": ("NonStableInstanceSegmentation", "StableIdMap", "StableIdSemanticIdMap"),
    "simple_shading_constant_diffuse": ("LdrColor",),
    "simple_shading_diffuse_mdl": ("LdrColor",),
    "simple_shading_full_mdl": ("LdrColor",),
}
"""AOVs that each output is made of, the image first."""

_SIMPLE = {
    "simple_shading_constant_diffuse": 1,
    "simple_shading_diffuse_mdl": 2,
    "simple_shading_full_mdl": 3,
}
_TOKENS = {"real_time": "RealTimePathTracing", "path_tracing": "PathTracing", "minimal": "Minimal"}
_COLOURS_ONLY = frozenset({"LdrColor", "HdrColor"})

_SCHEMAS = tuple(
    f"OmniRtxSettings{name}API_1"
    for name in ("Common", "CommonAdvanced", "Minimal", "Rt", "RtAdvanced", "Pt", "PtAdvanced")
)
"""What declares the render settings; before 0.5 they are not applied by themselves."""

HISTORY_TILES = "omni:rtx:viewTile:renderHistoryReset:tileIndices"
HISTORY_REQUEST = "omni:rtx:viewTile:renderHistoryReset:requestId"


@dataclass(frozen=True)
class TileGrid:
    """How the image of a product is divided: tile i is at column ``i % columns`` and row ``i // columns``."""

    count: int
    width: int
    height: int

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return math.isqrt(self.count - 1) + 1

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.count // self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole image [px]."""
        return self.columns * self.width, self.rows * self.height


@dataclass(frozen=True)
class Product:
    """One render product: some cameras of a bundle in one image.

    Attributes:
        path: Prim path.
        mode: Render mode: ``real_time``, ``path_tracing``, ``minimal``, or ``minimal:<1 to 3>``.
        sources: AOVs.
        first: Row of the bundle of the first camera.
        grid: Tiles of the image.
        kinds: Names of the output kinds that are taken from it.
    """

    path: str
    mode: str
    sources: tuple[str, ...]
    first: int
    grid: TileGrid
    kinds: tuple[str, ...] = field(default=())

    @property
    def cameras(self) -> range:
        """Rows of the bundle that it draws."""
        return range(self.first, self.first + self.grid.count)

    def var_path(self, source: str) -> str:
        """Prim path of the RenderVar of an AOV."""
        return f"{self.path}/{source}"


def split_cameras(count: int, width: int, height: int, tile_limit: int, max_size: int) -> list[TileGrid]:
    """Divide cameras among as few images as possible, as evenly as possible.

    Args:
        count: Cameras.
        width: Width of a tile [px].
        height: Height of a tile [px].
        tile_limit: Most tiles of an image.
        max_size: Longest side of an image [px].

    Raises:
        ConfigError: One tile alone is larger than an image may be.
    """
    if max(width, height) > max_size:
        raise ConfigError(
            f"an image of {width}x{height} is larger than {max_size} pixels; draw smaller ones, or raise "
            "backend_options['max_image_size'] if the GPU takes larger images"
        )
    images = -(-count // tile_limit)
    while True:
        per_image = -(-count // images)
        grid = TileGrid(per_image, width, height)
        if max(grid.size) <= max_size:
            break
        images += 1
    starts = range(0, count, per_image)
    return [TileGrid(min(per_image, count - start), width, height) for start in starts]


def render_modes(kinds: Iterable[OutputKind], mode: str) -> dict[str, list[str]]:
    """Output kinds by the render mode that they need.

    Raises:
        ConfigError: The library has no such output.
    """
    out: dict[str, list[str]] = {}
    for name in dict.fromkeys(kind.name for kind in kinds):
        if name not in SOURCES:
            raise ConfigError(
                f"OVRTX has no image for the output {name!r}; ask for 'instance_segmentation', "
                "or use the backend 'warp'"
            )
        own = f"minimal:{_SIMPLE[name]}" if name in _SIMPLE else mode
        if name not in _SIMPLE and mode != "real_time" and not set(SOURCES[name]) <= _COLOURS_ONLY:
            # Path tracing and the minimal mode give colours only.
            own = "real_time"
        out.setdefault(own, []).append(name)
    return out


def plan_products(prefix: str, kinds: Iterable[OutputKind], mode: str, grids: list[TileGrid]) -> list[Product]:
    """The products that draw a bundle: one a render mode and image.

    Args:
        prefix: Prim path below which they stand.
        kinds: Output kinds of the bundle.
        mode: Render mode of colours.
        grids: Tiles of each image.
    """
    out: list[Product] = []
    for group, names in render_modes(kinds, mode).items():
        sources = tuple(dict.fromkeys(source for name in names for source in SOURCES[name]))
        first = 0
        for grid in grids:
            path = f"{prefix}/product_{len(out)}"
            out.append(Product(path, group, sources, first, grid, tuple(names)))
            first += grid.count
    return out


def products_usda(
    products: list[Product],
    cfg: RendererCfg,
    options: OvrtxOptions,
    background: tuple[float, float, float] | None,
    headlight: bool,
    device_ids: Sequence[int],
) -> str:
    """The text of a layer whose default prim holds the products of a bundle; their cameras are not in it.

    Args:
        background: Linear colour of a pixel that hits nothing; None shows the dome light.
        headlight: Whether a light at the camera is the only one.
        device_ids: CUDA devices that draw; none leaves it to the library.
    """
    name = products[0].path.split("/")[1]
    lines = ["#usda 1.0", "(", f'    defaultPrim = "{name}"', ")", f'def Scope "{name}"', "{"]
    # A relationship without a target may not be there to be written, and targets outside of this layer are dropped.
    placeholder = f"/{name}/Placeholder"
    lines += ['    def Camera "Placeholder"', "    {", "    }"]
    for product in products:
        settings = _settings(product.mode, cfg, options, background, headlight)
        lines += _product_usda(product, settings, device_ids, placeholder)
    return "\n".join([*lines, "}", ""])


def _settings(
    mode: str,
    cfg: RendererCfg,
    options: OvrtxOptions,
    background: tuple[float, float, float] | None,
    headlight: bool,
) -> dict[str, tuple[str, Any]]:
    """Type and value of the render settings of a product, by attribute name."""
    base, _, level = mode.partition(":")
    token = options.render_mode_token if base == options.render_mode and not level else None
    out: dict[str, tuple[str, Any]] = {
        "omni:rtx:rendermode": ("token", token or _TOKENS[base]),
        "omni:rtx:waitForEvents": ("token[]", ["AllLoadingFinished", "OnlyOnFirstRequest"]),
        # Rendering would stop after 500 frames in which only transforms changed.
        "omni:rtx:rt:ecoMode:enabled": ("bool", False),
        HISTORY_TILES: ("float[]", [-2.0]),
        HISTORY_REQUEST: ("int", 0),
        "omni:rtx:background:source:type": ("token", "domeLight" if background is None else "color"),
    }
    if background is not None:
        out["omni:rtx:background:source:color"] = ("color3f", tuple(background))
    if headlight:
        out["omni:rtx:scene:useViewLightingMode"] = ("bool", True)
    if base == "minimal":
        out["omni:rtx:minimal:mode"] = ("int", int(level or 3))
        out["omni:rtx:minimal:castShadows"] = ("bool", cfg.shadows)
    if base == "path_tracing":
        out["omni:rtx:pt:samplesPerPixel"] = ("uint", max(cfg.samples_per_pixel, 1))
    return {**out, **options.product_settings()}


def _product_usda(
    product: Product, settings: Mapping[str, tuple[str, Any]], device_ids: Sequence[int], camera: str
) -> list[str]:
    width, height = product.grid.size
    variables = ", ".join(f"<{product.var_path(source)}>" for source in product.sources)
    lines = [
        f'    def RenderProduct "{product.path.rpartition("/")[2]}" (',
        f"        prepend apiSchemas = {_usd_value(list(_SCHEMAS))}",
        "    )",
        "    {",
        f"        rel camera = <{camera}>",
        f"        uniform int2 resolution = ({width}, {height})",
        f"        rel orderedVars = [{variables}]",
    ]
    if device_ids:
        lines.append(f"        uint[] deviceIds = {_usd_value(list(device_ids))}")
    lines += [f"        {kind} {name} = {_usd_value(value)}" for name, (kind, value) in settings.items()]
    for source in product.sources:
        lines += [
            f'        def RenderVar "{source}"',
            "        {",
            f'            uniform string sourceName = "{source}"',
            "        }",
        ]
    return [*lines, "    }"]


def _usd_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_usd_value, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_usd_value, value))})"
    return repr(value)
