"""The configuration that a task gives to its cameras."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

import warp as wp

from ..config import RendererCfg as CoreCfg
from ..errors import ConfigError, MissingExtraError
from ..outputs import ALIASES, OUTPUTS, SEGMENTATIONS

try:
    from isaaclab.renderers import RenderBufferKind, RenderBufferSpec, RendererCfg
    from isaaclab.utils import configclass
except ModuleNotFoundError as error:
    raise MissingExtraError("isaaclab", None, "omni.isaac.ovrtx_render.isaaclab") from error

if TYPE_CHECKING:
    from isaaclab.renderers import BaseRenderer

__all__ = ["OvrtxRendererCfg"]

_OWN_FIELDS = (
    "samples_per_pixel",
    "shading",
    "shadows",
    "light_samples",
    "ambient_occlusion_samples",
    "ambient_occlusion_distance",
    "max_layers",
    "exposure",
    "tone_mapping",
    "background",
    "distant_light_unit",
    "headlight",
    "backface_culling",
    "see_all_envs",
    "texture_max_size",
    "threads",
)


@configclass
class OvrtxRendererCfg(RendererCfg):
    """Draws Isaac Lab cameras with :class:`~omni.isaac.ovrtx_render.TiledRenderer`.

    Cameras whose configurations are equal share one renderer. A field that is None takes the value of the preset;
    what the fields mean is told by :class:`~omni.isaac.ovrtx_render.RendererCfg`.
    """

    class_type: type[BaseRenderer] | str = "{DIR}.renderer:OvrtxRenderer"
    """Renderer class, imported when a camera asks for it."""

    renderer_type: str = "ovrtx_render"
    """Name of this renderer in Isaac Lab."""

    cloning_contexts: tuple[type | str, ...] = ("isaaclab.cloner:UsdReplicateContext",)
    """The stage is what is drawn, so every environment must be cloned into it."""

    backend: Literal["auto", "warp", "ovrtx", "newton", "isaac_rtx"] = "auto"
    """Backend; ``"auto"`` takes the first that can run here."""

    preset: Literal["fast", "default", "quality"] = "default"
    """Quality level that the fields below start from."""

    samples_per_pixel: int | None = None
    shading: Literal["pbr", "lambert"] | None = None
    shadows: bool | None = None
    light_samples: int | None = None
    ambient_occlusion_samples: int | None = None
    ambient_occlusion_distance: float | None = None
    max_layers: int | None = None
    exposure: float | Literal["auto"] | None = None
    tone_mapping: Literal["aces", "srgb"] | None = None
    background: tuple[float, float, float] | None = None
    """Linear colour where nothing is hit; None shows the dome light. ``CameraCfg.background_color`` wins over it."""
    distant_light_unit: Literal["lux", "nit"] | None = None
    headlight: bool | None = None
    backface_culling: bool | None = None
    see_all_envs: bool | None = None
    texture_max_size: int | None = None
    threads: int | None = None
    """CPU threads; None is all cores that this process may use."""

    backend_options: dict[str, Any] = field(default_factory=dict)
    """Options of the chosen backend, by name."""

    depth_clipping_behavior: Literal["max", "zero", "none"] = "none"
    """What depths say where nothing is hit within the clipping range: the far plane [m], 0, or +inf."""

    semantic_filter: str | list[str] = "*:*"
    """Which semantic labels count: a Replicator predicate such as ``"class:*; id:robot"``, or a list of types."""

    colorize_semantic_segmentation: bool = True
    """(N, H, W, 4) uint8 colours, or (N, H, W, 1) int32 ids."""

    colorize_instance_segmentation: bool = True
    """The same for ``instance_segmentation``."""

    colorize_instance_id_segmentation: bool = True
    """The same for ``instance_id_segmentation_fast``."""

    semantic_segmentation_mapping: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    """Colours (r, g, b, a) of colourised semantic labels, by ``"type:label"``; the others get one of their own."""

    def colorized(self) -> tuple[str, ...]:
        """Names of the segmentations that are delivered as colours."""
        flags = (
            self.colorize_semantic_segmentation,
            self.colorize_instance_segmentation,
            self.colorize_instance_id_segmentation,
        )
        return tuple(name for name, flag in zip(SEGMENTATIONS, flags, strict=True) if flag)

    def supported_output_types(self) -> dict[RenderBufferKind, RenderBufferSpec]:
        """Channels and dtype of every output, as :class:`~isaaclab.sensors.Camera` will allocate it."""
        colorized = self.colorized()
        specs = {}
        for name in RenderBufferKind:  # in Isaac Lab's order, which is that of a camera's outputs
            kind = OUTPUTS.get(ALIASES.get(name, name))
            if kind is not None:
                layout = (4, wp.uint8) if name in colorized else (kind.channels, getattr(wp, kind.dtype))
                specs[name] = RenderBufferSpec(*layout)
        return specs

    def to_core(self, device: str) -> CoreCfg:
        """The configuration of the renderer behind it.

        Args:
            device: Warp device of the simulation.

        Raises:
            ConfigError: A value is out of range.
        """
        if self.depth_clipping_behavior not in ("max", "zero", "none"):
            raise ConfigError(
                f"depth_clipping_behavior is {self.depth_clipping_behavior!r}; it must be one of: max, zero, none"
            )
        own = {name: getattr(self, name) for name in _OWN_FIELDS}
        types = self.semantic_filter
        return CoreCfg.preset(
            self.preset,
            backend=self.backend,
            device=device,
            backend_options=dict(self.backend_options),
            semantic_colors={name: tuple(color) for name, color in self.semantic_segmentation_mapping.items()},
            semantic_filter=types if isinstance(types, str) else "; ".join(f"{kind}:*" for kind in types),
            **{name: value for name, value in own.items() if value is not None},
        )
