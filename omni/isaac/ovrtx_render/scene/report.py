"""Collects findings, each once."""

from __future__ import annotations

from .data import Finding

__all__ = ["Report"]


class Report:
    """Appends findings to a list and leaves out repetitions.

    Args:
        findings: The list to append to.
    """

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        self._seen: set[Finding] = set(findings)

    def __call__(self, code: str, severity: str, path: object, message: str) -> None:
        """Add a finding unless the very same one is there already."""
        finding = Finding(code, severity, str(path), message)
        if finding not in self._seen:
            self._seen.add(finding)
            self.findings.append(finding)
