"""Poses that are scattered into the frames of a scene: by how many threads, and which are left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import warp as wp
from reference import SceneBuilder
from reference.build import scale

from omni.isaac.ovrtx_render import TiledRenderer
from omni.isaac.ovrtx_render.backends.warp import frame_table
from omni.isaac.ovrtx_render.scene.data import GeometryKind

COUNT = 50


def many(make: Callable, **fields: object) -> TiledRenderer:
    """Stretched boxes in one environment."""
    b = SceneBuilder()
    for i in range(COUNT):
        b.add(GeometryKind.CUBE, (0.1, 0.2, 0.3), transform=scale(1.0 + 0.1 * i, 1.0, 0.5), env=0)
    return make(b.build(), **fields)


def placed(renderer: TiledRenderer) -> list[np.ndarray]:
    """What the tracing of a scene reads of its instances' places."""
    shapes = renderer._backend.scene.shapes
    return [a.numpy().copy() for a in (shapes.local_to_world, shapes.world_to_local, shapes.bounds)]


@pytest.mark.parametrize("way", ["poses", "matrices"])
def test_threads_share_the_rows_and_write_the_same(way: str, make: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    positions, quats = rng.normal(size=(COUNT, 3)), rng.normal(size=(COUNT, 4))
    matrices = rng.normal(size=(COUNT, 4, 4))
    results, launched = [], []
    launch = wp.launch

    def counted(kernel: wp.Kernel, dim: object, *args: object, **kwargs: object) -> object:
        launched.append(kernel.key)
        return launch(kernel, dim, *args, **kwargs)

    monkeypatch.setattr(frame_table.wp, "launch", counted)
    for share, threads in ((10**6, 3), (7, 1), (7, 3), (20, 3)):
        monkeypatch.setattr(frame_table, "_SHARE", share)
        renderer = many(make, threads=threads)
        bodies = renderer.bind_transforms(renderer.scene.paths)
        launched.clear()
        for _ in range(2):  # the second write finds what the first one kept
            if way == "poses":
                bodies.write(positions, quat_wxyz=quats)
            else:
                bodies.write_matrices(matrices)
        results.append((placed(renderer), launched.count(f"write_{way}") // 2))
    if renderer.device.is_cpu:
        assert [parts for _, parts in results] == [1, 1, 3, 2]
    for other, _ in results[1:]:
        for got, want in zip(other, results[0][0], strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_pose_that_is_not_finite_leaves_its_prim_where_it_is(bad: float, make: Callable) -> None:
    """Host arrays are refused before; those on a GPU are not read back for it."""
    renderer = many(make)
    bodies = renderer.bind_transforms(renderer.scene.paths)
    backend, bound, device = renderer._backend, bodies._bound, renderer.device
    before = placed(renderer)
    positions, quats = np.full((COUNT, 3), 3.0e38, np.float32), np.full((COUNT, 4), 0.5, np.float32)
    matrices = np.tile(np.eye(4, dtype=np.float32), (COUNT, 1, 1))
    for row in range(3):
        positions[row, row] = bad
    for row in range(4):
        quats[3 + row, row] = bad
    quats[7] = 0.0
    for row in range(16):
        matrices[row].flat[row] = bad
    order = renderer._backend._device_frames(np.arange(COUNT))
    p = wp.array(positions, dtype=wp.vec3, device=device)
    q = wp.array(quats, dtype=wp.vec4, device=device)
    backend.write_poses(bound, p, q, "xyzw")
    assert _moved(before, placed(renderer), order) == list(range(8, COUNT))
    assert (np.isfinite(bound.positions.numpy()).all(1) == (np.arange(COUNT) >= 8)).all()
    before = placed(renderer)
    backend.write_matrices(bound, wp.array(matrices, dtype=wp.mat44, device=device))
    assert _moved(before, placed(renderer), order) == list(range(16, COUNT))
    assert (np.isfinite(bound.matrices.numpy()).all((1, 2)) == (np.arange(COUNT) >= 16)).all()


def _moved(before: list[np.ndarray], after: list[np.ndarray], order: np.ndarray) -> list[int]:
    """Instances, by the order of the scene, whose place is another one."""
    changed = (before[2] != after[2]).any(1) | (before[0] != after[0])
    return np.flatnonzero(changed[order]).tolist()
