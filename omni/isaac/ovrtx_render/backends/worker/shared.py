"""Arrays that both processes see: shared memory on the host, CUDA IPC on a GPU. Nothing is copied through a pipe."""

from __future__ import annotations

import math
import os
import sys
import weakref
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp

from ...errors import BackendFailedError, BackendUnavailableError

__all__ = ["Handle", "SharedArray", "attach"]


@dataclass(frozen=True)
class Handle:
    """How the other process finds an array: the name of host memory, or a CUDA IPC handle."""

    shape: tuple[int, ...]
    dtype: str
    name: str = ""
    ipc: bytes = b""


class SharedArray:
    """An array that this process owns and another one may attach.

    Args:
        shape: Shape in scalars.
        dtype: Warp scalar type.
        device: Where it lies.

    Attributes:
        array: The array here, zero at first. It stays valid as long as somebody holds it.
        handle: What the other process attaches it by.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, device: wp.Device) -> None:
        self._memory: SharedMemory | None = None
        if device.is_cuda:
            with wp.ScopedMempool(device, False):  # memory of a pool cannot be shared
                self.array = wp.zeros(shape, dtype=dtype, device=device)
            try:
                ipc = bytes(self.array.ipc_handle()) if self.array.size else b""
            except RuntimeError as error:
                raise BackendUnavailableError(
                    f"{device} cannot share memory with another process ({error}); run the backend without a worker"
                ) from error
            self.handle = Handle(shape, dtype.__name__, ipc=ipc)
            return
        size = math.prod(shape) * wp.types.type_size_in_bytes(dtype)
        self._memory = _reserve(max(size, 1))
        self.array = _on(self._memory, shape, dtype)
        self._release = weakref.finalize(self.array, _unlink, self._memory)
        self.handle = Handle(shape, dtype.__name__, name=self._memory.name)

    def free(self) -> None:
        """Take the name away, so that nobody attaches it any more; the memory goes with the last who holds it."""
        if self._memory is not None:
            self._release()


def attach(handle: Handle, device: wp.Device) -> wp.array:
    """The array of another process."""
    dtype = getattr(wp, handle.dtype)
    if device.is_cuda:
        if not handle.ipc:
            return wp.zeros(handle.shape, dtype=dtype, device=device)
        return wp.from_ipc_handle(handle.ipc, dtype, handle.shape, device=device)
    return _on(_open(handle.name), handle.shape, dtype)


def _reserve(size: int) -> SharedMemory:
    """Memory that is there: where ``/dev/shm`` is too small, the kernel would end the process that touches it."""
    memory = SharedMemory(create=True, size=size)
    file = Path("/dev/shm") / memory.name
    if file.exists():
        try:
            with file.open("r+b") as opened:
                os.posix_fallocate(opened.fileno(), 0, size)
        except OSError as error:
            memory.close()
            memory.unlink()
            raise BackendFailedError(
                f"{size / 1e6:.1f} MB that the worker would share are not there: {error.strerror}. Make /dev/shm "
                "larger (a container has 64 MB, unless it is started with --shm-size or --ipc=host)"
            ) from error
    return memory


def _on(memory: SharedMemory, shape: tuple[int, ...], dtype: Any) -> wp.array:
    view = np.ndarray(shape, wp.dtype_to_numpy(dtype), buffer=memory.buf)
    array: Any = wp.array(ptr=view.ctypes.data, dtype=dtype, shape=shape, device="cpu", copy=False)
    array._owner = (memory, view)  # let go of from the end: the view before the memory
    return array


def _unlink(memory: SharedMemory) -> None:
    try:
        memory.unlink()
    except FileNotFoundError:  # the tracker of a process that was ending was quicker
        return


def _open(name: str) -> SharedMemory:
    """Attach memory that belongs to another process; its owner alone removes it."""
    if sys.version_info >= (3, 13):
        return SharedMemory(name=name, track=False)
    register = resource_tracker.register
    resource_tracker.register = lambda *_: None
    try:
        return SharedMemory(name=name)
    finally:
        resource_tracker.register = register
