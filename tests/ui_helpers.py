"""What the tests of the viewer share: a small scene, and patience."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import warp as wp
from pxr import Gf, Usd, UsdGeom, UsdLux

from omni.isaac.ovrtx_render.ui.model import ViewModel

__all__ = ["COUNT", "make_stage", "read_gpu", "settle"]

COUNT = 4


def make_stage(count: int = COUNT) -> Usd.Stage:
    """``count`` environments, each a coloured cube in front of a camera, and one camera outside of them."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    light = UsdLux.DistantLight.Define(stage, "/World/Sun")
    light.CreateIntensityAttr(3.0)
    for i in range(count):
        env = UsdGeom.Xform.Define(stage, f"/World/envs/env_{i}")
        env.AddTranslateOp().Set(Gf.Vec3d(20.0 * i, 0.0, 0.0))
        cube = UsdGeom.Cube.Define(stage, f"/World/envs/env_{i}/Cube")
        cube.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, -6.0))
        cube.CreateDisplayColorAttr([Gf.Vec3f(*np.roll((0.8, 0.1, 0.1), i).tolist())])
        UsdGeom.Camera.Define(stage, f"/World/envs/env_{i}/Camera")
    UsdGeom.Camera.Define(stage, "/World/Overview")
    return stage


def settle(model: ViewModel, seconds: float = 60.0) -> None:
    """Update until nothing is going on any more."""
    end = time.monotonic() + seconds
    quiet = 0
    while quiet < 4:
        before = model.tiles.picture
        model.update()
        busy = model.session.busy or model.tiles._work.busy or model.tiles.picture is not before
        quiet = 0 if busy else quiet + 1
        if busy:
            time.sleep(0.002)
        assert time.monotonic() < end, "the model did not come to rest"


def read_gpu(pointer: int, count: int) -> bytes:
    """Bytes of the GPU's memory: what the double of omni.ui reads where tests run on a GPU."""
    memory: Any = wp.array(ptr=pointer, dtype=wp.uint8, shape=count, device="cuda:0", copy=False)
    return memory.numpy().tobytes()
