"""Contract double of ``isaaclab.app``."""
