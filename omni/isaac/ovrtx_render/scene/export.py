"""A live stage for a renderer that reads USD itself: one source environment of each kind as text, and how the others
come of it: what to clone where, where to place it, and which values to write.

Nothing touches a disk, and the live stage is only read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .clone_text import draws_nothing
from .clones import CloneGroup, group_clones
from .data import Camera, Scene
from .env_diff import EnvDiff, compare_environments
from .flatten import attributes, flatten, paths_referred_to
from .openusd import TIME, Gf, Sdf, Usd, UsdGeom
from .transforms import IDENTITY, local_matrix, matrix

__all__ = [
    "PARTITION",
    "PREVIEW_INPUTS",
    "VIEW_PARTITION",
    "AttributeValues",
    "CloneStep",
    "StageExport",
    "export_stage",
    "own_camera",
    "partition_of",
    "tensor_of",
]

PARTITION = "primvars:omni:scenePartition"
"""On an environment root: the partition of everything below."""

VIEW_PARTITION = "omni:scenePartition"
"""On a camera: the partition that it sees."""

SETTINGS = "/Render/OmniverseGlobalRenderSettings"
"""Prim of the settings that all render products share."""

PREVIEW_INPUTS: dict[str, tuple[str, Any]] = {
    "inputs:diffuseColor": ("color3f", Gf.Vec3f(0.18)),
    "inputs:emissiveColor": ("color3f", Gf.Vec3f(0.0)),
    "inputs:specularColor": ("color3f", Gf.Vec3f(0.0)),
    "inputs:metallic": ("float", 0.0),
    "inputs:roughness": ("float", 0.5),
    "inputs:opacity": ("float", 1.0),
    "inputs:ior": ("float", 1.5),
}
"""Type and default of the inputs of a UsdPreviewSurface that may be written; all of them are in the exported layer."""

_SHOW_ALL = "omni:rtx:scenePartitioning:showAllPartitionsByDefault"


@dataclass(frozen=True)
class CloneStep:
    """An environment that is copied to where it is not yet."""

    source: str
    targets: list[str]


@dataclass
class AttributeValues:
    """Values of one attribute that differ among prims.

    Attributes:
        name: Attribute name.
        type_name: USD type, e.g. ``color3f`` or ``token``.
        paths: P prim paths.
        values: P values, numbers as numpy arrays of the attribute's own element type.
    """

    name: str
    type_name: str
    paths: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


@dataclass
class StageExport:
    """What a renderer has to do to have the stage, in this order.

    Attributes:
        layer: The root layer: shared prims and the source environments.
        clones: What to clone.
        placed: K prims of clones whose local transform is not that of their source.
        transforms: (K, 4, 4) float64 row-vector local matrices of them, stage units.
        values: Attributes of clones that hold other values.
        bindings: Materials of prims of clones that are bound to others, by prim path.
    """

    layer: Sdf.Layer
    clones: list[CloneStep] = field(default_factory=list)
    placed: list[str] = field(default_factory=list)
    transforms: np.ndarray = field(default_factory=lambda: np.zeros((0, 4, 4)))
    values: list[AttributeValues] = field(default_factory=list)
    bindings: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The root layer as USD text."""
        return str(self.layer.ExportToString())


@dataclass
class _Kind:
    """Environments of which the first is written out and the others are cloned from it."""

    group: CloneGroup
    members: list[int]
    diffs: dict[int, EnvDiff]


