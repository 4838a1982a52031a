"""Colours of materials that are written while the renderer runs: Newton has one a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import warp as wp

from ...scene.data import Scene
from .model import DrawnModel

if TYPE_CHECKING:
    from ...scene.own_rows import OwnMaterials

__all__ = ["COLOR_INPUTS", "ShapeColors"]

COLOR_INPUTS = ("base_color", "tint")
"""Material inputs that Newton has."""


@wp.func
def encode_channel(x: float) -> float:
    """sRGB of a linear value, which may be above one."""
    if x <= 0.0031308:
        return wp.max(x, 0.0) * 12.92
    return 1.055 * wp.pow(x, 1.0 / 2.4) - 0.055


@wp.kernel(enable_backward=False, module="omni_newton_colors")
def paint(
    values: wp.array2d(dtype=wp.float32),
    of: wp.array(dtype=wp.int32),
    shapes: wp.array(dtype=wp.int32),
    factors: wp.array(dtype=wp.vec3),
    colors: wp.array(dtype=wp.vec3),
):
    """Linear colours of prims -> sRGB colours of shapes; dim = number of shapes that have one."""
    k = wp.tid()
    color = wp.vec3()
    for c in range(3):
        color[c] = encode_channel(values[of[k], c] * factors[k][c])
    if wp.isfinite(color):
        colors[shapes[k]] = color


class ShapeColors:
    """One input of some materials, in the models of a scene.

    Args:
        scene: The scene.
        own: The materials' own rows in it.
        name: Input, of :data:`COLOR_INPUTS`.
    """

    def __init__(self, scene: Scene, own: OwnMaterials, name: str) -> None:
        self._scene, self._own, self._name = scene, own, name
        self._values: wp.array | None = None
        self._places: dict[DrawnModel, tuple[wp.array, wp.array, wp.array]] = {}

    def write(self, values: wp.array, models: list[DrawnModel]) -> None:
        """Set the input: (P, 3) linear colours."""
        self._values = wp.clone(values)
        for drawn in models:
            self.apply(drawn)

    def apply(self, drawn: DrawnModel) -> None:
        """Paint a model as was written last."""
        if self._values is None:
            return
        if drawn not in self._places:
            self._places[drawn] = self._find(drawn)
        of, shapes, factors = self._places[drawn]
        colors = drawn.model.shape_color
        wp.launch(paint, dim=len(of), inputs=[self._values, of, shapes, factors, colors], device=colors.device)

    def _find(self, drawn: DrawnModel) -> tuple[wp.array, wp.array, wp.array]:
        prim = np.full(len(self._scene.materials), -1)
        prim[self._own.rows] = self._own.of
        of = prim[self._scene.instances.material[drawn.instance]] if len(drawn.instance) else np.zeros(0, np.int64)
        shapes = np.flatnonzero(of >= 0)
        factors = drawn.colors[shapes] if self._name == "tint" else np.ones((len(shapes), 3))
        device = drawn.model.device
        return (
            wp.array(of[shapes], dtype=wp.int32, device=device),
            wp.array(shapes, dtype=wp.int32, device=device),
            wp.array(factors, dtype=wp.vec3, device=device),
        )
