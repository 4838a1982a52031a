"""TiledRenderer: a live stage in, one image buffer an output and camera bundle out."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import warp as wp

from .arrays import as_device_array, as_device_quaternions
from .backends.base import FrameBinding
from .cameras import CameraBundle, pick_quaternion
from .config import RendererCfg
from .errors import ConfigError, InputError, SceneError
from .outputs import SEGMENTATIONS, resolve_outputs
from .patterns import path_matcher
from .registry import make_backend
from .scene.data import Camera, Finding, Light, Scene

if TYPE_CHECKING:
    from pxr import Usd

__all__ = ["TiledRenderer", "TransformBinding"]

_MAX_SIZE = 16384


class TransformBinding:
    """Prims whose world poses are written as arrays. Made by :meth:`TiledRenderer.bind_transforms`.

    Everything below a bound prim moves with it: geometry, lights, and cameras whose pose was not set.

    Attributes:
        paths: Prim paths, in the order of the rows to write.
    """

    def __init__(self, renderer: TiledRenderer, paths: list[str], bound: object) -> None:
        self._renderer = renderer
        self.paths = paths
        self._bound = bound

    def __len__(self) -> int:
        return len(self.paths)

    def write(self, positions: Any, *, quat_xyzw: Any = None, quat_wxyz: Any = None) -> None:
        """Place the prims; the scale each had when it was bound is kept.

        Args:
            positions: (P, 3) float32 world positions [stage units].
            quat_xyzw: (P, 4) float32 world orientations, or
            quat_wxyz: the same with the real part first. Give exactly one.

        Raises:
            InputError: Wrong shape, dtype, device or values that are not finite; nothing is written then.
        """
        quats, order = pick_quaternion(quat_xyzw, quat_wxyz)
        renderer, n = self._renderer, len(self)
        device = renderer._device
        p = as_device_array("positions", positions, wp.vec3, (n, 3), device)
        q = as_device_quaternions(f"quat_{order}", quats, n, device)
        renderer._backend.write_poses(self._bound, p, q, order)

    def write_matrices(self, matrices: Any) -> None:
        """Place the prims by (P, 4, 4) float32 row-vector local-to-world matrices [stage units], scale included.

        Raises:
            InputError: Wrong shape, dtype, device or values that are not finite; nothing is written then.
        """
        m = as_device_array("matrices", matrices, wp.mat44, (len(self), 4, 4), self._renderer._device)
        self._renderer._backend.write_matrices(self._bound, m)


class TiledRenderer:
    """Draws N cameras of N cloned environments in one go.

    Args:
        source: A ``Usd.Stage``, the path of a stage file, or a Scene that was read before.
        cfg: Configuration; None is the default one.

    Attributes:
        cfg: The configuration.
        scene: The stage as it was read.
        timings: Seconds of the last :meth:`render` by phase.

    Raises:
        SceneError: The file cannot be opened.
        BackendUnavailableError: The backend cannot run here.
        MissingExtraError: A stage was given, but ``pxr`` is not installed.
    """

    def __init__(self, source: Usd.Stage | Scene | str | os.PathLike[str], cfg: RendererCfg | None = None) -> None:
        self.cfg = cfg or RendererCfg()
        self._backend = make_backend(self.cfg)
        self._bundles: list[CameraBundle] = []
        self.timings: dict[str, float] = {}
        self.stage: Any = None
        if isinstance(source, Scene):
            self.scene = source
        else:
            from .scene.stage_reader import open_stage, read_scene

            self.stage = open_stage(source) if isinstance(source, (str, os.PathLike)) else source
            if not hasattr(self.stage, "GetPseudoRoot"):
                raise InputError(f"the source is a {type(source).__name__}; expected a Usd.Stage, a path or a Scene")
            self.scene = read_scene(self.stage, self.cfg)
        self._backend.load(self.scene)

    @property
    def backend_name(self) -> str:
        """Name of the backend in use."""
        return self._backend.name

    @property
    def findings(self) -> list[Finding]:
        """What will not look as the stage's author may expect."""
        return self.scene.findings

    @property
    def bundles(self) -> tuple[CameraBundle, ...]:
        """The camera bundles, in the order they were added."""
        return tuple(self._bundles)

    @property
    def _device(self) -> wp.Device:
        return self._backend.device

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(
        self,
        cameras: str | Sequence[str] | None = None,
        *,
        width: int = 64,
        height: int = 64,
        outputs: str | Sequence[str] = ("rgb", "depth"),
        colorize: bool | Collection[str] = False,
        background: tuple[float, float, float] | None = None,
    ) -> CameraBundle:
        """Add a bundle of cameras that share a resolution and outputs.

        Args:
            cameras: Pattern (regex or glob) of camera prim paths, a list of paths, or None for all cameras.
                Rows follow the environment ids.
            width: Image width [px], 1 to 16384.
            height: Image height [px], 1 to 16384.
            outputs: Names of :data:`~omni.isaac.ovrtx_render.outputs.OUTPUTS`.
            colorize: Deliver segmentations as (N, H, W, 4) uint8 colours: all of them, or the named ones.
            background: Linear colour of a pixel that hits nothing; None is that of the configuration.

        Raises:
            SceneError: No camera matches.
            ConfigError: A size or an output is not valid.
        """
        for name, value in (("width", width), ("height", height)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= _MAX_SIZE:
                raise ConfigError(f"{name} is {value!r}; it must be a whole number of pixels from 1 to {_MAX_SIZE}")
        kinds = resolve_outputs(outputs)
        if isinstance(colorize, bool):
            colored = frozenset(SEGMENTATIONS if colorize else ())
        else:
            colored = frozenset(kind.name for kind in resolve_outputs(colorize).values()) if colorize else frozenset()
        if colored - set(SEGMENTATIONS):
            raise ConfigError(f"colorize names {sorted(colored - set(SEGMENTATIONS))}; only {SEGMENTATIONS} hold ids")
        if background is not None and len(background) != 3:
            raise ConfigError(f"background is {background!r}; it must be three linear colour values or None")
        picked = self._match_cameras(cameras)
        first = len(self.scene.instances) + len(self.scene.lights)
        index = {id(camera): i for i, camera in enumerate(self.scene.cameras)}
        frames = np.array([first + index[id(camera)] for camera in picked], np.int32)
        bundle = CameraBundle(self, picked, frames, int(width), int(height), kinds, colored, background)
        self._backend.add_cameras(bundle)
        self._bundles.append(bundle)
        return bundle

    def remove_cameras(self, bundle: CameraBundle) -> None:
        """Forget a bundle and free what it took; its output buffers stay valid. A removed bundle is left alone."""
        if bundle in self._bundles:
            self._bundles.remove(bundle)
            self._backend.remove_cameras(bundle)

    def _match_cameras(self, cameras: str | Sequence[str] | None) -> list[Camera]:
        found = self.scene.cameras
        if cameras is None:
            picked = list(found)
        elif isinstance(cameras, str):
            matches = path_matcher(cameras)
            picked = [camera for camera in found if matches(camera.path)]
        else:
            by_path = {camera.path: camera for camera in found}
            missing = [path for path in cameras if path not in by_path]
            if missing:
                raise SceneError(f"there is no camera at {missing[0]}; {self._known_cameras()}")
            picked = [by_path[path] for path in cameras]
            if picked:
                return picked
        if not picked:
            what = "has no camera" if cameras is None else f"has no camera that matches {cameras!r}"
            raise SceneError(f"the stage {what}; {self._known_cameras()}")
        return sorted(picked, key=lambda camera: camera.env)

    def _known_cameras(self) -> str:
        paths = [camera.path for camera in self.scene.cameras]
        if not paths:
            return "define a UsdGeom.Camera in it"
        more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
        return f"its cameras are {', '.join(paths[:5])}{more}"

    def _rows(self, bundle: CameraBundle, env_ids: Sequence[int] | np.ndarray | None) -> np.ndarray:
        if env_ids is None:
            return np.arange(len(bundle), dtype=np.int32)
        rows = np.asarray(env_ids)
        if rows.ndim != 1 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
            raise InputError(f"env_ids must be a list of whole numbers; got shape {rows.shape}, dtype {rows.dtype}")
        if rows.size and (rows.min() < 0 or rows.max() >= len(bundle)):
            raise InputError(
                f"env_ids go from {rows.min()} to {rows.max()}; the bundle has rows 0 to {len(bundle) - 1}"
            )
        return rows.astype(np.int32)

    def _set_camera_poses(
        self, bundle: CameraBundle, positions: Any, quats: Any, order: str, convention: str, env_ids: Any
    ) -> None:
        rows = self._rows(bundle, env_ids)
        p = as_device_array("positions", positions, wp.vec3, (len(rows), 3), self._device)
        q = as_device_quaternions(f"quat_{order}", quats, len(rows), self._device)
        index: Any = wp.array(rows, dtype=wp.int32, device=self._device)
        self._backend.set_camera_poses(bundle, p, q, order, convention, index)

    def _set_intrinsics(self, bundle: CameraBundle, matrices: Any, env_ids: Any) -> None:
        rows = self._rows(bundle, env_ids)
        m = as_device_array("matrices", matrices, wp.mat33, (len(rows), 3, 3), self._device)
        host = m.numpy()
        bad = np.flatnonzero((host[:, 0, 0] <= 0.0) | (host[:, 1, 1] <= 0.0))
        if len(bad):
            raise InputError(f"matrices[{bad[0]}] has a focal length that is not positive: {host[bad[0]].tolist()}")
        self._backend.set_intrinsics(bundle, m, wp.array(rows, dtype=wp.int32, device=self._device))

    def _set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        self._own(bundle)
        for name, current in bundle.outputs.items():
            if name not in buffers:
                raise InputError(
                    f"buffers has no array for the output {name!r}; it has: {', '.join(buffers) or 'none'}"
                )
            buffer = buffers[name]
            found = (tuple(buffer.shape), buffer.dtype, buffer.device)
            if found != (tuple(current.shape), current.dtype, current.device) or not buffer.is_contiguous:
                raise InputError(
                    f"the buffer of output {name!r} is {_describe(buffer)}; expected {_describe(current)}, contiguous"
                )
        self._backend.set_outputs(bundle, {name: buffers[name] for name in bundle.outputs})

    def _own(self, bundle: CameraBundle) -> None:
        if bundle not in self._bundles:
            raise InputError(f"{bundle!r} does not belong to this renderer, or the renderer is closed")

    # -- transforms -------------------------------------------------------------------------------------------------

    def bind_transforms(self, paths: Sequence[str]) -> TransformBinding:
        """Bind prims, so that their world poses can be written as arrays.

        A prim below another bound prim of the same list moves by its own row only.

        Args:
            paths: Absolute prim paths; row i of what is written later places ``paths[i]``.

        Raises:
            SceneError: A path is not a prim of the stage.
        """
        paths = [str(path) for path in paths]
        return TransformBinding(self, paths, self._backend.bind(self._resolve(paths)))

    def _resolve(self, paths: list[str]) -> FrameBinding:
        scene = self.scene
        row_of = {path: i for i, path in enumerate(paths)}
        owners: dict[str, int] = {}

        def owner(path: str) -> int:
            """Row of the nearest bound prim at or above a path; -1 if there is none."""
            at = path
            while at:
                if at in row_of:
                    return row_of[at]
                at = at.rpartition("/")[0]
            return -1

        for path in scene.paths:
            owners[path] = owner(path)
        of_path = np.array([owners[path] for path in scene.paths] or [-1], np.int64)
        rows = [of_path[scene.instances.path]] if len(scene.instances) else []
        others: list[Light | Camera] = [*scene.lights, *scene.cameras]
        rows.append(np.array([owner(other.path) for other in others], np.int64))
        row = np.concatenate(rows)
        frames = np.flatnonzero(row >= 0)
        row = row[frames]
        world = self._prim_transforms(paths)
        place = np.concatenate(
            [
                scene.instances.transform,
                np.array([light.transform for light in scene.lights]).reshape(-1, 4, 4),
                np.array([camera.transform for camera in scene.cameras]).reshape(-1, 4, 4),
            ]
        )[frames]
        rigid = rigid_part(world)
        with np.errstate(all="ignore"):
            to_pose = place @ np.linalg.inv(rigid)[row]
            to_matrix = place @ np.linalg.inv(world)[row]
        to_pose = to_pose * np.array([scene.meters_per_unit] * 3 + [1.0])
        return FrameBinding(row.astype(np.int32), frames.astype(np.int32), to_pose, to_matrix)

    def _prim_transforms(self, paths: list[str]) -> np.ndarray:
        """(P, 4, 4) world matrices of prims as they are now, stage units."""
        if self.stage is None:
            return self._prim_transforms_of_scene(paths)
        from pxr import UsdGeom

        cache = UsdGeom.XformCache()
        out = np.empty((len(paths), 4, 4))
        for i, path in enumerate(paths):
            prim = self.stage.GetPrimAtPath(path) if path.startswith("/") else None
            if not prim:
                raise SceneError(f"cannot bind {path!r}: the stage has no such prim")
            out[i] = np.array(cache.GetLocalToWorldTransform(prim))
        singular = np.flatnonzero(np.abs(np.linalg.det(out[:, :3, :3])) < 1.0e-30)
        if len(singular):
            raise SceneError(f"cannot bind {paths[singular[0]]}: its scale is zero, so nothing below it can be placed")
        return out

    def _prim_transforms_of_scene(self, paths: list[str]) -> np.ndarray:
        """The same without a stage: a path must be that of an instance, a light or a camera."""
        scene = self.scene
        known: dict[str, np.ndarray] = {}
        items: list[Light | Camera] = [*scene.lights, *scene.cameras]
        for item in items:
            known[item.path] = item.transform
        for path, transform in zip(scene.instances.path, scene.instances.transform, strict=True):
            known.setdefault(scene.paths[path], transform)
        for path in paths:
            if path not in known:
                raise SceneError(f"cannot bind {path!r}: the scene has no such prim")
        return np.array([known[path] for path in paths]).reshape(-1, 4, 4)

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(
        self, bundle: CameraBundle | None = None, *, env_ids: Sequence[int] | np.ndarray | None = None
    ) -> dict[str, wp.array]:
        """Draw a bundle (None: all of them) into its buffers.

        Args:
            bundle: The cameras to draw.
            env_ids: Rows of the bundle to draw; the others keep their last image.

        Returns:
            (N, H, W, C) arrays by output name; of several bundles, those of the first. The same buffers every call.

        Raises:
            SceneError: There is no bundle.
            InputError: ``env_ids`` is out of range.
        """
        todo = [bundle] if bundle is not None else self._bundles
        if not todo:
            raise SceneError("there are no cameras to draw; call add_cameras first")
        timings: dict[str, float] = {}
        for one in todo:
            self._own(one)
            rows = None if env_ids is None else self._rows(one, env_ids)
            for phase, seconds in self._backend.render(one, rows).items():
                timings[phase] = timings.get(phase, 0.0) + seconds
        self.timings = timings
        return todo[0].outputs

    def close(self) -> None:
        """Free the backend. The output buffers that were handed out stay valid."""
        self._backend.close()
        self._bundles = []

    def __enter__(self) -> TiledRenderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _describe(array: wp.array) -> str:
    return f"{tuple(array.shape)} {array.dtype.__name__} on {array.device}"


def rigid_part(matrices: np.ndarray) -> np.ndarray:
    """Rotation and translation of row-vector matrices (n, 4, 4): scale and shear taken out by Gram-Schmidt.

    Of a mirroring matrix the third axis is turned round, so the result is a rotation.
    """
    out = np.array(matrices, np.float64)
    x, y = out[:, 0, :3], out[:, 1, :3]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    y = y - x * np.sum(x * y, axis=1, keepdims=True)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    out[:, 0, :3], out[:, 1, :3], out[:, 2, :3] = x, y, np.cross(x, y)
    return out
