"""The OVRTX double in the place of the library, and the two routes - through it, and direct - side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.backends.ovrtx import hardware

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "doubles"):  # helpers of these tests, and the doubles
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from install import ovrtx_double  # noqa: E402

PLAIN: dict[str, Any] = {"exposure": "auto", "headlight": False}
"""What both routes draw with; the double takes it from its options."""


@pytest.fixture
def rtx_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine looks as if it had an RTX GPU and a driver that is new enough."""
    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu("NVIDIA RTX 6000", 89)])
    monkeypatch.setattr(hardware, "driver_version", lambda: (580, 95, 5))


@pytest.fixture
def library(rtx_gpu: None, device: str) -> Iterator[Callable[..., Any]]:
    """``library(version, **options)`` puts the double in place; everything is taken away when the test ends."""
    with ExitStack() as stack:

        def put(version: str = "0.5.1", **options: Any) -> Any:
            settings = {"renderer": {"backend": "warp", **PLAIN}, "device": device, **options}
            return stack.enter_context(ovrtx_double(version, **settings))

        yield put


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
