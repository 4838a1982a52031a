"""Each broken stage of the gallery raises exactly its finding, and its fix gives the picture of the intact stage."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")
pytest.importorskip("PIL", reason="needs the extra 'standalone'")

import numpy as np
from gallery import CASES
from pictures import photograph
from pxr import Sdf

from omni.isaac.ovrtx_render import RendererCfg
from omni.isaac.ovrtx_render.inspect import CODES, check


def test_every_code_has_a_broken_stage() -> None:
    assert set(CASES) == set(CODES)


@pytest.mark.parametrize("code", CASES)
def test_exactly_that_finding_and_no_other(code: str, tmp_path: Path) -> None:
    case = CASES[code]
    stage = case.stage(tmp_path / "broken")
    report = check(stage, RendererCfg().replace(**case.cfg), outputs=case.outputs)
    assert {finding.code for finding in report.findings} == {code}, report.findings
    for finding in report.findings:
        assert finding.backends and finding.message
        assert finding.path == "/" or stage.GetPrimAtPath(finding.path)
        assert bool(finding.fix) == (case.repairs is not None) or code in ("semantics-missing", "light-level")


@pytest.mark.parametrize("code", CASES)
def test_the_intact_stage_raises_nothing(code: str, tmp_path: Path) -> None:
    case = CASES[code]
    report = check(
        case.stage(tmp_path / "intact", broken=False), RendererCfg().replace(**case.cfg), outputs=case.outputs
    )
    assert report.findings == []


FIXED = [code for code, case in CASES.items() if case.repairs]
"""Codes whose fix mends the picture."""

SAME_PICTURE = {
    "binding-api-missing", "shader-unknown-to-rtx", "clone-loses-instances", "partition-mismatch", "mdl-module-missing",
    "mdl-module-guessed", "exposure-extreme", "uv-set-name", "shader-connection-broken", "normals-opposed",
}  # fmt: skip
"""Codes that only other backends mind: the Warp backend draws the broken stage as the intact one."""


@pytest.mark.parametrize("code", FIXED)
def test_the_fix_gives_the_picture_of_the_intact_stage(code: str, tmp_path: Path, device: str) -> None:
    case = CASES[code]
    cfg = RendererCfg().replace(**case.cfg)
    stage = case.stage(tmp_path / "broken")
    layers = {layer.identifier: layer.ExportToString() for layer in stage.GetLayerStack()}
    report = check(stage, cfg, outputs=case.outputs)
    intact = photograph(case.stage(tmp_path / "intact", broken=False), device, **case.cfg)
    broken = photograph(stage, device, **case.cfg)
    if code not in SAME_PICTURE:
        assert difference(broken, intact) > 1.0
    fixes = [report.fix(finding) for finding in report.findings]
    assert all(fixes)
    for fix in fixes:
        assert fix.preview().startswith("#usda")
        fix.apply()
    assert check(stage, cfg, outputs=case.outputs).findings == []
    assert difference(photograph(stage, device, **case.cfg), intact) < 0.5
    for identifier, text in layers.items():
        if identifier != stage.GetSessionLayer().identifier:
            assert Sdf.Layer.Find(identifier).ExportToString() == text, "the user's layers are left alone"
    for fix in fixes:
        fix.undo()
    assert {layer.identifier: layer.ExportToString() for layer in stage.GetLayerStack()} == layers
    assert {finding.code for finding in check(stage, cfg, outputs=case.outputs).findings} == {code}


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two pictures, of 255."""
    return float(np.abs(a.astype(float) - b.astype(float)).mean())
