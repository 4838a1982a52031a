"""Isaac Sim's tiled render product behind our interface. The stage is what is drawn; the Scene only says what is there.

What it draws, and what it does not, is said in ``docs/backends/isaac_rtx.md``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import omni.usd
import warp as wp

from ...arrays import reinterpret
from ...bindings import rigid_part
from ...cameras import CONVENTIONS, CameraBundle
from ...config import RendererCfg
from ...errors import ConfigError, InputError, SceneError
from ...outputs import OUTPUTS, SEGMENTATIONS
from ...scene.data import Scene, SceneChanges
from ..base import Backend, FrameBinding, check_options
from ..devices import pick_device
from ..targets import TARGETS, allocate_targets, retarget
from .overlay import Overlay
from .product import ANNOTATORS, TiledProduct, Updates, draw_frame, set_semantic_filter
from .tiles import as_tiles, split_colors, split_floats, split_ids, tile_columns

__all__ = ["IsaacRtxBackend"]

_APERTURE = 20.955
_FLOATS = {"normals": 4, "motion_vectors": 4, "distance_to_image_plane": 1, "distance_to_camera": 1}


@dataclass(eq=False)
class _Bound:
    """Prims, what of their matrices is not rotation and translation, and the matrices that were written last."""

    paths: list[str]
    scale: np.ndarray
    last: np.ndarray | None = None


@dataclass(eq=False)
class _View:
    """The render product of a bundle, and where its images go."""

    product: TiledProduct
    targets: dict[str, wp.array]
    copies: list[tuple[wp.array, wp.array]] = field(default_factory=list)
    lens: np.ndarray | None = None


class IsaacRtxBackend(Backend):
    """Draws with Isaac Sim, in its own process.

    Each frame lets the application update once. Inside an update of it, or with ``backend_options={"pump": False}``,
    the images are those of its last frame.

    Raises:
        ConfigError: The device does not exist, or an option is unknown.
    """

    name: ClassVar[str] = "isaac_rtx"

    def __init__(self, cfg: RendererCfg) -> None:
        check_options(cfg.backend_options, self.name, ("pump",))
        self.cfg = cfg
        self.device = pick_device(cfg.device)
        self._pump = bool(cfg.backend_options.get("pump", True))
        self._source: Scene | None = None
        self._stage: Any = None
        self._overlay: Overlay | None = None
        self._updates = Updates()
        self._bundles: list[CameraBundle] = []

    # -- scene ------------------------------------------------------------------------------------------------------

    def load(self, scene: Scene, stage: Any = None) -> None:
        if stage is None:
            raise SceneError("the isaac_rtx backend draws the stage that is open in Isaac Sim, not a Scene")
        if omni.usd.get_context().get_stage() != stage:
            raise SceneError(
                "the isaac_rtx backend draws the stage that is open in Isaac Sim, which is another one; open this one "
                "there (omni.usd.get_context().open_stage), or use backend='warp'"
            )
        if self._overlay is None:
            self._overlay = Overlay(stage)
            if self.cfg.semantic_filter != "*:*":
                set_semantic_filter(self.cfg.semantic_filter)
        self._source, self._stage = scene, stage
        if not self.cfg.see_all_envs:
            self._overlay.partition(scene.env_paths, range(scene.num_envs), cameras=False)

    def update(self, scene: Scene, changes: SceneChanges) -> bool:
        return True  # Isaac Sim follows the stage itself

    @property
    def _open(self) -> Overlay:
        if self._overlay is None:
            raise InputError("the renderer is closed; make a new TiledRenderer")
        return self._overlay

    # -- transforms -------------------------------------------------------------------------------------------------

    def bind(self, binding: FrameBinding) -> _Bound:
        self._open.check(binding.paths)
        return _Bound(list(binding.paths), binding.worlds @ np.linalg.inv(rigid_part(binding.worlds)))

    def rebind(self, bound: object, binding: FrameBinding) -> _Bound:
        assert isinstance(bound, _Bound)
        new = _Bound(list(binding.paths), bound.scale, bound.last)
        if new.last is not None:
            self._open.place(new.paths, new.last)
        return new

    def write_poses(self, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        assert isinstance(bound, _Bound)
        self._write(bound, bound.scale @ _rigid(positions.numpy(), quats.numpy(), order))

    def write_matrices(self, bound: object, matrices: wp.array) -> None:
        assert isinstance(bound, _Bound)
        self._write(bound, matrices.numpy().astype(np.float64))

    def _write(self, bound: _Bound, matrices: np.ndarray) -> None:
        if bound.last is not None:  # a row that cannot be used stays where it is
            sound = np.isfinite(matrices).all((1, 2))
            matrices = np.where(sound[:, None, None], matrices, bound.last)
        bound.last = matrices
        self._open.place(bound.paths, matrices)

    # -- cameras ----------------------------------------------------------------------------------------------------

    def add_cameras(self, bundle: CameraBundle) -> None:
        unknown = [name for name, kind in bundle.kinds.items() if kind.name not in ANNOTATORS]
        if unknown:
            known = ", ".join(name for name in OUTPUTS if name in ANNOTATORS)
            raise ConfigError(f"the isaac_rtx backend cannot draw {', '.join(unknown)}; it draws: {known}")
        _check_lenses(bundle)
        overlay = self._open
        if not self.cfg.see_all_envs:
            inside = [(path, env) for path, env in zip(bundle.paths, bundle.envs.tolist(), strict=True) if env >= 0]
            overlay.partition([path for path, _ in inside], [env for _, env in inside], cameras=True)
        product = TiledProduct(bundle, self.cfg, self.device)
        bundle.backend_data = _View(product, allocate_targets(bundle, self.device))
        self._bundles.append(bundle)

    def restore_cameras(self, bundle: CameraBundle) -> None:
        self.update_lenses(bundle)

    def update_lenses(self, bundle: CameraBundle) -> None:
        _check_lenses(bundle)

    def remove_cameras(self, bundle: CameraBundle) -> None:
        self._bundles.remove(bundle)
        bundle.backend_data.product.close()
        bundle.backend_data = None

    def set_outputs(self, bundle: CameraBundle, buffers: Mapping[str, wp.array]) -> None:
        view: _View = bundle.backend_data
        view.targets, view.copies = retarget(bundle, buffers)

    def set_camera_poses(
        self, bundle: CameraBundle, positions: wp.array, quats: wp.array, order: str, convention: str, index: wp.array
    ) -> None:
        turn = _rigid(np.zeros((1, 3)), np.array([CONVENTIONS[convention]]), "xyzw")
        paths = [bundle.paths[i] for i in index.numpy()]
        self._open.place(paths, turn @ _rigid(positions.numpy(), quats.numpy(), order))

    def remembers(self, bundle: CameraBundle) -> bool:
        return False  # Isaac Sim has no history that could be forgotten by row

    def set_intrinsics(self, bundle: CameraBundle, matrices: wp.array, index: wp.array) -> None:
        view: _View = bundle.backend_data
        width, height = bundle.width, bundle.height
        given = matrices.numpy().astype(np.float64)
        if view.lens is not None and len(given) < len(bundle):
            given = np.concatenate([given, view.lens[None]])
        f = given[0, 0, 0]
        simple = np.array([[f, 0.0, width / 2], [0.0, f, height / 2], [0.0, 0.0, 1.0]])
        if len(given) < len(bundle) or not np.allclose(given, simple, rtol=1e-4, atol=1e-3):
            raise ConfigError(
                "the isaac_rtx backend takes the same intrinsics for all cameras of a bundle, with square pixels and "
                "the principal point in the middle; give the cameras bundles of their own, or use backend='warp'"
            )
        self._open.set_lens(bundle.paths, float(f) * _APERTURE / width, _APERTURE)
        view.lens = given[0]

    # -- rendering --------------------------------------------------------------------------------------------------

    def render(self, bundle: CameraBundle, cameras: np.ndarray | None) -> dict[str, float]:
        start = time.perf_counter()
        self._open  # noqa: B018 (raises when closed)
        view: _View = bundle.backend_data
        pump = self._pump and not self._updates.running
        if pump:
            draw_frame()
        images = view.product.images(pump)
        drawn = time.perf_counter()
        if images is None:
            return {"render": drawn - start, "outputs": 0.0, "total": drawn - start}
        arrays, infos = images
        rows = np.arange(len(bundle)) if cameras is None else np.unique(cameras)
        self._split(bundle, arrays, wp.array(rows, dtype=wp.int32, device=self.device))
        for name, kind in bundle.kinds.items():
            if kind.name in SEGMENTATIONS:
                bundle.info[name] = infos[ANNOTATORS[kind.name]]
        for to, source in view.copies:
            wp.copy(to, source)
        end = time.perf_counter()
        return {"render": drawn - start, "outputs": end - drawn, "total": end - start}

    def _split(self, bundle: CameraBundle, arrays: dict[str, Any], rows: wp.array) -> None:
        targets = bundle.backend_data.targets
        size = [bundle.width, bundle.height, tile_columns(len(bundle))]
        dim = (len(rows), bundle.height, bundle.width)
        none = wp.empty(0, dtype=wp.float32, device=self.device)
        depth = arrays.get("distance_to_image_plane")
        depth = none if depth is None else as_tiles(depth, wp.float32, self.device)

        def target(name: str) -> wp.array:
            dtype, shape = TARGETS[name]
            return targets.get(name, wp.empty((0,) * (1 + len(shape)), dtype=dtype, device=self.device))

        if "rgb" in arrays:
            tiles = as_tiles(arrays["rgb"], wp.uint32, self.device)
            out = [target("rgb"), target("rgba")]
            wp.launch(split_colors, dim=dim, inputs=[tiles, depth, rows, *size, *out], device=self.device)
        for name, channels in _FLOATS.items():
            if name in targets:
                tiles = as_tiles(arrays[ANNOTATORS[name]], wp.float32, self.device)
                flat = reinterpret(targets[name], wp.float32, (len(targets[name]), OUTPUTS[name].channels))
                where = depth if name == "normals" else none
                wp.launch(split_floats, dim, inputs=[tiles, channels, where, rows, *size, flat], device=self.device)
        for name in SEGMENTATIONS:
            if name in targets:
                tiles = as_tiles(arrays[ANNOTATORS[name]], wp.uint32, self.device)
                wp.launch(split_ids, dim=dim, inputs=[tiles, rows, *size, targets[name]], device=self.device)

    def close(self) -> None:
        for bundle in list(self._bundles):
            self.remove_cameras(bundle)
        self._updates.close()
        if self._overlay is not None:
            self._overlay.close()
        self._overlay = self._source = self._stage = None


def _rigid(positions: np.ndarray, quats: np.ndarray, order: str) -> np.ndarray:
    """(n, 4, 4) float64 row-vector matrices of positions and quaternions, which need not be normalised."""
    q = quats[:, [1, 2, 3, 0]] if order == "wxyz" else quats
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y, z, w = (q / np.linalg.norm(q, axis=1, keepdims=True)).astype(np.float64).T
    out = np.zeros((len(q), 4, 4))
    out[:, 0, :3] = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)], 1)
    out[:, 1, :3] = np.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], 1)
    out[:, 2, :3] = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], 1)
    out[:, 3, :3], out[:, 3, 3] = positions, 1.0
    return out


def _check_lenses(bundle: CameraBundle) -> None:
    first = bundle.cameras[0]
    lens = (first.focal_length, first.horizontal_aperture, first.orthographic)
    for camera in bundle.cameras:
        if (camera.focal_length, camera.horizontal_aperture, camera.orthographic) != lens:
            raise ConfigError(
                f"{camera.path} has another lens than {first.path}, but Isaac Sim draws all cameras of a bundle with "
                "one; give it a bundle of its own, or use backend='warp'"
            )
