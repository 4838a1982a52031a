"""Which finding is mended how."""

from __future__ import annotations

from collections.abc import Callable

from pxr import Sdf, Usd, UsdShade

from ...errors import SceneError
from ..finding import Finding
from . import geometry, lighting, looks, textures
from .author import Author
from .fix import Fix
from .lookalike import author_lookalike, read_look
from .plan import Plan

__all__ = ["fix_title", "lookalike", "make_fix"]

Rule = Callable[[Usd.Stage, Finding], "Plan | None"]

RULES: dict[str, Rule] = {**looks.RULES, **textures.RULES, **geometry.RULES, **lighting.RULES}
"""How to mend a finding, by its code; a rule gives None where it knows no way."""


def fix_title(stage: Usd.Stage, finding: Finding) -> str:
    """What the fix of a finding does, in a few words; an empty string if there is none."""
    plan = _plan(stage, finding)
    return plan.title if plan else ""


def make_fix(stage: Usd.Stage, finding: Finding, paths: list[str]) -> Fix | None:
    """The fix of a finding.

    Args:
        stage: The stage.
        finding: The finding.
        paths: Every prim that it is about.
    """
    plan = _plan(stage, finding)
    if plan is None:
        return None

    def build(layer: Sdf.Layer) -> None:
        author = Author(stage, layer)
        for path in paths:
            plan.author(author, path)

    return Fix(stage, finding.code, plan.title, paths, build)


def lookalike(stage: Usd.Stage, path: str) -> Fix:
    """Replace a material by a UsdPreviewSurface that looks like it, as our own reader sees it, findings or not.

    Inputs of MDL (the OmniPBR and OmniSurface families, OmniGlass) and MaterialX are carried over, textures with their
    placement, channels and colour spaces.

    Args:
        stage: The stage.
        path: The material prim.

    Raises:
        SceneError: There is no material.
    """
    prim = stage.GetPrimAtPath(path) if Sdf.Path.IsValidPathString(path) else None
    if not prim or not UsdShade.Material(prim):
        raise SceneError(f"{path} is no material of the stage")

    def build(layer: Sdf.Layer) -> None:
        author_lookalike(Author(stage, layer), path, read_look(prim))

    return Fix(stage, "lookalike", f"Replace {path} by a UsdPreviewSurface look-alike", [path], build)


def _plan(stage: Usd.Stage, finding: Finding) -> Plan | None:
    rule = RULES.get(finding.code)
    return rule(stage, finding) if rule else None
