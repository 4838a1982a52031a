"""What a stage loses on its way through OVRTX is told before it is rendered (through the contract double)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
pytest.importorskip("PIL", reason="needs the extra 'standalone'")

import numpy as np
from gallery import CASES
from pictures import PLAIN, photograph
from pxr import Usd

from omni.isaac.ovrtx_render.backends.ovrtx import hardware
from omni.isaac.ovrtx_render.inspect import check

SIZE = 32
PRODUCT = """#usda 1.0
(
    defaultPrim = "Tiled"
)
def Scope "Tiled"
{
    def RenderProduct "Product"
    {
        rel camera = [</World/Camera>]
        uniform int2 resolution = (32, 32)
        rel orderedVars = [</Tiled/Product/LdrColor>]
        token[] omni:rtx:waitForEvents = ["AllLoadingFinished", "OnlyOnFirstRequest"]
        def RenderVar "LdrColor"
        {
            uniform string sourceName = "LdrColor"
        }
    }
}
"""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, play_ovrtx: Callable[..., Any], device: str) -> Any:
    """The double in the place of OVRTX 0.5.0, on a machine that seems to have an RTX GPU."""
    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu("NVIDIA RTX 6000", 89)])
    monkeypatch.setattr(hardware, "driver_version", lambda: (580, 95, 5))
    settings = {**PLAIN, "headlight": False, "samples_per_pixel": 1}
    return play_ovrtx("0.5.0", renderer=settings, device=device)


def codes(stage: Usd.Stage) -> set[str]:
    return {finding.code for finding in check(stage, backend="ovrtx").findings}


@pytest.mark.parametrize("code", ["asset-path-unanchored", "binding-out-of-scope", "material-missing", "no-light"])
def test_our_route_shows_what_the_finding_says(code: str, library: Any, tmp_path: Path, device: str) -> None:
    case = CASES[code]
    draw = {"samples_per_pixel": 1, "exposure": -1.0, "headlight": False, "backend": "ovrtx"}
    broken, intact = case.stage(tmp_path / "broken"), case.stage(tmp_path / "intact", broken=False)
    assert code in codes(broken) and codes(intact) == set()
    lost, right = photograph(broken, device, SIZE, **draw), photograph(intact, device, SIZE, **draw)
    assert np.abs(lost.astype(int) - right).mean() > 1.0
    if code == "no-light":
        assert lost[:, :, 0].max() <= 40, "black but for the background"
    for finding in (report := check(broken, backend="ovrtx")).findings:
        report.fix(finding).apply()
    assert codes(broken) == set()
    mended = photograph(broken, device, SIZE, **draw)
    assert np.abs(mended.astype(int) - right).max() <= 2


def test_a_reference_loses_the_binding_that_was_told_of(library: Any, tmp_path: Path) -> None:
    case = CASES["binding-leaves-default-prim"]
    broken, intact = case.stage(tmp_path / "broken"), case.stage(tmp_path / "intact", broken=False)
    assert codes(broken) == {"binding-leaves-default-prim"} and codes(intact) == set()
    asset, sound = (stage.GetRootLayer().realPath for stage in (broken, intact))

    def drawn(file: str, whole: bool) -> np.ndarray:
        renderer = library.Renderer(library.RendererConfig(suppress_deprecation_warnings=True))
        if whole:
            renderer.open_usd(file)
        else:
            renderer.open_usd_from_string("#usda 1.0\n(\n    metersPerUnit = 1\n)\n")
            renderer.add_usd_reference(file, "/World")
        return picture(library, renderer)

    assert np.array_equal(drawn(sound, True), drawn(sound, False))
    assert np.array_equal(drawn(asset, True), drawn(sound, True)), "opened itself it is whole"
    panel = (SIZE // 2, 3 * SIZE // 4)
    lost = drawn(asset, False)[panel][:3].astype(int)
    assert np.ptp(lost) <= 6 < np.ptp(drawn(sound, False)[panel][:3].astype(int)), "grey in place of blue"


def test_clones_lose_the_instances_that_were_told_of(library: Any, tmp_path: Path) -> None:
    case = CASES["clone-loses-instances"]
    broken, intact = case.stage(tmp_path / "broken"), case.stage(tmp_path / "intact", broken=False)
    assert codes(broken) == {"clone-loses-instances"} and codes(intact) == set()

    def drawn(stage: Usd.Stage) -> np.ndarray:
        # Only the clone is drawn: the source moves away, as the placing of environments does it.
        stage.RemovePrim("/World/envs/env_1")
        for path in ("/World/Box", "/World/Panel"):
            stage.RemovePrim(path)
        renderer = library.Renderer(library.RendererConfig(suppress_deprecation_warnings=True))
        renderer.open_usd_from_string(stage.GetRootLayer().ExportToString())
        renderer.clone_usd("/World/envs/env_0", ["/World/envs/env_1"])
        away = np.eye(4)[None].copy()
        away[0, 3, 0] = 1000.0
        renderer.write_attribute(["/World/envs/env_0"], "omni:xform", away, semantic=library.Semantic.XFORM_MAT4x4)
        return picture(library, renderer)

    lost, right = drawn(broken), drawn(intact)
    assert (right[:, :, 0] > 100).any() and not (lost[:, :, 0] > 100).any()


def picture(library: Any, renderer: Any) -> np.ndarray:
    """(32, 32, 4) picture of the camera."""
    renderer.add_usd_reference_from_string(PRODUCT, "/Tiled")
    renderer.write_array_attribute(["/Tiled/Product"], "camera", [["/World/Camera"]])
    for _ in range(4):
        out = renderer.step({"/Tiled/Product"}, 1 / 60)
    frame = out["/Tiled/Product"].frames[0]
    key = next(name for name in frame.render_vars if name.endswith("LdrColor"))
    with frame.render_vars[key].map() as mapped:
        return np.from_dlpack(mapped).copy()
