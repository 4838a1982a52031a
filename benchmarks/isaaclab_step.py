"""Step time of Isaac Lab with our renderer beside its own Newton-Warp renderer: the same scene, physics and machine.

Run, in an environment that has Isaac Lab 3:
    PYTHONPATH=. python benchmarks/isaaclab_step.py --envs 4 16 64 256 1024

One process opens a simulation for each size and renderer, one after the other. ``physics`` is a step nobody looks at,
``step`` one whose images are read, ``render`` the difference; each is the fastest of all tries, which the rest of the
machine disturbs least. CPU time is that of all threads: ours draws on every core, Newton-Warp on one. Both renderers
draw the same lit things from the same poses, with or without shadows.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import isaaclab.sim as sim_utils
import numpy as np
import warp as wp
from isaaclab.assets import AssetBaseCfg, RigidObjectCfg
from isaaclab.scene import InteractiveScene, InteractiveSceneCfg
from isaaclab.sensors import CameraCfg
from isaaclab.sim import SimulationCfg, SimulationContext
from isaaclab.utils import configclass
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg
from isaaclab_newton.renderers import NewtonWarpRendererCfg

from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg


def thing(name: str, shape: type, color: tuple[float, ...], position: tuple[float, ...], **size: object) -> Any:
    """A rigid object in every environment."""
    spawn = shape(
        rigid_props=sim_utils.RigidBodyPropertiesCfg(),
        mass_props=sim_utils.MassPropertiesCfg(mass=0.5),
        collision_props=sim_utils.CollisionPropertiesCfg(),
        visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=color),
        **size,
    )
    return RigidObjectCfg(
        prim_path=f"{{ENV_REGEX_NS}}/{name}",
        spawn=spawn,
        init_state=RigidObjectCfg.InitialStateCfg(pos=position, rot=(0.2, 0.3, 0.1, 0.927)),
    )


@configclass
class SceneCfg(InteractiveSceneCfg):
    """A floor, a light, four things and a camera."""

    floor = AssetBaseCfg(
        prim_path="/World/floor",
        spawn=sim_utils.CuboidCfg(size=(400.0, 400.0, 0.2), collision_props=sim_utils.CollisionPropertiesCfg()),
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, -0.1)),
    )
    sun = AssetBaseCfg(
        prim_path="/World/sun",
        spawn=sim_utils.DistantLightCfg(intensity=3000.0),
        init_state=AssetBaseCfg.InitialStateCfg(rot=(0.35, -0.25, 0.0, 0.9)),
    )
    box = thing("Box", sim_utils.CuboidCfg, (0.8, 0.1, 0.1), (0.0, 0.4, 0.7), size=(0.4, 0.4, 0.4))
    ball = thing("Ball", sim_utils.SphereCfg, (0.1, 0.3, 0.8), (0.2, -0.4, 0.9), radius=0.25)
    pillar = thing("Pillar", sim_utils.CylinderCfg, (0.9, 0.7, 0.1), (-0.4, 0.0, 1.3), radius=0.15, height=0.7)
    pill = thing("Pill", sim_utils.CapsuleCfg, (0.2, 0.7, 0.2), (0.9, 0.1, 0.8), radius=0.15, height=0.5)
    camera: CameraCfg = None


def camera(renderer: Any, size: int, outputs: list[str]) -> CameraCfg:
    """The camera of every environment."""
    return CameraCfg(
        prim_path="{ENV_REGEX_NS}/Camera",
        width=size,
        height=size,
        data_types=outputs,
        spawn=sim_utils.PinholeCameraCfg(clipping_range=(0.05, 100.0)),
        offset=CameraCfg.OffsetCfg(pos=(-2.6, 0.0, 1.3), rot=(0.0, 0.182, 0.0, 0.983), convention="world"),
        renderer_cfg=renderer,
    )


@contextmanager
def simulation(renderer: Any, envs: int, args: argparse.Namespace) -> Iterator[tuple[SimulationContext, Any]]:
    """A running simulation with its scene."""
    physics = NewtonCfg(solver_cfg=MJWarpSolverCfg(njmax=120, nconmax=120), use_cuda_graph=args.device != "cpu")
    sim = SimulationContext(SimulationCfg(dt=0.01, device=args.device, physics=physics))
    try:
        cfg = SceneCfg(num_envs=envs, env_spacing=5.0)
        cfg.camera = camera(renderer, args.size, args.outputs)
        scene: Any = InteractiveScene(cfg)
        sim.reset()
        yield sim, scene
    finally:
        scene = None
        SimulationContext.clear_instance()
        gc.collect()


def timed(action: Callable[[], object], count: int, device: str) -> np.ndarray:
    """(wall, CPU) seconds, each of the fastest of ``count`` calls."""
    seconds = []
    for _ in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        action()
        wp.synchronize_device(device)
        seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
    return np.min(seconds, axis=0)


def measure(renderer: Any, envs: int, args: argparse.Namespace) -> tuple[float, np.ndarray, np.ndarray]:
    """Seconds of start-up, and (wall, CPU) seconds of a step and of a step whose images are read."""
    start = time.perf_counter()
    with simulation(renderer, envs, args) as (sim, scene):

        def step() -> None:
            sim.step(render=False)
            scene.update(0.01)

        def step_and_look() -> None:
            step()
            scene["camera"].data  # noqa: B018 (reading it is what draws)

        step_and_look()
        startup = time.perf_counter() - start
        for _ in range(3):
            step_and_look()
        looked, blind = [], []
        for _ in range(args.rounds):  # in turns, so that whatever slows the machine down slows both down
            blind.append(timed(step, args.count, args.device))
            looked.append(timed(step_and_look, args.count, args.device))
        return startup, np.min(blind, axis=0), np.min(looked, axis=0)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, nargs="+", default=[4, 16, 64, 256, 1024], help="numbers of environments")
    parser.add_argument("--size", type=int, default=64, help="width and height of an image [px]")
    parser.add_argument("--outputs", nargs="+", default=["rgb", "depth"], help="data types of the camera")
    parser.add_argument("--device", default="cpu", help="device of physics and renderer")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each kind of step")
    parser.add_argument("--count", type=int, default=5, help="steps in a turn")
    parser.add_argument("--no-shadows", action="store_true", help="neither renderer casts shadows")
    args = parser.parse_args()
    shadows = not args.no_shadows
    renderers = {
        "ovrtx_render": OvrtxRendererCfg(shadows=shadows),
        "newton_warp": NewtonWarpRendererCfg(enable_shadows=shadows),
    }
    print(f"{args.size}x{args.size} {'+'.join(args.outputs)} on {args.device}, shadows {'on' if shadows else 'off'}")
    heads = ("start [s]", "physics [ms]", "step [ms]", "render [ms]", "render CPU [ms]")
    print(f"{'envs':>6} {'renderer':<13}" + "".join(f"{head:>16}" for head in heads))
    for envs in args.envs:
        for name, cfg in renderers.items():
            startup, blind, looked = measure(cfg, envs, args)
            columns = (startup, blind[0] * 1e3, looked[0] * 1e3, *((looked - blind) * 1e3))
            print(f"{envs:6d} {name:<13}" + "".join(f"{value:16.2f}" for value in columns), flush=True)


if __name__ == "__main__":
    main()
