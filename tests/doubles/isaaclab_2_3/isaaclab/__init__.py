"""Contract double of Isaac Lab 2.3.2: what a tiled camera has around it, without Kit.

The signatures are those of the wheel ``isaaclab==2.3.2``; ``tests/isaaclab_2_3/test_double.py`` compares them.
"""
