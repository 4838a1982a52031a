"""Isaac Sim's tiled render product, on its contract double: how it is made to draw, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warp as wp
from pxr import Sdf, Usd, UsdGeom

from omni.isaac.ovrtx_render import ConfigError, SceneError
from omni.isaac.ovrtx_render.errors import OvrtxRenderError
from omni.isaac.ovrtx_render.registry import BACKENDS, probe
from omni.isaac.ovrtx_render.scene.data import Scene

PLAYING = "/app/player/playSimulations"
BOX = "/World/envs/env_0/Box"
UPRIGHT = np.array([[0, 0, 0, 1]], np.float32)


def middle(depth: Any) -> list[float]:
    return [round(float(d), 4) for d in depth.numpy()[:, 8, 8, 0]]


def test_a_frame_is_drawn_while_the_simulation_stands_still(sim: Any, open_renderer: Callable) -> None:
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    seen: list[Any] = []
    watch = sim.app.get_update_event_stream().create_subscription_to_pop(
        lambda event: seen.append(sim.settings.get(PLAYING))
    )
    sim.settings.set(PLAYING, True)
    assert middle(renderer.render(cameras)["depth"]) == [3.5, 4.5]
    assert seen == [False] * sim.replicator.WARM_UP[0]  # a new product has no image at first
    assert sim.settings.get(PLAYING) is True
    seen.clear()
    renderer.render(cameras)
    assert seen == [False]
    del watch


def test_loading_is_waited_for(sim: Any, open_renderer: Callable) -> None:
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    updates: list[int] = []
    watch = sim.app.get_update_event_stream().create_subscription_to_pop(lambda event: updates.append(1))
    sim.context.loading = 5
    renderer.render(cameras)
    assert sim.context.loading == -1 and len(updates) == 7  # one, while it loads, and one more
    del watch


def test_no_image_is_an_error_and_not_a_wait_for_ever(
    sim: Any, open_renderer: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    monkeypatch.setattr(sim.replicator, "WARM_UP", [10**9])
    with pytest.raises(OvrtxRenderError, match=r"no image after 16 frames.*--enable_cameras"):
        renderer.render(cameras)
    monkeypatch.setattr(sim.replicator, "WARM_UP", [2])
    assert middle(renderer.render(cameras)["depth"]) == [3.5, 4.5]


def test_the_application_may_draw_itself(sim: Any, open_renderer: Callable) -> None:
    renderer = open_renderer(backend_options={"pump": False})
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    for _ in range(3):
        sim.app.update()
    assert middle(renderer.render(cameras)["depth"]) == [3.5, 4.5]
    box = renderer.bind_transforms([BOX])
    box.write(np.array([[0, 0, 1]], np.float32), quat_xyzw=UPRIGHT)
    assert middle(renderer.render(cameras)["depth"]) == [3.5, 4.5]
    sim.app.update()
    assert middle(renderer.render(cameras)["depth"]) == [2.5, 4.5]


def test_inside_an_update_the_last_frame_is_delivered(sim: Any, open_renderer: Callable) -> None:
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    seen: list[list[float]] = []
    watch = [
        stream().create_subscription_to_pop(lambda event: seen.append(middle(renderer.render(cameras)["depth"])))
        for stream in (
            sim.app.get_pre_update_event_stream,
            sim.app.get_update_event_stream,
            sim.app.get_post_update_event_stream,
        )
    ]
    for _ in range(3):
        sim.app.update()
    assert len(seen) == 9  # nobody asked for an update within an update
    assert seen[0] == [0.0, 0.0] and seen[-1] == [3.5, 4.5]
    del watch
    renderer.bind_transforms([BOX]).write(np.array([[0, 0, 1]], np.float32), quat_xyzw=UPRIGHT)
    assert middle(renderer.render(cameras)["depth"]) == [2.5, 4.5]  # outside of one, an update is made


def test_alpha_and_normals_know_what_is_hit(sim: Any, open_renderer: Callable) -> None:
    """Isaac Sim's own colours are opaque everywhere."""
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=16, height=16, outputs=("rgba", "normals"))
    images = renderer.render(cameras)
    alpha, normals = images["rgba"].numpy()[..., 3], images["normals"].numpy()
    assert (alpha[:, 8, 8] == 255).all() and (alpha[:, 0, 0] == 0).all()
    np.testing.assert_allclose(normals[:, 8, 8], [[0, 0, 1]] * 2, atol=1e-5)
    assert not normals[:, 0, 0].any()


