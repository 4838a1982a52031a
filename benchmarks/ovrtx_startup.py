"""How long it takes until OVRTX has the stage, by phase: what is ours, and what its double takes in its place.

    python benchmarks/ovrtx_startup.py --envs 4096

``export`` and ``text`` are ours alone, and so is reading the stage into a Scene. ``open``, ``clone`` and ``place`` are
calls of the library: with the double they say what they cost in Python, not what the library needs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from omni.isaac.ovrtx_render import RendererCfg
from omni.isaac.ovrtx_render.backends.ovrtx.backend import OvrtxBackend
from omni.isaac.ovrtx_render.demo import build_stage
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "doubles"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=4096, help="environments of the demo scene")
    parser.add_argument("--version", default="0.5.1", help="version that the double plays; 'real' is the library")
    arguments = parser.parse_args()
    demo = build_stage(arguments.envs)
    start = time.perf_counter()
    scene = read_scene(demo.stage)
    phases = {"read": time.perf_counter() - start}
    if arguments.version == "real":
        phases |= load(demo.stage, scene, demo.body_paths)
    else:
        from install import ovrtx_double

        with ovrtx_double(arguments.version):
            phases |= load(demo.stage, scene, demo.body_paths)
    for phase, seconds in phases.items():
        print(f"{phase:8} {seconds:8.2f} s")


def load(stage: object, scene: object, bodies: list[str]) -> dict[str, float]:
    """Seconds by phase of loading a stage and binding its bodies."""
    backend = OvrtxBackend(RendererCfg(backend="ovrtx"))
    try:
        backend.load(scene, stage)
        start = time.perf_counter()
        backend._session.bind_transforms(bodies)
        return {**backend.load_timings, "bind": time.perf_counter() - start}
    finally:
        backend.close()


if __name__ == "__main__":
    main()
