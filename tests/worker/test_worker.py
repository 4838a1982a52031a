"""A backend in a worker process: the same pictures, and never a wrong one when the process ends or hangs."""

from __future__ import annotations

import errno
import importlib
import inspect
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pxr
import pytest
import warp as wp
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade
from worker_ends import at_call, gone, kill  # type: ignore[import-not-found]

import omni.isaac.ovrtx_render
from omni.isaac.ovrtx_render import CameraBundle, RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.backends.worker.environment import worker_environment
from omni.isaac.ovrtx_render.backends.worker.options import WorkerOptions
from omni.isaac.ovrtx_render.backends.worker.process import WorkerProcess
from omni.isaac.ovrtx_render.backends.worker.wire import pack
from omni.isaac.ovrtx_render.errors import (
    BackendFailedError,
    BackendUnavailableError,
    ConfigError,
    InputError,
    OvrtxRenderError,
    WorkerError,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends processes by POSIX signals")

ENVS = 3
BODIES = [f"/World/envs/env_{env}/Body" for env in range(ENVS)]
OUTPUTS = ("rgb", "depth", "semantic_segmentation", "motion_vectors")
UPRIGHT = np.tile(np.array([0, 0, 0, 1], np.float32), (ENVS, 1))
CALLS = ("load", "add_cameras", "bind", "render", "update", "write", "rebind", "remove_cameras")


def images(renderer: TiledRenderer, cameras: CameraBundle) -> dict[str, np.ndarray]:
    return {name: array.numpy().copy() for name, array in renderer.render(cameras).items()}


def equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def heights(step: int) -> np.ndarray:
    """(N, 3) positions of the bodies, which differ from step to step."""
    return np.array([[10.0 * env, 0, 0.05 * ((step * 7 + env) % 40)] for env in range(ENVS)], np.float32)


class Pair:
    """The same calls to a renderer in this process and to one in a worker.

    Args:
        open_renderer: Makes them.
        options: Options of the worker.
    """

    def __init__(self, open_renderer: Callable[..., TiledRenderer], **options: Any) -> None:
        self.here, self.there = open_renderer(False), open_renderer(options or True)
        self.both = (self.here, self.there)
        self.cameras = [one.add_cameras(None, width=16, height=12, outputs=OUTPUTS) for one in self.both]
        self.bodies = [one.bind_transforms(BODIES) for one in self.both]

    @property
    def pid(self) -> int:
        return self.there._backend.pid  # type: ignore[attr-defined]

    def write(self, step: int) -> None:
        for bodies in self.bodies:
            bodies.write(heights(step), quat_xyzw=UPRIGHT)

    def same(self) -> bool:
        a, b = (images(one, cameras) for one, cameras in zip(self.both, self.cameras, strict=True))
        return equal(a, b)


def test_pictures_are_those_of_this_process(open_renderer: Callable[..., TiledRenderer], stage: Usd.Stage) -> None:
    pair = Pair(open_renderer)
    assert pair.there.backend_name == "warp" and pair.pid != os.getpid()
    assert pair.same() and pair.cameras[0].info == pair.cameras[1].info
    for step in range(3):
        pair.write(step)
        assert pair.same()
    # Camera poses, some of them, in other conventions, and lenses.
    for cameras in pair.cameras:
        cameras.set_poses(heights(1) + np.float32([0, 0, 3]), quat_xyzw=UPRIGHT)
        cameras.set_poses(
            np.array([[1, 2, 3]], np.float32), quat_wxyz=[[0.5, 0.5, 0.5, 0.5]], convention="ros", env_ids=[2]
        )
        matrix = np.tile(np.array([[20, 0, 8], [0, 25, 6], [0, 0, 1]], np.float32), (2, 1, 1))
        cameras.set_intrinsics(matrix, env_ids=[0, 1])
    assert pair.same() and pair.same()
    # Edits of the stage: a transform, a light, a colour, a lens, a new prim.
    pair.write(5)
    stage.GetPrimAtPath("/World/envs/env_1/Body/Cube").GetAttribute("size").Set(0.6)
    assert pair.same()
    UsdLux.DistantLight(stage.GetPrimAtPath("/World/Sun")).GetIntensityAttr().Set(1.5)
    UsdGeom.Camera(stage.GetPrimAtPath("/World/envs/env_2/Camera")).GetFocalLengthAttr().Set(20.0)
    UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/envs/env_0")).SetTranslate(Gf.Vec3d(0.2, 0, 0))
    assert pair.same()
    UsdGeom.Sphere.Define(stage, "/World/envs/env_0/Ball").AddTranslateOp().Set(Gf.Vec3d(0.5, 0.5, 1))
    assert pair.same()
    # Buffers of the caller, some rows only, a second bundle, and one bundle less.
    for one, cameras in zip(pair.both, pair.cameras, strict=True):
        cameras.set_outputs({name: wp.zeros_like(array) for name, array in cameras.outputs.items()})
        one.render(cameras, env_ids=[1])
    assert np.array_equal(pair.cameras[0].outputs["rgb"].numpy()[1], pair.cameras[1].outputs["rgb"].numpy()[1])
    assert pair.same()
    small = [
        one.add_cameras(None, width=4, height=4, outputs="rgba, depth, distance_to_image_plane") for one in pair.both
    ]
    assert equal(*(images(one, cameras) for one, cameras in zip(pair.both, small, strict=True)))
    for one, cameras in zip(pair.both, pair.cameras, strict=True):
        one.remove_cameras(cameras)
    assert equal(*(images(one, cameras) for one, cameras in zip(pair.both, small, strict=True)))
    assert pair.there.timings["worker"] > 0


@pytest.mark.parametrize("method", CALLS)
def test_a_process_that_is_killed_raises_and_the_next_call_goes_on(
    open_renderer: Callable[..., TiledRenderer], stage: Usd.Stage, method: str
) -> None:
    """The worker is stopped before it sees the call, and killed while its parent waits."""
    pair = Pair(open_renderer)
    pair.write(1)
    for cameras in pair.cameras:
        cameras.set_poses(heights(2)[:2] + np.float32([0.1, 0, 3]), quat_xyzw=UPRIGHT[:2], env_ids=[0, 1])
        cameras.set_intrinsics(np.array([[[30, 0, 8], [0, 30, 6], [0, 0, 1]]], np.float32), env_ids=[2])
    assert pair.same()
    pair.write(2)
    with at_call(method, kill) as done:
        if method in ("load", "rebind"):
            UsdGeom.Cube.Define(stage, "/World/envs/env_1/Second").AddTranslateOp().Set(Gf.Vec3d(0.7, 0, 0))
        elif method in ("update", "write"):
            UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/World/envs/env_0/Body/Cube")).SetTranslate(Gf.Vec3d(0.3, 0, 0))
        with pytest.raises(WorkerError, match=r"is lost, while it was asked to .*: it was ended by signal 9"):
            if method == "add_cameras":
                pair.there.add_cameras(None, width=4, height=4)
            elif method == "bind":
                pair.there.bind_transforms(BODIES[:1])
            elif method == "remove_cameras":
                pair.there.remove_cameras(pair.there.add_cameras(None, width=4, height=4))
            else:
                pair.there.render(pair.cameras[1])
    assert done and len(pair.there.bundles) == 1
    images(pair.here, pair.cameras[0])  # as many frames as there: the next one has no motion in it
    assert pair.same() and pair.pid not in done
    pair.write(3)
    assert pair.same()


def test_a_process_that_was_killed_between_two_calls_is_told_of(open_renderer: Callable[..., TiledRenderer]) -> None:
    pair = Pair(open_renderer)
    assert pair.same()
    pair.write(1)
    os.kill(pair.pid, signal.SIGKILL)
    os.waitid(os.P_PID, pair.pid, os.WEXITED | os.WNOWAIT)  # with a GPU to give back it takes a while to end
    with pytest.raises(WorkerError, match=r"before it was asked to render.*signal 9.*\n  .*Warp"):
        pair.there.render(pair.cameras[1])
    images(pair.here, pair.cameras[0])
    assert pair.same()


def test_a_process_that_was_stopped_is_noticed(open_renderer: Callable[..., TiledRenderer]) -> None:
    pair = Pair(open_renderer, heartbeat_timeout=1.5)
    assert pair.same()
    os.kill(pair.pid, signal.SIGSTOP)
    begin, pid = time.monotonic(), pair.pid
    with pytest.raises(WorkerError, match=r"no sign of life for \d\.\d s when .* raise its heartbeat_timeout\)"):
        pair.there.render(pair.cameras[1])
    assert time.monotonic() - begin < 5 and gone(pid)
    images(pair.here, pair.cameras[0])
    assert pair.same()


def test_a_stopped_process_cannot_block_a_large_message(
    open_renderer: Callable[..., TiledRenderer], stage: Usd.Stage
) -> None:
    """More bytes than a pipe takes, and nobody who reads them."""
    renderer = open_renderer({"heartbeat_timeout": 0.2})
    renderer.add_cameras(None, width=4, height=4, outputs="depth")
    mesh = UsdGeom.Mesh.Define(stage, "/World/Big")
    mesh.CreatePointsAttr(np.zeros((100000, 3), np.float32))
    mesh.CreateFaceVertexCountsAttr([3])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2])
    with at_call("load", lambda pid: None), pytest.raises(WorkerError, match="no sign of life"):
        renderer.render()


