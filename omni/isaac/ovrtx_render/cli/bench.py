"""``ovrtx-render bench``: what a scene costs, by phase, and how the cost grows."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..config import RendererCfg
from ..errors import ConfigError
from ..outputs import resolve_outputs
from .options import BackendOption, DeviceOption, HeightOption, JsonOption, Preset, WidthOption
from .report import Report, guarded, quiet_warp

if TYPE_CHECKING:
    from ..scene.data import Scene
    from .measure import Speed

__all__ = ["Sweep", "bench"]


class Sweep(StrEnum):
    """What grows."""

    ENVS = "envs"
    RESOLUTION = "resolution"
    TRIANGLES = "triangles"


_LIMITS = {Sweep.ENVS: 4096, Sweep.RESOLUTION: 256, Sweep.TRIANGLES: 1 << 20}
_LABELS = {
    Sweep.ENVS: "environments",
    Sweep.RESOLUTION: "width and height [px]",
    Sweep.TRIANGLES: "triangles of the unique meshes",
}
_EXPECTED = {
    Sweep.ENVS: "proportional",
    Sweep.RESOLUTION: "proportional to the pixels",
    Sweep.TRIANGLES: "proportional to the logarithm",
}


def bench(
    scene: Annotated[Path | None, typer.Argument(help="USD file. Default: the scene of the command demo.")] = None,
    num_envs: Annotated[
        int | None,
        typer.Option(min=1, help="Number of environments. Default: those of the file; of the demo scene, 64."),
    ] = None,
    width: WidthOption = 64,
    height: HeightOption = 64,
    outputs: Annotated[str, typer.Option(help="Outputs, separated by commas.")] = "rgb,depth",
    preset: Annotated[Preset, typer.Option(help="Speed or quality.")] = Preset("default"),
    steps: Annotated[int, typer.Option(min=1, help="Timed steps; two more come first.")] = 10,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. Default: all.")] = None,
    sweep: Annotated[Sweep | None, typer.Option(help="Let this grow, and print a row for each size.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Largest size of a sweep. Default: 4096, 256 or 1048576.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture of the growth curve, e.g. growth.png.")] = None,
    env_pattern: Annotated[
        str | None, typer.Option(help="Prim paths of cloned environments. Default: /World/envs/env_.*")
    ] = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a scene costs: start-up, a step by phase, rays a second, memory.

    A step writes the transforms of every prim in the environments, draws all cameras and waits for the images. With
    --num-envs, the first environment of the file (or all of it, if it has none) is repeated that many times.

    Example: ovrtx-render bench

    Example: ovrtx-render bench lab.usd --num-envs 1024 --preset fast --steps 20

    Example: ovrtx-render bench --sweep envs --plot growth.png
    """
    report = Report(as_json)
    with guarded():
        quiet_warp()
        names = tuple(resolve_outputs(outputs))
        chosen = {"env_pattern": env_pattern} if env_pattern else {}
        cfg = RendererCfg.preset(preset.value, backend=backend, device=device, threads=threads, **chosen)
        if (plot or limit) and sweep is None:
            raise ConfigError("plot and limit belong to a sweep; add e.g. --sweep envs")
        if plot:
            from .plots import require_matplotlib

            require_matplotlib()  # before minutes are spent on measuring
        settings = {"width": width, "height": height, "outputs": names, "steps": steps}
        with report.progress.status("Reading the scene ..."):
            read, startup = _read(scene, cfg, num_envs, width / height, sweep)
        if sweep is None:
            result = _one(read, cfg, startup, settings, report)
        else:
            result = _swept(read, cfg, sweep, limit or _LIMITS[sweep], num_envs, settings, report)
            if plot:
                _plot(plot, sweep, result["sweep"]["rows"])
                report.note(f"wrote {plot}")
    about = {"scene": str(scene) if scene else "demo", "preset": preset.value, "threads": threads}
    report.result({**about, **settings, **result})


