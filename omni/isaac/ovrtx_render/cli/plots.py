"""Growth curves as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, MissingExtraError

__all__ = ["growth_plot", "require_matplotlib"]

_DECADES = 30.0  # a quantity that grows by more is shown on a logarithmic axis


def require_matplotlib() -> Any:
    """The module that draws without a display.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "plots", "drawing a growth curve") from None
    return Figure


def growth_plot(
    file: Path, label: str, values: Sequence[float], series: dict[str, Sequence[float]], expected: str
) -> None:
    """Draw one panel a quantity over the same values, which are on a logarithmic axis.

    Args:
        file: Picture to write; its ending says the format.
        label: What grows.
        values: How much of it.
        series: Quantities by axis label. The first one is shown beside one that is named ``expected``.
        expected: Key in ``series`` of what theory says of the first one; drawn dotted in its panel.

    Raises:
        ConfigError: The ending is no picture format.
        MissingExtraError: matplotlib is not installed.
    """
    figure: Any = require_matplotlib()(figsize=(9.0, 3.2), layout="constrained")
    shown = [name for name in series if name != expected]
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        axes.plot(values, series[name], "o-", color="#1f6f8b", label="measured")
        axes.set(xlabel=label, title=name, xscale="log")
        axes.minorticks_off()
        axes.set_xticks(values, [_short(value) for value in values])
        if name == shown[0]:
            axes.plot(values, series[expected], ":", color="#b0413e", label="expected")
            axes.legend(frameon=False, loc="upper left")
        if max(series[name]) > _DECADES * min(series[name]) > 0:
            axes.set_yscale("log")
        else:
            axes.set_ylim(0.0, 1.2 * max(max(series[name]), max(series[expected]) if name == shown[0] else 0.0))
        axes.grid(True, which="major", color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(file, dpi=110)
    except ValueError as error:
        raise ConfigError(f"plot is {str(file)!r}; its ending must be that of a picture, e.g. .png ({error})") from None


def _short(value: float) -> str:
    """``256``, ``4k``, ``1M``: sizes are powers of two."""
    for unit, size in (("M", 1 << 20), ("k", 1 << 10)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"
