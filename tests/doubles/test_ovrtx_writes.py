"""Writes, bindings and mappings of attributes: each misuse is refused as the library refuses it."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from doubles.ovrtx_tiles import ENVS, Tiles, depths, product


def test_prim_modes(pair: Tiles) -> None:
    renderer, mode = pair.renderer, pair.ov.PrimMode
    paths = [f"{pair.envs[0]}/Cube", f"{pair.envs[0]}/Kube"]
    far = np.tile(np.diag([1.0, 1.0, 1.0, 1.0]), (2, 1, 1))
    far[:, 3, 2] = -2.0
    with pytest.raises(RuntimeError, match=r"'write_attribute\(omni:xform\)' failed:\n.*Kube"):
        renderer.write_attribute(paths, "omni:xform", far, prim_mode=mode.MUST_EXIST)
    assert depths(pair, pair.step(1))[0] == pytest.approx(2.5)  # nothing was written
    renderer.write_attribute(paths, "omni:xform", far)  # the typo is ignored without a word
    assert depths(pair, pair.step(1))[0] == pytest.approx(4.5)
    with pytest.raises(RuntimeError, match="does not exist"):
        renderer.bind_attribute(paths, "omni:xform", semantic=pair.ov.Semantic.XFORM_MAT4x4, prim_mode=mode.MUST_EXIST)
    renderer.write_attribute(paths[:1], "my:new", np.array([7.0], np.float32), prim_mode=mode.CREATE_NEW)
    assert renderer.read_attribute("my:new", paths[:1]).tolist() == [7.0]
    with pytest.raises(RuntimeError, match="CREATE_NEW"):
        renderer.read_attribute("my:new", paths[:1], prim_mode=mode.CREATE_NEW)


def test_shapes_and_types_of_writes(pair: Tiles) -> None:
    ov, write = pair.ov, pair.renderer.write_attribute
    cubes, xform = [f"{env}/Cube" for env in pair.envs], pair.ov.Semantic.XFORM_MAT4x4
    for tensor, error, message in (
        (np.zeros((2, 16)), ValueError, "does not match expected shape \\(N, 4, 4\\)"),
        (np.eye(4), ValueError, "does not match expected shape"),
        (np.zeros((2, 4, 4), np.float32), ValueError, "must match scalar type"),
        ([[1.0]], TypeError, "does not support DLPack"),
        (np.zeros((3, 4, 4)), RuntimeError, "must equal binding prim count \\(2\\)"),
    ):
        with pytest.raises(error, match=message):
            write(cubes, "omni:xform", tensor, semantic=xform)
    for paths in ([], ["/World", " "]):
        with pytest.raises(ValueError, match="all prim_paths must not be empty"):
            write(paths, "omni:xform", np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="requires write_array_attribute"):
        write(cubes, "camera", ["/a", "/b"], semantic=ov.Semantic.PATH_STRING)
    with pytest.raises(ValueError, match="SYNC"):
        write(cubes, "visibility", ["invisible"] * 2, data_access=ov.DataAccess.ASYNC)
    with pytest.raises(ValueError, match="tensors list cannot be empty"):
        pair.renderer.write_array_attribute(cubes, "points", [])
    with pytest.raises(RuntimeError, match="holds"):
        write(cubes, "size", np.zeros(2, np.float32))
    with pytest.raises(RuntimeError, match="dirty_bits"):
        write(cubes, "size", np.zeros(2), dirty_bits=b"")
    write(cubes, "size", np.array([2.0, 2.0]), dirty_bits=b"\x02")
    assert pair.renderer.read_attribute("size", cubes).tolist() == [1.0, 2.0]
    write(cubes, "visibility", ["inherited", "invisible"])
    assert np.isfinite(depths(pair, pair.step(1))).tolist() == [True, False]
    assert pair.renderer.read_attribute("omni:xform", cubes).shape == (2, 16)


def test_types_of_bindings(pair: Tiles) -> None:
    ov, cubes = pair.ov, [f"{env}/Cube" for env in pair.envs]
    bind = pair.renderer.bind_attribute
    for options, message in (
        ({}, "dtype is required"),
        ({"dtype": "float33"}, "unrecognized dtype"),
        ({"dtype": np.complex64}, "not a supported numeric type|unrecognized dtype"),
        ({"semantic": ov.Semantic.XFORM_MAT4x4, "shape": (4, 4)}, "shape= must not be provided"),
        ({"dtype": "float32", "flags": 7}, "Invalid binding flags"),
    ):
        with pytest.raises(ValueError, match=message):
            bind(cubes, "omni:xform", **options)
    lanes = bind(cubes, "omni:xform", dtype=ov.DLDataType(2, 64, 16))
    with pytest.raises(ValueError, match="doesn't match binding's expected type"):
        lanes.write(np.zeros((2, 4, 4), np.float32))
    shaped = bind(cubes, "omni:xform", dtype="float64", shape=(4, 4))
    with pytest.raises(ValueError, match="must match binding's scalar type"):
        shaped.write(np.zeros((2, 4, 4), np.float32))
    with pytest.raises(RuntimeError, match="must equal binding prim count"):
        shaped.write(np.zeros((1, 4, 4)))
    shaped.write(wp.array(np.tile(np.eye(4), (2, 1, 1)), dtype=wp.mat44d, device="cpu"))
    for binding in (shaped, lanes):
        binding.unbind()
        binding.unbind()
    with pytest.raises(RuntimeError, match="called after unbind"):
        shaped.write(np.zeros((2, 4, 4)))
    with pytest.raises(RuntimeError, match="called after unbind"):
        shaped.map()


def test_a_binding_knows_the_prims_of_its_time(pair: Tiles) -> None:
    """Of what was missing then nothing is written; and no binding outlives that prims are cloned or removed."""
    paths = [f"{pair.envs[0]}/Cube", f"{ENVS}/env_2/Cube"]
    bind = pair.renderer.bind_attribute
    how = {"semantic": pair.ov.Semantic.XFORM_MAT4x4}
    binding = bind(paths, "omni:xform", **how)
    moved = np.tile(np.eye(4), (2, 1, 1))
    moved[:, 3, 0] = 5.0
    binding.write(moved)
    assert pair.renderer.read_attribute("omni:xform", paths)[:, 12].tolist() == [5.0]
    pair.renderer.clone_usd(pair.envs[1], [f"{ENVS}/env_2"])
    with pytest.raises(RuntimeError, match="stale"):
        binding.write(moved)
    binding.unbind()
    binding = bind(paths, "omni:xform", **how)
    handle = pair.renderer.add_usd_reference_from_string(product((8, 8)), "/Other")
    binding.write(moved)
    pair.renderer.remove_usd(handle)
    with pytest.raises(RuntimeError, match="stale"):
        binding.write(moved)
    binding.unbind()


def test_buffers_that_are_reused_too_early(pair: Tiles) -> None:
    """ASYNC reads the buffer when the operation is carried out, SYNC when it is called."""
    access, semantic = pair.ov.DataAccess, pair.ov.Semantic.XFORM_MAT4x4
    cubes = [f"{env}/Cube" for env in pair.envs]
    binding = pair.renderer.bind_attribute(cubes, "omni:xform", semantic=semantic)
    for mode, expected in ((access.SYNC, 3.5), (access.ASYNC, 7.5)):
        buffer = np.tile(np.eye(4), (2, 1, 1))
        buffer[:, 3, 2] = -1.0
        operation = binding.write_async(buffer, data_access=mode)
        buffer[:, 3, 2] = -5.0
        assert operation.wait() is True
        np.testing.assert_allclose(depths(pair, pair.step(1)), expected, rtol=1e-6)
    binding.unbind()


def test_cuda_arrays_are_written_with_what_to_wait_for(pair: Tiles) -> None:
    """On the host, by a double that takes Warp's arrays for CUDA arrays."""
    pair.ov.double.OPTIONS.fake_cuda = True
    pair.ov.double.OPTIONS.streams = frozenset({1, 0x77})
    cubes = [f"{env}/Cube" for env in pair.envs]
    semantic = pair.ov.Semantic.XFORM_MAT4x4
    binding = pair.renderer.bind_attribute(cubes, "omni:xform", semantic=semantic)
    matrices = np.tile(np.eye(4), (2, 1, 1))
    data = wp.array(matrices, dtype=wp.float64, device="cpu")
    for how, told in (({}, "neither"), ({"cuda_stream": 0}, "stream 0"), ({"cuda_stream": 5}, "stream 5.*not exist")):
        with pytest.raises(RuntimeError, match=told):
            binding.write(data, **how)
        with pytest.raises(RuntimeError, match=told):
            pair.renderer.write_attribute(cubes, "omni:xform", data, semantic=semantic, **how)
    for how in ({"cuda_stream": 1}, {"cuda_stream": 0x77}, {"cuda_event": 3}):
        binding.write(data, **how)
    binding.write(matrices)  # lies on the host
    pair.ov.double.OPTIONS.synchronised = True
    binding.write(data)
    binding.unbind()


