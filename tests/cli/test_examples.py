"""The examples run as they stand."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pxr", reason="the examples build the demo scene with usd-core")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_quickstart(capsys: pytest.CaptureFixture) -> None:
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    assert "rgb (8, 64, 64, 3)" in capsys.readouterr().out


@pytest.mark.slow
def test_newton_simulation(tmp_path: Path) -> None:
    pytest.importorskip("newton", minversion="1.8", reason="it draws a Newton simulation")
    from PIL import Image

    example = runpy.run_path(str(EXAMPLES / "newton_simulation.py"))
    picture = np.asarray(Image.open(example["main"](tmp_path)).convert("RGB")).astype(int)
    assert picture.shape == (4 * 120, 5 * 160, 3)
    tiles = picture.reshape(4, 120, 5, 160, 3).transpose(0, 2, 1, 3, 4)
    yellow = (tiles.min(-1) < 80) & (tiles[..., 0] > 150) & (tiles[..., 1] > 150)  # the uppermost box
    top = yellow.any(-1).argmax(-1)
    assert (yellow.sum((-1, -2)) > 100).all()
    assert (top[:, -1] > top[:, 0] + 5).all() and (top[:, -1] < 60).all()  # it fell, and lies on the others
