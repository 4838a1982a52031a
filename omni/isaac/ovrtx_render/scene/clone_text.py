"""A prim spec and all below it as text that is equal for clones: the exact, slower comparison."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import numpy as np

from .openusd import Sdf

__all__ = ["SpecWriter", "op_owners"]

_XFORM_OP = re.compile(r"(?m)^\s*(?:custom )?\w+ xformOp:\S+ = (.*)$")

_BELOW_ROOT = re.compile(r"(?m)^\s*(?:def|over|class|variantSet) ")

HEAVY_ARRAY = 1024
"""Elements above which an array is compared by its memory or bytes; below, writing its text is quicker."""


class SpecWriter:
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


def op_owners(spec: Sdf.PrimSpec, parent: str) -> Iterator[str]:
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
        yield from op_owners(child, path)
