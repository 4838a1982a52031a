"""Material and scene diagnostics: data in, findings out, with fixes; no user interface here.

``check(stage)`` looks once; ``Inspector(stage)`` follows the stage's edits.
"""

from __future__ import annotations

from .bindings import Binding
from .codes import CODES, SEVERITIES, Code
from .finding import Finding, Site
from .fixes import Fix, lookalike, save_fixes
from .inspector import Inspector
from .picking import Pick, pick
from .report import Report, check
from .views import VIEWS, View, shown

__all__ = [
    "CODES",
    "SEVERITIES",
    "VIEWS",
    "Binding",
    "Code",
    "Finding",
    "Fix",
    "Inspector",
    "Pick",
    "Report",
    "Site",
    "View",
    "check",
    "lookalike",
    "pick",
    "save_fixes",
    "shown",
]
