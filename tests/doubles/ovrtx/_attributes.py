"""Bindings and mappings of attributes, and the checks of the calls that write them."""

from __future__ import annotations

import math
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from ._enums import STRINGS, BindingFlag, DataAccess, Device, DLDeviceType, PrimMode, Semantic
from ._operations import Operation
from ._outputs import poison
from ._settings import OPTIONS, VERSION
from ._tensors import DLDataType, Tensor, check_fence, check_xform, resolve_dtype, strings_of

if TYPE_CHECKING:
    from ._renderer import Renderer

_MATRIX = DLDataType(2, 64, 16)


class Entry:
    """What a write writes: numbers or strings, taken now or when the write is carried out.

    Attributes:
        element: Element type with the component count; None for strings.
    """

    def __init__(self, tensors: list[Any], is_array: bool, is_token: bool, access: DataAccess) -> None:
        self.is_array, self.is_token = is_array, is_token
        self._strings: Any = None
        self._tensors: list[Tensor] = []
        self._taken: list[np.ndarray] | None = None
        if tensors and isinstance(tensors[0], list):
            self.element = None
            self._strings = [list(entry) for entry in tensors]
            return
        self._tensors = tensors
        first = tensors[0]
        self.element = DLDataType(first.element.code, first.element.bits, first.lanes)
        if access is DataAccess.SYNC:
            self._taken = [tensor.read() for tensor in tensors]

    def rows(self) -> Any:
        """One entry a prim."""
        if self._strings is not None:
            return self._strings if self.is_array else self._strings[0]
        taken = self._taken if self._taken is not None else [tensor.read() for tensor in self._tensors]
        return taken if self.is_array else taken[0]


def check_write(
    who: str, tensors: list[Any], semantic: Semantic, is_array: bool, access: DataAccess, stream: int | None
) -> list[Any]:
    """The Python-side checks of a write, in their order; returns strings as they are and arrays as Tensors."""
    if not tensors:
        raise ValueError("tensors list cannot be empty")
    if semantic is not Semantic.NONE:
        if semantic is Semantic.PATH_STRING and not is_array:
            raise ValueError("Semantic.PATH_STRING requires write_array_attribute (is_array=True).")
        if semantic in STRINGS:
            if access is DataAccess.ASYNC:
                raise ValueError("String attributes (token, path) require DataAccess.SYNC")
            for i, entry in enumerate(tensors):
                if not strings_of(entry):
                    raise TypeError(
                        f"tensors[{i}]: expected a list of strings for semantic {semantic!r}, "
                        f"got {type(entry).__name__}"
                    )
            return tensors
        taken = [Tensor(entry, stream) for entry in tensors]
        if semantic is Semantic.XFORM_MAT4x4:
            for tensor in taken:
                check_xform(tensor, who)
        return taken
    if isinstance(tensors[0], list) and (strings_of(tensors[0])):
        if access is DataAccess.ASYNC:
            raise ValueError("String data requires DataAccess.SYNC")
        for i, entry in enumerate(tensors):
            if not strings_of(entry):
                raise TypeError(
                    f"tensors[{i}]: expected a list of strings (all elements must be list[str]), "
                    f"got {type(entry).__name__}"
                )
        return tensors
    taken = [Tensor(entry, stream) for entry in tensors]
    first = taken[0]
    for i, tensor in enumerate(taken):
        if tensor.element != first.element:
            raise ValueError(
                f"All tensors must have the same element type. tensors[0] has {first.element}, "
                f"but tensors[{i}] has {tensor.element}"
            )
    return taken


def check_tensors(tensors: list[Any], what: str, stream: int | None, event: int | None) -> None:
    """CUDA arrays must come with what to wait for."""
    if any(isinstance(tensor, Tensor) and tensor.on_cuda for tensor in tensors):
        check_fence(what, stream, event)


