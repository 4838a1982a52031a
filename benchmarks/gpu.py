"""One command for a machine with a CUDA GPU: build, check against the CPU's pictures, time each phase and the peers.

    python benchmarks/gpu.py --json gpu.json --save pictures

It needs about three minutes. Pictures of the first environments are compared between CUDA and CPU before anything is
timed; phases are timed with a synchronisation after each launch, frames without.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from _scenes import make_row  # noqa: E402
from _systems import SYSTEMS, Ours  # noqa: E402

CHECKED = 8
"""Environments whose pictures are compared with the CPU's."""


def main() -> int:
    """Run the rows and print a line each; returns 1 if a picture differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--envs", type=int, default=4096)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rows", default="simple,robot,textured,close-up,close-up-shadows,depth-only")
    parser.add_argument("--presets", default="fast,default")
    parser.add_argument("--peers", default="newton", help="comma-separated peers; empty: none")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save", type=Path, metavar="DIR")
    args = parser.parse_args()
    wp.config.log_level = wp.LOG_WARNING
    device = wp.get_device(args.device)
    print(f"{device.name}, {args.envs} x {args.size} x {args.size}")
    results, wrong = [], False
    for name in args.rows.split(","):
        for preset in args.presets.split(","):
            result = run_row(name, preset, args)
            wrong |= not result["same_as_cpu"]
            results.append(result)
            print(json.dumps(result), flush=True)
        for peer in filter(None, args.peers.split(",")):
            system = SYSTEMS[peer](make_row(name, args.envs), args.size, args.device)
            seconds = best_frame(system, args.frames)
            results.append({"row": name, "peer": peer, "grays_s": rays(args) / seconds / 1e9, "ms": seconds * 1e3})
            print(json.dumps(results[-1]), flush=True)
            system.close()
    if args.json:
        args.json.write_text(json.dumps({"device": device.name, "rows": results}, indent=1))
    return int(wrong)


def rays(args: argparse.Namespace) -> int:
    """Primary rays of a frame."""
    return args.envs * args.size * args.size


def best_frame(system: Any, frames: int) -> float:
    """Seconds of the fastest frame, after two to warm up."""
    times = []
    for _ in range(frames + 2):
        began = time.perf_counter()
        system.frame()
        times.append(time.perf_counter() - began)
    return min(times[2:])


def run_row(name: str, preset: str, args: argparse.Namespace) -> dict[str, Any]:
    """Check and time one row with one preset."""
    ours = Ours(make_row(name, args.envs), args.size, args.device, preset)
    seconds = best_frame(ours, args.frames)
    # The random poses of a row depend on how many environments it has: build all of it, and draw only a few.
    host = Ours(make_row(name, args.envs), args.size, "cpu", preset)
    host._bodies.write(host._positions, quat_xyzw=host._quats)
    host._out = host._renderer.render(host._cameras, env_ids=range(CHECKED))
    same = True
    a, b = ours.depth()[:CHECKED], host.depth()[:CHECKED]
    with np.errstate(invalid="ignore"):
        agree = np.isclose(a, b, rtol=1e-4) | (np.isinf(a) & np.isinf(b))
    same &= bool(agree.mean() > 0.999)
    if ours.color() is not None:
        x, y = ours.color()[:CHECKED].astype(int), host.color()[:CHECKED].astype(int)
        same &= bool((np.abs(x - y).max(-1) <= 3).mean() > 0.995)
        if args.save:
            from PIL import Image

            args.save.mkdir(parents=True, exist_ok=True)
            strip = np.concatenate([np.concatenate(list(v[:4]), 1) for v in (x, y)], 0).astype(np.uint8)
            Image.fromarray(strip).save(args.save / f"{name}-{preset}.png")
    result = {
        "row": name,
        "preset": preset,
        "grays_s": rays(args) / seconds / 1e9,
        "ms": seconds * 1e3,
        "same_as_cpu": same,
        "phases_ms": {k: round(v * 1e3, 3) for k, v in phases(ours, args.device).items()},
    }
    ours.close()
    host.close()
    return result


def phases(ours: Ours, device: str) -> dict[str, float]:
    """Seconds of each phase of a frame, synchronising after every launch."""
    view = ours._cameras.backend_data
    total: Counter[str] = Counter()
    for first in range(0, len(view.everything), view.chunk):
        for step in view.programs[0]._steps:
            step.launch.set_param_at_index(step.first, first)
            count = min(view.chunk, len(view.everything) - first)
            step.launch.set_dim((count, *step.dim))
            step.count = count
            wp.synchronize_device(device)
            began = time.perf_counter()
            step.launch.launch()
            wp.synchronize_device(device)
            total[step.launch.kernel.key] += time.perf_counter() - began
    return dict(total)


if __name__ == "__main__":
    sys.exit(main())
