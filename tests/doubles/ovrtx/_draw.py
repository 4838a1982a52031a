"""Draws render products of the runtime stage with our own Warp backend."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from pxr import Usd

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.scene.data import Scene
from omni.isaac.ovrtx_render.scene.live_edits import LiveScene

from ._labels import instance_ids, semantic_ids
from ._products import IMAGES, MAPS, Product
from ._settings import OPTIONS, PARTITION_LIMIT
from ._stage import SHOW_ALL, RuntimeStage

_ON_PRIM = "primvars:omni:scenePartition"
_ON_CAMERA = "omni:scenePartition"
_GLOBAL = "/Render/OmniverseGlobalRenderSettings"


class Painter:
    """Keeps a Scene equal to the runtime stage and draws tiles of it."""

    def __init__(self, stage: RuntimeStage) -> None:
        self._runtime = stage
        self._seen: tuple[int, int] | None = None
        self._live: LiveScene | None = None
        self._renderer: TiledRenderer | None = None
        self._bundles: dict[Any, Any] = {}

    def close(self) -> None:
        if self._live is not None:
            self._live.close()
        if self._renderer is not None:
            self._renderer.close()
        self._bundles.clear()
        self._live = self._renderer = self._seen = None

    # -- the scene --------------------------------------------------------------------------------------------------

    def _follow(self) -> TiledRenderer:
        now = (self._runtime.generation, self._runtime.structure)
        if self._seen != now or self._live is None or self._renderer is None:
            self.close()
            stage = self._runtime.stage
            pattern = self._environments(stage)
            cfg = RendererCfg(backend="warp", device=OPTIONS.device).replace(**OPTIONS.renderer, env_pattern=pattern)
            self._live = LiveScene(stage, cfg)
            self._partition(self._live.scene)
            self._renderer = TiledRenderer(self._live.scene, cfg)
            self._seen = now
            return self._renderer
        changes = self._live.update()
        if changes is None:
            return self._renderer
        backend = self._renderer._backend
        if changes.replaced or not backend.update(self._live.scene, changes):
            self._partition(self._live.scene)
            self._bundles.clear()
            self._renderer.close()
            self._renderer = TiledRenderer(self._live.scene, self._live._cfg)
        elif changes.cameras:
            for bundle in self._bundles.values():
                backend.update_lenses(bundle)
        return self._renderer

    def _environments(self, stage: Usd.Stage) -> str:
        """A pattern of the prims that hold a partition, so that clones are read quickly; it decides nothing else."""
        for path in self._partitions(stage):
            parent = os.path.dirname(path)
            return f"{parent.rstrip('/')}/.*"
        return "/none"

    @staticmethod
    def _partitions(stage: Usd.Stage) -> dict[str, str]:
        """Token by prim path, where one is authored."""
        found: dict[str, str] = {}
        for prim in stage.TraverseAll():
            if prim.HasAttribute(_ON_PRIM):
                token = prim.GetAttribute(_ON_PRIM).Get()
                if token:
                    found[str(prim.GetPath())] = str(token)
        return found

    def _partition(self, scene: Scene) -> None:
        """Replace the environments of a scene by what the partitions say."""
        stage = self._runtime.stage
        tokens = self._partitions(stage)
        ids = {token: i for i, token in enumerate(dict.fromkeys(tokens.values()))}
        # More partitions than the renderer knows are dropped without a word: their prims are then everybody's.
        ids = {token: i for token, i in ids.items() if i < PARTITION_LIMIT}
        memo: dict[str, int] = {"": -1}

        def partition(path: str) -> int:
            found = memo.get(path)
            if found is None:
                token = tokens.get(path)
                found = ids.get(token, -1) if token is not None else partition(path.rpartition("/")[0])
                memo[path] = found
            return found

        nowhere = len(ids)
        scene.env_paths = [*ids, "(no partition)"]
        of_path = np.array([partition(path) for path in scene.paths] or [-1], np.int32)
        scene.instances.env = of_path[scene.instances.path]
        for light in scene.lights:
            light.env = partition(light.path)
        settings = stage.GetPrimAtPath(_GLOBAL)
        show_all = settings and settings.GetAttribute(SHOW_ALL) and settings.GetAttribute(SHOW_ALL).Get()
        for camera in scene.cameras:
            attribute = stage.GetPrimAtPath(camera.path).GetAttribute(_ON_CAMERA)
            token = attribute.Get() if attribute else None
            camera.env = ids.get(str(token), nowhere) if token else -1 if show_all else nowhere

    # -- pictures ---------------------------------------------------------------------------------------------------

    def tiles(self, product: Product) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, Any]]:
        """Draw a product.

        Returns:
            (M, h, w, c) images by sourceName of the cameras that exist, their (M,) places in ``product.cameras``, and
            the label maps of the segmentations.
        """
        renderer = self._follow()
        known = {camera.path for camera in renderer.scene.cameras}
        where = np.array([i for i, path in enumerate(product.cameras) if path in known], np.int64)
        kinds = {source: IMAGES[source][0] for _, source in product.variables if source in IMAGES}
        if "LdrColor" in kinds:
            kinds["LdrColor"] = product.colors
        wanted = tuple(sorted({kind for kind in kinds.values() if kind}))
        if any(source in MAPS for _, source in product.variables):
            wanted = tuple(sorted({*wanted, "semantic_segmentation", "instance_segmentation"}))
        width, height = product.tile
        if not len(where) or not wanted or not width or not height:
            return {}, where[:0], {}
        cameras = tuple(product.cameras[i] for i in where)
        key = (cameras, width, height, wanted, product.background)
        if key not in self._bundles:
            self._bundles[key] = renderer.add_cameras(
                list(cameras), width=width, height=height, outputs=wanted, background=product.background
            )
        bundle = self._bundles[key]
        drawn = {name: array.numpy() for name, array in renderer.render(bundle).items()}
        info = dict(bundle.info)
        images = {
            source: _as_aov(source, drawn[kind], info, renderer._backend.scene.exposure)
            for source, kind in kinds.items()
            if kind
        }
        return images, where, info


def _as_aov(source: str, image: np.ndarray, info: dict[str, Any], exposure: float) -> np.ndarray:
    """(M, h, w, c) of an output of ours -> the same as dtype and channels of an AOV; padding holds no number."""
    _, dtype, channels = IMAGES[source]
    if source == "SemanticSegmentation":
        image = semantic_ids(image)
    elif source == "NonStableInstanceSegmentation":
        image = instance_ids(image, info)
    elif source == "HdrColor":
        image = image / np.float32(exposure)  # the library exposes when it maps tones
    out = np.empty((*image.shape[:3], channels), dtype)
    out[..., : image.shape[-1]] = image[..., :channels]
    if image.shape[-1] < channels:
        alpha = 255 if dtype == "uint8" else 1.0 if source == "HdrColor" else np.nan
        out[..., image.shape[-1] :] = alpha
    return out
