"""Finds, reads and decodes texture files, each once.

Files are found the way USD finds them: the path as resolved by Ar, else relative to the layer that authored it. Bytes
come through Ar too, so textures inside ``.usdz`` packages are ordinary files here. Decoding: Pillow for 8 and 16-bit
formats (16-bit channels are scaled to 8), OpenEXR for ``.exr``, our own reader for Radiance ``.hdr``.

Colour space ``auto`` follows the UsdPreviewSurface specification: sRGB for 8-bit images with three or four channels,
raw for everything else. Other spaces are converted when a texture is loaded (:mod:`.color_spaces`). EXIF orientation is
ignored, as renderers do.
"""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from pxr import Ar, Sdf, Usd

from ..errors import MissingExtraError
from .color_spaces import ColorSpace, color_space, linear_to_srgb, srgb_to_linear
from .data import Texture
from .openusd import TIME
from .radiance_hdr import decode_hdr
from .report import Report

__all__ = ["Image", "TextureStore", "decode_image", "encoding_of", "read_asset", "resolve_asset"]

MAX_PIXELS = 1 << 28
"""Images with more pixels than this (16384 x 16384) are refused: they are bombs or mistakes."""

_BY_FILE = ("", "auto", "unknown")
"""Names that leave it to the file."""


@dataclass(eq=False)
class Image:
    """A decoded file before its colour space is chosen.

    Attributes:
        data: (H, W, 4) uint8, or (H, W, 3) float32.
        auto_srgb: Whether ``auto`` means sRGB for it.
        full_size: (width, height) in the file [px].
    """

    data: np.ndarray
    auto_srgb: bool
    full_size: tuple[int, int]


