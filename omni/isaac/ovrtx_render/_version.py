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
        here = Path(__file__).resolve().parent
        # An extension folder has its manifest at the root; a wheel brings it inside the package.
        folders = (here.parents[2], here / "_extension")
        manifest = next(path for folder in folders if (path := folder / "config" / "extension.toml").is_file())
        return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["package"]["version"])


__version__ = _read_version()
