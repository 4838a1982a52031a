"""Render eight robot arms, move them every step, and keep the images on the device.

Run: uv run python examples/quickstart.py
"""

from __future__ import annotations

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.demo import build_stage


def main() -> None:
    """Render ten steps and say what came out."""
    scene = build_stage(num_envs=8)
    with TiledRenderer(scene.stage, RendererCfg()) as renderer:
        cameras = renderer.add_cameras(scene.camera_pattern, width=64, height=64, outputs=("rgb", "depth"))
        bodies = renderer.bind_transforms(scene.body_paths)
        for step in range(10):
            positions, quaternions = scene.pose(step)
            bodies.write(positions, quat_xyzw=quaternions)
            images = renderer.render(cameras)  # Warp arrays; torch.from_dlpack(images["rgb"]) copies nothing
        depth = images["depth"].numpy()
        print(f"rgb {images['rgb'].shape} on {images['rgb'].device}, depth {depth.min():.2f} m to {depth.max():.2f} m")


if __name__ == "__main__":
    main()
