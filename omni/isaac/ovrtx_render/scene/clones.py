"""Which environments are clones of one another: found from the layers' specs, without walking the stage.

An environment is what its opinions make of it. Opinions that several environments share (the target of a reference)
are the same for all of them, so two environments are equal if the opinions that are their own are: the specs under
their own root. Environments whose roots say the same (:mod:`.clone_text`) are compared with the first of them
(:mod:`.clone_diff`). Where some differ, those are compared with each other in the same way, part by part; all else
of them still counts as equal. Values of transform operations are told apart, since clones differ in exactly those.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .clone_diff import SpecDiff
from .clone_text import SpecWriter, draws_nothing
from .openusd import Sdf, Usd

__all__ = ["CloneGroup", "group_clones"]

_EVERY_PRIM = Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)
_NEVER_DRAWN = frozenset({"Material", "Shader", "NodeGraph"})


@dataclass
class CloneGroup:
    """Environments that differ in nothing but transforms, in the whole or in the part that the group is about.

    Attributes:
        members: Environment ids, ascending; the first one is the template.
        moved: Members with transforms that differ from the template's, with the paths of those prims relative to the
            environment, or None where any may differ.
        parts: Paths of prims, relative to the environment, that are not the same in all members; each with the groups
            of members that have equal ones. What is below such a path is told by those groups alone.
    """

    members: list[int]
    moved: dict[int, list[str] | None] = field(default_factory=dict)
    parts: dict[str, list[CloneGroup]] = field(default_factory=dict)


def group_clones(stage: Usd.Stage, envs: list[Usd.Prim]) -> list[CloneGroup]:
    """Group environment roots by structure; environments that cannot be compared are groups of their own."""
    if len(envs) < 2 or not _comparable(stage, envs):
        return [CloneGroup([env]) for env in range(len(envs))]
    loads = _load_rules(stage)
    stacks = [env.GetPrimStack() for env in envs]
    uses = Counter((spec.layer.identifier, spec.path) for stack in stacks for spec in stack)
    entries = []
    for index, (env, stack) in enumerate(zip(envs, stacks, strict=True)):
        path = str(env.GetPath())
        own = [uses[spec.layer.identifier, spec.path] == 1 for spec in stack]
        # Everything that comes from elsewhere, by its identity; own specs hold their place in the order of strength.
        context = [str(env.GetPath().GetParentPath()), repr(loads.get(path))]
        context += [
            f"{spec.layer.identifier} {'' if mine else spec.path}" for spec, mine in zip(stack, own, strict=True)
        ]
        specs: list[Sdf.PrimSpec | None] = [spec for spec, mine in zip(stack, own, strict=True) if mine]
        entries.append(_Entry(index, path, specs, "\n".join(context)))
    return _Grouper(stage).group(entries, "")


@dataclass(frozen=True)
class _Entry:
    """One environment's version of a part (or of the whole).

    Attributes:
        env: Environment id.
        root: Path of the environment.
        specs: The part's own specs; None where a layer has none for it.
        context: What else tells versions apart.
        dirty: Paths in the environment, outside of the part, whose prims are not those of other environments.
    """

    env: int
    root: str
    specs: list[Sdf.PrimSpec | None]
    context: str = ""
    dirty: frozenset[str] = frozenset()


class _Grouper:
    def __init__(self, stage: Usd.Stage) -> None:
        self._stage = stage
        self._writer = SpecWriter()

    def group(self, entries: list[_Entry], at: str) -> list[CloneGroup]:
        """Group the versions of the part at a path relative to the environments."""
        buckets: dict[str, list[_Entry]] = defaultdict(list)
        for entry in entries:
            texts = ("" if spec is None else self._writer.write(spec, entry.root) for spec in entry.specs)
            buckets["\n\n".join([entry.context, *texts])].append(entry)
        return [group for bucket in buckets.values() for group in self._compare(bucket, at)]

    def _compare(self, entries: list[_Entry], at: str) -> list[CloneGroup]:
        """Group versions whose topmost prims say the same."""
        template, others = entries[0], entries[1:]
        group = CloneGroup([template.env])
        if not others:
            return [group]
        groups = [group]
        dependencies = _Dependencies(self._stage, template.root, at)
        written_whole = any(spec is not None and spec.variantSets for spec in template.specs)
        diff = None if written_whole else SpecDiff(template.specs, template.root)
        cuts: dict[int, frozenset[str]] = {}
        for entry in others:
            outside = entry.dirty | template.dirty
            found: tuple[list[str], Iterable[str]] | None = None
            if at not in dependencies.cuts(frozenset(), outside):
                found = diff.compare(entry.specs, entry.root) if diff else ([], ())
            cut = frozenset({at})
            if found is not None:
                cut = dependencies.cuts(frozenset(at + path for path in found[1]), outside)
            if found is None or at in cut:
                groups.append(CloneGroup([entry.env]))
                continue
            group.members.append(entry.env)
            cuts[entry.env] = cut
            if written_whole or found[0]:
                group.moved[entry.env] = None if written_whole else [at + path for path in found[0]]
        if diff:
            diff.close()
        for path in _topmost(cuts.values()):
            self._add_part(group, {entry.env: entry for entry in entries}, cuts, at, path)
        return groups

    def _add_part(
        self, group: CloneGroup, entries: dict[int, _Entry], cuts: dict[int, frozenset[str]], at: str, path: str
    ) -> None:
        versions, same = [], []
        undrawn = self._type_at(entries[group.members[0]], path) in _NEVER_DRAWN
        for env in group.members:
            entry = entries[env]
            if not any(_is_below(cut, path) for cut in cuts.get(env, ())):
                same.append(env)
            elif not (undrawn and self._type_at(entry, path) in _NEVER_DRAWN):
                below = path[len(at) :]
                specs = [spec and spec.layer.GetPrimAtPath(f"{spec.path}{below}") for spec in entry.specs]
                context = " ".join(spec.layer.identifier if spec else "" for spec in specs)
                versions.append(_Entry(env, entry.root, specs, context, entry.dirty | cuts[env]))
        if versions:
            group.parts[path] = [CloneGroup(same, group.moved), *self.group(versions, path)]

    def _type_at(self, entry: _Entry, path: str) -> str:
        prim = self._stage.GetPrimAtPath(entry.root + path)
        return str(prim.GetTypeName()) if prim else ""


class _Dependencies:
    """Which prims of a part are drawn by what other prims of the environment say (materials, prototypes, bases).

    Args:
        root: Path of the environment whose part is looked at.
        at: Path of the part, relative to the environment.
    """

    def __init__(self, stage: Usd.Stage, root: str, at: str) -> None:
        self._stage = stage
        self._root = root
        self._at = at
        self._edges: list[tuple[str, str]] | None = None
        self._known: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = {}

    def cuts(self, inside: frozenset[str], outside: frozenset[str]) -> frozenset[str]:
        """Add the paths that depend on others.

        Args:
            inside: Paths in the part that differ.
            outside: Paths elsewhere in the environment that differ.
        """
        if not inside and not outside:
            return inside
        found = self._known.get((inside, outside))
        if found is None:
            found = self._known[inside, outside] = self._closure(inside, outside)
        return found

    def _closure(self, inside: frozenset[str], outside: frozenset[str]) -> frozenset[str]:
        if self._edges is None:
            self._edges = list(self._find_edges())
        cuts, before = set(inside), -1
        while len(cuts) != before:
            before = len(cuts)
            for source, target in self._edges:
                different = cuts if _is_below(target, self._at) else outside
                if source not in cuts and any(_is_below(target, cut) or _is_below(cut, target) for cut in different):
                    cuts.add(source)
        return frozenset(cuts)

    def _find_edges(self) -> Iterator[tuple[str, str]]:
        """Pairs of paths: a prim, and another one of the same environment that it refers to."""
        top = self._stage.GetPrimAtPath(self._root + self._at)
        for prim in Usd.PrimRange(top, _EVERY_PRIM) if top else ():
            path = str(prim.GetPath())
            targets = {str(spec.path) for spec in prim.GetPrimStack()}
            for prop in prim.GetAuthoredProperties():
                if draws_nothing(prop.GetName()):
                    continue
                paths = prop.GetTargets() if isinstance(prop, Usd.Relationship) else prop.GetConnections()
                targets.update(str(target.GetPrimPath()) for target in paths)
            size = len(self._root)
            yield from ((path[size:], target[size:]) for target in targets - {path} if _is_below(target, self._root))


def _is_below(path: str, top: str) -> bool:
    """Whether a path is another one or below it."""
    return path.startswith(top) and (len(path) == len(top) or path[len(top)] == "/")


def _topmost(sets: Iterable[frozenset[str]]) -> list[str]:
    """The paths that are below no other one."""
    out: list[str] = []
    for path in sorted(set().union(*sets), key=lambda path: path.split("/")):
        if not out or not _is_below(path, out[-1]):
            out.append(path)
    return out


def _comparable(stage: Usd.Stage, envs: list[Usd.Prim]) -> bool:
    """Whether nothing outside of the environments can tell them apart."""
    if not stage.GetPopulationMask().IsEmpty() and stage.GetPopulationMask() != Usd.StagePopulationMask.All():
        return False
    if any(layer.relocates for layer in stage.GetLayerStack() if hasattr(layer, "relocates")):
        return False
    checked = set()
    for env in envs:
        prim = env.GetParent()
        while prim and prim.GetPath() not in checked:
            checked.add(prim.GetPath())
            # A collection above may include one environment and not the next.
            if any(name.startswith("material:binding:collection") for name in prim.GetAuthoredPropertyNames()):
                return False
            prim = prim.GetParent()
    return not any(env.IsInstanceProxy() for env in envs)


def _load_rules(stage: Usd.Stage) -> dict[str, list[tuple[str, str]]]:
    """Payload rules by the path of every ancestor, relative to it; empty for the usual load-all."""
    rules = stage.GetLoadRules().GetRules()
    out: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, rule in rules:
        for prefix in path.GetPrefixes():
            out[str(prefix)].append((str(path.MakeRelativePath(prefix)), str(rule)))
    return out
