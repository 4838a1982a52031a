"""A small Isaac Lab scene: a cube, a ball, a scaled box and a two-link arm in every environment."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import isaaclab.sim as sim_utils
import numpy as np
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg, AssetBaseCfg, RigidObjectCfg
from isaaclab.scene import InteractiveScene, InteractiveSceneCfg
from isaaclab.sensors import CameraCfg
from isaaclab.sim import SimulationCfg, SimulationContext
from isaaclab.utils import configclass
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg

GROUND = """#usda 1.0
(
    defaultPrim = "Root"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Root"
{
    def Mesh "Environment"
    {
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        point3f[] points = [(-50, -50, 0), (50, -50, 0), (50, 50, 0), (-50, 50, 0)]
        color3f[] primvars:displayColor = [(0.35, 0.4, 0.35)]
        uniform token subdivisionScheme = "none"
        double3 xformOp:scale = (1, 1, 1)
        uniform token[] xformOpOrder = ["xformOp:scale"]
    }
    def Plane "CollisionPlane" (prepend apiSchemas = ["PhysicsCollisionAPI"])
    {
        uniform token axis = "Z"
        uniform token purpose = "guide"
    }
}
"""

ARM = """#usda 1.0
(
    defaultPrim = "Arm"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Arm" (prepend apiSchemas = ["PhysicsArticulationRootAPI"])
{
    def Xform "base" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
    {
        float physics:mass = 1
        def Cube "shape"
        {
            double size = 0.2
            color3f[] primvars:displayColor = [(0.2, 0.2, 0.8)]
        }
    }
    def Xform "link" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
    {
        float physics:mass = 1
        double3 xformOp:translate = (0, 0, 0.5)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        def Xform "visuals"
        {
            double3 xformOp:scale = (0.1, 0.1, 0.8)
            uniform token[] xformOpOrder = ["xformOp:scale"]
            def Cube "shape"
            {
                double size = 1
                color3f[] primvars:displayColor = [(0.9, 0.6, 0.1)]
            }
        }
    }
    def PhysicsFixedJoint "root"
    {
        rel physics:body1 = </Arm/base>
    }
    def PhysicsRevoluteJoint "hinge" (prepend apiSchemas = ["PhysicsDriveAPI:angular"])
    {
        uniform token physics:axis = "Y"
        rel physics:body0 = </Arm/base>
        rel physics:body1 = </Arm/link>
        point3f physics:localPos0 = (0, 0, 0.1)
        point3f physics:localPos1 = (0, 0, -0.4)
        float physics:lowerLimit = -170
        float physics:upperLimit = 170
        float drive:angular:physics:stiffness = 0
        float drive:angular:physics:damping = 0
    }
}
"""

CRATE = """#usda 1.0
(
    defaultPrim = "Crate"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Crate" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
{
    float physics:mass = 1
    def Cube "collider" (prepend apiSchemas = ["PhysicsCollisionAPI"])
    {
        double size = 0.4
        uniform token purpose = "guide"
    }
    def Xform "visual" (
        instanceable = true
        references = </Parts/Outer>
    )
    {
    }
}
class "Parts"
{
    def Xform "Outer"
    {
        def Xform "inner" (
            instanceable = true
            references = </Parts/Inner>
        )
        {
        }
    }
    def Xform "Inner"
    {
        def Cube "shape"
        {
            double size = 0.4
            color3f[] primvars:displayColor = [(0.1, 0.7, 0.2)]
        }
    }
}
"""

CARTPOLE = """#usda 1.0
(
    defaultPrim = "Cartpole"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Cartpole" (prepend apiSchemas = ["PhysicsArticulationRootAPI"])
{
    def Xform "rail" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
    {
        float physics:mass = 1
        point3f physics:centerOfMass = (0, 0, 0)
        float3 physics:diagonalInertia = (0.1, 0.1, 0.1)
        def Cylinder "shape"
        {
            uniform token axis = "Y"
            double radius = 0.03
            double height = 8
            color3f[] primvars:displayColor = [(0.3, 0.3, 0.3)]
        }
    }
    def Xform "cart" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
    {
        float physics:mass = 1
        point3f physics:centerOfMass = (0, 0, 0)
        float3 physics:diagonalInertia = (0.01, 0.01, 0.01)
        def Cube "shape"
        {
            double size = 0.3
            color3f[] primvars:displayColor = [(0.1, 0.3, 0.8)]
        }
    }
    def Xform "pole" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
    {
        float physics:mass = 0.2
        point3f physics:centerOfMass = (0, 0, 0)
        float3 physics:diagonalInertia = (0.02, 0.02, 0.001)
        double3 xformOp:translate = (0.2, 0, 0.5)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        def Cylinder "shape"
        {
            double radius = 0.05
            double height = 1
            color3f[] primvars:displayColor = [(0.9, 0.5, 0.1)]
        }
    }
    def PhysicsFixedJoint "root"
    {
        rel physics:body1 = </Cartpole/rail>
    }
    def PhysicsPrismaticJoint "slider_to_cart" (prepend apiSchemas = ["PhysicsDriveAPI:linear"])
    {
        uniform token physics:axis = "Y"
        rel physics:body0 = </Cartpole/rail>
        rel physics:body1 = </Cartpole/cart>
        float physics:lowerLimit = -4
        float physics:upperLimit = 4
        float drive:linear:physics:damping = 0
    }
    def PhysicsRevoluteJoint "cart_to_pole" (prepend apiSchemas = ["PhysicsDriveAPI:angular"])
    {
        uniform token physics:axis = "X"
        rel physics:body0 = </Cartpole/cart>
        rel physics:body1 = </Cartpole/pole>
        point3f physics:localPos0 = (0.2, 0, 0)
        point3f physics:localPos1 = (0, 0, -0.5)
        float drive:angular:physics:damping = 0
    }
}
"""

CUBE = """#usda 1.0
(
    defaultPrim = "Cube"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Cube" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
{
    float physics:mass = 0.1
    def Cube "shape" (prepend apiSchemas = ["PhysicsCollisionAPI"])
    {
        double size = 0.06
        color3f[] primvars:displayColor = [(0.8, 0.6, 0.1)]
    }
}
"""

TILT = (0.0, 0.104528, 0.0, 0.994522)  # 12 degrees down, seen along +X


def write_assets(folder: Path) -> Path:
    """Write the USD files into a folder."""
    (folder / "ground.usda").write_text(GROUND)
    (folder / "arm.usda").write_text(ARM)
    (folder / "crate.usda").write_text(CRATE)
    (folder / "cartpole.usda").write_text(CARTPOLE)
    return folder


def write_nucleus(folder: Path) -> None:
    """Write a cube where Isaac Lab's tests look for that of its asset server."""
    cube = folder / "Props/Blocks/DexCube/dex_cube_instanceable.usd"
    cube.parent.mkdir(parents=True)
    cube.write_text(CUBE)


def camera(renderer: Any, data_types: tuple[str, ...] = ("rgb", "depth"), **fields: Any) -> CameraCfg:
    """A camera that looks along +X onto the objects from 3 m behind; ``fields`` of ``CameraCfg`` win."""
    far = fields.pop("far", 1000.0)
    settings = {
        "prim_path": "{ENV_REGEX_NS}/Camera",
        "width": 96,
        "height": 64,
        "spawn": sim_utils.PinholeCameraCfg(focal_length=24.0, horizontal_aperture=20.955, clipping_range=(0.1, far)),
        "offset": CameraCfg.OffsetCfg(pos=(-3.0, 0.0, 1.5), rot=TILT, convention="world"),
        **fields,
    }
    return CameraCfg(renderer_cfg=renderer, data_types=list(data_types), **settings)


def wrist(renderer: Any, data_types: tuple[str, ...] = ("depth",), name: str = "Camera", **fields: Any) -> CameraCfg:
    """A camera fixed to the arm's moving link."""
    offset = CameraCfg.OffsetCfg(pos=(0.2, 0.0, 0.2), rot=(0.0, 0.5, 0.0, 0.8660254), convention="world")
    return camera(renderer, data_types, prim_path=f"{{ENV_REGEX_NS}}/Arm/link/{name}", offset=offset, **fields)


def rigid(name: str, spawn: Any, position: tuple[float, float, float], **pose: Any) -> RigidObjectCfg:
    """A rigid object in every environment."""
    return RigidObjectCfg(
        prim_path=f"{{ENV_REGEX_NS}}/{name}",
        spawn=spawn,
        init_state=RigidObjectCfg.InitialStateCfg(pos=position, **pose),
    )


def _physical(color: tuple[float, float, float], label: str) -> dict[str, Any]:
    return {
        "rigid_props": sim_utils.RigidBodyPropertiesCfg(),
        "mass_props": sim_utils.MassPropertiesCfg(mass=1.0),
        "collision_props": sim_utils.CollisionPropertiesCfg(),
        "visual_material": sim_utils.PreviewSurfaceCfg(diffuse_color=color),
        "semantic_tags": [("class", label)],
    }


def scene_cfg(folder: Path, cameras: dict[str, CameraCfg], num_envs: int, **options: Any) -> InteractiveSceneCfg:
    """The scene with these cameras; ``options`` of ``InteractiveSceneCfg`` win."""

    @configclass
    class SceneCfg(InteractiveSceneCfg):
        ground = AssetBaseCfg(
            prim_path="/World/ground", spawn=sim_utils.UsdFileCfg(usd_path=str(folder / "ground.usda"))
        )
        light = AssetBaseCfg(
            prim_path="/World/Light",
            spawn=sim_utils.DistantLightCfg(intensity=3000.0, color=(0.9, 0.9, 0.9)),
            init_state=AssetBaseCfg.InitialStateCfg(rot=(0.3, 0.2, 0.0, 0.9327)),
        )
        cube = rigid(
            "Cube",
            sim_utils.CuboidCfg(size=(0.5, 0.5, 0.5), **_physical((0.9, 0.1, 0.1), "cube")),
            (0.0, 0.4, 1.0),
            rot=(0.2, 0.3, 0.1, 0.927),
        )
        ball = rigid("Ball", sim_utils.SphereCfg(radius=0.3, **_physical((0.1, 0.2, 0.9), "ball")), (0.0, -0.5, 0.8))
        crate = rigid(
            "Crate",
            sim_utils.UsdFileCfg(
                usd_path=str(folder / "crate.usda"), scale=(0.5, 2.0, 1.5), semantic_tags=[("class", "crate")]
            ),
            (1.5, 1.0, 0.6),
        )
        arm = ArticulationCfg(
            prim_path="{ENV_REGEX_NS}/Arm",
            spawn=sim_utils.UsdFileCfg(usd_path=str(folder / "arm.usda"), semantic_tags=[("class", "arm")]),
            init_state=ArticulationCfg.InitialStateCfg(pos=(0.8, 0.0, 0.6), joint_pos={"hinge": 0.3}),
            actuators={"all": ImplicitActuatorCfg(joint_names_expr=[".*"], stiffness=0.0, damping=0.1)},
        )

    cfg = SceneCfg(num_envs=num_envs, env_spacing=options.pop("env_spacing", 6.0), **options)
    for name, value in cameras.items():
        setattr(cfg, name, value)
    return cfg


class Lab:
    """A running simulation with its scene."""

    def __init__(self, folder: Path, cameras: dict[str, CameraCfg], num_envs: int = 3, **options: Any) -> None:
        self.sim = SimulationContext(
            SimulationCfg(
                dt=0.01,
                device="cpu",
                physics=NewtonCfg(solver_cfg=MJWarpSolverCfg(njmax=100, nconmax=100), use_cuda_graph=False),
            )
        )
        try:
            self.scene: Any = InteractiveScene(scene_cfg(folder, cameras, num_envs, **options))
            self.sim.reset()
            arm = self.scene["arm"]
            arm.write_joint_position_to_sim_index(position=arm.data.default_joint_pos.torch.clone())
            self.scene.update(0.0)
        except BaseException:
            self.close()
            raise

    def __getitem__(self, name: str) -> Any:
        return self.scene[name]

    def step(self, count: int = 1) -> None:
        """Let physics run."""
        for _ in range(count):
            self.scene.write_data_to_sim()
            self.sim.step(render=False)
            self.scene.update(0.01)

    def look(self, name: str) -> dict[str, np.ndarray]:
        """Every output of a camera now, as copies: (N, H, W, C)."""
        camera = self.scene[name]
        self.scene.update(0.01)  # marks the sensor as outdated
        return {key: value.torch.cpu().numpy().copy() for key, value in camera.data.output.items()}

    def renderer(self, name: str) -> Any:
        """The renderer behind a camera."""
        return self.scene[name]._renderer

    def close(self) -> None:
        """End the simulation and let go of everything it held."""
        self.scene = None
        SimulationContext.clear_instance()
        gc.collect()
