"""Cameras that are shared, taken twice, moved and given back: each row of each bundle is its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import warp as wp
from ovrtx_compare import assert_equal, images_of
from ovrtx_stages import CAMERAS, ENVS, paths, plain
from pxr import Gf, Sdf, Usd, UsdGeom

from omni.isaac.ovrtx_render.backends.ovrtx.session import Session

POSES = ([[0.0, -1.5, 3.0], [3.0, -1.5, 3.0]], [[0.3, 0.0, 0.0, 0.95]] * 2)
LENS = [[[10.0, 0.0, 12.0], [0.0, 10.0, 8.0], [0.0, 0.0, 1.0]]] * 2


def add(renderer: Any, cameras: Any = CAMERAS) -> Any:
    return renderer.add_cameras(cameras, width=24, height=16, outputs=("rgb", "depth"))


def compare(open_renderer: Any, make: Callable[[], Any], draw: Callable[[Any], list[Any]]) -> None:
    """What ``draw`` leaves in its bundles is the same by both routes, each on a stage of its own."""
    drawn = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(make(), backend)
        drawn.append([images_of(bundle) for bundle in draw(renderer)])
    for found, expected in zip(*drawn, strict=True):
        assert_equal(found, expected, share=0.01)


def place(bundle: Any) -> None:
    bundle.set_poses(POSES[0], quat_xyzw=POSES[1])


def calibrate(bundle: Any) -> None:
    bundle.set_intrinsics(LENS)


@pytest.mark.parametrize("change", [place, calibrate])
def test_a_bundle_that_is_removed_leaves_nothing_behind(change: Any, library: Any, open_renderer: Any) -> None:
    library()

    def draw(renderer: Any) -> list[Any]:
        first = add(renderer)
        change(first)
        renderer.render(first)
        renderer.remove_cameras(first)
        again = add(renderer)
        renderer.render(again)
        return [again]

    compare(open_renderer, lambda: plain(2), draw)


def test_a_lens_that_is_edited_while_no_bundle_has_the_camera(library: Any, open_renderer: Any) -> None:
    library()

    def draw(renderer: Any) -> list[Any]:
        renderer.remove_cameras(add(renderer))
        other = add(renderer, [f"{ENVS}/env_1/Camera"])
        UsdGeom.Camera(renderer.stage.GetPrimAtPath(f"{ENVS}/env_0/Camera")).GetFocalLengthAttr().Set(35.0)
        renderer.render(other)
        again = add(renderer)
        renderer.render(again)
        return [other, again]

    compare(open_renderer, lambda: plain(2), draw)


def test_a_camera_twice_in_a_bundle(library: Any, open_renderer: Any) -> None:
    """A relationship drops targets that are there already: all later tiles would be another camera's."""
    library()

    def draw(renderer: Any) -> list[Any]:
        bundle = add(renderer, [f"{ENVS}/env_{env}/Camera" for env in (0, 0, 1, 2)])
        bundle.set_poses([[0.0, -1.5, 3.0]], quat_xyzw=[[0.3, 0.0, 0.0, 0.95]], env_ids=[1])
        renderer.render(bundle)
        return [bundle]

    compare(open_renderer, lambda: plain(3), draw)


def test_what_hangs_on_a_camera_stays_where_it_is(library: Any, open_renderer: Any) -> None:
    """Poses place cameras, not their housings; and a second bundle brings no second housing."""
    library()

    def make() -> Usd.Stage:
        stage = plain(2)
        for path in paths("Camera", 2):
            housing = UsdGeom.Cube.Define(stage, f"{path}/Housing")
            housing.CreateSizeAttr(0.3)
            housing.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, 0.3))
        return stage

    def draw(renderer: Any) -> list[Any]:
        first, second = add(renderer), add(renderer)
        first.set_poses([[0.3, -3.0, 0.4], [3.3, -3.0, 0.4]], quat_xyzw=[[0.7, 0, 0, 0.71]] * 2)
        second.set_poses([[0.3, -1.5, 0.4], [3.3, -1.5, 0.4]], quat_xyzw=[[0.68, 0, 0, 0.73]] * 2)
        renderer.render()
        return [first, second]

    compare(open_renderer, make, draw)