def test_a_call_that_takes_too_long_ends_the_process(open_renderer: Callable[..., TiledRenderer]) -> None:
    """It lives, but does not answer."""
    renderer = open_renderer({"call_timeout": 0.5})
    cameras = renderer.add_cameras(None, width=4, height=4, outputs="depth")
    renderer.render(cameras)
    process = renderer._backend._process  # type: ignore[attr-defined]
    ask = process.ask
    process.ask = lambda method, *arguments, **options: ask("make", *_forever(), **options)
    with pytest.raises(WorkerError, match=r"did not answer for \d\.\d s.* raise its call_timeout\)"):
        renderer.render(cameras)
    assert gone(process.pid)


def _forever() -> tuple[Any, bytes]:
    """Arguments whose unpickling takes long."""
    return _Sleep(), b""


class _Sleep:
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return time.sleep, (30.0,)


def test_errors_of_the_backend_are_those_of_this_process(
    open_renderer: Callable[..., TiledRenderer], stage: Usd.Stage, device: str
) -> None:
    with pytest.raises(ConfigError, match="colour_of_magic"):
        open_renderer(backend_options={"worker": True, "colour_of_magic": 8})
    with pytest.raises(BackendUnavailableError, match="isaac_rtx"):
        open_renderer(backend="isaac_rtx")
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=4, height=4, outputs="depth")
    backend: Any = renderer._backend
    with pytest.raises(OvrtxRenderError, match=r"(?s)Traceback.*KeyError.*4711"):
        backend._ask("update_lenses", 4711)
    assert np.isfinite(renderer.render(cameras)["depth"].numpy()).any()  # it stays usable


