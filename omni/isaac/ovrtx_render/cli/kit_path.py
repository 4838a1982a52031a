"""``ovrtx-render kit-path``: lay the extension out where Kit finds it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from ..folders import cache_folder
from .options import JsonOption
from .report import Report, guarded

__all__ = ["kit_path", "lay_out"]

_NAME = "omni.isaac.ovrtx_render"
_PACKAGE = Path(__file__).resolve().parents[1]
_MARK = ".ovrtx_render"
"""File in a folder that this command made, and may make anew."""


def lay_out(parent: Path) -> Path:
    """Make the extension folder in a folder that Kit searches: links to this package, or copies where links fail.

    Args:
        parent: Folder to search; made if need be.

    Returns:
        The extension folder.

    Raises:
        ConfigError: Something else stands there.
    """
    target = parent / _NAME
    if target.is_symlink():
        target.unlink()
    elif target.exists():
        if not (target / _MARK).is_file():
            raise ConfigError(f"{target} exists and was not made by this command; remove it, or choose another folder")
        shutil.rmtree(target)  # removes links, not what they lead to
    (target / "omni" / "isaac").mkdir(parents=True)
    (target / _MARK).write_text("made by: ovrtx-render kit-path\n", encoding="utf-8")
    _link(_PACKAGE, target / "omni" / "isaac" / "ovrtx_render")
    for name in ("config", "data", "docs", "CHANGELOG.md"):
        _link(_root() / name, target / name)
    return target


def _root() -> Path:
    """Folder of what Kit needs beside the package: a checkout, or what a wheel brings."""
    checkout = _PACKAGE.parents[2]
    return checkout if (checkout / "config" / "extension.toml").is_file() else _PACKAGE / "_extension"


def _link(source: Path, at: Path) -> None:
    try:
        os.symlink(source, at, target_is_directory=source.is_dir())
    except OSError:  # Windows allows links to few
        if source.is_dir():
            shutil.copytree(source, at, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, at)


def kit_path(
    link: Annotated[
        Path | None, typer.Option(help="Folder that Kit searches, e.g. <isaac-sim>/extsUser; the extension goes there.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the folder to give to Kit's --ext-folder; --link puts the extension where Kit looks anyway.

    Example: isaac-sim.sh --ext-folder "$(ovrtx-render kit-path)" --enable omni.isaac.ovrtx_render
    """
    report = Report(as_json)
    with guarded():
        checkout = _PACKAGE.parents[2]
        if link is None and checkout.name == _NAME and _root() == checkout:
            folder = checkout.parent  # a checkout of that name is an extension as it stands
        else:
            folder = lay_out(link.absolute() if link is not None else cache_folder() / "exts").parent
    report.note(str(folder))
    report.progress.print(f"Kit finds it with: --ext-folder {folder} --enable {_NAME}", soft_wrap=True)
    report.result({"ext_folder": str(folder), "extension": _NAME})
