"""``ovrtx-render compile``: kernels ahead of time, so that the first image of a container or a CI run comes at once."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from ..config import PRESETS, RendererCfg
from ..errors import ConfigError
from .options import DeviceOption, JsonOption
from .report import Report, guarded, quiet_warp

__all__ = ["compile_kernels"]

_OUTPUTS = (("rgb", "depth"), ("depth",), ("rgb", "normals", "albedo", "motion_vectors", "instance_segmentation"))
"""Bundles that between them launch every kernel: colour, geometry alone, and what needs a pass of its own."""


def compile_kernels(
    scene: Annotated[Path | None, typer.Argument(help="USD file. Default: the scene of the command demo.")] = None,
    into: Annotated[
        Path | None, typer.Option(help="Folder for the kernels. Default: Warp's own cache, for the next run here.")
    ] = None,
    presets: Annotated[str, typer.Option(help="Presets, separated by commas.")] = ",".join(PRESETS),
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compile the kernels that a scene needs, for every preset, and leave them in a folder.

    Point WARP_CACHE_PATH at that folder, on machines of the same kind with the same Warp: nothing is compiled there.
    Without --into, kernels that came compiled with this package are not compiled again.
    Exit codes: 2 bad option, 3 the scene cannot be rendered, 4 no backend.

    Example: ovrtx-render compile lab.usd --presets fast --into kernels
    """
    report = Report(as_json)
    with guarded():
        names = [name.strip() for name in presets.split(",") if name.strip()]
        if not names:
            raise ConfigError(f"presets is empty; name at least one of: {', '.join(PRESETS)}")
        cfgs = [RendererCfg.preset(name, backend="warp", device=device) for name in names]
        if into is not None:
            into.mkdir(parents=True, exist_ok=True)
            os.environ["WARP_CACHE_PATH"] = str(into.resolve())
        quiet_warp()
        import warp as wp

        from .. import TiledRenderer
        from ..backends.warp.shipped import use_shipped
        from ..demo.scene import build_stage
        from ..scene.stage_reader import open_stage
        from .framing import add_framing_camera, has_camera

        use_shipped(into is None)  # a folder is to hold all that is needed, whatever package reads it
        began = time.perf_counter()
        stage = build_stage(1).stage if scene is None else open_stage(str(scene))
        pattern = None if has_camera(stage) else add_framing_camera(stage, 1.0)
        for name, cfg in zip(names, cfgs, strict=True):
            with report.progress.status(f"Compiling for the preset {name} ..."), TiledRenderer(stage, cfg) as renderer:
                for outputs in _OUTPUTS:
                    renderer.add_cameras(pattern, width=16, height=16, outputs=outputs)
                renderer.render()
        folder = Path(wp.config.kernel_cache_dir or ".")
    seconds = time.perf_counter() - began
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    report.note(f"Kernels for {', '.join(names)} are in {folder} ({size / 1e6:.1f} MB, {seconds:.1f} s).")
    report.result({"folder": str(folder), "presets": names, "seconds": seconds, "bytes": size})
