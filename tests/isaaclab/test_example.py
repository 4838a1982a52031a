"""The example runs as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def test_cameras(tmp_path: Path) -> None:
    """In a process of its own, as Isaac Lab has one simulation at a time."""
    from PIL import Image

    words = ["--envs", "4", "--steps", "3", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "isaaclab_cameras.py"), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("rgb", "depth", "semantic_segmentation"):
        picture = np.asarray(Image.open(tmp_path / f"isaaclab_{name}.png").convert("RGB")).astype(int)
        assert min(picture.shape[:2]) >= 2 * 120 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 3
    assert "torch.uint8" in done.stdout
