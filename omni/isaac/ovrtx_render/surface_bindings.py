"""What surfaces look like and where their points are, written as arrays while the renderer runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import warp as wp

from .arrays import as_device_array
from .errors import ConfigError, SceneError
from .scene.data import AlphaMode

if TYPE_CHECKING:
    from .renderer import TiledRenderer
    from .scene.own_rows import OwnMaterials, OwnMeshes

__all__ = ["MATERIAL_INPUTS", "MaterialBinding", "PointBinding", "SurfaceBinding"]

MATERIAL_INPUTS: dict[str, int] = {
    "base_color": 3,
    "tint": 3,
    "emissive": 3,
    "specular_color": 3,
    "metallic": 1,
    "roughness": 1,
    "opacity": 1,
    "ior": 1,
}
"""Inputs that can be written, and how many values each has. ``tint`` multiplies the base colour as authored, textures
included; a written ``opacity`` makes the surface blend."""


class SurfaceBinding(ABC):
    """Prims that have rows of their own in the scene, because they are written one by one."""

    def __init__(self, renderer: TiledRenderer, paths: list[str]) -> None:
        self._renderer = renderer
        self.paths = paths
        self._bound: object = None
        self._last: wp.array | None = None
        self._problem: str | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def take_rows(self) -> None:
        """Take rows in a scene that was read anew; a prim that is gone is told when it is written next."""
        try:
            self._take_rows()
            self._problem = None
        except SceneError as error:
            self._problem = str(error)

    def restore(self) -> None:
        """Put what was written last into a scene that the backend has loaded anew."""
        if self._problem is None:
            self._bound = self._bind()
            if self._last is not None:
                self._write(self._last)

    @abstractmethod
    def _take_rows(self) -> None: ...

    @abstractmethod
    def _bind(self) -> object: ...

    @abstractmethod
    def _write(self, values: wp.array) -> None: ...

    def _take(self, values: wp.array) -> None:
        if self._problem is not None:
            raise SceneError(self._problem)
        self._write(values)
        # A copy: the caller may use his array for something else before the scene is read again.
        if self._last is None:
            self._last = wp.empty_like(values)
        wp.copy(self._last, values)


class MaterialBinding(SurfaceBinding):
    """One input of some materials. Made by :meth:`TiledRenderer.bind_materials`.

    Attributes:
        paths: Material prims, in the order of the rows to write.
        input: Name of the input.
    """

    def __init__(self, renderer: TiledRenderer, paths: list[str], name: str) -> None:
        if name not in MATERIAL_INPUTS:
            raise ConfigError(f"there is no material input {name!r}; known are: {', '.join(MATERIAL_INPUTS)}")
        super().__init__(renderer, paths)
        self.input = name
        self._own: OwnMaterials
        self._take_rows()

    def write(self, values: Any) -> None:
        """Set the input.

        Args:
            values: (P, 3) float32 linear colours, or (P,) or (P, 1) float32 numbers.

        Raises:
            InputError: Wrong shape, dtype, device or values that are not finite; nothing is written then.
            SceneError: A material is not on the stage any more.
        """
        self._renderer._follow()
        width = MATERIAL_INPUTS[self.input]
        shape = (len(self),) if width == 1 and getattr(values, "ndim", 2) == 1 else (len(self), width)
        array = as_device_array("values", values, wp.float32, shape, self._renderer.device)
        self._take(array.reshape((len(self), width)))

    def _take_rows(self) -> None:
        renderer = self._renderer
        self._own = renderer._followed("bind_materials").own_materials(self.paths)
        for row in self._own.rows:
            material = renderer.scene.materials[row]
            if self.input not in ("tint", "ior") and getattr(material, f"{self.input}_texture") is not None:
                raise ConfigError(
                    f"the {self.input} of {material.name} comes from a texture, so it cannot be written; "
                    f"{'write its tint' if self.input == 'base_color' else 'remove the texture'}"
                )
            if self.input == "opacity" and material.alpha_mode == AlphaMode.OPAQUE:
                material = replace(material, alpha_mode=AlphaMode.BLEND)
            elif self.input == "base_color" and material.use_vertex_color:
                material = replace(material, use_vertex_color=False)
            renderer.scene.materials[row] = material

    def _bind(self) -> object:
        return self._renderer._backend.bind_materials(self._own, self.input)

    def _write(self, values: wp.array) -> None:
        self._renderer._backend.write_materials(self._bound, values)


class PointBinding(SurfaceBinding):
    """Meshes that deform, and curves. Made by :meth:`TiledRenderer.bind_points`.

    Attributes:
        paths: Mesh or BasisCurves prims.
        begin: (P + 1,) int64 first point of each in the flat array to write, and the number of all points.
    """

    def __init__(self, renderer: TiledRenderer, paths: list[str]) -> None:
        super().__init__(renderer, paths)
        self._own: OwnMeshes
        self._take_rows()
        self.begin = self._own.begin

    def write(self, points: Any) -> None:
        """Move the points.

        Args:
            points: (begin[P], 3) float32 world positions [stage units]: those of the first prim as its ``points``
                attribute orders them, then those of the second, and so on.

        Raises:
            InputError: Wrong shape, dtype, device or values that are not finite; nothing is written then.
            SceneError: A prim is not on the stage any more.
        """
        self._renderer._follow()
        self._take(as_device_array("points", points, wp.vec3, (int(self.begin[-1]), 3), self._renderer.device))

    def _take_rows(self) -> None:
        self._own = self._renderer._followed("bind_points").own_meshes(self.paths)
        begin = getattr(self, "begin", self._own.begin)
        if (begin != self._own.begin).any():
            raise SceneError(f"the meshes {self.paths[0]}... have another number of points now; bind them again")

    def _bind(self) -> object:
        bound = self._renderer._backend.bind_points(self._own)
        if self._last is None:
            self._renderer._backend.write_points(
                bound, wp.array(self._own.rest, dtype=wp.vec3, device=self._renderer.device)
            )
        return bound

    def _write(self, values: wp.array) -> None:
        self._renderer._backend.write_points(self._bound, values)
