"""Outputs, versions, configuration and life cycle of the OVRTX double."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import warp as wp
from doubles.ovrtx_tiles import PRODUCT, WORLD, Tiles, depths, place


def test_products_and_their_names(pair: Tiles) -> None:
    step = pair.renderer.step
    for products in (set(), {" "}):
        with pytest.raises(ValueError, match="At least one valid render product"):
            step(products, 0.0)
    for time in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="delta_time"):
            step({PRODUCT}, time)
        with pytest.raises(ValueError, match="time must be"):
            pair.renderer.reset(time)
    with pytest.raises(RuntimeError, match="no RenderProduct at '/Tiled/None'"):
        step({"/Tiled/None"}, 0.0)
    with pytest.raises(RuntimeError, match="no RenderProduct at '/'"):
        step(PRODUCT, 0.0)  # the characters of the text
    with pytest.raises(RuntimeError, match="ordinal"):
        step({PRODUCT}, 0.0, ordinal=1)
    out = step({PRODUCT}, 0.5)
    assert (out.simulation_start_time, out.simulation_end_time) == (0.0, 0.5) and list(out) == [PRODUCT]
    with pytest.raises(KeyError, match="No product '/Tiled'"):
        out["/Tiled"]


def test_memory_holds_the_picture_only_after_waiting(pair: Tiles) -> None:
    device = pair.ov.Device
    variable = pair.step().render_vars[f"{PRODUCT}/DistanceToImagePlaneSD"]
    mapped = variable.map(device=device.CUDA, sync_stream=0)
    view = wp.from_dlpack(mapped).numpy()
    assert np.isnan(view).all()
    with pytest.raises(RuntimeError, match="already mapped"):
        variable.map()
    with pytest.raises(RuntimeError, match="Unsupported device"):
        np.from_dlpack(mapped)
    mapped.wait()
    assert not np.isnan(view).any()
    for stream, told in ((None, "neither a stream nor an event"), (0, "stream 0, which is no synchronisation")):
        with pytest.raises(RuntimeError, match=told):
            mapped.unmap(stream=stream)
    with pytest.raises(RuntimeError, match="stream 0"):
        mapped.wait_on(0)
    mapped.unmap(stream=1)
    assert np.isnan(view).all()  # stale memory shows
    with pytest.raises(RuntimeError, match="already released"):
        wp.from_dlpack(mapped)
    pair.ov.double.OPTIONS.synchronised = True  # the end of a block gives back without a fence
    with variable.map(device=device.CUDA) as again:  # on the default stream
        assert not np.isnan(wp.from_dlpack(again).numpy()).any()
    with variable.map(device=device.CUDA_ARRAY) as opaque:
        assert opaque["data"].cuda_array
        with pytest.raises(RuntimeError, match="CUDA array"):
            wp.from_dlpack(opaque)


def test_mappings_on_the_host(pair: Tiles) -> None:
    frame = pair.step()
    variable = frame.render_vars[f"{PRODUCT}/LdrColor"]
    mapped = variable.map()
    image = np.from_dlpack(mapped)
    with pytest.raises(ValueError, match="read-only"):
        image[...] = 0
    with pytest.raises(BufferError, match="copy=True"):
        np.from_dlpack(mapped, copy=True)
    with pytest.raises(AttributeError, match="tensor"):
        mapped.tensor  # noqa: B018
    with pytest.raises(ValueError, match="not applicable for CPU-mapped"):
        mapped.unmap(stream=1)
    with pytest.raises(ValueError, match="both event and stream"):
        mapped.unmap(event=1, stream=1)
    with pytest.raises(KeyError, match="no tensor named 'rgb'"):
        mapped["rgb"]
    assert len(mapped) == 1 and mapped.shape == image.shape
    pair.ov.double.OPTIONS.poison_unmapped = False
    mapped.unmap()
    mapped.unmap()
    assert image[4, 4, :3].any()  # a view that was taken stays
    writable = variable.map()
    wp.from_dlpack(writable).zero_()
    with pytest.raises(RuntimeError, match="wrote into memory of the renderer"):
        writable.unmap()
    pair.out = None
    gc.collect()
    with pytest.raises(RuntimeError, match="has been destroyed"):
        variable.map()


@pytest.mark.parametrize("version", ["0.3.0", "0.4.1", "0.5.0", "0.5.1"])
def test_versions(play_ovrtx: Callable[..., Any], version: str) -> None:
    ov = play_ovrtx(version)
    assert ov.__version__.startswith(version) and ov.Renderer().version == tuple(map(int, version.split(".")))
    assert hasattr(ov, "TextureStreamingMode") == (version >= "0.4.1")
    assert hasattr(ov.Renderer(), "destroy") == (version >= "0.4")
    assert all(hasattr(ov, name) for name in ov.__all__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        config, silent = ov.RendererConfig, "suppress_deprecation_warnings"
        ov.RendererConfig = lambda **fields: config(
            **{k: v for k, v in fields.items() if k != silent or version > "0.4"}
        )
        tiles = Tiles(ov, 1, 8)
        frame = tiles.step(1)
    assert list(frame.render_vars) == [f"{PRODUCT}/LdrColor" if version >= "0.5" else "LdrColor"]
    variable = next(iter(frame.render_vars.values()))
    assert (getattr(variable, "source_name", None) or variable.name) == "LdrColor"
    with variable.map() as mapped:
        if version < "0.5":
            with pytest.warns(DeprecationWarning, match="tensor"):
                np.from_dlpack(mapped.tensor)[...] = 0
            mapped._memory[...] = mapped._data
        else:
            assert not hasattr(mapped, "tensor")


@pytest.mark.parametrize(
    ("version", "unknown"),
    [
        ("0.3.0", ("motion_bvh", "texture_streaming_mode", "suppress_deprecation_warnings")),
        ("0.4.1", ("enable_motion_bvh", "aftermath_mode")),
        ("0.5.0", ("use_vulkan", "enable_motion_bvh", "dome_baking_resolution", "output_partial_frames")),
    ],
)
def test_fields_of_the_configuration(play_ovrtx: Callable[..., Any], version: str, unknown: tuple[str, ...]) -> None:
    ov = play_ovrtx(version)
    for name in unknown:
        with pytest.raises(TypeError, match=name):
            ov.RendererConfig(**{name: 1})
    for fields, error, message in (
        ({"sync_mode": 1}, TypeError, "RendererConfig.sync_mode must be bool, got int"),
        ({"log_level": 3}, TypeError, "RendererConfig.log_level must be str, got int"),
        ({"selection_outline_width": True}, TypeError, "must be int, got bool"),
        ({"active_cuda_gpus": "7"}, RuntimeError, "Failed to create renderer: .*active_cuda_gpus"),
    ):
        config = ov.RendererConfig(**fields)  # checked when a renderer is made of it
        with pytest.raises(error, match=message):
            ov.Renderer(config)
    if version >= "0.5":
        with pytest.raises(ValueError, match="selection_fill_mode must be in range"):
            ov.Renderer(ov.RendererConfig(selection_fill_mode=9))
        assert ov.Renderer(ov.RendererConfig(motion_bvh="Enable", texture_streaming_mode="1"))


def test_life_cycle(pair: Tiles, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer, ov = pair.renderer, pair.ov
    binding = renderer.bind_attribute([pair.envs[0]], "omni:xform", semantic=ov.Semantic.XFORM_MAT4x4)
    mapped = next(iter(pair.step(1).render_vars.values())).map()
    with pytest.warns(RuntimeWarning) as told:
        renderer.destroy()
    assert [str(w.message) for w in told] == [
        "Renderer destroyed with 1 active binding(s)", "Renderer destroyed with 1 active mapping(s)"
    ]  # fmt: skip
    assert len(ov.double.COMPLAINTS) == 2
    ov.double.COMPLAINTS.clear()
    renderer.destroy()
    assert not renderer and mapped
    for call in (
        lambda: renderer.step({PRODUCT}, 0.0),
        lambda: renderer.open_usd_from_string(WORLD),
        lambda: renderer.write_attribute(pair.envs, "omni:xform", np.zeros((2, 4, 4))),
        lambda: renderer.bind_attribute(pair.envs, "omni:xform", dtype="float64"),
        lambda: renderer.reset(),
        lambda: renderer.query_prims(),
    ):
        with pytest.raises(RuntimeError, match="Renderer is not valid"):
            call()
    with pytest.raises(RuntimeError, match="after unbind"):
        binding.write(np.eye(4)[None])
    ov.double.OPTIONS.fail_create = "VK_KHR_ray_query is missing"
    with pytest.raises(RuntimeError, match=r"Failed to create renderer: VK_KHR_ray_query.*\nconfig: RendererConfig"):
        ov.Renderer()
    ov.double.OPTIONS.fail_create = None
    monkeypatch.setitem(__import__("sys").modules, "omni.kit.app", object())
    with pytest.raises(RuntimeError, match="RTX hydra of Kit"):
        ov.Renderer()


def test_nothing_that_was_enqueued_may_be_dropped(pair: Tiles) -> None:
    renderer = pair.renderer
    with pytest.warns(ResourceWarning, match="garbage-collected without wait"):
        renderer.reset_async()
        gc.collect()
    with pytest.warns(ResourceWarning, match="without fetch"):
        renderer.step_async({PRODUCT}, 0.0).wait()
        gc.collect()
    assert len(pair.ov.double.COMPLAINTS) == 2  # told again by whoever put the double in place
    pair.ov.double.COMPLAINTS.clear()
    operation = renderer.reset_async()
    assert operation.query_status().progress < 0
    assert operation.wait() is True and operation.wait() is True
    with pytest.raises(RuntimeError, match="already completed"):
        operation.query_status()
    with pytest.raises(TypeError, match="bool"):
        operation.wait(timeout_ns=True)
    with pytest.raises(OverflowError):
        operation.wait(timeout_ns=2**64)


def test_stage_methods_are_deprecated(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx("0.4.1")
    with pytest.warns(DeprecationWarning, match="Renderer.open_usd_from_string has been deprecated since ovrtx 0.4"):
        ov.Renderer().open_usd_from_string(WORLD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ov.Renderer(ov.RendererConfig(suppress_deprecation_warnings=True)).open_usd_from_string(WORLD)


def test_errors_come_early_in_sync_mode(play_ovrtx: Callable[..., Any]) -> None:
    ov = play_ovrtx()
    renderer = ov.Renderer(ov.RendererConfig(sync_mode=True, suppress_deprecation_warnings=True))
    with pytest.raises(RuntimeError, match="open_usd"):
        renderer.open_usd_async("/no/such/file.usda")


@pytest.mark.slow
@pytest.mark.parametrize(("version", "count"), [("0.5.0", 4096), ("0.5.0", 4097), ("0.5.1", 4097)])
def test_thousands_of_tiles(play_ovrtx: Callable[..., Any], version: str, count: int) -> None:
    tiles = Tiles(play_ovrtx(version), count, 8, ("DistanceToImagePlaneSD",))
    tiles.partition()
    place(tiles, -(np.arange(count) % 5.0))
    right = np.isclose(depths(tiles, tiles.step(1)), 2.5 + np.arange(count) % 5)
    limit = 4096 if version == "0.5.0" else 32768
    assert right[:limit].all() and not right[limit:].any()


def test_errors_are_built_in_ones(play_ovrtx: Callable[..., Any]) -> None:
    """The library has no exceptions of its own, so neither has the double."""
    double = play_ovrtx()
    modules = [module for name, module in sys.modules.items() if name == "ovrtx" or name.startswith("ovrtx.")]
    assert double in modules and len(modules) > 3
    own = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ != "builtins"
    ]
    assert own == []
