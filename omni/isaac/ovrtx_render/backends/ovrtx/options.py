"""What a user may choose of OVRTX: ``RendererCfg.backend_options``, checked once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import warp as wp

from ...config import RendererCfg
from ...errors import ConfigError

__all__ = ["QUALITY", "SETTING_TYPES", "OvrtxOptions"]

SETTING_TYPES: dict[str, str] = {
    "omni:rtx:background:source:color": "color3f",
    "omni:rtx:background:source:type": "token",
    "omni:rtx:dlss:frameGeneration": "bool",
    "omni:rtx:lights:dome:baking:resolution": "int",
    "omni:rtx:minimal:castShadows": "bool",
    "omni:rtx:minimal:constantColor": "color3f",
    "omni:rtx:minimal:dlss:execMode": "token",
    "omni:rtx:minimal:mode": "int",
    "omni:rtx:minimal:useMinimalPipeline": "bool",
    "omni:rtx:post:aa:op": "token",
    "omni:rtx:post:dlss:execMode": "token",
    "omni:rtx:pt:limits:maxBounces": "uint",
    "omni:rtx:pt:samplesPerIteration": "int",
    "omni:rtx:pt:samplesPerPixel": "uint",
    "omni:rtx:quality": "int",
    "omni:rtx:rt:ambientLight:color": "color3f",
    "omni:rtx:rt:ambientLight:intensity": "float",
    "omni:rtx:rt:ecoMode:enabled": "bool",
    "omni:rtx:rt:ecoMode:maxFramesWithoutChange": "uint",
    "omni:rtx:rtpt:cached:enabled": "bool",
    "omni:rtx:rtpt:extraSpecularAndTransmissiveBounces": "uint",
    "omni:rtx:rtpt:fireflyFilter:enabled": "bool",
    "omni:rtx:rtpt:lightcache:cached:enabled": "bool",
    "omni:rtx:rtpt:maxBounces": "uint",
    "omni:rtx:rtpt:maxVolumeBounces": "uint",
    "omni:rtx:scene:hydra:materialSyncLoads": "bool",
    "omni:rtx:scene:hydra:mdlMaterialWarmup": "bool",
    "omni:rtx:scene:useViewLightingMode": "bool",
    "omni:rtx:scenePartitioning:excludeBackgroundDomeLightInPartition": "bool",
    "omni:rtx:viewLighting:intensity": "float",
}
"""USD types of the render settings that are known; others are given as ``(type, value)``."""

QUALITY: dict[str, dict[str, Any]] = {
    "performance": {"omni:rtx:rtpt:maxBounces": 2, "omni:rtx:post:dlss:execMode": "performance"},
    "balanced": {},
    "quality": {"omni:rtx:rtpt:maxBounces": 6, "omni:rtx:post:dlss:execMode": "quality"},
    "repeatable": {"omni:rtx:rtpt:cached:enabled": False, "omni:rtx:rtpt:lightcache:cached:enabled": False},
}
"""Render settings that ``quality`` stands for."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "render_mode": ("real_time", "path_tracing", "minimal"),
    "quality": tuple(QUALITY),
    "texture_streaming": ("synchronous", "asynchronous", "disable"),
    "blank_images": ("warn", "raise", "ignore"),
    "scene_route": ("text", "file"),
    "gpu_wait": ("host", "stream"),
    "log_level": ("verbose", "info", "warn", "error"),
}


