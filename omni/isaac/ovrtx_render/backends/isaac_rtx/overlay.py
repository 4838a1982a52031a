"""What this backend says to USD: on a layer of its own below the session's, which goes when it is closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom

from ...errors import SceneError

__all__ = ["Overlay"]

_OP = "xformOp:transform:ovrtx_render"


class Overlay:
    """Opinions about prims of a stage. Nothing else of the stage is written.

    Args:
        stage: The stage.
    """

    def __init__(self, stage: Usd.Stage) -> None:
        self._stage = stage
        self._layer = Sdf.Layer.CreateAnonymous("ovrtx_render_isaac_rtx")
        stage.GetSessionLayer().subLayerPaths.append(self._layer.identifier)

    def place(self, paths: Sequence[str], matrices: np.ndarray) -> None:
        """Give prims (P, 4, 4) row-vector world matrices [stage units]. Rows that are not finite are left out."""
        self.check(paths)
        with Sdf.ChangeBlock():
            for path, matrix in zip(paths, matrices, strict=True):
                if np.isfinite(matrix).all():
                    prim = Sdf.CreatePrimInLayer(self._layer, path)
                    self._set(prim, _OP, Sdf.ValueTypeNames.Matrix4d, Gf.Matrix4d(*map(float, matrix.ravel())))
                    order = [UsdGeom.XformOpTypes.resetXformStack, _OP]
                    self._set(prim, "xformOpOrder", Sdf.ValueTypeNames.TokenArray, order, uniform=True)

    def set_lens(self, paths: Sequence[str], focal_length: float, aperture: float) -> None:
        """Give cameras a lens [tenths of a stage unit] without offsets."""
        self.check(paths)
        values = {
            "focalLength": focal_length,
            "horizontalAperture": aperture,
            "horizontalApertureOffset": 0.0,
            "verticalApertureOffset": 0.0,
        }
        with Sdf.ChangeBlock():
            for path in paths:
                prim = Sdf.CreatePrimInLayer(self._layer, path)
                for name, value in values.items():
                    self._set(prim, name, Sdf.ValueTypeNames.Float, value)

    def partition(self, paths: Sequence[str], envs: Iterable[int], *, cameras: bool) -> None:
        """Put environments, or cameras, into scene partitions: a camera of one sees that one and what has none."""
        name = "omni:scenePartition" if cameras else "primvars:omni:scenePartition"
        with Sdf.ChangeBlock():
            for path, env in zip(paths, envs, strict=True):
                prim = Sdf.CreatePrimInLayer(self._layer, path)
                self._set(prim, name, Sdf.ValueTypeNames.Token, f"env_{env}", uniform=True)

    def close(self) -> None:
        """Take the layer away; a stage that was closed is left alone."""
        if self._stage:
            layers = self._stage.GetSessionLayer().subLayerPaths
            if self._layer.identifier in list(layers):
                layers.remove(self._layer.identifier)

    def check(self, paths: Sequence[str]) -> None:
        """Refuse prims that cannot have opinions.

        Raises:
            SceneError: One is inside an instance.
        """
        for path in paths:
            prim = self._stage.GetPrimAtPath(path)
            if prim and prim.IsInstanceProxy():
                raise SceneError(
                    f"{path} is inside an instance, where Isaac Sim cannot move it; make it not instanceable"
                )

    @staticmethod
    def _set(prim: Sdf.PrimSpec, name: str, kind: Sdf.ValueTypeName, value: object, uniform: bool = False) -> None:
        spec = prim.attributes.get(name)
        if spec is None:
            variability = Sdf.VariabilityUniform if uniform else Sdf.VariabilityVarying
            spec = Sdf.AttributeSpec(prim, name, kind, variability)
        spec.default = value
