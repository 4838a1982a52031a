"""What a worker process costs: the same frames drawn in this process and in a worker, turn by turn.

    python benchmarks/worker.py --envs 1024 --size 64

Every frame writes the poses of all moving bodies, as a simulator does. A frame ends when its images are complete.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import warp as wp

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from _scenes import body_path, make_row, make_scene  # noqa: E402

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer  # noqa: E402
from omni.isaac.ovrtx_render.scene.data import Scene  # noqa: E402


def main() -> int:
    """Print one row; returns 1 if the pictures differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default=None)
    parser.add_argument("--row", default="robot", help="a scene of benchmarks/_scenes.py")
    parser.add_argument("--envs", type=int, default=1024)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    row = make_row(options.row, options.envs)
    scene = make_scene(row)
    paths = [body_path(env, body) for env in range(options.envs) for body in range(row.positions.shape[1])]
    base = RendererCfg(backend="warp", device=options.device)
    routes: dict[str, Route] = {}
    for name in ("in process", "worker"):
        begin = time.perf_counter()
        routes[name] = Route(scene, base.replace(backend_options={"worker": name == "worker"}), paths, options.size)
        print(f"{name}: {time.perf_counter() - begin:.1f} s to the first frame", flush=True)
    worker = routes["worker"]
    device = worker.renderer.device
    quats = wp.array(np.tile(np.float32([0, 0, 0, 1]), (len(paths), 1)), dtype=wp.vec4, device=device)
    rng, outside = np.random.default_rng(0), []
    for _ in range(options.frames):
        moved = row.positions.reshape(-1, 3) + rng.uniform(-0.02, 0.02, (len(paths), 3))
        positions = wp.array(moved.astype(np.float32), dtype=wp.vec3, device=device)
        for route in routes.values():
            route.draw(positions, quats)
        outside.append(worker.renderer.timings["worker"])
    first, second = (route.images() for route in routes.values())
    same = all(np.array_equal(first[name], second[name]) for name in first)
    here, there = (statistics.median(route.seconds) for route in routes.values())
    result = {
        "device": device.name,
        "cameras": f"{options.envs} x {options.size}x{options.size}",
        "bodies": len(paths),
        "in process ms": round(1e3 * here, 3),
        "worker ms": round(1e3 * there, 3),
        "ratio": round(there / here, 4),
        # On a GPU a frame is not complete when its backend returns, so the share of the messages is not known.
        "outside the backend ms": round(1e3 * statistics.median(outside), 3) if device.is_cpu else None,
        "same pictures": same,
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    for route in routes.values():
        route.renderer.close()
    return 0 if same else 1


class Route:
    """One renderer with all cameras and bodies; draws a first frame."""

    def __init__(self, scene: Scene, cfg: RendererCfg, paths: list[str], size: int) -> None:
        self.renderer = TiledRenderer(scene, cfg)
        self.cameras = self.renderer.add_cameras(None, width=size, height=size, outputs=("rgb", "depth"))
        self.bodies = self.renderer.bind_transforms(paths)
        self.renderer.render(self.cameras)
        self.seconds: list[float] = []

    def draw(self, positions: wp.array, quats: wp.array) -> None:
        """Draw a frame, and note how long it took until its images were complete."""
        device = self.renderer.device
        wp.synchronize_device(device)
        begin = time.perf_counter()
        self.bodies.write(positions, quat_xyzw=quats)
        self.renderer.render(self.cameras)
        wp.synchronize_device(device)
        self.seconds.append(time.perf_counter() - begin)

    def images(self) -> dict[str, np.ndarray]:
        """The images of the last frame."""
        return {name: array.numpy() for name, array in self.cameras.outputs.items()}


if __name__ == "__main__":
    raise SystemExit(main())
