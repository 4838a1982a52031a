"""The first frames after loading: drawn until images stop changing, then looked at once for what went wrong."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import warp as wp

from ...errors import BackendFailedError
from ...scene.data import LightKind, Scene
from .cutting import take_image
from .options import OvrtxOptions
from .products import Product
from .session import Session
from .stillness import blank_tiles, image_change
from .view import View, find_var, last_frame

__all__ = ["BlankImagesWarning", "blank_cause", "warm_up"]

STILL = 0.25
"""Mean change of colours between two frames, of 255, below which an image counts as converged."""

_STILL_FRAMES = 3
_COLOUR = "LdrColor"


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
    colours = [product for product in products if _colour_of(product)]
    before: dict[str, Any] = {}
    still = 0
    result: Any = None
    for frame in range(options.warm_up_frames):
        result = None  # lets the library reuse what the last step gave
        result = session.step(paths, first=frame == 0)
        change = max((_change(session, result, product, before, device, gain) for product in colours), default=0.0)
        still = still + 1 if change <= STILL and frame > 0 else 0
        if still >= _STILL_FRAMES - (0 if colours else 1):
            break
    if options.blank_images != "ignore":
        _look(session, options, scene, views, result, device)
    return result


def _colour_of(product: Product) -> tuple[str, str] | None:
    """The AOV of a product that converges, and an output kind that is made of it."""
    kinds = {source: kind for source, kind in ((_COLOUR, "rgb"), ("HdrColor", "rgb_hdr")) if source in product.sources}
    return next(iter(kinds.items()), None)


def _change(
    session: Session, result: Any, product: Product, before: dict[str, Any], device: wp.Device, gain: float
) -> float:
    """Mean change of a product's colours since the last frame."""
    source, kind = _colour_of(product) or (_COLOUR, "rgb")
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
    """Warn, or raise, if images hold one colour only."""
    for view in views:
        for product in view.products:
            if _COLOUR not in product.sources:
                continue
            mapping = session.map(find_var(session, last_frame(result, product.path), product, _COLOUR))
            try:
                image = take_image("rgb", session.image(mapping), product.grid, device)
                span = blank_tiles(image, product.grid)
            finally:
                session.unmap(mapping)
            blank = span[:, 0] == span[:, 1]
            black = blank & (span[:, 1] == 0)
            # One colour in some images may be the sky; black in some, or one colour in all, is hardly meant.
            if not blank.all() and not black.any():
                continue
            rows = [product.first + int(tile) for tile in (blank if blank.all() else black).nonzero()[0]]
            first = ", ".join(view.bundle.paths[row] for row in rows[:3])
            which = "all images are" if blank.all() else f"{len(rows)} of {product.grid.count} images are"
            message = f"{which} blank after the warm-up ({first}): {blank_cause(scene, product, bool(blank.all()))}"
            if options.blank_images == "raise":
                raise BackendFailedError(f"OVRTX: {message}")
            warnings.warn(message, BlankImagesWarning, stacklevel=2)


def blank_cause(scene: Scene, product: Product, everywhere: bool) -> str:
    """The likely cause of blank images, and what to do."""
    kinds = {light.kind for light in scene.lights}
    if not everywhere:
        return (
            "these cameras see nothing, are inside of something, or the GPU ran out of memory; compare with the "
            "backend 'warp', and try fewer or smaller images"
        )
    if not len(scene.instances):
        return "the stage has no visible geometry; see renderer.findings"
    if not kinds:
        return "the stage has no light; add one, e.g. a UsdLux.DistantLight, or leave headlight=True"
    if product.mode.startswith("minimal") and kinds == {LightKind.DOME}:
        return "the minimal mode ignores dome lights; add a UsdLux.DistantLight"
    return (
        "the cameras see nothing, are inside of something, or the GPU ran out of memory (4096 images were seen blank "
        "on one RTX 5090 with ovrtx 0.5.0); compare with the backend 'warp', and set backend_options['log_file']"
    )
