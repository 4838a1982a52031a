"""Contract double of ``omni.syntheticdata``: the semantic filter of the process."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["SyntheticData"]


class SyntheticData:
    """One in the process."""

    predicate: ClassVar[str] = "*:*"

    @classmethod
    def Get(cls) -> SyntheticData:
        return cls()

    def set_instance_mapping_semantic_filter(self, predicate: str) -> None:
        SyntheticData.predicate = predicate
