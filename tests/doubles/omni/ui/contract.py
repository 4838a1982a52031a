"""What every object of the double checks: thread, arguments, types, arity of callbacks, life."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any, ClassVar

__all__ = ["HELD", "Callbacks", "Checked", "Prop", "Subscription", "require_main_thread"]


def require_main_thread() -> None:
    """The user interface belongs to the thread that runs the application."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"omni.ui was called by the thread {threading.current_thread().name!r}")


class Prop:
    """A property with a type.

    Args:
        kinds: Types of its values.
        default: Its first value.
        read_only: Whether only the library sets it.
        convert: Applied to values before they are checked.
    """

    def __init__(
        self, *kinds: type, default: Any = None, read_only: bool = False, convert: Callable[[Any], Any] | None = None
    ) -> None:
        self.kinds, self.default, self.read_only, self.convert = kinds, default, read_only, convert
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        instance._check_alive()
        return instance._values.get(self.name, self.default)

    def __set__(self, instance: Any, value: Any) -> None:
        instance._check_alive()
        if self.read_only:
            raise AttributeError(f"{type(instance).__name__}.{self.name} is read-only")
        value = self.convert(value) if self.convert else value
        strict = bool in self.kinds or not isinstance(value, bool)
        if not (strict and isinstance(value, self.kinds)):
            wanted = " or ".join(kind.__name__ for kind in self.kinds)
            raise TypeError(f"{type(instance).__name__}.{self.name} must be {wanted}, not {value!r}")
        instance._values[self.name] = value
        instance._changed(self.name)


class Callbacks:
    """Names of a class's callbacks and how many arguments each is called with."""

    def __init__(self, **arities: int) -> None:
        self.arities = arities

    def __or__(self, other: Callbacks) -> Callbacks:
        return Callbacks(**{**self.arities, **other.arities})


class Subscription:
    """Lives as long as somebody keeps it."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end: Callable[[], None] | None = end

    def unsubscribe(self) -> None:
        """End it."""
        end, self._end = self._end, None
        if end is not None:
            end()

    def __del__(self) -> None:
        self.unsubscribe()


HELD: dict[int, dict[Any, Callable[..., Any]]] = {}
"""Callbacks of all live widgets, windows and models. As in the library they are held where Python's garbage collector
does not see them: a callback that keeps its own widget, model or window keeps it for ever."""


class Checked:
    """Base of widgets and windows."""

    callbacks: ClassVar[Callbacks] = Callbacks()

    def _start(self, arguments: dict[str, Any]) -> None:
        require_main_thread()
        self._values: dict[str, Any] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        HELD[id(self)] = self._functions
        self._dead = False
        for name, value in arguments.items():
            prop = getattr(type(self), name, None)
            if name in self.callbacks.arities:
                self._set_function(name, value)
            elif isinstance(prop, Prop) and not prop.read_only:
                setattr(self, name, value)
            else:
                raise TypeError(f"{type(self).__name__} has no argument {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        # A class of the library has no attributes of its own; a Python class that derives from one does.
        ours = type(self).__module__.startswith("omni.ui")
        if ours and not name.startswith("_") and not isinstance(getattr(type(self), name, None), (Prop, property)):
            raise AttributeError(f"{type(self).__name__} has no property {name!r}")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("set_") and name[4:] in type(self).callbacks.arities:
            return lambda fn: self._set_function(name[4:], fn)
        if name.startswith("has_") and name[4:] in type(self).callbacks.arities:
            return lambda: name[4:] in self._functions
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _set_function(self, name: str, fn: Callable[..., Any] | None) -> None:
        self._check_alive()
        if fn is None:
            self._functions.pop(name, None)
            return
        if not callable(fn):
            raise TypeError(f"{type(self).__name__}.{name} must be callable, not {fn!r}")
        arity = self.callbacks.arities[name]
        try:
            inspect.signature(fn).bind(*range(arity))
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.{name} is called with {arity} arguments: {error}") from None
        self._functions[name] = fn

    def _fire(self, name: str, *arguments: Any) -> Any:
        """Call a callback, as the library does when a person does something."""
        self._check_alive()
        fn = self._functions.get(name)
        return fn(*arguments) if fn is not None else None

    def _forget_functions(self) -> None:
        """Let the callbacks go."""
        self._functions = {}
        HELD.pop(id(self), None)

    def __del__(self) -> None:
        HELD.pop(id(self), None)

    def _check_alive(self) -> None:
        require_main_thread()
        if self._dead:
            identifier = self._values.get("identifier") or self._values.get("title") or ""
            raise RuntimeError(f"{type(self).__name__} {identifier!r} is used after it was destroyed")

    def _changed(self, name: str) -> None:
        """A property was set."""
