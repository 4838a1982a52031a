"""The script that writes docs/performance.md: what it takes in, and when it measures nothing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "report.py"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = importlib.util.spec_from_file_location("performance_report", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_takes_in_all_figures(report: ModuleType) -> None:
    once = report.with_tables(report.DOCUMENT.read_text(encoding="utf-8"))
    assert report.with_tables(once) == once


def test_nothing_is_measured_beside_other_work(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "machine", lambda: {"cores": 2, "load_average": 1.5})
    monkeypatch.setattr(report, "PARTS", {"presets": lambda device: pytest.fail("measured")})
    monkeypatch.setattr(sys, "argv", ["report.py", "--parts", "presets"])
    with pytest.raises(SystemExit, match="1"):
        report.main()
    assert "1.5" in capsys.readouterr().err


def test_figures_of_a_busy_machine_say_so(report: ModuleType) -> None:
    figures = {"device": "cpu", "processor": "x", "cores": 4, "warp": "1", "python": "3"}
    assert "not idle" in report.where({**figures, "load_average": 2.1})
    assert "not idle" not in report.where({**figures, "load_average": 1.9})
