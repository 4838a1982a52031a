"""Every code has its page, and the table of the documentation is the table of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")

from omni.isaac.ovrtx_render.inspect import CODES, VIEWS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_code_has_a_page_and_a_row() -> None:
    text = (DOCS / "inspect.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \[`([a-z-]+)`\]\(findings/([a-z-]+)\.md\) \| (\w+) \| ([\w, ]+) \| (.*) \|$", text, re.MULTILINE
    )
    assert [row[0] for row in rows] == sorted(CODES) and all(row[0] == row[1] for row in rows)
    for name, _, severity, backends, title in rows:
        code = CODES[name]
        assert (severity, title) == (code.severity, code.title)
        assert backends == ("all" if len(code.backends) == 4 else ", ".join(code.backends))
        page = (DOCS / "findings" / f"{name}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {name}\n\n{code.title}\n")
        for picture in re.findall(r"\]\(([\w-]+\.png)\)", page):
            assert (DOCS / "findings" / picture).is_file()
    assert {file.stem for file in (DOCS / "findings").glob("*.md")} == set(CODES)


def test_every_view_is_documented() -> None:
    text = (DOCS / "inspect.md").read_text(encoding="utf-8")
    for view in VIEWS.values():
        assert f"| `{view.name}` | `{view.output}` | {view.doc} |" in text
