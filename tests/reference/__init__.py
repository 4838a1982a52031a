"""A slow, simple renderer in float64 numpy: what the pictures must show, with no cleverness to get wrong.

It shares no code with the package but the :class:`~omni.isaac.ovrtx_render.scene.data.Scene` it reads, so that an
error would have to be made twice to go unseen.
"""

from __future__ import annotations

from .build import SceneBuilder, look_at, random_rotation, scale, translate
from .caster import Hits, cast, lambert
from .projection import pixel_rays, project

__all__ = [
    "Hits",
    "SceneBuilder",
    "cast",
    "lambert",
    "look_at",
    "pixel_rays",
    "project",
    "random_rotation",
    "scale",
    "translate",
]
