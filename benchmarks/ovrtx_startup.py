"""How long it takes until OVRTX has the stage, by phase: what is ours, and what its double takes in its place.

    python benchmarks/ovrtx_startup.py --envs 4096

Reading the stage into a Scene, the export and its text are ours alone. ``open``, ``clone``, ``place`` and ``bind`` are
calls of the library: with the double they say what the double needs, not what the library does.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from omni.isaac.ovrtx_render import RendererCfg
from omni.isaac.ovrtx_render.backends.ovrtx.backend import OvrtxBackend
from omni.isaac.ovrtx_render.demo import build_stage
from omni.isaac.ovrtx_render.scene.export import export_stage
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=4096, help="environments of the demo scene")
    parser.add_argument("--version", default="0.5.1", help="version that the double plays; 'real' is the library")
    arguments = parser.parse_args()
    demo = build_stage(arguments.envs)
    start = time.process_time()
    scene = read_scene(demo.stage)
    print(f"read     {time.process_time() - start:8.2f} s of CPU time, ours", flush=True)
    start = time.process_time()
    export = export_stage(demo.stage, replace(scene))
    print(f"export   {time.process_time() - start:8.2f} s of CPU time, ours", flush=True)
    start = time.process_time()
    size = len(export.text)
    print(f"text     {time.process_time() - start:8.2f} s of CPU time, ours: {size / 1e6:.1f} MB", flush=True)
    with nullcontext() if arguments.version == "real" else double(arguments.version):
        for phase, seconds in load(demo.stage, scene, demo.body_paths).items():
            if phase not in ("export", "text"):
                print(f"{phase:8} {seconds:8.2f} s, {'the library' if arguments.version == 'real' else 'the double'}")


def double(version: str) -> AbstractContextManager[object]:
    """The double in the place of the library."""
    from doubles.install import ovrtx_double

    return ovrtx_double(version)


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
