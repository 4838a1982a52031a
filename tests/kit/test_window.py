"""The window in a Kit process: made when it is first shown, known to menus and layouts, gone when it is disabled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

NAME = "omni.isaac.ovrtx_render"
TITLE = "OVRTX Renderer"


def frames(kit: Any, count: int = 3) -> None:
    """Some frames of the application, its windows drawn."""
    import omni.ui as ui
    from omni.ui import double

    for _ in range(count):
        kit.app.update()
        window = ui.Workspace.get_window(TITLE)
        if window is not None:
            double.draw(window)


def entry(kit: Any) -> Any:
    """The entry in the menu bar."""
    from omni.kit.menu.utils import MENUS

    return MENUS["Tools"][0]


def test_menu_entry_shows_and_hides_the_window(kit) -> None:
    import omni.ui as ui

    kit.open()
    service = kit.enable()
    assert service.model is None and ui.Workspace.get_window(TITLE) is None
    assert entry(kit).ticked_fn() is False
    entry(kit).click()
    assert ui.Workspace.get_window(TITLE).visible and entry(kit).ticked_value is True
    entry(kit).click()
    assert not ui.Workspace.get_window(TITLE).visible and entry(kit).ticked_value is False
    ui.Workspace.show_window(TITLE, True)  # as a saved layout does
    assert entry(kit).ticked_value is True
    ui.Workspace.get_window(TITLE).visible = False  # as the cross in its corner does
    assert entry(kit).ticked_value is False
    kit.disable()
    assert ui.Workspace.get_window(TITLE) is None and not ui.Workspace.show_window(TITLE)
    assert kit.told() == []


def test_window_that_is_shown_at_start_draws_the_stage(kit) -> None:
    kit.set("show_window", True)
    kit.settings.set(f"/persistent/exts/{NAME}/layout", {"tab": 1})
    kit.open()
    model = kit.enable().model
    kit.update_until(lambda: (frames(kit, 1), model.tiles.picture)[1] is not None)
    assert model.tiles.picture.host()[..., 0].max() > 50
    kit.context.close_stage()
    frames(kit)
    assert kit.told() == []


def test_choices_in_the_window_stay_until_their_setting_changes(make_kit) -> None:
    with make_kit("kit110") as kit:
        kit.settings.destroy_item("/exts")
        kit.set("width", 24)
        kit.settings.set(f"/persistent/exts/{NAME}/layout", {"width": 40, "height": 36, "outputs": ["depth"]})
        model = kit.enable().need_model()
        view = model.renderer.view
        assert (view.width, view.height, view.outputs) == (24, 36, ("depth",))  # the setting that is set wins
        model.renderer.set_size(50, 51)
        kit.set("max_rate", 5.0)
        kit.app.update()
        assert (model.renderer.view.width, model.renderer.view.height) == (50, 51)
        kit.set("height", 20)
        kit.app.update()
        assert (model.renderer.view.width, model.renderer.view.height) == (50, 20)


def test_layout_is_kept_while_the_window_is_there(make_kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that is killed, or crashes, destroys no window."""
    with make_kit("kit110") as kit:
        import omni.ui as ui

        from omni.isaac.ovrtx_render.ui import model as model_module

        now = [100.0]
        monkeypatch.setattr(model_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
        kit.set("show_window", True)
        model = kit.enable().model

        def kept(name: str) -> Any:
            return (kit.settings.get(f"/persistent/exts/{NAME}/layout") or {}).get(name)

        frames(kit)
        model.renderer.set_size(40, 41)
        frames(kit)
        assert kept("height") is None  # not at every frame
        now[0] += 1.5
        frames(kit)
        assert kept("height") == 41
        model.renderer.set_size(40, 42)
        frames(kit)
        assert kept("height") == 41
        ui.Workspace.get_window(TITLE).visible = False
        frames(kit)
        assert kept("height") == 42


def test_damaged_layout_does_not_lock_the_window(make_kit) -> None:
    with make_kit("kit110") as kit:
        import omni.ui as ui

        kit.settings.set(f"/persistent/exts/{NAME}/layout", "damaged")
        kit.set("show_window", True)
        kit.enable()
        frames(kit)
        assert ui.Workspace.get_window(TITLE).visible and kit.told() == []


@pytest.mark.parametrize("tab", [0, 1, 2])
def test_every_tab_lets_go_of_the_stage(make_kit, tab: int) -> None:
    with make_kit("kit110") as kit:
        kit.set("show_window", True)
        kit.settings.set(f"/persistent/exts/{NAME}/layout", {"tab": tab})
        kit.open()
        service = kit.enable()
        service.render()
        frames(kit, 20)
        kit.context.close_stage()
        frames(kit)
        kit.open(3)
        service.render()
        frames(kit, 20)
        kit.context.close_stage()
        assert kit.told() == []


def test_nothing_is_drawn_behind_a_covered_window(make_kit) -> None:
    from kit.stages import move_ball

    with make_kit("kit110") as kit:
        import omni.ui as ui
        from omni.ui import double

        kit.set("show_window", True)
        kit.settings.set(f"/persistent/exts/{NAME}/layout", {"tab": 1})
        kit.open()
        model = kit.enable().model
        kit.update_until(lambda: (frames(kit, 1), model.tiles.picture)[1] is not None)
        double.cover(ui.Workspace.get_window(TITLE), True)
        frames(kit)
        step = model.session.step
        move_ball(kit.context.get_stage(), 0, 1.0)
        frames(kit, 30)
        assert model.session.step == step
        double.cover(ui.Workspace.get_window(TITLE), False)
        kit.update_until(lambda: (frames(kit, 1), model.session.step)[1] > step)


def test_window_goes_with_omni_ui_and_comes_back(make_kit) -> None:
    with make_kit("kit110") as kit:
        import omni.ui as ui

        kit.set("show_window", True)
        kit.enable()
        assert ui.Workspace.get_window(TITLE) is not None
        kit.manager.set_builtin("omni.ui", False)
        assert ui.Workspace.get_window(TITLE) is None
        kit.manager.set_builtin("omni.ui", True)
        assert ui.Workspace.get_window(TITLE) is not None


@pytest.mark.parametrize("reloads", [5])
def test_reloads_with_an_open_window_leave_nothing_behind(kit, reloads: int) -> None:
    import omni.ui as ui

    kit.set("show_window", True)
    kit.open()
    before = kit.held()
    for _ in range(reloads):
        kit.enable()
        frames(kit)
        kit.disable()
        assert ui.Workspace.get_windows() == [] and kit.held() == before
    assert kit.told() == []  # a window, or the extension's own object, that something held would be told
