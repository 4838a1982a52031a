"""Broken bindings, materials and textures that the inspector tells of."""

from __future__ import annotations

from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from .case import PANEL, Scene, T, case


@case("binding-out-of-scope", "The sign is grey: its binding was dropped.", repairs=True)
def _(scene: Scene) -> None:
    material = "/Looks/sign" if scene.broken else "/Sign/Looks/sign"
    asset = Usd.Stage.CreateNew(str(scene.folder / "sign.usda"))
    asset.SetDefaultPrim(UsdGeom.Xform.Define(asset, "/Sign").GetPrim())
    shader = UsdShade.Shader.Define(asset, f"{material}/Surface")
    UsdShade.Material.Define(asset, material).CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", T.Color3f).Set(Gf.Vec3f(0.8, 0.5, 0.05))
    board = UsdGeom.Cube.Define(asset, "/Sign/Board")
    board.CreateSizeAttr(0.5)
    UsdShade.MaterialBindingAPI.Apply(board.GetPrim()).GetDirectBindingRel().SetTargets([material])
    asset.Save()
    sign = UsdGeom.Xform.Define(scene.stage, "/World/Sign")
    sign.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.9, 0.0))
    sign.GetPrim().GetReferences().AddReference("./sign.usda")


@case("binding-leaves-default-prim", "Nothing, as long as the file is opened itself. In a reference: grey.")
def _(scene: Scene) -> None:
    if scene.broken:
        Sdf.CopySpec(scene.stage.GetRootLayer(), "/World/Looks/blue", scene.stage.GetRootLayer(), "/blue")
        scene.panel.GetPrim().GetRelationship("material:binding").SetTargets(["/blue"])


@case("binding-preview-only", "Nothing here. RTX shows grey.")
def _(scene: Scene) -> None:
    if scene.broken:
        panel = scene.panel.GetPrim()
        panel.RemoveProperty("material:binding")
        panel.CreateRelationship("material:binding:preview").SetTargets(["/World/Looks/blue"])


@case("subset-not-bound", "The half of the panel that should be red is blue.", repairs=True)
def _(scene: Scene) -> None:
    scene.panel.GetFaceVertexCountsAttr().Set([3, 3])
    scene.panel.GetFaceVertexIndicesAttr().Set([0, 1, 2, 0, 2, 3])
    subset = UsdGeom.Subset.Define(scene.stage, f"{PANEL}/half")
    subset.CreateElementTypeAttr("face")
    subset.CreateIndicesAttr([1])
    if not scene.broken:
        subset.CreateFamilyNameAttr("materialBind")
    scene.bind(subset.GetPrim(), "red")


@case("binding-api-missing", "Nothing here. Strict renderers show grey.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        scene.panel.GetPrim().RemoveAPI(UsdShade.MaterialBindingAPI)


@case("material-unbound", "Grey.")
def _(scene: Scene) -> None:
    if scene.broken:
        scene.panel.GetPrim().RemoveProperty("material:binding")


@case("material-context", "Magenta.", repairs=True)
def _(scene: Scene) -> None:
    material = scene.stage.GetPrimAtPath("/World/Looks/blue")
    if scene.broken:
        material.RemoveProperty("outputs:surface")
        material.GetChild("Surface").GetAttribute("info:id").Set("PxrSurface")
        output = UsdShade.Material(material).CreateSurfaceOutput("ri")
        output.ConnectToSource(UsdShade.Shader(material.GetChild("Surface")).ConnectableAPI(), "surface")


@case("material-invisible", "The panel is missing.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface").CreateInput("opacity", T.Float).Set(0.0)


@case("shader-unknown-to-rtx", "RTX shows its error material; here the universal surface is drawn.", repairs=True)
def _(scene: Scene) -> None:
    if scene.broken:
        other = scene.shader("blue/Studio", "StudioSurface")
        material = UsdShade.Material.Get(scene.stage, "/World/Looks/blue")
        material.CreateSurfaceOutput("mdl").ConnectToSource(other.ConnectableAPI(), "out")


@case("input-ignored", "Nothing of the sheen that RTX draws.")
def _(scene: Scene) -> None:
    surface = scene.shader("cloth/Surface", "ND_standard_surface_surfaceshader", sheen=0.8 if scene.broken else 0.0)
    surface.CreateInput("base_color", T.Color3f).Set(Gf.Vec3f(0.05, 0.2, 0.6))
    material = UsdShade.Material.Get(scene.stage, "/World/Looks/cloth")
    material.CreateSurfaceOutput("mtlx").ConnectToSource(surface.ConnectableAPI(), "out")
    scene.bind(scene.panel.GetPrim(), "cloth")


@case("surface-differs", "Blue here, and red in RTX.")
def _(scene: Scene) -> None:
    color = Gf.Vec3f(0.7, 0.08, 0.05) if scene.broken else Gf.Vec3f(0.05, 0.2, 0.6)
    scene.mdl("blue", "OmniPBR.mdl", "OmniPBR", diffuse_color_constant=(T.Color3f, color))


@case("mdl-module-missing", "RTX shows its error material; here the inputs are read by their names.", repairs=True)
def _(scene: Scene) -> None:
    color = (T.Color3f, Gf.Vec3f(0.1, 0.4, 0.1))
    module = "./old/OmniPBR.mdl" if scene.broken else "OmniPBR.mdl"
    scene.mdl("paint", module, "OmniPBR", diffuse_color_constant=color, reflection_roughness_constant=0.6)
    scene.bind(scene.panel.GetPrim(), "paint")


@case("asset-path-unanchored", "Grey in place of the picture.", in_memory=True, repairs=True)
def _(scene: Scene) -> None:
    file = scene.checker()
    # A layer on disk beside the picture, as of an asset that the stage uses.
    beside = Sdf.Layer.CreateNew(str(scene.folder / "beside.usda"))
    beside.Save()
    scene.stage.GetRootLayer().subLayerPaths.append(beside.identifier)
    scene.textured("./checker.png" if scene.broken else str(file))


@case("texture-color-space", "The ripples are lit as if they leaned to one side.", repairs=True)
def _(scene: Scene) -> None:
    scene.waves()
    surface = UsdShade.Shader.Get(scene.stage, "/World/Looks/blue/Surface")
    right = {"scale": (T.Float4, Gf.Vec4f(2, 2, 2, 1)), "bias": (T.Float4, Gf.Vec4f(-1, -1, -1, 0))}
    scene.texture(surface, "normal", "./waves.png", "sRGB" if scene.broken else "raw", **right)


@case("uv-set-missing", "The mean colour of the picture.", repairs=True)
def _(scene: Scene) -> None:
    scene.checker()
    scene.textured()
    if scene.broken:
        scene.panel.GetPrim().RemoveProperty("primvars:st")


@case("uv-set-name", "Nothing here. RTX shows one texel all over.", repairs=True)
def _(scene: Scene) -> None:
    scene.checker()
    scene.textured()
    if scene.broken:
        values = scene.panel.GetPrim().GetAttribute("primvars:st").Get()
        scene.panel.GetPrim().RemoveProperty("primvars:st")
        scene.uvs(scene.panel, "UVMap", [tuple(value) for value in values])


@case("semantics-missing", "Every pixel of the segmentation is UNLABELLED.", outputs=("semantic_segmentation",))
def _(scene: Scene) -> None:
    if not scene.broken:
        for path in ("/World/Box", PANEL):
            scene.stage.GetPrimAtPath(path).CreateAttribute("semantics:labels:class", T.TokenArray).Set(["thing"])
