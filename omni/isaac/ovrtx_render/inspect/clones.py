"""Which prims stand for which: every prim of cloned environments is checked once."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

from ..scene.clones import CloneGroup

__all__ = ["ENV", "OUTSIDE", "Clones", "Envs", "minus", "plus"]

Envs = AbstractSet[int]
"""Environment ids. A frozenset may be shared; a set has one holder, which :func:`plus` and :func:`minus` change."""

ENV = "{env}"
"""Stands for the root of an environment in paths and messages that hold in several."""

OUTSIDE: frozenset[int] = frozenset((-1,))
"""The environments of what is outside of all."""


def plus(held: Envs, envs: Envs) -> Envs:
    """What a holder of environments holds with some more; thousands of them are copied once at most."""
    if not held:
        return frozenset(envs)
    if isinstance(held, set):
        held |= envs
        return held
    return held if envs <= held else {*held, *envs}


def minus(held: Envs, envs: Envs) -> Envs:
    """What a holder of environments holds without some; thousands of them are copied once at most."""
    if isinstance(held, set):
        held -= envs
        return held
    return held if held.isdisjoint(envs) else set(held) - envs


@dataclass(frozen=True)
class Representative:
    """A subtree that stands for others.

    Attributes:
        root: Path of the environment that it is in.
        path: Its own.
        envs: Environments in which it is the same.
        alike: Those, and the ones in which it differs in its looks alone.
        stops: Paths below it that stand for themselves.
        first: Root of the environment from which it differs in its looks alone; empty if it stands for itself.
        colored: Whether it differs in its colours alone.
    """

    root: str
    path: str
    envs: frozenset[int]
    alike: frozenset[int]
    stops: list[str]
    first: str = ""
    colored: bool = False


class Clones:
    """Environments, and which of their parts are the same.

    Args:
        env_paths: Paths of the environment roots.
        groups: What :func:`.scene.clones.group_clones` found.

    Attributes:
        locate: Environment id (-1: none) of a path, and the path with :data:`ENV` in place of that environment's root.
    """

    def __init__(self, env_paths: list[str], groups: list[CloneGroup]) -> None:
        self.env_paths = env_paths
        self._groups = groups
        self._env_of = {path: env for env, path in enumerate(env_paths)}
        self._depth = env_paths[0].count("/") if env_paths else 0
        self._group_of = {env: group for group in groups for env in group.members}
        self._members: dict[int, frozenset[int]] = {}
        # What is told of one prim asks for it again and again.
        self.locate = lru_cache(maxsize=256)(self._locate)

    def _locate(self, path: str) -> tuple[int, str]:
        if not self._depth:
            return -1, path
        parts = path.split("/", self._depth + 1)
        env = self._env_of.get("/".join(parts[: self._depth + 1]))
        if env is None:
            return -1, path
        return env, f"{ENV}/{parts[-1]}" if len(parts) > self._depth + 1 else ENV

    def place(self, text: str, env: int) -> str:
        """Put an environment's root in the place of :data:`ENV`."""
        return text.replace(ENV, self.env_paths[env]) if env >= 0 else text

    def abstract(self, text: str, env: int) -> str:
        """Put :data:`ENV` in the place of an environment's root in a message."""
        if env < 0:
            return text
        root = self.env_paths[env]
        return text.replace(f"{root}/", f"{ENV}/") if f"{root}/" in text else text

    def members(self, path: str) -> frozenset[int]:
        """Environments in which the prim at a path is what it is in its own one; ``{-1}`` outside of all."""
        env, relative = self.locate(path)
        if env < 0:
            return OUTSIDE
        group = self._group_of[env]
        relative = relative.removeprefix(ENV)
        while (part := _part_of(group, relative)) is not None:
            version = next((version for version in group.parts[part] if env in version.members), None)
            if version is None:
                return frozenset((env,))
            group = version
        return self._set(group)

    def representatives(self) -> Iterator[Representative]:
        """Subtrees that stand for all others; one that differs in its looks alone comes after what it differs from."""
        for group in self._groups:
            yield from self._representatives("", group, self._set(group))

    def _representatives(self, at: str, group: CloneGroup, alike: frozenset[int]) -> Iterator[Representative]:
        root = self.env_paths[group.members[0]]
        yield Representative(root, root + at, self._set(group), alike, [root + part for part in group.parts])
        for part, (same, *others) in group.parts.items():
            first = self.env_paths[same.members[0]]
            relooked = [version for version in others if version.looks]
            yield from self._representatives(part, same, self._set(same).union(*(one.members for one in relooked)))
            for one in relooked:
                own, envs = self.env_paths[one.members[0]], self._set(one)
                yield Representative(own, own + part, envs, envs, [], first, not one.rebound)
            for one in others:
                if not one.looks:
                    yield from self._representatives(part, one, self._set(one))

    def _set(self, group: CloneGroup) -> frozenset[int]:
        found = self._members.get(id(group))
        if found is None:
            found = self._members[id(group)] = frozenset(group.members)
        return found


def _part_of(group: CloneGroup, relative: str) -> str | None:
    if not group.parts:
        return None
    # Parts are the topmost ones, so at most one prefix of the path is among them.
    end = len(relative)
    while end > 0:
        if relative[:end] in group.parts:
            return relative[:end]
        end = relative.rfind("/", 0, end)
    return None
