"""What holds of one prim in which environments, where one thing at most holds in each."""

from __future__ import annotations

from typing import Generic, TypeVar

from .clones import Envs, minus, plus

__all__ = ["Versions"]

T = TypeVar("T")


class Versions(Generic[T]):
    """Things, with the environments in which each holds; that of a single environment is found without a search."""

    def __init__(self) -> None:
        self._held: dict[T, Envs] = {}
        self._at: dict[int, T] | None = None

    def items(self) -> list[tuple[T, Envs]]:
        """Everything that holds, and where."""
        return list(self._held.items())

    def within(self, envs: Envs) -> list[T]:
        """What holds in any of some environments."""
        if len(envs) != 1:
            return [thing for thing, held in self._held.items() if not held.isdisjoint(envs)]
        if self._at is None:
            self._at = {env: thing for thing, held in self._held.items() for env in held}
        return [self._at[env] for env in envs if env in self._at]

    def widen(self, thing: T, envs: Envs) -> None:
        """Note what holds in some more environments, in which nothing did before."""
        self._held[thing] = plus(self._held.get(thing, frozenset()), envs)
        self._at = None

    def replace(self, thing: T | None, envs: Envs) -> None:
        """Note what holds in some environments now; None is nothing."""
        for before in self.within(envs):
            left = minus(self._held[before], envs)
            if left:
                self._held[before] = left
            else:
                del self._held[before]
        if thing is not None:
            self._held[thing] = envs
        if self._at is None or len(envs) != 1:
            self._at = None
            return
        (env,) = envs
        if thing is None:
            self._at.pop(env, None)
        else:
            self._at[env] = thing
