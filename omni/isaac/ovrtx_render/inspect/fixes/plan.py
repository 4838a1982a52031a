"""What a rule answers: a title, and how to mend one prim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .author import Author

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """How to mend what a finding is about.

    Attributes:
        title: What is done, in a few words.
        author: Authors the edits for one of the prims that the finding is about, by its path.
    """

    title: str
    author: Callable[[Author, str], object]
