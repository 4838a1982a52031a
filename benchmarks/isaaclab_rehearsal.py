"""The reference case of robot learning from pixels, rehearsed in Isaac Lab: an arm with a hand, objects, a camera each.

Run, in an environment that has Isaac Lab 3:
    PYTHONPATH=. python benchmarks/isaaclab_rehearsal.py --envs 4096

A seven-axis arm with a sixteen-joint hand (that of ``omni.isaac.ovrtx_render.demo``) stands at a table with a cube, a
ball and a capsule, as a ``DirectRLEnv``: actions are joint targets, observations the image of a camera. Printed are
memory and seconds, of starting by phase and of a step by phase. Objects and table collide; links of the robot do not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import isaaclab.sim as sim_utils
import torch
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg, AssetBaseCfg, RigidObjectCfg
from isaaclab.envs import DirectRLEnv, DirectRLEnvCfg
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sensors import CameraCfg
from isaaclab.sim import SimulationCfg, SimulationContext
from isaaclab.utils import configclass
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg
from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics, UsdShade

from omni.isaac.ovrtx_render import TiledRenderer
from omni.isaac.ovrtx_render.demo import build_stage, robot
from omni.isaac.ovrtx_render.demo.motion import ROBOT_ORIGIN, TABLE_HEIGHT, quaternions_from
from omni.isaac.ovrtx_render.images import mosaic, write_png
from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg
from omni.isaac.ovrtx_render.isaaclab.bodies import BodyPoses
from omni.isaac.ovrtx_render.isaaclab.renderer import OvrtxRenderer

_HOME = (0.0, 0.45, 0.0, -1.5, 0.0, 1.0, 0.0)


def write_robot(file: Path) -> None:
    """Write the demo robot as an articulation: its meshes, one rigid body a link, its 23 joints."""
    demo = build_stage(1).stage
    source = demo.GetRootLayer()
    stage = Usd.Stage.CreateNew(str(file))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    layer = stage.GetRootLayer()
    Sdf.CopySpec(source, "/World/envs/env_0/Robot", layer, "/Robot")
    Sdf.CopySpec(source, "/World/Looks", layer, "/Robot/Looks")
    root = stage.GetPrimAtPath("/Robot")
    stage.SetDefaultPrim(root)
    UsdPhysics.ArticulationRootAPI.Apply(root)
    for prim in Usd.PrimRange(root):
        if prim.IsA(UsdGeom.Mesh):
            binding = UsdShade.MaterialBindingAPI(prim)
            look = binding.GetDirectBindingRel().GetTargets()[0].name
            binding.Bind(UsdShade.Material(stage.GetPrimAtPath(f"/Robot/Looks/{look}")))
    frames = robot.forward_kinematics([0.0] * (robot.ARM_JOINTS + robot.HAND_JOINTS))
    turns = quaternions_from(frames[:, :3, :3])
    _body(stage, "base", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), 5.0)
    fixed = UsdPhysics.FixedJoint.Define(stage, "/Robot/joints/root")
    fixed.CreateBody1Rel().SetTargets(["/Robot/base"])
    for link, frame, turn in zip(robot.LINKS, frames, turns, strict=True):
        _body(stage, link.name, frame[:3, 3], turn, 1.5 if link.name.startswith("arm") else 0.1)
        _joint(stage, link)
    layer.Save()


def _body(stage: Usd.Stage, name: str, position: Any, turn: Any, mass: float) -> None:
    prim = stage.GetPrimAtPath(f"/Robot/{name}")
    x, y, z, w = (float(q) for q in turn)
    prim.GetAttribute("xformOp:translate").Set(Gf.Vec3d(*(float(p) for p in position)))
    prim.GetAttribute("xformOp:orient").Set(Gf.Quatd(w, x, y, z))
    UsdPhysics.RigidBodyAPI.Apply(prim)
    physical = UsdPhysics.MassAPI.Apply(prim)
    physical.CreateMassAttr(mass)
    physical.CreateDiagonalInertiaAttr(Gf.Vec3f(0.01 * mass))
    physical.CreateCenterOfMassAttr(Gf.Vec3f(0.0))


def _joint(stage: Usd.Stage, link: robot.Link) -> None:
    path = f"/Robot/joints/{link.name}"
    parent = robot.LINKS[link.parent].name if link.parent >= 0 else "base"
    x, y, z, w = (float(q) for q in quaternions_from(link.origin[None, :3, :3])[0])
    about = Gf.Rotation(Gf.Vec3d(1, 0, 0), Gf.Vec3d(*link.axis)) if link.axis else Gf.Rotation().SetIdentity()
    turn = Gf.Quatf(about.GetQuat())
    if link.axis:
        joint: Any = UsdPhysics.RevoluteJoint.Define(stage, path)
        joint.CreateAxisAttr("X")  # turned onto the axis by the frames of the joint
        joint.CreateLowerLimitAttr(-170.0)
        joint.CreateUpperLimitAttr(170.0)
        UsdPhysics.DriveAPI.Apply(joint.GetPrim(), "angular")
    else:
        joint = UsdPhysics.FixedJoint.Define(stage, path)
    joint.CreateBody0Rel().SetTargets([f"/Robot/{parent}"])
    joint.CreateBody1Rel().SetTargets([f"/Robot/{link.name}"])
    joint.CreateLocalPos0Attr(Gf.Vec3f(*(float(p) for p in link.origin[:3, 3])))
    joint.CreateLocalRot0Attr(Gf.Quatf(w, x, y, z) * turn)
    joint.CreateLocalRot1Attr(turn)


def thing(name: str, shape: type, color: tuple[float, ...], place: tuple[float, float], **size: object) -> Any:
    """An object on the table."""
    return RigidObjectCfg(
        prim_path=f"{{ENV_REGEX_NS}}/{name}",
        spawn=shape(
            rigid_props=sim_utils.UsdPhysicsRigidBodyCfg(),
            mass_props=sim_utils.MassCfg(mass=0.2),
            collision_props=sim_utils.UsdPhysicsCollisionCfg(),
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=color, roughness=0.4),
            **size,
        ),
        init_state=RigidObjectCfg.InitialStateCfg(pos=(*place, TABLE_HEIGHT + 0.05)),
    )


@configclass
class SceneCfg(InteractiveSceneCfg):
    """Floor, lights, table, robot, three objects, a camera."""

    floor = AssetBaseCfg(
        prim_path="/World/floor",
        spawn=sim_utils.CuboidCfg(
            size=(500.0, 500.0, 0.1), visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.3, 0.3, 0.32))
        ),
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, -0.05)),
    )
    sky = AssetBaseCfg(prim_path="/World/sky", spawn=sim_utils.DomeLightCfg(intensity=500.0, color=(0.8, 0.9, 1.0)))
    sun = AssetBaseCfg(
        prim_path="/World/sun",
        spawn=sim_utils.DistantLightCfg(intensity=2500.0, angle=1.0),
        init_state=AssetBaseCfg.InitialStateCfg(rot=(0.35, -0.25, 0.0, 0.9)),
    )
    table = AssetBaseCfg(
        prim_path="{ENV_REGEX_NS}/Table",
        spawn=sim_utils.CuboidCfg(
            size=(1.2, 0.9, 0.04),
            collision_props=sim_utils.UsdPhysicsCollisionCfg(),
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.35, 0.2, 0.1)),
        ),
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, TABLE_HEIGHT - 0.02)),
    )
    robot: ArticulationCfg = None
    cube = thing("Cube", sim_utils.CuboidCfg, (0.7, 0.1, 0.08), (0.13, -0.02), size=(0.07, 0.07, 0.07))
    ball = thing("Ball", sim_utils.SphereCfg, (0.1, 0.3, 0.7), (0.05, -0.23), radius=0.042)
    pill = thing("Pill", sim_utils.CapsuleCfg, (0.1, 0.5, 0.2), (0.23, 0.2), radius=0.028, height=0.09)
    camera = CameraCfg(
        prim_path="{ENV_REGEX_NS}/Camera",
        width=64,
        height=64,
        data_types=["rgb"],
        spawn=sim_utils.PinholeCameraCfg(focal_length=20.0, clipping_range=(0.05, 20.0)),
        offset=CameraCfg.OffsetCfg(
            pos=(0.95, -0.88, TABLE_HEIGHT + 0.74), rot=(-0.166, 0.064, 0.918, 0.354), convention="world"
        ),
    )


@configclass
class RehearsalCfg(DirectRLEnvCfg):
    """Thirty actions a second, four physics steps each."""

    decimation = 4
    episode_length_s = 5.0
    action_space = robot.ARM_JOINTS + robot.HAND_JOINTS
    observation_space = [64, 64, 3]  # noqa: RUF012 (a configclass copies it)
    seed = 0
    scene: SceneCfg = SceneCfg(num_envs=16, env_spacing=2.5)


class Rehearsal(DirectRLEnv):
    """Lift something: the reward is the height of the cube; the policy sees the camera only."""

    cfg: RehearsalCfg

    def _pre_physics_step(self, actions: torch.Tensor) -> None:
        self._targets = self.scene["robot"].data.default_joint_pos.torch + 0.3 * actions

    def _apply_action(self) -> None:
        self.scene["robot"].actuators.target_command.set_position_index(value=self._targets)

    def _get_observations(self) -> dict[str, torch.Tensor]:
        return {"policy": self.scene["camera"].data.output[self.cfg.scene.camera.data_types[0]].torch}

    def _get_rewards(self) -> torch.Tensor:
        return self.scene["cube"].data.root_link_pose_w.torch[:, 2] - TABLE_HEIGHT

    def _get_dones(self) -> tuple[torch.Tensor, torch.Tensor]:
        late = self.episode_length_buf >= self.max_episode_length
        return torch.zeros_like(late), late

    def _reset_idx(self, env_ids: Any) -> None:
        super()._reset_idx(env_ids)
        arm = self.scene["robot"]
        home = arm.data.default_joint_pos.torch[env_ids].clone()
        arm.write_joint_position_to_sim_index(position=home, env_ids=env_ids)
        arm.write_joint_velocity_to_sim_index(velocity=home * 0.0, env_ids=env_ids)


def configuration(envs: int, size: int, device: str, renderer: OvrtxRendererCfg, robot_file: Path) -> RehearsalCfg:
    """The environment's configuration."""
    cfg = RehearsalCfg()
    solver = MJWarpSolverCfg(njmax=150, nconmax=40, integrator="implicitfast")
    cfg.sim = SimulationCfg(
        dt=1.0 / 120.0,
        render_interval=4,
        device=device,
        physics=NewtonCfg(solver_cfg=solver, use_cuda_graph=device != "cpu"),
    )
    cfg.scene.num_envs = envs
    cfg.scene.camera.renderer_cfg = renderer
    cfg.scene.camera.width = cfg.scene.camera.height = size
    cfg.observation_space = [size, size, 3]
    names = [link.name for link in robot.LINKS if link.axis is not None]
    hand = robot.finger_joints([0.3] * len(robot.FINGERS))
    cfg.scene.robot = ArticulationCfg(
        prim_path="{ENV_REGEX_NS}/Robot",
        spawn=sim_utils.UsdFileCfg(usd_path=str(robot_file)),
        init_state=ArticulationCfg.InitialStateCfg(
            pos=ROBOT_ORIGIN, joint_pos=dict(zip(names, map(float, [*_HOME, *hand]), strict=True))
        ),
        actuators={
            "arm": ImplicitActuatorCfg(joint_names_expr=["arm_.*"], stiffness=200.0, damping=40.0, armature=0.1),
            "hand": ImplicitActuatorCfg(joint_names_expr=["(?!arm_).*"], stiffness=3.0, damping=0.3, armature=0.01),
        },
    )
    return cfg


