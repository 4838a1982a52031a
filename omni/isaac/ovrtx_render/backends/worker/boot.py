"""Run as a script by the worker's interpreter: makes this package importable, and nothing beside it, and serves.

Where this package lies, Kit's packages may lie as well: its folder does not go on the worker's path.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parents[2]


class PackageFinder:
    """Finds this package, and the namespaces that it is in, for an interpreter that finds none by itself."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """See ``importlib.abc.MetaPathFinder``."""
        if name in ("omni", "omni.isaac"):
            return ModuleSpec(name, None, is_package=True)
        if name == "omni.isaac.ovrtx_render":
            return spec_from_file_location(name, _PACKAGE / "__init__.py", submodule_search_locations=[str(_PACKAGE)])
        return None


if __name__ == "__main__":
    sys.meta_path.append(PackageFinder)
    from omni.isaac.ovrtx_render.backends.worker.serve import main

    main()
