"""Decoding of every texture format to exact texels, and finding files the way USD does."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pxr")
PIL = pytest.importorskip("PIL.Image")

from pxr import Sdf, Usd  # noqa: E402

from omni.isaac.ovrtx_render.scene import textures as module  # noqa: E402
from omni.isaac.ovrtx_render.scene.data import Finding  # noqa: E402
from omni.isaac.ovrtx_render.scene.radiance_hdr import decode_hdr  # noqa: E402
from omni.isaac.ovrtx_render.scene.report import Report  # noqa: E402
from omni.isaac.ovrtx_render.scene.textures import TextureStore, decode_image  # noqa: E402

RNG = np.random.default_rng(0)


def encode(array: np.ndarray, mode: str | None = None, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    (PIL.fromarray(array) if mode is None else PIL.fromarray(array, mode)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def stage() -> Usd.Stage:
    return Usd.Stage.CreateInMemory()


def attribute(stage: Usd.Stage, path: str) -> Usd.Attribute:
    prim = stage.DefinePrim("/shader")
    created = prim.CreateAttribute("inputs:file", Sdf.ValueTypeNames.Asset)
    created.Set(Sdf.AssetPath(path))
    return created


def store(findings: list[Finding], max_size: int = 4096) -> TextureStore:
    return TextureStore(max_size, Report(findings))


def test_rgb_and_rgba_8_bit() -> None:
    pixels = RNG.integers(0, 256, (3, 5, 4), dtype=np.uint8)
    image = decode_image(encode(pixels), ".png")
    np.testing.assert_array_equal(image.data, pixels)
    assert image.auto_srgb
    image = decode_image(encode(pixels[..., :3].copy()), ".png")
    np.testing.assert_array_equal(image.data[..., :3], pixels[..., :3])
    assert (image.data[..., 3] == 255).all()
    assert image.auto_srgb


def test_grey_and_grey_alpha_are_raw() -> None:
    grey = RNG.integers(0, 256, (3, 5), dtype=np.uint8)
    image = decode_image(encode(grey), ".png")
    np.testing.assert_array_equal(image.data, np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    assert not image.auto_srgb
    buffer = io.BytesIO()
    PIL.merge("LA", (PIL.fromarray(grey), PIL.fromarray(255 - grey))).save(buffer, "PNG")
    image = decode_image(buffer.getvalue(), ".png")
    np.testing.assert_array_equal(image.data, np.dstack([grey, grey, grey, 255 - grey]))
    assert not image.auto_srgb


def test_bilevel_is_black_and_white() -> None:
    buffer = io.BytesIO()
    PIL.fromarray(np.array([[0, 255]], np.uint8)).convert("1").save(buffer, "PNG")
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), ".png").data[0, :, 0], [0, 255])


def test_grey_16_bit_is_scaled() -> None:
    grey = np.array([[0, 257, 128 * 257, 65535, 200]], np.uint16)
    image = decode_image(encode(grey), ".png")
    np.testing.assert_array_equal(image.data[0, :, 0], [0, 1, 128, 255, 1])
    assert not image.auto_srgb


def test_rgb_16_bit_is_raw() -> None:
    """Pillow cannot write 16-bit RGB, so the file is put together here."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row = b"\0" + struct.pack(">6H", 0, 32896, 65535, 257, 514, 771)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", 2, 1, 16, 2, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    image = decode_image(png, ".png")
    np.testing.assert_array_equal(image.data[0, :, :3], [[0, 128, 255], [1, 2, 3]])
    assert not image.auto_srgb


def test_palette() -> None:
    picture = PIL.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putdata([0, 1])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    image = decode_image(buffer.getvalue(), ".png")
    np.testing.assert_array_equal(image.data[0], [[10, 20, 30, 255], [200, 100, 50, 255]])
    assert image.auto_srgb


def test_cmyk_jpeg() -> None:
    buffer = io.BytesIO()
    PIL.new("CMYK", (16, 16), (0, 255, 255, 0)).save(buffer, "JPEG", quality=100)
    red = decode_image(buffer.getvalue(), ".jpg").data[8, 8].astype(int)
    np.testing.assert_allclose(red, [255, 0, 0, 255], atol=3)


