"""Sound stages raise nothing above info; of the USD working group's assets only what is wrong with them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")

from pxr import Usd, UsdGeom

from omni.isaac.ovrtx_render.demo import build_stage
from omni.isaac.ovrtx_render.errors import SceneError
from omni.isaac.ovrtx_render.inspect import check

REAL = {
    "RoughnessTest.usdz": {"texture-color-space"},
    "TextureCoordinateTestMaterialX.usda": {"composition-error", "material-missing"},
    "empty.usda": {"stage-empty"},
    "metersPerUnit_1.usda": {"units-mismatch"},
    "metersPerUnit_10.usda": {"units-mismatch"},
    "metersPerUnit_mix.usda": {"units-mismatch"},
    "upAxis_Z.usda": {"units-mismatch"},
    "normalsTypes.usda": {"mesh-invalid"},
    "pointsTypes.usda": {"mesh-invalid", "normals-inverted"},
}
"""What is wrong with files of the collection; docs/inspect.md says so, too."""

UNREADABLE = {"framesPerSecond_0.usda", "framesPerSecond_-1.usda"}


def test_the_demo_scene_raises_nothing_for_any_backend() -> None:
    assert check(build_stage(4).stage, outputs=("semantic_segmentation",)).findings == []


def test_the_assets_raise_only_what_is_wrong_with_them(usd_wg_assets: Path) -> None:
    told: dict[str, set[str]] = defaultdict(set)
    files = [file for kind in ("usd", "usda", "usdc", "usdz") for file in usd_wg_assets.rglob(f"*.{kind}")]
    assert len(files) > 80
    for file in files:
        try:
            report = check(file)
        except SceneError:
            assert file.name in UNREADABLE
            continue
        for finding in report.findings:
            if finding.severity != "info":
                told[file.name].add(finding.code)
        if "no-light" in told[file.name]:
            told[file.name].discard("no-light")
            prims = list(report.stage.Traverse(Usd.TraverseInstanceProxies()))
            assert any(prim.IsA(UsdGeom.Camera) for prim in prims), "a part without a camera is lit by who uses it"
            assert not any(prim.HasAPI("LightAPI") for prim in prims)
    assert {name: codes for name, codes in told.items() if codes} == REAL
