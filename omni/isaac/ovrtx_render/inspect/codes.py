"""The one table of finding codes: how bad each is by default, which backends it touches, and what it means."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALL", "CODES", "RTX", "SCENE", "SEVERITIES", "Code"]

SEVERITIES = ("error", "warning", "info")
"""Worst first."""

RTX = ("ovrtx", "isaac_rtx")
"""Backends that hand the USD stage to NVIDIA's RTX renderer."""

SCENE = ("warp", "newton")
"""Backends that draw the Scene which our own reader makes of the stage."""

ALL = (*SCENE, *RTX)


@dataclass(frozen=True)
class Code:
    """One kind of finding.

    Attributes:
        name: Stable kebab-case code; ``docs/findings/<name>.md`` explains it.
        severity: ``error``: the picture is wrong as a whole. ``warning``: something will not look as meant.
            ``info``: worth knowing, may be meant so.
        backends: Names of the backends whose pictures it touches.
        title: One sentence.
    """

    name: str
    severity: str
    backends: tuple[str, ...]
    title: str


_W, _I, _E = "warning", "info", "error"

_ALL = (
    # Said by the scene reader.
    Code("stage-empty", _E, ALL, "Nothing is drawn at all."),
    Code("stage-units", _W, ALL, "metersPerUnit is no length; 0.01 is taken."),
    Code("geometry-unsupported", _W, SCENE, "A type of geometry that is not drawn."),
    Code("geometry-invalid", _W, ALL, "A size is negative or not a number; not drawn."),
    Code("mesh-invalid", _W, ALL, "Broken parts of a mesh are left out."),
    Code("mesh-empty", _I, ALL, "A mesh without faces."),
    Code("instancer-invalid", _W, ALL, "A point instancer, or some of its instances, cannot be placed."),
    Code("skinning-ignored", _I, SCENE, "A skinned mesh is drawn in its rest pose."),
    Code("material-missing", _W, ALL, "A binding points to nothing."),
    Code("material-unconnected", _W, ALL, "A material without a surface."),
    Code("material-unsupported", _W, SCENE, "A surface shader that cannot be read."),
    Code("mdl-module-guessed", _W, SCENE, "An unknown MDL module is read as OmniPBR."),
    Code("mdl-project-uvw", _W, SCENE, "Projected textures use the mesh's texture coordinates."),
    Code("shader-connection-broken", _W, ALL, "An input is connected to nothing."),
    Code("shader-cycle", _W, ALL, "A node feeds itself, or the chain is too long."),
    Code("shader-input-type", _W, ALL, "An input holds a value of the wrong type."),
    Code("shader-input-varying", _W, SCENE, "An input that must be constant varies; its mean is used."),
    Code("shader-node-approximated", _W, SCENE, "A node is reduced to a mean, or left out."),
    Code("shader-node-unsupported", _W, SCENE, "A node cannot be evaluated; what it feeds uses a default."),
    Code("primvar-input-unsupported", _W, SCENE, "An input other than the base colour reads a primvar that varies."),
    Code("multiple-uv-sets", _W, SCENE, "Textures of one material read several sets of texture coordinates."),
    Code("normal-map-no-scale-bias", _W, ALL, "An 8-bit normal map without scale and bias."),
    Code("displacement-ignored", _I, SCENE, "Displacement is not drawn."),
    Code("display-color-type", _W, ALL, "displayColor is no colour."),
    Code("display-opacity-unsupported", _W, SCENE, "displayOpacity varies over the surface; the prim is opaque."),
    Code("texture-unresolved", _W, ALL, "A texture file was not found."),
    Code("texture-unreadable", _W, ALL, "A texture file cannot be decoded."),
    Code("texture-downscaled", _I, SCENE, "A texture was larger than texture_max_size."),
    Code("texture-channel-as-color", _W, SCENE, "A colour input is fed by one channel."),
    Code("texture-channel-missing", _I, SCENE, "The alpha of an HDR texture counts as 1."),
    Code("udim-unsupported", _W, SCENE, "Of a UDIM set only tile 1001 is used."),
    Code("light-unsupported", _W, SCENE, "A kind of light that does not light the scene."),
    Code("light-linking-ignored", _W, SCENE, "A light lights everything."),
    Code("light-filters-ignored", _W, SCENE, "Light filters do not count."),
    Code("ies-ignored", _W, SCENE, "An IES profile does not count."),
    Code("dome-texture-format", _W, SCENE, "A dome texture is read as latitude-longitude."),
    Code("semantics-type", _W, ALL, "A semantic label of the wrong type is ignored."),
    # Said here.
    Code("composition-error", _E, ALL, "A reference, payload or sublayer is missing, or cannot be read."),
    Code("payload-unloaded", _W, ALL, "A payload is not loaded, so what it holds is not drawn."),
    Code("units-mismatch", _W, ALL, "What is referenced has other units or another up axis, and nothing converts it."),
    Code("geometry-undefined", _I, ALL, "Geometry below an over that defines nothing is not drawn."),
    Code("geometry-untyped", _W, ALL, "A prim has the arrays of a mesh but no known type; not drawn."),
    Code("subset-not-bound", _W, ALL, "A GeomSubset has a binding that does not count."),
    Code("binding-preview-only", _W, RTX, "A prim is bound for previews only; RTX shows no material."),
    Code("binding-out-of-scope", _W, ALL, "A binding points outside of the referenced prim; composition drops it."),
    Code("binding-leaves-default-prim", _W, RTX, "A binding is lost when the file is loaded as a reference."),
    Code("binding-api-missing", _I, RTX, "A prim has a binding but not the MaterialBindingAPI."),
    Code("material-unbound", _I, ALL, "A prim has neither a material nor a colour of its own."),
    Code("material-context", _W, ALL, "A material has a surface only for other renderers."),
    Code("material-invisible", _W, ALL, "A surface has opacity 0."),
    Code("shader-unknown-to-rtx", _W, RTX, "RTX does not know a surface shader."),
    Code("input-ignored", _I, SCENE, "Inputs of a surface shader that are not drawn here."),
    Code("surface-differs", _W, ALL, "The surfaces of a material for several renderers do not look alike."),
    Code("mdl-module-missing", _W, RTX, "RTX will not find an MDL module."),
    Code("asset-path-unanchored", _W, ALL, "A relative path in a layer that has no place on disk."),
    Code("texture-color-space", _W, ALL, "A texture, or a colour, is read in the wrong colour space."),
    Code("uv-set-missing", _W, ALL, "A textured mesh has no texture coordinates."),
    Code("uv-set-name", _W, RTX, "A textured mesh has its coordinates under another name than the material reads."),
    Code("normals-inverted", _W, ALL, "A closed single-sided mesh is turned inside out."),
    Code("normals-opposed", _W, RTX, "Authored normals point against the faces."),
    Code("mesh-non-manifold", _I, ALL, "A single-sided mesh has edges of more than two faces."),
    Code("transform-degenerate", _W, ALL, "A transform squashes what is below it to nothing."),
    Code("xform-op-order", _W, ALL, "A transform operation does not count, for want of its place in xformOpOrder."),
    Code("animation-frozen", _I, (*SCENE, "ovrtx"), "Values of several times are drawn as they are at the first."),
    Code("everything-hidden", _E, ALL, "All geometry is hidden by visibility or purpose."),
    Code("no-light", _W, RTX, "The stage has no light; RTX draws black."),
    Code("light-dark", _I, ALL, "A light shines with zero intensity."),
    Code("light-level", _W, RTX, "The lights are far too weak or too strong for the scene's scale."),
    Code("exposure-extreme", _W, ALL, "The exposure makes everything black or white."),
    Code("lens-distortion", _W, SCENE, "A lens that distorts is drawn as a pinhole."),
    Code("camera-inside-geometry", _W, ALL, "A camera is inside of a solid."),
    Code("camera-clipped", _W, ALL, "The clipping range of a camera cuts everything away."),
    Code("partition-mismatch", _W, RTX, "A scene partition contradicts the environment that the prim is in."),
    Code("clone-loses-instances", _I, ("ovrtx",), "Instanced geometry is lost when OVRTX clones environments."),
    Code("semantics-missing", _W, ALL, "Segmentation is asked for, but nothing has semantic labels."),
)

CODES: dict[str, Code] = {code.name: code for code in _ALL}
"""Every code by name."""
