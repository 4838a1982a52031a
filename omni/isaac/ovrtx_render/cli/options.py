"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ..config import MAX_IMAGE_SIZE, PRESETS

__all__ = ["BackendOption", "DeviceOption", "HeightOption", "JsonOption", "OutOption", "Preset", "WidthOption"]

Preset = Enum("Preset", {name: name for name in PRESETS}, type=str)  # type: ignore[misc]
"""Names of the quality presets, as choices of an option."""

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder that the pictures go to; made if need be.")]
WidthOption = Annotated[int, typer.Option(min=1, max=MAX_IMAGE_SIZE, help="Image width of every camera, in pixels.")]
HeightOption = Annotated[int, typer.Option(min=1, max=MAX_IMAGE_SIZE, help="Image height of every camera, in pixels.")]
BackendOption = Annotated[str, typer.Option(help="Backend: auto, warp, ovrtx, newton or isaac_rtx (see: doctor).")]
DeviceOption = Annotated[str | None, typer.Option(help="Warp device, e.g. cuda:0 or cpu. Default: Warp's choice.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
