"""Light and matter against closed forms; every expected value is computed here, by hand or by quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from reference import SceneBuilder, cast, lambert, look_at, random_rotation, scale, translate
from reference.build import bumpy_sphere, matte, rotate

from omni.isaac.ovrtx_render.backends.warp import backend
from omni.isaac.ovrtx_render.scene.data import GeometryKind, LightKind, Material

ENDLESS = (np.inf, np.inf)


def floor_under(albedo: float = 0.5, units: float = 1.0) -> SceneBuilder:
    """A matte floor and a narrow camera on its origin, so that all pixels see about the same point."""
    b = SceneBuilder(meters_per_unit=units)
    b.add(GeometryKind.PLANE, ENDLESS, material=matte(albedo))
    b.camera(look_at([0.0, -0.6 / units, 3.0 / units], [0.0, 0.0, 0.0]), focal_length=4000.0)
    return b


def mean_colour(frame: dict[str, np.ndarray]) -> np.ndarray:
    return frame["rgb_hdr"].reshape(-1, 3).mean(0)


@pytest.mark.parametrize("shading", ["lambert", "pbr"])
@pytest.mark.parametrize("tilt", [0.0, 35.0, 80.0, 100.0])
def test_distant_light_in_lux(tilt: float, shading: str, shoot: Callable) -> None:
    b = floor_under(0.5)
    b.light(LightKind.DISTANT, (3.0, 2.0, 1.0), transform=rotate("x", tilt))
    got = mean_colour(shoot(b.build(), "rgb_hdr", 8, 8, shading=shading))
    want = 0.5 / np.pi * np.array([3.0, 2.0, 1.0]) * max(0.0, np.cos(np.radians(tilt)))
    np.testing.assert_allclose(got, want, rtol=0.01, atol=1e-6)


def test_distant_light_in_nits(shoot: Callable) -> None:
    b = floor_under(0.5)
    b.light(LightKind.DISTANT, 100.0, angle=10.0, transform=rotate("x", 30.0))
    got = mean_colour(shoot(b.build(), "rgb_hdr", 8, 8, distant_light_unit="nit"))
    irradiance = 100.0 * np.pi * np.sin(np.radians(5.0)) ** 2 * np.cos(np.radians(30.0))
    np.testing.assert_allclose(got, 0.5 / np.pi * irradiance, rtol=0.02)


def test_exposure_is_in_stops(shoot: Callable) -> None:
    b = floor_under()
    b.light(LightKind.DISTANT, 1.0)
    scene = b.build()
    plain, more = (mean_colour(shoot(scene, "rgb_hdr", 4, 4, exposure=e)) for e in (0.0, 2.0))
    np.testing.assert_allclose(more, 4.0 * plain, rtol=1e-5)


def test_lights_add_up_and_environments_keep_theirs(shoot: Callable) -> None:
    b = SceneBuilder(num_envs=2)
    b.add(GeometryKind.PLANE, ENDLESS, material=matte(0.5))
    for env in range(2):
        b.camera(look_at([0.0, -0.6, 3.0], [0.0, 0.0, 0.0]), env=env)
        b.light(LightKind.DISTANT, (1.0, 0.0, 0.0) if env else (0.0, 1.0, 0.0), env=env)
    b.light(LightKind.DISTANT, (0.0, 0.0, 1.0))
    frame = shoot(b.build(), "rgb_hdr", 4, 4)["rgb_hdr"].mean((1, 2))
    np.testing.assert_allclose(frame, 0.5 / np.pi * np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]), rtol=0.01, atol=1e-6)


@pytest.mark.parametrize("light_samples", [1, 16])
@pytest.mark.parametrize("units", [1.0, 0.01])
@pytest.mark.parametrize(("distance", "offset"), [(1.0, 0.0), (2.0, 0.0), (2.0, 1.5)])
def test_sphere_light(distance: float, offset: float, units: float, light_samples: int, shoot: Callable) -> None:
    radius, radiance = 0.1, 50.0
    b = floor_under(0.8, units)
    where = translate(offset / units, 0.0, distance / units)
    b.light(LightKind.SPHERE, radiance, radius=radius / units, transform=where)
    got = mean_colour(shoot(b.build(), "rgb_hdr", 8, 8, light_samples=light_samples, samples_per_pixel=4))
    d = np.hypot(distance, offset)
    irradiance = np.pi * radiance * (radius / d) ** 2 * distance / d  # exact while the sphere is above the horizon
    np.testing.assert_allclose(got, 0.8 / np.pi * irradiance, rtol=0.02)


def test_sphere_light_normalised_by_area(shoot: Callable) -> None:
    """With normalize the radius does not matter: E = L / 4 d^2."""
    for radius in (0.05, 0.2):
        b = floor_under(0.8)
        b.light(LightKind.SPHERE, 10.0, radius=radius, normalize=True, transform=translate(0.0, 0.0, 2.0))
        got = mean_colour(shoot(b.build(), "rgb_hdr", 8, 8, light_samples=16))
        np.testing.assert_allclose(got, 0.8 / np.pi * 10.0 / 16.0, rtol=0.02)


def irradiance_of_patches(points: np.ndarray, areas: np.ndarray, normal: np.ndarray, radiance: float) -> float:
    """Irradiance of the origin's floor by small one-sided patches: sum of L cos cos' dA / d^2."""
    d2 = (points**2).sum(1)
    towards = points / np.sqrt(d2)[:, None]
    return float((radiance * np.maximum(towards[:, 2], 0) * np.maximum(-towards @ normal, 0) * areas / d2).sum())


@pytest.mark.parametrize("kind", [LightKind.RECT, LightKind.DISK, LightKind.CYLINDER], ids=lambda k: k.name)
@pytest.mark.parametrize("stretch", [1.0, 1.5])
def test_area_light_equals_quadrature(kind: LightKind, stretch: float, shoot: Callable) -> None:
    m = scale(stretch, 1.0, 1.0) @ rotate("y", 25.0) @ rotate("x", -20.0) @ translate(0.4, -0.2, 1.5)
    if kind == LightKind.CYLINDER:
        m = rotate("z", 30.0) @ scale(stretch) @ translate(0.2, -0.1, 1.5)
    radiance, size = 20.0, dict(radius=0.4, width=0.9, height=0.6, length=0.8)
    if kind == LightKind.CYLINDER:
        size["radius"] = 0.05
    b = floor_under(0.6)
    b.light(kind, radiance, transform=m, **size)
    got = mean_colour(shoot(b.build(), "rgb_hdr", 24, 24, light_samples=64, samples_per_pixel=4))

    s = (np.arange(200) + 0.5) / 200
    u, v = (a.ravel() for a in np.meshgrid(s, s))
    zero = 0 * u
    if kind == LightKind.RECT:
        local, area = np.stack([(u - 0.5) * 0.9, (v - 0.5) * 0.6, zero], 1), np.full(u.size, 0.9 * 0.6 / u.size)
    elif kind == LightKind.DISK:
        r, a = 0.4 * np.sqrt(u), 2 * np.pi * v
        local, area = np.stack([r * np.cos(a), r * np.sin(a), zero], 1), np.full(u.size, np.pi * 0.16 / u.size)
    else:
        a = 2 * np.pi * v
        local = np.stack([(u - 0.5) * 0.8, 0.05 * np.cos(a), 0.05 * np.sin(a)], 1)
        area = np.full(u.size, 2 * np.pi * 0.05 * 0.8 / u.size)
    points = local @ m[:3, :3] + m[3, :3]
    if kind == LightKind.CYLINDER:
        out = np.stack([zero, np.cos(a), np.sin(a)], 1) @ m[:3, :3] / stretch
        d2 = (points**2).sum(1)
        towards = points / np.sqrt(d2)[:, None]
        facing = np.maximum(-(towards * out).sum(1), 0)
        irradiance = float((radiance * towards[:, 2] * facing * area * stretch**2 / d2).sum())
    else:
        normal = -m[2, :3] / np.linalg.norm(m[2, :3])  # emits along its local -Z
        irradiance = irradiance_of_patches(points, area * stretch, normal, radiance)
    np.testing.assert_allclose(got, 0.6 / np.pi * irradiance, rtol=0.03)


def test_flat_lights_have_a_dark_back(shoot: Callable) -> None:
    for kind in (LightKind.RECT, LightKind.DISK):
        b = floor_under()
        b.light(kind, 100.0, transform=rotate("x", 180.0) @ translate(0.0, 0.0, 1.0))
        assert mean_colour(shoot(b.build(), "rgb_hdr", 4, 4, light_samples=4)).max() == pytest.approx(0.0, abs=1e-6)


def test_shaping_cone_cuts_the_light(shoot: Callable) -> None:
    """A spot of half angle 20 degrees, 2 m up, lights the floor inside tan(20) x 2 m and nothing outside."""
    b = SceneBuilder()
    b.add(GeometryKind.PLANE, ENDLESS, material=matte(0.5))
    b.light(LightKind.SPHERE, 100.0, radius=0.02, cone_angle=20.0, transform=translate(0, 0, 2.0))
    b.camera(look_at([0, 0, 5.0], [0, 0, 0], (0, 1, 0)), orthographic=True, horizontal_aperture=20.0)
    scene = b.build()
    lit = shoot(scene, "rgb_hdr", 40, 40)["rgb_hdr"][0, ..., 0] > 1e-5
    x = (np.arange(40) + 0.5) / 20 - 1
    radius = np.hypot(*np.meshgrid(x, x))
    edge = 2.0 * np.tan(np.radians(20.0))
    assert lit[radius < edge - 0.08].all() and not lit[radius > edge + 0.08].any()


FURNACE = {
    "diffuse": matte(1.0),
    **{f"metal-{r}": Material(f"metal-{r}", (1.0, 1.0, 1.0), metallic=1.0, roughness=r) for r in (0.0, 0.2, 0.5, 1.0)},
}


@pytest.mark.parametrize("name", FURNACE)
def test_white_furnace(name: str, shoot: Callable) -> None:
    """A surface that absorbs nothing cannot be told from a uniform white surrounding."""
    b = SceneBuilder()
    b.add(GeometryKind.SPHERE, (1.0,), material=FURNACE[name])
    b.light(LightKind.DOME, 1.0)
    b.camera(look_at([0.0, -4.0, 0.5], [0.0, 0.0, 0.0]), focal_length=30)
    frame = shoot(b.build(), ("rgb_hdr", "depth"), 24, 24, background=None, light_samples=8, samples_per_pixel=16)
    hit = np.isfinite(frame["depth"][0, ..., 0])
    np.testing.assert_allclose(frame["rgb_hdr"][0][~hit], 1.0, rtol=0.01)
    mean = frame["rgb_hdr"][0][hit].mean()
    assert 0.98 <= mean <= 1.005, mean


@pytest.mark.parametrize("roughness", [0.0, 0.3, 1.0])
def test_dielectric_furnace_does_not_make_light(roughness: float, shoot: Callable) -> None:
    b = SceneBuilder()
    b.add(GeometryKind.SPHERE, (1.0,), material=Material("w", (1.0, 1.0, 1.0), roughness=roughness, clearcoat=0.0))
    b.light(LightKind.DOME, 1.0)
    b.camera(look_at([0.0, -4.0, 0.5], [0.0, 0.0, 0.0]), focal_length=60)
    mean = mean_colour(shoot(b.build(), "rgb_hdr", 16, 16, light_samples=8, samples_per_pixel=16))
    assert 0.9 <= mean.min() and mean.max() <= 1.01, mean


def test_hard_shadow_edge(shoot: Callable) -> None:
    """A box 1 m wide on the floor, light down at 45 degrees along +X: the shadow ends one metre beyond the box."""
    b = SceneBuilder()
    b.add(GeometryKind.PLANE, ENDLESS, material=matte(0.5))
    b.add(GeometryKind.CUBE, (0.5, 0.5, 0.5), transform=translate(0, 0, 0.5), material=matte(0.5))
    b.light(LightKind.DISTANT, 2.0, angle=0.0, transform=rotate("y", -45.0))
    b.camera(look_at([0, 0, 5.0], [0, 0, 0], (0, 1, 0)), orthographic=True, horizontal_aperture=40.0)
    scene = b.build()
    frame = shoot(scene, ("rgb_hdr", "semantic_segmentation"), 80, 80)["rgb_hdr"][0, ..., 0]
    x = (np.arange(80) + 0.5) / 20 - 2
    row = frame[40]
    np.testing.assert_array_less(row[(x > 0.55) & (x < 1.45)], 1e-4)
    lit = 0.5 / np.pi * 2.0 * np.sqrt(0.5)
    np.testing.assert_allclose(row[(x > 1.55) | (x < -0.55)], lit, rtol=0.02)
    np.testing.assert_allclose(frame[:8], lit, rtol=0.02)  # y > 0.5: beside the shadow
    want = lambert(scene, cast(scene, scene.cameras[0], 80, 80), scene.lights[0], 0)[..., 0]
    assert (np.abs(frame - want) < 0.02).mean() > 0.99
    unshadowed = shoot(scene, "rgb_hdr", 80, 80, shadows=False)["rgb_hdr"][0, 40, ..., 0]
    np.testing.assert_allclose(unshadowed[(x > 0.55) & (x < 1.45)], lit, rtol=0.02)


@pytest.mark.parametrize("bands", [None, 4, 31])
def test_noise_does_not_show_how_an_image_is_cut(
    bands: int | None, make: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soft shadows and occlusion of a large image: the same in one piece and in bands, as CUDA cuts it and a CPU."""
    b = SceneBuilder()
    b.add(GeometryKind.PLANE, ENDLESS, material=matte(0.5))
    b.add(GeometryKind.CUBE, (1.0, 1.0, 1.0), transform=translate(0, 0, 1.2))
    b.light(LightKind.RECT, 50.0, width=2.0, height=2.0, transform=translate(0, 0, 5.0))
    b.light(LightKind.DOME, 0.2)
    b.camera(look_at([2.5, 0.0, 1.0], [1.2, 0.0, 0.0]))
    scene = b.build()
    pictures = []
    for count in (1, bands):
        if count:
            monkeypatch.setattr(backend, "band_count", lambda *_, count=count: count)
        else:
            monkeypatch.undo()
        renderer = make(scene, light_samples=2, ambient_occlusion_samples=2)
        cameras = renderer.add_cameras(None, width=192, height=248, outputs="rgb_hdr")
        pictures.append(renderer.render(cameras)["rgb_hdr"].numpy()[0])
        assert cameras.backend_data.bands == count or count is None
    # Rows are counted from another origin, so the last bit of a hit differs, and now and then a ray at an edge.
    assert np.isclose(*pictures, rtol=1e-5).mean() > 0.999
    mean = np.stack([np.convolve(row, np.ones(9) / 9, "same") for row in pictures[0][..., 0]])
    noise = (pictures[0][..., 0] - mean)[:, 8:-8]
    for apart in (1, 8, 62, 124):
        alike = np.corrcoef(noise[:-apart].ravel(), noise[apart:].ravel())[0, 1]
        assert alike < 0.3, (apart, alike)


