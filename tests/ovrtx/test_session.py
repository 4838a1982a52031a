"""The calls to the library: their order, their life cycle, their time limits, and what a user meets when one fails."""

from __future__ import annotations

import gc
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import warp as wp
from ovrtx_compare import assert_equal, images_of
from ovrtx_stages import CAMERAS, ENVS, cloth, paths, plain
from pxr import Gf, UsdGeom

from omni.isaac.ovrtx_render import BackendUnavailableError, RendererCfg, SceneError
from omni.isaac.ovrtx_render.backends.ovrtx import cutting
from omni.isaac.ovrtx_render.backends.ovrtx.backend import OvrtxBackend
from omni.isaac.ovrtx_render.backends.ovrtx.options import OvrtxOptions
from omni.isaac.ovrtx_render.backends.ovrtx.products import TileGrid, plan_products, products_usda, split_cameras
from omni.isaac.ovrtx_render.backends.ovrtx.session import Session, stream_of
from omni.isaac.ovrtx_render.backends.ovrtx.warm_up import BlankImagesWarning
from omni.isaac.ovrtx_render.errors import BackendFailedError, ConfigError, InputError
from omni.isaac.ovrtx_render.outputs import resolve_outputs
from omni.isaac.ovrtx_render.scene.stage_reader import read_scene


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Products of every step, in order."""
    made: list[tuple[str, ...]] = []
    real = Session.step

    def step(self: Session, products: Any, first: bool = False) -> Any:
        made.append(tuple(sorted(products)))
        return real(self, products, first)

    monkeypatch.setattr(Session, "step", step)
    return made


def test_all_products_are_stepped_together_once_a_frame(library: Any, open_renderer: Any, calls: Any) -> None:
    """A product that a step leaves out loses its history, and stepping them in turn is slow."""
    library("0.5.0")
    stage = plain(3)
    renderer = open_renderer(stage)
    bundles = [renderer.add_cameras(CAMERAS, width=8 + 4 * i, height=8, outputs=("rgb", "depth")) for i in range(2)]
    renderer.render()
    products = sorted(p.path for bundle in bundles for p in bundle.backend_data.products)
    assert len(products) == 2 and all(step == tuple(products) for step in calls)
    del calls[:]
    binding = renderer.bind_transforms(paths("Ball", 3))
    for _ in range(2):
        binding.write(np.zeros((3, 3), np.float32), quat_xyzw=[[0, 0, 0, 1]] * 3)
        renderer.render()
    assert len(calls) == 2
    renderer.render(bundles[1])  # nothing was written, but it is another frame
    assert len(calls) == 3
    renderer.render(bundles[0])  # of the same frame
    assert len(calls) == 3


@pytest.mark.parametrize("version", ["0.4.1", "0.5.1"])
def test_images_go_on_after_the_frames_that_eco_mode_waits_for(version: str, library: Any, open_renderer: Any) -> None:
    """Transforms read on the GPU are no change that eco mode sees; it would freeze the image."""
    library(version, eco_frames=5)
    renderer = open_renderer(plain(2))
    bundle = renderer.add_cameras(CAMERAS, width=12, height=12, outputs="depth")
    binding = renderer.bind_transforms(paths("Ball", 2))
    seen = []
    for step in range(14):
        binding.write([[0.3, -0.05 * step, 0.2], [3.3, 0, 0]], quat_xyzw=[[0, 0, 0, 1]] * 2)
        renderer.render(bundle)
        seen.append(images_of(bundle)["depth"].tobytes())
    assert len(set(seen)) == 14


def test_warm_up_ends_when_images_stand_still(library: Any, open_renderer: Any, calls: Any) -> None:
    library("0.5.1", warm_up={"nothing": 40, "synchronous": 12, "events": 9, "history": 2})
    stage = plain(2)
    for outputs in (("rgb",), ("rgb_hdr",)):
        del calls[:]
        drawn = []
        for backend in ("ovrtx", "warp"):
            renderer = open_renderer(stage, backend)
            bundle = renderer.add_cameras(CAMERAS, width=12, height=12, outputs=outputs)
            renderer.render(bundle)
            drawn.append(images_of(bundle))
        assert 12 <= len(calls) <= 16
        assert_equal(*drawn)


def test_warm_up_has_an_end(library: Any, open_renderer: Any, calls: Any) -> None:
    library("0.5.1", warm_up={"nothing": 400, "synchronous": 400, "events": 400, "history": 400})
    renderer = open_renderer(plain(2), backend_options={"warm_up_frames": 7})
    renderer.render(renderer.add_cameras(CAMERAS, width=12, height=12, outputs="rgb"))
    assert len(calls) == 7


def test_a_frame_is_one_launch_an_output(library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    library()
    renderer = open_renderer(plain(9))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs=("rgb", "depth", "normals"))
    renderer.render(bundle)
    launches: list[Any] = []
    real = wp.launch
    monkeypatch.setattr(cutting.wp, "launch", lambda kernel, *a, **k: launches.append(kernel) or real(kernel, *a, **k))
    renderer.bind_transforms(paths("Ball", 1)).write([[0, 0, 0.3]], quat_xyzw=[[0, 0, 0, 1]])
    del launches[:]
    renderer.render(bundle)
    cuts = [kernel.key for kernel in launches if kernel.key.startswith("cut_")]
    assert cuts == ["cut_rgb", "cut_distance", "cut_normals"]


def test_a_camera_in_no_environment_sees_all_of_them(library: Any, open_renderer: Any) -> None:
    stage = plain(3)
    camera = UsdGeom.Camera.Define(stage, "/World/Overview")
    camera.CreateFocalLengthAttr(10.0)
    camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 1000.0))
    look = Gf.Matrix4d().SetLookAt(Gf.Vec3d(3.0, -5.0, 4.0), Gf.Vec3d(3.0, 0.0, 0.0), Gf.Vec3d(0, 0, 1))
    camera.AddTransformOp().Set(look.GetInverse())
    library("0.5.0")
    drawn = []
    for backend in ("ovrtx", "warp"):
        renderer = open_renderer(stage, backend)
        bundle = renderer.add_cameras("/World/Overview", width=40, height=24, outputs=("rgb", "instance_segmentation"))
        renderer.render(bundle)
        drawn.append(images_of(bundle))
    assert_equal(*drawn)
    assert len(np.unique(drawn[0]["instance_segmentation"])) == 8  # two things an environment, floor and sky
    library("0.3.0")
    with pytest.raises(SceneError, match=r"/World/Overview is in no environment.*0\.4\.1"):
        open_renderer(stage).add_cameras("/World/Overview", width=8, height=8, outputs="rgb")


def test_everything_is_given_back(library: Any, open_renderer: Any) -> None:
    """No operation is left un-waited, no mapping or binding is left open, and nothing warns of deprecation."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for version in ("0.4.1", "0.5.1"):
            library(version)
            renderer = open_renderer(plain(2))
            bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs=("rgb", "semantic_segmentation"))
            binding = renderer.bind_transforms(paths("Ball", 2))
            binding.write(np.zeros((2, 3), np.float32), quat_xyzw=[[0, 0, 0, 1]] * 2)
            renderer.render(bundle)
            buffer = bundle.outputs["rgb"]
            session = renderer._backend._session
            renderer.remove_cameras(bundle)
            renderer.close()
            renderer.close()
            assert buffer.numpy().any()
            assert session._renderer is None and not session._bindings and not session._pending
            gc.collect()


