"""The window on the double of omni.ui: what it shows, what its widgets do, what it leaves behind."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import omni.ui as ui
import pytest
from omni.ui import double
from pxr import Usd
from ui_helpers import COUNT, make_stage, read_gpu, settle

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.outputs import OUTPUTS
from omni.isaac.ovrtx_render.ui.canvas import Compare
from omni.isaac.ovrtx_render.ui.colormaps import lookup_table
from omni.isaac.ovrtx_render.ui.image_view import ImageView
from omni.isaac.ovrtx_render.ui.keys import BINDINGS, CAPTURED, CONTROL, Key
from omni.isaac.ovrtx_render.ui.model import ViewModel
from omni.isaac.ovrtx_render.ui.tabs.widgets import shortened
from omni.isaac.ovrtx_render.ui.window import RendererWindow

Show = Callable[..., tuple[ViewModel, RendererWindow]]


@pytest.fixture(autouse=True)
def gpu_memory(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tests run on a GPU, the double reads what is handed to it from there."""
    if device != "cpu":
        monkeypatch.setattr(ui.ByteImageProvider, "read_gpu", read_gpu)


@pytest.fixture
def show(make_model: Callable[..., ViewModel]) -> Iterator[Show]:
    """``show(stage)`` gives a view-model that drew the stage once, and its window."""
    windows: list[RendererWindow] = []

    def make(stage: Any = None, **arguments: Any) -> tuple[ViewModel, RendererWindow]:
        model = make_model(stage, **arguments)
        model.tiles.shown = False
        windows.append(RendererWindow(model, width=700, height=500))
        frames(model, windows[-1])
        return model, windows[-1]

    yield make
    for window in windows:
        window.destroy()


def frames(model: ViewModel, window: RendererWindow) -> None:
    """Let the application go on until nothing happens any more."""
    for _ in range(3):
        settle(model)
        double.draw(window)
    settle(model)


def texts(window: RendererWindow) -> list[str]:
    """All texts that can be seen."""
    return [widget.text for widget in double.walk(window.frame) if isinstance(widget, (ui.Label, ui.Button))]


def picture_of(window: RendererWindow) -> np.ndarray:
    """What the window's image shows."""
    return double.find(window, "tiles_image")._image()


