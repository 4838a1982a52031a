"""The renderers that are compared, behind one small interface: build, frame, depth, colour.

A frame is: body poses that are already on the device become pictures in a device buffer. Every system does its own
bookkeeping for moved bodies in that time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import warp as wp
from _scenes import AMBIENT, FAR, FLOOR_COLOR, FOV_DEGREES, LIGHT_DIRECTION, Row, body_path, make_scene

__all__ = ["SYSTEMS", "System"]


class System(Protocol):
    """One renderer showing one row."""

    def frame(self) -> None:
        """Render all environments once; returns when the pictures are complete."""

    def depth(self) -> np.ndarray:
        """Planar depth (N, H, W) float [m]; a miss is inf."""

    def color(self) -> np.ndarray | None:
        """Pictures (N, H, W, 3) uint8, or None if the row has none."""

    def close(self) -> None:
        """Give up what the system holds."""


class Ours:
    """This package; ``preset`` and ``threads`` as in its configuration."""

    def __init__(self, row: Row, size: int, device: str, preset: str = "fast", threads: int | None = None) -> None:
        from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer

        dark = (0.0, 0.0, 0.0)  # nobody draws a sky
        cfg = RendererCfg.preset(preset, backend="warp", device=device, exposure=0.0, background=dark, threads=threads)
        if preset == "fast":
            cfg = cfg.replace(shadows=row.shadows)
        self._device = device
        self._renderer = TiledRenderer(make_scene(row), cfg)
        outputs = ("rgb", "depth") if row.color else ("depth",)
        self._cameras = self._renderer.add_cameras(None, width=size, height=size, outputs=outputs)
        envs, count = row.positions.shape[:2]
        self._bodies = self._renderer.bind_transforms([body_path(e, b) for e in range(envs) for b in range(count)])
        self._positions = wp.array(row.positions.reshape(-1, 3), dtype=wp.vec3, device=device)
        upright = np.tile(np.array([0, 0, 0, 1], np.float32), (envs * count, 1))
        self._quats = wp.array(upright, dtype=wp.quat, device=device)
        self._out: dict[str, Any] = {}

    def frame(self) -> None:
        self._bodies.write(self._positions, quat_xyzw=self._quats)
        self._out = self._renderer.render(self._cameras)
        wp.synchronize_device(self._device)

    def depth(self) -> np.ndarray:
        return self._out["depth"].numpy()[..., 0]

    def color(self) -> np.ndarray | None:
        return self._out["rgb"].numpy() if "rgb" in self._out else None

    def close(self) -> None:
        self._renderer.close()


class Newton:
    """Newton's SensorCamera, in its fastest pixel order for a CPU."""

    def __init__(self, row: Row, size: int, device: str) -> None:
        import newton
        from newton.sensors import SensorCamera

        envs = len(row.positions)
        one = newton.ModelBuilder()
        for i, body in enumerate(row.bodies):
            link = one.add_body(xform=wp.transform(tuple(map(float, row.positions[0, i])), wp.quat_identity()))
            color = (1.0, 1.0, 1.0) if row.texture is not None else body.color
            if body.kind == "box":
                one.add_shape_box(link, hx=body.size, hy=body.size, hz=body.size, color=color)
            elif body.kind == "sphere":
                one.add_shape_sphere(link, radius=body.size, color=color)
            else:
                uvs = body.uvs if row.texture is not None else None
                mesh = newton.Mesh(
                    body.points,
                    body.triangles.flatten(),
                    normals=body.normals,
                    uvs=uvs,
                    texture=row.texture,
                    compute_inertia=False,
                    is_solid=False,
                )
                one.add_shape_mesh(link, mesh=mesh, color=color)
        collide = int(newton.ShapeFlags.COLLIDE_SHAPES) | int(newton.ShapeFlags.COLLIDE_PARTICLES)
        one.shape_flags = [int(f) & ~collide for f in one.shape_flags]
        one.shape_collision_filter_pairs = []
        every = newton.ModelBuilder()
        every.replicate(one, envs)
        every.add_ground_plane(color=FLOOR_COLOR)
        self._device = device
        self._model = every.finalize(device=device)
        self._state = self._model.state()
        poses = self._state.body_q.numpy()
        poses[:, :3] = row.positions.reshape(-1, 3)
        self._state.body_q.assign(poses)
        self._model.bvh_refit_shapes(self._state)

        self._sensor = SensorCamera(self._model)
        self._sensor.create_default_light(enable_shadows=row.shadows, direction=wp.vec3f(*LIGHT_DIRECTION))
        cfg = self._sensor.default_render_config
        cfg.enable_shadows, cfg.enable_textures = row.shadows, row.texture is not None
        cfg.render_order = SensorCamera.RenderOrder.TILED
        cfg.tile_width = cfg.tile_height = 8
        self._rays = SensorCamera.compute_camera_rays_pinhole(
            size, size, camera_fov=float(np.radians(FOV_DEGREES)), device=device
        )
        turn = wp.quat_from_matrix(wp.mat33f(*row.camera[:3, :3].T.astype(np.float32).flatten().tolist()))
        eye = wp.transformf(wp.vec3f(*row.camera[3, :3]), turn)
        self._poses = wp.array([eye] * envs, dtype=wp.transformf, device=device)
        self._color = self._sensor.allocate_image_color(envs, size, size) if row.color else None
        self._depth = self._sensor.allocate_image_depth_forward(envs, size, size)

    def frame(self) -> None:
        self._model.bvh_refit_shapes(self._state)
        self._sensor.update(
            self._state, self._poses, self._rays, color_image=self._color, forward_depth_image=self._depth
        )
        wp.synchronize_device(self._device)

    def depth(self) -> np.ndarray:
        depth = self._depth.numpy()
        return np.where(depth > 0, depth, np.inf)

    def color(self) -> np.ndarray | None:
        if self._color is None:
            return None
        packed = self._color.numpy()
        return packed.view(np.uint8).reshape(*packed.shape, 4)[..., :3]

    def close(self) -> None:
        del self._sensor, self._model, self._state


