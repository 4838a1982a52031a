"""Training from pixels: a cart-pole that is balanced by what a camera sees, from stage to policy in one process.

Needs the extra ``train``. :class:`.cartpole.Cartpole` is the physics, :class:`.env.PixelCartpole` adds the camera,
:func:`train` is the whole run. A task of your own takes the same four steps.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError
from .settings import TrainCfg

__all__ = ["TrainCfg", "train"]

_NEEDED = ("torch", "rsl_rl", "tensorboard", "newton", "newton_usd_schemas", "mujoco_warp", "pxr")


def train(cfg: TrainCfg, folder: Path, *, film: bool = True, **options: Any) -> dict[str, Any]:
    """Train a policy, or go on with a run that was interrupted, and try the result out.

    Args:
        cfg: Configuration of the run.
        folder: Holds the checkpoint, the TensorBoard log and the film.
        film: Write ``policy.mp4``.
        options: See :func:`.session.train`, which also says what is returned.

    Raises:
        MissingExtraError: A package of the extra ``train`` is not installed.
        ConfigError: The folder has a checkpoint of a run with other settings.
    """
    for package in (*_NEEDED, *(("imageio_ffmpeg",) if film else ())):
        if find_spec(package) is None:
            raise MissingExtraError(package, "train", "training")
    from . import session

    return session.train(cfg, folder, film=film, **options)
