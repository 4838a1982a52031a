"""Material and scene diagnostics: data in, findings out, with fixes; no user interface here.

``check(stage)`` looks once; ``Inspector(stage)`` follows the stage's edits.
"""

from __future__ import annotations

from .bindings import Binding
from .codes import CODES, SEVERITIES, Code
from .finding import Finding, Site
from .fixes import Fix, save_fixes
from .inspector import Inspector
from .report import Report, check

__all__ = [
    "CODES",
    "SEVERITIES",
    "Binding",
    "Code",
    "Finding",
    "Fix",
    "Inspector",
    "Report",
    "Site",
    "check",
    "save_fixes",
]
