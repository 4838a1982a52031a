"""What a case of the gallery is, and the sound stage that all of them start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, Vt

__all__ = ["CASES", "PANEL", "Case", "Scene", "T", "case"]

T = Sdf.ValueTypeNames
PANEL = "/World/Panel"


@dataclass(frozen=True)
class Case:
    """One broken stage.

    Attributes:
        code: The finding that it raises.
        build: Builds the stage; the scene knows whether it shall be broken.
        seen: What is seen of it.
        cfg: Fields of the configuration.
        outputs: Outputs that are asked for.
        repairs: Whether the fix gives the picture of the intact stage; None if there is no fix.
        in_memory: The stage has no file.
    """

    code: str
    build: Callable[[Scene], None]
    seen: str
    cfg: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    repairs: bool | None = None
    in_memory: bool = False

    def stage(self, folder: Path, broken: bool = True) -> Usd.Stage:
        """The stage, broken or as it should be, in a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        scene = Scene(folder, broken, self.in_memory)
        self.build(scene)
        if not self.in_memory:
            scene.stage.Save()
        return scene.stage


CASES: dict[str, Case] = {}


def case(code: str, seen: str, **fields: Any) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Register a function as the case of a code."""

    def register(build: Callable[[Scene], None]) -> Callable[[Scene], None]:
        assert code not in CASES, code
        CASES[code] = Case(code, build, seen, **fields)
        return build

    return register


class Scene:
    """A red box and a blue panel before a camera, under a sun and a sky.

    Attributes:
        stage: The stage.
        folder: Where its files are.
        broken: Whether to break it.
    """

    def __init__(self, folder: Path, broken: bool, in_memory: bool) -> None:
        self.folder, self.broken = folder, broken
        self.stage = stage = (
            Usd.Stage.CreateInMemory() if in_memory else Usd.Stage.CreateNew(str(folder / "stage.usda"))
        )
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
        camera = UsdGeom.Camera.Define(stage, "/World/Camera")
        camera.AddTranslateOp().Set(Gf.Vec3d(0.0, 0.0, 4.0))
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.1, 100.0))
        camera.CreateFocalLengthAttr(28.0)
        camera.CreateHorizontalApertureAttr(20.955)
        self.sun = UsdLux.DistantLight.Define(stage, "/World/Sun")
        self.sun.CreateIntensityAttr(2.0)
        self.sun.AddRotateXYZOp().Set(Gf.Vec3f(-35.0, 25.0, 0.0))
        UsdLux.DomeLight.Define(stage, "/World/Sky").CreateIntensityAttr(0.3)
        self.surface("red", (0.7, 0.08, 0.05))
        self.surface("blue", (0.05, 0.2, 0.6))
        self.box = self.mesh("/World/Box", _BOX_POINTS, _BOX_FACES, "red")
        UsdGeom.Xformable(self.box).AddTranslateOp().Set(Gf.Vec3d(-0.75, 0.0, 0.0))
        UsdGeom.Xformable(self.box).AddRotateXYZOp().Set(Gf.Vec3f(25.0, 35.0, 0.0))
        self.panel = self.mesh(PANEL, _PANEL_POINTS, [(0, 1, 2, 3)], "blue", _PANEL_UVS)

    def mesh(
        self,
        path: str,
        points: list[tuple[float, ...]],
        faces: list[tuple[int, ...]],
        material: str = "",
        uvs: list[tuple[float, float]] | None = None,
    ) -> UsdGeom.Mesh:
        """Define a mesh."""
        mesh = UsdGeom.Mesh.Define(self.stage, path)
        mesh.CreatePointsAttr(points)
        mesh.CreateFaceVertexCountsAttr([len(face) for face in faces])
        mesh.CreateFaceVertexIndicesAttr([index for face in faces for index in face])
        mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
        if uvs:
            self.uvs(mesh, "st", uvs)
        if material:
            self.bind(mesh.GetPrim(), material)
        return mesh

    def uvs(self, mesh: UsdGeom.Mesh, name: str, values: list[tuple[float, float]]) -> None:
        """Give a mesh texture coordinates."""
        primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(name, T.TexCoord2fArray, UsdGeom.Tokens.vertex)
        primvar.Set(Vt.Vec2fArray([Gf.Vec2f(*value) for value in values]))

    def bind(self, prim: Usd.Prim, material: str) -> None:
        """Bind a material of ``/World/Looks``."""
        UsdShade.MaterialBindingAPI.Apply(prim).Bind(UsdShade.Material.Get(self.stage, f"/World/Looks/{material}"))

    def surface(self, name: str, color: tuple[float, ...] | None = None, **inputs: Any) -> UsdShade.Shader:
        """A UsdPreviewSurface material of ``/World/Looks``; returns its shader."""
        shader = self.shader(f"{name}/Surface", "UsdPreviewSurface", roughness=0.6, **inputs)
        if color:
            shader.CreateInput("diffuseColor", T.Color3f).Set(Gf.Vec3f(*color))
        material = UsdShade.Material.Define(self.stage, f"/World/Looks/{name}")
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        return shader

    def shader(self, name: str, identifier: str, **inputs: Any) -> UsdShade.Shader:
        """A shader below ``/World/Looks``; inputs are floats, tokens, or pairs of a type and a value."""
        UsdGeom.Scope.Define(self.stage, "/World/Looks")
        UsdShade.Material.Define(self.stage, f"/World/Looks/{name.partition('/')[0]}")
        shader = UsdShade.Shader.Define(self.stage, f"/World/Looks/{name}")
        if identifier:
            shader.CreateIdAttr(identifier)
        for key, value in inputs.items():
            kind = T.Token if isinstance(value, str) else T.Float
            if isinstance(value, tuple):
                kind, value = value
            shader.CreateInput(key, kind).Set(value)
        return shader

    def mdl(self, name: str, module: str, material: str, **inputs: Any) -> UsdShade.Shader:
        """An MDL material of ``/World/Looks``; returns its shader."""
        shader = self.shader(f"{name}/Shader", "", **inputs)
        shader.SetSourceAsset(Sdf.AssetPath(module), "mdl")
        shader.SetSourceAssetSubIdentifier(material, "mdl")
        parent = UsdShade.Material.Get(self.stage, f"/World/Looks/{name}")
        parent.CreateSurfaceOutput("mdl").ConnectToSource(shader.ConnectableAPI(), "out")
        return shader

    def texture(
        self, target: UsdShade.Shader, name: str, file: str, space: str = "sRGB", output: str = "rgb", **inputs: Any
    ) -> UsdShade.Shader:
        """Connect an input of a shader of a material to a texture; returns the texture node."""
        above = target.GetPath().GetParentPath().name
        reader = self.shader(f"{above}/st", "UsdPrimvarReader_float2", varname=(T.String, "st"))
        values = {"sourceColorSpace": space, "wrapS": "repeat", "wrapT": "repeat", **inputs}
        node = self.shader(f"{above}/{name}_map", "UsdUVTexture", file=(T.Asset, Sdf.AssetPath(file)), **values)
        node.CreateInput("st", T.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
        kinds = {"diffuseColor": T.Color3f, "emissiveColor": T.Color3f, "normal": T.Normal3f}
        target.CreateInput(name, kinds.get(name, T.Float)).ConnectToSource(node.ConnectableAPI(), output)
        return node

    def textured(self, file: str = "./checker.png", **inputs: Any) -> UsdShade.Shader:
        """Show a picture on the panel; returns the texture node."""
        node = self.texture(self.surface("picture"), "diffuseColor", file, **inputs)
        self.bind(self.panel.GetPrim(), "picture")
        return node

    def checker(self, name: str = "checker.png", size: int = 8) -> Path:
        """Write a colourful checkerboard."""
        y, x = np.mgrid[0:size, 0:size]
        board = np.where((((x * 4 // size) + (y * 4 // size)) % 2)[..., None] == 0, (230, 180, 40), (30, 60, 140))
        Image.fromarray(board.astype(np.uint8)).save(self.folder / name)
        return self.folder / name

    def slope(self, name: str = "slope.png", size: int = 64) -> Path:
        """Write a picture that goes from black on its left to white on its right."""
        row = np.round(np.linspace(0.0, 255.0, size)).astype(np.uint8)
        Image.fromarray(np.broadcast_to(row, (4, size)).copy()).save(self.folder / name)
        return self.folder / name

    def waves(self, name: str = "waves.png", size: int = 16) -> Path:
        """Write a normal map."""
        x = np.sin(np.arange(size) * 2.0 * np.pi * 2.0 / size) * 0.7
        normal = np.stack(
            [np.broadcast_to(x, (size, size)), np.zeros((size, size)), np.sqrt(1.0 - x**2) + 0 * x[:, None]], -1
        )
        Image.fromarray(np.round((normal * 0.5 + 0.5) * 255.0).astype(np.uint8)).save(self.folder / name)
        return self.folder / name


_BOX_POINTS = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
_BOX_FACES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
_PANEL_POINTS = [(0.1, -0.65, 0.0), (1.4, -0.65, 0.0), (1.4, 0.65, 0.0), (0.1, 0.65, 0.0)]
_PANEL_UVS = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