def test_bindings_that_nobody_holds_are_released(library: Any, open_renderer: Any) -> None:
    library()
    renderer = open_renderer(plain(2))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="depth")
    for _ in range(8):
        renderer.bind_transforms(paths("Ball", 2))
        renderer.bind_transforms(paths("Box", 2)).write(np.zeros((2, 3)), quat_xyzw=[[0, 0, 0, 1]] * 2)
    gc.collect()
    renderer.render(bundle)
    session = renderer._backend._session
    assert len(session._bindings) == len(session._renderer._bindings) == 1
    assert len(renderer._backend._bounds()) == 1


@pytest.mark.parametrize("method", ["wait", "unmap", "__dlpack__"])
@pytest.mark.parametrize("outputs", ["depth", "semantic_segmentation"])
def test_a_mapping_that_fails_is_a_failure_of_the_backend(
    method: str, outputs: str, library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = library()
    renderer = open_renderer(plain(1))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs=outputs)
    renderer.render(bundle)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("device lost")

    with monkeypatch.context() as patch:
        patch.setattr(module.MappedRenderVar, method, broken)
        with pytest.raises(BackendFailedError, match="device lost"):
            renderer.render(bundle)
        patch.undo()
        gc.collect()


def test_the_renderer_is_made_before_anything_else(library: Any) -> None:
    """Its system must be up before physics is, and is kept alive."""
    library()
    backend = OvrtxBackend(RendererCfg(backend="ovrtx", backend_options={"log_file": "/tmp/x.log"}))
    config = backend._session._renderer.config
    assert config.keep_system_alive is True and config.selection_outline_enabled is False
    assert config.texture_streaming_mode.name == "SYNCHRONOUS" and config.read_gpu_transforms is True
    assert config.log_file_path == "/tmp/x.log" and config.log_level == "warn"
    backend.close()


