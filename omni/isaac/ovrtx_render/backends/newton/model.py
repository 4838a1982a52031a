"""The Newton model that is drawn: built from a Scene, or one that the caller's simulation has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import newton
import numpy as np
import warp as wp

from ...config import RendererCfg
from ...errors import ConfigError
from ...scene.color_spaces import linear_to_srgb
from ...scene.data import Scene
from .kernels import place_shapes
from .prototypes import Part, Prototypes, is_drawn

__all__ = ["DrawnModel", "build_model", "given_model"]

_COLLIDE = int(newton.ShapeFlags.COLLIDE_SHAPES) | int(newton.ShapeFlags.COLLIDE_PARTICLES)


@dataclass(eq=False)
class DrawnModel:
    """A Newton model, and how its shapes follow the Scene.

    Attributes:
        model: The Newton model.
        state: Gives the state to draw.
        instance: (S,) index in ``Scene.instances`` of each shape, -1 if it has none.
        textured: Whether any shape has a texture.
        colors: (S, 3) linear colour of each shape as authored, white where a texture gives it.
        follows: Frame, size, axes and flip of each shape on the device, or None: poses come from the state.
        moved: Whether a frame was written since the shapes followed them last.
    """

    model: Any
    state: Callable[[], Any]
    instance: np.ndarray
    textured: bool
    colors: np.ndarray
    follows: list[wp.array] | None = None
    moved: bool = True

    def refresh(self, frames: wp.array) -> Any:
        """Bring the shapes to where ``frames`` or the state have them; returns the state."""
        state = self.state()
        if not self.moved and self.follows is not None:
            return state
        if self.follows is not None:
            wp.launch(
                place_shapes,
                dim=len(self.instance),
                inputs=[frames, *self.follows, self.model.shape_transform, self.model.shape_scale],
                device=self.model.device,
            )
        self.model.bvh_refit_shapes(state)
        self.moved = False
        return state


def build_model(
    scene: Scene, cfg: RendererCfg, device: wp.Device, bakes: list[np.ndarray | None], everything: bool
) -> DrawnModel:
    """Build a model of a scene: a world an environment, nothing but what is seen, no bodies.

    Args:
        scene: The scene.
        cfg: The configuration.
        device: Warp device.
        bakes: By instance; see :func:`~.prototypes.split_transforms`.
        everything: One world that sees all environments, instead of one for each.
    """
    inst = scene.instances
    prototypes = Prototypes(scene, cfg.backface_culling)
    drawn = np.flatnonzero([is_drawn(scene.materials[m]) for m in inst.material])
    envs = np.full(len(inst), -1) if everything else inst.env
    by_env: dict[int, list[int]] = {env: [] for env in range(-1, max(scene.num_envs, 1))}
    for i in drawn:
        by_env[int(envs[i])].append(int(i))

    builder = newton.ModelBuilder()
    instances: list[int] = []
    parts: list[Part] = []

    def note(indices: list[int]) -> list[Part]:
        made = [(i, part) for i in indices for part in prototypes.parts(i, bakes[i])]
        instances.extend(i for i, _ in made)
        parts.extend(part for _, part in made)
        return [part for _, part in made]

    _add(builder, note(by_env.pop(-1)))
    worlds = [note(indices) for indices in by_env.values()]
    for shapes, equal in groupby(worlds):  # a part compares by identity, so clones are equal
        one = newton.ModelBuilder()
        _add(one, shapes)
        builder.replicate(one, len(list(equal)))
    model = builder.finalize(device=device)
    colors = np.array([prototypes.color(i) for i in instances]).reshape(-1, 3)
    if instances:
        model.shape_color.assign(linear_to_srgb(colors).astype(np.float32))

    def put(values: list[Any], dtype: Any) -> wp.array:
        return wp.array(np.array(values), dtype=dtype, device=device)

    follows = None
    if parts:
        follows = [
            put(instances, wp.int32),
            put([part.size for part in parts], wp.vec3),
            put([part.axes for part in parts], wp.vec3i),
            put([int(part.flip) for part in parts], wp.int32),
        ]
    state = model.state()
    textured = any(part.mesh is not None and part.mesh.texture is not None for part in parts)
    return DrawnModel(model, lambda: state, np.array(instances, np.int64), textured, colors, follows)


def _add(builder: Any, parts: list[Part]) -> None:
    for part in parts:
        builder.add_shape(body=-1, type=part.kind, scale=part.size, src=part.mesh)
    builder.shape_flags = [int(flags) & ~_COLLIDE for flags in builder.shape_flags]
    builder.shape_collision_filter_pairs = []


def given_model(scene: Scene, model: Any, state: Any, device: wp.Device) -> DrawnModel:
    """Take a simulation's own model. Its shapes are known by their labels, which are prim paths.

    Args:
        scene: The scene, for labels and cameras.
        model: ``newton.Model``.
        state: ``newton.State``, or a function that returns the present one.
        device: Warp device that the renderer is for.

    Raises:
        ConfigError: These are no model and state, or they are on another device.
    """
    if not isinstance(model, newton.Model):
        raise ConfigError(f"backend_options['model'] is a {type(model).__name__}; expected a newton.Model")
    get = state if callable(state) else lambda: state
    if not isinstance(get(), newton.State):
        raise ConfigError(
            f"backend_options['state'] is a {type(state).__name__}; expected a newton.State, or a function without "
            "arguments that returns the present one"
        )
    if model.device != device:
        raise ConfigError(f"the Newton model is on {model.device}, the renderer on {device}; give both the same device")
    worlds = model.shape_world.numpy() if len(model.shape_label) else []
    labels = _own_paths(model.shape_label, worlds, scene)
    textured = any(getattr(source, "texture", None) is not None for source in model.shape_source)
    return DrawnModel(model, get, _instances_of(labels, scene), textured, np.ones((len(labels), 3)))


def _own_paths(labels: list[str], worlds: Any, scene: Scene) -> list[str]:
    """Prim paths of shapes: a world that was replicated has the labels of the environment it was made from."""
    roots = set(scene.env_paths)
    levels = scene.env_paths[0].count("/") + 1 if scene.env_paths else 0
    paths = []
    for label, world in zip(labels, worlds, strict=True):
        parts = label.split("/")
        if 0 <= world < len(roots) and "/".join(parts[:levels]) in roots:
            label = "/".join([scene.env_paths[world], *parts[levels:]])
        paths.append(label)
    return paths


def _instances_of(paths: list[str], scene: Scene) -> np.ndarray:
    """(S,) index in ``Scene.instances`` of prim paths: at, else below, else above the path; -1 if there is none."""
    at: dict[str, int] = {}
    below: dict[str, int] = {}
    for i, index in enumerate(scene.instances.path):
        path = scene.paths[index]
        at.setdefault(path, i)
        while path := path.rpartition("/")[0]:
            below.setdefault(path, i)
    found = []
    for path in paths:
        instance = at.get(path, below.get(path, -1))
        while instance < 0 and (path := path.rpartition("/")[0]):
            instance = at.get(path, -1)
        found.append(instance)
    return np.array(found, np.int64)
