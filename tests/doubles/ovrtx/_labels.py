"""Ids of the segmentations as the library numbers them, and the packed tables that say what they mean.

``SemanticIdMap`` and ``StableIdMap`` are bytes: entries ``{uint32 id[4], label_length, label_offset}``, then the label
texts (offsets count from the first byte), then a uint32 count of the entries. ``StableIdSemanticIdMap`` is entries
``{uint32 stable_id[4], semantic_id[4]}`` only; entry i is about instance id i + 2. Ids 0 and 1 are in no table.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import numpy as np


def semantic_ids(ours: np.ndarray) -> np.ndarray:
    """Our semantic ids -> the library's: 0 and 1 mean the same, the others are numbered otherwise."""
    return np.where(ours < 2, ours, ours * 3 + 4)


def instance_order(info: dict[str, Any]) -> list[int]:
    """Our ids of labelled instances, in the order in which the library numbers them (from 2 on)."""
    maps = info.get("instance_segmentation", {})
    return sorted((id for id in maps.get("idToLabels", {}) if id > 1), reverse=True)


def instance_ids(ours: np.ndarray, info: dict[str, Any]) -> np.ndarray:
    """Our instance ids -> the library's."""
    order = instance_order(info)
    table = np.arange(max(order, default=1) + 1)
    table[order] = np.arange(2, len(order) + 2)
    return table[ours]


def pack(name: str, info: dict[str, Any]) -> np.ndarray:
    """(B,) uint8: one of the tables."""
    if name == "SemanticIdMap":
        labels = info.get("semantic_segmentation", {}).get("idToLabels", {})
        return _identifiers(
            [((int(semantic_ids(np.array(id))), 0, 0, 0), _text(label)) for id, label in labels.items() if id > 1]
        )
    maps = info.get("instance_segmentation", {})
    paths, semantics = maps.get("idToLabels", {}), maps.get("idToSemantics", {})
    if name == "StableIdMap":
        return _identifiers([(_stable(paths[id]), paths[id]) for id in instance_order(info)])
    of_label = {
        _text(label): int(semantic_ids(np.array(id)))
        for id, label in info.get("semantic_segmentation", {}).get("idToLabels", {}).items()
    }
    entries = [(*_stable(paths[id]), of_label[_text(semantics[id])], 0, 0, 0) for id in instance_order(info)]
    return np.array(entries, "<u4").reshape(-1).view(np.uint8)


def _text(label: dict[str, str]) -> str:
    return " ".join(f"{kind}: {name};" for kind, name in label.items())


def _stable(path: str) -> tuple[int, ...]:
    return struct.unpack("<4I", hashlib.md5(path.encode()).digest())


def _identifiers(entries: list[tuple[tuple[int, ...], str]]) -> np.ndarray:
    texts = [text.encode() for _, text in entries]
    offset, out = 24 * len(entries), b""
    for (words, _), text in zip(entries, texts, strict=True):
        out += struct.pack("<6I", *words, len(text), offset)
        offset += len(text)
    out += b"".join(texts) + struct.pack("<I", len(entries))
    return np.frombuffer(out, np.uint8).copy()