def export_stage(stage: Usd.Stage, scene: Scene, partitions: bool = True, exposure: float = 1.0) -> StageExport:
    """Prepare a stage for a renderer that clones environments by itself.

    Args:
        stage: The live stage.
        scene: What was read of it; says which prims are the environments.
        partitions: Author the attributes that keep environments apart, with the token of :func:`partition_of`.
        exposure: What the exposure of every camera multiplies colours with.
    """
    roots = scene.env_paths
    groups = scene.clone_groups or group_clones(stage, [stage.GetPrimAtPath(path) for path in roots])
    # Once: who exports again may do so because the stage is another one by now.
    scene.clone_groups = None
    kinds = [kind for group in groups for kind in _kinds(stage, roots, group)]
    sources = {roots[kind.members[0]] for kind in kinds}
    while True:
        layer = flatten(stage, roots, sources, [camera.path for camera in scene.cameras])
        needed = _environments_of(paths_referred_to(layer), set(roots)) - sources
        if not needed:
            break
        sources |= needed
    _finish(layer, scene, sources, partitions, exposure)
    out = StageExport(layer)
    matrices: list[np.ndarray] = []
    values: dict[tuple[str, str], AttributeValues] = {}
    for kind in kinds:
        source, *others = kind.members
        others = [env for env in others if roots[env] not in sources]
        if others:
            out.clones.append(CloneStep(roots[source], [roots[env] for env in others]))
        for env in others:
            _place(stage, kind, roots, source, env, out.placed, matrices)
            _note_values(stage, kind, roots, source, env, values, out.bindings)
        _author_written(stage, layer, kind, roots[source])
    out.transforms = np.array(matrices, np.float64).reshape(-1, 4, 4)
    out.values = list(values.values())
    return out


def partition_of(env: int) -> str:
    """Token of the partition of an environment."""
    return f"env_{env}"


def own_camera(path: str, number: int) -> str:
    """Path of a camera that is a renderer's own, to be moved and given another lens, below one of the stage.

    The first one is in the exported layer.
    """
    return f"{path}/OvrtxCamera_{number}"


def tensor_of(type_name: str, value: Any) -> Any:
    """A USD value as a numpy array of its own element type, or a token as ``str``.

    Scalars have shape (), tuples (k,), arrays (n,) or (n, k).
    """
    scalar = {"bool": np.bool_, "int": np.int32, "double": np.float64, "double3": np.float64, "half": np.float16}
    if type_name == "token":
        return str(value)
    return np.array(value, dtype=scalar.get(type_name, np.float32))


def _kinds(stage: Usd.Stage, roots: list[str], group: CloneGroup) -> list[_Kind]:
    """Take apart the members of a group that are built differently."""
    template = roots[group.members[0]]
    diffs = {env: compare_environments(stage, template, roots[env], paths) for env, paths in group.different.items()}
    members: dict[tuple[tuple[str, bytes], ...], list[int]] = defaultdict(list)
    for env in group.members:
        members[tuple(sorted(diffs[env].kind.items())) if env in diffs else ()].append(env)
    return [_Kind(group, envs, diffs) for envs in members.values()]


def _environments_of(paths: set[str], roots: set[str]) -> set[str]:
    """The environments that some paths are in."""
    return {path[:end] for path in paths for end in range(1, len(path) + 1) if path[:end] in roots}


def _finish(layer: Sdf.Layer, scene: Scene, sources: set[str], partitions: bool, exposure: float) -> None:
    """Author what the renderer needs and the stage may not say."""
    layer.pseudoRoot.SetInfo("metersPerUnit", scene.meters_per_unit)
    layer.pseudoRoot.SetInfo("upAxis", scene.up_axis)
    # Else what no schema of the renderer names, such as inputs of shaders, is not there to be written.
    layer.customLayerData = {**layer.customLayerData, "populateAllAuthoredAttributes": True}
    for spec in [spec for spec in layer.rootPrims if spec.name == "Render"]:
        for child in [child for child in spec.nameChildren if child.typeName in ("RenderProduct", "RenderVar")]:
            del spec.nameChildren[child.name]
    for attribute in list(attributes(layer)):
        if attribute.name in (PARTITION, VIEW_PARTITION):  # of another renderer
            attribute.owner.RemoveProperty(attribute)
        elif attribute.typeName == Sdf.ValueTypeNames.Float3 and not attribute.name.startswith("xformOp"):
            _give_role(attribute)
        elif attribute.name == "info:id" and attribute.default == "UsdPreviewSurface":
            _author_inputs(attribute.owner)
    settings = Sdf.CreatePrimInLayer(layer, SETTINGS)
    for spec in (settings.nameParent, settings):
        spec.specifier = Sdf.SpecifierDef
    settings.nameParent.typeName = settings.nameParent.typeName or "Scope"
    settings.typeName = settings.typeName or "RenderSettings"
    _apply(settings, "OmniRtxSettingsGlobalCommonAPI_1")
    # A camera outside of all environments sees everything.
    _author(settings, _SHOW_ALL, Sdf.ValueTypeNames.Bool, True)
    for path in sources:
        spec = layer.GetPrimAtPath(path)
        # Only an Xformable is placed by its transform; an untyped root would leave its clones at the origin.
        spec.typeName = spec.typeName or "Xform"
        if partitions:
            _author(spec, PARTITION, Sdf.ValueTypeNames.Token, partition_of(scene.env_paths.index(path)))
    for camera in scene.cameras:
        spec = layer.GetPrimAtPath(camera.path)
        if spec is not None:
            _add_camera(spec, camera, partitions, exposure)


