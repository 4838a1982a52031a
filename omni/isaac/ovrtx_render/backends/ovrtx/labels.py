"""Label maps of the library: what its ids mean, and which ids they are of ours."""

from __future__ import annotations

import re

import numpy as np

from ...errors import BackendFailedError
from ...scene.data import Scene
from ...scene.semantics import label_filter

__all__ = ["InstanceIds", "SemanticIds", "identifiers", "parse_labels", "stable_ids"]

BACKGROUND, UNLABELLED = 0, 1
"""Ids that mean the same on both sides."""

_ENTRY = np.dtype([("id", "<u4", 4), ("length", "<u4"), ("offset", "<u4")])
_LABEL = re.compile(r"([^:;]+):([^;]*)")


def identifiers(data: np.ndarray) -> dict[tuple[int, ...], str]:
    """Texts by identifier of a packed table: entries, then texts, then a uint32 count of the entries.

    Raises:
        BackendFailedError: The bytes are no such table.
    """
    raw = _bytes(data)
    if len(raw) < 4:
        return {}
    count = int(raw[-4:].view("<u4")[0])
    if count * _ENTRY.itemsize + 4 > len(raw):
        raise BackendFailedError(f"OVRTX gives a label map of {len(raw)} bytes that says it has {count} entries")
    entries = raw[: count * _ENTRY.itemsize].view(_ENTRY)
    text = raw.tobytes()
    out: dict[tuple[int, ...], str] = {}
    for entry in entries:
        begin = int(entry["offset"])
        words = tuple(int(word) for word in entry["id"])
        out[words] = text[begin : begin + int(entry["length"])].decode("utf-8", "replace").rstrip("\0")
    return out


def stable_ids(data: np.ndarray) -> list[tuple[int, ...]]:
    """Identifiers of instances in the order of their ids, the first of which is 2."""
    raw = _bytes(data)
    return [tuple(int(word) for word in row[:4]) for row in raw[: len(raw) // 32 * 32].view("<u4").reshape(-1, 8)]


def parse_labels(text: str) -> dict[str, str]:
    """Labels by type of a text such as ``class: cone; size: big;``; several of one type are joined by commas."""
    found: dict[str, list[str]] = {}
    for kind, label in _LABEL.findall(text):
        found.setdefault(kind.strip(), []).append(label.strip())
    return {kind: ",".join(dict.fromkeys(labels)) for kind, labels in found.items()}


class SemanticIds:
    """Semantic ids of a scene by the labels that the library writes.

    Args:
        scene: The scene; label i > 0 has id i + 1.
        semantic_filter: Which labels count; see ``RendererCfg.semantic_filter``.
    """

    def __init__(self, scene: Scene, semantic_filter: str) -> None:
        self._keeps = label_filter(semantic_filter)
        self._labels = scene.labels

    def table(self, data: np.ndarray) -> dict[int, int]:
        """Our ids by those of the library, out of a ``SemanticIdMap``."""
        out = {BACKGROUND: BACKGROUND, UNLABELLED: UNLABELLED}
        for words, text in identifiers(data).items():
            out[words[0]] = self._id_of(parse_labels(text))
        return out

    def _id_of(self, labels: dict[str, str]) -> int:
        kept = {kind: text for kind, text in labels.items() if text and self._keeps(kind, set(text.split(",")))}
        if not kept:
            return UNLABELLED
        if kept in self._labels:
            return self._labels.index(kept) + 1
        # The library may name the nearest prim's labels only, where ours are merged with those of its ancestors.
        wider = [i for i, own in enumerate(self._labels) if kept.items() <= own.items()]
        return min(wider, key=lambda i: len(self._labels[i])) + 1 if wider else UNLABELLED


class InstanceIds:
    """Instance ids of a scene by prim path: those of the nearest prim with labels."""

    def __init__(self, scene: Scene) -> None:
        inst = scene.instances
        labelled = inst.label > 0
        owners, leaves = inst.owner[labelled], inst.path[labelled]
        self._id = {scene.paths[leaf]: int(owner) + 2 for leaf, owner in zip(leaves, owners, strict=True)}
        self._id |= {scene.paths[owner]: int(owner) + 2 for owner in np.unique(owners)}

    def table(self, stable: np.ndarray, order: np.ndarray) -> dict[int, int]:
        """Our ids by those of the library, out of a ``StableIdMap`` and a ``StableIdSemanticIdMap``."""
        paths = identifiers(stable)
        out = {BACKGROUND: BACKGROUND, UNLABELLED: UNLABELLED}
        for index, words in enumerate(stable_ids(order)):
            out[index + 2] = self._id.get(paths.get(words, ""), UNLABELLED)
        return out


def _bytes(data: np.ndarray) -> np.ndarray:
    if data.dtype != np.uint8 or data.ndim != 1:
        raise BackendFailedError(
            f"OVRTX gives a label map of shape {data.shape} and type {data.dtype}; expected bytes. This version packs "
            "its label maps in another way: use ovrtx 0.5 for segmentations"
        )
    return np.ascontiguousarray(data)
