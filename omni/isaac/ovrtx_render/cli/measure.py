"""How long a scene takes to start and to draw, by phase, and how much memory."""

from __future__ import annotations

import gc
import re
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp

from ..config import RendererCfg
from ..renderer import TiledRenderer, TransformBinding
from ..scene.data import SHARED, Scene

__all__ = ["CUDA_PHASES", "Speed", "kernel_name", "measure", "peak_memory"]

_WARM_UP = 2

CUDA_PHASES = {
    "project_shapes": "culling",
    "sort_shapes": "culling",
    "trace_primary": "visibility",
    "shadow_rays": "shadows",
    "occlusion_rays": "shadows",
    "trace_shadows": "shadows",
    "shade": "shading",
    "clear_misses": "outputs",
    "write_geometry": "outputs",
    "resolve_color": "outputs",
}
"""Phase of each kernel of the warp backend; all others belong to the transforms."""


@dataclass
class Speed:
    """What a scene costs.

    Attributes:
        images: Images a step, one a camera.
        rays: Camera rays a step.
        prims: Prims whose transforms are written every step.
        startup: Seconds by phase, in order: ``upload`` (build the BVHs, fill the device), ``kernels`` (compile them,
            or load them from Warp's cache), ``first frame`` (the rest of it).
        steps: Seconds of each timed step: write the transforms, draw, wait until the images are complete.
        phases: Seconds of a step by phase, the median over the steps. On CUDA these are times of the GPU itself.
        memory: Bytes the process holds (``None`` where the system does not say).
        cuda_memory: Most bytes in use in Warp's pool on the CUDA device, or None.
    """

    backend: str
    device: str
    images: int
    rays: int
    prims: int
    startup: dict[str, float]
    steps: list[float]
    phases: dict[str, float] = field(default_factory=dict)
    memory: int | None = None
    cuda_memory: int | None = None

    @property
    def seconds(self) -> float:
        """Median seconds of a step."""
        return statistics.median(self.steps)


def measure(scene: Scene, cfg: RendererCfg, *, width: int, height: int, outputs: tuple[str, ...], steps: int) -> Speed:
    """Draw all cameras of a scene ``steps`` times, writing the transforms of all its environments' prims each time.

    Args:
        scene: The scene, as it was read.
        cfg: Configuration of the renderer.
        width: Image width [px].
        height: Image height [px].
        outputs: Output names.
        steps: Timed steps, after two that are not.

    Raises:
        SceneError: The scene has no camera.
    """
    with _kernel_loading() as loading:
        began = time.perf_counter()
        renderer = TiledRenderer(scene, cfg)
        upload = time.perf_counter() - began - loading()
        with renderer:
            cameras = renderer.add_cameras(None, width=width, height=height, outputs=outputs)
            device: Any = next(iter(cameras.outputs.values())).device
            binding, matrices = _bind(renderer, device)
            before, began = loading(), time.perf_counter()
            _step(renderer, binding, matrices, device)
            first = time.perf_counter() - began - (loading() - before)
            startup = {"upload": upload, "kernels": loading(), "first frame": first}
            for _ in range(_WARM_UP - 1):
                _step(renderer, binding, matrices, device)
            seconds, phases = [], defaultdict(list)
            for _ in range(steps):
                began = time.perf_counter()
                with _phases(renderer, device) as spent:
                    _step(renderer, binding, matrices, device)
                    seconds.append(time.perf_counter() - began)
                for phase, value in spent.items():
                    phases[phase].append(value)
            gc.collect()
            return Speed(
                backend=renderer.backend_name,
                device=device.name if device.is_cuda else "cpu",
                images=len(cameras),
                rays=len(cameras) * width * height * cfg.samples_per_pixel,
                prims=len(binding),
                startup=startup,
                steps=seconds,
                phases={phase: statistics.median(values) for phase, values in phases.items()},
                memory=_resident_memory(),
                cuda_memory=_pool_memory(device),
            )


