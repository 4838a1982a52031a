"""Contract double of ``carb``: the log."""

from __future__ import annotations

__all__ = ["LOG", "log_error", "log_info", "log_verbose", "log_warn"]

LOG: list[tuple[str, str]] = []
"""Level and text of every line, for tests."""


def _log(level: str, msg: str) -> None:
    if not isinstance(msg, str):
        raise TypeError(f"log_{level}(): incompatible function arguments: {type(msg).__name__}")
    LOG.append((level, msg))


def log_verbose(msg: str) -> None:
    _log("verbose", msg)


def log_info(msg: str) -> None:
    _log("info", msg)


def log_warn(msg: str) -> None:
    _log("warn", msg)


def log_error(msg: str) -> None:
    _log("error", msg)
