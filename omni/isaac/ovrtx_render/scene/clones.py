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
from functools import cached_property

from .clone_diff import SpecDiff
from .clone_text import SpecWriter, draws_nothing
from .openusd import Sdf, Usd
from .prim_kinds import NETWORK
from .records import is_below

__all__ = ["CloneGroup", "group_clones"]

_EVERY_PRIM = Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)


@dataclass
class CloneGroup:
    """Environments that differ in nothing but transforms, in the whole or in the part that the group is about.

    Attributes:
        members: Environment ids, ascending; the first one is the template.
        moved: Members with transforms that differ from the template's, with the paths of those prims relative to the
            environment, or None where any may differ.
        parts: Paths of prims, relative to the environment, that are not the same in all members; each with the groups
            of members that have equal ones. What is below such a path is told by those groups alone.
        different: Members that differ in more than transforms, with the paths of the prims that say something else
            than the template's; what is drawn differently because of them is not listed.
        colored: Whether it is a part that differs from its first version in its colours, which may be in its geometry.
        rebound: Whether it is one that differs in what the materials bound to it are, or may do so.
    """

    members: list[int]
    moved: dict[int, list[str] | None] = field(default_factory=dict)
    parts: dict[str, list[CloneGroup]] = field(default_factory=dict)
    different: dict[int, frozenset[str]] = field(default_factory=dict)
    colored: bool = False
    rebound: bool = False

    @property
    def looks(self) -> bool:
        """Whether it is a part that differs from its first version in its looks, and in nothing else."""
        return self.colored or self.rebound


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


@dataclass(frozen=True)
class _Change:
    """What is not the template's, as paths relative to the environment.

    Attributes:
        moved: Prims whose transform operations hold other values; None if any may.
        different: Prims that differ in anything else.
        colors: Those of the different ones that differ in colours alone, with what tells these from others.
        dependent: Prims that draw something else only because of the different ones.
        rebuilt: Those of the dependent ones that may differ in more than in their materials.
    """

    moved: list[str] | None
    different: frozenset[str]
    colors: dict[str, tuple[tuple[str, bytes], ...]]
    dependent: frozenset[str]
    rebuilt: frozenset[str]


class _Grouper:
    """Groups versions of environments and of their parts."""

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
        changes: dict[int, _Change] = {}
        for entry in others:
            change = None
            if at not in dependencies.of(frozenset(), entry.dirty | template.dirty)[0]:
                change = self._change(diff, entry, at, dependencies, entry.dirty | template.dirty)
            if change is None:
                groups.append(CloneGroup([entry.env]))
                continue
            group.members.append(entry.env)
            changes[entry.env] = change
            if change.moved != []:
                group.moved[entry.env] = change.moved
            if change.different:
                group.different[entry.env] = change.different
        if diff:
            diff.close()
        by_env = {entry.env: entry for entry in entries}
        for path in _topmost(change.different | change.dependent for change in changes.values()):
            self._add_part(group, by_env, changes, at, path)
        return groups

    def _change(
        self, diff: SpecDiff | None, entry: _Entry, at: str, dependencies: _Dependencies, outside: frozenset[str]
    ) -> _Change | None:
        """Compare a version with the template; None if nothing of it can be taken from the template."""
        moved: list[str] | None = None
        different: frozenset[str] = frozenset()
        colors: dict[str, tuple[tuple[str, bytes], ...]] = {}
        if diff is not None:
            found = diff.compare(entry.specs, entry.root)
            if found is None:
                return None
            moved, different = [at + path for path in found.moved], frozenset(at + path for path in found.different)
            colors = {
                at + path: tuple(sorted((name, self._writer.digest(value)) for name, value in values))
                for path, values in found.colors.items()
            }
        rebuilt = dependencies.moved_copies(moved)
        # A mesh draws what its subsets say, those included that the template does not have.
        rebuilt |= {path.rpartition("/")[0] for path in different if self._type_at(entry, path) == "GeomSubset"}
        colors = {path: digests for path, digests in colors.items() if path not in rebuilt}
        different |= rebuilt
        dependent, rebuilt = dependencies.of(different, outside)
        return None if at in different or at in dependent else _Change(moved, different, colors, dependent, rebuilt)

    def _add_part(
        self, group: CloneGroup, entries: dict[int, _Entry], changes: dict[int, _Change], at: str, path: str
    ) -> None:
        same, versions, alone = [], [], []
        looks: dict[object, list[int]] = defaultdict(list)
        undrawn = self._type_at(entries[group.members[0]], path) in NETWORK
        below = path[len(at) :]
        for env in group.members:
            entry, change = entries[env], changes.get(env)
            if change is None or not any(is_below(cut, path) for cut in change.different | change.dependent):
                same.append(env)
            elif undrawn and self._type_at(entry, path) in NETWORK:
                continue
            elif (colors := _colors_below(change, path)) is not None:
                # Materials of their own may be the same or not, so each of those stands for itself.
                looks[env if _touch(path, change.dependent) else colors].append(env)
            elif path in change.dependent and path not in change.different:
                alone.append(CloneGroup([env]))
            else:
                specs = [spec and spec.layer.GetPrimAtPath(f"{spec.path}{below}") for spec in entry.specs]
                context = " ".join(spec.layer.identifier if spec else "" for spec in specs)
                dirty = entry.dirty | change.different | change.dependent
                versions.append(_Entry(env, entry.root, specs, context, dirty))
        for envs in looks.values():
            moved = dict.fromkeys(envs[1:] if group.moved.keys() & envs else ())
            colored = any(is_below(other, path) for other in changes[envs[0]].colors)
            rebound = _touch(path, changes[envs[0]].dependent)
            alone.append(CloneGroup(envs, moved, colored=colored, rebound=rebound))
        if versions or alone:
            group.parts[path] = [CloneGroup(same, group.moved), *self.group(versions, path), *alone]

    def _type_at(self, entry: _Entry, path: str) -> str:
        prim = self._stage.GetPrimAtPath(entry.root + path)
        return str(prim.GetTypeName()) if prim else ""