def _author_inputs(shader: Sdf.PrimSpec) -> None:
    """Author the inputs that a surface leaves at their defaults: only what exists can be written."""
    for name, (kind, value) in PREVIEW_INPUTS.items():
        spec = shader.attributes.get(name)
        if spec is None or (spec.default is None and not spec.connectionPathList.GetAddedOrExplicitItems()):
            _author(shader, name, Sdf.ValueTypeNames.Find(kind), value)


def _give_role(attribute: Sdf.AttributeSpec) -> None:
    """Declare three floats as a colour or a vector: plain ones arrive as zeros."""
    spec, name, value = attribute.owner, attribute.name, attribute.default
    connections = list(attribute.connectionPathList.GetAddedOrExplicitItems())
    variability, custom = attribute.variability, attribute.custom
    spec.RemoveProperty(attribute)
    types = Sdf.ValueTypeNames
    role = types.Color3f if re.search("color|tint|albedo|emission", name, re.IGNORECASE) else types.Vector3f
    new = Sdf.AttributeSpec(spec, name, role, variability, custom)
    if value is not None:
        new.default = value
    if connections:
        new.connectionPathList.explicitItems = connections


def _add_camera(above: Sdf.PrimSpec, camera: Camera, partitions: bool, exposure: float) -> None:
    """Author a camera that looks like the one above it, and follows it."""
    layer = above.layer
    spec = Sdf.CreatePrimInLayer(layer, own_camera(camera.path, 0))
    spec.specifier, spec.typeName = Sdf.SpecifierDef, above.typeName
    if above.HasInfo("apiSchemas"):
        spec.SetInfo("apiSchemas", above.GetInfo("apiSchemas"))
    for name in above.attributes.keys():
        if not name.startswith("xformOp") and not draws_nothing(name):
            Sdf.CopySpec(layer, above.path.AppendProperty(name), layer, spec.path.AppendProperty(name))
    _apply(spec, "OmniRtxCameraExposureAPI_1")
    for name, value in (("fStop", 1.0), ("iso", 100.0), ("time", 1.0), ("responsivity", exposure)):
        _author(spec, f"exposure:{name}", Sdf.ValueTypeNames.Float, value)
    for name, kind, value in _lens(camera):
        _author(spec, name, kind, value)
    if partitions and camera.env >= 0:
        _author(spec, VIEW_PARTITION, Sdf.ValueTypeNames.Token, partition_of(camera.env))


def _lens(camera: Camera) -> Iterator[tuple[str, Sdf.ValueTypeName, object]]:
    """Name, type and value of every attribute of a lens: what is not authored may not be there to be written."""
    floats = {
        "focalLength": camera.focal_length,
        "horizontalAperture": camera.horizontal_aperture,
        "verticalAperture": camera.vertical_aperture,
        "horizontalApertureOffset": camera.horizontal_offset,
        "verticalApertureOffset": camera.vertical_offset,
    }
    for name, value in floats.items():
        yield name, Sdf.ValueTypeNames.Float, value
    yield "clippingRange", Sdf.ValueTypeNames.Float2, Gf.Vec2f(*camera.clipping_range)
    yield "projection", Sdf.ValueTypeNames.Token, "orthographic" if camera.orthographic else "perspective"


