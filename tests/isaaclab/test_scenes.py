"""Scenes of other kinds: overlapping or heterogeneous; what is refused; opening and closing."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def digest(pictures: dict[str, np.ndarray]) -> str:
    """Hash of all outputs."""
    import hashlib

    whole = hashlib.sha256()
    for name in sorted(pictures):
        whole.update(np.ascontiguousarray(pictures[name]).tobytes())
    return whole.hexdigest()


def first_frame(open_lab: Any, **options: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """A simulation with one camera, and what it sees before anything has moved."""
    from labscene import camera

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    outputs = ("rgb", "depth", "normals", "instance_segmentation")
    lab = open_lab({"front": camera(OvrtxRendererCfg(), outputs)}, **options)
    return lab, lab.look("front")


def test_environments_in_one_place_do_not_see_each_other(open_lab: Any) -> None:
    import torch

    lab, before = first_frame(open_lab, env_spacing=0.0, num_envs=4)
    assert np.isfinite(before["depth"][:, -16:]).all()  # the ground is everybody's
    np.testing.assert_array_equal(before["depth"][0], before["depth"][3])
    np.testing.assert_array_equal(before["rgb"][0], before["rgb"][3])
    pose = torch.tensor([[-1.0, 0.0, 1.3, 0.0, 0.0, 0.0, 1.0]])
    lab["cube"].write_root_pose_to_sim_index(root_pose=pose, env_ids=torch.tensor([2], dtype=torch.int32))
    after = lab.look("front")
    assert (after["depth"][2] != before["depth"][2]).mean() > 0.05
    np.testing.assert_array_equal(after["depth"][[0, 1, 3]], before["depth"][[0, 1, 3]])
    np.testing.assert_array_equal(after["rgb"][[0, 1, 3]], before["rgb"][[0, 1, 3]])


def test_environments_that_differ(open_lab: Any) -> None:
    """A list of assets is dealt out to the environments; each camera sees what its own environment got."""
    import isaaclab.sim as sim_utils
    from isaaclab_newton.renderers import NewtonWarpRendererCfg
    from labscene import camera, rigid

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    def look(color: tuple[float, float, float]) -> Any:
        return sim_utils.PreviewSurfaceCfg(diffuse_color=color)

    choice = sim_utils.MultiAssetSpawnerCfg(
        assets_cfg=[
            sim_utils.CuboidCfg(size=(0.4, 0.2, 1.2), visual_material=look((0.9, 0.9, 0.1))),
            sim_utils.CuboidCfg(size=(0.3, 0.9, 0.7), visual_material=look((0.1, 0.9, 0.9))),
        ],
        random_choice=False,
        rigid_props=sim_utils.RigidBodyPropertiesCfg(),
        mass_props=sim_utils.MassPropertiesCfg(mass=1.0),
        collision_props=sim_utils.CollisionPropertiesCfg(),
    )
    lab = open_lab(
        {
            "front": camera(OvrtxRendererCfg(), ("depth", "albedo")),
            "theirs": camera(NewtonWarpRendererCfg(), ("depth",), prim_path="{ENV_REGEX_NS}/Camera2"),
            "choice": rigid("Choice", choice, (-0.8, 0.0, 1.0)),
        },
        num_envs=4,
    )
    lab.step(3)
    ours, theirs = lab.look("front"), lab.look("theirs")["depth"]
    depth = np.where(np.isinf(ours["depth"]), 0.0, ours["depth"])
    assert (np.abs(depth - theirs) <= 1e-3).mean() > 0.995
    assert (np.abs(depth[0] - depth[2]) > 0.05).mean() > 0.01
    red, green, blue = (ours["albedo"][..., k].astype(int) for k in range(3))
    yellow, cyan = (np.abs(red - green) < 5) & (green - blue > 100), (np.abs(green - blue) < 5) & (green - red > 100)
    assert [bool(yellow[env].any()) for env in range(4)] == [True, True, False, False]
    assert [bool(cyan[env].any()) for env in range(4)] == [False, False, True, True]
    np.testing.assert_allclose(depth[0], depth[1], atol=1e-4)


def test_the_same_picture_in_another_process(open_lab: Any, asset_dir: Path) -> None:
    _, here = first_frame(open_lab)
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}\n"
        "from pathlib import Path\n"
        "from labscene import Lab\n"
        "from test_scenes import digest, first_frame\n"
        f"lab, frame = first_frame(lambda cameras: Lab(Path({str(asset_dir)!r}), cameras))\n"
        "print('digest', digest(frame))\n"
        "lab.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert f"digest {digest(here)}" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("renderer", "fields", "message"),
    [
        ({"preset": "best"}, {}, "unknown preset 'best'"),
        ({"samples_per_pixel": 0}, {}, "samples_per_pixel is 0"),
        ({"depth_clipping_behavior": "far"}, {}, "depth_clipping_behavior is 'far'"),
        ({}, {"isp_cfg": object()}, r"camera .*env_.*Camera.*isp_cfg"),
        ({"backend": "isaac_rtx"}, {}, r"camera .*env_.*Camera.*'isaac_rtx' cannot run here"),
        ({}, {"data_types": ("depth", "bounding_box_2d_tight")}, "bounding_box_2d_tight"),
    ],
)
def test_what_cannot_be_drawn_is_refused(open_lab: Any, renderer: Any, fields: Any, message: str) -> None:
    from labscene import camera

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    fields = dict(fields)
    with pytest.raises((ValueError, RuntimeError), match=message):
        open_lab({"front": camera(OvrtxRendererCfg(**renderer), fields.pop("data_types", ("depth",)), **fields)})


def test_a_lens_that_distorts_is_refused(open_lab: Any) -> None:
    import isaaclab.sim as sim_utils
    from labscene import camera

    from omni.isaac.ovrtx_render import ConfigError
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    lens = sim_utils.OpenCvPinholeDistortionCfg(fx=80.0, fy=80.0, cx=48.0, cy=32.0, image_size=(96, 64), k1=0.2)
    spawn = sim_utils.PinholeCameraCfg(distortion=lens)
    with pytest.raises(ConfigError, match=r"camera .*Camera.*distorting lens"):
        open_lab({"front": camera(OvrtxRendererCfg(), ("depth",), spawn=spawn)})


def test_a_lens_of_another_projection_is_refused(open_lab: Any) -> None:
    import isaaclab.sim as sim_utils
    from labscene import camera

    from omni.isaac.ovrtx_render import ConfigError
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    with pytest.raises(ConfigError, match=r"camera .*Camera: spawn.projection_type is 'fisheyePolynomial'"):
        open_lab({"front": camera(OvrtxRendererCfg(), ("depth",), spawn=sim_utils.FisheyeCameraCfg())})


def open_cameras(prims: dict[str, dict[str, Any]], spawn: Any = None) -> Any:
    """A camera sensor over prims that lie in no environment, 5 m above boxes; prim attributes by prim name."""
    from isaaclab.sensors import Camera, CameraCfg
    from isaaclab.sim import SimulationCfg, SimulationContext
    from isaaclab_newton.physics import NewtonCfg, XPBDSolverCfg
    from pxr import Sdf, UsdGeom

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    physics = NewtonCfg(solver_cfg=XPBDSolverCfg(), use_cuda_graph=False)
    sim = SimulationContext(SimulationCfg(dt=0.01, device="cpu", physics=physics))
    for i, (name, attributes) in enumerate(prims.items()):
        rig = UsdGeom.Xform.Define(sim.stage, f"/World/{name}")
        UsdGeom.XformCommonAPI(rig).SetTranslate((10.0 * i, 0.0, 0.0))
        UsdGeom.Cube.Define(sim.stage, f"/World/{name}/Box").CreateSizeAttr(1.0 + 0.4 * i)
        lens = UsdGeom.Camera.Define(sim.stage, f"/World/{name}/Camera")
        lens.CreateClippingRangeAttr((0.1, 100.0))
        lens.AddTranslateOp().Set((0.0, 0.0, 5.0))
        for attribute, value in attributes.items():
            kind = Sdf.ValueTypeNames.Token if isinstance(value, str) else Sdf.ValueTypeNames.Float
            lens.GetPrim().CreateAttribute(attribute, kind).Set(value)
    cfg = {"width": 16, "height": 16, "data_types": ["depth"], "renderer_cfg": OvrtxRendererCfg(), "spawn": None}
    camera = Camera(CameraCfg(prim_path="/World/Rig_[^/]*/Camera", **cfg))
    sim.reset()
    camera.update(0.01, force_recompute=True)
    return camera


@pytest.fixture
def no_simulation() -> Any:
    """Ends what a test has started."""
    from isaaclab.sim import SimulationContext

    SimulationContext.clear_instance()
    yield
    SimulationContext.clear_instance()
    gc.collect()


_OPENCV = {"omni:lensdistortion:model": "opencvPinhole", "omni:lensdistortion:opencvPinhole:k1": 0.0}


@pytest.mark.parametrize(
    ("lens", "message"),
    [
        ({**_OPENCV, "omni:lensdistortion:opencvPinhole:p2": 0.25}, "omni:lensdistortion:opencvPinhole:p2 is 0.25"),
        ({"cameraProjectionType": "fisheyeSpherical"}, "cameraProjectionType is 'fisheyeSpherical'"),
    ],
)
def test_a_prim_with_a_lens_that_distorts_is_refused(no_simulation: None, lens: Any, message: str) -> None:
    from omni.isaac.ovrtx_render import ConfigError

    with pytest.raises(ConfigError, match=rf"/World/Rig_1/Camera has a distorting lens.*{message}"):
        open_cameras({"Rig_0": {}, "Rig_1": lens})


def test_a_lens_whose_distortion_is_none_is_drawn(no_simulation: None) -> None:
    camera = open_cameras({"Rig_0": _OPENCV, "Rig_1": {"cameraProjectionType": "pinhole"}})
    assert tuple(camera.data.output["depth"].torch.shape) == (2, 16, 16, 1)


def test_rows_are_in_the_order_of_the_sensors_poses(no_simulation: None) -> None:
    """Which is that of the stage, not that of the names: each box is as far below its camera as its size says."""
    camera = open_cameras({"Rig_b": {}, "Rig_a": {}, "Rig_10": {}, "Rig_9": {}})
    place = camera.data.pos_w.torch[:, 0].numpy()
    np.testing.assert_allclose(
        camera.data.output["depth"].torch[:, 8, 8, 0], 5.0 - (1.0 + 0.4 * place / 10.0) / 2.0, atol=1e-3
    )


def test_a_newton_that_is_too_old_is_told_before_physics_starts(open_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from labscene import camera

    from omni.isaac.ovrtx_render import BackendUnavailableError
    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    monkeypatch.setattr("omni.isaac.ovrtx_render.registry.version", lambda name: "1.6.1")
    with pytest.raises(BackendUnavailableError, match=r"newton 1\.6\.1 .*do not upgrade it: use NewtonWarpRendererCfg"):
        open_lab({"front": camera(OvrtxRendererCfg(backend="newton"), ("depth",))})


def test_letting_go(open_lab: Any) -> None:
    lab, _ = first_frame(open_lab)
    renderer = lab.renderer("front")
    renderer.cleanup(None)
    lab.look("front")
    tiled = weakref.ref(renderer._tiled)
    lab.close()
    renderer.cleanup(None)
    renderer.close()
    renderer.close()
    gc.collect()
    assert tiled() is None


def resident() -> int:
    """Resident memory of this process [KiB]."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/status has no VmRSS")


@pytest.mark.slow
def test_opening_and_closing_many_times_leaks_nothing(open_lab: Any) -> None:
    alive, memory, handles = [], [], []
    for _ in range(20):
        lab, frame = first_frame(open_lab)
        assert np.isfinite(frame["depth"]).any()
        alive.append(weakref.ref(lab.renderer("front")._tiled))
        lab.close()
        del lab, frame
        gc.collect()
        memory.append(resident())
        handles.append(len(list(Path("/proc/self/fd").iterdir())))
    assert [ref() for ref in alive] == [None] * 20
    assert handles[-1] <= handles[4]
    # Isaac Lab with its own renderer grows by some 0.3 MiB each time; this one also has every clone on the stage.
    assert memory[-1] - memory[4] < 20 * 1024, f"resident memory [KiB] after each closing: {memory}"
