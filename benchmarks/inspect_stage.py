"""How long it takes to inspect a stage of many environments, and to follow an edit of it; and how much memory.

    python benchmarks/inspect_stage.py [--envs 4096] [--kinds copies references demo] [--json FILE]

The stages are those of ``open_stage.py``. The whole check includes reading the stage. An edit changes 100 prims, one in
each of 100 environments or many of a few; the time is that of ``sync()``, findings included, by the processor's clock
(one core works). Memory is what the check adds to the process, at its peak.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

KINDS = ("copies", "references", "jittered", "recoloured", "unique", "demo")
REPEATS = 10


def measure(kind: str, envs: int, prims: int) -> dict[str, object]:
    """Inspect one stage, then edit it."""
    from open_stage import build_stage
    from pxr import Gf, UsdGeom

    from omni.isaac.ovrtx_render.inspect import Inspector

    stage = build_stage(kind, envs, prims)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the highest size starts anew
    began, cpu = time.perf_counter(), time.process_time()
    inspector = Inspector(stage)
    row: dict[str, object] = {"kind": kind, "envs": envs, "findings": len(inspector.findings)}
    row["check_s"], row["check_cpu_s"] = round(time.perf_counter() - began, 2), round(time.process_time() - cpu, 2)
    row["added_mb"] = round(_resident("VmHWM") - before)
    gprims = [prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Gprim) and "/env" in str(prim.GetPath())]
    gprims = [prim for prim in gprims if prim.HasAttribute("xformOp:translate")]
    spread, together = gprims[:: max(len(gprims) // 100, 1)][:100], gprims[:100]

    def move(prims: list, step: int) -> None:
        for prim in prims:
            prim.GetAttribute("xformOp:translate").Set(Gf.Vec3d(0.001 * step, 0.0, 0.5))

    def recolour(prims: list, step: int) -> None:
        for prim in prims:
            UsdGeom.Gprim(prim).CreateDisplayColorAttr([Gf.Vec3f(0.01 * step)])

    def hide(prims: list, step: int) -> None:
        for prim in prims:
            UsdGeom.Imageable(prim).CreateVisibilityAttr(UsdGeom.Tokens.invisible)

    def show(prims: list, step: int) -> None:
        for prim in prims:
            UsdGeom.Imageable(prim).CreateVisibilityAttr(UsdGeom.Tokens.inherited)

    edits: dict[str, Callable[[list, int], None]] = {"move": move, "recolour": recolour, "hide": hide, "show": show}
    for where, prims_edited in (("100 environments", spread), ("few environments", together)):
        for name, edit in edits.items():
            seconds = []
            for step in range(REPEATS):
                if name in ("hide", "show"):
                    (show if name == "hide" else hide)(prims_edited, step)
                    inspector.sync()
                edit(prims_edited, step)
                cpu = time.process_time()
                assert inspector.sync()
                len(inspector.findings)
                seconds.append(time.process_time() - cpu)
            best, middle = 1000.0 * min(seconds), 1000.0 * statistics.median(seconds)
            row[f"{name}, {where}"] = {"best_ms": round(best, 1), "median_ms": round(middle, 1)}
    return row


def _resident(what: str) -> float:
    """Resident size now (``VmRSS``) or at its highest since the last reset (``VmHWM``) [MB]."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split(f"{what}:", 1)[1].split()[0]) / 1024.0


def main() -> None:
    """Measure each kind of stage in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=4096)
    parser.add_argument("--prims", type=int, default=30)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["copies", "references", "recoloured"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.envs, args.prims)))
        return
    rows = []
    for kind in args.kinds:
        words = [sys.executable, __file__, "--one", kind, "--envs", str(args.envs), "--prims", str(args.prims)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(rows[-1], indent=1))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
