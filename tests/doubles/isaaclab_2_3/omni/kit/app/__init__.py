"""Contract double of what Isaac Lab 2.3's sensors use of ``omni.kit.app``: nothing, without debug visualisation."""

__all__: list[str] = []
