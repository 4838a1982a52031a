"""A camera bundle on the side of OVRTX: its render products, its cameras, and how its images become its buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from ...cameras import CameraBundle
from ...config import RendererCfg
from ...errors import BackendFailedError
from ...outputs import SEGMENTATIONS
from ...scene.data import Scene
from ...scene.export import VIEW_PARTITION, partition_of
from ...scene.openusd import Usd
from ..ids import describe_ids, palette, semantic_palette
from ..targets import allocate_targets
from .camera_prims import CameraPrims
from .cutting import IdTable, cut, take_image
from .labels import UNLABELLED, InstanceIds, SemanticIds
from .lenses import prim_lenses
from .options import OvrtxOptions
from .products import (
    HISTORY_REQUEST,
    HISTORY_TILES,
    SOURCES,
    Product,
    plan_products,
    products_usda,
    split_cameras,
)
from .session import Session
from .transforms import pick_rows

__all__ = ["View", "find_var", "is_partitioned", "last_frame"]


class View:
    """What the backend keeps of a bundle.

    Attributes:
        products: Render products that draw it.
        layer: Handle of the layer that they stand in.
        cameras: Paths of the camera prims, one a row; see :class:`CameraPrims`.
        matrices: (N,) mat44d world matrices of the cameras [stage units]; zero where none was set.
        pinned: (N,) bool: cameras whose pose was set; the others follow their prims.
        sent: Whether the library has the poses.
        forgotten: (N,) bool: cameras whose earlier images must not show in the next ones.
        lenses: Values of calibrated cameras, by attribute and row.
        targets: Flat output buffers by kind.
        copies: (to, from) buffers of kinds that were asked for twice.
    """

    def __init__(self, bundle: CameraBundle, device: wp.Device) -> None:
        self.bundle = bundle
        self.device = device
        self.products: list[Product] = []
        self.layer: Any = None
        self.cameras: list[str] = []
        self.matrices: Any = wp.zeros(len(bundle), dtype=wp.mat44d, device=device)
        self.pinned = np.zeros(len(bundle), bool)
        self.sent = True
        self.lenses: dict[str, dict[int, Any]] = {}
        self.targets = allocate_targets(bundle, device)
        self.copies: list[tuple[wp.array, wp.array]] = []
        self.forgotten = np.zeros(len(bundle), bool)
        self._requests = 0
        self._handle: Any = None
        self._handle_rows = 0
        self._everything: Any = wp.array(np.arange(len(bundle), dtype=np.int32), dtype=wp.int32, device=device)
        self._tables: dict[str, tuple[bytes, IdTable]] = {}
        self._selected: tuple[bytes, Any] | None = None

    def forget(self) -> None:
        """Let go of everything that belonged to a stage that was replaced."""
        self.products, self.layer, self.cameras, self._handle, self._handle_rows = [], None, [], None, 0
        self._tables.clear()
        self.sent = not self.pinned.any()

    def prepare(
        self,
        session: Session,
        stage: Usd.Stage,
        name: str,
        scene: Scene,
        cfg: RendererCfg,
        options: OvrtxOptions,
        prims: CameraPrims,
    ) -> None:
        """Make the render products, and give them their cameras.

        Args:
            name: Name of the prim below which they stand; it must not exist.
            prims: The camera prims that there are.
        """
        bundle, limit = self.bundle, session.library.tile_limit
        grids = split_cameras(len(bundle), bundle.width, bundle.height, limit, options.max_image_size)
        self.products = plan_products(f"/{name}", bundle.kinds.values(), options.render_mode, grids)
        text = products_usda(
            self.products,
            cfg,
            options,
            cfg.background if bundle.background is None else bundle.background,
            headlight=cfg.headlight and not scene.lights,
            device_ids=options.device_ids(self.device),
        )
        self.layer = session.add_layer(text, f"/{name}")
        self.cameras = prims.take(session, stage, bundle.paths)
        self.write_lenses(session)
        inside = np.flatnonzero(bundle.envs >= 0)
        if is_partitioned(scene, cfg) and len(inside):
            tokens = [partition_of(int(bundle.envs[row])) for row in inside]
            session.write_tokens([self.cameras[row] for row in inside], VIEW_PARTITION, tokens)
        # The targets of a reference are dropped, so the cameras are named here.
        cameras = [[self.cameras[row] for row in product.cameras] for product in self.products]
        session.write_arrays([product.path for product in self.products], "camera", cameras)
        bundle.info.clear()
        describe_ids(scene, bundle, cfg.semantic_colors)

    def write_lenses(self, session: Session) -> None:
        """Write the lenses of the prims, and those that were set in their place."""
        lenses = prim_lenses(self.bundle.cameras)
        for name, values in self.lenses.items():
            for row, value in values.items():
                lenses[name][row] = value
        for name, written in lenses.items():
            session.write_values(self.cameras, name, written)

    # -- poses ------------------------------------------------------------------------------------------------------

    def pin(self, session: Session, rows: np.ndarray) -> None:
        """From now on the poses of these cameras are those in :attr:`matrices`, but for those that were never set."""
        new = np.unique(rows[~self.pinned[rows]])
        if not len(new):
            return
        new = new[self.matrices.numpy()[new, 3, 3] == 1.0]
        self.pinned[new] = True
        session.reset_stack([self.cameras[row] for row in new])

    def send(self, session: Session) -> Any:
        """Hand the poses over; the result is an array to keep until the next frame is there."""
        rows = np.flatnonzero(self.pinned)
        if self._handle is None or self._handle_rows != len(rows):
            if self._handle is not None:
                session.unbind(self._handle)
            self._handle, self._handle_rows = session.bind_transforms([self.cameras[row] for row in rows]), len(rows)
        matrices = self.matrices if len(rows) == len(self.pinned) else pick_rows(self.matrices, rows)
        session.send(self._handle, matrices)
        self.sent = True
        return matrices

    def reset_tiles(self, session: Session) -> None:
        """Have the library forget the history of the cameras that are :attr:`forgotten`, at its next step."""
        self._requests += 1
        for product in self.products:
            tiles = np.flatnonzero(self.forgotten[product.first : product.first + product.grid.count])
            if len(tiles):
                session.write_arrays([product.path], HISTORY_TILES, [tiles.astype(np.float32)])
                session.write_values([product.path], HISTORY_REQUEST, [np.int32(self._requests)])
        self.forgotten[:] = False

    def release(self, session: Session, prims: CameraPrims) -> None:
        """Remove everything of the bundle from the library."""
        prims.give_back(self.bundle.paths[: len(self.cameras)], self.cameras)
        if self._handle is not None:
            session.unbind(self._handle)
        if self.layer is not None:
            session.remove_layer(self.layer)
        self.forget()

    # -- images -----------------------------------------------------------------------------------------------------

    def take(self, session: Session, result: Any, rows: np.ndarray | None, scene: Scene, cfg: RendererCfg, gain: float):
        """Cut the images of a step into the buffers.

        Args:
            result: What the step gave.
            rows: Rows of the bundle to draw; None is all.
            gain: Exposure of ``rgb_hdr``.
        """
        for product in self.products:
            frame = last_frame(result, product.path)
            mine = self._rows_of(product, rows)
            if not len(mine):
                continue
            images: dict[str, list[str]] = {}
            for kind in product.kinds:
                images.setdefault(SOURCES[kind][0], []).append(kind)
            for source, kinds in images.items():
                var = find_var(session, frame, product, source)
                mapping = session.map(var)
                try:
                    image = take_image(kinds[0], session.image(mapping), product.grid, self.device)
                    for kind in kinds:
                        ids = (
                            self._id_table(session, frame, product, kind, scene, cfg) if kind in SEGMENTATIONS else None
                        )
                        cut(kind, image, product.grid, product.first, mine, self.targets[kind], gain, ids)
                    del image
                finally:
                    session.unmap(mapping)
        for to, buffer in self.copies:
            wp.copy(to, buffer)

    def _rows_of(self, product: Product, rows: np.ndarray | None) -> wp.array:
        """Rows of the bundle that a product draws, out of those that are asked for, on the device."""
        if rows is None:
            return self._everything[product.first : product.first + product.grid.count]
        if self._selected is None or self._selected[0] != rows.tobytes():
            self._selected = (rows.tobytes(), {})
        known: dict[int, Any] = self._selected[1]
        if product.first not in known:
            mine = rows[(rows >= product.first) & (rows < product.first + product.grid.count)]
            known[product.first] = wp.array(mine.astype(np.int32), dtype=wp.int32, device=self.device)
        return known[product.first]

    def _id_table(
        self, session: Session, frame: Any, product: Product, kind: str, scene: Scene, cfg: RendererCfg
    ) -> IdTable:
        """What the ids of an image become, out of the label maps of this very frame."""
        maps = [self._label_map(session, frame, product, source) for source in SOURCES[kind][1:]]
        digest = b"".join(table.tobytes() for table in maps)
        known = self._tables.get(kind)
        if known is not None and known[0] == digest:
            return known[1]
        if kind == "semantic_segmentation":
            ids = SemanticIds(scene, cfg.semantic_filter).table(*maps)
            colors = semantic_palette(scene.labels, cfg.semantic_colors)
        else:
            ids = InstanceIds(scene).table(*maps)
            colors = palette(max(ids.values()) + 1)
        unknown = UNLABELLED
        if kind in self.bundle.colorize:
            ids, unknown = {key: int(colors[value]) for key, value in ids.items()}, int(colors[UNLABELLED])
        table = IdTable(ids, unknown, self.device)
        self._tables[kind] = (digest, table)
        return table

    @staticmethod
    def _label_map(session: Session, frame: Any, product: Product, source: str) -> np.ndarray:
        var = session.library.render_var(frame, product.var_path(source), source)
        if var is None:
            raise BackendFailedError(f"OVRTX gives no {source} for {product.path}; the ids have no meaning without it")
        return session.read_bytes(var)


def is_partitioned(scene: Scene, cfg: RendererCfg) -> bool:
    """Whether each camera sees its own environment and the shared prims only."""
    return scene.num_envs > 0 and not cfg.see_all_envs


def last_frame(result: Any, path: str) -> Any:
    """The frame at the end of a step: there may be several (frame generation), or none.

    Raises:
        BackendFailedError: There is none.
    """
    frames = result[path].frames if path in result else []
    if not frames:
        raise BackendFailedError(
            f"OVRTX gave no frame for {path}; nothing was drawn, so the buffers keep the last image"
        )
    return frames[-1]


def find_var(session: Session, frame: Any, product: Product, source: str) -> Any:
    """The image of an AOV.

    Raises:
        BackendFailedError: The frame has none.
    """
    var = session.library.render_var(frame, product.var_path(source), source)
    if var is None:
        raise BackendFailedError(
            f"OVRTX gives no {source} for {product.path} in the mode {product.mode!r}; it gives: "
            f"{', '.join(map(str, frame.render_vars)) or 'nothing'}"
        )
    return var
