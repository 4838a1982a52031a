"""What the tests of the OVRTX double share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from doubles.ovrtx_tiles import Tiles


@pytest.fixture
def pair(play_ovrtx: Callable[..., Any]) -> Tiles:
    """Two environments of 8 x 8 pixels, colours and depth."""
    tiles = Tiles(play_ovrtx(), 2, 8, ("LdrColor", "DistanceToImagePlaneSD"))
    tiles.partition()
    return tiles
