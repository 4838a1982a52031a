"""One native renderer: every call to it, with a time limit, and errors that say what was being done."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp

from ...errors import BackendFailedError
from ...scene.openusd import Sdf
from .compat import Library, load_library
from .options import OvrtxOptions

__all__ = ["XFORM", "Binding", "Session", "stream_of"]

XFORM = "omni:xform"
RESET_STACK = "omni:resetXformStack"


def stream_of(device: wp.Device) -> int | None:
    """The device's stream as the library counts them: 1 is the default stream, 0 would be none at all."""
    return int(device.stream.cuda_stream or 1) if device.is_cuda else None


@dataclass(eq=False)
class Binding:
    """An attribute of prims that is written every frame.

    Attributes:
        paths: The prims.
        name: The attribute.
        method: Call of the library that binds it.
        how: Further arguments of that call.
        native: Binding of the library; None as long as it has to be made (again).
    """

    paths: list[str]
    name: str
    method: str
    how: dict[str, Any] = field(default_factory=dict)
    native: Any = None


class Session:
    """A native renderer, from making it to destroying it.

    Args:
        options: Options of the backend.
        device: Warp device of the arrays that are written and of the images.

    Raises:
        BackendUnavailableError: The library is missing, or does not start.
    """

    def __init__(self, options: OvrtxOptions, device: wp.Device) -> None:
        self._options = options
        self._device = device
        self.library: Library = load_library()
        module = self.library.module
        gpus = options.active_cuda_gpus or (str(device.ordinal) if device.is_cuda else None)
        config = {
            "log_file_path": options.log_file,
            "log_level": options.log_level,
            "read_gpu_transforms": options.read_gpu_transforms and self.library.drives_gpu_transforms,
            # Making renderers again and again would otherwise crash where there is no display.
            "keep_system_alive": True,
            "active_cuda_gpus": gpus,
            "selection_outline_enabled": False,
            "suppress_deprecation_warnings": True,
            "texture_streaming_mode": self.library.texture_streaming(options.texture_streaming),
        }
        self._renderer: Any = self.library.make_renderer({k: v for k, v in config.items() if v is not None})
        self._bindings: list[Binding] = []
        self._retired: list[Binding] = []
        self._pending: list[tuple[Any, str]] = []
        # Operations that ran out of time: dropping one would wait for it without end.
        self._overdue: list[Any] = []
        self._must_exist = module.PrimMode.MUST_EXIST
        self._create = module.PrimMode.CREATE_NEW
        self._xform = module.Semantic.XFORM_MAT4x4
        self._token = module.Semantic.TOKEN_STRING
        self._async, self._sync = module.DataAccess.ASYNC, module.DataAccess.SYNC

    # -- the stage --------------------------------------------------------------------------------------------------

    def open(self, root: Sdf.Layer | str) -> None:
        """Replace the stage by a root layer, as text or by way of a temporary file; bindings of the earlier one are
        released first."""
        self._release_bindings()
        self._bindings.clear()
        limit = self._options.load_timeout
        if isinstance(root, str):
            self._do("opening the stage", limit, "open_usd_from_string", root)
            return
        # A name of its own: an earlier file of the same name might be cached.
        handle, path = tempfile.mkstemp(prefix="ovrtx_render_", suffix=".usdc")
        os.close(handle)
        try:
            root.Export(path)
            self._do("opening the stage", limit, "open_usd", path)
        finally:
            Path(path).unlink(missing_ok=True)

    def clone(self, source: str, targets: list[str]) -> None:
        """Copy a prim and all below it."""
        self._release_bindings()
        self._do(f"cloning {source}", self._options.load_timeout, "clone_usd", source, targets)

    def add_layer(self, text: str, prefix: str) -> Any:
        """Reference a layer at a prim path; the result removes it again."""
        self._release_bindings()
        what = f"adding {prefix}"
        return self._do(what, self._options.load_timeout, "add_usd_reference_from_string", text, prefix)

    def remove_layer(self, handle: Any) -> None:
        """Remove what was added."""
        self._release_bindings()
        self._do("removing a layer", self._options.load_timeout, "remove_usd", handle)

    # -- attributes -------------------------------------------------------------------------------------------------

    def place(self, paths: list[str], matrices: np.ndarray) -> None:
        """Write (P, 4, 4) float64 row-vector matrices; local ones unless the prim resets the stack."""
        if paths:
            data = np.ascontiguousarray(matrices, np.float64)
            self._write(paths, XFORM, data, semantic=self._xform, prim_mode=self._must_exist)

    def reset_stack(self, paths: list[str], on: bool = True) -> None:
        """From now on the transforms of these prims are those of the world, or (off) relative to what is above."""
        self.write_flags(paths, RESET_STACK, on)

    def write_flags(self, paths: list[str], name: str, value: bool) -> None:
        """Set a bool attribute of prims; it is made where there is none."""
        if paths:
            self._write(paths, name, np.full(len(paths), value, np.bool_), prim_mode=self._create)

    def write_tokens(self, paths: list[str], name: str, tokens: list[str]) -> None:
        """Write a token a prim; the attribute is made where there is none."""
        self._write(paths, name, tokens, semantic=self._token, prim_mode=self._create)

    def write_values(self, paths: list[str], name: str, values: list[Any]) -> None:
        """Write values of an attribute that exists: numpy scalars or tuples, or ``str`` tokens."""
        if isinstance(values[0], str):
            self._write(paths, name, values, semantic=self._token, prim_mode=self._must_exist)
        else:
            self._write(paths, name, np.stack(values), prim_mode=self._must_exist)

    def write_arrays(self, paths: list[str], name: str, arrays: list[Any]) -> None:
        """Write an array a prim (numbers, or paths as ``list[str]``) into an attribute or relationship that exists."""
        what, limit = f"writing {name} of {paths[0]}", self._options.frame_timeout
        self._do(what, limit, "write_array_attribute", paths, name, arrays, prim_mode=self._must_exist)

    def _write(self, paths: list[str], name: str, data: Any, **how: Any) -> None:
        what = f"writing {name} of {paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''}"
        self._do(what, self._options.load_timeout, "write_attribute", paths, name, data, **how)

    # -- bindings -----------------------------------------------------------------------------------------------------

    def bind_transforms(self, paths: list[str]) -> Binding:
        """Bind the transforms of prims for writing every frame; all of them must exist."""
        return self._bind(paths, XFORM, "bind_attribute", semantic=self._xform)

    def bind_floats(self, paths: list[str], name: str, width: int) -> Binding:
        """Bind an attribute of ``width`` floats of prims; all of them must have it."""
        return self._bind(paths, name, "bind_attribute", dtype="float32", shape=(width,) if width > 1 else None)

    def bind_points(self, paths: list[str]) -> Binding:
        """Bind the points of meshes; one (n, 3) float32 array a prim is sent."""
        return self._bind(paths, "points", "bind_array_attribute", dtype="float32", shape=(3,))

    def _bind(self, paths: list[str], name: str, method: str, **how: Any) -> Binding:
        self._unbind_retired()
        binding = Binding(paths, name, method, how)
        self._make(binding)
        self._bindings.append(binding)
        return binding

    def _make(self, binding: Binding) -> None:
        flags = self.library.module.BindingFlag.OPTIMIZE
        what, limit = f"binding {binding.name} of {binding.paths[0]} and others", self._options.load_timeout
        how = {"prim_mode": self._must_exist, "flags": flags, **binding.how}
        binding.native = self._do(what, limit, binding.method, binding.paths, binding.name, **how)

    def _release_bindings(self) -> None:
        """Prims are about to come or go, which bindings may not survive: they are made again when next written."""
        for binding in self._bindings:
            self._unmake(binding)

    def _unmake(self, binding: Binding) -> None:
        native, binding.native = binding.native, None
        if native is not None:
            self._guard(f"releasing {binding.name} of {binding.paths[0]} and others", native.unbind)

    def unbind(self, binding: Binding) -> None:
        """Release a binding."""
        if binding in self._bindings:
            self._bindings.remove(binding)
            self._unmake(binding)

    def retire(self, binding: Binding) -> None:
        """Release a binding at the next call; from any thread, in the middle of anything."""
        self._retired.append(binding)

    def _unbind_retired(self) -> None:
        while self._retired:
            self.unbind(self._retired.pop())

    def send(self, binding: Binding, array: wp.array | list[wp.array]) -> None:
        """Write an array, or one a prim, into a binding. It is read in place: leave it alone until :meth:`step`
        returns."""
        if binding.native is None:
            self._make(binding)
        stream = stream_of(self._device)
        how = {} if stream is None else {"cuda_stream": stream}
        what = f"writing {binding.name} of {binding.paths[0]} and others"
        operation = self._guard(what, binding.native.write_async, array, data_access=self._async, **how)
        self._pending.append((operation, what))

    # -- frames -----------------------------------------------------------------------------------------------------

    def step(self, products: Collection[str], first: bool = False) -> Any:
        """Draw products; whatever was sent before is in the picture, and its buffers are free again.

        Args:
            products: Paths of all render products: one that is left out would lose its history.
            first: Whether shaders may have to be compiled.
        """
        options = self._options
        self._unbind_retired()
        limit = options.load_timeout if first else options.frame_timeout
        operation = self._guard("drawing a frame", self._renderer.step_async, set(products), options.delta_time)
        pending, self._pending = self._pending, []
        problem: BackendFailedError | None = None
        for write, what in pending:
            try:
                self._wait(write, what, limit)
            except BackendFailedError as error:
                problem = problem or error
        fetched = self._wait(operation, "drawing a frame", limit)
        result = self._guard("fetching a frame", fetched.fetch, timeout_ns=int(limit * 1e9))
        if result is None:
            self._overdue.append(fetched)
            raise BackendFailedError(f"OVRTX: fetching a frame took longer than {limit:g} s (frame_timeout)")
        if problem is not None:
            raise problem
        return result

    def reset(self) -> None:
        """Forget the history of all images."""
        self._do("resetting", self._options.frame_timeout, "reset", 0.0)

    def map(self, var: Any) -> Any:
        """Map an output for reading on the device; done with by ``unmap``."""
        module, cuda = self.library.module, self._device.is_cuda
        target = module.Device.CUDA if cuda else module.Device.CPU
        mapping = self._guard("mapping an image", var.map, device=target, sync_stream=0)
        try:
            if cuda and self._options.gpu_wait == "stream":
                self._guard("waiting for an image", mapping.wait_on, stream_of(self._device))
            else:
                self._guard("waiting for an image", mapping.wait)
        except BackendFailedError:
            self.unmap(mapping)
            raise
        return mapping

    def image(self, mapping: Any) -> wp.array:
        """A mapped output as an array over the memory of the library."""
        return self._guard("reading an image", lambda: wp.from_dlpack(self.library.exported(mapping)))

    def read_bytes(self, var: Any) -> np.ndarray:
        """The contents of a small output, such as a label map, on the host."""
        mapping = self._guard("mapping a label map", var.map, device=self.library.module.Device.CPU)
        try:
            self._guard("waiting for a label map", mapping.wait)
            data = self._guard("reading a label map", lambda: np.from_dlpack(self.library.exported(mapping)).copy())
            return np.asarray(data)
        finally:
            self._guard("giving a label map back", mapping.unmap)

    def unmap(self, mapping: Any) -> None:
        """Give an image back, once the work that was launched on it is done."""
        stream = stream_of(self._device)
        how = {} if stream is None else {"stream": stream}
        self._guard("giving an image back", mapping.unmap, **how)

    def close(self) -> None:
        """Destroy the renderer; may be called twice."""
        if self._renderer is None:
            return
        renderer, self._renderer = self._renderer, None
        pending, self._pending = self._pending, []
        for write, what in pending:
            self._wait(write, what, self._options.frame_timeout)
        self._release_bindings()
        self._bindings.clear()
        self._retired.clear()
        self._guard("closing", self.library.destroy, renderer)

    # -- waiting ----------------------------------------------------------------------------------------------------

    def _do(self, what: str, limit: float, method: str, *args: Any, **kwargs: Any) -> Any:
        if self._renderer is None:
            raise BackendFailedError(f"OVRTX is closed, so {what} is not possible; make a new TiledRenderer")
        operation = self._guard(what, getattr(self._renderer, f"{method}_async"), *args, **kwargs)
        return self._wait(operation, what, limit)

    def _wait(self, operation: Any, what: str, limit: float) -> Any:
        result = self._guard(what, operation.wait, timeout_ns=int(limit * 1e9))
        if result is None:
            self._overdue.append(operation)
            raise BackendFailedError(
                f"OVRTX: {what} took longer than {limit:g} s; raise backend_options['load_timeout'] or "
                "['frame_timeout'] if that is no hang (the first start compiles shaders for minutes)"
            )
        return result

    @staticmethod
    def _guard(what: str, call: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except (RuntimeError, ValueError, TypeError, KeyError, BufferError) as error:
            raise BackendFailedError(f"OVRTX: {what} failed: {_line(error)}") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
