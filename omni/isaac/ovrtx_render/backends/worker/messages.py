"""Records that go to the worker."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...outputs import OutputKind
from ...scene.data import Camera, Light, Material, SceneChanges, Texture
from .shared import Handle

__all__ = ["BundleSpec", "SceneDelta", "Write"]


@dataclass(frozen=True)
class BundleSpec:
    """A camera bundle.

    Attributes:
        number: Its number.
        frames: (N,) int32 frames of its cameras, which say which they are.
        buffers: Arrays to draw into, by the name of the kind of output.
        inputs: Arrays of all its cameras: positions (N, 3), quaternions (N, 4), intrinsics (N, 3, 3).
    """

    number: int
    frames: np.ndarray
    width: int
    height: int
    kinds: dict[str, OutputKind]
    colorize: frozenset[str]
    background: tuple[float, float, float] | None
    buffers: dict[str, Handle]
    inputs: tuple[Handle, Handle, Handle]


@dataclass(frozen=True)
class SceneDelta:
    """What changed of a scene.

    Attributes:
        changes: The changes.
        lights: Records of lights by index.
        cameras: Records of cameras by index.
        materials: All materials, if one changed.
        textures: Those that were appended.
        edits: USD text of the properties that changed on the stage; empty if the backend does not draw it.
    """

    changes: SceneChanges
    lights: dict[int, Light] = field(default_factory=dict)
    cameras: dict[int, Camera] = field(default_factory=dict)
    materials: list[Material] = field(default_factory=list)
    textures: list[Texture] = field(default_factory=list)
    edits: str = ""


@dataclass(frozen=True)
class Write:
    """A write of arrays that the worker has attached.

    Attributes:
        number: Binding or bundle.
        method: Method of the backend.
        order: Order of the quaternions.
        convention: Convention of camera poses.
        rows: (n,) int32 cameras of the bundle; None for a binding.
    """

    number: int
    method: str
    order: str = ""
    convention: str = ""
    rows: np.ndarray | None = None
