"""A step of a simulation, poses in and pictures out, as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import warp as wp

pytest.importorskip("pxr")

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.demo.scene import build_stage


@pytest.mark.gpu
@pytest.mark.parametrize("preset", ["fast", "default"])
def test_a_captured_frame_follows_what_is_written_into_its_arrays(device: str, preset: str) -> None:
    if not wp.get_device(device).is_cuda:
        pytest.skip("needs a CUDA device: set OVRTX_RENDER_TEST_DEVICE=cuda:0")
    demo = build_stage(4)
    poses = [demo.pose(step) for step in (0, 7, 31)]

    def opened() -> tuple[TiledRenderer, Callable[[], None], wp.array, wp.array]:
        renderer = TiledRenderer(demo.stage, RendererCfg.preset(preset, backend="warp", device=device))
        renderer.add_cameras(width=64, height=64, outputs=["rgb", "depth", "normals", "motion_vectors"])
        bodies = renderer.bind_transforms(demo.body_paths)
        positions = wp.array(poses[0][0], dtype=wp.vec3, device=device)
        quats = wp.array(poses[0][1], dtype=wp.vec4, device=device)

        def step() -> None:
            bodies.write(positions, quat_xyzw=quats)
            renderer.render()

        return renderer, step, positions, quats

    plain, plain_step, plain_positions, plain_quats = opened()
    captured, captured_step, positions, quats = opened()
    with plain, captured:
        plain_step()
        captured_step()  # the first frame makes what the later ones use
        with wp.ScopedCapture(device) as capture:
            captured_step()
        for p, q in poses[1:]:
            plain_positions.assign(p)
            plain_quats.assign(q)
            positions.assign(p)
            quats.assign(q)
            plain_step()
            wp.capture_launch(capture.graph)
            for name, want in plain.bundles[0].outputs.items():
                np.testing.assert_array_equal(captured.bundles[0].outputs[name].numpy(), want.numpy(), err_msg=name)
            assert np.isfinite(plain.bundles[0].outputs["depth"].numpy()).mean() > 0.1
