"""The doubles have the signatures of the real ones, as published stubs and sources state them."""

from __future__ import annotations

import gc
import inspect
from importlib import import_module

import pytest

SIGNATURES = {
    "carb:log_info": "msg",
    "carb:log_warn": "msg",
    "carb:log_error": "msg",
    "carb:log_verbose": "msg",
    "carb.settings:ISettings.get": "self path",
    "carb.settings:ISettings.set": "self path value",
    "carb.settings:ISettings.set_default": "self path value",
    "carb.settings:ISettings.subscribe_to_node_change_events": "self arg0 arg1",
    "carb.settings:ISettings.subscribe_to_tree_change_events": "self arg0 arg1",
    "carb.settings:ISettings.unsubscribe_to_change_events": "self id",
    "carb.settings:ISettings.destroy_item": "self path",
    "carb.eventdispatcher:IEventDispatcher.observe_event": "self order= event_name= on_event= filter= observer_name=",
    "carb.eventdispatcher:IEventDispatcher.dispatch_event": "self event_name payload=",
    "carb.eventdispatcher:IEventDispatcher.has_observers": "self event_name filter=",
    "carb.events:IEventStream.create_subscription_to_pop": "self fn order= name=",
    "carb.events:IEventStream.create_subscription_to_pop_by_type": "self event_type fn order= name=",
    "omni.ext:get_extension_name": "ext_id",
    "omni.ext:IExt.on_startup": "self ext_id",
    "omni.ext:IExt.on_shutdown": "self",
    "omni.kit.app:ExtensionManager.set_extension_enabled_immediate": "self extension_id enabled",
    "omni.kit.app:ExtensionManager.is_extension_enabled": "self ext_name",
    "omni.kit.app:ExtensionManager.get_extension_path": "self ext_id",
    "omni.usd:get_context": "name=",
    "omni.usd:UsdContext.stage_event_name": "self event",
    "omni.usd:UsdContext.open_stage": "self url on_finish_fn=",
    "omni.kit.actions.core:IActionRegistry.register_action": (
        "self extension_id action_id python_object display_name= description= icon_url= tag="
    ),
    "omni.kit.actions.core:IActionRegistry.deregister_all_actions_for_extension": "self extension_id invalidate=",
    "omni.kit.menu.utils:add_menu_items": "menu name menu_index= can_rebuild_menus= delegate=",
    "omni.kit.menu.utils:remove_menu_items": "menu name can_rebuild_menus=",
    "omni.kit.menu.utils:refresh_menu_items": "name immediately=",
    "omni.kit.notification_manager:post_notification": "text hide_after_timeout= duration= status= button_infos=",
    "isaacsim.core.rendering_manager:RenderingManager.register_callback": "event callback order=",
    "isaacsim.core.rendering_manager:RenderingManager.deregister_callback": "uid",
    "omni.kit.app:ExtensionManager.subscribe_to_extension_enable": (
        "self on_enable_fn on_disable_fn= ext_name= hook_name="
    ),
    "omni.kit.menu.utils:MenuItemDescription": (
        "name= glyph= header= appear_after= enabled= ticked= ticked_value= radio_group= sub_menu= hotkey= name_fn= "
        "show_fn= enable_fn= ticked_fn= onclick_action= unclick_action="
    ),
    "omni.timeline:get_timeline_interface": "",
    "omni.timeline:ITimeline.play": "self",
    "omni.timeline:ITimeline.pause": "self",
    "omni.timeline:ITimeline.stop": "self",
    "omni.timeline:ITimeline.commit": "self",
    "omni.timeline:ITimeline.is_playing": "self",
    "omni.timeline:ITimeline.is_stopped": "self",
    "omni.ui:Window.__init__": "self title dockPreference= arguments",
    "omni.ui:Window.deferred_dock_in": "self target_window active_window=",
    "omni.ui:Window.destroy": "self",
    "omni.ui:Workspace.set_show_window_fn": "title fn",
    "omni.ui:Workspace.show_window": "title show=",
    "omni.ui:Workspace.get_window": "title",
    "usdrt:Rt.Xformable.CreateFabricHierarchyWorldMatrixAttr": "self",
    "usdrt:Rt.Xformable.SetWorldXformFromUsd": "self",
    "usdrt:Usd.Stage.GetPrimAtPath": "self path",
    "usdrt:Usd.Stage.Attach": "stageId",
    "usdrt:Usd.Stage.SelectPrims": (
        "self require_prim_type= require_applied_schemas= require_attrs= device= want_paths="
    ),
}
"""Parameters by name; ``=`` marks those with a default."""