def resident() -> float:
    """Resident memory of this process [GB]."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) * 1024 / 1e9


@contextmanager
def timed(owner: Any, name: str, spent: dict[str, float], phase: str) -> Iterator[None]:
    """Add the seconds that a method takes to a phase, while the block runs; CPU seconds of all threads beside them."""
    original = getattr(owner, name)

    def measured(*args: Any, **kwargs: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return original(*args, **kwargs)
        finally:
            spent[phase] += time.perf_counter() - wall
            spent[f"{phase}, CPU"] += time.process_time() - cpu

    setattr(owner, name, measured)
    try:
        yield
    finally:
        setattr(owner, name, original)


def main() -> None:
    """Start, step, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=256, help="number of environments")
    parser.add_argument("--steps", type=int, default=5, help="steps to time, after two that warm up")
    parser.add_argument("--size", type=int, default=64, help="width and height of an image [px]")
    parser.add_argument("--preset", default="default", help="preset of the renderer")
    parser.add_argument("--device", default="cpu", help="device of physics and renderer")
    parser.add_argument("--picture", type=Path, help="write a mosaic of up to 16 environments")
    args = parser.parse_args()

    start: dict[str, float] = defaultdict(float)
    memory = {"imports": resident()}
    robot_file = Path(tempfile.mkdtemp()) / "robot.usdc"
    write_robot(robot_file)
    cfg = configuration(args.envs, args.size, args.device, OvrtxRendererCfg(preset=args.preset), robot_file)
    began = time.perf_counter()
    with (
        timed(OvrtxRenderer, "create_render_data", start, "renderer"),
        timed(TiledRenderer, "__init__", start, "renderer: stage read, BVHs built"),
        timed(BodyPoses, "__init__", start, "renderer: bodies found"),
        timed(SimulationContext, "reset", start, "simulation made ready, renderer included"),
    ):
        env: Any = Rehearsal(cfg)
    start["whole environment"] = time.perf_counter() - began
    memory["environment made"] = resident()
    began = time.perf_counter()
    env.reset()
    start["first reset and image (kernels load)"] = time.perf_counter() - began
    memory["first image"] = resident()

    renderer: OvrtxRenderer = env.scene["camera"]._renderer
    random = torch.Generator(args.device).manual_seed(0)
    steps: list[dict[str, float]] = []
    for i in range(args.steps + 2):
        action = 2.0 * torch.rand((args.envs, 23), generator=random, device=args.device) - 1.0
        spent: dict[str, float] = defaultdict(float)
        began = time.perf_counter()
        with (
            timed(env.sim, "step", spent, "physics"),
            timed(env.scene, "write_data_to_sim", spent, "actions written"),
            timed(renderer, "update_transforms", spent, "poses to the renderer"),
            timed(renderer, "render", spent, "images drawn"),
        ):
            images = env.step(action)[0]["policy"]
        spent["step"] = time.perf_counter() - began
        assert renderer._tiled is not None
        spent |= {f"  {name}": seconds for name, seconds in renderer._tiled.timings.items()}
        if i >= 2:
            steps.append(spent)
    memory["after the steps"] = resident()
    best = {name: min(step.get(name, 0.0) for step in steps) for name in steps[0]}
    print(json.dumps({"envs": args.envs, "start_s": start, "step_s": best, "memory_GB": memory}, indent=2))
    if args.picture:
        write_png(args.picture, mosaic(images[:16, ..., :3].cpu().numpy()))
    env.close()
    SimulationContext.clear_instance()


if __name__ == "__main__":
    main()
