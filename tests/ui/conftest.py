"""A small scene with four environments, and view-models that are closed when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles.kit_process import load_omni_ui

from omni.isaac.ovrtx_render import RendererCfg

pytest.importorskip("pxr", reason="the viewer draws stages, which needs the extra 'standalone'")
from pxr import Usd
from ui_helpers import make_stage

from omni.isaac.ovrtx_render.ui.model import ViewModel

load_omni_ui()


@pytest.fixture(autouse=True)
def no_pure_call() -> Iterator[None]:
    """The library logs an error for every method that an item model lacks."""
    from omni.ui.models import PURE_CALLS

    PURE_CALLS.clear()
    yield
    assert PURE_CALLS == []


@pytest.fixture
def stage() -> Usd.Stage:
    """A stage with four environments."""
    return make_stage()


@pytest.fixture
def cfg(device: str) -> RendererCfg:
    """A plain configuration."""
    return RendererCfg(backend="warp", device=device, exposure=0.0, shadows=False, background=(0.0, 0.0, 0.0))


@pytest.fixture
def make_model(cfg: RendererCfg, tmp_path: Path) -> Iterator[Callable[..., ViewModel]]:
    """``make_model(stage, **arguments)`` gives a view-model that draws 32 x 24 tiles on a 300 x 200 canvas."""
    made: list[ViewModel] = []

    def factory(stage: Any = None, **arguments: Any) -> ViewModel:
        model = ViewModel(**{"cfg": cfg, "inline": True, "folder": tmp_path / "out", **arguments})
        made.append(model)
        model.renderer.set_view(width=32, height=24, outputs=("rgb", "depth", "instance_id_segmentation_fast"))
        model.tiles.shown = True
        model.tiles.resize(300, 200)
        if stage is not None:
            model.open(stage)
        return model

    yield factory
    for model in made:
        model.close()
