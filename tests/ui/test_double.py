"""The double of omni.ui refuses what the library cannot do, and has its signatures."""

from __future__ import annotations

import gc
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import omni.ui as ui
import pytest
from omni.ui import double, models

SIGNATURES: dict[Callable[..., Any], str] = {
    ui.Window.__init__: "self, title, dockPreference=, **",
    ui.Window.deferred_dock_in: "self, target_window, active_window=",
    ui.Window.dock_in_window: "self, title, dockPosition, ratio=",
    ui.Window.call_key_pressed_fn: "self, key, modifiers, pressed",
    ui.Window.destroy: "self",
    ui.WindowHandle.dock_in: "self, window, dock_position, ratio=",
    ui.Workspace.get_window: "title",
    ui.Workspace.show_window: "title, show=",
    ui.Workspace.set_show_window_fn: "title, fn",
    ui.Workspace.get_dpi_scale: "",
    ui.Workspace.get_windows: "",
    ui.Widget.__init__: "self, **",
    ui.Widget.set_style: "self, style",
    ui.Frame.__init__: "self, **",
    ui.Frame.rebuild: "self",
    ui.Frame.clear: "self",
    ui.Fraction.__init__: "self, value",
    ui.Pixel.__init__: "self, value",
    ui.AbstractItem.__init__: "self",
    ui.AbstractItemModel.__init__: "self",
    ui.AbstractItemModel._item_changed: "self, item",
    ui.AbstractItemDelegate.__init__: "self",
    ui.AbstractValueModel.__init__: "self",
    ui.AbstractValueModel.subscribe_end_edit_fn: "self, fn",
    ui.ByteImageProvider.__init__: "self",
    ui.ByteImageProvider.destroy: "self",
    ui.ByteImageProvider.set_bytes_data: "self, bytes, sizes, format=, stride=, **",
    ui.ByteImageProvider.set_data_array: "self, bytes, sizes",
    ui.ByteImageProvider.set_bytes_data_from_gpu: "self, gpu_bytes, sizes, format=, stride=, **",
    ui.ImageWithProvider.__init__: "self, provider, **",
    ui.ImageWithProvider.prepare_draw: "self, width, height",
    ui.Label.__init__: "self, text, **",
    ui.Button.__init__: "self, text=, **",
    ui.ComboBox.__init__: "self, *, **",
    ui.IntSlider.__init__: "self, model=, **",
    ui.CheckBox.__init__: "self, model=, **",
    ui.Plot.__init__: "self, type=, scale_min=, scale_max=, *, **",
    ui.Plot.set_data: "self, *",
    ui.Plot.set_data_provider_fn: "self, fn, count",
    ui.TreeView.__init__: "self, model, delegate=, **",
    ui.TreeView.set_expanded: "self, item, expanded, recursive",
    ui.TreeView.is_expanded: "self, item",
    ui.CollapsableFrame.__init__: "self, title=, **",
    ui.AbstractItemModel.get_item_children: "self, parentItem=",
    ui.AbstractItemModel.can_item_have_children: "self, parentItem=",
    ui.AbstractItemModel.get_item_value_model_count: "self, item=",
    ui.AbstractItemModel.get_item_value_model: "self, item=, column_id=",
    ui.AbstractItemModel.subscribe_item_changed_fn: "self, fn",
    ui.AbstractItemDelegate.build_branch: "self, model, item=, column_id=, level=, expanded=",
    ui.AbstractItemDelegate.build_widget: "self, model, item=, index=, level=, expanded=",
    ui.AbstractItemDelegate.build_header: "self, column_id=",
    ui.AbstractValueModel.subscribe_value_changed_fn: "self, fn",
    ui.AbstractValueModel.add_value_changed_fn: "self, fn",
    ui.AbstractValueModel.remove_value_changed_fn: "self, id",
}
"""Parameters as the library's stubs and pages have them; a default is an equals sign."""


@pytest.fixture
def window() -> Iterator[ui.Window]:
    made = ui.Window("double", width=300, height=200, padding_x=0, padding_y=0)
    yield made
    made.destroy()


def parameters(function: Callable[..., Any]) -> str:
    told = []
    for parameter in inspect.signature(function).parameters.values():
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind)
        told.append(star or parameter.name + ("=" if parameter.default is not parameter.empty else ""))
    return ", ".join(told)


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda function: function.__qualname__)
def test_signatures(function: Callable[..., Any]) -> None:
    assert parameters(function) == SIGNATURES[function]


