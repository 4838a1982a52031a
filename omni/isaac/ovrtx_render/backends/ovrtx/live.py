"""Edits of the live stage, handed on attribute by attribute where that is enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from ...errors import BackendFailedError
from ...scene.data import Scene, SceneChanges
from ...scene.export import tensor_of
from ...scene.openusd import TIME, Usd, UsdGeom
from ...scene.transforms import matrix
from .session import Session

__all__ = ["push_changes"]

_LIGHT_TYPES = frozenset({"float", "bool", "color3f", "int", "token"})


def push_changes(
    session: Session,
    stage: Usd.Stage,
    scene: Scene,
    changes: SceneChanges,
    pinned: Collection[str],
    copies: Mapping[str, list[str]],
) -> bool:
    """Write what changed of a scene.

    Args:
        pinned: Prims whose transforms are written as arrays; the stage does not move them.
        copies: Camera prims that were copied, with their copies.

    Returns:
        False if the stage has to be loaded again: a material changed, or a light in a way that cannot be written.
    """
    if changes.replaced or changes.materials:
        return False
    try:
        for index in changes.lights:
            _push_light(session, stage, scene.lights[index].path)
    except BackendFailedError:
        return False
    moved = _frame_paths(scene, changes.frames)
    paths: list[str] = []
    matrices: list[np.ndarray] = []
    # What moved may hang on what was edited, so the local transforms of all that is above are written.
    for path in dict.fromkeys(above for leaf in moved for above in _ancestors(leaf)):
        prim = stage.GetPrimAtPath(path)
        if path in pinned or not prim or prim.IsInstanceProxy() or not UsdGeom.Xformable(prim):
            continue
        local = matrix(UsdGeom.Xformable(prim).GetLocalTransformation(TIME))
        for target in (path, *(copy for copy in copies.get(path, ()) if copy not in pinned)):
            paths.append(target)
            matrices.append(local)
    session.place(paths, np.array(matrices).reshape(-1, 4, 4))
    return True


def _push_light(session: Session, stage: Usd.Stage, path: str) -> None:
    for attribute in stage.GetPrimAtPath(path).GetAuthoredAttributes():
        name, kind = attribute.GetName(), str(attribute.GetTypeName())
        if name.startswith("inputs:") and kind in _LIGHT_TYPES:
            session.write_values([path], name, [tensor_of(kind, attribute.Get(TIME))])


def _frame_paths(scene: Scene, frames: np.ndarray) -> Iterable[str]:
    """Prim paths of frames: instances, then lights, then cameras."""
    count, lights = len(scene.instances), len(scene.lights)
    for frame in frames:
        if frame < count:
            yield scene.paths[scene.instances.path[frame]]
        elif frame < count + lights:
            yield scene.lights[frame - count].path
        else:
            yield scene.cameras[frame - count - lights].path


def _ancestors(path: str) -> Iterable[str]:
    """A path and all above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
