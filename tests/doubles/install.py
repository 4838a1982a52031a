"""Putting the OVRTX double in the place of the library, and taking it away again."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
_VERSION = "OVRTX_DOUBLE_VERSION"


@contextmanager
def ovrtx_double(version: str = "0.5.0", **options: Any) -> Iterator[Any]:
    """``import ovrtx`` gives the double while this lasts; a distribution of that version is found too.

    Args:
        version: One of 0.3.0, 0.4.0, 0.4.1, 0.5.0, 0.5.1.
        options: Fields of ``ovrtx.double.OPTIONS``.

    Yields:
        The module.

    Raises:
        AssertionError: At the end: something was left behind; see ``COMPLAINTS`` of the double.
    """
    before = os.environ.get(_VERSION)
    os.environ[_VERSION] = version
    _forget()
    with TemporaryDirectory() as site:
        sys.path[:0] = [str(HERE), site]
        try:
            module = importlib.import_module("ovrtx")
            info = Path(site) / f"ovrtx-{module.__version__}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ovrtx\nVersion: {module.__version__}\n")
            importlib.invalidate_caches()
            for name, value in options.items():
                if not hasattr(module.double.OPTIONS, name):
                    raise TypeError(f"the double has no option {name!r}")
                setattr(module.double.OPTIONS, name, value)
            yield module
            assert not module.double.COMPLAINTS, module.double.COMPLAINTS
        finally:
            sys.path.remove(str(HERE))
            sys.path.remove(site)
            _forget()
            os.environ.pop(_VERSION)
            if before is not None:
                os.environ[_VERSION] = before
            importlib.invalidate_caches()


def _forget() -> None:
    for name in [name for name in sys.modules if name == "ovrtx" or name.startswith("ovrtx.")]:
        del sys.modules[name]
