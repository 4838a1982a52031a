"""The protocol of Isaac Lab's first renderers, on a live stage."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import warp as wp
from pxr import Usd, UsdGeom, UsdLux, UsdUtils

from omni.isaac.ovrtx_render.errors import ConfigError, InputError, OvrtxRenderError, SceneError
from omni.isaac.ovrtx_render.isaaclab.early import RendererBase, RendererCfg, get_renderer_class

ENVS = 3
DOWN = np.tile(np.array([np.sqrt(0.5), 0, np.sqrt(0.5), 0], np.float32), (ENVS, 1))  # w, x, y, z: +X turned down
ABOVE = np.array([[10.0 * env, 0, 4] for env in range(ENVS)], np.float32)
LENS = np.tile(np.array([[32.0, 0, 16], [0, 32.0, 12], [0, 0, 1]], np.float32), (ENVS, 1, 1))


@pytest.fixture
def stage() -> Usd.Stage:
    """Environments 10 m apart, with a box of its own height in each and no camera."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdLux.DistantLight.Define(stage, "/World/Sun")
    for env in range(ENVS):
        root = UsdGeom.Xform.Define(stage, f"/World/envs/env_{env}")
        UsdGeom.XformCommonAPI(root).SetTranslate((10.0 * env, 0, 0))
        box = UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/Box")
        box.CreateSizeAttr(1.0 + 0.5 * env)
    return stage


@pytest.fixture
def make(stage: Usd.Stage) -> Iterator[Callable[..., RendererBase]]:
    made: list[RendererBase] = []

    def factory(name: str = "warp", **fields: Any) -> RendererBase:
        values = {"width": 32, "height": 24, "num_envs": ENVS, "data_types": ["rgb", "depth"], "stage": stage, **fields}
        made.append(get_renderer_class(name)(RendererCfg(**values)))
        return made[-1]

    yield factory
    for renderer in made:
        renderer.close()


def middle(renderer: RendererBase) -> np.ndarray:
    return renderer.get_output()["depth"].numpy()[:, 12, 16, 0]


@pytest.mark.parametrize("name", ["warp", "newton_warp"])
def test_renders_the_live_stage(make: Callable, stage: Usd.Stage, name: str) -> None:
    if name == "newton_warp":
        pytest.importorskip("newton", minversion="1.8")
    renderer = make(name)
    renderer.initialize()
    renderer.initialize()
    renderer.render(ABOVE, DOWN, LENS)
    output = renderer.get_output()
    assert list(output) == ["rgb", "depth"]
    assert isinstance(output["rgb"], wp.array) and output["rgb"].shape == (ENVS, 24, 32, 3)
    assert output["rgb"].dtype is wp.uint8 and output["rgb"].numpy()[:, 12, 16].min() > 20
    np.testing.assert_allclose(middle(renderer), [3.5, 3.25, 3.0], atol=1e-3)
    UsdGeom.Cube(stage.GetPrimAtPath("/World/envs/env_1/Box")).GetSizeAttr().Set(3.0)
    renderer.step()
    renderer.reset()
    renderer.render(ABOVE + np.float32([0, 0, 1]), DOWN, None)
    np.testing.assert_allclose(middle(renderer), [4.5, 3.5, 4.0], atol=1e-3)


def test_the_signatures_are_those_of_the_protocol() -> None:
    parameters = list(inspect.signature(RendererBase.render).parameters)
    assert parameters == ["self", "camera_positions", "camera_orientations", "intrinsic_matrices"]
    cfg = RendererCfg()
    assert (cfg.get_renderer_type(), cfg.get_height(), cfg.get_width(), cfg.get_num_envs()) == ("base", 1024, 1024, 1)
    assert {name: get_renderer_class(name).__name__ for name in ("newton_warp", "ovrtx", "warp")} == {
        "newton_warp": "NewtonWarpRenderer",
        "ovrtx": "OvrtxRenderer",
        "warp": "WarpRenderer",
    }


