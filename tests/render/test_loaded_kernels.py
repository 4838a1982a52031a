"""What a frame launches was loaded when its launches were recorded: nothing is compiled on the way."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import wait
from typing import Any

import numpy as np
import pytest
import warp as wp
from reference import SceneBuilder, look_at
from reference.build import matte, quad

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.backends.warp import kernels, resolve
from omni.isaac.ovrtx_render.config import PRESETS
from omni.isaac.ovrtx_render.outputs import OUTPUTS
from omni.isaac.ovrtx_render.scene.data import AlphaMode, GeometryKind, LightKind, Scene


def scene_of(alpha: AlphaMode) -> Scene:
    """A card and a ball, a lamp, a sky and a camera."""
    b = SceneBuilder()
    look = matte(0.5, alpha_mode=alpha, opacity=0.5)
    b.add(quad(), material=look)
    b.add(GeometryKind.SPHERE, (0.3,), material=look)
    b.light(LightKind.SPHERE, 1.0, radius=0.1)
    b.light(LightKind.DOME, 0.5)
    b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)))
    return b.build()


@pytest.mark.parametrize("alpha", [AlphaMode.OPAQUE, AlphaMode.BLEND])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_module_that_is_launched_was_loaded(
    make: Callable, monkeypatch: pytest.MonkeyPatch, preset: str, alpha: AlphaMode
) -> None:
    loaded: list[Any] = []
    launched: dict[str, str] = {}
    force_load, launch = wp.force_load, wp.launch

    def threads_of(device: Any, block_dim: int = 256) -> int:
        return block_dim if wp.get_device(device).is_cuda else 1

    def note_load(device: Any, modules: list[Any], block_dim: int = 256, **options: Any) -> None:
        force_load(device, modules, block_dim=block_dim, **options)
        loaded.extend((module, threads_of(device, block_dim)) for module in modules)

    def note_launch(kernel: Any, *arguments: Any, **options: Any) -> Any:
        device = options["device"]
        # Warp compiles a module for each size of a block.
        if (kernel.module, threads_of(device, options.get("block_dim", 256))) not in loaded:
            launched[kernel.key] = kernel.module.name
        return launch(kernel, *arguments, **options)

    monkeypatch.setattr(wp, "force_load", note_load)
    monkeypatch.setattr(wp, "launch", note_launch)
    monkeypatch.setattr(kernels, "load_shipped", lambda module: False)
    monkeypatch.setattr(kernels, "_loading", {})
    renderer = make(scene_of(alpha), **PRESETS[preset])
    for outputs in (*OUTPUTS, tuple(OUTPUTS)):
        cameras = renderer.add_cameras(None, width=8, height=8, outputs=outputs)
        renderer.render(cameras)
        assert not launched, outputs


def test_what_few_frames_launch_is_left_until_one_does(make: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[Any, Any] = {}
    monkeypatch.setattr(kernels, "_loading", asked)
    renderer = make(scene_of(AlphaMode.OPAQUE), **PRESETS["fast"])
    if renderer.device.is_cuda:
        pytest.skip("on CUDA all is loaded with the scene, as frames may be captured")
    renderer.render(renderer.add_cameras(None, width=8, height=8, outputs=("rgb", "depth")))
    assert resolve.resolve_color.module not in asked
    renderer.render(renderer.add_cameras(None, width=8, height=8, outputs="depth"))
    assert resolve.resolve_color.module in asked


@pytest.mark.parametrize("way", ["write_matrices", "replay", "stage"])
def test_moving_by_matrices_loads_what_it_launches(way: str, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    if device != "cpu":
        pytest.skip("on CUDA all is loaded with the scene, as frames may be captured")
    usd = pytest.importorskip("pxr.Usd")
    geometry = pytest.importorskip("pxr.UsdGeom")
    stage = usd.Stage.CreateInMemory()
    ball = geometry.Sphere.Define(stage, "/Ball")
    place = ball.AddTranslateOp()
    asked: dict[Any, Any] = {}
    monkeypatch.setattr(kernels, "_loading", asked)
    with TiledRenderer(stage, RendererCfg.preset("fast", backend="warp", device=device)) as renderer:
        body = renderer.bind_transforms(["/Ball"])
        assert kernels.MATRICES not in asked
        if way == "stage":
            place.Set((0, 0, 1))
            renderer.sync()
        else:
            body.write_matrices(np.eye(4, dtype=np.float32)[None])
        if way == "replay":
            asked.clear()
            geometry.Sphere.Define(stage, "/Other")
            renderer.sync()
        assert kernels.MATRICES in asked


def test_a_module_is_loaded_once_and_again_only_if_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Any] = []

    def load(module: Any) -> None:
        loads.append(module)
        if len(loads) == 1:
            raise OSError("disk full")

    monkeypatch.setattr(kernels, "_loading", {})
    monkeypatch.setattr(kernels, "_load", load)
    with pytest.raises(OSError, match="disk full"):
        kernels.load_on_cpu([kernels.MATERIAL_ROWS])
    for _ in range(2):
        kernels.load_on_cpu([kernels.MATERIAL_ROWS, kernels.DEFORMATION])
    assert loads.count(kernels.MATERIAL_ROWS) == 2
    assert loads.count(kernels.DEFORMATION) == 1


def test_what_failed_ahead_of_time_is_tried_again_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Any] = []

    def load(module: Any) -> None:
        loads.append(module)
        if len(loads) == 1:
            raise OSError("disk full")

    monkeypatch.setattr(kernels, "_loading", {})
    monkeypatch.setattr(kernels, "_load", load)
    wait(kernels._start([kernels.MATERIAL_ROWS]))
    kernels.load_on_cpu([kernels.MATERIAL_ROWS])
    assert len(loads) == 2


def test_a_forked_process_loads_with_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    monkeypatch.setattr(kernels, "_load", lambda module: None)
    kernels.load_on_cpu([kernels.MATERIAL_ROWS])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking with threads about
        child = os.fork()
    if child == 0:
        kernels.load_on_cpu([kernels.MATERIAL_ROWS])
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