def test_it_gives_up_after_some_restarts(open_renderer: Callable[..., TiledRenderer]) -> None:
    renderer = open_renderer({"max_restarts": 1})
    cameras = renderer.add_cameras(None, width=4, height=4, outputs="depth")
    for time_lost in range(2):
        pid = renderer._backend.pid  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        with pytest.raises(WorkerError, match="it was asked to bind"):
            renderer.bind_transforms(BODIES)
        if time_lost == 0:
            renderer.bind_transforms(BODIES)  # it was started again, but has drawn nothing since
    for _ in range(2):
        with pytest.raises(WorkerError, match="started again 1 times without drawing a frame"):
            renderer.render(cameras)


def test_bindings_that_nobody_holds_are_let_go(open_renderer: Callable[..., TiledRenderer]) -> None:
    renderer = open_renderer()
    renderer.add_cameras(None, width=4, height=4, outputs="depth")
    renderer.render()
    bodies = renderer.bind_transforms(BODIES)
    handle = bodies._bound.inputs[0].handle  # type: ignore[attr-defined]
    del bodies
    renderer.render()
    if handle.name:
        with pytest.raises(FileNotFoundError):
            SharedMemory(name=handle.name)
    renderer.render()


def test_surfaces_are_written(open_renderer: Callable[..., TiledRenderer], stage: Usd.Stage) -> None:
    """Material inputs and points, through a worker that is killed in between."""
    mesh = UsdGeom.Mesh.Define(stage, "/World/envs/env_0/Cloth")
    mesh.CreatePointsAttr([(0, 0, 1), (1, 0, 1), (0, 1, 1)])
    mesh.CreateFaceVertexCountsAttr([3])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2])
    shader = UsdShade.Shader.Define(stage, "/World/envs/env_0/Look/Shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.2, 0.7, 0.1))
    look = UsdShade.Material.Define(stage, "/World/envs/env_0/Look")
    look.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(look)
    pair = Pair(open_renderer)
    for one in pair.both:
        one.bind_materials(["/World/envs/env_0/Look"], "base_color").write(np.array([[0.9, 0.1, 0.4]], np.float32))
    points = [one.bind_points(["/World/envs/env_0/Cloth"]) for one in pair.both]
    for step in range(3):
        if step == 2:
            os.kill(pair.pid, signal.SIGKILL)
            with pytest.raises(WorkerError):
                pair.there.render()
            pair.here.render()
        for one in points:
            one.write(np.array([[0, 0, 1 + 0.2 * step], [1.5, 0, 1], [0, 1.5, 1.3]], np.float32))
        assert pair.same()


def test_close_leaves_nothing(open_renderer: Callable[..., TiledRenderer]) -> None:
    renderer = open_renderer()
    cameras = renderer.add_cameras(None, width=4, height=4, outputs="depth")
    bodies = renderer.bind_transforms(BODIES)
    depth = renderer.render(cameras)["depth"]
    backend: Any = renderer._backend
    process, kept = backend._process, cameras.backend_data
    arrays = (*kept.buffers.values(), *kept.inputs, *bodies._bound.inputs)  # type: ignore[attr-defined]
    names = [shared.handle.name for shared in arrays if shared.handle.name]
    before = depth.numpy().copy()
    renderer.close()
    renderer.close()
    assert process._process.returncode == 0 and gone(process.pid)
    for thread in (process._thread, process._reader, process._feeder):
        thread.join(10.0)
    pipes = (process._process.stdin, process._process.stdout, process._process.stderr)
    assert [pipe.closed for pipe in pipes] == [True] * 3
    assert np.array_equal(depth.numpy(), before)  # what was handed out stays
    for name in names:
        with pytest.raises(FileNotFoundError):
            SharedMemory(name=name)
    for call in (lambda: renderer.render(cameras), lambda: bodies.write(heights(0), quat_xyzw=UPRIGHT)):
        with pytest.raises(InputError):
            call()


ORPHAN = """
import sys, time
from pxr import Usd, UsdGeom
from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
stage = Usd.Stage.CreateInMemory()
UsdGeom.Camera.Define(stage, "/Camera")
renderer = TiledRenderer(stage, RendererCfg(backend="warp", device="cpu", backend_options=dict(worker=True)))
print("worker", renderer._backend.pid, flush=True)
{then}
"""


@pytest.mark.parametrize("then", ["time.sleep(60)", "sys.exit(0)", "raise SystemError('no close')"])
def test_no_orphan_stays_behind(then: str) -> None:
    """The parent is killed, or ends without closing."""
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN.format(then=then)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = next(int(line.split()[1]) for line in parent.stdout if line.startswith(b"worker "))
    if "sleep" in then:
        os.kill(pid, signal.SIGSTOP)  # even one that is stopped
        parent.kill()
    parent.communicate(timeout=60)
    assert gone(pid)


def test_the_interpreter_is_named(open_renderer: Callable[..., TiledRenderer], tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match=r"/no/such/python.*No such file"):
        open_renderer({"python": "/no/such/python"})
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho no licence >&2\nexit 7\n")
    script.chmod(0o755)
    with pytest.raises(WorkerError, match=r"(?s)exited with code 7.*no licence"):
        open_renderer({"python": str(script)})
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH="$PACKAGES" "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    log = tmp_path / "log.txt"
    env = {"PACKAGES": os.environ.get("PYTHONPATH", ""), "OVRTX_RENDER_UNUSED": None}
    renderer = open_renderer({"python": str(wrapper), "log_file": str(log), "env": env})
    renderer.add_cameras(None, width=4, height=4, outputs="depth")
    renderer.render()
    renderer.close()
    assert "Warp" in log.read_text()
    empty = tmp_path / "empty"
    empty.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    empty.chmod(0o755)
    with pytest.raises(WorkerError, match=r"(?s)exited with code 1.*No module named"):
        open_renderer({"python": str(empty)})


def test_making_the_backend_may_take_as_long_as_a_load(
    open_renderer: Callable[..., TiledRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OVRTX compiles shaders when it is made for the first time; only the process and its imports are always quick."""
    limits: dict[str, float] = {}
    ask = WorkerProcess.ask

    def asked(self: WorkerProcess, name: str, *arguments: Any, **options: Any) -> Any:
        limits.setdefault(name, options["limit"])
        return ask(self, name, *arguments, **options)

    monkeypatch.setattr(WorkerProcess, "ask", asked)
    open_renderer({"start_timeout": 111.0, "load_timeout": 999.0, "call_timeout": 55.0})
    assert {name: limits[name] for name in ("start", "make", "load")} == {"start": 111.0, "make": 999.0, "load": 999.0}
    with (
        at_call("make", lambda pid: None) as stopped,
        pytest.raises(WorkerError, match=r"for 0\.\d s when asked to make"),
    ):
        open_renderer({"start_timeout": 9e5, "load_timeout": 0.3})
    assert gone(stopped[0])


def test_an_interpreter_of_its_own_gets_nothing_of_kit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kit, drivers, other = (tmp_path / name for name in ("kit", "drivers", "other"))
    for folder in (kit / "plugins", drivers, other):
        folder.mkdir(parents=True)
    (other / "libcarb.so").touch()
    theirs = {
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, (kit, drivers, "", kit / "plugins", other))),
        "CARB_APP_PATH": str(kit),
        "PXR_PLUGINPATH_NAME": str(kit),
        "OMNI_USD_PLUGINS_BASE_PATH": str(kit),
        **dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "LD_PRELOAD", "ISAAC_PATH", "EXP_PATH", "MDL_SYSTEM_PATH"), "x"),
    }
    ours = {"CUDA_VISIBLE_DEVICES": "1", "OMNI_USER": "u", "OMNI_SERVER": "s", "OVRTX_RENDER_X": "y"}
    for name, value in (theirs | ours).items():
        monkeypatch.setenv(name, value)
    assert worker_environment(WorkerOptions()) == dict(os.environ)
    env = worker_environment(WorkerOptions(python="/other/python", env={"PYTHONPATH": "mine", "HOME": None}))
    assert {name: env.get(name) for name in theirs} == {
        **dict.fromkeys(theirs),
        "LD_LIBRARY_PATH": str(drivers),
        "PYTHONPATH": "mine",
    }
    assert {name: env.get(name) for name in ours} == ours and "HOME" not in env
    monkeypatch.setenv("LD_LIBRARY_PATH", str(kit))
    assert "LD_LIBRARY_PATH" not in worker_environment(WorkerOptions(python="/other/python"))


def test_an_interpreter_without_this_package_takes_ours_and_nothing_beside_it(
    open_renderer: Callable[..., TiledRenderer], tmp_path: Path
) -> None:
    # Without ``site`` no .pth file, such as that of an editable installation, leads to this package.
    packages, python = tmp_path / "packages", tmp_path / "python"
    packages.mkdir()
    for folder in {Path(next(iter(module.__path__))).parent for module in (np, wp, pxr)}:
        for entry in folder.iterdir():
            if entry.name != "omni" and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    renderer = open_renderer({"python": str(python)})
    renderer.add_cameras(None, width=4, height=4, outputs="depth")
    assert np.isfinite(renderer.render()["depth"].numpy()).any()
    look = (
        "import runpy, sys, types\n"
        "from importlib.util import find_spec\n"
        "def main():\n"
        "    print(find_spec('omni.isaac.ovrtx_render').origin)\n"
        "    print([find_spec(name) for name in ('numpy', 'tests', 'omni.kit', 'omni.isaac.other')])\n"
        "serve = types.ModuleType('serve')\n"
        "serve.main = main\n"
        "sys.modules['omni.isaac.ovrtx_render.backends.worker.serve'] = serve\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')\n"
    )
    boot = Path(inspect.getfile(WorkerProcess)).with_name("boot.py")
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", look, str(boot)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert said.stdout.split("\n")[:2] == [str(Path(omni.isaac.ovrtx_render.__file__).resolve()), str([None] * 4)]


def test_what_others_print_into_the_pipe_is_told(open_renderer: Callable[..., TiledRenderer], tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho Activating environment\nsleep 60\n")
    python.chmod(0o755)
    with pytest.raises(WorkerError, match=r"what it sent is no message \(it begins with b'Activati'\)"):
        open_renderer({"python": str(python)})


def test_a_log_file_that_cannot_be_written(open_renderer: Callable[..., TiledRenderer], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log_file '.*log.txt' cannot be written: No such file"):
        open_renderer({"log_file": str(tmp_path / "missing" / "log.txt")})


def test_a_message_of_an_interrupted_call_cannot_block_the_next_call() -> None:
    """More bytes than a pipe takes are on their way to a process that does not read."""
    process = WorkerProcess(WorkerOptions())
    process.ask("start", limit=100.0, silence=100.0)
    os.kill(process.pid, signal.SIGSTOP)
    process._send(pack((1, "interrupted", (bytes(1 << 20),))))
    time.sleep(0.3)  # so that it is being written
    with pytest.raises(WorkerError, match="when asked to make"):
        process.ask("make", limit=0.2, silence=0.2)
    assert gone(process.pid)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="the host's shared memory is not in /dev/shm")
def test_shared_memory_that_is_not_there_is_an_error(
    open_renderer: Callable[..., TiledRenderer], monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    """The kernel would end this process where it touches the memory: a container's /dev/shm has 64 MB."""
    if device != "cpu":
        pytest.skip("only the host's memory lies there")
    asked: list[str] = []

    def full(file: int, begin: int, size: int) -> None:
        asked.append(os.readlink(f"/proc/self/fd/{file}"))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    renderer = open_renderer()
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(BackendFailedError, match=r"0\.0 MB .* not there: No space left.*--shm-size"):
            renderer.add_cameras(None, width=4, height=4, outputs="depth")
    assert asked and not Path(asked[0]).exists() and renderer.bundles == ()
    renderer.add_cameras(None, width=4, height=4, outputs="depth")
    assert np.isfinite(renderer.render()["depth"].numpy()).any()


def test_a_bundle_goes_while_the_stage_cannot_be_loaded_again(
    open_renderer: Callable[..., TiledRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process was started, and refused the stage: it knows no bundle."""
    renderer = open_renderer()
    first, second = (renderer.add_cameras(None, width=4, height=4, outputs="depth") for _ in range(2))
    renderer.render()
    os.kill(renderer._backend.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    with pytest.raises(WorkerError):
        renderer.render(first)
    ask = WorkerProcess.ask

    def refused(self: WorkerProcess, name: str, *arguments: Any, **options: Any) -> Any:
        if name == "load":
            raise BackendFailedError("refused")
        return ask(self, name, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(WorkerProcess, "ask", refused)
        with pytest.raises(BackendFailedError, match="refused"):
            renderer.render(first)
        renderer.remove_cameras(second)
    assert renderer.bundles == (first,)


def test_another_version_is_refused(
    open_renderer: Callable[..., TiledRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = importlib.import_module("omni.isaac.ovrtx_render.backends.worker.backend")
    monkeypatch.setattr(backend, "__version__", "0.0.1")
    with pytest.raises(BackendUnavailableError, match=r"has version .* of this package, and this process 0\.0\.1"):
        open_renderer()


@pytest.mark.parametrize(
    ("worker", "message"),
    [
        ("yes", "must be True, False or a dict"),
        ({"pyton": "x"}, "has no 'pyton'; there are: call_timeout"),
        ({"call_timeout": 0}, "call_timeout is 0"),
        ({"max_restarts": -1}, "max_restarts is -1"),
        ({"env": {"A": 1}}, "env is"),
        ({"python": 3}, "python is 3"),
    ],
)
def test_options(open_renderer: Callable[..., TiledRenderer], worker: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_renderer(worker)


def test_ovrtx_beside_kit_needs_an_interpreter_of_its_own(
    stage: Usd.Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "omni.kit.app", object())  # type: ignore[arg-type]
    monkeypatch.delenv("OVRTX_RENDER_WORKER_PYTHON", raising=False)
    with pytest.raises(BackendUnavailableError, match=r"Kit is loaded.*'worker': \{'python'"):
        TiledRenderer(stage, RendererCfg(backend="ovrtx", device="cpu"))
    script = tmp_path / "python"
    packages = os.environ.get("PYTHONPATH", "")
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec "{sys.executable}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("OVRTX_RENDER_WORKER_PYTHON", str(script))
    with pytest.raises(BackendUnavailableError, match="'ovrtx' cannot run here"):  # said by the worker
        TiledRenderer(stage, RendererCfg(backend="ovrtx", device="cpu"))


@pytest.mark.slow
def test_a_thousand_frames_with_random_ends(open_renderer: Callable[..., TiledRenderer]) -> None:
    """Every frame is the right one, or raises. On a fast machine it takes more of them until the process has ended."""
    pair = Pair(open_renderer, heartbeat_timeout=0.7, max_restarts=1000)
    chance, stop = random.Random(4), threading.Event()

    def strike() -> None:
        struck: int | None = None
        while not stop.is_set():
            while not stop.is_set() and pair.pid in (None, struck):
                time.sleep(0.01)
            struck = pair.pid
            if struck is not None and not stop.wait(chance.uniform(0.0, 2.5)):
                with suppress(ProcessLookupError):
                    os.kill(struck, chance.choice((signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)))

    thread = threading.Thread(target=strike)
    thread.start()
    right = raised = 0
    try:
        while right + raised < 1000 or raised < 3:
            step = right + raised
            pair.write(step)
            truth = images(pair.here, pair.cameras[0])
            try:
                seen = images(pair.there, pair.cameras[1])
            except WorkerError:
                raised += 1
                continue
            for name in ("rgb", "depth", "semantic_segmentation"):
                assert np.array_equal(seen[name], truth[name]), (step, name)
            right += 1
    finally:
        stop.set()
        thread.join()
    assert right > 900
