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
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from _verify_stages import (  # noqa: E402
    CAMERAS,
    EDITS,
    ENVS,
    balls,
    build_tiles,
    instances,
    kinds,
    overlap,
    point,
    sheets,
)

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer  # noqa: E402
from omni.isaac.ovrtx_render.demo import DemoScene, build_stage  # noqa: E402
from omni.isaac.ovrtx_render.errors import OvrtxRenderError, WorkerError  # noqa: E402
from omni.isaac.ovrtx_render.images import mosaic, to_picture, write_png  # noqa: E402
from omni.isaac.ovrtx_render.registry import probe  # noqa: E402

Images = dict[str, np.ndarray]
Script = Callable[[TiledRenderer], Images]
Change = Callable[[TiledRenderer, Any], None]

_NEAR = 30.0
"""What stands closer than this [m] is compared; behind it there is the wall."""
_SHOWN = 192
"""Least height of an image in a picture [px]."""
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
        self.size = sizes.resolution

    @cached_property
    def demo(self) -> DemoScene:
        """Robots at tables."""
        return build_stage(self.sizes.envs)

    def run(self) -> list[Result]:
        """All checks in the order they are written; none but the first where the library cannot run."""
        results: list[Result] = []
        for name in [name for name in vars(type(self)) if name.startswith("check_")]:
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
            if not results[0].passed:
                break
        return results

    # -- helpers ----------------------------------------------------------------------------------------------------

    def open(self, stage: Any, backend: str, **options: Any) -> TiledRenderer:
        """A renderer of one of the two backends."""
        fields: dict[str, Any] = {"backend_options": options} if backend == "ovrtx" else {}
        return TiledRenderer(stage, RendererCfg(backend=backend, device=self.device, headlight=False, **fields))

    def draw_both(self, stage: Callable[[], Any], script: Script, **options: Any) -> list[Images]:
        """What a script draws by OVRTX and by Warp, each on a stage of its own."""
        drawn = []
        for backend in ("ovrtx", "warp"):
            with self.open(stage(), backend, **options) as renderer:
                drawn.append(script(renderer))
        return drawn

    def save(self, name: str, output: str, *rows: np.ndarray) -> None:
        """Write the first images of some batches, one batch a row, large enough to be seen."""
        tiles = [to_picture(output, row[:8])[..., :3] for row in rows]
        scale = -(-_SHOWN // tiles[0].shape[1])
        tiles = [np.repeat(np.repeat(row, scale, axis=1), scale, axis=2) for row in tiles]
        write_png(self.out / f"{name}.png", np.concatenate([mosaic(row, columns=len(row)) for row in tiles]))

    def compare(self, name: str, stage: Callable[[], Any], script: Script, **options: Any) -> str:
        """Agreement of geometry and ids, where something stands; AssertionError where it is too little.

        The images of the script are called by their output, and what follows after a blank.
        """
        ours, theirs = self.draw_both(stage, script, **options)
        worst = {}
        for label, image in theirs.items():
            output, _, when = label.partition(" ")
            self.save(f"{name}_{label.replace(' ', '_')}", output, ours[label], image)
            depth = f"depth {when}".strip()
            near = (
                (ours[depth] < _NEAR) | (theirs[depth] < _NEAR) if depth in theirs else np.ones(image.shape[:3], bool)
            )
            same = agreement(output, ours[label], image)
            shares = [float(row[at].mean()) for row, at in zip(same, near.reshape(same.shape), strict=True) if at.any()]
            assert shares, f"{label}: nothing stands before any camera"
            at = int(np.argmin(shares))
            assert shares[at] > 0.85, f"{label}: only {shares[at]:.1%} of image {at} agrees with the Warp backend"
            worst[label] = shares[at]
        label = min(worst, key=worst.__getitem__)
        return f"{len(worst)} pictures, the least agreement of an image is {worst[label]:.1%} ({label})"

    def drawing(self, cameras: str, outputs: Sequence[str], change: Change | None = None) -> Script:
        """The script that draws some cameras once, after something was changed."""

        def script(renderer: TiledRenderer) -> Images:
            bundle = renderer.add_cameras(cameras, width=self.size, height=self.size, outputs=list(outputs))
            if change is not None:
                change(renderer, bundle)
            return drawn(renderer, bundle)

        return script

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
        demo = self.demo
        images = self.draw_both(lambda: demo.stage, self.drawing(demo.camera_pattern, ("rgb",)))
        self.save("colours", "rgb", *(image["rgb"] for image in images))
        ours, theirs = (image["rgb"].astype(float) for image in images)
        assert ours.std() > 5.0, f"the images hold hardly more than one colour (deviation {ours.std():.1f} of 255)"
        light = likeness(ours.mean(-1), theirs.mean(-1))
        hue = min(likeness(*(image[..., i] - image.mean(-1) for image in (ours, theirs))) for i in range(3))
        note = f"correlation with Warp: brightness {light:.2f}, the worst hue {hue:.2f}"
        assert light > 0.5 and hue > 0.3, f"{note}; see colours.png"
        return note

    def check_geometry_and_ids(self) -> str:
        demo = self.demo
        return self.compare("demo", lambda: demo.stage, self.drawing(demo.camera_pattern, GEOMETRY))

    def check_linear_colours(self) -> str:
        demo = self.demo
        images = self.draw_both(lambda: demo.stage, self.drawing(demo.camera_pattern, ("rgb_hdr",)))
        hdr = [image["rgb_hdr"] for image in images]
        self.save("linear_colours", "rgb_hdr", *hdr)
        assert np.isfinite(hdr[0]).all(), "some values are no numbers"
        ratio = float(np.median(hdr[0]) / max(float(np.median(hdr[1])), 1e-9))
        assert 0.2 < ratio < 5.0, f"the median is {ratio:.3g} times that of Warp"
        alike = likeness(*(np.log(np.maximum(image, 1e-4)) for image in hdr))
        assert alike > 0.5, f"they hardly resemble those of Warp (correlation {alike:.2f}); see linear_colours.png"
        return f"median {ratio:.2f} times that of Warp, correlation {alike:.2f}"

    def check_tiles_are_those_of_their_cameras(self) -> str:
        notes = []
        for count in self.sizes.tiles:
            stage, cameras = build_tiles(count)

            def script(renderer: TiledRenderer, cameras: str = cameras) -> Images:
                return drawn(renderer, renderer.add_cameras(cameras, width=8, height=8, outputs="distance_to_camera"))

            ours, theirs = self.draw_both(lambda stage=stage: stage, script)
            near = [images["distance_to_camera"].min((1, 2, 3)) for images in (ours, theirs)]
            wrong = np.flatnonzero(~np.isclose(near[0], near[1], rtol=0.02, atol=0.01))
            assert not len(wrong), f"{len(wrong)} of {count} tiles show something else, the first is tile {wrong[0]}"
            notes.append(str(len(near[0])))
        return f"all of {', '.join(notes)} tiles"

    def check_poses(self) -> str:
        """Robots in motion: compared are pixels whose depth changed since the step before."""
        demo, worst = self.demo, 1.0
        with self.open(demo.stage, "ovrtx") as ours, self.open(demo.stage, "warp") as theirs:
            routes = [
                (route, route.add_cameras(demo.camera_pattern, width=self.size, height=self.size, outputs=["depth"]))
                for route in (ours, theirs)
            ]
            bindings = [route.bind_transforms(demo.body_paths) for route in (ours, theirs)]
            before = drawn(theirs, routes[1][1])["depth"]
            for step in range(1, self.sizes.steps + 1):
                positions, quats = demo.pose(7 * step)
                for binding in bindings:
                    binding.write(positions, quat_xyzw=quats)
                images = [drawn(route, bundle)["depth"] for route, bundle in routes]
                moved = ~agreement("depth", before, images[1])
                assert moved.any(), f"nothing moved in step {step}"
                worst = min(worst, float(agreement("depth", *images)[moved].mean()))
                before = images[1]
            self.save("poses", "depth", *images)
        note = f"where something moved, {worst:.1%} of the depths agree in the worst of {self.sizes.steps} steps"
        assert worst > 0.85, note
        return note

    def check_environments_see_themselves_only(self) -> str:
        """All environments at one place: each camera must see one ball, not those of the others."""
        stage = overlap(min(self.sizes.envs, 16))
        return self.compare("isolation", lambda: stage, self.drawing(CAMERAS, ("depth", "instance_segmentation")))

    def check_kinds_of_environments(self) -> str:
        return self.compare("kinds", lambda: kinds(6), self.drawing(CAMERAS, ("depth", "instance_segmentation")))

    def check_instances(self) -> str:
        return self.compare("instances", lambda: instances(4), self.drawing(CAMERAS, ("depth", "normals")))

    def check_centimetres_with_y_up(self) -> str:
        """Depth is in metres; poses are written in units of the stage."""

        def script(renderer: TiledRenderer) -> Images:
            bundle = renderer.add_cameras(CAMERAS, width=self.size, height=self.size, outputs=["depth", "normals"])
            images = drawn(renderer, bundle)
            targets = renderer.bind_transforms([f"{ENVS}/env_{env}/Target" for env in range(3)])
            at = [[12.0 * env + 0.3, 0.2, 0.3 - 0.2 * env] for env in range(3)]
            targets.write([list(point((x, y, z), 0.01, "Y")) for x, y, z in at], quat_xyzw=[[0, 0, 0, 1]] * 3)
            return images | drawn(renderer, bundle, "moved")

        return self.compare("centimetres", lambda: balls(3, unit=0.01, up="Y"), script)

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
        """How much of the last episode is in the first image of the next one, with and without a reset."""
        stage, cameras = build_tiles(2)
        away, here = [[0.0, 0.0, 50.0]], [[0.0, 0.0, 0.0]]
        with self.open(stage, "ovrtx") as renderer:
            bundle = renderer.add_cameras(cameras, width=64, height=64, outputs=["rgb"])
            binding = renderer.bind_transforms([f"{ENVS}/env_0/Target"])

            def frame(position: Any, count: int = 1) -> np.ndarray:
                for _ in range(count):
                    binding.write(position, quat_xyzw=[[0, 0, 0, 1]])
                    renderer.render(bundle)
                return bundle.outputs["rgb"].numpy()[0].astype(float)

            settled, empty = frame(here, 20), frame(away, 20)
            kept = frame(here)
            frame(away, 20)
            bundle.forget_history([0])
            forgotten = frame(here)
        self.save("history", "rgb", np.array([settled, empty, kept, forgotten]).astype(np.uint8))
        old = empty - settled
        assert np.abs(old).max() > 20.0, "the ball does not show; see history.png"
        # The part of each image that is the old one: noise does not count, as it points nowhere.
        ghost = [float(((image - settled) * old).sum() / (old * old).sum()) for image in (kept, forgotten)]
        note = f"{ghost[1]:.0%} of the last image shows, and {ghost[0]:.0%} without a reset; see history.png"
        assert abs(ghost[1]) <= max(0.05, 0.5 * abs(ghost[0])), note
        return note

    def check_lenses_of_each_camera(self) -> str:
        def change(renderer: TiledRenderer, bundle: Any) -> None:
            focal = self.size * (0.6 + 0.08 * np.arange(len(bundle), dtype=np.float32))
            matrices = np.tile(np.eye(3, dtype=np.float32), (len(bundle), 1, 1))
            matrices[:, 0, 0] = matrices[:, 1, 1] = focal
            matrices[:, 0, 2], matrices[:, 1, 2] = 0.62 * self.size, 0.4 * self.size
            bundle.set_intrinsics(matrices)

        return self.compare("lenses", lambda: overlap(4), self.drawing(CAMERAS, ("depth",), change))

    def check_colours_of_each_environment(self) -> str:
        rng = np.random.default_rng(0)
        colors = rng.uniform(0.1, 0.9, (4, 3)).astype(np.float32)

        def change(renderer: TiledRenderer, bundle: Any) -> None:
            paths = [f"{ENVS}/env_{env}/Looks/ball" for env in range(4)]
            renderer.bind_materials(paths, "base_color").write(colors)

        script = self.drawing(CAMERAS, ("albedo", "rgb", "depth"), change)
        images = self.draw_both(lambda: overlap(4), script)
        self.save("environment_colours", "rgb", *(image["rgb"] for image in images))
        self.save("environment_albedo", "albedo", *(image["albedo"] for image in images))
        ours, theirs = (image["albedo"].astype(int) for image in images)
        ball = images[1]["depth"][..., 0] < _NEAR
        close = (np.abs(ours - theirs).max(-1) <= 24) & ball
        worst = float((close.sum((1, 2)) / ball.sum((1, 2))).min())
        assert worst > 0.85, f"only {worst:.1%} of a ball has its colour; see environment_albedo.png"
        return f"at least {worst:.1%} of each ball has its colour"

    def check_motion(self) -> str:
        """A ball that moves to the right and up before a still camera, and a camera that moves before a still ball."""
        sizes = {"ball": [], "camera": []}  # type: dict[str, list[np.ndarray]]
        for backend in ("ovrtx", "warp"):
            with self.open(balls(1), backend) as renderer:
                bundle = renderer.add_cameras(CAMERAS, width=96, height=96, outputs=["motion_vectors", "depth"])
                ball = renderer.bind_transforms([f"{ENVS}/env_0/Target"])
                for what, moved in sizes.items():
                    for step in range(4):
                        shift = np.array([0.08 * step, 0.0, 0.04 * step])
                        if what == "ball":
                            ball.write([shift - np.array([0.3, 0.0, 0.1])], quat_xyzw=[[0, 0, 0, 1]])
                        else:
                            pose = shift - np.array([0.0, 2.0, 0.0])
                            bundle.set_poses([pose], quat_xyzw=[[0.70710678, 0, 0, 0.70710678]])
                        renderer.render(bundle)
                    vectors = bundle.outputs["motion_vectors"].numpy()
                    near = bundle.outputs["depth"].numpy()[..., 0] < _NEAR
                    moved += [np.median(vectors[near], axis=0), np.median(vectors[~near], axis=0)]
                    self.save(f"motion_{what}_{backend}", "motion_vectors", vectors)
        notes = []
        for what, (ours, our_wall, theirs, their_wall) in sizes.items():
            notes.append(f"{what} {ours.round(2)} px, by Warp {theirs.round(2)} px")
            assert np.abs(theirs).min() > 1.0, "the Warp backend sees no motion"
            assert np.allclose(ours, theirs, rtol=0.1, atol=0.25), f"{notes[-1]}; see motion_{what}_ovrtx.png"
            assert np.allclose(our_wall, their_wall, atol=0.25), f"wall {our_wall} px, by Warp {their_wall} px"
        return "; ".join(notes)

    def check_meshes_that_deform(self) -> str:
        stage, meshes, points = sheets(3)

        def script(renderer: TiledRenderer) -> Images:
            bundle = renderer.add_cameras(CAMERAS, width=self.size, height=self.size, outputs=["depth"])
            binding, images = renderer.bind_points(meshes), {}
            for step in range(2):
                bent = points.copy()
                wave = 1.0 + np.arange(len(points))[:, None]
                bent[..., 1] += 0.25 * np.sin(4.0 * (points[..., 2] + 0.3 * step) * wave)
                bent[..., 2] += 0.2 * step
                binding.write(bent.reshape(-1, 3))
                images |= drawn(renderer, bundle, f"step {step}")
            return images

        return self.compare("sheets", lambda: stage, script)

    def check_edits_of_the_live_stage(self) -> str:
        """Each is made while the renderer is open, and must be in the next image."""

        def script(renderer: TiledRenderer) -> Images:
            stage = renderer.stage
            outputs = ["depth", "normals", "albedo", "rgb"]
            bundle = renderer.add_cameras(CAMERAS, width=self.size, height=self.size, outputs=outputs)
            images = drawn(renderer, bundle, "before")
            for name, edit in EDITS.items():
                edit(stage)
                images |= drawn(renderer, bundle, name)
            return images

        both = self.draw_both(lambda: balls(3), script)
        ours, theirs = both
        rows = {name: [] for name in ("before", *EDITS)}  # type: dict[str, list[np.ndarray]]
        for name in rows:
            rows[name] = [image[f"rgb {name}"] for image in both]
        self.save("edits", "rgb", *(row for pair in rows.values() for row in pair))
        least = 1.0
        for name in rows:
            near = theirs[f"depth {name}"][..., 0] < _NEAR
            for output in ("depth", "normals", "albedo"):
                same = agreement(output, ours[f"{output} {name}"], theirs[f"{output} {name}"])
                share = min(float(row[at].mean()) for row, at in zip(same, near, strict=True) if at.any())
                assert share > 0.85, f"{name}: {output} agrees for {share:.1%} of an image; see edits.png"
                least = min(least, share)
        light = [image["rgb light"].mean() / image["rgb before"].mean() for image in both]
        assert light[0] < 0.9, f"with a quarter of the light images are {light[0]:.2f} times as bright ({light[1]:.2f})"
        return f"{len(EDITS)} edits, the least agreement of an image is {least:.1%}"

    def check_a_second_bundle_and_one_less(self) -> str:
        """Two bundles of the same cameras, each with its poses; then one of them, then another one."""

        def script(renderer: TiledRenderer) -> Images:
            def add(share: float) -> Any:
                size = max(int(share * self.size), 8)
                return renderer.add_cameras(CAMERAS, width=size, height=size, outputs=["depth"])

            first, second = add(1.0), add(0.5)
            looks = [[12.0 * env + 0.3, -1.6, 0.2] for env in range(3)]
            second.set_poses(looks, quat_xyzw=[[0.70710678, 0, 0, 0.70710678]] * 3)
            images = drawn(renderer, first, "first") | drawn(renderer, second, "second")
            renderer.remove_cameras(first)
            images |= drawn(renderer, second, "left")
            return images | drawn(renderer, add(1.0), "third")

        return self.compare("bundles", lambda: balls(3), script)

    def check_the_file_route(self) -> str:
        script = self.drawing(CAMERAS, ("depth", "semantic_segmentation"))
        return self.compare("file_route", lambda: kinds(3), script, scene_route="file")

    def check_a_worker_process(self) -> str:
        """The library in a process of its own, which is killed once."""
        ended = []

        def script(renderer: TiledRenderer) -> Images:
            bundle = renderer.add_cameras(CAMERAS, width=self.size, height=self.size, outputs=["depth"])
            targets = renderer.bind_transforms([f"{ENVS}/env_{env}/Target" for env in range(3)])
            images = drawn(renderer, bundle)
            at = [[12.0 * env + 0.3, 0.2, 0.2] for env in range(3)]
            targets.write(at, quat_xyzw=[[0, 0, 0, 1]] * 3)
            images |= drawn(renderer, bundle, "moved")
            process = getattr(renderer._backend, "_process", None)
            if process is not None:
                process.kill()
                try:
                    renderer.render(bundle)
                except WorkerError:
                    ended.append(process.pid)
            return images | drawn(renderer, bundle, "again")

        note = self.compare("worker", lambda: balls(3), script, worker=True)
        assert ended, "a worker that was killed was not missed"
        return note

    def check_render_modes(self) -> str:
        rows = []
        for mode in ("real_time", "path_tracing", "minimal"):
            with self.open(self.demo.stage, "ovrtx", render_mode=mode, blank_images="raise") as renderer:
                script = self.drawing(self.demo.camera_pattern, ("rgb",))
                rows.append(script(renderer)["rgb"])
        demo = self.demo
        with self.open(demo.stage, "warp") as renderer:
            script = self.drawing(demo.camera_pattern, ("rgb", "simple_shading_full_mdl"))
            real_time, simple = script(renderer).values()
        self.save("render_modes", "rgb", *rows)
        pairs = zip(rows, (real_time, real_time, simple), strict=True)
        alike = [likeness(*(image[..., :3].mean(-1) for image in pair)) for pair in pairs]
        note = "correlation with Warp: real time {:.2f}, path tracing {:.2f}, minimal {:.2f}".format(*alike)
        assert min(row.std() for row in rows) > 5.0, f"a mode gives hardly more than one colour; {note}"
        assert min(alike) > 0.5, f"{note}; see render_modes.png"
        return note

    def check_simple_shading(self) -> str:
        """Three products of their own, beside that of the other colours."""
        names = ("simple_shading_constant_diffuse", "simple_shading_diffuse_mdl", "simple_shading_full_mdl")
        demo = self.demo
        images = self.draw_both(lambda: demo.stage, self.drawing(demo.camera_pattern, (*names, "rgb")))
        self.save("simple_shading", "rgb", *(image[name] for name in names for image in images))
        alike = [likeness(*(image[name].mean(-1) for image in images)) for name in (*names, "rgb")]
        note = "correlation with Warp: constant {:.2f}, diffuse {:.2f}, full {:.2f}, rgb {:.2f}".format(*alike)
        grey, diffuse = (float(np.ptp(images[0][name].astype(int), axis=-1).mean()) for name in names[:2])
        assert min(alike) > 0.5 and grey < 0.3 * diffuse, f"{note}, colourfulness {grey:.1f}, {diffuse:.1f}"
        return note

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


def drawn(renderer: TiledRenderer, bundle: Any, when: str = "") -> Images:
    """The images of a bundle now, by output and a word that tells them apart."""
    renderer.render(bundle)
    return {f"{name} {when}".strip(): buffer.numpy().copy() for name, buffer in bundle.outputs.items()}


def agreement(output: str, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(N, H, W) bool, pixels that agree: 2 % of a distance, 10 degrees of a normal, 24 of 255 of a colour, an id."""
    if output in ("depth", "distance_to_camera"):
        same = np.isclose(ours, theirs, rtol=0.02, atol=0.005) | (np.isinf(ours) & np.isinf(theirs))
        return same[..., 0]
    if output == "normals":
        return ((ours * theirs).sum(-1) > np.cos(np.radians(10.0))) | ~theirs.any(-1)
    if output == "albedo":
        return np.abs(ours.astype(int) - theirs).max(-1) <= 24
    return (ours == theirs)[..., 0]


def likeness(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Correlation of two images; 0 where one of them is of one value."""
    if ours.std() < 1e-6 or theirs.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])


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
