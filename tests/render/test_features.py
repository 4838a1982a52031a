"""Shading functions are made for the features of a scene: what it lacks is not even generated."""

from __future__ import annotations

from pathlib import Path

import pytest
import warp as wp

from omni.isaac.ovrtx_render.backends.warp.features import (
    ANALYTIC,
    COAT,
    FEATURES,
    LOCAL_LIGHTS,
    PBR,
    SKY,
    TEXTURES,
    by_features,
)
from omni.isaac.ovrtx_render.backends.warp.shading import shade_kernel


@by_features
def inner(x: float) -> float:
    if wp.static((FEATURES & COAT) != 0):
        return x + 1.0
    return x


@by_features
def outer(x: float) -> float:
    y = inner(x) * 10.0
    if wp.static((FEATURES & PBR) != 0):
        y = y + 5.0
    return y


@pytest.mark.parametrize(("features", "wanted"), [(0, 20.0), (int(PBR), 25.0), (PBR | COAT, 35.0), (int(COAT), 30.0)])
def test_a_function_and_what_it_calls_are_made_for_a_set_of_features(features: int, wanted: float) -> None:
    made = outer.of(features)
    assert outer.of(features) is made

    @wp.kernel(enable_backward=False, module="unique")
    def ask(out: wp.array(dtype=float)):
        out[0] = made(2.0)

    out = wp.zeros(1, dtype=float, device="cpu")
    wp.launch(ask, dim=1, inputs=[out], device="cpu")
    assert out.numpy()[0] == wanted


def source_of(features: int, folder: Path) -> str:
    wp.compile_aot_module(shade_kernel(features).module, device="cpu", module_dir=folder)
    return next(folder.glob("*.cpp")).read_text(encoding="utf-8")


def test_what_a_scene_lacks_is_not_generated(tmp_path: Path) -> None:
    plain = source_of(int(ANALYTIC), tmp_path / "plain")
    rich = source_of(ANALYTIC | LOCAL_LIGHTS | TEXTURES | PBR | SKY, tmp_path / "rich")
    for part in ("sample_local_light", "sample_texture", "ggx", "environment_diffuse"):
        assert part in rich
        assert part not in plain
