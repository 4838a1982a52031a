"""Which prims stand for which: every prim of cloned environments is checked once."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
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

    def representatives(self) -> Iterator[tuple[str, frozenset[int], list[str]]]:
        """Subtrees that stand for all others: path of the root, environments, paths below that stand for themselves."""
        todo = [("", group) for group in self._groups]
        while todo:
            at, group = todo.pop()
            root = self.env_paths[group.members[0]]
            yield root + at, self._set(group), [root + part for part in group.parts]
            todo += [
                (part, version) for part, versions in group.parts.items() for version in versions if version.members
            ]

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
