"""What the inspector says: findings, and where what they are about was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..scene.data import Finding as SceneFinding
from .codes import CODES

__all__ = ["Finding", "Site", "Told"]


@dataclass(frozen=True)
class Site:
    """Where an opinion was authored.

    Attributes:
        layer: Identifier of the layer; the file's path where it is a file.
        line: Line in the file, from 1; None where a layer is binary or has no file.
    """

    layer: str
    line: int | None = None

    def __str__(self) -> str:
        return self.layer if self.line is None else f"{self.layer}:{self.line}"


@dataclass(frozen=True)
class Finding(SceneFinding):
    """Something in the stage that will not look as its author may expect.

    Attributes:
        prop: Name of the property that it is about, or an empty string.
        site: Where that was authored; None if nothing was (a missing opinion).
        backends: Names of the backends whose pictures it touches.
        envs: Ids of the environments in which it holds, the same prim in each; empty outside of all environments.
            ``path`` is the one of the first.
        fix: What the fix does, in a few words; an empty string if there is none.
        data: The figures and names of the message, by name; each code has its own.
    """

    prop: str = ""
    site: Site | None = None
    backends: tuple[str, ...] = ()
    envs: tuple[int, ...] = ()
    fix: str = ""
    data: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def count(self) -> int:
        """Number of prims that it is about."""
        return max(len(self.envs), 1)


@dataclass(frozen=True)
class Told:
    """What one check said of one prim, before clones are put together.

    Attributes:
        code: A name in :data:`.codes.CODES`.
        path: Prim path that it is about.
        message: What will be seen, and what to do.
        prop: Property that it is about, or an empty string.
        severity: Empty: that of the code.
        backends: Empty: those of the code.
        data: See :class:`Finding`; no paths of environments.
    """

    code: str
    path: str
    message: str
    prop: str = ""
    severity: str = ""
    backends: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not self.severity:
            object.__setattr__(self, "severity", CODES[self.code].severity)
        if not self.backends:
            object.__setattr__(self, "backends", CODES[self.code].backends)
