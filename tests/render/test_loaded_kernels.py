"""What a frame launches was loaded with the scene: no output, preset or write compiles anything on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import warp as wp
from reference import SceneBuilder, look_at
from reference.build import matte, quad

from omni.isaac.ovrtx_render.backends.warp import kernels
from omni.isaac.ovrtx_render.config import PRESETS
from omni.isaac.ovrtx_render.outputs import OUTPUTS
from omni.isaac.ovrtx_render.scene.data import AlphaMode, GeometryKind, LightKind, Scene


def scene_of(alpha: AlphaMode) -> Scene:
    """A card and a ball, a lamp, a sky and a camera."""
    b = SceneBuilder()
    look = matte(0.5, alpha_mode=alpha, opacity=0.5)
    b.add(quad(), material=look)
    b.add(GeometryKind.SPHERE, (0.3,), material=look)
    b.light(LightKind.SPHERE, 1.0, radius=0.1)
    b.light(LightKind.DOME, 0.5)
    b.camera(look_at([0, 0, 4.0], [0, 0, 0], (0, 1, 0)))
    return b.build()


@pytest.mark.parametrize("alpha", [AlphaMode.OPAQUE, AlphaMode.BLEND])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_module_that_is_launched_was_loaded(
    make: Callable, monkeypatch: pytest.MonkeyPatch, preset: str, alpha: AlphaMode
) -> None:
    loaded: list[Any] = []
    launched: dict[str, str] = {}
    force_load, load_shipped, launch = wp.force_load, kernels.load_shipped, wp.launch

    def note_load(device: Any, modules: list[Any], **options: Any) -> None:
        loaded.extend(modules)
        force_load(device, modules, **options)

    def note_shipped(module: Any) -> bool:
        loaded.append(module)
        return load_shipped(module)

    def note_launch(kernel: Any, *arguments: Any, **options: Any) -> Any:
        if kernel.module not in loaded:
            launched[kernel.key] = kernel.module.name
        return launch(kernel, *arguments, **options)

    monkeypatch.setattr(wp, "force_load", note_load)
    monkeypatch.setattr(wp, "launch", note_launch)
    monkeypatch.setattr(kernels, "load_shipped", note_shipped)
    renderer = make(scene_of(alpha), **PRESETS[preset])
    for outputs in (*OUTPUTS, tuple(OUTPUTS)):
        cameras = renderer.add_cameras(None, width=8, height=8, outputs=outputs)
        renderer.render(cameras)
        assert not launched, outputs
