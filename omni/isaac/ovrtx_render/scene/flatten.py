"""A live stage as one layer that stands alone: composed, pruned, with nothing left that needs a file beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .openusd import Sdf, Usd

__all__ = ["attributes", "flatten", "paths_referred_to"]

_WITH_PROXIES = Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)


def flatten(
    stage: Usd.Stage, envs: Collection[str], kept: Collection[str], editable: Collection[str] = ()
) -> Sdf.Layer:
    """Compose the shared prims and some environments into one layer; the stage itself is not touched.

    Instances in the environments, and around them, are written out, so that each prim is there to be moved and cloned.
    Attributes that are animated hold their first sample, as in :mod:`.stage_reader`. Asset paths are absolute where
    they can be found.

    Args:
        stage: The live stage; what its session layer says counts.
        envs: Paths of all environment roots.
        kept: Those of them to write.
        editable: Prims outside of the environments that must not be in instances either.
    """
    session = Sdf.Layer.CreateAnonymous(".usda")
    session.subLayerPaths.append(stage.GetSessionLayer().identifier)
    mask = _mask(stage, frozenset(envs), frozenset(kept))
    copy = Usd.Stage.OpenMasked(stage.GetRootLayer(), session, stage.GetPathResolverContext(), mask, Usd.Stage.LoadNone)
    copy.SetLoadRules(stage.GetLoadRules())
    copy.MuteAndUnmuteLayers(stage.GetMutedLayers(), [])
    copy.SetEditTarget(session)
    _write_out_instances(copy, [*kept, *(path for path in editable if copy.GetPrimAtPath(path))])
    layer = copy.Flatten(False)
    for attribute in list(attributes(layer)):
        _stand_alone(copy, layer, attribute)
    return layer


def paths_referred_to(layer: Sdf.Layer) -> set[str]:
    """Prim paths that relationships and connections of a layer lead to."""
    found: set[str] = set()
    for spec in _properties(layer):
        targets = spec.targetPathList if isinstance(spec, Sdf.RelationshipSpec) else spec.connectionPathList
        found.update(str(path.GetPrimPath()) for path in targets.GetAddedOrExplicitItems())
    return found


def _mask(stage: Usd.Stage, envs: frozenset[str], kept: frozenset[str]) -> Usd.StagePopulationMask:
    """Everything that the stage shows but environments that are not kept; those are never composed."""
    own = stage.GetPopulationMask()
    if envs == kept:
        return own
    above = {path[:end] for path in envs for end in range(len(path)) if path[end] == "/"} | {"/"}
    mask = Usd.StagePopulationMask()

    def add(prim: Usd.Prim) -> None:
        for child in prim.GetAllChildren():
            path = str(child.GetPath())
            if path in above and not child.IsInstance():
                add(child)
            elif path not in envs or path in kept:
                mask.Add(child.GetPath())

    add(stage.GetPseudoRoot())
    return mask


def _write_out_instances(stage: Usd.Stage, roots: Collection[str]) -> None:
    """Author on the edit target that no prim in or above the roots is an instance."""
    while True:
        found = set()
        for root in roots:
            prim = stage.GetPrimAtPath(root)
            found.update(prim.GetPath() for prim in Usd.PrimRange(prim, Usd.PrimAllPrimsPredicate) if prim.IsInstance())
            found.update(path for path in prim.GetPath().GetPrefixes() if stage.GetPrimAtPath(path).IsInstance())
        if not found:
            return
        with Sdf.ChangeBlock():
            for path in found:
                Sdf.CreatePrimInLayer(stage.GetEditTarget().GetLayer(), path).instanceable = False


def _properties(layer: Sdf.Layer) -> Iterator[Sdf.PropertySpec]:
    stack = list(layer.rootPrims)
    while stack:
        prim = stack.pop()
        yield from prim.properties
        stack.extend(prim.nameChildren)


def attributes(layer: Sdf.Layer) -> Iterator[Sdf.AttributeSpec]:
    """All attributes that a layer authors."""
    return (spec for spec in _properties(layer) if isinstance(spec, Sdf.AttributeSpec))


def _stand_alone(stage: Usd.Stage, layer: Sdf.Layer, spec: Sdf.AttributeSpec) -> None:
    """Let an attribute of a layer flattened from the stage need no clock and no folder."""
    samples = layer.ListTimeSamplesForPath(spec.path)
    if samples:
        first = layer.QueryTimeSample(spec.path, samples[0])
        spec.ClearInfo("timeSamples")
        spec.default = first
    if spec.typeName == Sdf.ValueTypeNames.Asset and spec.default:
        found = stage.GetAttributeAtPath(spec.path)
        resolved = found.Get(Usd.TimeCode.EarliestTime()).resolvedPath if found else ""
        if resolved:
            spec.default = Sdf.AssetPath(resolved)