class MujocoWarp:
    """The batch renderer of mujoco_warp; bodies are mocap bodies, so that no physics runs."""

    def __init__(self, row: Row, size: int, device: str) -> None:
        import mujoco
        import mujoco_warp as mjw

        self._mjw, self._device = mjw, device
        envs = len(row.positions)
        with tempfile.TemporaryDirectory() as folder:
            model = mujoco.MjModel.from_xml_string(_mjcf(row, Path(folder)))
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        with wp.ScopedDevice(device):
            self._model, self._data = mjw.put_model(model), mjw.put_data(model, data, nworld=envs)
            self._data.mocap_pos.assign(row.positions)
            mjw.kinematics(self._model, self._data)
            mjw.camlight(self._model, self._data)
            self._context = mjw.create_render_context(
                model,
                nworld=envs,
                cam_res=(size, size),
                render_rgb=row.color,
                render_depth=True,
                use_textures=row.texture is not None,
                use_shadows=row.shadows,
                background_color=(0.0, 0.0, 0.0, 1.0),
            )
        self._shape, self._row = (envs, size, size), row

    def frame(self) -> None:
        with wp.ScopedDevice(self._device):
            self._mjw.refit_bvh(self._model, self._data, self._context)
            self._mjw.render(self._model, self._data, self._context)
            wp.synchronize_device(self._device)

    def depth(self) -> np.ndarray:
        depth = self._context.depth_data.numpy().reshape(self._shape)
        return np.where(depth > 0, depth, np.inf)

    def color(self) -> np.ndarray | None:
        if not self._row.color:
            return None
        packed = self._context.rgb_data.numpy().reshape(self._shape)
        return np.stack([(packed >> s) & 255 for s in (16, 8, 0)], -1).astype(np.uint8)

    def close(self) -> None:
        del self._context, self._data, self._model


def _mjcf(row: Row, folder: Path) -> str:
    """Write the meshes and the texture of a row into ``folder`` and return the MJCF that uses them."""
    assets, bodies = "", ""
    if row.texture is not None:
        from PIL import Image

        Image.fromarray(row.texture).save(folder / "skin.png")
        assets += '<texture name="skin" type="2d" file="skin.png"/><material name="skin" texture="skin"/>'
    for i, body in enumerate(row.bodies):
        look = 'material="skin"' if row.texture is not None else 'rgba="{} {} {} 1"'.format(*body.color)
        if body.kind == "mesh":
            lines = [f"v {x} {y} {z}" for x, y, z in body.points] + [f"vt {u} {v}" for u, v in body.uvs]
            lines += [f"vn {x} {y} {z}" for x, y, z in body.normals]
            lines += ["f " + " ".join(f"{k}/{k}/{k}" for k in corners) for corners in body.triangles + 1]
            (folder / f"{i}.obj").write_text("\n".join(lines))
            assets += f'<mesh name="m{i}" file="{i}.obj" inertia="shell"/>'
            shape = f'type="mesh" mesh="m{i}"'
        else:
            shape = f'type="{body.kind}" size="{body.size} {body.size} {body.size}"'
        at = " ".join(map(str, row.positions[0, i]))
        bodies += f'<body mocap="true" pos="{at}"><geom {shape} {look} contype="0" conaffinity="0"/></body>'
    m = row.camera
    axes, eye = " ".join(f"{v:.8f}" for v in m[:2, :3].ravel()), " ".join(f"{v:.8f}" for v in m[3, :3])
    floor, beam = " ".join(map(str, FLOOR_COLOR)), " ".join(f"{v:.8f}" for v in LIGHT_DIRECTION)
    return f"""<mujoco>
  <compiler meshdir="{folder}" texturedir="{folder}"/>
  <visual><headlight active="0"/><map znear="0.01" zfar="{FAR}"/></visual>
  <statistic extent="1" center="0 0 0.5"/>
  <asset>{assets}</asset>
  <worldbody>
    <light directional="true" dir="{beam}" diffuse="1 1 1" ambient="{AMBIENT} {AMBIENT} {AMBIENT}" specular="0 0 0"
      castshadow="{str(row.shadows).lower()}"/>
    <geom type="plane" size="0 0 .1" rgba="{floor} 1" contype="0" conaffinity="0"/>
    {bodies}
    <camera name="camera" pos="{eye}" xyaxes="{axes}" fovy="{FOV_DEGREES}"/>
  </worldbody>
</mujoco>"""


SYSTEMS: dict[str, type] = {"ours": Ours, "newton": Newton, "mujoco_warp": MujocoWarp}
"""Renderer by name."""