@pytest.mark.parametrize("tone_mapping", ["srgb", "aces"])
@pytest.mark.parametrize("brightness", [1.0e2, 1.0e5, 1.0e6, 1.0e9, 1.0e25])
def test_what_is_very_bright_is_white(brightness: float, tone_mapping: str, shoot: Callable) -> None:
    b = floor_under(0.5)
    b.light(LightKind.DISTANT, brightness)
    frame = shoot(b.build(), ("rgb", "rgb_hdr"), 4, 4, tone_mapping=tone_mapping)
    np.testing.assert_allclose(frame["rgb_hdr"], 0.5 / np.pi * brightness, rtol=0.01)
    assert (frame["rgb"] == 255).all()


def test_light_that_casts_no_shadow(shoot: Callable) -> None:
    b = floor_under()
    b.add(GeometryKind.SPHERE, (0.3,), transform=translate(0, 0, 1.5))
    b.scene.cameras[0].transform = look_at([0.0, -3.0, 1.0], [0.0, 0.0, 0.0])
    b.light(LightKind.DISTANT, 2.0, cast_shadows=False)
    free = mean_colour(shoot(b.build(), "rgb_hdr", 4, 4))
    np.testing.assert_allclose(free, 1.0 / np.pi, rtol=0.01)
    b.scene.lights[0].cast_shadows = True
    assert mean_colour(shoot(b.scene, "rgb_hdr", 4, 4)).max() < 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_random_lambert_scene(seed: int, shoot: Callable) -> None:
    """Smooth meshes, mirrored transforms and shadows under a distant light, against the reference's shading."""
    rng = np.random.default_rng(100 + seed)
    b = SceneBuilder()
    b.add(GeometryKind.PLANE, ENDLESS, transform=translate(0, 0, -1.0), material=matte(0.6))
    for i in range(5):
        m = scale(*rng.uniform(0.3, 0.7, 3) * [1, -1, 1]) @ random_rotation(rng) @ translate(*rng.uniform(-1, 1, 3))
        b.add(bumpy_sphere(rng, smooth=False), transform=m, material=matte(tuple(rng.uniform(0.2, 1.0, 3)), f"m{i}"))
    b.light(LightKind.DISTANT, 3.0, angle=0.0, transform=rotate("x", 40.0) @ rotate("z", 70.0 * seed))
    b.camera(look_at([2.5, -3.0, 2.5], [0.0, 0.0, -0.2]), focal_length=24)
    scene = b.build()
    got = shoot(scene, "rgb_hdr", 40, 40)["rgb_hdr"][0]
    want = lambert(scene, cast(scene, scene.cameras[0], 40, 40), scene.lights[0], 0)
    close = np.abs(got - want).max(-1) < 0.01 + 0.01 * want.max(-1)
    assert close.mean() > 0.985, close.mean()


