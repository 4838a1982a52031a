"""The demo stage: N cloned environments of an arm with a hand at a table, built in memory with ``pxr``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError, MissingExtraError
from . import robot
from .motion import OBJECTS, ROBOT_ORIGIN, TABLE_HEIGHT, DemoMotion, quaternions_from
from .shapes import Shape, lathe, merge, rounded_box, shell, smooth_intersection, torus
from .textures import texture_paths

try:
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, Vt
except ImportError:
    raise MissingExtraError("usd-core", "standalone", "building the demo scene") from None

__all__ = ["DemoScene", "build_stage"]

SPACING = 2.5
"""Distance between neighbouring environments [m]."""

_ENVS = "/World/envs"
_LOOKS = "/World/Looks"
_CAMERA_EYE = (0.95, -0.88, TABLE_HEIGHT + 0.74)
_CAMERA_TARGET = (-0.02, 0.0, TABLE_HEIGHT + 0.25)

# Linear base colour, metallic, roughness, clearcoat; textures by input.
_MATERIALS: dict[str, dict[str, Any]] = {
    "shell": {"color": (0.72, 0.73, 0.75), "roughness": 0.32, "clearcoat": 0.35},
    "accent": {"color": (0.85, 0.20, 0.02), "roughness": 0.38, "clearcoat": 0.2},
    "dark": {"color": (0.028, 0.030, 0.034), "roughness": 0.42},
    "steel": {"color": (0.56, 0.57, 0.58), "metallic": 1.0, "roughness": 0.30},
    "rubber": {"color": (0.045, 0.16, 0.20), "roughness": 0.75},
    "frame": {"color": (0.07, 0.075, 0.08), "metallic": 0.9, "roughness": 0.45},
    "tyre": {"color": (0.03, 0.03, 0.032), "roughness": 0.62, "textures": {"normal": "tread_normal"}},
    "cube": {"roughness": 0.40, "clearcoat": 0.3, "textures": {"diffuseColor": "cube"}},
    "table": {"textures": {"diffuseColor": "wood", "roughness": "wood_roughness"}},
    "floor": {"roughness": 0.55, "textures": {"diffuseColor": "floor", "normal": "floor_normal"}},
}
_VARIED: dict[str, dict[str, Any]] = {
    "sphere": {"roughness": 0.18, "clearcoat": 1.0},
    "mug": {"roughness": 0.28, "clearcoat": 0.6},
    "capsule": {"metallic": 1.0, "roughness": 0.28},
}
"""Materials of which every environment has its own, in its own colour."""


@dataclass(frozen=True, eq=False)
class DemoScene:
    """A demo stage and the script that moves it.

    Attributes:
        stage: The USD stage (Z up, metres).
        num_envs: Number of environments, N.
        env_pattern: Pattern of the environment roots.
        camera_pattern: Pattern of the cameras, one an environment.
        body_paths: Paths of all moving bodies, environment by environment: P = N x 29.
        motion: Where they are at a step.
        origins: (N, 3) origins of the environments [m].
    """

    stage: Usd.Stage
    num_envs: int
    env_pattern: str
    camera_pattern: str
    body_paths: list[str]
    motion: DemoMotion
    origins: np.ndarray

    def pose(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Poses of all bodies in the world at a step, in the order of :attr:`body_paths`.

        Returns:
            (P, 3) float32 positions [m] and (P, 4) float32 quaternions, x y z w.
        """
        frames = self.motion.transforms(step)
        positions = frames[..., :3, 3] + self.origins[:, None]
        quaternions = quaternions_from(frames[..., :3, :3])
        return positions.reshape(-1, 3).astype(np.float32), quaternions.reshape(-1, 4).astype(np.float32)


