"""Measure everything that docs/performance.md says, and write it there: figures, tables, curves and pictures.

    python benchmarks/report.py                      # all parts, some fifteen minutes on two cores
    python benchmarks/report.py --parts peers,sweeps # some of them
    python benchmarks/report.py --parts tables       # the document again, from the figures that are there

Each part writes ``docs/performance/<part>.json``, with the machine and how busy it was: nothing is measured beside
other work unless ``--busy`` is given, and then the document says so. ``tables`` puts all of them between the markers in
the document. A GPU is measured elsewhere, by
``python benchmarks/gpu.py --json docs/performance/gpu.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FIGURES = ROOT / "docs" / "performance"
PICTURES = ROOT / "docs" / "images"
DOCUMENT = ROOT / "docs" / "performance.md"
sys.path[:0] = [str(ROOT)]

SWEEPS = {"envs": ("--steps", "4"), "resolution": ("--steps", "8"), "triangles": ("--steps", "8")}
PRESET_SIZE = 256


MOST_LOAD = 0.5
"""Load average a core above which nothing is measured: the figures would be those of what else runs."""


def main() -> int:
    """Measure the parts that were asked for, then write the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join([*PARTS, "tables"]), help="comma-separated (default: all)")
    parser.add_argument("--device", default="cpu", help="Warp device (default: cpu)")
    parser.add_argument(
        "--busy", action="store_true", help="measure although the machine is busy; the document says so"
    )
    args = parser.parse_args()
    asked = args.parts.split(",")
    unknown = [part for part in asked if part not in PARTS and part != "tables"]
    if unknown:
        parser.error(f"unknown parts {unknown}; there are: {', '.join(PARTS)}, tables")
    FIGURES.mkdir(parents=True, exist_ok=True)
    before = machine()  # once: later the load is that of the parts before
    measured = any(part in PARTS for part in asked)
    if measured and busy(before) and not args.busy:
        parser.exit(1, f"the machine is busy, its load average is {before['load_average']}: wait, or say --busy\n")
    for part in asked:
        if part in PARTS:
            print(f"{part} ...", flush=True)
            began = time.perf_counter()
            figures = PARTS[part](args.device)
            write(part, {**before, "device": args.device, **figures})
            print(f"{part}: {time.perf_counter() - began:.0f} s", flush=True)
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, versions, and the load before anything is measured."""
    from importlib.metadata import version

    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        name = next((x.partition(":")[2].strip() for x in info.read_text().splitlines() if "model name" in x), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": name,
        "cores": cores,
        "python": platform.python_version(),
        "warp": version("warp-lang"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def busy(figures: dict[str, Any]) -> bool:
    """Whether something else was running when the figures were measured."""
    return bool(figures["load_average"] > MOST_LOAD * figures["cores"])


def write(part: str, figures: dict[str, Any]) -> None:
    """Keep the figures of a part."""
    (FIGURES / f"{part}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def run(*words: str | Path) -> str:
    """Run a program of this checkout; its standard output."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def script(name: str, *words: str | Path) -> Any:
    """What a benchmark writes to its ``--json`` file."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        run(HERE / name, *words, "--json", out)
        return json.loads(out.read_text())


# --- Parts -----------------------------------------------------------------------------------------------------------


def peers(device: str) -> dict[str, Any]:
    """The same scenes by every renderer; cold start and memory in processes of their own."""
    rows = "simple,robot,textured,close-up,close-up-shadows,depth-only,cold-start,memory"
    return {"rows": script("peers.py", "--rows", rows, "--device", device)["rows"]}


def open_stage(_: str) -> dict[str, Any]:
    """Reading stages of many environments."""
    return {"rows": script("open_stage.py")}


def transforms(device: str) -> dict[str, Any]:
    """Writing 200 thousand poses."""
    return {"rows": script("transforms.py", "--device", device)["rows"]}


def sweeps(device: str) -> dict[str, Any]:
    """How the cost of a step grows, with a picture of each curve."""
    curves = {}
    for sweep, words in SWEEPS.items():
        picture = PICTURES / f"growth_{sweep}.png"
        command = ["-m", "omni.isaac.ovrtx_render.cli", "bench", "--sweep", sweep, "--preset", "fast", *words]
        curves[sweep] = json.loads(run(*command, "--device", device, "--plot", picture, "--json"))["sweep"]["rows"]
    return {"curves": curves}


def presets(device: str) -> dict[str, Any]:
    """One image of the demo scene with each preset, side by side, and what it costs."""
    import numpy as np
    import warp as wp

    from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
    from omni.isaac.ovrtx_render.config import PRESETS
    from omni.isaac.ovrtx_render.demo import build_stage
    from omni.isaac.ovrtx_render.images import write_png

    wp.config.log_level = wp.LOG_WARNING
    scene, step = build_stage(4), 20
    positions, quaternions = scene.pose(step)
    rows, images = [], []
    for preset in PRESETS:
        with TiledRenderer(scene.stage, RendererCfg.preset(preset, backend="warp", device=device)) as renderer:
            cameras = renderer.add_cameras(
                scene.camera_pattern, width=PRESET_SIZE, height=PRESET_SIZE, outputs=("rgb", "depth")
            )
            renderer.bind_transforms(scene.body_paths).write(positions, quat_xyzw=quaternions)
            renderer.render(cameras)
            seconds = []
            for _ in range(5):
                began = time.perf_counter()
                renderer.render(cameras)
                wp.synchronize_device(device)
                seconds.append(time.perf_counter() - began)
            images.append(cameras.outputs["rgb"].numpy()[0])
        best = min(seconds) / len(cameras)
        rows.append({"preset": preset, "image_ms": best * 1e3, "mpix_s": PRESET_SIZE**2 / best / 1e6})
    write_png(PICTURES / "presets.png", np.concatenate(images, 1))
    return {"rows": rows}


PARTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "peers": peers,
    "open_stage": open_stage,
    "transforms": transforms,
    "sweeps": sweeps,
    "presets": presets,
}
"""What is measured, by name; called with the device."""


# --- Tables ----------------------------------------------------------------------------------------------------------


def with_tables(text: str) -> str:
    """The document with the newest figures between the markers ``<!-- NAME -->`` and ``<!-- /NAME -->``."""
    for part, tables in TABLES.items():
        file = FIGURES / f"{part}.json"
        if not file.exists():
            continue
        for name, lines in tables(json.loads(file.read_text(encoding="utf-8"))).items():
            pattern = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
            if not pattern.search(text):
                raise ValueError(f"{DOCUMENT.name} has no place for {name!r}: <!-- {name} --> and <!-- /{name} -->")
            text = pattern.sub(lambda _, lines=lines: "\n".join(["", *lines, "", ""]), text)  # type: ignore[misc]
    return text


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[str]:
    """Lines of a Markdown table."""
    columns = list(columns)
    body = [f"| {' | '.join(number(value) for value in row)} |" for row in rows]
    return [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}", *body]


def number(value: Any) -> str:
    """Three significant figures, and no exponent."""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def where(figures: dict[str, Any]) -> str:
    """One line that says on what it was measured."""
    device = "" if figures["device"] == "cpu" else f", {figures['device']}"
    note = ", so the machine was not idle" if busy(figures) else ""
    return (
        f"Measured on {figures['processor']}, {figures['cores']} cores{device}; Warp {figures['warp']}, Python "
        f"{figures['python']}; load average before: {figures['load_average']}{note}."
    )


def peer_tables(figures: dict[str, Any]) -> dict[str, list[str]]:
    """Speeds, and what was measured in processes of their own."""
    by_row: dict[str, dict[str, dict[str, Any]]] = {}
    for row in figures["rows"]:
        by_row.setdefault(row["row"], {})[row["peer"]] = row
    names = sorted({row["peer"] for row in figures["rows"]}, reverse=True)
    speeds, alone = [], []
    for name, row in by_row.items():
        one = next(iter(row.values()))
        if "ours_mpix_s" in one:
            theirs = [row[peer].get("peer_mpix_s", "-") for peer in names]
            best = min(row[peer].get("ratio", float("inf")) for peer in names)
            single = min(row[peer].get("ratio_1_thread", float("inf")) for peer in names)
            speeds.append(
                [name, one["ours_mpix_s"], one.get("ours_1_thread_mpix_s", "-"), one["ours_default_mpix_s"], *theirs,
                 f"{best:.1f}x", f"{single:.1f}x"]
            )  # fmt: skip
        else:
            unit = "s" if "ours_s" in one else "mb"
            label = {"cold-start": "first images with nothing compiled [s]", "memory": "peak memory [MB]"}[name]
            alone.append([label, one.get(f"ours_{unit}", "-"), *(row[peer].get(f"peer_{unit}", "-") for peer in names)])
            if "ours_cpu_s" in one:
                theirs = [row[peer]["peer_cpu_s"] for peer in names]
                alone.append(["the same, processor time [s]", one["ours_cpu_s"], *theirs])
            if "ours_shipped_s" in one:
                none = ["-"] * len(names)
                alone.append(["first images with the kernels of a wheel [s]", one["ours_shipped_s"], *none])
                alone.append(["the same, processor time [s]", one["ours_shipped_cpu_s"], *none])
    heads = ["row", "fast", "fast, 1 thread", "default", *names, "to the best peer", "1 thread to 1 thread"]
    return {
        "peers": [*table(heads, speeds), "", where(figures)],
        "alone": table(["", "this renderer", *names], alone),
    }


def stage_table(figures: dict[str, Any]) -> dict[str, list[str]]:
    """Seconds and memory of reading a stage."""
    rows = [[row["stage"], row["envs"], row["instances"], row["read_s"], row["peak_mb"]] for row in figures["rows"]]
    heads = ["stage", "environments", "shapes", "read [s]", "peak memory, with Python and the stage [MB]"]
    return {"open_stage": [*table(heads, rows), "", where(figures)]}


def transform_table(figures: dict[str, Any]) -> dict[str, list[str]]:
    """Milliseconds of a write."""
    rows = [[row["way"], row["prims"], row["median_ms"], row["fastest_ms"]] for row in figures["rows"]]
    return {"transforms": [*table(["way", "prims", "median [ms]", "fastest [ms]"], rows), "", where(figures)]}


def sweep_tables(figures: dict[str, Any]) -> dict[str, list[str]]:
    """One table a curve."""
    heads = ["step [ms]", "expected [ms]", "camera rays [M/s]", "upload [s]", "memory [MB]"]
    tables = {}
    for sweep, curve in figures["curves"].items():
        rows = [
            [row["size"], row["fastest_step_seconds"] * 1e3, row["expected_step_seconds"] * 1e3,
             row["rays_per_second"] / 1e6, row["upload_seconds"], (row["cuda_memory"] or row["memory"] or 0) / 1e6]
            for row in curve
        ]  # fmt: skip
        tables[f"growth_{sweep}"] = table([sweep, *heads], rows)
    tables["growth"] = [where(figures)]
    return tables


def preset_table(figures: dict[str, Any]) -> dict[str, list[str]]:
    """Cost of each preset beside the cheapest."""
    first = figures["rows"][0]["image_ms"]
    rows = [
        [row["preset"], row["image_ms"], row["mpix_s"], f"{row['image_ms'] / first:.1f}x"] for row in figures["rows"]
    ]
    return {"presets": [*table(["preset", "image [ms]", "Mpix/s", "cost"], rows), "", where(figures)]}


def gpu_table(figures: dict[str, Any]) -> dict[str, list[str]]:
    """Camera rays a second of each row, beside the peers that ran with it."""
    ours: dict[str, dict[str, float]] = {}
    theirs: dict[str, dict[str, float]] = {}
    for row in figures["rows"]:
        (theirs if "peer" in row else ours).setdefault(row["row"], {})[row.get("peer") or row["preset"]] = row[
            "grays_s"
        ]
    modes = list(dict.fromkeys(mode for row in ours.values() for mode in row))
    names = list(dict.fromkeys(peer for row in theirs.values() for peer in row))
    rows = []
    for name, speeds in ours.items():
        best = max(theirs.get(name, {}).values(), default=None)
        ratio = f"{speeds[modes[0]] / best:.1f}x" if best else "-"
        values = [speeds.get(mode, "-") for mode in modes] + [theirs.get(name, {}).get(peer, "-") for peer in names]
        rows.append([name, *values, ratio])
    note = f"In billions of camera rays a second, measured on one {figures['device']}."
    return {"gpu": [*table(["row", *modes, *names, "ratio"], rows), "", " ".join([note, *figures.get("notes", [])])]}


TABLES: dict[str, Callable[[dict[str, Any]], dict[str, list[str]]]] = {
    "peers": peer_tables,
    "open_stage": stage_table,
    "transforms": transform_table,
    "sweeps": sweep_tables,
    "presets": preset_table,
    "gpu": gpu_table,
}
"""What becomes of the figures of a part: lines by the name of their place in the document."""


if __name__ == "__main__":
    sys.exit(main())
