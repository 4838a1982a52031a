"""The documentation names everything that exists."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from omni.isaac.ovrtx_render.backends.worker.options import WorkerOptions
from omni.isaac.ovrtx_render.config import PRESETS, RendererCfg
from omni.isaac.ovrtx_render.outputs import ALIASES, OUTPUTS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
SCENE = (ROOT / "docs" / "scene.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_every_field_and_its_default_is_documented() -> None:
    cfg = RendererCfg()
    for field in fields(RendererCfg):
        default = repr(getattr(cfg, field.name)).replace("'", '"')
        assert f"| `{field.name}` | `{default}` |" in CONFIG


def test_every_output_and_preset_is_documented() -> None:
    for kind in OUTPUTS.values():
        assert f"| `{kind.name}` | {kind.channels} | {kind.dtype} | {kind.unit} |" in CONFIG
    for name, target in ALIASES.items():
        assert f"`{name}` = `{target}`" in CONFIG
    assert all(f"`{preset}`" in CONFIG for preset in PRESETS)


def test_every_option_is_documented() -> None:
    typer = pytest.importorskip("typer", reason="the command line needs the extra 'standalone'")
    from omni.isaac.ovrtx_render.cli.app import app

    commands = typer.main.get_command(app).commands
    for name, command in commands.items():
        assert f"\n## {name}\n" in CLI
        for option in (text for parameter in command.params for text in parameter.opts if text.startswith("--")):
            assert f"`{option}`" in CLI, f"{name} {option}"


def test_every_finding_is_documented() -> None:
    told = re.compile(r'(?:_find|report|Finding)\(\s*"([a-z]+(?:-[a-z]+)+)"')
    sources = (ROOT / "omni" / "isaac" / "ovrtx_render" / "scene").glob("*.py")
    codes = {code for source in sources for code in told.findall(source.read_text(encoding="utf-8"))}
    documented = set(re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)` \|", SCENE, re.MULTILINE))
    assert len(codes) > 30
    assert codes == documented


def test_every_option_of_the_worker_is_documented() -> None:
    text = (ROOT / "docs" / "backends" / "worker.md").read_text(encoding="utf-8")
    for field in fields(WorkerOptions):
        default = "{}" if field.name == "env" else repr(getattr(WorkerOptions(), field.name))
        assert f"| `{field.name}` | `{default}` |" in text


def test_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
