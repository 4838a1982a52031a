"""Material views: the scene in other clothes, drawn through the ordinary outputs.

A view swaps the materials of a renderer for others and gives them back; everything else (poses that were written,
cameras, environments) stays as it is.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConfigError
from ..scene.color_spaces import srgb_to_linear
from ..scene.data import AlphaMode, Material, Scene, Texture, TextureRef
from .codes import SCENE

if TYPE_CHECKING:
    from ..renderer import TiledRenderer

__all__ = ["VIEWS", "View", "binding_color", "dressed", "shown"]

_NO_COORDINATES = (0.8, 0.0, 0.8)
_Dress = Callable[[Scene], tuple[list[Material], list[Texture]]]


@dataclass(frozen=True)
class View:
    """One way to look at materials.

    Attributes:
        name: Its name.
        output: The output that shows it.
        doc: What is seen.
    """

    name: str
    output: str
    doc: str


VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View("albedo", "albedo", "Base colour without lighting."),
        View("normal", "normals", "Shading normals, normal maps included, world frame."),
        View("roughness", "albedo", "Roughness as grey: black is a mirror."),
        View("metallic", "albedo", "Metallic as grey: white is metal."),
        View("uv_checker", "albedo", "A checkerboard by texture coordinates; magenta where there are none."),
        View("binding", "albedo", "Each material in a colour of its own; grey where none is bound."),
        View("default_material", "rgb", "Light and shape: one grey material on everything."),
        View("unlit", "rgb", "Base colours as they are, without light and shadow."),
    )
}
"""Every view by name."""


def dressed(scene: Scene, view: str) -> Scene:
    """A Scene with the same contents and the materials of a view.

    Raises:
        ConfigError: There is no such view.
    """
    if view not in VIEWS:
        raise ConfigError(f"unknown view {view!r}; choose one of: {', '.join(VIEWS)}")
    dress = _DRESSES.get(view)
    if dress is None:
        return replace(scene)
    materials, textures = dress(scene)
    return replace(scene, materials=materials, textures=[*scene.textures, *textures])


@contextmanager
def shown(renderer: TiledRenderer, view: str) -> Iterator[str]:
    """Have a renderer show a view inside of a ``with`` block.

    Args:
        renderer: The renderer.
        view: A name in :data:`VIEWS`.

    Yields:
        Name of the output that shows it, which a bundle must have.

    Raises:
        ConfigError: There is no such view, or the backend draws USD materials itself.
    """
    if renderer.backend_name not in SCENE:
        raise ConfigError(f"the backend {renderer.backend_name!r} draws USD materials itself; views need 'warp'")
    renderer.use_materials(dressed(renderer.scene, view))
    try:
        yield VIEWS[view].output
    finally:
        renderer.use_materials(None)


def binding_color(material: Material) -> tuple[int, int, int]:
    """The sRGB colour of a material in the view ``binding``; always the same for a name."""
    if not material.name.startswith("/"):
        return (128, 128, 128)
    digest = blake2b(material.name.encode(), digest_size=4).digest()
    red, green, blue = colorsys.hsv_to_rgb(digest[0] / 256.0, 0.45 + digest[1] / 512.0, 0.7 + digest[2] / 1024.0)
    return round(255.0 * red), round(255.0 * green), round(255.0 * blue)


def encoded(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """Linear base colour that the output ``albedo`` shows as these bytes."""
    linear = srgb_to_linear(np.array([red, green, blue]) / 255.0)
    return float(linear[0]), float(linear[1]), float(linear[2])


def flat(material: Material, color: tuple[float, float, float], texture: TextureRef | None = None) -> Material:
    """A material of one colour or texture, cut out where the original is."""
    cut = material.alpha_mode == AlphaMode.MASK
    return Material(
        material.name,
        base_color=color,
        base_color_texture=texture,
        double_sided=material.double_sided,
        uv_primvar=material.uv_primvar,
        color_primvar=material.color_primvar,
        alpha_mode=AlphaMode.MASK if cut else AlphaMode.OPAQUE,
        opacity=material.opacity if cut else 1.0,
        opacity_threshold=material.opacity_threshold,
        opacity_texture=material.opacity_texture if cut else None,
    )


def _scalar(field: str) -> _Dress:
    """Shows one scalar input as grey."""

    def dress(scene: Scene) -> tuple[list[Material], list[Texture]]:
        materials: list[Material] = []
        added: list[Texture] = []
        for material in scene.materials:
            reference: TextureRef | None = getattr(material, f"{field}_texture")
            if reference is not None:
                first = len(scene.textures) + len(added)
                added.append(_grey(scene.textures[reference.texture], reference))
                plain = TextureRef(0)
                reference = replace(reference, texture=first, channel=0, scale=plain.scale, bias=plain.bias)
            value = 255.0 * getattr(material, field)
            materials.append(flat(material, encoded(value, value, value), reference))
        return materials, added

    return dress


def _grey(texture: Texture, reference: TextureRef) -> Texture:
    """The channel that a scalar input reads, as it reads it, as a grey picture."""
    channel = min(reference.channel, texture.data.shape[2] - 1)
    values = texture.data[..., channel].astype(np.float32)
    if texture.data.dtype == np.uint8:
        values /= 255.0
    if texture.srgb and channel < 3:
        values = srgb_to_linear(values)
    values = np.clip(values * reference.scale[reference.channel] + reference.bias[reference.channel], 0.0, 1.0)
    grey = np.full((*values.shape, 4), 255, np.uint8)
    grey[..., :3] = np.round(255.0 * values)[..., None]
    return Texture(grey, True, f"{texture.path} ({'rgba'[channel]})")


def _checker(scene: Scene) -> tuple[list[Material], list[Texture]]:
    size, fields = 256, 8
    y, x = np.mgrid[0:size, 0:size]
    even = ((x * fields // size) + (y * fields // size)) % 2 == 0
    picture = np.full((size, size, 4), 255, np.uint8)
    # Red grows with u and green with v, so that turned and mirrored coordinates show.
    picture[..., 0] = np.where(even, 60, 30) + 180 * x // size
    picture[..., 1] = np.where(even, 60, 30) + 180 * (size - 1 - y) // size
    picture[..., 2] = np.where(even, 230, 60)
    board = TextureRef(len(scene.textures))
    return [flat(m, _NO_COORDINATES, board) for m in scene.materials], [Texture(picture, True, "checker")]


def _bindings(scene: Scene) -> tuple[list[Material], list[Texture]]:
    return [flat(material, encoded(*binding_color(material))) for material in scene.materials], []


def _default(scene: Scene) -> tuple[list[Material], list[Texture]]:
    return [flat(material, (0.5, 0.5, 0.5)) for material in scene.materials], []


def _unlit(scene: Scene) -> tuple[list[Material], list[Texture]]:
    return [replace(material, unlit=True, emissive=(0.0,) * 3) for material in scene.materials], []


_DRESSES: dict[str, _Dress] = {
    "roughness": _scalar("roughness"),
    "metallic": _scalar("metallic"),
    "uv_checker": _checker,
    "binding": _bindings,
    "default_material": _default,
    "unlit": _unlit,
}
