"""Procedural scenes that the command line, the examples, the tests and the benchmarks share."""

from __future__ import annotations

from .scene import DemoScene, build_stage

__all__ = ["DemoScene", "build_stage"]
