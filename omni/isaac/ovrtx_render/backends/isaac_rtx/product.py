"""One tiled render product with its annotators, and the frames that the application draws for it."""

from __future__ import annotations

import ast
import json
import time
from typing import Any

import carb.settings
import omni.kit.app
import omni.replicator.core as rep
import omni.usd
import warp as wp

from ...cameras import CameraBundle
from ...config import RendererCfg
from ...errors import OvrtxRenderError

__all__ = ["ANNOTATORS", "TiledProduct", "Updates", "draw_frame", "set_semantic_filter"]

_PLAY = "/app/player/playSimulations"
_LOADING = 30.0
"""How long materials and textures may take to load [s]."""
_LAST = 1 << 20
_WARM_UP = 16
"""Frames after which a render product must have an image."""

ANNOTATORS = {
    "rgb": "rgb",
    "rgba": "rgb",
    "distance_to_image_plane": "distance_to_image_plane",
    "distance_to_camera": "distance_to_camera",
    "normals": "normals",
    "motion_vectors": "motion_vectors",
    "semantic_segmentation": "semantic_segmentation",
    "instance_segmentation": "instance_segmentation_fast",
    "instance_id_segmentation_fast": "instance_id_segmentation_fast",
}
"""Replicator's annotator of each kind of output."""

_NEEDS_DEPTH = ("rgba", "normals")


class TiledProduct:
    """All cameras of a bundle in one image.

    Args:
        bundle: The cameras.
        cfg: The configuration.
        device: Where the images are wanted.
    """

    def __init__(self, bundle: CameraBundle, cfg: RendererCfg, device: wp.Device) -> None:
        self._product = rep.create.render_product_tiled(
            cameras=list(bundle.paths), tile_resolution=(bundle.width, bundle.height)
        )
        kinds = {kind.name for kind in bundle.kinds.values()}
        wanted = {ANNOTATORS[name]: name for name in kinds}
        if kinds & set(_NEEDS_DEPTH):
            wanted.setdefault("distance_to_image_plane", "distance_to_image_plane")
        self._annotators: dict[str, Any] = {}
        for annotator, kind in wanted.items():
            params: dict[str, Any] | None = None
            if "segmentation" in annotator:
                params = {"colorize": kind in bundle.colorize}
            if annotator == "semantic_segmentation":
                params = {**(params or {}), "mapping": json.dumps({n: list(c) for n, c in cfg.semantic_colors.items()})}
            made = rep.AnnotatorRegistry.get_annotator(annotator, params, device=str(device), do_array_copy=False)
            made.attach([self._product.path])
            self._annotators[annotator] = made
        self._waited = 0

    def images(self, pump: bool) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
        """The tiled arrays by annotator, and the maps from ids or colours to labels.

        Args:
            pump: Let the application draw until there is an image. Without, None until there is one.

        Raises:
            OvrtxRenderError: The application draws, but no image arrives.
        """
        while True:
            arrays, infos = self._read()
            if arrays is not None:
                self._waited = 0
                return arrays, infos
            self._waited += 1
            if self._waited >= _WARM_UP:
                break
            if not pump:
                return None
            draw_frame()
        self._waited = 0
        raise OvrtxRenderError(
            f"{self._product.path} has no image after {_WARM_UP} frames; start Isaac Sim with cameras enabled "
            "(--enable_cameras) and an RTX renderer, or use backend='warp'"
        )

    def _read(self) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]:
        arrays, infos = {}, {}
        for name, annotator in self._annotators.items():
            data = annotator.get_data()
            if isinstance(data, dict):
                infos[name] = {key: _by_value(table) for key, table in data["info"].items() if isinstance(table, dict)}
                data = data["data"]
            if data is None or 0 in data.shape:
                return None, {}
            arrays[name] = data
        return arrays, infos

    def close(self) -> None:
        """Give everything back."""
        for annotator in self._annotators.values():
            annotator.detach([self._product.path])
        self._annotators = {}
        self._product.destroy()


def _by_value(table: dict[Any, Any]) -> dict[Any, Any]:
    """Keys as ids or (r, g, b, a), where Replicator has them as text."""
    return {ast.literal_eval(key) if isinstance(key, str) else key: value for key, value in table.items()}


class Updates:
    """Knows whether the application is in an update, in which it must not be asked for another one."""

    def __init__(self) -> None:
        app = omni.kit.app.get_app()
        self.running = False
        # The first and the last that are called in an update.
        self._subscriptions = [
            app.get_pre_update_event_stream().create_subscription_to_pop(lambda _: self._note(True), order=-_LAST),
            app.get_post_update_event_stream().create_subscription_to_pop(lambda _: self._note(False), order=_LAST),
        ]

    def _note(self, running: bool) -> None:
        self.running = running

    def close(self) -> None:
        """Stop listening."""
        self._subscriptions = []


def draw_frame() -> None:
    """Let the application draw one frame while the simulation stands still, and wait until nothing loads any more.

    Not to be called while the application is in an update.
    """
    settings, app = carb.settings.get_settings(), omni.kit.app.get_app()
    playing = settings.get(_PLAY)
    settings.set(_PLAY, False)
    try:
        app.update()
        until = time.monotonic() + _LOADING
        loaded = True
        while omni.usd.get_context().get_stage_streaming_status() and time.monotonic() < until:
            loaded = False
            app.update()
        if not loaded:
            app.update()
    finally:
        settings.set(_PLAY, True if playing is None else playing)


def set_semantic_filter(predicate: str) -> None:
    """Which labels count; of the whole process."""
    from omni.syntheticdata.scripts.SyntheticData import SyntheticData

    SyntheticData.Get().set_instance_mapping_semantic_filter(predicate)
