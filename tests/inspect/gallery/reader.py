"""Broken stages that the scene reader tells of."""

from __future__ import annotations

import numpy as np
from PIL import Image
from pxr import Gf, Sdf, UsdGeom, UsdLux, UsdShade

from .case import PANEL, Scene, T, case


@case("stage-empty", "The background, and nothing else.")
def _(scene: Scene) -> None:
    if scene.broken:
        for path in ("/World/Box", PANEL):
            scene.stage.RemovePrim(path)


@case("stage-units", "Sizes are taken for centimetres: depths are a hundredth of what they should be.")
def _(scene: Scene) -> None:
    if scene.broken:
        UsdGeom.SetStageMetersPerUnit(scene.stage, 0.0)


@case("geometry-unsupported", "The prim is missing.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.bind(UsdGeom.NurbsPatch.Define(scene.stage, "/World/Patch").GetPrim(), "red")
    else:
        scene.mesh("/World/Patch", [(0.1, 0.7, 0), (1.4, 0.7, 0), (1.2, 1.2, 0), (0.3, 1.2, 0)], [(0, 1, 2, 3)], "red")


@case("geometry-invalid", "The sphere is missing.")
def _(scene: Scene) -> None:
    sphere = UsdGeom.Sphere.Define(scene.stage, "/World/Ball")
    sphere.CreateRadiusAttr(-0.3 if scene.broken else 0.3)
    scene.bind(sphere.GetPrim(), "red")


@case("mesh-invalid", "The face whose vertex does not exist is missing.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.panel.GetFaceVertexIndicesAttr().Set([0, 1, 2, 9])


@case("mesh-empty", "The prim is missing.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.mesh("/World/Nothing", [], [], "red")


@case("instancer-invalid", "The instances without a prototype are missing.")
def _(scene: Scene) -> None:
    instancer = UsdGeom.PointInstancer.Define(scene.stage, "/World/Balls")
    ball = UsdGeom.Sphere.Define(scene.stage, "/World/Balls/Ball")
    ball.CreateRadiusAttr(0.25)
    scene.bind(ball.GetPrim(), "red")
    instancer.CreatePrototypesRel().SetTargets([ball.GetPath()])
    instancer.CreatePositionsAttr([Gf.Vec3f(0.2, 0.95, 0.0), Gf.Vec3f(0.9, 0.95, 0.0)])
    instancer.CreateProtoIndicesAttr([0, 3 if scene.broken else 0])


@case("skinning-ignored", "The mesh stands in its rest pose, whatever its skeleton does.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.stage.DefinePrim("/World/Character", "SkelRoot")


@case("material-missing", "The panel is grey: nothing is bound to it.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        scene.panel.GetPrim().GetRelationship("material:binding").SetTargets(["/World/OldLooks/blue"])


@case("material-unconnected", "Magenta.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        scene.stage.GetPrimAtPath("/World/Looks/blue").RemoveProperty("outputs:surface")


@case("material-unsupported", "Magenta. RTX, which brings this module along, shows its look.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        scene.stage.GetPrimAtPath("/World/Looks/blue").RemoveProperty("outputs:surface")
        scene.mdl("blue", "OmniVolumeDensity.mdl", "OmniVolumeDensity")


@case("mdl-module-guessed", "Colours are read, what only that module does is not.", repairs=True)
def _(scene: Scene) -> None:
    name = "CarPaint" if scene.broken else "OmniPBR"
    if scene.broken:
        (scene.folder / "CarPaint.mdl").write_text("mdl 1.6;\nexport material CarPaint() = material();\n")
    colors = {"diffuse_color_constant": (T.Color3f, Gf.Vec3f(0.1, 0.4, 0.1)), "reflection_roughness_constant": 0.6}
    scene.mdl("paint", f"./{name}.mdl" if scene.broken else "OmniPBR.mdl", name, **colors)
    scene.bind(scene.panel.GetPrim(), "paint")


@case("mdl-project-uvw", "The texture lies as the mesh's own coordinates say, not as it is projected.")
def _(scene: Scene) -> None:
    scene.checker()
    picture = (T.Asset, Sdf.AssetPath("./checker.png"))
    scene.mdl("paint", "OmniPBR.mdl", "OmniPBR", diffuse_texture=picture, project_uvw=(T.Bool, scene.broken))
    scene.bind(scene.panel.GetPrim(), "paint")


@case(
    "shader-connection-broken",
    "The input shows its own value, or a default, instead of what was connected.",
    repairs=True,
)
def _(scene: Scene) -> None:
    if scene.broken:
        shader = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
        shader.GetInput("diffuseColor").GetAttr().SetConnections(["/World/Looks/blue/Texture.outputs:rgb"])


@case("shader-cycle", "A default value in place of the node's.")
def _(scene: Scene) -> None:
    shader = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
    loop = scene.shader("blue/Loop", "ND_add_color3", in1=(T.Color3f, Gf.Vec3f(0.05, 0.2, 0.6)))
    if scene.broken:
        loop.CreateInput("in1", T.Color3f).ConnectToSource(loop.ConnectableAPI(), "out")
    shader.CreateInput("diffuseColor", T.Color3f).ConnectToSource(loop.ConnectableAPI(), "out")


@case("shader-input-type", "The default of the input.")
def _(scene: Scene) -> None:
    if scene.broken:
        prim = scene.stage.GetPrimAtPath("/World/Looks/blue/Surface")
        prim.RemoveProperty("inputs:diffuseColor")
        prim.CreateAttribute("inputs:diffuseColor", T.String).Set("blue")


@case("shader-input-varying", "The input has the mean of the texture everywhere.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.checker()
        surface = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
        scene.texture(surface, "ior", "./checker.png", "raw", "r", scale=(T.Float4, Gf.Vec4f(1.0)))


@case("shader-node-approximated", "One of the two textures is flat.")
def _(scene: Scene) -> None:
    scene.checker()
    surface = scene.surface("picture")
    nodes = []
    for name in ("first", "second"):
        node = scene.shader(f"picture/{name}", "ND_image_color3", file=(T.Asset, Sdf.AssetPath("./checker.png")))
        nodes.append(node)
    product = scene.shader("picture/product", "ND_multiply_color3", in2=(T.Color3f, Gf.Vec3f(0.8)))
    product.CreateInput("in1", T.Color3f).ConnectToSource(nodes[0].ConnectableAPI(), "out")
    if scene.broken:
        product.CreateInput("in2", T.Color3f).ConnectToSource(nodes[1].ConnectableAPI(), "out")
    surface.CreateInput("diffuseColor", T.Color3f).ConnectToSource(product.ConnectableAPI(), "out")
    scene.bind(scene.panel.GetPrim(), "picture")


@case("shader-node-unsupported", "A default colour in place of the node's.")
def _(scene: Scene) -> None:
    if scene.broken:
        noise = scene.shader("blue/Noise", "ND_noise3d_color3")
        surface = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
        surface.GetInput("diffuseColor").ConnectToSource(noise.ConnectableAPI(), "out")


@case("primvar-input-unsupported", "The input is the same everywhere: the panel does not glow on its right.")
def _(scene: Scene) -> None:
    surface = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
    if scene.broken:
        primvar = UsdGeom.PrimvarsAPI(scene.panel).CreatePrimvar("glow", T.Color3fArray, UsdGeom.Tokens.vertex)
        primvar.Set([Gf.Vec3f(0.0), Gf.Vec3f(1.0, 0.6, 0.0), Gf.Vec3f(1.0, 0.6, 0.0), Gf.Vec3f(0.0)])
        reader = scene.shader("blue/glow", "UsdPrimvarReader_float3", varname=(T.String, "glow"))
        surface.CreateInput("emissiveColor", T.Color3f).ConnectToSource(reader.ConnectableAPI(), "result")
    else:
        scene.slope()
        scale = (T.Float4, Gf.Vec4f(1.0, 0.6, 0.0, 1.0))
        scene.texture(surface, "emissiveColor", "./slope.png", "raw", wrapS="clamp", wrapT="clamp", scale=scale)


@case("multiple-uv-sets", "One of the textures lies by the other's coordinates.")
def _(scene: Scene) -> None:
    scene.checker()
    node = scene.textured()
    surface = UsdShade.Shader.Get(scene.stage, node.GetPath().GetParentPath().AppendChild("Surface"))
    scene.uvs(scene.panel, "st2", [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)])
    other = scene.texture(surface, "emissiveColor", "./checker.png", scale=(T.Float4, Gf.Vec4f(0.5)))
    if scene.broken:
        reader = scene.shader("picture/st2", "UsdPrimvarReader_float2", varname=(T.String, "st2"))
    else:
        reader = scene.shader("picture/st2", "UsdTransform2d", scale=(T.Float2, Gf.Vec2f(4.0)))
        own = UsdShade.Shader.Get(scene.stage, "/World/Looks/picture/st")
        reader.CreateInput("in", T.Float2).ConnectToSource(own.ConnectableAPI(), "result")
    other.GetInput("st").ConnectToSource(reader.ConnectableAPI(), "result")


@case("normal-map-no-scale-bias", "The surface is lit from the wrong side, as if tilted.", repairs=True)
def _(scene: Scene) -> None:
    scene.waves()
    surface = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
    right = {"scale": (T.Float4, Gf.Vec4f(2, 2, 2, 1)), "bias": (T.Float4, Gf.Vec4f(-1, -1, -1, 0))}
    scene.texture(surface, "normal", "./waves.png", "raw", **({} if scene.broken else right))


@case("displacement-ignored", "The surface is where its points are.")
def _(scene: Scene) -> None:
    if scene.broken:
        UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface").CreateInput("displacement", T.Float).Set(0.7)
    else:
        UsdGeom.Xformable(scene.panel).AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, 0.7))


@case("display-color-type", "Grey.")
def _(scene: Scene) -> None:
    scene.panel.GetPrim().RemoveProperty("material:binding")
    if scene.broken:
        spec = scene.stage.GetRootLayer().GetPrimAtPath(PANEL)
        Sdf.AttributeSpec(spec, "primvars:displayColor", T.Float2Array).default = [Gf.Vec2f(0.05, 0.2)]
    else:
        scene.panel.CreateDisplayColorAttr([Gf.Vec3f(0.05, 0.2, 0.6)])


@case("display-opacity-unsupported", "The prim is opaque.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.panel.GetPrim().RemoveProperty("material:binding")
        scene.panel.CreateDisplayColorAttr([Gf.Vec3f(0.05, 0.2, 0.6)])
        scene.panel.CreateDisplayOpacityPrimvar(UsdGeom.Tokens.vertex).Set([0.0, 1.0, 1.0, 0.0])
    else:
        scene.slope()
        surface = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
        scene.texture(surface, "opacity", "./slope.png", "raw", "r", wrapS="clamp", wrapT="clamp")


@case("texture-unresolved", "Grey in place of the picture.", repairs=True)
def _(scene: Scene) -> None:
    scene.checker()
    scene.textured("./old/checker.png" if scene.broken else "./checker.png")


@case("texture-unreadable", "Grey in place of the picture.")
def _(scene: Scene) -> None:
    file = scene.checker()
    if scene.broken:
        file.write_bytes(file.read_bytes()[:40])
    scene.textured()


@case("texture-downscaled", "The texture is blurred.", cfg={"texture_max_size": 4})
def _(scene: Scene) -> None:
    scene.checker(size=8 if scene.broken else 4)
    scene.textured()


@case("texture-channel-as-color", "The picture in its colours instead of one channel of it in grey.")
def _(scene: Scene) -> None:
    file = scene.checker()
    surface = scene.surface("picture")
    if not scene.broken:
        red = np.asarray(Image.open(file))[..., :1]
        Image.fromarray(np.repeat(red, 3, axis=2)).save(file)
    scene.texture(surface, "diffuseColor", "./checker.png", "sRGB", "r" if scene.broken else "rgb")
    scene.bind(scene.panel.GetPrim(), "picture")


@case("texture-channel-missing", "Opaque.")
def _(scene: Scene) -> None:
    (scene.folder / "sky.hdr").write_bytes(
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n" + bytes((128, 64, 32, 129))
    )
    surface = scene.surface("picture", (0.05, 0.2, 0.6))
    if scene.broken:
        scene.texture(surface, "opacity", "./sky.hdr", "raw", "a")
    scene.bind(scene.panel.GetPrim(), "picture")


@case("udim-unsupported", "Tile 1001 everywhere.")
def _(scene: Scene) -> None:
    first = np.asarray(Image.open(scene.checker("checker.1001.png")))
    second = first[..., ::-1]
    Image.fromarray(second).save(scene.folder / "checker.1002.png")
    Image.fromarray(np.concatenate([first, second], axis=1)).save(scene.folder / "both.png")
    across = 2.0 if scene.broken else 1.0
    scene.uvs(scene.panel, "st", [(0.0, 0.0), (across, 0.0), (across, 1.0), (0.0, 1.0)])
    scene.textured("./checker.<UDIM>.png" if scene.broken else "./both.png")


@case("light-unsupported", "Its light is missing.")
def _(scene: Scene) -> None:
    light = (UsdLux.PluginLight if scene.broken else UsdLux.SphereLight).Define(scene.stage, "/World/Lamp")
    UsdGeom.Xformable(light).AddTranslateOp().Set(Gf.Vec3d(0.3, 0.6, 1.5))
    if not scene.broken:
        light.CreateIntensityAttr(8.0)


@case("light-linking-ignored", "The sun falls on everything, though it is linked to nothing.")
def _(scene: Scene) -> None:
    if scene.broken:
        UsdLux.LightAPI(scene.sun).GetLightLinkCollectionAPI().CreateIncludeRootAttr(False)
    else:
        scene.stage.RemovePrim("/World/Sun")


@case("light-filters-ignored", "The light is not filtered.")
def _(scene: Scene) -> None:
    if scene.broken:
        filter_prim = UsdLux.LightFilter.Define(scene.stage, "/World/Filter")
        scene.sun.CreateFiltersRel().SetTargets([filter_prim.GetPath()])


@case("ies-ignored", "The lamp shines alike in all directions, and not in a beam.")
def _(scene: Scene) -> None:
    lamp = UsdLux.SphereLight.Define(scene.stage, "/World/Lamp")
    lamp.CreateIntensityAttr(8.0)
    lamp.AddTranslateOp().Set(Gf.Vec3d(0.75, 0.0, 1.5))
    shaping = UsdLux.ShapingAPI.Apply(lamp.GetPrim())
    if scene.broken:
        shaping.CreateShapingIesFileAttr(Sdf.AssetPath("./lamp.ies"))
    else:
        shaping.CreateShapingConeAngleAttr(18.0)


@case("dome-texture-format", "The sky is distorted.")
def _(scene: Scene) -> None:
    scene.checker("sky.png", 16)
    sky = UsdLux.DomeLight.Get(scene.stage, "/World/Sky")
    sky.CreateTextureFileAttr(Sdf.AssetPath("./sky.png"))
    sky.CreateTextureFormatAttr("mirroredBall" if scene.broken else "latlong")


@case("semantics-type", "The label is missing in segmentation.", outputs=("semantic_segmentation",))
def _(scene: Scene) -> None:
    kind, value = (T.FloatArray, [1.0]) if scene.broken else (T.TokenArray, ["panel"])
    scene.panel.GetPrim().CreateAttribute("semantics:labels:class", kind).Set(value)
    scene.box.GetPrim().CreateAttribute("semantics:labels:class", T.TokenArray).Set(["box"])
