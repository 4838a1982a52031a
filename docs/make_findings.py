"""Writes the pages of ``docs/findings``, and the table and the picture of views of ``docs/inspect.md``.

    python docs/make_findings.py [CODE ...]

Pages are made of the gallery of broken stages in the tests. Each has a picture of the broken stage beside the mended
one, drawn by the Warp backend. Codes are those whose pages to write; none is all.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "inspect")]

from gallery import CASES, Case  # noqa: E402
from pictures import photograph  # noqa: E402

from omni.isaac.ovrtx_render import RendererCfg, TiledRenderer  # noqa: E402
from omni.isaac.ovrtx_render.demo import build_stage  # noqa: E402
from omni.isaac.ovrtx_render.images import to_picture  # noqa: E402
from omni.isaac.ovrtx_render.inspect import CODES, VIEWS, Finding, check, shown  # noqa: E402

PAGES = ROOT / "docs" / "findings"
SIZE, GAP = 128, 8
VISIBLE = 0.5
"""Mean difference of two pictures, of 255, from which on a page shows them."""


def write_page(case: Case, folder: Path) -> None:
    """Write the page of one code, and its picture if the Warp backend draws a difference."""
    cfg = RendererCfg().replace(**case.cfg)
    broken = case.stage(folder / "broken")
    report = check(broken, cfg, outputs=case.outputs)
    finding = report.findings[0]
    fields = {"samples_per_pixel": 16, **case.cfg}
    output = case.outputs[0] if case.outputs else "rgb"
    before = photograph(broken, size=SIZE, output=output, **fields)[..., :3]
    after = photograph(case.stage(folder / "intact", broken=False), size=SIZE, output=output, **fields)[..., :3]
    repaired = "as it should be"
    if case.repairs:
        for each in report.findings:
            report.fix(each).apply()
        after, repaired = photograph(broken, size=SIZE, output=output, **fields)[..., :3], "after the fix"
    picture = PAGES / f"{case.code}.png"
    picture.unlink(missing_ok=True)
    if np.abs(before.astype(float) - after).mean() > VISIBLE:
        gap = np.full((SIZE, GAP, 3), 255, np.uint8)
        Image.fromarray(np.concatenate([before, gap, after], axis=1)).quantize(192).save(picture, optimize=True)
    text = _page(case, finding, repaired, picture.exists(), str(folder / "broken"))
    (PAGES / f"{case.code}.md").write_text(text, encoding="utf-8")


def _page(case: Case, finding: Finding, repaired: str, pictured: bool, folder: str) -> str:
    code = CODES[case.code]
    where = f"line {finding.site.line} of {Path(finding.site.layer).name}" if finding.site and finding.site.line else ""
    lines = [f"# {code.name}", "", code.title, "", f"Severity: {code.severity}. Backends: {', '.join(code.backends)}."]
    if pictured:
        lines += ["", f"![Broken, and {repaired}]({code.name}.png)", "", f"Left: broken. Right: {repaired}."]
    lines += ["", "## What is seen", "", case.seen]
    if not pictured:
        lines += ["", "The Warp backend, which draws the pictures of these pages, draws both alike."]
    lines += ["", "## What is told", "", "Of the stage in the gallery of the tests:", ""]
    message = finding.message.replace(folder, ".")
    lines += [f"> `{finding.path}`{f' ({where})' if where else ''}: {message}"]
    fix = finding.fix.replace(folder, ".")
    lines += ["", "## The fix", "", f"{fix}." if fix else "There is none that can be made without the author."]
    return "\n".join([*lines, "", "[All findings](../inspect.md#findings)", ""])


def write_table() -> None:
    """Put the table of codes into ``docs/inspect.md``."""
    rows = ["| code | severity | backends | what it means |", "| --- | --- | --- | --- |"]
    for code in sorted(CODES.values(), key=lambda code: code.name):
        backends = "all" if len(code.backends) == 4 else ", ".join(code.backends)
        rows.append(f"| [`{code.name}`](findings/{code.name}.md) | {code.severity} | {backends} | {code.title} |")
    document = ROOT / "docs" / "inspect.md"
    text = document.read_text(encoding="utf-8")
    table = "\n".join(rows)
    text = re.sub(r"(?s)(?<=<!-- codes -->\n).*?(?=<!-- end of codes -->)", lambda _: f"\n{table}\n\n", text)
    document.write_text(text, encoding="utf-8")


def write_views(size: int = 240) -> None:
    """Draw the demo scene in all views, below each other in rows of three, the ordinary picture first."""
    with TiledRenderer(build_stage(1).stage, RendererCfg.preset("quality", backend="warp")) as renderer:
        cameras = renderer.add_cameras(None, width=size, height=size, outputs=("rgb", "albedo", "normals"))
        pictures = [renderer.render(cameras)["rgb"].numpy()[0].copy()]
        for view in VIEWS:
            with shown(renderer, view) as output:
                picture = renderer.render(cameras)[output].numpy()[0]
            pictures.append(to_picture(output, picture)[..., :3].copy())
    rows = [np.concatenate(pictures[first : first + 3], axis=1) for first in range(0, len(pictures), 3)]
    Image.fromarray(np.concatenate(rows)).save(ROOT / "docs" / "images" / "material_views.jpg", quality=88)


def main() -> None:
    """Write what was asked for."""
    for code in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            write_page(CASES[code], Path(folder))
    write_table()
    if not sys.argv[1:]:
        write_views()


if __name__ == "__main__":
    main()
