"""The result of a check: findings and bindings, with clones put together; kept true as the stage is edited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pxr import Sdf, Usd, UsdGeom

from ..config import RendererCfg
from ..errors import BackendUnavailableError, SceneError
from ..registry import BACKENDS
from ..scene.stage_reader import open_stage
from .bindings import Binding, resolve
from .clones import Envs, plus
from .codes import SEVERITIES
from .engine import Engine
from .finding import Finding, Told
from .fixes import Fix, fix_title, make_fix
from .live import update
from .refine import SUPERSEDED
from .sites import SiteFinder

__all__ = ["Report", "check"]


class Report:
    """Findings and bindings of a stage.

    Args:
        stage: The stage.
        cfg: Configuration of the renderer that will draw it.
        backend: Only findings that touch this backend; None is all.
        outputs: Names of the outputs that will be asked for; segmentations need labels.

    Raises:
        BackendUnavailableError: There is no backend of that name.
    """

    def __init__(
        self,
        stage: Usd.Stage,
        cfg: RendererCfg | None = None,
        backend: str | None = None,
        outputs: Collection[str] = (),
    ) -> None:
        if backend is not None and backend not in BACKENDS:
            raise BackendUnavailableError(f"unknown backend {backend!r}; there are: {', '.join(BACKENDS)}")
        self.stage, self.cfg, self.backend = stage, cfg or RendererCfg(), backend
        self._engine = Engine(stage, self.cfg, outputs)
        self._sites = SiteFinder()
        self._findings: list[Finding] | None = None
        self._bindings: list[Binding] | None = None

    @property
    def env_paths(self) -> list[str]:
        """Paths of the environment roots by id."""
        return self._engine.clones.env_paths

    @property
    def findings(self) -> list[Finding]:
        """What will not look as meant, worst first; one entry for all clones of a prim."""
        if self._findings is None:
            merged = self._engine.told.merged()
            told_of = defaultdict(set)
            for told in merged:
                told_of[told.path].add(told.code)
            self._findings = [
                self._finding(told, envs)
                for told, envs in merged.items()
                if not told_of[told.path].intersection(SUPERSEDED.get(told.code, ()))
                and (self.backend is None or self.backend in told.backends)
            ]
            self._findings.sort(key=lambda f: (SEVERITIES.index(f.severity), f.code, f.path, f.message))
        return self._findings

    @property
    def bindings(self) -> list[Binding]:
        """Bindings of all drawn prims and their subsets; one entry for all clones that are bound in the same way."""
        if self._bindings is None:
            merged: dict[Binding, Envs] = {}
            for versions in self._engine.looks.values():
                for look, envs in versions.items():
                    for binding in look.bindings:
                        merged[binding] = plus(merged.get(binding, frozenset()), envs)
            self._bindings = [self._placed(binding, envs) for binding, envs in merged.items()]
            self._bindings.sort(key=lambda binding: binding.path)
        return self._bindings

    @property
    def severity(self) -> str:
        """The worst severity of all findings; an empty string if there are none."""
        return self.findings[0].severity if self.findings else ""

    def binding(self, path: str) -> Binding:
        """The binding of one prim or GeomSubset, with where it was authored.

        Raises:
            SceneError: There is no such prim, or it shows nothing.
        """
        prim = self.stage.GetPrimAtPath(path) if Sdf.Path.IsValidPathString(path) else None
        if not prim or not (prim.IsA(UsdGeom.Gprim) or prim.IsA(UsdGeom.Subset)):
            raise SceneError(f"{path} is no gprim or GeomSubset of the stage; only these show materials")
        return resolve(prim, self._sites)

    def users(self, material: str) -> list[Binding]:
        """Bindings to a material, those of clones as one; an empty path gives the prims that have none."""
        own = self._engine.clones.locate(material)[1]
        return [binding for binding in self.bindings if self._engine.clones.locate(binding.material)[1] == own]

    def overrides(self) -> dict[str, list[Binding]]:
        """Prims of environments that are not bound in the same way in all of them, by the path in the first one."""
        by_name: dict[str, list[Binding]] = defaultdict(list)
        for binding in self.bindings:
            if binding.envs:
                by_name[self._engine.clones.locate(binding.path)[1]].append(binding)
        return {found[0].path: found for found in by_name.values() if len(found) > 1}

    def paths(self, finding: Finding | Binding) -> list[str]:
        """Every prim that a finding or binding is about, one for each environment."""
        name = self._engine.clones.locate(finding.path)[1]
        return [self._engine.clones.place(name, env) for env in finding.envs] or [finding.path]

    def fix(self, finding: Finding) -> Fix | None:
        """The fix of a finding, for all prims that it is about; None if there is none."""
        return make_fix(self.stage, finding, self.paths(finding))

    def update(self, changed: Iterable[str | Sdf.Path]) -> None:
        """Check again what an edit touched.

        Args:
            changed: Paths of prims that were added, removed or changed, and of properties that changed. ``/`` is
                everything.
        """
        update(self._engine, [Sdf.Path(str(path)) for path in changed])
        self._findings = self._bindings = None
        self._sites = SiteFinder()

    def _finding(self, told: Told, envs: Envs) -> Finding:
        ids = tuple(sorted(env for env in envs if env >= 0))
        first = ids[0] if ids else -1
        path, message = (self._engine.clones.place(text, first) for text in (told.path, told.message))
        site = self._sites.find(self.stage, path, told.prop)
        finding = Finding(told.code, told.severity, path, message, told.prop, site, told.backends, ids, data=told.data)
        return replace(finding, fix=fix_title(self.stage, finding))

    def _placed(self, binding: Binding, envs: Envs) -> Binding:
        ids = tuple(sorted(env for env in envs if env >= 0))
        first = ids[0] if ids else -1
        texts: dict[str, Any] = {
            name: self._engine.clones.place(value, first)
            for name, value in vars(binding).items()
            if value and isinstance(value, str)
        }
        return replace(binding, **texts, envs=ids)


def check(
    stage: Usd.Stage | str | Path,
    cfg: RendererCfg | None = None,
    backend: str | None = None,
    *,
    outputs: Collection[str] = (),
) -> Report:
    """Look at a stage: what will not look as meant, where that was authored, and what mends it.

    Args:
        stage: The stage, or the path of a file.
        cfg: Configuration of the renderer that will draw it; None is the default one.
        backend: Only findings that touch this backend; None is all.
        outputs: Names of the outputs that will be asked for; segmentations need labels.

    Raises:
        SceneError: The file cannot be opened.
        ConfigError: ``cfg.env_pattern`` is not a valid pattern.
        BackendUnavailableError: There is no backend of that name.
    """
    if not isinstance(stage, Usd.Stage):
        stage = open_stage(stage)
    return Report(stage, cfg, backend, outputs)
