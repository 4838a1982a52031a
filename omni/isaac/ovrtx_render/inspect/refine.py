"""Findings of the scene reader, said more precisely where more is known; and which findings make others superfluous."""

from __future__ import annotations

from pxr import Usd

from ..scene.data import Finding as SceneFinding
from ..scene.openusd import TIME
from ..scene.textures import resolve_asset
from .checks.textures import asset_inputs
from .finding import Told

__all__ = ["SUPERSEDED", "refine"]

SUPERSEDED = {
    "material-unconnected": ("material-context",),
    "material-unbound": ("binding-out-of-scope",),
}
"""Codes that say less than others which were told of the same prim."""

_PROPERTIES = {
    "normal-map-no-scale-bias": "inputs:normal",
    "material-unconnected": "outputs:surface",
    "display-color-type": "primvars:displayColor",
    "display-opacity-unsupported": "primvars:displayOpacity",
}


def refine(stage: Usd.Stage, finding: SceneFinding) -> Told:
    """Turn a finding of the scene reader into one with a property, and its severity into that of the table."""
    told = Told(finding.code, finding.path, finding.message, _PROPERTIES.get(finding.code, ""))
    if finding.code != "texture-unresolved":
        return told
    prim = stage.GetPrimAtPath(finding.path)
    for attribute in asset_inputs(prim) if prim else ():
        value = attribute.Get(TIME)
        if value.path not in finding.message or resolve_asset(attribute, value):
            continue
        name = attribute.GetName()
        layer = attribute.GetPropertyStack(Usd.TimeCode.Default())[0].layer
        relative = not value.path.startswith(("/", "\\")) and ":" not in value.path
        if layer.anonymous and relative:
            return Told(
                "asset-path-unanchored",
                finding.path,
                f"{value.path} is relative, but the layer {layer.GetDisplayName()} has no place on disk that it could "
                "be relative to: the texture is missing. Author an absolute path, or save the layer by its textures",
                name,
            )
        return Told(finding.code, finding.path, finding.message, name)
    return told
