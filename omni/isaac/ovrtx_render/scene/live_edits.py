"""A stage that changes while it is drawn: edits are collected as they happen and become changes of the Scene.

What an edit costs follows from what it is:

* transforms (of a prim or of what it hangs on): the matrices of what is below it are read;
* inputs of a light, the lens of a camera, the shader network of a material: that record is read;
* anything else that can be seen (visibility, geometry, bindings, labels, prims that come or go, layers muted or added,
  stage units): the whole stage is read again, clones once;
* what nobody can see (physics properties, velocities, documentation, editor state): nothing.

What is not known to be invisible counts as visible, so that a picture is never out of date. Files that change on disk
under the same name are the exception: USD tells nobody.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from ..config import RendererCfg
from .data import Scene, SceneChanges
from .env_diff import LENS
from .lights import is_light
from .openusd import Sdf, Tf, Usd, UsdGeom
from .own_rows import OwnMaterials, OwnMeshes, own_meshes
from .prim_kinds import NETWORK
from .stage_reader import StageReader

__all__ = ["INHERITED_PREFIXES", "EditListener", "Edits", "LiveScene", "is_unseen"]

_UNSEEN = frozenset({"extent", "extentsHint", "velocities", "angularVelocities", "accelerations", "proxyPrim"})
_UNSEEN_PREFIXES = (
    "physics:", "physx", "newton:", "mjc:", "drive:", "state:", "limit:", "isaac:", "omni:kit:", "ui:",
    "userProperties:",
)  # fmt: skip
_UNSEEN_TYPES = ("OmniGraph", "Render", "Physics", "Physx", "Newton", "Mjc")
INHERITED_PREFIXES = ("primvars:", "material:", "collection:", "semantic")
"""Properties that prims below inherit."""

_IMAGEABLE = frozenset({"visibility", "purpose"})


def is_unseen(name: str) -> bool:
    """Whether nobody can see what a property of this name says."""
    return name in _UNSEEN or name.startswith(_UNSEEN_PREFIXES)


@dataclass
class Edits:
    """What notices told.

    Attributes:
        prims: Prims whose composition changed: they, and all below them, may be anything now.
        properties: Properties that have, or may have, a new value.
        everything: The stage as a whole changed (units, up axis, asset resolution).
    """

    prims: set[Sdf.Path] = field(default_factory=set)
    properties: set[Sdf.Path] = field(default_factory=set)
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.prims) or bool(self.properties)


class EditListener:
    """Collects the edits of a stage, from whatever thread they come, until :meth:`take` is called.

    Attributes:
        pending: Whether there is anything to take.
    """

    def __init__(self, stage: Usd.Stage) -> None:
        self._lock = threading.Lock()
        self._edits = Edits()
        self.pending = False
        # OpenUSD keeps bound methods weakly, so the notice does not keep this object alive.
        self._key = Tf.Notice.Register(Usd.Notice.ObjectsChanged, self._on_changed, stage)

    def _on_changed(self, notice: Usd.Notice.ObjectsChanged, stage: Usd.Stage) -> None:
        with self._lock:
            edits = self._edits
            for path in notice.GetResyncedPaths():
                (edits.properties if path.IsPropertyPath() else edits.prims).add(path)
            for path in notice.GetChangedInfoOnlyPaths():
                if path.IsPropertyPath():
                    edits.properties.add(path)
                elif path == Sdf.Path.absoluteRootPath:
                    edits.everything |= not {"metersPerUnit", "upAxis"}.isdisjoint(notice.GetChangedFields(path))
            edits.everything |= bool(notice.GetResolvedAssetPathsResyncedPaths())
            self.pending = bool(edits)

    def take(self) -> Edits:
        """What was collected; the listener starts anew."""
        with self._lock:
            edits, self._edits, self.pending = self._edits, Edits(), False
            return edits

    def put_back(self) -> None:
        """Take everything for changed: what was taken last could not be worked off."""
        with self._lock:
            self._edits.everything = self.pending = True

    def close(self) -> None:
        """Stop listening; may be called twice."""
        self._key.Revoke()
        self.take()


@dataclass
class _Sorted:
    """Edits by what has to be read."""

    everything: bool = False
    moved: set[str] = field(default_factory=set)
    lights: set[str] = field(default_factory=set)
    cameras: set[str] = field(default_factory=set)
    materials: set[str] = field(default_factory=set)


class LiveScene:
    """A stage and the Scene that was read of it, kept equal to the stage.

    Args:
        stage: The stage.
        cfg: Configuration. Without ``follow_stage`` edits are not listened to.

    Attributes:
        stage: The stage.
        scene: The Scene; another object after the stage was read again.
    """

    def __init__(self, stage: Usd.Stage, cfg: RendererCfg) -> None:
        self.stage, self._cfg = stage, cfg
        self._listener = EditListener(stage) if cfg.follow_stage else None
        self._reader = StageReader(stage, cfg)
        self.scene: Scene = self._reader.read()
        self._prototypes: list[str] | None = None

    @property
    def pending(self) -> bool:
        """Whether the stage was edited since the last update."""
        return self._listener is not None and self._listener.pending

    def update(self) -> SceneChanges | None:
        """Work the edits off; None if there is nothing to see.

        Without ``follow_stage`` nobody knows what was edited: the stage is read again.

        Raises:
            SceneError: The stage cannot be read now; the edits stay pending.
        """
        if self._listener is None:
            return self._read_all()
        if not self._listener.pending:
            return None
        edits = self._listener.take()
        self.scene.clone_groups = None
        try:
            return self._work_off(edits)
        except BaseException:
            self._listener.put_back()
            raise

    def own_materials(self, paths: list[str]) -> OwnMaterials:
        """Give material prims entries of their own in :attr:`scene`; see :mod:`.own_rows`."""
        return self._reader.own_materials(self.scene, paths)

    def own_meshes(self, paths: list[str]) -> OwnMeshes:
        """Give prims meshes of their own in :attr:`scene`; see :mod:`.own_rows`."""
        return own_meshes(self.scene, self.stage, paths)

    def discard(self) -> None:
        """Have the stage read again at the next update: what the last one told could not be used."""
        if self._listener is not None:
            self._listener.put_back()

    def close(self) -> None:
        """Stop listening to the stage; may be called twice."""
        if self._listener is not None:
            self._listener.close()

    def _read_all(self) -> SceneChanges:
        reader = StageReader(self.stage, self._cfg)
        self.scene, self._reader, self._prototypes = reader.read(), reader, None
        return SceneChanges(replaced=True)

    def _work_off(self, edits: Edits) -> SceneChanges | None:
        todo = self._sort(edits)
        if todo.everything or self._moves_prototype(todo.moved):
            return self._read_all()
        scene, reader = self.scene, self._reader
        index = {light.path: i for i, light in enumerate(scene.lights)} if todo.lights else {}
        lit = [index[path] for path in todo.lights if path in index]
        if not all(reader.refresh_light(scene, i) for i in lit):
            return self._read_all()
        if not all(reader.refresh_material(scene, path) for path in sorted(todo.materials)):
            return self._read_all()
        index = {camera.path: i for i, camera in enumerate(scene.cameras)} if todo.cameras else {}
        lenses = tuple(sorted(index[path] for path in todo.cameras if path in index))
        for i in lenses:
            reader.refresh_camera(scene, i)
        frames, transforms = self._move(todo.moved)
        moved = frames - len(scene.instances)
        moved = moved[(moved >= 0) & (moved < len(scene.lights))]
        if not (len(frames) or lit or lenses or todo.materials):
            return None
        return SceneChanges(
            frames=frames,
            transforms=transforms,
            lights=tuple(sorted({*lit, *moved.tolist()})),
            materials=bool(todo.materials),
            cameras=lenses,
        )

    def _move(self, moved: set[str]) -> tuple[np.ndarray, np.ndarray]:
        """Read what is below moved prims; returns (K,) frames and their (K, 4, 4) transforms."""
        scene = self.scene
        if not moved:
            return np.zeros(0, np.int64), np.zeros((0, 4, 4))
        update = self._reader.read_transforms(scene, sorted(moved))
        scene.instances.transform[update.instances] = update.instance_transforms
        for i, transform in zip(update.lights, update.light_transforms, strict=True):
            scene.lights[i].transform = transform
        for i, transform in zip(update.cameras, update.camera_transforms, strict=True):
            scene.cameras[i].transform = transform
        first_light = len(scene.instances)
        first_camera = first_light + len(scene.lights)
        return (
            np.concatenate([update.instances, first_light + update.lights, first_camera + update.cameras]),
            np.concatenate([update.instance_transforms, update.light_transforms, update.camera_transforms]),
        )

    # -- sorting ----------------------------------------------------------------------------------------------------

    def _sort(self, edits: Edits) -> _Sorted:
        todo = _Sorted(edits.everything)
        for path in edits.prims:
            # A node that was added to a network, or removed from it, is the material's business.
            material = self._material_above(path.GetParentPath())
            if not material:
                return _Sorted(True)
            todo.materials.add(material)
        for path in edits.properties:
            if todo.everything:
                break
            self._sort_property(path.GetPrimPath(), path.name, todo)
        return todo

    def _sort_property(self, path: Sdf.Path, name: str, todo: _Sorted) -> None:
        if is_unseen(name):
            return
        if Usd.Prim.IsPathInPrototype(path):
            todo.everything = True
        elif name.startswith("xformOp"):
            todo.moved.add(str(path))
        else:
            prim = self.stage.GetPrimAtPath(path)
            kind = str(prim.GetTypeName()) if prim else ""
            inherited = name.startswith(INHERITED_PREFIXES)
            material = self._material_above(path) if kind in NETWORK and not inherited else ""
            if material:
                todo.materials.add(material)
            elif kind == "Camera" and not inherited and name not in _IMAGEABLE:
                if name in LENS:
                    todo.cameras.add(str(path))
            elif prim and not inherited and name not in _IMAGEABLE and is_light(prim):
                todo.lights.add(str(path))
            elif inherited or not kind.startswith(_UNSEEN_TYPES):
                todo.everything = True

    def _material_above(self, path: Sdf.Path) -> str:
        """Path of the material whose network a prim is in (or that it is), else an empty string."""
        prim = self.stage.GetPrimAtPath(path)
        while prim and str(prim.GetTypeName()) in NETWORK:
            if prim.GetTypeName() == "Material":
                return str(prim.GetPath())
            prim = prim.GetParent()
        return ""

    def _moves_prototype(self, moved: set[str]) -> bool:
        """Whether a moved prim is one that a point instancer repeats, or part of one."""
        if not moved or not self._reader.has_instancers:
            return False
        if self._prototypes is None:
            everything = Usd.PrimRange.AllPrims(self.stage.GetPseudoRoot())
            instancers = [UsdGeom.PointInstancer(prim) for prim in everything if prim.IsA(UsdGeom.PointInstancer)]
            targets = [instancer.GetPrototypesRel().GetForwardedTargets() for instancer in instancers]
            self._prototypes = sorted({f"{target}/" for found in targets for target in found})
        return any(f"{path}/".startswith(prototype) for path in moved for prototype in self._prototypes)
