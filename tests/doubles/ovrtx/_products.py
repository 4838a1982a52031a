"""A RenderProduct prim: what it asks for, and how its image is divided into tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pxr import Usd

from ._settings import TILE_LIMIT

# sourceName -> (output of ours that fills it, dtype, channels)
IMAGES: dict[str, tuple[str, str, int]] = {
    "LdrColor": ("rgba", "uint8", 4),
    "HdrColor": ("rgb_hdr", "float16", 4),
    "NormalSD": ("normals", "float32", 4),
    "DepthSD": ("", "float32", 1),
    "DistanceToCameraSD": ("distance_to_camera", "float32", 1),
    "DistanceToImagePlaneSD": ("distance_to_image_plane", "float32", 1),
    "DiffuseAlbedoSD": ("albedo", "uint8", 4),
    "TargetMotionSD": ("motion_vectors", "float32", 4),
    "SemanticSegmentation": ("semantic_segmentation", "uint32", 1),
    "NonStableInstanceSegmentation": ("instance_segmentation", "uint32", 1),
}
MAPS = ("SemanticIdMap", "StableIdMap", "StableIdSemanticIdMap")
_SIMPLE = {1: "simple_shading_constant_diffuse", 2: "simple_shading_diffuse_mdl", 3: "simple_shading_full_mdl"}
_REAL_TIME = ("RealTimePathTracing", "Real-Time Path-Tracing")
_MINIMAL = ("Minimal", "MinimalRendering")


@dataclass(frozen=True)
class Product:
    """What a RenderProduct prim says now.

    Attributes:
        cameras: Paths of the cameras, tile by tile.
        variables: (RenderVar prim path, sourceName) of the AOVs that this render mode gives.
        size: Width and height of the whole image [px].
        colors: Output of ours that fills ``LdrColor``; empty: it stays black.
        settings: Whatever changes the picture; another value restarts the warm-up.
    """

    path: str
    cameras: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    size: tuple[int, int]
    colors: str
    background: tuple[float, float, float] | None
    waits: bool
    eco: bool
    eco_frames: int | None
    path_traced: bool
    settings: tuple[Any, ...]

    @property
    def columns(self) -> int:
        return math.ceil(math.sqrt(len(self.cameras))) if self.cameras else 1

    @property
    def rows(self) -> int:
        return -(-len(self.cameras) // self.columns) if self.cameras else 1

    @property
    def tile(self) -> tuple[int, int]:
        """Width and height of a tile [px]."""
        return self.size[0] // self.columns, self.size[1] // self.rows

    def shown(self) -> list[int]:
        """Which camera each tile shows, by its place in :attr:`cameras`; -1 is an empty tile.

        Beyond the limit of the version tiles are empty or show a camera of another place, and nothing says so.
        """
        n = len(self.cameras)
        return [i if i < TILE_LIMIT else i % TILE_LIMIT if i % 4 == 0 else -1 for i in range(n)]


def read_product(stage: Usd.Stage, path: str) -> Product:
    """Read a RenderProduct prim.

    Raises:
        RuntimeError: There is no RenderProduct at the path.
    """
    prim = stage.GetPrimAtPath(path)
    if not prim or prim.GetTypeName() != "RenderProduct":
        raise RuntimeError(f"step: there is no RenderProduct at {path!r}")

    def get(name: str, default: Any) -> Any:
        attribute = prim.GetAttribute(name)
        value = attribute.Get() if attribute and attribute.HasAuthoredValue() else None
        return default if value is None else value

    mode = get("omni:rtx:rendermode", "RealTimePathTracing")
    if mode not in (*_REAL_TIME, *_MINIMAL, "PathTracing"):
        raise RuntimeError(f"step: unknown render mode {mode!r} of {path}")
    allowed = set(IMAGES) | set(MAPS)
    if mode == "PathTracing":
        allowed = {"LdrColor", "HdrColor"}
    elif mode in _MINIMAL:
        allowed = {"LdrColor", "HdrColor"}
    variables = []
    for target in prim.GetRelationship("orderedVars").GetForwardedTargets():
        variable = stage.GetPrimAtPath(target)
        name = variable.GetAttribute("sourceName").Get() if variable else None
        if name in allowed:
            variables.append((str(target), name))
    resolution = get("resolution", (2048, 1080))
    background = None
    if get("omni:rtx:background:source:type", "domeLight") == "color":
        background = tuple(float(x) for x in get("omni:rtx:background:source:color", (0.0, 0.0, 0.0)))
    minimal = mode in _MINIMAL
    eco_frames = get("omni:rtx:rt:ecoMode:maxFramesWithoutChange", None)
    settings = tuple(
        (attribute.GetName(), str(attribute.Get()))
        for attribute in prim.GetAuthoredAttributes()
        if attribute.GetName().startswith("omni:rtx:") and "viewTile" not in attribute.GetName()
    )
    return Product(
        path=path,
        cameras=tuple(str(target) for target in prim.GetRelationship("camera").GetForwardedTargets()),
        variables=tuple(variables),
        size=(int(resolution[0]), int(resolution[1])),
        colors=_SIMPLE.get(int(get("omni:rtx:minimal:mode", 2)), "") if minimal else "rgba",
        background=background,
        waits="AllLoadingFinished" in list(get("omni:rtx:waitForEvents", [])),
        eco=bool(get("omni:rtx:rt:ecoMode:enabled", True)),
        eco_frames=None if eco_frames is None else int(eco_frames),
        path_traced=mode == "PathTracing",
        settings=settings,
    )
