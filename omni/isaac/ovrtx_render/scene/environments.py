"""Which prims are the environment roots: a path pattern resolved against the stage."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from ..errors import ConfigError
from .openusd import Usd

__all__ = ["ENV_REGEX_NS", "find_environments", "natural_key"]

ENV_REGEX_NS = "/World/envs/env_.*"
"""What ``{ENV_REGEX_NS}`` stands for in a pattern, as in Isaac Lab."""

# A prim name holds letters, digits and underscores only, so any of these makes a component a regular expression.
_REGEX_SIGNS = set(".()|+^$\\{}")
_GLOB_SIGNS = set("*?[]")


def find_environments(stage: Usd.Stage, pattern: str) -> list[Usd.Prim]:
    """Find the environment roots.

    Each component of the pattern is matched in full against prim names of its level, so that nothing but the named
    levels is looked at. A component with regular expression signs is one; else ``*``, ``?`` and ``[...]`` are a glob.

    Args:
        pattern: Absolute prim path pattern, e.g. ``/World/envs/env_.*``, ``/World/envs/env_*`` or
            ``{ENV_REGEX_NS}``.

    Returns:
        Active, defined prims in natural order (``env_2`` before ``env_10``).

    Raises:
        ConfigError: The pattern is not absolute, or a component is not a valid regular expression.
    """
    text = pattern.replace("{ENV_REGEX_NS}", ENV_REGEX_NS)
    if not text.startswith("/"):
        raise ConfigError(f"env_pattern is {pattern!r}; it must be an absolute prim path pattern")
    prims = [stage.GetPseudoRoot()]
    components = [component for component in text.split("/") if component]
    if not components:
        return []
    for component in components:
        matches = _matcher(component, pattern)
        if matches is None:
            children = [prim.GetChild(component) for prim in prims]
            prims = [child for child in children if child and child.IsActive() and child.IsDefined()]
        else:
            prims = [child for prim in prims for child in prim.GetChildren() if matches(child.GetName())]
    return sorted(prims, key=lambda prim: natural_key(str(prim.GetPath())))


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key that orders runs of digits by their value."""
    parts = re.split(r"(\d+)", text)
    return [(1, int(part), part) if part.isdigit() else (0, 0, part) for part in parts]


def _matcher(component: str, pattern: str) -> Callable[[str], object] | None:
    """Return the match function of one component, or None for a plain name."""
    signs = set(component)
    if not signs & (_REGEX_SIGNS | _GLOB_SIGNS):
        return None
    expression = component if signs & _REGEX_SIGNS else fnmatch.translate(component)
    try:
        return re.compile(expression).fullmatch
    except re.error as error:
        raise ConfigError(
            f"env_pattern is {pattern!r}; its component {component!r} is not a valid regular expression ({error})"
        ) from error
