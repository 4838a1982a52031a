"""What ``test_real_kernel.py`` has done in a process of its own: a Kit kernel runs the extension through its life.

Usage: ``python kernel_run.py <folder of extensions> <folder for the stage> <picture to write>``
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

NAME = "omni.isaac.ovrtx_render"


def main(extensions: str, folder: str, picture: str) -> None:
    """Start, enable, open, draw, disable, enable again, draw, quit; prints what was seen as JSON."""
    from omni.kit_app import KitApp

    app = KitApp()
    app.startup(["--no-window", "--ext-folder", extensions, "--enable", "omni.usd", "--enable", "omni.timeline"])
    try:
        seen = live(app, folder, picture)
    finally:
        code = app.shutdown()
    print(json.dumps({**seen, "exit": code or 0}))


def live(app: Any, folder: str, picture: str) -> dict[str, Any]:
    """All between the start and the end of the kernel."""
    import carb.settings
    import omni.kit.app
    import omni.usd
    from kit.stages import make_stage

    manager, context = omni.kit.app.get_app().get_extension_manager(), omni.usd.get_context()
    settings = carb.settings.get_settings()
    for name, value in (("renderer/backend", "warp"), ("renderer/device", "cpu"), ("width", 64), ("height", 64)):
        settings.set(f"/exts/{NAME}/{name}", value)
    stage = make_stage(4)
    url = str(Path(folder) / "stage.usda")
    stage.GetRootLayer().Export(url)
    seen: dict[str, Any] = {"kit": omni.kit.app.get_app().get_kit_version()}

    began = time.perf_counter()
    assert manager.set_extension_enabled_immediate(NAME, True)
    seen["start"] = time.perf_counter() - began
    assert context.open_stage(url)
    turn(app)
    seen["first"] = draw(picture)
    assert manager.set_extension_enabled_immediate(NAME, False)
    turn(app)
    seen["enabled"] = manager.is_extension_enabled(NAME)
    assert manager.set_extension_enabled_immediate(NAME, True)
    turn(app)
    seen["second"] = draw(picture)  # of a stage that was opened before the extension was enabled
    context.close_stage()
    turn(app)
    assert manager.set_extension_enabled_immediate(NAME, False)
    turn(app)
    return seen


def turn(app: Any) -> None:
    """Some updates: much of Kit takes effect on the next one."""
    for _ in range(20):
        app.update()


def draw(picture: str) -> dict[str, Any]:
    """Have the service draw; returns what the images are like."""
    from omni.isaac.ovrtx_render.images import mosaic, write_png
    from omni.isaac.ovrtx_render.kit import running

    service = running()
    assert service is not None and service.stage is not None
    images = {name: array.numpy() for name, array in service.render().items()}
    write_png(Path(picture), mosaic(images["rgb"]))
    return {
        "shape": list(images["rgb"].shape),
        "red": int(images["rgb"][:, 32, 32, 0].min()),
        "depth": images["depth"][:, 32, 32, 0].tolist(),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
