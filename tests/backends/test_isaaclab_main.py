"""The renderer of Isaac Lab 3 in a later Isaac Lab: another constructor, batches, captures, resets, fewer outputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import warp as wp
from pxr import Usd, UsdGeom, UsdLux

DOUBLE = Path(__file__).resolve().parent.parent / "doubles" / "isaaclab_main"
_OURS = "omni.isaac.ovrtx_render.isaaclab"
DOWN = [[0.0, np.sqrt(0.5), 0.0, np.sqrt(0.5)]] * 2  # x, y, z, w: +X turned down


def _replaced(name: str) -> bool:
    return name.partition(".")[0] == "isaaclab" or name == _OURS or name.startswith(f"{_OURS}.")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A simulation with two environments in one place, and a ``look`` that does what a camera sensor does."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _replaced(name)}
    monkeypatch.syspath_prepend(str(DOUBLE))
    from isaaclab.renderers import CameraRenderSpec
    from isaaclab.scene_data import Provider
    from isaaclab.sim import SimulationContext

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdLux.DistantLight.Define(stage, "/World/Sun")
    for env in range(2):
        UsdGeom.Cube.Define(stage, f"/World/envs/env_{env}/Box").CreateSizeAttr(1.0 + env)
        UsdGeom.Camera.Define(stage, f"/World/envs/env_{env}/Camera").CreateClippingRangeAttr((0.05, 100.0))
    provider = Provider({f"/World/envs/env_{env}/Box": (0, 0, 0, 0, 0, 0, 1) for env in range(2)})
    sim = SimulationContext(provider)

    def sensor(cfg: Any, data_types: list[str]) -> Any:
        renderer = sim.get_or_create_backend(cfg)
        renderer.initialize()
        paths = tuple(f"/World/envs/env_{env}/Camera" for env in range(2))
        camera = SimpleNamespace(
            prim_path="/World/envs/env_.*/Camera", data_types=data_types, width=32, height=24, spawn=SimpleNamespace()
        )
        renderer.prepare_stage(stage, 2)
        data = renderer.create_render_data(CameraRenderSpec(camera, "cpu", paths, {"omni:rtx": ("int", 1)}))
        specs = renderer.supported_output_types()
        output = {
            name: wp.zeros((2, 24, 32, specs[name].channels), dtype=specs[name].dtype, device="cpu")
            for name in data_types
        }
        renderer.set_outputs(data, {name: SimpleNamespace(warp=image) for name, image in output.items()})
        positions = wp.array([[0, 0, 4]] * 2, dtype=wp.vec3, device="cpu")
        lens = wp.array([[[30, 0, 16], [0, 30, 12], [0, 0, 1]]] * 2, dtype=wp.mat33, device="cpu")
        pose = [positions, wp.array(DOWN, dtype=wp.quat, device="cpu"), lens]
        renderer.update_camera(data, *(SimpleNamespace(warp=value) for value in pose))
        return SimpleNamespace(renderer=renderer, data=data, output=output, info={})

    def look(one: Any) -> np.ndarray:
        one.renderer.update_transforms()
        one.renderer.update_geometries()
        one.renderer.prepare_capture(one.data, one, SimpleNamespace(warp=wp.zeros(2, dtype=wp.int64, device="cpu")))
        one.renderer.render_batch([one.data])
        one.renderer.read_output(one.data, one)
        return one.output["depth"].numpy()[:, 12, 16, 0].copy()

    yield SimpleNamespace(sim=sim, sensor=sensor, look=look, provider=provider, stage=stage)
    for name in [name for name in sys.modules if _replaced(name)]:
        del sys.modules[name]
    sys.modules.update(before)


def test_it_renders_by_the_later_interface(lab: Any) -> None:
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    cfg = OvrtxRendererCfg(backend="warp", colorize_semantic_segmentation=False)
    one = lab.sensor(cfg, ["depth", "rgba", "semantic_segmentation"])
    np.testing.assert_allclose(lab.look(one), [3.5, 3.0], atol=1e-4)
    assert one.output["rgba"].numpy()[:, 12, 16, :3].min() > 20
    assert one.info["semantic_segmentation"]["idToLabels"][1] == {"class": "UNLABELLED"}
    lab.provider.move("/World/envs/env_1/Box", (0, 0, 1, 0, 0, 0, 1))
    np.testing.assert_allclose(lab.look(one), [3.5, 2.0], atol=1e-4)
    one.renderer.reset(one.data, [1])
    one.renderer.reset(one.data)
    lens = wp.array([[[60, 0, 16], [0, 60, 12], [0, 0, 1]]] * 2, dtype=wp.mat33, device="cpu")
    one.renderer.update_camera_intrinsics(one.data, lens, wp.zeros((5, 2), dtype=wp.float32, device="cpu"))
    lab.look(one)
    assert np.isfinite(one.output["depth"].numpy()[0, 12, :, 0]).sum() == 18  # 60 px / 3.5 m, an edge on either side
    one.renderer.cleanup(one.data)
    one.renderer.cleanup(None)
    one.renderer.close()
    one.renderer.close()


def test_equal_configurations_share_a_renderer(lab: Any) -> None:
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    first = lab.sim.get_or_create_backend(OvrtxRendererCfg(backend="warp"))
    assert lab.sim.get_or_create_backend(OvrtxRendererCfg(backend="warp")) is first
    assert lab.sim.get_or_create_backend(OvrtxRendererCfg(backend="warp", preset="fast")) is not first


def test_outputs_that_it_does_not_know_are_left_out(lab: Any) -> None:
    from isaaclab.renderers import RenderBufferKind

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    supported = OvrtxRendererCfg().supported_output_types()
    assert "simple_shading_full_mdl" not in supported and "instance_id_segmentation_fast" not in supported
    assert set(supported) == set(RenderBufferKind) - {RenderBufferKind.RGB_RADIANCE}


def test_isaac_sim_has_the_bodies_itself(sim: Any, lab: Any) -> None:
    """Nothing is written to the stage for them, and Kit is told to draw, as for Isaac Lab's own renderer."""
    from isaaclab.app.settings_manager import get_settings_manager

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    sim.context._stage = lab.stage
    one = lab.sensor(OvrtxRendererCfg(backend="isaac_rtx"), ["depth"])
    for setting in ("/isaaclab/render/rtx_sensors", "/physics/fabricUpdateTransformations"):
        assert get_settings_manager().get(setting) is True
    np.testing.assert_allclose(lab.look(one), [3.5, 3.0], atol=1e-3)
    lab.provider.move("/World/envs/env_1/Box", (0, 0, 1, 0, 0, 0, 1))
    np.testing.assert_allclose(lab.look(one), [3.5, 3.0], atol=1e-3)
    layers = [layer for layer in lab.stage.GetLayerStack() if layer.GetPrimAtPath("/World/envs/env_1/Box")]
    assert layers == [lab.stage.GetRootLayer()]
    one.renderer.reset(one.data, [0])
    one.renderer.close()


