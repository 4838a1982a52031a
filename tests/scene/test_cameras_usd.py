"""USD cameras to exact Camera fields."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pxr")

from pxr import Usd, UsdGeom

from omni.isaac.ovrtx_render.scene.cameras import is_camera, read_camera
from omni.isaac.ovrtx_render.scene.data import SHARED, Camera


def test_schema_defaults() -> None:
    stage = Usd.Stage.CreateInMemory()
    camera = read_camera(UsdGeom.Camera.Define(stage, "/cam").GetPrim(), SHARED, np.eye(4))
    default = Camera("/cam", SHARED, np.eye(4))
    for field in ("path", "env", "orthographic", "focal_length", "horizontal_offset", "vertical_offset"):
        assert getattr(camera, field) == getattr(default, field)
    assert camera.horizontal_aperture == pytest.approx(default.horizontal_aperture)
    assert camera.vertical_aperture == pytest.approx(default.vertical_aperture)
    assert camera.clipping_range == default.clipping_range


def test_every_value_arrives() -> None:
    stage = Usd.Stage.CreateInMemory()
    lens = UsdGeom.Camera.Define(stage, "/cam")
    lens.CreateProjectionAttr(UsdGeom.Tokens.orthographic)
    lens.CreateFocalLengthAttr(24.0)
    lens.CreateHorizontalApertureAttr(36.0)
    lens.CreateVerticalApertureAttr(25.5)
    lens.CreateHorizontalApertureOffsetAttr(-1.5)
    lens.CreateVerticalApertureOffsetAttr(2.5)
    lens.CreateClippingRangeAttr((0.5, 100.0))
    transform = np.diag([2.0, 2.0, 2.0, 1.0])
    transform[3, :3] = (1, 2, 3)
    camera = read_camera(lens.GetPrim(), 7, transform)
    assert (camera.env, camera.orthographic, camera.focal_length) == (7, True, 24.0)
    assert (camera.horizontal_aperture, camera.vertical_aperture) == (36.0, 25.5)
    assert (camera.horizontal_offset, camera.vertical_offset) == (-1.5, 2.5)
    assert camera.clipping_range == (0.5, 100.0)
    np.testing.assert_array_equal(camera.transform, transform)
    assert camera.transform.dtype == np.float64


def test_impossible_lenses_fall_back_to_the_defaults() -> None:
    stage = Usd.Stage.CreateInMemory()
    lens = UsdGeom.Camera.Define(stage, "/cam")
    lens.CreateFocalLengthAttr(0.0)
    lens.CreateHorizontalApertureAttr(float("nan"))
    lens.CreateVerticalApertureAttr(-3.0)
    lens.CreateClippingRangeAttr((10.0, 1.0))
    camera = read_camera(lens.GetPrim(), SHARED, np.eye(4))
    assert (camera.focal_length, camera.horizontal_aperture, camera.vertical_aperture) == (50.0, 20.955, 15.2908)
    assert camera.clipping_range == (1.0, 1000000.0)


def test_animated_lens_is_read_at_its_first_sample() -> None:
    stage = Usd.Stage.CreateInMemory()
    lens = UsdGeom.Camera.Define(stage, "/cam")
    lens.CreateFocalLengthAttr().Set(35.0, 10.0)
    lens.GetFocalLengthAttr().Set(70.0, 20.0)
    assert read_camera(lens.GetPrim(), SHARED, np.eye(4)).focal_length == 35.0


def test_is_camera() -> None:
    stage = Usd.Stage.CreateInMemory()
    assert is_camera(UsdGeom.Camera.Define(stage, "/cam").GetPrim())
    assert not is_camera(UsdGeom.Xform.Define(stage, "/x").GetPrim())
