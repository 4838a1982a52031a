"""The scene's own readers, for single prims: what they find goes to the prim or material that it belongs to."""

from __future__ import annotations

import numpy as np
from pxr import Sdf, Usd, UsdGeom

from ..config import RendererCfg
from ..scene.data import Finding, Material
from ..scene.geometry import GeometryReader, GeometryStore
from ..scene.materials import MaterialReader
from ..scene.openusd import TIME
from ..scene.textures import Image
from ..scene.transforms import matrix
from .placed import Piece

__all__ = ["Shapes", "SinglePrims"]


class Shapes:
    """A geometry reader that lives on from edit to edit, so that no mesh is tessellated twice; materials are read anew.

    Attributes:
        store: The geometries that were read.
        findings: What was found since the last :meth:`renew`.
        images: Decoded texture files by location.
        materials: The materials that the present material reader made.
    """

    def __init__(self, cfg: RendererCfg) -> None:
        self.store = GeometryStore()
        self.findings: list[Finding] = []
        self.images: dict[str, Image] = {}
        self.materials: list[Material] = []
        self._materials: MaterialReader | None = None
        self._bound: dict[Sdf.Path, int] = {}
        self.reader = GeometryReader(self.store, self, self.findings, cfg.subdivision_level)

    def bind(self, prim: Usd.Prim) -> int:
        """See :meth:`MaterialReader.bind`."""
        assert self._materials is not None
        path = prim.GetPath()
        index = self._bound.get(path)
        if index is None:
            index = self._bound[path] = self._materials.bind(prim)
        return index

    def renew(self, materials: MaterialReader) -> None:
        """Take another material reader, since materials may be others now."""
        self._materials, self.materials = materials, materials.materials
        self._bound.clear()
        self.findings.clear()


class SinglePrims:
    """Reads single prims of a stage as they are now.

    Args:
        stage: The stage.
        cfg: Configuration.
        shapes: The geometry reader.

    Attributes:
        materials: The material reader.
        findings: What the material reader found.
    """

    def __init__(self, stage: Usd.Stage, cfg: RendererCfg, shapes: Shapes) -> None:
        self._shapes = shapes
        self._places = UsdGeom.XformCache(TIME)
        self.findings: list[Finding] = []
        self.materials = MaterialReader(stage, cfg, self.findings, shapes.images)
        shapes.renew(self.materials)

    def world(self, prim: Usd.Prim) -> np.ndarray:
        """(4, 4) world matrix of a prim."""
        return matrix(self._places.GetLocalToWorldTransform(prim))

    def pieces(self, prim: Usd.Prim) -> list[Piece]:
        """What a gprim draws now."""
        world = self.world(prim)
        store = self._shapes.store
        return [
            Piece(
                geometry := store.geometries[part.geometry],
                store.meshes[geometry.mesh] if geometry.mesh >= 0 else None,
                part.double_sided,
                part.offset @ world,
            )
            for part in self._shapes.reader.read(prim)
        ]

    def material_of(self, prim: Usd.Prim) -> Material:
        """What a prim or GeomSubset shows now."""
        return self._shapes.materials[self._shapes.bind(prim)]

    def findings_at(self, path: str) -> list[Finding]:
        """What was found of a prim itself."""
        return [finding for finding in (*self._shapes.findings, *self.findings) if finding.path == path]
