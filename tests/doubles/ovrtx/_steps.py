"""Stepping: which products are drawn, whether they have converged, and the tiled images that come out."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._draw import Painter
from ._labels import pack
from ._outputs import FrameOutput, Lease, ProductOutput, RenderProductSetOutputs, RenderVarOutput, poison
from ._products import IMAGES, MAPS, Product, read_product
from ._settings import OPTIONS, VERSION
from ._stage import RuntimeStage

_COLORS = ("LdrColor", "HdrColor")
_RESET_ID = "omni:rtx:viewTile:renderHistoryReset:requestId"
_RESET_TILES = "omni:rtx:viewTile:renderHistoryReset:tileIndices"


@dataclass
class _History:
    """What the renderer remembers of a product."""

    settings: Any = None
    steps: int = 0
    request: int = 0
    previous: dict[str, np.ndarray] = field(default_factory=dict)


class Stepper:
    """Draws the products that a step names.

    Args:
        stage: The runtime stage.
        outputs: Every mapping that is made, as long as somebody holds it.
        synchronous: Whether textures are streamed synchronously.
    """

    def __init__(self, stage: RuntimeStage, outputs: weakref.WeakSet[Any], synchronous: bool) -> None:
        self._stage, self._outputs, self._synchronous = stage, outputs, synchronous
        self._painter = Painter(stage)
        self._time = 0.0
        self._loaded = 0
        self._histories: dict[str, _History] = {}
        self._still = 0
        self._frozen: dict[str, dict[str, np.ndarray]] = {}

    def close(self) -> None:
        self._painter.close()

    def restart(self) -> None:
        """A stage was opened."""
        self._loaded, self._still = 0, 0
        self._histories.clear()

    def reset(self, time: float) -> None:
        self._time = time
        self._histories.clear()

    def note_write(self, hidden: bool) -> None:
        if not hidden:
            self._still = 0

    def step(self, paths: list[str], delta_time: float) -> RenderProductSetOutputs:
        products = [read_product(self._stage.stage, path) for path in dict.fromkeys(paths)]
        # History of every product that is not named is discarded.
        self._histories = {p.path: self._histories.get(p.path, _History()) for p in products}
        self._loaded += 1
        self._still += 1
        lease = Lease()
        start, end = self._time, self._time + delta_time
        self._time = end
        out = {}
        for product in products:
            history = self._histories[product.path]
            if history.settings != product.settings:
                history.settings, history.steps = product.settings, 0
            history.steps += 1
            images, tiles = self._images(product, history)
            frames = []
            for _ in range(OPTIONS.frames):
                variables = {}
                for path, source in product.variables:
                    variable = RenderVarOutput(path, source, images[source], lease, self._outputs)
                    variables[path if VERSION >= (0, 5, 0) else source] = variable
                frames.append(
                    FrameOutput(start, end, variables, converged=product.path_traced, double_tiles=tuple(tiles))
                )
            out[product.path] = ProductOutput(product.path, frames)
        return RenderProductSetOutputs(out, start, end, lease)

    def _images(self, product: Product, history: _History) -> tuple[dict[str, np.ndarray], list[str]]:
        """Arrays by sourceName, and the camera that each tile shows."""
        shown = product.shown()
        names = [product.cameras[i] if i >= 0 else "" for i in shown]
        eco_frames = OPTIONS.eco_frames if product.eco_frames is None else product.eco_frames
        if product.eco and self._still > eco_frames and product.path in self._frozen:
            return self._frozen[product.path], names
        tiles, where, info = self._painter.tiles(product)
        cells = {int(place): row for row, place in enumerate(where)}
        rows = np.array([cells.get(i, -1) for i in shown], np.int64)
        settled = self._settled(product, history)
        images: dict[str, np.ndarray] = {}
        for _, source in product.variables:
            if source in MAPS:
                images[source] = pack(source, info)
                continue
            drawn = tiles.get(source)
            if drawn is not None and source in _COLORS:
                if OPTIONS.temporal:
                    drawn = self._mix(product, history, source, drawn)
                if not settled:
                    drawn = unconverged(drawn, history.steps)
            images[source] = assemble(product, source, drawn, rows)
        self._frozen[product.path] = images
        return images, names

    def _settled(self, product: Product, history: _History) -> bool:
        """Whether colours have converged."""
        done = "events" if product.waits else "synchronous" if self._synchronous else "nothing"
        return self._loaded > OPTIONS.warm_up[done] and history.steps > OPTIONS.warm_up["history"]

    def _mix(self, product: Product, history: _History, source: str, drawn: np.ndarray) -> np.ndarray:
        """Half of the previous frame remains in every tile whose history was not reset."""
        before = history.previous.get(source)
        prim = self._stage.stage.GetPrimAtPath(product.path)
        request = prim.GetAttribute(_RESET_ID).Get() if prim.HasAttribute(_RESET_ID) else 0
        out = drawn
        if before is not None and before.shape == drawn.shape:
            keep = np.ones(len(drawn), bool)
            if request != history.request and prim.HasAttribute(_RESET_TILES):
                tiles = np.array(prim.GetAttribute(_RESET_TILES).Get(), np.int64)
                keep[tiles[(tiles >= 0) & (tiles < len(keep))]] = False
            out = drawn.copy()
            out[keep] = ((before[keep].astype(np.float32) + drawn[keep]) / 2).astype(drawn.dtype)
        history.previous[source] = drawn
        if source == [s for _, s in product.variables if s in _COLORS][-1]:
            history.request = request
        return out


def unconverged(image: np.ndarray, step: int) -> np.ndarray:
    """A frame that has not converged: dark, with every other pixel black."""
    out = (image // 4 if image.dtype == np.uint8 else image * np.float16(0.25)).astype(image.dtype)
    h, w = image.shape[1:3]
    checker = (np.add.outer(np.arange(h), np.arange(w)) + step) % 2 == 0
    out[:, checker, :3] = 0
    return out


def assemble(product: Product, source: str, tiles: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    """One image of all tiles; what no camera fills holds nothing that means anything."""
    _, dtype, channels = IMAGES[source]
    width, height = product.tile
    columns, lines = product.columns, product.rows
    grid = poison((columns * lines, height, width, channels), dtype)
    grid[: len(rows)] = 0
    if tiles is not None:
        filled = np.flatnonzero(rows >= 0)
        grid[filled] = tiles[rows[filled]]
    image = poison((product.size[1], product.size[0], channels), dtype)
    picture = grid.reshape(lines, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    image[: lines * height, : columns * width] = picture.reshape(lines * height, columns * width, channels)
    return image
