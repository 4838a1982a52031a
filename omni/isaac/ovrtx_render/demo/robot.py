"""The demo robot: a seven-axis arm with a four-finger, sixteen-joint hand. Its links, its shapes, its kinematics.

Frames: at zero joint angles every link frame of the arm and the palm is parallel to the base frame (+Z up, +X forward)
and the arm stands straight up. Matrices here are column-vector, (..., 4, 4) float64, in metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .shapes import (
    Shape,
    box_distance,
    capsule_distance,
    drum_distance,
    lathe,
    rounded_box,
    shell,
    smooth_intersection,
    smooth_union,
)

__all__ = [
    "ARM_JOINTS",
    "FINGERS",
    "FINGER_RADIUS",
    "HAND_JOINTS",
    "LINKS",
    "Link",
    "Part",
    "finger_joints",
    "forward_kinematics",
    "inverse_arm",
    "link_parts",
    "rotation_about",
]

ARM_JOINTS = 7
HAND_JOINTS = 16
FINGERS = ("index", "middle", "ring", "thumb")
FINGER_RADIUS = 0.011
"""Half thickness of a finger link where it touches things [m]."""

SHOULDER_HEIGHT = 0.34
UPPER_ARM = 0.40
FOREARM = 0.40
WRIST_TO_PALM = 0.125
"""From the sixth axis to the palm frame [m]."""

_RADII = (0.074, 0.072, 0.066, 0.064, 0.058, 0.055, 0.044)


@dataclass(frozen=True, eq=False)
class Link:
    """One rigid body of the robot.

    Attributes:
        name: Prim name.
        parent: Index of the parent in :data:`LINKS`; -1 is the base of the robot.
        origin: (4, 4) frame at zero angle, in the parent's frame.
        axis: Joint axis in the link frame, or None if it is fixed to its parent.
        joint: Index of the joint angle, or -1.
    """

    name: str
    parent: int
    origin: np.ndarray
    axis: tuple[float, float, float] | None
    joint: int


def rotation_about(axis: tuple[float, float, float], angle: np.ndarray | float) -> np.ndarray:
    """Rotation matrices (..., 3, 3) about a unit axis by ``angle`` [rad]."""
    x, y, z = axis
    angle = np.asarray(angle, float)
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sin, cos = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return np.eye(3) + sin * k + (1.0 - cos) * (k @ k)


def _frame(x: float, y: float, z: float, rotation: np.ndarray | None = None) -> np.ndarray:
    m = np.eye(4)
    m[:3, 3] = x, y, z
    if rotation is not None:
        m[:3, :3] = rotation
    return m


_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_MINUS_Y = (0.0, -1.0, 0.0)

_KNUCKLE = 0.020
_PHALANGES = {"finger": (0.052, 0.038, 0.034), "thumb": (0.060, 0.046, 0.040)}
_THUMB_MOUNT = rotation_about(_Y, np.radians(55.0)) @ rotation_about(_Z, np.pi)
_FINGER_MOUNTS = {
    "index": _frame(0.0, -0.040, 0.098, rotation_about(_X, np.radians(4.0))),
    "middle": _frame(0.0, 0.0, 0.102),
    "ring": _frame(0.0, 0.040, 0.098, rotation_about(_X, np.radians(-4.0))),
    "thumb": _frame(0.022, 0.0, 0.056, _THUMB_MOUNT),
}


def _kind(finger: str) -> str:
    return "thumb" if finger == "thumb" else "finger"


def _links() -> tuple[Link, ...]:
    elbow = SHOULDER_HEIGHT + UPPER_ARM
    wrist = elbow + FOREARM
    heights = (0.15, SHOULDER_HEIGHT, 0.53, elbow, 0.93, wrist, wrist + 0.075)
    axes = (_Z, _Y, _Z, _MINUS_Y, _Z, _Y, _Z)
    below = (0.0, *heights[:-1])
    links = [
        Link(f"arm_link_{i + 1}", i - 1, _frame(0, 0, high - low), axis, i)
        for i, (low, high, axis) in enumerate(zip(below, heights, axes, strict=True))
    ]
    links.append(Link("palm", 6, _frame(0, 0, WRIST_TO_PALM - 0.075), None, -1))
    palm = 7
    for n, finger in enumerate(FINGERS):
        joint = ARM_JOINTS + 4 * n
        lengths = _PHALANGES[_kind(finger)]
        first = len(links)
        links.append(Link(f"{finger}_link_0", palm, _FINGER_MOUNTS[finger], _X, joint))
        for k, offset in enumerate((_KNUCKLE, lengths[0], lengths[1])):
            links.append(Link(f"{finger}_link_{k + 1}", first + k, _frame(0, 0, offset), _Y, joint + k + 1))
    return tuple(links)


LINKS = _links()
"""Every moving body, parents first: seven arm links, the palm, sixteen finger links."""


def forward_kinematics(angles: np.ndarray) -> np.ndarray:
    """Place every link.

    Args:
        angles: (..., 23) joint angles [rad]: seven of the arm, then four a finger in the order of :data:`FINGERS`.

    Returns:
        (..., 24, 4, 4) float64 link frames in the robot's base frame, in the order of :data:`LINKS`.
    """
    angles = np.asarray(angles, float)
    frames: list[np.ndarray] = []
    for link in LINKS:
        local = np.broadcast_to(link.origin, (*angles.shape[:-1], 4, 4))
        if link.axis is not None:
            turn = np.zeros((*angles.shape[:-1], 4, 4))
            turn[..., :3, :3] = rotation_about(link.axis, angles[..., link.joint])
            turn[..., 3, 3] = 1.0
            local = local @ turn
        frames.append(local if link.parent < 0 else frames[link.parent] @ local)
    return np.stack(frames, axis=-3)


def inverse_arm(palm: np.ndarray) -> np.ndarray:
    """Arm angles that bring the palm frame to a pose, with the elbow up and no swing of the upper arm.

    Args:
        palm: (..., 4, 4) wanted palm frame in the base frame. Out of reach, the arm stretches towards it.

    Returns:
        (..., 7) joint angles [rad].
    """
    rotation, position = palm[..., :3, :3], palm[..., :3, 3]
    wrist = position - WRIST_TO_PALM * rotation[..., :, 2]
    x, y, z = np.moveaxis(wrist - np.array([0.0, 0.0, SHOULDER_HEIGHT]), -1, 0)
    reach_sq = x * x + y * y + z * z
    bend = (reach_sq - UPPER_ARM**2 - FOREARM**2) / (2.0 * UPPER_ARM * FOREARM)
    q4 = -np.arccos(np.clip(bend, -1.0, 1.0))
    q1 = np.arctan2(y, x)
    q2 = np.arctan2(np.hypot(x, y), z) + np.arctan2(FOREARM * np.sin(q4), UPPER_ARM + FOREARM * np.cos(q4))
    upper = rotation_about(_Z, q1) @ rotation_about(_Y, q2) @ rotation_about(_MINUS_Y, q4)
    hand = np.swapaxes(upper, -1, -2) @ rotation
    q6 = np.arccos(np.clip(hand[..., 2, 2], -1.0, 1.0))
    q5 = np.arctan2(hand[..., 1, 2], hand[..., 0, 2])
    q7 = np.arctan2(hand[..., 2, 1], -hand[..., 2, 0])
    return np.stack([q1, q2, np.zeros_like(q1), q4, q5, q6, q7], -1)


_OPEN = np.array(
    [[0.08, -0.25, 0.55, 0.55], [0.0, -0.25, 0.55, 0.55], [-0.08, -0.25, 0.55, 0.55], [0.0, -0.45, 0.55, 0.40]]
)
_CLOSED = np.array([[0.0, 0.95, 1.15, 0.85], [0.0, 0.95, 1.15, 0.85], [0.0, 0.95, 1.15, 0.85], [0.0, 0.75, 1.05, 0.85]])


def finger_joints(closure: np.ndarray) -> np.ndarray:
    """Joint angles of the hand: 0 is open, 1 is a fist.

    Args:
        closure: (..., 4) closure of each finger.

    Returns:
        (..., 16) joint angles [rad].
    """
    c = np.asarray(closure, float)[..., None]
    angles = _OPEN * (1.0 - c) + _CLOSED * c
    return angles.reshape(*angles.shape[:-2], HAND_JOINTS)


# --- Shapes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Part:
    """A mesh in a link's frame, and the name of its material (see :mod:`.scene`)."""

    name: str
    shape: Shape
    material: str


