"""The demo scene: kinematics, motion, and the stage."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pxr", reason="the demo scene is built with usd-core")

from pxr import Usd, UsdGeom, UsdShade

from omni.isaac.ovrtx_render.demo import DemoScene, build_stage, robot
from omni.isaac.ovrtx_render.demo.motion import _GRASPED, OBJECTS, PERIOD, TABLE_HEIGHT, DemoMotion, quaternions_from
from omni.isaac.ovrtx_render.demo.shapes import lathe, rounded_box, shell, torus
from omni.isaac.ovrtx_render.errors import ConfigError

NUM_LINKS = len(robot.LINKS)


@pytest.fixture(scope="module")
def demo() -> DemoScene:
    return build_stage(3, seed=4)


def test_arm_kinematics_equal_the_product_of_joint_matrices() -> None:
    q = np.random.default_rng(0).uniform(-1.5, 1.5, 7)

    def joint(height: float, axis: str, angle: float) -> np.ndarray:
        c, s = np.cos(angle), np.sin(angle)
        m = np.eye(4)
        m[:3, :3] = [[c, -s, 0], [s, c, 0], [0, 0, 1]] if axis == "z" else [[c, 0, s], [0, 1, 0], [-s, 0, c]]
        m[2, 3] = height
        return m

    expected = np.eye(4)
    for height, axis, angle in zip(
        (0.15, 0.19, 0.19, 0.21, 0.19, 0.21, 0.075), "zyzyzyz", (*q[:3], -q[3], *q[4:]), strict=True
    ):
        expected = expected @ joint(height, axis, angle)
    frames = robot.forward_kinematics(np.concatenate([q, np.zeros(16)]))
    np.testing.assert_allclose(frames[6], expected, atol=1e-12)
    tool = np.eye(4)
    tool[2, 3] = 0.05
    np.testing.assert_allclose(frames[7], expected @ tool, atol=1e-12)


def test_finger_links_keep_their_lengths_and_bend_about_y() -> None:
    straight = robot.forward_kinematics(np.zeros(23))
    bent_angles = np.zeros(23)
    bent_angles[8] = np.pi / 2  # the index finger's first bend
    bent = robot.forward_kinematics(bent_angles)
    for frames in (straight, bent):
        gaps = np.linalg.norm(np.diff(frames[8:12, :3, 3], axis=0), axis=1)
        np.testing.assert_allclose(gaps, [0.020, 0.052, 0.038], atol=1e-12)
    moved = (bent[10, :3, 3] - bent[9, :3, 3]) @ bent[8, :3, :3]
    np.testing.assert_allclose(moved, [0.052, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(bent[12:], straight[12:])  # the other fingers do not move


def test_inverse_kinematics_bring_the_palm_to_the_asked_pose() -> None:
    rng = np.random.default_rng(1)
    asked = np.broadcast_to(np.eye(4), (50, 4, 4)).copy()
    asked[:, :3, 3] = rng.uniform((0.35, -0.25, 0.25), (0.55, 0.25, 0.45), (50, 3))
    asked[:, :3, :3] = robot.rotation_about((0, 0, 1), rng.uniform(-1, 1, 50)) @ robot.rotation_about((0, 1, 0), 2.7)
    angles = np.concatenate([robot.inverse_arm(asked), np.zeros((50, 16))], -1)
    np.testing.assert_allclose(robot.forward_kinematics(angles)[:, 7], asked, atol=1e-9)


def test_quaternions_reproduce_the_rotation_for_every_branch() -> None:
    axes = np.concatenate([np.eye(3), [[0.6, 0.0, 0.8]]])
    for axis in axes:
        for angle in (0.0, 1.0, np.pi - 1e-9, np.pi, 4.0):
            rotation = robot.rotation_about(tuple(axis), angle)
            x, y, z, w = quaternions_from(rotation)
            again = np.array(
                [
                    [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                    [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                    [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
                ]
            )
            np.testing.assert_allclose(again, rotation, atol=1e-7)


@pytest.fixture(scope="module")
def course() -> tuple[DemoMotion, np.ndarray]:
    """One period of eight environments: (PERIOD + 1, 8, 29, 4, 4)."""
    motion = DemoMotion(8, seed=3)
    return motion, np.stack([motion.transforms(step) for step in range(PERIOD + 1)])


def test_objects_rest_on_the_table_until_grasped_and_are_lifted_then(course: tuple[DemoMotion, np.ndarray]) -> None:
    motion, frames = course
    objects = frames[:, :, NUM_LINKS:]
    rest = TABLE_HEIGHT + np.array([o.rest for o in OBJECTS])
    assert (objects[..., 2, 3] >= rest - 1e-9).all()
    lifted = (objects[..., 2, 3] - rest).max(0)
    for env, grasped in enumerate(motion.grasped):
        assert grasped in _GRASPED
        assert lifted[env, grasped] > 0.15
        assert (np.delete(lifted[env], grasped) < 1e-9).all()


def test_a_held_object_does_not_slip_in_the_hand(course: tuple[DemoMotion, np.ndarray]) -> None:
    motion, frames = course
    rest = TABLE_HEIGHT + np.array([o.rest for o in OBJECTS])
    for env, grasped in enumerate(motion.grasped):
        thing = frames[:, env, NUM_LINKS + grasped]
        held = thing[:, 2, 3] > rest[grasped] + 1e-3
        in_palm = np.linalg.inv(frames[held, env, 7]) @ thing[held]
        assert held.sum() > 20
        np.testing.assert_allclose(in_palm, np.broadcast_to(in_palm[0], in_palm.shape), atol=1e-9)


def test_motion_is_smooth_repeats_and_keeps_clear_of_the_table(course: tuple[DemoMotion, np.ndarray]) -> None:
    motion, frames = course
    steps = np.linalg.norm(np.diff(frames[..., :3, 3], axis=0), axis=-1)
    assert steps.max() < 0.06  # metres a step, of any body
    np.testing.assert_array_equal(motion.transforms(17), motion.transforms(17))
    tips = [NUM_LINKS - 16 + 4 * finger + 3 for finger in range(4)]
    ends = frames[:, :, tips, 2, 3] + 0.04 * frames[:, :, tips, 2, 2]
    assert ends.min() - robot.FINGER_RADIUS > TABLE_HEIGHT


def test_environments_differ_and_seeds_repeat() -> None:
    a, b, c = DemoMotion(6, seed=1), DemoMotion(6, seed=1), DemoMotion(6, seed=2)
    np.testing.assert_array_equal(a.transforms(5), b.transforms(5))
    assert not np.allclose(a.transforms(5), c.transforms(5))
    frames = a.transforms(5)
    for i in range(6):
        for j in range(i):
            assert not np.allclose(frames[i], frames[j])


@pytest.mark.parametrize(
    "shape",
    [
        lathe([(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)], 32),
        torus(1.0, 0.3),
        rounded_box((0.3, 0.5, 0.7), 0.1),
        shell(lambda p: np.linalg.norm(p, axis=-1) - 0.5, (-0.5,) * 3, (0.5,) * 3, 0.06),
    ],
    ids=["lathe", "torus", "box", "shell"],
)
def test_shapes_face_outwards(shape) -> None:
    p = shape.points[shape.triangles].astype(float)
    face = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    assert ((face * shape.normals[shape.triangles].mean(1)).sum(1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(shape.normals, axis=1), 1.0, atol=1e-5)
    assert shape.uvs.shape == (len(shape.points), 2)
    volume = (p[:, 0] * np.cross(p[:, 1], p[:, 2])).sum() / 6.0
    assert volume > 0


def test_shell_lies_on_the_surface() -> None:
    ball = shell(lambda p: np.linalg.norm(p, axis=-1) - 0.5, (-0.5,) * 3, (0.5,) * 3, 0.06)
    np.testing.assert_allclose(np.linalg.norm(ball.points, axis=1), 0.5, atol=1e-6)
    edges = np.sort(np.concatenate([ball.triangles[:, [0, 1]], ball.triangles[:, [1, 2]], ball.triangles[:, [2, 0]]]))
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()  # watertight


def test_an_environment_has_the_promised_size(demo: DemoScene) -> None:
    triangles = 0
    for prim in Usd.PrimRange(demo.stage.GetPrimAtPath("/World/envs/env_1")):
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            indices = np.array(mesh.GetFaceVertexIndicesAttr().Get())
            assert indices.max() < len(mesh.GetPointsAttr().Get())
            assert len(mesh.GetNormalsAttr().Get()) == len(mesh.GetPointsAttr().Get())
            triangles += len(indices) // 3
    assert 45_000 <= triangles <= 60_000


def test_every_gprim_has_a_material_and_textures_exist(demo: DemoScene) -> None:
    for prim in demo.stage.Traverse():
        if prim.IsA(UsdGeom.Gprim):
            assert UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0], prim.GetPath()
        if prim.IsA(UsdShade.Shader) and (file := prim.GetAttribute("inputs:file")):
            assert file.Get().resolvedPath


def test_stage_shows_the_first_pose(demo: DemoScene) -> None:
    positions, quaternions = demo.pose(0)
    assert positions.dtype == quaternions.dtype == np.float32
    assert len(demo.body_paths) == len(positions) == len(quaternions) == 3 * 29
    frames = UsdGeom.XformCache()
    for path, position, quaternion in zip(demo.body_paths, positions, quaternions, strict=True):
        matrix = frames.GetLocalToWorldTransform(demo.stage.GetPrimAtPath(path))
        np.testing.assert_allclose(matrix.ExtractTranslation(), position, atol=1e-5)
        authored = matrix.ExtractRotationQuat()
        assert abs(np.dot([*authored.GetImaginary(), authored.GetReal()], quaternion)) > 1 - 1e-5


def test_labels_and_cameras(demo: DemoScene) -> None:
    robot_prim = demo.stage.GetPrimAtPath("/World/envs/env_2/Robot")
    assert list(robot_prim.GetAttribute("semantics:labels:class").Get()) == ["robot"]
    assert "SemanticsLabelsAPI:class" in robot_prim.GetAppliedSchemas()
    for i in range(3):
        assert demo.stage.GetPrimAtPath(f"/World/envs/env_{i}/Camera").IsA(UsdGeom.Camera)


def test_no_environment_is_refused() -> None:
    with pytest.raises(ConfigError, match="num_envs is 0"):
        build_stage(0)