def build_stage(num_envs: int = 16, seed: int = 0) -> DemoScene:
    """Build the demo stage.

    An environment holds about 56,000 triangles in some 60 prims, 24 moving links and 5 moving objects, a table and a
    camera; lights, floor and most materials are shared. Equal arguments give equal stages.

    Args:
        num_envs: Number of environments, at least 1.
        seed: Seed of places, colours and phases.

    Raises:
        ConfigError: ``num_envs`` is less than 1.
    """
    if num_envs < 1:
        raise ConfigError(f"num_envs is {num_envs}; it must be at least 1")
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
    UsdGeom.Xform.Define(stage, _ENVS)
    UsdGeom.Scope.Define(stage, _LOOKS)
    textures = {name: str(path) for name, path in texture_paths().items()}
    for name, look in _MATERIALS.items():
        _material(stage, f"{_LOOKS}/{name}", look, textures)
    columns = int(np.ceil(np.sqrt(num_envs)))
    rows = -(-num_envs // columns)
    env = np.arange(num_envs)
    origins = np.stack([env // columns - (rows - 1) / 2, env % columns - (columns - 1) / 2, env * 0.0], -1) * SPACING
    _surroundings(stage, textures["sky"], SPACING * max(rows, columns) / 2 + 25.0)

    _environment(stage, f"{_ENVS}/env_0")
    motion = DemoMotion(num_envs, seed)
    bodies = [*(f"Robot/{link.name}" for link in robot.LINKS), *(f"Objects/{thing.name}" for thing in OBJECTS)]
    scene = DemoScene(
        stage=stage,
        num_envs=num_envs,
        env_pattern=f"{_ENVS}/env_.*",
        camera_pattern=f"{_ENVS}/env_.*/Camera",
        body_paths=[f"{_ENVS}/env_{i}/{body}" for i in range(num_envs) for body in bodies],
        motion=motion,
        origins=origins,
    )
    _clone(stage, num_envs)
    _author_poses(scene, np.random.default_rng(seed + 1))
    return scene


def _clone(stage: Usd.Stage, num_envs: int) -> None:
    layer = stage.GetRootLayer()
    with Sdf.ChangeBlock():
        for i in range(1, num_envs):
            Sdf.CopySpec(layer, f"{_ENVS}/env_0", layer, f"{_ENVS}/env_{i}")


def _author_poses(scene: DemoScene, rng: np.random.Generator) -> None:
    """Write what differs between environments: their origins, the first pose of the bodies, the colours."""
    layer = scene.stage.GetRootLayer()
    frames = scene.motion.transforms(0)
    quaternions = quaternions_from(frames[..., :3, :3])
    bodies = len(scene.body_paths) // scene.num_envs
    with Sdf.ChangeBlock():
        for i in range(scene.num_envs):
            root = f"{_ENVS}/env_{i}"
            layer.GetAttributeAtPath(f"{root}.xformOp:translate").default = Gf.Vec3d(*scene.origins[i])
            for b in range(bodies):
                path = scene.body_paths[i * bodies + b]
                x, y, z, w = quaternions[i, b]
                layer.GetAttributeAtPath(f"{path}.xformOp:translate").default = Gf.Vec3d(*frames[i, b, :3, 3])
                layer.GetAttributeAtPath(f"{path}.xformOp:orient").default = Gf.Quatd(w, x, y, z)
            for name in _VARIED:
                shader = f"{root}/Looks/{name}/Shader"
                layer.GetAttributeAtPath(f"{shader}.inputs:diffuseColor").default = Gf.Vec3f(*_random_color(rng))


def _random_color(rng: np.random.Generator) -> np.ndarray:
    """A strong linear colour of any hue."""
    hue, deep = rng.uniform(0.0, 6.0), rng.uniform(0.02, 0.12)
    k = (np.array([5.0, 3.0, 1.0]) + hue) % 6.0
    return rng.uniform(0.55, 0.8) * (1.0 - (1.0 - deep) * np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0))


# --- Prims -----------------------------------------------------------------------------------------------------------


def _surroundings(stage: Usd.Stage, sky: str, half: float) -> None:
    """Floor and lights, shared by all environments."""
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]], np.float32)
    ground = Shape(
        corners,
        np.broadcast_to(np.array([0, 0, 1], np.float32), (4, 3)),
        corners[:, :2] / 0.8,
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    )
    _mesh(stage, "/World/Ground", ground, f"{_LOOKS}/floor")
    _label(stage.GetPrimAtPath("/World/Ground"), "ground")
    dome = UsdLux.DomeLight.Define(stage, "/World/Lights/Dome")
    dome.CreateTextureFileAttr(Sdf.AssetPath(sky))
    dome.CreateTextureFormatAttr(UsdLux.Tokens.latlong)
    dome.CreateIntensityAttr(600.0)
    UsdGeom.Xformable(dome).AddRotateXOp().Set(90.0)  # latitude-longitude pictures have +Y up
    key = UsdLux.DistantLight.Define(stage, "/World/Lights/Key")
    key.CreateIntensityAttr(2600.0)
    key.CreateAngleAttr(2.0)
    key.CreateColorAttr(Gf.Vec3f(1.0, 0.95, 0.88))
    UsdGeom.Xformable(key).AddRotateXYZOp().Set(Gf.Vec3f(32.0, 24.0, 20.0))


