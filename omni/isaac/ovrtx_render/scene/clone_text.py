"""What a prim spec says itself, as text that is equal for clones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import numpy as np

from .openusd import Sdf

__all__ = ["SpecWriter", "draws_nothing", "relative_to"]

_INERT = ("physics:", "physx", "drive:", "limit:", "state:", "userProperties:")
# Which camera of NVIDIA RTX sees what: every clone has its own, and this package goes by environments.
_INERT += ("omni:scenePartition", "primvars:omni:scenePartition")
_OP_VALUE = re.compile(r"(?m)^(\s*(?:custom )?\w+ xformOp:\S+) = .*$")
_PATH = re.compile(r"(?<![\w@\"'/])/\w[^\s>,;)\]]*")

HEAVY_ARRAY = 256
"""Elements above which an array is compared by its memory or bytes; below, writing its text is quicker."""


def draws_nothing(name: str) -> bool:
    """Whether a property of this name has no part in what is drawn (properties of simulators)."""
    return name.startswith(_INERT)


def relative_to(path: str, sign: str, text: str) -> str:
    """Replace a prim path, and the beginning of paths below it, in the text of specs; strings and assets stay."""
    if path not in text:
        return text
    size = len(path)

    def shorten(match: re.Match[str]) -> str:
        found = match[0]
        inside = found.startswith(path) and (len(found) == size or found[size] in "/.{")
        return sign + found[size:] if inside else found

    return _PATH.sub(shorten, text)


class SpecWriter:
    """Writes prim specs as comparable text, long arrays by their contents. Values of transform operations are left out.

    Children are left out too, unless the prim has variants.
    """

    def __init__(self) -> None:
        # Arrays seen, by their memory: a copied spec shares it. Kept alive so that no address is used twice.
        self._bytes: dict[tuple[int, int], tuple[bytes, np.ndarray]] = {}

    def write(self, spec: Sdf.PrimSpec, env_path: str) -> str:
        """Return the text of a spec; paths below ``env_path`` or below the spec itself are made relative."""
        if spec.variantSets:
            # The first line holds the prim's own name.
            text = _OP_VALUE.sub(r"\1", spec.GetAsText().lstrip("\n").partition("\n")[2])
        else:
            text = "".join(self._pieces(spec))
        return relative_to(env_path, "@", relative_to(str(spec.path), "#", text))

    def _pieces(self, spec: Sdf.PrimSpec) -> Iterator[str]:
        for key in spec.ListInfoKeys():
            yield f"{key} = {spec.GetInfo(key)}\n"
        for prop in spec.properties:
            if not draws_nothing(prop.name):
                yield self._property_text(prop)

    def _property_text(self, prop: Sdf.PropertySpec) -> str:
        if isinstance(prop, Sdf.AttributeSpec):
            value = prop.default
            if hasattr(value, "__len__") and not isinstance(value, str) and len(value) > HEAVY_ARRAY:
                return self._array_text(prop)
        text = prop.GetAsText()
        return _OP_VALUE.sub(r"\1", text) if prop.name.startswith("xformOp:") else text

    def _array_text(self, prop: Sdf.AttributeSpec) -> str:
        others = {key: str(prop.GetInfo(key)) for key in prop.ListInfoKeys() if key not in ("default", "timeSamples")}
        samples = prop.layer.ListTimeSamplesForPath(prop.path)
        values = [prop.default, *(prop.layer.QueryTimeSample(prop.path, time) for time in samples)]
        digests = [self.digest(value).hex() for value in values]
        return f"{prop.typeName} {prop.name} {sorted(others.items())} {samples} {digests}\n"

    def digest(self, value: object) -> bytes:
        """What an array holds, in few bytes."""
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