def test_every_class_that_the_window_uses_is_among_them() -> None:
    folder = Path(__file__).resolve().parents[2] / "omni" / "isaac" / "ovrtx_render" / "ui"
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py")]
    used = {name for source in sources for name in re.findall(r"\bui\.([A-Z][a-z]\w+)", source)}
    classes = [getattr(ui, name) for name in used if not issubclass(getattr(ui, name), Enum)]
    assert len(classes) > 20
    static = {ui.Workspace}
    assert [one.__name__ for one in classes if one not in static and one.__init__ not in SIGNATURES] == []


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ui.Button("x", clicked=print), "no argument 'clicked'"),
        (lambda: ui.Button("x", clicked_fn=lambda x: x), "called with 0 arguments"),
        (lambda: ui.Button("x", tooltip=3), "tooltip must be str"),
        (lambda: ui.Button("x", visible=1), "visible must be bool"),
        (lambda: ui.Label("x", computed_width=3.0), "no argument 'computed_width'"),
        (lambda: ui.Label("x", width="10"), "a length is a number"),
        (lambda: ui.ZStack(mouse_pressed_fn=lambda x, y: None), "called with 4 arguments"),
        (lambda: ui.ComboBox(3, "a", "b"), "no number 3"),
        (lambda: ui.Plot(ui.Type.LINE, 0.0, 1.0, [1.0, 2.0]), "each an argument of its own"),
        (lambda: ui.Plot(ui.Type.LINE, 0.0, 1.0, 1.0, 2), "floats"),
        (lambda: ui.Frame(style={"Label": 3}).set_style({"color": 3}), "no type selector"),
        (lambda: ui.ImageWithProvider(None), "a provider or a URL"),
        (lambda: ui.TreeView(None), "item model"),
    ],
)
def test_wrong_arguments_are_refused(window: ui.Window, make: Callable[[], object], told: str) -> None:
    with window.frame, ui.VStack(), pytest.raises((TypeError, ValueError), match=told):
        make()


def test_widgets_belong_into_containers_and_frames_hold_one(window: ui.Window) -> None:
    with pytest.raises(RuntimeError, match="outside of any container"):
        ui.Label("lost")
    with window.frame:
        ui.Label("first")
        with pytest.raises(RuntimeError, match="has a child already"):
            ui.Label("second")


def test_nothing_is_used_after_it_was_destroyed(window: ui.Window) -> None:
    with window.frame:
        frame = ui.Frame()
        frame.set_build_fn(lambda: ui.Label("old", identifier="old"))
    double.draw(window)
    label = double.find(window, "old")
    frame.rebuild()
    double.draw(window)
    assert double.find(window, "old") is not label
    for use in (lambda: label.text, lambda: setattr(label, "text", "new"), lambda: label.computed_width):
        with pytest.raises(RuntimeError, match="after it was destroyed"):
            use()
    window.destroy()
    with pytest.raises(RuntimeError, match="after it was destroyed"):
        window.visible = False


def test_only_the_application_thread_may_call(window: ui.Window) -> None:
    told: list[str] = []

    def call() -> None:
        for use in (lambda: window.visible, ui.ByteImageProvider, ui.SimpleIntModel):
            try:
                use()
            except RuntimeError as error:
                told.append(str(error))

    thread = threading.Thread(target=call, name="other")
    thread.start()
    thread.join(10)
    assert len(told) == 3
    assert all("other" in text for text in told)


def test_providers_models_and_subscriptions_must_be_kept(window: ui.Window) -> None:
    with window.frame, ui.VStack():
        ui.ImageWithProvider(ui.ByteImageProvider(), identifier="image")
    gc.collect()
    with pytest.raises(RuntimeError, match="nobody kept the provider"):
        double.draw(window)
    window.frame.clear()
    with window.frame, ui.VStack():
        ui.TreeView(ui.AbstractItemModel())
    gc.collect()
    with pytest.raises(RuntimeError, match="nobody kept the model"):
        double.draw(window)
    model, heard = ui.SimpleIntModel(1), []
    model.subscribe_value_changed_fn(heard.append)
    gc.collect()
    model.set_value(2)
    assert heard == []
    kept = model.subscribe_value_changed_fn(heard.append)
    model.set_value(3)
    kept.unsubscribe()
    model.set_value(4)
    assert heard == [model]


