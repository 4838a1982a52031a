"""Scripted reach, grasp, lift and put back, for many environments at once; a pure function of the step.

Positions are metres in the frame of the environment; the table top is the plane z = :data:`TABLE_HEIGHT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import robot

__all__ = ["OBJECTS", "PERIOD", "ROBOT_ORIGIN", "TABLE_HEIGHT", "DemoMotion", "DemoObject", "quaternions_from"]

TABLE_HEIGHT = 0.72
"""Height of the table top above the ground [m]."""

ROBOT_ORIGIN = (-0.42, 0.0, TABLE_HEIGHT)
"""Where the robot stands on the table [m]."""

PERIOD = 120
"""Steps of one reach, grasp, lift and put back."""


@dataclass(frozen=True)
class DemoObject:
    """One thing on the table.

    Attributes:
        name: Prim name.
        rest: Height of its origin over the table top [m].
        grip_radius: Half its width where the fingers close on it [m].
        grip_height: Where they do, from its origin [m].
    """

    name: str
    rest: float
    grip_radius: float
    grip_height: float = 0.0


OBJECTS = (
    DemoObject("cube", 0.036, 0.036, 0.018),
    DemoObject("sphere", 0.042, 0.042, 0.010),
    DemoObject("mug", 0.0, 0.038, 0.058),
    DemoObject("ring", 0.018, 0.060),
    DemoObject("capsule", 0.075, 0.028, 0.0),
)
"""The objects of every environment; the ring is only looked at, the others get lifted."""

_GRASPED = (0, 1, 2, 4)
_SLOTS = np.array([[0.13, -0.02], [0.05, -0.23], [0.23, 0.20], [0.28, -0.19], [0.03, 0.21]])
_GRIP = np.array([0.071, 0.0, 0.187])  # centre of the grasped thing in the palm frame [m]
_TILT = np.radians(-20.0)

# Time of the key, way from home to the object, height over the grasp [m], closure, turn of the wrist [rad]
_KEYS = np.array(
    [
        [0.00, 0.0, 0.00, 0.10, 0.0],
        [0.08, 0.0, 0.00, 0.10, 0.0],
        [0.26, 1.0, 0.13, 0.00, 0.0],
        [0.38, 1.0, 0.00, 0.00, 0.0],
        [0.47, 1.0, 0.00, 1.00, 0.0],
        [0.60, 1.0, 0.20, 1.00, 0.0],
        [0.67, 1.0, 0.22, 1.00, 0.55],
        [0.73, 1.0, 0.20, 1.00, 0.0],
        [0.82, 1.0, 0.00, 1.00, 0.0],
        [0.87, 1.0, 0.00, 0.00, 0.0],
        [0.91, 1.0, 0.13, 0.00, 0.0],
        [1.00, 0.0, 0.00, 0.10, 0.0],
    ]
)
_HELD = (0.47, 0.82)


def _keyed(phase: np.ndarray) -> np.ndarray:
    """Eased values (..., 4) of the keys at a phase in [0, 1)."""
    k = np.clip(np.searchsorted(_KEYS[:, 0], phase, side="right") - 1, 0, len(_KEYS) - 2)
    t = (phase - _KEYS[k, 0]) / (_KEYS[k + 1, 0] - _KEYS[k, 0])
    t = (t * t * (3.0 - 2.0 * t))[..., None]
    return _KEYS[k, 1:] * (1.0 - t) + _KEYS[k + 1, 1:] * t


def _transform(rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    m = np.zeros((*position.shape[:-1], 4, 4))
    m[..., :3, :3], m[..., :3, 3], m[..., 3, 3] = rotation, position, 1.0
    return m


def _hand_down(yaw: np.ndarray) -> np.ndarray:
    """Palm frames (..., 3, 3) with the fingers down and tilted forwards, turned about the vertical by ``yaw``."""
    down = robot.rotation_about((0.0, 1.0, 0.0), np.pi + _TILT)
    return robot.rotation_about((0.0, 0.0, 1.0), yaw) @ down


def _contact_closure(radii: Sequence[float]) -> np.ndarray:
    """How far each finger closes (len(radii), 4) until it touches a thing of that radius at the grip point.

    The thing is as wide as the hand, so that the outer fingers stop beside a narrow one instead of making a fist.
    """
    samples = np.linspace(0.0, 1.0, 101)
    angles = np.zeros((len(samples), robot.ARM_JOINTS + robot.HAND_JOINTS))
    angles[:, robot.ARM_JOINTS :] = robot.finger_joints(np.repeat(samples[:, None], 4, axis=1))
    frames = robot.forward_kinematics(angles)
    palm = 7
    local = np.linalg.inv(frames[:, palm : palm + 1]) @ frames
    closure = np.zeros((len(radii), 4))
    for finger in range(4):
        links = local[:, palm + 1 + 4 * finger : palm + 5 + 4 * finger]
        tip = links[:, 3, :3, 3] + 0.034 * links[:, 3, :3, 2]
        chain = np.concatenate([links[:, 1:, :3, 3], tip[:, None]], axis=1) * np.array([1.0, 0.0, 1.0])
        start, along = chain[:, :-1], np.diff(chain, axis=1)
        t = np.clip(((_GRIP - start) * along).sum(-1) / (along * along).sum(-1), 0.0, 1.0)
        gap = np.linalg.norm(start + t[..., None] * along - _GRIP, axis=-1).min(1) - robot.FINGER_RADIUS
        for row, radius in enumerate(radii):
            touching = np.flatnonzero(gap <= radius)
            closure[row, finger] = samples[touching[0]] if len(touching) else 1.0
    return closure


class DemoMotion:
    """Poses of every body in every environment.

    Args:
        num_envs: Number of environments, N.
        seed: Seed of the object places, the phases and the wobble.
    """

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        n = num_envs
        self.phase = (np.arange(n) * 0.381966 + 0.46 + 0.03 * rng.standard_normal(n)) % 1.0
        self.grasped = (
            np.array(_GRASPED)[rng.permuted(np.tile(np.arange(4), -(-n // 4)))[:n]] if n else np.zeros(0, int)
        )
        # The grasped object lies in the slot before the hand, the others are shuffled over the rest.
        places = np.zeros((n, len(OBJECTS), 2))
        for e in range(n):
            others = rng.permutation([i for i in range(len(OBJECTS)) if i != self.grasped[e]])
            places[e, self.grasped[e]] = _SLOTS[0] + rng.uniform(-0.045, 0.045, 2)
            places[e, others] = _SLOTS[1:] + rng.uniform(-0.02, 0.02, (4, 2))
        heights = np.broadcast_to([TABLE_HEIGHT + o.rest for o in OBJECTS], (n, len(OBJECTS)))
        turn = rng.uniform(-np.pi, np.pi, (n, len(OBJECTS)))
        rotation = robot.rotation_about((0.0, 0.0, 1.0), turn)
        self.object_rest = _transform(rotation, np.concatenate([places, heights[..., None]], -1))
        self._yaw = rng.uniform(-0.45, 0.45, n)
        self._wobble = rng.uniform(0.0, 2.0 * np.pi, (n, 7))
        closures = _contact_closure([o.grip_radius for o in OBJECTS])
        self._closure = closures[self.grasped] if n else np.zeros((0, 4))
        self._envs = np.arange(n)

    def _palm(self, phase: np.ndarray, time: float) -> np.ndarray:
        """Wanted palm frames (N, 4, 4) in the environment frame."""
        way, height, _, turn = np.moveaxis(_keyed(phase), -1, 0)
        target = self.object_rest[self._envs, self.grasped, :3, 3].copy()
        target[:, 2] += np.array([o.grip_height for o in OBJECTS])[self.grasped]
        sway = np.sin(2.0 * np.pi * time / 47.0 + self._wobble[:, :3])
        home = np.array([0.02, 0.0, TABLE_HEIGHT + 0.33]) + sway * np.array([0.03, 0.06, 0.025])
        grip = home + way[:, None] * (target - home)
        grip[:, 2] += height
        rotation = _hand_down(self._yaw + turn)
        return _transform(rotation, grip - np.einsum("nij,j->ni", rotation, _GRIP))

    def joint_angles(self, step: int) -> np.ndarray:
        """Joint angles (N, 23) [rad] at a step: the arm, then four joints a finger."""
        phase = self._phase(step)
        palm = self._palm(phase, float(step))
        palm[:, :3, 3] -= ROBOT_ORIGIN
        squeeze = _keyed(phase)[:, 2:3]
        idle = (
            0.06 * (1.0 + np.sin(2.0 * np.pi * step / 31.0 + self._wobble[:, 3:])) * np.clip(1.0 - 8.0 * squeeze, 0, 1)
        )
        return np.concatenate([robot.inverse_arm(palm), robot.finger_joints(self._closure * squeeze + 0.5 * idle)], -1)

    def _phase(self, step: int) -> np.ndarray:
        return (step / PERIOD + self.phase) % 1.0

    def transforms(self, step: int) -> np.ndarray:
        """Frames of all bodies (N, 24 links + 5 objects, 4, 4), column-vector, in the environment frame."""
        links = robot.forward_kinematics(self.joint_angles(step))
        links[..., :3, 3] += ROBOT_ORIGIN
        objects = self.object_rest.copy()
        phase = self._phase(step)
        held = (phase >= _HELD[0]) & (phase <= _HELD[1])
        now = self._palm(phase, float(step))
        gripping = self._palm(np.full_like(phase, _HELD[0]), float(step))
        envs = self._envs[held]
        objects[envs, self.grasped[held]] = (now @ np.linalg.inv(gripping))[held] @ objects[envs, self.grasped[held]]
        return np.concatenate([links, objects], axis=1)


def quaternions_from(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4), x y z w, of column-vector rotation matrices (..., 3, 3)."""
    m = np.asarray(rotation, float)
    d = np.diagonal(m, axis1=-2, axis2=-1)
    trace = d.sum(-1)
    # 4 q_i^2 for w, x, y, z; the row of the largest one is safe to divide by.
    squares = np.stack([1 + trace, *(1 + 2 * d[..., i] - trace for i in range(3))], -1)
    x = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    s = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = np.stack(
        [
            np.stack([squares[..., 0], x[0], x[1], x[2]], -1),
            np.stack([x[0], squares[..., 1], s[0], s[1]], -1),
            np.stack([x[1], s[0], squares[..., 2], s[2]], -1),
            np.stack([x[2], s[1], s[2], squares[..., 3]], -1),
        ],
        -2,
    )
    best = np.take_along_axis(rows, squares.argmax(-1)[..., None, None], axis=-2)[..., 0, :]
    wxyz = best / np.linalg.norm(best, axis=-1, keepdims=True)
    return wxyz[..., [1, 2, 3, 0]]
