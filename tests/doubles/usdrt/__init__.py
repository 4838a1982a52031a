"""Contract double of ``usdrt``: matrices of prims in Fabric's own order, in several buckets of memory."""

from __future__ import annotations

from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import warp as wp
from pxr import UsdUtils

__all__ = ["FABRIC", "Sdf", "Usd"]

FABRIC: dict[int, dict[str, np.ndarray]] = {}
"""(4, 4) float64 row-vector world matrix by prim path, by stage id; for tests."""

_WORLD = "omni:fabric:worldMatrix"


class Access(IntEnum):
    """What a selection may do with an attribute."""

    Read = 1
    ReadWrite = 2
    Overwrite = 3


class _Selection:
    def __init__(self, stage_id: int, device: str, want_paths: bool) -> None:
        self._id, self._device, self._want_paths = stage_id, device, want_paths
        self._layout: list[str] = []
        self._buckets: list[wp.array] = []
        self.PrepareForReuse()

    def PrepareForReuse(self) -> bool:
        """Whether the layout is another one since the last time; brings the data up to date."""
        matrices = FABRIC.get(self._id, {})
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
        if require_attrs != [("Matrix4d", _WORLD, Access.Read)]:
            raise NotImplementedError(f"the double knows the world matrix only, to read, not {require_attrs}")
        return _Selection(self._id, device, want_paths)


Usd = SimpleNamespace(Stage=_Stage, Access=Access)
Sdf = SimpleNamespace(ValueTypeNames=SimpleNamespace(Matrix4d="Matrix4d", UInt="UInt"))
