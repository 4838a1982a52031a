"""Stock tasks offer our renderer beside Isaac Lab's own: ``renderer=ovrtx_render`` on the command line."""

from __future__ import annotations

from .renderer_cfg import OvrtxRendererCfg

__all__ = ["PRESET_NAME", "offer_preset", "withdraw_preset"]

PRESET_NAME = "ovrtx_render"


def offer_preset(cfg: OvrtxRendererCfg | None = None) -> None:
    """Add our renderer to those that stock camera tasks let one choose from (in Isaac Lab 3.0.0, ten of eleven do).

    Isaac Lab's training scripts call it before they read the command line, without any change to them::

        train.py --task Isaac-Cartpole-Camera-Direct --external_callback \\
            omni.isaac.ovrtx_render.isaaclab.presets.offer_preset physics=newton_mjwarp renderer=ovrtx_render

    Args:
        cfg: What the name stands for; None is the default configuration.
    """
    from isaaclab_tasks.utils.presets import MultiBackendRendererCfg

    setattr(MultiBackendRendererCfg, PRESET_NAME, cfg if cfg is not None else OvrtxRendererCfg())


def withdraw_preset() -> None:
    """Take the renderer away again; tasks that were configured with it keep it."""
    from isaaclab_tasks.utils.presets import MultiBackendRendererCfg

    if PRESET_NAME in vars(MultiBackendRendererCfg):
        delattr(MultiBackendRendererCfg, PRESET_NAME)
