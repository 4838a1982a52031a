"""What an edit touched is checked again, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from pxr import Sdf

from .engine import Engine

__all__ = ["update"]


def update(engine: Engine, changed: Sequence[Sdf.Path]) -> None:
    """Check again what an edit touched.

    Args:
        engine: What is known of the stage.
        changed: Prims and properties; ``/`` is everything.
    """
    if changed:
        engine.check_all()