def test_lenses_are_set_apart_too(make: Callable) -> None:
    renderer = make()
    renderer.initialize()
    lens = LENS.copy()
    lens[:, 0, 0] = lens[:, 1, 1] = [16.0, 32.0, 64.0]
    renderer.set_camera_rays_from_intrinsics(lens)
    renderer.render(ABOVE, DOWN)
    hits = np.isfinite(renderer.get_output()["depth"].numpy()[:, 12, :, 0]).sum(1)
    np.testing.assert_allclose(hits, [16 / 3.5, 32 * 1.5 / 3.25, 32], atol=1.5)


def test_its_own_cameras_go_when_it_is_closed(make: Callable, stage: Usd.Stage) -> None:
    root = stage.GetRootLayer().ExportToString()
    renderer = make()
    renderer.initialize()
    assert stage.GetPrimAtPath("/World/envs/env_2/EarlyProtocolCamera")
    renderer.close()
    renderer.close()
    assert stage.GetSessionLayer().empty
    assert stage.GetRootLayer().ExportToString() == root


def test_cameras_of_the_stage(make: Callable, stage: Usd.Stage) -> None:
    for env in range(ENVS):
        UsdGeom.Camera.Define(stage, f"/World/envs/env_{env}/Eye")
    renderer = make(camera_path="/World/envs/env_.*/Eye")
    renderer.initialize()
    renderer.render(ABOVE, DOWN, LENS)
    np.testing.assert_allclose(middle(renderer), [3.5, 3.25, 3.0], atol=1e-3)
    with pytest.raises(SceneError, match="3 cameras for num_envs=2"):
        make(camera_path="/World/envs/env_.*/Eye", num_envs=2).initialize()


def test_the_stage_is_found(make: Callable, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = UsdUtils.StageCache.Get()
    cache.Clear()
    with pytest.raises(SceneError, match="0 are in USD's cache"):
        make(stage=None).initialize()
    cache.Insert(stage)
    first = make(stage=None)
    first.initialize()
    assert first.renderer is not None and first.renderer.stage == stage
    cache.Insert(Usd.Stage.CreateInMemory())
    with pytest.raises(SceneError, match="2 are in USD's cache"):
        make(stage=None).initialize()
    kit = ModuleType("omni.usd")
    kit.get_context = lambda: SimpleNamespace(get_stage=lambda: stage)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "omni.usd", kit)
    second = make(stage=None)
    second.initialize()
    assert second.renderer is not None and second.renderer.stage == stage
    cache.Clear()


def test_mistakes_are_told(make: Callable) -> None:
    with pytest.raises(ConfigError, match=r"'mitsuba'.*newton_warp, ovrtx, warp"):
        get_renderer_class("mitsuba")
    with pytest.raises(ConfigError, match="'num_envs'"):
        get_renderer_class("warp")(SimpleNamespace(height=1, width=1))
    with pytest.raises(InputError, match=r"initialize\(\)"):
        make().render(ABOVE, DOWN, LENS)
    with pytest.raises(SceneError, match=r"3 environments .* num_envs is 4"):
        make(num_envs=4).initialize()
    renderer = make(data_types=["rgb", "smell"])
    with pytest.raises(ConfigError, match="smell"):
        renderer.initialize()
    with pytest.raises(InputError):
        renderer.get_output()
    renderer = make()
    renderer.initialize()
    with pytest.raises(OvrtxRenderError, match="positions"):
        renderer.render(ABOVE[:2], DOWN, LENS)
    renderer.render(ABOVE, DOWN, LENS)
    np.testing.assert_allclose(middle(renderer), [3.5, 3.25, 3.0], atol=1e-3)


def test_motion_vectors_do_not_cross_a_reset(make: Callable, stage: Usd.Stage) -> None:
    renderer = make(data_types=["motion_vectors"])
    renderer.reset()  # before it is initialised, there is nothing to forget
    renderer.initialize()
    renderer.render(ABOVE, DOWN, LENS)
    for forget, moves in ((False, True), (True, False)):
        box = UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/envs/env_1/Box"))
        box.SetTranslate((0.2 + 0.2 * forget, 0, 0))
        if forget:
            renderer.reset()
        renderer.render(ABOVE, DOWN, LENS)
        assert bool(np.abs(renderer.get_output()["motion_vectors"].numpy()).max() > 0.5) == moves
