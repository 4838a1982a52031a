"""Renderers for tests: made from a Scene, closed when the test ends, read back as numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

PLAIN: dict[str, Any] = {"backend": "warp", "exposure": 0.0, "headlight": False, "background": (0.0, 0.0, 0.0)}
"""Nothing that a test did not ask for: no automatic exposure, no light and no sky of the renderer's own."""


@pytest.fixture
def make(device: str) -> Iterator[Callable[..., TiledRenderer]]:
    """``make(scene, **config_fields)`` gives a TiledRenderer that is closed when the test ends."""
    made: list[TiledRenderer] = []

    def factory(scene: object, **fields: Any) -> TiledRenderer:
        made.append(TiledRenderer(scene, RendererCfg().replace(**{**PLAIN, "device": device, **fields})))
        return made[-1]

    yield factory
    for renderer in made:
        renderer.close()


@pytest.fixture
def shoot(make: Callable[..., TiledRenderer]) -> Callable[..., dict[str, np.ndarray]]:
    """``shoot(scene, outputs, width, height, **config_fields)`` gives one frame of all cameras as numpy arrays."""

    def once(scene: object, outputs: Any, width: int = 32, height: int = 32, **fields: Any) -> dict[str, np.ndarray]:
        renderer = make(scene, **fields)
        cameras = renderer.add_cameras(None, width=width, height=height, outputs=outputs)
        return {name: buffer.numpy().copy() for name, buffer in renderer.render(cameras).items()}

    return once
