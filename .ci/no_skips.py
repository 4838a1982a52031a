"""pytest plugin of a stage whose environment has everything: a test that is skipped fails the run.

``pytest -p no_skips``. Skips elsewhere are what a machine lacks; here they would hide that something was not tested.
"""

from __future__ import annotations

from typing import Any

import pytest

_skipped: list[str] = []


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: Any) -> None:
    """Note what is skipped; an expected failure is reported as a skip too, but for a reason."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collectreport(report: Any) -> None:
    """The same for whole modules."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that passed otherwise."""
    if _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say so."""
    for name in _skipped:
        terminalreporter.write_line(f"SKIPPED, which fails this run: {name}")
