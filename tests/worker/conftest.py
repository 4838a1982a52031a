"""A small stage, a renderer whose backend is in a worker process, and the same one without."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # the helpers of these tests
    sys.path.insert(0, str(HERE))

ENVS = 3
PLAIN: dict[str, Any] = {"backend": "warp", "exposure": 0.0, "headlight": False, "background": (0.1, 0.2, 0.3)}


@pytest.fixture
def stage() -> Usd.Stage:
    """Three environments with a cube of another colour each, a camera above it, and a light that all share."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    sun = UsdLux.DistantLight.Define(stage, "/World/Sun")
    sun.CreateIntensityAttr(3.0)
    for env in range(ENVS):
        root = f"/World/envs/env_{env}"
        UsdGeom.Xform.Define(stage, root).AddTranslateOp().Set(Gf.Vec3d(10.0 * env, 0, 0))
        UsdGeom.Xform.Define(stage, f"{root}/Body").AddTranslateOp().Set(Gf.Vec3d(0, 0, 0.1 * env))
        cube = UsdGeom.Cube.Define(stage, f"{root}/Body/Cube")
        cube.CreateSizeAttr(1.0)
        cube.CreateDisplayColorAttr([Gf.Vec3f(0.2 + 0.3 * env, 0.5, 0.8 - 0.3 * env)])
        camera = UsdGeom.Camera.Define(stage, f"{root}/Camera")
        camera.AddTranslateOp().Set(Gf.Vec3d(0, 0, 4))
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))
    stage.GetPrimAtPath("/World/envs").SetTypeName("Xform")
    assert stage.GetRootLayer().GetPrimAtPath(Sdf.Path("/World/envs/env_2/Body/Cube"))
    return stage


@pytest.fixture
def open_renderer(stage: Usd.Stage, device: str) -> Iterator[Callable[..., TiledRenderer]]:
    """``open_renderer(worker, **config)``: ``worker`` is True, a dict of its options, or False for this process."""
    opened: list[TiledRenderer] = []

    def factory(worker: Any = True, **fields: Any) -> TiledRenderer:
        cfg = RendererCfg().replace(**{**PLAIN, "device": device, "backend_options": {"worker": worker}, **fields})
        opened.append(TiledRenderer(stage, cfg))
        return opened[-1]

    yield factory
    for renderer in opened:
        renderer.close()
