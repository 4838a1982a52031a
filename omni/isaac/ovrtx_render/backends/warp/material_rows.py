"""Material inputs that are written every step: values are scattered into the material table by one launch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import warp as wp

from .device_scene import DeviceScene
from .materials import BASE_COLOR, MaterialState
from .types import TextureRefState

if TYPE_CHECKING:
    from ...scene.own_rows import OwnMaterials

__all__ = ["MaterialRows"]


@wp.kernel(enable_backward=False, module="omni_material_rows")
def write_color(
    which: int,
    values: wp.array2d(dtype=wp.float32),
    of: wp.array(dtype=wp.int32),
    rows: wp.array(dtype=wp.int32),
    materials: wp.array(dtype=MaterialState),
):
    """Colours -> materials; dim = number of rows. ``which``: index in :data:`_COLORS`."""
    k = wp.tid()
    row = rows[k]
    v = values[of[k]]
    color = wp.max(wp.vec3(v[0], v[1], v[2]), wp.vec3(0.0, 0.0, 0.0))
    if which == 0:
        materials[row].base_color = color
    elif which == 1:
        materials[row].emissive = color
    elif which == 2:
        materials[row].specular_color = color


@wp.kernel(enable_backward=False, module="omni_material_rows")
def write_number(
    which: int,
    values: wp.array2d(dtype=wp.float32),
    of: wp.array(dtype=wp.int32),
    rows: wp.array(dtype=wp.int32),
    materials: wp.array(dtype=MaterialState),
):
    """Numbers -> materials; dim = number of rows. ``which``: index in :data:`_NUMBERS`."""
    k = wp.tid()
    row = rows[k]
    value = values[of[k], 0]
    if which == 0:
        materials[row].metallic = wp.clamp(value, 0.0, 1.0)
    elif which == 1:
        materials[row].roughness = wp.clamp(value, 0.0, 1.0)
    elif which == 2:
        materials[row].opacity = wp.clamp(value, 0.0, 1.0)
    elif which == 3:
        materials[row].ior = wp.max(value, 1.0)


@wp.kernel(enable_backward=False, module="omni_material_rows")
def write_tint(
    values: wp.array2d(dtype=wp.float32),
    of: wp.array(dtype=wp.int32),
    rows: wp.array(dtype=wp.int32),
    authored: wp.array(dtype=MaterialState),
    authored_refs: wp.array(dtype=TextureRefState),
    materials: wp.array(dtype=MaterialState),
    refs: wp.array(dtype=TextureRefState),
):
    """Multiply base colours, constant and textured, as they were authored; dim = number of rows."""
    k = wp.tid()
    v = values[of[k]]
    row = rows[k]
    tint = wp.max(wp.vec3(v[0], v[1], v[2]), wp.vec3(0.0, 0.0, 0.0))
    materials[row].base_color = wp.cw_mul(authored[row].base_color, tint)
    scale = wp.vec4(tint[0], tint[1], tint[2], 1.0)
    for i in range(authored[row].num_textures):
        r = authored[row].first_texture + i
        if refs[r].target == BASE_COLOR:
            refs[r].scale = wp.cw_mul(authored_refs[r].scale, scale)
            refs[r].bias = wp.cw_mul(authored_refs[r].bias, scale)


_COLORS = ("base_color", "emissive", "specular_color")
_NUMBERS = ("metallic", "roughness", "opacity", "ior")


class MaterialRows:
    """One input of some materials.

    Args:
        scene: The scene on the device.
        own: The materials, which have rows of their own.
        name: Name of the input; see :data:`~omni.isaac.ovrtx_render.surface_bindings.MATERIAL_INPUTS`.
    """

    def __init__(self, scene: DeviceScene, own: OwnMaterials, name: str) -> None:
        self._scene, self._name = scene, name
        self._of = wp.array(own.of, dtype=wp.int32, device=scene.device)
        self._rows = wp.array(own.rows, dtype=wp.int32, device=scene.device)
        if name == "tint":
            self._authored = wp.clone(scene.shading.materials), wp.clone(scene.shading.textures.refs)

    def write(self, values: wp.array) -> None:
        """Take over (P, 3) or (P, 1) float32 values."""
        shading, device = self._scene.shading, self._scene.device
        inputs = [values, self._of, self._rows]
        if self._name == "tint":
            inputs += [*self._authored, shading.materials, shading.textures.refs]
            wp.launch(write_tint, dim=len(self._rows), inputs=inputs, device=device)
        else:
            color = self._name in _COLORS
            which = (_COLORS if color else _NUMBERS).index(self._name)
            kernel = write_color if color else write_number
            wp.launch(kernel, dim=len(self._rows), inputs=[which, *inputs, shading.materials], device=device)
