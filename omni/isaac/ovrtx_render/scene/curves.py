"""BasisCurves to triangles: round tubes, or flat ribbons where the curves author normals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .data import Mesh, Sweep
from .normals import unit_or

__all__ = ["CurveError", "Curves", "tessellate_curves"]

STEPS = 8
"""Straight pieces per cubic segment."""
SIDES = 8
"""Sides of a tube."""

_BASIS = {
    # Rows: weights of the four control points for u^3, u^2, u, 1.
    "bezier": np.array([[-1, 3, -3, 1], [3, -6, 3, 0], [-3, 3, 0, 0], [1, 0, 0, 0]], np.float64),
    "bspline": np.array([[-1, 3, -3, 1], [3, -6, 3, 0], [-3, 0, 3, 0], [1, 4, 1, 0]], np.float64) / 6,
    "catmullRom": np.array([[-1, 3, -3, 1], [2, -5, 4, -1], [-1, 0, 1, 0], [0, 2, 0, 0]], np.float64) / 2,
}


class CurveError(ValueError):
    """The curves cannot be drawn; the text says why."""


@dataclass(frozen=True)
class Curves:
    """A batch of curves as UsdGeomBasisCurves holds them.

    Attributes:
        points: (n, 3) control points, finite.
        counts: (K,) control points per curve, ``counts.sum() == n``.
        kind: ``linear`` or ``cubic``.
        basis: ``bezier``, ``bspline`` or ``catmullRom`` (cubic).
        wrap: ``nonperiodic``, ``periodic`` or ``pinned``.
        attributes: name -> (values (m, k), interpolation); ``width`` (k = 1) must be there, ``normal`` makes ribbons,
            ``color`` is passed on.
    """

    points: np.ndarray
    counts: np.ndarray
    kind: str
    basis: str
    wrap: str
    attributes: dict[str, tuple[np.ndarray, str]]


def tessellate_curves(curves: Curves) -> tuple[Mesh, int]:
    """Turn curves into one mesh.

    Returns:
        The mesh, and the number of curves left out because they have too few control points.

    Raises:
        CurveError: A value count does not fit its interpolation, or the basis is unknown.
    """
    if curves.kind == "cubic" and curves.basis not in _BASIS:
        raise CurveError(f"basis '{curves.basis}' is not supported; use bezier, bspline or catmullRom")
    starts = np.cumsum(curves.counts) - curves.counts
    varying_counts = np.array([_varying_count(curves, int(n)) for n in curves.counts], np.int64)
    varying_starts = np.cumsum(varying_counts) - varying_counts
    for name, (values, interpolation) in curves.attributes.items():
        expected = {
            "constant": 1,
            "uniform": len(curves.counts),
            "varying": int(varying_counts.sum()),
            "vertex": len(curves.points),
        }.get(interpolation)
        if expected is None or (interpolation != "constant" and len(values) != expected):
            raise CurveError(f"{name} has {len(values)} values, which do not fit interpolation '{interpolation}'")

    blocks, left_out = [], 0
    for count in np.unique(curves.counts):
        which = np.flatnonzero(curves.counts == count)
        vertex_weights, varying_weights, closed = _sampling(curves, int(count))
        if vertex_weights is None:
            left_out += len(which)
            continue
        vertex = starts[which, None] + np.arange(count)
        varying = varying_starts[which, None] + np.arange(varying_weights.shape[1])
        sampled = {}
        for name, (values, interpolation) in curves.attributes.items():
            if interpolation == "vertex":
                sampled[name] = vertex_weights @ values[vertex]
            elif interpolation == "varying":
                sampled[name] = varying_weights @ values[varying]
            else:
                picked = values[which] if interpolation == "uniform" else np.repeat(values[:1], len(which), axis=0)
                sampled[name] = np.repeat(picked[:, None], len(vertex_weights), axis=1)
        path = vertex_weights @ curves.points[vertex].astype(np.float64)
        used = np.argsort(vertex_weights == 0, axis=1, kind="stable")[:, :4]
        weights = np.take_along_axis(vertex_weights, used, axis=1)
        spare = ((0, 0), (0, 4 - used.shape[1]))  # a curve of fewer than four points
        controls = starts[which, None, None] + np.pad(used, spare)
        blocks.append(_sweep(path, sampled, closed, controls, np.pad(weights, spare)))
    return _merge(blocks), left_out


def _varying_count(curves: Curves, count: int) -> int:
    """Number of varying values of a curve with ``count`` control points (UsdGeomBasisCurves, table of sizes)."""
    if curves.kind == "linear" or count == 0:
        return count
    step = 3 if curves.basis == "bezier" else 1
    if curves.wrap == "periodic":
        return max(count // step, 1)
    if curves.wrap == "pinned" and curves.basis != "bezier":
        return count
    return max((count - 4) // step + 2, 1)


def _sampling(curves: Curves, count: int) -> tuple[np.ndarray | None, np.ndarray, bool]:
    """Weights of control points (m, count) and of varying values (m, v) at each sample, and whether it closes."""
    closed = curves.wrap == "periodic"
    nothing = np.zeros((0, 0))
    if curves.kind == "linear":
        if count < 2 or (closed and count < 3):
            return None, nothing, closed
        return np.eye(count), np.eye(count), closed
    step = 3 if curves.basis == "bezier" else 1
    controls: list[list[tuple[int, float]]] = []
    if closed:
        segments = count // step
        if count < 3:
            return None, nothing, closed
        shift = 0 if curves.basis == "bezier" else -1
        windows = [[(s * step + k + shift) % count for k in range(4)] for s in range(segments)]
    elif curves.wrap == "pinned" and curves.basis != "bezier":
        if count < 2:
            return None, nothing, closed
        # A phantom point is mirrored in each end: 2 p0 - p1.
        segments = count - 1
        windows = [[s - 1 + k for k in range(4)] for s in range(segments)]
    else:
        if count < 4:
            return None, nothing, closed
        segments = (count - 4) // step + 1
        windows = [[s * step + k for k in range(4)] for s in range(segments)]
    for index in range(-1, count + 1):
        if index < 0:
            controls.append([(0, 2.0), (min(1, count - 1), -1.0)])
        elif index >= count:
            controls.append([(count - 1, 2.0), (max(count - 2, 0), -1.0)])
        else:
            controls.append([(index, 1.0)])

    u = np.arange(STEPS) / STEPS
    powers = np.stack([u**3, u**2, u, np.ones_like(u)], axis=1)
    samples = segments * STEPS + (0 if closed else 1)
    num_varying = _varying_count(curves, count)
    vertex_weights, varying_weights = np.zeros((samples, count)), np.zeros((samples, num_varying))
    for segment, window in enumerate(windows):
        last = segment == segments - 1 and not closed
        basis = np.concatenate([powers, np.ones((1, 4))]) if last else powers
        weights = basis @ _BASIS[curves.basis]
        along = np.append(u, 1.0) if last else u
        rows = slice(segment * STEPS, segment * STEPS + len(along))
        for k, index in enumerate(window):
            for control, factor in controls[index + 1]:
                vertex_weights[rows, control] += weights[:, k] * factor
        varying_weights[rows, segment % num_varying] += 1 - along
        varying_weights[rows, (segment + 1) % num_varying] += along
    return vertex_weights, varying_weights, closed


def _sweep(
    path: np.ndarray, sampled: dict[str, np.ndarray], closed: bool, controls: np.ndarray, weights: np.ndarray
) -> Mesh:
    """Sweep a circle (or a ribbon) along K paths of m samples each.

    Args:
        path: (K, m, 3).
        sampled: Values (K, m, k).
        closed: Whether the last sample is followed by the first.
        controls: (K, m, 4) control points that each sample is made of.
        weights: (m, 4) how much of each.
    """
    curves, samples = path.shape[:2]
    if closed:
        tangent = np.roll(path, -1, axis=1) - np.roll(path, 1, axis=1)
    else:
        tangent = np.gradient(path, axis=1)
    tangent = unit_or(tangent, np.array([0.0, 0.0, 1.0])).astype(np.float64)
    radius = np.abs(sampled["width"]) / 2
    first, second = _frames(tangent, closed)
    facing = None
    if "normal" in sampled:
        facing = unit_or(sampled["normal"], np.array([0.0, 0.0, 1.0])).astype(np.float64)
        side = unit_or(np.cross(facing, tangent), np.array([1.0, 0.0, 0.0]))
        ring = np.stack([path - radius * side, path + radius * side], axis=2)
        ring_normals = np.stack([facing, facing], axis=2)
    else:
        angle = 2 * np.pi * np.arange(SIDES) / SIDES
        out = np.cos(angle)[:, None] * first[:, :, None] + np.sin(angle)[:, None] * second[:, :, None]
        ring, ring_normals = path[:, :, None] + radius[..., None] * out, out
    sides = ring.shape[2]
    rows = samples if closed else samples - 1
    columns = sides if sides > 2 else 1
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    i2, j2 = (i + 1) % samples, (j + 1) % sides
    a, b, c, d = i * sides + j, i * sides + j2, i2 * sides + j2, i2 * sides + j
    if sides == 2:
        b, d = d, b
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)
    walls = len(faces)
    if sides > 2 and not closed:
        fan = np.stack([np.zeros(sides - 2, int), np.arange(1, sides - 1), np.arange(2, sides)], axis=1)
        faces = np.concatenate([faces, fan[:, ::-1], fan + (samples - 1) * sides])
    corner_normals = ring_normals.reshape(curves, -1, 3)[:, faces]
    caps = len(faces) - walls
    corner_normals[:, walls : walls + caps // 2] = -tangent[:, 0, None, None]
    corner_normals[:, walls + caps // 2 :] = tangent[:, -1, None, None]
    triangles = (np.arange(curves)[:, None, None] * (samples * sides) + faces).reshape(-1, 3)
    colors = None
    if "color" in sampled:
        colors = np.repeat(sampled["color"][:, :, None], sides, axis=2).reshape(-1, 3)[triangles].astype(np.float32)
    cap = np.zeros(len(faces), np.int8)
    cap[walls : walls + caps // 2], cap[walls + caps // 2 :] = -1, 1
    return Mesh(
        ring.reshape(-1, 3).astype(np.float32),
        triangles.astype(np.int32),
        corner_normals.reshape(-1, 3, 3).astype(np.float32),
        colors=colors,
        sweep=Sweep(
            controls.reshape(-1, 4).astype(np.int32),
            np.tile(weights, (curves, 1)).astype(np.float32),
            radius.reshape(-1).astype(np.float32),
            tangent.reshape(-1, 3).astype(np.float32),
            None if facing is None else facing.reshape(-1, 3).astype(np.float32),
            np.arange(0, samples * curves + 1, samples, dtype=np.int32),
            closed,
            first[:, 0].astype(np.float32),
            np.tile(cap, curves),
        ),
    )


def _frames(tangent: np.ndarray, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across each unit tangent (K, m, 3) that twist as little as possible along the curve.

    ``backends/warp/sweeping.py`` does the same on the device.
    """
    first = np.empty_like(tangent)
    samples = tangent.shape[1]
    smallest = np.eye(3)[np.argmin(np.abs(tangent[:, 0]), axis=1)]
    first[:, 0] = unit_or(np.cross(tangent[:, 0], smallest), smallest)
    for sample in range(1, samples):
        first[:, sample] = _turned(first[:, sample - 1], tangent[:, sample - 1], tangent[:, sample])
    if closed:
        # What came round does not meet what it started as unless the curve is flat: the rings share the difference.
        came = _turned(first[:, -1], tangent[:, -1], tangent[:, 0])
        sine = (np.cross(came, first[:, 0]) * tangent[:, 0]).sum(axis=1)
        twist = np.arctan2(sine, (came * first[:, 0]).sum(axis=1))
        angle = (twist[:, None] * np.arange(samples) / samples)[..., None]
        first = np.cos(angle) * first + np.sin(angle) * np.cross(tangent, first)
    return first, np.cross(tangent, first)


