"""How long a step of a simulation takes to reach the renderer: the poses of all prims, written from device arrays.

    python benchmarks/transforms.py [--envs 4096] [--prims 49] [--device cpu] [--json FILE]

The scene is made by hand: ``--prims`` boxes an environment. A write places every instance, and brings its inverse and
its bounds up to date; the culling of the next frame needs nothing else, as no tree is kept over the instances.
``scatter`` is the launch alone, without the checks of the arrays (which look for NaN on the CPU).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer  # noqa: E402
from omni.isaac.ovrtx_render.scene.data import Geometry, GeometryKind, Instances, Material, Scene  # noqa: E402

TARGET_MS = 20.0
"""What a step at 4096 environments may take on the CPU [ms]."""


def boxes(envs: int, prims: int) -> Scene:
    """``prims`` boxes in each environment, each a prim of its own."""
    count = envs * prims
    zeros, path = np.zeros(count, np.int32), np.arange(count, dtype=np.int32)
    scene = Scene(1.0, "Z", [f"/World/envs/env_{e}" for e in range(envs)])
    scene.geometries = [Geometry(GeometryKind.CUBE, (0.1, 0.1, 0.1))]
    scene.materials = [Material("grey")]
    scene.paths = [f"{root}/body_{b}" for root in scene.env_paths for b in range(prims)]
    env = np.repeat(np.arange(envs, dtype=np.int32), prims)
    place = np.tile(np.eye(4), (count, 1, 1))
    scene.instances = Instances(zeros, zeros, env, place, np.zeros(count, bool), path, zeros, path)
    return scene


def milliseconds(work: Callable[[], Any], device: str, rounds: int) -> dict[str, float]:
    """Median and fastest of ``rounds`` calls, after two to warm up."""
    times = []
    for _ in range(rounds + 2):
        began = time.perf_counter()
        work()
        wp.synchronize_device(device)
        times.append((time.perf_counter() - began) * 1e3)
    return {"median_ms": round(statistics.median(times[2:]), 3), "fastest_ms": round(min(times[2:]), 3)}


def measure(envs: int, prims: int, device: str, rounds: int) -> list[dict[str, Any]]:
    """One row for each way of writing."""
    rng = np.random.default_rng(0)
    count = envs * prims
    cfg = RendererCfg.preset("fast", backend="warp", device=device)
    with TiledRenderer(boxes(envs, prims), cfg) as renderer:
        began = time.perf_counter()
        binding = renderer.bind_transforms(renderer.scene.paths)
        bind_s = time.perf_counter() - began
        quats = rng.normal(size=(count, 4)).astype(np.float32)
        p = wp.array(rng.normal(size=(count, 3)).astype(np.float32), dtype=wp.vec3, device=device)
        q = wp.array(quats / np.linalg.norm(quats, axis=1, keepdims=True), dtype=wp.vec4, device=device)
        m = wp.array(np.tile(np.eye(4, dtype=np.float32), (count, 1, 1)), dtype=wp.mat44, device=device)
        backend, bound = renderer._backend, binding._bound
        ways: dict[str, Callable[[], Any]] = {
            "write": lambda: binding.write(p, quat_xyzw=q),
            "write_matrices": lambda: binding.write_matrices(m),
            "scatter": lambda: backend.write_poses(bound, p, q, "xyzw"),
        }
        shape = {"envs": envs, "prims": count, "device": str(wp.get_device(device).name), "bind_s": round(bind_s, 3)}
        return [{"way": way, **shape, **milliseconds(work, device, rounds)} for way, work in ways.items()]


def main() -> None:
    """Measure, print a line for each way and say whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=4096)
    parser.add_argument("--prims", type=int, default=49, help="prims of an environment (default: 49)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    wp.config.log_level = wp.LOG_WARNING
    rows = measure(args.envs, args.prims, args.device, args.rounds)
    for row in rows:
        print(json.dumps(row))
    load = os.getloadavg()[0]
    verdict = "within" if rows[0]["median_ms"] <= TARGET_MS else "beyond"
    print(f"write: {rows[0]['median_ms']} ms, {verdict} the target of {TARGET_MS:g} ms; load average {load:.1f}")
    if args.json:
        args.json.write_text(json.dumps({"load_average": load, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
