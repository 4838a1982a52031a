"""``TiledCamera`` of Isaac Lab 2.3 draws with us: on its contract double, PhysX doubled too."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omni.isaac.ovrtx_render import RendererCfg
from omni.isaac.ovrtx_render.errors import ConfigError, OvrtxRenderError

from .conftest import Pinhole

ALL = [
    "rgb",
    "depth",
    "distance_to_image_plane",
    "distance_to_camera",
    "normals",
    "motion_vectors",
    "semantic_segmentation",
    "instance_segmentation_fast",
    "instance_id_segmentation_fast",
]
HAND = {
    "prim_path": "/World/envs/env_.*/Robot/Hand/Camera",
    "offset": {"pos": (0.0, 0.0, 0.0)},
}


def middle(camera: Any) -> list[float]:
    return [round(float(d), 4) for d in camera.data.output["depth"][:, 12, 16, 0]]


def make_cfg(lab: Any, name: str, **fields: Any) -> Any:
    path = f"/World/envs/env_.*/{name}"
    return lab.sensors.TiledCameraCfg(prim_path=path, width=8, height=8, data_types=["rgb"], spawn=Pinhole(), **fields)


def step(camera: Any) -> None:
    camera.update(1 / 60)


def test_every_output_in_the_sensors_own_buffers(camera: Callable) -> None:
    import torch

    sensor = camera(ALL, colorize_instance_id_segmentation=False)
    buffers = dict(sensor._data.output)
    output = sensor.data.output
    assert set(output) == {*ALL, "rgba"}
    assert all(output[name] is buffers[name] for name in output)
    shapes = {name: (tuple(image.shape), image.dtype) for name, image in output.items()}
    assert shapes["rgb"] == ((2, 24, 32, 3), torch.uint8)
    assert shapes["semantic_segmentation"] == ((2, 24, 32, 4), torch.uint8)
    assert shapes["instance_id_segmentation_fast"] == ((2, 24, 32, 1), torch.int32)
    assert output["rgb"].data_ptr() == output["rgba"].data_ptr()
    assert output["rgb"].float().mean() > 5
    assert middle(sensor) == [3.5, 3.5]
    np.testing.assert_allclose(output["normals"][:, 12, 16], [[0, 0, 1]] * 2, atol=1e-5)
    labels = sensor.data.info["semantic_segmentation"]["idToLabels"]
    assert labels[tuple(output["semantic_segmentation"][0, 12, 16].tolist())] == {"class": "block"}
    assert (
        int(output["instance_id_segmentation_fast"][0, 12, 16, 0])
        in sensor.data.info["instance_id_segmentation_fast"]["idToLabels"]
    )
    assert sensor.frame.tolist() == [1, 1]


def test_neither_the_flag_nor_kit_is_needed(camera: Callable, lab: Any) -> None:
    sensor = camera(["depth"])
    assert not lab.settings.get("/isaaclab/cameras_enabled")
    assert not lab.settings.get("/isaaclab/render/rtx_sensors")
    assert middle(sensor) == [3.5, 3.5]


def test_another_sensors_wish_for_rendering_is_kept(camera: Callable, lab: Any) -> None:
    lab.settings.set("/isaaclab/render/rtx_sensors", True)
    camera(["depth"])
    assert lab.settings.get("/isaaclab/render/rtx_sensors") is True


def test_bodies_are_where_physics_has_them(camera: Callable, lab: Any) -> None:
    """The stage stays behind: the pose is in the tensor view only."""
    sensor = camera(["depth"])
    assert middle(sensor) == [3.5, 3.5]
    lab.physics.bodies["/World/envs/env_1/Block"] = (10.0, 0.0, 1.25, 0.0, 0.0, 0.0, 1.0)
    assert middle(sensor) == [3.5, 3.5]  # nothing is drawn before the sensor is outdated
    step(sensor)
    assert middle(sensor) == [3.5, 2.5]


@pytest.mark.parametrize("latest", [False, True])
def test_a_camera_on_a_link_goes_with_it(camera: Callable, lab: Any, latest: bool) -> None:
    sensor = camera(["depth"], update_latest_camera_pose=latest, **HAND)
    assert middle(sensor) == [2.5, 2.5]
    lab.physics.bodies["/World/envs/env_0/Robot/Hand"] = (0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 1.0)
    step(sensor)
    assert middle(sensor) == [3.5, 2.5]
    np.testing.assert_allclose(sensor.data.pos_w[:, 2], [4.0 if latest else 3.0, 3.0], atol=1e-5)
    if latest:  # looks down: the "world" convention looks along +X
        np.testing.assert_allclose(np.abs(sensor.data.quat_w_world[0]), [0.5, 0.5, 0.5, 0.5], atol=1e-5)


def test_set_poses_are_drawn_from(camera: Callable) -> None:
    import torch

    sensor = camera(["depth"])
    sensor.set_world_poses(torch.tensor([[10.0, 0.0, 6.0]]), torch.tensor([[1.0, 0, 0, 0]]), [1], "opengl")
    step(sensor)
    assert middle(sensor) == [3.5, 5.5]
    eyes, targets = torch.tensor([[0.0, -0.001, 5.0]]), torch.tensor([[0.0, 0.0, 0.0]])
    sensor.set_world_poses_from_view(eyes, targets, [0])
    step(sensor)
    np.testing.assert_allclose(middle(sensor), [4.5, 5.5], atol=1e-3)


def test_a_set_pose_on_a_link_goes_with_it(camera: Callable, lab: Any) -> None:
    import torch

    sensor = camera(["depth"], update_latest_camera_pose=True, **HAND)
    for env, height in ((0, 4.0), (1, 3.5)):
        lab.physics.bodies[f"/World/envs/env_{env}/Robot/Hand"] = (10.0 * env, 0.0, height, 0.0, 0.0, 0.0, 1.0)
    step(sensor)
    assert middle(sensor) == [3.5, 3.0]
    # One is raised above its hand; the other stays on its own, although the hands moved since the last frame.
    for env in range(2):
        lab.physics.bodies[f"/World/envs/env_{env}/Robot/Hand"] = (10.0 * env, 0.0, 3.0, 0.0, 0.0, 0.0, 1.0)
    sensor.set_world_poses(torch.tensor([[0.0, 0.0, 5.0]]), torch.tensor([[1.0, 0, 0, 0]]), [0], "opengl")
    step(sensor)
    assert middle(sensor) == [4.5, 2.5]
    lab.physics.bodies["/World/envs/env_0/Robot/Hand"] = (0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0)
    step(sensor)
    assert middle(sensor) == [3.5, 2.5]


def test_lenses_are_each_cameras_own(camera: Callable) -> None:
    import torch

    sensor = camera(["depth"])
    step(sensor)
    f = torch.tensor([20.0, 60.0])
    matrices = torch.eye(3).repeat(2, 1, 1)
    matrices[:, 0, 0] = matrices[:, 1, 1] = f
    matrices[:, 0, 2], matrices[:, 1, 2] = 16.0, 12.0
    sensor.set_intrinsic_matrices(matrices)
    step(sensor)
    widths = [(image[12, :, 0] < 3.9).sum().item() for image in sensor.data.output["depth"]]
    np.testing.assert_allclose(widths, 0.5 / 3.5 * f, atol=1)


@pytest.mark.parametrize(("behavior", "expected"), [("none", np.inf), ("zero", 0.0), ("max", 3.8)])
def test_depth_clipping(camera: Callable, behavior: str, expected: float) -> None:
    sensor = camera(["depth", "distance_to_camera"], spawn=Pinhole((0.05, 3.8)), depth_clipping_behavior=behavior)
    output = sensor.data.output
    for name in ("depth", "distance_to_camera"):
        np.testing.assert_allclose(output[name][0, 0, 0, 0], expected, rtol=1e-6)  # the floor is 4 m away
        assert np.isclose(output[name][0, 12, 16, 0], 3.5, atol=0.01)


def test_cameras_share_a_scene_and_the_last_one_closes_it(camera: Callable, lab: Any) -> None:
    from omni.isaac.ovrtx_render.isaaclab.v2_3 import _Scene

    first = camera(["depth"], play=False)
    second = camera(["rgb"], prim_path="/World/envs/env_.*/Other")
    assert first._scene is second._scene and len(_Scene.open) == 1
    third = camera(["semantic_segmentation"], prim_path="/World/envs/env_.*/Third", semantic_filter=["kind"])
    assert len(_Scene.open) == 2  # other labels are another scene
    assert middle(first) == [3.5, 3.5] and third.data.output["semantic_segmentation"].shape[-1] == 4
    lab.sim.stop()
    assert _Scene.open == []
    lab.sim.play()
    assert middle(first) == [3.5, 3.5]


def test_partial_resets_count_frames_anew(camera: Callable) -> None:
    sensor = camera(["depth"])
    for _ in range(3):
        step(sensor)
        sensor.data  # noqa: B018
    sensor.reset([1])
    assert sensor.frame.tolist() == [3, 0]
    assert middle(sensor) == [3.5, 3.5]


def test_disable_puts_everything_back(camera: Callable, lab: Any) -> None:
    from omni.isaac.ovrtx_render.isaaclab import disable, enable
    from omni.isaac.ovrtx_render.isaaclab.v2_3 import OvrtxTiledCamera

    tiled = lab.sensors.TiledCamera
    ours = camera(["depth"])
    assert type(ours) is OvrtxTiledCamera and isinstance(ours, tiled)
    enable(RendererCfg(backend="warp"))  # once more changes the configuration only
    disable()
    disable()
    assert tiled.__init__.__module__.startswith("isaaclab.sensors.camera")
    cfg = lab.sensors.TiledCameraCfg(
        prim_path="/World/envs/env_.*/Plain", width=8, height=8, data_types=["rgb"], spawn=Pinhole()
    )
    plain = cfg.class_type(cfg)
    assert type(plain) is tiled
    with pytest.raises(RuntimeError, match="--enable_cameras"):
        plain._initialize_impl()
    plain._annotators = {}  # which its own end asks for
    assert middle(ours) == [3.5, 3.5]  # what was made goes on


def test_a_class_of_the_users_own_is_left_alone(camera: Callable, lab: Any) -> None:
    class Special(lab.sensors.TiledCamera):
        pass

    cfg = lab.sensors.TiledCameraCfg(
        prim_path="/World/envs/env_.*/Special",
        width=8,
        height=8,
        data_types=["rgb"],
        class_type=Special,
        spawn=Pinhole(),
    )
    sensor = cfg.class_type(cfg)
    assert type(sensor) is Special
    sensor._annotators = {}


def test_the_class_can_be_named_without_enabling(camera: Callable, lab: Any) -> None:
    """As the documentation writes it: the module needs no import of its own."""
    from omni.isaac.ovrtx_render import isaaclab

    isaaclab.disable()
    assert middle(camera(["depth"], class_type=isaaclab.v2_3.OvrtxTiledCamera)) == [3.5, 3.5]


def test_failures_are_told_by_name(camera: Callable, lab: Any) -> None:
    with pytest.raises(OvrtxRenderError, match=r"camera /World/envs/env_.*: .*dephth"):
        camera(["rgb", "dephth"])


def test_a_camera_that_cannot_be_made_does_not_leave_kit_rendering(camera: Callable, lab: Any) -> None:
    from omni.isaac.ovrtx_render import isaaclab

    cfg = make_cfg(lab, "Nowhere", class_type=isaaclab.v2_3.OvrtxTiledCamera)
    cfg.spawn = None
    with pytest.raises(RuntimeError, match="Nowhere"):
        cfg.class_type(cfg)
    assert not lab.settings.get("/isaaclab/render/rtx_sensors")


def test_deforming_bodies_are_refused(camera: Callable, lab: Any) -> None:
    lab.stage.GetPrimAtPath("/World/envs/env_0/Block").AddAppliedSchema("PhysxDeformableBodyAPI")
    with pytest.raises(ConfigError, match=r"/World/envs/env_0/Block deforms \(PhysxDeformableBodyAPI\)"):
        camera(["rgb"])


def test_a_sensor_that_is_dropped_lets_go(camera: Callable, lab: Any) -> None:
    from omni.isaac.ovrtx_render.isaaclab.v2_3 import OvrtxTiledCamera, _Scene

    cfg = lab.sensors.TiledCameraCfg(
        prim_path="/World/envs/env_.*/Gone",
        width=8,
        height=8,
        data_types=["depth"],
        class_type=OvrtxTiledCamera,
        spawn=Pinhole(),
    )
    sensor = cfg.class_type(cfg)
    lab.sim.play()
    assert len(_Scene.open) == 1
    del sensor
    gc.collect()
    assert _Scene.open == []


def test_newer_isaac_lab_has_nothing_to_enable(monkeypatch: pytest.MonkeyPatch) -> None:
    from omni.isaac.ovrtx_render.isaaclab import adapters

    monkeypatch.setattr(adapters, "installed", lambda: "renderers")
    with pytest.raises(ConfigError, match="renderer_cfg=OvrtxRendererCfg"):
        adapters.enable()
    monkeypatch.setattr(adapters, "installed", lambda: None)
    with pytest.raises(OvrtxRenderError, match="pip install isaaclab"):
        adapters.enable()
    adapters.disable()


@pytest.mark.parametrize("ids", ["list", "tensor"])
def test_motion_vectors_do_not_cross_a_reset(camera: Callable, lab: Any, ids: str) -> None:
    import torch

    sensor = camera(["motion_vectors"])
    sensor.data  # noqa: B018 (reading it draws)
    for env in range(2):
        lab.physics.bodies[f"/World/envs/env_{env}/Block"] = (10.0 * env + 0.2, 0.0, 0.25, 0.0, 0.0, 0.0, 1.0)
    sensor.reset([1] if ids == "list" else torch.tensor([1]))
    step(sensor)
    motion = sensor.data.output["motion_vectors"].abs().amax(dim=(1, 2, 3))
    assert motion[0] > 1.0 and motion[1] == 0.0
