"""Values of Kit's settings as the types that a configuration wants, or a sentence about why they cannot be."""

from __future__ import annotations

import math
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ..errors import ConfigError

__all__ = ["typed"]

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    dict: "a table",
    tuple: "a list",
}


def typed(value: Any, hint: Any) -> Any:
    """A value of a setting as a type. Settings know no None and no tuples, and may hold a whole number as a float.

    Args:
        value: What the setting holds: bool, int, float, str, a list or a dictionary of such.
        hint: The type: one of these, a tuple of them, a Literal, or a union with None, which is written as empty text,
            0 or an empty list.

    Raises:
        ConfigError: It is of another type. What only looks like the right one, such as the text "false", is refused.
    """
    found = _taken(value, hint)
    if found is _REFUSED:
        raise ConfigError(f"it is {value!r}; it must be {_described(hint)}")
    return found


_REFUSED = object()


def _taken(value: Any, hint: Any) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if NoneType in parts and not isinstance(value, bool) and value in ("", 0, [], ()):
            return None
        found = (_taken(value, part) for part in parts if part is not NoneType)
        return next((one for one in found if one is not _REFUSED), _REFUSED)
    if origin is Literal:
        return value if value in parts and isinstance(value, str) else _REFUSED
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [parts[0]] * len(value) if parts[1:] == (...,) else list(parts)
        items = [_taken(item, kind) for item, kind in zip(value, kinds, strict=False)]
        return _REFUSED if len(kinds) != len(value) or _REFUSED in items else tuple(items)
    if origin is dict and isinstance(value, dict):
        below = {name: _taken(item, parts[1]) for name, item in value.items()}
        return _REFUSED if _REFUSED in below.values() else below
    if hint is Any:
        return value
    if hint is bool:
        return bool(value) if isinstance(value, bool) or value in (0, 1) else _REFUSED
    if isinstance(value, bool):
        return _REFUSED
    if hint in (int, float) and isinstance(value, (int, float)) and math.isfinite(value):
        return hint(value) if hint is float or value == int(value) else _REFUSED
    return value if hint is str and isinstance(value, str) else _REFUSED


def _described(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_described(part) for part in parts if part is not NoneType)
    if origin is Literal:
        return (f"one of: {', '.join(parts)}") if len(parts) > 1 else repr(parts[0])
    if origin is tuple:
        many = parts[1:] == (...,)
        each = {int: "whole numbers", float: "numbers", str: "texts"}.get(parts[0], "values")
        return f"a list of {each}" if many else f"a list of {len(parts)} {each}"
    return _WORDS.get(origin or hint, "something else")
