"""A step of a simulation, poses in and pictures out, as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import warp as wp

pytest.importorskip("pxr")

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer, TransformBinding
from omni.isaac.ovrtx_render.demo.scene import build_stage


@pytest.mark.gpu
@pytest.mark.parametrize("written", ["inside", "outside"])
@pytest.mark.parametrize("preset", ["fast", "default"])
def test_a_captured_frame_follows_what_is_written_into_its_arrays(device: str, preset: str, written: str) -> None:
    """Whether the graph holds the whole step, or the drawing alone and poses are written before it is launched."""
    if not wp.get_device(device).is_cuda:
        pytest.skip("needs a CUDA device: set OVRTX_RENDER_TEST_DEVICE=cuda:0")
    demo = build_stage(4)
    poses = [demo.pose(step) for step in (0, 7, 31)]

    def opened() -> tuple[TiledRenderer, TransformBinding, Callable[[], None], wp.array, wp.array]:
        renderer = TiledRenderer(demo.stage, RendererCfg.preset(preset, backend="warp", device=device))
        renderer.add_cameras(width=64, height=64, outputs=["rgb", "depth", "normals", "motion_vectors"])
        bodies = renderer.bind_transforms(demo.body_paths)
        positions = wp.array(poses[0][0], dtype=wp.vec3, device=device)
        quats = wp.array(poses[0][1], dtype=wp.vec4, device=device)

        def step() -> None:
            bodies.write(positions, quat_xyzw=quats)
            renderer.render()

        return renderer, bodies, step, positions, quats

    plain, _, plain_step, plain_positions, plain_quats = opened()
    captured, bodies, captured_step, positions, quats = opened()
    with plain, captured:
        plain_step()
        captured_step()  # the first frame makes what the later ones use
        with wp.ScopedCapture(device) as capture:
            if written == "inside":
                captured_step()
            else:
                captured.render()
        for p, q in poses[1:]:
            plain_positions.assign(p)
            plain_quats.assign(q)
            positions.assign(p)
            quats.assign(q)
            plain_step()
            if written == "outside":
                bodies.write(positions, quat_xyzw=quats)
            wp.capture_launch(capture.graph)
            for name, want in plain.bundles[0].outputs.items():
                np.testing.assert_array_equal(captured.bundles[0].outputs[name].numpy(), want.numpy(), err_msg=name)
            assert np.isfinite(plain.bundles[0].outputs["depth"].numpy()).mean() > 0.1