def _bind(renderer: TiledRenderer, device: wp.Device) -> tuple[TransformBinding, wp.array]:
    """The prims that a simulation would move (those of the environments, or all), and where they are."""
    scene, inst = renderer.scene, renderer.scene.instances
    there = np.abs(np.linalg.det(inst.transform[:, :3, :3])) > 1.0e-30
    moving = np.flatnonzero(there & ((inst.env != SHARED) | (scene.num_envs == 0)))
    path, first = np.unique(inst.path[moving], return_index=True)
    binding = renderer.bind_transforms([scene.paths[p] for p in path])
    places = inst.transform[moving[first]].reshape(-1, 4, 4).astype(np.float32)
    return binding, wp.array(places, dtype=wp.mat44, device=device)


def _step(renderer: TiledRenderer, binding: TransformBinding, matrices: wp.array, device: wp.Device) -> None:
    began = time.perf_counter()
    binding.write_matrices(matrices)
    written = time.perf_counter() - began
    renderer.render()
    wp.synchronize_device(device)
    renderer.timings["transforms"] = renderer.timings.get("transforms", 0.0) + written


@contextmanager
def _phases(renderer: TiledRenderer, device: wp.Device) -> Iterator[dict[str, float]]:
    """Seconds of what is drawn meanwhile, by phase; known when the block is left.

    A launch on a CUDA device returns before the work is done, so the device's own clock is asked there.
    """
    spent: defaultdict[str, float] = defaultdict(float)
    if not device.is_cuda:
        yield spent
        spent.update({phase: seconds for phase, seconds in renderer.timings.items() if phase != "total"})
        return
    wp.timing_begin(cuda_filter=wp.TIMING_KERNEL)
    yield spent
    for done in wp.timing_end():
        spent[CUDA_PHASES.get(kernel_name(done.name), "transforms")] += done.elapsed / 1e3


def kernel_name(label: str) -> str:
    """Name of the function of a kernel, from how Warp labels its launches: with or without scope and hash."""
    name = label.removeprefix("forward kernel ").removesuffix("_cuda_kernel_forward")
    return re.sub(r"_[0-9a-f]{8}$", "", name).rpartition("__")[2]


@contextmanager
def _kernel_loading() -> Iterator[Callable[[], float]]:
    """Seconds so far in which Warp compiles or loads modules; modules that load side by side count once."""
    load = wp.Module.load
    lock = threading.Lock()
    running, began, spent = 0, 0.0, 0.0

    def seconds() -> float:
        with lock:
            return spent + (time.perf_counter() - began if running else 0.0)

    def timed(*args: Any, **kwargs: Any) -> Any:
        nonlocal running, began, spent
        with lock:
            if not running:
                began = time.perf_counter()
            running += 1
        try:
            return load(*args, **kwargs)
        finally:
            with lock:
                running -= 1
                if not running:
                    spent += time.perf_counter() - began

    setattr(wp.Module, "load", timed)  # noqa: B010 - types know it as a method, which cannot be assigned to
    try:
        yield seconds
    finally:
        setattr(wp.Module, "load", load)  # noqa: B010


def peak_memory() -> int | None:
    """Most bytes this process has held; None where the system does not say."""
    own = _status("VmHWM")  # getrusage would begin with what the parent process held when it started this one
    if own is not None:
        return own
    try:
        import resource
    except ImportError:  # Windows
        return None
    import sys

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _resident_memory() -> int | None:
    """Bytes this process holds now; the most it has held where the system tells only that."""
    now = _status("VmRSS")
    return peak_memory() if now is None else now


def _status(name: str) -> int | None:
    """A size in Linux' account of this process, in bytes; None on other systems."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _pool_memory(device: wp.Device) -> int | None:
    if not (device.is_cuda and wp.is_mempool_enabled(device)):
        return None
    return int(wp.get_mempool_used_mem_high(device))