@dataclass(frozen=True)
class _Edge:
    """A prim, and another one of the same environment that what it draws depends on.

    Attributes:
        source: Path of the prim, relative to the environment.
        target: Path of the other one.
        kind: ``material`` (a binding), ``subset`` (a part of a mesh), ``copy`` (the target is drawn there, too) or
            ``other``.
    """

    source: str
    target: str
    kind: str


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
        self._known: dict[tuple[frozenset[str], frozenset[str]], tuple[frozenset[str], frozenset[str]]] = {}

    @cached_property
    def _edges(self) -> list[_Edge]:
        return list(self._find_edges())

    @cached_property
    def _repeated(self) -> set[str]:
        """What point instancers repeat, and what other prims are references to: it stands in two places."""
        return {edge.target for edge in self._edges if edge.kind == "copy"}

    def moved_copies(self, moved: list[str] | None) -> frozenset[str]:
        """Prims out of ``moved`` (None: any prims) whose transforms go into what is drawn elsewhere."""
        if moved == []:
            return frozenset()
        if moved is None:
            return frozenset(self._repeated)
        return frozenset(path for path in moved if any(is_below(path, target) for target in self._repeated))

    def of(self, inside: frozenset[str], outside: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Paths in the part that depend on what differs.

        Args:
            inside: Paths in the part that differ.
            outside: Paths elsewhere in the environment that differ.

        Returns:
            All of them, and those among them that may differ in more than in their materials.
        """
        if not inside and not outside:
            return inside, inside
        found = self._known.get((inside, outside))
        if found is None:
            found = self._known[inside, outside] = self._closure(inside, outside)
        return found

    def _closure(self, inside: frozenset[str], outside: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        dependent: set[str] = set()
        rebuilt: set[str] = set()
        before = -1
        while len(dependent) + len(rebuilt) != before:
            before = len(dependent) + len(rebuilt)
            for edge in self._edges:
                if edge.source in rebuilt:
                    continue
                if _touch(edge.target, inside | dependent if is_below(edge.target, self._at) else outside):
                    dependent.add(edge.source)
                    remade = inside | rebuilt if edge.kind == "subset" else frozenset()
                    if edge.kind in ("copy", "other") or _touch(edge.target, remade):
                        rebuilt.add(edge.source)
        return frozenset(dependent), frozenset(rebuilt)

    def _find_edges(self) -> Iterator[_Edge]:
        top, size = self._stage.GetPrimAtPath(self._root + self._at), len(self._root)
        for prim in Usd.PrimRange(top, _EVERY_PRIM) if top else ():
            path = str(prim.GetPath())
            targets: dict[str, set[str]] = {"material": set(), "other": set()}
            # Without variants, the prim's own specs have its own path.
            targets["copy"] = {str(spec.path.StripAllVariantSelections()) for spec in prim.GetPrimStack()}
            instancer = prim.GetTypeName() == "PointInstancer"
            for prop in prim.GetAuthoredProperties():
                name = prop.GetName()
                if draws_nothing(name):
                    continue
                paths = prop.GetTargets() if isinstance(prop, Usd.Relationship) else prop.GetConnections()
                bound = name == "material:binding" or name.startswith("material:binding:")
                kind = "material" if bound else "copy" if instancer else "other"
                targets[kind].update(str(target.GetPrimPath()) for target in paths)
            if prim.GetTypeName() == "GeomSubset":
                yield _Edge(path.rpartition("/")[0][size:], path[size:], "subset")
            for kind, paths in targets.items():
                yield from (_Edge(path[size:], to[size:], kind) for to in paths - {path} if is_below(to, self._root))


def _touch(path: str, others: Iterable[str]) -> bool:
    """Whether a path is one of others, above or below one."""
    return any(is_below(path, other) or is_below(other, path) for other in others)


def _colors_below(change: _Change, path: str) -> tuple[object, ...] | None:
    """What tells a part from others that differ in no more than colours and materials; None if it differs in more."""
    if path not in change.dependent and path not in change.colors:
        return None
    different = sorted(other for other in change.different if is_below(other, path))
    if not change.colors.keys() >= set(different) or any(is_below(other, path) for other in change.rebuilt):
        return None
    return tuple((other, change.colors[other]) for other in different)


def _topmost(sets: Iterable[frozenset[str]]) -> list[str]:
    """The paths that are below no other one."""
    out: list[str] = []
    for path in sorted(set().union(*sets), key=lambda path: path.split("/")):
        if not out or not is_below(path, out[-1]):
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
