"""C++ bodies of the Warp native functions. `source` joins them with the constants they are compiled with."""

from __future__ import annotations

from importlib.resources import files

__all__ = ["CPU_WIDTH", "CUDA_WIDTH", "source", "tracing_source"]

CPU_WIDTH = 8
"""Children of a BVH node on the CPU: one SIMD register."""
CUDA_WIDTH = 4
"""Children of a BVH node on CUDA: what a thread tests without running out of registers."""

_CONSTANTS = f"""
#if defined(__CUDA_ARCH__)
constexpr int WIDTH = {CUDA_WIDTH}, STACK = 96, ROWS = 1;
#else
constexpr int WIDTH = {CPU_WIDTH}, STACK = 160, ROWS = 8;
#endif
constexpr int MAX_SAH_DEPTH = 12;  // then ranges are halved: depth 12 + log4(triangles) keeps within STACK
constexpr int ENTRY = 16;
constexpr float EDGE = 1.0e-6f;  // slack at triangle edges, so that no ray slips between two neighbours
"""


def source(*names: str, **constants: int) -> str:
    """Join the named ``.inl`` texts; ``constants`` replace the values chosen by device."""
    head = _CONSTANTS
    if constants:
        head = "".join(f"constexpr int {name} = {value};\n" for name, value in constants.items())
    return head + "\n".join((files(__package__) / f"{name}.inl").read_text() for name in names)


def tracing_source(name: str, meshes: bool, analytic: bool) -> str:
    """The text of a function that traces rays through scenes with meshes, with exact shapes, or with both.

    Code for what is absent is not compiled: a kernel without meshes has no stack, and half the instructions.
    """
    kinds = f"constexpr bool MESHES = {int(meshes)}, ANALYTIC = {int(analytic)};\n"
    return kinds + source("lanes", "intersect", name)
