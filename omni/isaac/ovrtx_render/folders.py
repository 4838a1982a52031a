"""Where this package keeps files of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Our folder in the user's cache, which ``XDG_CACHE_HOME`` moves on every platform. It may not exist yet."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        root = Path(chosen)
    elif sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()))
    else:
        root = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return root / "omni-isaac-ovrtx-render"
