"""Contract double of ``isaaclab.sensors.sensor_base``: sensors start when the simulation plays; reading is lazy."""

from __future__ import annotations

import builtins
import weakref
from collections.abc import Sequence
from typing import Any

import omni.timeline
import torch

import isaaclab.sim as sim_utils

__all__ = ["SensorBase"]

builtins.ISAACLAB_CALLBACK_EXCEPTION = None  # type: ignore[attr-defined]


class SensorBase:
    """What all sensors share."""

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg.copy()
        self._is_initialized = False
        sim = sim_utils.SimulationContext.instance()
        assert sim is not None
        self.stage = sim.stage
        stream = omni.timeline.get_timeline_interface().get_timeline_event_stream()
        me = weakref.proxy(self)
        events = omni.timeline.TimelineEventType
        self._handles = [
            stream.create_subscription_to_pop_by_type(int(kind), lambda event, f=name: getattr(me, f)(event), order=10)
            for kind, name in (
                (events.PLAY, "_initialize_callback"),
                (events.STOP, "_invalidate_initialize_callback"),
            )
        ]

    def __del__(self) -> None:
        self._clear_callbacks()

    @property
    def is_initialized(self) -> bool:
        return self._is_initialized

    @property
    def num_instances(self) -> int:
        return self._num_envs

    @property
    def device(self) -> str:
        return self._device

    def reset(self, env_ids: Sequence[int] | None = None) -> None:
        rows: Any = slice(None) if env_ids is None else env_ids
        self._timestamp[rows] = 0.0
        self._timestamp_last_update[rows] = 0.0
        self._is_outdated[rows] = True

    def update(self, dt: float, force_recompute: bool = False) -> None:
        self._timestamp += dt
        self._is_outdated |= self._timestamp - self._timestamp_last_update + 1e-6 >= self.cfg.update_period
        if force_recompute:
            self._update_outdated_buffers()

    def _initialize_impl(self) -> None:
        sim = sim_utils.SimulationContext.instance()
        if sim is None:
            raise RuntimeError("Simulation Context is not initialized!")
        self._device, self._backend, self._sim_physics_dt = sim.device, sim.backend, sim.get_physics_dt()
        self._parent_prims = sim_utils.find_matching_prims(self.cfg.prim_path.rsplit("/", 1)[0])
        self._num_envs = len(self._parent_prims)
        self._is_outdated = torch.ones(self._num_envs, dtype=torch.bool, device=self._device)
        self._timestamp = torch.zeros(self._num_envs, device=self._device)
        self._timestamp_last_update = torch.zeros_like(self._timestamp)

    def _update_buffers_impl(self, env_ids: Sequence[int]) -> None:
        raise NotImplementedError

    def _initialize_callback(self, event: Any) -> None:
        if not self._is_initialized:
            try:
                self._initialize_impl()
            except Exception as error:
                if builtins.ISAACLAB_CALLBACK_EXCEPTION is None:  # type: ignore[attr-defined]
                    builtins.ISAACLAB_CALLBACK_EXCEPTION = error  # type: ignore[attr-defined]
            self._is_initialized = True

    def _invalidate_initialize_callback(self, event: Any) -> None:
        self._is_initialized = False

    def _clear_callbacks(self) -> None:
        while self._handles:
            self._handles.pop().unsubscribe()

    def _update_outdated_buffers(self) -> None:
        outdated = self._is_outdated.nonzero().squeeze(-1)
        if len(outdated) > 0:
            self._update_buffers_impl(outdated)
            self._timestamp_last_update[outdated] = self._timestamp[outdated]
            self._is_outdated[outdated] = False
