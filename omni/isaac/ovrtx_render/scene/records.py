"""What a walk over a subtree finds, in a form that can be placed any number of times."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .data import Camera, Light
from .transforms import IDENTITY, XformTree

__all__ = ["PathIndex", "PathTable", "Subtree", "is_below"]


def is_below(path: str, top: str) -> bool:
    """Whether a prim path is another one or below it."""
    return path.startswith(top) and (len(path) == len(top) or path[len(top)] == "/")


class PathTable:
    """Strings by index, each once."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._index: dict[str, int] = {}

    def add(self, path: str) -> int:
        """Return the index of a path, adding it if it is new."""
        index = self._index.get(path)
        if index is None:
            index = self._index[path] = len(self.paths)
            self.paths.append(path)
        return index


class PathIndex:
    """Finds which of many prim paths lie below given ones, in time that depends on what is found only."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._order = sorted(range(len(paths)), key=paths.__getitem__)
        self._sorted = [paths[i] for i in self._order]

    def below(self, roots: Iterable[str] | None) -> np.ndarray:
        """(K,) int64 ascending indices of the paths that are one of ``roots`` or below one; None is all."""
        if roots is None:
            return np.arange(len(self._order))
        found: set[int] = set()
        for root in roots:
            at = str(root).rstrip("/")
            # What is below a path sorts between "path/" and "path0": no prim name has a character before "0".
            for first, last in ((at, f"{at}\0"), (f"{at}/", f"{at}0")):
                found.update(self._order[bisect_left(self._sorted, first) : bisect_left(self._sorted, last)])
        return np.array(sorted(found), np.int64)


@dataclass
class Subtree:
    """Everything drawn below one root, relative to it.

    Attributes:
        tree: Transforms.
        paths: Prim paths that the columns below refer to.
        geometry, material, node, offset, double_sided, path, frame, label, owner, look: Columns, one entry per
            instance. ``node`` is the tree node (or -1, the root's surroundings) and ``offset`` an index in
            ``offsets``, which together place the instance; ``frame`` is the path of the prim that carries it, ``look``
            that of the prim or GeomSubset whose material it has.
        offsets: (4, 4) matrices from geometry to prim frame; index 0 is the identity.
        cameras: (camera with its transform relative to the node, node).
        lights: (light with its transform relative to the node, node).
    """

    tree: XformTree = field(default_factory=XformTree)
    paths: PathTable = field(default_factory=PathTable)
    geometry: list[int] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)
    double_sided: list[bool] = field(default_factory=list)
    path: list[int] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    look: list[int] = field(default_factory=list)
    offsets: list[np.ndarray] = field(default_factory=lambda: [IDENTITY])
    cameras: list[tuple[Camera, int]] = field(default_factory=list)
    lights: list[tuple[Light, int]] = field(default_factory=list)
    _offset_index: dict[bytes, int] = field(default_factory=lambda: {IDENTITY.tobytes(): 0})

    def add_offset(self, offset: np.ndarray) -> int:
        """Return the index of an offset matrix, adding it if it is new."""
        key = offset.tobytes()
        index = self._offset_index.get(key)
        if index is None:
            index = self._offset_index[key] = len(self.offsets)
            self.offsets.append(offset)
        return index

    def add_instance(
        self,
        geometry: int,
        material: int,
        node: int,
        offset: np.ndarray,
        double_sided: bool,
        path: str,
        frame: str,
        label: int,
        owner: str,
        look: str,
    ) -> None:
        """Append one instance."""
        self.geometry.append(geometry)
        self.material.append(material)
        self.node.append(node)
        self.offset.append(self.add_offset(offset))
        self.double_sided.append(double_sided)
        self.path.append(self.paths.add(path))
        self.frame.append(self.paths.add(frame))
        self.label.append(label)
        self.owner.append(self.paths.add(owner))
        self.look.append(self.paths.add(look))

    def relative(self) -> np.ndarray:
        """(I, 4, 4) transforms of the instances relative to the root's surroundings."""
        worlds = self.tree.worlds(IDENTITY)[0]
        offsets = np.array(self.offsets)
        return offsets[self.offset] @ worlds[self.node] if self.node else np.zeros((0, 4, 4))