def check_paths(prim_paths: Any) -> list[str]:
    paths = list(prim_paths)
    if not paths or any(not str(path).strip() for path in paths):
        raise ValueError(f"all prim_paths must not be empty, got: {paths}")
    return [str(path) for path in paths]


def rows_of_bits(dirty_bits: bytes | None, count: int) -> np.ndarray | None:
    """(N,) bool of a bit field, lowest bit first."""
    if dirty_bits is None:
        return None
    if len(dirty_bits) != (count + 7) // 8:
        raise RuntimeError(f"dirty_bits has {len(dirty_bits)} bytes; {(count + 7) // 8} are needed for {count} prims")
    return np.unpackbits(np.frombuffer(dirty_bits, np.uint8), bitorder="little")[:count].astype(bool)


class AttributeBinding:
    """An attribute of a list of prims, found once."""

    def __init__(
        self,
        renderer: Renderer,
        paths: list[str],
        name: str,
        element: DLDataType,
        shape: tuple[int, ...] | None,
        semantic: Semantic,
        mode: PrimMode,
        is_array: bool,
        kind: str,
    ) -> None:
        self._renderer = weakref.ref(renderer)
        self._paths, self._name, self._mode, self._kind = paths, name, mode, kind
        self.semantic, self.dtype, self.is_array, self.shape = semantic, element, is_array, shape
        self.handle = id(self)
        self._bound = True
        self._generation = -1
        self._found: np.ndarray | None = None

    def _resolve(self) -> None:
        """Look the prims up; part of the bind operation."""
        renderer = self._owner()
        stage = renderer._stage
        found = stage.resolve(self._paths, self._name, self._mode)
        if self._mode is PrimMode.CREATE_NEW:
            found[:] = True
        self._found, self._generation = found, stage.generation

    def _owner(self) -> Renderer:
        renderer = self._renderer()
        if renderer is None:
            raise RuntimeError("Renderer has been destroyed")
        renderer._check()
        return renderer

    def _check_bound(self, who: str) -> Renderer:
        if not self._bound:
            raise RuntimeError(
                f"AttributeBinding.{who}() called after unbind(). Create a new binding with bind_attribute()."
            )
        return self._owner()

    def _check_type(self, data: Any, access: DataAccess, stream: int | None) -> list[Any]:
        tensors = list(data) if self.is_array else [data]
        if not tensors:
            raise ValueError("tensors list cannot be empty")
        if self._kind in ("token", "path"):
            for i, entry in enumerate(tensors):
                if not strings_of(entry):
                    raise TypeError(f"tensors[{i}]: expected a list of strings, got {type(entry).__name__}")
            if access is DataAccess.ASYNC:
                raise ValueError("String attributes (token, path) require DataAccess.SYNC")
            return tensors
        taken = [Tensor(entry, stream) for entry in tensors]
        for tensor in taken:
            same = (tensor.element.code, tensor.element.bits) == (self.dtype.code, self.dtype.bits)
            if self.shape is not None or self.semantic is not Semantic.NONE:
                if not same:
                    given = DLDataType(tensor.element.code, tensor.element.bits, tensor.lanes)
                    raise ValueError(
                        f"Tensor element type {given} must match binding's scalar type (code={self.dtype.code}, "
                        f"bits={self.dtype.bits}); component count may differ for layout-compatible input."
                    )
                if self.semantic is Semantic.XFORM_MAT4x4:
                    check_xform(tensor, "AttributeBinding.write")
            elif not same or (not self.is_array and tensor.lanes != self.dtype.lanes):
                raise ValueError(
                    f"Tensor element type {tensor.element} doesn't match binding's expected type {self.dtype}"
                )
        return taken

    def write_async(
        self,
        data: Any,
        dirty_bits: bytes | None = None,
        data_access: DataAccess = DataAccess.SYNC,
        cuda_stream: int | None = None,
        cuda_event: int | None = None,
    ) -> Operation:
        renderer = self._check_bound("write_async")
        return self._enqueue(renderer, data, dirty_bits, data_access, cuda_stream, cuda_event)

    def write(self, data: Any, dirty_bits: bytes | None = None, data_access: DataAccess = DataAccess.SYNC,
              cuda_stream: int | None = None, cuda_event: int | None = None) -> None:  # fmt: skip
        renderer = self._check_bound("write")
        self._enqueue(renderer, data, dirty_bits, data_access, cuda_stream, cuda_event).wait()

    def _enqueue(
        self,
        renderer: Renderer,
        data: Any,
        dirty_bits: bytes | None,
        access: DataAccess,
        stream: int | None,
        event: int | None,
    ) -> Operation:
        tensors = self._check_type(data, access, stream)
        check_tensors(tensors, f"write of '{self._name}'", stream, event)
        entry = Entry(tensors, self.is_array, self._kind == "token", access)

        def run() -> None:
            self._commit(renderer, entry.rows(), entry.element, rows_of_bits(dirty_bits, len(self._paths)))

        return renderer._enqueue(f"write_attribute(handle={self.handle})", run)

    def _commit(self, renderer: Renderer, rows: Any, element: DLDataType | None, only: np.ndarray | None) -> None:
        stage = renderer._stage
        if self._found is None or self._generation != stage.generation:
            raise RuntimeError(f"the binding of '{self._name}' is stale: prims came or went after it was made")
        mask = self._found if only is None else self._found & only
        mode = PrimMode.MUST_EXIST if self._mode is PrimMode.MUST_EXIST else PrimMode.EXISTING_ONLY
        renderer._wrote(self._name, element)
        stage.write(self._paths, self._name, rows, element, mode, self.is_array, self._kind == "token", mask)

    def map(self, device: Device = Device.CPU, device_id: int = 0) -> AttributeMapping:
        renderer = self._check_bound("map")
        if self.is_array or self._kind in ("token", "path"):
            raise RuntimeError(
                f"Failed to map attribute '{self._name}': it is no fixed-size attribute\nNote: array attributes "
                "(…) cannot be mapped. Use write_array_attribute() instead."
            )
        return AttributeMapping(renderer, self, device, device_id)

    def unbind(self) -> None:
        self._bound = False
        renderer = self._renderer()
        if renderer is not None:
            renderer._bindings.discard(self)


