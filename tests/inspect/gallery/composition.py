"""Broken stages in which composition leaves something out, or brings it in at another scale."""

from __future__ import annotations

from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from .case import PANEL, Scene, T, case


def asset(scene: Scene, size: float = 0.5, meters_per_unit: float = 1.0) -> Usd.Stage:
    """A golden cube in a file of its own."""
    stage = Usd.Stage.CreateNew(str(scene.folder / "robot.usda"))
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Robot").GetPrim())
    UsdGeom.SetStageMetersPerUnit(stage, meters_per_unit)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    shader = UsdShade.Shader.Define(stage, "/Robot/Looks/gold/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", T.Color3f).Set(Gf.Vec3f(0.8, 0.5, 0.05))
    look = UsdShade.Material.Define(stage, "/Robot/Looks/gold")
    look.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    body = UsdGeom.Cube.Define(stage, "/Robot/Body")
    body.CreateSizeAttr(size)
    UsdShade.MaterialBindingAPI.Apply(body.GetPrim()).Bind(look)
    stage.Save()
    return stage


def robot(scene: Scene) -> UsdGeom.Xform:
    """Where the golden cube stands."""
    xform = UsdGeom.Xform.Define(scene.stage, "/World/Robot")
    xform.AddTranslateOp().Set(Gf.Vec3d(0.1, 0.9, 0.0))
    return xform


@case("composition-error", "What the file would have brought is missing.")
def _(scene: Scene) -> None:
    asset(scene)
    robot(scene).GetPrim().GetReferences().AddReference("./robot_v2.usda" if scene.broken else "./robot.usda")


@case("payload-unloaded", "What the payload would have brought is missing.")
def _(scene: Scene) -> None:
    asset(scene)
    prim = robot(scene).GetPrim()
    prim.GetPayloads().AddPayload("./robot.usda")
    if scene.broken:
        prim.Unload()


@case(
    "units-mismatch",
    "The part is a hundred times too large, or too small; or it lies down.",
    repairs=True,
)
def _(scene: Scene) -> None:
    asset(scene, 50.0 if scene.broken else 0.5, 0.01 if scene.broken else 1.0)
    robot(scene).GetPrim().GetReferences().AddReference("./robot.usda")


@case("geometry-undefined", "The geometry is missing: nothing defines what it hangs on.")
def _(scene: Scene) -> None:
    ball = UsdGeom.Sphere.Define(scene.stage, robot(scene).GetPath().AppendChild("Ball"))
    ball.CreateRadiusAttr(0.3)
    scene.bind(ball.GetPrim(), "red")
    if scene.broken:
        # The prim has moved since, and only what was said of it is left.
        scene.stage.GetPrimAtPath("/World/Robot").SetSpecifier(Sdf.SpecifierOver)


@case("geometry-untyped", "The panel is missing.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.stage.GetPrimAtPath(PANEL).SetTypeName("RobotMesh")
