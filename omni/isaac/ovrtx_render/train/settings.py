"""What may be chosen of a training run, and the configuration of rsl_rl that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError

__all__ = ["TrainCfg"]


@dataclass(frozen=True)
class TrainCfg:
    """Configuration of a training run.

    Attributes:
        num_envs: Number of cart-poles, each with a camera.
        width: Width of an image [px], at least 32.
        height: Height of an image [px], at least 32.
        iterations: Number of updates of the policy.
        steps: Control steps between two updates.
        seed: Seed of first states, exploration and network.
        blank: Give the policy black images; nothing else changes. It must then fail to learn.
        device: Warp device of physics, renderer and network, e.g. ``"cuda:0"``; None is Warp's choice.
        backend: Backend of the renderer.
    """

    num_envs: int = 64
    width: int = 64
    height: int = 32
    iterations: int = 200
    steps: int = 32
    seed: int = 0
    blank: bool = False
    device: str | None = None
    backend: str = "auto"

    def __post_init__(self) -> None:
        lowest = {"num_envs": 1, "width": 32, "height": 32, "iterations": 1, "steps": 4, "seed": 0}
        for name, low in lowest.items():
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {low}")

    def same_run(self) -> dict[str, Any]:
        """The fields that must not differ when a run is continued."""
        return {name: getattr(self, name) for name in ("num_envs", "width", "height", "steps", "seed", "blank")}

    def algorithm(self) -> dict[str, Any]:
        """The configuration of rsl_rl: PPO, with a small convolutional network each for actor and critic."""
        network = {"class_name": "CNNModel", "hidden_dims": [128], "activation": "elu"}
        convolutions = {"output_channels": [8, 16, 16], "kernel_size": [5, 3, 3], "stride": [2, 2, 2]}
        gaussian = {"class_name": "GaussianDistribution", "init_std": 0.6, "std_type": "log"}
        return {
            "num_steps_per_env": self.steps,
            "save_interval": 1,  # the runner decides
            "obs_groups": {"actor": ["camera"], "critic": ["camera"]},
            "actor": {**network, "cnn_cfg": convolutions, "distribution_cfg": gaussian},
            "critic": {**network, "cnn_cfg": convolutions},
            "algorithm": {
                "class_name": "PPO",
                "num_learning_epochs": 5,
                "num_mini_batches": 4,
                "learning_rate": 1e-3,
                "schedule": "adaptive",
                "desired_kl": 0.008,
                "gamma": 0.99,
                "lam": 0.95,
                "entropy_coef": 0.0,
                "max_grad_norm": 1.0,
            },
        }