SIGNATURES_107 = {
    "isaacsim.core.api:SimulationContext.instance": "",
    "isaacsim.core.api:SimulationContext.add_render_callback": "self callback_name callback_fn",
    "isaacsim.core.api:SimulationContext.remove_render_callback": "self callback_name",
    "isaacsim.core.api:SimulationContext.render_callback_exists": "self callback_name",
}
"""What only Isaac Sim 5.x has."""


@pytest.mark.parametrize(("profile", "signatures"), [("kit110", SIGNATURES), ("kit107", SIGNATURES_107)])
def test_signatures(make_kit, profile: str, signatures: dict[str, str]) -> None:
    with make_kit(profile):
        for where, expected in signatures.items():
            module, _, attributes = where.partition(":")
            found = import_module(module)
            for attribute in attributes.split("."):
                found = getattr(found, attribute)
            parameters = inspect.signature(found).parameters.values()
            described = " ".join(p.name + ("=" if p.default is not p.empty else "") for p in parameters)
            assert described == expected, where


def test_observation_ends_with_its_guard(make_kit) -> None:
    with make_kit("kit107"):
        from carb.eventdispatcher import get_eventdispatcher

        dispatcher, seen = get_eventdispatcher(), []
        with pytest.raises(TypeError, match="keywords"):
            dispatcher.observe_event("name", seen.append)
        guard = dispatcher.observe_event(event_name="name", on_event=lambda event: seen.append(event["dt"]))
        assert dispatcher.dispatch_event("name", {"dt": 1.0}) == 1 and seen == [1.0]
        del guard
        gc.collect()
        assert dispatcher.dispatch_event("name", {"dt": 2.0}) == 0 and not dispatcher.has_observers("name")


def test_settings_observers_stay_until_they_are_removed(make_kit) -> None:
    with make_kit() as kit:
        calls: list[int] = []
        key = kit.settings.subscribe_to_tree_change_events("/exts/some", lambda *items: calls.append(len(items)))
        kit.settings.set("/exts/some/thing", [1, 2])
        kit.settings.set("/exts/other", 1)
        assert calls == [3, 3] and kit.settings.get("/exts/some/thing") == [1, 2]  # once for each value
        kit.settings.set("/exts/some/thing", [5])
        assert calls == [3] * 4 and kit.settings.get("/exts/some/thing") == [5]  # taken away first
        kit.settings.set("/exts/some", {"other": 2})
        assert calls == [3] * 6 and kit.settings.get("/exts/some") == {"other": 2}
        kit.settings.unsubscribe_to_change_events(key)
        with pytest.raises(ValueError, match="twice"):
            kit.settings.unsubscribe_to_change_events(key)
        with pytest.raises(TypeError, match="NoneType"):
            kit.settings.set("/exts/some/thing", None)


def test_application_refuses_to_be_updated_from_inside(make_kit) -> None:
    with make_kit() as kit:
        stream = kit.app.get_update_event_stream()
        guard = stream.create_subscription_to_pop(lambda event: kit.app.update(), name="inside")
        kit.app.update()
        assert "observer of itself" in kit.told("error")[0]
        guard.unsubscribe()


def test_stage_that_is_held_when_it_closes_is_told(make_kit) -> None:
    with make_kit() as kit:
        kit.open()
        held = kit.context.get_stage()
        kit.context.close_stage()
        assert "still holds it" in kit.told("error")[0]
        del held


def test_doubles_are_gone_afterwards(make_kit) -> None:
    with make_kit():
        import_module("carb")
    for name in ("carb", "omni.kit.app", "usdrt"):
        with pytest.raises(ImportError):
            import_module(name)
