"""A process that looks as if Isaac Sim ran in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pxr import Usd, UsdGeom, UsdLux

DOUBLES = Path(__file__).resolve().parent.parent / "doubles"


@pytest.fixture
def sim() -> Iterator[Any]:
    """``stage`` is open in Isaac Sim; ``app``, ``context``, ``settings`` and ``replicator`` are its doubles."""
    from doubles.kit_process import kit_process

    with kit_process("kit107"):
        sys.path.insert(0, str(DOUBLES / "replicator"))  # kit_process takes it away again
        import carb.settings
        import omni.kit.app
        import omni.replicator.core
        import omni.usd

        context = omni.usd.get_context()
        context._stage = stage = Usd.Stage.CreateInMemory()
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        UsdLux.DistantLight.Define(stage, "/World/Sun").CreateIntensityAttr(3.0)
        for env in range(2):
            root = f"/World/envs/env_{env}"
            UsdGeom.Xform.Define(stage, root)
            UsdGeom.Cube.Define(stage, f"{root}/Box").CreateSizeAttr(1.0)
            camera = UsdGeom.Camera.Define(stage, f"{root}/Camera")
            camera.CreateFocalLengthAttr(12.0)
            camera.CreateClippingRangeAttr((0.05, 100.0))
            UsdGeom.XformCommonAPI(camera).SetTranslate((0, 0, 4.0 + env))
        yield SimpleNamespace(
            stage=stage,
            app=omni.kit.app.get_app(),
            context=context,
            settings=carb.settings.get_settings(),
            replicator=omni.replicator.core,
        )
        context._stage = None
    for name in [name for name in sys.modules if name.startswith("omni.isaac.ovrtx_render.backends.isaac_rtx")]:
        del sys.modules[name]


@pytest.fixture
def open_renderer(sim: Any) -> Iterator[Callable[..., Any]]:
    """``open_renderer(source, **config)`` gives a renderer by Isaac Sim, which is closed when the test ends."""
    from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

    made: list[TiledRenderer] = []

    def factory(source: Any = None, **fields: Any) -> TiledRenderer:
        cfg = RendererCfg(backend="isaac_rtx", device="cpu").replace(**fields)
        made.append(TiledRenderer(sim.stage if source is None else source, cfg))
        return made[-1]

    yield factory
    for renderer in made:
        renderer.close()
