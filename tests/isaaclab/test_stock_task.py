"""Stock tasks and Isaac Lab's own contract with renderers, unedited, on ours."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def resolve(task: str, *overrides: str) -> Any:
    """The environment configuration that a training script would make of this command line."""
    import isaaclab_tasks  # noqa: F401 (registers the tasks)
    from isaaclab_tasks.utils.hydra import resolve_task_config

    return resolve_task_config(task, None, overrides=list(overrides))[0]


def test_choice_is_offered_the_moment_isaac_lab_is_imported() -> None:
    """As the Kit extension does it; in a process of its own, which has not imported Isaac Lab yet."""
    code = """
from doubles.kit_process import kit_process
with kit_process():
    from omni.isaac.ovrtx_render.kit.imports import after_import
from omni.isaac.ovrtx_render.isaaclab import presets
cancel = after_import("isaaclab_tasks.utils.presets", presets.offer_preset)
import isaaclab_tasks
from isaaclab_tasks.utils.hydra import resolve_task_config
words = ["renderer=ovrtx_render", "physics=newton_mjwarp"]
cfg = resolve_task_config("Isaac-Cartpole-Camera-Direct", None, overrides=words)[0]
print(type(cfg.scene.tiled_camera.renderer_cfg).__name__)
"""
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(root / "tests")))}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1:] == ["OvrtxRendererCfg"], done.stderr[-3000:]


def test_choice_is_withdrawn_as_if_it_had_never_been_offered() -> None:
    from isaaclab_tasks.utils.presets import MultiBackendRendererCfg

    from omni.isaac.ovrtx_render.isaaclab.presets import PRESET_NAME, offer_preset, withdraw_preset

    before = dict(vars(MultiBackendRendererCfg))
    offer_preset()
    assert hasattr(MultiBackendRendererCfg(), PRESET_NAME)
    withdraw_preset()
    withdraw_preset()
    assert dict(vars(MultiBackendRendererCfg)) == before


def test_a_word_on_the_command_line_switches_a_stock_task(asset_dir: Path) -> None:
    """``renderer=ovrtx_render``, and nothing else that has to do with rendering."""
    import gymnasium
    import torch
    from isaaclab.sim import SimulationContext

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg
    from omni.isaac.ovrtx_render.isaaclab.presets import offer_preset

    offer_preset()
    cfg = resolve(
        "Isaac-Cartpole-Camera-Direct",
        "renderer=ovrtx_render",
        "physics=newton_mjwarp",
        "env.scene.num_envs=4",
        "env.seed=0",  # the poles start at random, and one that lies is hardly seen
        f"env.scene.cartpole.spawn.usd_path={asset_dir / 'cartpole.usda'}",  # the stock one lies on a server
        "env.sim.device=cpu",
        "env.sim.physics.use_cuda_graph=False",
        "env.scene.tiled_camera.renderer_cfg.preset=fast",
    )
    renderer_cfg = cfg.scene.tiled_camera.renderer_cfg
    assert isinstance(renderer_cfg, OvrtxRendererCfg) and renderer_cfg.preset == "fast"
    env: Any = gymnasium.make("Isaac-Cartpole-Camera-Direct", cfg=cfg)
    try:
        first = env.reset()[0]["policy"].clone()
        assert tuple(first.shape) == (4, 6, 96, 96)  # two stacked RGB frames
        for _ in range(3):  # few, so that every pole still stands
            last = env.step(torch.ones(4, 1))[0]["policy"].clone()
        assert float((last - first).abs().max()) > 0.1
        pixels = env.unwrapped._tiled_camera.data.output["rgb"].torch.numpy()
        for picture in pixels:
            red, green, blue = (picture[..., k].astype(int) for k in range(3))
            assert ((red > blue + 50) & (red > green)).sum() > 10  # the orange pole
            assert ((blue > red + 50) & (blue > green)).sum() > 20  # the blue cart
    finally:
        env.close()
        SimulationContext.clear_instance()


def test_their_contract_with_renderers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scale, pose and calibration in pixels: the module that ships with Isaac Lab, as it is, with a cube of our own."""
    import isaaclab
    from isaaclab.sim import SimulationCfg, build_simulation_context
    from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg
    from labscene import write_nucleus

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    root = Path(isaaclab.__file__).parent / "source/isaaclab/test/renderers/rigid_object_rendering_contract.py"
    spec = importlib.util.spec_from_file_location("rigid_object_rendering_contract", root)
    assert spec is not None and spec.loader is not None
    contract: Any = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, contract)
    spec.loader.exec_module(contract)
    write_nucleus(tmp_path)
    monkeypatch.setattr(contract, "ISAAC_NUCLEUS_DIR", str(tmp_path))
    physics = NewtonCfg(solver_cfg=MJWarpSolverCfg(njmax=20, nconmax=20), use_cuda_graph=False)
    contract.run_rigid_object_scale_and_pose_rendering_contract(
        contract.RigidObjectRenderingBackend(
            name="ovrtx_render",
            simulation_context_factory=lambda: build_simulation_context(
                sim_cfg=SimulationCfg(dt=0.01, device="cpu", gravity=(0.0, 0.0, 0.0), physics=physics)
            ),
            renderer_cfg=OvrtxRendererCfg(),
        )
    )


def test_fields_that_moved_from_the_camera_to_the_renderer_still_arrive() -> None:
    """Isaac Lab hands on what a task says in the old place, if the renderer has a field of that name."""
    from labscene import camera

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    cfg = camera(
        OvrtxRendererCfg(),
        depth_clipping_behavior="max",
        semantic_filter=["class", "id"],
        semantic_segmentation_mapping={"class:cube": (1, 2, 3, 255)},
        colorize_instance_segmentation=False,
    ).renderer_cfg
    core = cfg.to_core("cpu")
    assert (cfg.depth_clipping_behavior, cfg.colorized()[1:]) == ("max", ("instance_id_segmentation_fast",))
    assert core.semantic_filter == "class:*; id:*" and core.semantic_colors == {"class:cube": (1, 2, 3, 255)}


def test_supported_outputs_are_known_before_anything_is_made() -> None:
    import warp as wp
    from isaaclab.renderers import RenderBufferKind

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    raw = OvrtxRendererCfg(colorize_semantic_segmentation=False).supported_output_types()
    assert set(raw) == set(RenderBufferKind)
    assert (raw[RenderBufferKind.SEMANTIC_SEGMENTATION].channels, raw[RenderBufferKind.RGB].channels) == (1, 3)
    assert raw[RenderBufferKind.SEMANTIC_SEGMENTATION].dtype is wp.int32
    assert np.dtype(wp.dtype_to_numpy(raw[RenderBufferKind.INSTANCE_SEGMENTATION].dtype)) == np.uint8
