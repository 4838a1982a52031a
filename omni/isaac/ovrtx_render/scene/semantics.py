"""Semantic labels of a prim: ``UsdSemantics.LabelsAPI`` and the older ``SemanticsAPI`` of Isaac Sim.

Both are read from their attributes, so it does not matter whether the schemas are registered in this process:
``semantics:labels:<type>`` is a token array, the older one is a pair ``semantic:<name>:params:semanticType`` and
``semantic:<name>:params:semanticData``. Several labels of one type are joined by commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pxr import Usd

from .data import Finding
from .report import Report
from .shader_inputs import attribute_value

__all__ = ["SemanticReader", "label_filter"]

_LABELS = "semantics:labels"
_OLD = "semantic"
_TYPE = ":params:semanticType"
_DATA = ":params:semanticData"


def label_filter(text: str) -> Callable[[str, set[str]], bool]:
    """Function of a label type and the labels of that type that says whether a filter keeps them.

    Args:
        text: Clauses ``type:labels`` joined by ``;``; see ``RendererCfg.semantic_filter``. A comma that is followed by
            another ``type:`` starts a clause too. An empty text keeps everything.
    """
    # A comma before "type:" separates clauses, any other one alternatives.
    parts = [part.partition(":") for part in re.split(r";|,(?=[^;,:]*:)", text) if part.strip()]
    clauses = [(kind.strip(), re.split(r"[,|]", labels.strip() or "*")) for kind, _, labels in parts]

    def holds(factor: str, labels: set[str]) -> bool:
        if factor.startswith("!"):
            return factor[1:].strip() not in labels
        return factor == "*" or factor in labels

    def keeps(kind: str, labels: set[str]) -> bool:
        return not clauses or any(
            wanted in ("*", kind)
            and any(term.strip() and all(holds(f.strip(), labels) for f in term.split("&")) for term in terms)
            for wanted, terms in clauses
        )

    return keeps


class SemanticReader:
    """Reads semantic labels.

    Args:
        findings: Problems are appended to it.
        semantic_filter: Which labels count; see ``RendererCfg.semantic_filter``.
    """

    def __init__(self, findings: list[Finding], semantic_filter: str = "*:*") -> None:
        self._report = Report(findings)
        self._keeps = label_filter(semantic_filter)

    def labels_of(self, prim: Usd.Prim) -> dict[str, str]:
        """The prim's own labels by type, e.g. ``{"class": "robot"}``; empty if it has none."""
        labels: dict[str, list[str]] = {}
        for attribute in prim.GetAuthoredPropertiesInNamespace(_LABELS):
            name = attribute.GetName().removeprefix(f"{_LABELS}:")
            if not isinstance(attribute, Usd.Attribute):
                continue
            values = attribute_value(attribute)
            if values is None:
                continue
            if isinstance(values, (int, float)) or not all(isinstance(value, str) for value in values):
                self._report(
                    "semantics-type",
                    "warning",
                    prim.GetPath(),
                    f"{attribute.GetName()} holds {values!r}, but an array of tokens is expected; it is ignored",
                )
                continue
            labels.setdefault(name, []).extend([values] if isinstance(values, str) else values)
        for attribute in prim.GetAuthoredPropertiesInNamespace(_OLD):
            name = attribute.GetName()
            if not name.endswith(_TYPE) or not isinstance(attribute, Usd.Attribute):
                continue
            kind = attribute_value(attribute)
            data = attribute_value(prim.GetAttribute(name.removesuffix(_TYPE) + _DATA))
            if isinstance(kind, str) and kind and isinstance(data, str):
                labels.setdefault(kind, []).append(data)
            else:
                self._report(
                    "semantics-type",
                    "warning",
                    prim.GetPath(),
                    f"{name} and its semanticData must both be strings; the label is ignored",
                )
        joined = {kind: ",".join(dict.fromkeys(value for value in values if value)) for kind, values in labels.items()}
        return {kind: text for kind, text in joined.items() if text and self._keeps(kind, set(text.split(",")))}
