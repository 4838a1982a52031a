"""``ovrtx-render render``: pictures of a USD file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ..config import RendererCfg
from ..errors import ConfigError
from ..outputs import resolve_outputs
from .options import BackendOption, DeviceOption, HeightOption, JsonOption, OutOption, Preset, WidthOption
from .pictures import write_outputs
from .report import Report, guarded, quiet_warp

__all__ = ["render"]


def _stops(text: str) -> float | str:
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"exposure is {text!r}; it must be a number of stops or 'auto'") from None


def render(
    scene: Annotated[Path, typer.Argument(help="USD file: .usd, .usda, .usdc or .usdz.")],
    out: OutOption = Path("ovrtx_render_out"),
    outputs: Annotated[str, typer.Option(help="Outputs, separated by commas, e.g. rgb,depth,normals.")] = "rgb",
    width: WidthOption = 800,
    height: HeightOption = 600,
    camera: Annotated[
        str | None,
        typer.Option(help="Cameras by prim path, glob or regular expression. Default: all; a fitting one if none."),
    ] = None,
    preset: Annotated[Preset, typer.Option(help="Speed or quality.")] = Preset("quality"),
    exposure: Annotated[str, typer.Option(help="Exposure in stops, or auto.")] = "auto",
    env_pattern: Annotated[
        str | None, typer.Option(help="Prim paths of cloned environments. Default: /World/envs/env_.*")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Also write the values themselves, as <output>.npy.")] = False,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render a USD file and write one picture per output, named by it.

    Several cameras make a mosaic, and a folder per output with a picture of each. A stage without a camera is seen
    from one that fits everything. Exit codes: 2 bad option, 3 the scene cannot be rendered, 4 no backend.

    Example: ovrtx-render render robot.usda --outputs rgb,depth,normals

    Example: ovrtx-render render lab.usd --camera '/World/.*Camera' --width 1280 --height 720 --exposure -1
    """
    report = Report(as_json)
    with guarded():
        quiet_warp()
        kinds = resolve_outputs(outputs)
        chosen = {"env_pattern": env_pattern} if env_pattern else {}
        cfg = RendererCfg.preset(preset.value, backend=backend, device=device, exposure=_stops(exposure), **chosen)
        from .. import TiledRenderer
        from ..scene.stage_reader import open_stage
        from .framing import add_framing_camera, has_camera

        began = time.perf_counter()
        stage = open_stage(str(scene))
        pattern = camera
        if camera is None and not has_camera(stage):
            pattern = add_framing_camera(stage, width / height)
            report.note("The stage has no camera; a fitting one is used. Choose your own with --camera.")
        with TiledRenderer(stage, cfg) as renderer:
            cameras = renderer.add_cameras(pattern, width=width, height=height, outputs=tuple(kinds))
            loaded = time.perf_counter()
            with report.progress.status("Rendering (the first run on a machine compiles its kernels) ..."):
                buffers = {name: buffer.numpy() for name, buffer in renderer.render(cameras).items()}
            done = time.perf_counter()
            files = write_outputs(out, buffers, cameras.paths, each=True, raw=raw)
            findings = list(renderer.findings)
            name = renderer.backend_name
    report.findings(findings)
    report.note(
        f"{len(cameras)} camera(s) {width} x {height} by {name}: {loaded - began:.2f} s to read the stage, "
        f"{done - loaded:.2f} s to render."
    )
    for file in files:
        report.note(f"wrote {file}")
    report.result(
        {
            "backend": name,
            "cameras": cameras.paths,
            "seconds": {"load": loaded - began, "render": done - loaded},
            "files": [str(file) for file in files],
            "findings": [vars(finding) for finding in findings],
        }
    )
