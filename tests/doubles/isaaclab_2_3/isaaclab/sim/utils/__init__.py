"""Contract double of ``isaaclab.sim.utils``."""
