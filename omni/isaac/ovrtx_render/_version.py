"""The version of this package, written once in ``config/extension.toml``."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["__version__"]


def _read_version() -> str:
    """Take the version of the installed distribution, or of the extension folder that Kit put on the path."""
    try:
        return version("omni-isaac-ovrtx-render")
    except PackageNotFoundError:
        manifest = Path(__file__).resolve().parents[3] / "config" / "extension.toml"
        return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["package"]["version"])


__version__ = _read_version()
