"""Every output beside Isaac Lab's own Newton-Warp renderer, in the same scene and frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

ALIKE = ("depth", "distance_to_image_plane", "distance_to_camera", "normals", "albedo", "rgb", "rgb_hdr")
MAPS = ("semantic_segmentation", "instance_segmentation")


@pytest.fixture(scope="module")
def pair(open_lab: Any) -> dict[str, Any]:
    """The same pictures by both renderers, after the objects have fallen and the arm has swung."""
    from isaaclab_newton.renderers import NewtonWarpRendererCfg
    from labscene import camera, wrist

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    ours = OvrtxRendererCfg(colorize_instance_segmentation=False)
    theirs = NewtonWarpRendererCfg(colorize_instance_segmentation=False)
    lab = open_lab(
        {
            "ours": camera(ours, (*ALIKE, *MAPS)),
            "theirs": camera(theirs, (*ALIKE, *MAPS), prim_path="{ENV_REGEX_NS}/Camera2"),
            "our_wrist": wrist(ours, update_latest_camera_pose=True),
            "their_wrist": wrist(theirs, name="Camera2", update_latest_camera_pose=True),
        }
    )
    lab.step(37)
    pictures = {name: lab.look(name) for name in ("ours", "theirs", "our_wrist", "their_wrist")}
    return {**pictures, "lab": lab}


def share_within(a: np.ndarray, b: np.ndarray, tolerance: float) -> float:
    """Share of pixels whose values agree."""
    return float((np.abs(a - b) <= tolerance).all(axis=-1).mean())


@pytest.mark.parametrize("name", ["depth", "distance_to_image_plane", "distance_to_camera"])
def test_depth_within_a_millimetre(pair: dict[str, Any], name: str) -> None:
    ours, theirs = pair["ours"][name], pair["theirs"][name]
    assert np.isinf(ours).any() and np.isfinite(ours).mean() > 0.5
    # Newton says 0 where it hits nothing.
    assert share_within(np.where(np.isinf(ours), 0.0, ours), theirs, 1e-3) > 0.995


def test_depth_from_a_moving_link(pair: dict[str, Any]) -> None:
    ours, theirs = pair["our_wrist"]["depth"], pair["their_wrist"]["depth"]
    assert np.isfinite(ours).mean() > 0.3
    assert share_within(np.where(np.isinf(ours), 0.0, ours), theirs, 1e-3) > 0.995


def test_linear_colour_is_what_the_picture_shows(pair: dict[str, Any]) -> None:
    """Before tone mapping: alike in both renderers, and bright where the picture of ours is."""
    hit = np.isfinite(pair["ours"]["depth"][..., 0])
    ours, theirs = (pair[who]["rgb_hdr"][hit].astype(float) for who in ("ours", "theirs"))
    assert ours.shape[-1] == 3 and np.isfinite(ours).all() and ours.min() >= 0.0 and ours.max() > 0.05
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.5
    dark, bright = (pair["ours"]["rgb"][hit].max(-1) < 5), (pair["ours"]["rgb"][hit].min(-1) > 100)
    assert dark.any() and ours[dark].max() < 0.05
    assert not bright.any() or ours[bright].min() > 0.05


def test_normals(pair: dict[str, Any]) -> None:
    ours, theirs = pair["ours"]["normals"], pair["theirs"]["normals"]
    assert share_within(ours, theirs, 0.02) > 0.99
    hit = np.isfinite(pair["ours"]["depth"][..., 0])
    np.testing.assert_allclose(np.linalg.norm(ours[hit], axis=-1), 1.0, atol=1e-4)


def test_albedo(pair: dict[str, Any]) -> None:
    hit = np.isfinite(pair["ours"]["depth"][..., 0])
    ours, theirs = (pair[who]["albedo"][hit][:, :3].astype(int) for who in ("ours", "theirs"))
    assert share_within(ours, theirs, 4) > 0.98


@pytest.mark.parametrize("name", MAPS)
def test_segmentation_maps_are_equal_by_label(pair: dict[str, Any], name: str) -> None:
    def labels(who: str) -> np.ndarray:
        image = pair[who][name]
        table = pair["lab"][who].data.info[name]["idToLabels"]
        if image.shape[-1] == 4:
            image = image.astype(np.int64) @ [1, 1 << 8, 1 << 16, 1 << 24]
            table = {r | g << 8 | b << 16 | a << 24: value for (r, g, b, a), value in table.items()}
        else:
            image = image[..., 0]
        return np.vectorize(lambda pixel: str(table[int(pixel)]))(image)

    ours, theirs = labels("ours"), labels("theirs")
    assert (ours == theirs).mean() > 0.995
    assert len(np.unique(ours)) == len(np.unique(theirs)) >= 5


def test_raw_ids_are_int32(pair: dict[str, Any]) -> None:
    ids = pair["ours"]["instance_segmentation"]
    assert ids.dtype == np.int32 and ids.shape == (3, 64, 96, 1)


def test_colours_are_alike(pair: dict[str, Any]) -> None:
    """The lighting models differ, but red is red and what is bright is bright."""
    hit = np.isfinite(pair["ours"]["depth"][..., 0])
    ours, theirs = (pair[who]["rgb"][hit].astype(float) for who in ("ours", "theirs"))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.5
