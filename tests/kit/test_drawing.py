"""Drawing the open stage in Kit: what moves the pictures, what closes in the middle of them, what fails."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

NAME = "omni.isaac.ovrtx_render"


@pytest.fixture
def look():
    """``look(kit, service)`` makes somebody look at the tiles; returns the view-model once there is a picture."""

    def begin(kit: Any, service: Any) -> Any:
        model = service.need_model()
        model.tiles.shown = True
        model.tiles.resize(64, 32)
        kit.update_until(lambda: model.tiles.picture is not None)
        return model

    return begin


def depth_at_centre(model: Any) -> list[float]:
    """Depth [m] in the middle of each camera's image."""
    depth = model.session.bundle.outputs["depth"].numpy()
    return depth[:, depth.shape[1] // 2, depth.shape[2] // 2, 0].tolist()


def next_frame(kit: Any, model: Any) -> None:
    """Wait for another frame."""
    step = model.session.step
    kit.update_until(lambda: model.session.step > step and not model.session.busy)


def test_open_stage_is_drawn_and_edits_are_followed(kit, look) -> None:
    from kit.stages import move_ball

    kit.open()
    model = look(kit, kit.enable())
    assert depth_at_centre(model) == pytest.approx([0.4, 0.4], abs=0.02)
    move_ball(kit.context.get_stage(), 1, 1.0)
    next_frame(kit, model)
    assert depth_at_centre(model) == [pytest.approx(0.4, abs=0.02), np.inf]
    step = model.session.step
    for _ in range(30):
        kit.app.update()
    assert model.session.step == step  # nothing moved, so nothing was drawn
    assert kit.told() == []


@pytest.mark.parametrize(("warp", "here"), [("1.13.0", True), ("1.19.0", False)])
def test_kernels_are_compiled_by_the_application_where_warp_does_not_lock(
    make_kit, look, monkeypatch: pytest.MonkeyPatch, warp: str, here: bool
) -> None:
    from omni.isaac.ovrtx_render import _warp_version
    from omni.isaac.ovrtx_render.backends.warp.backend import WarpBackend

    threads: list[threading.Thread] = []
    load = WarpBackend.load
    monkeypatch.setattr(WarpBackend, "load", lambda *a: (threads.append(threading.current_thread()), load(*a))[1])
    monkeypatch.setattr(_warp_version, "version", lambda name: warp)
    with make_kit("kit110") as kit:
        kit.open()
        look(kit, kit.enable())
        assert [thread is threading.main_thread() for thread in threads] == [here]


def test_script_gets_a_picture_without_any_window(make_kit) -> None:
    with make_kit(extensions=[]) as kit:
        service = kit.enable()
        with pytest.raises(ValueError, match="there is no open stage"):
            service.render()
        kit.open(3)
        images = service.render()
        assert images["rgb"].shape == (3, 16, 16, 3) and images["rgb"].numpy()[:, 8, 8, 0].min() > 50
        kit.open(2)
        assert service.render()["rgb"].shape == (2, 16, 16, 3)
        kit.open(2, camera=False)
        assert service.render()["rgb"].shape == (1, 16, 16, 3)  # what Kit's own viewport sees
        assert service.model.session.bundle.paths == ["/OmniverseKit_Persp"]
        kit.disable()
        assert kit.told() == []


def test_settings_are_followed_live(kit, look) -> None:
    kit.open()
    service = kit.enable()
    model = look(kit, service)
    for name, value in (("width", 24), ("height", 20.0), ("outputs", ["depth", "normals"])):
        kit.set(name, value)
    kit.update_until(lambda: model.session.bundle.width == 24)
    assert model.session.bundle.height == 20 and list(model.session.bundle.outputs) == ["depth", "normals"]
    kit.set("renderer/samples_per_pixel", 2)
    kit.update_until(lambda: model.session.renderer is not None and model.session.renderer.cfg.samples_per_pixel == 2)
    assert kit.told() == []
    kit.set("renderer/shading", "toon")
    kit.set("poses", "telepathy")
    kit.app.update()
    assert service.settings.renderer.shading == "pbr" and service.settings.poses == "auto"
    told = kit.told("warn")
    assert len(told) == 2 and "'telepathy'" in told[0] and "renderer/shading: it is 'toon'" in told[1]
    kit.set("width", 16)
    kit.app.update()
    assert kit.told("warn") == told  # what is still wrong is no news


def test_camera_of_the_author_comes_before_those_of_kit(make_kit) -> None:
    from pxr import UsdGeom

    with make_kit(extensions=[]) as kit:
        service = kit.enable()
        kit.open(2, camera=False)
        UsdGeom.Camera.Define(kit.context.get_stage(), "/World/Overview")
        service.render()
        assert service.model.session.bundle.paths == ["/World/Overview"]
        kit.set("cameras", "/OmniverseKit_Top")
        kit.app.update()
        service.render()
        assert service.model.session.bundle.paths == ["/OmniverseKit_Top"]


def test_switched_off_nothing_is_drawn(kit, look) -> None:
    from kit.stages import move_ball

    kit.open()
    model = look(kit, kit.enable())
    kit.set("enabled", False)
    kit.app.update()
    step = model.session.step
    move_ball(kit.context.get_stage(), 0, 1.0)
    for _ in range(50):
        kit.app.update()
    assert model.session.step == step
    kit.set("enabled", True)
    next_frame(kit, model)


class Slow:
    """Holds a draw of the warp backend until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from omni.isaac.ovrtx_render.backends.warp.backend import WarpBackend

        draw = WarpBackend.render
        self.drawing, self.go_on = threading.Event(), threading.Event()

        def render(backend: Any, *arguments: Any) -> Any:
            self.drawing.set()
            assert self.go_on.wait(20.0)
            return draw(backend, *arguments)

        monkeypatch.setattr(WarpBackend, "render", render)


def test_application_goes_on_while_a_picture_takes_long(kit, look, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.stages import move_ball

    kit.open()
    model = look(kit, kit.enable())
    slow = Slow(monkeypatch)
    move_ball(kit.context.get_stage(), 0, 1.0)
    kit.update_until(slow.drawing.is_set)
    took = []
    for i in range(60):
        kit.app.update()
        took.append(kit.app.seconds)
        move_ball(kit.context.get_stage(), 1, 0.001 * i)  # edits in the meantime wait for the next picture
    assert np.median(took) < 1.0 / 60.0
    slow.go_on.set()
    next_frame(kit, model)
    assert kit.told() == []


def test_picture_for_a_script_shows_the_edit_before_it(make_kit, look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a frame from before the edit is still being drawn, and ends just then."""
    from kit.stages import move_ball

    with make_kit("kit110") as kit:
        kit.open()
        service = kit.enable()
        model = look(kit, service)
        with monkeypatch.context() as slowed:
            slow = Slow(slowed)
            model.request_frame()
            kit.update_until(slow.drawing.is_set)
            move_ball(kit.context.get_stage(), 0, 1.0)
            update = model.session.update

            def update_and_let_go(want: Any) -> None:
                update(want)
                slow.go_on.set()
                while want is not None and model.session.busy:
                    time.sleep(0.001)

            slowed.setattr(model.session, "update", update_and_let_go)
            depth = service.render()["depth"].numpy()
        assert depth[:, 8, 8, 0].tolist() == [np.inf, pytest.approx(0.4, abs=0.02)]


def test_stage_closes_while_it_is_drawn(kit, look, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.stages import move_ball

    kit.open()
    service = kit.enable()
    model = look(kit, service)
    slow = Slow(monkeypatch)
    move_ball(kit.context.get_stage(), 0, 1.0)
    kit.update_until(slow.drawing.is_set)
    threading.Timer(0.2, slow.go_on.set).start()
    kit.context.close_stage()
    assert kit.told() == []  # nobody held the stage
    kit.app.update()
    kit.open(3)
    kit.update_until(lambda: model.session.bundle is not None and len(model.session.bundle) == 3 and model.session.step)
    assert kit.told() == []


def test_stage_closes_although_a_picture_takes_too_long(make_kit, look, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.stages import move_ball

    with make_kit("kit110") as kit:
        kit.open()
        model = look(kit, kit.enable())
        with monkeypatch.context() as slowed:
            slow = Slow(slowed)
            move_ball(kit.context.get_stage(), 0, 1.0)
            kit.update_until(slow.drawing.is_set)
            began = time.monotonic()
            kit.context.close_stage()
            assert time.monotonic() - began < 5.0
            assert kit.told() == []  # the stage is gone, although the picture is still being drawn
            slow.go_on.set()
        kit.open(3)
        kit.update_until(lambda: model.session.bundle is not None and len(model.session.bundle) == 3)
        kit.update_until(lambda: model.tiles.picture is not None)
        assert depth_at_centre(model) == pytest.approx([0.4] * 3, abs=0.02)
        assert kit.told() == []


def test_failing_backend_leaves_the_picture_and_says_why(kit, look, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.stages import move_ball

    from omni.isaac.ovrtx_render.backends.warp.backend import WarpBackend

    kit.open()
    model = look(kit, kit.enable())
    pixels = model.tiles.picture.pixels.numpy().copy()

    def fail(*arguments: Any) -> Any:
        raise RuntimeError("out of device memory")

    with monkeypatch.context() as broken:
        broken.setattr(WarpBackend, "render", fail)
        move_ball(kit.context.get_stage(), 0, 1.0)
        kit.update_until(lambda: kit.told("warn"))
        kit.app.update()
    assert "out of device memory" in kit.told("warn")[0] and len(kit.told("warn")) == 1
    assert model.tiles.picture.step == 1 and np.array_equal(model.tiles.picture.pixels.numpy(), pixels)
    from omni.kit.notification_manager import SHOWN

    assert len(SHOWN) == 1 and "out of device memory" in SHOWN[0]
    from omni.kit.actions.core import get_action_registry

    get_action_registry().execute_action(NAME, "redraw")
    next_frame(kit, model)
    assert depth_at_centre(model)[0] == np.inf
    for x in (0.01, 0.03):  # the same failure is news when all was well in between
        with monkeypatch.context() as broken:
            broken.setattr(WarpBackend, "render", fail)
            told = len(SHOWN)
            move_ball(kit.context.get_stage(), 0, x)
            kit.update_until(lambda told=told: len(SHOWN) > told)
        move_ball(kit.context.get_stage(), 0, x + 0.01)
        next_frame(kit, model)
    assert len(SHOWN) == 3


def test_backend_that_cannot_run_leaves_the_one_that_does(kit, look) -> None:
    kit.open()
    model = look(kit, kit.enable())
    kit.set("renderer/backend", "isaac_rtx")
    kit.update_until(lambda: kit.told("warn"))
    assert "isaac_rtx" in kit.told("warn")[0]
    assert model.renderer.backend_at_work == "warp" and model.tiles.picture is not None
    kit.set("renderer/backend", "auto")
    kit.update_until(lambda: model.session.renderer is not None and model.session.renderer.cfg.backend == "auto")


def test_isaac_sims_own_renderer_is_shown_without_an_update_inside_of_an_update(make_kit, look) -> None:
    from doubles.kit_process import DOUBLES

    with make_kit("kit107") as kit:
        sys.path.insert(0, str(DOUBLES / "replicator"))  # the Kit process takes it away again
        import omni.replicator.core as replicator

        kit.open()
        kit.set("renderer/backend", "isaac_rtx")
        service = kit.enable()
        model = look(kit, service)
        step = model.session.step
        kit.update_until(lambda: model.session.step > step + 5)  # it refines while nothing moves
        assert model.renderer.backend_at_work == "isaac_rtx"
        assert depth_at_centre(model) == pytest.approx([0.4, 0.4], abs=0.02)
        assert len(replicator.PRODUCTS) == 1
        assert service.render()["rgb"].numpy()[:, 8, 8, 0].min() > 50  # outside of an update it may ask for one
        kit.disable()
        assert replicator.PRODUCTS == {} and kit.told() == []


def test_bodies_are_taken_from_fabric_while_physics_plays(make_kit, look) -> None:
    with make_kit("kit110") as kit:
        import usdrt
        from omni.timeline import get_timeline_interface

        kit.open()
        service = kit.enable()
        model = look(kit, service)
        kit.settings.set("/physics/fabricEnabled", True)
        poses = usdrt.FABRIC[kit.context.get_stage_id()] = {}
        for i in range(2):
            poses[f"/World/envs/env_{i}/Ball"] = np.eye(4)
            poses[f"/World/envs/env_{i}/Ball"][3, :3] = 2.0 * i, 0.0, -0.7 - 0.1 * i
        poses["/World/Aall"] = np.eye(4)  # in Fabric only, and first there
        get_timeline_interface().play()
        next_frame(kit, model)
        next_frame(kit, model)
        assert depth_at_centre(model) == pytest.approx([0.6, 0.7], abs=0.02)
        poses["/World/envs/env_1/Ball"][3, 2] = -1.1
        next_frame(kit, model)
        next_frame(kit, model)
        assert depth_at_centre(model) == pytest.approx([0.6, 1.0], abs=0.02)
        del poses["/World/Aall"]  # the layout is another one now
        poses["/World/envs/env_0/Ball"][3, 2] = -0.9
        next_frame(kit, model)
        next_frame(kit, model)
        assert depth_at_centre(model) == pytest.approx([0.8, 1.0], abs=0.02)
        get_timeline_interface().stop()
        poses["/World/envs/env_0/Ball"][3, 2] = -0.5  # physics puts it back, and no edit of the stage tells
        end = time.monotonic() + 5.0
        while depth_at_centre(model)[0] > 0.5 and time.monotonic() < end:
            kit.app.update()
        assert depth_at_centre(model)[0] == pytest.approx(0.4, abs=0.02)
        kit.context.close_stage()
        assert kit.told() == []


def test_bodies_that_fabric_cannot_place_are_given_a_place(make_kit, look) -> None:
    with make_kit("kit110") as kit:
        import usdrt

        kit.open()
        kit.set("poses", "fabric")
        balls = [f"/World/envs/env_{i}/Ball" for i in range(2)]
        bodies = usdrt.FABRIC[kit.context.get_stage_id()] = {balls[0]: None, balls[1]: np.eye(4)}
        bodies[balls[1]][3, :3] = 2.0, 0.0, -0.8
        model = look(kit, kit.enable())
        assert depth_at_centre(model) == pytest.approx([0.4, 0.7], abs=0.02)  # the first from the stage
        assert any("1 rigid bodies had no world matrix" in text and balls[0] in text for text in kit.told("info"))
        bodies[balls[0]][3, 2] = -0.9  # from now on physics may move it
        model.request_frame()
        next_frame(kit, model)
        assert depth_at_centre(model) == pytest.approx([0.8, 0.7], abs=0.02)
        kit.context.close_stage()
        assert kit.told() == []


def test_bodies_that_are_not_in_fabric_are_told(make_kit, look) -> None:
    with make_kit("kit110") as kit:
        kit.open()
        kit.set("poses", "fabric")
        model = look(kit, kit.enable())
        for _ in range(35):
            model.request_frame()
            next_frame(kit, model)
        assert depth_at_centre(model) == pytest.approx([0.4, 0.4], abs=0.02)
        assert len(kit.told()) == 1
        assert "Fabric has no rigid bodies, though the stage has /World/envs/env_0/Ball" in kit.told("warn")[0]


def test_without_fabric_the_stage_is_drawn_while_physics_plays(make_kit, look) -> None:
    with make_kit("kit110", ["omni.timeline"]) as kit:
        from omni.timeline import get_timeline_interface

        kit.open()
        model = look(kit, kit.enable())
        kit.settings.set("/physics/fabricEnabled", True)
        get_timeline_interface().play()
        next_frame(kit, model)
        next_frame(kit, model)
        assert depth_at_centre(model) == pytest.approx([0.4, 0.4], abs=0.02)
        assert len(kit.told()) == 1 and "Fabric" in kit.told()[0]
