"""The OVRTX double in the place of the library, and the two routes - through it, and direct - side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.backends.ovrtx import hardware

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # the helpers of these tests
    sys.path.insert(0, str(HERE))

PLAIN: dict[str, Any] = {"exposure": "auto", "headlight": False}
"""What both routes draw with; the double takes it from its options."""


@pytest.fixture
def rtx_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine looks as if it had an RTX GPU and a driver that is new enough."""
    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu("NVIDIA RTX 6000", 89)])
    monkeypatch.setattr(hardware, "driver_version", lambda: (580, 95, 5))


@pytest.fixture
def library(rtx_gpu: None, device: str, play_ovrtx: Callable[..., Any]) -> Callable[..., Any]:
    """``library(version, **options)`` puts the double in place; everything is taken away when the test ends."""
    settings = {"renderer": {"backend": "warp", **PLAIN}, "device": device}
    return lambda version="0.5.1", **options: play_ovrtx(version, **{**settings, **options})


@pytest.fixture
def open_renderer(device: str) -> Iterator[Callable[..., TiledRenderer]]:
    """``open_renderer(stage, backend, **config)`` gives a renderer that is closed when the test ends."""
    made: list[TiledRenderer] = []

    def factory(stage: Any, backend: str = "ovrtx", **fields: Any) -> TiledRenderer:
        cfg = RendererCfg().replace(**{"backend": backend, "device": device, **PLAIN, **fields})
        made.append(TiledRenderer(stage, cfg))
        return made[-1]

    yield factory
    for renderer in made:
        renderer.close()
