"""Materials of a stage: one parameter block per distinct look, whatever shading language described it.

Of a material's surface outputs the first that can be read is used: universal (``outputs:surface``), then ``mtlx``,
then ``mdl``. A universal UsdPreviewSurface is what the author meant for renderers that do not run his shading language.

Materials that read constant primvars become one variant per value. Materials that come out equal are one entry, named
after the first; :meth:`MaterialReader.sources` tells the prims behind an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pxr import Sdf, Usd, UsdLux

from ..config import RendererCfg
from .data import AlphaMode, Finding, Material, Texture
from .material_bindings import BindingResolver
from .materialx import MATERIALX_SURFACES
from .mdl import mdl_model, read_mdl
from .preview_nodes import authored_space
from .preview_surface import read_preview_surface
from .report import Report
from .shader_inputs import shader_id, surface_source
from .shading_networks import NetworkReader, Primvars
from .textures import Image, TextureStore

__all__ = ["DEFAULT_COLOR", "FALLBACK_COLOR", "MaterialReader"]

DEFAULT_COLOR = (0.18, 0.18, 0.18)
"""Base colour of a prim with neither material nor displayColor; the one UsdPreviewSurface and Storm use."""

FALLBACK_COLOR = (0.8, 0.0, 0.8)
"""Base colour of a material that cannot be read: plainly wrong, never black."""

_CONTEXTS = ("", "mtlx", "mdl")


@dataclass
class _Variants:
    """What one material prim became, by the answers to the primvar questions that its network asks."""

    questions: tuple[str, ...] = ()
    indices: dict[tuple, int] = field(default_factory=dict)


class MaterialReader:
    """Reads materials and textures as prims ask for them.

    Args:
        stage: The stage, kept for reference only; prims know theirs.
        cfg: ``texture_max_size`` counts here.
        findings: Problems are appended to it.
        images: Decoded files by location, to take from and add to; None is an empty table of its own.
        bindings: Resolves bindings; None is one of its own.

    Attributes:
        materials: Distinct materials; :meth:`bind` returns indices into it.
        bindings: Resolves bindings, until :meth:`finish`.
        textures: Loaded textures.
    """

    def __init__(
        self,
        stage: Usd.Stage,
        cfg: RendererCfg,
        findings: list[Finding],
        images: dict[str, Image] | None = None,
        bindings: BindingResolver | None = None,
    ) -> None:
        self.stage = stage
        self.materials: list[Material] = []
        self.report = Report(findings)
        self._textures = TextureStore(cfg.texture_max_size, self.report, images)
        self.bindings = bindings or BindingResolver()
        self._variants: dict[Sdf.Path, _Variants] = {}
        self._by_content: dict[Material, int] = {}
        self._by_color: dict[tuple[object, object], int] = {}
        self._sources: list[set[str]] = []
        self._questions: dict[Sdf.Path, tuple[str, ...]] = {}

    @property
    def textures(self) -> list[Texture]:
        """Textures loaded so far."""
        return self._textures.textures

    def bind(self, prim: Usd.Prim) -> int:
        """Index in :attr:`materials` of the look of a Mesh, gprim or GeomSubset (instance proxies included).

        An unbound prim gets a material from its displayColor and displayOpacity, or the default grey.
        """
        if prim.HasAPI(UsdLux.LightAPI):
            self.report(
                "light-unsupported",
                "warning",
                prim.GetPath(),
                "the mesh light is drawn but does not light the scene. Put a rect or sphere light there",
            )
        material_prim = self._bound_to(prim)
        if not material_prim:
            return self._display_material(prim)
        # All instances of a prototype share its network, so they are read once.
        shared = material_prim.GetPrimInPrototype() if material_prim.IsInstanceProxy() else material_prim
        variants = self._variants.setdefault(shared.GetPath(), _Variants())
        primvars = Primvars(prim)
        index = variants.indices.get(primvars.answers(variants.questions)) if variants.indices else None
        if index is None:
            material = self.read(material_prim, primvars)
            questions = tuple(sorted(primvars.asked))
            if questions != variants.questions:
                # A first read, or a network whose questions depend on answers: earlier keys are of another shape.
                variants.questions = questions
                variants.indices.clear()
            index = self._add(material)
            variants.indices[primvars.answers(questions)] = index
        self._sources[index].add(str(material_prim.GetPath()))
        return index

    def bind_colored(self, prim: Usd.Prim, color: tuple[float, float, float]) -> int:
        """:meth:`bind`, for a prim that a point instancer gives a colour: it counts where nothing else says any."""
        index = self.bind(prim)
        if self.bindings.material_of(prim) or Primvars(prim).find("displayColor") is not None:
            return index
        name = f"displayColor:{','.join(f'{c:g}' for c in color)}"
        return self._add(replace(self.materials[index], name=name, base_color=color))

    def sources(self, index: int) -> set[str]:
        """Paths of the material prims that became a material; empty for display colours and the default."""
        return self._sources[index]

    def name_appended(self, path: str) -> None:
        """Note the material prim behind an entry that was appended to :attr:`materials`."""
        self._sources.append({path})

    def entry_of(self, path: str) -> int | None:
        """Index of the one material that a prim became, or None if it became none or several, or shares it."""
        entries = [index for index, sources in enumerate(self._sources) if path in sources]
        return entries[0] if len(entries) == 1 and self._sources[entries[0]] == {path} else None

    def read_again(self, index: int, prim: Usd.Prim, user: Usd.Prim) -> bool:
        """Read a material prim again after its values changed, into the entry that is its own (:meth:`entry_of`).

        Args:
            index: The entry.
            prim: The Material prim.
            user: A prim that shows it.

        Returns:
            False, and nothing changed, if what it asks of the prims that show it is not what it was.
        """
        primvars = Primvars(user)
        old, new = self.materials[index], self.read(prim, primvars)
        self._textures.forget_files()
        if tuple(sorted(primvars.asked)) != self._questions.get(prim.GetPath(), ()) or _asks(old) != _asks(new):
            return False
        self.materials[index] = new
        return True

    def texture(self, attribute: Usd.Attribute) -> int:
        """Load the texture of an asset-valued attribute (a light's, for instance).

        Returns:
            Index in :attr:`textures`, or -1 with a finding; -1 without one if the path is empty.
        """
        return self._textures.load(attribute, authored_space(attribute))

    def finish(self) -> None:
        """Drop what only reading needed."""
        self._questions = {path: variants.questions for path, variants in self._variants.items()}
        self._variants.clear()
        self._by_color.clear()
        self.bindings = BindingResolver()
        self._textures.forget_files()

    def _bound_to(self, prim: Usd.Prim) -> Usd.Prim | None:
        """The material prim bound to a prim, or None if it is unbound."""
        bound = self.bindings.resolve(prim)
        if bound is None:
            return None
        if bound.material is None:
            self.report(
                "material-missing",
                "warning",
                bound.relationship.GetPrim().GetPath(),
                f"{bound.relationship.GetName()} points to {bound.target}, which is not a material on this stage; what "
                "is bound so shows none. Bind an existing material or load the layer that defines it",
            )
        return bound.material

    def _add(self, material: Material) -> int:
        key = replace(material, name="")
        index = self._by_content.setdefault(key, len(self.materials))
        if index == len(self.materials):
            self.materials.append(material)
            self._sources.append(set())
        return index

    def _display_material(self, prim: Usd.Prim) -> int:
        primvars = Primvars(prim)
        color, opacity = primvars.find("displayColor"), primvars.find("displayOpacity")
        index = self._by_color.get((color, opacity))
        if index is not None:
            return index
        told, alpha = False, 1.0
        if opacity is not None and opacity[0] == "constant" and len(opacity[1]) == 1:
            alpha = min(max(opacity[1][0], 0.0), 1.0)
        elif opacity is not None:
            told = True
            self.report(
                "display-opacity-unsupported",
                "warning",
                prim.GetPath(),
                "displayOpacity that varies over the surface is not drawn; the prim is opaque",
            )
        base, vertex_color = DEFAULT_COLOR, False
        if color is not None and color[0] == "varying" and color[1] == 3:
            vertex_color = True
        elif color is not None and color[0] == "constant" and len(color[1]) == 3:
            base = tuple(max(component, 0.0) for component in color[1])
        elif color is not None:
            told = True
            self.report(
                "display-color-type",
                "warning",
                prim.GetPath(),
                "displayColor is not a colour; grey is drawn",
            )
        name = "default"
        if color is not None:
            name = "displayColor" if vertex_color else f"displayColor:{','.join(f'{c:g}' for c in base)}"
        index = self._add(
            Material(
                name,
                base_color=base,
                opacity=alpha,
                alpha_mode=AlphaMode.BLEND if alpha < 1.0 else AlphaMode.OPAQUE,
                use_vertex_color=vertex_color,
            )
        )
        if not told:  # what is told is told of every prim
            self._by_color[color, opacity] = index
        return index

    def read(self, material: Usd.Prim, primvars: Primvars, contexts: Sequence[str] = _CONTEXTS) -> Material:
        """Read a material prim for a prim that shows it; the table stays as it is.

        Args:
            material: The material prim.
            primvars: Primvars of the prim that shows it.
            contexts: Render contexts whose surfaces may be read, the preferred one first.
        """
        name = str(material.GetPath())
        reader = NetworkReader(primvars, self._textures, self.report)
        unknown: list[str] = []
        for context in contexts:
            shader = surface_source(material, context)
            if shader is None:
                continue
            read = _surface_reader(shader)
            if read is not None:
                return read(reader, shader, name)
            unknown.append(shader_id(shader) or "no shader id")
        if unknown:
            reason = ", ".join(dict.fromkeys(unknown))
            self.report(
                "material-unsupported",
                "warning",
                material.GetPath(),
                f"the surface shader ({reason}) cannot be read; the material is drawn in {FALLBACK_COLOR}. Add a "
                "UsdPreviewSurface to outputs:surface",
            )
        else:
            reason = "no surface"
            self.report(
                "material-unconnected",
                "warning",
                material.GetPath(),
                "none of outputs:surface, outputs:mtlx:surface and outputs:mdl:surface is connected to a shader; the "
                f"material is drawn in {FALLBACK_COLOR}. Connect a UsdPreviewSurface",
            )
        return Material(f"fallback:{reason}", base_color=FALLBACK_COLOR)


def _asks(material: Material) -> tuple[object, ...]:
    """What a material needs meshes to bring along."""
    return material.uv_primvar, material.color_primvar, material.use_vertex_color


def _surface_reader(shader: Usd.Prim) -> Callable[[NetworkReader, Usd.Prim, str], Material] | None:
    if mdl_model(shader):
        return read_mdl
    identifier = shader_id(shader)
    if identifier == "UsdPreviewSurface":
        return read_preview_surface
    return MATERIALX_SURFACES.get(identifier)
