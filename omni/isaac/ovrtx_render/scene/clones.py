"""Which environments are clones of one another: found from the layers' specs, without walking the stage.

An environment is what its opinions make of it. Opinions that several environments share (the target of a reference)
are the same for all of them, so two environments are equal if the opinions that are their own are: the specs under
their own root. Most environments are compared with the last clone found (:mod:`.clone_probe`, quick); the others by
a digest of their specs as text (:mod:`.clone_text`, exact whatever came before). Both leave the values of transform
operations out and tell them apart, since clones differ in exactly those.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import islice

from .clone_probe import CloneProbe
from .clone_text import SpecWriter, op_owners
from .openusd import Sdf, Usd

__all__ = ["CloneGroup", "group_clones"]

PROBE_MISSES = 8
"""Misses, beyond its hits, after which a probe is no longer asked: every environment seems to be of its own kind."""


@dataclass
class CloneGroup:
    """Environments that differ in nothing but transforms.

    Attributes:
        members: Environment ids, ascending; the first one is the template.
        moved: Members with transforms below the root that differ from the template's, with the paths of those prims
            relative to the root, or None where any may differ.
    """

    members: list[int]
    moved: dict[int, list[str] | None]


def group_clones(stage: Usd.Stage, envs: list[Usd.Prim]) -> list[CloneGroup]:
    """Group environment roots by structure; environments that cannot be compared are groups of their own."""
    if len(envs) < 2 or not _comparable(stage, envs):
        return [CloneGroup([env], {}) for env in range(len(envs))]
    loads = _load_rules(stage)
    stacks = [env.GetPrimStack() for env in envs]
    uses = Counter((spec.layer.identifier, spec.path) for stack in stacks for spec in stack)
    finder = _CloneFinder()
    for index, (env, stack) in enumerate(zip(envs, stacks, strict=True)):
        path = str(env.GetPath())
        own = [uses[spec.layer.identifier, spec.path] == 1 for spec in stack]
        # Everything that comes from elsewhere, by its identity; own specs hold their place in the order of strength.
        context = [str(env.GetPath().GetParentPath()), repr(loads.get(path))]
        context += [
            f"{spec.layer.identifier} {'' if mine else spec.path}" for spec, mine in zip(stack, own, strict=True)
        ]
        finder.add(index, path, "\n".join(context), [spec for spec, mine in zip(stack, own, strict=True) if mine])
    finder.close()
    return finder.groups


@dataclass
class _Template:
    """What later environments are compared with: the first one of a group."""

    group: CloneGroup
    specs: list[Sdf.PrimSpec]
    op_values: list[str]

    def op_prims(self) -> list[str] | None:
        """Relative prim path of each operation value; None if that cannot be told."""
        prims = [name for spec in self.specs for child in spec.nameChildren for name in op_owners(child, "")]
        plain = len(prims) == len(self.op_values) and not any(spec.variantSets for spec in self.specs)
        return prims if plain else None


@dataclass
class _Bucket:
    """Environments that look alike from afar, and the probe of the group that one of them was in last."""

    probe: CloneProbe | None = None
    template: _Template | None = None
    score: int = field(default_factory=lambda: PROBE_MISSES)


@dataclass
class _CloneFinder:
    """Takes environments one by one and puts each into its group."""

    groups: list[CloneGroup] = field(default_factory=list)
    _templates: dict[bytes, _Template] = field(default_factory=dict)
    _buckets: dict[str, _Bucket] = field(default_factory=lambda: defaultdict(_Bucket))
    _writer: SpecWriter = field(default_factory=SpecWriter)

    def add(self, index: int, path: str, context: str, specs: list[Sdf.PrimSpec]) -> None:
        """Put environment ``index`` into the group it belongs to, or start one."""
        bucket = self._buckets[context + _outline(specs)]
        if bucket.template is not None and bucket.score > 0:
            if bucket.probe is None:
                bucket.probe = CloneProbe(bucket.template.specs)
            moved = bucket.probe.moved(specs)
            bucket.score += 1 if moved is not None else -1
            if moved is not None:
                _join(bucket.template.group, index, moved)
                return
        template, moved = self._find_by_text(index, path, context, specs)
        if template is not bucket.template:
            if bucket.probe is not None:
                bucket.probe.close()
            bucket.probe, bucket.template = None, template
        if template.group.members[0] != index:
            _join(template.group, index, moved)

    def close(self) -> None:
        """Drop all probes."""
        for bucket in self._buckets.values():
            if bucket.probe is not None:
                bucket.probe.close()

    def _find_by_text(
        self, index: int, path: str, context: str, specs: list[Sdf.PrimSpec]
    ) -> tuple[_Template, list[str] | None]:
        """Return the template with the same text (a new one if there is none) and the prims that moved."""
        state = hashlib.blake2b(context.encode(), digest_size=16)
        values: list[str] = []
        for spec in specs:
            structure, op_values = self._writer.write(spec, path)
            state.update(structure)
            values += op_values
        template = self._templates.get(state.digest())
        if template is None:
            template = _Template(CloneGroup([index], {}), specs, values)
            self._templates[state.digest()] = template
            self.groups.append(template.group)
        if values == template.op_values:
            return template, []
        prims = template.op_prims()
        if prims is None:
            return template, None
        compared = zip(prims, values, template.op_values, strict=True)
        return template, sorted({prim for prim, mine, its in compared if mine != its})


def _join(group: CloneGroup, index: int, moved: list[str] | None) -> None:
    group.members.append(index)
    if moved != []:
        group.moved[index] = moved


def _outline(specs: list[Sdf.PrimSpec]) -> str:
    """What distinguishes most environments that are no clones: their children and what those are made of."""
    parts = []
    for spec in specs:
        for prim in (spec, *islice(spec.nameChildren, 8)):
            name = "" if prim is spec else prim.name
            parts.append(f"{name} {prim.typeName} {prim.referenceList if prim.hasReferences else ''}")
    return "\n".join(parts)


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
