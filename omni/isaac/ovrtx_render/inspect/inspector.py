"""A report that follows its stage."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType

from pxr import Sdf, Usd

from ..config import RendererCfg
from ..scene.live_edits import EditListener
from .bindings import Binding
from .finding import Finding
from .fixes import Fix
from .report import Report

__all__ = ["Inspector"]


class Inspector:
    """Watches a stage; :meth:`sync` checks what was edited since.

    Args:
        stage: The stage.
        cfg: Configuration of the renderer that draws it.
        backend: Only findings that touch this backend; None is all.
        outputs: Names of the outputs that are asked for.

    Attributes:
        report: The report that is kept true.
    """

    def __init__(
        self,
        stage: Usd.Stage,
        cfg: RendererCfg | None = None,
        backend: str | None = None,
        outputs: Collection[str] = (),
    ) -> None:
        self._listener = EditListener(stage)
        self.report = Report(stage, cfg, backend, outputs)

    @property
    def findings(self) -> list[Finding]:
        """See :attr:`Report.findings`; as of the last :meth:`sync`."""
        return self.report.findings

    @property
    def bindings(self) -> list[Binding]:
        """See :attr:`Report.bindings`; as of the last :meth:`sync`."""
        return self.report.bindings

    @property
    def pending(self) -> bool:
        """Whether the stage was edited since the last :meth:`sync`."""
        return self._listener.pending

    def fix(self, finding: Finding) -> Fix | None:
        """See :meth:`Report.fix`."""
        return self.report.fix(finding)

    def sync(self) -> bool:
        """Check what was edited since the last time.

        Returns:
            Whether there was anything.
        """
        if not self._listener.pending:
            return False
        edits = self._listener.take()
        try:
            if edits.everything:
                self.report.update([Sdf.Path.absoluteRootPath])
            else:
                self.report.update([*edits.prims, *edits.properties])
        except BaseException:
            self._listener.put_back()
            raise
        return True

    def close(self) -> None:
        """Stop watching; may be called twice."""
        self._listener.close()

    def __enter__(self) -> Inspector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
