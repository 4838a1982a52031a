"""A fix: USD edits on a layer of their own, which come and go without touching anybody's layers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pxr import Sdf, Usd, UsdUtils

from ...errors import SceneError

__all__ = ["Build", "Fix", "save_fixes"]

Build = Callable[[Sdf.Layer], None]
"""Authors a fix on a layer, with Sdf alone: it runs in a change block."""

_STAGE_METADATA = (
    "defaultPrim", "metersPerUnit", "kilogramsPerUnit", "upAxis", "startTimeCode", "endTimeCode", "timeCodesPerSecond",
    "framesPerSecond", "customLayerData", "colorConfiguration", "colorManagementSystem",
)  # fmt: skip


class Fix:
    """One way to mend what a finding is about. Made by :meth:`Report.fix`.

    Attributes:
        code: Code of the finding.
        title: What it does, in a few words.
        paths: Prims that it mends.
    """

    def __init__(self, stage: Usd.Stage, code: str, title: str, paths: list[str], build: Build) -> None:
        self.code, self.title, self.paths = code, title, paths
        self._stage, self._build = stage, build
        self._layer: Sdf.Layer | None = None

    @property
    def applied(self) -> bool:
        """Whether it is in force."""
        return self._layer is not None

    def preview(self) -> str:
        """The edits as USDA text; the stage stays as it is."""
        layer = Sdf.Layer.CreateAnonymous("preview.usda")
        self.author(layer)
        return layer.ExportToString()

    def apply(self) -> None:
        """Put the edits in force, on an anonymous layer below the session layer. Applied already: does nothing.

        Raises:
            SceneError: The stage was opened without a session layer.
        """
        if self._layer is not None:
            return
        session = self._stage.GetSessionLayer()
        if session is None:
            raise SceneError("the stage was opened without a session layer, which fixes go below; open it with one")
        layer = Sdf.Layer.CreateAnonymous(f"fix_{self.code}.usda")
        # An empty layer comes and goes without recomposition; its contents then cost what they touch.
        session.subLayerPaths.insert(0, layer.identifier)
        self._layer = layer
        self.author(layer)

    def undo(self) -> None:
        """Take the edits back. Not applied: does nothing."""
        layer, self._layer = self._layer, None
        session = self._stage.GetSessionLayer()
        if layer is None or session is None:
            return
        layer.Clear()
        if layer.identifier in session.subLayerPaths:
            session.subLayerPaths.remove(layer.identifier)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Have the edits in force inside of a ``with`` block, to see what they do."""
        before = self.applied
        self.apply()
        try:
            yield
        finally:
            if not before:
                self.undo()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the edits to a file; see :func:`save_fixes`."""
        save_fixes(path, self._stage, [self])

    def author(self, layer: Sdf.Layer) -> None:
        """Author the edits on a layer."""
        with Sdf.ChangeBlock():
            self._build(layer)


def save_fixes(path: str | os.PathLike[str], stage: Usd.Stage, fixes: Iterable[Fix]) -> None:
    """Write fixes to a file that has the stage's own file below it: to open it is to open the mended stage.

    Without a file of its own (a stage in memory) the file holds the edits alone.

    Raises:
        SceneError: The file cannot be written, or is the stage's own.
    """
    target = Path(path).absolute()
    root = stage.GetRootLayer()
    if root.realPath and os.path.realpath(target) == os.path.realpath(root.realPath):
        raise SceneError(f"{target} is the stage's own file; fixes go to another one")
    if target.suffix not in (".usda", ".usd", ".usdc"):
        raise SceneError(f"{target} is no name of a USD layer; it must end in .usda, .usd or .usdc")
    layer = Sdf.Layer.CreateAnonymous("fixes.usda")
    for fix in fixes:
        fix.author(layer)
    for key in _STAGE_METADATA:
        if root.pseudoRoot.HasInfo(key):
            layer.pseudoRoot.SetInfo(key, root.pseudoRoot.GetInfo(key))
    UsdUtils.ModifyAssetPaths(layer, lambda path: _beside(path, target.parent))
    if root.realPath:
        layer.subLayerPaths.append(_relative(Path(root.realPath), target.parent))
    try:
        written = layer.Export(str(target))
    except Exception as error:  # Tf's own exception class is no subclass of anything useful
        raise SceneError(f"{target} cannot be written: {error}") from error
    if not written:
        raise SceneError(f"{target} cannot be written; give a path that can be written to")


def _beside(path: str, folder: Path) -> str:
    """An asset path that goes along with the folder, if it is that of a file in it or below; else as it is."""
    file = Path(path)
    inside = file.is_absolute() and file.is_file() and file.is_relative_to(folder)
    return _relative(file, folder) if inside else path


def _relative(file: Path, folder: Path) -> str:
    try:
        path = Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive
        return file.as_posix()
    return path if path.startswith(".") else f"./{path}"
