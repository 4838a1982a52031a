"""Small stages for the tests of OVRTX: a few clones of something, each stage with one difficulty."""

from __future__ import annotations

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, Vt

ENVS = "/World/envs"
CAMERAS = f"{ENVS}/env_.*/Camera"


def plain(num_envs: int = 3, unit: float = 1.0, up: str = "Z", cameras: int = 1) -> Usd.Stage:
    """Clones of a coloured box and ball on a shared floor, each environment with its camera(s) and colour.

    Args:
        num_envs: Environments.
        unit: Metres in a stage unit; sizes in metres are the same.
        up: Up axis.
        cameras: Cameras of an environment: ``Camera``, ``Camera1``...
    """
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, unit)
    UsdGeom.SetStageUpAxis(stage, up)
    size = 1.0 / unit
    for path in ("/World", ENVS):
        UsdGeom.Xform.Define(stage, path)
    sun = UsdLux.DistantLight.Define(stage, "/World/Sun")
    sun.CreateIntensityAttr(3000.0)
    sun.AddRotateXYZOp().Set(Gf.Vec3f(-40.0, 20.0, 10.0) if up == "Y" else Gf.Vec3f(40.0, 20.0, 10.0))
    _material(stage, "/World/Looks/floor", (0.4, 0.5, 0.4))
    floor = UsdGeom.Cube.Define(stage, "/World/Floor")
    floor.AddTranslateOp().Set(_point((0.0, 0.0, -0.55), size, up))
    floor.AddScaleOp().Set(_point((40.0, 40.0, 0.1), size / 2.0, up))
    _bind(floor, stage, "/World/Looks/floor")
    for env in range(num_envs):
        if env == 0:
            _environment(stage, f"{ENVS}/env_0", size, up, cameras)
        else:
            Sdf.CopySpec(stage.GetRootLayer(), f"{ENVS}/env_0", stage.GetRootLayer(), f"{ENVS}/env_{env}")
        root = UsdGeom.Xform(stage.GetPrimAtPath(f"{ENVS}/env_{env}"))
        root.GetOrderedXformOps()[0].Set(_point((3.0 * (env % 64), 3.0 * (env // 64), 0.0), size, up))
        hue = (env * 0.37) % 1.0
        shader = UsdShade.Shader(stage.GetPrimAtPath(f"{ENVS}/env_{env}/Looks/ball/Shader"))
        shader.GetInput("diffuseColor").Set(Gf.Vec3f(0.9 - 0.7 * hue, 0.2 + 0.6 * hue, 0.3))
        ball = UsdGeom.Sphere(stage.GetPrimAtPath(f"{ENVS}/env_{env}/Ball"))
        ball.GetOrderedXformOps()[0].Set(_point((0.4, 0.1 * (env % 5), 0.05 * (env % 3)), size, up))
    return stage


def _environment(stage: Usd.Stage, root: str, size: float, up: str, cameras: int) -> None:
    UsdGeom.Xform.Define(stage, root).AddTranslateOp()
    _material(stage, f"{root}/Looks/ball", (0.8, 0.3, 0.1))
    ball = UsdGeom.Sphere.Define(stage, f"{root}/Ball")
    ball.CreateRadiusAttr(0.3 * size)
    ball.AddTranslateOp()
    _bind(ball, stage, f"{root}/Looks/ball")
    label(ball.GetPrim(), "ball")
    box = UsdGeom.Cube.Define(stage, f"{root}/Box")
    box.CreateSizeAttr(1.0)
    box.AddTranslateOp().Set(_point((-0.4, 0.0, 0.0), size, up))
    box.AddScaleOp().Set(_point((0.5, 0.8, 0.6), size, up))
    box.CreateDisplayColorAttr(Vt.Vec3fArray([Gf.Vec3f(0.2, 0.3, 0.8)]))
    label(box.GetPrim(), "box")
    for i in range(cameras):
        camera = UsdGeom.Camera.Define(stage, f"{root}/Camera{i or ''}")
        camera.CreateFocalLengthAttr(18.0)
        camera.CreateHorizontalApertureAttr(20.0)
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.01 * size, 1000.0 * size))
        eye = _point((0.3 * (i % 4), -2.0 - 0.2 * (i // 4 % 4), 1.2 + 0.1 * (i // 16)), size, up)
        target = _point((0.0, 0.0, 0.0), size, up)
        axis = Gf.Vec3d(0, 1, 0) if up == "Y" else Gf.Vec3d(0, 0, 1)
        camera.AddTransformOp().Set(Gf.Matrix4d().SetLookAt(eye, target, axis).GetInverse())


def label(prim: Usd.Prim, name: str, kind: str = "class") -> None:
    """Give a prim a semantic label."""
    prim.AddAppliedSchema(f"SemanticsLabelsAPI:{kind}")
    prim.CreateAttribute(f"semantics:labels:{kind}", Sdf.ValueTypeNames.TokenArray).Set([name])


def _point(xyz: tuple[float, float, float], size: float, up: str) -> Gf.Vec3d:
    """Metres with Z up -> stage units with the stage's own axis up."""
    x, y, z = (value * size for value in xyz)
    return Gf.Vec3d(x, z, -y) if up == "Y" else Gf.Vec3d(x, y, z)


def _material(stage: Usd.Stage, path: str, color: tuple[float, float, float]) -> None:
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/Shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*color))
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.6)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")


def _bind(shape: UsdGeom.Gprim, stage: Usd.Stage, material: str) -> None:
    UsdShade.MaterialBindingAPI.Apply(shape.GetPrim()).Bind(UsdShade.Material(stage.GetPrimAtPath(material)))


def heterogeneous(num_envs: int = 5) -> Usd.Stage:
    """Environments that hold a cone, a cylinder or nothing more, and one whose box is bound to the floor's material."""
    stage = plain(num_envs)
    for env in range(num_envs):
        shape = (UsdGeom.Cone, UsdGeom.Cylinder, None)[env % 3]
        if shape is not None:
            extra = shape.Define(stage, f"{ENVS}/env_{env}/Extra")
            extra.CreateHeightAttr(0.7)
            extra.CreateRadiusAttr(0.2)
            extra.AddTranslateOp().Set(Gf.Vec3d(0.0, -0.4, 0.0))
            label(extra.GetPrim(), "extra")
    _bind(UsdGeom.Cube(stage.GetPrimAtPath(f"{ENVS}/env_1/Box")), stage, f"{ENVS}/env_1/Looks/ball")
    return stage


def instanced(num_envs: int = 3) -> Usd.Stage:
    """Environments with an instance of a prototype that holds another instance, and shared instances around them."""
    stage = plain(num_envs)
    for name in ("Part", "Assembly"):
        stage.CreateClassPrim(f"/Prototypes_{name}")
    part = UsdGeom.Sphere.Define(stage, "/Prototypes_Part/Shape")
    part.CreateRadiusAttr(0.15)
    part.CreateDisplayColorAttr(Vt.Vec3fArray([Gf.Vec3f(0.9, 0.8, 0.1)]))
    for side in (-1, 1):
        child = UsdGeom.Xform.Define(stage, f"/Prototypes_Assembly/Part_{side + 1}")
        child.AddTranslateOp().Set(Gf.Vec3d(0.25 * side, 0.0, 0.0))
        child.GetPrim().GetReferences().AddInternalReference("/Prototypes_Part")
        child.GetPrim().SetInstanceable(True)
    homes = [f"{ENVS}/env_{env}" for env in range(num_envs)] + ["/World/Shared"]
    for home in homes:
        UsdGeom.Xform.Define(stage, home) if home == "/World/Shared" else None
        thing = UsdGeom.Xform.Define(stage, f"{home}/Assembly")
        thing.AddTranslateOp().Set(Gf.Vec3d(0.1, -0.6, 0.1) if home != "/World/Shared" else Gf.Vec3d(0.0, 1.0, 0.3))
        thing.GetPrim().GetReferences().AddInternalReference("/Prototypes_Assembly")
        thing.GetPrim().SetInstanceable(True)
        label(thing.GetPrim(), "assembly")
    return stage


def cloth(num_envs: int = 3) -> Usd.Stage:
    """Environments with a sheet of quads whose normals are authored, turned and scaled by its prim."""
    stage = plain(num_envs)
    n = 8
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, n), np.linspace(-0.5, 0.5, n))
    points = np.stack([x.ravel(), y.ravel(), 0.0 * x.ravel()], 1).astype(np.float32)
    at = np.arange(n * n).reshape(n, n)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1)
    for env in range(num_envs):
        sheet = UsdGeom.Mesh.Define(stage, f"{ENVS}/env_{env}/Cloth")
        sheet.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
        sheet.CreateFaceVertexCountsAttr([4] * ((n - 1) * (n - 1)))
        sheet.CreateFaceVertexIndicesAttr(quads.tolist())
        sheet.CreateSubdivisionSchemeAttr("none")
        sheet.CreateDoubleSidedAttr(False)
        sheet.CreateNormalsAttr(Vt.Vec3fArray([Gf.Vec3f(0, 0, 1)] * (n * n)))
        sheet.AddTranslateOp().Set(Gf.Vec3d(0.0, -0.3, 0.6))
        sheet.AddScaleOp().Set(Gf.Vec3d(1.2, 0.8, 1.0))
    return stage


