"""The Scene: what a stage is once it is read. Flat numpy arrays and small records, no USD objects, no backend.

Conventions: matrices are float64, row-vector (USD: ``p_world = p_local @ M``), in stage units; a backend multiplies
by :attr:`Scene.meters_per_unit`. Colours are linear Rec. 709. ``env == -1`` means shared by every environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

__all__ = [
    "SHARED",
    "AlphaMode",
    "Camera",
    "Finding",
    "Geometry",
    "GeometryKind",
    "Instances",
    "Light",
    "LightKind",
    "Material",
    "Mesh",
    "Scene",
    "SceneChanges",
    "Sweep",
    "Texture",
    "TextureRef",
    "Wrap",
]

SHARED = -1
"""Environment id of everything that all environments see."""


class GeometryKind(IntEnum):
    """Shapes a backend must draw. All but MESH are analytic, centred at the origin, with the axis along +Z.

    ``Geometry.params`` by kind (stage units):
        MESH: unused. PLANE: (half width x, half length y), ``inf`` for an endless one, in the plane z = 0.
        CUBE: (half x, half y, half z). SPHERE: (radius,). CYLINDER, CONE: (radius, half height), the cone's tip
        at +Z. CAPSULE: (radius, half height of the cylindrical part).
    """

    MESH = 0
    PLANE = 1
    CUBE = 2
    SPHERE = 3
    CYLINDER = 4
    CONE = 5
    CAPSULE = 6


@dataclass(eq=False)
class Sweep:
    """What the tubes, or ribbons, of a curves prim are swept from: S rings of R points each, one curve after the other.

    The points of the mesh are those of the first ring, then those of the second, and so on.

    Attributes:
        controls: (S, 4) int32 control points of the prim whose weighted sum is the centre of each ring.
        weights: (S, 4) float32.
        radius: (S,) float32, half the width of a ribbon.
        tangent: (S, 3) float32 unit direction of the curve at each ring, as the stage authors it.
        facing: (S, 3) float32 unit normal of a ribbon (R = 2), or None: tubes.
        begin: (C + 1,) int32 first ring of each of C curves, and S.
        closed: Whether the last ring of each curve is joined to its first.
        start: (C, 3) float32 unit direction from the centre of each first ring to its first point.
        cap: (T,) int8 of each triangle: -1 it closes the first ring, 1 the last, 0 it is along the curve.
    """

    controls: np.ndarray
    weights: np.ndarray
    radius: np.ndarray
    tangent: np.ndarray
    facing: np.ndarray | None
    begin: np.ndarray
    closed: bool
    start: np.ndarray
    cap: np.ndarray


@dataclass(eq=False)
class Mesh:
    """One unique triangle mesh in its local frame; winding is counter-clockwise seen from outside.

    Attributes:
        points: (V, 3) float32.
        triangles: (T, 3) int32 vertex indices, all in range. Degenerate triangles may be present.
        normals: (T, 3, 3) float32 unit normal of each triangle corner, or None: flat (use the triangle's own).
        uvs: (T, 3, 2) float32 texture coordinates of each corner (USD: v up), or None.
        colors: (T, 3, 3) float32 linear colour of each corner (a varying displayColor), or None.
        point_index: (V,) int32 point of the prim that each of ``points`` is, or None: they are the same points.
        sweep: How curves made ``points``, or None: it is no curve.
    """

    points: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray | None = None
    uvs: np.ndarray | None = None
    colors: np.ndarray | None = None
    point_index: np.ndarray | None = None
    sweep: Sweep | None = None


@dataclass(frozen=True)
class Geometry:
    """One unique shape: an analytic primitive, or a mesh by its index in :attr:`Scene.meshes`."""

    kind: GeometryKind
    params: tuple[float, ...] = ()
    mesh: int = -1


class Wrap(IntEnum):
    """What a texture returns outside the unit square."""

    REPEAT = 0
    CLAMP = 1
    MIRROR = 2
    BLACK = 3


@dataclass(eq=False)
class Texture:
    """One decoded image. Row 0 is the TOP of the picture (v = 1).

    Attributes:
        data: (H, W, 4) uint8, or (H, W, 3) float32 for HDR images (then always linear).
        srgb: Whether the RGB channels of a uint8 image are sRGB-encoded (alpha never is).
        path: Where it came from, for people.
    """

    data: np.ndarray
    srgb: bool
    path: str


@dataclass(frozen=True)
class TextureRef:
    """How one material input reads a texture.

    ``value = texel[channel...] * scale + bias``; ``st' = st @ uv_matrix[:2] + uv_matrix[2]`` (3x2, row-vector).

    Attributes:
        texture: Index in :attr:`Scene.textures`.
        channel: First channel read: 0 r, 1 g, 2 b, 3 a. Scalar inputs read this one, colour inputs read r, g, b.
        scale: Multiplier per channel (r, g, b, a).
        bias: Offset per channel.
        wrap_s: Wrap mode along s.
        wrap_t: Wrap mode along t.
        uv_matrix: ((a, b), (c, d), (tx, ty)).
    """

    texture: int
    channel: int = 0
    scale: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    bias: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    wrap_s: Wrap = Wrap.REPEAT
    wrap_t: Wrap = Wrap.REPEAT
    uv_matrix: tuple[tuple[float, float], tuple[float, float], tuple[float, float]] = (
        (1.0, 0.0),
        (0.0, 1.0),
        (0.0, 0.0),
    )


class AlphaMode(IntEnum):
    """How opacity is used."""

    OPAQUE = 0
    MASK = 1
    """Cut out below :attr:`Material.opacity_threshold`, else opaque."""
    BLEND = 2


@dataclass(frozen=True)
class Material:
    """One metallic-roughness parameter block, whatever the shading language was.

    An input whose ``*_texture`` is set takes the texture's value (times nothing); the constant is then the fallback
    where a mesh has no texture coordinates. Colours are linear.

    Attributes:
        name: Prim path of the material, or a made-up name for display colours and fallbacks.
        use_vertex_color: Take ``base_color`` from :attr:`Mesh.colors` where the mesh has them.
        specular_workflow: True: ``specular_color`` is F0 and metallic is ignored.
        ior: Index of refraction; gives F0 of the dielectric part in the metallic workflow.
        normal_texture: Tangent-space normal map; its scale and bias must already yield components in [-1, 1].
        unlit: Emit ``base_color`` as it is, without lighting (not affected by exposure).
        double_sided: Force both sides visible, whatever the mesh says.
        uv_primvar: Name of the texture coordinate primvar the textures read, without ``primvars:``.
        color_primvar: Name of the primvar that gives the base colour when ``use_vertex_color``.
    """

    name: str
    base_color: tuple[float, float, float] = (0.18, 0.18, 0.18)
    metallic: float = 0.0
    roughness: float = 0.5
    specular_workflow: bool = False
    specular_color: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ior: float = 1.5
    clearcoat: float = 0.0
    clearcoat_roughness: float = 0.01
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    occlusion: float = 1.0
    opacity: float = 1.0
    opacity_threshold: float = 0.0
    alpha_mode: AlphaMode = AlphaMode.OPAQUE
    use_vertex_color: bool = False
    unlit: bool = False
    double_sided: bool = False
    base_color_texture: TextureRef | None = None
    metallic_texture: TextureRef | None = None
    roughness_texture: TextureRef | None = None
    specular_color_texture: TextureRef | None = None
    clearcoat_texture: TextureRef | None = None
    clearcoat_roughness_texture: TextureRef | None = None
    emissive_texture: TextureRef | None = None
    occlusion_texture: TextureRef | None = None
    opacity_texture: TextureRef | None = None
    normal_texture: TextureRef | None = None
    uv_primvar: str = "st"
    color_primvar: str = "displayColor"


class LightKind(IntEnum):
    """Light shapes. Local frames as in UsdLux: emit along -Z; a cylinder's axis is X; a rect spans X and Y."""

    DISTANT = 0
    SPHERE = 1
    RECT = 2
    DISK = 3
    CYLINDER = 4
    DOME = 5


@dataclass(eq=False)
class Light:
    """One light.

    Attributes:
        radiance: Linear RGB: colour x colour temperature x intensity x 2^exposure, before any normalisation.
        transform: (4, 4) local to world, stage units. Its scale acts on the sizes below, as in UsdLux.
        radius: Sphere, disk, cylinder [stage units].
        width: Rect (along X) [stage units].
        height: Rect (along Y) [stage units].
        length: Cylinder (along X) [stage units].
        angle: Distant: angular diameter [degrees].
        normalize: Divide the radiance by the emitting area (UsdLux ``inputs:normalize``).
        treat_as_point: Sphere only.
        cone_angle: Shaping cone half angle [degrees]; >= 180 is no cone.
        cone_softness: 0 to 1.
        focus: Shaping focus exponent.
        cast_shadows: UsdLux ``inputs:shadow:enable``.
        diffuse: Multiplier of the diffuse response.
        specular: Multiplier of the specular response.
        texture: Dome or rect texture, index in :attr:`Scene.textures`, or -1.
        env: Environment id or SHARED.
        path: Prim path.
    """

    kind: LightKind
    radiance: tuple[float, float, float]
    transform: np.ndarray
    radius: float = 0.5
    width: float = 1.0
    height: float = 1.0
    length: float = 1.0
    angle: float = 0.53
    normalize: bool = False
    treat_as_point: bool = False
    cone_angle: float = 180.0
    cone_softness: float = 0.0
    focus: float = 0.0
    cast_shadows: bool = True
    diffuse: float = 1.0
    specular: float = 1.0
    texture: int = -1
    env: int = SHARED
    path: str = ""


@dataclass(eq=False)
class Camera:
    """One camera prim. Frame: -Z forward, +Y up. Lengths as authored (tenths of a stage unit for the lens).

    Attributes:
        transform: (4, 4) local to world, stage units.
        clipping_range: (near, far) [stage units].
    """

    path: str
    env: int
    transform: np.ndarray
    orthographic: bool = False
    focal_length: float = 50.0
    horizontal_aperture: float = 20.955
    vertical_aperture: float = 15.2908
    horizontal_offset: float = 0.0
    vertical_offset: float = 0.0
    clipping_range: tuple[float, float] = (1.0, 1000000.0)


@dataclass(eq=False)
class Instances:
    """Every rendered thing: a geometry with a material somewhere, as parallel arrays of length I.

    Attributes:
        geometry: (I,) int32 index in :attr:`Scene.geometries`.
        material: (I,) int32 index in :attr:`Scene.materials`.
        env: (I,) int32 environment id or SHARED.
        transform: (I, 4, 4) float64 local to world, stage units. May mirror (negative determinant).
        double_sided: (I,) bool; False: faces seen from behind are not drawn.
        path: (I,) int32 index in :attr:`Scene.paths`: the prim that is drawn (of a GeomSubset: its mesh).
        label: (I,) int32 index in :attr:`Scene.labels`.
        owner: (I,) int32 index in :attr:`Scene.paths`: the nearest prim, itself or an ancestor, that has semantic
            labels; the prim itself if none has (``label`` is 0 then, and instance segmentation says UNLABELLED).
    """

    geometry: np.ndarray
    material: np.ndarray
    env: np.ndarray
    transform: np.ndarray
    double_sided: np.ndarray
    path: np.ndarray
    label: np.ndarray
    owner: np.ndarray

    def __len__(self) -> int:
        return len(self.geometry)

    @staticmethod
    def empty() -> Instances:
        """No instances at all, with the right dtypes."""
        i = np.zeros(0, np.int32)
        return Instances(i, i, i, np.zeros((0, 4, 4)), np.zeros(0, bool), i, i, i)


@dataclass(frozen=True)
class Finding:
    """Something in the stage that will not look as its author may expect.

    Attributes:
        code: Stable kebab-case code, e.g. ``texture-unresolved``.
        severity: ``info``, ``warning`` or ``error``.
        path: Prim path it is about.
        message: What will be seen, and what to do.
    """

    code: str
    severity: str
    path: str
    message: str


@dataclass(eq=False)
class Scene:
    """Everything a backend needs, once.

    Attributes:
        meters_per_unit: Metres in a stage unit.
        up_axis: ``"Y"`` or ``"Z"``.
        env_paths: Prim paths of the environment roots; the index is the environment id.
        paths: Prim paths by index (one string each, shared by instances and owners).
        labels: Semantic labels by index, e.g. ``{"class": "robot"}``; index 0 is always ``{}`` (unlabelled).
        clone_groups: Which environments are clones of one another (``CloneGroup`` of :mod:`.clones`), as long as the
            stage is as it was read; None where that is not known.
    """

    meters_per_unit: float = 0.01
    up_axis: str = "Y"
    env_paths: list[str] = field(default_factory=list)
    meshes: list[Mesh] = field(default_factory=list)
    geometries: list[Geometry] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    textures: list[Texture] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    cameras: list[Camera] = field(default_factory=list)
    instances: Instances = field(default_factory=Instances.empty)
    paths: list[str] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=lambda: [{}])
    findings: list[Finding] = field(default_factory=list)
    clone_groups: list[Any] | None = None

    @property
    def num_envs(self) -> int:
        """Number of environments; 0 if the pattern matched none."""
        return len(self.env_paths)


@dataclass(frozen=True, eq=False)
class SceneChanges:
    """What changed in a Scene since it was read.

    Unless ``replaced``, it is the same Scene: its instances, lights and cameras are still those and in that order, and
    the new values are in their records.

    Attributes:
        replaced: The stage was read again; there is a new Scene, and nothing below counts.
        frames: (K,) int64 what moved: instance i, I + light, or I + L + camera.
        transforms: (K, 4, 4) float64 local to world of each, stage units.
        lights: Indices of lights that changed, or moved.
        materials: Whether a material changed; textures may have been appended.
        cameras: Indices of cameras whose lens changed.
    """

    replaced: bool = False
    frames: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    transforms: np.ndarray = field(default_factory=lambda: np.zeros((0, 4, 4)))
    lights: tuple[int, ...] = ()
    materials: bool = False
    cameras: tuple[int, ...] = ()