def test_ovrtx_draws_isaac_labs_cameras(lab: Any, play_ovrtx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from omni.isaac.ovrtx_render.backends.ovrtx import hardware
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu("NVIDIA RTX 6000", 89)])
    monkeypatch.setattr(hardware, "driver_version", lambda: (580, 95, 5))
    play_ovrtx("0.5.1", renderer={"backend": "warp", "exposure": 1.0, "headlight": False}, device="cpu")
    one = lab.sensor(OvrtxRendererCfg(backend="ovrtx", exposure=1.0, headlight=False), ["depth", "rgba"])
    np.testing.assert_allclose(lab.look(one), [3.5, 3.0], atol=1e-3)
    lab.provider.move("/World/envs/env_1/Box", (0, 0, 1, 0, 0, 0, 1))
    np.testing.assert_allclose(lab.look(one), [3.5, 2.0], atol=1e-3)
    one.renderer.reset(one.data, [1])
    np.testing.assert_allclose(lab.look(one), [3.5, 2.0], atol=1e-3)
    one.renderer.close()


def test_drawing_ahead_is_declined_aloud(lab: Any) -> None:
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    with pytest.warns(UserWarning, match="async_rendering is set, but ovrtx_render does not draw ahead"):
        lab.sim.get_or_create_backend(OvrtxRendererCfg(backend="warp", async_rendering=True))


def test_what_goes_wrong_keeps_its_kind(lab: Any) -> None:
    """And says which camera it is about, an error with a constructor of its own too."""
    from omni.isaac.ovrtx_render.errors import ConfigError, MissingExtraError, OvrtxRenderError
    from omni.isaac.ovrtx_render.isaaclab.about import about_camera

    for error, kind in (
        (MissingExtraError("openexr", "cli", "reading EXR"), MissingExtraError),
        (ConfigError("no"), ConfigError),
        (KeyError("no"), OvrtxRenderError),
    ):
        with pytest.raises(kind, match=r"^camera /World/Eye: .*(no|OpenEXR|openexr)"), about_camera("/World/Eye"):
            raise error


def test_what_the_documentation_names_needs_no_import_of_its_own(lab: Any) -> None:
    from omni.isaac.ovrtx_render import isaaclab

    assert callable(isaaclab.presets.offer_preset) and callable(isaaclab.early.get_renderer_class)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        isaaclab.nothing  # noqa: B018 (asking for it is the test)


def test_meshes_that_deform_are_drawn_from_their_points(lab: Any) -> None:
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    for env, height in enumerate((1.0, 2.0)):
        cloth = UsdGeom.Mesh.Define(lab.stage, f"/World/envs/env_{env}/Cloth")
        cloth.CreatePointsAttr(square.tolist())
        cloth.CreateFaceVertexCountsAttr([4])
        cloth.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
        lab.provider.deform(str(cloth.GetPath()), square + np.array([0, 0, height]))
    one = lab.sensor(OvrtxRendererCfg(backend="warp"), ["depth"])
    np.testing.assert_allclose(lab.look(one), [3.0, 2.0], atol=1e-4)
    lab.provider.deform("/World/envs/env_0/Cloth", square + np.array([0, 0, 1.5]))
    np.testing.assert_allclose(lab.look(one), [2.5, 2.0], atol=1e-4)
    one.renderer.close()