def _environment(stage: Usd.Stage, root: str) -> None:
    UsdGeom.XformCommonAPI(UsdGeom.Xform.Define(stage, root)).SetTranslate(Gf.Vec3d(0.0))
    UsdGeom.Scope.Define(stage, f"{root}/Looks")
    for name, look in _VARIED.items():
        _material(stage, f"{root}/Looks/{name}", look, {})
    _table(stage, f"{root}/Table")
    robot_prim = UsdGeom.Xform.Define(stage, f"{root}/Robot").GetPrim()
    _label(robot_prim, "robot")
    for name in ("base", *(link.name for link in robot.LINKS)):
        body = _body(stage, f"{root}/Robot/{name}")
        if name == "base":
            body.GetAttribute("xformOp:translate").Set(Gf.Vec3d(*ROBOT_ORIGIN))
        for part in robot.link_parts(name):
            _mesh(stage, f"{root}/Robot/{name}/{part.name}", part.shape, f"{_LOOKS}/{part.material}")
    UsdGeom.Xform.Define(stage, f"{root}/Objects")
    for thing in OBJECTS:
        _label(_body(stage, f"{root}/Objects/{thing.name}"), thing.name)
    _objects(stage, f"{root}/Objects", f"{root}/Looks")
    _camera(stage, f"{root}/Camera")


def _body(stage: Usd.Stage, path: str) -> Usd.Prim:
    """A rigid body: translate and orient, as simulators write them."""
    xform = UsdGeom.Xform.Define(stage, path)
    xform.AddTranslateOp().Set(Gf.Vec3d(0.0))
    xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Quatd(1.0))
    return xform.GetPrim()


def _label(prim: Usd.Prim, name: str) -> None:
    """Give a prim its semantic class. Written by name, as older USD releases have no schema class for it."""
    prim.AddAppliedSchema("SemanticsLabelsAPI:class")
    prim.CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.TokenArray).Set([name])


def _mesh(stage: Usd.Stage, path: str, shape: Shape, material: str) -> UsdGeom.Mesh:
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(shape.points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(shape.triangles), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(shape.triangles.ravel()))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(shape.normals)))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([shape.points.min(0), shape.points.max(0)])))
    st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex)
    st.Set(Vt.Vec2fArray.FromNumpy(shape.uvs))
    _bind(mesh.GetPrim(), material)
    return mesh


def _bind(prim: Usd.Prim, material: str) -> None:
    UsdShade.MaterialBindingAPI.Apply(prim).Bind(UsdShade.Material(prim.GetStage().GetPrimAtPath(material)))


def _table(stage: Usd.Stage, path: str) -> None:
    half = (0.60, 0.44, 0.02)
    _label(UsdGeom.Xform.Define(stage, path).GetPrim(), "table")
    top = rounded_box(half, 0.006, 3).moved((-0.02, 0.0, TABLE_HEIGHT - half[2]))
    _mesh(stage, f"{path}/top", top, f"{_LOOKS}/table")
    for i, (sx, sy) in enumerate(((-1, -1), (1, -1), (1, 1), (-1, 1))):
        leg = UsdGeom.Cube.Define(stage, f"{path}/leg_{i}")
        height = TABLE_HEIGHT - 2 * half[2]
        leg.CreateSizeAttr(1.0)
        leg.CreateExtentAttr([Gf.Vec3f(-0.5), Gf.Vec3f(0.5)])
        leg.AddTranslateOp().Set(Gf.Vec3d(-0.02 + sx * (half[0] - 0.05), sy * (half[1] - 0.05), height / 2))
        leg.AddScaleOp().Set(Gf.Vec3f(0.05, 0.05, height))
        _bind(leg.GetPrim(), f"{_LOOKS}/frame")


