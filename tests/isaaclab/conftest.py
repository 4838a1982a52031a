"""Isaac Lab 3 for tests: kit-less, on the CPU, with physics by Newton.

Isaac Lab needs an environment of its own; these tests are skipped where it is not installed. ``.ci/run isaaclab_tests``
makes that environment and runs them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# Not "isaaclab": this folder has that name, and its parent is on the path.
HAVE_LAB = find_spec("isaaclab.renderers") is not None
HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # so that `import labscene` works however pytest imports test modules
    sys.path.insert(0, str(HERE))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAVE_LAB:
        return
    reason = "needs Isaac Lab 3: run .ci/run isaaclab_tests, which installs it in an environment of its own"
    for item in items:
        if Path(item.path).is_relative_to(HERE):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def asset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the USD files that the scenes use."""
    from labscene import write_assets

    return write_assets(tmp_path_factory.mktemp("assets"))


@pytest.fixture(scope="module")
def open_lab(asset_dir: Path) -> Iterator[Callable[..., Any]]:
    """``open_lab(cameras, **options)`` starts a simulation; the one before it is closed first."""
    from labscene import Lab

    running: list[Lab] = []

    def start(cameras: dict[str, Any], **options: Any) -> Lab:
        while running:
            running.pop().close()
        running.append(Lab(asset_dir, cameras, **options))
        return running[-1]

    yield start
    while running:
        running.pop().close()
