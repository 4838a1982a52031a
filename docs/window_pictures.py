"""Draws the pictures of docs/window.md: the real window and renderer, laid out by the double of omni.ui.

Run it as ``python docs/window_pictures.py``; it writes ``docs/images/window_*.jpg`` and ``data/preview.png``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
sys.path.append(str(ROOT / "tests" / "doubles"))

import omni.ui as ui  # noqa: E402
from omni.ui import double  # noqa: E402
from pxr import Sdf, Usd, UsdShade  # noqa: E402
from ui_picture import draw_window  # noqa: E402

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer, TransformBinding  # noqa: E402
from omni.isaac.ovrtx_render.demo import DemoScene, build_stage  # noqa: E402
from omni.isaac.ovrtx_render.ui.canvas import Compare  # noqa: E402
from omni.isaac.ovrtx_render.ui.model import ViewModel  # noqa: E402
from omni.isaac.ovrtx_render.ui.window import RendererWindow  # noqa: E402

ENVS = 24
SIZE = (960, 620)
PREVIEW = (800, 450)


class Tour:
    """A window over the demo scene.

    Args:
        folder: Where the stage is written to: fixes and findings name files.
    """

    def __init__(self, folder: Path) -> None:
        made: DemoScene = build_stage(ENVS)
        made.stage.GetRootLayer().Export(str(folder / "workcell.usda"))
        self.scene = replace(made, stage=Usd.Stage.Open(str(folder / "workcell.usda")))
        self.model = ViewModel(RendererCfg(backend="warp", samples_per_pixel=4), inline=True, folder=folder)
        self.model.renderer.set_view(width=128, height=128)
        self.window = RendererWindow(self.model, width=SIZE[0], height=SIZE[1])
        self.model.open(self.scene.stage)
        self.number = 0
        self.bindings: dict[TiledRenderer, TransformBinding] = {}
        self.model.session.prepare = self.write_poses

    def frames(self, count: int = 6) -> None:
        for _ in range(count):
            self.model.update()
            double.draw(self.window)

    def step(self, number: int) -> None:
        """Let the arms move on."""
        self.number = number
        self.model.request_frame()
        self.frames(3)

    def write_poses(self, renderer: TiledRenderer) -> None:
        """What a simulation does before a frame, for every renderer that draws it."""
        if renderer not in self.bindings:
            self.bindings[renderer] = renderer.bind_transforms(self.scene.body_paths)
        positions, quaternions = self.scene.pose(self.number)
        self.bindings[renderer].write(positions, quat_xyzw=quaternions)

    def save(self, name: str) -> None:
        path = ROOT / "docs" / "images" / f"window_{name}.jpg"
        draw_window(self.window).save(path, quality=78, subsampling=0, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB", flush=True)

    def point(self, row: int, u: float, v: float) -> None:
        x, y, w, h = self.model.tiles.grid.box(row) or (0.0, 0.0, 0.0, 0.0)
        double.mouse(self.window, "canvas", "moved", x + u * w, y + v * h)
        self.frames()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        draw_all(Tour(Path(folder)))


def draw_all(tour: Tour) -> None:
    began = time.perf_counter()
    model, window = tour.model, tour.window
    tour.frames(8)
    model.tiles.move(model.tiles.grid.fitted())
    for number in range(0, 24, 3):
        tour.step(number)
    tour.point(9, 0.55, 0.6)
    tour.save("tiles")
    window.width, window.height = PREVIEW
    tour.frames()
    model.tiles.move(model.tiles.grid.fitted())
    tour.point(9, 0.55, 0.6)
    draw_window(window).save(ROOT / "data" / "preview.png", optimize=True)
    window.width, window.height = SIZE
    double.choose(window, "output", "depth")
    tour.frames()
    model.tiles.move(model.tiles.grid.fitted())
    double.choose(window, "color_map", "turbo")
    tour.frames()
    tour.point(9, 0.55, 0.6)
    tour.save("depth")
    double.choose(window, "output", "rgb")
    tour.frames()
    model.freeze()
    tour.step(40)
    double.choose(window, "compare", "difference")
    tour.frames()
    double.choose(window, "color_map", "inferno")
    model.tiles.move(model.tiles.grid.fitted())
    tour.point(9, 0.5, 0.35)
    tour.save("difference")
    model.stop_comparing()
    # Newton does not filter textures: with few samples their finest lines become speckle.
    model.renderer.configure(samples_per_pixel=16)
    model.renderer.set_size(192, 192)
    model.compare_backend("newton")
    tour.frames()
    model.tiles.focus(9)
    model.tiles.set_compare(Compare.SPLIT)
    tour.frames()
    tour.point(9, 0.4, 0.7)
    tour.save("split")
    model.tiles.focus(None)
    model.stop_comparing()
    model.renderer.configure(samples_per_pixel=4)
    model.renderer.set_size(128, 128)
    tour.frames()
    model.frame_times.clear()
    for number in range(40, 88, 2):
        tour.step(number)
    double.click(window, "tab_renderer")
    tour.frames()
    tour.save("renderer")
    double.find(window, "section_cameras").collapsed = True
    double.find(window, "section_options").collapsed = True
    tour.frames()
    tour.save("times")
    model.close_stage()
    spoil(tour.scene)
    model.open(tour.scene.stage)
    model.tab = 1
    tour.frames()
    model.tab = 2
    tour.frames()
    model.materials.select(next(finding for finding in model.materials.findings if finding.fix))
    tree = next(widget for widget in double.walk(window.frame) if isinstance(widget, ui.TreeView))
    tree.set_expanded(model_items(tree)[0], True, False)
    tour.frames()
    tour.save("materials")
    model.tab = 1
    tour.frames()
    x, y, w, h = model.tiles.grid.box(9) or (0.0, 0.0, 0.0, 0.0)
    double.mouse(window, "canvas", "pressed", x + 0.7 * w, y + 0.8 * h, 1, 0)
    tour.frames()
    tour.save("picked")
    double.click(window, "tab_tiles")
    tour.frames()
    double.choose(window, "look", "binding")
    tour.frames()
    tour.save("binding")
    window.destroy()
    model.close()
    print(f"{time.perf_counter() - began:.0f} s")


def model_items(tree: ui.TreeView) -> list[ui.AbstractItem]:
    model = tree._model()
    return model.get_item_children(None)


def spoil(scene: DemoScene) -> None:
    """Break some materials of the stage, as people do."""
    stage = scene.stage
    looks = "/World/Looks"
    for path in ("table/Texture_diffuseColor", "tyre/Texture_normal", "dark/Shader"):
        assert stage.GetPrimAtPath(f"{looks}/{path}"), path
    wood = stage.GetPrimAtPath(f"{looks}/table/Texture_diffuseColor")
    wood.GetAttribute("inputs:file").Set(Sdf.AssetPath("./textures/wood_missing.png"))
    tread = UsdShade.Shader(stage.GetPrimAtPath(f"{looks}/tyre/Texture_normal"))
    tread.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    UsdShade.Shader(stage.GetPrimAtPath(f"{looks}/dark/Shader")).GetIdAttr().Set("MyStudioSurface")


if __name__ == "__main__":
    main()