@pytest.mark.parametrize("kind", ["BMP", "TGA", "TIFF"])
def test_other_lossless_formats(kind: str) -> None:
    pixels = RNG.integers(0, 256, (4, 3, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode_image(encode(pixels, kind=kind), f".{kind.lower()}").data[..., :3], pixels)


def test_exr(tmp_path: Path) -> None:
    exr = pytest.importorskip("OpenEXR")
    pixels = RNG.random((3, 4, 3)).astype(np.float32) * 100
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    with exr.File(header, {"RGB": pixels}) as file:
        file.write(str(tmp_path / "a.exr"))
    image = decode_image((tmp_path / "a.exr").read_bytes(), ".exr")
    np.testing.assert_array_equal(image.data, pixels)
    assert image.data.dtype == np.float32 and not image.auto_srgb
    with exr.File(header, {"Y": pixels[..., 0].copy()}) as file:
        file.write(str(tmp_path / "y.exr"))
    grey = decode_image((tmp_path / "y.exr").read_bytes(), ".exr")
    np.testing.assert_array_equal(grey.data, np.repeat(pixels[..., :1], 3, axis=2))


def hdr_file(height: int, width: int, body: bytes, layout: bytes = b"-Y %d +X %d\n") -> bytes:
    return b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n" + layout % (height, width) + body


def test_hdr_flat_pixels() -> None:
    # Mantissa 128 at exponent 129 is 1.0; exponent 0 is black whatever the mantissa.
    body = bytes([128, 64, 0, 129, 255, 255, 255, 0])
    np.testing.assert_array_equal(decode_hdr(hdr_file(1, 2, body)), [[[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]]])


def test_hdr_old_run_length() -> None:
    body = bytes([128, 64, 0, 129, 1, 1, 1, 2])
    np.testing.assert_array_equal(decode_hdr(hdr_file(1, 3, body)), [[[1.0, 0.5, 0.0]] * 3])


def test_hdr_new_run_length_and_flipped_layout() -> None:
    width = 10
    first = bytes([2, 2, 0, width]) + bytes([128 + width, 128]) * 3 + bytes([128 + width, 129])
    literal = bytes([width, *range(16, 16 + width)])
    second = bytes([2, 2, 0, width]) + literal + bytes([128 + width, 0]) * 2 + bytes([128 + width, 136])
    image = decode_hdr(hdr_file(2, width, first + second))
    np.testing.assert_array_equal(image[0], np.ones((width, 3)))
    np.testing.assert_array_equal(image[1, :, 0], np.arange(16, 16 + width))
    np.testing.assert_array_equal(image[1, :, 1:], np.zeros((width, 2)))
    flipped = decode_hdr(hdr_file(2, width, first + second, b"+Y %d -X %d\n"))
    np.testing.assert_array_equal(flipped, image[::-1, ::-1])


@pytest.mark.parametrize("cut", range(36, 90, 3))
def test_truncated_hdr_is_an_error(cut: int) -> None:
    width = 10
    row = bytes([2, 2, 0, width]) + bytes([width, *range(width)]) * 4
    whole = hdr_file(1, width, row)
    assert decode_hdr(whole).shape == (1, width, 3)
    with pytest.raises(ValueError):
        decode_hdr(whole[: min(cut, len(whole) - 1)])


def test_float_values_are_made_finite() -> None:
    image = module._float_image(np.array([[[np.nan, np.inf, -np.inf]]]), 100)
    np.testing.assert_array_equal(image.data, [[[0.0, 65504.0, 0.0]]])


def test_relative_paths_are_anchored_to_the_layer_that_authored_them(tmp_path: Path) -> None:
    """A sublayer and a reference in different folders, each with its own ``t.png``."""
    for folder, color in (("sub", (255, 0, 0)), ("ref", (0, 255, 0))):
        (tmp_path / folder).mkdir()
        PIL.new("RGB", (1, 1), color).save(tmp_path / folder / "t.png")
        (tmp_path / folder / "layer.usda").write_text(
            f'#usda 1.0\n(\n defaultPrim = "{folder}"\n)\ndef Shader "{folder}"\n{{\n asset inputs:file = @t.png@\n}}\n'
        )
    root = tmp_path / "root.usda"
    root.write_text(
        "#usda 1.0\n(\n subLayers = [@./sub/layer.usda@]\n)\n"
        'def Shader "other" (\n references = @./ref/layer.usda@\n)\n{\n}\n'
    )
    stage = Usd.Stage.Open(str(root))
    findings: list[Finding] = []
    loaded = store(findings)
    first = loaded.load(stage.GetPrimAtPath("/sub").GetAttribute("inputs:file"))
    second = loaded.load(stage.GetPrimAtPath("/other").GetAttribute("inputs:file"))
    assert tuple(loaded.textures[first].data[0, 0]) == (255, 0, 0, 255)
    assert tuple(loaded.textures[second].data[0, 0]) == (0, 255, 0, 255)
    assert findings == []


def test_usdz_package(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    PIL.new("RGB", (2, 2), (1, 2, 3)).save(buffer, "PNG")
    package = tmp_path / "p.usdz"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (
            ("root.usda", b'#usda 1.0\ndef Shader "s"\n{\n asset inputs:file = @./maps/t.png@\n}\n'),
            ("maps/t.png", buffer.getvalue()),
        ):
            entry = zipfile.ZipInfo(name)
            # The format wants every file to begin at a multiple of 64 bytes.
            start = archive.fp.tell() + 30 + len(name)
            padding = -(start + 4) % 64
            entry.extra = struct.pack("<2H", 0x1986, padding) + b"\0" * padding
            archive.writestr(entry, content)
    stage = Usd.Stage.Open(str(package))
    findings: list[Finding] = []
    loaded = store(findings)
    index = loaded.load(stage.GetPrimAtPath("/s").GetAttribute("inputs:file"))
    assert findings == []
    assert tuple(loaded.textures[index].data[0, 0]) == (1, 2, 3, 255)


def test_missing_and_broken_files_are_findings(tmp_path: Path, stage: Usd.Stage) -> None:
    findings: list[Finding] = []
    loaded = store(findings)
    assert loaded.load(attribute(stage, str(tmp_path / "none.png"))) == -1
    pixels = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (tmp_path / "cut.png").write_bytes(encode(pixels)[:2000])
    assert loaded.load(attribute(stage, str(tmp_path / "cut.png"))) == -1
    for name in ("noise.jpg", "noise.exr", "noise.hdr", "empty.png"):
        (tmp_path / name).write_bytes(b"" if name == "empty.png" else b"not an image at all" * 20)
        assert loaded.load(attribute(stage, str(tmp_path / name))) == -1, name
    assert loaded.load(attribute(stage, "")) == -1
    assert [finding.code for finding in findings] == ["texture-unresolved"] + ["texture-unreadable"] * 5
    assert all(finding.path == "/shader" for finding in findings)
    assert "cut.png" in findings[1].message


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Usd.Stage) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 100)
    (tmp_path / "big.png").write_bytes(encode(np.zeros((20, 20, 3), np.uint8)))
    findings: list[Finding] = []
    assert store(findings).load(attribute(stage, str(tmp_path / "big.png"))) == -1
    assert [finding.code for finding in findings] == ["texture-unreadable"]
    assert "20 x 20" in findings[0].message


