"""OVRTX in a worker process, as it runs beside Kit: through its double, against the direct route."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import types
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdLux
from worker_ends import at_call, gone, kill  # type: ignore[import-not-found]

from omni.isaac.ovrtx_render import CameraBundle, TiledRenderer
from omni.isaac.ovrtx_render.backends.worker import shared
from omni.isaac.ovrtx_render.backends.worker.stage_copy import edits_text
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
        return all(np.allclose(a[name].astype(float), b[name], rtol=1e-5, atol=1e-5) for name in OUTPUTS)

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
    before = images(there, cameras[1])["depth"]
    sphere.GetXformOpOrderAttr().Clear()  # a value that is taken away
    assert same() and not np.array_equal(before, images(there, cameras[1])["depth"])
    os.kill(there._backend.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    with pytest.raises(WorkerError, match="signal 9"):
        there.render(cameras[1])
    assert same()


METHODS = ("render", "write", "update", "update_lenses", "load", "rebind", "restore_cameras", "add_cameras")
METHODS += ("remove_cameras", "bind", "forget", "forget_history")
"""What a worker is asked for while it draws."""


class Play:
    """The same random calls to the Warp backend in this process, and to OVRTX in a worker that ends again and again.

    Args:
        here: Renderer in this process.
        there: Renderer in a worker.
        stage: What both draw.
    """

    def __init__(self, here: TiledRenderer, there: TiledRenderer, stage: Usd.Stage) -> None:
        self.routes, self.stage, self.step = (here, there), stage, 0
        self.cameras = [one.add_cameras(None, width=12, height=8, outputs=OUTPUTS) for one in self.routes]
        self.bodies = [one.bind_transforms(BODIES) for one in self.routes]
        self.pids: set[int] = set()
        self.more: list[Any] = []

    @property
    def there(self) -> TiledRenderer:
        return self.routes[1]

    def prepare(self, method: str) -> None:
        """Change what makes the worker be asked for a method, and makes the next image another one."""
        self.step += 1
        if self.there._backend.pid is not None:  # type: ignore[attr-defined]
            self.pids.add(self.there._backend.pid)  # type: ignore[attr-defined]
        for bodies in self.bodies:
            height = 0.1 * (self.step % 7)
            bodies.write(np.array([[10.0 * env, 0.1, height] for env in range(3)], np.float32), quat_xyzw=UPRIGHT)
        if method in ("write", "update"):
            UsdLux.DistantLight(self.stage.GetPrimAtPath("/World/Sun")).GetIntensityAttr().Set(1.0 + 0.1 * self.step)
        elif method == "update_lenses":
            camera = UsdGeom.Camera(self.stage.GetPrimAtPath("/World/envs/env_1/Camera"))
            camera.GetFocalLengthAttr().Set(40.0 - self.step)
        elif method in ("load", "rebind", "restore_cameras"):
            ball = UsdGeom.Sphere.Define(self.stage, f"/World/envs/env_{self.step % 3}/Ball{self.step}")
            ball.CreateRadiusAttr(0.2)
            ball.AddTranslateOp().Set(Gf.Vec3d(0.6, 0.1 * (self.step % 5) - 0.3, 1.0))

    def call(self, method: str) -> None:
        """What asks the worker for it."""
        if method == "add_cameras":
            self.more.append(self.there.add_cameras(None, width=4, height=4, outputs="depth"))
        elif method == "remove_cameras" and self.there.bundles[1:]:
            self.there.remove_cameras(self.there.bundles[-1])
        elif method == "bind":
            self.more.append(self.there.bind_transforms(BODIES[:1]))
        elif method == "forget":
            self.more.clear()
        elif method == "forget_history":
            self.cameras[1].forget_history([1])
        self.there.render(self.cameras[1])

    def same(self) -> bool:
        """Whether both draw the same; the worker may end a few times more."""
        truth = images(self.routes[0], self.cameras[0])
        for _ in range(8):
            with suppress(WorkerError):
                seen = images(self.there, self.cameras[1])
                return all(np.allclose(truth[name].astype(float), seen[name], rtol=1e-5, atol=1e-6) for name in OUTPUTS)
        raise AssertionError("the worker does not stay")


@pytest.mark.slow
def test_every_kind_of_call_gives_the_right_image_or_raises(
    open_renderer: Callable[..., TiledRenderer],
    stage: Usd.Stage,
    worker: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    device: str,
) -> None:
    """The worker is killed or stopped before it sees a call, or killed at some moment of it."""
    chance, shared_names = random.Random(7), []
    reserve = shared._reserve

    def noted(size: int) -> SharedMemory:
        memory = reserve(size)
        shared_names.append(memory.name)
        return memory

    monkeypatch.setattr(shared, "_reserve", noted)
    here = open_renderer(False, background=None)
    there = open_renderer({**worker, "heartbeat_timeout": 1.5, "max_restarts": 100}, backend="ovrtx", background=None)
    play = Play(here, there, stage)
    assert play.same()
    for method in chance.sample(METHODS, len(METHODS)):
        if method in ("remove_cameras", "forget"):  # something that can be let go of
            play.call({"remove_cameras": "add_cameras", "forget": "bind"}[method])
        play.prepare(method)
        way = chance.choice(("killed", "stopped", "killed later"))
        with suppress(WorkerError):
            if way == "killed later":
                timer = threading.Timer(chance.uniform(0.0, 0.05), end, (there._backend.pid,))  # type: ignore[attr-defined]
                timer.start()
                try:
                    play.call(method)
                finally:
                    timer.join()
            else:
                with at_call(method, kill if way == "killed" else lambda pid: None) as done:
                    play.call(method)
        assert way == "killed later" or done, method
        assert play.same(), (method, way)
    play.prepare("render")
    there.close()
    assert len(play.pids) > len(METHODS) // 2 and all(gone(pid) for pid in play.pids)
    assert shared_names or device != "cpu"  # a GPU's memory has no names
    assert not [name for name in shared_names if Path("/dev/shm", name).exists()]


def end(pid: int | None) -> None:
    """End a process that may have ended already."""
    with suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def test_what_a_text_of_edits_says(stage: Usd.Stage) -> None:
    """Values that are taken away; of a property that is gone it cannot say so."""
    cube = stage.GetPrimAtPath("/World/envs/env_1/Body/Cube")
    names = [cube.GetPath().AppendProperty(name) for name in ("size", "primvars:displayColor")]
    cube.GetAttribute("primvars:displayColor").Clear()
    text = edits_text(stage, names)
    assert text is not None and "double size = 1" in text and "primvars:displayColor = None" in text
    body = stage.GetPrimAtPath("/World/envs/env_1/Body")
    body.RemoveProperty("xformOp:translate")
    assert edits_text(stage, [*names, body.GetPath().AppendProperty("xformOp:translate")]) is None


def test_options_go_to_both(open_renderer: Callable[..., TiledRenderer], worker: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="render_mode"):
        open_renderer(worker, backend="ovrtx", backend_options={"worker": worker, "render_mode": "fast"})
