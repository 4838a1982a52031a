"""Draw how the policies of training runs got better, from their TensorBoard logs.

Run, in an environment with the extras ``train`` and ``plots``:
    python benchmarks/training_curve.py curve.png "by sight=ovrtx_render_train" "blanked=ovrtx_render_train_blank"
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from omni.isaac.ovrtx_render.train import TrainCfg
from omni.isaac.ovrtx_render.train.cartpole import STEP


def curve(folder: Path) -> tuple[list[float], list[float]]:
    """Thousands of environment steps, and the mean length of an episode [s] after each update."""
    log = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    log.Reload()
    cfg = TrainCfg()
    points = {point.step: point.value for point in log.Scalars("Train/mean_episode_length")}
    steps = sorted(points)
    return [(step + 1) * cfg.steps * cfg.num_envs / 1e3 for step in steps], [STEP * points[step] for step in steps]


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="picture to write")
    parser.add_argument("runs", nargs="+", help="LABEL=FOLDER of a run with the default size")
    args = parser.parse_args()
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    axes = figure.subplots()
    for run in args.runs:
        label, _, folder = run.partition("=")
        axes.plot(*curve(Path(folder)), label=label)
    axes.set(xlabel="environment steps [thousands]", ylabel="an episode lasts [s]", ylim=(0.0, 5.2))
    axes.axhline(5.0, color="grey", linewidth=0.8, linestyle=":")
    axes.grid(alpha=0.25)
    axes.legend()
    figure.savefig(args.out, dpi=130)


if __name__ == "__main__":
    main()
