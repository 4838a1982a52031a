"""Stages that verify_ovrtx.py draws: each shows one thing that can go wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, Vt

ENVS = "/World/envs"
CAMERAS = f"{ENVS}/env_.*/Camera"
_CAMERAS_OF_ENV = 10


def build_tiles(count: int) -> tuple[Usd.Stage, str]:
    """Environments with several cameras, each of which is at a distance of its own from its target.

    Returns:
        The stage, and the pattern of at least ``count`` cameras (the last environment has as many as the others).
    """
    cameras = _CAMERAS_OF_ENV if count > 2 * _CAMERAS_OF_ENV else 1
    envs = -(-count // cameras)
    stage = _stage()
    _target(stage, f"{ENVS}/env_0/Target", 0.8)
    for i in range(cameras):
        camera = _camera(stage, f"{ENVS}/env_0/Camera{i}")
        camera.AddTranslateOp().Set(Gf.Vec3d(0.0, -3.0 - 0.4 * i, 0.0))
        camera.AddRotateXYZOp().Set(Gf.Vec3f(90.0, 0.0, 0.0))
    _clone(stage, envs)
    for env in range(envs):
        target = UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_{env}/Target"))
        target.GetOrderedXformOps()[0].Set(Gf.Vec3d(0.0, 0.27 * (env % 7), 0.0))
    return stage, f"{ENVS}/env_.*/Camera.*"


def overlap(envs: int) -> Usd.Stage:
    """Environments that all stand at the origin; the balls are of different sizes and at different places."""
    return balls(envs, spacing=0.0)


def balls(envs: int, spacing: float = 12.0, unit: float = 1.0, up: str = "Z") -> Usd.Stage:
    """Environments with a ball each, at another place in front of the camera.

    Args:
        envs: Number of environments.
        spacing: Distance of environments [m].
        unit: Metres in a unit of the stage; sizes in metres are the same.
        up: Up axis, ``"Z"`` or ``"Y"``; what cameras see is the same.
    """
    stage = _stage(unit, up)
    _target(stage, f"{ENVS}/env_0/Target", 0.5 / unit)
    camera = _camera(stage, f"{ENVS}/env_0/Camera", unit)
    camera.AddTranslateOp().Set(point((0.0, -2.0, 0.0), unit, up))
    camera.AddRotateXYZOp().Set(Gf.Vec3f(90.0 if up == "Z" else 0.0, 0.0, 0.0))
    _clone(stage, envs, spacing, unit, up)
    for env in range(envs):
        target = UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_{env}/Target"))
        target.GetOrderedXformOps()[0].Set(point((0.25 * (env % 3 - 1), 0.0, 0.2 * (env % 4 - 1.5)), unit, up))
    return stage


def kinds(envs: int) -> Usd.Stage:
    """Environments of three kinds: with a cone, with a cylinder and with nothing more than the ball."""
    stage = balls(envs)
    for env in range(envs):
        shape = (UsdGeom.Cone, UsdGeom.Cylinder, None)[env % 3]
        if shape is not None:
            extra = shape.Define(stage, f"{ENVS}/env_{env}/Extra")
            extra.CreateHeightAttr(0.9)
            extra.CreateRadiusAttr(0.35)
            extra.AddTranslateOp().Set(Gf.Vec3d(0.4, -0.6, 0.0))
    return stage


def instances(envs: int) -> Usd.Stage:
    """Environments with an instance that holds two others, beside the ball."""
    stage = balls(envs)
    for name in ("Part", "Pair"):
        stage.CreateClassPrim(f"/Prototypes_{name}")
    part = UsdGeom.Cube.Define(stage, "/Prototypes_Part/Shape")
    part.CreateSizeAttr(0.4)
    for side in (-1, 1):
        _instance(stage, f"/Prototypes_Pair/Part_{side + 1}", "/Prototypes_Part", (0.4 * side, 0.0, 0.0))
    for env in range(envs):
        _instance(stage, f"{ENVS}/env_{env}/Pair", "/Prototypes_Pair", (0.0, -0.7, 0.1 * (env % 3)))
    return stage


def _instance(stage: Usd.Stage, path: str, prototype: str, at: tuple[float, float, float]) -> None:
    prim = UsdGeom.Xform.Define(stage, path)
    prim.AddTranslateOp().Set(Gf.Vec3d(*at))
    prim.GetPrim().GetReferences().AddInternalReference(prototype)
    prim.GetPrim().SetInstanceable(True)


def sheets(envs: int) -> tuple[Usd.Stage, list[str], np.ndarray]:
    """Environments with a flat mesh in front of the camera.

    Returns:
        The stage, the meshes, and their points in the world (envs, n, 3).
    """
    stage = balls(envs)
    x, z = (axis.ravel() for axis in np.meshgrid(np.linspace(-0.6, 0.6, 13), np.linspace(-0.6, 0.6, 13)))
    points = np.stack([x, np.full_like(x, -0.8), z], axis=1)
    at = np.arange(169).reshape(13, 13)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], axis=-1).reshape(-1)
    paths, worlds = [], []
    for env in range(envs):
        paths.append(f"{ENVS}/env_{env}/Sheet")
        mesh = UsdGeom.Mesh.Define(stage, paths[-1])
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points.astype(np.float32)))
        mesh.CreateFaceVertexCountsAttr([4] * 144)
        mesh.CreateFaceVertexIndicesAttr(quads.tolist())
        mesh.CreateSubdivisionSchemeAttr("none")
        worlds.append(points + np.array([12.0 * (env % 64), 0.0, 12.0 * (env // 64)]))
    return stage, paths, np.array(worlds, np.float32)


def point(xyz: tuple[float, float, float], unit: float, up: str) -> Gf.Vec3d:
    """Metres with Z up -> units of a stage, with its own axis up."""
    x, y, z = (value / unit for value in xyz)
    return Gf.Vec3d(x, z, -y) if up == "Y" else Gf.Vec3d(x, y, z)


def _stage(unit: float = 1.0, up: str = "Z") -> Usd.Stage:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, unit)
    UsdGeom.SetStageUpAxis(stage, up)
    UsdGeom.Xform.Define(stage, ENVS)
    light = UsdLux.DistantLight.Define(stage, "/World/Sun")
    light.CreateIntensityAttr(3000.0)
    light.AddRotateXYZOp().Set(Gf.Vec3f(50.0 if up == "Z" else -40.0, 20.0, 0.0))
    wall = UsdGeom.Cube.Define(stage, "/World/Wall")
    wall.AddTranslateOp().Set(point((0.0, 60.0, 0.0), unit, up))
    wall.AddScaleOp().Set(Gf.Vec3f(*(abs(value) for value in point((3000.0, 0.1, 3000.0), unit, up))))
    UsdGeom.Xform.Define(stage, f"{ENVS}/env_0").AddTranslateOp()
    return stage


def _target(stage: Usd.Stage, path: str, radius: float) -> None:
    ball = UsdGeom.Sphere.Define(stage, path)
    ball.CreateRadiusAttr(radius)
    ball.AddTranslateOp()
    ball.GetPrim().AddAppliedSchema("SemanticsLabelsAPI:class")
    ball.GetPrim().CreateAttribute("semantics:labels:class", Sdf.ValueTypeNames.TokenArray).Set(["ball"])
    look = f"{path.rpartition('/')[0]}/Looks/ball"
    shader = UsdShade.Shader.Define(stage, f"{look}/Shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.7, 0.3, 0.2))
    material = UsdShade.Material.Define(stage, look)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(ball.GetPrim()).Bind(material)


def _camera(stage: Usd.Stage, path: str, unit: float = 1.0) -> Any:
    camera = UsdGeom.Camera.Define(stage, path)
    camera.CreateFocalLengthAttr(20.0)
    camera.CreateHorizontalApertureAttr(20.0)
    camera.CreateClippingRangeAttr(Gf.Vec2f(0.01 / unit, 1000.0 / unit))
    return camera


def _clone(stage: Usd.Stage, envs: int, spacing: float = 12.0, unit: float = 1.0, up: str = "Z") -> None:
    layer = stage.GetRootLayer()
    with Sdf.ChangeBlock():
        for env in range(1, envs):
            Sdf.CopySpec(layer, f"{ENVS}/env_0", layer, f"{ENVS}/env_{env}")
    for env in range(envs):
        root = UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_{env}"))
        root.GetOrderedXformOps()[0].Set(point((spacing * (env % 64), 0.0, spacing * (env // 64)), unit, up))


def _turn_lens(stage: Usd.Stage) -> None:
    UsdGeom.Camera(stage.GetPrimAtPath(f"{ENVS}/env_1/Camera")).GetFocalLengthAttr().Set(28.0)


def _move(stage: Usd.Stage) -> None:
    target = UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_0/Target"))
    target.GetOrderedXformOps()[0].Set(Gf.Vec3d(0.3, -0.2, 0.3))


def _grow(stage: Usd.Stage) -> None:
    UsdGeom.Sphere(stage.GetPrimAtPath(f"{ENVS}/env_1/Target")).GetRadiusAttr().Set(0.3)


def _paint(stage: Usd.Stage) -> None:
    shader = UsdShade.Shader(stage.GetPrimAtPath(f"{ENVS}/env_2/Looks/ball/Shader"))
    shader.GetInput("diffuseColor").Set(Gf.Vec3f(0.1, 0.2, 0.8))


def _add(stage: Usd.Stage) -> None:
    cube = UsdGeom.Cube.Define(stage, f"{ENVS}/env_1/Cube")
    cube.CreateSizeAttr(0.6)
    cube.CreateDisplayColorAttr([Gf.Vec3f(0.8, 0.7, 0.1)])
    cube.AddTranslateOp().Set(Gf.Vec3d(-0.4, -0.6, 0.2))


def _remove(stage: Usd.Stage) -> None:
    stage.RemovePrim(f"{ENVS}/env_1/Cube")


def _dim(stage: Usd.Stage) -> None:
    UsdLux.DistantLight(stage.GetPrimAtPath("/World/Sun")).GetIntensityAttr().Set(750.0)


EDITS = {
    "lens": _turn_lens,
    "move": _move,
    "size": _grow,
    "colour": _paint,
    "added": _add,
    "removed": _remove,
    "light": _dim,
}
"""Edits of :func:`balls`, one after the other, by a word for each."""
