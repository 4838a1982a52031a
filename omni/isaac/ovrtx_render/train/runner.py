"""rsl_rl's runner, with checkpoints from which a killed run goes on bit by bit, and progress that can be shown."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from rsl_rl.runners import OnPolicyRunner
from rsl_rl.utils.logger import Logger

from ..errors import ConfigError
from .cartpole import STEP
from .env import PixelCartpole
from .settings import TrainCfg

__all__ = ["CHECKPOINT", "Progress", "Runner"]

CHECKPOINT = "checkpoint.pt"

Progress = Callable[[dict[str, float]], None]
"""May be called after every update with: iteration, env_steps, seconds, episode_seconds, reward, steps_per_second."""

_COUNTED = ("rewbuffer", "lenbuffer", "cur_reward_sum", "cur_episode_length", "tot_timesteps", "tot_time")
"""What the logger has counted so far."""


class _TellingLogger(Logger):
    """Writes to TensorBoard what rsl_rl writes, and tells a function instead of printing."""

    def __init__(self, tell: Progress | None, **settings: Any) -> None:
        super().__init__(**settings, is_distributed=False, gpu_world_size=1, gpu_global_rank=0)
        self.git_status_repos = []  # or it would store the changes of whatever repository it is run in
        self._tell = tell

    def log(self, it: int, start_it: int, total_it: int, collect_time: float, learn_time: float, **rest: Any) -> None:
        with redirect_stdout(io.StringIO()):
            super().log(it, start_it, total_it, collect_time, learn_time, **rest)
        if self._tell is None:
            return
        episodes = max(len(self.lenbuffer), 1)
        self._tell(
            {
                "iteration": it + 1,
                "env_steps": self.tot_timesteps,
                "seconds": self.tot_time,
                "episode_seconds": STEP * sum(self.lenbuffer) / episodes,
                "reward": sum(self.rewbuffer) / episodes,
                "steps_per_second": self.num_envs * self.cfg["num_steps_per_env"] / (collect_time + learn_time),
            }
        )


class Runner(OnPolicyRunner):
    """PPO on the cart-poles.

    Args:
        env: The environment.
        cfg: Configuration of the run.
        folder: Where the TensorBoard log and the checkpoint go.
        every: Updates between two checkpoints.
        tell: Called after every update.
    """

    env: PixelCartpole

    def __init__(self, env: PixelCartpole, cfg: TrainCfg, folder: Path, every: int, tell: Progress | None) -> None:
        torch.manual_seed(cfg.seed)
        algorithm = cfg.algorithm() | {"save_interval": every}
        with redirect_stdout(io.StringIO()):  # it prints the networks
            super().__init__(env, algorithm, str(folder), str(env.device))
        self.logger = _TellingLogger(
            tell, log_dir=str(folder), cfg=self.cfg, env_cfg=env.cfg, num_envs=env.num_envs, device=self.device
        )
        self._settings, self._file = cfg, folder / CHECKPOINT

    def save(self, path: str, infos: dict | None = None) -> None:
        """Replace the checkpoint in one go: a run that is killed meanwhile still has the one before.

        Args:
            path: Where rsl_rl would put another file; one checkpoint is enough here.
            infos: Kept in the file.
        """
        state = {
            **self.alg.save(),
            "iter": self.current_learning_iteration + 1,
            "infos": infos,
            "settings": self._settings.same_run(),
            "env": self.env.state_dict(),
            "random": _random_states(self.env.device),
            "counted": {name: getattr(self.logger, name) for name in _COUNTED},
        }
        partial = self._file.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self._file)

    def resume(self) -> int:
        """Go on from the checkpoint, if there is one.

        Returns:
            The number of updates it had seen; 0 without a checkpoint.

        Raises:
            ConfigError: The checkpoint is of a run with other settings, or cannot be read.
        """
        if not self._file.exists():
            return 0
        state = self._read()
        for name, value in self._settings.same_run().items():
            if state["settings"].get(name) != value:
                raise ConfigError(
                    f"{self._file} is of a run with {name} {state['settings'].get(name)!r}, not {value!r}; "
                    "give the same options to go on with it, another folder, or start it afresh"
                )
        self.alg.load(state, None, True)
        self.current_learning_iteration = state["iter"]
        self.env.load_state_dict(state["env"])
        for name, value in state["counted"].items():
            setattr(self.logger, name, value)
        _set_random_states(self.env.device, state["random"])
        return self.current_learning_iteration

    def _read(self) -> dict[str, Any]:
        try:
            state = torch.load(self._file, weights_only=False, map_location=self.device)
            missing = sorted({"settings", "iter", "env", "random", "counted"} - set(state))
        except Exception as error:  # whatever unpickling a damaged file leads to
            raise self._unreadable(f"{type(error).__name__}: {error}") from error
        if missing:
            raise self._unreadable(f"it has no {missing[0]!r}")
        return state

    def _unreadable(self, why: str) -> ConfigError:
        return ConfigError(
            f"{self._file} is not a checkpoint that can be read ({why}); give another folder, or begin anew with "
            "--fresh (fresh=True)"
        )

    def policy(self) -> Callable[[Any], torch.Tensor]:
        """The trained policy without exploration: observations to (N, 1) actions."""
        return self.get_inference_policy(self.device)


def _random_states(device: str) -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    return states if device == "cpu" else [*states, torch.cuda.get_rng_state(device)]


def _set_random_states(device: str, states: list[torch.Tensor]) -> None:
    torch.set_rng_state(states[0].cpu())
    if device != "cpu":
        torch.cuda.set_rng_state(states[1].cpu(), device)
