"""How long it takes to read a stage of many environments, and how much memory.

    python benchmarks/open_stage.py [--envs 64 1024 4096] [--prims 30] [--json FILE]

Each stage is made in memory, in a process of its own: ``copies`` holds environments whose prims were copied as the
Isaac Lab cloner does it, each with a pose of its own; ``references`` holds environments that reference one asset;
``jittered`` holds copies in which one prim below the root stands elsewhere; ``recoloured`` holds copies in which one
mesh has one of eight colours, as domain randomisation leaves them; ``unique`` holds copies of which no two have the
same colours; ``demo`` is the demo scene, whose environments have materials and poses of their own (``--prims`` does
not count there).
Peak memory includes Python and the stage.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

KINDS = ("copies", "references", "jittered", "recoloured", "unique", "demo")


def build_stage(kind: str, envs: int, prims: int):  # type: ignore[no-untyped-def]
    """Make a stage of ``envs`` environments of ``prims`` prims each (the root, then meshes and primitives)."""
    from pxr import Gf, Sdf, Usd, UsdGeom

    if kind == "demo":
        from omni.isaac.ovrtx_render.demo import build_stage as build_demo

        return build_demo(envs).stage
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.Xform.Define(stage, "/World/envs")
    root = "/Asset" if kind == "references" else "/World/envs/env_0"
    UsdGeom.Xform.Define(stage, root)
    for i in range(prims - 1):
        path = f"{root}/link_{i}"
        if i % 3 == 0:
            gprim = UsdGeom.Mesh.Define(stage, path)
            side = 9
            gprim.CreatePointsAttr(
                [(x * 0.1, y * 0.1, (x * y + i) % 7 * 0.01) for y in range(side) for x in range(side)]
            )
            quads = [y * side + x for y in range(side - 1) for x in range(side - 1)]
            gprim.CreateFaceVertexCountsAttr([4] * len(quads))
            gprim.CreateFaceVertexIndicesAttr([k for q in quads for k in (q, q + 1, q + side + 1, q + side)])
            gprim.CreateSubdivisionSchemeAttr("none")
        elif i % 3 == 1:
            gprim = UsdGeom.Cube.Define(stage, path)
            gprim.CreateSizeAttr(0.1 + 0.01 * i)
        else:
            gprim = UsdGeom.Capsule.Define(stage, path)
            gprim.CreateRadiusAttr(0.05)
        gprim.CreateDisplayColorAttr([(0.2, 0.1 * (i % 8), 0.5)])
        gprim.AddTranslateOp().Set((0.1 * i, 0.0, 0.5))
        gprim.AddOrientOp().Set(Gf.Quatf(1, 0, 0, 0))
        gprim.AddScaleOp().Set((1, 1, 1))
    layer = stage.GetRootLayer()
    if kind == "references":
        stage.GetPrimAtPath(root).SetActive(True)
        layer.GetPrimAtPath(root).specifier = Sdf.SpecifierClass
    with Sdf.ChangeBlock():
        for env in range(0 if kind == "references" else 1, envs):
            path = f"/World/envs/env_{env}"
            if kind == "references":
                spec = Sdf.CreatePrimInLayer(layer, path)
                spec.specifier, spec.typeName = Sdf.SpecifierDef, "Xform"
                spec.referenceList.prependedItems = [Sdf.Reference("", root)]
            else:
                Sdf.CopySpec(layer, root, layer, path)
                spec = layer.GetPrimAtPath(path)
            _translate(spec, (2.0 * (env % 64), 2.0 * (env // 64), 0.0))
            if kind == "jittered":
                moved = layer.GetAttributeAtPath(f"{path}/link_1.xformOp:translate")
                moved.default = Gf.Vec3d(0.1, 0.001 * env, 0.5)
            elif kind == "recoloured":
                layer.GetAttributeAtPath(f"{path}/link_0.primvars:displayColor").default = [(env % 8 / 8, 0.5, 0.0)]
            elif kind == "unique":
                layer.GetAttributeAtPath(f"{path}/link_1.primvars:displayColor").default = [(env / envs, 0.0, 0.0)]
    return stage


def _translate(spec, position):  # type: ignore[no-untyped-def]
    from pxr import Gf, Sdf, Vt

    Sdf.AttributeSpec(spec, "xformOp:translate", Sdf.ValueTypeNames.Double3).default = Gf.Vec3d(*position)
    order = Sdf.AttributeSpec(spec, "xformOpOrder", Sdf.ValueTypeNames.TokenArray, Sdf.VariabilityUniform)
    order.default = Vt.TokenArray(["xformOp:translate"])


def measure(kind: str, envs: int, prims: int) -> dict[str, object]:
    """Build, then read; returns seconds, peak memory and counts."""
    from omni.isaac.ovrtx_render.config import RendererCfg
    from omni.isaac.ovrtx_render.scene.stage_reader import read_scene

    stage = build_stage(kind, envs, prims)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, wall = time.process_time(), time.perf_counter()
    scene = read_scene(stage, RendererCfg())
    return {
        "stage": kind,
        "envs": envs,
        "prims": prims,
        "read_s": round(time.perf_counter() - wall, 3),
        "read_cpu_s": round(time.process_time() - cpu, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "stage_mb": round(before),
        "instances": len(scene.instances),
        "meshes": len(scene.meshes),
    }


def main() -> None:
    """Run every combination in its own process and print a table."""
    parser = argparse.ArgumentParser(description="Time read_scene on stages of many environments.")
    parser.add_argument("--envs", type=int, nargs="+", default=[64, 1024, 4096], help="numbers of environments")
    parser.add_argument("--prims", type=int, default=30, help="prims per environment")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of stages")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--one", nargs=3, metavar=("KIND", "ENVS", "PRIMS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one[0], int(args.one[1]), int(args.one[2]))))
        return
    rows = []
    for kind in args.kinds:
        for envs in args.envs:
            command = [sys.executable, __file__, "--one", kind, str(envs), str(args.prims)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            if not rows:
                print("  ".join(f"{name:>10}" for name in row))
            rows.append(row)
            print("  ".join(f"{value!s:>10}" for value in row.values()), flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
