"""Materials and findings of the stage, and what mends them."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OvrtxRenderError
from .session import Session

if TYPE_CHECKING:
    from ..inspect import Finding, Fix, Inspector, Pick

__all__ = ["MaterialNode", "MaterialsModel"]

_PAUSE = 0.25
"""Shortest time between two checks [s]."""


@dataclass
class MaterialNode:
    """A line of the material tree.

    Attributes:
        label: What the line says.
        path: Path of the material, or of the prim that shows it.
        detail: Why the prim shows it, or how many do.
        severity: The worst severity of the findings about it, or empty.
        children: Prims that show the material.
    """

    label: str
    path: str
    detail: str
    severity: str = ""
    children: list[MaterialNode] = field(default_factory=list)


class MaterialsModel:
    """The state behind the tab Materials.

    The stage is checked when the tab is first seen, and what was edited again while it is.

    Args:
        session: What draws; its stage is the one that is looked at.

    Attributes:
        shown: Whether anybody sees the tab.
        selected: The finding that was selected, or None.
        picked: What the pixel shows that was picked last, or None.
        applied: Fixes that are in force, oldest first.
        problem: Why the last thing was not done, or empty.
        revision: Grows when something here changes.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._inspector: Inspector | None = None
        self._checked = 0.0
        self.shown = False
        self.selected: Finding | None = None
        self.picked: Pick | None = None
        self.applied: list[Fix] = []
        self.problem = ""
        self.revision = 0

    def update(self) -> None:
        """Check what is new, if anybody looks."""
        stage, now = self._session.stage, time.monotonic()
        if not self.shown or stage is None or (self._inspector is not None and not self._inspector.pending):
            return
        if self._inspector is not None and now - self._checked < _PAUSE:
            return
        try:
            if self._inspector is None:
                self._inspector = self._inspect(stage)
            else:
                self._inspector.sync()
        except OvrtxRenderError as error:
            self.problem = str(error)
        self._checked = time.monotonic()
        if self.selected not in self.findings:
            self.selected = None
        self.revision += 1

    def _inspect(self, stage: Any) -> Inspector:
        from ..inspect import Inspector

        renderer = self._session.renderer
        cfg = renderer.cfg if renderer is not None else self._session.drawer.wanted.cfg
        bundle = self._session.bundle
        return Inspector(stage, cfg, outputs=tuple(bundle.kinds) if bundle is not None else ())

    def close_stage(self) -> None:
        """Let the stage go. Fixes that are in force stay on its session layer."""
        if self._inspector is not None:
            self._inspector.close()
        self._inspector, self.selected, self.picked, self.applied, self.problem = None, None, None, [], ""
        self.revision += 1

    # -- what is seen -----------------------------------------------------------------------------------------------

    @property
    def findings(self) -> list[Finding]:
        """What will not look as meant, worst first; one entry for all clones of a prim."""
        return self._inspector.findings if self._inspector is not None else []

    @property
    def summary(self) -> str:
        """In one line, how many findings of each severity there are."""
        if self._inspector is None:
            return "not checked yet"
        counts: dict[str, int] = defaultdict(int)
        for finding in self.findings:
            counts[finding.severity] += 1
        plural = {"error": "errors", "warning": "warnings", "info": "notes"}
        words = [f"{n} {severity if n == 1 else plural[severity]}" for severity, n in counts.items()]
        return ", ".join(words) or "nothing to report"

    @property
    def tree(self) -> list[MaterialNode]:
        """The materials, by path, and the prims that show each."""
        if self._inspector is None:
            return []
        worst: dict[str, str] = {}
        for finding in reversed(self.findings):  # the worst come last and win
            worst[finding.path] = finding.severity
        nodes: dict[str, MaterialNode] = {}
        for binding in self._inspector.bindings:
            label = binding.material or f"(no material: {binding.fallback})"
            node = nodes.setdefault(label, MaterialNode(label, binding.material, "", worst.get(binding.material, "")))
            count = max(len(binding.envs), 1)
            clones = f" x {count}" if count > 1 else ""
            reason = binding.reason if binding.reason in ("direct", "none") else f"{binding.reason}: {binding.bound_at}"
            severity = worst.get(binding.path, "")
            node.children.append(MaterialNode(f"{binding.path}{clones}", binding.path, reason, severity))
        for node in nodes.values():
            node.detail = f"{len(node.children)} prim{'s' if len(node.children) != 1 else ''}"
            severities = [node.severity, *(child.severity for child in node.children)]
            node.severity = next((s for s in ("error", "warning", "info") if s in severities), "")
        return [nodes[label] for label in sorted(nodes)]

    @property
    def fix(self) -> Fix | None:
        """The fix of the selected finding, or None if there is none."""
        if self._inspector is None or self.selected is None:
            return None
        return self._inspector.fix(self.selected)

    @property
    def preview(self) -> str:
        """The edits that the fix of the selected finding would make, as USD text."""
        fix = self.fix
        try:
            return fix.preview() if fix is not None else ""
        except OvrtxRenderError as error:
            return str(error)

    # -- what is done -----------------------------------------------------------------------------------------------

    def select(self, finding: Finding | None) -> None:
        """Select a finding."""
        self.selected = finding
        self.revision += 1

    def pick(self, row: int, x: int, y: int) -> None:
        """Find out what a pixel of a tile shows, as soon as nothing is drawn; then :attr:`picked` says it."""

        def errand() -> None:
            from ..inspect import pick

            renderer, bundle = self._session.renderer, self._session.bundle
            if renderer is None or bundle is None:
                return
            self.problem = ""
            try:
                self.picked = pick(renderer, bundle, row, x, y)
            except OvrtxRenderError as error:
                self.problem = str(error)
            self.revision += 1

        if self._session.drawn_elsewhere:
            self.problem = "another thread draws these tiles; a pixel can be picked when it is done"
            self.revision += 1
        else:
            self._session.when_idle(errand)

    def about(self, path: str) -> list[Finding]:
        """The findings about a prim or material."""
        return [finding for finding in self.findings if finding.path == path]

    def apply(self) -> None:
        """Put the fix of the selected finding in force, on a layer of its own."""
        fix = self.fix
        if fix is not None and self._try(fix.apply):
            self.applied.append(fix)

    def undo(self) -> None:
        """Take the newest fix back."""
        if self.applied and self._try(self.applied[-1].undo):
            self.applied.pop()

    def save(self, path: Path) -> None:
        """Write the fixes that are in force to a file with the stage's own file below it."""
        from ..inspect import save_fixes

        stage = self._session.stage
        if stage is not None and self.applied:
            self._try(lambda: save_fixes(path, stage, self.applied))

    def _try(self, do: Any) -> bool:
        self.problem = ""
        try:
            do()
        except (OvrtxRenderError, OSError) as error:
            self.problem = str(error)
        self.revision += 1
        self._session.request()
        return not self.problem
