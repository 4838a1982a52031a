"""The cart-pole as rsl_rl wants an environment: what it observes is what its camera sees, and nothing else."""

from __future__ import annotations

from typing import Any

import torch
import warp as wp
from rsl_rl.env import VecEnv
from tensordict import TensorDict

from ..config import RendererCfg
from ..renderer import TiledRenderer
from .cartpole import CAMERAS, STEP, Cartpole, build_stage
from .settings import TrainCfg

__all__ = ["PixelCartpole"]

_FORCE = 10.0
"""Force of an action of 1 [N]."""
_TRACK = 1.1
"""How far the cart may go from the middle [m]."""
_TILT = 0.4
"""How far the pole may lean [rad]."""
_SECONDS = 5.0
"""Longest episode [s]. Short ones bring new starts, so that what to do at the start is not forgotten."""
_BACKDROP = (0.015, 0.02, 0.03)
"""Dark, so that the pole stands out in an image of brightness alone."""
_LUMA = (0.299, 0.587, 0.114)


class PixelCartpole(VecEnv):
    """N cart-poles to balance by sight.

    Observations are (N, 3, H, W) float32: brightness from -0.5 to 0.5, and four times its change since one and two
    frames before, which tells how fast things move. An episode ends when the pole leans by 0.4 rad, when the
    cart is 1.1 m off, or after five seconds.

    Args:
        cfg: Configuration of the run.

    Attributes:
        renderer: The renderer that draws the cameras.
    """

    def __init__(self, cfg: TrainCfg) -> None:
        self.cfg = {"settings": cfg}
        stage = build_stage(cfg.num_envs)
        # Four samples a pixel: edges tell of movements much smaller than a pixel.
        look = RendererCfg.preset(
            "fast", device=cfg.device, backend=cfg.backend, background=_BACKDROP, samples_per_pixel=4
        )
        self.renderer = TiledRenderer(stage, look)
        self.cameras = self.renderer.add_cameras(CAMERAS, width=cfg.width, height=cfg.height, outputs="rgb")
        device = self.cameras.outputs["rgb"].device
        self.device = wp.device_to_torch(device)
        self.num_envs, self.num_actions = cfg.num_envs, 1
        self.max_episode_length = round(_SECONDS / STEP)
        self.episode_length_buf = torch.zeros(cfg.num_envs, dtype=torch.long, device=self.device)
        self.physics = Cartpole(stage, cfg.num_envs, device)
        self._bodies = self.renderer.bind_transforms(self.physics.paths)
        self._random = torch.Generator(self.device).manual_seed(cfg.seed)
        self._blank = cfg.blank
        self._luma = torch.tensor(_LUMA, device=self.device) / 255.0
        self._pixels = wp.to_torch(self.cameras.outputs["rgb"])
        self.reset()

    def reset(self) -> None:
        """Start a new episode everywhere."""
        everyone = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self._restart(everyone)
        self._frames = torch.stack([self._look()] * 3, 1)

    def get_observations(self) -> TensorDict:
        """What the cameras see: ``camera`` is (N, 3, H, W)."""
        now = self._frames[:, :1]
        image = torch.cat([now, 4.0 * (now - self._frames[:, 1:])], 1)
        return TensorDict({"camera": image}, [self.num_envs], device=self.device)

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict]:
        """Push the carts, (N, 1) actions from -1 to 1, and look.

        Returns:
            Observations, (N,) rewards, (N,) whether an episode ended, and ``time_outs``: which ended by the clock.
        """
        push = actions[:, 0]
        self.physics.step(_FORCE * push.clamp(-1.0, 1.0))
        self.episode_length_buf += 1
        place, lean = self.physics.joints.unbind(1)
        fallen = (place.abs() > _TRACK) | (lean.abs() > _TILT)
        # The small price of a push keeps the policy from asking for more force than there is.
        rewards = 0.1 * (1.0 - 0.5 * (place / _TRACK).abs() - 0.5 * (lean / _TILT).abs() - 0.05 * push**2) * ~fallen
        late = (self.episode_length_buf >= self.max_episode_length) & ~fallen
        dones = fallen | late
        if dones.any():
            self._restart(dones)
        now = self._look()[:, None]
        before = torch.where(dones[:, None, None, None], now, self._frames[:, :-1])  # a new episode has no past
        self._frames = torch.cat([now, before], 1)
        return self.get_observations(), rewards, dones, {"time_outs": late}

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "joints": self.physics.joints.clone(),
            "speeds": self.physics.speeds.clone(),
            "age": self.episode_length_buf.clone(),
            "frames": self._frames.clone(),
            "random": self._random.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where :meth:`state_dict` was taken."""
        self.physics.set(state["joints"], state["speeds"])
        self.episode_length_buf = state["age"].clone()
        self._random.set_state(state["random"])
        self._frames = state["frames"].clone()

    def close(self) -> None:
        """Free the renderer."""
        self.renderer.close()

    def _restart(self, rows: torch.Tensor) -> None:
        """Begin an episode in the given (N,) environments. All draw random numbers, so none shifts those of another."""
        drawn = 2.0 * torch.rand((self.num_envs, 4), generator=self._random, device=self.device) - 1.0
        widest = torch.tensor([0.3, 0.1, 0.2, 0.2], device=self.device)
        fresh = drawn * widest
        chosen = rows[:, None]
        joints, speeds = self.physics.joints, self.physics.speeds
        self.physics.set(torch.where(chosen, fresh[:, :2], joints), torch.where(chosen, fresh[:, 2:], speeds))
        self.episode_length_buf = torch.where(rows, 0, self.episode_length_buf)

    def _look(self) -> torch.Tensor:
        """(N, H, W) brightness of the images now, from -0.5 to 0.5; zero if the cameras are blanked."""
        positions, quaternions = self.physics.poses()
        self._bodies.write(positions, quat_xyzw=quaternions)
        self.renderer.render(self.cameras)
        light = self._pixels.float() @ self._luma - 0.5
        return torch.zeros_like(light) if self._blank else light