def link_parts(name: str) -> list[Part]:
    """Meshes of one link of :data:`LINKS`, or of the fixed ``"base"``.

    Fingers share their shapes, so that a renderer that recognises equal meshes stores each once.
    """
    if name == "base":
        return _base_parts()
    if name == "palm":
        return _palm_parts()
    if name.startswith("arm_link_"):
        return _arm_parts(int(name.rsplit("_", 1)[1]))
    finger, _, number = name.split("_")
    return list(_finger_parts(_kind(finger), int(number)))


_ON_Y = rotation_about(_X, -np.pi / 2)  # +Z to +Y
_ON_MINUS_Y = rotation_about(_X, np.pi / 2)


def _base_parts() -> list[Part]:
    r = _RADII[0]
    column = [
        (0.0, 0.0),
        (0.135, 0.0),
        (0.135, 0.014),
        (0.130, 0.019),
        (0.104, 0.024),
        (0.094, 0.034),
        (r + 0.012, 0.075),
    ]
    column += [(r + 0.002, 0.12), (r, 0.144), (0.0, 0.144)]
    bolts = [_bolt().moved((0.118 * np.cos(a), 0.118 * np.sin(a), 0.0205)) for a in np.arange(8) * np.pi / 4 + 0.2]
    return [
        Part("column", lathe(column, 56), "shell"),
        Part("ring", _joint_ring(r, 0.144), "accent"),
        *[Part(f"bolt_{i}", bolt, "steel") for i, bolt in enumerate(bolts)],
    ]


