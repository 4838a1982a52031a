"""The Scene on a device: flat arrays packed once, and the frames that pose writes move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from ...config import RendererCfg
from ...scene.data import AlphaMode, Geometry, GeometryKind, Light, LightKind, Mesh, Scene
from ..ids import palette, semantic_palette
from .bvh import LEAF_FLOATS, build_bvh, node_floats
from .environment import Environment, EnvironmentMap, bake_environment
from .features import scene_features
from .launching import launch
from .materials import pack_materials
from .native import CPU_WIDTH, CUDA_WIDTH
from .resolve import encode_table
from .surface import MeshAttributes, ShadingScene
from .textures import Textures
from .transforms import refresh_clusters, refresh_instances
from .types import HEADLIGHT, Affine, LightState, Shapes

__all__ = [
    "HEADLIGHT",
    "LUMINANCE",
    "DeviceScene",
    "affine_rows",
    "automatic_exposure",
    "irradiance",
    "pack_lights",
    "refresh_lights",
    "refresh_materials",
    "scene_center",
    "upload",
    "upload_environment",
]

CLUSTER = 16
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Weights of linear Rec. 709."""
_ENDLESS = 1.0e12


@dataclass(eq=False)
class DeviceScene:
    """Everything the kernels read.

    Frames are the transforms of all that can be moved: instances (in device order), then lights, then cameras.

    Attributes:
        order: (I,) index in ``Scene.instances`` of each device instance.
        frames: (I + L + C,) Affine; its first I rows are ``shapes.local_to_world`` itself.
        lights: Lights sorted by environment (domes left out); ``light_frames`` the frame of each.
        max_lights: Most lights any environment sees.
        layered: Whether any material is not opaque.
        features: What the shading kernel must be able to do; see :mod:`.features`.
        exposure: Multiplier that the automatic exposure chose.
    """

    device: wp.Device
    order: np.ndarray
    shapes: Shapes
    shading: ShadingScene
    environment: Environment
    lights: wp.array
    light_begin: wp.array
    light_frames: wp.array
    frames: wp.array
    num_instances: int
    num_clusters: int
    num_lights: int
    max_lights: int
    max_visible: int
    has_dome: bool
    has_shadows: bool
    layered: bool
    features: int
    exposure: float
    semantic_of: wp.array
    owner_of: wp.array
    path_of: wp.array
    palette: wp.array
    semantic_palette: wp.array
    encode: wp.array


def affine_rows(matrices: np.ndarray, meters: float) -> np.ndarray:
    """(n, 4, 4) USD row-vector matrices in stage units as Affine records in metres."""
    out = np.zeros(len(matrices), Affine.numpy_dtype())
    if len(matrices):
        out["linear"] = np.swapaxes(matrices[:, :3, :3], 1, 2) * meters
        out["offset"] = matrices[:, 3, :3] * meters
    return out


