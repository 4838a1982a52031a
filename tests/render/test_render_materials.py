"""Textures and opacity: where a texel lands, how it wraps and blurs, and what shows through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from reference import SceneBuilder, look_at, translate
from reference.build import matte, quad

from omni.isaac.ovrtx_render.backends.warp.textures import mip_chain
from omni.isaac.ovrtx_render.scene.data import AlphaMode, Camera, LightKind, Texture, TextureRef, Wrap


def rgba(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3 or 4) to (H, W, 4) uint8."""
    picture = np.asarray(picture, np.uint8)
    if picture.shape[-1] == 3:
        picture = np.concatenate([picture, np.full((*picture.shape[:2], 1), 255, np.uint8)], -1)
    return np.ascontiguousarray(picture)


def checker(n: int = 64, cells: int = 4) -> np.ndarray:
    """Cells that are all different: red grows to the right, green downwards, blue alternates."""
    y, x = np.mgrid[0:n, 0:n] * cells // n
    return rgba(np.stack([x * 250 // (cells - 1), y * 250 // (cells - 1), 255 * ((x + y) % 2)], -1))


def facing_card(b: SceneBuilder, half: float = 1.0) -> Camera:
    """An orthographic camera that sees exactly the square of ``half`` around the origin, +X right and +Y up."""
    return b.camera(look_at([0, 0, 2.0], [0, 0, 0], (0, 1, 0)), orthographic=True, horizontal_aperture=20.0 * half)


def albedo_of(b: SceneBuilder, shoot: Callable, size: int = 32) -> np.ndarray:
    return shoot(b.build(), "albedo", size, size)["albedo"][0, ..., :3].astype(int)


def test_texture_is_upright(shoot: Callable) -> None:
    b = SceneBuilder()
    picture = checker()
    ref = TextureRef(b.texture(picture, srgb=True))
    b.add(quad(), material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    got = albedo_of(b, shoot)
    for row in range(4):
        for column in range(4):  # the albedo output is sRGB, as the texture is: the very same bytes
            np.testing.assert_allclose(
                got[row * 8 + 4, column * 8 + 4], picture[row * 16 + 8, column * 16 + 8, :3], atol=2
            )


def test_linear_texture_scale_bias_and_channel(shoot: Callable) -> None:
    b = SceneBuilder()
    flat = rgba(np.full((8, 8, 3), (64, 128, 192)))
    ref = TextureRef(b.texture(flat), scale=(0.5, 1.0, 1.0, 1.0), bias=(0.1, 0.0, -0.25, 0.0))
    b.add(quad(), material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    linear = np.array([64, 128, 192]) / 255 * [0.5, 1.0, 1.0] + [0.1, 0.0, -0.25]
    want = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(albedo_of(b, shoot)[16, 16], want, atol=1.5)


@pytest.mark.parametrize("wrap", list(Wrap), ids=lambda w: w.name)
def test_wrap_modes(wrap: Wrap, shoot: Callable) -> None:
    b = SceneBuilder()
    picture = checker(32, 2)
    ref = TextureRef(b.texture(picture, srgb=True), wrap_s=wrap, wrap_t=wrap)
    b.add(quad(uv_min=-1.0, uv_max=2.0), material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    got = albedo_of(b, shoot, 48)
    for row in range(6):
        for column in range(6):
            s, t = -1 + (column + 0.5) / 2, 2 - (row + 0.5) / 2
            if wrap == Wrap.BLACK and not (0 < s < 1 and 0 < t < 1):
                want = np.zeros(3)
            else:
                if wrap == Wrap.CLAMP:
                    s, t = np.clip([s, t], 0.01, 0.99)
                elif wrap == Wrap.MIRROR:
                    s, t = 1 - abs((np.array([s, t]) % 2) - 1)
                want = picture[int((1 - t % 1.0) * 32), int((s % 1.0) * 32), :3]
            np.testing.assert_allclose(got[row * 8 + 4, column * 8 + 4], want, atol=2, err_msg=f"{row} {column}")


def test_wrap_modes_of_the_two_axes_are_independent(shoot: Callable) -> None:
    b = SceneBuilder()
    ref = TextureRef(b.texture(checker(32, 2), srgb=True), wrap_s=Wrap.REPEAT, wrap_t=Wrap.BLACK)
    b.add(quad(uv_min=0.0, uv_max=2.0), material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    got = albedo_of(b, shoot)
    assert got[:14].max() <= 2  # t > 1 lies on top
    np.testing.assert_array_equal(got[20, :16], got[20, 16:])


def test_uv_matrix(shoot: Callable) -> None:
    """st' = st @ M + t: a quarter turn and a shift move the cells where they must go."""
    b = SceneBuilder()
    picture = checker()
    ref = TextureRef(b.texture(picture, srgb=True), uv_matrix=((0.0, 1.0), (-1.0, 0.0), (0.25, 0.5)))
    b.add(quad(), material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    got = albedo_of(b, shoot)
    for row in range(4):
        for column in range(4):
            s, t = (column + 0.5) / 4, 1 - (row + 0.5) / 4
            s2, t2 = (-t + 0.25) % 1, (s + 0.5) % 1
            want = picture[int((1 - t2) * 64), int(s2 * 64), :3]
            np.testing.assert_allclose(got[row * 8 + 4, column * 8 + 4], want, atol=2)


def test_distant_checker_is_smooth(shoot: Callable) -> None:
    """Cells much smaller than a pixel must average, as in linear light, and not alias to noise."""
    b = SceneBuilder()
    cells = rgba(np.repeat((np.indices((64, 64)).sum(0) // 8 % 2 * 255)[..., None], 3, -1))
    ref = TextureRef(b.texture(cells, srgb=True))
    b.add(quad(50.0, 0.0, 200.0), material=matte(name="t", base_color_texture=ref))
    b.camera(look_at([0, -49.0, 6.0], [0, 0, 0]), focal_length=18.0)
    frame = shoot(b.build(), ("albedo", "depth"), 64, 64)
    far = (frame["depth"][0, ..., 0] > 30.0) & np.isfinite(frame["depth"][0, ..., 0])
    assert far.sum() > 300
    values = frame["albedo"][0, ..., 0][far].astype(float)
    assert values.std() < 12.0, values.std()
    assert values.mean() == pytest.approx(188.0, abs=6.0)  # sRGB of one half


@pytest.mark.parametrize("shape", [(513, 513), (512, 513), (257, 500), (3, 5), (1, 7), (1025, 2), (64, 64)])
def test_every_mip_level_keeps_the_mean(shape: tuple[int, int]) -> None:
    """Of odd sizes too: no row or column may weigh more than another, at any level."""
    picture = np.full((*shape, 4), 255, np.uint8)
    picture[:, -1, 0] = 0
    picture[-1, :, 1] = 0
    picture[..., 2] = np.linspace(0, 255, shape[1])
    mean = picture.mean((0, 1))
    for level, data in enumerate(mip_chain(Texture(picture, False, "picture"))):
        assert data.shape[:2] == tuple(-(-n // 2**level) for n in shape)
        np.testing.assert_allclose(data.mean((0, 1)), mean, atol=0.6)
        drift = np.abs(data[..., 2].mean(0) - 255 * (np.arange(data.shape[1]) + 0.5) / data.shape[1])
        assert drift.max() <= 0.5 * 255 / data.shape[1] + 1.0  # and nothing moves sideways


@pytest.mark.parametrize("turn", [((1.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 0.0))], ids=["upright", "turned"])
@pytest.mark.parametrize(("width", "height"), [(64, 64), (1024, 16), (16, 1024)])
def test_a_long_strip_is_as_sharp_as_a_square(width: int, height: int, turn: tuple, shoot: Callable) -> None:
    """At one texel a pixel, stripes 4 texels wide must be seen, whatever the shape of the picture."""
    stripes = np.indices((height, width))[int(width >= height)]
    picture = rgba(np.repeat((stripes // 4 % 2 * 255)[..., None], 3, -1))
    card = quad()
    card.points *= np.float32([width / 64, height / 64, 1])
    card.uvs = card.uvs @ np.linalg.inv(np.array(turn)).astype(np.float32)
    b = SceneBuilder()
    ref = TextureRef(b.texture(picture), uv_matrix=(*turn, (0.0, 0.0)))
    b.add(card, material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    got = albedo_of(b, shoot, 64)[24:40, 24:40, 0]
    assert ((got < 5) | (got > 250)).mean() > 0.8


def test_a_strip_on_a_square_does_not_alias(shoot: Callable) -> None:
    """Sixteen texels a pixel along the strip, a quarter across it: it is grey, not noise."""
    b = SceneBuilder()
    stripes = np.indices((16, 1024))[1] // 3 % 2 * 255
    ref = TextureRef(b.texture(rgba(np.repeat(stripes[..., None], 3, -1))))
    b.add(quad(), material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    got = albedo_of(b, shoot, 64)[..., 0]
    assert got.std() < 20.0 and got.mean() == pytest.approx(188.0, abs=4.0)


def test_near_checker_is_sharp(shoot: Callable) -> None:
    b = SceneBuilder()
    ref = TextureRef(
        b.texture(rgba(np.repeat((np.indices((64, 64)).sum(0) // 8 % 2 * 255)[..., None], 3, -1)), srgb=True)
    )
    b.add(quad(), material=matte(name="t", base_color_texture=ref))
    facing_card(b)
    got = albedo_of(b, shoot, 64)[..., 0]
    assert ((got < 5) | (got > 250)).mean() > 0.8


def normal_mapped(byte: tuple[int, int, int], shoot: Callable) -> np.ndarray:
    b = SceneBuilder()
    ref = TextureRef(b.texture(rgba(np.full((8, 8, 3), byte))), scale=(2, 2, 2, 1), bias=(-1, -1, -1, 0))
    b.add(quad(), material=matte(name="t", normal_texture=ref))
    facing_card(b)
    return shoot(b.build(), "normals", 8, 8)["normals"][0, 4, 4]


def test_flat_normal_map_changes_nothing(shoot: Callable) -> None:
    np.testing.assert_allclose(normal_mapped((128, 128, 255), shoot), [0, 0, 1], atol=0.01)


def test_normal_map_tilts_along_u_and_v(shoot: Callable) -> None:
    """On this card u runs along +X and v along +Y."""
    tilt = np.sqrt(0.5)
    high = round((tilt + 1) / 2 * 255)
    np.testing.assert_allclose(normal_mapped((high, 128, high), shoot), [tilt, 0, tilt], atol=0.02)
    np.testing.assert_allclose(normal_mapped((128, high, high), shoot), [0, tilt, tilt], atol=0.02)


def test_opacity_mask_cuts_holes(shoot: Callable) -> None:
    """Left half cut out: the wall behind shows in every output, and the light gets through too."""
    b = SceneBuilder()
    picture = np.full((16, 16, 4), 255, np.uint8)
    picture[:, :8, 3] = 0
    ref = TextureRef(b.texture(picture), channel=3)
    card = matte(0.9, "card", opacity_texture=ref, opacity_threshold=0.5, alpha_mode=AlphaMode.MASK)
    b.add(quad(), material=card, transform=translate(0, 0, 1.0), label={"class": "card"})
    b.add(quad(3.0), material=matte(0.3, "wall"), label={"class": "wall"})
    b.light(LightKind.DISTANT, np.pi, angle=0.0)
    facing_card(b)
    frame = shoot(b.build(), ("depth", "semantic_segmentation", "rgb_hdr"))
    left, right = (slice(4, 28), slice(2, 14)), (slice(4, 28), slice(18, 30))
    np.testing.assert_allclose(frame["depth"][0][left], 2.0, rtol=1e-4)
    np.testing.assert_allclose(frame["depth"][0][right], 1.0, rtol=1e-4)
    assert (frame["semantic_segmentation"][0][left] == 3).all() and (
        frame["semantic_segmentation"][0][right] == 2
    ).all()
    np.testing.assert_allclose(frame["rgb_hdr"][0][left], 0.3, rtol=0.02)
    np.testing.assert_allclose(frame["rgb_hdr"][0][right], 0.9, rtol=0.02)


def test_opacity_mask_by_constant(shoot: Callable) -> None:
    for opacity, want in ((0.4, np.inf), (0.6, 2.0)):
        b = SceneBuilder()
        b.add(quad(), material=matte(opacity=opacity, opacity_threshold=0.5, alpha_mode=AlphaMode.MASK))
        facing_card(b)
        depth = shoot(b.build(), "depth", 8, 8)["depth"]
        np.testing.assert_allclose(depth, want, rtol=1e-4)


def test_blended_layers(shoot: Callable) -> None:
    """Front to back: c1 a1 + c2 a2 (1 - a1) + ... whatever the order in the Scene."""
    colours = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.4, 0.4, 0.4]])
    alphas = np.array([0.5, 0.3, 0.6, 1.0])
    want, left = np.zeros(3), 1.0
    for c, a in zip(colours, alphas, strict=True):
        want, left = want + left * a * c, left * (1 - a)
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        b = SceneBuilder()
        for i in order:
            fields = dict(opacity=alphas[i], alpha_mode=AlphaMode.BLEND if alphas[i] < 1 else AlphaMode.OPAQUE)
            b.add(
                quad(),
                material=matte(tuple(colours[i]), f"m{i}", unlit=True, **fields),
                transform=translate(0, 0, -0.2 * i),
            )
        facing_card(b)
        got = shoot(b.build(), "rgb_hdr", 8, 8)["rgb_hdr"][0, 4, 4]
        np.testing.assert_allclose(got, want, atol=0.005)


def test_blend_over_the_background(shoot: Callable) -> None:
    b = SceneBuilder()
    b.add(quad(0.5), material=matte((1.0, 1.0, 1.0), unlit=True, opacity=0.25, alpha_mode=AlphaMode.BLEND))
    facing_card(b)
    frame = shoot(b.build(), ("rgb_hdr", "rgba"), 8, 8, background=(0.0, 0.0, 1.0))
    np.testing.assert_allclose(frame["rgb_hdr"][0, 4, 4], [0.25, 0.25, 1.0], atol=0.005)
    assert frame["rgba"][0, 4, 4, 3] == pytest.approx(64, abs=1)


def test_more_layers_than_allowed_still_make_a_picture(shoot: Callable) -> None:
    b = SceneBuilder()
    for i in range(12):
        m = matte((1.0, 1.0, 1.0), unlit=True, opacity=0.1, alpha_mode=AlphaMode.BLEND)
        b.add(quad(), material=m, transform=translate(0, 0, -0.05 * i))
    facing_card(b)
    got = shoot(b.build(), "rgb_hdr", 4, 4, max_layers=4)["rgb_hdr"]
    assert np.isfinite(got).all()
    assert 1 - 0.9**4 - 0.01 <= got.mean() <= 1.0


def test_vertex_colours(shoot: Callable) -> None:
    mesh = quad()
    corner = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], np.float32)
    mesh.colors = corner[mesh.triangles]
    b = SceneBuilder()
    b.add(mesh, material=matte(0.0, use_vertex_color=True))
    facing_card(b)
    got = albedo_of(b, shoot)
    np.testing.assert_allclose(got[31, 0], [255, 0, 0], atol=60)
    assert got[31, 31, 1] > 200 and got[0, 0].min() > 200 and got[0, 31, 2] > 200


def test_texture_without_coordinates_falls_back_to_the_constant(shoot: Callable) -> None:
    mesh = quad()
    mesh.uvs = None
    b = SceneBuilder()
    b.add(mesh, material=matte((0.0, 1.0, 0.0), base_color_texture=TextureRef(b.texture(checker()))))
    facing_card(b)
    np.testing.assert_array_equal(albedo_of(b, shoot)[16, 16], [0, 255, 0])