@dataclass(frozen=True)
class OvrtxOptions:
    """Options of the backend ``ovrtx``.

    Attributes:
        render_mode: ``"real_time"`` (path traced and denoised), ``"path_tracing"`` (converged), or ``"minimal"``.
        quality: Name of :data:`QUALITY`.
        settings: Render settings by attribute name; they win over those of ``quality``.
        render_mode_token: What is written for ``render_mode``, should a version want another text.
        active_cuda_gpus: CUDA devices that OVRTX may use, e.g. ``"0"``; None is that of the output buffers.
        texture_streaming: When textures are loaded (0.4.1 and later).
        read_gpu_transforms: Let OVRTX propagate transforms on the GPU.
        warm_up_frames: Most frames drawn until images stop changing, after loading and for a new bundle.
        delta_time: Simulated time of a frame [s].
        load_timeout: Longest wait for the stage, and for the first frame, which compiles shaders [s].
        frame_timeout: Longest wait for anything else [s].
        blank_images: What to do when images are blank after the warm-up.
        scene_route: Hand the stage over as ``"text"``, or as a temporary binary ``"file"``.
        gpu_wait: Let the ``"host"`` wait for an image, or the ``"stream"`` (on Linux set
            ``CUDA_DEVICE_MAX_CONNECTIONS=1`` then).
        max_image_size: Longest side of the image that holds all tiles [px]; more cameras go into another image.
        log_file: Log file of OVRTX.
        log_level: How much it logs.
    """

    render_mode: Literal["real_time", "path_tracing", "minimal"] = "real_time"
    quality: str = "balanced"
    settings: dict[str, Any] = field(default_factory=dict)
    render_mode_token: str | None = None
    active_cuda_gpus: str | None = None
    texture_streaming: str = "synchronous"
    read_gpu_transforms: bool = True
    warm_up_frames: int = 40
    delta_time: float = 1.0 / 60.0
    load_timeout: float = 1800.0
    frame_timeout: float = 120.0
    blank_images: Literal["warn", "raise", "ignore"] = "warn"
    scene_route: Literal["text", "file"] = "text"
    gpu_wait: Literal["host", "stream"] = "host"
    max_image_size: int = 16384
    log_file: str | None = None
    log_level: str = "warn"

    @classmethod
    def of(cls, cfg: RendererCfg) -> OvrtxOptions:
        """Take the options of a configuration.

        Raises:
            ConfigError: An option is unknown, or its value cannot be used.
        """
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(cfg.backend_options) - known)
        if unknown:
            raise ConfigError(
                f"backend_options has no {unknown[0]!r} for the backend 'ovrtx'; there are: {', '.join(sorted(known))}"
            )
        options = cls(**cfg.backend_options)
        options._check()
        return options

    def _check(self) -> None:
        for name, allowed in _CHOICES.items():
            _require(name, getattr(self, name), getattr(self, name) in allowed, f"one of: {', '.join(allowed)}")
        for name, low, high in (("warm_up_frames", 1, 10000), ("max_image_size", 64, 65536)):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            _require(name, value, whole and low <= value <= high, f"a whole number from {low} to {high}")
        for name in ("delta_time", "load_timeout", "frame_timeout"):
            value = getattr(self, name)
            _require(name, value, _is_number(value) and 0.0 < value < 1.0e6, "a positive number of seconds")
        gpus = self.active_cuda_gpus
        ok = gpus is None or (isinstance(gpus, str) and re.fullmatch(r"\d+(,\d+)*", gpus) is not None)
        _require("active_cuda_gpus", gpus, ok, "CUDA device numbers such as '0' or '0,1'")
        for name, value in self.settings.items():
            typed = isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
            if name not in SETTING_TYPES and not typed:
                raise ConfigError(
                    f"backend_options['settings'] names {name!r}, whose type is not known; give ('float', 1.0) instead "
                    f"of the bare value, or one of: {', '.join(SETTING_TYPES)}"
                )

    def device_ids(self, device: wp.Device) -> list[int]:
        """CUDA devices that draw: that of the buffers, unless it is none that may be used; none leaves the choice."""
        active = [int(number) for number in self.active_cuda_gpus.split(",")] if self.active_cuda_gpus else []
        if device.is_cuda and (not active or device.ordinal in active):
            return [int(device.ordinal)]
        return active

    def product_settings(self) -> dict[str, tuple[str, Any]]:
        """USD type and value of every render setting that was chosen, by attribute name."""
        chosen = {**QUALITY[self.quality], **self.settings}
        return {
            name: value if isinstance(value, tuple) and isinstance(value[0], str) else (SETTING_TYPES[name], value)
            for name, value in chosen.items()
        }


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require(name: str, value: object, holds: bool, expected: str) -> None:
    if not holds:
        raise ConfigError(f"backend_options[{name!r}] is {value!r}; it must be {expected}")
