"""What the ids of segmentation images mean: numbers and colours by instance, and the maps back to labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..cameras import CameraBundle
from ..outputs import SEGMENTATIONS
from ..scene.data import Scene

__all__ = ["describe_ids", "palette", "semantic_palette"]


def palette(size: int) -> np.ndarray:
    """(size,) uint32 RGBA8 (r in the low byte) of ids: 0 transparent black, 1 opaque black, else a vivid colour.

    Neighbouring ids get distant hues (golden ratio), shaken by a hash of the id: the colours that Replicator and
    Isaac Lab give to the same ids.
    """
    ids = np.arange(size, dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = (ids ^ (ids >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    hue = (ids * (1.0 / 1.618033988749895)) % 1.0 + 0.1 * (h & 0xFFFF) / 65536.0
    saturation = 0.7 + 0.3 * ((h >> 16) & 0xFF) / 255.0
    value = 0.8 + 0.2 * ((h >> 8) & 0xFF) / 255.0
    channels = []
    for offset in (5.0, 3.0, 1.0):  # the usual closed form of HSV to RGB
        k = (offset + hue * 6.0) % 6.0
        ramp = np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)
        channels.append((255.0 * value * (1.0 - saturation * ramp)).astype(np.uint32))
    colors = channels[0] | (channels[1] << 8) | (channels[2] << 16) | np.uint32(0xFF000000)
    colors[:2] = (0, 0xFF000000)[: len(colors[:2])]
    return np.ascontiguousarray(colors.astype(np.uint32))


def semantic_palette(labels: Sequence[Mapping[str, str]], chosen: Mapping[str, Sequence[int]]) -> np.ndarray:
    """(L + 1,) uint32 RGBA8 of semantic ids: those of :func:`palette`, but of labels with a chosen colour that.

    Args:
        labels: ``Scene.labels``; label i > 0 has id i + 1.
        chosen: (r, g, b, a) by ``"type:label"``; the first that a label has wins.
    """
    colors = palette(len(labels) + 1)
    for i, label in enumerate(labels):
        names = [f"{kind}:{name}" for kind, joined in label.items() for name in joined.split(",")]
        for name in names:
            if i > 0 and name in chosen:
                r, g, b, a = chosen[name]
                colors[i + 1] = r | g << 8 | b << 16 | a << 24
                break
    return colors


def describe_ids(scene: Scene, bundle: CameraBundle, semantic_colors: Mapping[str, Sequence[int]]) -> None:
    """Fill ``bundle.info`` with the id (or colour) -> label maps of the segmentations."""
    inst = scene.instances
    for name, kind in bundle.kinds.items():
        labels: dict[int, Any] = {}
        semantics: dict[int, Any] = {0: {"class": "BACKGROUND"}, 1: {"class": "UNLABELLED"}}
        if kind.name == "semantic_segmentation":
            semantics |= {i + 1: dict(label) for i, label in enumerate(scene.labels) if i > 0}
            maps = {"idToLabels": semantics}
        elif kind.name in SEGMENTATIONS:
            by_owner = kind.name == "instance_segmentation"
            index = np.where(inst.label > 0, inst.owner, -1) if by_owner else inst.path
            for i in np.unique(index, return_index=True)[1]:
                if index[i] < 0:
                    continue
                labels[int(index[i]) + 2] = scene.paths[index[i]]
                semantics[int(index[i]) + 2] = dict(scene.labels[inst.label[i]]) or semantics[1]
            maps = {"idToLabels": {0: "BACKGROUND", 1: "UNLABELLED", **labels}, "idToSemantics": semantics}
        else:
            continue
        if kind.name in bundle.colorize:
            if kind.name == "semantic_segmentation":
                packed = semantic_palette(scene.labels, semantic_colors)
            else:
                packed = palette(max(semantics) + 1)
            colors = packed.view(np.uint8).reshape(-1, 4).tolist()
            maps = {key: {tuple(colors[i]): value for i, value in table.items()} for key, table in maps.items()}
        bundle.info[name] = maps
