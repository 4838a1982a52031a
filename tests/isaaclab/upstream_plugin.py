"""pytest plugin: Isaac Lab's own tests, unedited, with our renderer in the place of the default one.

``pytest -p upstream_plugin <file in Isaac Lab's wheel>``. What its tests take for granted and is not here is replaced:
PhysX by Newton, CUDA by the CPU, the two assets of its server by local ones, and Kit by nothing. The setting by which
Isaac RTX tells Kit that there are cameras is preset, because some tests look at it before they look at the images.
What they draw at random is drawn from a fixed seed.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from labscene import GROUND, write_nucleus
from torch.overrides import TorchFunctionMode


class _OnCpu(TorchFunctionMode):
    """Tensors that a test wants on ``cuda:0`` are made on the CPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if str(kwargs.get("device", "")).startswith("cuda"):
            kwargs = {**kwargs, "device": "cpu"}
        return func(*args, **kwargs)


def pytest_configure() -> None:
    """Replace the defaults before the tests are imported."""
    folder = Path(tempfile.mkdtemp())
    (folder / "ground.usda").write_text(GROUND)
    write_nucleus(folder)

    import isaaclab.test.utils as test_utils
    from isaaclab.sim import simulation_context
    from isaaclab.sim.spawners.from_files import from_files, from_files_cfg
    from isaaclab.test.utils import simulation
    from isaaclab.utils import assets, backend_utils
    from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg, XPBDSolverCfg

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    backend_utils.get_default_renderer_cfg = OvrtxRendererCfg
    assets.ISAAC_NUCLEUS_DIR = str(folder)

    def no_kit(*_: Any, **__: Any) -> None:
        """There is no runtime to launch."""

    simulation.launch_test_simulation = test_utils.launch_test_simulation = no_kit
    test_utils.test_devices = lambda *_, **__: ["cpu"]

    begin = simulation_context.SimulationContext.__init__

    def on_cpu(self: Any, cfg: Any = None, *args: Any, **kwargs: Any) -> None:
        cfg = cfg or simulation_context.SimulationCfg()
        if cfg.device.startswith("cuda"):
            cfg.device = "cpu"
        # The tests that leave the physics to the default have no body in it, which the MuJoCo solver refuses.
        solver = XPBDSolverCfg() if cfg.physics is None else MJWarpSolverCfg(njmax=200, nconmax=200)
        cfg.physics = NewtonCfg(solver_cfg=solver, use_cuda_graph=False)
        begin(self, cfg, *args, **kwargs)
        self.set_setting("/isaaclab/render/rtx_sensors", True)

    simulation_context.SimulationContext.__init__ = on_cpu

    spawn = from_files.spawn_ground_plane

    def local(path: str, cfg: Any, *args: Any, **kwargs: Any) -> Any:
        if cfg.usd_path == from_files_cfg._DEFAULT_GROUND_PLANE_USD:
            cfg = cfg.replace(usd_path=str(folder / "ground.usda"), color=None)
        return spawn(path, cfg, *args, **kwargs)

    from_files.spawn_ground_plane = local
    _OnCpu().__enter__()  # for the rest of the process


def pytest_runtest_setup() -> None:
    """Its scenes are strewn at random: the same way every time, with something in sight."""
    random.seed(0)
    np.random.seed(0)


def pytest_runtest_logfinish() -> None:
    """A test that failed in its setup leaves its simulation behind, which would fail all the others."""
    from isaaclab.sim import SimulationContext

    SimulationContext.clear_instance()