@pytest.mark.filterwarnings("ignore:Renderer.*deprecated:DeprecationWarning")
@pytest.mark.parametrize(("version", "on_gpu"), [("0.3.0", True), ("0.4.0", False), ("0.4.1", True)])
def test_transforms_are_not_read_on_the_gpu_where_moving_links_would_go_missing(
    version: str, on_gpu: bool, library: Any
) -> None:
    library(version)
    backend = OvrtxBackend(RendererCfg(backend="ovrtx"))
    config = backend._session._renderer.config
    assert config.read_gpu_transforms is on_gpu
    assert config.log_file_path is None  # the library's own choice, never a stream of this process
    backend.close()


def test_a_native_failure_is_one_sentence(library: Any, open_renderer: Any) -> None:
    library(fail_create="VK_KHR_ray_query is not there")
    with pytest.raises(BackendUnavailableError, match=r"VK_KHR_ray_query.*RTX GPU"):
        open_renderer(plain(1))
    for words, remedy in (
        ("Failed to load libovrtx-dynamic.so. Tried: /opt/x", "missing.*install it again"),
        ("ovrtx version mismatch: Python bindings are 0.5 but loaded library is 0.4", "two versions.*install one"),
    ):
        library(fail_load=words)
        with pytest.raises(BackendUnavailableError, match=rf"{words}.*{remedy}") as caught:
            open_renderer(plain(1))
        assert "RTX" not in str(caught.value)


def test_auto_takes_the_next_backend_where_the_library_does_not_start(library: Any, open_renderer: Any) -> None:
    library(fail_create="VK_KHR_ray_query is not there")
    with pytest.warns(RuntimeWarning, match=r"takes 'warp'.*ovrtx: .*VK_KHR_ray_query") as caught:
        renderer = open_renderer(plain(1), "auto")
    assert renderer.backend_name == "warp" and len(caught) == 1


def test_a_call_that_fails_leaves_the_renderer_usable(library: Any, open_renderer: Any) -> None:
    library("0.5.0")
    renderer = open_renderer(plain(2))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="depth")
    renderer.render(bundle)
    before = images_of(bundle)
    session = renderer._backend._session
    with pytest.raises(BackendFailedError, match=r"binding omni:xform of /World/no.*does not exist"):
        session.bind_transforms(["/World/no"])
    with pytest.raises(BackendFailedError, match=r"cloning.*exists"):
        session.clone(f"{ENVS}/env_0", [f"{ENVS}/env_1"])
    with pytest.raises(BackendFailedError, match="writing visibility of /World/typo"):
        session.write_values(["/World/typo"], "visibility", ["invisible"])
    renderer.render(bundle)
    assert_equal(images_of(bundle), before)
    renderer.close()
    with pytest.raises(BackendFailedError, match="closed"):
        session.place(["/World"], np.eye(4)[None])


