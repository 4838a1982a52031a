"""Fixes of textures: where they are, how they are read, and the coordinates they are read with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, Vt

from ...scene.openusd import TIME
from ...scene.primvars import as_array
from ...scene.shader_inputs import follow, input_attribute, shader_id
from ...scene.triangulate import face_starts
from ..finding import Finding
from .author import Author
from .plan import Plan

__all__ = ["RULES", "box_coordinates"]

_TYPES = Sdf.ValueTypeNames
_FOLDERS = (
    "",
    "textures",
    "Textures",
    "images",
    "maps",
    "materials",
    "Materials/Textures",
    "../textures",
    "../Textures",
)


def _find_file(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """A texture that is not where its path says: look for the file beside the layers of the stage."""
    if not finding.prop:
        return None
    attribute = stage.GetPrimAtPath(finding.path).GetAttribute(finding.prop)
    value = attribute.Get(TIME)
    if not isinstance(value, Sdf.AssetPath) or "<UDIM>" in value.path:
        return None
    authored = value.path.replace("\\", "/")
    layers = [layer.realPath for layer in stage.GetUsedLayers() if layer.realPath]
    roots = list(dict.fromkeys([*(os.path.dirname(path) for path in layers), os.getcwd()]))
    tails = [authored] if not authored.startswith("/") and ":" not in authored else []
    tails += [f"{folder}/{Path(authored).name}" if folder else Path(authored).name for folder in _FOLDERS]
    found = next((place for tail in tails for root in roots if (place := Path(root) / tail).is_file()), None)
    if found is None:
        return None
    place = os.path.normpath(found)
    kind = attribute.GetTypeName()
    return Plan(f"Use {place}", lambda author, path: author.value(path, finding.prop, kind, Sdf.AssetPath(place)))


def _set_space(stage: Usd.Stage, finding: Finding) -> Plan | None:
    space = finding.data.get("space")
    if space is None:
        return None  # a space that is not known: which one is meant is not known either
    prim = stage.GetPrimAtPath(finding.path)
    if shader_id(prim) == "UsdUVTexture":
        return Plan(f"Set sourceColorSpace to {space}", lambda author, path: author.token(path, finding.prop, space))
    attribute = prim.GetAttribute(finding.prop)

    def author(author: Author, path: str) -> None:
        author.value(path, finding.prop, attribute.GetTypeName(), attribute.Get(TIME), colorSpace=space)

    return Plan(f"Set the colour space of {finding.prop} to {space}", author)


def _set_scale_bias(stage: Usd.Stage, finding: Finding) -> Plan | None:
    given = input_attribute(stage.GetPrimAtPath(finding.path), "normal")
    node = follow(given).node if given is not None else None
    if node is None or shader_id(node) != "UsdUVTexture":
        return None
    # The node may be anywhere below the material, at the same place in every clone.
    above = os.path.commonpath([finding.path, str(node.GetPath())])
    below, tail = str(node.GetPath())[len(above) :], finding.path[len(above) :]

    def author(author: Author, path: str) -> None:
        place = path.removesuffix(tail) + below
        author.value(place, "inputs:scale", _TYPES.Float4, Gf.Vec4f(2.0, 2.0, 2.0, 1.0))
        author.value(place, "inputs:bias", _TYPES.Float4, Gf.Vec4f(-1.0, -1.0, -1.0, 0.0))

    return Plan("Set scale (2, 2, 2, 1) and bias (-1, -1, -1, 0)", author)


def _copy_coordinates(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """Coordinates under another name: author them again under the name that is read."""
    wanted = finding.data["primvar"]
    source = finding.prop.removeprefix("primvars:")

    def author(author: Author, path: str) -> None:
        primvar = UsdGeom.PrimvarsAPI(stage.GetPrimAtPath(path)).GetPrimvar(source)
        author.value(
            path,
            f"primvars:{wanted}",
            _TYPES.TexCoord2fArray,
            Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(as_array(primvar.ComputeFlattened(TIME), 2))),
            interpolation=str(primvar.GetInterpolation()),
        )

    return Plan(f"Copy primvars:{source} to primvars:{wanted}", author)


def _project_coordinates(stage: Usd.Stage, finding: Finding) -> Plan | None:
    """No coordinates: project the texture from the sides of the mesh's bounding box."""
    wanted = finding.data["primvar"]
    if not stage.GetPrimAtPath(finding.path).IsA(UsdGeom.Mesh):
        return None

    def author(author: Author, path: str) -> None:
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(path))
        points = as_array(mesh.GetPointsAttr().Get(TIME), 3)
        counts = as_array(mesh.GetFaceVertexCountsAttr().Get(TIME), 1, np.int64)[:, 0]
        indices = as_array(mesh.GetFaceVertexIndicesAttr().Get(TIME), 1, np.int64)[:, 0]
        author.value(
            path,
            f"primvars:{wanted}",
            _TYPES.TexCoord2fArray,
            Vt.Vec2fArray.FromNumpy(box_coordinates(points, counts, indices)),
            interpolation="faceVarying",
        )

    return Plan(f"Project primvars:{wanted} from the sides of the bounding box", author)


def box_coordinates(points: np.ndarray, counts: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Texture coordinates projected along the axis that each face looks to most.

    Args:
        points: (V, 3).
        counts: (F,) vertices per face.
        indices: (C,) vertex of each corner.

    Returns:
        (C, 2) float32; the longest side of the bounding box is one repetition.
    """
    low = points.min(0)
    scaled = (points - low) / max(float(np.ptp(points, axis=0).max()), 1e-12)
    starts = face_starts(counts)
    corner = scaled[indices]
    first, second, third = (corner[np.minimum(starts + i, len(corner) - 1)] for i in range(3))
    axis = np.abs(np.cross(second - first, third - first)).argmax(1)
    planes = np.array([[1, 2], [0, 2], [0, 1]])[np.repeat(axis, counts)]
    return np.take_along_axis(corner, planes, axis=1).astype(np.float32)


RULES = {
    "texture-unresolved": _find_file,
    "asset-path-unanchored": _find_file,
    "texture-color-space": _set_space,
    "normal-map-no-scale-bias": _set_scale_bias,
    "uv-set-name": _copy_coordinates,
    "uv-set-missing": _project_coordinates,
}
