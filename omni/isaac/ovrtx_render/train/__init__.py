"""Training from pixels: a cart-pole that is balanced by what a camera sees, from stage to policy in one process.

Needs the extra ``train``. :class:`.cartpole.Cartpole` is the physics, :class:`.env.PixelCartpole` adds the camera,
:func:`.session.train` is the whole run. A task of your own takes the same four steps.
"""

from __future__ import annotations

from .settings import TrainCfg

__all__ = ["TrainCfg"]
