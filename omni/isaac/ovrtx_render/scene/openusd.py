"""The one place that imports OpenUSD for the stage reader, so that its absence is told once and clearly."""

from __future__ import annotations

from ..errors import MissingExtraError

try:
    from pxr import Gf, Sdf, Tf, Usd, UsdGeom
except ImportError as error:
    raise MissingExtraError("usd-core", "standalone", "Reading a USD stage") from error

__all__ = ["TIME", "Gf", "Sdf", "Tf", "Usd", "UsdGeom"]

TIME = Usd.TimeCode.EarliestTime()
"""When attributes are read: the first authored sample of an animated one, the default of every other."""
