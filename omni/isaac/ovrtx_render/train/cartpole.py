"""N cart-poles: one USD stage that Newton simulates and the renderer draws."""

from __future__ import annotations

from typing import Any

import newton
import warp as wp
from pxr import Sdf, Usd

__all__ = ["CAMERAS", "Cartpole", "build_stage"]

ENVS = "/World/envs"
CAMERAS = f"{ENVS}/env_.*/Camera"

STEP = 1.0 / 30.0
"""Time between two actions [s]."""
_SUBSTEPS = 2

# The camera looks along +X onto a rail along Y, and sees 2.6 m of it.
_STAGE = """#usda 1.0
(
    defaultPrim = "World"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "World"
{
    def Cube "Floor"
    {
        double size = 1
        double3 xformOp:translate = (4, 0, -0.05)
        double3 xformOp:scale = (20, 40, 0.1)
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]
        color3f[] primvars:displayColor = [(0.05, 0.06, 0.07)]
    }
    def DomeLight "Sky"
    {
        float inputs:intensity = 400
        color3f inputs:color = (0.55, 0.65, 0.8)
    }
    def DistantLight "Sun"
    {
        float inputs:intensity = 2500
        float3 xformOp:rotateXYZ = (20, -50, 0)
        uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]
    }
    def Xform "envs"
    {
        def Xform "env_0"
        {
            def Camera "Camera"
            {
                float2 clippingRange = (0.1, 50)
                float focalLength = 24
                float horizontalAperture = 15.6
                float verticalAperture = 7.8
                matrix4d xformOp:transform = ((0, -1, 0, 0), (0, 0, 1, 0), (-1, 0, 0, 0), (-4, 0, 0.7, 1))
                uniform token[] xformOpOrder = ["xformOp:transform"]
            }
            def Xform "Cartpole" (prepend apiSchemas = ["PhysicsArticulationRootAPI"])
            {
                def Xform "rail" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
                {
                    float physics:mass = 1
                    float3 physics:diagonalInertia = (0.1, 0.1, 0.1)
                    double3 xformOp:translate = (0, 0, 0.3)
                    uniform token[] xformOpOrder = ["xformOp:translate"]
                    def Cylinder "shape"
                    {
                        uniform token axis = "Y"
                        double radius = 0.02
                        double height = 2.8
                        color3f[] primvars:displayColor = [(0.25, 0.26, 0.28)]
                    }
                }
                def Xform "cart" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
                {
                    float physics:mass = 1
                    float3 physics:diagonalInertia = (0.01, 0.01, 0.01)
                    double3 xformOp:translate = (0, 0, 0.3)
                    uniform token[] xformOpOrder = ["xformOp:translate"]
                    def Cube "shape"
                    {
                        double size = 1
                        double3 xformOp:scale = (0.2, 0.3, 0.16)
                        uniform token[] xformOpOrder = ["xformOp:scale"]
                        color3f[] primvars:displayColor = [(0.08, 0.25, 0.7)]
                    }
                }
                def Xform "pole" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"])
                {
                    float physics:mass = 0.2
                    float3 physics:diagonalInertia = (0.011, 0.011, 0.0002)
                    double3 xformOp:translate = (-0.15, 0, 0.7)
                    uniform token[] xformOpOrder = ["xformOp:translate"]
                    def Capsule "shape"
                    {
                        double radius = 0.035
                        double height = 0.8
                        color3f[] primvars:displayColor = [(0.9, 0.45, 0.05)]
                    }
                }
                def PhysicsFixedJoint "root"
                {
                    rel physics:body1 = </World/envs/env_0/Cartpole/rail>
                    point3f physics:localPos0 = (0, 0, 0.3)
                }
                def PhysicsPrismaticJoint "slider"
                {
                    uniform token physics:axis = "Y"
                    rel physics:body0 = </World/envs/env_0/Cartpole/rail>
                    rel physics:body1 = </World/envs/env_0/Cartpole/cart>
                }
                def PhysicsRevoluteJoint "hinge"
                {
                    uniform token physics:axis = "X"
                    rel physics:body0 = </World/envs/env_0/Cartpole/cart>
                    rel physics:body1 = </World/envs/env_0/Cartpole/pole>
                    point3f physics:localPos0 = (-0.15, 0, 0)
                    point3f physics:localPos1 = (0, 0, -0.4)
                }
            }
        }
    }
}
"""


