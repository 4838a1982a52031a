"""Holds what was told, by subject and environment, so that a part can be forgotten and told anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from .clones import ENV, OUTSIDE, Clones, Envs, minus, plus
from .finding import Told

__all__ = ["WHOLE", "Store"]

WHOLE = frozenset({"composition", "units"})
"""Aspects that are checked for all subjects at once."""


class Store:
    """Told things with the environments in which they hold.

    A *subject* is the prim whose check told them (``/`` for the stage), an *aspect* is what is checked on its own.
    Paths and messages are kept with a placeholder for the environment: what is told of every clone is one entry.
    """

    def __init__(self, clones: Clones) -> None:
        self._clones = clones
        self._held: dict[tuple[str, str], dict[Told, Envs]] = {}

    def put(self, subject: str, aspect: str, told: Iterable[Told], envs: frozenset[int]) -> None:
        """Replace what was told of an aspect of a subject in some environments.

        Args:
            subject: Path of the subject in one of them.
            aspect: Name of the aspect.
            told: What is told now.
            envs: The environments; ``{-1}`` for what is outside of all.
        """
        env, name = self._clones.locate(subject)
        if (name, aspect) in self._held:
            self._forget((name, aspect), envs)
        for one in told:
            held = self._held.setdefault((name, aspect), {})
            path, message = f"{one.path}/", self._clones.abstract(one.message, env)
            key = replace(one, path=self._clones.abstract(path, env)[:-1], message=message)
            held[key] = plus(held.get(key, frozenset()), envs)

    def has(self, subject: str, aspect: str) -> bool:
        """Whether anything is told of an aspect of a subject, in whichever environment."""
        return (self._clones.locate(subject)[1], aspect) in self._held

    def forget(self, name: str, envs: frozenset[int], keep: Collection[str] = ()) -> None:
        """Forget all that was told of a subject, by its name with the placeholder, and of those below it.

        What is checked for the whole stage at once stays, until that is done again, and so do the aspects to ``keep``.
        """
        below = f"{name}/"
        keys = [key for key in self._held if key[0] == name or key[0].startswith(below)]
        for key in keys:
            if key[1] not in WHOLE and key[1] not in keep:
                self._forget(key, envs)

    def merged(self) -> dict[Told, Envs]:
        """Everything that is told, with the environments in which it holds."""
        out: dict[Told, Envs] = {}
        for held in self._held.values():
            for key, envs in held.items():
                # What is told of something outside of all environments is so whoever it concerns there.
                envs = envs if key.path.startswith(ENV) else OUTSIDE
                out[key] = out[key] | envs if key in out else envs
        return out

    def _forget(self, key: tuple[str, str], envs: frozenset[int]) -> None:
        held = self._held.get(key)
        if not held:
            return
        for told, where in list(held.items()):
            left = minus(where, envs)
            if left:
                held[told] = left
            else:
                del held[told]
        if not held:
            del self._held[key]
