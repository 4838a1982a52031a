"""Where bodies are while physics plays: Fabric, which physics keeps up to date while it leaves the USD stage behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import usdrt
import warp as wp

from .notices import Notices

if TYPE_CHECKING:
    from ..renderer import TiledRenderer, TransformBinding

__all__ = ["FabricPoses"]

_MATRIX = "omni:fabric:worldMatrix"
_BODY = "PhysicsRigidBodyAPI"
_PATIENCE = 30
"""Frames without a body in Fabric after which that is told."""


@wp.kernel(enable_backward=False, module="omni_kit_fabric")
def _gather(
    matrices: wp.fabricarray(dtype=wp.mat44d),  # type: ignore[valid-type]
    rows: wp.array(dtype=wp.int32),  # type: ignore[valid-type]
    out: wp.array(dtype=wp.mat44),  # type: ignore[valid-type]
):
    i = wp.tid()
    row = rows[i]
    if row >= 0:
        out[row] = wp.mat44(matrices[i])


class FabricPoses:
    """Rigid bodies, read from Fabric on the device and written into a renderer.

    Nothing is written to USD; to Fabric only the world matrix of a body that has none there, once, from the stage.

    Args:
        stage_id: Number of the stage in USD's cache, as ``UsdContext.get_stage_id`` gives it.
        notices: Where to tell of bodies that Fabric does not have.
    """

    def __init__(self, stage_id: int, notices: Notices) -> None:
        self._stage = usdrt.Usd.Stage.Attach(stage_id)
        self._notices = notices
        self._renderer: TiledRenderer | None = None
        self._scene: object = None
        self._selection: Any = None
        self._binding: TransformBinding | None = None
        self._rows: wp.array | None = None
        self._world: wp.array | None = None
        self._empty = 0

    def write(self, renderer: TiledRenderer) -> None:
        """Place the bodies of a renderer where they are now. To be called by the application's thread."""
        if renderer is not self._renderer or renderer.scene is not self._scene:
            self._select(renderer)
        elif self._selection.PrepareForReuse():
            self._bind(renderer)  # Fabric laid its data out anew
        if self._binding is None or self._world is None:
            self._tell_if_empty(renderer)
            return
        matrices: Any = wp.fabricarray(self._selection, _MATRIX)
        wp.launch(_gather, matrices.size, inputs=[matrices, self._rows], outputs=[self._world], device=matrices.device)
        self._binding.write_matrices(self._world)

    def _select(self, renderer: TiledRenderer) -> None:
        self._renderer, self._empty = renderer, 0
        self._make_missing()
        self._selection = self._bodies(with_matrix=True, device=str(renderer.device))
        self._bind(renderer)

    def _bodies(self, *, with_matrix: bool, device: str = "cpu") -> Any:
        # Asking to write would make Kit compute its whole hierarchy anew in every frame.
        matrix = (usdrt.Sdf.ValueTypeNames.Matrix4d, _MATRIX, usdrt.Usd.Access.Read)
        return self._stage.SelectPrims(
            require_applied_schemas=[_BODY],
            require_attrs=[matrix] if with_matrix else [],
            device=device,
            want_paths=True,
        )

    def _make_missing(self) -> None:
        """Give bodies that Fabric knows, but not where they are, a world matrix: the stage's."""
        all_, placed = ({str(path) for path in self._bodies(with_matrix=m).GetPaths()} for m in (False, True))
        missing = sorted(all_ - placed)
        for path in missing:
            body = usdrt.Rt.Xformable(self._stage.GetPrimAtPath(path))
            body.CreateFabricHierarchyWorldMatrixAttr()
            body.SetWorldXformFromUsd()
        if missing:
            self._notices.info(f"{len(missing)} rigid bodies had no world matrix in Fabric, e.g. {missing[0]}")

    def _tell_if_empty(self, renderer: TiledRenderer) -> None:
        """Tell, once, that the stage has bodies and Fabric none: physics may take some frames to put them there."""
        self._empty += 1
        if self._empty != _PATIENCE:
            return
        body = next((prim for prim in renderer.stage.Traverse() if prim.HasAPI(_BODY)), None)
        if body is not None:
            self._notices.warn(
                f"Fabric has no rigid bodies, though the stage has {body.GetPath()}: they are drawn where the stage "
                "has them; enable omni.physx.fabric, or set poses to 'usd'"
            )

    def _bind(self, renderer: TiledRenderer) -> None:
        """Find out which body is where in Fabric, whose order is its own."""
        self._scene = renderer.scene
        paths = [str(path) for path in self._selection.GetPaths()]
        # Fabric may have prims that the stage does not, such as clones.
        drawn = [path for path in paths if renderer.stage.GetPrimAtPath(path)]
        row_of = {path: row for row, path in enumerate(drawn)}
        rows = np.array([row_of.get(path, -1) for path in paths], np.int32)
        self._rows = wp.array(rows, dtype=wp.int32, device=renderer.device)
        self._world = wp.zeros(len(drawn), dtype=wp.mat44, device=renderer.device)
        if self._binding is None or self._binding.paths != drawn or self._binding._renderer is not renderer:
            self._binding = renderer.bind_transforms(drawn) if drawn else None
