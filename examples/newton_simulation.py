"""A Newton simulation drawn as it runs: geometry and poses are its own, cameras, light and labels are a USD stage's.

    python examples/newton_simulation.py out

It writes ``newton_simulation.png``: a row an environment, a column every 20 steps.
"""

from __future__ import annotations

import sys
from pathlib import Path

import newton
import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdLux

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.images import mosaic, write_png

ENVS = 4
STEPS = 100
DT = 1.0 / 120.0


def build_model() -> newton.Model:
    """A world an environment, each with three boxes one above the other, and a ground for all of them."""
    world = newton.ModelBuilder()
    for i, color in enumerate(((0.9, 0.3, 0.2), (0.2, 0.6, 0.9), (0.9, 0.8, 0.2))):
        body = world.add_body(xform=(0.04 * i, 0.0, 0.4 + 0.6 * i, 0.0, 0.0, 0.0, 1.0))
        world.add_shape_box(body, hx=0.2, hy=0.2, hz=0.2, label=f"/World/envs/env_0/Box_{i}", color=color)
    builder = newton.ModelBuilder()
    builder.replicate(world, ENVS)
    builder.add_ground_plane(color=(0.4, 0.45, 0.5))
    return builder.finalize()


def build_stage() -> Usd.Stage:
    """What the model does not have: a camera in each environment, and light."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdLux.DomeLight.Define(stage, "/World/Sky").CreateIntensityAttr(0.6)
    sun = UsdLux.DistantLight.Define(stage, "/World/Sun")
    sun.CreateIntensityAttr(2.0)
    UsdGeom.XformCommonAPI(sun).SetRotate((35.0, 15.0, 0.0))
    for env in range(ENVS):
        camera = UsdGeom.Camera.Define(stage, f"/World/envs/env_{env}/Camera")
        camera.CreateClippingRangeAttr((0.05, 100.0))
        eye = Gf.Vec3d(2.5 + 0.3 * env, -2.5, 1.8)
        view = Gf.Matrix4d().SetLookAt(eye, Gf.Vec3d(0.0, 0.0, 0.5), Gf.Vec3d(0.0, 0.0, 1.0))
        camera.AddTransformOp().Set(view.GetInverse())
        camera.CreateFocalLengthAttr(28.0)
    return stage


def main(out: Path) -> Path:
    """Simulate, draw, and write the picture; returns its path."""
    model = build_model()
    solver = newton.solvers.SolverXPBD(model, iterations=4)
    states = [model.state(), model.state()]
    pipeline = newton.CollisionPipeline(model)
    control, contacts = model.control(), pipeline.contacts()
    cfg = RendererCfg(
        backend="newton",
        device=str(model.device),
        backend_options={"model": model, "state": lambda: states[0]},  # the states change places every step
    )
    frames: list[np.ndarray] = []
    with TiledRenderer(build_stage(), cfg) as renderer:
        cameras = renderer.add_cameras(None, width=160, height=120, outputs="rgb")
        for step in range(STEPS):
            if step % 20 == 0:
                frames.append(renderer.render(cameras)["rgb"].numpy().copy())
            states[0].clear_forces()
            pipeline.collide(states[0], contacts)
            solver.step(states[0], states[1], control, contacts, DT)
            states.reverse()
    picture = mosaic(np.stack(frames, axis=1).reshape(-1, *frames[0].shape[1:]), columns=len(frames))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "newton_simulation.png"
    write_png(path, picture)
    return path


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
