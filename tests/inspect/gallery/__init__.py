"""A gallery of broken stages: one for each code, in which exactly that finding is raised and no other.

The documentation's pictures are made of it, too.
"""

from __future__ import annotations

from . import composition, geometry, lighting, looks, reader  # noqa: F401 - they register their cases
from .case import CASES, Case

__all__ = ["CASES", "Case"]
