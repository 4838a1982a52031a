"""TiledRenderer: a live stage in, one image buffer an output and camera bundle out."""

from __future__ import annotations

import os
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import warp as wp

from .arrays import as_device_array, as_device_quaternions
from .bindings import TransformBinding
from .cameras import CameraBundle
from .config import MAX_IMAGE_SIZE, RendererCfg
from .errors import ConfigError, InputError, SceneError
from .outputs import SEGMENTATIONS, resolve_outputs
from .patterns import path_matcher
from .registry import make_backend
from .scene.data import Camera, Finding, Scene, SceneChanges
from .surface_bindings import MaterialBinding, PointBinding, SurfaceBinding

if TYPE_CHECKING:
    from pxr import Usd

    from .scene.live_edits import LiveScene

__all__ = ["TiledRenderer", "TransformBinding"]

_Surface = TypeVar("_Surface", bound=SurfaceBinding)


class TiledRenderer:
    """Draws N cameras of N cloned environments in one go.

    Args:
        source: A ``Usd.Stage``, the path of a stage file, or what was read before: a Scene, or a LiveScene (one that
            follows its stage), so that reading and loading can be done by different threads.
        cfg: Configuration; None is the default one.

    Attributes:
        cfg: The configuration.
        scene: The stage as it was read; another object when it had to be read again.
        timings: Seconds of the last :meth:`render` by phase.

    Raises:
        SceneError: The file cannot be opened.
        BackendUnavailableError: The backend cannot run here.
        MissingExtraError: A stage was given, but ``pxr`` is not installed.
    """

    def __init__(
        self, source: Usd.Stage | Scene | LiveScene | str | os.PathLike[str], cfg: RendererCfg | None = None
    ) -> None:
        self.cfg = cfg or RendererCfg()
        self._backend = make_backend(self.cfg)
        self._bundles: list[CameraBundle] = []
        self.timings: dict[str, float] = {}
        self._bindings: weakref.WeakSet[TransformBinding] = weakref.WeakSet()
        self._written: dict[int, TransformBinding] = {}
        self._surfaces: list[SurfaceBinding] = []
        self._live: LiveScene | None = None
        self.stage: Any = None
        try:
            self.scene = self._open(source)
            self._backend.load(self.scene, self.stage)
        except BaseException:
            self.close()
            raise

    def _open(self, source: Usd.Stage | Scene | LiveScene | str | os.PathLike[str]) -> Scene:
        """Read the source, and follow it if it is a stage."""
        if isinstance(source, Scene):
            return source
        from .scene.live_edits import LiveScene
        from .scene.stage_reader import open_stage

        if isinstance(source, LiveScene):
            self._live = source
        else:
            stage: Any = open_stage(source) if isinstance(source, (str, os.PathLike)) else source
            if not hasattr(stage, "GetPseudoRoot"):
                raise InputError(f"the source is a {type(source).__name__}; expected a Usd.Stage, a path or a Scene")
            self._live = LiveScene(stage, self.cfg)
        self.stage = self._live.stage
        return self._live.scene

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
    def device(self) -> wp.Device:
        """Where the output buffers are, and where arrays handed in must be."""
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
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if not whole or not 1 <= value <= MAX_IMAGE_SIZE:
                raise ConfigError(
                    f"{name} is {value!r}; it must be a whole number of pixels from 1 to {MAX_IMAGE_SIZE}"
                )
        kinds = resolve_outputs(outputs)
        if isinstance(colorize, bool):
            colored = frozenset(SEGMENTATIONS if colorize else ())
        else:
            colored = frozenset(kind.name for kind in resolve_outputs(colorize).values()) if colorize else frozenset()
        if colored - set(SEGMENTATIONS):
            raise ConfigError(f"colorize names {sorted(colored - set(SEGMENTATIONS))}; only {SEGMENTATIONS} hold ids")
        if background is not None and len(background) != 3:
            raise ConfigError(f"background is {background!r}; it must be three linear colour values or None")
        self._follow()
        picked = self._match_cameras(cameras)
        first = self._first_camera()
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

    @contextmanager
    def twin(self, bundle: CameraBundle, row: int, outputs: Sequence[str]) -> Iterator[CameraBundle]:
        """A bundle of one camera that stands and looks as a row of another one does now, inside of a ``with`` block.

        Raises:
            SceneError: The backend cannot tell where cameras stand that were placed by arrays.
        """
        self._own(bundle)
        twin = self.add_cameras(
            [bundle.paths[row]], width=bundle.width, height=bundle.height, outputs=outputs, background=bundle.background
        )
        try:
            if not self._backend.place_like(twin, bundle, row):
                raise SceneError(
                    f"the backend {self.backend_name!r} cannot draw a camera of a bundle once more; add the bundle "
                    f"with the outputs {', '.join(outputs)}"
                )
            yield twin
        finally:
            self.remove_cameras(twin)

    def _first_camera(self) -> int:
        """Frame of the first camera."""
        return len(self.scene.instances) + len(self.scene.lights)

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
        self._own(bundle)
        rows = self._rows(bundle, env_ids)
        p = as_device_array("positions", positions, wp.vec3, (len(rows), 3), self.device)
        q = as_device_quaternions(f"quat_{order}", quats, len(rows), self.device)
        index: Any = wp.array(rows, dtype=wp.int32, device=self.device)
        self._backend.set_camera_poses(bundle, p, q, order, convention, index)

    def _set_intrinsics(self, bundle: CameraBundle, matrices: Any, env_ids: Any) -> None:
        self._own(bundle)
        rows = self._rows(bundle, env_ids)
        m = as_device_array("matrices", matrices, wp.mat33, (len(rows), 3, 3), self.device)
        host = m.numpy()
        bad = np.flatnonzero((host[:, 0, 0] <= 0.0) | (host[:, 1, 1] <= 0.0))
        if len(bad):
            raise InputError(f"matrices[{bad[0]}] has a focal length that is not positive: {host[bad[0]].tolist()}")
        self._backend.set_intrinsics(bundle, m, wp.array(rows, dtype=wp.int32, device=self.device))
        bundle.calibrated[rows] = True

    def _remembers(self, bundle: CameraBundle) -> bool:
        self._own(bundle)
        return self._backend.remembers(bundle)

    def _forget_history(self, bundle: CameraBundle, env_ids: Any) -> None:
        self._own(bundle)
        rows = self._rows(bundle, env_ids)
        if len(rows) and self._backend.remembers(bundle):
            self._backend.forget_history(bundle, rows)

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

    def _own(self, bundle: CameraBundle, follow: bool = True) -> None:
        """Refuse a bundle that is not this renderer's, or that the stage has no cameras for any more."""
        if follow:
            self._follow()
        else:
            self._revive()
        if bundle not in self._bundles:
            raise InputError(f"{bundle!r} does not belong to this renderer, or the renderer is closed")
        if bundle.problem:
            raise SceneError(bundle.problem)

    # -- transforms -------------------------------------------------------------------------------------------------

    def bind_transforms(self, paths: Sequence[str]) -> TransformBinding:
        """Bind prims, so that their world poses can be written as arrays.

        A prim below another bound prim of the same list moves by its own row only.

        Args:
            paths: Absolute prim paths; row i of what is written later places ``paths[i]``.

        Raises:
            SceneError: A path is not a prim of the stage, or its scale is zero.
        """
        self._follow()
        binding = TransformBinding(self, [str(path) for path in paths])
        self._bindings.add(binding)
        return binding

    def _note_write(self, binding: TransformBinding) -> None:
        """Remember the order of the last writes, in which they are repeated when the stage was read again."""
        if self._written.pop(id(binding), None) is None:
            # One that was written before, of the same prims, is overruled for good.
            self._written = {key: old for key, old in self._written.items() if old.paths != binding.paths}
        self._written[id(binding)] = binding

    # -- surfaces ---------------------------------------------------------------------------------------------------

    def bind_materials(self, paths: Sequence[str], name: str) -> MaterialBinding:
        """Bind an input of materials, so that it can be written as an array: colours that differ by environment.

        Args:
            paths: Material prims; row i of what is written later is for ``paths[i]``.
            name: Input; see :data:`~omni.isaac.ovrtx_render.surface_bindings.MATERIAL_INPUTS`.

        Raises:
            SceneError: A path is not a material of the stage.
            ConfigError: There is no such input, it comes from a texture, or the backend cannot change it.
        """
        self._follow()
        return self._bind_surface(MaterialBinding(self, [str(path) for path in paths], name))

    def bind_points(self, paths: Sequence[str]) -> PointBinding:
        """Bind meshes that deform, or curves, so that their points can be written as an array of world positions.

        From then on their points are what places them: transforms of their prims do not move them. They are drawn from
        both sides, as cloth is seen.

        Args:
            paths: Mesh or BasisCurves prims; their points follow one another in what is written.

        Raises:
            SceneError: A path is neither a mesh that is drawn as it is nor curves.
            ConfigError: The backend cannot draw meshes that deform.
        """
        self._follow()
        return self._bind_surface(PointBinding(self, [str(path) for path in paths]))

    def _bind_surface(self, binding: _Surface) -> _Surface:
        """Have the backend load the scene, in which the binding's prims have taken rows of their own."""
        self._surfaces.append(binding)
        try:
            if self._backend.draws_stage:  # its prims are its own already
                binding.restore()
            else:
                self._load()
        except BaseException:
            self._surfaces.remove(binding)
            self._load()
            raise
        return binding

    def _followed(self, what: str) -> LiveScene:
        if self._live is None:
            raise InputError(f"{what} needs the stage; this renderer was made from a Scene that was read before")
        return self._live

    # -- the live stage ---------------------------------------------------------------------------------------------

    def sync(self) -> bool:
        """Take over what changed on the stage; :meth:`render` does so by itself unless ``follow_stage`` is off.

        Poses and lenses that were set as arrays stay; bundles, bindings and output buffers remain the same objects.
        Without ``follow_stage`` the whole stage is read again.

        Returns:
            Whether there was anything to take over.

        Raises:
            SceneError: The stage cannot be read now. The next call tries again.
        """
        if self._live is None:
            return False
        changes = self._live.update()
        if changes is None:
            return False
        try:
            self._take_over(changes)
        except BaseException:
            self._live.discard()
            raise
        return True

    @property
    def pending(self) -> bool:
        """Whether the stage was edited since it was read; always False without ``follow_stage``."""
        return self._live is not None and self._live.pending

    def _follow(self) -> None:
        if self.pending:
            self.sync()
        self._revive()

    def _revive(self) -> None:
        """Put everything back that a backend lost, which said so when it happened."""
        if self._backend.lost:
            self._load()

    def _take_over(self, changes: SceneChanges) -> None:
        assert self._live is not None
        self.scene = self._live.scene
        if changes.replaced:
            for surface in self._surfaces:
                surface.take_rows()
        if changes.replaced or not self._backend.update(self.scene, changes):
            self._load()
            return
        moved = np.zeros(len(self.scene.instances) + len(self.scene.lights) + len(self.scene.cameras), bool)
        moved[changes.frames] = True
        self._restore_bindings(moved)
        if changes.materials or len(changes.frames):
            for surface in self._surfaces:
                surface.restore()
        lenses = {id(self.scene.cameras[i]) for i in changes.cameras}
        for bundle in self._bundles:
            if lenses and any(id(camera) in lenses for camera in bundle.cameras):
                self._backend.update_lenses(bundle)

    def use_materials(self, scene: Scene | None) -> None:
        """Draw with the materials of another Scene in place of those of :attr:`scene`; None gives these back.

        An edit of the stage that changes materials gives them back, too.

        Args:
            scene: Materials, and their textures, of which the first are those of :attr:`scene`; and which of the
                materials each instance shows.
        """
        if not self._backend.update(scene or self.scene, SceneChanges(materials=True)):
            raise ConfigError(f"the backend {self.backend_name!r} cannot draw with other materials")
        if scene is None:
            for surface in self._surfaces:
                surface.restore()

    def _load(self) -> None:
        """Have the backend load the scene, and put everything back that was written."""
        self._backend.load(self.scene, self.stage)
        self._restore_bindings(None)
        for surface in self._surfaces:
            surface.restore()
        for bundle in self._bundles:
            self._restore_cameras(bundle)

    def _restore_bindings(self, moved: np.ndarray | None) -> None:
        """In the order of their last writes: what was written last wins."""
        for binding in [*(self._bindings - set(self._written.values())), *self._written.values()]:
            if moved is None or binding._depends_on(moved):
                binding._restore()

    def _restore_cameras(self, bundle: CameraBundle) -> None:
        """Find the cameras of a bundle in a scene that was read again."""
        index = {camera.path: i for i, camera in enumerate(self.scene.cameras)}
        missing = [path for path in bundle.paths if path not in index]
        bundle.problem = None
        if missing:
            bundle.problem = f"camera {missing[0]} is not on the stage any more; put it back, or remove the bundle"
            return
        bundle.cameras[:] = [self.scene.cameras[index[path]] for path in bundle.paths]
        bundle.frames[:] = self._first_camera() + np.array([index[path] for path in bundle.paths], np.int32)
        bundle.envs[:] = [camera.env for camera in bundle.cameras]
        self._backend.restore_cameras(bundle)

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(
        self,
        bundle: CameraBundle | None = None,
        *,
        env_ids: Sequence[int] | np.ndarray | None = None,
        follow: bool = True,
    ) -> dict[str, wp.array]:
        """Draw a bundle (None: all of them) into its buffers.

        Args:
            bundle: The cameras to draw.
            env_ids: Rows of the bundle to draw; the others keep their last image.
            follow: Take edits of the stage over first. False draws what was read last and does not touch the stage:
                a thread may draw while another one edits, which calls :meth:`sync` in between.

        Returns:
            (N, H, W, C) arrays by output name; of several bundles, those of the first. The same buffers every call.

        Raises:
            SceneError: There is no bundle, or a camera prim of one was removed from the stage.
            InputError: ``env_ids`` is out of range.
        """
        todo = [bundle] if bundle is not None else self._bundles
        if not todo:
            raise SceneError("there are no cameras to draw; call add_cameras first")
        for one in todo:
            self._own(one, follow)
        timings: dict[str, float] = {}
        for one in todo:
            rows = None if env_ids is None else self._rows(one, env_ids)
            for phase, seconds in self._backend.render(one, rows).items():
                timings[phase] = timings.get(phase, 0.0) + seconds
        self.timings = timings
        return todo[0].outputs

    def release_stage(self) -> None:
        """Let go of the stage, which somebody else closes; what was read of it can still be drawn."""
        if self._live is not None:
            self._live.close()
        self._live = self.stage = None

    def close(self) -> None:
        """Free the backend and let go of the stage. The output buffers that were handed out stay valid."""
        self.release_stage()
        self._backend.close()
        self._bundles, self._written, self._surfaces = [], {}, []

    def __enter__(self) -> TiledRenderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _describe(array: wp.array) -> str:
    return f"{tuple(array.shape)} {array.dtype.__name__} on {array.device}"