def _read(
    file: Path | None, cfg: RendererCfg, num_envs: int | None, aspect: float, sweep: Sweep | None
) -> tuple[Scene | None, dict[str, float]]:
    """The scene to measure, and the seconds it took to open and read it; None: the scene of a sweep over triangles."""
    from ..scene.stage_reader import open_stage, read_scene
    from .growth import copies

    startup: dict[str, float] = {}
    began = time.perf_counter()
    if file is None:
        if sweep is Sweep.TRIANGLES:
            return None, startup
        from ..demo import build_stage

        stage = build_stage(1 if sweep else num_envs or 64).stage
    else:
        from .framing import add_framing_camera, has_camera

        stage = open_stage(str(file))
        if not has_camera(stage):
            add_framing_camera(stage, aspect)
    startup["open"] = time.perf_counter() - began
    began = time.perf_counter()
    scene = read_scene(stage, cfg)
    startup["read"] = time.perf_counter() - began
    if num_envs is not None and num_envs != scene.num_envs and sweep is None:
        scene = copies(scene, num_envs)
    return scene, startup


def _one(
    scene: Scene | None, cfg: RendererCfg, startup: dict[str, float], settings: dict[str, Any], report: Report
) -> dict[str, Any]:
    from .growth import triangle_count
    from .measure import measure, peak_memory

    assert scene is not None
    with report.progress.status("Measuring (the first run on a machine compiles its kernels) ..."):
        speed = measure(scene, cfg, **settings)
    startup = {**startup, **speed.startup}
    result = {
        **_summary(speed),
        "num_envs": scene.num_envs,
        "instances": len(scene.instances),
        "triangles": triangle_count(scene),
        "startup_seconds": startup,
        "phase_seconds": speed.phases,
        "peak_memory_bytes": peak_memory(),
        "load_average": _load(),
    }
    rest = max(speed.seconds - sum(speed.phases.values()), 0.0)
    rows: list[tuple[str, object, str]] = [
        ("camera rays", speed.rays / speed.seconds / 1e6, "M/s"),
        ("images", speed.images / speed.seconds, "1/s"),
        ("one step", speed.seconds * 1e3, "ms"),
        ("  the fastest", min(speed.steps) * 1e3, "ms"),
        *((f"  {phase}", seconds * 1e3, "ms") for phase, seconds in speed.phases.items()),
        ("  rest", rest * 1e3, "ms"),
        ("start", sum(startup.values()), "s"),
        *((f"  {phase}", seconds, "s") for phase, seconds in startup.items()),
        *((what, value / 1e6, "MB") for what, value in _memory(speed, peak_memory()).items() if value is not None),
    ]
    title = (
        f"{speed.images} images of {settings['width']} x {settings['height']}, {', '.join(settings['outputs'])}; "
        f"{len(scene.instances):,} shapes, {triangle_count(scene):,} unique triangles, {speed.prims:,} prims written; "
        f"{speed.backend} on {speed.device}"
    )
    report.table(title, ("what", "value", "unit"), rows)
    return result


def _memory(speed: Speed, peak: int | None) -> dict[str, int | None]:
    return {"memory of the process, peak": peak, "memory on the device, peak": speed.cuda_memory}


def _summary(speed: Speed) -> dict[str, Any]:
    kept = asdict(speed)
    for name in ("startup", "phases", "steps"):
        del kept[name]
    return {
        **kept,
        "step_seconds": speed.seconds,
        "fastest_step_seconds": min(speed.steps),
        "rays_per_second": speed.rays / speed.seconds,
        "images_per_second": speed.images / speed.seconds,
    }


