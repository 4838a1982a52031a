"""What tells one environment from another: the values that can be written onto a clone, or that it is another kind."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .clone_text import draws_nothing
from .openusd import TIME, Usd

__all__ = ["LENS", "EnvDiff", "compare_environments"]

_CHILDREN = Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)
_WRITABLE_ANYWHERE = frozenset({"visibility", "primvars:displayColor", "primvars:displayOpacity"})
LENS = frozenset(
    {
        "focalLength",
        "horizontalAperture",
        "verticalAperture",
        "horizontalApertureOffset",
        "verticalApertureOffset",
        "clippingRange",
        "projection",
    }
)
"""Of a camera. A renderer writes them of each one that it draws, so it need not be told how those of clones differ."""

# Types that a renderer takes after loading; asset paths and texts are not among them.
_WRITABLE_TYPES = frozenset(
    {"bool", "int", "float", "double", "half", "token", "color3f", "color3f[]", "float[]", "float2", "float3", "float4"}
    | {"point3f[]", "normal3f[]", "vector3f", "normal3f", "point3f", "texCoord2f", "double3"}
)


@dataclass
class EnvDiff:
    """What an environment has that its template has not.

    Attributes:
        values: (prim path relative to the environment, attribute) of attributes that hold other values, all of which
            can be written.
        bindings: Relative paths of prims bound to other materials.
        kind: Digests by relative path of the parts that are built otherwise; equal in environments of one kind.
    """

    values: set[tuple[str, str]] = field(default_factory=set)
    bindings: set[str] = field(default_factory=set)
    kind: dict[str, bytes] = field(default_factory=dict)


def compare_environments(stage: Usd.Stage, template: str, env: str, paths: frozenset[str]) -> EnvDiff:
    """Compare parts of two environments.

    Args:
        template: Path of the root that the other one is compared with.
        env: Path of that other root.
        paths: Prims to compare with all below them, relative to the roots.
    """
    out = EnvDiff()
    for path in sorted(paths):
        a, b = stage.GetPrimAtPath(template + path), stage.GetPrimAtPath(env + path)
        part = EnvDiff()
        if a and b and _compare(a, b, template, env, part):
            out.values |= part.values
            out.bindings |= part.bindings
        else:
            out.kind[path] = _digest(b, env) if b else b""
    return out


def _compare(a: Usd.Prim, b: Usd.Prim, template: str, env: str, out: EnvDiff) -> bool:
    """Note the values in which two prims and those below differ; False if they differ in more."""
    if a.GetTypeName() != b.GetTypeName() or a.GetAppliedSchemas() != b.GetAppliedSchemas():
        return False
    if (a.IsActive(), a.IsDefined(), a.IsAbstract()) != (b.IsActive(), b.IsDefined(), b.IsAbstract()):
        return False
    if not a.IsActive():
        return True
    names = set(a.GetAuthoredPropertyNames()) | set(b.GetAuthoredPropertyNames())
    for name in names:
        if _is_written_anyway(a, name):
            continue
        relationship = a.GetRelationship(name)
        if relationship:
            targets = [_relative(relationship.GetTargets(), template)]
            targets.append(_relative(b.GetRelationship(name).GetTargets(), env) if b.HasRelationship(name) else [])
            if targets[0] != targets[1]:
                if name != "material:binding" or len(targets[1]) != 1:
                    return False
                out.bindings.add(str(b.GetPath())[len(env) :])
            continue
        x, y = a.GetAttribute(name), b.GetAttribute(name)
        if not x or not y:
            return False
        if _relative(x.GetConnections(), template) != _relative(y.GetConnections(), env):
            return False
        if not _equal(x.Get(TIME), y.Get(TIME)):
            if not _writable(b, y) or y.Get(TIME) is None:
                return False
            out.values.add((str(b.GetPath())[len(env) :], name))
    mine, others = a.GetFilteredChildren(_CHILDREN), b.GetFilteredChildren(_CHILDREN)
    if [child.GetName() for child in mine] != [child.GetName() for child in others]:
        return False
    return all(_compare(x, y, template, env, out) for x, y in zip(mine, others, strict=True))


def _is_written_anyway(prim: Usd.Prim, name: str) -> bool:
    """Whether clones may differ in a property: nothing is drawn of it, or it is written of each of them."""
    return draws_nothing(name) or name.startswith("xformOp:") or (name in LENS and prim.GetTypeName() == "Camera")


def _writable(prim: Usd.Prim, attribute: Usd.Attribute) -> bool:
    name = attribute.GetName()
    if prim.IsAbstract() or not prim.IsDefined():
        return False
    if str(attribute.GetTypeName()) not in _WRITABLE_TYPES:
        return False
    if name in _WRITABLE_ANYWHERE or (name.startswith("inputs:") and prim.GetTypeName() != "Material"):
        return True
    return bool(prim.GetTypeName() == "Mesh") and name in ("points", "normals")


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if hasattr(a, "resolvedPath"):
        return (a.resolvedPath or a.path) == (b.resolvedPath or b.path)
    return bool(np.array_equal(a, b)) if hasattr(a, "__len__") and not isinstance(a, str) else a == b


def _relative(paths: list[Any], root: str) -> list[str]:
    texts = [str(path) for path in paths]
    return [f"@{text[len(root) :]}" if text == root or text.startswith(f"{root}/") else text for text in texts]


def _digest(top: Usd.Prim, env: str) -> bytes:
    """What a prim and all below it are, as a digest that is equal in environments that hold the same."""
    digest = hashlib.blake2b(digest_size=16)
    for prim in Usd.PrimRange(top, _CHILDREN):
        digest.update(repr((str(prim.GetPath())[len(env) :], prim.GetTypeName(), prim.GetAppliedSchemas())).encode())
        digest.update(repr((prim.IsActive(), prim.IsDefined(), prim.IsAbstract())).encode())
        for prop in prim.GetAuthoredProperties():
            name = prop.GetName()
            if _is_written_anyway(prim, name):
                continue
            if isinstance(prop, Usd.Relationship):
                digest.update(repr((name, _relative(prop.GetTargets(), env))).encode())
                continue
            value = prop.Get(TIME)
            if hasattr(value, "resolvedPath"):
                value = value.resolvedPath or value.path
            digest.update(repr((name, _relative(prop.GetConnections(), env))).encode())
            heavy = hasattr(value, "__len__") and not isinstance(value, str) and len(value) > 16
            digest.update(np.asarray(value).tobytes() if heavy else repr(value).encode())
    return digest.digest()