def dome_quadrants() -> np.ndarray:
    """A lat-long image: columns red, green, blue, yellow from left to right; its lower half is dark."""
    image = np.zeros((128, 256, 3), np.float32)
    for i, colour in enumerate([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)]):
        image[:, 64 * i : 64 * i + 64] = colour
    image[64:] *= 0.25
    return image


def sky_lookup(direction: np.ndarray) -> np.ndarray:
    """Colour of :func:`dome_quadrants` in a direction of the dome's own frame: +Y up, +Z the centre, +X at u = 1/4."""
    x, y, z = direction / np.linalg.norm(direction)
    u = (0.5 - np.arctan2(x, z) / (2 * np.pi)) % 1.0
    v = np.arccos(np.clip(y, -1, 1)) / np.pi
    return dome_quadrants()[int(v * 128), int(u * 256)]


@pytest.mark.parametrize("turn", [0.0, 90.0, 37.0])
def test_dome_texture_orientation(turn: float, make: Callable) -> None:
    b = SceneBuilder(up_axis="Y")
    dome = rotate("y", turn) @ rotate("x", 90.0 if turn == 90.0 else 0.0)
    b.light(LightKind.DOME, 2.0, texture=b.texture(dome_quadrants()), transform=dome)
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(40, 3))
    for i, d in enumerate(directions):
        b.scene.env_paths.append(f"/World/envs/env_{i + 1}")
        b.camera(look_at([0, 0, 0], d), env=i, focal_length=2000.0)
    renderer = make(b.build(), background=None)
    cameras = renderer.add_cameras(None, width=1, height=1, outputs="rgb_hdr")
    got = renderer.render(cameras)["rgb_hdr"].numpy()[:, 0, 0]
    want = np.array([2.0 * sky_lookup(d @ np.linalg.inv(dome[:3, :3])) for d in directions])
    right = np.abs(got - want).max(1) < 0.1
    assert right.mean() >= 0.85, (directions[~right], got[~right], want[~right])  # filtering blurs the seams