def _bounds(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    p = [min(abs(x), _ENDLESS) for x in geometry.params]
    if geometry.kind == GeometryKind.PLANE:
        upper = np.array([p[0], p[1], 0.0])
    elif geometry.kind == GeometryKind.CUBE:
        upper = np.array(p[:3])
    elif geometry.kind == GeometryKind.SPHERE:
        upper = np.full(3, p[0])
    elif geometry.kind == GeometryKind.CAPSULE:
        upper = np.array([p[0], p[0], p[0] + p[1]])
    else:
        upper = np.array([p[0], p[0], p[1]])
    return -upper, upper


def _pack_geometry(scene: Scene, width: int, device: wp.Device) -> tuple[dict[str, wp.array], MeshAttributes]:
    bvhs = [build_bvh(mesh.points, mesh.triangles, width) for mesh in scene.meshes]
    node_start = np.cumsum([0, *(len(b.nodes) for b in bvhs)])
    leaf_start = np.cumsum([0, *(len(b.leaves) for b in bvhs)])
    records = np.zeros((max(len(scene.geometries), 1), 16), np.float32)
    base = np.full((max(len(scene.geometries), 1), 4), -1, np.int32)

    def rows(name: str) -> tuple[np.ndarray, np.ndarray]:
        """Concatenated corner attribute and the first row of each mesh (-1 where a mesh has none)."""
        parts, starts, n = [], [], 0
        for mesh in scene.meshes:
            value = _corner_points(mesh) if name == "points" else getattr(mesh, name)
            starts.append(-1 if value is None else n)
            if value is not None:
                parts.append(np.asarray(value, np.float32))
                n += len(value)
        size = 2 if name == "uvs" else 3
        return (np.concatenate(parts) if n else np.zeros((1, 3, size), np.float32)), np.array(starts, np.int32)

    attributes = {name: rows(name) for name in ("points", "normals", "uvs", "colors")}
    for i, geometry in enumerate(scene.geometries):
        bits = np.zeros(4, np.int32)
        bits[0] = int(geometry.kind)
        if geometry.kind == GeometryKind.MESH:
            m = geometry.mesh
            bits[1], bits[2] = node_start[m], leaf_start[m]
            lower, upper = bvhs[m].lower, bvhs[m].upper
            base[i] = [attributes[name][1][m] for name in ("points", "normals", "uvs", "colors")]
        else:
            lower, upper = _bounds(geometry)
            params = [min(abs(x), 1.0e30) for x in geometry.params]
            records[i, 4 : 4 + len(params)] = params
        records[i, :4] = bits.view(np.float32)
        records[i, 8:11], records[i, 12:15] = lower, upper

    def floats(parts: list[np.ndarray], columns: int) -> wp.array:
        flat = np.concatenate(parts) if parts else np.zeros((1, columns), np.float32)
        return wp.array(flat.reshape(-1), dtype=wp.float32, device=device)

    mesh = MeshAttributes()
    mesh.base = wp.array(base, dtype=wp.vec4i, device=device)
    mesh.points = wp.array(attributes["points"][0], dtype=wp.vec3, device=device)
    mesh.normals = wp.array(attributes["normals"][0], dtype=wp.vec3, device=device)
    mesh.uvs = wp.array(attributes["uvs"][0], dtype=wp.vec2, device=device)
    mesh.colors = wp.array(attributes["colors"][0], dtype=wp.vec3, device=device)
    arrays = {
        "geometry": wp.array(records.reshape(-1), dtype=wp.float32, device=device),
        "bvh_nodes": floats([b.nodes for b in bvhs], node_floats(width)),
        "bvh_leaves": floats([b.leaves for b in bvhs], LEAF_FLOATS),
    }
    return arrays, mesh


def _corner_points(mesh: Mesh) -> np.ndarray:
    return mesh.points[mesh.triangles]


def _casts_shadow(scene: Scene) -> np.ndarray:
    """(M,) 0: lets all light through, 1: none, 2: cut out by its opacity texture."""
    out = np.ones(max(len(scene.materials), 1), np.int32)
    for i, material in enumerate(scene.materials):
        if material.alpha_mode == AlphaMode.BLEND:
            out[i] = 0
        elif material.alpha_mode == AlphaMode.MASK:
            out[i] = 2 if material.opacity_texture else int(material.opacity >= material.opacity_threshold)
    return out


def _pack_cutouts(scene: Scene, textures: Textures) -> np.ndarray:
    """(M * 16,) float32: what a shadow ray needs of each opacity texture; layout in ``native/shadow.inl``."""
    out = np.zeros((max(len(scene.materials), 1), 16), np.float32)
    infos = textures.infos.numpy()
    for i, material in enumerate(scene.materials):
        ref = material.opacity_texture
        if ref is None:
            continue
        info = infos[ref.texture]
        bits = [info["offset"], info["width"], info["height"], ref.channel, int(ref.wrap_s), int(ref.wrap_t)]
        out[i, :6] = np.array(bits, np.int32).view(np.float32)
        out[i, 6:9] = ref.scale[ref.channel], ref.bias[ref.channel], material.opacity_threshold
        out[i, 9:15] = np.ravel(ref.uv_matrix)
        out[i, 15] = material.opacity
    return out.reshape(-1)


def _light_row(light: Light, meters: float, unit: str) -> tuple:
    """One LightState: sizes with the light's scale folded in, radiance normalised."""
    m = light.transform
    scale = np.linalg.norm(m[:3, :3], axis=1)
    axes = m[:3, :3] / np.maximum(scale, 1e-12)[:, None]
    z = axes[2]
    x = axes[0] - z * (axes[0] @ z)
    x = x / max(np.linalg.norm(x), 1e-12)
    rotation = np.stack([x, np.cross(z, x), z], axis=1)
    radiance = np.asarray(light.radiance, float)
    size = (0.0, 0.0)
    area = 1.0
    if light.kind == LightKind.DISTANT:
        half = np.radians(np.clip(light.angle, 0.0, 179.0)) / 2.0
        size = (np.sin(half), 0.0)
        if unit == "nit" and not light.normalize:
            radiance = radiance * np.pi * np.sin(half) ** 2
    elif light.kind == LightKind.SPHERE:
        radius = light.radius * float(np.cbrt(np.prod(np.maximum(scale, 1e-12))))
        area = 4.0 * np.pi * radius**2
        size = (radius, radius)
        if light.treat_as_point:  # the same intensity from a vanishing ball
            radiance = radiance * (radius / 1.0e-4) ** 2
            size = (1.0e-4, 1.0e-4)
    elif light.kind == LightKind.RECT:
        size = (light.width * scale[0] / 2.0, light.height * scale[1] / 2.0)
        area = 4.0 * size[0] * size[1]
    elif light.kind == LightKind.DISK:
        size = (light.radius * scale[0], light.radius * scale[1])
        area = np.pi * size[0] * size[1]
    elif light.kind == LightKind.CYLINDER:
        size = (light.radius * float(np.sqrt(scale[1] * scale[2])), light.length * scale[0] / 2.0)
        area = 4.0 * np.pi * size[0] * size[1]
    if light.normalize and light.kind != LightKind.DISTANT:
        radiance = radiance / max(area, 1.0e-12)
    lengths = size if light.kind == LightKind.DISTANT else tuple(s * meters for s in size)
    cone = np.cos(np.radians(min(light.cone_angle, 180.0)))
    inner = np.cos(np.radians(min(light.cone_angle, 180.0) * (1.0 - np.clip(light.cone_softness, 0.0, 1.0))))
    return (
        int(light.kind), rotation, m[3, :3] * meters, radiance, lengths, -1.0 if light.cone_angle >= 180.0 else cone,
        inner, light.focus, light.diffuse, light.specular, int(light.cast_shadows), light.env,
    )  # fmt: skip


def pack_lights(scene: Scene, cfg: RendererCfg) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """LightState table sorted by environment, its ranges, and the index in ``Scene.lights`` of each row."""
    picked = [i for i, light in enumerate(scene.lights) if light.kind != LightKind.DOME]
    picked.sort(key=lambda i: scene.lights[i].env)
    rows = [_light_row(scene.lights[i], scene.meters_per_unit, cfg.distant_light_unit) for i in picked]
    if not scene.lights and cfg.headlight:
        rows = [(HEADLIGHT, np.eye(3), np.zeros(3), np.full(3, np.pi), (0.02, 0.0), -1.0, 1.0, 0, 1, 1, 0, -1)]
    table = np.zeros(max(len(rows), 1), LightState.numpy_dtype())
    for i, row in enumerate(rows):
        table[i] = row
    envs = np.array([row[-1] for row in rows], np.int64)
    begin = np.searchsorted(envs, np.arange(-1, scene.num_envs + 1)).astype(np.int32)
    return table, begin, np.array(picked, np.int32)


def automatic_exposure(scene: Scene, lights: np.ndarray, count: int, dome: np.ndarray) -> float:
    """Multiplier that brings a white surface facing all lights of environment 0 just below white.

    Chosen once from the lights alone, so it is the same for every environment and does not flicker.
    """
    arriving = irradiance(lights[:count], scene_center(scene))[lights[:count]["env"] <= 0]
    total = float((np.pi * dome + arriving.sum(0)) @ LUMINANCE)
    return float(0.9 * np.pi / total) if total > 1.0e-12 else 1.0


def scene_exposure(scene: Scene, cfg: RendererCfg) -> float:
    """Multiplier that the configured exposure stands for, for backends that do not upload the scene."""
    if cfg.exposure != "auto":
        return float(2.0**cfg.exposure)
    lights, begin, _ = pack_lights(scene, cfg)
    return automatic_exposure(scene, lights, int(begin[-1]), bake_environment(scene).mean)


def scene_center(scene: Scene) -> np.ndarray:
    """(3,) median position [m] of what environment 0 sees."""
    own = scene.instances.transform[scene.instances.env <= 0][:, 3, :3]
    return (np.median(own, axis=0) if len(own) else np.zeros(3)) * scene.meters_per_unit


def irradiance(lights: np.ndarray, point: np.ndarray) -> np.ndarray:
    """(L, 3) irradiance of each light (LightState) on a surface at ``point`` [m] that faces it; shadows apart."""
    out = np.array(lights["radiance"], np.float64)
    for row, light in zip(out, lights, strict=True):
        if light["kind"] not in (LightKind.DISTANT, HEADLIGHT):
            a, b = light["size"]
            area = {LightKind.RECT: 4 * a * b, LightKind.CYLINDER: 4 * a * b}.get(light["kind"], np.pi * a * b)
            row *= area / max(float(((light["position"] - point) ** 2).sum()), float(area))
    return out


def _device_order(scene: Scene) -> np.ndarray:
    """(I,) order of the instances on the device: by environment, then endless ones first, then along a space-filling
    curve, so that clusters of successive instances are small."""
    inst = scene.instances
    endless = np.array([any(np.isinf(g.params)) for g in scene.geometries] or [False])[inst.geometry]
    center = inst.transform[:, 3, :3]
    if not len(inst):
        return np.zeros(0, np.int32)
    low, high = center.min(0), center.max(0)
    cell = np.clip((center - low) / max(float((high - low).max()), 1.0e-12) * 1023.0, 0, 1023).astype(np.int64)
    morton = sum(_spread_bits(cell[:, axis]) << axis for axis in range(3))
    return np.lexsort((morton, ~endless, inst.env)).astype(np.int32)


def _spread_bits(x: np.ndarray) -> np.ndarray:
    """Ten bits moved to every third place."""
    x = (x | (x << 16)) & 0x030000FF
    x = (x | (x << 8)) & 0x0300F00F
    x = (x | (x << 4)) & 0x030C30C3
    return (x | (x << 2)) & 0x09249249


def _clusters(begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First instance of each cluster (and the end), and the clusters of each environment, as ranges."""
    sizes = np.diff(begin)
    counts = -(-sizes // CLUSTER)
    cluster_begin = np.concatenate([[0], np.cumsum(counts)])
    within = np.arange(cluster_begin[-1]) - np.repeat(cluster_begin[:-1], counts)
    return np.concatenate([np.repeat(begin[:-1], counts) + within * CLUSTER, [begin[-1]]]), cluster_begin


def _ints(values: np.ndarray, device: wp.Device) -> wp.array:
    values = values if len(values) else np.zeros(1)
    return wp.array(np.ascontiguousarray(values, np.int32), dtype=wp.int32, device=device)


def upload_environment(baked: EnvironmentMap, device: wp.Device) -> Environment:
    environment = Environment()
    environment.radiance = wp.array(baked.radiance, dtype=wp.vec3, device=device)
    environment.lobes = wp.array(baked.lobes, dtype=wp.vec3, device=device)
    environment.to_map = wp.mat33(*baked.to_map.reshape(-1).tolist())
    return environment


def _set_materials(
    scene: Scene,
    cfg: RendererCfg,
    order: np.ndarray,
    shapes: Shapes,
    shading: ShadingScene,
    packed: Textures | None,
    device: wp.Device,
) -> bool:
    """Put materials, and what instances take from theirs, into the tables; returns whether any is not opaque.

    Args:
        packed: Textures that were packed before; they are used again if the materials read the same ones.
    """
    shading.materials, shading.textures = pack_materials(scene, cfg.shading == "pbr", device, packed)
    material_of = scene.instances.material[order]
    shapes.inst_material = shading.inst_material = _ints(material_of, device)
    alpha = np.array([m.alpha_mode for m in scene.materials] or [0])
    forced = np.array([m.double_sided for m in scene.materials] or [False])
    two_sided = scene.instances.double_sided[order] | forced[material_of]
    shapes.inst_two_sided = _ints(two_sided if cfg.backface_culling else np.ones(len(order), bool), device)
    shapes.inst_shadow = _ints(_casts_shadow(scene)[material_of], device)
    shapes.cutouts = wp.array(_pack_cutouts(scene, shading.textures), dtype=wp.float32, device=device)
    shapes.texels = shading.textures.texels
    return bool((alpha[material_of] != AlphaMode.OPAQUE).any())


def refresh_materials(to: DeviceScene, scene: Scene, cfg: RendererCfg) -> None:
    """Take over the materials of the scene; what is recorded of the old ones must be recorded again."""
    to.layered = _set_materials(scene, cfg, to.order, to.shapes, to.shading, to.shading.textures, to.device)
    to.features = scene_features(scene, cfg, to.environment.radiance.shape != (1, 1))


def refresh_lights(to: DeviceScene, scene: Scene, cfg: RendererCfg, changed: tuple[int, ...]) -> None:
    """Take over the lights of the scene, which are as many as before; the exposure stays."""
    table, _, _ = pack_lights(scene, cfg)
    to.lights.assign(table)
    to.has_shadows = bool(table["shadows"][: to.num_lights].any())
    if any(scene.lights[i].kind == LightKind.DOME for i in changed):
        baked = bake_environment(scene)
        to.environment = upload_environment(baked, to.device)
        to.features = scene_features(scene, cfg, baked.radiance.shape[:2] != (1, 1))


def upload(scene: Scene, cfg: RendererCfg, device: wp.Device, baked: EnvironmentMap, features: int) -> DeviceScene:
    """Pack a scene and put it on a device."""
    inst = scene.instances
    count = len(inst)
    order = _device_order(scene)
    env_sorted = inst.env[order]
    begin = np.searchsorted(env_sorted, np.arange(-1, scene.num_envs + 1)).astype(np.int32)
    meters = scene.meters_per_unit
    width = CUDA_WIDTH if device.is_cuda else CPU_WIDTH
    arrays, attributes = _pack_geometry(scene, width, device)
    light_table, light_begin, light_index = pack_lights(scene, cfg)
    num_lights = int(light_begin[-1])

    def ints(values: np.ndarray) -> wp.array:
        return _ints(values, device)

    moved = [inst.transform[order]]
    moved += [np.stack([light.transform for light in scene.lights])] if scene.lights else []
    moved += [np.stack([camera.transform for camera in scene.cameras])] if scene.cameras else []
    frames = wp.array(
        affine_rows(np.concatenate(moved) if moved else np.zeros((1, 4, 4)), meters), dtype=Affine, device=device
    )
    if not len(frames):
        frames = wp.zeros(1, dtype=Affine, device=device)

    shapes = Shapes()
    shapes.geometry = arrays["geometry"]
    shapes.bvh_nodes = arrays["bvh_nodes"]
    shapes.bvh_leaves = arrays["bvh_leaves"]
    shapes.inst_env = ints(env_sorted)
    shapes.inst_geometry = ints(inst.geometry[order])
    shapes.inst_uvs = ints(attributes.base.numpy()[inst.geometry[order], 2] if count else np.zeros(1))
    shapes.uvs = attributes.uvs
    shapes.local_to_world = frames
    shapes.world_to_local = wp.zeros(max(count, 1), dtype=Affine, device=device)
    shapes.bounds = wp.zeros(max(count, 1), dtype=wp.vec4, device=device)
    shapes.env_begin = ints(begin)
    shapes.num_envs = scene.num_envs
    shapes.see_all = int(cfg.see_all_envs)
    cluster_first, cluster_begin = _clusters(begin)
    shapes.cluster_first, shapes.cluster_begin = ints(cluster_first), ints(cluster_begin)
    shapes.cluster_bounds = wp.zeros(len(cluster_first), dtype=wp.vec4, device=device)
    if count:
        launch(refresh_instances, count, [shapes], device)
        launch(refresh_clusters, len(cluster_first) - 1, [shapes], device)

    shading = ShadingScene()
    shading.attributes = attributes
    layered = _set_materials(scene, cfg, order, shapes, shading, None, device)

    has_dome = any(light.kind == LightKind.DOME for light in scene.lights)

    per_env = np.diff(begin)[1:]
    own = int(count - begin[1] if cfg.see_all_envs or any(c.env < 0 for c in scene.cameras) else per_env.max(initial=0))
    own_lights = int(np.diff(light_begin)[1:].max(initial=0))
    exposure = (
        automatic_exposure(scene, light_table, num_lights, baked.mean) if cfg.exposure == "auto" else 2.0**cfg.exposure
    )
    return DeviceScene(
        device=device,
        order=order,
        shapes=shapes,
        shading=shading,
        environment=upload_environment(baked, device),
        lights=wp.array(light_table, dtype=LightState, device=device),
        light_begin=ints(light_begin),
        light_frames=ints(light_index + count),
        frames=frames,
        num_instances=count,
        num_clusters=len(cluster_first) - 1,
        num_lights=num_lights,
        max_lights=int(light_begin[1]) + own_lights,
        max_visible=max(int(begin[1]) + own, 1),
        has_dome=has_dome,
        has_shadows=bool(light_table["shadows"][:num_lights].any()),
        layered=layered,
        features=features,
        exposure=exposure,
        semantic_of=ints(inst.label[order] + 1),
        owner_of=ints(np.where(inst.label[order] > 0, inst.owner[order] + 2, 1)),
        path_of=ints(inst.path[order] + 2),
        semantic_palette=ints(semantic_palette(scene.labels, cfg.semantic_colors).view(np.int32)),
        palette=ints(palette(max(len(scene.paths), len(scene.labels)) + 2).view(np.int32)),
        encode=wp.array(encode_table(), dtype=wp.uint8, device=device),
    )