def paths(name: str, num_envs: int) -> list[str]:
    """A prim of every environment."""
    return [f"{ENVS}/env_{env}/{name}" for env in range(num_envs)]


def random_poses(count: int, rng: np.random.Generator, spread: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """(count, 3) positions around the environments' origins, and (count, 4) unit quaternions, x y z w."""
    positions = rng.uniform(-spread, spread, (count, 3))
    positions[:, 0] += 3.0 * np.arange(count)
    quats = rng.normal(size=(count, 4))
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    return positions.astype(np.float32), quats.astype(np.float32)


def edit_at_random(stage: Usd.Stage, rng: np.random.Generator, num_envs: int, most: int = 3) -> None:
    """Change something here and there: values, places, materials, shapes, instances, lenses.

    Args:
        stage: One of :func:`instanced`, edited before or not.
        most: Most edits of an environment.
    """
    looks = ["/World/Looks/floor", *(f"{ENVS}/env_{env}/Looks/ball" for env in range(num_envs))]

    def prim(env: int, name: str) -> Usd.Prim:
        return stage.GetPrimAtPath(f"{ENVS}/env_{env}/{name}")

    def color(env: int) -> None:
        hue = [Gf.Vec3f(*map(float, rng.uniform(0.1, 0.9, 3)))]
        UsdGeom.Cube(prim(env, "Box")).GetDisplayColorAttr().Set(Vt.Vec3fArray(hue))

    def hide(env: int) -> None:
        UsdGeom.Imageable(prim(env, str(rng.choice(["Box", "Ball", "Assembly"])))).MakeInvisible()

    def move(env: int) -> None:
        name = str(rng.choice(["Box", "Ball", "Assembly", "Camera"]))
        moved = UsdGeom.Xformable(prim(env, name))
        operation = UsdGeom.XformOp(moved.GetPrim().GetAttribute("xformOp:translate:more"))
        operation = operation or moved.AddTranslateOp(opSuffix="more")
        operation.Set(Gf.Vec3d(*rng.uniform(-0.3, 0.3, 3)))

    def nudge(env: int) -> None:
        operation = UsdGeom.Xformable(prim(env, "Ball")).GetOrderedXformOps()[0]
        operation.Set(operation.Get() + Gf.Vec3d(*rng.uniform(-0.3, 0.3, 3)))

    def bind(env: int) -> None:
        look = looks[int(rng.integers(len(looks)))]
        UsdShade.MaterialBindingAPI.Apply(prim(env, "Ball")).Bind(UsdShade.Material(stage.GetPrimAtPath(look)))

    def grow(env: int) -> None:
        UsdGeom.Sphere(prim(env, "Ball")).GetRadiusAttr().Set(float(rng.uniform(0.15, 0.45)))

    def add(env: int) -> None:
        cone = UsdGeom.Cone.Define(stage, f"{ENVS}/env_{env}/Box/Cone")
        operation = UsdGeom.XformOp(cone.GetPrim().GetAttribute("xformOp:translate")) or cone.AddTranslateOp()
        operation.Set(Gf.Vec3d(0.0, 0.0, float(rng.uniform(0.5, 1.5))))
        label(cone.GetPrim(), "cone")

    def remove(env: int) -> None:
        stage.RemovePrim(f"{ENVS}/env_{env}/Ball")

    def alone(env: int) -> None:
        for name in ("Assembly", "Assembly/Part_0"):
            prim(env, name).SetInstanceable(False)
        stage.OverridePrim(f"{ENVS}/env_{env}/Assembly/Part_0/Shape").CreateAttribute(
            "radius", Sdf.ValueTypeNames.Double
        ).Set(0.25)

    def lens(env: int) -> None:
        UsdGeom.Camera(prim(env, "Camera")).GetFocalLengthAttr().Set(float(rng.uniform(14.0, 26.0)))

    def off(env: int) -> None:
        prim(env, "Box").SetActive(False)

    def shift(env: int) -> None:
        root = UsdGeom.Xformable(stage.GetPrimAtPath(f"{ENVS}/env_{env}"))
        operation = UsdGeom.XformOp(root.GetPrim().GetAttribute("xformOp:rotateZ")) or root.AddRotateZOp()
        operation.Set(float(rng.uniform(-20.0, 20.0)))

    edits = (color, hide, move, nudge, bind, grow, add, remove, alone, lens, off, shift)
    for env in range(num_envs):
        for edit in rng.permutation(len(edits))[: int(rng.integers(0, most + 1))]:
            if stage.GetPrimAtPath(f"{ENVS}/env_{env}/Ball") and prim(env, "Box").IsActive():
                edits[int(edit)](env)
