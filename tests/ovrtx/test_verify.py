"""The script that verifies the backend on the real library: on the double all its checks pass, and can fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import verify_ovrtx

    return verify_ovrtx


@pytest.mark.slow
def test_every_check_passes_on_the_double(library: Any, script: Any, tmp_path: Path, device: str) -> None:
    library("0.5.1")
    code = script.main(["--small", "--out", str(tmp_path), "--device", device])
    report = json.loads((tmp_path / "report.json").read_text())
    assert [result["name"] for result in report if not result["passed"]] == [] and code == 0
    assert len(report) >= 14
    assert {path.stem for path in tmp_path.glob("*.png")} >= {"colours", "demo_depth", "poses", "render_modes"}


def test_checks_fail_where_something_is_wrong(
    library: Any, script: Any, tmp_path: Path, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omni.isaac.ovrtx_render.backends.ovrtx import view

    library("0.5.1")
    real = view.cut

    def mixed_up(kind: str, image: Any, grid: Any, first: int, rows: Any, out: Any, *more: Any) -> None:
        real(kind, image, grid, first, rows, out, *more)
        flat = out.numpy()
        out.assign(np.roll(flat, grid.width * grid.height, axis=0))

    monkeypatch.setattr(view, "cut", mixed_up)
    verifier = script.Verifier(tmp_path, script.SMALL, device)
    with pytest.raises(AssertionError, match="tiles show something else"):
        verifier.check_tiles_are_those_of_their_cameras()
    with pytest.raises(AssertionError, match="only"):
        verifier.check_environments_see_themselves_only()
    assert "verify_ovrtx" in sys.modules
