"""Train a policy that balances cart-poles by sight, and say every ten updates how it gets on.

Run, in an environment with the extra ``train`` (``ovrtx-render train`` does the same with a progress bar):
    python examples/train_from_pixels.py --out ovrtx_render_train
Stopped or killed, it goes on where it was when it is run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from omni.isaac.ovrtx_render.train import TrainCfg, train


def tell(now: dict[str, float]) -> None:
    """Print a line every ten updates."""
    if now["iteration"] % 10 == 0:
        print(
            f"update {now['iteration']:4.0f}: {now['env_steps']:8.0f} steps, an episode lasts "
            f"{now['episode_seconds']:.1f} s, {now['steps_per_second']:.0f} steps/s"
        )


def main() -> None:
    """Train, and try the policy out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=TrainCfg.num_envs, help="number of cart-poles")
    parser.add_argument("--iterations", type=int, default=TrainCfg.iterations, help="updates of the policy")
    parser.add_argument("--out", type=Path, default=Path("ovrtx_render_train"), help="folder of the run")
    args = parser.parse_args()
    result = train(TrainCfg(num_envs=args.envs, iterations=args.iterations), args.out, tell=tell)
    print(f"balances for {result['balanced_seconds']:.1f} of 10 s; see {', '.join(result['files'])}")


if __name__ == "__main__":
    main()
