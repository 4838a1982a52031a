"""The page about OVRTX names every option, and only tests that exist."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from omni.isaac.ovrtx_render.backends.ovrtx.options import QUALITY, OvrtxOptions
from omni.isaac.ovrtx_render.backends.ovrtx.products import SOURCES
from omni.isaac.ovrtx_render.outputs import OUTPUTS

HERE = Path(__file__).resolve().parent
PAGE = (HERE.parents[1] / "docs" / "backends" / "ovrtx.md").read_text(encoding="utf-8")


def test_every_option_is_documented() -> None:
    told = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"(?m)^\| (`[^|]+) \|", PAGE))))
    assert {field.name for field in fields(OvrtxOptions)} <= told
    assert all(f'"{name}"' in PAGE for name in QUALITY)


def test_every_output_is_documented() -> None:
    for name in OUTPUTS:
        family = "simple_shading_*" if name.startswith("simple_shading") else name
        assert f"`{family}`" in PAGE
        if name not in SOURCES:
            assert f"`{name}` has no AOV" in PAGE


def test_every_bug_has_a_test_or_a_reason() -> None:
    table = PAGE.partition("| bug |")[2].splitlines()[2:]
    rows = [line.split(" | ")[1] for line in table if line.startswith("| ")]
    assert len(rows) > 50
    assert all("::test_" in answer or answer.startswith("not applicable: ") for answer in rows)


def test_the_tests_that_are_named_exist() -> None:
    named = re.findall(r"`(test_\w+)::(test_\w+)", PAGE)
    assert len(named) > 25
    for module, test in named:
        assert f"def {test}(" in (HERE / f"{module}.py").read_text(encoding="utf-8"), f"{module}::{test}"
