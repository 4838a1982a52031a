"""The one table of output kinds (AOVs): channels, dtype, unit and the value of a miss.

Shapes are ``(N, H, W, channels)``. Names and dtypes are those of Isaac Lab 3 cameras.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import ConfigError

__all__ = ["ALIASES", "OUTPUTS", "SEGMENTATIONS", "OutputKind", "resolve_outputs"]


@dataclass(frozen=True)
class OutputKind:
    """One output: ``(N, H, W, channels)`` of ``dtype``.

    Attributes:
        name: The public name.
        channels: Number of channels per pixel.
        dtype: numpy name of the element type (``uint8``, ``float32``, ``int32``).
        unit: Unit or encoding of the values, for people.
        miss: Value of a pixel that hits nothing (for colours the background is drawn instead).
        doc: One sentence that says what the values mean.
    """

    name: str
    channels: int
    dtype: str
    unit: str
    miss: float
    doc: str


_ALL = (
    OutputKind("rgb", 3, "uint8", "sRGB", 0, "Shaded colour after tone mapping."),
    OutputKind("rgba", 4, "uint8", "sRGB", 0, "Shaded colour after tone mapping; alpha is the coverage."),
    OutputKind("rgb_hdr", 3, "float32", "linear", 0, "Shaded colour after exposure, before tone mapping."),
    OutputKind("albedo", 4, "uint8", "sRGB", 0, "Base colour of the surface without lighting."),
    OutputKind("distance_to_image_plane", 1, "float32", "m", float("inf"), "Depth along the optical axis."),
    OutputKind("distance_to_camera", 1, "float32", "m", float("inf"), "Length of the ray from the camera to the hit."),
    OutputKind("normals", 3, "float32", "unit vector, world frame", 0, "Shading normal of the surface."),
    OutputKind("motion_vectors", 2, "float32", "px", 0, "Motion since the previous frame; +x is left, +y is up."),
    OutputKind("semantic_segmentation", 1, "int32", "id", 0, "Semantic id; 0 is BACKGROUND, 1 is UNLABELLED."),
    OutputKind("instance_segmentation", 1, "int32", "id", 0, "Id of the nearest ancestor that has semantic labels."),
    OutputKind("instance_id_segmentation_fast", 1, "int32", "id", 0, "Id of the rendered prim itself."),
    OutputKind("simple_shading_constant_diffuse", 3, "uint8", "sRGB", 0, "One grey under a headlight, no materials."),
    OutputKind("simple_shading_diffuse_mdl", 3, "uint8", "sRGB", 0, "Textured base colour under a headlight."),
    OutputKind("simple_shading_full_mdl", 3, "uint8", "sRGB", 0, "Base colour, gloss and emission under a headlight."),
)

OUTPUTS: dict[str, OutputKind] = {kind.name: kind for kind in _ALL}
"""Every output kind by name."""

ALIASES: dict[str, str] = {
    "depth": "distance_to_image_plane",
    "instance_segmentation_fast": "instance_segmentation",
    "instance_id_segmentation": "instance_id_segmentation_fast",
}
"""Other names that a user may ask by; the buffer is delivered under the name that was asked for."""

SEGMENTATIONS = ("semantic_segmentation", "instance_segmentation", "instance_id_segmentation_fast")
"""Outputs that may be colourised into ``(N, H, W, 4)`` uint8."""


def resolve_outputs(names: str | Iterable[str]) -> dict[str, OutputKind]:
    """Map the asked names (comma-separated text or an iterable) to output kinds, in the order asked.

    Raises:
        ConfigError: A name is unknown, or none was given.
    """
    asked = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    asked = [n for n in asked if n]
    if not asked:
        raise ConfigError(f"outputs is empty; name at least one of: {', '.join(OUTPUTS)}")
    unknown = [n for n in asked if ALIASES.get(n, n) not in OUTPUTS]
    if unknown:
        known = ", ".join([*OUTPUTS, *ALIASES])
        raise ConfigError(f"unknown outputs {unknown}; supported are: {known}")
    return {name: OUTPUTS[ALIASES.get(name, name)] for name in asked}
