"""OVRTX in a worker process, as it runs beside Kit: through its double, against the direct route."""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdLux

from omni.isaac.ovrtx_render import CameraBundle, TiledRenderer
from omni.isaac.ovrtx_render.errors import ConfigError, WorkerError

TESTS = Path(__file__).resolve().parent.parent
BODIES = [f"/World/envs/env_{env}/Body" for env in range(3)]
UPRIGHT = np.tile(np.array([0, 0, 0, 1], np.float32), (3, 1))
OUTPUTS = ("rgb", "depth", "normals", "semantic_segmentation")
DRAWING = {"exposure": 0.0, "headlight": False}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Options of a worker that has the double; this process looks like Kit, so it may not have the library."""
    monkeypatch.setitem(sys.modules, "omni.kit.app", types.ModuleType("omni.kit.app"))
    info = tmp_path / "ovrtx-0.5.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ovrtx\nVersion: 0.5.1.385782\n")
    path = [TESTS.parent, TESTS / "doubles", TESTS / "doubles" / "rtx_machine", tmp_path]
    path += [Path(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return {
        "python": sys.executable,
        "env": {
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "OVRTX_DOUBLE_VERSION": "0.5.1",
            "OVRTX_DOUBLE_RENDERER": json.dumps(DRAWING),
        },
    }


def images(renderer: TiledRenderer, cameras: CameraBundle) -> dict[str, np.ndarray]:
    return {name: array.numpy().copy() for name, array in renderer.render(cameras).items()}


def test_pictures_beside_kit(
    open_renderer: Callable[..., TiledRenderer],
    stage: Usd.Stage,
    worker: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Poses, edits of the stage, other kinds of environments, and the end of the process."""
    monkeypatch.delitem(sys.modules, "ovrtx", raising=False)  # a double that another test has left
    sphere = UsdGeom.Sphere.Define(stage, "/World/envs/env_1/Body/Ball")  # another kind of environment
    sphere.CreateRadiusAttr(0.3)
    sphere.AddTranslateOp().Set(Gf.Vec3d(0.4, 0.4, 0.5))
    here = open_renderer(False, background=None)
    there = open_renderer(worker, backend="ovrtx", background=None)
    assert there.backend_name == "ovrtx" and "ovrtx" not in sys.modules
    cameras = [one.add_cameras(None, width=16, height=12, outputs=OUTPUTS) for one in (here, there)]
    bodies = [one.bind_transforms(BODIES) for one in (here, there)]

    def same() -> bool:
        a, b = images(here, cameras[0]), images(there, cameras[1])
        # Poses that were written are rounded otherwise on their way through double precision.
        return all(np.allclose(a[name].astype(float), b[name], rtol=1e-5, atol=1e-6) for name in OUTPUTS)

    assert same() and cameras[0].info == cameras[1].info
    for step in range(1, 4):
        for one in bodies:
            one.write(np.array([[10.0 * env, 0.1, 0.2 * step] for env in range(3)], np.float32), quat_xyzw=UPRIGHT)
        assert same()
    UsdLux.DistantLight(stage.GetPrimAtPath("/World/Sun")).GetIntensityAttr().Set(1.0)
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/envs/env_2/Camera")).SetTranslate(Gf.Vec3d(0, 0.3, 3.5))
    assert same()
    stage.GetPrimAtPath("/World/envs/env_0/Body/Cube").GetAttribute("size").Set(0.7)
    assert same()
    os.kill(there._backend.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    with pytest.raises(WorkerError, match="signal 9"):
        there.render(cameras[1])
    assert same()


def test_options_go_to_both(open_renderer: Callable[..., TiledRenderer], worker: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="render_mode"):
        open_renderer(worker, backend="ovrtx", backend_options={"worker": worker, "render_mode": "fast"})
