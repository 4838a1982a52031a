"""What the tile viewer costs: taking tiles out of output buffers, measuring all of them, composing the canvas.

Run it as ``python benchmarks/tile_viewer.py``; ``--device cuda:0`` for a GPU. Pictures of all devices are compared.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import warp as wp

from omni.isaac.ovrtx_render.outputs import OUTPUTS
from omni.isaac.ovrtx_render.ui.canvas import Canvas, Compare, Picture, Scenery
from omni.isaac.ovrtx_render.ui.capture import Capture, capture
from omni.isaac.ovrtx_render.ui.colormaps import Palette
from omni.isaac.ovrtx_render.ui.tile_grid import Hit, TileGrid

TILE = 64
CANVAS = (1600, 1000)
NAMES = ("rgb", "distance_to_image_plane", "semantic_segmentation")


def make_bundle(count: int, device: str) -> Any:
    """Output buffers with noise in them, as a camera bundle has them."""
    rng = np.random.default_rng(3)
    shape = (count, TILE, TILE)
    noise = {
        "rgb": rng.integers(0, 256, (*shape, 3), np.uint8),
        "distance_to_image_plane": rng.uniform(0.5, 9.0, (*shape, 1)).astype(np.float32),
        "semantic_segmentation": rng.integers(0, 9, (*shape, 1), np.int32),
    }
    types = {"uint8": wp.uint8, "float32": wp.float32, "int32": wp.int32}
    outputs = {name: wp.array(a, dtype=types[str(a.dtype)], device=device) for name, a in noise.items()}
    kinds = {name: OUTPUTS[name] for name in NAMES}
    return SimpleNamespace(outputs=outputs, kinds=kinds, colorize=frozenset(), info={})


def median(do: Callable[[], Any], device: str, repeat: int) -> float:
    """Median milliseconds until the device is done."""
    times = []
    for _ in range(repeat):
        wp.synchronize_device(device)
        began = time.perf_counter()
        do()
        wp.synchronize_device(device)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1e3


def scenery(a: Capture, b: Capture, grid: TileGrid, count: int, compare: Compare) -> Scenery:
    return Scenery(grid, Palette(), a, b, compare, 0.5, (0.5, 9.0), None, Hit(1, 5, 6), np.arange(count))


def measure(count: int, name: str, device: str, repeat: int) -> dict[str, float]:
    """Milliseconds of the three steps for all tiles on one canvas."""
    bundle, canvas = make_bundle(count, device), Canvas()
    grid = TileGrid(np.arange(count, dtype=np.int32), TILE, TILE, *CANVAS).fitted()
    rows = grid.visible_rows
    show = scenery(*(capture(bundle, name, rows, measured=False) for _ in range(2)), grid, count, Compare.OFF)
    return {
        "copy_ms": median(lambda: capture(bundle, name, rows, measured=False), device, repeat),
        "copy_and_measure_ms": median(lambda: capture(bundle, name, rows), device, repeat),
        "compose_ms": median(lambda: canvas.compose(show), device, repeat),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default=str(wp.get_preferred_device().alias))
    parser.add_argument("--tiles", type=int, nargs="+", default=[64, 4096])
    parser.add_argument("--repeat", type=int, default=10)
    arguments = parser.parse_args()
    device = arguments.device
    table = {n: {name: measure(n, name, device, arguments.repeat) for name in NAMES} for n in arguments.tiles}
    print(json.dumps({"device": wp.get_device(device).name, "canvas": CANVAS, "tile": TILE, "tiles": table}, indent=1))
    if device != "cpu":
        print(json.dumps({"largest difference of a colour between this device and the CPU": compare_devices(device)}))


def compare_devices(device: str) -> int:
    """Largest difference between pictures of two devices, over outputs and ways to compare; values must be equal."""
    worst, pictures = 0, {}
    for where in ("cpu", device):
        bundle, canvas = make_bundle(40, where), Canvas()
        grid = TileGrid(np.arange(40, dtype=np.int32), TILE, TILE, 800, 600, 90.0).scrolled(0, 30)
        for name in NAMES:
            a, b = capture(bundle, name, np.arange(40)), capture(bundle, name, np.arange(40)[::-1].copy())
            statistics = a.measurement.read()
            for compare in Compare:
                picture: Picture = canvas.compose(scenery(a, b, grid, 40, compare))
                pictures[where, name, compare] = (picture.host().astype(int), picture.values, picture.other_values,
                                                  statistics.checksum)  # fmt: skip
    for (where, *key), (pixels, *values) in pictures.items():
        expected, *wanted = pictures["cpu", *key]
        worst = max(worst, int(np.abs(pixels - expected).max()))
        assert all(np.array_equal(x, y) for x, y in zip(values, wanted, strict=True)), (where, key)
    return worst


if __name__ == "__main__":
    main()