def test_mapped_attributes(pair: Tiles) -> None:
    ov, cubes = pair.ov, [f"{env}/Cube" for env in pair.envs]
    mapping = pair.renderer.map_attribute(cubes, "omni:xform", semantic=ov.Semantic.XFORM_MAT4x4)
    memory = np.from_dlpack(mapping)
    assert memory.shape == (2, 4, 4) and np.isnan(memory).all()  # it does not hold the present values
    memory[:] = np.eye(4)
    memory[:, 3, 2] = -1.0
    np.testing.assert_allclose(depths(pair, pair.step(1)), 2.5, rtol=1e-6)
    with pytest.raises(ValueError, match="not applicable for CPU-mapped"):
        mapping.unmap(stream=1)
    mapping.unmap()
    mapping.unmap()
    np.testing.assert_allclose(depths(pair, pair.step(1)), 3.5, rtol=1e-6)
    with pytest.raises(RuntimeError, match="already released"):
        np.from_dlpack(mapping)
    with pytest.raises(RuntimeError, match="already unmapped"):
        mapping.unmap_async()
    with pytest.raises(RuntimeError, match="no device 3"):
        pair.renderer.map_attribute(cubes, "size", dtype="float64", device=ov.Device.CUDA, device_id=3)
    binding = pair.renderer.bind_array_attribute(cubes, "primvars:displayColor", dtype="float32", shape=(3,))
    with pytest.raises(RuntimeError, match="cannot be mapped"):
        binding.map()
    binding.write([np.array([[0.0, 0.0, 1.0]], np.float32)] * 2)
    color = pair.tiles(pair.image(pair.step(4)))[:, 4, 4]
    assert (color[:, 2] > color[:, 0] + 50).all()
    binding.unbind()


def test_materials_must_be_there(pair: Tiles) -> None:
    with pytest.raises(RuntimeError, match="there is no material '/World/Looks/none'"):
        pair.renderer.write_array_attribute([f"{pair.envs[0]}/Cube"], "material:binding", [["/World/Looks/none"]])
