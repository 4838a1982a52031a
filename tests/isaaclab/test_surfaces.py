"""Bodies that deform, and materials that a task changes while it runs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROBOT = """#usda 1.0
(
    defaultPrim = "Robot"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Robot"
{
    def Xform "body"
    {
        def Cube "mesh"
        {
            double size = 1
        }
    }
    def Xform "foot"
    {
        def Cube "mesh"
        {
            double size = 0.3
            double3 xformOp:translate = (0, 1, 0)
            uniform token[] xformOpOrder = ["xformOp:translate"]
        }
    }
}
"""


@pytest.fixture
def simulate() -> Iterator[Callable[..., Any]]:
    """``simulate(solver, scene_cfg)`` starts a simulation on the CPU; it is ended with the test."""
    from isaaclab.scene import InteractiveScene
    from isaaclab.sim import SimulationCfg, SimulationContext
    from isaaclab_newton.physics import NewtonCfg

    def start(solver: Any, cfg: Any) -> tuple[Any, Any]:
        physics = NewtonCfg(solver_cfg=solver, num_substeps=2, use_cuda_graph=False)
        sim = SimulationContext(SimulationCfg(dt=0.01, device="cpu", physics=physics))
        scene = InteractiveScene(cfg)
        sim.reset()
        scene.update(0.0)
        return sim, scene

    yield start
    SimulationContext.clear_instance()
    gc.collect()


def camera(outputs: tuple[str, ...], position: tuple[float, float, float]) -> Any:
    """A camera at ``position`` that looks along +X."""
    import isaaclab.sim as sim_utils
    from isaaclab.sensors import CameraCfg

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    return CameraCfg(
        prim_path="{ENV_REGEX_NS}/Camera",
        width=48,
        height=48,
        spawn=sim_utils.PinholeCameraCfg(focal_length=24.0, horizontal_aperture=20.955, clipping_range=(0.01, 100.0)),
        offset=CameraCfg.OffsetCfg(pos=position, rot=(0.0, 0.0, 0.0, 1.0), convention="world"),
        data_types=list(outputs),
        renderer_cfg=OvrtxRendererCfg(backend="warp"),
    )


def deforming_scene(kind: str) -> tuple[Any, str]:
    """Two environments with a soft cube or a cloth in front of a camera, and the path of its visual mesh."""
    import isaaclab.sim as sim_utils
    from isaaclab.assets import DeformableObjectCfg
    from isaaclab.scene import InteractiveSceneCfg
    from isaaclab.utils import configclass
    from isaaclab_newton.sim.schemas import NewtonDeformableBodyPropertiesCfg
    from isaaclab_newton.sim.spawners.materials import (
        NewtonDeformableBodyMaterialCfg,
        NewtonSurfaceDeformableBodyMaterialCfg,
    )

    look = {
        "deformable_props": NewtonDeformableBodyPropertiesCfg(),
        "visual_material": sim_utils.PreviewSurfaceCfg(diffuse_color=(0.2, 0.8, 0.2)),
    }
    spawn: Any
    if kind == "soft":
        spawn = sim_utils.MeshCuboidCfg(
            size=(0.3, 0.3, 0.3),
            physics_material=NewtonDeformableBodyMaterialCfg(density=500.0, k_mu=1e4, k_lambda=1e4),
            **look,
        )
    else:
        spawn = sim_utils.MeshRectangleCfg(
            size=(0.4, 0.4),
            edge_refinement=3,
            physics_material=NewtonSurfaceDeformableBodyMaterialCfg(density=0.02, particle_radius=0.005),
            **look,
        )

    @configclass
    class SceneCfg(InteractiveSceneCfg):
        body = DeformableObjectCfg(
            prim_path="{ENV_REGEX_NS}/Body",
            spawn=spawn,
            init_state=DeformableObjectCfg.InitialStateCfg(pos=(0.0, 0.0, 1.0), rot=(0.3, 0.1, 0.2, 0.927)),
        )
        camera = camera(("depth", "rgb", "normals"), (-1.2, 0.0, 1.0))

    return SceneCfg(num_envs=2, env_spacing=3.0), "/World/envs/env_{}/Body"


def look(scene: Any) -> dict[str, np.ndarray]:
    scene.update(0.01)
    return {name: value.torch.cpu().numpy().copy() for name, value in scene["camera"].data.output.items()}


@pytest.mark.parametrize("kind", ["soft", "cloth"])
def test_bodies_that_deform_are_drawn_where_physics_has_them(
    simulate: Callable[..., Any], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # pytetwild leaves a file where it runs
    if kind == "soft":
        pytest.importorskip("pytetwild", reason="Isaac Lab makes soft bodies with isaaclab[tetrahedralization]")
    from isaaclab.sim import SimulationContext
    from isaaclab_newton.physics import VBDSolverCfg
    from pxr import UsdGeom

    from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

    cfg, _ = deforming_scene(kind)
    sim, scene = simulate(VBDSolverCfg(iterations=3), cfg)
    first = look(scene)
    assert np.isfinite(first["depth"]).mean() > 0.02
    for _ in range(12):
        sim.step(render=False)
    later = look(scene)
    provider = SimulationContext.instance().get_scene_data_provider()
    moved = {path: points.numpy() for path, points in provider.get_geometry_points().items()}
    assert len(moved) == 2
    # The same points, authored on a copy of the stage whose prims stand at the origin.
    flat = scene.stage.Flatten()
    from pxr import Usd

    copy = Usd.Stage.Open(flat)
    for path, points in moved.items():
        mesh = UsdGeom.Mesh(copy.GetPrimAtPath(path))
        mesh.GetPointsAttr().Set(points)
        mesh.SetResetXformStack(True)
        mesh.ClearXformOpOrder()
        mesh.SetResetXformStack(True)
    with TiledRenderer(copy, RendererCfg(backend="warp", device="cpu", backface_culling=False)) as renderer:
        renderer.add_cameras("/World/envs/env_.*/Camera", width=48, height=48, outputs=["depth"])
        want = renderer.render()["depth"].numpy()
    hit = np.isfinite(want) & np.isfinite(later["depth"])
    assert (np.isfinite(want) == np.isfinite(later["depth"])).mean() > 0.998
    assert np.abs(want[hit] - later["depth"][hit]).max() < 1e-3
    fallen = np.isfinite(first["depth"]) != np.isfinite(later["depth"])
    assert fallen.mean() > 0.005


def cable_scene(renderers: dict[str, Any]) -> Any:
    """Two environments with a cable across the view of a camera by each renderer."""
    import isaaclab.sim as sim_utils
    from isaaclab.assets import CableObjectCfg
    from isaaclab.scene import InteractiveSceneCfg
    from isaaclab.sim.spawners.materials import CableMaterialCfg
    from isaaclab.utils import configclass

    @configclass
    class SceneCfg(InteractiveSceneCfg):
        cable = CableObjectCfg(
            prim_path="{ENV_REGEX_NS}/Cable",
            spawn=sim_utils.CableCfg(
                positions=tuple((0.0, 0.1 * k, 1.0) for k in range(7)),
                physics_material=CableMaterialCfg(
                    thickness=0.09, density=500.0, stretch_stiffness=1e5, bend_stiffness=10.0
                ),
            ),
        )

    cfg = SceneCfg(num_envs=2, env_spacing=3.0)
    for name, renderer in renderers.items():
        mine = camera(("depth",), (-1.2, 0.3, 1.0))
        mine.prim_path, mine.renderer_cfg = f"{{ENV_REGEX_NS}}/{name}", renderer
        setattr(cfg, name, mine)
    return cfg


def test_cables_are_drawn_where_newton_draws_them(simulate: Callable[..., Any]) -> None:
    from isaaclab_newton.physics import VBDSolverCfg
    from isaaclab_newton.renderers import NewtonWarpRendererCfg

    from omni.isaac.ovrtx_render.isaaclab import OvrtxRendererCfg

    cfg = cable_scene({"ours": OvrtxRendererCfg(backend="warp"), "theirs": NewtonWarpRendererCfg()})
    sim, scene = simulate(VBDSolverCfg(iterations=20), cfg)

    def depths(name: str) -> np.ndarray:
        depth = scene[name].data.output["depth"].torch.cpu().numpy().copy()
        return np.where(np.isfinite(depth), depth, 0.0)  # Newton says 0 where it hits nothing

    rows = []
    for steps in (0, 15):
        for _ in range(steps):
            sim.step(render=False)
        scene.update(0.01)
        ours, theirs = depths("ours"), depths("theirs")
        both, either = (ours > 0) & (theirs > 0), (ours > 0) | (theirs > 0)
        # Newton's cable is of round capsules: its ends are longer, and a tube's eight sides lie a little inside.
        assert both.sum() > 0.8 * either.sum() > 60
        assert np.median(np.abs(ours - theirs)[both]) < 5e-3
        rows.append(np.argwhere(ours > 0)[:, 1].mean())
    assert rows[1] > rows[0] + 2


def robot_scene(folder: Path, channels: tuple[str, ...]) -> Any:
    import isaaclab.sim as sim_utils
    from isaaclab.assets import AssetBaseCfg, RigidObjectCfg, VisualMaterialCfg
    from isaaclab.scene import InteractiveSceneCfg
    from isaaclab.utils import configclass

    path = folder / "robot.usda"
    path.write_text(ROBOT)

    @configclass
    class SceneCfg(InteractiveSceneCfg):
        paint = VisualMaterialCfg(
            prim_path="{ENV_REGEX_NS}/Robot/paint",
            spawn=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.5, 0.5, 0.5)),
            channels=channels,
        )
        other = VisualMaterialCfg(
            prim_path="{ENV_REGEX_NS}/Robot/other", spawn=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.5, 0.5, 0.5))
        )
        robot = AssetBaseCfg(
            prim_path="{ENV_REGEX_NS}/Robot",
            spawn=sim_utils.UsdFileCfg(
                usd_path=str(path), visual_material_bindings={"body": "./paint", "foot": "./other"}
            ),
            cloning_contexts=("isaaclab.cloner:UsdReplicateContext",),
        )
        ball = RigidObjectCfg(  # physics wants something that moves
            prim_path="{ENV_REGEX_NS}/Ball",
            spawn=sim_utils.SphereCfg(
                radius=0.1,
                rigid_props=sim_utils.RigidBodyPropertiesCfg(),
                mass_props=sim_utils.MassPropertiesCfg(mass=1.0),
                collision_props=sim_utils.CollisionPropertiesCfg(),
            ),
            init_state=RigidObjectCfg.InitialStateCfg(pos=(0.0, 0.0, 5.0)),
        )
        light = AssetBaseCfg(prim_path="/World/Light", spawn=sim_utils.DistantLightCfg(intensity=2000.0))
        camera = camera(("albedo", "rgb"), (-3.0, 0.2, 0.0))

    return SceneCfg(num_envs=4, env_spacing=6.0)


def test_materials_change_by_environment(simulate: Callable[..., Any], tmp_path: Path) -> None:
    import torch
    from isaaclab.assets import VisualMaterial
    from isaaclab_newton.physics import MJWarpSolverCfg

    _, scene = simulate(MJWarpSolverCfg(), robot_scene(tmp_path, ("color", "roughness")))
    before = look(scene)
    assert (before["albedo"][..., 0] == 188).any()  # 0.5 in sRGB
    colors = torch.tensor([[[0.9, 0.0, 0.0], [0.0, 0.0, 0.9]]])
    envs = torch.tensor([3, 1], dtype=torch.int32)
    VisualMaterial.write_channels([scene["paint"]], {"color": colors}, envs)
    after = look(scene)
    np.testing.assert_array_equal(after["albedo"][[0, 2]], before["albedo"][[0, 2]])
    red, blue = after["albedo"][3, 24, 24], after["albedo"][1, 24, 24]
    assert red[0] > 200 and red[2] == 0
    assert blue[2] > 200 and blue[0] == 0
    foot = before["albedo"][0, ..., 0].max(axis=0).nonzero()[0]  # columns with something in them
    np.testing.assert_array_equal(after["albedo"][3, :, foot[0]], before["albedo"][3, :, foot[0]])


def test_a_channel_that_cannot_be_drawn_is_refused_by_name() -> None:
    from types import SimpleNamespace

    from omni.isaac.ovrtx_render.errors import ConfigError
    from omni.isaac.ovrtx_render.isaaclab.materials import MaterialWriter

    batch = SimpleNamespace(channel="uv_scale", material_paths=("/World/m",), input_names=("texture_scale",))
    with pytest.raises(ConfigError, match="texture_scale of /World/m"):
        MaterialWriter([batch])


def test_omnipbr_inputs_are_read_as_the_stage_reader_reads_them() -> None:
    """Written tint, emission and specular level give what the same values authored on the stage give."""
    from types import SimpleNamespace

    import torch
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

    from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer
    from omni.isaac.ovrtx_render.isaaclab.materials import MaterialWriter

    def build(values: dict[str, Any]) -> Usd.Stage:
        stage = Usd.Stage.CreateInMemory()
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        looks = UsdShade.Material.Define(stage, "/World/envs/env_0/look")
        shader = UsdShade.Shader.Define(stage, "/World/envs/env_0/look/shader")
        shader.SetSourceAsset(Sdf.AssetPath("OmniPBR.mdl"), "mdl")
        shader.SetSourceAssetSubIdentifier("OmniPBR", "mdl")
        shader.CreateInput("enable_emission", Sdf.ValueTypeNames.Bool).Set(True)
        looks.CreateSurfaceOutput("mdl").ConnectToSource(shader.ConnectableAPI(), "out")
        for name, value in values.items():
            color = isinstance(value, tuple)
            kind = Sdf.ValueTypeNames.Color3f if color else Sdf.ValueTypeNames.Float
            shader.CreateInput(name, kind).Set(Gf.Vec3f(*value) if color else value)
        ball = UsdGeom.Sphere.Define(stage, "/World/envs/env_0/ball")
        UsdShade.MaterialBindingAPI.Apply(ball.GetPrim()).Bind(looks)
        UsdGeom.XformCommonAPI(UsdGeom.Camera.Define(stage, "/World/envs/env_0/camera")).SetTranslate((0, 0, 6))
        UsdLux.DistantLight.Define(stage, "/World/light").CreateIntensityAttr(2.0)
        return stage

    def draw(renderer: TiledRenderer) -> np.ndarray:
        return renderer.render()["rgb_hdr"].numpy().copy()

    def opened(stage: Usd.Stage) -> TiledRenderer:
        renderer = TiledRenderer(stage, RendererCfg(backend="warp", device="cpu", exposure=0.0))
        renderer.add_cameras(width=16, height=16, outputs=["rgb_hdr"])
        return renderer

    start = {
        "diffuse_color_constant": (0.4, 0.4, 0.4),
        "diffuse_tint": (0.5, 1.0, 1.0),
        "emissive_color": (0.1, 0.2, 0.3),
        "emissive_intensity": 1.0,
        "specular_level": 0.5,
        "reflection_roughness_constant": 0.3,
    }
    new = {
        "diffuse_color_constant": (0.9, 0.3, 0.2),
        "emissive_color": (0.3, 0.1, 0.1),
        "emissive_intensity": 2.0,
        "specular_level": 0.9,
        "reflection_roughness_constant": 0.2,
    }
    stage = build(start)
    batches = [
        SimpleNamespace(
            channel=name,
            material_paths=("/World/envs/env_0/look",),
            shader_paths=("/World/envs/env_0/look/shader",),
            input_names=(name,),
            values=torch.tensor([start[name]]),
        )
        for name in new
    ]
    writer = MaterialWriter(batches)
    renderer = opened(stage)
    plain = draw(renderer)
    writer.bind(renderer, stage)
    np.testing.assert_allclose(draw(renderer), plain, atol=1e-5)
    for batch in batches:
        batch.values[:] = torch.tensor([new[batch.channel]])
    writer({batch.channel: None for batch in batches}, None)
    want = draw(opened(build({**start, **new})))
    np.testing.assert_allclose(draw(renderer), want, atol=1e-4)
    assert np.abs(want - plain).max() > 0.1