def test_windows_are_known_by_title_and_live_as_long_as_they_are_kept(window: ui.Window) -> None:
    assert ui.Workspace.get_window("double") is window
    with pytest.raises(RuntimeError, match="already"):
        ui.Window("double")
    other = ui.Window("other")
    del other
    gc.collect()
    assert ui.Workspace.get_window("other") is None


PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((PIXELS.reshape(2, 3, 4), [3, 2]), "one flat"),
        ((PIXELS.astype(np.float32), [3, 2]), "one flat"),
        ((PIXELS, [2, 2]), "24 bytes for an image of"),
        ((PIXELS, (3, 2)), "two ints above 0"),
        ((PIXELS, [3.0, 2.0]), "two ints above 0"),
        ((PIXELS, [3, 0]), "two ints above 0"),
    ],
)
def test_bytes_that_would_crash_are_refused(arguments: tuple[Any, Any], told: str) -> None:
    provider = ui.ByteImageProvider()
    with pytest.raises((TypeError, ValueError), match=told):
        provider.set_bytes_data(*arguments)
    with pytest.raises(TypeError, match="strict"):
        provider.set_bytes_data(PIXELS.data, [3, 2], strict=True)
    provider.set_bytes_data(PIXELS.data, [3, 2])
    np.testing.assert_array_equal(provider._image(), PIXELS.reshape(2, 3, 4))
    with pytest.raises(TypeError, match="pointer"):
        provider.set_bytes_data_from_gpu(0, [3, 2])
    provider.destroy()
    with pytest.raises(RuntimeError, match="destroyed"):
        provider.set_bytes_data(PIXELS.data, [3, 2])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((PIXELS.tolist(), [3, 2]), "contiguous numpy array of uint8"),
        ((PIXELS.astype(np.float32), [3, 2]), "contiguous numpy array of uint8"),
        ((PIXELS[::-1], [3, 2]), "contiguous numpy array of uint8"),
        ((PIXELS, [2, 2]), "24 bytes for an image of"),
        ((PIXELS, (3, 2)), "two ints above 0"),
    ],
)
def test_arrays_that_would_crash_are_refused(arguments: tuple[Any, Any], told: str) -> None:
    provider = ui.ByteImageProvider()
    with pytest.raises((TypeError, ValueError), match=told):
        provider.set_data_array(*arguments)
    provider.set_data_array(PIXELS.reshape(2, 3, 4), [3, 2])
    np.testing.assert_array_equal(provider._image(), PIXELS.reshape(2, 3, 4))


def test_models_without_the_methods_that_the_library_calls_are_told(window: ui.Window) -> None:
    class Model(ui.AbstractItemModel):
        def get_item_children(self, parentItem: Any = None) -> list[Any]:
            return [items[0]] if parentItem is None else []

        def get_item_value_model_count(self, item: Any = None) -> int:
            return 1

    items, model = [ui.AbstractItem()], Model()
    models.PURE_CALLS.clear()
    with window.frame:
        ui.TreeView(model)
    double.draw(window)
    assert models.PURE_CALLS == ["Model.get_item_value_model"]
    models.PURE_CALLS.clear()


def test_stacks_share_their_space(window: ui.Window) -> None:
    with window.frame, ui.HStack(spacing=10):
        ui.Label("a", width=40, identifier="fixed")
        ui.Spacer(width=ui.Fraction(1), identifier="one")
        ui.Spacer(width=ui.Fraction(3), identifier="three")
        with ui.VStack(width=ui.Percent(10), identifier="percent"):
            ui.Label("text", height=0, identifier="least")
            ui.Spacer(identifier="rest")
    double.draw(window)
    box = {name: double.find(window, name)._box for name in ("fixed", "one", "three", "percent", "least", "rest")}
    assert [box[name][2] for name in ("fixed", "one", "three", "percent")] == [40, 50, 150, 30]
    assert [box[name][0] for name in ("fixed", "one", "three", "percent")] == [0, 50, 110, 270]
    assert 10 < box["least"][3] < 30
    assert box["least"][3] + box["rest"][3] == box["percent"][3] == box["fixed"][3]
