"""Fixes: USD edits on a layer of their own, each with a preview, an undo and a file to save to."""

from __future__ import annotations

from .fix import Fix, save_fixes
from .rules import fix_title, lookalike, make_fix

__all__ = ["Fix", "fix_title", "lookalike", "make_fix", "save_fixes"]
