"""Which environments are clones of one another: a cheap structural signature from the layers, not the stage.

An environment is what its opinions make of it. Opinions that several environments share (the target of a reference)
are the same for all of them, so two environments are equal if the opinions that are their own are: the specs under
their own root, written out as text with the root's path made relative. Values of transform operations are taken out
of that text and compared apart, since clones differ in exactly those.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .openusd import Sdf, Usd

__all__ = ["CloneGroup", "group_clones"]

_XFORM_OP = re.compile(r"(?m)^\s*(?:custom )?\w+ xformOp:\S+ = (.*)$")

_BELOW_ROOT = re.compile(r"(?m)^\s*(?:def|over|class|variantSet) ")

HEAVY_ARRAY = 1024
"""Elements above which an array is compared by its memory or bytes; below, writing its text is quicker."""


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
    if not _comparable(stage, envs):
        return [CloneGroup([env], {}) for env in range(len(envs))]
    loads = _load_rules(stage)
    stacks = [env.GetPrimStack() for env in envs]
    shared = Counter((spec.layer.identifier, spec.path) for stack in stacks for spec in stack)
    writer = _SpecWriter()
    groups: dict[bytes, CloneGroup] = {}
    values: dict[bytes, list[str]] = {}
    owners: dict[bytes, list[str] | None] = {}
    for index, (env, stack) in enumerate(zip(envs, stacks, strict=True)):
        state = hashlib.blake2b(digest_size=16)
        inner: list[str] = []
        path = str(env.GetPath())
        state.update(str(env.GetPath().GetParentPath()).encode())
        state.update(repr(loads.get(path)).encode())
        for spec in stack:
            identity = (spec.layer.identifier, spec.path)
            if shared[identity] > 1:
                state.update(f"={identity}".encode())
                continue
            structure, op_values = writer.write(spec, path)
            state.update(f"+{spec.layer.identifier}\n".encode())
            state.update(structure)
            inner += op_values
        key = state.digest()
        group = groups.get(key)
        if group is None:
            groups[key] = CloneGroup([index], {})
            values[key] = inner
            continue
        group.members.append(index)
        if inner != values[key]:
            if key not in owners:
                own = [spec for spec in stack if shared[spec.layer.identifier, spec.path] == 1]
                names = [name for spec in own for child in spec.nameChildren for name in _op_owners(child, "")]
                plain = len(names) == len(inner) and not any(spec.variantSets for spec in own)
                owners[key] = names if plain else None
            at = owners[key]
            if at is None:
                group.moved[index] = None
            else:
                differs = zip(at, inner, values[key], strict=True)
                group.moved[index] = sorted({path for path, mine, theirs in differs if mine != theirs})
    return list(groups.values())


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


class _SpecWriter:
    """Writes prim specs as comparable text, arrays that are too long for text by their contents."""

    def __init__(self) -> None:
        self._heavy: set[str] = set()
        self._with_heavy: set[str] = set()
        self._scanned = False
        # Arrays seen, by their memory: a copied spec shares it. Kept alive so that no address is used twice.
        self._bytes: dict[tuple[int, int], tuple[bytes, np.ndarray]] = {}

    def write(self, spec: Sdf.PrimSpec, env_path: str) -> tuple[bytes, list[str]]:
        """Return the structure of a root spec and the values of the transform operations below the root."""
        if not self._scanned:
            self._scan(spec)
        if self._heavy:
            text = "".join(self._pieces(spec, ""))
        else:
            text = spec.GetAsText()
            if len(text) > 200_000:
                self._scan(spec)
                text = "".join(self._pieces(spec, ""))
        # The first line holds the root's own name.
        head, _, body = text.lstrip("\n").partition("\n")
        head = head.replace(f'"{spec.name}"', '""')
        for path in {env_path, str(spec.path)}:
            for end in "/>.{":
                body = body.replace(f"<{path}{end}", f"<@{end}")
        # The root's own properties come before its children; where it stands is read for every clone anyway.
        below = _BELOW_ROOT.search(body)
        split = below.start() if below else len(body)
        own, inner = _XFORM_OP.split(body[:split]), _XFORM_OP.split(body[split:])
        return "\n".join([head, *own[::2], *inner[::2]]).encode(), inner[1::2]

    def _scan(self, spec: Sdf.PrimSpec) -> None:
        """Note where under the root there are long arrays."""
        self._scanned = True
        for path, _ in _long_arrays(spec, ""):
            self._heavy.add(path)
            prim = path.rpartition(".")[0]
            while True:
                self._with_heavy.add(prim)
                if not prim:
                    break
                prim = prim.rpartition("/")[0]

    def _pieces(self, spec: Sdf.PrimSpec, path: str) -> Iterator[str]:
        """Text of a spec; only prims on the way to a long array are taken apart."""
        if path not in self._with_heavy or spec.variantSets:
            yield spec.GetAsText()
            return
        children = list(spec.nameChildren)
        yield f'\ndef {spec.specifier} {spec.typeName} "{spec.name}"\n'
        for key in spec.ListInfoKeys():
            if key not in ("specifier", "typeName"):
                yield f"{key} = {spec.GetInfo(key)!r}\n"
        for prop in spec.properties:
            name = f"{path}.{prop.name}"
            if name in self._heavy:
                yield self._array_text(prop)
            else:
                yield prop.GetAsText()
                yield "\n"
        for child in children:
            yield from self._pieces(child, f"{path}/{child.name}")

    def _array_text(self, prop: Sdf.AttributeSpec) -> str:
        others = {key: repr(prop.GetInfo(key)) for key in prop.ListInfoKeys() if key not in ("default", "timeSamples")}
        samples = prop.layer.ListTimeSamplesForPath(prop.path)
        values = [prop.default, *(prop.layer.QueryTimeSample(prop.path, time) for time in samples)]
        digests = [self._array_digest(value).hex() for value in values]
        return f"{prop.typeName} {prop.name} {sorted(others.items())} {samples} {digests}\n"

    def _array_digest(self, value: object) -> bytes:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):
            return repr(value).encode()
        if array.dtype == object or not array.size:
            return repr(value).encode()
        key = (array.__array_interface__["data"][0], array.nbytes)
        known = self._bytes.get(key)
        if known is None:
            digest = hashlib.blake2b(np.ascontiguousarray(array), digest_size=16, person=array.dtype.str.encode())
            known = self._bytes[key] = (digest.digest(), array)
        return known[0]


def _op_owners(spec: Sdf.PrimSpec, parent: str) -> Iterator[str]:
    """Relative prim path of every transform operation value in the order in which they stand in the text."""
    path = f"{parent}/{spec.name}"
    for prop in spec.properties:
        if prop.name.startswith("xformOp:"):
            keys = prop.ListInfoKeys()
            for key in ("default", "timeSamples", "connectionPaths"):
                if key in keys:
                    yield path
    if spec.variantSets:
        # Variants are written apart from the children; their values make the count differ, which the caller notices.
        return
    for child in spec.nameChildren:
        yield from _op_owners(child, path)


def _long_arrays(spec: Sdf.PrimSpec, path: str) -> Iterator[tuple[str, int]]:
    for prop in spec.properties:
        value = getattr(prop, "default", None)
        try:
            size = len(value) if value is not None and not isinstance(value, str) else 0
        except TypeError:
            size = 0
        if size > HEAVY_ARRAY:
            yield f"{path}.{prop.name}", size
    for child in spec.nameChildren:
        yield from _long_arrays(child, f"{path}/{child.name}")