def _apply(spec: Sdf.PrimSpec, schema: str) -> None:
    """Add an API schema to a prim that may have it already."""
    schemas = spec.GetInfo("apiSchemas") or Sdf.TokenListOp()
    if schema not in schemas.GetAddedOrExplicitItems():
        if schemas.isExplicit:
            schemas.explicitItems = [*schemas.explicitItems, schema]
        else:
            schemas.prependedItems = [*schemas.prependedItems, schema]
        spec.SetInfo("apiSchemas", schemas)


def _author(spec: Sdf.PrimSpec, name: str, type_name: Sdf.ValueTypeName, value: object) -> None:
    attribute = spec.attributes.get(name) or Sdf.AttributeSpec(spec, name, type_name)
    attribute.default = value


def _author_written(stage: Usd.Stage, layer: Sdf.Layer, kind: _Kind, source: str) -> None:
    """Author on a source what is written onto its clones: only what exists can be written."""
    written = {item for env in kind.members if env in kind.diffs for item in kind.diffs[env].values}
    for relative, name in sorted(written):
        spec = layer.GetPrimAtPath(source + relative)
        attribute = stage.GetPrimAtPath(source + relative).GetAttribute(name)
        value = attribute.Get(TIME)
        if spec is not None and name not in spec.attributes and value is not None:
            _author(spec, name, attribute.GetTypeName(), value)


def _place(
    stage: Usd.Stage, kind: _Kind, roots: list[str], source: int, env: int, paths: list[str], out: list[np.ndarray]
) -> None:
    """Note the local transforms of a clone that its source has not."""
    root = roots[env]
    top_prim = stage.GetPrimAtPath(root)
    # A Scope has no transform. A prim without a type becomes an Xform.
    if UsdGeom.Xformable(top_prim) or not top_prim.GetTypeName():
        # Where an environment stands is never taken from another one.
        local = local_matrix(top_prim)
        paths.append(root)
        out.append(IDENTITY if local is None else local[0])
    moved = [kind.group.moved.get(member, []) for member in (source, env)]
    below = {path for some in moved for path in some or () if path}
    # Of parts that differ in more, it is not told what was moved in them.
    tops = {""} if None in moved else {path for m in (source, env) for path in kind.group.different.get(m, ())}
    for top in tops:
        prim = stage.GetPrimAtPath(root + top)
        for part in Usd.PrimRange(prim, Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)) if prim else ():
            if part.HasAttribute("xformOpOrder") and part.GetPath() != root:
                below.add(str(part.GetPath())[len(root) :])
    for relative in sorted(below):
        prim = stage.GetPrimAtPath(root + relative)
        if prim and prim.IsActive() and UsdGeom.Xformable(prim):
            paths.append(root + relative)
            out.append(matrix(UsdGeom.Xformable(prim).GetLocalTransformation(TIME)))


def _note_values(
    stage: Usd.Stage,
    kind: _Kind,
    roots: list[str],
    source: int,
    env: int,
    values: dict[tuple[str, str], AttributeValues],
    bindings: dict[str, str],
) -> None:
    """Note the attributes and materials of a clone that are not its source's."""
    diffs = [kind.diffs[member] for member in (source, env) if member in kind.diffs]
    for relative, name in sorted({item for diff in diffs for item in diff.values}):
        attribute = stage.GetPrimAtPath(roots[env] + relative).GetAttribute(name)
        type_name = str(attribute.GetTypeName())
        entry = values.setdefault((name, type_name), AttributeValues(name, type_name))
        entry.paths.append(roots[env] + relative)
        entry.values.append(tensor_of(type_name, attribute.Get(TIME)))
    for relative in sorted({path for diff in diffs for path in diff.bindings}):
        path = roots[env] + relative
        targets = stage.GetPrimAtPath(path).GetRelationship("material:binding").GetTargets()
        if targets:
            bindings[path] = str(targets[0])
