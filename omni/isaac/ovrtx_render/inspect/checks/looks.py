"""Materials: what each renderer will make of their networks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pxr import Sdf, Usd

from ...config import RendererCfg
from ...scene.data import AlphaMode, Material, TextureRef
from ...scene.materials import MaterialReader
from ...scene.openusd import TIME
from ...scene.shader_inputs import follow, mdl_name, shader_id, surface_source
from ...scene.shading_networks import Primvars
from ...scene.textures import anchored_paths, resolve_asset
from ..finding import Told
from .ignored import check_ignored
from .prims import check_frozen
from .textures import check_textures

__all__ = ["CONTEXTS", "CORE_MDL", "check_look", "check_opacity", "mdl_search_path"]

CONTEXTS = ("", "mtlx", "mdl")
"""Render contexts that some backend reads; RTX prefers the last one."""

_ALIKE = 0.1
"""Largest difference of two linear base colours, in any channel, that are called alike."""

CORE_MDL = (
    "OmniGlass", "OmniHair", "OmniPBR", "OmniSurface", "OmniVolume", "OmniImposter", "UsdPreviewSurface", "SimPBR",
    "DebugWhite", "MdlStates", "OmniSurfaceBlend", "OmniSurfaceLite", "nvidia", "omni", "gltf", "base",
)  # fmt: skip
"""Beginnings of the names of modules that RTX brings along."""


def mdl_search_path() -> list[str]:
    """Folders in which RTX looks for MDL modules, from the environment."""
    names = ("MDL_SYSTEM_PATH", "MDL_USER_PATH")
    return [folder for name in names for folder in os.environ.get(name, "").split(os.pathsep) if folder]


def check_look(material: Usd.Prim) -> Iterator[Told]:
    """What is wrong with a material, whoever shows it."""
    surfaces = {context: surface_source(material, context) for context in CONTEXTS}
    present = {context: shader for context, shader in surfaces.items() if shader is not None}
    path = str(material.GetPath())
    if not present:
        others = _other_contexts(material)
        if others:
            yield Told(
                "material-context",
                path,
                f"the material has a surface only for {', '.join(others)}, which no renderer here reads; it is "
                "drawn in a warning colour. Connect a UsdPreviewSurface to outputs:surface",
                f"outputs:{others[0]}:surface",
            )
        return
    yield from _check_rtx(material, present)
    if len(present) > 1:
        yield from _check_alike(material, list(present))
    seen: set[Sdf.Path] = set()
    for shader in present.values():
        if shader.GetPath() not in seen:
            seen.add(shader.GetPath())
            yield from check_textures(shader)
            yield from check_ignored(shader)
    for node in _network(present.values()):
        yield from _check_module(node)
        yield from check_frozen(node, node.GetAuthoredAttributes())
    yield from check_frozen(material, material.GetAuthoredAttributes())


def check_opacity(path: str, material: Material) -> Iterator[Told]:
    """Say if a look cannot be seen."""
    gone = material.alpha_mode == AlphaMode.BLEND and material.opacity <= 0.0
    gone |= material.alpha_mode == AlphaMode.MASK and material.opacity < material.opacity_threshold
    if gone and material.opacity_texture is None:
        yield Told(
            "material-invisible",
            path,
            f"the opacity is {material.opacity:g}, so what shows it cannot be seen. Set it to 1, or hide the prim",
        )


def _network(surfaces: Iterable[Usd.Prim]) -> list[Usd.Prim]:
    """Surface shaders and all nodes that feed them."""
    found = {shader.GetPath(): shader for shader in surfaces}
    todo = list(found.values())
    while todo:
        for attribute in todo.pop().GetAuthoredAttributes():
            node = follow(attribute).node if attribute.HasAuthoredConnections() else None
            if node is not None and node.GetPath() not in found:
                found[node.GetPath()] = node
                todo.append(node)
    return list(found.values())


def _other_contexts(material: Usd.Prim) -> list[str]:
    names = [attribute.GetName().split(":") for attribute in material.GetAuthoredAttributes()]
    return [
        name[1]
        for name in names
        if len(name) == 3 and name[0] == "outputs" and name[2] == "surface" and name[1] not in CONTEXTS
        if material.GetAttribute(":".join(name)).HasAuthoredConnections()
    ]


def _check_rtx(material: Usd.Prim, present: dict[str, Usd.Prim]) -> Iterator[Told]:
    """RTX takes the surface of the context it prefers, even where another one would be readable."""
    context = max(present, key=CONTEXTS.index)
    shader = present[context]
    identifier = shader_id(shader)
    known = mdl_name(shader) or identifier == "UsdPreviewSurface" or identifier.startswith("ND_")
    if not known:
        yield Told(
            "shader-unknown-to-rtx",
            str(shader.GetPath()),
            f"RTX takes outputs:{context + ':' if context else ''}surface, whose shader "
            f"{identifier or 'without info:id'!r} it does not know, and draws an error material. Connect a shader that "
            "it knows, or remove that output",
            "info:id",
        )


def _check_alike(material: Usd.Prim, contexts: list[str]) -> Iterator[Told]:
    """Compare the surface that is drawn here with the one that RTX prefers."""
    preferred = contexts[-1]
    reader = MaterialReader(material.GetStage(), RendererCfg(texture_max_size=64), [])
    here, there = (reader.read(material, Primvars(material), which) for which in (contexts, [preferred]))
    if any(each.name.startswith("fallback:") for each in (here, there)):
        return  # told of as a shader that cannot be read
    files = [_file(reader, each.base_color_texture) for each in (here, there)]
    colors = [tuple(min(component, 1.0) for component in each.base_color) for each in (here, there)]
    if files[0] == files[1] and max(abs(a - b) for a, b in zip(*colors, strict=True)) < _ALIKE:
        return
    shown = [file or f"({', '.join(f'{c:.2g}' for c in color)})" for file, color in zip(files, colors, strict=True)]
    yield Told(
        "surface-differs",
        str(material.GetPath()),
        f"the surfaces of the material differ: the first one gives the base colour {shown[0]}, and is drawn here; RTX "
        f"prefers outputs:{preferred}:surface, which gives {shown[1]}. Make them alike, or remove one",
        f"outputs:{preferred}:surface",
    )


def _file(reader: MaterialReader, reference: TextureRef | None) -> str:
    return Path(reader.textures[reference.texture].path).name if reference is not None else ""


def _check_module(shader: Usd.Prim) -> Iterator[Told]:
    """Say if an MDL module is neither one that RTX brings along nor a file."""
    attribute = shader.GetAttribute("info:mdl:sourceAsset")
    value = attribute.Get(TIME) if attribute else None
    if not isinstance(value, Sdf.AssetPath) or not value.path or "://" in value.path or "::" in value.path:
        return
    if resolve_asset(attribute, value):
        return
    name = value.path.replace("\\", "/")
    bare = not name.startswith((".", "/")) and ":" not in name
    if bare and name.split("/")[0].removesuffix(".mdl").startswith(CORE_MDL):
        return
    if bare and any((Path(folder) / name).is_file() for folder in mdl_search_path()):
        return
    tried = ", ".join([*anchored_paths(attribute, value.path), *mdl_search_path()]) or "no folder"
    yield Told(
        "mdl-module-missing",
        str(shader.GetPath()),
        f"the MDL module {value.path} was not found (looked in: {tried}); RTX draws an error material. Correct the "
        "path, add its folder to MDL_USER_PATH, or replace the shader",
        "info:mdl:sourceAsset",
    )
