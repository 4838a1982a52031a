"""What there is to choose from: backends with the reason why they can or cannot run, and the options of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..config import PRESETS, WHOLE_NUMBERS, RendererCfg
from ..errors import ConfigError
from ..registry import Probe, probe_all

__all__ = ["BackendChoice", "Option", "backend_choices", "options_of", "parse_option", "preset_names"]

_ELSEWHERE = frozenset({"backend", "backend_options", "semantic_colors", "semantic_filter", "env_pattern", "device"})
_HINTS = {
    "exposure": "stops, or auto",
    "background": "linear r g b, such as 0 0 0.2; empty: the dome light",
    "ambient_occlusion_distance": "metres",
    "texture_max_size": "pixels",
}
_FIRST = ("samples_per_pixel", "shading", "shadows", "light_samples", "ambient_occlusion_samples", "exposure")


@dataclass(frozen=True)
class BackendChoice:
    """A backend.

    Attributes:
        name: Its name, or ``auto``.
        available: Whether it can run here.
        reason: In one sentence, what it would run on, or why it cannot.
    """

    name: str
    available: bool
    reason: str


def backend_choices(probes: list[Probe] | None = None) -> list[BackendChoice]:
    """``auto`` and all backends, in the order ``auto`` tries them."""
    probes = probe_all() if probes is None else probes
    first = next((probe for probe in probes if probe.available), None)
    reason = "no backend can run here" if first is None else f"takes {first.name}, the first that can run here"
    return [
        BackendChoice("auto", first is not None, reason),
        *(BackendChoice(probe.name, probe.available, probe.reason) for probe in probes),
    ]


@dataclass(frozen=True)
class Option:
    """A field of the configuration that a person may set.

    Attributes:
        name: Name of the field.
        kind: ``bool``, ``int``, ``float``, ``choice`` or ``text``.
        value: Its value now.
        default: Its value if nothing is chosen.
        doc: What it means.
        choices: Values of a ``choice``.
        low: Smallest value of an ``int``.
        high: Largest value of an ``int``.
    """

    name: str
    kind: str
    value: Any
    default: Any
    doc: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0

    @property
    def text(self) -> str:
        """The value as a person writes it."""
        if self.value is None:
            return ""
        if isinstance(self.value, tuple):
            return " ".join(f"{part:g}" for part in self.value)
        return str(self.value)

    @property
    def hint(self) -> str:
        """What a person may write, in a few words; empty where the widget says it."""
        span = f"{self.low} to {self.high}" if self.high else ""
        empty = "empty: all there are" if self.high and self.default is None else ""
        return _HINTS.get(self.name, "; ".join(part for part in (span, empty) if part))


def _documentation() -> dict[str, str]:
    """The ``Attributes:`` section of the configuration's docstring, by field."""
    section = (RendererCfg.__doc__ or "").partition("Attributes:")[2]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.replace("``", "").split()) for name, text in entries}


def options_of(cfg: RendererCfg) -> list[Option]:
    """The options of a configuration, those that matter most first."""
    docs, hints, default = _documentation(), get_type_hints(RendererCfg), RendererCfg()
    found = []
    for field in fields(RendererCfg):
        if field.name in _ELSEWHERE:
            continue
        value, hint = getattr(cfg, field.name), hints[field.name]
        common = (value, getattr(default, field.name), docs.get(field.name, ""))
        types = [part for part in get_args(hint) if part is not NoneType] or [hint]
        if get_origin(hint) is Literal:
            found.append(Option(field.name, "choice", *common, choices=get_args(hint)))
        elif field.name in WHOLE_NUMBERS:
            low, high = WHOLE_NUMBERS[field.name]
            kind = "int" if getattr(default, field.name) is not None else "text"
            found.append(Option(field.name, kind, *common, low=low, high=high))
        elif types == [bool]:
            found.append(Option(field.name, "bool", *common))
        else:
            found.append(Option(field.name, "float" if types == [float] else "text", *common))
    return sorted(found, key=lambda option: _FIRST.index(option.name) if option.name in _FIRST else len(_FIRST))


def parse_option(option: Option, text: str) -> Any:
    """The value a person wrote: a number, numbers separated by spaces, a word; empty is the default.

    Raises:
        ConfigError: It is none of these.
    """
    text = text.strip()
    if not text:
        return option.default
    if option.kind == "choice" or option.kind == "bool":
        return text if option.kind == "choice" else text.lower() in ("1", "true", "yes", "on")
    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        if option.kind == "text":
            return text
        raise ConfigError(f"{option.name}: {text!r} is no number") from None
    if len(numbers) > 1:
        return tuple(numbers)
    whole = option.name in WHOLE_NUMBERS
    if whole and not numbers[0].is_integer():
        raise ConfigError(f"{option.name}: {text!r} is no whole number")
    return int(numbers[0]) if whole else numbers[0]


def preset_names() -> tuple[str, ...]:
    """Names of the presets."""
    return tuple(PRESETS)
