"""Which finding is mended how."""

from __future__ import annotations

from collections.abc import Callable

from pxr import Sdf, Usd

from ..finding import Finding
from . import geometry, lighting, looks, textures
from .author import Author
from .fix import Fix
from .plan import Plan

__all__ = ["fix_title", "make_fix"]

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


def _plan(stage: Usd.Stage, finding: Finding) -> Plan | None:
    rule = RULES.get(finding.code)
    return rule(stage, finding) if rule else None
