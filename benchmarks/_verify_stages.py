"""Stages that verify_ovrtx.py draws: tiles that tell which camera they are of, and environments at one place."""

from __future__ import annotations

from typing import Any

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

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
    stage = _stage()
    _target(stage, f"{ENVS}/env_0/Target", 0.5)
    camera = _camera(stage, f"{ENVS}/env_0/Camera")
    camera.AddTranslateOp().Set(Gf.Vec3d(0.0, -2.0, 0.0))
    camera.AddRotateXYZOp().Set(Gf.Vec3f(90.0, 0.0, 0.0))
    _clone(stage, envs, spacing=0.0)
    for env in range(envs):
        target = UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_{env}/Target"))
        target.GetOrderedXformOps()[0].Set(Gf.Vec3d(0.25 * (env % 3 - 1), 0.0, 0.2 * (env % 4 - 1.5)))
    return stage


def _stage() -> Usd.Stage:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.Xform.Define(stage, ENVS)
    light = UsdLux.DistantLight.Define(stage, "/World/Sun")
    light.CreateIntensityAttr(3000.0)
    light.AddRotateXYZOp().Set(Gf.Vec3f(50.0, 20.0, 0.0))
    wall = UsdGeom.Cube.Define(stage, "/World/Wall")
    wall.AddTranslateOp().Set(Gf.Vec3d(0.0, 60.0, 0.0))
    wall.AddScaleOp().Set(Gf.Vec3d(3000.0, 0.1, 3000.0))
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


def _camera(stage: Usd.Stage, path: str) -> Any:
    camera = UsdGeom.Camera.Define(stage, path)
    camera.CreateFocalLengthAttr(20.0)
    camera.CreateHorizontalApertureAttr(20.0)
    camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 1000.0))
    return camera


def _clone(stage: Usd.Stage, envs: int, spacing: float = 12.0) -> None:
    layer = stage.GetRootLayer()
    with Sdf.ChangeBlock():
        for env in range(1, envs):
            Sdf.CopySpec(layer, f"{ENVS}/env_0", layer, f"{ENVS}/env_{env}")
    for env in range(envs):
        root = UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_{env}"))
        root.GetOrderedXformOps()[0].Set(Gf.Vec3d(spacing * (env % 64), 0.0, spacing * (env // 64)))
