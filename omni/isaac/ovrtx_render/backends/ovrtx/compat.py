"""The installed library: which version it is, and where versions differ. Nothing else asks for a version."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from ...errors import BackendUnavailableError

__all__ = ["SUPPORTED", "Library", "installed_version", "load_library", "parse_version"]

SUPPORTED = ((0, 3), (0, 7))
"""First and last minor version that this backend is written for."""

INSTALL = "pip install 'ovrtx==0.5.1.*'"


def parse_version(text: str) -> tuple[int, ...]:
    """Leading numbers of a version, e.g. ``0.5.1.385782`` -> (0, 5, 1)."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def installed_version() -> tuple[int, ...] | None:
    """Version of the package ovrtx; None if there is none. Its native library is not loaded."""
    loaded = sys.modules.get("ovrtx")
    if loaded is not None:
        return parse_version(str(getattr(loaded, "__version__", "")))
    try:
        return parse_version(metadata.version("ovrtx"))
    except metadata.PackageNotFoundError:
        pass
    try:
        spec = find_spec("ovrtx")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:  # a folder of that name is no package
        return None
    return parse_version(str(getattr(import_module("ovrtx"), "__version__", "")))


def load_library() -> Library:
    """Import ovrtx.

    Raises:
        BackendUnavailableError: It is not installed, cannot be imported, or is of a version that is not supported.
    """
    # Read when the library is loaded. Before 0.5 it refuses an installed usd-core of its own version; its USD has a
    # namespace of its own, so that both can be in one process.
    os.environ.setdefault("OVRTX_SKIP_USD_CHECK", "1")
    os.environ.setdefault("VK_LOADER_DISABLE_DYNAMIC_LIBRARY_UNLOADING", "1")
    try:
        module = import_module("ovrtx")
    except ImportError as error:
        raise BackendUnavailableError(f"the package 'ovrtx' cannot be imported ({error}); {INSTALL}") from error
    library = Library(module)
    problem = version_problem(library.version)
    if problem:
        raise BackendUnavailableError(problem)
    return library


def version_problem(version: tuple[int, ...]) -> str | None:
    """Why a version cannot be used, and what to do; None if it can."""
    if SUPPORTED[0] <= version[:2] <= SUPPORTED[1]:
        return None
    found, first, last = (".".join(map(str, v)) for v in (version or (0,), *SUPPORTED))
    return f"ovrtx {found} is installed, but versions {first} to {last} are supported; {INSTALL}"


def _remedy(words: str) -> str:
    """What to do about words of the library in which it said that it makes no renderer."""
    if "Failed to load" in words:
        return f"its native library is missing or cannot be loaded; install it again: {INSTALL}"
    if "version mismatch" in words:
        return f"parts of two versions are installed; remove them and install one: {INSTALL}"
    if re.search("VK_|vulkan|ray.?tracing|driver", words, re.IGNORECASE):
        return "it needs an RTX GPU and driver 570 or newer. The backend 'warp' runs on any CUDA GPU and on the CPU"
    return "backend_options={'log_file': ..., 'log_level': 'verbose'} may say more. The backend 'warp' runs without it"


class Library:
    """The module ``ovrtx`` behind one face for all versions.

    Attributes:
        module: The module.
        version: (major, minor, patch).
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self.version = parse_version(str(module.__version__))

    @property
    def tile_limit(self) -> int:
        """Cameras of one render product that are drawn; of more, some show nothing or another one's image."""
        return 32768 if self.version >= (0, 5, 1) else 4096

    @property
    def resets_tiles(self) -> bool:
        """Whether the history of single tiles can be forgotten."""
        return self.version >= (0, 4, 1)

    @property
    def shows_all_partitions(self) -> bool:
        """Whether a camera that is in no environment can see all of them."""
        return self.version >= (0, 4, 1)

    @property
    def drives_gpu_transforms(self) -> bool:
        """Whether moving prims stay where they are drawn when transforms are read on the GPU (0.4.0 drops some)."""
        return self.version[:3] != (0, 4, 0)

    def make_renderer(self, wanted: Mapping[str, Any]) -> Any:
        """Make the native renderer; fields that this version does not know are left out.

        Raises:
            BackendUnavailableError: The library says no.
        """
        known = {field.name for field in fields(self.module.RendererConfig)}
        config = self.module.RendererConfig(**{name: value for name, value in wanted.items() if name in known})
        try:
            return self.module.Renderer(config)
        except RuntimeError as error:
            words = " ".join(str(error).split())
            version = ".".join(map(str, self.version))
            problem = f"ovrtx {version} cannot make its renderer ({words}); {_remedy(words)}"
            raise BackendUnavailableError(problem) from error

    def texture_streaming(self, name: str) -> Any:
        """A texture streaming mode by name; None where there is no choice (before 0.4.1)."""
        modes = getattr(self.module, "TextureStreamingMode", None)
        return None if modes is None else modes[name.upper()]

    def render_var(self, frame: Any, path: str, source: str) -> Any:
        """An output of a frame, or None: keyed by the path of its prim from 0.5 on, by the source before."""
        found: Mapping[str, Any] = frame.render_vars
        if path in found:
            return found[path]
        for key, var in found.items():
            if source in (getattr(var, "source_name", None), getattr(var, "name", None), key):
                return var
        return None

    def exported(self, mapping: Any) -> Any:
        """The tensor of a mapped output, to be taken through DLPack."""
        if hasattr(mapping, "__dlpack__"):
            return mapping
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return mapping.tensor

    def destroy(self, renderer: Any) -> None:
        """Release a renderer; before 0.4 the last reference does it."""
        if hasattr(renderer, "destroy"):
            renderer.destroy()
