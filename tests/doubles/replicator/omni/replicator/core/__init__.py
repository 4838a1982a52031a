"""Contract double of ``omni.replicator.core``: tiled render products that draw when the application updates.

The pictures are those of our own ray tracer, over the stage that is open, in the layout, dtypes and channel counts of
Replicator's annotators. A camera sees all environments unless its scene partition says otherwise.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import omni.kit.app
import omni.usd

__all__ = ["PRODUCTS", "WARM_UP", "AnnotatorRegistry", "create"]

PRODUCTS: dict[str, _Product] = {}
"""Living render products by path, for tests."""
WARM_UP = [2]
"""Updates before a new product has an image, for tests."""

_OURS = {
    "rgb": "rgba",
    "distance_to_image_plane": "distance_to_image_plane",
    "distance_to_camera": "distance_to_camera",
    "normals": "normals",
    "motion_vectors": "motion_vectors",
    "semantic_segmentation": "semantic_segmentation",
    "instance_segmentation_fast": "instance_segmentation",
    "instance_id_segmentation_fast": "instance_id_segmentation_fast",
}
_CHANNELS = {"rgb": 4, "normals": 4, "motion_vectors": 4}


class _Product:
    """A hydra texture with a path."""

    def __init__(self, cameras: list[str], resolution: tuple[int, int]) -> None:
        self.path = f"/Render/RenderProduct_{len(PRODUCTS)}_{id(self)}"
        self.cameras, self.resolution = cameras, resolution
        self.annotators: list[_Annotator] = []
        self.age = 0
        self._renderer: Any = None
        self._updates = omni.kit.app.get_app().get_post_update_event_stream().create_subscription_to_pop(self._draw)
        PRODUCTS[self.path] = self

    def destroy(self) -> None:
        if self.annotators:
            raise RuntimeError(f"{self.path} is destroyed while annotators are attached to it")
        del PRODUCTS[self.path]
        self._updates = None
        if self._renderer is not None:
            self._renderer.close()

    def _draw(self, event: Any) -> None:
        self.age += 1
        if self.age < WARM_UP[0] or not self.annotators:
            return
        from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

        stage = omni.usd.get_context().get_stage()
        if self._renderer is None:
            apart = all(stage.GetPrimAtPath(path).GetAttribute("omni:scenePartition") for path in self.cameras)
            cfg = RendererCfg(backend="warp", device="cpu", headlight=False, see_all_envs=not apart)
            self._renderer = TiledRenderer(stage, cfg)
            colorize = [_OURS[one.name] for one in self.annotators if one.params.get("colorize")]
            self._bundle = self._renderer.add_cameras(
                self.cameras,
                width=self.resolution[0],
                height=self.resolution[1],
                outputs=list(dict.fromkeys(_OURS[one.name] for one in self.annotators)),
                colorize=colorize,
            )
        images = self._renderer.render(self._bundle)
        for one in self.annotators:
            one.take(images[_OURS[one.name]].numpy(), self._bundle.info.get(_OURS[one.name]))


class _Annotator:
    """One kind of image of the products that it is attached to: here, of one."""

    def __init__(self, name: str, params: dict[str, Any], device: str, do_array_copy: bool) -> None:
        self.name, self.params, self.device, self.copies = name, params, device, do_array_copy
        self._data = np.zeros((0, 0), np.uint8)
        self._info: dict[str, Any] = {}
        self._product: _Product | None = None

    def attach(self, render_products: list[str]) -> None:
        (path,) = render_products
        if self._product is not None:
            raise RuntimeError(f"{self.name} is attached already")
        self._product = PRODUCTS[path]
        self._product.annotators.append(self)

    def detach(self, render_products: list[str]) -> None:
        (path,) = render_products
        PRODUCTS[path].annotators.remove(self)
        self._product = None

    def take(self, images: np.ndarray, info: dict[str, Any] | None) -> None:
        """Lay (N, H, W, C) out as tiles."""
        n, h, w, channels = images.shape
        columns = int(np.ceil(np.sqrt(n)))
        rows = -(-n // columns)
        wanted = _CHANNELS.get(self.name, channels)
        tiled = np.zeros((rows * h, columns * w, wanted), images.dtype)
        for i, image in enumerate(images):
            y, x = i // columns * h, i % columns * w
            tiled[y : y + h, x : x + w, :channels] = image
        if self.name == "rgb":
            tiled[..., 3] = 255  # opaque, whatever is seen
        if "segmentation" in self.name:
            tiled = np.ascontiguousarray(tiled).view(np.uint32)[..., 0]
            self._info = {key: {str(k): v for k, v in table.items()} for key, table in (info or {}).items()}
        elif wanted == 1:
            tiled = tiled[..., 0]
        self._data[...] = 0  # what was handed out without a copy is overwritten by the next frame
        self._data = np.ascontiguousarray(tiled)

    def get_data(self) -> Any:
        if self._product is None:
            raise RuntimeError(f"{self.name} is not attached to a render product")
        data = self._data.copy() if self.copies else self._data
        return {"data": data, "info": self._info} if "segmentation" in self.name else data


class AnnotatorRegistry:
    """Makes annotators by name."""

    @classmethod
    def get_annotator(
        cls,
        name: str,
        init_params: dict[str, Any] | None = None,
        render_product_idxs: list[int] | None = None,
        device: str | None = None,
        do_array_copy: bool = True,
    ) -> _Annotator:
        if name not in _OURS:
            raise ValueError(f"there is no annotator {name}")
        if device not in (None, "cpu", "cuda") and not str(device).startswith("cuda:"):
            raise ValueError(f"{device} is no device")
        known = {"colorize", "mapping"} if name == "semantic_segmentation" else {"colorize"}
        if set(init_params or {}) - known or ("segmentation" not in name and init_params):
            raise TypeError(f"{name} takes no parameters {init_params}")
        if init_params and not isinstance(init_params.get("mapping", ""), str):
            raise TypeError("mapping is a JSON text")
        return _Annotator(name, dict(init_params or {}), device or "cpu", do_array_copy)


def _render_product_tiled(
    cameras: list[str], tile_resolution: tuple[int, int] = (128, 128), name: str | None = None
) -> _Product:
    stage = omni.usd.get_context().get_stage()
    for path in cameras:
        if not isinstance(path, str) or stage.GetPrimAtPath(path).GetTypeName() != "Camera":
            raise ValueError(f"{path} is no camera")
    return _Product(list(cameras), tile_resolution)


create = SimpleNamespace(render_product_tiled=_render_product_tiled)
