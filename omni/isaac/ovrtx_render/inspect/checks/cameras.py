"""Cameras that are inside of something, whose clipping range leaves nothing, or whose lens is drawn as another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pxr import Usd

from ...scene.cameras import LENS, distorting_lens, lens_model
from ...scene.data import Camera
from ...scene.openusd import TIME
from ...scene.shader_inputs import as_floats, attribute_value
from ..codes import SCENE
from ..finding import Told
from ..placed import Placed, inside

__all__ = ["check_cameras", "check_lens"]


def check_lens(prim: Usd.Prim) -> Iterator[Told]:
    """Check what a camera prim says of its lens and its exposure."""
    attribute = prim.GetAttribute("exposure")
    value = attribute.Get(TIME) if attribute else None
    if value is not None and abs(value) > 16.0:
        yield Told(
            "exposure-extreme",
            str(prim.GetPath()),
            f"the camera's exposure is {value:g} stops, which makes its picture {'white' if value > 0 else 'black'} in "
            "RTX. Set it to 0",
            "exposure",
            backends=("ovrtx", "isaac_rtx"),
        )
    yield from _check_distortion(prim)


def _check_distortion(prim: Usd.Prim) -> Iterator[Told]:
    lens = distorting_lens(prim)
    if lens:
        # OVRTX's manual names what it draws: OpenCV's models, tables, and omnidirectional stereo.
        drawn = lens.startswith("omni:lensdistortion") and any(m in lens.lower() for m in ("opencv", "lut", "stereo"))
        there = "RTX draws it" if drawn else "Isaac Sim may draw it; OVRTX's manual does not name it"
        yield Told(
            "lens-distortion",
            str(prim.GetPath()),
            f"{lens}: the lens is drawn as a pinhole here, by focal length and apertures, so things are elsewhere in "
            f"the image. {there}. Use a pinhole, or undo the distortion in the pictures that are compared",
            lens.split()[0],
            backends=SCENE if drawn else (*SCENE, "ovrtx"),
        )
        return
    lens = f"{LENS}:{lens_model(prim)}"
    fx, size, focal, aperture = (
        as_floats(attribute_value(prim.GetAttribute(name)))
        for name in (f"{lens}:fx", f"{lens}:imageSize", "focalLength", "horizontalAperture")
    )
    if fx and size and focal and aperture and aperture[0] > 0.0:
        pixels = focal[0] / aperture[0] * size[0]
        if abs(fx[0] - pixels) > 0.01 * pixels:
            yield Told(
                "lens-distortion",
                str(prim.GetPath()),
                f"{lens}:fx is {fx[0]:g}, but focalLength and horizontalAperture make it {pixels:g} for images of "
                f"{size[0]:g} pixels: they count here, and what is calibrated in RTX, so the angles of view differ. "
                "Set horizontalAperture to focalLength * width / fx",
                f"{lens}:fx",
            )


def check_cameras(cameras: Sequence[Camera], placed: Placed) -> Iterator[tuple[Camera, Told]]:
    """Check where cameras are and what their clipping ranges leave."""
    if not cameras or not len(placed.env):
        return
    eyes = np.array([camera.transform[3, :3] for camera in cameras])
    envs = np.array([camera.env for camera in cameras])
    yield from _check_solids(cameras, placed, eyes, envs)
    yield from _check_clipping(cameras, placed, eyes, envs)


def _check_solids(
    cameras: Sequence[Camera], placed: Placed, eyes: np.ndarray, envs: np.ndarray
) -> Iterator[tuple[Camera, Told]]:
    answers: dict[tuple[int, bytes], bool] = {}
    for which, row in zip(*placed.containing(eyes, envs), strict=True):
        transform = placed.transform[row]
        if not np.isfinite(transform).all() or abs(np.linalg.det(transform[:3, :3])) < 1.0e-30:
            continue
        local = np.linalg.solve(transform.T, np.append(eyes[which], 1.0))[:3]
        key = (id(placed.geometries[row]), np.round(local, 4).tobytes())
        if key not in answers:
            answers[key] = inside(placed.geometries[row], placed.meshes[row], local)
        # What holds most of the rest is a room or a sky, whichever way its faces look.
        if not answers[key] or placed.share_inside(int(row), np.zeros((0, 3))) > 0.5:
            continue
        path = placed.paths[row]
        yield (
            cameras[which],
            Told(
                "camera-inside-geometry",
                cameras[which].path,
                f"the camera is inside of {path}: it sees its inner side, or past it where faces are single-sided. "
                "Move the camera or the prim",
            ),
        )


def _check_clipping(
    cameras: Sequence[Camera], placed: Placed, eyes: np.ndarray, envs: np.ndarray
) -> Iterator[tuple[Camera, Told]]:
    forward = np.array([-camera.transform[2, :3] for camera in cameras])
    forward /= np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1.0e-30)
    of, _, nearest, farthest = placed.depths(eyes, forward, envs)
    ahead = farthest > 0.0
    near, far = (np.array([camera.clipping_range[i] for camera in cameras]) for i in (0, 1))
    left = ahead & (farthest > near[of]) & (nearest < far[of])
    first = np.full(len(cameras), np.inf)
    np.minimum.at(first, of[ahead], np.maximum(nearest[ahead], 0.0))
    last = np.zeros(len(cameras))
    np.maximum.at(last, of[ahead], farthest[ahead])
    has = np.bincount(of[ahead], minlength=len(cameras)) > 0
    keeps = np.bincount(of[left], minlength=len(cameras)) > 0
    for which in np.flatnonzero(has & ~keeps).tolist():
        camera = cameras[which]
        low, high = camera.clipping_range
        yield (
            camera,
            Told(
                "camera-clipped",
                camera.path,
                f"the clipping range ({low:g}, {high:g}) cuts away everything before the camera, which lies between "
                f"{first[which]:.4g} and {last[which]:.4g} stage units. Set clippingRange to hold that",
                "clippingRange",
                data={"near": float(first[which]), "far": float(last[which])},
            ),
        )
