"""``ovrtx-render train``: balance a cart-pole by what a camera sees."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..train import TrainCfg
from ..train import train as run
from .options import BackendOption, DeviceOption, JsonOption
from .report import Report, guarded, quiet_warp

__all__ = ["train"]


def train(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the run: checkpoint, TensorBoard log, policy.mp4.")
    ] = Path("ovrtx_render_train"),
    num_envs: Annotated[int, typer.Option(min=1, help="Number of cart-poles, each with a camera.")] = TrainCfg.num_envs,
    iterations: Annotated[int, typer.Option(min=1, help="Number of updates of the policy.")] = TrainCfg.iterations,
    width: Annotated[int, typer.Option(min=32, help="Image width of every camera, in pixels.")] = TrainCfg.width,
    height: Annotated[int, typer.Option(min=32, help="Image height of every camera, in pixels.")] = TrainCfg.height,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = TrainCfg.seed,
    blank: Annotated[bool, typer.Option("--blank", help="Black images, for comparison: it must not learn.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew even if the folder has a checkpoint.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Updates between two checkpoints.")] = 10,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a policy to balance cart-poles, with PPO, from nothing but the images of their cameras.

    If the folder has a checkpoint, the run goes on from there, as if it had never stopped.

    Example: ovrtx-render train

    Example: ovrtx-render train --blank --out ovrtx_render_train_blank
    """
    report = Report(as_json)
    with guarded():
        quiet_warp()
        cfg = TrainCfg(
            num_envs=num_envs,
            width=width,
            height=height,
            iterations=iterations,
            seed=seed,
            blank=blank,
            device=device,
            backend=backend,
        )
        # Torch's threads spin while they wait for one another, which on a busy machine makes it many times slower.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        columns = (
            TextColumn("update {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TextColumn("balances {task.fields[balances]:4.1f} s, {task.fields[speed]:5.0f} env steps/s, still"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=report.progress, transient=True) as progress:
            report.progress.print("Starting; the first run on a machine compiles kernels for a minute or two ...")
            task = progress.add_task("train", total=iterations, balances=0.0, speed=0.0)

            def tell(now: dict[str, float]) -> None:
                progress.update(
                    task, completed=now["iteration"], balances=now["episode_seconds"], speed=now["steps_per_second"]
                )

            result = run(cfg, out, every=checkpoint_every, fresh=fresh, tell=tell)
    if result["resumed_at"]:
        report.note(f"Went on after update {result['resumed_at']}.")
    report.table(
        f"{num_envs} cart-poles by sight, {width} x {height}{', blanked' if blank else ''}",
        ("what", "value", "unit"),
        [
            ("training", result["seconds"], "s"),
            ("env steps", result["env_steps"], ""),
            ("the policy balances for, on average", result["balanced_seconds"], "s"),
            ("episodes balanced to the end", 100.0 * result["balanced"], "%"),
        ],
    )
    for file in result["files"]:
        report.note(f"wrote {file}")
    report.note(f"curves: tensorboard --logdir {out}")
    report.result(result)
