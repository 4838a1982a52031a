"""The view-model on a real renderer: choices, frames, comparison, messages, what is remembered."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade
from ui_helpers import COUNT, make_stage, settle

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.registry import Probe
from omni.isaac.ovrtx_render.ui import session as session_module
from omni.isaac.ovrtx_render.ui.canvas import Canvas, Compare, Picture, Scenery
from omni.isaac.ovrtx_render.ui.layout import layout_of
from omni.isaac.ovrtx_render.ui.model import ViewModel
from omni.isaac.ovrtx_render.ui.tile_statistics import Flag

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., ViewModel]


def tile(model: ViewModel, row: int) -> np.ndarray:
    """What the picture shows of a tile, without its border and number."""
    x, y, w, h = (int(v) for v in model.tiles.grid.box(row))
    return model.tiles.picture.host()[y + h // 2 : y + h, x + w // 2 : x + w, :3]


def test_stage_is_drawn_and_shown(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    assert model.renderer.state == f"warp: {COUNT} cameras, 32 x 24, frame 1"
    assert [group.name for group in model.renderer.cameras] == ["Camera", "/World/Overview"]
    assert model.tiles.outputs == ["rgb", "depth", "instance_id_segmentation_fast"]
    assert (model.tiles.picture.width, model.tiles.picture.height) == (300, 200)
    strongest = [int(tile(model, row).reshape(-1, 3).mean(0).argmax()) for row in range(COUNT)]
    assert strongest == [0, 1, 2, 0]  # the colours of the cubes
    assert model.tiles.summary == "1-4 of 4 tiles"
    assert not model.messages


def test_nothing_is_drawn_while_nobody_looks(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    model.tiles.shown = False
    picture, step = model.tiles.picture, model.session.step
    for _ in range(3):
        model.request_frame()
        model.tiles.point(50, 50)
        settle(model)
    assert (model.tiles.picture, model.session.step) == (picture, step)
    model.tiles.shown = True
    settle(model)
    assert model.session.step == step + 1
    assert model.tiles.picture is not picture


def test_edits_of_the_stage_are_drawn(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    before = tile(model, 1).copy()
    UsdGeom.Cube(stage.GetPrimAtPath("/World/envs/env_1/Cube")).GetDisplayColorAttr().Set([Gf.Vec3f(1, 1, 1)])
    settle(model)
    np.testing.assert_array_equal(tile(model, 1), before)  # nobody asked for a frame
    model.request_frame()
    settle(model)
    assert tile(model, 1).mean() > before.mean() + 40


def test_only_visible_tiles_are_copied(make_model: Make) -> None:
    model = make_model(make_stage(60))
    settle(model)
    tiles = model.tiles
    tiles.move(replace(tiles.grid, cell=90.0))
    settle(model)
    copied = model.tiles._frame.a.tiles
    assert tiles.grid.visible_rows.tolist() == copied.rows[: len(tiles.grid.visible_rows)].tolist()
    assert len(copied.rows) <= 2 * len(tiles.grid.visible_rows) < 30  # and the next page
    tiles.move(tiles.grid.scrolled(0, tiles.grid.pitch))
    settle(model)
    assert model.tiles._frame.a.tiles is copied
    step = model.session.step
    tiles.move(tiles.grid.paged(2))
    assert tiles.grid.visible_rows[0] >= 6
    settle(model)
    assert set(tiles.grid.visible_rows) < set(model.tiles._frame.a.tiles.rows)
    assert tiles.picture.missing == 0
    assert model.session.step == step  # the frame is the same one


def test_readout_has_value_unit_and_label(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    tiles = model.tiles
    x, y, w, h = tiles.grid.box(2)
    for output, expected in {"depth": "5.000 m", "instance_id_segmentation_fast": "/World/envs/env_2/Cube"}.items():
        tiles.show_output(output)
        tiles.point(x + w / 2, y + h / 2)
        settle(model)
        assert (tiles.readout.row, tiles.readout.env, tiles.readout.x, tiles.readout.y) == (2, 2, 16, 12)
        assert expected in tiles.readout.text
    tiles.show_output("depth")
    tiles.point(x + 1, y + h - 1)
    settle(model)
    assert tiles.readout.value == "no hit"
    tiles.leave()
    settle(model)
    assert tiles.readout is None


def test_frozen_frame_is_compared_with_the_next(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    model.freeze()
    assert model.compared_with == "frame 1"
    UsdGeom.Cube(stage.GetPrimAtPath("/World/envs/env_1/Cube")).GetDisplayColorAttr().Set([Gf.Vec3f(1, 1, 1)])
    model.request_frame()
    model.tiles.set_compare(Compare.DIFFERENCE)
    settle(model)
    same, other = tile(model, 0), tile(model, 1)
    assert len(np.unique(same.reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(other.reshape(-1, 3), axis=0)) > 1
    model.tiles.set_compare(Compare.REFERENCE)
    settle(model)
    assert tile(model, 1).reshape(-1, 3).mean(0).argmax() == 1  # still green
    model.stop_comparing()
    settle(model)
    assert model.compared_with == ""
    assert tile(model, 1).min() > 0 or tile(model, 1).std(-1).max() < 3


def test_two_configurations_draw_the_same_frame(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    model.compare_backend("warp", exposure=1.0)
    settle(model)
    a, b = model.tiles._frame.a, model.tiles._frame.b
    assert b.step == a.step
    assert b.tiles.pixels.numpy().mean() > a.tiles.pixels.numpy().mean() + 5
    assert len(model.other_times) > 0
    model.stop_comparing()
    assert model.session.other is None


def test_options_change_the_picture(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    before = tile(model, 0).mean()
    options = {option.name: option for option in model.renderer.options}
    assert options["exposure"].value == 0.0
    assert "stops" in options["exposure"].doc
    assert model.renderer.set_option(options["exposure"], "1.5")
    settle(model)
    assert tile(model, 0).mean() > before + 10
    assert model.renderer.cfg.exposure == 1.5


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("samples_per_pixel", "0", "samples_per_pixel is 0; it must be a whole number from 1 to 1024"),
        ("samples_per_pixel", "two", "'two' is no number"),
        ("samples_per_pixel", "1.5", "no whole number"),
        ("background", "1 2", "three linear colour values"),
        ("exposure", "bright", "exposure is 'bright'"),
    ],
)
def test_wrong_options_are_told_and_change_nothing(make_model: Make, name: str, text: str, told: str) -> None:
    model = make_model()
    cfg = model.renderer.cfg
    option = next(option for option in model.renderer.options if option.name == name)
    assert not model.renderer.set_option(option, text)
    assert told in model.renderer.problem
    assert model.renderer.cfg == cfg
    model.update()
    assert told in model.messages[-1].text
    model.update()
    assert len(model.messages) == 1  # told once


def test_backends_are_listed_with_reasons(make_model: Make) -> None:
    model = make_model()
    choices = {choice.name: choice for choice in model.renderer.backends}
    assert next(iter(choices)) == "auto"
    assert choices["warp"].available
    assert all(choice.reason for choice in choices.values())
    missing = next((choice for choice in choices.values() if not choice.available), None)
    if missing is not None:
        model.renderer.choose_backend(missing.name)
        assert missing.reason in model.renderer.problem
        assert model.renderer.cfg.backend == "warp"


def test_failing_backend_keeps_the_picture(make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(stage)
    settle(model)
    picture = model.tiles.picture

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(TiledRenderer, "__init__", refuse)
        model.renderer.configure(samples_per_pixel=2)
        settle(model)
        assert "out of memory" in model.messages[-1].text
        assert model.tiles.picture is not None
        model.request_frame()
        settle(model)  # the old renderer goes on
        assert model.session.step >= 2
    assert picture is not None
    model.renderer.retry()
    settle(model)
    assert model.renderer.error == ""
    assert model.session.renderer.cfg.samples_per_pixel == 2


def test_failing_frame_is_told_and_the_next_one_is_drawn(
    make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(stage)
    settle(model)
    with monkeypatch.context() as patch:
        patch.setattr(TiledRenderer, "render", lambda *_, **__: 1 / 0)
        model.request_frame()
        settle(model)
    assert "ZeroDivisionError" in model.messages[-1].text
    step = model.session.step
    model.request_frame()
    settle(model)
    assert model.session.step == step + 1
    assert model.renderer.error == ""


def test_stage_without_cameras_is_told(make_model: Make) -> None:
    stage = Usd.Stage.CreateInMemory()
    model = make_model(stage)
    settle(model)
    assert "no camera" in model.renderer.state
    UsdGeom.Camera.Define(stage, "/Camera")
    model.request_frame()
    settle(model)
    assert model.session.step == 1


def test_cameras_size_and_outputs_can_be_chosen(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    model.renderer.choose_cameras("/World/Overview")
    model.renderer.set_size(16, 16)
    model.renderer.toggle_output("normals", True)
    model.renderer.toggle_output("rgb", False)
    settle(model)
    assert model.session.bundle.paths == ["/World/Overview"]
    assert model.tiles.outputs == ["depth", "instance_id_segmentation_fast", "normals"]
    assert model.tiles.output == "depth"
    assert model.tiles._frame.a.tiles.pixels.shape == (1, 16, 16, 1)
    assert not model.renderer.set_size(0, 16)
    assert len(model.session.renderer.bundles) == 1


def test_black_tiles_are_flagged_and_can_be_shown_alone(make_model: Make, stage: Usd.Stage) -> None:
    stage.GetPrimAtPath("/World/envs/env_2/Cube").SetActive(False)
    model = make_model(stage)
    settle(model)
    tiles = model.tiles
    assert tiles.statistics.flags.tolist() == [0, 0, Flag.BLACK, 0]
    assert tiles.summary == "1-4 of 4 tiles, 1 black"
    tiles.set_only_flagged(True)
    settle(model)
    assert tiles.grid.rows.tolist() == [2]
    stage.GetPrimAtPath("/World/envs/env_2/Cube").SetActive(True)
    model.request_frame()
    settle(model)
    assert len(tiles.grid.rows) == 0
    tiles.set_only_flagged(False)
    assert len(tiles.grid.rows) == COUNT


def test_selection_and_focus_move_by_keys(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    settle(model)
    tiles = model.tiles
    cell = tiles.grid.cell
    tiles.step_selection(0, 0)
    assert tiles.selected == 0
    tiles.step_selection(1, 0)
    assert tiles.selected == 1
    tiles.focus(1)
    assert tiles.grid.rows.tolist() == [1]
    assert tiles.grid.cell > cell
    tiles.step_selection(1, 0)
    assert tiles.grid.rows.tolist() == [2]
    settle(model)
    assert tile(model, 2).reshape(-1, 3).mean(0).argmax() == 2
    tiles.focus(None)
    assert (len(tiles.grid), tiles.grid.cell) == (COUNT, cell)
    tiles.step_selection(-10, -10)
    assert tiles.selected == 0


def test_attached_renderer_is_looked_at(
    make_model: Make, stage: Usd.Stage, cfg: RendererCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model()
    with TiledRenderer(stage, cfg) as renderer:
        bundle = renderer.add_cameras("/World/envs/env_.*/Camera", width=16, height=16, outputs=("rgb",))
        model.attach(renderer)
        model.update()
        renderer.render(bundle)
        model.capture()
        settle(model)
        assert model.tiles.picture is not None
        assert model.session.step == 1
        assert not model.renderer.configure(samples_per_pixel=4)
        assert "owns this renderer" in model.renderer.problem
        # Another page of the same frame, as long as one thread does both.
        model.tiles.move(model.tiles.grid.zoomed(3.0))
        settle(model)
        assert model.tiles.picture.missing == 0
        copies: list[str] = []
        real = session_module.capture
        monkeypatch.setattr(
            session_module, "capture", lambda b, name, *a, **k: (copies.append(name), real(b, name, *a, **k))[1]
        )
        for _ in range(3):  # the window did not take the first one: there is nobody to copy for
            renderer.render(bundle)
            model.capture()
        assert copies == ["rgb"]
        settle(model)
        model.tiles.shown = False
        model.update()
        renderer.render(bundle)
        model.capture()
        assert model.session.take() is None
        assert copies == ["rgb"]
        model.close_stage()
        assert renderer.render(bundle)["rgb"].shape == (COUNT, 16, 16, 3)  # it is not ours to close


def test_closing_lets_the_stage_go(make_model: Make) -> None:
    stage = make_stage()
    model = make_model(stage)
    settle(model)
    model.compare_backend("warp", exposure=1.0)
    settle(model)
    model.freeze()
    gone = weakref.ref(stage.GetRootLayer())
    model.close_stage()
    del stage
    gc.collect()
    assert gone() is None or gone().expired
    assert model.tiles.picture is None
    model.open(make_stage(2))
    settle(model)
    assert model.tiles.summary == "1-2 of 2 tiles"


def test_slow_frames_never_hold_up_the_application(
    make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(stage, inline=False)
    settle(model)
    real, drawn_by = TiledRenderer.render, set()

    def slow(self: TiledRenderer, *args: Any, **fields: Any) -> Any:
        drawn_by.add(threading.current_thread())
        time.sleep(0.3)
        return real(self, *args, **fields)

    monkeypatch.setattr(TiledRenderer, "render", slow)
    model.request_frame()
    step, pictures, worst = model.session.step, set(), 0.0
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        model.tiles.move(model.tiles.grid.zoomed(1.001))
        began = time.perf_counter()
        model.update()
        worst = max(worst, time.perf_counter() - began)
        pictures.add(id(model.tiles.picture))
        model.request_frame()
        time.sleep(0.005)
    drawn = model.session.step - step
    assert 1 <= drawn <= 6
    assert worst < 0.25  # a frame takes 0.3 s at least
    assert len(pictures) > drawn + 3  # zooming is seen at once, on the frame there is
    assert threading.main_thread() not in drawn_by


def test_stage_is_closed_during_a_frame(make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(stage, inline=False)
    settle(model)
    started, go_on = threading.Event(), threading.Event()
    real = TiledRenderer.render

    def held(self: TiledRenderer, *args: Any, **fields: Any) -> Any:
        started.set()
        assert go_on.wait(30)
        return real(self, *args, **fields)

    monkeypatch.setattr(TiledRenderer, "render", held)
    monkeypatch.setattr("omni.isaac.ovrtx_render.ui.session._PATIENCE", 0.05)
    closed: list[int] = []
    close = TiledRenderer.close
    monkeypatch.setattr(TiledRenderer, "close", lambda self: (closed.append(id(self)), close(self))[1])
    model.request_frame()
    model.update()
    assert started.wait(10)
    old = id(model.session.renderer)
    began = time.monotonic()
    model.close_stage()
    assert time.monotonic() - began < 5.0
    assert not closed
    monkeypatch.setattr(TiledRenderer, "render", real)
    model.open(make_stage(2))
    settle(model)
    assert model.tiles.summary == "1-2 of 2 tiles"
    go_on.set()
    end = time.monotonic() + 10
    while old not in closed and time.monotonic() < end:
        time.sleep(0.01)
    assert closed == [old]


@pytest.mark.parametrize("what", ["close", "open another", "show another output"])
def test_picture_that_was_being_composed_is_not_shown_any_more(
    make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    model = make_model(stage, inline=False)
    settle(model)
    composing, go_on = threading.Event(), threading.Event()
    real = Canvas.compose

    def held(self: Canvas, scenery: Scenery) -> Picture:
        composing.set()
        assert go_on.wait(30)
        return real(self, scenery)

    monkeypatch.setattr(Canvas, "compose", held)
    model.request_frame()
    while not composing.is_set():
        model.update()
    monkeypatch.setattr(Canvas, "compose", real)
    if what == "show another output":
        model.tiles.show_output("depth")
        old = model.tiles.picture
    else:
        model.open(make_stage(2)) if what == "open another" else model.close_stage()
        old = None
    go_on.set()
    while model.tiles._work.busy:
        time.sleep(0.001)
    model.update()
    assert model.tiles.picture is old
    assert model.tiles.statistics is None and model.tiles.readout is None
    settle(model)
    assert (model.tiles.picture is None) == (what == "close")
    if what == "open another":
        assert len(model.tiles.statistics.flags) == 2


def test_layout_is_remembered(make_model: Make, stage: Usd.Stage) -> None:
    class Memory:
        def __init__(self) -> None:
            self.kept: dict[str, Any] = {}

        def load(self) -> dict[str, Any]:
            return self.kept

        def save(self, state: dict[str, Any]) -> None:
            self.kept = state

    memory = Memory()
    model = make_model(stage, store=memory)
    settle(model)
    model.tiles.show_output("depth")
    model.tiles.set_palette(color_map="turbo", reverse=True)
    model.tiles.move(replace(model.tiles.grid, cell=77.0))
    model.renderer.set_size(40, 30)
    model.tab = 1
    model.close()
    again = ViewModel(store=memory, inline=True)
    assert layout_of(again) == memory.kept
    assert (again.tiles.output, again.tiles.palette.color_map, again.tiles.grid.cell) == ("depth", "turbo", 77.0)
    assert (again.renderer.view.width, again.renderer.view.height, again.tab) == (40, 30, 1)
    again.close()


@pytest.mark.parametrize(
    "state",
    [
        {"tab": 9, "cell": float("inf"), "width": "wide", "outputs": ["gone"], "color_map": "pink", "folder": None},
        {"tab": "x", "cell": -5, "width": 0, "height": -1, "outputs": "rgb", "numbers": 3, "output": 4},
        {"tab": 1.0, "cell": 50, "width": 64.0},
    ],
)
def test_damaged_layout_is_survived(state: dict[str, Any]) -> None:
    model = ViewModel(store=SimpleNamespace(load=lambda: state, save=lambda _: None), inline=True)
    assert model.tab in (0, 1, 2)
    assert 8 <= model.tiles.grid.cell <= 128
    assert model.renderer.view.width in (64, 128)
    assert model.renderer.outputs == ["rgb", "depth", "normals", "semantic_segmentation"]
    model.update()
    assert not model.messages
    model.close()


def test_png_and_video_are_written(make_model: Make, stage: Usd.Stage, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="writing PNG needs Pillow")
    model = make_model(stage)
    assert model.save_png() is None
    settle(model)
    path = model.save_png()
    assert path == tmp_path / "out" / "rgb_0001.png"
    np.testing.assert_array_equal(np.asarray(image.open(path)), model.tiles.picture.host())
    pytest.importorskip("imageio_ffmpeg", reason="videos need the extra 'video'")
    path = model.record()
    model.tiles.shown = False  # a recording goes on behind a covered tab
    for _ in range(5):
        model.request_frame()
        settle(model)
    model.record()
    assert model.recorder.close()
    assert model.recorder.problem == ""
    import imageio.v3 as iio

    frames = iio.imread(path)
    assert frames.shape == (5, 200, 300, 3)
    assert np.abs(frames[0].astype(int) - model.tiles.picture.host()[..., :3]).mean() < 6


def test_what_cannot_be_composed_is_told_and_the_next_picture_comes(
    make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(stage)
    settle(model)
    with monkeypatch.context() as patch:
        patch.setattr(type(model.tiles._canvas), "compose", lambda *_: 1 / 0)
        model.request_frame()
        settle(model)
    assert "the tiles cannot be shown: division by zero" in model.messages[-1].text
    picture = model.tiles.picture
    model.request_frame()
    settle(model)
    assert model.tiles.picture is not picture
    assert model.tiles.problem == ""


def test_material_views_are_drawn_and_left_again(make_model: Make, stage: Usd.Stage) -> None:
    model = make_model(stage)
    model.tiles.set_numbers(False)
    settle(model)
    before = model.tiles.picture.host().copy()
    model.choose_look("binding")
    settle(model)
    assert model.tiles.output == "albedo"
    colors = tile(model, 0)
    assert (np.ptp(colors[colors.any(-1)], axis=-1) == 0).all()  # nothing is bound: grey, not red
    model.choose_look("albedo")
    settle(model)
    assert tile(model, 0).reshape(-1, 3).mean(0).argmax() == 0
    model.choose_look("default_material")
    settle(model)
    assert model.tiles.output == "rgb"
    assert np.abs(tile(model, 0).astype(int) - tile(model, 1)).max() <= 2  # one grey for all
    model.choose_look("")
    settle(model)
    np.testing.assert_array_equal(model.tiles.picture.host(), before)
    assert not model.messages


@pytest.mark.parametrize("outputs", [("rgb",), ("rgb", "instance_id_segmentation_fast")])
def test_pixel_is_picked(make_model: Make, stage: Usd.Stage, outputs: tuple[str, ...]) -> None:
    material = UsdShade.Material.Define(stage, "/World/Looks/Paint")
    shader = UsdShade.Shader.Define(stage, "/World/Looks/Paint/Shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.25, 0.5, 0.75))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    cube = stage.GetPrimAtPath("/World/envs/env_2/Cube")
    UsdShade.MaterialBindingAPI.Apply(cube).Bind(material)
    model = make_model(stage)
    model.renderer.set_view(outputs=outputs)
    model.pick()
    assert "point at a pixel" in model.messages[-1].text
    settle(model)
    x, y, w, h = model.tiles.grid.box(2)
    model.tiles.point(x + w / 2, y + h / 2)
    settle(model)
    model.pick()
    settle(model)
    picked = model.materials.picked
    assert model.tab == 2
    assert (picked.path, picked.material, picked.env) == ("/World/envs/env_2/Cube", "/World/Looks/Paint", 2)
    assert picked.look.base_color == pytest.approx((0.25, 0.5, 0.75))
    model.materials.pick(2, 0, 0)
    settle(model)
    assert model.materials.picked is None


def test_findings_are_listed_fixed_and_undone(make_model: Make, stage: Usd.Stage, tmp_path: Path) -> None:
    material = UsdShade.Material.Define(stage, "/World/Looks/Odd")
    shader = UsdShade.Shader.Define(stage, "/World/Looks/Odd/Shader")
    shader.CreateIdAttr("StudioSurface")
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    for i in range(COUNT):
        cube = stage.GetPrimAtPath(f"/World/envs/env_{i}/Cube")
        UsdShade.MaterialBindingAPI.Apply(cube).Bind(material)
    model = make_model(stage)
    settle(model)
    materials = model.materials
    assert materials.summary == "not checked yet"  # nobody looks at the tab
    materials.shown = True
    settle(model)
    node = next(node for node in materials.tree if node.path == "/World/Looks/Odd")
    assert node.severity == "warning"
    assert [child.label for child in node.children] == [f"/World/envs/env_0/Cube x {COUNT}"]
    finding = materials.about("/World/Looks/Odd")[0]
    materials.select(finding)
    assert materials.fix.title in finding.fix
    assert "UsdPreviewSurface" in materials.preview
    picture = model.tiles.picture.host().copy()
    materials.apply()
    settle_materials(model)
    assert len(materials.applied) == 1
    assert finding.code not in [other.code for other in materials.about("/World/Looks/Odd")]
    assert (model.tiles.picture.host() != picture).any()
    materials.save(tmp_path / "fixes.usda")
    assert "UsdPreviewSurface" in (tmp_path / "fixes.usda").read_text(encoding="utf-8")
    materials.undo()
    settle_materials(model)
    assert materials.applied == []
    assert finding in materials.findings
    np.testing.assert_array_equal(model.tiles.picture.host(), picture)
    materials.select(finding)
    model.show_finding()
    assert (model.tab, model.tiles.selected) == (1, 0)


def settle_materials(model: ViewModel) -> None:
    """Let the pause between two checks pass."""
    settle(model)
    time.sleep(0.3)
    settle(model)


def test_stage_is_closed_while_a_backend_is_loaded(
    make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(stage, inline=False)
    loading, closed, real = threading.Event(), [], TiledRenderer.__init__

    def slow(self: TiledRenderer, *args: Any) -> None:
        loading.set()
        time.sleep(0.2)
        real(self, *args)

    close = TiledRenderer.close
    monkeypatch.setattr(TiledRenderer, "__init__", slow)
    monkeypatch.setattr(TiledRenderer, "close", lambda self: (closed.append(self), close(self))[1])
    model.update()
    assert loading.wait(10)
    assert model.renderer.state.startswith("loading the backend")
    model.close_stage()
    assert len(closed) == 1
    assert model.renderer.state == "no stage is open"


def test_freezing_waits_for_the_frame_that_is_being_drawn(
    make_model: Make, stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(stage, inline=False)
    model.freeze()
    assert "no frame to freeze yet" in model.messages[-1].text
    settle(model)
    go_on, real = threading.Event(), TiledRenderer.render

    def held(self: TiledRenderer, *args: Any, **fields: Any) -> Any:
        assert go_on.wait(30)
        return real(self, *args, **fields)

    monkeypatch.setattr(TiledRenderer, "render", held)
    model.request_frame()
    model.update()
    model.freeze()
    assert model.compared_with == ""
    go_on.set()
    settle(model)
    assert model.compared_with == "frame 2"


def test_attached_frames_drawn_by_another_thread_are_frozen_there(
    make_model: Make, stage: Usd.Stage, cfg: RendererCfg
) -> None:
    model = make_model()
    with TiledRenderer(stage, cfg) as renderer:
        bundle = renderer.add_cameras("/World/envs/env_.*/Camera", width=16, height=16, outputs=("rgb",))
        model.attach(renderer)

        def train() -> None:
            renderer.render(bundle)
            model.capture()

        for _ in range(2):
            model.update()
            thread = threading.Thread(target=train)
            thread.start()
            thread.join(60)
            settle(model)
            if model.session.step == 1:
                model.freeze()
                assert model.compared_with == ""
                model.materials.pick(0, 8, 8)
                assert "another thread draws" in model.materials.problem
        assert model.compared_with == "frame 2"
        assert model.tiles.picture is not None
        model.close_stage()


def test_import_needs_neither_usd_nor_a_window() -> None:
    code = """
