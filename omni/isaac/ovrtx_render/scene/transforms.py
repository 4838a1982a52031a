"""Local and world matrices: row-vector, float64, stage units."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .openusd import TIME, Usd, UsdGeom

__all__ = ["IDENTITY", "RESET", "ROOT", "XformTree", "axis_rotation", "local_matrix", "matrix"]

IDENTITY = np.eye(4)
IDENTITY.flags.writeable = False

ROOT = -1
"""Parent of a node that hangs on whatever the tree is placed under."""

RESET = -2
"""Parent of a node with ``!resetXformStack!``: it hangs on nothing."""

_AXIS_ROTATION = {
    # Rows are the images of local x, y, z: z goes to the axis, x and y as UsdGeomPlane lays its width and length.
    "X": np.array([[0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], np.float64),
    "Y": np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64),
    "Z": IDENTITY,
}


def matrix(gf_matrix: object) -> np.ndarray:
    """Convert a ``Gf.Matrix4d`` to a (4, 4) float64 array; a matrix that is not finite becomes the identity."""
    out = np.array(gf_matrix, np.float64)
    return out if np.isfinite(out).all() else IDENTITY.copy()


def axis_rotation(axis: str | None) -> np.ndarray:
    """Return the (4, 4) rotation that takes local +Z to the USD ``axis`` token (``X``, ``Y``, ``Z``; None is Z)."""
    return _AXIS_ROTATION.get(str(axis or "Z"), IDENTITY)


def local_matrix(prim: Usd.Prim) -> tuple[np.ndarray, bool] | None:
    """Return (local matrix (4, 4), resets the stack?) of a prim, or None if it authors no transform at all."""
    xformable = UsdGeom.Xformable(prim)
    if not xformable or not xformable.GetXformOpOrderAttr().HasAuthoredValue():
        return None
    return matrix(xformable.GetLocalTransformation(TIME)), xformable.GetResetXformStack()


@dataclass
class XformTree:
    """Transforms of a subtree in relative form, parents before children.

    Attributes:
        paths: Prim path of each node.
        parents: Parent node of each node, or ROOT or RESET.
        locals: (4, 4) local matrix of each node.
    """

    paths: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    locals: list[np.ndarray] = field(default_factory=list)

    def add(self, path: str, parent: int, local: np.ndarray) -> int:
        """Append a node and return its index."""
        self.paths.append(path)
        self.parents.append(parent)
        self.locals.append(local)
        return len(self.parents) - 1

    def worlds(self, base: np.ndarray, local_matrices: np.ndarray | None = None) -> np.ndarray:
        """Compose world matrices of any number of copies of the tree at once.

        Args:
            base: (4, 4) or (E, 4, 4) what ROOT stands for.
            local_matrices: (E, N, 4, 4) locals of each copy; None is one copy with the tree's own.

        Returns:
            (E, N + 1, 4, 4) world matrices; the last one of each copy is ``base``, so that ROOT (-1) indexes it.
        """
        if local_matrices is None:
            local_matrices = np.array(self.locals, np.float64).reshape(1, -1, 4, 4)
        copies, count = local_matrices.shape[:2]
        out = np.empty((copies, count + 1, 4, 4))
        out[:, -1] = base
        for node, parent in enumerate(self.parents):
            local = local_matrices[:, node]
            out[:, node] = local if parent == RESET else local @ out[:, parent]
        return out