def _objects(stage: Usd.Stage, objects: str, looks: str) -> None:
    _mesh(stage, f"{objects}/cube/mesh", rounded_box((0.036,) * 3, 0.005, 3), f"{_LOOKS}/cube")
    _mesh(stage, f"{objects}/mug/mesh", _mug(), f"{looks}/mug")
    _mesh(stage, f"{objects}/ring/mesh", torus(0.044, 0.018, 64, 20, 12.0), f"{_LOOKS}/tyre")
    hub = lathe(
        [(0.0, -0.007), (0.028, -0.007), (0.029, -0.003), (0.029, 0.003), (0.024, 0.005), (0.012, 0.002), (0.0, 0.004)],
        40,
    )
    _mesh(stage, f"{objects}/ring/hub", hub, f"{_LOOKS}/steel")
    sphere = UsdGeom.Sphere.Define(stage, f"{objects}/sphere/ball")
    sphere.CreateRadiusAttr(0.042)
    sphere.CreateExtentAttr([Gf.Vec3f(-0.042), Gf.Vec3f(0.042)])
    _bind(sphere.GetPrim(), f"{looks}/sphere")
    capsule = UsdGeom.Capsule.Define(stage, f"{objects}/capsule/body")
    capsule.CreateRadiusAttr(0.028)
    capsule.CreateHeightAttr(0.094)
    capsule.CreateAxisAttr(UsdGeom.Tokens.z)
    capsule.CreateExtentAttr([Gf.Vec3f(-0.028, -0.028, -0.075), Gf.Vec3f(0.028, 0.028, 0.075)])
    _bind(capsule.GetPrim(), f"{looks}/capsule")


def _mug() -> Shape:
    outside = [
        (0.0, 0.003),
        (0.026, 0.003),
        (0.028, 0.0),
        (0.033, 0.001),
        (0.036, 0.005),
        (0.038, 0.014),
        (0.038, 0.088),
    ]
    rim = [(0.0374, 0.0905), (0.0362, 0.092), (0.0350, 0.0905), (0.0344, 0.088)]
    inside = [(0.0344, 0.016), (0.031, 0.009), (0.024, 0.0065), (0.0, 0.006)]

    def handle(p: np.ndarray) -> np.ndarray:
        ring = np.hypot(np.hypot(p[..., 0] - 0.039, (p[..., 2] - 0.047) * 0.9) - 0.024, p[..., 1] * 0.8) - 0.0050
        return smooth_intersection(0.001, ring, 0.0365 - p[..., 0])

    grip = shell(handle, (0.036, -0.008, 0.014), (0.070, 0.008, 0.080), 0.0033)
    return merge([lathe(outside + rim + inside, 56), grip])


def _camera(stage: Usd.Stage, path: str) -> None:
    camera = UsdGeom.Camera.Define(stage, path)
    view = Gf.Matrix4d().SetLookAt(Gf.Vec3d(*_CAMERA_EYE), Gf.Vec3d(*_CAMERA_TARGET), Gf.Vec3d(0, 0, 1))
    pose = view.GetInverse()
    camera.AddTranslateOp().Set(pose.ExtractTranslation())
    camera.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(pose.ExtractRotationQuat())
    camera.CreateHorizontalApertureAttr(20.955)
    camera.CreateVerticalApertureAttr(20.955)
    camera.CreateFocalLengthAttr(25.5)
    camera.CreateClippingRangeAttr(Gf.Vec2f(0.05, 100.0))


def _material(stage: Usd.Stage, path: str, look: dict[str, Any], textures: dict[str, str]) -> None:
    """A UsdPreviewSurface network; ``look["textures"]`` maps inputs to names of pictures."""
    material = UsdShade.Material.Define(stage, path)
    surface = UsdShade.Shader.Define(stage, f"{path}/Shader")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*look.get("color", (0.18,) * 3)))
    for name, default in (("metallic", 0.0), ("roughness", 0.5), ("clearcoat", 0.0)):
        surface.CreateInput(name, Sdf.ValueTypeNames.Float).Set(float(look.get(name, default)))
    surface.CreateInput("clearcoatRoughness", Sdf.ValueTypeNames.Float).Set(0.06)
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    if not look.get("textures"):
        return
    reader = UsdShade.Shader.Define(stage, f"{path}/Coordinates")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    for name, picture in look["textures"].items():
        texture = UsdShade.Shader.Define(stage, f"{path}/Texture_{name}")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(textures[picture]))
        texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
        for wrap in ("wrapS", "wrapT"):
            texture.CreateInput(wrap, Sdf.ValueTypeNames.Token).Set("repeat")
        color = name == "diffuseColor"
        texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB" if color else "raw")
        if name == "normal":
            texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2.0, 2.0, 2.0, 1.0))
            texture.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1.0, -1.0, -1.0, 0.0))
        kind = {"diffuseColor": Sdf.ValueTypeNames.Color3f, "normal": Sdf.ValueTypeNames.Normal3f}
        target = surface.CreateInput(name, kind.get(name, Sdf.ValueTypeNames.Float))
        target.ConnectToSource(texture.ConnectableAPI(), "r" if name == "roughness" else "rgb")
