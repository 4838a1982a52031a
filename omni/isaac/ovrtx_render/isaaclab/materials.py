"""Visual materials that a task changes while it runs: Isaac Lab's channel buffers, written into the renderer.

Channels are inputs of UsdPreviewSurface, OmniPBR and OmniGlass shaders. What they do to a picture is what reading the
stage anew would do (:mod:`omni.isaac.ovrtx_render.scene.mdl`), so an input that a shader ignores, such as the emission
of an OmniPBR that has none enabled, stays without effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError

if TYPE_CHECKING:
    import torch
    from pxr import Usd

    from ..renderer import TiledRenderer
    from ..surface_bindings import MaterialBinding

__all__ = ["MaterialWriter"]

_INPUTS = {
    "diffuseColor": "base_color",
    "diffuse_color_constant": "base_color",
    "glass_color": "base_color",
    "diffuse_tint": "tint",
    "roughness": "roughness",
    "reflection_roughness_constant": "roughness",
    "frosting_roughness": "roughness",
    "metallic": "metallic",
    "metallic_constant": "metallic",
    "emissiveColor": "emissive",
    "emissive_color": "emissive",
    "emissive_intensity": "emissive",
    "opacity": "opacity",
    "opacity_constant": "opacity",
    "specular_level": "ior",
    "glass_ior": "ior",
    "ior": "ior",
}
_SWITCHES = {
    "emissive_color": "enable_emission",
    "emissive_intensity": "enable_emission",
    "opacity_constant": "enable_opacity",
}


class MaterialWriter:
    """What Isaac Lab calls when material channels changed; made once the simulation was reset.

    Args:
        batches: Isaac Lab's ``VisualMaterialBatch`` of every channel. Their ``values`` are buffers that it goes on
            writing.

    Raises:
        ConfigError: A channel is one that cannot be drawn.
    """

    def __init__(self, batches: Sequence[Any]) -> None:
        self._batches = {batch.channel: batch for batch in batches}
        for batch in batches:
            for path, name in zip(batch.material_paths, batch.input_names, strict=True):
                if name not in _INPUTS:
                    raise ConfigError(
                        f"the task changes {name} of {path} while it runs (channel {batch.channel!r}), which this "
                        "renderer cannot draw; take the channel out of the material's channels"
                    )
        self._writes: dict[str, list[Callable[[], None]]] = {}

    def bind(self, renderer: TiledRenderer, stage: Usd.Stage) -> None:
        """Prepare for a renderer, and write everything."""
        self._writes = {}
        for channel, batch in self._batches.items():
            rows = range(len(batch.material_paths))
            for name, run in groupby(rows, key=lambda row, names=batch.input_names: names[row]):
                picked = [row for row in run if _enabled(stage, batch.shader_paths[row], name)]
                if picked:
                    binding = renderer.bind_materials([batch.material_paths[row] for row in picked], _INPUTS[name])
                    write = self._write(binding, name, channel, picked, stage)
                    self._writes.setdefault(channel, []).append(write)
        self()

    def __call__(self, material_offsets: dict[str, Any] | None = None, env_ids: Any = None) -> None:
        """Take over the channels that changed; None is all. Every row of them is written: that is one launch."""
        for channel in self._writes if material_offsets is None else material_offsets:
            for write in self._writes.get(channel, ()):
                write()

    def close(self) -> None:
        """Let go of the renderer; may be called again."""
        self._writes = {}

    def _write(
        self, binding: MaterialBinding, name: str, channel: str, rows: list[int], stage: Usd.Stage
    ) -> Callable[[], None]:
        import torch

        batch = self._batches[channel]
        values, first, last = batch.values, rows[0], rows[-1] + 1
        index = None if last - first == len(rows) else torch.tensor(rows, device=values.device)
        shaders = [batch.shader_paths[row] for row in rows]

        def authored(other: str, default: Any) -> torch.Tensor:
            return torch.tensor([_value(stage, path, other, default) for path in shaders], device=values.device)

        change: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.contiguous
        if name == "diffuse_color_constant":
            tint = authored("diffuse_tint", (1.0, 1.0, 1.0))
            change = lambda v: v * tint  # noqa: E731
        elif name == "diffuse_tint":  # the binding multiplies what was read, in which the authored tint is
            tint = authored("diffuse_tint", (1.0, 1.0, 1.0)).clamp_min(1.0e-6)
            change = lambda v: v / tint  # noqa: E731
        elif name in ("emissive_color", "emissive_intensity"):
            change = self._emission(name, batch, rows, authored)
        elif name == "specular_level":  # OmniPBR's dielectric layer reflects 8 % at level 1
            change = lambda v: (1.0 + (0.08 * v).sqrt()) / (1.0 - (0.08 * v).sqrt())  # noqa: E731

        def write() -> None:
            mine = values[first:last] if index is None else values[index]
            binding.write(change(mine).contiguous())

        return write

    def _emission(
        self, name: str, batch: Any, rows: list[int], authored: Callable[[str, Any], torch.Tensor]
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """Colour times intensity; the one that has no channel is as it was authored."""
        other = "emissive_intensity" if name == "emissive_color" else "emissive_color"
        fixed = authored(other, 40.0 if other == "emissive_intensity" else (1.0, 0.1, 0.1))
        found = self._batches.get(other)
        at = {path: row for row, path in enumerate(found.material_paths)} if found is not None else {}
        pairs = [(k, at[batch.material_paths[row]]) for k, row in enumerate(rows) if batch.material_paths[row] in at]
        here, there = fixed.new_tensor(pairs).long().reshape(-1, 2).T

        def product(values: torch.Tensor) -> torch.Tensor:
            partner = fixed.clone()
            if found is not None:
                partner[here] = found.values[there]
            return values * partner[:, None] if values.ndim == 2 else partner * values[:, None]

        return product


def _value(stage: Usd.Stage, shader: str, name: str, default: Any) -> Any:
    attribute = stage.GetPrimAtPath(shader).GetAttribute(f"inputs:{name}")
    value = attribute.Get() if attribute else None
    if value is None:
        return default
    return tuple(value) if hasattr(value, "__len__") else float(value)


def _enabled(stage: Usd.Stage, shader: str, name: str) -> bool:
    return name not in _SWITCHES or bool(_value(stage, shader, _SWITCHES[name], False))
