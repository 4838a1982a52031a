"""The first frames after loading: drawn until images stop changing, then looked at once for what went wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import warp as wp

from ...errors import BackendFailedError
from ...scene.data import LightKind, Scene
from .cutting import take_image
from .options import OvrtxOptions
from .products import Product
from .session import Session
from .stillness import image_change, range_per_tile
from .view import View, find_var, last_frame

__all__ = ["BlankImagesWarning", "blank_cause", "warm_up"]

STILL = 0.25
"""Mean change of colours between two frames, of 255, below which an image counts as converged."""

_STILL_FRAMES = 3
_COLOURS = {"LdrColor": "rgb", "HdrColor": "rgb_hdr"}
"""AOVs that converge, and an output kind that is made of each."""

_DATA = {
    "DistanceToImagePlaneSD": "distance_to_image_plane",
    "DistanceToCameraSD": "distance_to_camera",
    "NonStableInstanceSegmentation": "instance_segmentation",
    "SemanticSegmentation": "semantic_segmentation",
    "NormalSD": "normals",
    "DiffuseAlbedoSD": "albedo",
}
"""AOVs that say whether a camera sees anything, where there are no colours."""


class BlankImagesWarning(UserWarning):
    """Images are blank after the warm-up; the message names the likely cause."""


def warm_up(
    session: Session, options: OvrtxOptions, scene: Scene, views: Sequence[View], device: wp.Device, gain: float
) -> Any:
    """Draw frames until colours stand still, at least three (motion needs a history), at most ``warm_up_frames``.

    Args:
        gain: Exposure of linear colours.

    Returns:
        The result of the last step.

    Raises:
        BackendFailedError: Images are blank and ``blank_images`` is ``"raise"``.
    """
    products = [product for view in views for product in view.products]
    paths = [product.path for product in products]
    colours = [(product, found) for product in products if (found := _first_of(product, _COLOURS))]
    before: dict[str, Any] = {}
    still = 0
    result: Any = None
    for frame in range(options.warm_up_frames):
        result = None  # lets the library reuse what the last step gave
        result = session.step(paths, first=frame == 0)
        change = max((_change(session, result, *colour, before, device, gain) for colour in colours), default=0.0)
        still = still + 1 if change <= STILL and frame > 0 else 0
        if still >= _STILL_FRAMES - (0 if colours else 1):
            break
    if options.blank_images != "ignore":
        _look(session, options, scene, views, result, device)
    return result


def _first_of(product: Product, kinds: Mapping[str, str]) -> tuple[str, str] | None:
    """The first of some AOVs that a product has, and an output kind that is made of it."""
    return next(((source, kind) for source, kind in kinds.items() if source in product.sources), None)


def _change(
    session: Session,
    result: Any,
    product: Product,
    colour: tuple[str, str],
    before: dict[str, Any],
    device: wp.Device,
    gain: float,
) -> float:
    """Mean change of a product's colours since the last frame."""
    source, kind = colour
    mapping = session.map(find_var(session, last_frame(result, product.path), product, source))
    try:
        image = take_image(kind, session.image(mapping), product.grid, device)
        if product.path not in before:
            before[product.path] = wp.clone(image)
            return 255.0
        return image_change(image, before[product.path], gain)
    finally:
        session.unmap(mapping)


def _look(
    session: Session, options: OvrtxOptions, scene: Scene, views: Sequence[View], result: Any, device: wp.Device
) -> None:
    """Warn, or raise, if images hold one colour only, or (without colours) if no camera sees anything."""
    for view in views:
        for product in view.products:
            colour = _first_of(product, _COLOURS)
            found = colour or _first_of(product, _DATA)
            if found is None:
                continue
            source, kind = found
            mapping = session.map(find_var(session, last_frame(result, product.path), product, source))
            try:
                span = range_per_tile(take_image(kind, session.image(mapping), product.grid, device), product.grid)
            finally:
                session.unmap(mapping)
            nothing = span[:, 1] == 0
            blank = (span[:, 0] == span[:, 1]) if colour else nothing
            # One colour in some images may be the sky; black in some, or one colour in all, is hardly meant.
            if not blank.all() and not (colour and nothing.any()):
                continue
            rows = [product.first + int(tile) for tile in (blank if blank.all() else nothing).nonzero()[0]]
            first = ", ".join(view.bundle.paths[row] for row in rows[:3])
            which = "all images are" if blank.all() else f"{len(rows)} of {product.grid.count} images are"
            cause = blank_cause(scene, product, bool(blank.all()), colour is not None)
            message = f"{which} blank after the warm-up ({first}): {cause}"
            if options.blank_images == "raise":
                raise BackendFailedError(f"OVRTX: {message}")
            warnings.warn(message, BlankImagesWarning, stacklevel=2)


def blank_cause(scene: Scene, product: Product, everywhere: bool, coloured: bool) -> str:
    """The likely cause of blank images, and what to do.

    Args:
        everywhere: Whether all images are blank.
        coloured: Whether they need light.
    """
    kinds = {light.kind for light in scene.lights}
    if not everywhere:
        return (
            "these cameras see nothing, are inside of something, or the GPU ran out of memory; compare with the "
            "backend 'warp', and try fewer or smaller images"
        )
    if not len(scene.instances):
        return "the stage has no visible geometry; see renderer.findings"
    if coloured and not kinds:
        return "the stage has no light; add one, e.g. a UsdLux.DistantLight, or leave headlight=True"
    if coloured and product.mode.startswith("minimal") and kinds == {LightKind.DOME}:
        return "the minimal mode ignores dome lights; add a UsdLux.DistantLight"
    return (
        "the cameras see nothing, are inside of something, or the GPU ran out of memory (4096 images were seen blank "
        "on one RTX 5090 with ovrtx 0.5.0); compare with the backend 'warp', and set backend_options['log_file']"
    )
