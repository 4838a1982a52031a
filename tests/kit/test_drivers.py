"""What says when to draw: Kit's updates, Isaac Sim's rendering callbacks, or somebody else who draws."""

from __future__ import annotations

import sys
from types import ModuleType

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
        kit.disable()
        announce(training, bundle)  # nobody listens any more
        assert np.isfinite(bundle.outputs["depth"].numpy()[:, 8, 8, 0]).all()
    assert kit.told() == []


def test_isaac_lab_3_is_offered_the_renderer_where_it_is_loaded(make_kit, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = ModuleType(f"{NAME}.isaaclab.presets")
    adapter.PRESET_NAME, calls = "ovrtx_render", []
    adapter.offer_preset = lambda: calls.append("offered")
    adapter.withdraw_preset = lambda: calls.append("withdrawn")
    monkeypatch.setitem(sys.modules, f"{NAME}.isaaclab", ModuleType(f"{NAME}.isaaclab"))
    monkeypatch.setitem(sys.modules, adapter.__name__, adapter)
    with make_kit() as kit:
        kit.enable()
        kit.open()
        assert calls == []  # it is not loaded, and is not loaded for this
        monkeypatch.setitem(sys.modules, "isaaclab_tasks.utils.presets", ModuleType("isaaclab_tasks.utils.presets"))
        kit.open()
        kit.open()
        assert calls == ["offered"]
        kit.disable()
        assert calls == ["offered", "withdrawn"]
        kit.set("isaaclab", False)
        kit.enable()
        assert len(calls) == 2


def test_isaac_lab_2_3_has_its_tiled_cameras_replaced(make_kit, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, calls = ModuleType(f"{NAME}.isaaclab.adapters"), []
    adapter.enable = lambda cfg: calls.append(f"enabled {cfg.samples_per_pixel}")
    adapter.disable = lambda: calls.append("disabled")
    package = ModuleType("isaaclab")
    package.__path__ = []
    for name, module in (
        (f"{NAME}.isaaclab", ModuleType(f"{NAME}.isaaclab")),
        (adapter.__name__, adapter),
        ("isaaclab", package),
        ("isaaclab.sensors", ModuleType("isaaclab.sensors")),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    with make_kit("kit107") as kit:
        kit.set("renderer/samples_per_pixel", 3)
        kit.open()
        kit.enable()
        assert calls == ["enabled 3"]
        kit.disable()
        assert calls == ["enabled 3", "disabled"]
        assert kit.told() == []
