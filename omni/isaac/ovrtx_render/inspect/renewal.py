"""What was told of single prims is forgotten, or told anew, as they are now."""

from __future__ import annotations

from collections.abc import Collection

from pxr import Usd

from ..scene.data import Material
from ..scene.shading_networks import Primvars
from .bindings import Binding, bound_subsets
from .clones import ENV, OUTSIDE
from .engine import LOOK_CODES, RETOLD_CODES, Engine, MaterialOf
from .refine import refine
from .rereading import SinglePrims

__all__ = ["Renewal"]


class Renewal:
    """Takes what single prims are now over into an engine. One is made for each batch of edits.

    Args:
        engine: What is known of the stage.

    Attributes:
        readers: The scene's readers, for single prims.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        engine.networks.clear()
        self.readers = SinglePrims(engine.stage, engine.cfg, engine.shapes)
        engine.resolver = self.readers.materials.bindings

    def check_look(self, prim: Usd.Prim, envs: frozenset[int]) -> None:
        """Check what a drawn prim shows after an edit of it, or of what it shows."""
        engine, path = self._engine, str(prim.GetPath())
        before = engine.shown_in(engine.clones.locate(path)[1], envs)
        engine.check_own_binding(prim, path, envs)
        engine.check_look(prim, path, envs, self.material_of(path))
        self.take_look(path, envs, before)

    def check_network(self, path: str, user: Usd.Prim, envs: frozenset[int]) -> None:
        """Check a material after an edit of it, for a drawn prim that shows it as before."""
        engine = self._engine
        env, name = engine.clones.locate(path)
        became = None
        if len(engine.placed.rows_of(str(user.GetPath()))):
            became = self.readers.materials.read(engine.stage.GetPrimAtPath(path), Primvars(user))
        engine.check_network(path, user, envs, became)
        self._take_network(name, env, envs)

    def material_of(self, path: str) -> MaterialOf:
        """Reads what a prim shows now; of a prim that cannot be drawn nothing is read."""
        return self._material_of if len(self._engine.placed.rows_of(path)) else lambda prim, binding: None

    def _material_of(self, prim: Usd.Prim, binding: Binding) -> Material:
        return self.readers.material_of(prim)

    def has_colors(self, path: str) -> bool:
        """Whether the colours of a drawn prim are in its geometry, or were, or something is told of that."""
        engine, prim = self._engine, self._engine.stage.GetPrimAtPath(path)
        if any(piece.mesh is not None and piece.mesh.colors is not None for piece in engine.placed.pieces_of(path)):
            return True
        shown = (self.readers.material_of(each) for each in (prim, *bound_subsets(prim)))
        return engine.told.has(path, "read") or any(material.use_vertex_color for material in shown)

    def take_look(self, path: str, envs: frozenset[int], before: Collection[str] = ()) -> None:
        """Take over what was read of the look of a prim.

        Args:
            path: The prim.
            envs: Environments in which it is the same.
            before: Names of the materials that it showed before.
        """
        engine = self._engine
        env, name = engine.clones.locate(path)
        own = [refine(engine.stage, one) for one in self.readers.findings_at(path) if one.code in LOOK_CODES]
        engine.told.put(path, "read look", own, envs)
        now = engine.shown_in(name, envs)
        for material in now:
            self._take_network(material, env, envs)
        for material in set(before) - now:
            self._release(material, envs)

    def take_shape(self, path: str, envs: frozenset[int]) -> None:
        """Take over what was read of the geometry of a prim, or of a light."""
        found = [one for one in self.readers.findings_at(path) if one.code not in LOOK_CODES | RETOLD_CODES]
        self._engine.told.put(path, "read", [refine(self._engine.stage, one) for one in found], envs)

    def forget(self, path: str, envs: frozenset[int], keep: Collection[str] = ()) -> None:
        """Forget all that is known of a prim and what is below it, but for some aspects."""
        engine = self._engine
        name = engine.clones.locate(path)[1]
        below = f"{name}/"
        engine.told.forget(name, envs, keep)
        for kind, names in engine.kinds.items():
            for each in [each for each in names if each == name or each.startswith(below)]:
                for env in [env for env in envs if env in names[each]]:
                    place = engine.clones.place(each, env)
                    if kind == "drawn":
                        engine.placed.remove(place)
                        engine.inside_out.discard(place)
                    engine.lights.pop(place, None)
                    engine.cameras.pop(place, None)
                self._forget_look(each, envs)
                engine.note_kind(each, "", envs)

    def _forget_look(self, name: str, envs: frozenset[int]) -> None:
        before = self._engine.shown_in(name, envs)
        self._engine.looks[name].replace(None, envs)
        for material in before:
            self._release(material, envs)

    def _take_network(self, name: str, env: int, envs: frozenset[int]) -> None:
        """Take over what was read of a material that a prim shows."""
        engine = self._engine
        path = engine.clones.place(name, env)
        concerned = OUTSIDE if engine.clones.locate(path)[0] < 0 else envs
        found = [one for one in self.readers.findings if one.path == path or one.path.startswith(f"{path}/")]
        engine.told.put(path, "read network", [refine(engine.stage, one) for one in found], concerned)

    def _release(self, name: str, envs: frozenset[int]) -> None:
        """Forget a material where nobody shows it any more."""
        engine = self._engine
        for env in envs if name.startswith(ENV) else OUTSIDE:
            one = frozenset((env,))
            if not any(name in engine.shown_in(user, one) for user in engine.users.get(name, ())):
                engine.told.forget(name, one)
