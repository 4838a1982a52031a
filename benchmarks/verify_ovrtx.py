"""Verify the OVRTX backend on a machine with an RTX GPU, in one go.

    python benchmarks/verify_ovrtx.py --out verify_ovrtx

Every check draws the same stage by OVRTX and by the Warp ray tracer, or moves something and looks whether it moved. It
prints a table of what passed and what did not, and writes pictures (OVRTX above, Warp below) and ``report.json`` into
the folder. Colours of the two renderers are different on purpose; geometry, depth and ids have to agree. The first
start compiles shaders for minutes. Please send the folder along with a report of what failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from _verify_stages import CAMERAS, ENVS, build_tiles, overlap  # noqa: E402

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer  # noqa: E402
from omni.isaac.ovrtx_render.demo import build_stage  # noqa: E402
from omni.isaac.ovrtx_render.errors import OvrtxRenderError  # noqa: E402
from omni.isaac.ovrtx_render.images import mosaic, to_picture, write_png  # noqa: E402
from omni.isaac.ovrtx_render.registry import probe  # noqa: E402

GEOMETRY = ("depth", "distance_to_camera", "normals", "instance_segmentation", "semantic_segmentation")


@dataclass
class Result:
    """What a check found."""

    name: str
    passed: bool
    note: str
    seconds: float


@dataclass(frozen=True)
class Sizes:
    """How much is drawn."""

    envs: int = 64
    tiles: tuple[int, ...] = (4096, 4097, 20000)
    steps: int = 20
    frames: int = 600
    resolution: int = 96
    speed: int = 4096


SMALL = Sizes(envs=3, tiles=(20,), steps=2, frames=6, resolution=32, speed=4)
"""Sizes that show that the checks themselves work."""


class Verifier:
    """Runs the checks; each is a method whose name begins with ``check_`` and returns a note.

    Args:
        out: Folder for pictures.
        sizes: How much to draw.
        device: Warp device of the buffers.
    """

    def __init__(self, out: Path, sizes: Sizes, device: str | None) -> None:
        self.out, self.sizes, self.device = out, sizes, device
        self.demo = build_stage(sizes.envs)

    def run(self) -> list[Result]:
        """All checks in the order they are written."""
        results = []
        checks = [name for name in vars(type(self)) if name.startswith("check_")]
        for name in checks:
            start = time.perf_counter()
            try:
                passed, note = True, getattr(self, name)()
            except (OvrtxRenderError, AssertionError) as error:
                passed, note = False, str(error) or "assertion failed"
            except Exception:  # a check that breaks is a result too, and the others still run
                passed, note = False, traceback.format_exc(limit=-2)
            title = name.removeprefix("check_").replace("_", " ")
            results.append(Result(title, passed, " ".join(str(note).split()), time.perf_counter() - start))
            print(f"{'ok  ' if passed else 'FAIL'} {title}: {results[-1].note}", flush=True)
        return results

    # -- helpers ----------------------------------------------------------------------------------------------------

    def open(self, stage: Any, backend: str, **options: Any) -> TiledRenderer:
        """A renderer of one of the two backends."""
        fields: dict[str, Any] = {"backend_options": options} if backend == "ovrtx" else {}
        return TiledRenderer(stage, RendererCfg(backend=backend, device=self.device, headlight=False, **fields))

    def draw_both(
        self,
        stage: Any,
        cameras: str,
        outputs: Sequence[str],
        size: int,
        change: Callable[[TiledRenderer, Any], None] | None = None,
        **options: Any,
    ) -> list[dict[str, np.ndarray]]:
        """Images of OVRTX and of Warp, after something was changed."""
        drawn = []
        for backend in ("ovrtx", "warp"):
            with self.open(stage, backend, **options) as renderer:
                bundle = renderer.add_cameras(cameras, width=size, height=size, outputs=list(outputs))
                if change is not None:
                    change(renderer, bundle)
                renderer.render(bundle)
                drawn.append({name: buffer.numpy().copy() for name, buffer in bundle.outputs.items()})
        return drawn

    def save(self, name: str, output: str, *rows: np.ndarray) -> None:
        """Write the first images of some batches, one batch a row."""
        tiles = [to_picture(output, row[:8])[..., :3] for row in rows]
        write_png(self.out / f"{name}.png", np.concatenate([mosaic(row, columns=len(row)) for row in tiles]))

    def compare(self, name: str, images: list[dict[str, np.ndarray]]) -> str:
        """Agreement of geometry and ids; raises AssertionError where it is too little."""
        ours, theirs = images
        notes = []
        for output, image in theirs.items():
            self.save(f"{name}_{output}", output, ours[output], image)
            share = agreement(output, ours[output], image)
            notes.append(f"{output} {share:.1%}")
            assert share > 0.95, f"{output}: only {share:.1%} of the pixels agree with the Warp backend"
        return ", ".join(notes)

    # -- checks -----------------------------------------------------------------------------------------------------

    def check_it_can_run_here(self) -> str:
        answer = probe("ovrtx")
        assert answer.available, answer.reason
        return answer.reason

    def check_start_up(self) -> str:
        with self.open(self.demo.stage, "ovrtx") as renderer:
            timings: dict[str, float] = renderer._backend.load_timings  # type: ignore[attr-defined]
            return ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in timings.items())

    def check_colours(self) -> str:
        images = self.draw_both(self.demo.stage, self.demo.camera_pattern, ("rgb",), self.sizes.resolution)
        self.save("colours", "rgb", *(image["rgb"] for image in images))
        spread = float(images[0]["rgb"].std())
        assert spread > 5.0, f"the images hold hardly more than one colour (deviation {spread:.1f} of 255)"
        likeness = float(np.corrcoef(*(image["rgb"].astype(float).ravel() for image in images))[0, 1])
        assert likeness > 0.5, f"colours hardly resemble those of Warp (correlation {likeness:.2f}); see colours.png"
        return f"correlation with Warp {likeness:.2f}"

    def check_geometry_and_ids(self) -> str:
        demo = self.demo
        return self.compare("demo", self.draw_both(demo.stage, demo.camera_pattern, GEOMETRY, self.sizes.resolution))

    def check_linear_colours(self) -> str:
        stage, cameras = self.demo.stage, self.demo.camera_pattern
        hdr = [image["rgb_hdr"] for image in self.draw_both(stage, cameras, ("rgb_hdr",), self.sizes.resolution)]
        self.save("linear_colours", "rgb_hdr", *hdr)
        ratio = float(np.median(hdr[0]) / max(float(np.median(hdr[1])), 1e-9))
        assert np.isfinite(hdr[0]).all() and 0.1 < ratio < 10.0, f"the median is {ratio:.3g} times that of Warp"
        return f"median {ratio:.2f} times that of Warp"

    def check_tiles_are_those_of_their_cameras(self) -> str:
        notes = []
        for count in self.sizes.tiles:
            stage, cameras = build_tiles(count)
            ours, theirs = self.draw_both(stage, cameras, ("distance_to_camera",), 8)
            near = [images["distance_to_camera"].min((1, 2, 3)) for images in (ours, theirs)]
            wrong = np.flatnonzero(~np.isclose(near[0], near[1], rtol=0.02, atol=0.01))
            assert not len(wrong), f"{len(wrong)} of {count} tiles show something else, the first is tile {wrong[0]}"
            notes.append(str(len(near[0])))
        return f"all of {', '.join(notes)} tiles"

    def check_poses(self) -> str:
        demo, worst = self.demo, 1.0
        with self.open(demo.stage, "ovrtx") as ours, self.open(demo.stage, "warp") as theirs:
            size = self.sizes.resolution
            routes = [
                (route, route.add_cameras(demo.camera_pattern, width=size, height=size, outputs=["depth"]))
                for route in (ours, theirs)
            ]
            bindings = [route.bind_transforms(demo.body_paths) for route in (ours, theirs)]
            for step in range(self.sizes.steps):
                positions, quats = demo.pose(7 * step)
                images = []
                for (route, bundle), binding in zip(routes, bindings, strict=True):
                    binding.write(positions, quat_xyzw=quats)
                    route.render(bundle)
                    images.append(bundle.outputs["depth"].numpy().copy())
                worst = min(worst, agreement("depth", *images))
            self.save("poses", "depth", *images)
        assert worst > 0.95, f"in the worst of {self.sizes.steps} steps {worst:.1%} of the depths agree"
        return f"in the worst of {self.sizes.steps} steps {worst:.1%} of the depths agree"

    def check_environments_see_themselves_only(self) -> str:
        """All environments at one place: each camera must see one ball, not those of the others."""
        stage = overlap(min(self.sizes.envs, 16))
        return self.compare("isolation", self.draw_both(stage, CAMERAS, ("depth", "instance_segmentation"), 48))

    def check_images_do_not_freeze(self) -> str:
        """Eco mode would stop after 500 frames in which only transforms changed."""
        stage, cameras = build_tiles(2)
        with self.open(stage, "ovrtx") as renderer:
            bundle = renderer.add_cameras(cameras, width=32, height=32, outputs=["distance_to_camera"])
            binding = renderer.bind_transforms([f"{ENVS}/env_0/Target"])
            seen = []
            for frame in range(self.sizes.frames):
                binding.write([[0.0, 0.0, 0.4 * np.sin(0.3 * frame)]], quat_xyzw=[[0, 0, 0, 1]])
                renderer.render(bundle)
                if frame >= self.sizes.frames - 4:
                    seen.append(bundle.outputs["distance_to_camera"].numpy()[0].tobytes())
        assert len(set(seen)) == len(seen), f"the image stood still after {self.sizes.frames} frames"
        return f"still moving after {self.sizes.frames} frames"

    def check_history_of_a_reset_is_forgotten(self) -> str:
        stage, cameras = build_tiles(2)
        away, here = [[0.0, 0.0, 50.0]], [[0.0, 0.0, 0.0]]
        with self.open(stage, "ovrtx") as renderer:
            bundle = renderer.add_cameras(cameras, width=64, height=64, outputs=["rgb"])
            binding = renderer.bind_transforms([f"{ENVS}/env_0/Target"])

            def frame(position: Any) -> np.ndarray:
                binding.write(position, quat_xyzw=[[0, 0, 0, 1]])
                renderer.render(bundle)
                return bundle.outputs["rgb"].numpy()[0].astype(float)

            for _ in range(20):
                settled = frame(here)
            for _ in range(20):
                frame(away)
            bundle.forget_history([0])
            first = frame(here)
        difference = float(np.abs(first - settled).mean())
        self.save("history", "rgb", settled[None].astype(np.uint8), first[None].astype(np.uint8))
        assert difference < 12.0, f"the first frame differs from the settled one by {difference:.1f} of 255"
        return f"the first frame differs from the settled one by {difference:.1f} of 255"

    def check_lenses_of_each_camera(self) -> str:
        def change(renderer: TiledRenderer, bundle: Any) -> None:
            focal = 30.0 + 4.0 * np.arange(len(bundle), dtype=np.float32)
            matrices = np.tile(np.eye(3, dtype=np.float32), (len(bundle), 1, 1))
            matrices[:, 0, 0] = matrices[:, 1, 1] = focal
            matrices[:, 0, 2], matrices[:, 1, 2] = 26.0, 21.0
            bundle.set_intrinsics(matrices)

        return self.compare("lenses", self.draw_both(overlap(4), CAMERAS, ("depth",), 48, change))

    def check_colours_of_each_environment(self) -> str:
        rng = np.random.default_rng(0)
        colors = rng.uniform(0.1, 0.9, (4, 3)).astype(np.float32)

        def change(renderer: TiledRenderer, bundle: Any) -> None:
            paths = [f"{ENVS}/env_{env}/Looks/ball" for env in range(4)]
            renderer.bind_materials(paths, "base_color").write(colors)

        images = self.draw_both(overlap(4), CAMERAS, ("albedo", "rgb"), 48, change)
        self.save("environment_colours", "rgb", *(image["rgb"] for image in images))
        ours, theirs = (image["albedo"].astype(int) for image in images)
        close = float((np.abs(ours - theirs).max(-1) <= 24).mean())
        assert close > 0.9, f"only {close:.1%} of the base colours agree; see environment_colours.png"
        return f"{close:.1%} of the base colours agree"

    def check_motion(self) -> str:
        """Everything moves to the left in the images: vectors are positive along x, as those of Warp."""
        medians = []
        stage = overlap(2)
        for backend in ("ovrtx", "warp"):
            with self.open(stage, backend) as renderer:
                bundle = renderer.add_cameras(CAMERAS, width=48, height=48, outputs=["motion_vectors", "depth"])
                for shift in (0.0, 0.02, 0.04, 0.06):
                    bundle.set_poses([[shift, -2.0, 0.0]] * 2, quat_xyzw=[[0.70710678, 0, 0, 0.70710678]] * 2)
                    renderer.render(bundle)
                hit = np.isfinite(bundle.outputs["depth"].numpy()[..., 0])
                medians.append(np.median(bundle.outputs["motion_vectors"].numpy()[hit], axis=0))
        assert np.allclose(medians[0], medians[1], atol=0.25), f"{medians[0]} px, and {medians[1]} px by Warp"
        return f"{medians[0].round(2)} px, and {medians[1].round(2)} px by Warp"

    def check_render_modes(self) -> str:
        rows = []
        for mode in ("real_time", "path_tracing", "minimal"):
            with self.open(self.demo.stage, "ovrtx", render_mode=mode, blank_images="raise") as renderer:
                size = self.sizes.resolution
                bundle = renderer.add_cameras(self.demo.camera_pattern, width=size, height=size, outputs=["rgb"])
                renderer.render(bundle)
                rows.append(bundle.outputs["rgb"].numpy().copy())
        self.save("render_modes", "rgb", *rows)
        return "see render_modes.png: real time, path tracing, minimal"

    def check_a_typo_raises(self) -> str:
        with self.open(overlap(1), "ovrtx") as renderer:
            try:
                renderer._backend._session.bind_transforms([f"{ENVS}/env_0/Bal1"])  # type: ignore[attr-defined]
            except OvrtxRenderError as error:
                return str(error)
        raise AssertionError("a prim that does not exist could be bound")

    def check_speed(self) -> str:
        stage, cameras = build_tiles(self.sizes.speed)
        with self.open(stage, "ovrtx") as renderer:
            bundle = renderer.add_cameras(cameras, width=64, height=64, outputs=["rgb"])
            renderer.render(bundle)
            start, frames = time.perf_counter(), 10
            for _ in range(frames):
                renderer.render(bundle)
            seconds = (time.perf_counter() - start) / frames
        return f"{len(bundle)} x 64x64 colours: {1e3 * seconds:.1f} ms a frame, {len(bundle) / seconds:,.0f} images/s"


def agreement(output: str, ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of the pixels that agree: 2 % of a distance, 10 degrees of a normal, the same id."""
    if output in ("depth", "distance_to_camera"):
        same = np.isclose(ours, theirs, rtol=0.02, atol=0.005) | (np.isinf(ours) & np.isinf(theirs))
        return float(same.mean())
    if output == "normals":
        same = ((ours * theirs).sum(-1) > np.cos(np.radians(10.0))) | ~theirs.any(-1)
        return float(same.mean())
    return float((ours == theirs).mean())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all checks; returns 1 if one did not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("verify_ovrtx"), help="folder for pictures and report.json")
    parser.add_argument("--device", default=None, help="Warp device, e.g. cuda:0")
    parser.add_argument("--small", action="store_true", help="only a few small images: do the checks themselves work?")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    results = Verifier(options.out, SMALL if options.small else Sizes(), options.device).run()
    (options.out / "report.json").write_text(json.dumps([asdict(result) for result in results], indent=1))
    width = max(len(result.name) for result in results)
    print()
    for result in results:
        print(f"{'pass' if result.passed else 'FAIL'}  {result.name:{width}}  {result.seconds:7.1f} s  {result.note}")
    failed = sum(not result.passed for result in results)
    print(f"\n{len(results) - failed} of {len(results)} checks passed; pictures are in {options.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
