"""Make the picture of docs/isaaclab.md that shows this renderer beside Isaac Lab's own, in one running simulation.

python docs/isaaclab_pictures.py    # in the environment of `.ci/run isaaclab_tests`
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "isaaclab")]

OUTPUTS = ("rgb", "depth", "normals", "semantic_segmentation")
SIZE = {"width": 240, "height": 180}
FAR = 8.0
"""What is drawn white in pictures of the depth [m]."""


def shown(name: str, image: np.ndarray) -> np.ndarray:
    """(H, W, C) of an output -> (H, W, 3) uint8."""
    if name == "depth":
        near = np.where((image <= 0.0) | ~np.isfinite(image), FAR, image)  # Newton says 0 where it hits nothing
        return np.repeat((np.clip(near / FAR, 0.0, 1.0) * 255).astype(np.uint8), 3, axis=-1)
    if name == "normals":
        return ((image + 1.0) * 127.5).astype(np.uint8)
    return image[..., :3]


def main() -> None:
    """Draw the first environment by both, after the objects have fallen."""
    import isaaclab.sim as sim_utils
    from isaaclab.assets import AssetBaseCfg
    from isaaclab_newton.renderers import NewtonWarpRendererCfg
    from labscene import Lab, camera, write_assets
    from PIL import Image

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    scene = {
        "ours": camera(OvrtxRendererCfg(), OUTPUTS, **SIZE),
        "theirs": camera(NewtonWarpRendererCfg(), OUTPUTS, prim_path="{ENV_REGEX_NS}/Camera2", **SIZE),
        "sky": AssetBaseCfg(prim_path="/World/Sky", spawn=sim_utils.DomeLightCfg(intensity=300.0)),
    }
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(write_assets(Path(folder)), scene)
        try:
            lab.step(37)
            rows = [np.hstack([shown(n, lab.look(who)[n][0]) for n in OUTPUTS]) for who in ("ours", "theirs")]
        finally:
            lab.close()
    Image.fromarray(np.vstack(rows)).save(ROOT / "docs" / "images" / "isaaclab_beside_newton.jpg", quality=90)


if __name__ == "__main__":
    main()
