"""``ovrtx-render demo``: see it work, and how fast."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..config import RendererCfg
from ..images import mosaic, to_picture, write_animation
from ..outputs import resolve_outputs
from .options import BackendOption, DeviceOption, HeightOption, JsonOption, OutOption, Preset, WidthOption
from .pictures import write_outputs
from .report import Report, guarded, quiet_warp

if TYPE_CHECKING:
    from .. import TiledRenderer

__all__ = ["demo"]

_MOSAIC_TILES = 256
_FILM_TILES = 16
_FILM_FPS = 15.0


def demo(
    num_envs: Annotated[int, typer.Option(min=1, help="Number of environments, each with a camera.")] = 16,
    steps: Annotated[int, typer.Option(min=1, help="Number of frames.")] = 60,
    out: OutOption = Path("ovrtx_render_out"),
    width: WidthOption = 128,
    height: HeightOption = 128,
    outputs: Annotated[
        str, typer.Option(help="Outputs, separated by commas.")
    ] = "rgb,depth,normals,semantic_segmentation",
    preset: Annotated[Preset, typer.Option(help="Speed or quality.")] = Preset("default"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of places, colours and motions.")] = 0,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render robot arms that grasp things, in many cloned environments, and say how fast it went.

    Writes a mosaic of the cameras for each output and a short animation. Uses a GPU if Warp finds one.

    Example: ovrtx-render demo

    Example: ovrtx-render demo --num-envs 1024 --width 64 --height 64 --preset fast --outputs rgb,depth
    """
    report = Report(as_json)
    with guarded():
        quiet_warp()
        kinds = resolve_outputs(outputs)
        cfg = RendererCfg.preset(preset.value, backend=backend, device=device)
        from .. import TiledRenderer
        from ..demo import build_stage

        with report.progress.status("Building the stage ..."):
            began = time.perf_counter()
            scene = build_stage(num_envs, seed)
        with report.progress.status("Reading the stage (the first run on a machine compiles kernels) ..."):
            renderer = TiledRenderer(scene.stage, cfg)
        with renderer:
            result, film = _run(renderer, scene, tuple(kinds), (width, height), steps, began, report)
            cameras, buffers = result.pop("cameras"), result.pop("buffers")
            files = write_outputs(out, buffers, cameras, max_tiles=_MOSAIC_TILES)
        if len(film) > 1:
            files.append(out / "demo.webp")
            write_animation(files[-1], film, fps=_FILM_FPS)
    _print(report, result)
    for file in files:
        report.note(f"wrote {file}")
    report.result({**result, "files": [str(file) for file in files]})


def _run(
    renderer: TiledRenderer,
    scene: Any,
    outputs: tuple[str, ...],
    size: tuple[int, int],
    steps: int,
    began: float,
    report: Report,
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Render every step; only the calls that a training loop would make are timed."""
    from rich.progress import Progress

    width, height = size
    cameras = renderer.add_cameras(scene.camera_pattern, width=width, height=height, outputs=outputs)
    bodies = renderer.bind_transforms(scene.body_paths)
    shown = next((name for name in ("rgb", "rgba") if name in outputs), outputs[0])
    film: list[np.ndarray] = []
    phases: defaultdict[str, float] = defaultdict(float)
    spent = 0.0
    with Progress(console=report.progress, transient=True) as progress:
        task = progress.add_task("First image (the first run on a machine compiles kernels)", total=steps + 1)
        for step in range(-1, steps):  # the step before the first warms up: kernels load, buffers are made
            positions, quaternions = scene.pose(max(step, 0))
            start = time.perf_counter()
            bodies.write(positions, quat_xyzw=quaternions)
            buffers = renderer.render(cameras)
            last = {shown: buffers[shown].numpy()[:_FILM_TILES]}  # waits until the frame is done
            end = time.perf_counter()
            if step < 0:
                setup = end - began
            else:
                spent += end - start
                for phase, seconds in renderer.timings.items():
                    phases[phase] += seconds
                film.append(mosaic(to_picture(shown, last[shown])))
            progress.update(task, advance=1, description="Rendering")
    frames = scene.num_envs * steps
    result = {
        "backend": renderer.backend_name,
        "num_envs": scene.num_envs,
        "steps": steps,
        "width": width,
        "height": height,
        "outputs": list(outputs),
        "setup_seconds": setup,
        "step_seconds": spent / steps,
        "env_frames_per_second": frames / spent,
        "megapixels_per_second": frames * width * height / spent / 1e6,
        "phase_seconds": {phase: seconds / steps for phase, seconds in phases.items()},
        "cameras": cameras.paths,
        "buffers": {name: buffer.numpy() for name, buffer in buffers.items()},
    }
    return result, film


def _print(report: Report, result: dict[str, Any]) -> None:
    title = f"{result['num_envs']} environments, {result['width']} x {result['height']}, {', '.join(result['outputs'])}"
    rows: list[tuple[str, object, str]] = [
        ("frames of one environment", float(result["env_frames_per_second"]), "1/s"),
        ("pixels", float(result["megapixels_per_second"]), "Mpx/s"),
        ("one step of all environments", result["step_seconds"] * 1e3, "ms"),
        *((f"  {phase}", seconds * 1e3, "ms") for phase, seconds in result["phase_seconds"].items()),
        ("start: stage, kernels, first frame", float(result["setup_seconds"]), "s"),
    ]
    report.table(f"{title}, by {result['backend']}", ("what", "value", "unit"), rows)
