"""Environment variables of a worker: those of this process, without what Kit sets for itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .options import WorkerOptions

__all__ = ["worker_environment"]

_DROPPED = ("EXP_PATH", "ISAAC_PATH", "LD_PRELOAD", "MDL_SYSTEM_PATH", "MDL_USER_PATH", "PYTHONHOME", "PYTHONPATH")
_DROPPED_PREFIXES = ("CARB_", "OMNI_", "OV_PXR_", "PXR_")
_KEPT = ("OMNI_KIT_ACCEPT_EULA", "OMNI_PASS", "OMNI_SERVER", "OMNI_USER")
"""What a person sets, not Kit: the licence, and who they are on an asset server."""

_ROOTS = ("CARB_APP_PATH", "ISAAC_PATH")
"""Variables that say where Kit and Isaac Sim lie."""


def worker_environment(options: WorkerOptions) -> dict[str, str]:
    """The environment of a worker.

    Another interpreter than this one brings USD, plug-ins and RTX libraries of its own, and Kit's would be loaded in
    their place. What ``options.env`` says holds over everything.
    """
    env = dict(os.environ)
    if options.interpreter != sys.executable:
        for name in os.environ:
            if name in _DROPPED or (name.startswith(_DROPPED_PREFIXES) and name not in _KEPT):
                del env[name]
        libraries = _without_kit(env.pop("LD_LIBRARY_PATH", ""))
        if libraries:
            env["LD_LIBRARY_PATH"] = libraries
    for name, value in options.env.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


def _without_kit(folders: str) -> str:
    """A search path without the folders of Kit: a cluster's drivers may be found by what is left of it."""
    roots = [Path(os.environ[name]).resolve() for name in _ROOTS if os.environ.get(name)]

    def kept(folder: str) -> bool:
        where = Path(folder).resolve()
        return not any(where.is_relative_to(root) for root in roots) and not (where / "libcarb.so").exists()

    return os.pathsep.join(folder for folder in folders.split(os.pathsep) if folder and kept(folder))
