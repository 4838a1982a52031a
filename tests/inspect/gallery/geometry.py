"""Broken geometry, visibility and instancing."""

from __future__ import annotations

from pxr import Gf, Sdf, UsdGeom

from .case import PANEL, Scene, T, case


@case("normals-inverted", "The box is hollow: its far sides are seen through it.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        scene.box.CreateOrientationAttr(UsdGeom.Tokens.leftHanded)


@case("normals-opposed", "Nothing here. Elsewhere the panel may be black, though it faces the light.", repairs=True)
def _(scene: Scene) -> None:
    z = -1.0 if scene.broken else 1.0
    scene.panel.CreateNormalsAttr([Gf.Vec3f(0.0, 0.0, z)] * 4)
    scene.panel.SetNormalsInterpolation(UsdGeom.Tokens.vertex)


@case("mesh-non-manifold", "The fin is missing: it is seen from behind.", repairs=True)
def _(scene: Scene) -> None:
    fin = [(0.1, 0.7, 0.0), (1.4, 0.7, 0.0), (1.4, 1.2, 0.3), (0.1, 1.2, 0.3), (1.4, 1.2, -0.3), (0.1, 1.2, -0.3)]
    mesh = scene.mesh("/World/Fin", [*fin, (0.75, 1.3, 0.0)], [(0, 3, 2, 1), (0, 5, 4, 1), (0, 6, 1)], "red")
    if not scene.broken:
        mesh.CreateDoubleSidedAttr(True)


@case("transform-degenerate", "The panel is missing.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.panel.AddScaleOp().Set(Gf.Vec3f(0.0, 0.0, 0.0))


@case("xform-op-order", "The panel is where it would be without that operation.", repairs=True)
def _(scene: Scene) -> None:
    UsdGeom.Xformable(scene.panel).AddTranslateOp().Set(Gf.Vec3d(0.0, 0.45, 0.0))
    if scene.broken:
        scene.panel.GetXformOpOrderAttr().Clear()


@case(
    "animation-frozen", "The panel stands still where it is at the first time; here it should have risen by the last."
)
def _(scene: Scene) -> None:
    lift = UsdGeom.Xformable(scene.panel).AddTranslateOp()
    lift.Set(Gf.Vec3d(0.0, 0.5, 0.0))
    if scene.broken:
        for time, height in ((1.0, 0.0), (24.0, 0.5)):
            lift.Set(Gf.Vec3d(0.0, height, 0.0), time)


@case("everything-hidden", "The background, and nothing else.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        UsdGeom.Imageable(scene.box).MakeInvisible()
        UsdGeom.Imageable(scene.panel).CreatePurposeAttr(UsdGeom.Tokens.guide)


@case(
    "clone-loses-instances",
    "Nothing here. Where OVRTX (up to 0.5.0) clones the stage as it is, only the first environment has its robot.",
    repairs=True,
)
def _(scene: Scene) -> None:
    _environments(scene)
    scene.stage.GetPrimAtPath("/World/envs/env_0/Robot").SetInstanceable(scene.broken)
    scene.stage.GetPrimAtPath("/World/envs/env_1/Robot").SetInstanceable(scene.broken)


@case("partition-mismatch", "Nothing here. In RTX the robot is seen by the wrong cameras.", repairs=True)
def _(scene: Scene) -> None:
    _environments(scene)
    if scene.broken:
        prim = scene.stage.GetPrimAtPath("/World/envs/env_1/Robot")
        prim.CreateAttribute("primvars:omni:scenePartition", T.Token).Set("env_0")


def _environments(scene: Scene) -> None:
    """Two environments, each with a referenced robot; the box and the panel are shared."""
    layer = scene.stage.GetRootLayer()
    UsdGeom.Xform.Define(scene.stage, "/World/Prototype")
    body = UsdGeom.Cube.Define(scene.stage, "/World/Prototype/Body")
    body.CreateSizeAttr(0.4)
    body.AddTranslateOp().Set(Gf.Vec3d(0.0, 1.0, 0.0))
    scene.bind(body.GetPrim(), "red")
    layer.GetPrimAtPath("/World/Prototype").specifier = Sdf.SpecifierClass
    for env in range(2):
        UsdGeom.Xform.Define(scene.stage, f"/World/envs/env_{env}")
        robot = UsdGeom.Xform.Define(scene.stage, f"/World/envs/env_{env}/Robot").GetPrim()
        robot.GetInherits().AddInherit("/World/Prototype")
    assert scene.stage.GetPrimAtPath(PANEL)
