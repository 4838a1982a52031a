"""The command line ``ovrtx-render``. One module per command; see :mod:`.app` for the list."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from ..errors import MissingExtraError

__all__ = ["main"]


def main() -> None:
    """Run the command line; the exit code is 0, or one of :class:`.report.ExitCode`."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        extra = "cli" if find_spec("pxr") else "standalone"  # a second USD beside another one breaks both
        missing = MissingExtraError(error.name or "typer", extra, "the command line")
        print(f"error: {missing}", file=sys.stderr)
        sys.exit(2)
    from .app import app

    app()
