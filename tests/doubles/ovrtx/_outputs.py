"""What a step gives: products, frames, render variables, and their mappings into memory."""

from __future__ import annotations

import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._enums import Device, DLDeviceType
from ._settings import OPTIONS, VERSION
from ._tensors import check_fence

_POISON = {"uint8": 0xCD, "uint32": 0xDEADBEEF, "float16": np.nan, "float32": np.nan}


GIVEN_BACK: list[weakref.ref[Any]] = []
"""Memory on the host of mappings that ended."""

_SPOILING: deque[Any] = deque(maxlen=64)
"""CUDA memory that may be written to still."""


def poison(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array full of what nobody may take for a picture."""
    return np.full(shape, _POISON[np.dtype(dtype).name], dtype)


class RenderProductSetOutputs:
    """Products by path. Letting go of it lets go of the result: what was not mapped can be mapped no more."""

    def __init__(self, products: dict[str, ProductOutput], start: float, end: float, lease: Lease) -> None:
        self._products, self._lease = products, lease
        if VERSION >= (0, 5, 0):
            self.simulation_start_time, self.simulation_end_time = start, end

    def __del__(self) -> None:
        self._lease.alive = False

    def __getitem__(self, path: str) -> ProductOutput:
        if path not in self._products:
            raise KeyError(f"No product '{path}'. Available products:\n  " + "\n  ".join(self._products))
        return self._products[path]

    def __contains__(self, path: object) -> bool:
        return path in self._products

    def __iter__(self) -> Iterator[str]:
        return iter(self._products)

    def __len__(self) -> int:
        return len(self._products)

    def keys(self) -> Any:
        return self._products.keys()

    def values(self) -> Any:
        return self._products.values()

    def items(self) -> Any:
        return self._products.items()


@dataclass
class ProductOutput:
    name: str
    frames: list[FrameOutput]


@dataclass
class FrameOutput:
    """One frame. ``double_tiles`` is the double's own: the camera that each tile shows ("" for an empty one)."""

    start_time: float
    end_time: float
    render_vars: dict[str, RenderVarOutput]
    progression: int = 0
    converged: bool = False
    double_tiles: tuple[str, ...] = field(default=(), repr=False)


@dataclass
class Lease:
    """Whether a step's result is still there."""

    alive: bool = True


class RenderVarOutput:
    def __init__(self, path: str, source: str, data: np.ndarray, lease: Lease, mapped: weakref.WeakSet[Any]) -> None:
        self._path, self._source, self._data, self._lease, self._all = path, source, data, lease, mapped
        self.handle = id(self)
        self._mapping: weakref.ref[MappedRenderVar] | None = None
        if VERSION >= (0, 5, 0):
            self.render_var_path, self.source_name, self.source_type = path, source, "raw"
        else:
            self.name = source

    def map(self, device: Device = Device.CPU, sync_stream: int | None = None) -> MappedRenderVar:
        device = Device(device)
        if not self._lease.alive:
            raise RuntimeError("Failed to map output: the step result has been destroyed")
        current = self._mapping() if self._mapping else None
        if current is not None and current.is_mapped:
            raise RuntimeError(f"Render var '{self._path}' already mapped")
        if sync_stream is None:
            sync_stream = 0 if device is Device.CPU else 1
        mapping = MappedRenderVar(self._path, self._source, self._data, device, sync_stream)
        self._mapping = weakref.ref(mapping)
        self._all.add(mapping)
        return mapping


class MappedRenderVar:
    """Memory of the renderer. It holds the picture once the caller has waited, on the host or on a stream."""

    def __init__(self, path: str, source: str, data: np.ndarray, device: Device, sync_stream: int) -> None:
        self._path, self._data, self._device = path, data, device
        self._on_cuda = device is Device.CUDA and OPTIONS.device.startswith("cuda")
        self.is_mapped = True
        self.touched = False
        if VERSION >= (0, 5, 0):
            self.render_var_path = path
        else:
            self.name = source
        self.type, self.doc, self.version = "raw", "", 0
        self.params: dict[str, Any] = {}
        self.wait_event = None if device is Device.CPU else id(self)
        self._opaque = device in (Device.CUDA_ARRAY, Device.DEFAULT) and data.ndim == 3
        self._memory: Any = poison(data.shape, data.dtype)
        if self._on_cuda:
            import warp as wp

            # Copied before anybody can ask for the memory: its address must stay.
            self._memory, self._spoilt = (wp.array(self._memory, device=OPTIONS.device) for _ in range(2))
            self._source = wp.array(data, device=OPTIONS.device)
            wp.synchronize_device(OPTIONS.device)
        if device is Device.CPU or sync_stream:
            self._deliver(sync_stream)

    def _deliver(self, stream: int) -> None:
        """Let the picture arrive: in the order of a CUDA stream, or at once."""
        if self._on_cuda:
            import warp as wp

            target = wp.get_device(OPTIONS.device)
            on = target.null_stream if stream in (0, 1) else wp.Stream(target, cuda_stream=stream)
            wp.copy(self._memory, self._source, stream=on)
            if not stream:
                wp.synchronize_device(target)
        else:
            self._memory[...] = self._data

    # -- synchronisation --------------------------------------------------------------------------------------------

    def wait(self) -> None:
        self._alive()
        self._deliver(0)

    def wait_on(self, stream: int) -> None:
        self._alive()
        check_fence(f"wait for '{self._path}'", stream, None)
        self._deliver(int(stream))

    def unmap(self, event: int | None = None, stream: int | None = None) -> None:
        if event is not None and stream is not None:
            raise ValueError("Cannot specify both event and stream; use one or the other")
        if self._device is Device.CPU and (event is not None or stream is not None):
            raise ValueError("CUDA sync parameters (event/stream) not applicable for CPU-mapped outputs")
        if not self.is_mapped:
            return
        if self._device is Device.CUDA:
            # Kernels that were launched on it may still read it.
            check_fence(f"unmap of '{self._path}'", stream, event)
        self.is_mapped = False
        if self._on_cuda:
            self._poison_after(stream)
            return
        self.touched = not (
            np.array_equal(self._memory, self._data, equal_nan=True)
            or np.array_equal(self._memory, poison(self._data.shape, self._data.dtype), equal_nan=True)
        )
        if self.touched:
            raise RuntimeError(f"the caller wrote into memory of the renderer: '{self._path}'")
        if OPTIONS.poison_unmapped:
            self._memory[...] = poison(self._data.shape, self._data.dtype)
        # Alive from now on only if somebody holds a view, who keeps the library from using the memory again.
        GIVEN_BACK.append(weakref.ref(self._memory))
        self._memory = None

    def _poison_after(self, stream: int | None) -> None:
        """Spoil CUDA memory once all that was launched on a stream is done, and not later."""
        import warp as wp

        if not OPTIONS.poison_unmapped or not stream:
            return
        device = wp.get_device(OPTIONS.device)
        caller = device.null_stream if stream == 1 else wp.Stream(device, cuda_stream=stream)
        own = wp.Stream(device)
        own.wait_event(caller.record_event())
        wp.copy(self._memory, self._spoilt, stream=own)
        _SPOILING.append((self._memory, self._spoilt, own))

    def __enter__(self) -> MappedRenderVar:
        return self

    def __exit__(self, *_: object) -> None:
        self.unmap()

    def _alive(self) -> None:
        if not self.is_mapped:
            raise RuntimeError(f"Mapping for '{self._path}' already released")

    # -- tensors ----------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> RenderVarTensor:
        if name != "data":
            raise KeyError(f"Render variable '{self._path}' has no tensor named '{name}'; available: ['data']")
        return RenderVarTensor(self)

    def keys(self) -> list[str]:
        return ["data"]

    def values(self) -> list[RenderVarTensor]:
        return [RenderVarTensor(self)]

    def items(self) -> list[tuple[str, RenderVarTensor]]:
        return [("data", RenderVarTensor(self))]

    def __len__(self) -> int:
        return 1

    def __contains__(self, name: object) -> bool:
        return name == "data"

    def __iter__(self) -> Iterator[str]:
        return iter(["data"])

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def dtype(self) -> np.dtype:
        return self._data.dtype

    @property
    def device(self) -> tuple[int, int]:
        return (int(DLDeviceType.kDLCUDA), 0) if self._device is not Device.CPU else (int(DLDeviceType.kDLCPU), 0)

    def __dlpack_device__(self) -> tuple[int, int]:
        self._alive()
        # Without a CUDA device the double's "CUDA" memory lies on the host, and says so to whoever imports it.
        return self._memory.__dlpack_device__() if self._on_cuda else (int(DLDeviceType.kDLCPU), 0)

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        self._alive()
        if self._opaque:
            raise RuntimeError(f"Render variable '{self._path}' is a CUDA array; it has no DLPack form")
        if copy:
            raise BufferError("copy=True not supported")
        if dl_device is not None and tuple(dl_device) != tuple(self.__dlpack_device__()):
            raise BufferError(f"cannot export to device {dl_device}")
        if self._on_cuda:
            return self._memory.__dlpack__(stream=None)
        if self._device is Device.CUDA and max_version is not None:
            raise RuntimeError("Unsupported device in DLTensor.")  # numpy (Warp asks without a version) and CUDA memory
        if max_version is None or max_version < (1, 0):
            return self._memory.__dlpack__()
        view = self._memory.view()
        view.flags.writeable = VERSION < (0, 5, 0)
        return view.__dlpack__(max_version=max_version)

    def __getattr__(self, name: str) -> Any:
        if name == "tensor" and VERSION < (0, 5, 0):
            warnings.warn("MappedRenderVar.tensor has been deprecated", DeprecationWarning, stacklevel=2)
            return self
        raise AttributeError(f"'MappedRenderVar' object has no attribute '{name}'")


class RenderVarTensor:
    """One tensor of a mapping."""

    def __init__(self, mapping: MappedRenderVar) -> None:
        self._mapping = mapping
        self.name, self.doc = "data", ""
        self.shape, self.dtype, self.ndim = mapping.shape, mapping.dtype, mapping.ndim
        self.device = mapping.device

    @property
    def cuda_array(self) -> int:
        if not self._mapping._opaque:
            raise RuntimeError("the tensor is linear memory; it is no CUDA array")
        return id(self._mapping)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._mapping.__dlpack_device__()

    def __dlpack__(self, **arguments: Any) -> Any:
        return self._mapping.__dlpack__(**arguments)


class RenderVarParam:
    """A parameter of a composite variable; those of cameras have none."""