def test_a_stage_that_cannot_be_loaded_leaves_nothing_behind(
    library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    library("0.5.1")
    made: list[Session] = []
    real = Session.__init__
    monkeypatch.setattr(Session, "__init__", lambda self, *a: (made.append(self), real(self, *a))[1])
    monkeypatch.setattr(Session, "clone", lambda self, *_: self._do("cloning", 1.0, "clone_usd", "/no", ["/there"]))
    with pytest.raises(BackendFailedError, match="cloning failed"):
        open_renderer(plain(2))
    assert len(made) == 1 and made[0]._renderer is None


class Stuck:
    """An operation, or a result, that never comes."""

    def wait(self, timeout_ns: int | None = None) -> None:
        assert timeout_ns is not None and timeout_ns > 0
        return None

    fetch = wait


@pytest.mark.parametrize("method", ["open_usd_from_string_async", "clone_usd_async", "bind_attribute_async"])
def test_nothing_waits_without_end(
    method: str, library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = library()
    monkeypatch.setattr(module.Renderer, method, lambda *_, **__: Stuck())
    with pytest.raises(BackendFailedError, match=r"took longer than 0\.5 s.*load_timeout"):
        renderer = open_renderer(plain(2), backend_options={"load_timeout": 0.5})
        renderer.bind_transforms(paths("Ball", 2))


def test_a_frame_has_a_time_limit(library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = library()
    renderer = open_renderer(plain(2), backend_options={"frame_timeout": 0.25})
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="depth")
    renderer.render(bundle)
    with monkeypatch.context() as patch:
        patch.setattr(module.Renderer, "step_async", lambda *_, **__: Stuck())
        with pytest.raises(BackendFailedError, match=r"drawing a frame took longer than 0\.25 s"):
            renderer.render(bundle)
    renderer.render(bundle)


def test_a_step_without_a_frame_raises_and_of_several_frames_the_last_counts(library: Any, open_renderer: Any) -> None:
    library(frames=0)
    renderer = open_renderer(plain(1))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="depth")
    with pytest.raises(BackendFailedError, match="no frame"):
        renderer.render(bundle)
    library(frames=2)
    renderer = open_renderer(plain(1))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="depth")
    renderer.render(bundle)
    assert np.isfinite(images_of(bundle)["depth"]).any()


@pytest.mark.parametrize(
    ("change", "options", "cause"),
    [
        (lambda stage: stage.RemovePrim("/World/Sun"), {}, "no light"),
        (lambda stage: [stage.RemovePrim(path) for path in ("/World/Floor", ENVS)], {}, "no visible geometry"),
        (lambda stage: None, {"settings": {"omni:rtx:minimal:mode": 0}, "render_mode": "minimal"}, "see nothing"),
    ],
)
def test_blank_images_are_told_with_their_cause(
    change: Any, options: Any, cause: str, library: Any, open_renderer: Any
) -> None:
    library("0.5.0")
    stage = plain(2)
    camera = UsdGeom.Camera.Define(stage, "/World/Free")
    camera.AddTranslateOp().Set(Gf.Vec3d(0, 0, 5))
    change(stage)
    fields = {"background": (0.0, 0.0, 0.0)}
    renderer = open_renderer(stage, backend_options={**options, "blank_images": "raise"}, **fields)
    bundle = renderer.add_cameras("/World/Free", width=12, height=12, outputs="rgb")
    with pytest.raises(BackendFailedError, match=rf"blank.*/World/Free.*{cause}"):
        renderer.render(bundle)
    renderer = open_renderer(stage, backend_options=options, **fields)
    bundle = renderer.add_cameras("/World/Free", width=12, height=12, outputs="rgb")
    with pytest.warns(BlankImagesWarning, match=cause):
        renderer.render(bundle)
    renderer = open_renderer(stage, backend_options={**options, "blank_images": "ignore"}, **fields)
    bundle = renderer.add_cameras("/World/Free", width=12, height=12, outputs="rgb")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        renderer.render(bundle)