def test_dome_light_comes_from_where_its_picture_is_bright(shoot: Callable) -> None:
    """A small bright patch of the sky lights like a distant light from there."""
    image = np.zeros((64, 128, 3), np.float32)
    rows, columns = slice(14, 18), slice(94, 98)  # polar angle 45 degrees, u = 3/4: half way from +Y to -X
    image[rows, columns] = 100.0
    b = SceneBuilder(up_axis="Y")
    b.light(LightKind.DOME, 1.0, texture=b.texture(image))
    normals = {"towards": [-1.0, 1.0, 0.0], "across": [1.0, 1.0, 0.0], "away": [1.0, -1.0, 0.0]}
    got = {}
    theta = np.pi * (np.arange(14, 18) + 0.5) / 64
    solid_angle = float((np.sin(theta) * np.pi / 64).sum() * 4 * 2 * np.pi / 128)
    for name, n in normals.items():
        frame = look_at([0, 0, 0], -np.array(n), (0, 0, 1))  # +Z of this matrix is n
        b.scene.instances, b._rows = type(b.scene.instances).empty(), []
        b.scene.cameras.clear()
        b.add(GeometryKind.PLANE, (5.0, 5.0), transform=frame, material=matte(0.5))
        b.camera(look_at(3 * np.array(n), [0, 0, 0]), focal_length=2000.0)
        got[name] = mean_colour(shoot(b.build(), "rgb_hdr", 16, 16, light_samples=16, samples_per_pixel=16)).mean()
    want = 0.5 / np.pi * 100.0 * solid_angle
    assert got["towards"] == pytest.approx(want, rel=0.1), (got, want)
    assert got["across"] < 0.1 * want and got["away"] < 0.02 * want


