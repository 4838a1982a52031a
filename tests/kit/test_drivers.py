"""What says when to draw: Kit's updates, Isaac Sim's rendering callbacks, or somebody else who draws."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

NAME = "omni.isaac.ovrtx_render"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch):
    """``asked(service)`` gives a list that grows when a frame is asked for."""

    def count(service) -> list[int]:
        calls: list[int] = []
        model = service.need_model()
        monkeypatch.setattr(service._poses, "moving", lambda: True)
        monkeypatch.setattr(model, "request_frame", lambda: calls.append(1))
        return calls

    return count


def test_updates_of_the_application_are_the_usual_source(kit, asked) -> None:
    kit.set("max_rate", 0.0)
    kit.open()
    calls = asked(kit.enable())
    for _ in range(5):
        kit.app.update()
    assert len(calls) == 5


def test_rate_is_bounded(kit, asked) -> None:
    kit.set("max_rate", 0.001)
    kit.open()
    calls = asked(kit.enable())
    for _ in range(20):
        kit.app.update()
    assert len(calls) == 1


def test_rendering_manager_of_isaac_sim_6(make_kit, asked) -> None:
    with make_kit("kit110") as kit:
        from isaacsim.core.rendering_manager import RenderingManager

        kit.set("max_rate", 0.0)
        kit.set("source", "rendering")
        kit.open()
        calls = asked(kit.enable())
        kit.app.update()
        assert calls == []
        RenderingManager.new_frame()
        assert len(calls) == 1
        kit.set("source", "update")
        kit.app.update()
        RenderingManager.new_frame()
        kit.app.update()
        assert RenderingManager.callbacks == {} and len(calls) == 2


def test_simulation_context_of_isaac_sim_5(make_kit, asked) -> None:
    with make_kit("kit107") as kit:
        from isaacsim.core.api import SimulationContext

        context = SimulationContext()
        kit.set("max_rate", 0.0)
        kit.set("source", "rendering")
        calls = asked(kit.enable())
        kit.app.update()
        assert calls == []
        context.new_frame()
        assert len(calls) == 1
        kit.disable()
        assert context.callbacks == {}


def test_simulation_context_that_is_made_later_is_found(make_kit, asked) -> None:
    with make_kit("kit107") as kit:
        from isaacsim.core.api import SimulationContext

        kit.set("max_rate", 0.0)
        kit.set("source", "rendering")
        calls = asked(kit.enable())
        context = SimulationContext()
        kit.open()
        calls.clear()  # a stage that was opened is drawn once anyway
        kit.app.update()
        assert calls == []
        context.new_frame()
        assert len(calls) == 1


@pytest.mark.parametrize("profile", ["kit106", "kit107"])  # a simulation context may not have been made
def test_without_a_rendering_callback_updates_are_taken(make_kit, asked, profile: str) -> None:
    with make_kit(profile) as kit:
        kit.set("max_rate", 0.0)
        kit.set("source", "rendering")
        calls = asked(kit.enable())
        assert "use 'update' or 'auto'" in kit.told("warn")[0]
        kit.app.update()
        assert len(calls) == 1


def test_explicit_source_draws_nothing_by_itself(kit, asked) -> None:
    kit.set("source", "explicit")
    kit.open()
    service = kit.enable()
    calls = asked(service)
    for _ in range(5):
        kit.app.update()
    assert calls == []


def test_window_looks_on_while_a_training_draws(kit, device: str) -> None:
    """As in Isaac Lab, whose step may never turn the application's loop."""
    from kit.stages import make_stage

    from omni.isaac.ovrtx_render.watching import announce

    kit.open()
    service = kit.enable()
    stage = make_stage(3)
    with TiledRenderer(stage, RendererCfg(backend="warp", device=device)) as training:
        bundle = training.add_cameras(None, width=16, height=16)
        training.render(bundle)
        announce(training, bundle)
        assert service.model is None  # nobody looks, so nothing is made for it
        model = service.need_model()
        model.tiles.shown = True
        model.tiles.resize(64, 32)
        announce(training, bundle)
        assert model.session.attached and model.session.bundle is bundle

        def seen() -> bool:
            training.render(bundle)
            announce(training, bundle)
            return model.tiles.picture is not None

        kit.update_until(seen)
        assert model.tiles.picture.pixels.numpy()[..., 0].max() > 50
        assert service.render() is bundle.outputs  # somebody else's newest images
        step = model.session.step
        training.close()
        kit.update_until(lambda: not model.session.attached)  # the stage of Kit is drawn again
        kit.update_until(lambda: len(model.session.bundle or ()) == 2 and model.session.step > step)
        kit.disable()
        announce(training, bundle)  # nobody listens any more
        assert np.isfinite(bundle.outputs["depth"].numpy()[:, 8, 8, 0]).all()
    assert kit.told() == []


def test_training_on_another_thread_is_looked_at_by_the_application(
    make_kit, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kit.stages import make_stage

    from omni.isaac.ovrtx_render.watching import announce

    with make_kit() as kit, TiledRenderer(make_stage(3), RendererCfg(backend="warp", device=device)) as training:
        from omni.kit.notification_manager import SHOWN

        bundle = training.add_cameras(None, width=16, height=16)
        attached_by: list[threading.Thread] = []
        kit.open()
        model = kit.enable().need_model()
        model.tiles.shown = True
        model.tiles.resize(64, 32)
        attach = model.attach
        monkeypatch.setattr(model, "attach", lambda *a: (attached_by.append(threading.current_thread()), attach(*a))[1])

        def step() -> None:
            training.render(bundle)
            announce(training, bundle)

        def elsewhere() -> object:
            thread = threading.Thread(target=step)
            thread.start()
            thread.join(60)
            return model.tiles.picture

        kit.update_until(elsewhere)
        assert attached_by == [threading.main_thread()] and model.session.bundle is bundle
        SHOWN.clear()
        monkeypatch.setattr(model, "capture", lambda: 1 / 0)
        elsewhere()
        assert "division by zero" in kit.told("error")[0] and SHOWN == []  # the thread has no business on the screen
        kit.app.update()
        assert len(SHOWN) == 1 and "division by zero" in SHOWN[0]
        model.close_stage()
