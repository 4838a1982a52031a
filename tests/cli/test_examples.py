"""The examples run as they stand."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="the examples build the demo scene with usd-core")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_quickstart(capsys: pytest.CaptureFixture) -> None:
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    assert "rgb (8, 64, 64, 3)" in capsys.readouterr().out
