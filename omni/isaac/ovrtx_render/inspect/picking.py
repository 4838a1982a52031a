"""What a pixel shows: the prim, its material and textures, and why that material."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConfigError, InputError, SceneError
from ..scene.data import Material, Scene, TextureRef
from ..scene.geometry import GeometryReader, GeometryStore
from .bindings import Binding, resolve
from .codes import SCENE
from .sites import SiteFinder
from .views import encoded, flat

if TYPE_CHECKING:
    from pxr import Usd

    from ..cameras import CameraBundle
    from ..renderer import TiledRenderer

__all__ = ["Pick", "PickedTexture", "pick"]

_IDS = "instance_id_segmentation_fast"
_THUMBNAIL = 64


@dataclass(frozen=True, eq=False)
class PickedTexture:
    """A texture of a material.

    Attributes:
        use: What it gives: ``base_color``, ``normal``...
        path: Where it came from.
        size: (width, height) as it is drawn [px].
        srgb: Whether it is read as sRGB.
        thumbnail: (h, w, 4) uint8, at most 64 pixels wide and high.
    """

    use: str
    path: str
    size: tuple[int, int]
    srgb: bool
    thumbnail: np.ndarray


@dataclass(frozen=True, eq=False)
class Pick:
    """What a pixel shows.

    Attributes:
        path: The prim that is drawn there.
        subset: The GeomSubset of it, or an empty string.
        material: The material prim; empty if none is bound.
        binding: Why that material; None if the stage is not at hand.
        look: What the material became; None if that cannot be told.
        textures: Textures of the material.
        env: Environment id of the camera.
    """

    path: str
    subset: str
    material: str
    binding: Binding | None
    look: Material | None
    textures: tuple[PickedTexture, ...]
    env: int


def pick(renderer: TiledRenderer, bundle: CameraBundle, row: int, x: int, y: int) -> Pick | None:
    """Say what a pixel of a tile shows; None for the background.

    The bundle's own ids are used if it has the output ``instance_id_segmentation_fast``: those of the last frame. Else
    the camera is drawn once more.

    Args:
        renderer: The renderer.
        bundle: The bundle.
        row: Row of the bundle: the tile.
        x: Column [px], from the left.
        y: Row of pixels, from the top.

    Raises:
        InputError: The pixel is outside of the image.
        SceneError: The backend cannot draw the camera once more; ask for that output.
    """
    if not (0 <= row < len(bundle) and 0 <= x < bundle.width and 0 <= y < bundle.height):
        raise InputError(
            f"pixel ({x}, {y}) of row {row} is outside of {len(bundle)} images of {bundle.width} x {bundle.height}"
        )
    path = _path_at(renderer, bundle, row, x, y)
    if path is None:
        return None
    scene, env = renderer.scene, int(bundle.envs[row])
    rows = np.flatnonzero(scene.instances.path == scene.paths.index(path))
    looks = np.unique(scene.instances.material[rows])
    prim = renderer.stage.GetPrimAtPath(path) if renderer.stage is not None else None
    if not prim:
        look = scene.materials[looks[0]] if len(looks) == 1 else None
        return Pick(path, "", "", None, look, tuple(_textures(scene, look)), env)
    chosen, look = prim, None
    if renderer.backend_name in SCENE:
        parts = _parts(prim)
        at = 0 if len(parts) == len(looks) == 1 else _row_at(renderer, bundle, row, x, y, rows)
        if at is not None:
            look = scene.materials[scene.instances.material[rows[at]]]
            # What a point instancer repeats has its parts once for every instance.
            chosen = prim.GetStage().GetPrimAtPath(parts[at % len(parts)]) if len(rows) % len(parts) == 0 else prim
    binding = resolve(chosen, SiteFinder())
    subset = str(chosen.GetPath()) if chosen != prim else ""
    return Pick(path, subset, binding.material, binding, look, tuple(_textures(scene, look)), env)


def _path_at(renderer: TiledRenderer, bundle: CameraBundle, row: int, x: int, y: int) -> str | None:
    name = next((name for name, kind in bundle.kinds.items() if kind.name == _IDS), None)
    if name is not None and _IDS not in bundle.colorize:
        return _label(bundle, name, row, x, y)
    with renderer.twin(bundle, row, (_IDS,)) as twin:
        renderer.render(twin)
        return _label(twin, _IDS, 0, x, y)


def _label(bundle: CameraBundle, name: str, row: int, x: int, y: int) -> str | None:
    value = int(bundle.outputs[name].numpy()[row, y, x, 0])
    label = bundle.info[name]["idToLabels"].get(value)
    return label if isinstance(label, str) and label.startswith("/") else None


class _NoMaterials:
    """For reading geometry alone: every look is the same one."""

    def __init__(self) -> None:
        self.materials = [Material("")]

    def bind(self, prim: Usd.Prim) -> int:
        """The index of that look."""
        return 0


def _parts(prim: Usd.Prim) -> list[str]:
    """Paths of what the parts of a prim have their looks from: the prim itself, or a GeomSubset of it.

    The rows of the scene are in their order; faces that no subset claims come first.
    """
    reader = GeometryReader(GeometryStore(), _NoMaterials(), [])
    return [part.look for part in reader.read(prim)] or [str(prim.GetPath())]


def _row_at(renderer: TiledRenderer, bundle: CameraBundle, row: int, x: int, y: int, rows: np.ndarray) -> int | None:
    """Which of some instances a pixel shows: drawn with a colour for each; None if that cannot be drawn.

    Args:
        rows: (K,) rows of the scene's instances, all of one prim.
    """
    scene = renderer.scene
    shown = scene.instances.material.copy()
    materials = [flat(material, (0.0, 0.0, 0.0)) for material in scene.materials]
    for number, instance in enumerate(rows.tolist(), start=1):
        own = scene.materials[shown[instance]]
        shown[instance] = len(materials)
        materials.append(flat(own, encoded(number & 255, number >> 8 & 255, number >> 16 & 255)))
    numbered = replace(scene, materials=materials, instances=replace(scene.instances, material=shown))
    try:
        with renderer.twin(bundle, row, ("albedo",)) as twin:
            if renderer.scene is not scene:
                return None  # the stage was read again meanwhile
            renderer.use_materials(numbered)
            try:
                renderer.render(twin)
            finally:
                renderer.use_materials(None)
            red, green, blue = twin.outputs["albedo"].numpy()[0, y, x, :3].astype(int).tolist()
    except (ConfigError, SceneError):
        return None  # this backend draws no camera twice, or no other materials
    number = red | green << 8 | blue << 16
    return number - 1 if 0 < number <= len(rows) else None


def _textures(scene: Scene, look: Material | None) -> Iterator[PickedTexture]:
    for field in fields(look) if look is not None else ():
        reference = getattr(look, field.name)
        if isinstance(reference, TextureRef):
            texture = scene.textures[reference.texture]
            height, width = texture.data.shape[:2]
            use = field.name.removesuffix("_texture")
            yield PickedTexture(use, texture.path, (width, height), texture.srgb, _thumbnail(texture.data))


def _thumbnail(data: np.ndarray) -> np.ndarray:
    """(h, w, 4) uint8 of a texture's texels, every so many of them."""
    step = -(-max(data.shape[:2]) // _THUMBNAIL)
    small = data[::step, ::step]
    if small.dtype == np.uint8:
        return small.copy()
    # HDR: a simple curve that keeps highlights apart.
    shown = np.round(255.0 * (np.maximum(small, 0.0) / (1.0 + np.maximum(small, 0.0))) ** (1.0 / 2.2))
    return np.concatenate([shown, np.full((*shown.shape[:2], 1), 255.0)], axis=-1).astype(np.uint8)
