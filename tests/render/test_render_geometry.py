"""Random scenes: every pixel of the renderer against the reference ray caster."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from reference import Hits, SceneBuilder, cast, look_at, random_rotation, scale, translate
from reference.build import bumpy_sphere, matte, quad, rotate
from reference.caster import lambert

from omni.isaac.ovrtx_render.scene.data import SHARED, GeometryKind, LightKind, Mesh, Scene

WIDTH, HEIGHT = 44, 36
OUTPUTS = ("depth", "distance_to_camera", "normals", "albedo", "semantic_segmentation", "instance_id_segmentation_fast")
AGREE = 0.998
"""Share of the pixels that must agree; float32 and float64 rays fall on either side of a silhouette."""

PARAMS = {
    GeometryKind.PLANE: (0.9, 0.7),
    GeometryKind.CUBE: (0.5, 0.4, 0.6),
    GeometryKind.SPHERE: (0.6,),
    GeometryKind.CYLINDER: (0.4, 0.6),
    GeometryKind.CONE: (0.5, 0.6),
    GeometryKind.CAPSULE: (0.3, 0.4),
}


def srgb_bytes(linear: np.ndarray) -> np.ndarray:
    """Encode linear values as sRGB, 0 to 255, as float."""
    x = np.clip(linear, 0.0, 1.0)
    return 255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


def random_scene(seed: int) -> Scene:
    """Things of every kind around the origin, in three environments and shared, seen by two cameras each."""
    rng = np.random.default_rng(seed)
    units = (1.0, 0.01, 0.001)[seed % 3]
    size = 1.0 / units  # the same metres whatever the unit
    b = SceneBuilder(num_envs=3, meters_per_unit=units)
    meshes = [bumpy_sphere(rng, smooth=smooth) for smooth in (True, False)] + [quad(0.8)]
    for mesh in meshes:
        mesh.points *= np.float32(size)
    kinds = list(PARAMS)
    for i in range(14):
        stretch = rng.uniform(0.5, 1.3, 3) * rng.choice([-1.0, 1.0], 3)
        where = translate(*(size * rng.uniform(-1.1, 1.1, 3)))
        fields = dict(
            transform=scale(*stretch) @ random_rotation(rng) @ where,
            material=matte(tuple(rng.uniform(0.02, 1.0, 3)), f"m{i}", use_vertex_color=bool(i % 2)),
            env=int(rng.choice([SHARED, 0, 1, 2])),
            double_sided=bool(rng.integers(2)),
            label={"class": "abcd"[i % 5]} if i % 5 < 4 else None,
        )
        if i % 3 == 2:
            b.add(meshes[i // 3 % 3], **fields)
        else:
            kind = kinds[(i + seed) % len(kinds)]
            b.add(kind, tuple(size * p for p in PARAMS[kind]), **fields)
    if seed % 2:
        b.add(GeometryKind.PLANE, (np.inf, np.inf), transform=translate(0, 0, -1.5 * size), double_sided=True)
    for env in range(3):
        for orthographic in (False, True):
            eye = rng.normal(size=3)
            eye *= size * rng.uniform(2.0, 4.0) / np.linalg.norm(eye)
            aperture = 40.0 * size if orthographic else 24.0
            b.camera(
                look_at(eye, size * rng.uniform(-0.3, 0.3, 3)),
                env=env,
                orthographic=orthographic,
                focal_length=rng.uniform(14.0, 30.0),
                horizontal_aperture=aperture,
                horizontal_offset=aperture * rng.uniform(-0.1, 0.1),
                vertical_offset=aperture * rng.uniform(-0.1, 0.1),
                clipping_range=(size * rng.choice([0.01, 2.0]), size * rng.choice([4.0, 1000.0])),
            )
    return b.build()


def disagreement(scene: Scene, frame: dict[str, np.ndarray], tile: int, want: Hits) -> dict[str, np.ndarray]:
    """Per output, which pixels of a tile differ from the reference."""
    hit = want.instance >= 0
    depth, distance = frame["depth"][tile, ..., 0], frame["distance_to_camera"][tile, ..., 0]
    ids = frame["semantic_segmentation"][tile, ..., 0]
    label = np.where(hit, scene.instances.label[want.instance] + 1, 0)
    colour = frame["albedo"][tile, ..., :3].astype(float)
    with np.errstate(invalid="ignore"):
        return {
            "miss": np.isinf(depth) != ~hit,
            "depth": np.where(hit, np.abs(depth - want.depth) > 1e-3 * want.depth, ~np.isposinf(depth)),
            "distance": np.where(hit, np.abs(distance - want.distance) > 1e-3 * want.distance, ~np.isposinf(distance)),
            "normals": np.abs(frame["normals"][tile] - want.normal).max(-1) > 5e-3,
            "semantics": ids != label,
            "albedo": hit & (np.abs(colour - srgb_bytes(want.albedo)).max(-1) > 2.0),
        }


@pytest.mark.parametrize("seed", range(9))
def test_random_scene(seed: int, shoot: Callable) -> None:
    scene = random_scene(seed)
    frame = shoot(scene, OUTPUTS, WIDTH, HEIGHT)
    bad: dict[str, list[np.ndarray]] = {}
    prims: dict[int, set[int]] = {}
    for tile, camera in enumerate(scene.cameras):
        want = cast(scene, camera, WIDTH, HEIGHT)
        for name, wrong in disagreement(scene, frame, tile, want).items():
            bad.setdefault(name, []).append(wrong)
        sure = np.isclose(frame["depth"][tile, ..., 0], want.depth, rtol=1e-4)
        for drawn, instance in zip(
            frame["instance_id_segmentation_fast"][tile, ..., 0][sure], want.instance[sure], strict=True
        ):
            prims.setdefault(int(instance), set()).add(int(drawn))
    share = {name: 1 - float(np.mean(wrong)) for name, wrong in bad.items()}
    worst = {name: [float(w.mean()) for w in wrong] for name, wrong in bad.items()}
    assert min(share.values()) >= AGREE, f"{share}; wrong pixels by camera: {worst}"
    # One id per prim, different prims different ids, 0 for nothing only. Where two prims touch a ray may see either.
    most = {i: ids for i, ids in prims.items()}
    assert most[-1] == {0}
    single = [next(iter(ids)) for i, ids in most.items() if i >= 0 and len(ids) == 1]
    assert len(single) >= 0.8 * (len(most) - 1) and len(set(single)) == len(single) and 0 not in single


def test_random_scene_through_any_matrix(make: Callable) -> None:
    """Matrices as a calibration gives them, skew included: everything is where the reference sees it, and whole."""
    scene = random_scene(10)
    scene.cameras = [camera for camera in scene.cameras if not camera.orthographic]
    rng = np.random.default_rng(10)
    matrices = np.tile(np.eye(3), (len(scene.cameras), 1, 1))
    matrices[:, [0, 1], [0, 1]] = rng.uniform(30, 60, (len(scene.cameras), 2))
    matrices[:, [0, 1], 2] = np.array([WIDTH, HEIGHT]) / 2 + rng.uniform(-5, 5, (len(scene.cameras), 2))
    matrices[:, 0, 1] = 12.0, -20.0, 30.0
    renderer = make(scene)
    cameras = renderer.add_cameras(None, width=WIDTH, height=HEIGHT, outputs=OUTPUTS)
    cameras.set_intrinsics(matrices.astype(np.float32))
    frame = {name: buffer.numpy() for name, buffer in renderer.render(cameras).items()}
    for tile, camera in enumerate(scene.cameras):
        want = cast(scene, camera, WIDTH, HEIGHT, matrix=matrices[tile])
        share = {n: 1 - float(w.mean()) for n, w in disagreement(scene, frame, tile, want).items()}
        assert min(share.values()) >= 0.99, (tile, share)


@pytest.mark.parametrize("kind", list(PARAMS), ids=lambda k: k.name)
@pytest.mark.parametrize("double_sided", [False, True], ids=["single", "double"])
def test_seen_from_inside(kind: GeometryKind, double_sided: bool, shoot: Callable) -> None:
    b = SceneBuilder()
    b.add(kind, PARAMS[kind], transform=scale(1, 1, -1), double_sided=double_sided)
    b.camera(look_at([0.05, 0.02, 0.11], [1.0, 0.5, 0.4]), focal_length=12)
    scene = b.build()
    frame = shoot(scene, OUTPUTS, WIDTH, HEIGHT)
    want = cast(scene, scene.cameras[0], WIDTH, HEIGHT)
    share = {n: 1 - float(w.mean()) for n, w in disagreement(scene, frame, 0, want).items()}
    assert min(share.values()) >= AGREE, share


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("behind", [False, True])
def test_single_sided_quad_shows_its_front_only(mirrored: bool, behind: bool, shoot: Callable) -> None:
    b = SceneBuilder()
    b.add(quad(1.0), transform=scale(-1.0 if mirrored else 1.0, 1.0, 1.0))
    b.camera(look_at([0.2, 0.1, -3.0 if behind else 3.0], [0.0, 0.0, 0.0]))
    depth = shoot(b.build(), ("depth",))["depth"][0, 16, 16, 0]
    assert np.isposinf(depth) if behind else depth == pytest.approx(3.0, rel=0.01)


def test_shared_edges_do_not_leak(shoot: Callable) -> None:
    """Rays exactly through the edges and corners of a finely cut quad must not fall through."""
    n = 16
    x, y = np.meshgrid(np.linspace(-1, 1, n + 1), np.linspace(-1, 1, n + 1))
    points = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1).astype(np.float32)
    a = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    p, q, r, s = a[:-1, :-1].ravel(), a[:-1, 1:].ravel(), a[1:, :-1].ravel(), a[1:, 1:].ravel()
    triangles = np.concatenate([np.stack([p, q, s], 1), np.stack([p, s, r], 1)]).astype(np.int32)
    b = SceneBuilder()
    b.add(Mesh(points, triangles))
    # One pixel per 1/32 of a cell corner: a focal length that puts pixel centres on the grid lines.
    b.camera(look_at([0.0, 0.0, 2.0], [0.0, 0.0, 0.0], (0, 1, 0)), orthographic=True, horizontal_aperture=17.5)
    depth = shoot(b.build(), ("depth",), 14 * 2, 14 * 2)["depth"]
    np.testing.assert_allclose(depth, 2.0, rtol=1e-5)


def test_far_from_the_origin(shoot: Callable) -> None:
    """An environment 500 m out on the grid must not shimmer: hits stay on their surface to a millimetre."""
    b = SceneBuilder()
    b.add(GeometryKind.SPHERE, (0.3,), transform=translate(500.0, -400.0, 0.5))
    b.add(GeometryKind.PLANE, (np.inf, np.inf))
    b.camera(look_at([501.5, -400.5, 1.2], [500.0, -400.0, 0.4]))
    scene = b.build()
    frame = shoot(scene, OUTPUTS, WIDTH, HEIGHT)
    want = cast(scene, scene.cameras[0], WIDTH, HEIGHT)
    share = {n: 1 - float(w.mean()) for n, w in disagreement(scene, frame, 0, want).items()}
    assert min(share.values()) >= AGREE, share


@pytest.mark.parametrize("far", [1.0e30, 3.5e38, np.inf])
def test_nothing_is_too_far_for_an_endless_clipping_plane(far: float, shoot: Callable) -> None:
    b = SceneBuilder()
    b.add(GeometryKind.SPHERE, (0.5,))
    b.add(bumpy_sphere(np.random.default_rng(0)), transform=translate(1.5, 0, 0))
    b.camera(look_at([0.0, 0.0, 4.0], [0.0, 0.0, 0.0], (0, 1, 0)), clipping_range=(0.01, far))
    scene = b.build()
    depth = shoot(scene, "depth", WIDTH, HEIGHT)["depth"][0, ..., 0]
    want = cast(scene, scene.cameras[0], WIDTH, HEIGHT).depth
    same = np.isclose(depth, want, rtol=1e-3) | (np.isinf(depth) & np.isinf(want))
    assert same.mean() >= AGREE


@pytest.mark.parametrize("orthographic", [False, True], ids=["perspective", "orthographic"])
def test_many_things_in_clusters(orthographic: bool, shoot: Callable) -> None:
    """Hundreds of things are culled and shadowed by clusters: nothing may be lost at any edge of the picture."""
    rng = np.random.default_rng(11)
    b = SceneBuilder(num_envs=2)
    b.add(GeometryKind.PLANE, (np.inf, np.inf), material=matte(0.5))
    for i in range(400):
        where = translate(*rng.uniform(-4.0, 4.0, 2), rng.uniform(0.0, 1.5))
        b.add(
            (GeometryKind.SPHERE, GeometryKind.CUBE)[i % 2],
            ((0.15,), (0.1, 0.2, 0.15))[i % 2],
            transform=random_rotation(rng) @ where,
            env=int(rng.choice([SHARED, 0, 1])),
            material=matte(0.3, "m"),
        )
    b.light(LightKind.DISTANT, np.pi, angle=0.0, transform=rotate("x", 35.0))
    for env in (0, 1):
        b.camera(look_at([3.0, -3.0, 2.0], [0.0, 0.0, 0.4]), env=env, focal_length=18, orthographic=orthographic)
        b.scene.cameras[-1].horizontal_aperture = 30.0
    scene = b.build()
    frame = shoot(scene, ("depth", "rgb_hdr"), WIDTH, HEIGHT)
    for tile, camera in enumerate(scene.cameras):
        want = cast(scene, camera, WIDTH, HEIGHT)
        depth = frame["depth"][tile, ..., 0]
        same = np.isclose(depth, want.depth, rtol=1e-3) | (np.isinf(depth) & np.isinf(want.depth))
        assert same.mean() > 0.995
        lit = lambert(scene, want, scene.lights[0], camera.env)
        close = np.abs(frame["rgb_hdr"][tile] - lit).max(-1) < 0.02 + 0.02 * lit.max(-1)
        assert close.mean() > 0.97, close.mean()
