"""Edits of the live stage, handed on attribute by attribute where that is enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ...errors import BackendFailedError
from ...scene.data import Scene, SceneChanges
from ...scene.export import tensor_of
from ...scene.live_edits import is_unseen
from ...scene.openusd import TIME, Usd, UsdGeom
from ...scene.transforms import matrix
from .session import Session

__all__ = ["LightValues", "light_values", "push_changes"]

LightValues = dict[str, dict[str, tuple[str, Any]]]
"""Type and value of every attribute that a light authors, by path and name."""

_LIGHT_TYPES = frozenset({"float", "bool", "color3f", "int", "token"})


def light_values(stage: Usd.Stage, paths: Iterable[str]) -> LightValues:
    """What some lights say now."""
    return {path: _values_of(stage.GetPrimAtPath(path)) for path in paths}


def push_changes(
    session: Session,
    stage: Usd.Stage,
    scene: Scene,
    changes: SceneChanges,
    lights: LightValues,
    pinned: Collection[str],
) -> bool:
    """Write what changed of a scene.

    Args:
        lights: What the lights said before; brought up to date.
        pinned: Prims whose transforms are written as arrays; the stage does not move them.

    Returns:
        False if the stage has to be loaded again: a material changed, or a light in a way that cannot be written.
    """
    if changes.replaced or changes.materials:
        return False
    try:
        for index in changes.lights:
            path = scene.lights[index].path
            new = _values_of(stage.GetPrimAtPath(path))
            if not _push_light(session, path, lights[path], new):
                return False
            lights[path] = new
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
        paths.append(path)
        matrices.append(matrix(UsdGeom.Xformable(prim).GetLocalTransformation(TIME)))
    session.place(paths, np.array(matrices).reshape(-1, 4, 4))
    return True


def _values_of(prim: Usd.Prim) -> dict[str, tuple[str, Any]]:
    return {
        attribute.GetName(): (str(attribute.GetTypeName()), attribute.Get(TIME))
        for attribute in prim.GetAuthoredAttributes()
        if not attribute.GetName().startswith("xformOp") and not is_unseen(attribute.GetName())
    }


def _push_light(
    session: Session, path: str, old: Mapping[str, tuple[str, Any]], new: Mapping[str, tuple[str, Any]]
) -> bool:
    """Write what a light says otherwise; False if it says something no more, or what cannot be written."""
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    writable = all(kind in _LIGHT_TYPES and value is not None for kind, value in changed.values())
    if not writable or not old.keys() <= new.keys():
        return False
    for name, (kind, value) in changed.items():
        session.write_values([path], name, [tensor_of(kind, value)])
    return True


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
