"""Sixteen Isaac Lab environments with things that fall, seen by one camera each; writes a mosaic an output.

Run, in an environment that has Isaac Lab 3 (no Isaac Sim, no GPU needed):
    pip install isaaclab==3.0.0 pillow
    PYTHONPATH=. python examples/isaaclab_cameras.py --out out
"""

from __future__ import annotations

import argparse
from pathlib import Path

import isaaclab.sim as sim_utils
import torch
from isaaclab.assets import AssetBaseCfg, RigidObjectCfg
from isaaclab.scene import InteractiveScene, InteractiveSceneCfg
from isaaclab.sensors import CameraCfg
from isaaclab.sim import SimulationCfg, SimulationContext
from isaaclab.utils import configclass
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg

from omni.isaac.ovrtx_render.images import mosaic, to_picture, write_png
from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg


def thing(
    name: str, shape: type, color: tuple[float, ...], position: tuple[float, ...], **size: object
) -> RigidObjectCfg:
    """A rigid object of one colour in every environment."""
    spawn = shape(
        rigid_props=sim_utils.RigidBodyPropertiesCfg(),
        mass_props=sim_utils.MassPropertiesCfg(mass=0.5),
        collision_props=sim_utils.CollisionPropertiesCfg(),
        visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=color, roughness=0.35),
        semantic_tags=[("class", name)],
        **size,
    )
    tilted = (0.2, 0.3, 0.1, 0.927)
    return RigidObjectCfg(
        prim_path=f"{{ENV_REGEX_NS}}/{name.title()}",
        spawn=spawn,
        init_state=RigidObjectCfg.InitialStateCfg(pos=position, rot=tilted),
    )


@configclass
class SceneCfg(InteractiveSceneCfg):
    """A floor, two lights, three things, and a camera that our renderer draws."""

    floor = AssetBaseCfg(
        prim_path="/World/floor",
        spawn=sim_utils.CuboidCfg(
            size=(100.0, 100.0, 0.2),
            collision_props=sim_utils.CollisionPropertiesCfg(),
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.42, 0.4, 0.38)),
        ),
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, -0.1)),
    )
    sun = AssetBaseCfg(
        prim_path="/World/sun",
        spawn=sim_utils.DistantLightCfg(intensity=2500.0, angle=1.0),
        init_state=AssetBaseCfg.InitialStateCfg(rot=(0.35, -0.25, 0.0, 0.9)),
    )
    sky = AssetBaseCfg(prim_path="/World/sky", spawn=sim_utils.DomeLightCfg(intensity=300.0, color=(0.7, 0.85, 1.0)))
    box = thing("box", sim_utils.CuboidCfg, (0.8, 0.12, 0.1), (0.0, 0.35, 0.7), size=(0.4, 0.4, 0.4))
    ball = thing("ball", sim_utils.SphereCfg, (0.1, 0.3, 0.8), (0.2, -0.4, 0.9), radius=0.25)
    pillar = thing("pillar", sim_utils.CylinderCfg, (0.9, 0.65, 0.1), (-0.3, 0.0, 1.2), radius=0.15, height=0.7)
    camera = CameraCfg(
        prim_path="{ENV_REGEX_NS}/Camera",
        width=160,
        height=120,
        data_types=["rgb", "depth", "semantic_segmentation"],
        spawn=sim_utils.PinholeCameraCfg(clipping_range=(0.05, 30.0)),
        offset=CameraCfg.OffsetCfg(pos=(-2.6, 0.0, 1.3), rot=(0.0, 0.182, 0.0, 0.983), convention="world"),
        renderer_cfg=OvrtxRendererCfg(),  # the one line that chooses the renderer
    )


def main() -> None:
    """Let things fall for a second, and write what the cameras see."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=16, help="number of environments")
    parser.add_argument("--steps", type=int, default=45, help="physics steps of 1/100 s")
    parser.add_argument("--device", default="cpu", help="device of physics and renderer, e.g. cuda:0")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    args = parser.parse_args()

    physics = NewtonCfg(solver_cfg=MJWarpSolverCfg(njmax=120, nconmax=120), use_cuda_graph=args.device != "cpu")
    sim = SimulationContext(SimulationCfg(dt=0.01, device=args.device, physics=physics))
    scene = InteractiveScene(SceneCfg(num_envs=args.envs, env_spacing=5.0))
    sim.reset()
    shift = torch.Generator().manual_seed(0)
    for asset in (scene["box"], scene["ball"], scene["pillar"]):  # every environment a little different
        pose = asset.data.root_link_pose_w.torch.clone()
        pose[:, :2] += 0.4 * (torch.rand(args.envs, 2, generator=shift) - 0.5).to(pose.device)
        asset.write_root_pose_to_sim_index(root_pose=pose)
    for _ in range(args.steps):
        sim.step(render=False)
        scene.update(0.01)

    args.out.mkdir(parents=True, exist_ok=True)
    images = scene["camera"].data.output
    for name in ("rgb", "depth", "semantic_segmentation"):
        file = args.out / f"isaaclab_{name}.png"
        write_png(file, mosaic(to_picture(name, images[name].torch.cpu().numpy())))
        print(f"{file}: {tuple(images[name].torch.shape)} {images[name].torch.dtype}")
    SimulationContext.clear_instance()


if __name__ == "__main__":
    main()
