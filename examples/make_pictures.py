"""Draw the pictures of the documentation and the extension's icon. Everything in them is rendered.

Run from the repository: uv run python examples/make_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from pxr import Gf

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.demo import DemoScene, build_stage
from omni.isaac.ovrtx_render.images import mosaic, to_picture, write_png

ROOT = Path(__file__).resolve().parents[1]
OUTPUTS = ("rgb", "depth", "normals", "albedo", "semantic_segmentation", "instance_segmentation")
QUALITY = RendererCfg.preset("quality")


def look_at(eye: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position (1, 3) and orientation xyzw (1, 4) of a USD camera that looks from ``eye`` to ``target`` [m]."""
    view = Gf.Matrix4d().SetLookAt(Gf.Vec3d(*map(float, eye)), Gf.Vec3d(*map(float, target)), Gf.Vec3d(0, 0, 1))
    q = view.GetInverse().ExtractRotationQuat()
    return np.array([eye], np.float32), np.array([[*q.GetImaginary(), q.GetReal()]], np.float32)


def draw(
    scene: DemoScene,
    step: int,
    size: tuple[int, int],
    outputs: tuple[str, ...],
    camera: str | None = None,
    view: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Pictures (N, H, W, 3) of one step by output name."""
    with TiledRenderer(scene.stage, QUALITY) as renderer:
        cameras = renderer.add_cameras(camera or scene.camera_pattern, width=size[0], height=size[1], outputs=outputs)
        if view is not None:
            cameras.set_poses(view[0], quat_xyzw=view[1])
        positions, quaternions = scene.pose(step)
        renderer.bind_transforms(scene.body_paths).write(positions, quat_xyzw=quaternions)
        return {name: to_picture(name, pixels.numpy())[..., :3] for name, pixels in renderer.render(cameras).items()}


def rounded(picture: np.ndarray, radius: int) -> np.ndarray:
    """The picture with transparent round corners."""
    height, width = picture.shape[:2]
    mask = Image.new("L", (4 * width, 4 * height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 4 * width - 1, 4 * height - 1), 4 * radius, fill=255)
    alpha = np.asarray(mask.resize((width, height), Image.Resampling.LANCZOS))
    return np.concatenate([picture[..., :3], alpha[..., None]], -1)


def main() -> None:
    """Write all pictures."""
    images = ROOT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    (ROOT / "data").mkdir(exist_ok=True)

    many = draw(build_stage(16), 20, (192, 192), ("rgb",))["rgb"]
    Image.fromarray(mosaic(many, columns=8)).save(images / "demo_mosaic.jpg", quality=88)

    scene = build_stage(4)
    tiles = draw(scene, 20, (256, 256), OUTPUTS, camera="/World/envs/env_0/Camera")
    Image.fromarray(mosaic(np.concatenate([tiles[name] for name in OUTPUTS]), columns=6)).save(
        images / "demo_outputs.jpg", quality=90
    )

    step = 20
    positions, _ = scene.pose(step)
    palm = positions[scene.body_paths.index("/World/envs/env_0/Robot/palm")]
    view = look_at(palm + np.array([0.31, -0.27, 0.06]), palm + np.array([0.0, 0.0, -0.09]))
    faces = ("rgb", "depth", "normals", "semantic_segmentation")
    close = draw(scene, step, (126, 126), faces, camera="/World/envs/env_0/Camera", view=view)
    write_png(ROOT / "data" / "icon.png", rounded(mosaic(np.concatenate([close[name] for name in faces]), 2, 4), 36))


if __name__ == "__main__":
    main()
