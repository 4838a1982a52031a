"""What every command prints: tables for people, one JSON object for programs, errors with an exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from ..errors import BackendUnavailableError, OvrtxRenderError, SceneError

__all__ = ["ExitCode", "Report", "guarded", "quiet_warp"]

_FINDINGS_SHOWN = 20


class ExitCode(IntEnum):
    """Exit codes other than 0."""

    USAGE = 2
    """A bad option, value or output path, or a missing optional package."""
    SCENE = 3
    """The file or the stage cannot be rendered as asked."""
    BACKEND = 4
    """No backend can run here."""
    WARNINGS = 5
    """An inspected stage has warnings."""
    ERRORS = 6
    """An inspected stage has errors."""


@contextmanager
def guarded() -> Iterator[None]:
    """Turn errors a user can mend into one line and an exit code instead of a traceback."""
    try:
        yield
    except (OvrtxRenderError, OSError) as error:
        code = ExitCode.USAGE
        if isinstance(error, SceneError):
            code = ExitCode.SCENE
        elif isinstance(error, BackendUnavailableError):
            code = ExitCode.BACKEND
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[bold red]error:[/] {_plain(str(error))}")
        raise typer.Exit(code) from None


def _plain(text: str) -> str:
    """Keep rich from reading square brackets (``env_[0-9]``) as markup."""
    return text.replace("[", "\\[")


def quiet_warp() -> None:
    """Keep Warp from greeting on stdout, which belongs to the command's own result."""
    try:
        import warp
    except ImportError:
        return  # the registry says so better
    if hasattr(warp, "LOG_WARNING"):
        warp.config.log_level = warp.LOG_WARNING
    else:  # Warp before 1.15
        setattr(warp.config, "quiet", True)  # noqa: B010 - the newest Warp, which types are checked with, lacks it


class Report:
    """Where a command prints its result.

    Args:
        as_json: One JSON object on stdout and nothing else there; tables are not drawn.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, quiet=as_json)
        self.progress = Console(stderr=True, highlight=False)

    def note(self, text: str) -> None:
        """Print a line for people."""
        self.console.print(_plain(text), soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table for people; columns whose every value is a number are right-aligned."""
        table = Table(title=_plain(title), title_justify="left", title_style="bold")
        for i, column in enumerate(columns):
            numeric = all(isinstance(row[i], (int, float)) for row in rows)
            table.add_column(_plain(column), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*[f"{v:,.3g}" if isinstance(v, float) else _plain(str(v)) for v in row])
        self.console.print(table)

    def findings(self, findings: Sequence[Any]) -> None:
        """Print what the scene reader has to say about the stage, worst first."""
        if not findings:
            return
        rank = {"error": 0, "warning": 1, "info": 2}
        worst = sorted(findings, key=lambda f: rank.get(f.severity, 3))
        rows = [(f.severity, f.code, f.path, f.message) for f in worst[:_FINDINGS_SHOWN]]
        self.table(f"Findings ({len(findings)})", ("severity", "code", "prim", "what will be seen, what to do"), rows)
        if len(worst) > _FINDINGS_SHOWN:
            self.note(f"... and {len(worst) - _FINDINGS_SHOWN} more; --json lists them all")

    def result(self, value: dict[str, Any]) -> None:
        """Print the JSON object, where JSON was asked for."""
        if self.as_json:
            typer.echo(json.dumps(value))