def test_bindings_keep_scale_and_rows_that_cannot_be_used(sim: Any, open_renderer: Callable) -> None:
    UsdGeom.XformCommonAPI(sim.stage.GetPrimAtPath(BOX)).SetScale((1, 1, 2))
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    box = renderer.bind_transforms([BOX])
    box.write(np.array([[0, 0, 0.5]], np.float32), quat_xyzw=UPRIGHT)
    assert middle(renderer.render(cameras)["depth"]) == [2.5, 4.5]
    assert sim.stage.GetRootLayer().GetPrimAtPath(BOX).attributes.get("xformOp:transform:ovrtx_render") is None


def test_what_isaac_sim_cannot_do_is_refused(sim: Any, open_renderer: Callable) -> None:
    with pytest.raises(SceneError, match="not a Scene"):
        open_renderer(Scene())
    with pytest.raises(SceneError, match="which is another one"):
        open_renderer(Usd.Stage.CreateInMemory())
    renderer = open_renderer()
    with pytest.raises(ConfigError, match=r"cannot draw albedo; it draws: rgb, rgba, distance"):
        renderer.add_cameras(None, outputs=("rgb", "albedo"))
    cameras = renderer.add_cameras(None, width=16, height=16, outputs="depth")
    off_centre = np.tile(np.array([[10.0, 0, 9], [0, 10.0, 8], [0, 0, 1]], np.float32), (2, 1, 1))
    with pytest.raises(ConfigError, match="same intrinsics"):
        cameras.set_intrinsics(off_centre)
    UsdGeom.Camera(sim.stage.GetPrimAtPath("/World/envs/env_1/Camera")).GetFocalLengthAttr().Set(30.0)
    with pytest.raises(ConfigError, match=r"/World/envs/env_1/Camera has another lens than /World/envs/env_0/Camera"):
        renderer.add_cameras(None, width=16, height=16, outputs="depth")


def test_what_is_inside_an_instance_cannot_be_bound(sim: Any, open_renderer: Callable) -> None:
    UsdGeom.Cube.Define(sim.stage, "/Prototype/Ball")
    holder = sim.stage.DefinePrim("/World/envs/env_0/Copy", "Xform")
    holder.GetReferences().AddInternalReference(Sdf.Path("/Prototype"))
    holder.SetInstanceable(True)
    renderer = open_renderer()
    with pytest.raises(SceneError, match="/World/envs/env_0/Copy/Ball is inside an instance"):
        renderer.bind_transforms(["/World/envs/env_0/Copy/Ball"])


def test_the_semantic_filter_is_handed_on(sim: Any, open_renderer: Callable) -> None:
    open_renderer(semantic_filter="class:robot")
    from omni.syntheticdata.scripts.SyntheticData import SyntheticData

    assert SyntheticData.predicate == "class:robot"


def test_nothing_stays_when_it_is_closed(sim: Any, open_renderer: Callable) -> None:
    renderer = open_renderer()
    renderer.render(renderer.add_cameras(None, width=16, height=16, outputs=("rgb", "depth")))
    renderer.add_cameras(None, width=8, height=8, outputs="rgb")
    assert len(sim.replicator.PRODUCTS) == 2
    renderer.close()
    assert not sim.replicator.PRODUCTS
    assert sim.stage.GetSessionLayer().empty


def test_auto_takes_it_last() -> None:
    assert list(BACKENDS)[-1] == "isaac_rtx"


def test_outside_of_isaac_sim_it_says_so() -> None:
    assert "omni.kit.app" not in sys.modules
    answer = probe("isaac_rtx")
    assert not answer.available and answer.reason == "Isaac Sim is not running in this process"


@pytest.mark.slow
def test_kernels_compile_for_cuda(tmp_path: Path) -> None:
    """Without a GPU: NVRTC comes with Warp."""
    from omni.isaac.ovrtx_render.backends.isaac_rtx import tiles

    wp.compile_aot_module(tiles.split_ids.module, arch=90, module_dir=str(tmp_path))
    assert any(tmp_path.rglob("*.cubin")) or any(tmp_path.rglob("*.ptx"))
