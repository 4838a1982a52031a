"""``ovrtx-render inspect``: why a stage will not look as meant, and what mends it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..config import RendererCfg
from .options import JsonOption
from .report import ExitCode, Report, guarded

if TYPE_CHECKING:
    from ..inspect import Binding, Finding, Site
    from ..inspect.report import Report as Inspection

__all__ = ["inspect"]

_ROWS = 40


def inspect(
    scene: Annotated[Path, typer.Argument(help="USD file: .usd, .usda, .usdc or .usdz.")],
    backend: Annotated[
        str | None, typer.Option(help="Only what touches this backend: warp, ovrtx, newton or isaac_rtx.")
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(help="Write the fixes of all warnings and errors to this file, with the scene as its sublayer."),
    ] = None,
    bindings: Annotated[bool, typer.Option("--bindings", help="Also list what binds a material to each prim.")] = False,
    outputs: Annotated[str, typer.Option(help="Outputs that will be asked for; segmentations need labels.")] = "rgb",
    env_pattern: Annotated[
        str | None, typer.Option(help="Prim paths of cloned environments. Default: /World/envs/env_.*")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what of a USD file will not look as meant, in which renderer, where that was written, and what mends it.

    Clones are one row. Nothing is rendered. Exit codes: 0 nothing, or hints only; 5 warnings; 6 errors; 2 bad option,
    3 the scene cannot be read, 4 no such backend.

    Example: ovrtx-render inspect robot.usd --backend ovrtx --fix robot_fixed.usda
    """
    report = Report(as_json)
    with guarded():
        from ..inspect import check, save_fixes
        from ..outputs import resolve_outputs

        began = time.perf_counter()
        cfg = RendererCfg().replace(**({"env_pattern": env_pattern} if env_pattern else {}))
        found = check(str(scene), cfg, backend, outputs=tuple(resolve_outputs(outputs)))
        findings, seconds = found.findings, time.perf_counter() - began
        fixes = [made for one in findings if one.severity != "info" and (made := found.fix(one))]
        if fix is not None:
            save_fixes(fix, found.stage, fixes)
    _print(report, findings, seconds)
    if bindings:
        rows = [(_path(one), one.material or f"({one.fallback})", one.reason, one.bound_at) for one in found.bindings]
        report.table("Bindings", ("prim", "material", "reason", "bound at"), rows)
    if fix is not None:
        report.note(f"wrote {len(fixes)} fix(es) to {fix}")
    report.result(_result(found, findings, seconds, fix))
    codes = {"warning": ExitCode.WARNINGS, "error": ExitCode.ERRORS}
    if findings and findings[0].severity in codes:
        raise typer.Exit(codes[findings[0].severity])


def _print(report: Report, findings: Sequence[Finding], seconds: float) -> None:
    if findings:
        rows = [
            (one.severity, one.code, f"{_path(one)}\n{_place(one.site)}".strip(), one.message, one.fix)
            for one in findings[:_ROWS]
        ]
        columns = ("severity", "code", "prim, and where it was written", "what will be seen, what to do", "fix")
        report.table(f"Findings ({len(findings)})", columns, rows)
    if len(findings) > _ROWS:
        report.note(f"... and {len(findings) - _ROWS} more; --json lists them all")
    counts = {kind: sum(one.severity == kind for one in findings) for kind in ("error", "warning", "info")}
    report.note(
        f"{counts['error']} error(s), {counts['warning']} warning(s), {counts['info']} hint(s) in {seconds:.2f} s"
    )


def _path(one: Finding | Binding) -> str:
    return f"{one.path} and in {len(one.envs) - 1} more environments" if len(one.envs) > 1 else one.path


def _place(site: Site | None) -> str:
    """A site without the folders of its file."""
    if site is None:
        return ""
    name = site.layer.replace("\\", "/").rpartition("/")[2]
    return name if site.line is None else f"{name}:{site.line}"


def _result(found: Inspection, findings: Sequence[Finding], seconds: float, fix: Path | None) -> dict[str, Any]:
    def record(one: Finding | Binding) -> dict[str, Any]:
        return {**vars(one), "site": vars(one.site) if one.site else None}

    return {
        "severity": found.severity,
        "seconds": seconds,
        "environments": len(found.env_paths),
        "findings": [{**record(one), "count": one.count} for one in findings],
        "bindings": [record(one) for one in found.bindings],
        "fixes": str(fix) if fix is not None else None,
    }
