"""The reference renderer against closed forms, so that it is worth comparing with."""

from __future__ import annotations

import numpy as np
import pytest

from omni.isaac.ovrtx_render.scene.data import Camera, GeometryKind, LightKind
from reference import SceneBuilder, cast, lambert, look_at, pixel_rays, project, random_rotation, scale, translate
from reference.build import bumpy_sphere, matte, quad

ANALYTIC = {
    GeometryKind.CUBE: ((0.5, 0.4, 0.3), lambda p: np.max(np.abs(p) - [0.5, 0.4, 0.3], -1)),
    GeometryKind.SPHERE: ((0.6,), lambda p: np.linalg.norm(p, axis=-1) - 0.6),
    GeometryKind.CYLINDER: (
        (0.4, 0.5),
        lambda p: np.maximum(np.hypot(p[..., 0], p[..., 1]) - 0.4, np.abs(p[..., 2]) - 0.5),
    ),
    GeometryKind.CONE: (
        (0.4, 0.5),
        lambda p: np.maximum(np.hypot(p[..., 0], p[..., 1]) - 0.4 * (0.5 - p[..., 2]), -0.5 - p[..., 2]),
    ),
    GeometryKind.CAPSULE: (
        (0.3, 0.4),
        lambda p: np.linalg.norm(p - np.clip(p * [0, 0, 1], -0.4, 0.4), axis=-1) - 0.3,
    ),
}
"""Parameters of each closed shape and a function that is negative inside it and zero on its surface."""


@pytest.mark.parametrize("kind", ANALYTIC, ids=lambda k: k.name)
@pytest.mark.parametrize("inside_out", [False, True], ids=["outside", "inside"])
def test_hits_lie_on_the_surface_and_nothing_is_skipped(kind: GeometryKind, inside_out: bool) -> None:
    rng = np.random.default_rng(kind)
    params, signed = ANALYTIC[kind]
    b = SceneBuilder()
    m = scale(1.3, 0.8, -1.1) @ random_rotation(rng) @ translate(0.1, 0.2, 0.3)
    b.add(kind, params, transform=m, double_sided=inside_out)
    eye = np.array([0.1, 0.2, 0.3]) if inside_out else np.array([2.5, -1.5, 1.0])
    camera = b.camera(look_at(eye, [0.0, 0.3, 0.2] if inside_out else [0.1, 0.2, 0.3]), focal_length=18)
    hits = cast(b.build(), camera, 40, 40)
    hit = hits.instance >= 0
    assert hit.all() if inside_out else 0.02 < hit.mean() < 0.95
    to_local = np.linalg.inv(m)
    local = hits.position[hit] @ to_local[:3, :3] + to_local[3, :3]
    assert np.abs(signed(local)).max() < 1e-9

    # March every ray up to its hit (or past the scene): it must not have crossed the surface before.
    o, d = pixel_rays(camera, 40, 40)
    end = np.where(hit.ravel(), hits.depth.ravel(), 6.0)
    for fraction in np.linspace(0.01, 0.99, 60):
        p = (o + d * (end * fraction)[:, None]) @ to_local[:3, :3] + to_local[3, :3]
        value = -signed(p) if inside_out else signed(p)
        assert value.min() > -1e-9
    # and the normal is the gradient of the implicit function, turned to the camera
    step = 1e-6
    grad = np.stack(
        [(signed(local + step * np.eye(3)[k]) - signed(local - step * np.eye(3)[k])) / (2 * step) for k in range(3)], -1
    )
    world = grad @ to_local[:3, :3].T
    world /= np.linalg.norm(world, axis=1, keepdims=True)
    world *= -1 if inside_out else 1
    agreement = (world * hits.normal[hit]).sum(1)
    assert (agreement > 1 - 1e-5).mean() > 0.98  # not on edges, where the gradient jumps


def test_single_sided_shapes_are_open_from_inside() -> None:
    for shape, params in [(k, p) for k, (p, _) in ANALYTIC.items()]:
        b = SceneBuilder()
        b.add(shape, params)
        camera = b.camera(look_at([0.0, 0.0, 0.0], [1.0, 0.2, 0.1]))
        assert (cast(b.build(), camera, 8, 8).instance == -1).all()