def test_emission_and_unlit(shoot: Callable) -> None:
    for material, exposure, want in (
        (matte(0.0, "glow", emissive=(1.0, 2.0, 3.0)), 1.0, (2.0, 4.0, 6.0)),
        (matte((0.2, 0.4, 0.6), "unlit", unlit=True), 3.0, (0.2, 0.4, 0.6)),
    ):
        b = SceneBuilder()
        b.add(GeometryKind.PLANE, ENDLESS, material=material)
        b.camera(look_at([0, 0, 2.0], [0, 0, 0]))
        np.testing.assert_allclose(mean_colour(shoot(b.build(), "rgb_hdr", 4, 4, exposure=exposure)), want, rtol=1e-3)


def test_headlight_and_auto_exposure_show_a_dark_stage(shoot: Callable) -> None:
    b = SceneBuilder()
    b.add(GeometryKind.SPHERE, (1.0,), material=matte(0.5))
    b.camera(look_at([0, -3.0, 0], [0, 0, 0]))
    scene = b.build()
    assert shoot(scene, "rgb", 16, 16)["rgb"].max() == 0
    lit = shoot(scene, "rgb", 16, 16, headlight=True, exposure="auto")["rgb"][0, 8, 8]
    assert 90 < lit.mean() < 255


def test_rgb_is_the_encoded_hdr(shoot: Callable) -> None:
    b = floor_under(0.5)
    b.light(LightKind.DISTANT, (3.0, 1.0, 0.1))
    frame = shoot(b.build(), ("rgb", "rgba", "rgb_hdr"), 4, 4, tone_mapping="srgb")
    linear = np.clip(frame["rgb_hdr"][0, 1, 1], 0, 1)
    want = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(frame["rgb"][0, 1, 1], want, atol=1.0)
    np.testing.assert_array_equal(frame["rgba"][..., :3], frame["rgb"])
    assert (frame["rgba"][..., 3] == 255).all()


def test_auto_exposure_does_not_depend_on_how_bright_the_lights_are(shoot: Callable) -> None:
    pictures = []
    for strength in (0.01, 1.0, 1e5):
        b = floor_under(0.5)
        b.light(LightKind.DISTANT, strength)
        pictures.append(shoot(b.build(), "rgb", 4, 4, exposure="auto")["rgb"].astype(int))
    for other in pictures[1:]:
        assert np.abs(other - pictures[0]).max() <= 1
    assert 60 < pictures[0].mean() < 250