def _bolt(radius: float = 0.0065, height: float = 0.005) -> Shape:
    """A hexagonal bolt head."""
    return lathe([(radius, 0.0), (radius, height * 0.8), (radius * 0.85, height), (0.0, height)], 6)


def _joint_ring(radius: float, z: float) -> Shape:
    """The coloured ring between two links that turn about their common axis."""
    r = radius + 0.0015
    return lathe(
        [
            (radius - 0.01, z - 0.001),
            (r - 0.001, z - 0.001),
            (r, z),
            (r, z + 0.005),
            (r - 0.001, z + 0.006),
            (radius - 0.01, z + 0.006),
        ],
        56,
    )


@cache
def _elbow_shell(length: float, ring: float, drum: float) -> Shape:
    """A link that starts as a tube on the axis at z = 0 and ends in a drum on the -Y side at z = ``length``."""
    half = 0.50 * drum

    def distance(p: np.ndarray) -> np.ndarray:
        tube = capsule_distance(p, (0, 0, -0.06), (0, 0, 0.30 * length), ring, ring * 0.99)
        neck = capsule_distance(p, (0, 0, 0.25 * length), (0, -half * 0.95, length * 0.82), ring * 0.97, drum * 0.80)
        end = drum_distance(p, (0, -half - 0.0015, length), 1, drum, half, 0.016)
        solid = smooth_union(0.045, tube, neck, end)
        partner = drum_distance(p, (0, 0.2 - 0.0015, length), 1, 1.08 * drum, 0.2, 0.004)  # the next link's half
        return smooth_intersection(0.008, smooth_intersection(0.004, solid, -partner), 0.007 - p[..., 2])

    reach = 1.15 * max(ring, drum)
    return shell(
        distance, (-reach, -2.1 * drum, 0.0), (reach, reach, length + 1.1 * drum), 0.0098 * (drum / 0.07) ** 0.5
    )


def _flipped(shape: Shape, length: float) -> Shape:
    """The same link the other way round: drum on the +Y side at z = 0, tube up to z = ``length``."""
    turned = shape.rotated(np.diag([1.0, -1.0, -1.0]))
    return turned.moved((0.0, 0.0, length))


def _cap(radius: float) -> Shape:
    """The disc that covers a joint's motor, about +Z."""
    r = radius
    return lathe(
        [
            (0.74 * r, -0.004),
            (0.74 * r, 0.003),
            (0.71 * r, 0.0055),
            (0.56 * r, 0.0065),
            (0.54 * r, 0.004),
            (0.0, 0.004),
        ],
        40,
    )


def _arm_parts(number: int) -> list[Part]:
    heights = [0.15, 0.34, 0.53, 0.74, 0.93, 1.14, 1.215]
    r, k = _RADII[number - 1], number - 1
    if number == 7:
        flange = [
            (0.0, -0.012),
            (r, -0.012),
            (r, 0.016),
            (r - 0.004, 0.020),
            (0.034, 0.024),
            (0.034, 0.050),
            (0.0, 0.050),
        ]
        return [Part("flange", lathe(flange, 48), "steel"), Part("ring", _joint_ring(r + 0.001, 0.004), "dark")]
    length = heights[k + 1] - heights[k]
    upward = number % 2 == 1  # from a turning joint to a hinge
    drum = _RADII[k + 1] if upward else r
    ring = r if upward else _RADII[k + 1]
    if number == 6:
        length -= 0.012
    shape = _elbow_shell(round(length, 4), ring, drum)
    if not upward:
        shape = _flipped(shape, length)
    end = length if upward else 0.0
    sign = -1.0 if upward else 1.0
    near = np.hypot(shape.points[:, 0], shape.points[:, 2] - end) < 0.74 * drum
    face = float(np.abs(shape.points[near, 1]).max())
    cap = _cap(drum).rotated(_ON_MINUS_Y if upward else _ON_Y).moved((0.0, sign * face, end))
    parts = [Part("shell", shape, "shell"), Part("cap", cap, "accent" if number in (1, 4) else "dark")]
    if not upward:
        parts.append(Part("ring", _joint_ring(ring, length - 0.007), "accent" if number != 6 else "dark"))
        seam = lathe([(0.0, -0.003), (0.95 * drum, -0.003), (0.95 * drum, 0.003), (0.0, 0.003)], 48).rotated(_ON_Y)
        parts.append(Part("seam", seam, "dark"))
    return parts