def build_stage(num_envs: int) -> Usd.Stage:
    """A floor, two lights and ``num_envs`` environments of a cart-pole and a camera (Z up, metres).

    They stand in one place: a camera sees its own environment only.
    """
    stage = Usd.Stage.CreateInMemory()
    layer = stage.GetRootLayer()
    layer.ImportFromString(_STAGE)
    with Sdf.ChangeBlock():
        for i in range(1, num_envs):
            Sdf.CopySpec(layer, f"{ENVS}/env_0", layer, f"{ENVS}/env_{i}")
    return stage


class Cartpole:
    """The physics of N cart-poles, by Newton's MuJoCo solver.

    Args:
        stage: What :func:`build_stage` made.
        num_envs: N.
        device: Warp device.

    Attributes:
        paths: Prim path of every moving body, environment by environment, P = 2 N.
        joints: (N, 2) joint positions as Newton holds them: cart [m], pole [rad].
        speeds: (N, 2) their velocities [m/s, rad/s].
    """

    def __init__(self, stage: Usd.Stage, num_envs: int, device: Any) -> None:
        one = newton.ModelBuilder()
        newton.solvers.SolverMuJoCo.register_custom_attributes(one)
        one.add_usd(stage, root_path=f"{ENVS}/env_0")
        moving = [i for i, path in enumerate(one.body_label) if not path.endswith("/rail")]
        names = [one.body_label[i].removeprefix(f"{ENVS}/env_0/") for i in moving]
        self.paths = [f"{ENVS}/env_{i}/{name}" for i in range(num_envs) for name in names]
        many = newton.ModelBuilder()
        many.replicate(one, num_envs)
        self.model = many.finalize(device=device)
        self._solver = newton.solvers.SolverMuJoCo(self.model, disable_contacts=True, njmax=4, nconmax=1)
        self._now, self._next, self._control = self.model.state(), self.model.state(), self.model.control()
        self._moving = wp.to_torch(wp.array(moving, dtype=wp.int32, device=device)).long()
        self.num_envs = num_envs
        self._place()

    @property
    def joints(self) -> Any:
        return wp.to_torch(self._now.joint_q).view(self.num_envs, 2)

    @property
    def speeds(self) -> Any:
        return wp.to_torch(self._now.joint_qd).view(self.num_envs, 2)

    def set(self, joints: Any, speeds: Any) -> None:
        """Put every cart-pole into a state: (N, 2) joint positions and velocities."""
        self.joints.copy_(joints)
        self.speeds.copy_(speeds)
        self._place()

    def step(self, forces: Any) -> None:
        """Let one control step pass with (N,) forces [N] on the carts."""
        wp.to_torch(self._control.joint_f).view(self.num_envs, 2)[:, 0] = forces
        for _ in range(_SUBSTEPS):
            self._solver.step(self._now, self._next, self._control, None, STEP / _SUBSTEPS)
            self._now, self._next = self._next, self._now

    def poses(self) -> tuple[Any, Any]:
        """World poses of the bodies of :attr:`paths`: (P, 3) positions [m] and (P, 4) quaternions, x y z w."""
        bodies = wp.to_torch(self._now.body_q).view(self.num_envs, -1, 7)[:, self._moving].view(-1, 7)
        return bodies[:, :3].contiguous(), bodies[:, 3:].contiguous()

    def _place(self) -> None:
        newton.eval_fk(self.model, self._now.joint_q, self._now.joint_qd, self._now)