def test_mesh_of_a_cube_equals_the_cube() -> None:
    rng = np.random.default_rng(1)
    m = scale(0.7, -1.2, 0.9) @ random_rotation(rng)
    faces, solid = SceneBuilder(), SceneBuilder()
    solid.add(GeometryKind.CUBE, (0.5, 0.5, 0.5), transform=m)
    for axis in range(3):
        for sign in (-1, 1):
            rotation = np.eye(4)
            rotation[:3, :3] = np.roll(np.eye(3), axis - 2, axis=0)[:, :]
            rotation[2, :3], rotation[0, :3] = sign * np.eye(3)[axis], sign * np.eye(3)[(axis + 1) % 3]
            rotation[1, :3] = np.eye(3)[(axis + 2) % 3]
            faces.add(quad(0.5), transform=translate(0, 0, 0.5) @ rotation @ m)
    camera = solid.camera(look_at([2.0, 1.0, 1.5], [0.0, 0.0, 0.0]))
    a, c = cast(faces.build(), camera, 32, 32), cast(solid.build(), camera, 32, 32)
    assert np.isfinite(c.depth).mean() > 0.05
    np.testing.assert_allclose(a.depth, c.depth, rtol=1e-6)
    np.testing.assert_allclose(a.normal, c.normal, atol=1e-6)


def test_depth_distance_and_units() -> None:
    b = SceneBuilder(meters_per_unit=0.01)
    b.add(GeometryKind.PLANE, (np.inf, np.inf), double_sided=True)
    camera = b.camera(look_at([0.0, 0.0, 200.0], [0.0, 0.0, 0.0]), focal_length=20, horizontal_aperture=20)
    hits = cast(b.build(), camera, 4, 4)
    np.testing.assert_allclose(hits.depth, 2.0)
    np.testing.assert_allclose(hits.distance[0, 0], 2.0 * np.sqrt(1 + 2 * (1.5 / 4) ** 2))
    np.testing.assert_allclose(hits.normal, np.broadcast_to([0, 0, 1.0], (4, 4, 3)), atol=1e-12)


def test_projection_undoes_pixel_rays() -> None:
    rng = np.random.default_rng(3)
    for orthographic in (False, True):
        lens = dict(horizontal_offset=3.0, vertical_offset=-2.0, focal_length=30.0)
        camera = Camera("/c", 0, random_rotation(rng) @ translate(1, 2, 3), orthographic, **lens)
        o, d = pixel_rays(camera, 6, 5)
        u, v = np.meshgrid(np.arange(6) + 0.5, np.arange(5) + 0.5)
        np.testing.assert_allclose(project(camera, 6, 5, o + 2.5 * d), np.stack([u.ravel(), v.ravel()], 1))


def test_environments_clipping_and_lambert() -> None:
    b = SceneBuilder(num_envs=2)
    b.add(GeometryKind.PLANE, (2.0, 2.0), material=matte(0.5))
    b.add(GeometryKind.SPHERE, (0.3,), transform=translate(0, 0, 1.0), env=1)
    eye = look_at([0.0, 0.0, 3.0], [0.0, 0.0, 0.0], (0.0, 1.0, 0.0))
    cameras = [b.camera(eye, env=0), b.camera(eye, env=1), b.camera(eye, env=1, clipping_range=(2.5, 10.0))]
    light = b.light(LightKind.DISTANT, 2.0)
    scene = b.build()
    free, ball, clipped = (cast(scene, c, 9, 9) for c in cameras)
    assert free.instance[4, 4] == 0 and ball.instance[4, 4] == 1 and clipped.instance[4, 4] == 0
    assert cast(scene, cameras[0], 9, 9, see_all_envs=True).instance[4, 4] == 1
    np.testing.assert_allclose(lambert(scene, free, light, 0)[4, 4], 1 / np.pi)
    assert lambert(scene, clipped, light, 1)[4, 4].max() == 0.0  # the sphere still casts its shadow


def test_bumpy_sphere_is_closed_and_faces_outwards() -> None:
    mesh = bumpy_sphere(np.random.default_rng(0))
    b = SceneBuilder()
    b.add(mesh)
    camera = b.camera(look_at([4.0, 1.0, 2.0], [0.0, 0.0, 0.0]))
    one = cast(b.build(), camera, 32, 32)
    b.scene.instances.double_sided[:] = True
    np.testing.assert_array_equal(one.depth, cast(b.scene, camera, 32, 32).depth)
    assert np.isfinite(one.depth[16, 16])
    np.testing.assert_allclose(one.barycentric[16, 16].sum(), 1.0)
