"""Prim path patterns: plain paths, globs and regular expressions, matched component by component."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from .errors import ConfigError

__all__ = ["ENV_REGEX_NS", "component_matcher", "natural_key", "path_matcher", "split_pattern"]

ENV_REGEX_NS = "/World/envs/env_.*"
"""What ``{ENV_REGEX_NS}`` stands for in a pattern, as in Isaac Lab."""

# A prim name holds letters, digits and underscores only, so any of these makes a component a regular expression.
_REGEX_SIGNS = set(".()|+^$\\{}")
_GLOB_SIGNS = set("*?[]")


def split_pattern(pattern: str) -> list[str]:
    """Components of an absolute pattern, with ``{ENV_REGEX_NS}`` filled in.

    Raises:
        ConfigError: The pattern is not absolute.
    """
    text = pattern.replace("{ENV_REGEX_NS}", ENV_REGEX_NS)
    if not text.startswith("/"):
        raise ConfigError(f"the pattern {pattern!r} must be an absolute prim path pattern, e.g. {ENV_REGEX_NS}")
    return [component for component in text.split("/") if component]


def component_matcher(component: str, pattern: str) -> Callable[[str], object] | None:
    """Match function of one component, or None for a plain name.

    A component with regular expression signs is one; else ``*``, ``?`` and ``[...]`` are a glob.

    Raises:
        ConfigError: The component is not a valid regular expression; ``pattern`` is named.
    """
    signs = set(component)
    if not signs & (_REGEX_SIGNS | _GLOB_SIGNS):
        return None
    expression = component if signs & _REGEX_SIGNS else fnmatch.translate(component)
    try:
        return re.compile(expression).fullmatch
    except re.error as error:
        raise ConfigError(
            f"the pattern {pattern!r} has a component {component!r} that is no valid regular expression ({error})"
        ) from error


def path_matcher(pattern: str) -> Callable[[str], bool]:
    """Function that tells whether a whole prim path matches a pattern.

    Raises:
        ConfigError: The pattern is not absolute or not valid.
    """
    parts = split_pattern(pattern)
    matchers = [component_matcher(part, pattern) or part.__eq__ for part in parts]

    def matches(path: str) -> bool:
        names = path.strip("/").split("/")
        return len(names) == len(matchers) and all(m(n) for m, n in zip(matchers, names, strict=True))

    return matches


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key that orders runs of digits by their value (``env_2`` before ``env_10``)."""
    parts = re.split(r"(\d+)", text)
    return [(1, int(part), part) if part.isdigit() else (0, 0, part) for part in parts]
