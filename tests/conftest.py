"""What all tests share: where the reference renderer and third-party data are, and how to make a renderer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # so that `import reference` works however pytest imports test modules
    sys.path.insert(0, str(HERE))

from doubles.install import ovrtx_double  # noqa: E402

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


@pytest.fixture
def play_ovrtx() -> Iterator[Callable[..., Any]]:
    """``play_ovrtx(version="0.5.0", **options)`` puts the OVRTX double in the place of the library for one test."""
    with ExitStack() as stack:
        yield lambda version="0.5.0", **options: stack.enter_context(ovrtx_double(version, **options))
