"""The tab Materials: the material tree, findings, and fixes with preview, apply and undo."""

from __future__ import annotations

import weakref
from functools import partial
from pathlib import PurePath

import omni.ui as ui

from ..image_view import ImageView
from ..materials_model import MaterialNode
from ..model import ViewModel
from ..style import ROW
from .widgets import assign, button, dot, shortened

__all__ = ["MaterialsTab"]


_PATH = 34
"""Characters of a path in the tree."""
_MOST_FINDINGS = 8
"""Findings that are seen without scrolling; the rest of the height is the fix's."""


class _Item(ui.AbstractItem):
    """A line of the tree."""

    def __init__(self, node: MaterialNode) -> None:
        super().__init__()
        self.node = node
        self.children: list[_Item] = []


def _items_of(nodes: list[MaterialNode], before: list[_Item]) -> list[_Item]:
    """A line for each node: the one that was there for the same path, or a new one."""
    known = {item.node.path: item for item in before}
    items = []
    for node in nodes:
        item = known.get(node.path) or _Item(node)
        item.node, item.children = node, _items_of(node.children, item.children)
        items.append(item)
    return items


class _Tree(ui.AbstractItemModel):
    """Materials, and below each the prims that show it."""

    def __init__(self) -> None:
        super().__init__()
        self._items: list[_Item] = []

    def set_nodes(self, nodes: list[MaterialNode]) -> None:
        """Show other nodes. Lines that stay are the same items, so that they stay open."""
        if nodes != [item.node for item in self._items]:
            self._items = _items_of(nodes, self._items)
            self._item_changed(None)

    def get_item_children(self, parentItem: _Item | None = None) -> list[_Item]:
        return self._items if parentItem is None else parentItem.children

    def get_item_value_model_count(self, item: _Item | None = None) -> int:
        return 2

    def get_item_value_model(self, item: _Item | None = None, column_id: int = 0) -> None:
        """The delegate draws the lines from the items themselves."""


class _Delegate(ui.AbstractItemDelegate):
    """Draws the lines."""

    def build_branch(self, model, item=None, column_id=0, level=0, expanded=False) -> None:
        if column_id == 0:
            with ui.HStack(width=16 * (level + 1), height=ROW - 4):
                ui.Spacer()
                sign = ("-" if expanded else "+") if item.children else ""
                ui.Label(sign, name="dim", width=12)

    def build_widget(self, model, item=None, index=0, level=0, expanded=False) -> None:
        node: MaterialNode = item.node
        with ui.HStack(height=ROW - 4, spacing=4):
            if index == 0:
                dot(node.severity or "none")
                # The library elides at the end, where paths differ.
                ui.Label(shortened(node.label, _PATH - 2 * level), elided_text=True, tooltip=node.path)
            else:
                ui.Label(node.detail, name="dim", elided_text=True, tooltip=node.detail)

    def build_header(self, column_id=0) -> None:
        ui.Label(("Material / prim", "Bound")[column_id], name="dim", height=ROW - 4)


