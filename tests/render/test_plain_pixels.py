"""Pixels and rays that are made eight at a time are those that the general kernels make, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import warp as wp
from reference import SceneBuilder, look_at, translate
from reference.build import bumpy_sphere, matte, quad, rotate, scale

from omni.isaac.ovrtx_render.backends.warp.launching import launch
from omni.isaac.ovrtx_render.backends.warp.program import Program
from omni.isaac.ovrtx_render.backends.warp.shadows import shadow_rays
from omni.isaac.ovrtx_render.backends.warp.visibility import tile_grid
from omni.isaac.ovrtx_render.scene.data import GeometryKind, LightKind, Scene, TextureRef

OUTPUTS = ("rgb", "rgba", "rgb_hdr", "depth")


def every_kind(lights: tuple[LightKind, ...] = (LightKind.DISTANT, LightKind.DISTANT, LightKind.DOME)) -> Scene:
    """Two environments with every shape, turned, stretched and mirrored, in materials of which one reads a texture."""
    rng = np.random.default_rng(0)
    b = SceneBuilder(num_envs=2)
    picture = b.texture(rng.integers(0, 255, (8, 8, 4), np.uint8))
    smooth, flat = bumpy_sphere(rng), bumpy_sphere(rng, smooth=False)
    looks = [
        matte((0.9, 0.3, 0.1), "red"),
        matte((0.2, 0.6, 0.3), "glowing", emissive=(0.1, 0.4, 2.0), occlusion=0.7),
        matte((0.4, 0.4, 0.8), "unlit", unlit=True),
        matte(0.5, "pictured", base_color_texture=TextureRef(picture)),
    ]
    shapes = [
        (GeometryKind.CUBE, (0.3, 0.2, 0.25)),
        (GeometryKind.SPHERE, (0.3,)),
        (GeometryKind.CYLINDER, (0.2, 0.3)),
        (GeometryKind.CONE, (0.25, 0.3)),
        (GeometryKind.CAPSULE, (0.15, 0.2)),
        (replace(smooth, points=0.3 * smooth.points), ()),
        (replace(flat, points=0.3 * flat.points), ()),
        (quad(0.3), ()),
    ]
    b.add(GeometryKind.PLANE, (30.0, 30.0), material=matte(0.6, "floor"))
    for env in range(2):
        for i in range(24):
            shape, params = shapes[i % len(shapes)]
            size = rng.uniform(0.3, 1.2, 3) * (-1.0 if i % 5 == 4 else 1.0, 1.0, 1.0)
            place = scale(*size) @ rotate("x", rng.uniform(0, 360)) @ rotate("z", rng.uniform(0, 360))
            place = place @ translate(*rng.uniform((-1.8, -1.8, 0.1), (1.8, 1.8, 1.2)))
            b.add(shape, params, transform=place, material=looks[i % len(looks)], env=env, double_sided=i % 3 == 0)
        b.camera(look_at([3.6, 2.4, 2.6], [0, 0, 0.5]), env=env)
    for i, kind in enumerate(lights):
        turn = rotate("x", 40.0 + 30.0 * i) @ rotate("z", 70.0 * i)
        b.light(kind, (1.0 + i, 2.0, 3.0 - i), transform=turn, env=i - 1 if kind == LightKind.DISTANT else -1)
    return b.build()


@pytest.mark.parametrize(
    "fields",
    [
        {"shadows": False},
        {"shadows": True, "tone_mapping": "aces"},
        {"shadows": True, "ambient_occlusion_samples": 2, "background": None, "exposure": 1.0},
        {"shadows": True, "see_all_envs": True},
    ],
    ids=["unshadowed", "shadowed", "occluded under a sky", "all environments"],
)
@pytest.mark.parametrize("lights", [(), (LightKind.DISTANT, LightKind.DISTANT), None], ids=["headlight", "suns", "sky"])
def test_the_picture_does_not_depend_on_who_draws_it(lights: tuple | None, fields: dict, make: Callable) -> None:
    scene = every_kind() if lights is None else every_kind(lights)
    renderer = make(scene, shading="lambert", headlight=True, **fields)
    for width, height in ((64, 40), (30, 21)):  # with tiles that are not full
        fast = renderer.add_cameras(None, width=width, height=height, outputs=OUTPUTS)
        # Normals are written by the general kernel only, so that draws all of this one.
        general = renderer.add_cameras(None, width=width, height=height, outputs=(*OUTPUTS, "normals"))
        got = {name: buffer.numpy().copy() for name, buffer in renderer.render(fast).items()}
        want = {name: buffer.numpy() for name, buffer in renderer.render(general).items()}
        assert [_plain(bundle) for bundle in (fast, general)] == [1, 0]
        assert np.isfinite(want["depth"]).any() and want["rgb"].std() > 10
        for name in OUTPUTS:
            np.testing.assert_array_equal(got[name], want[name], err_msg=name)


def test_ids_are_written_with_plain_pixels(make: Callable) -> None:
    renderer = make(every_kind(), shading="lambert")
    outputs = ("rgb", "distance_to_camera", "semantic_segmentation", "instance_segmentation")
    both = [
        renderer.add_cameras(None, width=32, height=32, outputs=names) for names in (outputs, (*outputs, "normals"))
    ]
    got, want = (renderer.render(bundle) for bundle in both)
    assert [_plain(bundle) for bundle in both] == [1, 0]
    for name in outputs:
        np.testing.assert_array_equal(got[name].numpy(), want[name].numpy(), err_msg=name)


@pytest.mark.parametrize("see_all", [False, True], ids=["own", "all environments"])
def test_far_rays_are_those_of_the_general_kernel(see_all: bool, make: Callable) -> None:
    b = every_kind((LightKind.DISTANT, LightKind.SPHERE, LightKind.DISTANT))
    renderer = make(b, see_all_envs=see_all, threads=1)  # so that one program sees all cameras
    for width, height in ((64, 40), (30, 21)):
        bundle = renderer.add_cameras(None, width=width, height=height, outputs=("rgb",))
        renderer.render(bundle)
        view, scene, device = bundle.backend_data, renderer._backend.scene, renderer.device
        program: Program = view.programs[0]
        pixels, lights = view.chunk * width * height, scene.max_lights
        through = wp.full(pixels, 1.0, dtype=float, device=device)
        for channel in range(lights):
            rays = []
            for layer in (0, 1):  # behind a surface that lets all through there is the same, but by the general kernel
                origin = wp.full(pixels, wp.vec4(-1.0), dtype=wp.vec4, device=device)
                direction = wp.full(pixels, wp.vec3(-1.0), dtype=wp.vec3, device=device)
                amount = wp.full(pixels * lights, 5.0, dtype=float, device=device)
                launch(
                    shadow_rays,
                    (view.chunk, tile_grid(width, height, device.is_cuda)),
                    [
                        scene.shapes, scene.shading.attributes, scene.lights, scene.light_begin, view.cameras,
                        view.selected, 0, width, height, int(device.is_cuda), 1, wp.vec2(0.5, 0.5), channel, lights, 0,
                        1, 0, program._hits, through, layer, origin, direction, amount,
                    ],
                    device,
                )  # fmt: skip
                rays.append([origin.numpy(), direction.numpy(), amount.numpy()])
            for got, want in zip(*rays, strict=True):
                np.testing.assert_array_equal(got, want)
            reach = rays[0][0][:, 3]
            assert 0.1 < (reach > 0).mean() < 0.95


@pytest.mark.parametrize("size", [(64, 40), (30, 21)], ids=["full tiles", "cut tiles"])
def test_depth_alone_is_the_depth_among_others(size: tuple[int, int], make: Callable) -> None:
    renderer = make(every_kind())
    width, height = size
    alone = renderer.add_cameras(None, width=width, height=height, outputs=("depth",))
    among = renderer.add_cameras(None, width=width, height=height, outputs=("depth", "distance_to_camera"))
    np.testing.assert_array_equal(renderer.render(alone)["depth"].numpy(), renderer.render(among)["depth"].numpy())
    assert renderer.render(among)["distance_to_camera"].numpy().std() > 0


def _plain(bundle: object) -> int:
    """Whether a bundle's colours may be drawn eight at a time."""
    program: Program = bundle.backend_data.programs[0]  # type: ignore[attr-defined]
    return int(program._options(0, 0).plain)
