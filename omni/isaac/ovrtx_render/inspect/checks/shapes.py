"""Meshes that are turned inside out, and transforms that leave nothing of what is below them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...scene.data import Mesh
from ..finding import Told
from ..placed import leaves_something

__all__ = ["MeshFacts", "check_mesh", "check_transform", "inside_out", "mesh_facts"]

_LARGEST = 1_000_000
"""Triangles above which the topology of a mesh is not looked at."""
_OPPOSED = -0.3
"""Mean cosine between authored normals and faces below which the normals are called opposed."""


@dataclass(frozen=True)
class MeshFacts:
    """What the arrays of a mesh say.

    Attributes:
        inverted: Closed and consistently wound, but inside out.
        crowded: Number of edges that more than two faces share.
        alignment: Area-weighted mean cosine between corner normals and faces; 1 without authored normals.
    """

    inverted: bool
    crowded: int
    alignment: float


def mesh_facts(mesh: Mesh) -> MeshFacts:
    """Look at the topology and the normals of a mesh."""
    if not len(mesh.triangles) or len(mesh.triangles) > _LARGEST:
        return MeshFacts(False, 0, 1.0)
    points = mesh.points.astype(np.float64)
    _, welded = np.unique(mesh.points, axis=0, return_inverse=True)
    triangles = welded.reshape(-1)[mesh.triangles]
    solid = (triangles[:, 0] != triangles[:, 1]) & (triangles[:, 1] != triangles[:, 2])
    solid &= triangles[:, 2] != triangles[:, 0]
    p = points[mesh.triangles]
    cross = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    alignment = 1.0
    if mesh.normals is not None:
        weight = float(np.linalg.norm(cross, axis=1).sum())
        alignment = float(np.einsum("ti,tci->", cross, mesh.normals) / 3.0 / weight) if weight > 0.0 else 1.0
    edges = triangles[solid][:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64)
    count = len(points) + 1
    undirected, uses = np.unique(edges.min(1) * count + edges.max(1), return_counts=True)
    directed = np.unique(edges[:, 0] * count + edges[:, 1])
    closed = len(undirected) > 0 and bool((uses == 2).all()) and len(directed) == len(edges)
    volume = float(np.einsum("ti,ti->", p[:, 0] - points.mean(0), cross))
    return MeshFacts(closed and volume < 0.0, int((uses > 2).sum()), alignment)


def inside_out(path: str) -> Told:
    """What is said of a closed single-sided mesh that is turned inside out, and is no room that is seen from within."""
    return Told(
        "normals-inverted",
        path,
        "the closed mesh is single-sided and wound inside out: its far side is seen through it, or nothing at all. "
        "Turn its orientation, or make it doubleSided",
        "orientation",
    )


def check_mesh(path: str, facts: MeshFacts, double_sided: bool) -> Iterator[Told]:
    """What is wrong with a mesh, wherever it is.

    Args:
        path: Prim path.
        facts: Its facts.
        double_sided: Faces are drawn from both sides.
    """
    if facts.alignment < _OPPOSED and not facts.inverted:
        yield Told(
            "normals-opposed",
            path,
            "the authored normals point against the faces. Here they are turned to the viewer; a renderer that takes "
            "them as they are shows the surface black where it should be lit. Turn the normals",
            "normals",
        )
    if facts.crowded and not double_sided:
        yield Told(
            "mesh-non-manifold",
            path,
            f"{facts.crowded} edges of the single-sided mesh belong to more than two faces; some of these faces may be "
            "seen from behind only. Make it doubleSided if parts are missing",
            "faceVertexIndices",
        )


def check_transform(path: str, transform: np.ndarray) -> Iterator[Told]:
    """Say if a (4, 4) world matrix leaves nothing to see."""
    if leaves_something(transform):
        return
    what = "has a scale of zero" if np.isfinite(transform).all() else "is not finite"
    yield Told(
        "transform-degenerate",
        path,
        f"the world transform {what}, so the prim cannot be seen. Correct its transform or that of a parent",
    )
