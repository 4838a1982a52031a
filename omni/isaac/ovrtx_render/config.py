"""What a user may choose: one frozen dataclass, validated once when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from .errors import ConfigError

__all__ = ["MAX_IMAGE_SIZE", "PRESETS", "WHOLE_NUMBERS", "BackendName", "RendererCfg"]

BackendName = Literal["auto", "warp", "ovrtx", "newton", "isaac_rtx"]

PRESETS: dict[str, dict[str, Any]] = {
    "fast": {
        "samples_per_pixel": 1,
        "shading": "lambert",
        "shadows": False,
        "light_samples": 1,
        "ambient_occlusion_samples": 0,
        "tone_mapping": "srgb",
    },
    "default": {
        "samples_per_pixel": 1,
        "shading": "pbr",
        "shadows": True,
        "light_samples": 1,
        "ambient_occlusion_samples": 0,
    },
    "quality": {
        "samples_per_pixel": 16,
        "shading": "pbr",
        "shadows": True,
        "light_samples": 4,
        "ambient_occlusion_samples": 2,
    },
}
"""Field values that ``RendererCfg.preset`` stands for."""

MAX_IMAGE_SIZE = 16384
"""Largest width and height of a camera's image [px]."""

WHOLE_NUMBERS: dict[str, tuple[int, int]] = {
    "samples_per_pixel": (1, 1024),
    "light_samples": (1, 64),
    "ambient_occlusion_samples": (0, 64),
    "max_layers": (1, 32),
    "subdivision_level": (0, 4),
    "texture_max_size": (1, 65536),
    "threads": (1, 1024),
}
"""Fields that are whole numbers, and the smallest and largest that each may be."""


