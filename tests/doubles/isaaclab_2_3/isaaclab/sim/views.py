"""Contract double of ``isaaclab.sim.views``: poses are read from the stage, and written beside it, as to Fabric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pxr import Gf, Usd, UsdGeom

from . import find_matching_prims

__all__ = ["XformPrimView"]


class XformPrimView:
    """Poses of the prims that match. Quaternions are (w, x, y, z), the axes those of USD."""

    def __init__(
        self,
        prim_path: str,
        device: str = "cpu",
        validate_xform_ops: bool = True,
        sync_usd_on_fabric_write: bool = False,
        stage: Usd.Stage | None = None,
    ) -> None:
        self._prims = find_matching_prims(prim_path, stage)
        self._device = device
        self._written: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    @property
    def count(self) -> int:
        return len(self._prims)

    @property
    def prims(self) -> list[Usd.Prim]:
        return self._prims

    @property
    def prim_paths(self) -> list[str]:
        return [prim.GetPath().pathString for prim in self._prims]

    def get_world_poses(self, indices: Sequence[int] | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        positions, quats = zip(*(self._pose(int(i)) for i in self._rows(indices)), strict=True)
        return torch.stack(positions).to(self._device), torch.stack(quats).to(self._device)

    def set_world_poses(
        self,
        positions: torch.Tensor | None = None,
        orientations: torch.Tensor | None = None,
        indices: Sequence[int] | None = None,
    ) -> None:
        rows = self._rows(indices)
        for given, width in ((positions, 3), (orientations, 4)):
            if given is not None and tuple(given.shape) != (len(rows), width):
                raise ValueError(f"expected shape {(len(rows), width)}, got {tuple(given.shape)}")
        for k, i in enumerate(rows):
            position, quat = self._pose(int(i))
            self._written[int(i)] = (
                position if positions is None else positions[k].cpu(),
                quat if orientations is None else orientations[k].cpu(),
            )

    def _rows(self, indices: Any) -> list[int]:
        return list(range(self.count)) if indices is None else [int(i) for i in indices]

    def _pose(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        if i in self._written:
            return self._written[i]
        matrix = UsdGeom.XformCache().GetLocalToWorldTransform(self._prims[i])
        quat: Gf.Quatd = matrix.RemoveScaleShear().ExtractRotationQuat()
        values = [quat.GetReal(), *quat.GetImaginary()]
        return torch.tensor(np.array(matrix.ExtractTranslation(), np.float32)), torch.tensor(values)