@pytest.mark.parametrize("outputs", [("depth", "instance_segmentation"), ("rgb_hdr",), ("semantic_segmentation",)])
def test_images_without_display_colours_are_looked_at_too(outputs: Any, library: Any, open_renderer: Any) -> None:
    library()
    stage = plain(2)
    for path, height in (("/World/Free", 5.0), ("/World/Low", 1.0)):
        camera = UsdGeom.Camera.Define(stage, path)
        camera.AddTranslateOp().Set(Gf.Vec3d(1.5, 0.0, height))
        camera.AddRotateXOp().Set(180.0 if path == "/World/Free" else 0.0)
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))
    renderer = open_renderer(stage, background=(0.0, 0.0, 0.0))
    bundle = renderer.add_cameras("/World/Free", width=12, height=12, outputs=outputs)
    with pytest.warns(BlankImagesWarning, match=r"all images are blank.*/World/Free.*see nothing"):
        renderer.render(bundle)
    if "rgb_hdr" in outputs:
        return
    # A wall fills an image with one distance, and the sky may fill some.
    renderer = open_renderer(stage, background=(0.0, 0.0, 0.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        both = ["/World/Low", "/World/Free"]
        renderer.render(renderer.add_cameras(both, width=12, height=12, outputs=outputs))


def test_streams_count_as_the_library_counts_them() -> None:
    """Its 0 is no synchronisation at all; Warp's 0 is the default stream, which it calls 1."""
    cuda = SimpleNamespace(is_cuda=True, stream=SimpleNamespace(cuda_stream=0))
    assert stream_of(cuda) == 1  # type: ignore[arg-type]
    cuda.stream.cuda_stream = 0xABC
    assert stream_of(cuda) == 0xABC  # type: ignore[arg-type]
    assert stream_of(SimpleNamespace(is_cuda=False)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("wait", ["host", "stream"])
def test_images_are_waited_for_and_given_back_on_the_stream(wait: str, library: Any) -> None:
    """Mapped without a wait by the library; unmapped on the stream whose kernels read it, not before."""
    library()
    session = Session(OvrtxOptions(gpu_wait=wait), wp.get_device("cpu"))  # type: ignore[arg-type]
    session._device = SimpleNamespace(is_cuda=True, stream=SimpleNamespace(cuda_stream=0x77))  # type: ignore[assignment]
    log: list[Any] = []

    class Mapping:
        def wait(self) -> None:
            log.append("wait")

        def wait_on(self, stream: int) -> None:
            log.append(("wait_on", stream))

        def unmap(self, **how: Any) -> None:
            log.append(("unmap", how))

    def map_(device: Any, sync_stream: int) -> Mapping:
        log.append((device.name, sync_stream))
        return Mapping()

    session.unmap(session.map(SimpleNamespace(map=map_)))
    assert log == [("CUDA", 0), "wait" if wait == "host" else ("wait_on", 0x77), ("unmap", {"stream": 0x77})]
    session._device = wp.get_device("cpu")
    session.close()


@pytest.mark.parametrize(
    ("version", "stream", "wait"), [("0.4.1", 0, "host"), ("0.5.1", 0, "stream"), ("0.5.1", 0x77, "host")]
)
def test_whatever_is_handed_over_is_ordered_on_the_stream(
    version: str, stream: int, wait: str, fake_cuda: Any, open_renderer: Any
) -> None:
    """The double refuses arrays without their stream, holds no picture before the wait, and spoils it afterwards."""
    fake_cuda(version, stream)
    drawn = []
    stage = cloth(2)
    for backend in ("ovrtx", "warp"):
        options = {"gpu_wait": wait} if backend == "ovrtx" else {}
        renderer = open_renderer(stage, backend, backend_options=options)
        outputs = ("albedo", "depth", "instance_segmentation", "simple_shading_constant_diffuse")
        bundle = renderer.add_cameras(CAMERAS, width=16, height=12, outputs=outputs)
        boxes = renderer.bind_transforms(paths("Box", 2))
        looks = renderer.bind_materials(paths("Looks/ball", 2), "base_color")
        points = renderer.bind_points(paths("Cloth", 2))
        for step in range(2):
            boxes.write([[-0.2, 0.1, 0.2 * step], [2.8, 0.0, 0.1]], quat_xyzw=[[0, 0, 0.1, 1]] * 2)
            looks.write(np.array([[0.9, 0.2, 0.1 * step], [0.2, 0.1, 0.9]], np.float32))
            points.write(points._own.rest + np.array([0.0, 0.0, 0.1 * step], np.float32))
            bundle.set_poses([[3.0, -2.2, 1.2 + 0.1 * step]], quat_xyzw=[[0.5, 0, 0, 0.86]], env_ids=[1])
            bundle.forget_history([0])
            renderer.render(bundle)
        drawn.append(images_of(bundle))
    assert_equal(*drawn, share=0.01)


def test_the_device_of_the_buffers_draws(library: Any) -> None:
    """Not device 0, and not every device that is visible."""
    module = library(cuda_devices=4)
    configs: list[Any] = []
    real = module.Renderer.__init__
    device = SimpleNamespace(is_cuda=True, ordinal=3)
    try:
        module.Renderer.__init__ = lambda self, config=None: (configs.append(config), real(self, config))[1]
        for options in (OvrtxOptions(), OvrtxOptions(active_cuda_gpus="0,2")):
            Session(options, device).close()  # type: ignore[arg-type]
    finally:
        module.Renderer.__init__ = real
    assert [config.active_cuda_gpus for config in configs] == ["3", "0,2"]
    kinds = resolve_outputs("rgb").values()
    products = plan_products("/P", kinds, "real_time", [TileGrid(2, 4, 4)])
    for options, ids in ((OvrtxOptions(), [3]), (OvrtxOptions(active_cuda_gpus="0,3"), [3])):
        assert options.device_ids(device) == ids  # type: ignore[arg-type]
    # Of devices that the library may not use none is named.
    assert OvrtxOptions(active_cuda_gpus="0,2").device_ids(device) == [0, 2]  # type: ignore[arg-type]
    assert OvrtxOptions().device_ids(wp.get_device("cpu")) == []
    assert "uint[] deviceIds = [0, 2]" in products_usda(products, RendererCfg(), OvrtxOptions(), None, False, [0, 2])


def test_the_device_of_the_buffers_is_named_on_products(
    library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(cuda_devices=4)
    asked: list[Any] = []

    def device_ids(self: OvrtxOptions, device: Any) -> list[int]:
        asked.append(device)
        return [3]

    monkeypatch.setattr(OvrtxOptions, "device_ids", device_ids)
    renderer = open_renderer(plain(1))
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="rgb")
    product = renderer._backend._session._renderer._stage.stage.GetPrimAtPath(bundle.backend_data.products[0].path)
    assert list(product.GetAttribute("deviceIds").Get()) == [3] and asked == [renderer.device]


def test_tiles_of_a_product_fit_the_library_and_the_image() -> None:
    for count in (1, 2, 5, 4096, 4097, 20000):
        for limit in (4096, 32768):
            grids = split_cameras(count, 8, 8, limit, 16384)
            assert sum(grid.count for grid in grids) == count
            assert all(grid.count <= limit and grid.rows * grid.columns >= grid.count for grid in grids)
            assert len(grids) == -(-count // limit)
    wide = split_cameras(1024, 640, 480, 4096, 16384)
    assert len(wide) > 1 and all(max(grid.size) <= 16384 for grid in wide)
    with pytest.raises(ConfigError, match="max_image_size"):
        split_cameras(1, 20000, 10, 4096, 16384)


def test_environments_that_cannot_be_kept_apart_are_refused(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    library()
    monkeypatch.setitem(OvrtxBackend.load.__globals__, "PARTITION_LIMIT", 2)
    stage = plain(3)
    backend = OvrtxBackend(RendererCfg(backend="ovrtx"))
    with pytest.raises(SceneError, match=r"3 environments.*see_all_envs"):
        backend.load(read_scene(stage), stage)
    with pytest.raises(SceneError, match="draws USD itself"):
        backend.load(read_scene(stage))
    backend.close()


def test_settings_by_name_reach_the_product(library: Any, open_renderer: Any) -> None:
    library()
    options = {
        "quality": "quality",
        "settings": {"omni:rtx:post:aa:op": "taa", "omni:rtx:new:thing": ("float2", (1.0, 2.0))},
        "render_mode": "path_tracing",
    }
    renderer = open_renderer(plain(1), backend_options=options, samples_per_pixel=8)
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs=("rgb", "depth"))
    renderer.render(bundle)
    colours, distances = bundle.backend_data.products
    stage = renderer._backend._session._renderer._stage.stage
    prim = stage.GetPrimAtPath(colours.path)
    found = {name: prim.GetAttribute(name).Get() for name in prim.GetAuthoredPropertyNames() if "omni:rtx" in name}
    assert found["omni:rtx:rendermode"] == "PathTracing" and found["omni:rtx:pt:samplesPerPixel"] == 8
    assert found["omni:rtx:post:aa:op"] == "taa" and found["omni:rtx:rtpt:maxBounces"] == 6
    assert tuple(found["omni:rtx:new:thing"]) == (1.0, 2.0)
    # Path tracing gives colours only.
    assert stage.GetPrimAtPath(distances.path).GetAttribute("omni:rtx:rendermode").Get() == "RealTimePathTracing"
    assert np.isfinite(images_of(bundle)["depth"]).any() and images_of(bundle)["rgb"].any()


@pytest.mark.parametrize("missing", ["SemanticIdMap", "StableIdMap", "StableIdSemanticIdMap"])
def test_ids_of_a_frame_without_their_names_are_refused(
    missing: str, library: Any, open_renderer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of an earlier frame, or none, would be wrong without a word."""
    library()
    renderer = open_renderer(plain(2))
    outputs = ("semantic_segmentation", "instance_segmentation")
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs=outputs)
    renderer.render(bundle)
    session = renderer._backend._session
    found = session.library.render_var
    with monkeypatch.context() as patch:
        patch.setattr(session.library, "render_var", lambda *a: None if a[2] == missing else found(*a))
        with pytest.raises(BackendFailedError, match=rf"no {missing} .* have no meaning"):
            renderer.render(bundle)
    renderer.render(bundle)


def test_what_ovrtx_cannot_draw_is_said(library: Any, open_renderer: Any) -> None:
    library()
    renderer = open_renderer(plain(1))
    with pytest.raises(ConfigError, match=r"instance_id_segmentation_fast.*instance_segmentation"):
        renderer.add_cameras(CAMERAS, width=8, height=8, outputs="instance_id_segmentation_fast")
    assert renderer.bundles == ()
    bundle = renderer.add_cameras(CAMERAS, width=8, height=8, outputs="rgb")
    with pytest.raises(InputError, match="square pixels"):
        bundle.set_intrinsics([[[10.0, 0, 4], [0, 12.0, 4], [0, 0, 1]]])
    renderer.render(bundle)


def test_kit_in_the_process_is_told_before_anything_is_loaded(rtx_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from omni.isaac.ovrtx_render.backends.ovrtx.probe import kit_is_loaded

    monkeypatch.setitem(sys.modules, "omni.kit.app", SimpleNamespace())
    assert kit_is_loaded()
