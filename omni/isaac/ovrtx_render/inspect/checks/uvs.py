"""Texture coordinates that a material reads and a prim does not have."""

from __future__ import annotations

from collections.abc import Iterator

from pxr import Usd, UsdGeom

from ...scene.data import Material
from ...scene.openusd import TIME
from ...scene.primvars import first_uv_name
from ...scene.surface import is_textured
from ..finding import Told

__all__ = ["check_uvs", "is_textured"]


def check_uvs(prim: Usd.Prim, look: str, material: Material) -> Iterator[Told]:
    """Say if a prim lacks the texture coordinates of its material.

    Args:
        prim: The gprim.
        look: Path of the material prim.
        material: What it became.
    """
    if not is_textured(material):
        return
    name = material.uv_primvar
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance(name)
    if primvar and primvar.HasValue() and len(primvar.Get(TIME) or ()):
        return
    path = str(prim.GetPath())
    other = first_uv_name(prim)
    if other:
        yield Told(
            "uv-set-name",
            path,
            f"the textures of {look} read primvars:{name}, but the prim has its texture coordinates in "
            f"primvars:{other}: they are used here, but RTX shows one texel all over. Rename one of the two",
            f"primvars:{other}",
            data={"primvar": name},
        )
    else:
        yield Told(
            "uv-set-missing",
            path,
            f"the textures of {look} read primvars:{name}, which the prim does not have: the mean colour of the "
            "textures is drawn. Give it texture coordinates, or a material without textures",
            data={"primvar": name},
        )
