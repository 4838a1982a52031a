"""The USD working group's test stages: all open and draw something, and equivalent stages give equal pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reference import look_at

from omni.isaac.ovrtx_render.errors import SceneError
from omni.isaac.ovrtx_render.scene.data import GeometryKind, Scene

pxr = pytest.importorskip("pxr", reason="needs usd-core")
from pxr import Sdf, Usd, UsdGeom  # noqa: E402

ASSETS = Path(__file__).resolve().parents[3] / "shared" / "assets" / "usd-wg"
NOT_STAGES = {"framesPerSecond_-1.usda", "framesPerSecond_0.usda"}
"""Files that OpenUSD itself refuses."""
NOTHING_TO_DRAW = {"empty.usda", "Teapot_Materials.usd"}
CONFIGURATION = ASSETS / "test_assets" / "foundation" / "stage_configuration"
CAMERA = "/OvrtxRenderTestCamera"


def stages() -> list:
    """Every stage file as a test parameter; one skipped parameter where the assets are absent."""
    files = sorted(f for f in ASSETS.rglob("*") if f.suffix in {".usd", ".usda", ".usdc", ".usdz"})
    if not files:
        return [
            pytest.param(ASSETS, marks=pytest.mark.skip(reason=f"needs the USD working group's assets in {ASSETS}"))
        ]
    return [pytest.param(f, id=str(f.relative_to(ASSETS))) for f in files]


def with_camera(path: Path, transform: np.ndarray | None = None) -> Usd.Stage:
    """Open a stage and add a camera in its session layer."""
    stage = Usd.Stage.Open(str(path))
    stage.SetEditTarget(stage.GetSessionLayer())
    camera = UsdGeom.Camera.Define(stage, Sdf.Path(CAMERA))
    camera.GetClippingRangeAttr().Set((0.001, 1e7))
    camera.GetFocalLengthAttr().Set(24.0)
    if transform is not None:
        camera.AddTransformOp().Set(pxr.Gf.Matrix4d(transform.tolist()))
    return stage


def bounds(scene: Scene, instance: int) -> tuple[np.ndarray, float]:
    """Centre and radius of an instance's world bounding box [stage units], from its vertices or parameters."""
    shape, m = scene.geometries[scene.instances.geometry[instance]], scene.instances.transform[instance]
    if shape.kind == GeometryKind.MESH:
        points = scene.meshes[shape.mesh].points
        low, high = points.min(0), points.max(0)
    else:
        p = shape.params
        high = np.array(p if shape.kind == GeometryKind.CUBE else (p[0], p[0], sum(p)), np.float64)
        low = -high
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T @ m[:3, :3] + m[3, :3]
    low, high = corners.min(0), corners.max(0)
    return (low + high) / 2, float(np.linalg.norm(high - low) / 2)


@pytest.mark.parametrize("path", stages())
def test_stage_renders(path: Path, make: Callable) -> None:
    if path.name in NOT_STAGES:
        with pytest.raises(SceneError, match=path.stem):
            make(str(path))
        return
    renderer = make(with_camera(path), headlight=True, exposure="auto", background=None)
    cameras = renderer.add_cameras([CAMERA], width=48, height=48, outputs=("rgb", "depth", "normals"))
    if path.name in NOTHING_TO_DRAW:
        assert np.isinf(renderer.render(cameras)["depth"].numpy()).all()
        return
    scene = renderer.scene
    up = (0, 1, 0) if scene.up_axis == "Y" else (0, 0, 1)
    things = len(scene.instances)
    for i in range(0, things, max(1, things // 8)):
        share = 0.0  # the thinnest thing is a cube that a matrix draws out to a needle
        centre, radius = bounds(scene, i)
        for side in ([1.0, 0.8, 1.2], [-1.0, -0.8, -1.2]):  # a single-sided card shows from one of them
            eye = centre + 2.6 * radius * np.array(side) / np.linalg.norm(side)
            pose = quat_xyzw(look_at(eye, centre, up))
            cameras.set_poses(eye[None].astype(np.float32), quat_xyzw=pose[None], convention="opengl")
            frame = {name: buffer.numpy()[0] for name, buffer in renderer.render(cameras).items()}
            hit = np.isfinite(frame["depth"][..., 0])
            assert not np.isnan(frame["depth"]).any() and np.isfinite(frame["normals"]).all()
            np.testing.assert_allclose(np.linalg.norm(frame["normals"][hit], axis=-1), 1.0, atol=1e-3)
            share = max(share, float(hit.mean()))
            if hit.mean() > 0.01:
                assert frame["rgb"][hit].max() > 20, "drawn, but black"
        assert share > 0.004, f"{scene.paths[scene.instances.path[i]]} is not seen; {scene.findings}"


def quat_xyzw(pose: np.ndarray) -> np.ndarray:
    """Rotation part of a (4, 4) row-vector matrix as an (x, y, z, w) float32 quaternion."""
    q = pxr.Gf.Matrix4d(pose.tolist()).ExtractRotationQuat()
    return np.array([*q.GetImaginary(), q.GetReal()], np.float32)


def picture(path: Path, make: Callable, eye: tuple[float, float, float]) -> dict[str, np.ndarray]:
    renderer = make(with_camera(path, look_at(eye, [0.5, 0.5, 0.5], (0, 1, 0))), headlight=True, exposure="auto")
    cameras = renderer.add_cameras([CAMERA], width=48, height=48, outputs=("rgb", "depth", "albedo"))
    return {name: buffer.numpy()[0].copy() for name, buffer in renderer.render(cameras).items()}


def test_up_axis_does_not_turn_the_world(usd_wg_assets: Path, make: Callable) -> None:
    views = [picture(CONFIGURATION / "upAxis" / f"upAxis_{a}.usda", make, (4, 3, 5)) for a in ("Y", "Z", "X")]
    assert np.isfinite(views[0]["depth"]).mean() > 0.02
    for other in views[1:]:
        for name, values in views[0].items():
            np.testing.assert_array_equal(other[name], values)
    # The bars along X, Y and Z are red, green and blue, and the camera sees X to the right and Y up.
    albedo = views[0]["albedo"].astype(int)
    rows, columns = np.nonzero((albedo[..., 1] > 200) & (albedo[..., 0] < 50))
    red = np.argwhere((albedo[..., 0] > 200) & (albedo[..., 1] < 50))
    assert rows.mean() < red[:, 0].mean() and red[:, 1].mean() > columns.mean()


def test_units_scale_depth_and_nothing_else(usd_wg_assets: Path, make: Callable) -> None:
    one, ten = (picture(CONFIGURATION / "metersPerUnit" / f"metersPerUnit_{n}.usda", make, (4, 3, 5)) for n in (1, 10))
    hit = np.isfinite(one["depth"])
    assert hit.mean() > 0.02
    np.testing.assert_array_equal(hit, np.isfinite(ten["depth"]))
    np.testing.assert_allclose(ten["depth"][hit], 10 * one["depth"][hit], rtol=1e-4)
    assert (np.abs(ten["rgb"].astype(int) - one["rgb"]).max(-1) <= 2).mean() > 0.99
