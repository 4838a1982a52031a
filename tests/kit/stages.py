"""Stages to draw: small, and with few different features so that few kernels are compiled."""

from __future__ import annotations

from pxr import Gf, Usd, UsdGeom, UsdLux, UsdPhysics


def make_stage(envs: int = 2, *, camera: bool = True) -> Usd.Stage:
    """A red ball (a rigid body) in every environment, seen by a camera half a metre behind; one lamp for all."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdLux.DistantLight.Define(stage, "/World/Lamp").CreateIntensityAttr(3.0)
    for i in range(envs):
        root = UsdGeom.Xform.Define(stage, f"/World/envs/env_{i}")
        root.AddTranslateOp().Set(Gf.Vec3d(2.0 * i, 0.0, 0.0))
        ball = UsdGeom.Sphere.Define(stage, root.GetPath().AppendChild("Ball"))
        ball.CreateRadiusAttr(0.1)
        ball.CreateDisplayColorAttr([Gf.Vec3f(0.8, 0.1, 0.1)])
        ball.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, -0.5))
        UsdPhysics.RigidBodyAPI.Apply(ball.GetPrim())
        if camera:
            lens = UsdGeom.Camera.Define(stage, root.GetPath().AppendChild("Camera"))
            lens.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))
    return stage


def move_ball(stage: Usd.Stage, env: int, x: float) -> None:
    """Move a ball sideways [m]."""
    prim = stage.GetPrimAtPath(f"/World/envs/env_{env}/Ball")
    UsdGeom.XformCommonAPI(prim).SetTranslate(Gf.Vec3d(x, 0.0, -0.5))
