"""How the work of a frame is cut: bands of an image, chunks of cameras, and the scratch that a chunk takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import warp as wp
from reference import SceneBuilder, look_at, translate
from reference.build import matte, quad

from omni.isaac.ovrtx_render.backends.warp.program import Passes, Program, band_count
from omni.isaac.ovrtx_render.scene.data import AlphaMode, LightKind


@pytest.mark.parametrize("cuda", [False, True], ids=["cpu", "cuda"])
def test_bands_are_equal_and_no_slivers(cuda: bool) -> None:
    for width in (64, 640, 1920, 33000):
        for height in (479, 480, 466, 720, 1080, 1006, 7, 1):
            count = band_count(width, height, cuda)
            assert height % count == 0 and (count == 1 or height // count >= 8), (width, height, count)
    assert band_count(640, 480, cuda) == (1 if cuda else 10)


@pytest.mark.parametrize("outputs", [("depth",), ("rgb",)], ids=["depth", "colour"])
@pytest.mark.parametrize("blended", [False, True], ids=["opaque", "blended"])
@pytest.mark.parametrize("fields", [{}, {"shadows": False}, {"samples_per_pixel": 2, "ambient_occlusion_samples": 1}])
def test_the_scratch_of_a_pixel_is_what_it_is_said_to_be(
    outputs: tuple[str, ...], blended: bool, fields: dict, make: Callable
) -> None:
    b = SceneBuilder()
    alpha = {"opacity": 0.5, "alpha_mode": AlphaMode.BLEND} if blended else {}
    b.add(quad(), material=matte(**alpha))
    b.light(LightKind.DISTANT, 1.0)
    b.light(LightKind.SPHERE, 1.0, radius=0.1, transform=translate(0, 0, 2))
    b.light(LightKind.DOME, 1.0)
    b.camera(look_at([0, 0, 3.0], [0, 0, 0], (0, 1, 0)))
    renderer = make(b.build(), **fields)
    cameras = renderer.add_cameras(None, width=32, height=32, outputs=outputs)
    renderer.render(cameras)
    program: Program = cameras.backend_data.programs[0]
    arrays = [value for value in vars(program).values() if isinstance(value, wp.array)]
    arrays += [getattr(program._hits, name) for name in ("t", "instance", "prim", "u", "v")]
    taken = sum(a.capacity for a in arrays if a.size > 1 and a is not program._depths)
    assert taken == 32 * 32 * program._passes.pixel_bytes


def test_scratch_on_cuda_is_bounded_in_bytes() -> None:
    scene = SimpleNamespace(device=SimpleNamespace(is_cuda=True), max_visible=10)
    one_light = Passes(color=True, single=True, shadows=True, occlusion=False, layered=False, channels=1)
    assert one_light.chunk(10**6, 64 * 64, scene) == 4096
    for passes in (one_light, replace(one_light, channels=8), replace(one_light, single=False, layered=True)):
        assert passes.chunk(10**6, 64 * 64, scene) * 64 * 64 * passes.pixel_bytes <= 52 << 24
    assert replace(one_light, shadows=False, channels=0).chunk(10**6, 64 * 64, scene) == 4096
    assert one_light.chunk(10**6, 10**9, scene) == 1


@pytest.mark.parametrize(("cameras", "sizes"), [(1, [1]), (2, [1, 1]), (5, [3, 2]), (8, [4, 4]), (11, [4, 4, 3])])
def test_few_cameras_are_shared_among_the_threads(
    cameras: int, sizes: list[int], make: Callable, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if device != "cpu":
        pytest.skip("one thread feeds a GPU")
    b = SceneBuilder()
    b.add(quad(), material=matte())
    for _ in range(cameras):
        b.camera(look_at([0, 0, 3.0], [0, 0, 0], (0, 1, 0)))
    renderer = make(b.build(), threads=2)
    drawn: list[int] = []
    run = Program.run
    monkeypatch.setattr(
        Program, "run", lambda self, first, count, phases: drawn.append(count) or run(self, first, count, phases)
    )
    renderer.render(renderer.add_cameras(None, width=64, height=64, outputs=("depth",)))
    assert sorted(drawn, reverse=True) == sizes


@pytest.mark.parametrize(
    ("outputs", "alone"),
    [
        (("rgb", "depth"), True),
        (("rgb",), True),
        (("rgb", "depth", "instance_segmentation"), False),
        (("depth",), False),
    ],
)
def test_shading_writes_the_depth_unless_more_is_asked_of_the_geometry(
    outputs: tuple[str, ...], alone: bool, make: Callable
) -> None:
    b = SceneBuilder()
    b.add(quad(), material=matte())
    b.camera(look_at([0, 0, 3.0], [0, 0, 0], (0, 1, 0)))
    renderer = make(b.build())
    cameras = renderer.add_cameras(None, width=9, height=8, outputs=outputs)  # a whole tile, and a part of one
    images = renderer.render(cameras)
    phases = [step.phase for step in cameras.backend_data.programs[0]._steps]
    assert ("outputs" not in phases) == alone
    if "depth" in outputs:
        assert (abs(images["depth"].numpy() - 3.0) < 1.0e-5).any()
        other = renderer.add_cameras(None, width=9, height=8, outputs=("depth",))
        assert (images["depth"].numpy() == renderer.render(other)["depth"].numpy()).all()
