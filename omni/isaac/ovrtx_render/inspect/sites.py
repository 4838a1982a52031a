"""Layer and line where a prim or property was authored, strongest opinion first."""

from __future__ import annotations

import re
from pathlib import Path

from pxr import Sdf, Usd

from .finding import Site

__all__ = ["SiteFinder"]

_LARGEST = 64 << 20
"""Text files above this size [bytes] are not searched for line numbers."""
_TOKENS = re.compile(
    r'"""(?:[^\\]|\\.)*?"""'
    r"|'''(?:[^\\]|\\.)*?'''"
    r'|"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'"
    r"|@@@.*?@@@|@[^@\n]*@|#[^\n]*"
    r"|(?P<spec>\b(?:def|over|class)\b[ \t]*(?:\w+[ \t]+)?\"(?P<prim>[^\"]+)\")"
    r"|(?P<open>\{)|(?P<close>\})|(?P<round>\()|(?P<unround>\))|(?P<variants>\bvariantSet\b)"
    r"|(?P<prop>(?m:^)[ \t]*(?:(?:custom|uniform|config|varying|prepend|append|delete|add|reorder)[ \t]+)*"
    r"[\w:]+(?:\[\])?[ \t]+(?P<name>[\w:]+)(?:\.\w+)?[ \t]*(?:=|\(|$))",
    re.DOTALL | re.MULTILINE,
)


class SiteFinder:
    """Finds where things were authored; text layers are searched once each."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, int]] = {}

    def find(self, stage: Usd.Stage, path: str, prop: str = "") -> Site | None:
        """Where a prim, or a property of it, has its strongest opinion; None if it has none."""
        prim = stage.GetPrimAtPath(path)
        if not prim:
            return None
        if prim.IsInstanceProxy():
            prim = prim.GetPrimInPrototype()
        specs: list[Sdf.Spec] = []
        if prop:
            found = prim.GetProperty(prop)
            specs = found.GetPropertyStack(Usd.TimeCode.Default()) if found else []
        if prim.IsPseudoRoot():
            # What is told of the stage as a whole is about its file; each layer of the stack has a spec there.
            return self.of_spec(stage.GetRootLayer().pseudoRoot)
        specs = specs or prim.GetPrimStack()
        return self.of_spec(specs[0]) if specs else None

    def of_spec(self, spec: Sdf.Spec) -> Site:
        """Where a spec is written."""
        layer = spec.layer
        return Site(layer.realPath or layer.identifier, self._line(layer, spec.path))

    def _line(self, layer: Sdf.Layer, path: Sdf.Path) -> int | None:
        name = layer.realPath
        if not name or path.ContainsPrimVariantSelection():
            return None
        if name not in self._lines:
            self._lines[name] = _lines_of(layer, name)
        lines = self._lines[name]
        return lines.get(str(path)) or lines.get(str(path.GetPrimPath()))


def _lines_of(layer: Sdf.Layer, name: str) -> dict[str, int]:
    """Line of each prim and property in a text layer; empty for binary ones, packages and large files."""
    file = Path(name)
    if layer.dirty or not file.is_file() or file.stat().st_size > _LARGEST:
        return {}
    with file.open("rb") as stream:
        if stream.read(5) != b"#usda":
            return {}
    return scan_lines(file.read_text(encoding="utf-8", errors="replace"))


def scan_lines(text: str) -> dict[str, int]:
    """Line, from 1, of each prim and property in the text of a layer; what is inside of variants is left out."""
    lines: dict[str, int] = {}
    stack: list[str] = []
    pending: str | None = None
    depth, variants, line, at = 0, 0, 1, 0
    for match in _TOKENS.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        kind = match.lastgroup if match.lastgroup not in ("prim", "name") else None
        if match["spec"]:
            kind = "spec"
        elif match["prop"]:
            kind = "prop"
        if kind == "round":
            depth += 1
        elif kind == "unround":
            depth = max(depth - 1, 0)
        elif depth:
            continue
        elif kind == "spec":
            pending = f"{stack[-1] if stack else ''}/{match['prim']}"
            if not variants:
                lines.setdefault(pending, line)
        elif kind == "variants":
            variants = variants or len(stack) + 1
        elif kind == "open":
            stack.append(pending if pending is not None else stack[-1] if stack else "")
            pending = None
        elif kind == "close":
            if stack:
                stack.pop()
            if variants and len(stack) < variants:
                variants = 0
        elif kind == "prop" and stack and not variants:
            lines.setdefault(f"{stack[-1]}.{match['name']}", line)
            if match[0].rstrip().endswith("("):
                depth += 1
    return lines
