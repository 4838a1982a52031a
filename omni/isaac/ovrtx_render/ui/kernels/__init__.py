"""Warp kernels of the viewer."""