class MaterialsTab:
    """Shows :class:`~..materials_model.MaterialsModel`.

    Args:
        model: The view-model.
    """

    def __init__(self, model: ViewModel) -> None:
        self._model = model
        # A tree view owns neither.
        self._tree, self._delegate = _Tree(), _Delegate()
        self._view: ui.TreeView | None = None
        self._list: ui.ScrollingFrame | None = None
        self._frames: dict[str, ui.Frame] = {}
        self._summary: ui.Label | None = None
        self._seen: object = None
        self._thumbnails: list[ImageView] = []

    def build(self) -> None:
        """Make the widgets; called inside of a frame."""
        me = weakref.proxy(self)
        self._seen = None
        with ui.VStack(spacing=2):
            with ui.HStack(height=ROW, spacing=6):
                ui.Spacer(width=2)
                self._summary = ui.Label("", name="title", elided_text=True)
            with ui.HStack(spacing=4):
                with ui.ScrollingFrame(name="list", width=ui.Fraction(2)):
                    self._view = ui.TreeView(
                        self._tree,
                        delegate=self._delegate,
                        root_visible=False,
                        header_visible=True,
                        column_widths=[ui.Fraction(3), ui.Fraction(1)],
                        identifier="material_tree",
                    )
                with ui.VStack(width=ui.Fraction(3), spacing=4):
                    self._list = ui.ScrollingFrame(name="list", height=ROW + 2)
                    with self._list:
                        self._frames["findings"] = ui.Frame(height=0)
                        self._frames["findings"].set_build_fn(lambda: me._build_findings())
                    self._frames["picked"] = ui.Frame(height=0)
                    self._frames["picked"].set_build_fn(lambda: me._build_picked())
                    self._frames["fix"] = ui.Frame()
                    self._frames["fix"].set_build_fn(lambda: me._build_fix())

    def refresh(self) -> None:
        """Bring the widgets up to date; called once an application frame while the tab is seen."""
        materials = self._model.materials
        if self._summary is None or self._seen == materials.revision:
            return
        self._seen = materials.revision
        self._summary.text = materials.summary
        if self._list is not None:
            lines = min(max(len(materials.findings), 1), _MOST_FINDINGS)
            assign(self._list, "height", ui.Pixel(lines * (ROW + 1) + 1))
        self._tree.set_nodes(materials.tree)
        for frame in self._frames.values():
            frame.rebuild()

    def destroy(self) -> None:
        """Let the widgets go."""
        for view in self._thumbnails:
            view.destroy()
        self._view = self._summary = self._list = None
        self._frames, self._thumbnails = {}, []

    def _build_findings(self) -> None:
        materials = self._model.materials
        with ui.VStack(height=0, spacing=1):
            for i, finding in enumerate(materials.findings):
                count = f" x {finding.count}" if finding.count > 1 else ""
                with ui.HStack(height=ROW, spacing=6):
                    ui.Spacer(width=2)
                    dot(finding.severity)
                    ui.Button(
                        finding.code,
                        identifier=f"finding_{i}",
                        width=190,
                        height=ROW,
                        checked=finding == materials.selected,
                        clicked_fn=partial(materials.select, finding),
                        tooltip=f"{finding.path}: {finding.message}",
                    )
                    ui.Label(finding.path + count, name="dim", elided_text=True, tooltip=finding.message)
            if not materials.findings:
                ui.Label(" nothing to report", name="dim", height=ROW)

    def _build_picked(self) -> None:
        """What a pixel shows that was picked in the tab Tiles."""
        picked = self._model.materials.picked
        for view in self._thumbnails:
            view.destroy()
        self._thumbnails = []
        with ui.VStack(height=0, spacing=2):
            if picked is None:
                return
            lines = [f"picked: {picked.subset or picked.path} (env {picked.env})"]
            if picked.binding is not None:
                lines.append(str(picked.binding).partition(": ")[2])
            if picked.look is not None:
                look = picked.look
                color = ", ".join(f"{channel:.2f}" for channel in look.base_color)
                lines.append(f"base colour {color}, roughness {look.roughness:.2f}, metallic {look.metallic:.2f}")
            for line in lines:
                ui.Label(line, name="value", height=0, word_wrap=True)
            with ui.HStack(height=68, spacing=6):
                for i, texture in enumerate(picked.textures):
                    tooltip = f"{texture.use}: {texture.path}, {texture.size[0]} x {texture.size[1]}"
                    height, width = texture.thumbnail.shape[:2]
                    with ui.VStack(width=80):
                        view = ImageView(
                            identifier=f"texture_{i}", tooltip=tooltip, width=width, height=min(height, 48)
                        )
                        view.show_pixels(texture.thumbnail)
                        ui.Label(texture.use, name="dim", height=16, elided_text=True, tooltip=tooltip)
                    self._thumbnails.append(view)
                ui.Spacer()

    def _build_fix(self) -> None:
        me, materials = weakref.proxy(self), self._model.materials
        finding, fix = materials.selected, materials.fix
        with ui.VStack(spacing=4):
            if finding is not None:
                ui.Label(finding.message, name=finding.severity, word_wrap=True, height=0)
                site = str(finding.site or "")
                where = f"{PurePath(site).name}   " if site else ""
                text = f"{where}seen by: {', '.join(finding.backends)}"
                ui.Label(text, name="dim", height=ROW, elided_text=True, tooltip=site)
            with ui.HStack(height=ROW, spacing=6):
                title = fix.title if fix is not None else "no fix" if finding is not None else "select a finding"
                ui.Label(title, elided_text=True)
                button("See", "fix_see", self._model.show_finding, "see a tile that it is about",
                       enabled=finding is not None)  # fmt: skip
                button("Apply", "fix_apply", materials.apply, "put the fix in force, on a layer of its own",
                       enabled=fix is not None)  # fmt: skip
                button(f"Undo ({len(materials.applied)})", "fix_undo", materials.undo, "take the newest fix back",
                       enabled=bool(materials.applied))  # fmt: skip
                button("Save", "fix_save", lambda: me._save(), "write the fixes in force to a file over the stage's",
                       enabled=bool(materials.applied))  # fmt: skip
            if materials.problem:
                ui.Label(materials.problem, name="error", word_wrap=True, height=0)
            with ui.ScrollingFrame(name="list"):
                ui.Label(materials.preview, name="dim", word_wrap=True, height=0, alignment=ui.Alignment.LEFT_TOP)

    def _save(self) -> None:
        from ..recording import free_name

        folder = self._model.recorder.folder
        folder.mkdir(parents=True, exist_ok=True)
        path = free_name(folder, "fixes", ".usda")
        self._model.materials.save(path)
        if not self._model.materials.problem:
            self._model.say("info", f"writing {path}")
