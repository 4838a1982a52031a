"""Training from pixels: what the policy sees, that a killed run goes on, that the command works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni.isaac.ovrtx_render.errors import MissingExtraError

MISSING = [name for name in ("torch", "rsl_rl", "newton", "pxr") if find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(MISSING), reason="training needs the extra 'train' (torch, rsl-rl-lib, newton)")

ROOT = Path(__file__).resolve().parents[2]
TINY = {"num_envs": 4, "width": 64, "height": 32, "steps": 4, "device": "cpu"}


def tiny(**changes: Any) -> Any:
    from omni.isaac.ovrtx_render.train import TrainCfg

    return TrainCfg(**{**TINY, **changes})


def learn(folder: Path, every: int = 1, **changes: Any) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """Run a tiny training; what it returned, and what it told."""
    from omni.isaac.ovrtx_render.train import train

    told: list[dict[str, float]] = []
    return train(tiny(**changes), folder, every=every, film=False, tell=told.append), told


def weights(folder: Path) -> dict[str, Any]:
    import torch

    return torch.load(folder / "checkpoint.pt", weights_only=False)["actor_state_dict"]


@pytest.fixture(scope="module")
def env() -> Any:
    from omni.isaac.ovrtx_render.train.env import PixelCartpole

    made = PixelCartpole(tiny())
    yield made
    made.close()


def put(env: Any, places: list[float], leans: list[float]) -> Any:
    """Place the carts [m] and poles [rad] at rest, and look: (N, 3, H, W) observations."""
    import torch

    joints = torch.tensor([places, leans]).T.contiguous()
    env.physics.set(joints, joints * 0.0)
    env.load_state_dict(env.state_dict() | {"frames": torch.stack([env._look()] * 3, 1)})
    return env.get_observations()["camera"].numpy()


@needs_extra
def test_the_camera_sees_where_cart_and_pole_are(env: Any) -> None:
    image = put(env, [-0.8, 0.8, 0.0, 0.0], [0.0, 0.0, 0.35, -0.35])[:, 0]
    assert image.shape == (4, 32, 64) and image.min() >= -0.5 and image.max() <= 0.5
    bright = image > -0.1  # cart and pole; floor and backdrop are darker
    columns = [np.flatnonzero(rows.any(0)).mean() for rows in bright]
    # +Y is on the left of a camera that looks along +X; a positive turn about +X leans the pole towards -Y.
    assert columns[0] - columns[1] > 30
    top = [np.flatnonzero(rows[:12].any(0)).mean() for rows in bright]
    assert top[2] - top[3] > 8


@needs_extra
def test_the_other_channels_are_the_change(env: Any) -> None:
    import torch

    put(env, [0.0] * 4, [0.0] * 4)
    before = env.get_observations()["camera"].clone()
    after = env.step(torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]))[0]["camera"]
    assert not before[:, 1:].any()
    torch.testing.assert_close(after[:, 1], 4.0 * (after[:, 0] - before[:, 0]))
    torch.testing.assert_close(after[:, 1], after[:, 2])
    for _ in range(3):
        last, after = after, env.step(torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]))[0]["camera"]
    torch.testing.assert_close(after[:, 2], after[:, 1] + last[:, 1])
    assert float(after[:, 1].abs().max()) > 0.5


@needs_extra
def test_episodes_end_where_they_should(env: Any) -> None:
    import torch

    put(env, [1.3, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0])
    env.episode_length_buf = torch.tensor([0, 0, env.max_episode_length - 1, 0])
    _, rewards, dones, extras = env.step(torch.zeros(4, 1))
    assert dones.tolist() == [True, True, True, False]
    assert extras["time_outs"].tolist() == [False, False, True, False]
    assert rewards[:2].tolist() == [0.0, 0.0] and float(rewards[2:].min()) > 0.05
    assert env.episode_length_buf.tolist() == [0, 0, 0, 1]
    assert float(env.physics.joints.abs().max()) < 0.6
    assert not env.get_observations()["camera"][:3, 1:].any()  # a reset is no motion


@needs_extra
def test_a_blanked_camera_sees_nothing() -> None:
    import torch

    from omni.isaac.ovrtx_render.train.env import PixelCartpole

    env = PixelCartpole(tiny(blank=True))
    try:
        seen = [env.step(torch.ones(4, 1))[0]["camera"] for _ in range(3)]
        assert env._pixels.any()  # the renderer draws as ever
        assert not any(image.any() for image in seen)
    finally:
        env.close()


@needs_extra
def test_a_run_that_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    _, whole = learn(tmp_path / "whole", iterations=4)
    _, first = learn(tmp_path / "parts", iterations=2)
    result, second = learn(tmp_path / "parts", iterations=4)
    assert result["resumed_at"] == 2 and [now["iteration"] for now in second] == [3, 4]

    def lasting(told: list[dict[str, float]]) -> list[tuple[float, ...]]:
        return [(now["env_steps"], now["reward"], now["episode_seconds"]) for now in told]

    assert lasting(first + second) == lasting(whole)
    # Torch's sums over threads are not the same to the bit every time.
    ours, theirs = weights(tmp_path / "parts"), weights(tmp_path / "whole")
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in theirs) < 1.0e-4
    start = weights(tmp_path / "parts")
    learn(tmp_path / "other", iterations=1, seed=5)
    assert any((start[name] != value).any() for name, value in weights(tmp_path / "other").items())


@needs_extra
def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    from omni.isaac.ovrtx_render.errors import ConfigError

    learn(tmp_path, iterations=1)
    with pytest.raises(ConfigError, match=r"checkpoint.pt is of a run with blank False, not True"):
        learn(tmp_path, iterations=2, blank=True)


@needs_extra
@pytest.mark.parametrize("content", ["rubbish", "cut", "strange"])
def test_a_checkpoint_that_cannot_be_read_is_told_with_the_cure(tmp_path: Path, content: str) -> None:
    import torch

    from omni.isaac.ovrtx_render.errors import ConfigError
    from omni.isaac.ovrtx_render.train import train

    checkpoint = tmp_path / "checkpoint.pt"
    if content == "rubbish":
        checkpoint.write_bytes(b"rubbish")
    else:
        torch.save({"weights": torch.zeros(100)}, checkpoint)
        if content == "cut":
            checkpoint.write_bytes(checkpoint.read_bytes()[:400])
    with pytest.raises(ConfigError, match=r"checkpoint.pt is not a checkpoint .*--fresh"):
        learn(tmp_path, iterations=1)
    result = train(tiny(iterations=1), tmp_path, fresh=True, film=False)  # and nobody need be told how it goes
    assert result["resumed_at"] == 0


@pytest.mark.parametrize(("field", "value"), [("num_envs", 0), ("width", 16), ("iterations", 0)])
def test_bad_settings_are_refused(field: str, value: int) -> None:
    from omni.isaac.ovrtx_render.errors import ConfigError

    with pytest.raises(ConfigError, match=f"{field} is {value}; it must be at least"):
        tiny(**{field: value})


def command(folder: Path, *more: str) -> list[str]:
    words = "--num-envs 4 --width 32 --height 32 --device cpu --checkpoint-every 1 --json".split()
    return [sys.executable, "-m", "omni.isaac.ovrtx_render.cli", "train", "--out", str(folder), *words, *more]


@needs_extra
@pytest.mark.skipif(find_spec("imageio_ffmpeg") is None, reason="the film needs imageio-ffmpeg (extra 'train')")
def test_a_killed_command_goes_on(tmp_path: Path) -> None:
    """SIGKILL in the middle; the same command then finishes the run, and writes the film and the curves."""
    checkpoint = tmp_path / "checkpoint.pt"
    first = subprocess.Popen(
        command(tmp_path, "--iterations", "100000"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 300
        while not checkpoint.exists() and time.monotonic() < until and first.poll() is None:
            time.sleep(0.05)
        assert checkpoint.exists(), f"no checkpoint; exit code {first.poll()}"
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait(30)
    import torch

    seen = torch.load(checkpoint, weights_only=False)["iter"]
    done = subprocess.run(
        command(tmp_path, "--iterations", str(seen + 2)), cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["resumed_at"] == seen and result["env_steps"] == (seen + 2) * 4 * 32
    assert 0.1 < result["balanced_seconds"] < 10.0
    film = (tmp_path / "policy.mp4").read_bytes()
    assert film[4:8] == b"ftyp" and len(film) > 2000
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_a_missing_package_is_told_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, not after minutes of training: the film's package too."""
    from omni.isaac.ovrtx_render import train

    for missing in ("torch", "imageio_ffmpeg"):
        monkeypatch.setattr(train, "find_spec", lambda name, missing=missing: None if name == missing else name)
        with pytest.raises(MissingExtraError, match=rf"'{missing}', .*omni-isaac-ovrtx-render\[train\]"):
            train.train(tiny(), tmp_path)
    assert not list(tmp_path.iterdir())


@needs_extra
@pytest.mark.skipif(find_spec("imageio_ffmpeg") is None, reason="the film needs imageio-ffmpeg (extra 'train')")
def test_the_example_runs_as_it_stands(tmp_path: Path) -> None:
    words = ["--envs", "2", "--iterations", "1", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "train_from_pixels.py"), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "balances for " in done.stdout and (tmp_path / "policy.mp4").stat().st_size > 2000
