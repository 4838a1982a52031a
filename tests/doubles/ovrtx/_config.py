"""RendererConfig: the fields of each version, checked when a renderer is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any

from ._enums import AftermathMode, MotionBvh, SelectionFillMode, TextureStreamingMode
from ._settings import VERSION

_BOOL, _STR, _INT = "bool", "str", "int"
_ENUMS: dict[str, Any] = {
    "selection_fill_mode": SelectionFillMode,
    "motion_bvh": MotionBvh,
    "texture_streaming_mode": TextureStreamingMode,
    "aftermath_mode": AftermathMode,
}
# Name, kind, first version, first version without it.
_FIELDS = (
    ("sync_mode", _BOOL, (0, 1, 0), None),
    ("log_file_path", _STR, (0, 1, 0), None),
    ("log_level", _STR, (0, 1, 0), None),
    ("enable_profiling", _BOOL, (0, 2, 0), None),
    ("read_gpu_transforms", _BOOL, (0, 2, 0), None),
    ("keep_system_alive", _BOOL, (0, 2, 0), None),
    ("active_cuda_gpus", _STR, (0, 2, 0), None),
    ("datastore_cache", _STR, (0, 4, 1), None),
    ("selection_outline_enabled", _BOOL, (0, 3, 0), None),
    ("selection_outline_width", _INT, (0, 3, 0), None),
    ("selection_fill_mode", _INT, (0, 3, 0), None),
    ("enable_geometry_streaming", _BOOL, (0, 3, 0), None),
    ("enable_geometry_streaming_lod", _BOOL, (0, 3, 0), None),
    ("enable_spg", _BOOL, (0, 3, 0), None),
    ("use_vulkan", _BOOL, (0, 3, 0), (0, 5, 0)),
    ("enable_motion_bvh", _BOOL, (0, 3, 0), (0, 4, 0)),
    ("dome_baking_resolution", _INT, (0, 4, 1), (0, 5, 0)),
    ("suppress_deprecation_warnings", _BOOL, (0, 4, 1), None),
    ("motion_bvh", "enum", (0, 4, 0), None),
    ("sensors_allowed_deprecation_base", _STR, (0, 5, 0), None),
    ("aftermath_mode", "enum", (0, 5, 0), None),
    ("texture_streaming_mode", "enum", (0, 4, 1), None),
)
_KINDS = {name: kind for name, kind, since, until in _FIELDS if VERSION >= since and (until is None or VERSION < until)}


@dataclass
class _Base:
    def __repr__(self) -> str:
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        return f"RendererConfig({', '.join(f'{name}={value!r}' for name, value in given.items())})"


RendererConfig = make_dataclass(
    "RendererConfig", [(name, Any, field(default=None)) for name in _KINDS], bases=(_Base,), repr=False
)


def checked(config: Any) -> dict[str, Any]:
    """The fields that are set, as the native library takes them.

    Raises:
        TypeError: A field has the wrong type.
        ValueError: An enumeration field has no such value.
    """
    out: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        value = getattr(config, name)
        if value is None:
            continue
        type_name = type(value).__name__
        if kind == _BOOL and not isinstance(value, bool):
            raise TypeError(f"RendererConfig.{name} must be bool, got {type_name}")
        if kind == _STR and not isinstance(value, str):
            raise TypeError(f"RendererConfig.{name} must be str, got {type_name}")
        if kind == _INT:
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise TypeError(f"RendererConfig.{name} must be int, got {type_name}")
            value = int(value)
            if name == "selection_fill_mode" and VERSION >= (0, 5, 0) and not 0 <= value <= 3:
                raise ValueError(f"RendererConfig.selection_fill_mode must be in range 0..3, got {value}")
        if kind == "enum":
            value = _enum(name, value)
        out[name] = value
    if out.get("log_level", "info") not in ("verbose", "info", "warn", "error"):
        raise ValueError(f"Invalid log_level {out['log_level']!r}")
    return out


def _enum(name: str, value: Any) -> Any:
    kind = _ENUMS[name]
    if isinstance(value, str):
        text = value.strip().lower()
        for member in kind:
            if member.name.lower() == text:
                return member
        return kind(int(text))
    if isinstance(value, int) and not isinstance(value, bool):
        return kind(value)
    raise ValueError(f"Invalid {name} value {value!r}; expected {kind.__name__}, int 0..2, or a member's name")