def _load() -> float | None:
    """Average number of busy processes in the last minute, for who reads the figures later."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _sizes(scene: Scene | None, sweep: Sweep, limit: int, num_envs: int | None) -> Iterator[tuple[int, Scene]]:
    """Each size of a sweep and the scene to draw at it."""
    from .growth import ball_scene, copies, finer, powers, triangle_count

    if sweep is Sweep.TRIANGLES:
        grown = ball_scene(num_envs or 64) if scene is None else scene
        if scene is not None and num_envs:
            grown = copies(scene, num_envs)
        count = triangle_count(grown)
        if not 0 < count <= limit:
            raise ConfigError(
                f"the meshes of the scene have {count} triangles; limit must be at least that, and they 1"
            )
        for more in takewhile(lambda size: size <= limit, (count * 4**i for i in range(32))):
            grown = grown if more == count else finer(grown)
            yield more, grown
        return
    assert scene is not None
    if sweep is Sweep.ENVS:
        yield from ((count, copies(scene, count)) for count in powers(1, limit, 4))
        return
    repeated = copies(scene, num_envs or 64)
    yield from ((size, repeated) for size in powers(min(32, limit), limit, 2))


def _swept(
    scene: Scene | None,
    cfg: RendererCfg,
    sweep: Sweep,
    limit: int,
    num_envs: int | None,
    settings: dict[str, Any],
    report: Report,
) -> dict[str, Any]:
    from .measure import measure

    rows: list[dict[str, Any]] = []
    for size, grown in _sizes(scene, sweep, limit, num_envs):
        with report.progress.status(f"{size} {_LABELS[sweep]} ..."):
            shape = {"width": size, "height": size} if sweep is Sweep.RESOLUTION else {}
            speed = measure(grown, cfg, **{**settings, **shape})
        # The fastest step: what else the machine does meanwhile must not look like growth.
        fastest = {
            "rays_per_second": speed.rays / min(speed.steps),
            "images_per_second": speed.images / min(speed.steps),
            "upload_seconds": speed.startup["upload"],
        }
        rows.append({"size": size, **_summary(speed), **fastest})
    for row, seconds in zip(rows, _theory(sweep, rows), strict=True):
        row["expected_step_seconds"] = seconds
    shown = [
        (
            row["size"],
            row["fastest_step_seconds"] * 1e3,
            row["expected_step_seconds"] * 1e3,
            row["images_per_second"],
            row["rays_per_second"] / 1e6,
            row["upload_seconds"],
            (row["cuda_memory"] or row["memory"] or 0) / 1e6,
        )
        for row in rows
    ]
    columns = ("step [ms]", "expected [ms]", "images/s", "rays [M/s]", "upload [s]", "memory [MB]")
    report.table(f"Growth with {_LABELS[sweep]}; expected: {_EXPECTED[sweep]}", (sweep.value, *columns), shown)
    return {"sweep": {"over": sweep.value, "rows": rows, "load_average": _load()}}


def _theory(sweep: Sweep, rows: Sequence[dict[str, Any]]) -> list[float]:
    """Seconds of a step that the work to be done lets one expect, from the row in the middle.

    Images and pixels each cost the same. A ray descends a tree of triangles, whose depth is their logarithm.
    """
    work = {
        Sweep.ENVS: lambda n: n,
        Sweep.RESOLUTION: lambda n: n * n,
        Sweep.TRIANGLES: lambda n: math.log2(n + 1),
    }[sweep]
    known = rows[len(rows) // 2]
    return [known["fastest_step_seconds"] * work(row["size"]) / work(known["size"]) for row in rows]


def _plot(file: Path, sweep: Sweep, rows: Sequence[dict[str, Any]]) -> None:
    from .plots import growth_plot

    memory = "memory on the device [MB]" if rows[0]["cuda_memory"] else "memory of the process [MB]"
    growth_plot(
        file,
        _LABELS[sweep],
        [row["size"] for row in rows],
        {
            "one step [ms]": [row["fastest_step_seconds"] * 1e3 for row in rows],
            _EXPECTED[sweep]: [row["expected_step_seconds"] * 1e3 for row in rows],
            "camera rays [M/s]": [row["rays_per_second"] / 1e6 for row in rows],
            memory: [(row["cuda_memory"] or row["memory"] or 0) / 1e6 for row in rows],
        },
        _EXPECTED[sweep],
    )