@dataclass(frozen=True)
class RendererCfg:
    """Configuration of a :class:`TiledRenderer`.

    Attributes:
        backend: ``"auto"`` takes the first backend that can run here; of one that should and does not start, a warning
            says why.
        device: Warp device, e.g. ``"cuda:0"`` or ``"cpu"``; None is Warp's preferred device.
        env_pattern: Prim paths of the environment roots: a regular expression
            (``/World/envs/env_.*``) or a glob (``/World/envs/env_*``). Everything else is shared by all.
        see_all_envs: Let every camera see every environment, not only its own and the shared prims.
        backface_culling: Leave out faces seen from behind unless the prim is ``doubleSided``; False draws both sides.
        samples_per_pixel: Colour samples per pixel, 1 to 1024. Every other output takes the pixel centre.
        shading: ``"pbr"`` (GGX metallic-roughness) or ``"lambert"`` (diffuse only).
        shadows: Trace shadow rays. With one light sample shadows are hard, else soft.
        light_samples: Samples per area light and pixel sample, 1 to 64.
        ambient_occlusion_samples: Occlusion rays of the dome light per pixel sample; 0 is off.
        ambient_occlusion_distance: Longest occlusion ray [m].
        max_layers: How many transparent or cut-out surfaces a ray may pass, 1 to 32.
        exposure: Exposure in stops (EV offset: colour is multiplied by ``2**exposure``), or ``"auto"``: chosen when
            the stage is read, from its lights, so that a white surface facing them is just below white. Lights that
            appear or disappear later make it be chosen anew; lights that change do not.
        tone_mapping: ``"aces"`` (filmic curve) or ``"srgb"`` (clip).
        background: Linear colour of a pixel that hits nothing, or None to show the dome light
            (black where there is none).
        distant_light_unit: ``"lux"`` takes a DistantLight's intensity as illuminance, as NVIDIA RTX does;
            ``"nit"`` takes it as the luminance of the light's disc, as the UsdLux text says.
        headlight: Light a stage that has no light at all with a light at the camera.
        semantic_filter: Which semantic labels count, as in Replicator: clauses ``type:labels`` joined by ``;``, where
            ``*`` stands for any, ``&`` is and, ``|`` or ``,`` is or, ``!`` is not; e.g. ``"class:robot|table; id:*"``.
        subdivision_level: Catmull-Clark steps for meshes of that scheme without normals, 0 to 4. With 0 the cage is
            smooth-shaded, as RTX and Storm do by default.
        semantic_colors: Colours (r, g, b, a from 0 to 255) of colourised semantic labels, by ``"type:label"``; e.g.
            ``{"class:robot": (255, 0, 0, 255)}``. All other labels get a colour of their own.
        follow_stage: Draw edits of the stage from the next frame on. False: the stage stays as it was read, until
            :meth:`TiledRenderer.sync` is called.
        texture_max_size: Textures wider or higher than this are scaled down when read [px].
        threads: CPU threads of the warp backend; None is all cores this process may use.
    """

    backend: BackendName = "auto"
    device: str | None = None
    env_pattern: str = "/World/envs/env_.*"
    see_all_envs: bool = False
    backface_culling: bool = True
    samples_per_pixel: int = 1
    shading: Literal["pbr", "lambert"] = "pbr"
    shadows: bool = True
    light_samples: int = 1
    ambient_occlusion_samples: int = 0
    ambient_occlusion_distance: float = 1.0
    max_layers: int = 8
    exposure: float | Literal["auto"] = "auto"
    tone_mapping: Literal["aces", "srgb"] = "aces"
    background: tuple[float, float, float] | None = None
    distant_light_unit: Literal["lux", "nit"] = "lux"
    headlight: bool = True
    semantic_filter: str = "*:*"
    semantic_colors: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    subdivision_level: int = 0
    follow_stage: bool = True
    texture_max_size: int = 4096
    threads: int | None = None
    backend_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _one_of(self, "backend", ("auto", "warp", "ovrtx", "newton", "isaac_rtx"))
        _one_of(self, "shading", ("pbr", "lambert"))
        _one_of(self, "tone_mapping", ("aces", "srgb"))
        _one_of(self, "distant_light_unit", ("lux", "nit"))
        for name, (low, high) in WHOLE_NUMBERS.items():
            if name != "threads" or self.threads is not None:
                _whole(self, name, low, high)
        if not self.ambient_occlusion_distance > 0:
            raise ConfigError(f"ambient_occlusion_distance is {self.ambient_occlusion_distance}; it must be > 0 metres")
        if self.exposure != "auto" and not isinstance(self.exposure, (int, float)):
            raise ConfigError(f"exposure is {self.exposure!r}; it must be a number of stops or 'auto'")
        if self.background is not None and len(self.background) != 3:
            raise ConfigError(f"background is {self.background!r}; it must be three linear colour values or None")
        for name, color in self.semantic_colors.items():
            if ":" not in name or len(color) != 4 or not all(0 <= c <= 255 for c in color):
                raise ConfigError(
                    f"semantic_colors[{name!r}] is {color!r}; expected 'type:label' and four numbers from 0 to 255"
                )
        if not self.env_pattern.startswith("/"):
            raise ConfigError(f"env_pattern is {self.env_pattern!r}; it must be an absolute prim path pattern")

    @classmethod
    def preset(cls, name: str, **overrides: Any) -> RendererCfg:
        """Make a configuration from a preset: ``fast``, ``default`` or ``quality``.

        Raises:
            ConfigError: The preset or a field is unknown, or a value is out of range.
        """
        if name not in PRESETS:
            raise ConfigError(f"unknown preset {name!r}; choose one of: {', '.join(PRESETS)}")
        return cls().replace(**{**PRESETS[name], **overrides})

    def replace(self, **changes: Any) -> RendererCfg:
        """Return a copy with some fields changed.

        Raises:
            ConfigError: A field is unknown or a value is out of range.
        """
        known = {f.name for f in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ConfigError(f"unknown configuration fields {unknown}; known are: {', '.join(sorted(known))}")
        return replace(self, **changes)


def _one_of(cfg: RendererCfg, name: str, allowed: tuple[str, ...]) -> None:
    if getattr(cfg, name) not in allowed:
        raise ConfigError(f"{name} is {getattr(cfg, name)!r}; it must be one of: {', '.join(allowed)}")


def _whole(cfg: RendererCfg, name: str, low: int, high: int) -> None:
    value = getattr(cfg, name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")
