"""Build hook of the wheel: kernels for the CPU, compiled ahead of time, go in as data.

They serve Linux on x86-64 with the Warp they were compiled by; elsewhere kernels are compiled at first use, as without
them. So the wheel stays good for any platform, and a build that cannot compile them says so and goes on.
OVRTX_RENDER_SHIP names the levels of CPUs to compile for, separated by commas (default: all; empty: none).
OVRTX_RENDER_SHIP_ALSO is a folder of kernels for other releases of Warp, as Isaac Lab pins one:

    uv run --isolated --with warp-lang==1.17.0 python -m omni.isaac.ovrtx_render.backends.warp.ship FOLDER
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGE = "omni.isaac.ovrtx_render.backends.warp"


class CustomBuildHook(BuildHookInterface):
    """Compiles for every wheel but that of an editable install."""

    _made: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        levels = os.environ.get("OVRTX_RENDER_SHIP")
        if version == "editable" or levels == "":
            return
        self._made = mkdtemp()
        done = subprocess.run(
            [sys.executable, "-m", f"{_PACKAGE}.ship", self._made, *(levels.split(",") if levels else ())],
            env={**os.environ, "PYTHONPATH": self.root},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            why = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            self.app.display_warning(f"no compiled kernels in this wheel: {''.join(why)}")
            return
        if also := os.environ.get("OVRTX_RENDER_SHIP_ALSO"):
            copytree(also, self._made, dirs_exist_ok=True)
        build_data["force_include"][self._made] = f"{_PACKAGE.replace('.', '/')}/compiled"
        objects = len(list(Path(self._made).rglob("*.o")))
        self.app.display_info(f"{objects} compiled kernels in this wheel")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._made:
            rmtree(self._made, ignore_errors=True)
