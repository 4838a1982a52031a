"""Lengths: pixels, percent of the parent, or a share of what is left."""

from __future__ import annotations

__all__ = ["Fraction", "Length", "Percent", "Pixel", "as_length"]


class Length:
    """A width or height."""

    def __init__(self, value: float) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"a length is a number, not {value!r}")
        self.value = float(value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value:g})"


class Pixel(Length):
    """Pixels; 0 shrinks to the content."""


class Percent(Length):
    """Percent of the parent."""


class Fraction(Length):
    """A share of what other lengths leave."""


def as_length(value: object) -> Length:
    """A plain number stands for pixels."""
    return value if isinstance(value, Length) else Pixel(value)  # type: ignore[arg-type]
