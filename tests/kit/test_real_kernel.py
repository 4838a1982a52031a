"""The life of the extension in a Kit kernel: the real one where it is installed and accepted, else the double.

Kit is never installed by these tests, nor its licence accepted for anybody: who wants the real one installs
``omniverse-kit``, reads the licence and sets ``OMNI_KIT_ACCEPT_EULA`` in their own environment. That environment has no
``usd-core``: Kit brings its own USD.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAME = "omni.isaac.ovrtx_render"


def run(tmp_path: Path, *first: Path) -> dict[str, Any]:
    """What :mod:`kernel_run` has seen."""
    folder = tmp_path / "exts"
    folder.mkdir()
    (folder / NAME).symlink_to(ROOT, target_is_directory=True)
    paths = [*map(str, first), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(HERE / "kernel_run.py"), str(folder), str(tmp_path), str(tmp_path / "tiles.png")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def check(seen: dict[str, Any]) -> None:
    """Four balls were seen, twice, and nothing was left."""
    for frame in (seen["first"], seen["second"]):
        assert frame["shape"] == [4, 64, 64, 3] and frame["red"] > 50
        assert frame["depth"] == pytest.approx([0.4] * 4, abs=0.01)
    assert seen["enabled"] is False and seen["exit"] == 0 and seen["start"] < 0.3


def test_kernel_double_runs_the_extension_through_its_life(tmp_path: Path) -> None:
    pytest.importorskip("pxr", reason="the double opens real stages; install the extra 'standalone'")
    seen = run(tmp_path, HERE.parent / "doubles")
    assert seen["kit"] == "110.1.2"
    check(seen)


@pytest.mark.slow
def test_real_kernel_runs_the_extension_through_its_life(tmp_path: Path) -> None:
    try:
        installed = find_spec("omni.kit_app") is not None
    except ImportError:
        installed = False
    if not installed:
        pytest.skip("omniverse-kit is not installed; the kernel's double was run instead")
    if os.environ.get("OMNI_KIT_ACCEPT_EULA", "").lower() not in ("y", "yes", "1"):
        pytest.skip("Kit's licence has not been accepted in this environment (OMNI_KIT_ACCEPT_EULA)")
    check(run(tmp_path))
