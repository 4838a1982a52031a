"""The OVRTX double in the place of the library, and the two routes - through it, and direct - side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.backends.ovrtx import hardware
from omni.isaac.ovrtx_render.backends.ovrtx.session import Session

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
def fake_cuda(library: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, device: str) -> Callable[..., Any]:
    """``fake_cuda(version, stream)`` is ``library(version)`` for arrays that count as CUDA arrays of a stream.

    They lie on the host, so this needs no GPU; the double checks that whatever it is handed comes with the stream.
    """

    if device != "cpu":
        pytest.skip("pretends that arrays of the host are a GPU's; here are such")

    def play(version: str = "0.5.1", stream: int = 0, **options: Any) -> Any:
        module = library(version, fake_cuda=True, streams=frozenset({stream or 1}), **options)
        real = Session.__init__

        def on_cuda(self: Session, chosen: Any, device: Any) -> None:
            pretended = SimpleNamespace(is_cuda=True, ordinal=0, stream=SimpleNamespace(cuda_stream=stream))
            real(self, chosen, device if device.is_cuda else pretended)

        monkeypatch.setattr(Session, "__init__", on_cuda)
        return module

    return play


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