def test_large_textures_are_scaled_down(tmp_path: Path, stage: Usd.Stage) -> None:
    checker = np.zeros((8, 16, 3), np.uint8)
    checker[:, 8:] = 200
    (tmp_path / "big.png").write_bytes(encode(checker))
    findings: list[Finding] = []
    loaded = store(findings, max_size=4)
    index = loaded.load(attribute(stage, str(tmp_path / "big.png")))
    assert loaded.textures[index].data.shape == (2, 4, 4)
    np.testing.assert_array_equal(loaded.textures[index].data[0, :, 0], [0, 0, 200, 200])
    assert [(finding.code, finding.severity) for finding in findings] == [("texture-downscaled", "info")]
    image = module._float_image(np.arange(10.0).reshape(1, 10, 1).repeat(3, axis=2), 4)
    np.testing.assert_allclose(image.data[0, :, 0], [1.0, 4.0, 7.0, 9.0])


def test_a_file_is_loaded_once(tmp_path: Path, stage: Usd.Stage) -> None:
    (tmp_path / "t.png").write_bytes(encode(np.zeros((2, 2, 3), np.uint8)))
    loaded = store([])
    path = str(tmp_path / "t.png")
    assert loaded.load(attribute(stage, path)) == loaded.load(attribute(stage, path), "sRGB") == 0
    assert loaded.load(attribute(stage, path), "raw") == 1
    assert len(loaded.textures) == 2


def test_udim_uses_its_first_tile(tmp_path: Path, stage: Usd.Stage) -> None:
    (tmp_path / "t.1001.png").write_bytes(encode(np.full((1, 1, 3), 7, np.uint8)))
    findings: list[Finding] = []
    loaded = store(findings)
    index = loaded.load(attribute(stage, str(tmp_path / "t.<UDIM>.png")))
    assert loaded.textures[index].data[0, 0, 0] == 7
    assert [finding.code for finding in findings] == ["udim-unsupported"]


def test_mean_is_linear(tmp_path: Path, stage: Usd.Stage) -> None:
    (tmp_path / "t.png").write_bytes(encode(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)))
    loaded = store([])
    index = loaded.load(attribute(stage, str(tmp_path / "t.png")))
    assert loaded.mean(index) == pytest.approx((0.5, 0.5, 0.5, 1.0))


def test_a_texture_is_looked_through_for_equal_texels_once(tmp_path: Path, stage: Usd.Stage) -> None:
    """Thousands of materials may connect the alpha of one picture to their opacity."""
    pixels = RNG.integers(0, 256, (4, 4, 4), dtype=np.uint8)
    pixels[..., 3] = 51
    (tmp_path / "t.png").write_bytes(encode(pixels))
    textures = store([])
    index = textures.load(attribute(stage, str(tmp_path / "t.png")))
    first = [textures.uniform(index, channel) for channel in (0, 3)]
    assert first == [None, pytest.approx(0.2)]
    textures.textures[index] = None  # not looked at again
    assert [textures.uniform(index, channel) for channel in (0, 3)] == first
