"""The camera prims that bundles look through: each row has one to itself, below the camera of the stage.

A pose or a lens that is set as an array is a bundle's own, while the camera of the stage, what hangs on it, and other
bundles stay as they are. So a row looks through a camera below that one, which follows it until its pose is set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...scene.clone_text import draws_nothing
from ...scene.env_diff import LENS
from ...scene.export import own_camera
from ...scene.openusd import TIME, Usd
from .session import Session

__all__ = ["CameraPrims"]


class CameraPrims:
    """Which of them are free. The first one of each camera comes with the stage, others are cloned when needed."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()
        self._free: defaultdict[str, list[str]] = defaultdict(list)

    def forget(self) -> None:
        """The stage was replaced: all that were cloned are gone, and all that came with it are free."""
        self._made.clear()
        self._free.clear()

    def take(self, session: Session, stage: Usd.Stage, paths: Sequence[str]) -> list[str]:
        """One prim a row, at the place of its camera; a camera that is there twice gets two.

        Args:
            paths: Cameras of the stage.
        """
        taken: list[str] = []
        used: list[str] = []
        sources: dict[Any, str] = {}
        clones: defaultdict[str, list[str]] = defaultdict(list)
        for path in paths:
            if self._free[path]:
                used.append(self._free[path].pop())
                taken.append(used[-1])
                continue
            own = own_camera(path, self._made[path])
            if self._made[path]:
                # One call clones one prim to all places, so cameras that differ in no more than lenses share a source.
                source = sources.setdefault(_look(stage, path), own_camera(path, 0))
                clones[source].append(own)
                used.append(own)
            self._made[path] += 1
            taken.append(own)
        for source, targets in clones.items():
            session.clone(source, targets)
        # Their last user, or the one that they are clones of, may have been put anywhere.
        session.reset_stack(used, False)
        session.place(used, np.tile(np.eye(4), (len(used), 1, 1)))
        return taken

    def give_back(self, paths: Sequence[str], own: Sequence[str]) -> None:
        """What :meth:`take` gave is free again."""
        for path, prim in zip(paths, own, strict=True):
            self._free[path].append(prim)


def _look(stage: Usd.Stage, path: str) -> Any:
    """All that a camera says but its place and its lens."""
    attributes = stage.GetPrimAtPath(path).GetAuthoredAttributes()
    return frozenset(
        (attribute.GetName(), repr(attribute.Get(TIME)))
        for attribute in attributes
        if attribute.GetName() not in LENS and not attribute.GetName().startswith("xformOp")
        if not draws_nothing(attribute.GetName())
    )
