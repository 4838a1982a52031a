"""How fast is this renderer beside its peers, on the same scenes, in the same run?

    python benchmarks/peers.py --json peers.json
    python benchmarks/peers.py --rows robot,close-up --envs 64 --save pictures

Every row is first rendered once by every system and the depth images are compared: a row whose depths differ is not
timed. Colours are not compared, since the systems light differently; ``--save`` lets one look at them. Then the systems
take turns, frame by frame, and the fastest frame of each counts, so that a busy moment of the machine hits all of them
alike. ``cold-start`` and ``memory`` run each system in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

PEERS = ("newton", "mujoco_warp")
TIMED = ("simple", "robot", "textured", "close-up", "close-up-shadows", "depth-only")
ALONE = ("cold-start", "memory", "open-stage")
AGREEMENT = 0.99
"""Share of the pixels whose depth must agree within one percent before a row is timed."""
COLD_STARTS = 3
"""Processes of each system, in turns; the fastest counts, as it does of frames."""


def main(arguments: list[str] | None = None) -> int:
    """Run the rows, print tables, write the JSON file; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file to write the results to")
    parser.add_argument("--rows", default=",".join(TIMED + ALONE), help="comma-separated rows (default: all)")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated peers (default: all)")
    parser.add_argument("--envs", type=int, default=256, help="environments (default: 256)")
    parser.add_argument("--size", type=int, default=64, help="width and height of an image [px] (default: 64)")
    parser.add_argument("--rounds", type=int, default=5, help="timed frames of each system (default: 5)")
    parser.add_argument("--device", default="cpu", help="Warp device (default: cpu)")
    parser.add_argument("--save", type=Path, metavar="DIR", help="folder for the compared pictures")
    parser.add_argument("--alone", metavar="SYSTEM", help=argparse.SUPPRESS)
    parser.add_argument("--shipped", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    rows, peers = args.rows.split(","), [p for p in args.peers.split(",") if p]
    unknown = [r for r in rows if r not in TIMED + ALONE] + [p for p in peers if p not in PEERS]
    if unknown:
        parser.error(f"unknown rows or peers {unknown}; rows: {', '.join(TIMED + ALONE)}; peers: {', '.join(PEERS)}")
    if args.alone:
        print(json.dumps(_run_alone(args.alone, args)))
        return 0

    import warp as wp

    wp.config.log_level = wp.LOG_WARNING
    results: list[dict[str, Any]] = []
    for row in rows:
        if row in TIMED:
            results += _timed_row(row, peers, args)
        elif row == "open-stage":
            results.append(_open_stage())
        else:
            results += _alone_row(row, peers, args)
    _print_tables(results, args)
    if args.json:
        machine = {"machine": platform.platform(), "cores": len(os.sched_getaffinity(0)), "device": args.device}
        shape = {"envs": args.envs, "size": args.size, "rounds": args.rounds}
        args.json.write_text(json.dumps({**machine, **shape, "rows": results}, indent=1))
    return 0 if all("error" not in r for r in results) else 1


def _timed_row(name: str, peers: list[str], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Render a row with every system in turns; one result per peer, speeds in output pixels."""
    from _scenes import make_row
    from _systems import SYSTEMS

    row = make_row(name, args.envs)
    variants: dict[str, dict[str, Any]] = {"ours": {}, "ours_default": {"preset": "default"}}
    if args.device == "cpu":
        variants["ours_1_thread"] = {"threads": 1}
    systems = {v: SYSTEMS["ours"](row, args.size, args.device, **options) for v, options in variants.items()}
    systems |= {p: SYSTEMS[p](row, args.size, args.device) for p in peers}
    for system in systems.values():
        system.frame()
    if args.save:
        _save_pictures(args.save, name, systems)
    agreement = {p: _agreement(systems["ours"].depth(), systems[p].depth()) for p in peers}

    seconds = {v: float("inf") for v in systems}
    for _ in range(args.rounds):
        for variant, system in systems.items():
            start = time.perf_counter()
            system.frame()
            seconds[variant] = min(seconds[variant], time.perf_counter() - start)
    for system in systems.values():
        system.close()

    pixels = args.envs * args.size**2 / 1e6
    ours = {f"{v}_mpix_s": round(pixels / seconds[v], 3) for v in variants}
    results = []
    for peer in peers:
        result = {"row": name, "peer": peer, "depth_agreement": round(agreement[peer], 5)}
        if agreement[peer] < AGREEMENT:
            result["error"] = f"the depths differ: {agreement[peer]:.2%} agree; not compared"
        else:
            result |= ours
            result["peer_mpix_s"] = round(pixels / seconds[peer], 3)
            result["ratio"] = round(seconds[peer] / seconds["ours"], 3)
            if "ours_1_thread" in seconds:
                result["ratio_1_thread"] = round(seconds[peer] / seconds["ours_1_thread"], 3)
        results.append(result)
    return results


def _agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of pixels where both miss, or both hit within one percent of depth. Beyond 50 m anything agrees."""
    ours, theirs = (np.where(d < 50.0, d, np.inf) for d in (ours, theirs))
    return float(np.mean(np.isclose(ours, theirs, rtol=0.01)))


def _save_pictures(folder: Path, row: str, systems: dict[str, Any]) -> None:
    """One PNG per row: a line of four environments for each system, colour where there is one, else depth."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for system in systems.values():
        images = system.color()
        if images is None:
            depth = np.clip(1.5 - system.depth() / 3.0, 0, 1)
            images = np.repeat((255 * depth).astype(np.uint8)[..., None], 3, -1)
        lines.append(np.concatenate(list(images[:4]), 1))
    Image.fromarray(np.concatenate(lines, 0)).save(folder / f"{row}.png")


def _alone_row(name: str, peers: list[str], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Cold start (nothing compiled yet, 16 environments), from the start of a process to its second image, or peak
    memory (4 x ``--envs``).

    The cold start is also measured with the kernels that a wheel brings, where they can be compiled.
    """
    cold = name == "cold-start"
    with tempfile.TemporaryDirectory() as kernels:
        ship = cold and args.device == "cpu" and _ship(Path(kernels))
        return _alone_results(name, peers, args, ["--shipped", kernels] if ship else None)


def _ship(folder: Path) -> bool:
    """Compile what a wheel brings for this machine; False where it brings nothing."""
    from omni.isaac.ovrtx_render.backends.warp.shipped import cpu_level

    level = cpu_level()
    command = [sys.executable, "-m", "omni.isaac.ovrtx_render.backends.warp.ship", str(folder), str(level)]
    return level is not None and subprocess.run(command, cwd=HERE.parent, capture_output=True).returncode == 0


def _alone_results(
    name: str, peers: list[str], args: argparse.Namespace, shipped: list[str] | None
) -> list[dict[str, Any]]:
    cold = name == "cold-start"
    values: dict[str, float] = {}
    errors: dict[str, str] = {}
    seconds: dict[str, float] = {}
    systems = ("ours", *(["ours_shipped"] if shipped else []), *peers)
    for system in systems * (COLD_STARTS if cold else 1):
        with tempfile.TemporaryDirectory() as cache:
            env = {**os.environ, **({"WARP_CACHE_PATH": cache} if cold else {})}
            envs = 16 if cold else 4 * args.envs
            command = [sys.executable, __file__, "--alone", system.removesuffix("_shipped")]
            command += ["--envs", str(envs), "--size", str(args.size)]
            command += shipped or [] if system == "ours_shipped" else []
            start, before = time.time(), os.times()
            done = subprocess.run(
                [*command, "--device", args.device], env=env, capture_output=True, text=True, check=False
            )
            after = os.times()
        if done.returncode:
            errors[system] = done.stderr.strip().splitlines()[-1]
            continue
        said = json.loads(done.stdout.splitlines()[-1])
        value = said["done"] - start if cold else said["peak_rss_mb"]
        if value < values.get(system, float("inf")):
            values[system], seconds[system] = value, sum(after[2:4]) - sum(before[2:4])
    unit = "s" if cold else "mb"
    results = []
    for peer in peers:
        result: dict[str, Any] = {"row": name, "peer": peer}
        failed = errors.get("ours") or errors.get(peer)
        if failed:
            result["error"] = failed
        else:
            result |= {f"ours_{unit}": round(values["ours"], 2), f"peer_{unit}": round(values[peer], 2)}
            if cold:
                result |= {"ours_cpu_s": round(seconds["ours"], 2), "peer_cpu_s": round(seconds[peer], 2)}
            if "ours_shipped" in values:
                result |= {"ours_shipped_s": round(values["ours_shipped"], 2)}
                result |= {"ours_shipped_cpu_s": round(seconds["ours_shipped"], 2)}
            result["ratio"] = round(values[peer] / values["ours"], 3)
        results.append(result)
    return results


def _run_alone(system: str, args: argparse.Namespace) -> dict[str, float]:
    """The ``robot`` row in this very process: two frames, then when they were done and what they cost."""
    import warp as wp

    wp.config.log_level = wp.LOG_WARNING
    from _scenes import make_row
    from _systems import SYSTEMS

    from omni.isaac.ovrtx_render.cli.measure import peak_memory

    if args.shipped:
        from omni.isaac.ovrtx_render.backends.warp import shipped

        shipped.FOLDER = args.shipped
    running = SYSTEMS[system](make_row("robot", args.envs), args.size, args.device)
    running.frame()
    running.frame()
    return {"done": time.time(), "peak_rss_mb": (peak_memory() or 0) / 2**20}


def _open_stage() -> dict[str, Any]:
    """What ``open_stage.py`` says: no peer reads a live stage, so there is nothing to compare with."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "open_stage.json"
        command = [sys.executable, str(HERE / "open_stage.py"), "--json", str(out)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"row": "open-stage", "error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
        return {"row": "open-stage", "result": json.loads(out.read_text())}


def _print_tables(results: list[dict[str, Any]], args: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{args.envs} environments, {args.size} x {args.size}, rgb + depth, {args.device} [Mpix/s]"
    speed = Table(title=title, caption="ratio > 1: ours is faster; 'fast' is the preset with the peers' shading")
    for heading in ("row", "ours, fast", "ours, 1 thread", "ours, default", "peer", "", "ratio", "ratio, 1 thread"):
        speed.add_column(
            heading, justify="left" if heading in ("row", "peer") else "right", no_wrap=heading in ("row", "peer")
        )
    alone = Table(title="In a process of its own")
    for heading in ("row", "ours", "peer", "", "ratio"):
        alone.add_column(heading, justify="left" if heading in ("row", "peer") else "right")
    console = Console(width=max(Console().width, 110))  # not narrower when the output goes to a file
    for r in results:
        if "error" in r:
            console.print(f"[red]{r['row']} {r.get('peer', '')}: {r['error']}")
        elif r["row"] in TIMED:
            numbers = (r["ours_mpix_s"], r.get("ours_1_thread_mpix_s", "-"), r["ours_default_mpix_s"])
            ratios = (r["ratio"], r.get("ratio_1_thread", "-"))
            speed.add_row(*map(str, (r["row"], *numbers, r["peer"], r["peer_mpix_s"], *ratios)))
        elif r["row"] == "open-stage":
            console.print("open-stage", r["result"])
        else:
            unit = "s" if r["row"] == "cold-start" else "mb"
            ours, peer = (f"{r[f'{who}_{unit}']} {unit}" for who in ("ours", "peer"))
            alone.add_row(r["row"], ours, r["peer"], peer, str(r["ratio"]))
    for table in (speed, alone):
        if table.row_count:
            console.print(table)


if __name__ == "__main__":
    sys.exit(main())