def _palm_parts() -> list[Part]:
    def body(p: np.ndarray) -> np.ndarray:
        wrist = drum_distance(p, (0, 0, 0.004), 2, 0.036, 0.014, 0.004)
        block = box_distance(p, (-0.002, 0, 0.056), (0.016, 0.054, 0.036), 0.012)
        heel = box_distance(p, (0.006, 0, 0.036), (0.020, 0.034, 0.022), 0.012)
        return smooth_union(0.014, wrist, block, heel)

    back = rounded_box((0.0035, 0.036, 0.024), 0.003, 3).moved((-0.0185, 0.0, 0.056))
    pad = rounded_box((0.003, 0.044, 0.016), 0.0028, 3).moved((0.0135, 0.0, 0.074))
    return [
        Part("body", shell(body, (-0.038, -0.058, -0.012), (0.038, 0.058, 0.095), 0.0058), "dark"),
        Part("back", back, "accent"),
        Part("pad", pad, "rubber"),
    ]


@cache
def _finger_parts(kind: str, number: int) -> tuple[Part, ...]:
    if number == 0:

        def knuckle(p: np.ndarray) -> np.ndarray:
            return smooth_union(
                0.006,
                box_distance(p, (0, 0, 0.002), (0.012, 0.013, 0.008), 0.004),
                drum_distance(p, (0, 0, _KNUCKLE), 1, 0.0102, 0.0058, 0.002),
                box_distance(p, (0, 0, 0.011), (0.0085, 0.0058, 0.009), 0.003),
            )

        return (Part("knuckle", shell(knuckle, (-0.013, -0.014, -0.008), (0.013, 0.014, 0.032), 0.0031), "steel"),)
    length = _PHALANGES[kind][number - 1]
    tip = number == 3
    width = 0.0098 if not tip else 0.0092
    span = length - 0.013 if not tip else length - 0.014

    def phalanx(p: np.ndarray) -> np.ndarray:
        cheeks = np.minimum(
            drum_distance(p, (0, 0.0098, 0), 1, 0.0105, 0.0037, 0.0015),
            drum_distance(p, (0, -0.0098, 0), 1, 0.0105, 0.0037, 0.0015),
        )
        body = box_distance(p, (-0.0005, 0, 0.013 + span / 2), (width, 0.0118, span / 2 + 0.001), 0.0045)
        fork = box_distance(p, (0, 0, 0.010), (0.008, 0.0130, 0.006), 0.002)
        gap = drum_distance(p, (0, 0, 0), 1, 0.0125, 0.0064, 0.001)
        solid = smooth_union(0.005, cheeks, body, fork)
        solid = smooth_intersection(0.003, solid, -gap)
        if tip:
            return solid
        hinge = drum_distance(p, (0, 0, length), 1, 0.0100, 0.0058, 0.002)
        return smooth_union(
            0.004, solid, hinge, box_distance(p, (0, 0, length - 0.007), (0.0075, 0.0058, 0.008), 0.003)
        )

    end = length + (0.013 if not tip else -0.010)
    parts = [
        Part(
            "phalanx",
            shell(phalanx, (-0.013, -0.015, -0.012), (0.013, 0.015, end), 0.0033),
            "shell" if number != 2 else "dark",
        )
    ]
    if tip:

        def pulp(p: np.ndarray) -> np.ndarray:
            return capsule_distance(p, (0.0005, 0, length - 0.010), (0.0015, 0, length - 0.003), 0.0108, 0.0114)

        parts.append(
            Part("tip", shell(pulp, (-0.013, -0.013, length - 0.03), (0.015, 0.013, length + 0.010), 0.0031), "rubber")
        )
    return tuple(parts)