class AttributeMapping:
    """Memory to write an attribute into. It holds no values at first; unmapping commits it."""

    def __init__(self, renderer: Renderer, binding: AttributeBinding, device: Device, device_id: int) -> None:
        if not 0 <= device_id < OPTIONS.cuda_devices:
            raise RuntimeError(f"Failed to map attribute '{binding._name}': there is no device {device_id}")
        self._renderer, self.binding_desc, self._device = renderer, binding, Device(device)
        dtype = {(2, 16): "float16", (2, 32): "float32", (2, 64): "float64", (6, 8): "bool"}
        element = binding.dtype
        name = dtype.get((element.code, element.bits)) or f"{'u' if element.code == 1 else ''}int{element.bits}"
        inner = (4, 4) if binding.semantic is Semantic.XFORM_MAT4x4 else binding.shape
        if inner is None:
            inner = (element.lanes,) if element.lanes > 1 else ()
        shape = (len(binding._paths), *inner)
        self._memory: Any = np.zeros(shape, bool) if name == "bool" else np.full(shape, _garbage(name), name)
        self._on_cuda = self._device is Device.CUDA and OPTIONS.device.startswith("cuda")
        if self._on_cuda:
            import warp as wp

            self._memory = wp.array(self._memory, device=OPTIONS.device)
        self.shape, self.ndim, self.dtype = shape, len(shape), element
        self.map_handle = id(self)
        self._mapped = True
        renderer._mappings.add(self)

    @property
    def device(self) -> tuple[int, int]:
        return self.__dlpack_device__()

    @property
    def tensor(self) -> AttributeMapping:
        self._alive()
        return self

    @property
    def data(self) -> int:
        self._alive()
        return self._memory.ptr if self._on_cuda else self._memory.ctypes.data

    def _alive(self) -> None:
        if not self._mapped:
            raise RuntimeError("Mapping already released")

    def __dlpack_device__(self) -> tuple[int, int]:
        self._alive()
        return self._memory.__dlpack_device__() if self._on_cuda else (int(DLDeviceType.kDLCPU), 0)

    def __dlpack__(self, **arguments: Any) -> Any:
        self._alive()
        return self._memory.__dlpack__(stream=None) if self._on_cuda else self._memory.__dlpack__(**arguments)

    def unmap_async(self, event: int | None = None, stream: int | None = None) -> Operation:
        if not self._mapped:
            raise RuntimeError("Mapping already unmapped")
        if self._device is Device.CPU and (event is not None or stream is not None):
            raise ValueError("CUDA sync parameters (event/stream) not applicable for CPU-mapped attributes")
        if event is not None and stream is not None:
            raise ValueError("Cannot specify both event and stream; use one or the other")
        if self._device is Device.CUDA:
            check_fence(f"unmap of '{self.binding_desc._name}'", stream, event)
        self._mapped = False
        self._renderer._mappings.discard(self)
        binding, memory = self.binding_desc, self._memory

        def run() -> None:
            rows = Tensor(memory, stream).read() if self._on_cuda else memory
            rows = rows.reshape(len(rows), -1) if len(rows) else rows.reshape(0, 1)
            element = DLDataType(binding.dtype.code, binding.dtype.bits, max(math.prod(rows.shape[1:]), 1))
            binding._commit(self._renderer, rows, element, None)

        return self._renderer._enqueue(f"unmap_attribute(handle={self.map_handle})", run)

    def unmap(self, event: int | None = None, stream: int | None = None) -> None:
        if self._mapped:
            self.unmap_async(event, stream).wait()

    def __enter__(self) -> AttributeMapping:
        return self

    def __exit__(self, *_: object) -> None:
        self.unmap()