class TextureStore:
    """Loads textures; the same file with the same encoding is one entry.

    Args:
        max_size: Longest allowed side [px]; larger images are scaled down.
        report: Where problems are told.
        images: Decoded files by location, to take from and add to; None is an empty table of its own.

    Attributes:
        textures: What was loaded so far.
    """

    def __init__(self, max_size: int, report: Report, images: dict[str, Image] | None = None) -> None:
        self.textures: list[Texture] = []
        self._max_size = max_size
        self._report = report
        self._images: dict[str, Image] = {} if images is None else images
        self._asked: set[str] = set()
        self._index: dict[tuple[str, ColorSpace], int] = {}
        self._means: dict[int, tuple[float, float, float, float]] = {}
        self._uniform: dict[tuple[int, int], float | None] = {}

    def load(self, attribute: Usd.Attribute, space: str = "auto") -> int:
        """Load the texture that an asset-valued attribute names.

        Args:
            attribute: The attribute that holds the path; it anchors relative paths and names the prim in findings.
            space: ``auto``, ``raw``, ``sRGB`` or a MaterialX colour space name.

        Returns:
            Index in :attr:`textures`, or -1 (with a finding) if the file is missing or cannot be read. An empty path
            is -1 without a finding.
        """
        value = attribute.Get(TIME)
        authored = value.path if isinstance(value, Sdf.AssetPath) else str(value or "")
        if not authored:
            return -1
        prim = attribute.GetPrim().GetPath()
        if "<UDIM>" in authored:
            self._report(
                "udim-unsupported", "warning", prim, f"texture {authored} is a UDIM set; only its tile 1001 is used"
            )
        location = resolve_asset(attribute, value)
        if not location:
            tried = anchored_paths(attribute, authored)
            self._report(
                "texture-unresolved",
                "warning",
                prim,
                f"texture {authored} was not found (tried {', '.join(tried) or 'no location'}); the input shows its "
                "fallback. Make the file available or correct the path",
            )
            return -1
        image = self._image(location, prim, authored)
        if image is None:
            return -1
        encoded = color_space(space)
        if encoded is None:
            kind = "sRGB" if image.auto_srgb else "raw"
            encoded = color_space(kind)
            assert encoded is not None
            if space.lower() not in _BY_FILE:
                self._report(
                    "texture-color-space",
                    "warning",
                    prim,
                    f"the colour space '{space}' of texture {authored} is not known here; it is read as {kind}, as "
                    "its kind of file is. Convert the file to sRGB or lin_rec709",
                )
        key = (location, encoded)
        if key not in self._index:
            self._index[key] = len(self.textures)
            self.textures.append(_texture(image.data, encoded, location))
        return self._index[key]

    def mean(self, index: int) -> tuple[float, float, float, float]:
        """Mean linear (r, g, b, a) of a texture, from a grid of at most 64 x 64 texels."""
        if index not in self._means:
            texture = self.textures[index]
            step_y, step_x = (max(1, size // 64) for size in texture.data.shape[:2])
            sample = texture.data[::step_y, ::step_x].astype(np.float64)
            if texture.data.dtype == np.uint8:
                sample /= 255.0
            if texture.srgb:
                sample[..., :3] = srgb_to_linear(sample[..., :3])
            mean = np.nan_to_num(sample.reshape(-1, sample.shape[-1]).mean(0), posinf=0.0, neginf=0.0)
            red, green, blue, alpha = (*(float(channel) for channel in mean), 1.0)[:4]
            self._means[index] = (red, green, blue, alpha)
        return self._means[index]

    def uniform(self, index: int, channel: int) -> float | None:
        """The raw value of a channel if all texels have the same, else None."""
        key = (index, channel)
        if key not in self._uniform:
            plane = self.textures[index].data[..., channel]
            first = plane.flat[0]
            value = float(first) / (255.0 if plane.dtype == np.uint8 else 1.0)
            self._uniform[key] = value if (plane == first).all() else None
        return self._uniform[key]

    def forget_files(self) -> None:
        """Drop decoded files that are not needed to answer for textures that are loaded already."""
        self._images.clear()
        self._asked.clear()

    def _image(self, location: str, prim: Sdf.Path, authored: str) -> Image | None:
        if location in self._asked:
            return self._images.get(location)
        self._asked.add(location)
        image = self._images.get(location)
        try:
            if image is None:
                extension = os.path.splitext(authored)[1].lower()
                image = self._images[location] = decode_image(read_asset(location), extension, self._max_size)
        except MissingExtraError as error:
            self._report("texture-unresolved", "warning", prim, f"texture {authored} ({location}): {error}")
        except Exception as error:  # decoders raise anything on broken files
            self._report(
                "texture-unreadable",
                "warning",
                prim,
                f"texture {authored} ({location}) cannot be decoded: {type(error).__name__}: {error}; the input "
                "shows its fallback. Export the file again as PNG, JPEG, EXR or HDR",
            )
        else:
            height, width = image.data.shape[:2]
            if (width, height) != image.full_size:
                self._report(
                    "texture-downscaled",
                    "info",
                    prim,
                    f"texture {authored} was scaled from {image.full_size[0]} x {image.full_size[1]} to "
                    f"{width} x {height}; raise texture_max_size to keep it",
                )
        return image


def encoding_of(space: str) -> str:
    """Whether a colour space is read as ``sRGB`` or ``raw``; empty where the file decides, or it is converted."""
    known = color_space(space)
    return known.encoding if known is not None else ""


def _texture(data: np.ndarray, space: ColorSpace, path: str) -> Texture:
    """A texture of the texels of a file, converted if it cannot be stored as it is."""
    if data.dtype == np.uint8:
        if space.encoding:
            return Texture(data, space.encoding == "sRGB", path)
        converted = data.copy()
        converted[..., :3] = np.round(255.0 * linear_to_srgb(space.to_linear(data[..., :3] / 255.0)))
        return Texture(converted, True, path)
    linear = data if space.encoding == "raw" else np.maximum(space.to_linear(data), 0.0).astype(np.float32)
    return Texture(linear, False, path)


def anchored_paths(attribute: Usd.Attribute, authored: str) -> list[str]:
    """Where an authored path may be: anchored to each layer that authors the attribute, strongest first."""
    path = authored.replace("<UDIM>", "1001")
    candidates = [path, path.replace("\\", "/")]
    if not path.startswith((".", "/", "\\")) and ":" not in path:
        # A "search path": Ar looks beside the layer for it, too, but would not say so when it is missing.
        candidates.insert(0, f"./{path}")
    paths: list[str] = []
    for candidate in dict.fromkeys(candidates):
        for spec in attribute.GetPropertyStack(TIME):
            anchored = spec.layer.ComputeAbsolutePath(candidate)
            if anchored and anchored not in paths:
                paths.append(anchored)
    return paths


def resolve_asset(attribute: Usd.Attribute, value: Any) -> str:
    """Resolve an asset path to a location that Ar can open.

    Returns:
        The resolved location, or an empty string if there is no such file.
    """
    if not isinstance(value, Sdf.AssetPath):
        value = Sdf.AssetPath(str(value))
    resolver = Ar.GetResolver()
    if value.resolvedPath:
        resolved = resolver.Resolve(value.resolvedPath.replace("<UDIM>", "1001"))
        if resolved:
            return str(resolved)
    for path in anchored_paths(attribute, value.path):
        resolved = resolver.Resolve(path)
        if resolved:
            return str(resolved)
    return ""


def read_asset(location: str) -> bytes:
    """Read a resolved location, a file or an entry of a package.

    Raises:
        OSError: It cannot be opened.
    """
    asset = Ar.GetResolver().OpenAsset(Ar.ResolvedPath(location))
    if not asset:
        raise OSError("the file cannot be opened")
    return bytes(asset.GetBuffer())


def decode_image(content: bytes, extension: str, max_size: int = 65536) -> Image:
    """Decode the bytes of an image file.

    Args:
        content: The file.
        extension: Lower-case file extension with its dot; only a hint, the content decides where it can.
        max_size: Longest side of the result [px].

    Raises:
        MissingExtraError: Pillow or OpenEXR is needed and not installed.
        Exception: Whatever the decoder raises on a broken file.
    """
    if content[:4] == b"\x76\x2f\x31\x01" or extension == ".exr":
        return _float_image(_decode_exr(content), max_size)
    if content[:2] == b"#?" or extension in (".hdr", ".rgbe", ".pic"):
        return _float_image(decode_hdr(content, MAX_PIXELS), max_size)
    return _decode_pillow(content, max_size)


def _decode_pillow(content: bytes, max_size: int) -> Image:
    try:
        from PIL import Image as PillowImage
    except ImportError as error:
        raise MissingExtraError("pillow", "cli", "Reading PNG, JPEG and similar textures") from error
    with warnings.catch_warnings():
        # Pillow warns of large images; our own limit below decides.
        warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
        image: PillowImage.Image = PillowImage.open(BytesIO(content))
    width, height = full_size = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are too many")
    sixteen_bit = image.mode.startswith("I") or "16" in str(getattr(image, "tile", ""))
    if image.mode == "F":
        return _float_image(np.repeat(np.asarray(image, np.float32)[..., None], 3, axis=2), max_size)
    channels = len(image.getbands())
    if image.mode in ("P", "PA"):
        image, channels = image.convert("RGBA"), 4
    elif image.mode.startswith("I"):
        # 16-bit grey; Pillow has no direct, rounding way to 8 bits.
        grey = np.clip((np.asarray(image, np.float64) + 128.0) // 257.0, 0, 255).astype(np.uint8)
        image = PillowImage.fromarray(grey)
    elif image.mode not in ("RGB", "RGBA", "L", "LA"):
        image, channels = image.convert("L" if image.mode == "1" else "RGB"), 1 if image.mode == "1" else 3
    if max(width, height) > max_size:
        scale = max_size / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = image.resize(size, PillowImage.Resampling.BOX)
    return Image(np.asarray(image.convert("RGBA")).copy(), channels >= 3 and not sixteen_bit, full_size)


def _decode_exr(content: bytes) -> np.ndarray:
    try:
        import OpenEXR
    except ImportError as error:
        raise MissingExtraError("openexr", "cli", "Reading EXR textures") from error
    # OpenEXR's Python module opens named files only.
    handle, name = tempfile.mkstemp(suffix=".exr")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        with OpenEXR.File(name, separate_channels=True) as exr:
            planes = {key: np.asarray(channel.pixels, np.float32) for key, channel in exr.channels().items()}
    finally:
        os.unlink(name)
    if not planes:
        raise ValueError("the file has no channels")
    # Layered files name their channels ``layer.R``; the plain ones win.
    by_letter = {key.rsplit(".", 1)[-1].upper(): plane for key, plane in sorted(planes.items(), reverse=True)}
    by_letter.update({key.upper(): plane for key, plane in planes.items() if "." not in key})
    grey = by_letter.get("Y", next(iter(planes.values())))
    if "R" in by_letter or "G" in by_letter or "B" in by_letter:
        present = [by_letter[letter] for letter in "RGB" if letter in by_letter]
        rgb = [by_letter.get(letter, np.zeros_like(present[0])) for letter in "RGB"]
    else:
        rgb = [grey, grey, grey]
    return np.stack(rgb, axis=-1)


def _float_image(data: np.ndarray, max_size: int) -> Image:
    height, width = data.shape[:2]
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are too many")
    factor = math.ceil(max(width, height) / max_size)
    if factor > 1:
        # Whole blocks are averaged; sides that do not divide repeat their last row or column.
        data = np.pad(data, ((0, -height % factor), (0, -width % factor), (0, 0)), mode="edge")
        blocks = data.reshape(data.shape[0] // factor, factor, data.shape[1] // factor, factor, 3)
        data = blocks.mean(axis=(1, 3))
    finite = np.nan_to_num(data, nan=0.0, posinf=65504.0, neginf=0.0)
    return Image(np.ascontiguousarray(finite, np.float32), False, (width, height))
