"""Broken lights, exposures and cameras."""

from __future__ import annotations

from pxr import Gf, UsdGeom, UsdLux

from .case import Scene, T, case


@case("no-light", "RTX shows black; here the scene is lit from the camera.", repairs=True, cfg={"exposure": "auto"})
def _(scene: Scene) -> None:
    for path in ("/World/Sun", "/World/Sky"):
        scene.stage.RemovePrim(path)
    if not scene.broken:
        # What the fix adds.
        UsdLux.DomeLight.Define(scene.stage, "/World/Dome").CreateIntensityAttr(500.0)
        sun = UsdLux.DistantLight.Define(scene.stage, "/World/Sun")
        sun.CreateIntensityAttr(2000.0)
        sun.CreateAngleAttr(1.0)
        sun.AddRotateXYZOp().Set(Gf.Vec3f(-50.0, 25.0, 0.0))


@case("light-dark", "The sun is missing.", repairs=True, cfg={"exposure": "auto"})
def _(scene: Scene) -> None:
    scene.sun.GetIntensityAttr().Set(0.0 if scene.broken else 3000.0)


@case("light-level", "Black, with an exposure that is fixed as in RTX.", repairs=True, cfg={"exposure": -10.0})
def _(scene: Scene) -> None:
    stops = -20.0 if scene.broken else -1.0
    for path in ("/World/Sun", "/World/Sky"):
        light = UsdLux.LightAPI(scene.stage.GetPrimAtPath(path))
        light.CreateIntensityAttr(2000.0)
        light.CreateExposureAttr(stops)


@case("exposure-extreme", "RTX shows white.", repairs=True)
def _(scene: Scene) -> None:
    UsdGeom.Camera.Get(scene.stage, "/World/Camera").CreateExposureAttr(40.0 if scene.broken else 0.0)


@case("lens-distortion", "Straight lines are straight, as a pinhole shows them; in RTX they are bent.")
def _(scene: Scene) -> None:
    camera = scene.stage.GetPrimAtPath("/World/Camera")
    camera.AddAppliedSchema("OmniLensDistortionOpenCvPinholeAPI")
    camera.CreateAttribute("omni:lensdistortion:model", T.Token).Set("opencvPinhole")
    coefficient = camera.CreateAttribute("omni:lensdistortion:opencvPinhole:k1", T.Float)
    coefficient.Set(-0.3 if scene.broken else 0.0)


@case("camera-inside-geometry", "The inner side of the box, or past it.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.stage.GetPrimAtPath("/World/Camera").GetAttribute("xformOp:translate").Set(Gf.Vec3d(-0.7, 0.0, 0.1))


@case("camera-clipped", "The background, and nothing else.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        UsdGeom.Camera.Get(scene.stage, "/World/Camera").GetClippingRangeAttr().Set(Gf.Vec2f(10.0, 1000.0))