def _garbage(name: str) -> Any:
    return (
        poison((1,), name)[0]
        if name in ("float16", "float32", "uint8", "uint32")
        else np.nan
        if name == "float64"
        else -1
    )


def bound_type(who: str, dtype: Any, shape: Any, semantic: Semantic) -> tuple[DLDataType, str]:
    """Element type of a binding, and ``"token"``, ``"path"`` or ``"number"``."""
    if semantic is not Semantic.NONE:
        if shape is not None:
            raise ValueError("shape= must not be provided when semantic= is specified")
        if semantic is Semantic.XFORM_MAT4x4:
            if isinstance(dtype, DLDataType) and (dtype.code, dtype.bits) != (2, 64):
                raise ValueError(f"{who}: provided dtype {dtype} does not fit {semantic!r}")
            return _MATRIX, "number"
        if semantic in STRINGS:
            return DLDataType(1, 64), "token" if semantic is Semantic.TOKEN_STRING else "path"
        return DLDataType(1, 64), "number"
    kind = dtype if dtype in ("token", "path") else "number"
    element = resolve_dtype(who, dtype)
    if shape is not None and not isinstance(dtype, DLDataType):
        element = DLDataType(element.code, element.bits, math.prod(shape))
    return element, kind


def check_flags(flags: Any) -> None:
    if flags not in (BindingFlag.NONE, BindingFlag.OPTIMIZE):
        raise ValueError(f"Invalid binding flags: {flags!r}")


def deprecated(renderer: Renderer, name: str) -> None:
    """0.4 and later: the stage and attribute methods of a renderer warn."""
    if VERSION >= (0, 4, 0) and not renderer._options.get("suppress_deprecation_warnings"):
        warnings.warn(
            f"Renderer.{name} has been deprecated since ovrtx 0.4. Use ovstage instead.",
            DeprecationWarning,
            stacklevel=4,
        )
