"""Renderer: the calls of the library, in the order of its one queue."""

from __future__ import annotations

import math
import sys
import warnings
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from . import _attributes as attributes
from ._config import RendererConfig, checked
from ._enums import (
    AttributeFilterMode,
    BindingFlag,
    DataAccess,
    Device,
    FilterKind,
    PrimMode,
    Semantic,
    TextureStreamingMode,
)
from ._operations import Operation, Queue
from ._outputs import GIVEN_BACK
from ._population import open_file, open_text
from ._settings import COMPLAINTS, OPTIONS, VERSION
from ._stage import RuntimeStage
from ._steps import Stepper
from ._tensors import DLDataType
from ._values import element_type, layout


class Renderer:
    """One renderer over one runtime stage."""

    Semantic = Semantic
    PrimMode = PrimMode
    DataAccess = DataAccess
    Device = Device

    def __init__(self, config: Any = None) -> None:
        self._alive = False
        if OPTIONS.fail_load:
            raise RuntimeError(OPTIONS.fail_load)
        config = RendererConfig() if config is None else config
        self._options = checked(config)
        self.config = replace(config)
        gpus = self._options.get("active_cuda_gpus")
        problem = OPTIONS.fail_create
        if "omni.kit.app" in sys.modules:
            problem = "librtx.hydra.so: symbol lookup error (the RTX hydra of Kit is loaded in this process)"
        if gpus is not None:
            wanted = [part.strip() for part in gpus.split(",")]
            if not all(part.isdigit() and int(part) < OPTIONS.cuda_devices for part in wanted):
                problem = f"active_cuda_gpus names a device that is not visible: {gpus!r}"
        if problem:
            raise RuntimeError(f"Failed to create renderer: {problem}\nconfig: {config!r}")
        self._queue = Queue()
        self._stage = RuntimeStage()
        self._bindings: set[attributes.AttributeBinding] = set()
        self._mappings: weakref.WeakSet[attributes.AttributeMapping] = weakref.WeakSet()
        self._outputs: weakref.WeakSet[Any] = weakref.WeakSet()
        synchronous = self._options.get("texture_streaming_mode") is TextureStreamingMode.SYNCHRONOUS
        self._stepper = Stepper(self._stage, self._outputs, synchronous)
        self._gpu_transforms = bool(self._options.get("read_gpu_transforms"))
        self._alive = True

    @property
    def version(self) -> tuple[int, int, int]:
        return VERSION

    def __bool__(self) -> bool:
        return self._alive

    def _check(self) -> None:
        if not self._alive:
            raise RuntimeError("Renderer is not valid")

    def __getattribute__(self, name: str) -> Any:
        if name == "destroy" and VERSION < (0, 4, 0):
            raise AttributeError("'Renderer' object has no attribute 'destroy'")
        return super().__getattribute__(name)

    def destroy(self) -> None:
        if not self._alive:
            return
        live = [binding for binding in self._bindings if binding._bound]
        if live:
            COMPLAINTS.append(f"Renderer destroyed with {len(live)} active binding(s)")
            warnings.warn(COMPLAINTS[-1], RuntimeWarning, stacklevel=2)
            for binding in live:
                binding.unbind()
        mapped = [mapping for mapping in self._outputs if mapping.is_mapped]
        if mapped or len(self._mappings):
            count = len(mapped) + len(self._mappings)
            COMPLAINTS.append(f"Renderer destroyed with {count} active mapping(s)")
            warnings.warn(COMPLAINTS[-1], RuntimeWarning, stacklevel=2)
        held = sum(memory() is not None for memory in GIVEN_BACK)
        GIVEN_BACK.clear()
        if held:
            COMPLAINTS.append(f"Renderer destroyed with views of {held} mapping(s) that were given back")
        self._alive = False
        self._stepper.close()

    def __del__(self) -> None:
        if self.__dict__.get("_alive"):
            self._alive = False
            self._stepper.close()

    def _enqueue(self, name: str, run: Callable[[], Any], fetched: bool = False) -> Operation:
        self._check()
        operation = Operation(self._queue, self._queue.add(name, run), fetched)
        if self._options.get("sync_mode"):
            operation.wait()
        return operation

    def _wrote(self, name: str, element: DLDataType | None) -> None:
        """Tell the stepper of a write that the renderer cannot see as a change of the scene."""
        self._stepper.note_write(hidden=self._gpu_transforms and name == "omni:xform")

    # -- loading ----------------------------------------------------------------------------------------------------

    def open_usd_async(self, usd_file_path: str) -> Operation:
        attributes.deprecated(self, "open_usd")
        return self._enqueue(f"open_usd({usd_file_path})", lambda: self._open(lambda: open_file(usd_file_path)))

    def open_usd(self, usd_file_path: str) -> None:
        self.open_usd_async(usd_file_path).wait()

    def open_usd_from_string_async(self, root_layer_content: str) -> Operation:
        attributes.deprecated(self, "open_usd_from_string")
        if not root_layer_content or not root_layer_content.strip():
            raise ValueError("root_layer_content cannot be empty")
        run = lambda: self._open(lambda: open_text(root_layer_content))  # noqa: E731
        return self._enqueue("open_usd_from_string", run)

    def open_usd_from_string(self, root_layer_content: str) -> None:
        self.open_usd_from_string_async(root_layer_content).wait()

    def _open(self, layer: Callable[[], Any]) -> None:
        self._stage.open(layer())
        self._stepper.restart()

    def add_usd_reference_async(self, layer_file: str, prefix_path: str) -> Operation:
        attributes.deprecated(self, "add_usd_reference")
        return self._refer("add_usd_reference", lambda: open_file(layer_file), prefix_path)

    def add_usd_reference(self, layer_file: str, prefix_path: str) -> int:
        return self.add_usd_reference_async(layer_file, prefix_path).wait()

    def add_usd_reference_from_string_async(self, layer_content: str, prefix_path: str) -> Operation:
        attributes.deprecated(self, "add_usd_reference_from_string")
        if not layer_content or not layer_content.strip():
            raise ValueError("layer_content cannot be empty")
        return self._refer("add_usd_reference_from_string", lambda: open_text(layer_content), prefix_path)

    def add_usd_reference_from_string(self, layer_content: str, prefix_path: str) -> int:
        return self.add_usd_reference_from_string_async(layer_content, prefix_path).wait()

    def _refer(self, name: str, layer: Callable[[], Any], prefix: str) -> Operation:
        return self._enqueue(f"{name}({prefix})", lambda: self._stage.add_reference(layer(), prefix))

    def remove_usd_async(self, usd_handle: int) -> Operation:
        attributes.deprecated(self, "remove_usd")
        return self._enqueue("remove_usd", lambda: self._stage.remove(usd_handle))

    def remove_usd(self, usd_handle: int) -> None:
        self.remove_usd_async(usd_handle).wait()

    def update_from_usd_time_async(self, usd_time: float) -> Operation:
        attributes.deprecated(self, "update_from_usd_time")
        return self._enqueue("update_from_usd_time", lambda: self._stage.set_time(usd_time))

    def update_from_usd_time(self, usd_time: float) -> None:
        self.update_from_usd_time_async(usd_time).wait()

    def clone_usd_async(self, source_path: str, target_paths: list[str]) -> Operation:
        attributes.deprecated(self, "clone_usd")
        targets = list(target_paths)
        if not targets:
            raise ValueError("At least one target path is required")
        return self._enqueue("clone_usd", lambda: self._stage.clone(source_path, targets))

    def clone_usd(self, source_path: str, target_paths: list[str]) -> None:
        self.clone_usd_async(source_path, target_paths).wait()

    def reset_stage_async(self) -> Operation:
        attributes.deprecated(self, "reset_stage")
        return self._enqueue("reset_stage", self._stage.reset)

    def reset_stage(self) -> None:
        self.reset_stage_async().wait()

    # -- attributes -------------------------------------------------------------------------------------------------

    def write_attribute_async(
        self,
        prim_paths: list[str],
        attribute_name: str,
        tensor: Any,
        semantic: Semantic = Semantic.NONE,
        dirty_bits: bytes | None = None,
        prim_mode: PrimMode = PrimMode.EXISTING_ONLY,
        data_access: DataAccess = DataAccess.SYNC,
        cuda_stream: int | None = None,
        cuda_event: int | None = None,
    ) -> Operation:
        attributes.deprecated(self, "write_attribute")
        return self._write(
            prim_paths,
            attribute_name,
            [tensor],
            semantic,
            False,
            dirty_bits,
            prim_mode,
            data_access,
            cuda_stream,
            cuda_event,
        )

    def write_attribute(self, *arguments: Any, **options: Any) -> None:
        self.write_attribute_async(*arguments, **options).wait()

    def write_array_attribute_async(
        self,
        prim_paths: list[str],
        attribute_name: str,
        tensors: list[Any],
        semantic: Semantic = Semantic.NONE,
        is_token: bool = False,
        dirty_bits: bytes | None = None,
        prim_mode: PrimMode = PrimMode.EXISTING_ONLY,
        data_access: DataAccess = DataAccess.SYNC,
        cuda_stream: int | None = None,
        cuda_event: int | None = None,
    ) -> Operation:
        attributes.deprecated(self, "write_array_attribute")
        is_token = is_token or semantic is Semantic.TOKEN_STRING
        return self._write(
            prim_paths, attribute_name, list(tensors), semantic, True, dirty_bits, prim_mode, data_access, cuda_stream,
            cuda_event, is_token,
        )  # fmt: skip

    def write_array_attribute(self, *arguments: Any, **options: Any) -> None:
        self.write_array_attribute_async(*arguments, **options).wait()

    def _write(
        self,
        prim_paths: list[str],
        name: str,
        tensors: list[Any],
        semantic: Semantic,
        is_array: bool,
        dirty_bits: bytes | None,
        mode: PrimMode,
        access: DataAccess,
        stream: int | None,
        event: int | None,
        is_token: bool = False,
    ) -> Operation:
        self._check()
        paths = attributes.check_paths(prim_paths)
        who = "write_array_attribute" if is_array else "write_attribute"
        taken = attributes.check_write(who, tensors, semantic, is_array, access, stream)
        attributes.check_tensors(taken, who, stream, event)
        entry = attributes.Entry(taken, is_array, is_token, access)

        def run() -> None:
            rows = entry.rows()
            self._wrote(name, entry.element)
            only = attributes.rows_of_bits(dirty_bits, len(paths))
            self._stage.write(paths, name, rows, entry.element, mode, is_array, is_token, only)

        return self._enqueue(f"{who}({name})", run)

    def bind_attribute_async(
        self,
        prim_paths: list[str],
        attribute_name: str,
        dtype: Any = None,
        shape: tuple[int, ...] | None = None,
        semantic: Semantic = Semantic.NONE,
        prim_mode: PrimMode = PrimMode.EXISTING_ONLY,
        flags: BindingFlag = BindingFlag.NONE,
    ) -> Operation:
        attributes.deprecated(self, "bind_attribute")
        return self._bind("bind_attribute", prim_paths, attribute_name, dtype, shape, semantic, prim_mode, flags, False)

    def bind_attribute(self, *arguments: Any, **options: Any) -> attributes.AttributeBinding:
        return self.bind_attribute_async(*arguments, **options).wait()

    def bind_array_attribute_async(
        self,
        prim_paths: list[str],
        attribute_name: str,
        dtype: Any = None,
        shape: tuple[int, ...] | None = None,
        prim_mode: PrimMode = PrimMode.EXISTING_ONLY,
        flags: BindingFlag = BindingFlag.NONE,
    ) -> Operation:
        attributes.deprecated(self, "bind_array_attribute")
        none = Semantic.NONE
        return self._bind(
            "bind_array_attribute", prim_paths, attribute_name, dtype, shape, none, prim_mode, flags, True
        )

    def bind_array_attribute(self, *arguments: Any, **options: Any) -> attributes.AttributeBinding:
        return self.bind_array_attribute_async(*arguments, **options).wait()

    def _bind(
        self, who: str, prim_paths: list[str], name: str, dtype: Any, shape: Any, semantic: Semantic, mode: PrimMode,
        flags: BindingFlag, is_array: bool,
    ) -> Operation:  # fmt: skip
        self._check()
        attributes.check_flags(flags)
        element, kind = attributes.bound_type(who, dtype, shape, semantic)
        paths = [str(path) for path in prim_paths]
        binding = attributes.AttributeBinding(self, paths, name, element, shape, semantic, mode, is_array, kind)

        def run() -> attributes.AttributeBinding:
            binding._resolve()
            self._bindings.add(binding)
            return binding

        return self._enqueue(f"{who}({name})", run)

    def map_attribute(
        self,
        prim_paths: list[str],
        attribute_name: str,
        dtype: Any = None,
        shape: tuple[int, ...] | None = None,
        semantic: Semantic = Semantic.NONE,
        device: Device = Device.CPU,
        device_id: int = 0,
        prim_mode: PrimMode = PrimMode.EXISTING_ONLY,
    ) -> attributes.AttributeMapping:
        attributes.deprecated(self, "map_attribute")
        none = BindingFlag.NONE
        binding = self._bind(
            "map_attribute", prim_paths, attribute_name, dtype, shape, semantic, prim_mode, none, False
        ).wait()
        self._bindings.discard(binding)
        return binding.map(device, device_id)

    def unmap_attribute_async(
        self, mapping: attributes.AttributeMapping, event: int | None = None, stream: int | None = None
    ) -> Operation:
        attributes.deprecated(self, "unmap_attribute")
        return mapping.unmap_async(event, stream)

    def unmap_attribute(self, mapping: Any, event: int | None = None, stream: int | None = None) -> None:
        self.unmap_attribute_async(mapping, event, stream).wait()

    def read_attribute_async(
        self,
        attribute_name: str,
        prim_paths: list[str],
        prim_mode: PrimMode = PrimMode.EXISTING_ONLY,
        dest: Any = None,
        cuda_stream: int | None = None,
        cuda_event: int | None = None,
    ) -> Operation:
        attributes.deprecated(self, "read_attribute")
        self._check()
        if dest is not None and not hasattr(dest, "__dlpack__"):
            raise TypeError(f"Object of type {type(dest).__name__} does not support DLPack protocol")
        paths = [str(path) for path in prim_paths]

        def run() -> Any:
            rows = self._read(attribute_name, paths, prim_mode)
            if not rows:
                raise RuntimeError(
                    f"Read returned no data for '{attribute_name}' (attribute may not exist on the given prims)"
                )
            data = np.stack(list(rows.values()))
            data = data[:, 0] if data.shape[1:] == (1,) else data
            if dest is None:
                return data
            np.from_dlpack(dest)[...] = data.reshape(np.from_dlpack(dest).shape)
            return dest

        return self._enqueue("read_attribute", run, fetched=True)

    def read_attribute(self, *arguments: Any, **options: Any) -> Any:
        return self.read_attribute_async(*arguments, **options).wait().fetch()

    def read_array_attribute(
        self, attribute_name: str, prim_paths: list[str], prim_mode: PrimMode = PrimMode.EXISTING_ONLY
    ) -> dict[str, np.ndarray]:
        attributes.deprecated(self, "read_array_attribute")
        run = lambda: self._read(attribute_name, [str(path) for path in prim_paths], prim_mode)  # noqa: E731
        return self._enqueue("read_array_attribute", run, fetched=True).wait().fetch()

    def _read(self, name: str, paths: list[str], mode: PrimMode) -> dict[str, np.ndarray]:
        if mode is PrimMode.CREATE_NEW:
            raise RuntimeError("CREATE_NEW is not supported for reads")
        self._stage.resolve(paths, name, mode)
        rows = {path: self._stage.read(path, name) for path in paths}
        return {path: row for path, row in rows.items() if row is not None}

    def query_prims(
        self,
        require_all: Any = None,
        require_any: Any = None,
        exclude: Any = None,
        attribute_filter_mode: AttributeFilterMode = AttributeFilterMode.NONE,
        attribute_names: list[str] | None = None,
    ) -> dict[str, dict[str, Any]]:
        def matches(prim: Any, item: tuple[FilterKind, str]) -> bool:
            kind, name = item
            if kind is FilterKind.PRIM_TYPE:
                return prim.GetTypeName() == name
            return self._stage.type_of(str(prim.GetPath()), name) is not None

        def run() -> dict[str, dict[str, Any]]:
            out: dict[str, dict[str, Any]] = {}
            for prim in self._stage.stage.TraverseAll():
                if not all(matches(prim, item) for item in require_all or ()):
                    continue
                if require_any and not any(matches(prim, item) for item in require_any):
                    continue
                if any(matches(prim, item) for item in exclude or ()):
                    continue
                found = out[str(prim.GetPath())] = {}
                if attribute_filter_mode is AttributeFilterMode.NONE:
                    continue
                for attribute in prim.GetAttributes():
                    kind, name = attribute.GetTypeName(), attribute.GetName()
                    wanted = attribute_filter_mode is AttributeFilterMode.ALL or name in (attribute_names or ())
                    if wanted and layout(kind) is not None:
                        found[name] = AttributeInfo(name, element_type(kind), kind.isArray, Semantic.NONE)
            return out

        return self._enqueue("query_prims", run, fetched=True).wait().fetch()

    # -- stepping ---------------------------------------------------------------------------------------------------

    def step_async(self, render_products: Any, delta_time: float, *, ordinal: int | None = None) -> Operation:
        self._check()
        if ordinal is not None:
            raise RuntimeError("ordinal is only valid while an ovstage is attached")
        if VERSION >= (0, 5, 0) and not math.isfinite(delta_time):
            raise ValueError(f"delta_time must be finite, got {delta_time}")
        if delta_time < 0:
            raise ValueError(f"delta_time must be non-negative, got {delta_time}")
        products = [str(path) for path in render_products if str(path).strip()]
        if not products:
            raise ValueError("At least one valid render product is required to step the renderer")
        return self._enqueue("step", lambda: self._stepper.step(products, delta_time), fetched=True)

    def step(self, render_products: Any, delta_time: float, *, ordinal: int | None = None) -> Any:
        return self.step_async(render_products, delta_time, ordinal=ordinal).wait().fetch()

    def reset_async(self, time: float = 0.0) -> Operation:
        self._check()
        if not math.isfinite(time):
            raise ValueError(f"time must be finite, got {time}")
        if time < 0:
            raise ValueError(f"time must be non-negative, got {time}")
        return self._enqueue("reset", lambda: self._stepper.reset(time))

    def reset(self, time: float = 0.0) -> None:
        self.reset_async(time).wait()


class AttributeInfo:
    """What a query says about an attribute."""

    def __init__(self, name: str, dtype: DLDataType, is_array: bool, semantic: Semantic) -> None:
        self.name, self.dtype, self.is_array, self.semantic = name, dtype, is_array, semantic

    def __repr__(self) -> str:
        return f"AttributeInfo({self.name!r}, {self.dtype}, is_array={self.is_array})"
