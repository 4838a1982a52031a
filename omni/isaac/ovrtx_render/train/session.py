"""A whole training run: learn, go on after an interruption, try the policy out, film it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..images import mosaic, write_animation
from .cartpole import CAMERAS, STEP
from .env import PixelCartpole
from .runner import CHECKPOINT, Progress, Runner
from .settings import TrainCfg

__all__ = ["train"]

_TRIAL_SECONDS = 10.0
"""Length of the episode that a trained policy is tried out in [s]: twice that of training."""
_FILM_TILES = 16
_FILM_SIZE = (192, 96)


def train(
    cfg: TrainCfg,
    folder: Path,
    *,
    every: int = 10,
    fresh: bool = False,
    film: bool = True,
    tell: Progress | None = None,
) -> dict[str, Any]:
    """Train a policy, or go on with a run that was interrupted, and try the result out.

    Args:
        cfg: Configuration of the run.
        folder: Holds the checkpoint, the TensorBoard log and ``policy.mp4``. If it has a checkpoint, the run goes on
            from there as if it had never stopped, but for rounding.
        every: Updates between two checkpoints.
        fresh: Begin anew even if there is a checkpoint.
        film: Write ``policy.mp4``.
        tell: Called after every update; see :data:`~.runner.Progress`.

    Returns:
        The configuration, ``resumed_at`` (updates), ``env_steps`` and ``seconds`` of the whole training, ``files``, and
        of ten seconds of every environment with the trained policy ``balanced_seconds`` (mean) and ``balanced`` (share
        that lasted to the end).

    Raises:
        ConfigError: The folder has a checkpoint of a run with other settings, or one that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:
        for old in (folder / CHECKPOINT, *folder.glob("events.out.tfevents.*")):
            old.unlink(missing_ok=True)
    env = PixelCartpole(cfg)
    try:
        runner = Runner(env, cfg, folder, every, tell)
        resumed = runner.resume()
        if resumed < cfg.iterations:
            runner.learn(cfg.iterations - resumed, init_at_random_ep_len=resumed == 0)
        seconds = torch.zeros(env.num_envs, device=env.device)
        frames = play(env, runner, seconds, film)
        files = [folder / CHECKPOINT]
        if film:
            files.append(folder / "policy.mp4")
            write_animation(files[-1], frames, fps=1.0 / STEP)
        deque(frames, maxlen=0)  # without a film, nobody has played it yet
    finally:
        env.close()
    return {
        **asdict(cfg),
        "resumed_at": resumed,
        "env_steps": runner.logger.tot_timesteps,
        "seconds": runner.logger.tot_time,
        "files": [str(path) for path in files],
        "balanced_seconds": float(seconds.mean()),
        "balanced": float((seconds >= _TRIAL_SECONDS - 1.5 * STEP).float().mean()),
    }


@torch.inference_mode()
def play(env: PixelCartpole, runner: Runner, seconds: torch.Tensor, film: bool) -> Iterator[np.ndarray]:
    """Let the policy balance every cart-pole for one long episode.

    Args:
        env: The environment.
        runner: Has the policy.
        seconds: (N,) zeros; how long each episode has lasted is added.
        film: Yield the frames of a film of the first environments, as they are drawn; without it nothing is yielded.
    """
    policy = runner.policy()
    rows = np.arange(min(_FILM_TILES, env.num_envs))
    tiles = None
    if film:
        width, height = _FILM_SIZE
        tiles = env.renderer.add_cameras(CAMERAS, width=width, height=height, outputs="rgb")
    env.reset()
    env.max_episode_length = round(_TRIAL_SECONDS / STEP)
    alive = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    for _ in range(int(env.max_episode_length)):
        _, _, dones, _ = env.step(policy(env.get_observations()))
        seconds += STEP * alive
        alive &= ~dones
        if tiles is not None:
            yield mosaic(env.renderer.render(tiles, env_ids=rows)["rgb"].numpy()[rows], columns=4, gap=2)