def test_tiles_are_shown_as_large_as_the_widget(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    widget = double.find(window, "tiles_image")
    shown = picture_of(window)
    assert shown.shape[:2] == (round(widget.computed_content_height), round(widget.computed_content_width))
    np.testing.assert_array_equal(shown, model.tiles.picture.host())
    assert f"1-{COUNT} of {COUNT} tiles" in texts(window)
    assert model.renderer.state in texts(window)


def test_every_interactive_widget_has_an_identifier_of_its_own_and_a_tooltip(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    kinds = (ui.Button, ui.CheckBox, ui.ComboBox, ui.StringField, ui.IntField, ui.IntSlider)
    for tab in ("renderer", "tiles", "materials"):
        double.click(window, f"tab_{tab}")
        frames(model, window)
        widgets = [widget for widget in double.walk(window.frame) if isinstance(widget, kinds)]
        assert len(widgets) > 5
        names = [widget.identifier for widget in widgets]
        assert all(names), [widget for widget in widgets if not widget.identifier]
        assert len(set(names)) == len(names)
        assert not [widget.identifier for widget in widgets if not widget.tooltip]


def test_nothing_is_drawn_or_uploaded_while_the_window_is_covered_closed_or_at_another_tab(
    show: Show, stage: Usd.Stage
) -> None:
    model, window = show(stage)
    hidden: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "covered": (lambda: double.cover(window, True), lambda: double.cover(window, False)),
        "closed": (lambda: double.close_button(window), lambda: setattr(window, "visible", True)),
        "other tab": (lambda: double.click(window, "tab_renderer"), lambda: double.click(window, "tab_tiles")),
    }
    for hide, unhide in hidden.values():
        hide()
        frames(model, window)
        step, uploads = model.session.step, ui.ByteImageProvider.uploads
        model.request_frame()
        model.tiles.point(10, 10)
        frames(model, window)
        assert (model.session.step, ui.ByteImageProvider.uploads) == (step, uploads)
        unhide()
        frames(model, window)
        assert model.session.step == step + 1
        assert ui.ByteImageProvider.uploads > uploads


def test_a_picture_is_uploaded_once(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    uploads = ui.ByteImageProvider.uploads
    for _ in range(10):
        model.update()
        double.draw(window)
    assert ui.ByteImageProvider.uploads == uploads


def test_mouse_points_selects_focuses_drags_and_zooms(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    tiles = model.tiles
    x, y, w, h = tiles.grid.box(1)
    double.mouse(window, "canvas", "moved", x + w / 2, y + h / 2)
    frames(model, window)
    assert tiles.readout.row == 1
    assert tiles.readout.text in texts(window)
    double.mouse(window, "canvas", "pressed", x + w / 2, y + h / 2)
    double.mouse(window, "canvas", "released", x + w / 2, y + h / 2)
    assert tiles.selected == 1
    double.mouse(window, "canvas", "double_clicked", x + w / 2, y + h / 2)
    frames(model, window)
    assert tiles.focused == 1
    cell = tiles.grid.cell
    before = tiles.grid.hit(350, 200)
    double.mouse(window, "canvas", "moved", 350, 200)
    for _ in range(5):
        double.wheel(window, "canvas", 1.0, CONTROL)
    assert tiles.grid.cell == pytest.approx(cell * 1.15**5)
    assert tiles.grid.hit(350, 200) == before
    scroll = tiles.grid.scroll_y
    double.mouse(window, "canvas", "pressed", 350, 200)
    double.mouse(window, "canvas", "moved", 350, 150, 0, True)
    assert tiles.grid.scroll_y == pytest.approx(scroll + 50)
    double.mouse(window, "canvas", "released", 350, 150)
    double.mouse(window, "canvas", "moved", 350, 100)
    assert tiles.grid.scroll_y == pytest.approx(scroll + 50)
    double.hover(window, "canvas", False)
    frames(model, window)
    assert tiles.readout is None
    double.mouse(window, "canvas", "double_clicked", 300, 200)
    assert tiles.focused is None


def test_right_click_tells_what_a_pixel_shows(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    x, y, w, h = model.tiles.grid.box(1)
    double.mouse(window, "canvas", "pressed", x + w / 2, y + h / 2, 1, 0)
    frames(model, window)
    assert double.find(window, "tab_materials").checked
    assert "picked: /World/envs/env_1/Cube (env 1)" in texts(window)
    assert any("no material, shown by its displayColor" in text for text in texts(window))


def test_mouse_is_right_on_a_screen_with_another_scale(
    show: Show, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui.Workspace, "_dpi_scale", 2.0)
    model, window = show(stage)
    widget = double.find(window, "tiles_image")
    assert model.tiles.picture.width == round(2 * widget.computed_content_width)
    x, y, w, h = model.tiles.grid.box(2)
    double.mouse(window, "canvas", "moved", (x + w / 2) / 2, (y + h / 2) / 2)
    frames(model, window)
    assert (model.tiles.readout.row, model.tiles.readout.x, model.tiles.readout.y) == (2, 16, 12)


def test_pages_are_turned_by_buttons_slider_wheel_and_keys(show: Show) -> None:
    model, window = show(make_stage(40))
    tiles = model.tiles
    for _ in range(6):
        double.click(window, "zoom_in")
    window.call_key_pressed_fn(Key.HOME, 0, True)
    frames(model, window)
    slider = double.find(window, "page")
    assert slider.max == tiles.grid.pages > 3
    double.click(window, "page_next")
    frames(model, window)
    assert (tiles.grid.page, slider.model.as_int) == (1, 2)
    slider.model.set_value(3)
    assert tiles.grid.page == 2
    window.call_key_pressed_fn(Key.PAGE_DOWN, 0, True)
    assert tiles.grid.page == 3
    window.call_key_pressed_fn(Key.HOME, 0, True)
    assert tiles.grid.page == 0
    double.wheel(window, "canvas", -2.0)
    assert tiles.grid.scroll_y > 0
    frames(model, window)
    assert tiles.picture.missing == 0
    double.click(window, "fit")
    assert len(tiles.grid.visible_rows) == 40


def test_every_key_does_something_and_text_fields_keep_theirs(show: Show, stage: Usd.Stage) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="one of the keys records a video")
    model, window = show(stage)

    def state() -> object:
        t = model.tiles
        return (t.selected, t.focused, t.grid, t.output, t.compare, t.numbers, t.only_flagged, t.paused,
                model.compared_with, len(model.messages))  # fmt: skip

    model.tiles.select(0)
    for key in (Key.PAGE_UP, Key.HOME, Key.END, Key.PAGE_DOWN, Key.LEFT, Key.UP, Key.ESCAPE):
        window.call_key_pressed_fn(key, 0, True)  # at an end these change nothing one could see
    for key in (Key.RIGHT, Key.DOWN, Key.EQUAL, Key.MINUS, Key.KEY_0, Key.ENTER, Key.ENTER, Key.SPACE, Key.SPACE,
                Key.O, Key.F, Key.C, Key.N, Key.B, Key.B, Key.S, Key.M, Key.R, Key.R):  # fmt: skip
        frames(model, window)
        before = state()
        for modifiers, pressed in ((CAPTURED, True), (CONTROL, True), (0, False)):
            window.call_key_pressed_fn(key, modifiers, pressed)
        assert state() == before, key
        window.call_key_pressed_fn(key, 0, True)
        assert state() != before, key
    assert len(BINDINGS) == 22
    double.click(window, "tab_renderer")
    before = state()
    window.call_key_pressed_fn(Key.N, 0, True)
    assert state() == before


def test_tool_bar_changes_what_is_seen(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    double.choose(window, "output", "depth")
    frames(model, window)
    double.choose(window, "color_map", "turbo")
    double.click(window, "numbers")
    frames(model, window)
    assert (model.tiles.output, model.tiles.palette.color_map, model.tiles.numbers) == ("depth", "turbo", False)
    double.choose(window, "compare_with", "frozen frame")
    frames(model, window)
    assert model.session.reference is not None
    assert model.tiles.compare is Compare.SPLIT
    double.choose(window, "compare", "difference")
    assert model.tiles.compare is Compare.DIFFERENCE
    double.choose(window, "compare_with", "warp")
    frames(model, window)
    assert model.session.other is not None
    assert model.session.reference is None
    double.choose(window, "compare_with", "nothing")
    frames(model, window)
    assert model.compared_with == ""


def test_colour_map_is_offered_with_its_range_where_it_is_used(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)

    def offered() -> list[str]:
        names = [widget.identifier for widget in double.walk(window.frame)]
        return [name for name in ("compare", "color_map", "color_scale") if name in names]

    assert offered() == []
    double.choose(window, "output", "depth")
    frames(model, window)
    assert offered() == ["color_map", "color_scale"]
    low, high = model.tiles.value_range
    middle = 2.0 / (1.0 / low + 1.0 / high)  # the map is linear in 1 / depth
    assert {f"{low:.3g} m", f"{high:.3g} m", f"middle {middle:.3g} m"} <= set(texts(window))
    bar = double.find(window, "color_scale")._image()[0, :, :3].astype(int)
    ends = np.rint(lookup_table("viridis")[[0, -1]] * 255).astype(int)
    np.testing.assert_array_equal(bar[[-1, 0]], ends)  # the nearest is the end of the map
    model.tiles.show_output("rgb")
    frames(model, window)
    assert offered() == []
    model.tiles.show_output("depth")
    window.refresh()  # its frame is not there yet; between two depths the bar does not come and go
    double.draw(window)
    assert "color_map" in offered()
    frames(model, window)
    double.choose(window, "color_map", "grey")
    frames(model, window)
    assert double.find(window, "color_scale")._image()[0, :, :3].std(axis=-1).max() < 1.0
    double.choose(window, "output", "rgb")
    double.choose(window, "compare_with", "frozen frame")
    frames(model, window)
    assert offered() == ["compare"]
    double.choose(window, "compare", "difference")
    frames(model, window)
    assert offered() == ["compare", "color_map", "color_scale"]
    assert {"0", "63.8", "middle 31.9"} <= set(texts(window))  # of 255, as differences are shown four times as large
    double.choose(window, "output", "instance_id_segmentation_fast")
    frames(model, window)
    assert offered() == ["compare"]


def test_values_of_a_comparison_say_whose_they_are(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    model.freeze()
    model.request_frame()
    x, y, w, h = model.tiles.grid.box(1)
    double.mouse(window, "canvas", "moved", x + w / 2, y + h / 2)
    frames(model, window)
    color = " ".join(str(value) for value in model.session.bundle.outputs["rgb"].numpy()[1, 12, 16])
    assert f"env 1  (16, 12)  rgb  warp {color} | frame 1 {color}" in texts(window)


@pytest.mark.parametrize("output", ["rgb", "depth"])
def test_every_widget_has_room_in_a_narrow_window(show: Show, stage: Usd.Stage, output: str) -> None:
    model, window = show(stage)
    window.width = 560
    model.freeze()
    model.tiles.show_output(output)
    model.tiles.set_compare(Compare.DIFFERENCE)
    frames(model, window)
    kinds = (ui.Button, ui.ComboBox, ui.IntSlider)
    widgets = [widget for widget in double.walk(window.frame) if isinstance(widget, kinds)]
    assert {"compare", "color_map", "look", "compare_with", "output"} <= {widget.identifier for widget in widgets}
    for widget in widgets:
        x, _, width, height = widget._box
        assert x >= 0 and x + width <= window.width, widget.identifier
        assert width >= (70 if isinstance(widget, ui.ComboBox) else 20) and height >= 20, widget.identifier


def test_closed_stage_takes_its_picture_with_it(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    assert double.find(window, "tiles_image").visible
    model.close_stage()
    frames(model, window)
    assert "tiles_image" not in [widget.identifier for widget in double.walk(window.frame)]
    assert window._tabs[1][2]._view._kept is None
    assert "no stage is open" in double.find(window, "hint").text
    model.open(Usd.Stage.CreateInMemory())
    frames(model, window)
    assert "no camera" in double.find(window, "hint").text
    model.open(make_stage(2))
    frames(model, window)
    assert picture_of(window)[..., :3].max() > 60
    assert "hint" not in [widget.identifier for widget in double.walk(window.frame)]
    model.tiles.set_only_flagged(True)
    frames(model, window)
    assert "no tile is black" in double.find(window, "hint").text


def test_renderer_tab_shows_and_sets_everything(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    double.click(window, "tab_renderer")
    frames(model, window)
    shown = texts(window)
    for choice in model.renderer.backends:
        assert any(choice.reason in text for text in shown)
        assert double.find(window, f"backend_{choice.name}").enabled == choice.available
    assert all(double.find(window, f"output_{name}") for name in OUTPUTS)
    assert double.find(window, "output_rgb").model.as_bool
    assert double.find(window, "output_distance_to_image_plane").model.as_bool
    double.tick(window, "output_distance_to_image_plane", False)
    frames(model, window)
    assert "depth" not in model.renderer.outputs
    double.tick(window, "output_normals", True)
    double.choose(window, "cameras", "/World/Overview (1)")
    frames(model, window)
    double.type_into(window, "image_width", 20)
    frames(model, window)
    view = model.renderer.view
    assert (view.cameras, view.width, view.outputs[-1]) == ("/World/Overview", 20, "normals")
    double.type_into(window, "option_exposure", "1")
    frames(model, window)
    double.tick(window, "option_shadows", True)
    frames(model, window)
    double.choose(window, "option_shading", "lambert")
    frames(model, window)
    cfg = model.renderer.cfg
    assert (cfg.exposure, cfg.shadows, cfg.shading) == (1.0, True, "lambert")
    double.type_into(window, "option_samples_per_pixel", "many")
    frames(model, window)
    assert any("is no number" in text for text in texts(window))
    double.click(window, "preset_fast")
    frames(model, window)
    assert model.renderer.cfg.tone_mapping == "srgb"
    assert "linear r g b, such as 0 0 0.2; empty: the dome light" in texts(window)
    assert {"1 to 1024", "1 to 1024; empty: all there are"} <= set(texts(window))
    double.click(window, "options_reset")
    frames(model, window)
    assert model.renderer.cfg == RendererCfg(backend="warp", device=model.renderer.cfg.device)
    assert not double.find(window, "options_reset").enabled
    columns = {
        widget.screen_position_x + widget.computed_width
        for widget in double.walk(window.frame)
        if isinstance(widget, ui.Label) and widget.text in ("Cameras", "Outputs", "Preset", "shadows", "background")
    }
    assert len(columns) == 1  # all that is chosen stands in one line below the other


@pytest.mark.parametrize(
    ("path", "length", "shown"),
    [
        ("/World/Looks/steel", 34, "/World/Looks/steel"),
        ("/World/envs/env_0/Robot/arm_link_3/visuals/ring x 24", 34, ".../arm_link_3/visuals/ring x 24"),
        ("/World/envs/env_0/Robot/palm/back", 20, ".../Robot/palm/back"),
        ("/a_name_that_is_longer_than_all_there_is", 12, ".../a_name_that_is_longer_than_all_there_is"),
    ],
)
def test_paths_are_shortened_at_their_start(path: str, length: int, shown: str) -> None:
    assert shortened(path, length) == shown


def test_materials_tab_leaves_the_room_to_the_fix_and_tells_nothing_from_bad(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    double.click(window, "tab_renderer")
    frames(model, window)
    circles = {widget.name for widget in double.walk(window.frame) if isinstance(widget, ui.Circle)}
    double.click(window, "tab_materials")
    frames(model, window)
    rings = {widget.name for widget in double.walk(window.frame) if isinstance(widget, ui.Circle)}
    assert "none" in rings and "none" not in circles and circles <= {"good", "bad"}
    lists = [widget for widget in double.walk(window.frame) if isinstance(widget, ui.ScrollingFrame)]
    tree, findings, preview = (widget.computed_height for widget in lists)
    assert findings < 40 < preview < tree  # there is one line: nothing to report


def test_frame_times_are_plotted_by_phase(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    for _ in range(3):
        model.request_frame()
        frames(model, window)
    double.click(window, "tab_renderer")
    frames(model, window)
    for phase in model.frame_times.phases:
        plot = double.find(window, f"plot_{phase}")
        np.testing.assert_allclose(plot._data, model.frame_times.series(phase))
    model.compare_backend("warp", exposure=1.0)
    model.tab = 1
    frames(model, window)
    model.tab = 0
    frames(model, window)
    assert f"{model.other_times.mean('total'):.2f} ms" in texts(window)
    assert "total" in model.frame_times.phases
    assert len(plot._data) == len(model.frame_times) >= 3


def test_attached_renderer_shows_but_cannot_be_changed(show: Show, stage: Usd.Stage, cfg: RendererCfg) -> None:
    model, window = show()
    with TiledRenderer(stage, cfg) as renderer:
        bundle = renderer.add_cameras("/World/envs/env_.*/Camera", width=16, height=16, outputs=("rgb",))
        model.attach(renderer)
        frames(model, window)
        renderer.render(bundle)
        model.capture()
        frames(model, window)
        assert picture_of(window)[..., :3].max() > 60
        double.click(window, "tab_renderer")
        frames(model, window)
        double.tick(window, "output_normals", True)
        frames(model, window)
        assert any("owns this renderer" in text for text in texts(window))
        model.close_stage()


def test_failure_is_shown_and_the_last_picture_stays(
    show: Show, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, window = show(stage)
    before = picture_of(window)
    with monkeypatch.context() as patch:
        patch.setattr(TiledRenderer, "render", lambda *_, **__: 1 / 0)
        model.request_frame()
        frames(model, window)
    np.testing.assert_array_equal(picture_of(window), before)
    assert any("ZeroDivisionError" in text for text in texts(window))


def test_window_leaves_nothing_behind(make_model: Callable[..., ViewModel], stage: Usd.Stage) -> None:
    model = make_model(stage)
    counts = []
    for _ in range(4):
        window = RendererWindow(model)
        frames(model, window)
        for tab in ("renderer", "materials", "tiles"):
            double.click(window, f"tab_{tab}")
            frames(model, window)
        gone = weakref.ref(window)
        window.destroy()
        window.destroy()
        del window
        gc.collect()
        assert gone() is None
        assert ui.Workspace.get_windows() == []
        assert not model.tiles.shown
        assert model._views == []
        counts.append(sum(issubclass(type(thing), ui.Widget) for thing in gc.get_objects()))
    assert counts[-1] <= counts[0]


def test_window_that_is_dropped_without_destroy_is_collected(
    make_model: Callable[..., ViewModel], stage: Usd.Stage
) -> None:
    model = make_model(stage)
    window = RendererWindow(model)
    frames(model, window)
    for tab in ("renderer", "materials", "tiles"):
        double.click(window, f"tab_{tab}")
        frames(model, window)
    gone = [weakref.ref(thing) for thing in (window, *(tab for _, _, tab in window._tabs))]
    del window
    gc.collect()
    assert [thing() for thing in gone] == [None] * 4
    model.update()


def test_rebuilt_sections_let_their_widgets_go(show: Show, stage: Usd.Stage) -> None:
    model, window = show(stage)
    double.click(window, "tab_renderer")
    counts = []
    for i in range(6):
        model.renderer.set_size(20 + i, 20)  # has the sections built anew
        frames(model, window)
        gc.collect()
        counts.append(Counter(type(thing).__qualname__ for thing in gc.get_objects() if _is_of_the_window(thing)))
    assert counts[-1] == counts[1]


def _is_of_the_window(thing: object) -> bool:
    return issubclass(type(thing), ui.Widget) or "ovrtx_render.ui" in str(type(thing).__module__)


def test_layout_comes_back(make_model: Callable[..., ViewModel], stage: Usd.Stage) -> None:
    kept: dict[str, Any] = {}
    store = SimpleNamespace(load=lambda: dict(kept), save=kept.update)
    model = make_model(stage, store=store)
    window = RendererWindow(model)
    frames(model, window)
    double.choose(window, "output", "depth")
    double.click(window, "tab_renderer")
    frames(model, window)
    window.destroy()
    assert (kept["tab"], kept["output"]) == (0, "depth")
    again = ViewModel(store=store, inline=True)
    window = RendererWindow(again)
    double.draw(window)
    assert double.find(window, "tab_renderer").checked
    window.destroy()
    again.close()


def test_png_button_writes_what_is_seen(show: Show, stage: Usd.Stage, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="writing PNG needs Pillow")
    model, window = show(stage)
    double.click(window, "save_png")
    written = np.asarray(image.open(tmp_path / "out" / "rgb_0001.png"))
    np.testing.assert_array_equal(written, picture_of(window))
    frames(model, window)
    assert "rgb_0001.png" in model.messages[-1].text


class _OnGpu:
    """A picture that says it is on a GPU; its memory is the host's, which the double reads in its place."""

    def __init__(self, ordinal: int) -> None:
        self.memory = np.random.default_rng(1).integers(0, 256, (6, 8, 4), np.uint8)
        device = SimpleNamespace(is_cuda=True, ordinal=ordinal)
        self.pixels = SimpleNamespace(device=device, ptr=self.memory.ctypes.data)
        self.width, self.height = 8, 6

    def host(self) -> np.ndarray:
        return self.memory


@pytest.mark.parametrize("has_array", [True, False])
def test_pictures_of_the_host_go_as_arrays_where_the_library_takes_them(
    has_array: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    for name in ("set_data_array", "set_bytes_data"):
        real = getattr(ui.ByteImageProvider, name)
        monkeypatch.setattr(
            ui.ByteImageProvider, name, lambda *a, real=real, name=name: (taken.append(name), real(*a))[1]
        )
    if not has_array:
        monkeypatch.delattr(ui.ByteImageProvider, "set_data_array")
    pixels = np.arange(5 * 7 * 4, dtype=np.uint8).reshape(5, 7, 4)[:, ::-1]  # not contiguous
    window = ui.Window("picture", width=100, height=100)
    with window.frame:
        view = ImageView(identifier="image")
    view.show_pixels(pixels)
    double.draw(window)
    np.testing.assert_array_equal(double.find(window, "image")._image(), pixels)
    assert taken == ["set_data_array" if has_array else "set_bytes_data"]
    view.destroy()
    window.destroy()


@pytest.mark.parametrize(("ordinal", "works", "from_gpu"), [(0, True, True), (1, True, False), (0, False, False)])
def test_pictures_go_from_the_first_gpu_without_a_host_copy(
    ordinal: int, works: bool, from_gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not works:
        monkeypatch.setattr(
            ui.ByteImageProvider, "set_bytes_data_from_gpu", lambda *_: ctypes.CDLL("no such library"), raising=True
        )
    monkeypatch.setattr(ui.ByteImageProvider, "read_gpu", ctypes.string_at)
    told: list[str] = []
    window = ui.Window("picture", width=100, height=100)
    with window.frame:
        view = ImageView(told.append, identifier="image")
    for _ in range(2):
        picture = _OnGpu(ordinal)
        expected = picture.memory.copy()
        view.show(picture)
        needed = weakref.ref(picture)
        del picture
        gc.collect()
        assert (needed() is not None) == from_gpu  # the upload happens later
        double.draw(window)
        np.testing.assert_array_equal(double.find(window, "image")._image(), expected)
    assert view.from_gpu == from_gpu
    assert len(told) == (0 if works else 1)
    view.destroy()
    view.destroy()
    window.destroy()
