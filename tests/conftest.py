"""What all tests share: where the reference renderer and third-party data are, and how to make a renderer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # so that `import reference` works however pytest imports test modules
    sys.path.insert(0, str(HERE))

TEST_DEVICE = os.environ.get("OVRTX_RENDER_TEST_DEVICE", "cpu")


@pytest.fixture(scope="session")
def device() -> str:
    """Warp device the tests render on; set OVRTX_RENDER_TEST_DEVICE to change it."""
    return TEST_DEVICE


@pytest.fixture(scope="session")
def usd_wg_assets() -> Path:
    """Folder of the USD working group's assets, beside the checkout; skips the test where there is none."""
    folder = HERE.parent.parent / "shared" / "assets" / "usd-wg"
    if not folder.is_dir():
        pytest.skip(f"needs the USD working group's assets in {folder}")
    return folder
