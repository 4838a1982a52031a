"""Contract double of ``usdrt``: matrices of prims in Fabric's own order, in several buckets of memory."""

from __future__ import annotations

from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import warp as wp
from pxr import Usd as Usd_
from pxr import UsdGeom, UsdUtils

__all__ = ["FABRIC", "Rt", "Sdf", "Usd"]

FABRIC: dict[int, dict[str, np.ndarray | None]] = {}
"""(4, 4) float64 row-vector world matrix by path of a rigid body, by stage id; None: it has no such attribute. For
tests."""

_WORLD = "omni:fabric:worldMatrix"


class Access(IntEnum):
    """What a selection may do with an attribute."""

    Read = 1
    ReadWrite = 2
    Overwrite = 3


class _Selection:
    def __init__(self, stage_id: int, device: str, want_paths: bool, with_matrix: bool) -> None:
        self._id, self._device, self._want_paths, self._with_matrix = stage_id, device, want_paths, with_matrix
        self._layout: list[str] = []
        self._buckets: list[wp.array] = []
        self.PrepareForReuse()

    def PrepareForReuse(self) -> bool:
        """Whether the layout is another one since the last time; brings the data up to date."""
        bodies = FABRIC.get(self._id, {})
        if not self._with_matrix:
            self._layout = list(bodies)
            return False
        matrices = {path: matrix for path, matrix in bodies.items() if matrix is not None}
        layout = sorted(matrices, key=lambda path: path[::-1])
        changed, self._layout = layout != self._layout, layout
        cut = (len(layout) + 1) // 2
        self._buckets = [
            wp.array(np.array([matrices[path] for path in part], np.float64).reshape(-1, 16), device=self._device)
            for part in (layout[:cut], layout[cut:])
            if part
        ]
        return changed

    def GetCount(self) -> int:
        return len(self._layout)

    def GetPaths(self) -> list[str]:
        if not self._want_paths:
            raise RuntimeError("the selection was made without want_paths")
        return list(self._layout)

    @property
    def __fabric_arrays_interface__(self) -> dict[str, Any]:
        return {
            "version": 1,
            "device": self._device,
            "attribs": {
                _WORLD: {
                    "type": (True, "f8", 16, 0, "matrix"),
                    "access": int(Access.Read),
                    "pointers": [bucket.ptr for bucket in self._buckets],
                    "counts": [len(bucket) for bucket in self._buckets],
                }
            },
        }


class _Prim:
    def __init__(self, stage_id: int, path: str) -> None:
        self._id, self._path = stage_id, path

    def IsValid(self) -> bool:
        return self._path in FABRIC.get(self._id, {})


class _Xformable:
    def __init__(self, prim: _Prim) -> None:
        if not isinstance(prim, _Prim):
            raise TypeError(f"Xformable(): incompatible constructor arguments: {prim!r}")
        if not prim.IsValid():
            raise RuntimeError(f"there is no prim {prim._path} in Fabric")
        self._prim = prim

    def CreateFabricHierarchyWorldMatrixAttr(self) -> None:
        bodies = FABRIC[self._prim._id]
        if bodies[self._prim._path] is None:
            bodies[self._prim._path] = np.eye(4)

    def SetWorldXformFromUsd(self) -> None:
        if FABRIC[self._prim._id][self._prim._path] is None:
            raise RuntimeError("the prim has no world matrix attribute")
        stage = UsdUtils.StageCache.Get().Find(Usd_.StageCache.Id.FromLongInt(self._prim._id))
        world = UsdGeom.XformCache().GetLocalToWorldTransform(stage.GetPrimAtPath(self._prim._path))
        FABRIC[self._prim._id][self._prim._path] = np.array(world)


class _Stage:
    def __init__(self, stage_id: int) -> None:
        self._id = stage_id

    @staticmethod
    def Attach(stageId: int) -> _Stage:
        cache = UsdUtils.StageCache.Get()
        if not isinstance(stageId, int) or not any(
            cache.GetId(stage).ToLongInt() == stageId for stage in cache.GetAllStages()
        ):
            raise RuntimeError(f"Attach(): there is no stage {stageId} in the cache")
        return _Stage(stageId)

    def GetPrimAtPath(self, path: str) -> _Prim:
        if not isinstance(path, str):
            raise TypeError(f"GetPrimAtPath(): incompatible function arguments: {path!r}")
        return _Prim(self._id, path)

    def SelectPrims(
        self,
        require_prim_type: str | None = None,
        require_applied_schemas: list[str] = [],  # noqa: B006 - the signature of the real one
        require_attrs: list[Any] = [],  # noqa: B006
        device: str = "cpu",
        want_paths: bool = False,
    ) -> _Selection:
        if device != "cpu" and not device.startswith("cuda:"):
            raise ValueError(f"unknown device {device}")
        if require_applied_schemas != ["PhysicsRigidBodyAPI"]:
            raise NotImplementedError(f"the double knows rigid bodies only, not {require_applied_schemas}")
        if require_attrs not in ([], [("Matrix4d", _WORLD, Access.Read)]):
            raise NotImplementedError(f"the double knows the world matrix only, to read, not {require_attrs}")
        return _Selection(self._id, device, want_paths, bool(require_attrs))


Usd = SimpleNamespace(Stage=_Stage, Access=Access)
Rt = SimpleNamespace(Xformable=_Xformable)
Sdf = SimpleNamespace(ValueTypeNames=SimpleNamespace(Matrix4d="Matrix4d", UInt="UInt"))
