"""Material inputs and points of meshes that are written every frame."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import warp as wp

from ...errors import ConfigError, SceneError
from ...scene.export import PREVIEW_INPUTS
from ...scene.openusd import TIME, Usd, UsdGeom
from ...scene.own_rows import OwnMaterials, OwnMeshes
from ...surface_bindings import MATERIAL_INPUTS
from .session import Session

__all__ = ["DeformedMeshes", "MaterialInput"]

_SHADER_INPUTS: dict[str, tuple[str, ...]] = {
    "base_color": ("diffuseColor", "diffuse_color_constant", "base_color"),
    "tint": ("diffuse_tint",),
    "emissive": ("emissiveColor", "emissive_color", "emission_color"),
    "specular_color": ("specularColor", "specular_color"),
    "metallic": ("metallic", "metallic_constant", "base_metalness"),
    "roughness": ("roughness", "reflection_roughness_constant", "specular_roughness"),
    "opacity": ("opacity", "opacity_constant", "geometry_opacity"),
    "ior": ("ior", "ior_constant", "specular_ior"),
}
"""Shader inputs that each material input may be, of UsdPreviewSurface, OmniPBR and OpenPBR."""


class MaterialInput:
    """One input of some materials, written onto their shaders.

    Args:
        own: The materials.
        name: Name of the input.

    Raises:
        ConfigError: The shader of a material authors no such input, so the library has nothing to write to.
    """

    def __init__(self, session: Session, stage: Usd.Stage, own: OwnMaterials, name: str) -> None:
        rows: dict[str, list[int]] = defaultdict(list)
        shaders: dict[str, list[str]] = defaultdict(list)
        for row, path in enumerate(own.paths):
            shader, attribute = _shader_input(stage, path, name)
            rows[attribute].append(row)
            shaders[attribute].append(shader)
        width = MATERIAL_INPUTS[name]
        self.own = own
        self.pinned: list[str] = []
        self._parts = [
            (session.bind_floats(shaders[attribute], attribute, width), np.array(rows[attribute])) for attribute in rows
        ]
        self._values: wp.array | None = None
        self._sent = True

    def write(self, values: wp.array) -> None:
        """Take values (P, width)."""
        if self._values is None:
            self._values = wp.empty_like(values)
        wp.copy(self._values, values)
        self._sent = False

    def release(self, session: Session) -> None:
        """Let go of the bindings of the library."""
        for handle, _ in self._parts:
            session.unbind(handle)

    def send(self, session: Session) -> list[wp.array]:
        """Hand over what was written since; the result is to be kept until the next frame is there."""
        if self._sent or self._values is None:
            return []
        self._sent = True
        kept = []
        for handle, rows in self._parts:
            part: Any = self._values
            if len(rows) < len(part):
                index: Any = wp.array(rows.astype(np.int32), dtype=wp.int32, device=part.device)
                part = part[index].contiguous()
            if part.shape[1] == 1:
                part = part.reshape((len(rows),))
            session.send(handle, part)
            kept.append(part)
        return kept


class DeformedMeshes:
    """Meshes, and curves, whose points are written as world positions.

    Args:
        own: The meshes.
        device: Where the points are.

    Raises:
        ConfigError: Curves are stretched by their prim, which they would not be any more.
    """

    def __init__(self, session: Session, stage: Usd.Stage, own: OwnMeshes, device: wp.Device) -> None:
        self.own = own
        self.pinned = list(own.paths)
        self._begin = own.begin.tolist()
        self._points: Any = wp.array(own.rest, dtype=wp.vec3, device=device)
        self._sent = False
        prims = [stage.GetPrimAtPath(path) for path in self.pinned]
        curves = [
            array for prim, world in zip(prims, own.world, strict=True) for array in _curve_arrays(prim, world)
        ]  # may refuse, so it comes first
        # World positions: the prims stand at the origin, and nothing above them counts.
        session.reset_stack(self.pinned)
        session.place(self.pinned, np.tile(np.eye(4), (len(self.pinned), 1, 1)))
        session.write_flags(self.pinned, "doubleSided", True)
        for path, name, values in curves:
            session.write_arrays([path], name, [values])
        meshes = [UsdGeom.Mesh(prim) for prim in prims if not prim.IsA(UsdGeom.Curves)]
        shaded = [str(mesh.GetPath()) for mesh in meshes if mesh.GetNormalsAttr().Get()]
        if shaded:  # those of the rest shape would light the deformed one; without any the library makes its own
            session.write_arrays(shaded, "normals", [np.zeros((0, 3), np.float32)] * len(shaded))
        self._handle = session.bind_points(self.pinned)

    def write(self, points: wp.array) -> None:
        """Take (n,) vec3 world positions [stage units] of all meshes, one after the other."""
        wp.copy(self._points, points)
        self._sent = False

    def release(self, session: Session) -> None:
        """Let go of the binding of the library."""
        session.unbind(self._handle)

    def send(self, session: Session) -> list[wp.array]:
        """Hand over what was written since; the result is to be kept until the next frame is there."""
        if self._sent:
            return []
        self._sent = True
        parts = [self._points[begin:end] for begin, end in zip(self._begin[:-1], self._begin[1:], strict=True)]
        session.send(self._handle, parts)
        return [self._points, *parts]


def _curve_arrays(prim: Usd.Prim, world: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    """Path, attribute and values of what curves need to look the same when their prim stands at the origin."""
    if not prim.IsA(UsdGeom.Curves):
        return []
    linear, path = world[:3, :3], str(prim.GetPath())
    most, _, least = np.linalg.svd(linear, compute_uv=False)
    out = []
    normals = prim.GetAttribute("normals").Get(TIME)
    if normals:
        out.append((path, "normals", (np.array(normals) @ np.linalg.pinv(linear).T).astype(np.float32)))
    if most > 1.001 or least < 0.999:
        names = ("primvars:widths", "widths")
        name = next((name for name in names if prim.HasAttribute(name) and prim.GetAttribute(name).Get(TIME)), None)
        if most > 1.001 * least or name is None:
            raise ConfigError(
                f"{path} is scaled, and OVRTX would draw it unscaled once its points are written: give its widths in "
                "world units and remove the scale, or use backend='warp'"
            )
        out.append((path, name, (np.array(prim.GetAttribute(name).Get(TIME)) * most).astype(np.float32)))
    return out


def _shader_input(stage: Usd.Stage, path: str, name: str) -> tuple[str, str]:
    """Prim path of the shader of a material, and the attribute that a material input is."""
    material = stage.GetPrimAtPath(path)
    if not material:
        raise SceneError(f"{path}: the stage has no such material")
    names = [f"inputs:{candidate}" for candidate in _SHADER_INPUTS[name]]
    for prim in Usd.PrimRange(material):
        if prim.GetTypeName() == "Shader":
            is_preview = prim.GetAttribute("info:id").Get() == "UsdPreviewSurface"
            for attribute in names:
                if prim.GetAttribute(attribute).HasAuthoredValue() or (is_preview and attribute in PREVIEW_INPUTS):
                    return str(prim.GetPath()), attribute
    raise ConfigError(
        f"{path} authors no {' or '.join(names)}, and OVRTX writes inputs that exist only; author one, or use "
        "backend='warp'"
    )
