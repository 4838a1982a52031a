"""What concerns the stage as a whole, and what only one backend minds."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pxr import Usd, UsdGeom

from ...outputs import ALIASES
from ...scene.openusd import TIME
from ..finding import Told

__all__ = ["check_hidden", "check_instancing", "check_partition", "check_semantics"]

_PARTITIONS = ("primvars:omni:scenePartition", "omni:scenePartition")


def check_hidden(instances: int, drawn: int, hidden: int) -> Iterator[Told]:
    """Say if nothing is shown.

    Args:
        instances: Number of things that are drawn.
        drawn: Number of gprims that are not hidden, whether they can be drawn or not.
        hidden: Number of gprims that are hidden.
    """
    if instances:
        return
    if not hidden or drawn:
        yield Told("stage-empty", "/", "Nothing is drawn: the stage has no visible geometry that is supported.")
    else:
        yield Told(
            "everything-hidden",
            "/",
            f"all {hidden} prims with geometry are invisible, or have a purpose that is not drawn (guide, proxy). "
            "Make them visible, or set their purpose to render",
        )


def check_semantics(outputs: Collection[str], drawn: int, labelled: int) -> Iterator[Told]:
    """Say if segmentation is asked for and there is nothing to tell by."""
    kinds = {ALIASES.get(name, name) for name in outputs}
    asked = sorted(kinds & {"semantic_segmentation", "instance_segmentation"})
    if asked and drawn and not labelled:
        yield Told(
            "semantics-missing",
            "/",
            f"{', '.join(asked)} is asked for, but no prim has semantic labels: every pixel is UNLABELLED. Apply the "
            "LabelsAPI to what should be told apart",
        )


def check_partition(prim: Usd.Prim, root: str) -> Iterator[Told]:
    """Compare the scene partition of a prim with that of the environment that it is in.

    Args:
        prim: Any prim below an environment's root.
        root: Path of that root.
    """
    for name in _PARTITIONS:
        attribute = prim.GetAttribute(name)
        if not attribute or not attribute.HasAuthoredValue() or str(prim.GetPath()) == root:
            continue
        top = prim.GetStage().GetPrimAtPath(root).GetAttribute(_PARTITIONS[0])
        expected = top.Get(TIME) if top and top.HasAuthoredValue() else root.rpartition("/")[2]
        if attribute.Get(TIME) not in (None, "", expected):
            yield Told(
                "partition-mismatch",
                str(prim.GetPath()),
                f"{name} is '{attribute.Get(TIME)}', but the environment is in partition '{expected}': RTX shows the "
                "prim to the wrong cameras, or to none. Author it on the environment's root only, and on cameras",
                name,
            )


def check_instancing(prim: Usd.Prim) -> Iterator[Told]:
    """Say if geometry below a prim of an environment is instanced."""
    if not prim.IsInstance():
        return
    below = Usd.PrimRange(prim, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
    if any(each.IsA(UsdGeom.Gprim) for each in below):
        yield Told(
            "clone-loses-instances",
            str(prim.GetPath()),
            "the prim is instanced: up to 0.5.0 OVRTX loses its geometry, materials and all, in environments that it "
            "clones. The ovrtx backend here makes it plain in what it hands over; whoever clones by himself must do so",
            "instanceable",
        )