import sys
sys.modules["pxr"] = sys.modules["omni.ui"] = sys.modules["carb"] = None
from omni.isaac.ovrtx_render.ui.layout import layout_of
from omni.isaac.ovrtx_render.ui.model import ViewModel
model = ViewModel(inline=True)
model.update()
print(model.renderer.state)
model.close()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1:] == ["no stage is open"], done.stderr


@pytest.mark.parametrize(
    ("backend", "loads_here", "draws_here"),
    [("warp", False, False), ("ovrtx", True, False), ("isaac_rtx", True, True), ("auto", False, False)],
)
def test_what_needs_the_thread_of_the_application_gets_it(
    make_model: Make,
    stage: Usd.Stage,
    cfg: RendererCfg,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    loads_here: bool,
    draws_here: bool,
) -> None:
    threads: dict[str, threading.Thread] = {}
    load, render = TiledRenderer.__init__, TiledRenderer.render

    def loading(self: TiledRenderer, source: Any, wanted: RendererCfg) -> None:
        threads["load"] = threading.current_thread()
        load(self, source, wanted.replace(backend="warp"))  # the others cannot run here

    def rendering(self: TiledRenderer, *args: Any, **fields: Any) -> Any:
        threads["draw"] = threading.current_thread()
        return render(self, *args, **fields)

    monkeypatch.setattr(TiledRenderer, "__init__", loading)
    monkeypatch.setattr(TiledRenderer, "render", rendering)
    monkeypatch.setattr(TiledRenderer, "backend_name", property(lambda self: backend))
    monkeypatch.setattr("omni.isaac.ovrtx_render.ui.drawer.probe_all", lambda: [Probe("warp", True, "a test")])
    model = make_model(stage, cfg=cfg.replace(backend=backend), inline=False)
    settle(model)
    main = threading.main_thread()
    assert (threads["load"] is main, threads["draw"] is main) == (loads_here, draws_here)


@pytest.mark.parametrize(("size", "taken"), [((16384, 1), True), ((1, 16385), False), ((0, 8), False)])
def test_images_may_be_as_large_here_as_everywhere(make_model: Make, size: tuple[int, int], taken: bool) -> None:
    model = make_model()
    assert model.renderer.set_size(*size) is taken
    assert ("from 1 to 16384" in model.renderer.problem) is not taken