def test_cameras_of_bundles_that_were_removed_are_used_again(
    library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call clones the cameras of a bundle, and none if there are free ones."""
    library()
    calls: list[int] = []
    real = Session.clone
    monkeypatch.setattr(Session, "clone", lambda self, *a: (calls.append(len(a[1])), real(self, *a))[1])
    renderer = open_renderer(plain(5))
    del calls[:]
    add(renderer)
    assert calls == []
    for _ in range(3):
        second = add(renderer)
        place_ = [[3.0 * env, -1.5, 3.0] for env in range(5)]
        second.set_poses(place_, quat_xyzw=[[0.3, 0, 0, 0.95]] * 5)
        renderer.remove_cameras(second)
    assert calls == [5]
    stage = renderer._backend._session._renderer._stage.stage
    assert len(stage.GetPrimAtPath(f"{ENVS}/env_0/Camera").GetChildren()) == 2


def test_cameras_that_differ_in_more_than_their_lens_are_cloned_apart(library: Any, open_renderer: Any) -> None:
    library()
    stage = plain(3)
    stage.GetPrimAtPath(f"{ENVS}/env_2/Camera").CreateAttribute("fStop", Sdf.ValueTypeNames.Float).Set(4.0)
    renderer = open_renderer(stage)
    add(renderer)
    second = add(renderer)
    runtime = renderer._backend._session._renderer._stage.stage
    stops = [runtime.GetPrimAtPath(path).GetAttribute("fStop").Get() for path in second.backend_data.cameras]
    assert stops == [0.0, 0.0, 4.0]


def test_projections(library: Any, open_renderer: Any) -> None:
    """Edited live; and replaced by a calibration, which holds when the stage is loaded again."""
    library()

    def flat(stage: Any, env: int) -> None:
        UsdGeom.Camera(stage.GetPrimAtPath(f"{ENVS}/env_{env}/Camera")).GetProjectionAttr().Set("orthographic")

    def make() -> Usd.Stage:
        stage = plain(3)
        flat(stage, 0)
        return stage

    def draw(renderer: Any) -> list[Any]:
        edited, set_ = add(renderer), add(renderer)
        renderer.render()
        flat(renderer.stage, 1)
        set_.set_intrinsics([[[20.0, 0, 12], [0, 20.0, 8], [0, 0, 1]]], env_ids=[0])
        renderer.render()
        UsdGeom.Cone.Define(renderer.stage, f"{ENVS}/env_2/Cone")
        renderer.render()
        return [edited, set_]

    compare(open_renderer, make, draw)


@pytest.mark.parametrize("sound", [True, False])
def test_a_pose_that_is_not_finite_pins_nothing(sound: bool, library: Any, open_renderer: Any) -> None:
    """Arrays that are already on the device are not looked at by the renderer; such a camera follows its prim still."""
    library()

    def draw(renderer: Any) -> list[Any]:
        bundle = add(renderer)
        device = renderer.device
        places = np.array([[np.nan, 0, 0], [3, -1.5, 3 if sound else np.inf]], np.float32)
        positions = wp.array(places, dtype=wp.vec3, device=device)
        quats = wp.array(np.array([[0.3, 0, 0, 0.95]] * 2, np.float32), dtype=wp.vec4, device=device)
        rows = wp.array([0, 1], dtype=wp.int32, device=device)
        renderer._backend.set_camera_poses(bundle, positions, quats, "xyzw", "opengl", rows)
        camera = UsdGeom.Xformable(renderer.stage.GetPrimAtPath(f"{ENVS}/env_0/Camera"))
        camera.AddTranslateOp(opSuffix="more").Set(Gf.Vec3d(0.0, 0.0, 0.5))
        renderer.render(bundle)
        return [bundle]

    compare(open_renderer, lambda: plain(2), draw)


@pytest.mark.parametrize("bundles", [1, 2])
def test_a_camera_that_is_bound_and_posed_stands_where_the_pose_says(
    bundles: int, library: Any, open_renderer: Any
) -> None:
    library()

    def draw(renderer: Any) -> list[Any]:
        made = [add(renderer) for _ in range(bundles)]
        binding = renderer.bind_transforms(paths("Camera", 2))
        place(made[0])
        renderer.render()
        binding.write([[0.0, -2.0, 2.0], [3.0, -2.0, 2.0]], quat_xyzw=[[0.35, 0, 0, 0.93]] * 2)
        renderer.render()
        return made

    compare(open_renderer, lambda: plain(2), draw)


def test_the_second_bundle_on_other_cameras_has_poses_of_its_own(library: Any, open_renderer: Any) -> None:
    """As many matrices as the binding has prims, which are those of this bundle."""
    library()

    def draw(renderer: Any) -> list[Any]:
        first, second = add(renderer, f"{ENVS}/env_.*/Camera"), add(renderer, f"{ENVS}/env_.*/Camera1")
        for step in range(2):
            first.set_poses([[3.0 * env, -2.0 - 0.2 * step, 2.0] for env in range(3)], quat_xyzw=[[0.4, 0, 0, 0.9]] * 3)
            second.set_poses([[6.0, -1.5, 3.0 + step]], quat_xyzw=[[0.3, 0, 0, 0.95]], env_ids=[2])
            renderer.render()
        return [first, second]

    compare(open_renderer, lambda: plain(3, cameras=2), draw)


def test_a_camera_in_a_shared_instance_has_a_pose_of_its_own(library: Any, open_renderer: Any) -> None:
    """Prims of an instance cannot be written, so what holds a camera goes over as no instance."""
    library()

    def make() -> Usd.Stage:
        stage = plain(2)
        stage.CreateClassPrim("/Rig")
        camera = UsdGeom.Camera.Define(stage, "/Rig/Camera")
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))
        rig = UsdGeom.Xform.Define(stage, "/World/Rig")
        rig.AddTranslateOp().Set(Gf.Vec3d(1.5, -0.5, 6.0))
        rig.GetPrim().GetReferences().AddInternalReference("/Rig")
        rig.GetPrim().SetInstanceable(True)
        return stage

    def draw(renderer: Any) -> list[Any]:
        first, second = add(renderer, "/World/Rig/Camera"), add(renderer, "/World/Rig/Camera")
        second.set_poses([[1.5, -0.5, 9.0]], quat_xyzw=[[0, 0, 0, 1]])
        renderer.render()
        return [first, second]

    compare(open_renderer, make, draw)


def test_what_is_bound_outlives_that_bundles_come_and_go(library: Any, open_renderer: Any) -> None:
    """Bindings of the library may not survive that prims are cloned or removed."""
    library()

    def draw(renderer: Any) -> list[Any]:
        first = add(renderer)
        boxes = renderer.bind_transforms(paths("Box", 2))
        looks = renderer.bind_materials(paths("Looks/ball", 2), "base_color")
        bundles = [first]
        for step in range(4):
            boxes.write([[-0.2, 0.1 * step, 0.2], [2.8, 0.0, 0.1 * step]], quat_xyzw=[[0, 0, 0.1 * step, 1]] * 2)
            looks.write(np.array([[0.9, 0.2 * step, 0.1], [0.2 * step, 0.1, 0.9]], np.float32))
            first.set_poses([[0.0, -2.0 - 0.1 * step, 1.2]], quat_xyzw=[[0.5, 0, 0, 0.86]], env_ids=[0])
            renderer.render()
            if step == 1:
                renderer.remove_cameras(bundles.pop())
            else:
                bundles.append(add(renderer))
        renderer.render()
        return bundles

    compare(open_renderer, lambda: plain(2), draw)