def _turned(across: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Turn unit vectors (K, 3) the shortest way that takes unit vectors perpendicular to them to others."""
    cosine = (before * after).sum(axis=1, keepdims=True)
    along = (across * after).sum(axis=1, keepdims=True)
    turned = across - along / np.maximum(1 + cosine, 1e-6) * (before + after)
    turned -= (turned * after).sum(axis=1, keepdims=True) * after  # no drift
    return unit_or(turned, across)


def _merge(blocks: list[Mesh]) -> Mesh:
    if not blocks:
        return Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    base = np.cumsum([0] + [len(block.points) for block in blocks])[:-1]
    colors = [block.colors for block in blocks if block.colors is not None]
    sweeps = [block.sweep for block in blocks if block.sweep is not None]
    rings = np.cumsum([0] + [len(sweep.radius) for sweep in sweeps])
    begin = [sweep.begin[:-1] + ring for sweep, ring in zip(sweeps, rings[:-1], strict=True)]
    facing = [sweep.facing for sweep in sweeps if sweep.facing is not None]
    return Mesh(
        np.concatenate([block.points for block in blocks]),
        np.concatenate([block.triangles + b for block, b in zip(blocks, base, strict=True)]).astype(np.int32),
        np.concatenate([block.normals for block in blocks if block.normals is not None]),
        colors=np.concatenate(colors) if len(colors) == len(blocks) else None,
        sweep=Sweep(
            np.concatenate([sweep.controls for sweep in sweeps]),
            np.concatenate([sweep.weights for sweep in sweeps]),
            np.concatenate([sweep.radius for sweep in sweeps]),
            np.concatenate([sweep.tangent for sweep in sweeps]),
            np.concatenate(facing) if facing else None,
            np.append(np.concatenate(begin), rings[-1]).astype(np.int32),
            sweeps[0].closed,
            np.concatenate([sweep.start for sweep in sweeps]),
            np.concatenate([sweep.cap for sweep in sweeps]),
        ),
    )
