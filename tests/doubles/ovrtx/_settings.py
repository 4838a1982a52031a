"""Which version of the library this double is, and the switches that only a double has.

The version comes from the environment variable ``OVRTX_DOUBLE_VERSION``, so that a process of its own gets it as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

VERSIONS = {
    "0.3.0": "0.3.0.312915",
    "0.4.0": "0.4.0.346409",
    "0.4.1": "0.4.1.364340",
    "0.5.0": "0.5.0.377615",
    "0.5.1": "0.5.1.385782",
}
"""The versions that can be played, and how each writes itself."""

SHORT = os.environ.get("OVRTX_DOUBLE_VERSION", "0.5.0")
if SHORT not in VERSIONS:
    raise ImportError(f"the OVRTX double plays {', '.join(VERSIONS)}; not {SHORT}")
__version__ = VERSIONS[SHORT]
VERSION: tuple[int, int, int] = tuple(int(part) for part in SHORT.split("."))  # type: ignore[assignment]

TILE_LIMIT = 32768 if VERSION >= (0, 5, 1) else 4096
PARTITION_LIMIT = 15625


@dataclass
class Options:
    """What a test may set.

    Attributes:
        renderer: Fields of ``RendererCfg`` that the pictures are drawn with. The same ones in a renderer of ours give
            the same pictures.
        device: Warp device that draws; on a CUDA device ``Device.CUDA`` maps CUDA memory, else host memory.
        cuda_devices: How many CUDA devices ``active_cuda_gpus`` and ``deviceIds`` may name.
        fail_create: Text of the native error that creating a renderer ends in, or None.
        fail_load: Text of the error that loading the native library ends in, which the first renderer does, or None.
        warm_up: Steps after a load until colours have converged, by what the caller did about it. History (after
            ``reset`` or a step without the product) always takes ``warm_up["history"]``.
        eco_frames: Steps without a change that the renderer sees after which it stops drawing (unless authored).
        frames: Frames a step delivers per product.
        fake_cuda: Take arrays of Warp for CUDA arrays although they lie on the host, so that what a caller does about
            streams is checked without a GPU.
        streams: CUDA streams that exist, in the library's counting, 1 being the default one; empty: any.
        synchronised: Whether the caller says that it has waited for the device, so that it names no stream.
        poison_unmapped: Overwrite the memory of a mapping once it was given back. Stricter than the library, which
            leaves it alone as long as a view of it is held.
        temporal: Mix the previous frame into the colours of tiles whose history was not reset.
    """

    renderer: dict[str, Any] = field(default_factory=lambda: {"exposure": 0.0, "headlight": False})
    device: str = "cpu"
    cuda_devices: int = 1
    fail_create: str | None = None
    fail_load: str | None = None
    warm_up: dict[str, int] = field(
        default_factory=lambda: {"nothing": 40, "synchronous": 12, "events": 2, "history": 2}
    )
    eco_frames: int = 500
    frames: int = 1
    fake_cuda: bool = False
    streams: frozenset[int] = frozenset()
    synchronised: bool = False
    poison_unmapped: bool = True
    temporal: bool = False


OPTIONS = Options()

COMPLAINTS: list[str] = []
"""What a caller left behind: operations not waited for, results not fetched, mappings and bindings that were live when
their renderer was destroyed. Whoever puts the double in place looks here at the end."""
